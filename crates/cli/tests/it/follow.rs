//! Following changes, and undoing them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::program::{Served, pipe, reform, stderr, stdout};
use crate::store::Store;

/// A command that goes on until it is interrupted.
struct Following {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Following {
    fn start(args: &[&str]) -> Self {
        let mut child = reform(args).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).unwrap() > 0, "it ended early");
        line
    }

    /// Ends it as Ctrl-C does.
    fn interrupt(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

/// A store of its own, and what a person does with it.
struct Desk(Store);

impl Desk {
    fn with<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        [&["--data", &self.0.url], args].concat()
    }

    fn run(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = reform(&self.with(args)).output().unwrap();
        (output.status.code(), stdout(&output) + &stderr(&output))
    }

    /// Writes sources in one commit and returns its revision.
    fn write(&self, records: &[(&str, &str)]) -> String {
        let line = |(id, title): &(&str, &str)| {
            format!(r#"{{"name": "records/{id}", "title": "{title}", "source": {{"title": "{title}"}}}}"#)
        };
        let text = records.iter().map(line).collect::<Vec<_>>().join("\n");
        let args = ["-o", "json", "import", "--on-existing", "replace", "--author", "tester", "-"];
        let answer: Value = serde_json::from_str(&stdout(&pipe(&self.with(&args), &text))).unwrap();
        answer["revision"].to_string()
    }

    /// The titles of the live records, by name.
    fn titles(&self) -> Vec<String> {
        let (_, lines) = self.run(&["-o", "csv", "list", "--order-by", "name"]);
        lines.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_commit_is_shown_when_it_is_made() {
    let desk = Desk(Store::start());
    desk.write(&[("a", "A")]);
    let mut whole = Following::start(&desk.with(&["-o", "json", "watch", "--after", "0"]));
    let commit: Value = serde_json::from_str(&whole.line()).unwrap();
    assert_eq!(commit["changes"][0]["name"], "records/a");
    let mut rows = Following::start(&desk.with(&["-o", "csv", "watch", "--after", "0"]));
    assert_eq!(rows.line(), "revision,time,type,name,author,reason\n");
    rows.line();

    desk.write(&[("a", "AA"), ("b", "B")]);
    let row = rows.line();
    assert!(row.starts_with("2,") && row.contains("updated,records/a,unverified:tester"), "{row}");
    assert!(rows.line().contains("created,records/b,"));
    let commit: Value = serde_json::from_str(&whole.line()).unwrap();
    assert_eq!(commit["changes"].as_array().unwrap().len(), 2);
    assert_eq!((rows.interrupt(), whole.interrupt()), (Some(0), Some(0)));
    desk.0.stop();
}

#[test]
fn an_answer_is_shown_again_only_when_it_changed() {
    let pair = Served::start();
    let query = ["-o", "json", "watch", "appeals-per-year", "--origin", "counted", "--period", "1901"];
    let mut answers = Following::start(&pair.with(&query));
    assert!(!answers.line().contains("1901"));
    let appeal = |id: &str, year: i32| {
        let text = format!(
            r#"{{"name": "records/{id}", "jurisdiction": "KZ", "appeal": {{"filedOn": {{"year": {year}, "month": 5,
                "day": 6}}, "institution": "records/kz-inst-constitutional-court", "channel": "online"}}}}"#
        );
        let line = text.replace('\n', " ");
        let output = pipe(&pair.with(&["import", "-"]), &line);
        assert!(output.status.success(), "{}", stderr(&output));
    };
    appeal("x-1", 1905);
    appeal("x-2", 1901);
    let answer: Value = serde_json::from_str(&answers.line()).unwrap();
    assert_eq!(answer["series"][0]["points"][0]["estimate"]["value"], "1", "{answer}");
    assert_eq!(answers.interrupt(), Some(0));
}

#[test]
fn a_commit_is_undone_by_another() {
    let desk = Desk(Store::start());
    desk.write(&[("a", "A"), ("b", "B")]);
    let second = desk.write(&[("a", "AA"), ("c", "C")]);
    assert_eq!(desk.titles(), ["AA", "B", "C"]);

    let (code, text) = desk.run(&["revert", "--revision", &second, "--dry-run"]);
    assert!(code == Some(0) && text.contains("2 records of revision 2 would be reverted"), "{text}");
    assert_eq!(desk.titles(), ["AA", "B", "C"]);
    let (code, text) = desk.run(&["revert", "--revision", &second]);
    assert!(code == Some(0) && text.contains("revision 3 reverted 2 records of 2"), "{text}");
    assert_eq!(desk.titles(), ["A", "B"]);

    // The inverse of the inverse: `a` is as in revision 2, and `c` comes back.
    let (code, text) = desk.run(&["revert", "--revision", "3"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(desk.titles(), ["AA", "B", "C"]);
    let (code, text) = desk.run(&["revert", "--revision", "4"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(desk.titles(), ["A", "B"]);
    desk.0.stop();
}

#[test]
fn later_work_is_not_undone() {
    let desk = Desk(Store::start());
    let first = desk.write(&[("a", "A"), ("b", "B")]);
    desk.write(&[("b", "BB")]);
    let (code, text) = desk.run(&["revert", "--revision", &first]);
    assert_eq!(code, Some(5), "{text}");
    assert!(text.contains("records/b was changed in revision 2"), "{text}");
    assert!(!text.contains("records/a"), "{text}");
    assert_eq!(desk.titles(), ["A", "BB"]);
    assert_eq!(desk.run(&["revert", "--revision", "9"]).0, Some(2));
    assert_eq!(desk.run(&["revert", "--revision", "0"]).0, Some(2));
    desk.0.stop();
}
