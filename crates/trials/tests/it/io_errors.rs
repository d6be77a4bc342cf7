use reform_trials::io_errors;

/// `reform-trials io-errors` goes on to 300.
#[tokio::test(flavor = "multi_thread")]
async fn no_failed_call_to_the_disk_is_a_false_acknowledgement() {
    let report = io_errors::run(crate::trials(), 1..=50, &io_errors::FAULTS, 4).await;
    assert_eq!(report.trials, 150);
    assert!(report.in_open > 0 && report.told > 0 && report.reads.0 > 0, "{report:?}");
}
