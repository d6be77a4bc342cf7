//! What the command line reads: lines to import, maps, tables; and what services read at their start.

use reform_cli::parsers::{Tables, import_lines};
use reform_runtime::config::{parse_duration, parse_size};

use super::Parser;

const COMPLAINTS: &str = include_str!("../../../cli/maps/complaints.toml");
const ELECTION: &str = include_str!("../../../cli/maps/election.toml");
const OBSERVATION: &str = include_str!("../../../cli/maps/observation.toml");
const COMPLAINTS_TABLE: &str = "Date received,Product,Sub-product,Company,State,ZIP code,Consumer consent provided?,Submitted via,\
    Company response to consumer,Timely response?,Consumer disputed?\n\
    2023-03-19,Mortgage,\"Other, \"\"new\"\"\",A bank,NY,10001,N/A,Web,Closed with relief,1,0\n\
    2024-02-29,Loan,,B,TX,,,Postal mail,In progress,0,1\n";
const ELECTION_TABLE: &str = "body;day;cast;party;votes;share;seats\n\
    Council;19.03.2023;7 000;Alpha;3 431;54,21;40\nCouncil;19.03.2023;7 000;Against all;10;0,1;\n\
    Senate;01.02.2021;1 000;Others;1 000;100;2\n";

/// Every parser of a file that is no message.
pub(super) fn all() -> Vec<Parser<'static>> {
    let lines = include_str!("../../../api/tests/examples.jsonl");
    let complaints = Tables::new(COMPLAINTS).expect("a shipped map");
    let elections = Tables::new(ELECTION).expect("a shipped map");
    vec![
        Parser::text("import lines", lines.lines(), |text| import_lines(text.as_bytes()) > 0),
        Parser::text("map of a table", [COMPLAINTS, ELECTION, OBSERVATION], |text| Tables::new(text).is_ok()),
        Parser::text("table, one row a record", [COMPLAINTS_TABLE], move |text| {
            complaints.records(text.as_bytes()) > 0
        }),
        Parser::text("table, several rows a record", [ELECTION_TABLE], move |text| {
            elections.records(text.as_bytes()) > 0
        }),
        Parser::text("duration and size", ["250 ms", "10s", "2 h", "4096", "256 MiB", "1GB"], |text| {
            parse_duration(text).is_ok() | parse_size(text).is_ok()
        }),
    ]
}
