//! Maps and rows with mistakes.

use super::{Folder, MAP, RECORDS};
use crate::program::{pipe, run, stderr, stdout};
use crate::store::Store;

#[test]
fn every_mistake_of_a_map_is_told_with_its_place_before_a_row_is_read() {
    let folder = Folder::new();
    let map = r#"kind = "appeal"
knid = 3
[id]
column = "nope"
prefix = "US"
[fields]
jurisdiction = "US"
appeal.filed = { column = "filed" }
appeal.filed_on = { column = "filed", date = "%d" }
appeal.channel = { column = "channel", valeus = {} }
appeal.region = { column = "channel", values = { a = "b" }, other = "x" }
election.cast = { constant = 3 }
name = { constant = "x" }
uid = { constant = "x" }
labels = { constant = "x" }
citations.source = { constant = "x" }
"citations[1].source" = { constant = "x" }
rank = { constant = "BEST" }
"#;
    let map = folder.file("m.toml", map);
    let file = folder.file("a.csv", "id,filed,channel\n1,x,y\n");
    // Nobody listens there: the map is judged first.
    let output = run(&["--data", "http://127.0.0.1:1", "import", "--map", &map, &file]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    for (place, what) in [
        ("2:1", "knid"),
        ("4:10", "no column \"nope\"; it has id, filed, channel"),
        ("5:1", "small letters"),
        ("7:1", "jurisdiction: write"),
        ("8:8", "appeal.filed: Appeal has no field filed"),
        ("9:46", "no year"),
        ("10:40", "valeus"),
        ("11:69", "is \"refuse\""),
        ("12:10", "this is a map for appeal records"),
        ("13:1", "comes from [id]"),
        ("14:1", "made by the server"),
        ("15:1", "needs a key"),
        ("16:11", "needs an index"),
        ("6:2", "citations do not run from 0"),
        ("18:1", "is none of PREFERRED"),
    ] {
        let prefix = format!("m.toml:{place}: ");
        assert!(
            told.lines().any(|line| line.contains(&prefix) && line.contains(what)),
            "{place} {what} in\n{told}"
        );
    }
}

#[test]
fn rows_with_problems_are_told_by_line_and_column() {
    let (folder, store) = (Folder::new(), Store::start());
    assert!(pipe(&["--data", &store.url, "import", "-"], RECORDS).status.success());
    let map = folder.file("m.toml", MAP.replace("other = \"keep\", ", ""));
    let text =
        b"id,filed,channel\n1,2023,Web\n\"2\n\",2023-02-30,Fax\n3,2023\n4,2023,caf\xe9\n,2023,\n5,2023,\n"
            .as_slice();
    let file = folder.file("a.csv", text);
    let expected = [
        "a.csv:3:filed: appeal.filed_on: \"2023-02-30\" is no date",
        "a.csv:3:channel: appeal.channel: \"Fax\" is not among the values of the map (FIELD_VIOLATIONS)",
        "a.csv:5: has 2 cells, and the file 3 columns (ROW_MALFORMED)",
        "a.csv:6:channel: byte 0xe9 is not UTF-8; save the file as UTF-8 (ROW_MALFORMED)",
        "a.csv:7:id: name: is empty, and the id comes from it (FIELD_VIOLATIONS)",
    ];
    let stopped = run(&["--data", &store.url, "import", "--map", &map, &file]);
    assert_eq!(stopped.status.code(), Some(1));
    for expected in expected {
        assert!(stderr(&stopped).contains(expected), "{expected} in\n{}", stderr(&stopped));
    }
    assert!(stdout(&stopped).starts_with("0 created"), "{}", stdout(&stopped));

    let args =
        ["--data", &store.url, "import", "--skip-invalid", "--problems-max", "2", "--map", &map, &file];
    let skipped = run(&args);
    assert_eq!(skipped.status.code(), Some(1));
    assert!(stdout(&skipped).starts_with("2 created"), "{}", stdout(&skipped));
    assert_eq!(stderr(&skipped).lines().count(), 3, "{}", stderr(&skipped));
    assert!(stderr(&skipped).ends_with("and 3 more problems\n"), "{}", stderr(&skipped));
    store.stop();
}

#[test]
fn what_the_store_refuses_is_blamed_on_the_column() {
    let (folder, store) = (Folder::new(), Store::start());
    assert!(pipe(&["--data", &store.url, "import", "-"], RECORDS).status.success());
    let map = folder.file(
        "m.toml",
        MAP.replace("{ constant = \"records/i\" }", "{ column = \"to\", prefix = \"records/\" }"),
    );
    let file = folder.file("a.csv", "id,filed,channel,to\n1,2023,Web,i\n2,2023,Web,nobody\n");
    let output = run(&["--data", &store.url, "import", "--map", &map, &file]);
    let expected = "a.csv:3:to: appeal.institution: ";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    assert!(stderr(&output).contains("(REFERENCE_MISSING)"), "{}", stderr(&output));
    store.stop();
}
