//! An import that is interrupted and run again.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use super::{Folder, MAP, RECORDS};
use crate::program::{pipe, reform, run, stderr, stdout};
use crate::store::Store;

fn rows(count: usize) -> String {
    let mut text = "id,filed,channel\n".to_owned();
    for id in 0..count {
        writeln!(text, "{id},2023-01-{:02},Web", id % 28 + 1).unwrap();
    }
    text
}

fn stored(url: &str) -> usize {
    let list = run(&["--data", url, "export", "--kind", "appeal"]);
    stdout(&list).lines().count()
}

#[test]
fn what_an_interrupted_run_stored_is_not_stored_twice() {
    let (folder, store) = (Folder::new(), Store::start());
    let map = folder.file("m.toml", MAP);
    assert!(pipe(&["--data", &store.url, "import", "-"], RECORDS).status.success());
    let text = rows(4_500);

    // The first run gets 3,200 rows and no end of the file, and is killed when a batch is stored.
    let mut first = reform(&["--data", &store.url, "import", "--map", &map, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let part: usize = text.split_inclusive('\n').take(3_201).map(str::len).sum();
    let mut input = first.stdin.take().unwrap();
    input.write_all(&text.as_bytes()[..part]).unwrap();
    while stored(&store.url) == 0 {
        assert!(first.try_wait().unwrap().is_none(), "the first run ended early");
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let before = stored(&store.url);
    assert!(before > 0 && before < 4_500, "{before}");

    let file = folder.file("a.csv", &text);
    let again = run(&["--data", &store.url, "-o", "json", "import", "--map", &map, &file]);
    assert!(again.status.success(), "{}{}", stdout(&again), stderr(&again));
    let summary: Value = serde_json::from_str(&stdout(&again)).unwrap();
    let count = |key: &str| summary[key].as_u64().unwrap();
    assert_eq!(count("created") + count("repeated"), 4_500);
    assert!(count("repeated") >= 1_000, "{summary}");
    assert_eq!(stored(&store.url), 4_500);

    let third = run(&["--data", &store.url, "import", "--map", &map, &file]);
    assert!(stdout(&third).starts_with("0 created"), "{}", stdout(&third));
    assert!(stdout(&third).contains("4500 stored by an earlier run"), "{}", stdout(&third));
    let skipped = run(&["--data", &store.url, "import", "--on-existing", "skip", "--map", &map, &file]);
    assert!(stdout(&skipped).contains("4500 skipped"), "{}", stdout(&skipped));
    store.stop();
}

#[test]
fn another_file_with_the_same_ids_is_refused() {
    let (folder, store) = (Folder::new(), Store::start());
    let map = folder.file("m.toml", MAP);
    assert!(pipe(&["--data", &store.url, "import", "-"], RECORDS).status.success());
    let first = pipe(&["--data", &store.url, "import", "--map", &map, "-"], &rows(3));
    assert!(first.status.success(), "{}", stderr(&first));
    let other = rows(3).replace("Web", "Fax");
    let second = pipe(&["--data", &store.url, "import", "--map", &map, "-"], &other);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("stdin:2"), "{}", stderr(&second));
    assert!(stderr(&second).contains("(RECORD_EXISTS)"), "{}", stderr(&second));
    store.stop();
}

#[test]
fn rows_of_one_id_are_refused_or_numbered() {
    let (folder, store) = (Folder::new(), Store::start());
    assert!(pipe(&["--data", &store.url, "import", "-"], RECORDS).status.success());
    let file = folder.file("a.csv", "id,filed,channel\n1,2023,Web\n2,2023,Web\n1,2023,Web\n");
    let refused = folder.file("m.toml", MAP.replace("column = \"id\"", "hash = \"row\""));
    let output = run(&["--data", &store.url, "import", "--map", &refused, &file]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("a.csv:4: name: "), "{}", stderr(&output));
    let numbered = MAP.replace("column = \"id\"", "hash = \"row\"\nduplicates = \"number\"");
    let numbered = folder.file("n.toml", numbered);
    let output = run(&["--data", &store.url, "import", "--map", &numbered, &file]);
    assert!(stdout(&output).starts_with("3 created"), "{}{}", stdout(&output), stderr(&output));
    store.stop();
}
