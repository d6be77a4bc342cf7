//! Configuration from all its places.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use reform_runtime::config::{Error, Program, Setting, check_bind};
use reform_runtime::logging::Format;

const SETTINGS: &[Setting] = &[
    Setting::value("listen", "address to listen on").default("127.0.0.1:50051"),
    Setting::switch("insecure", "allow plaintext beyond this machine"),
    Setting::value("data-dir", "folder of the store"),
    Setting::value("cache", "memory for records").default("256 MiB"),
    Setting::value("drain", "longest drain").default("5s"),
    Setting::value("peer", "another process"),
];

#[derive(Debug, PartialEq)]
struct Config {
    listen: SocketAddr,
    data_dir: String,
    cache_bytes: u64,
    drain: Duration,
    peer: Option<SocketAddr>,
    format: Format,
}

fn program() -> Program {
    Program::new("reform-test", "tests", "1.2.3", SETTINGS)
}

fn read(args: &[&str], env: &[(&str, &str)]) -> Result<Config, Error> {
    let command = program().command().subcommand(clap::Command::new("verify"));
    let matches = command.get_matches_from([&["reform-test"], args].concat());
    let mut settings = program().read(&matches, |variable| {
        env.iter().find(|(name, _)| *name == variable).map(|(_, value)| (*value).to_owned())
    });
    let listen = settings.listen("listen", false);
    let _insecure = settings.switch("insecure");
    let data_dir = settings.get("data-dir");
    let cache = settings.size("cache", 1 << 20..=1 << 40);
    let drain = settings.duration("drain", Duration::ZERO..=Duration::from_secs(60));
    let peer = settings.optional("peer");
    let logging = settings.logging();
    let read = settings.finish()?;
    Ok(Config {
        listen: listen.take(&read),
        data_dir: data_dir.take(&read),
        cache_bytes: cache.take(&read),
        drain: drain.take(&read),
        peer: peer.take(&read),
        format: logging.take(&read).format,
    })
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let file = file("data-dir = 'file'\ncache = 2097152\ndrain = '3s'\n");
    let path = file.path().to_str().unwrap();
    let config = read(
        &["--data-dir", "flag", "--config", path],
        &[
            ("REFORM_DATA_DIR", "env"),
            ("REFORM_CACHE", "4 MiB"),
            ("REFORM_DRAIN", ""),
            ("REFORM_LOG_FORMAT", "json"),
        ],
    );
    let expected = Config {
        listen: "127.0.0.1:50051".parse().unwrap(),
        data_dir: "flag".to_owned(),
        cache_bytes: 4 << 20,
        drain: Duration::from_secs(3),
        peer: None,
        format: Format::Json,
    };
    assert_eq!(config.unwrap(), expected);
}

#[test]
fn the_environment_names_the_file_too() {
    let file = file("data-dir = 'file'\n");
    let config = read(&[], &[("REFORM_CONFIG", file.path().to_str().unwrap())]).unwrap();
    assert_eq!(config.data_dir, "file");
}

#[test]
fn flags_count_before_and_behind_a_subcommand() {
    for args in [["--data-dir", "d", "verify"], ["verify", "--data-dir", "d"]] {
        assert_eq!(read(&args, &[]).unwrap().data_dir, "d");
    }
}

#[test]
fn reports_all_mistakes_at_once() {
    let file = file("cachee = 1\ncache = [1]\n");
    let path = file.path().to_str().unwrap();
    let args = ["--config", path, "--listen", "nowhere", "--insecure=maybe", "--log", "info,=,x=loud"];
    let error = read(&args, &[("REFORM_DRAIN", "61s"), ("REFORM_PEER", "x")]).unwrap_err();
    let expected = [
        &format!("{path}: cachee"),
        &format!("{path}: cache"),
        "--insecure",
        "--listen",
        "--data-dir: required",
        "REFORM_DRAIN",
        "REFORM_PEER",
        "--log",
    ];
    for place in expected {
        let hits = error
            .mistakes
            .iter()
            .filter(|mistake| {
                mistake.starts_with(&format!("{place}: ")) || mistake.starts_with(&format!("{place},"))
            })
            .count();
        assert_eq!(hits, 1, "{place} in {error}");
    }
    assert_eq!(error.mistakes.len(), expected.len(), "{error}");
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_a_mistake_among_others() {
    let broken = file("data-dir = \n");
    for path in ["/nowhere/at/all.toml", broken.path().to_str().unwrap()] {
        let error = read(&["--config", path], &[]).unwrap_err();
        assert_eq!(error.mistakes.len(), 2, "{error}");
    }
}

#[test]
fn refuses_addresses_beyond_loopback_unless_insecure() {
    let table = [
        ("127.0.0.1:1", true),
        ("127.8.8.8:1", true),
        ("[::1]:1", true),
        ("[::ffff:127.0.0.1]:1", true),
        ("0.0.0.0:1", false),
        ("[::]:1", false),
        ("10.0.0.1:1", false),
    ];
    for (address, is_loopback) in table {
        assert_eq!(check_bind(address.parse().unwrap(), false).is_ok(), is_loopback, "{address}");
        assert!(check_bind(address.parse().unwrap(), true).is_ok());
    }
    let open = ["--data-dir", "d", "--listen", "0.0.0.0:1"];
    assert_eq!(read(&open, &[]).unwrap_err().mistakes.len(), 1);
    read(&[&open[..], &["--insecure"]].concat(), &[]).unwrap();
}

#[test]
fn help_shows_variables_and_defaults() {
    let help = program().command().render_long_help().to_string();
    for part in ["--data-dir", "REFORM_DATA_DIR", "256 MiB", "--version", "--log-format"] {
        assert!(help.contains(part), "{part} in {help}");
    }
}

#[test]
fn the_variable_that_others_know_counts_where_the_own_one_is_not_set() {
    let settings = &[Setting::value("endpoint", "where to").or_variable("OTHERS_ENDPOINT")];
    let read = |env: &[(&str, &str)]| {
        let program = Program::new("reform-test", "tests", "1.2.3", settings);
        let matches = program.command().get_matches_from(["reform-test"]);
        let mut settings = program.read(&matches, |variable| {
            env.iter().find(|(name, _)| *name == variable).map(|(_, value)| (*value).to_owned())
        });
        let endpoint = settings.optional::<String>("endpoint");
        endpoint.take(&settings.finish().unwrap())
    };
    let (own, others) = (("REFORM_ENDPOINT", "own"), ("OTHERS_ENDPOINT", "others"));
    assert_eq!(read(&[]), None);
    assert_eq!(read(&[others]).as_deref(), Some("others"));
    assert_eq!(read(&[others, own]).as_deref(), Some("own"));
    assert_eq!(read(&[others, ("REFORM_ENDPOINT", "")]).as_deref(), Some("others"));
}
