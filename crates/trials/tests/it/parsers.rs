//! Few inputs of each parser: `reform-trials parsers` is the real thing.

use reform_trials::parsers;

const INPUTS: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn no_input_makes_a_parser_panic_or_takes_long() {
    let reports = parsers::run(INPUTS, "").await;
    assert!(reports.len() >= 62);
}
