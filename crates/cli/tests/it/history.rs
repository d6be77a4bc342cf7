//! `reform history`, `reform purge` and `reform compact`, against a store that serves.

use crate::program::{pipe, run, stderr, stdout};
use crate::store::Store;

#[test]
fn a_record_is_told_back_to_its_beginning_compacted_and_purged() {
    let store = Store::start();
    let reform = |args: &[&str]| run(&[&["--data", &store.url], args].concat());
    let import = |title: &str, reason: &str| {
        let record = format!(r#"{{"name": "records/x", "title": "{title}", "source": {{"title": "X"}}}}"#);
        let args = ["--data", &store.url, "import", "--on-existing", "replace", "--reason", reason, "-"];
        let done = pipe(&args, &record);
        assert!(done.status.success(), "{}", stderr(&done));
    };
    import("first", "found");
    import("second", "corrected");
    let history = reform(&["-o", "csv", "history", "x"]);
    let lines: Vec<String> = stdout(&history).lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "revision,time,what,title,author,reason");
    assert!(lines[1].starts_with("2,") && lines[1].contains(",updated,second,"), "{lines:?}");
    assert!(lines[2].starts_with("1,") && lines[2].ends_with(",found"), "{lines:?}");
    assert_eq!(stdout(&reform(&["-o", "csv", "history", "x", "--limit", "1"])).lines().count(), 2);
    assert_eq!(reform(&["history", "none"]).status.code(), Some(3));

    assert_eq!(reform(&["compact", "2"]).status.code(), Some(2), "nobody can be asked");
    let compacted = reform(&["compact", "--yes", "2"]);
    assert!(compacted.status.success(), "{}", stderr(&compacted));
    assert_eq!(stdout(&reform(&["-o", "csv", "history", "x"])).lines().count(), 2);
    assert_eq!(reform(&["get", "x", "--as-of", "1"]).status.code(), Some(4));
    assert_eq!(reform(&["compact", "--yes", "9"]).status.code(), Some(4));

    assert_eq!(reform(&["purge", "x"]).status.code(), Some(2), "nobody can be asked");
    assert_eq!(reform(&["purge", "--yes", "x"]).status.code(), Some(5), "it is live");
    let reverted = import_only_then_gone(&store);
    assert!(reverted.starts_with("revision "), "{reverted}");
    assert_eq!(reform(&["get", "y"]).status.code(), Some(3));
    store.stop();
}

/// Makes `records/y`, takes the import back, which deletes it, and purges it.
fn import_only_then_gone(store: &Store) -> String {
    let record = r#"{"name": "records/y", "title": "Y", "source": {"title": "Y"}}"#;
    assert!(pipe(&["--data", &store.url, "import", "-"], record).status.success());
    let reverted = run(&["--data", &store.url, "revert", "--revision", "3"]);
    assert!(reverted.status.success(), "{}", stderr(&reverted));
    let purged = run(&["--data", &store.url, "purge", "--yes", "y", "--reason", "by mistake"]);
    assert!(purged.status.success(), "{}", stderr(&purged));
    stdout(&purged)
}
