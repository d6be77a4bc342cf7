//! `reform backup` and `reform verify`, against a store that serves.

use std::fs;

use crate::program::{pipe, run, stderr};
use crate::store::Store;

#[test]
fn a_backup_has_its_name_once_it_is_proven() {
    let store = Store::start();
    let record = r#"{"name": "records/x", "title": "X", "source": {"title": "X"}}"#;
    assert!(pipe(&["--data", &store.url, "import", "-"], record).status.success());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.archive");
    let backup =
        |more: &[&str]| run(&[&["--data", &store.url, "backup", path.to_str().unwrap()], more].concat());
    let first = backup(&[]);
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(stderr(&first).contains("revision 1 of store "), "{}", stderr(&first));
    let written = fs::read(&path).unwrap();
    reform_archive::verify(&*written, |_| {}).unwrap();

    assert_eq!(backup(&[]).status.code(), Some(1), "it is not written over");
    assert!(fs::read(&path).unwrap() == written);
    assert!(backup(&["--force"]).status.success());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

    let verified = run(&["--data", &store.url, "verify"]);
    assert!(verified.status.success() && verified.stdout.is_empty(), "{}", stderr(&verified));
    assert!(stderr(&verified).contains("0 problems"), "{}", stderr(&verified));
    store.stop();
}
