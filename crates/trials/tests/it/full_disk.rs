use reform_trials::full_disk;

/// `reform-trials full-disk` does 20.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_a_mode() {
    let Some(report) = full_disk::run(crate::trials(), 2).await else { return };
    assert_eq!(report.fills, (4, 2));
}
