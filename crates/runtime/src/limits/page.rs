//! The tables of `docs/LIMITS.md`, made from what the limits are. `REFORM_UPDATE=1 cargo test -p reform-runtime the_page`
//! writes them anew.

use std::fmt::Write;

use reform_api::priority::{Class, METHODS};

use super::{Config, HEALTH_CALLS_MAX, pace};
use crate::calls::scan::FIELDS_MAX;
use crate::connection::{
    AGE_GRACE, CONNECTION_WINDOW_BYTES, FIRST_BYTE_MAX, HANDSHAKE_MAX, HANDSHAKES_MAX, KEEPALIVE_INTERVAL,
    KEEPALIVE_TIMEOUT, PREFACE_MAX, RESETS_FOR_ERRORS_MAX, RESETS_PENDING_MAX, STALLED_MAX,
};
use crate::flood::{FRAMES_BURST, FRAMES_PER_SECOND, REST};
use crate::front::{CONNECTION_AGE_MAX, CONNECTIONS_MAX};
use crate::queue::WAIT_MAX;
use crate::server::{HEADER_BYTES_MAX, REQUEST_BYTES_MAX, STREAMS_PER_CONNECTION_MAX};

const OVERLOADED: &str = "RESOURCE_EXHAUSTED/OVERLOADED with RetryInfo";

/// What is limited, the limit, its setting, and what is seen beyond it.
type Row = (&'static str, String, &'static str, &'static str);

fn connections() -> Vec<Row> {
    vec![
        (
            "connections",
            CONNECTIONS_MAX.to_string(),
            "connections-max",
            "waits to be accepted; fewer where there are fewer descriptors",
        ),
        (
            "silence before the first byte of TLS",
            format!("{FIRST_BYTE_MAX:?}"),
            "",
            "the connection is closed",
        ),
        ("a handshake", format!("{HANDSHAKE_MAX:?}"), "", "the connection is closed"),
        ("handshakes at once", HANDSHAKES_MAX.to_string(), "", "waits"),
        ("the preface", format!("{PREFACE_MAX:?}"), "", "the connection is closed"),
        (
            "age of a connection",
            format!("{CONNECTION_AGE_MAX:?}, up to a tenth less"),
            "connection-age-max",
            "GOAWAY; calls under way end",
        ),
        ("calls after that", format!("{AGE_GRACE:?}"), "", "the connection is closed"),
        (
            "an unanswered PING of ours",
            format!("{KEEPALIVE_TIMEOUT:?}, sent every {KEEPALIVE_INTERVAL:?}"),
            "",
            "the connection is closed",
        ),
        (
            "PING, SETTINGS, PRIORITY, RST_STREAM, empty DATA",
            format!("{FRAMES_PER_SECOND} a second, {FRAMES_BURST} at once"),
            "",
            "GOAWAY with ENHANCE_YOUR_CALM, then the connection is closed",
        ),
        (
            "streams reset before they were served",
            RESETS_PENDING_MAX.to_string(),
            "",
            "GOAWAY with ENHANCE_YOUR_CALM",
        ),
        (
            "streams reset for errors of the peer",
            RESETS_FOR_ERRORS_MAX.to_string(),
            "",
            "GOAWAY with ENHANCE_YOUR_CALM",
        ),
        (
            "the rest after a call that was refused before its request was read",
            format!("{REST:?}"),
            "",
            "waits in the client",
        ),
        ("answers of which nothing is taken", format!("{STALLED_MAX:?}"), "", "the connection is closed"),
        ("calls of one connection", STREAMS_PER_CONNECTION_MAX.to_string(), "", "waits in the client"),
        (
            "unread bytes of uploads, a connection",
            mib(u64::from(CONNECTION_WINDOW_BYTES)),
            "",
            "waits in the client",
        ),
    ]
}

fn calls() -> Vec<Row> {
    let Config {
        calls_max,
        calls_per_caller_max,
        feeds_max,
        imports_max,
        requests_bytes_max,
        answers_bytes_max,
        deadline,
    } = Config::default();
    vec![
        ("a request message", mib(REQUEST_BYTES_MAX as u64), "", "RESOURCE_EXHAUSTED/MESSAGE_TOO_LARGE"),
        (
            "fields of a message over 64 KiB, its small parts closed",
            FIELDS_MAX.to_string(),
            "",
            "RESOURCE_EXHAUSTED/MESSAGE_TOO_LARGE",
        ),
        (
            "metadata of a call",
            format!("{} KiB", HEADER_BYTES_MAX >> 10),
            "",
            "431, which clients show as UNKNOWN or INTERNAL",
        ),
        ("a compressed message", "none is taken".to_owned(), "", "UNIMPLEMENTED"),
        ("calls", calls_max.to_string(), "calls-max", OVERLOADED),
        ("calls of one caller", calls_per_caller_max.to_string(), "calls-per-caller-max", OVERLOADED),
        ("watches, exports, backups", feeds_max.to_string(), "feeds-max", OVERLOADED),
        ("imports", imports_max.to_string(), "imports-max", OVERLOADED),
        ("questions about health", HEALTH_CALLS_MAX.to_string(), "", OVERLOADED),
        ("bytes of large requests under way", mib(requests_bytes_max), "requests-max", OVERLOADED),
        (
            "bytes of large requests in a second, for each processor",
            mib(pace::BYTES_PER_SECOND),
            "",
            "waits in the client",
        ),
        ("bytes of answers that are not read", mib(answers_bytes_max), "answers-max", OVERLOADED),
        ("a wait for its turn, of a list or a computation", format!("{WAIT_MAX:?}"), "", OVERLOADED),
        (
            "a read or a write without a deadline",
            format!("{deadline:?}"),
            "deadline",
            "DEADLINE_EXCEEDED/DEADLINE",
        ),
    ]
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from("\n| what | limit | setting | beyond it |\n|---|---|---|---|\n");
    for (what, limit, setting, beyond) in rows {
        let setting = if setting.is_empty() { String::new() } else { format!("`{setting}`") };
        writeln!(text, "| {what} | {limit} | {setting} | {beyond} |").expect("a string takes all");
    }
    text.push('\n');
    text
}

fn classes() -> String {
    let mut text = String::from("\n| class | refused from | calls |\n|---|---|---|\n");
    for class in Class::ALL {
        let methods = METHODS.iter().filter(|(_, of)| *of == class);
        let names: Vec<_> = methods.filter_map(|(path, _)| path.rsplit('/').next()).collect();
        let bound = match class {
            Class::Health => "places of its own".to_owned(),
            Class::Feed | Class::Read | Class::Write | Class::Import => {
                format!("{} calls", Config::default().bound(class))
            }
        };
        writeln!(text, "| {class} | {bound} | {} |", names.join(", ")).expect("a string takes all");
    }
    text.push('\n');
    text
}

/// The page with the tables between their marks made anew.
fn renewed(page: &str) -> String {
    let tables = [("connections", table(&connections())), ("calls", table(&calls())), ("classes", classes())];
    tables.into_iter().fold(page.to_owned(), |page, (name, table)| {
        let (begin, end) = (format!("<!-- {name}: made by a test -->\n"), format!("<!-- {name} end -->"));
        let (before, rest) = page.split_once(&begin).expect("the page has the mark");
        let (_, after) = rest.split_once(&end).expect("the page has the end of it");
        format!("{before}{begin}{table}{end}{after}")
    })
}

#[test]
fn the_page_holds_these_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/LIMITS.md");
    let page = std::fs::read_to_string(path).unwrap();
    let made = renewed(&page);
    if std::env::var_os("REFORM_UPDATE").is_some() {
        std::fs::write(path, made).unwrap();
    } else {
        assert_eq!(page, made, "REFORM_UPDATE=1 writes it anew");
    }
}

#[test]
fn every_setting_of_a_limit_is_on_the_page() {
    let rows: Vec<_> = connections().into_iter().chain(calls()).collect();
    for (what, _, setting, _) in rows {
        let known = crate::front::SETTINGS.iter().any(|known| known.key() == setting);
        assert!(known || setting.is_empty(), "{what}: {setting}");
    }
}
