//! `--check-config` of both services: what a start would read is read, and nothing is started.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::sibling;

/// Exit code, stdout and stderr.
fn check(program: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(sibling(program));
    let output = command.arg("--check-config").args(args).env_clear().stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn wrong(program: &str, args: &[&str], told: &str) {
    let (code, _, stderr) = check(program, args);
    assert_eq!(code, Some(2), "{args:?}: {stderr}");
    assert!(
        stderr.lines().any(|line| line.starts_with(&format!("wrong: {told}"))),
        "{told} is not in:\n{stderr}"
    );
}

fn certs(folder: &Path) {
    let made = Command::new(env!("CARGO_BIN_EXE_reform")).arg("certs").arg(folder).status().unwrap();
    assert!(made.success());
}

#[test]
fn a_configuration_that_is_right_is_printed_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    certs(&folder.path().join("certs"));
    let tokens = format!("{} alice reader\n", "0".repeat(64));
    fs::write(at("tokens"), &tokens).unwrap();
    let file = format!(
        "data-dir = {:?}\ntls-cert = {:?}\ntls-key = {:?}\ntls-client-ca = {:?}\nroles = {:?}\ntokens = {:?}\n",
        at("data"),
        at("certs/data.pem"),
        at("certs/data.key"),
        at("certs/ca.pem"),
        at("certs/roles.toml"),
        at("tokens"),
    );
    fs::write(at("data.toml"), file).unwrap();
    let (code, stdout, stderr) = check("reform-data", &["--config", &at("data.toml"), "--drain", "3s"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let settings: toml::Table = stdout.parse().expect("TOML");
    assert_eq!(settings["data-dir"].as_str(), Some(at("data").as_str()));
    assert_eq!(settings["drain"].as_str(), Some("3s"));
    assert!(stdout.contains("# --drain") && stdout.contains("# default"), "{stdout}");
    assert!(!stdout.contains("PRIVATE KEY") && !stdout.contains(&"0".repeat(64)));
    assert!(!folder.path().join("data").exists(), "a check makes nothing");

    let args = [
        "--data",
        "https://me:secret@data.example:1",
        "--data-tls-ca",
        &at("certs/ca.pem"),
        "--data-tls-cert",
    ];
    let more = [at("certs/client-analytics.pem"), at("certs/client-analytics.key"), at("state")];
    let args = [&args[..], &[&more[0], "--data-tls-key", &more[1], "--state-dir", &more[2]]].concat();
    let (code, stdout, stderr) = check("reform-analytics", &args);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.contains("https://data.example:1") && !stdout.contains("secret"), "{stdout}");
}

#[test]
fn each_file_that_is_wrong_is_told_by_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    certs(&folder.path().join("certs"));
    fs::write(at("nonsense"), "nonsense {").unwrap();
    let (dir, nonsense) = (at("data"), at("nonsense"));
    let data =
        |args: &[&str], told: &str| wrong("reform-data", &[&["--data-dir", &dir], args].concat(), told);
    data(&["--cache", "much", "--drain", "9"], "--cache: \"much\"");
    data(&["--cache", "much", "--drain", "9"], "--drain: \"9\"");
    data(&["--tokens", &at("none")], "--tokens: ");
    data(&["--tokens", &nonsense], "--tokens: ");
    let (cert, key, ca) = (at("certs/data.pem"), at("certs/data.key"), at("certs/ca.pem"));
    data(&["--tls-cert", &nonsense, "--tls-key", &key], "--tls-cert: certificate: ");
    data(&["--tls-cert", &cert, "--tls-key", &at("certs/analytics.key")], "--tls-cert: ");
    data(&["--tls-cert", &cert, "--tls-key", &nonsense], "--tls-key: private key: ");
    let pair = ["--tls-cert", &cert, "--tls-key", &key, "--tls-client-ca"];
    data(&[&pair[..], &[&nonsense, "--roles", &at("certs/roles.toml")]].concat(), "--tls-client-ca: ");
    data(&[&pair[..], &[&ca, "--roles", &nonsense]].concat(), "--roles: ");
    let jwt = ["--jwt-issuer", "i", "--jwt-audience", "a", "--jwks", &nonsense];
    data(&jwt, "--jwks: ");
    wrong("reform-data", &["--data-dir", &nonsense], "--data-dir: ");
    wrong("reform-data", &[], "--data-dir: required");
    wrong("reform-analytics", &["--state-dir", &nonsense], "--state-dir: ");
    wrong("reform-analytics", &["--data", "https://x:1", "--data-tls-ca", &nonsense], "--data-tls-ca");
    wrong("reform-analytics", &["--data-token-file", &at("none")], "--data-token-file: ");
}

#[test]
fn a_key_that_others_may_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    certs(&folder.path().join("certs"));
    let key = at("certs/data.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let args = ["--data-dir", &at("data"), "--tls-cert", &at("certs/data.pem"), "--tls-key", &key];
    let (code, _, stderr) = check("reform-data", &args);
    assert_eq!(code, Some(0));
    assert!(stderr.starts_with("warning: --tls-key: "), "{stderr}");
}

#[test]
fn a_certificate_that_ends_is_told_before_it_has_and_wrong_after() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let mut made = Command::new(env!("CARGO_BIN_EXE_reform"));
    assert!(made.arg("certs").arg(at("certs")).args(["--days", "10"]).status().unwrap().success());
    let (cert, key) = (at("certs/data.pem"), at("certs/data.key"));
    let args = ["--data-dir", &at("data"), "--tls-cert", &cert, "--tls-key", &key];
    let (code, _, stderr) = check("reform-data", &args);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.starts_with("warning: --tls-cert: the certificate ends in "), "{stderr}");
    let (cert, key) = (at("certs/client-analytics.pem"), at("certs/client-analytics.key"));
    let args = ["--data", "https://x:1", "--data-tls-ca", &at("certs/ca.pem"), "--data-tls-cert", &cert];
    let (code, _, stderr) = check("reform-analytics", &[&args[..], &["--data-tls-key", &key]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.starts_with("warning: --data-tls-cert: the certificate ends in "), "{stderr}");

    let own = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    fs::write(at("old.pem"), params.self_signed(&own).unwrap().pem()).unwrap();
    fs::write(at("old.key"), own.serialize_pem()).unwrap();
    let args = ["--data-dir", &at("data"), "--tls-cert", &at("old.pem"), "--tls-key", &at("old.key")];
    wrong("reform-data", &args, "--tls-cert: the certificate ended ");
}
