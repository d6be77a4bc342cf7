#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_stuck_is_told_and_ends_the_process() {
    reform_trials::stall::run(crate::trials()).await;
}
