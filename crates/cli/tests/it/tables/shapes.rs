//! Files of every shape, and records of other kinds.

use serde_json::Value;

use super::{Folder, MAP, RECORDS, shipped};
use crate::program::{pipe, run, stderr, stdout};
use crate::store::Store;

fn records(store: &Store, kind: &str) -> Vec<Value> {
    let output = run(&["--data", &store.url, "export", "--kind", kind]);
    stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn store_with(records: &str) -> Store {
    let store = Store::start();
    let output = pipe(&["--data", &store.url, "import", "-"], records);
    assert!(output.status.success(), "{}", stderr(&output));
    store
}

#[test]
fn a_bom_crlf_quoted_newlines_and_blank_lines_are_read() {
    let (folder, store) = (Folder::new(), store_with(RECORDS));
    let map = folder.file("m.toml", format!("{MAP}labels.note = {{ column = \"note\" }}\n"));
    let text = "\u{feff}id,filed,channel,note\r\n1,2023-03,Web,\"two\r\nlines, \"\"quoted\"\"\"\r\n\r\n2,2023,FAX,\r\n";
    let file = folder.file("a.csv", text);
    let output = run(&["--data", &store.url, "import", "--map", &map, &file]);
    assert!(stdout(&output).starts_with("2 created"), "{}{}", stdout(&output), stderr(&output));
    let found = records(&store, "appeal");
    assert_eq!(found[0]["labels"]["note"], "two\r\nlines, \"quoted\"");
    assert_eq!(found[0]["appeal"]["filedOn"], serde_json::json!({"year": 2023, "month": 3}));
    assert_eq!(found[1]["appeal"]["filedOn"], serde_json::json!({"year": 2023}));
    assert_eq!(
        [&found[0], &found[1]].map(|record| record["appeal"]["channel"].as_str()),
        [Some("online"), Some("fax")]
    );
    store.stop();
}

#[test]
fn a_file_without_a_header_is_read_by_number() {
    let (folder, store) = (Folder::new(), store_with(RECORDS));
    let map = "kind = \"appeal\"\n[csv]\ndelimiter = \"\\t\"\nquote = \"\"\nheader = false\n[id]\ncolumn = 2\n\
               [fields]\nappeal.filed_on = { column = 1, date = [\"%Y/%m/%d\", \"%d %B %Y\"] }\n\
               appeal.institution = { constant = \"records/i\" }\ntitle = { column = 3 }\n";
    let file = folder.file("a.tsv", "2023/03/19\tX 1\tsay \"no\"\n19 March 2024\tx-2\tnext\n");
    let output = run(&["--data", &store.url, "import", "--map", &folder.file("m.toml", map), &file]);
    assert!(stdout(&output).starts_with("2 created"), "{}{}", stdout(&output), stderr(&output));
    let found = records(&store, "appeal");
    assert_eq!((&found[0]["name"], &found[0]["title"]), (&"records/x-1".into(), &"say \"no\"".into()));
    assert_eq!(found[1]["appeal"]["filedOn"], serde_json::json!({"year": 2024, "month": 3, "day": 19}));
    store.stop();
}

#[test]
fn an_empty_file_fails_and_a_header_alone_does_not() {
    let (folder, store) = (Folder::new(), store_with(RECORDS));
    let map = folder.file("m.toml", MAP);
    for (text, code, told) in
        [("", 1, "a.csv: is empty, without even a header"), ("id,filed,channel\n", 0, "a.csv: has no rows")]
    {
        let file = folder.file("a.csv", text);
        let output = run(&["--data", &store.url, "import", "--map", &map, &file]);
        assert_eq!(output.status.code(), Some(code));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
    store.stop();
}

#[test]
fn rows_of_an_election_are_one_record() {
    let names = ["alpha", "beta-union"].map(|party| {
        format!(
            r#"{{"name": "records/example-party-{party}", "title": "P", "citations": [{{"source": "records/example-src"}}], "party": {{"names": [{{"name": "P"}}]}}}}"#
        )
    });
    let others = r#"{"name": "records/example-src", "title": "S", "source": {"title": "S"}}
{"name": "records/example-inst-lower-house", "title": "I", "citations": [{"source": "records/example-src"}], "institution": {"type": "TYPE_CHAMBER"}}"#;
    let (folder, store) = (Folder::new(), store_with(&format!("{others}\n{}\n{}\n", names[0], names[1])));
    let file = folder.file(
        "e.csv",
        "body;day;cast;party;votes;share;seats\n\
         Lower House;19.03.2023;1 000;Alpha;600;60,5;6\n\
         Lower House;19.03.2023;1 000;Beta Union;300;30,25;3\n\
         Lower House;19.03.2023;1 000;Against all;95;;\n\
         Lower House;19.03.2019;900;Alpha;900;100;9\n",
    );
    let output = run(&["--data", &store.url, "import", "--map", &shipped("election.toml"), &file]);
    assert!(stdout(&output).starts_with("2 created"), "{}{}", stdout(&output), stderr(&output));
    let found = records(&store, "election");
    assert_eq!(found[1]["name"], "records/example-election-lower-house-19-03-2023");
    assert_eq!(
        found[1]["election"],
        serde_json::json!({
            "institution": "records/example-inst-lower-house",
            "heldOn": [{"year": 2023, "month": 3, "day": 19}],
            "cast": "1000",
            "tiers": [{"system": "SYSTEM_PARTY_LIST", "results": [
                {"contender": {"party": "records/example-party-alpha"}, "votes": "600", "seats": 6,
                 "voteShare": {"decimal": "60.5", "comparator": "COMPARATOR_EXACT", "unit": "percent"}},
                {"contender": {"party": "records/example-party-beta-union"}, "votes": "300", "seats": 3,
                 "voteShare": {"decimal": "30.25", "comparator": "COMPARATOR_EXACT", "unit": "percent"}},
                {"contender": {"againstAll": true}, "votes": "95"},
            ]}],
        })
    );
    assert_eq!(found[0]["election"]["tiers"][0]["results"].as_array().map(Vec::len), Some(1));

    let text = "body;day;cast;party;votes;share;seats\nLower House;01.01.2011;5;Alpha;1;;\nLower House;01.01.2011;6;Nobody;x;;\n\
                Lower House;01.01.2007;5;Alpha;1;;\nLower House;01.01.2007;5;Gamma;1;;\n";
    let file = folder.file("e.csv", text);
    let output =
        run(&["--data", &store.url, "import", "--skip-invalid", "--map", &shipped("election.toml"), &file]);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(told.contains("e.csv:3:cast: differs from line 2"), "{told}");
    // What only the store can see is blamed on the row and the column too.
    assert!(told.contains("e.csv:5:party: election.tiers[0].results[1].contender.party: "), "{told}");
    store.stop();
}

#[test]
fn figures_keep_their_words_and_come_out_as_they_went_in() {
    let others = r#"{"name": "records/example-src", "title": "S", "source": {"title": "S"}}
{"name": "records/example-var-appeals-filed", "title": "V", "variable": {"unit": "persons"}}
"#;
    let (folder, store) = (Folder::new(), store_with(others));
    let file = folder.file(
        "o.csv",
        "series,period,value,word,published\nTotal,2023,5,,\n\
         Appeals filed,2023-01..2024-03,\"5,300\",more than,2024-05-06\nAppeals filed,2022,12.50,,May 2024\n",
    );
    let output = run(&["--data", &store.url, "import", "--map", &shipped("observation.toml"), &file]);
    assert!(stdout(&output).starts_with("2 created"), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("1 of 3 rows passed over"), "{}", stderr(&output));
    let found = records(&store, "observation");
    let more = found.iter().find(|record| record["observation"]["quantity"]["decimal"] == "5300").unwrap();
    assert_eq!(more["observation"]["quantity"]["comparator"], "COMPARATOR_MORE_THAN");
    assert_eq!(more["observation"]["period"]["end"], serde_json::json!({"year": 2024, "month": 3}));

    // The columns of an export are the paths of a map.
    let exported = run(&["--data", &store.url, "export", "-o", "csv", "--kind", "observation"]);
    let file = folder.file("out.csv", &exported.stdout);
    let mut map = "kind = \"observation\"\n[id]\ncolumn = \"id\"\n[fields]\n".to_owned();
    for path in stdout(&exported).lines().next().unwrap().split(',') {
        let list = [
            "derived_from",
            "dimensions",
            "labels",
            "citations",
            "discrepancies",
            "waivers",
            "inferences",
            "titles",
        ];
        if !list.iter().any(|list| path.ends_with(list)) && !["name", "kind"].contains(&path) {
            map.push_str(&format!("{path} = {{ column = \"{path}\" }}\n"));
        }
    }
    map.push_str("\"citations[0].source\" = { constant = \"records/example-src\" }\n");
    let map = folder.file("m.toml", map.replace("column = \"id\"", "column = \"name\""));
    let copy = store_with(others);
    let output = run(&["--data", &copy.url, "import", "--map", &map, &file]);
    assert!(stdout(&output).starts_with("2 created"), "{}{}", stdout(&output), stderr(&output));
    let copied = records(&copy, "observation");
    let bodies =
        |records: &[Value]| records.iter().map(|record| record["observation"].clone()).collect::<Vec<_>>();
    assert_eq!(bodies(&copied), bodies(&found));
    store.stop();
    copy.stop();
}
