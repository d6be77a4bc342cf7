//! What holds for every RPC.

use std::time::Duration;

use prost::Message;
use reform_api::analytics::v1;
use reform_api::error::Reason;
use reform_runtime::server::Exit;

use crate::fake::put;
use crate::pair::{Pair, appeal, appeals, assert_refused, store};

#[tokio::test]
async fn pages_walk_through_all_indicators() {
    let mut pair = Pair::start(store("a", 0)).await;
    let list = |page_size, page_token| v1::ListIndicatorsRequest { page_size, page_token };
    let all = pair.client.list_indicators(list(0, String::new())).await.unwrap().into_inner();
    assert_eq!(all.next_page_token, "");
    assert!(all.indicators.windows(2).all(|pair| pair[0].name < pair[1].name));

    let (mut walked, mut token) = (Vec::new(), String::new());
    loop {
        let page = pair.client.list_indicators(list(3, token)).await.unwrap().into_inner();
        assert!(page.indicators.len() <= 3);
        walked.extend(page.indicators);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(walked, all.indicators);

    for indicator in all.indicators {
        let get = v1::GetIndicatorRequest { name: indicator.name.clone() };
        assert_eq!(pair.client.get_indicator(get).await.unwrap().into_inner(), indicator);
    }
    let forged = pair.client.list_indicators(list(0, "forged".into())).await.unwrap_err();
    assert_refused(&forged, Reason::PageTokenInvalid);
    let negative = pair.client.list_indicators(list(-1, String::new())).await.unwrap_err();
    assert_refused(&negative, Reason::FieldViolations);
}

#[tokio::test]
async fn the_same_query_has_the_same_bytes_on_any_instance() {
    let mut script = store("a", 3);
    let mut exported = Pair::start(script.clone()).await;
    let first = exported.ask(4).await.unwrap();
    assert_eq!(exported.ask(4).await.unwrap().encode_to_vec(), first.encode_to_vec());
    // Another instance that came to the same revision by the feed.
    script.commits.truncate(1);
    script.released = 1;
    let mut followed = Pair::start(script).await;
    followed.ask(1).await.unwrap();
    for index in 0..3 {
        followed.data.commit(vec![put(appeal(&format!("appeal-{index}"), 2023))]);
    }
    assert_eq!(followed.ask(4).await.unwrap().encode_to_vec(), first.encode_to_vec());
    assert_eq!((first.indicator.as_str(), first.formula_version), ("indicators/appeals-per-year", 1));
}

#[tokio::test]
async fn a_drain_ends_waits_and_open_connections() {
    let mut pair = Pair::start(store("a", 1)).await;
    pair.ask(2).await.unwrap();
    // Durable and not sent: the call below waits for it.
    pair.data.change(|script| script.commits.push(vec![put(appeal("held-back", 2023))]));
    let mut client = pair.client.clone();
    let ask = v1::QueryIndicatorRequest { min_revision: 3, ..appeals() };
    let waiting = tokio::spawn(async move { client.query_indicator(ask).await });
    while pair.status().await.head_revision < 3 {
        tokio::task::yield_now().await;
    }
    pair.stop.cancel();
    assert_refused(&waiting.await.unwrap().unwrap_err(), Reason::ShuttingDown);
    assert_eq!(pair.ended.await.unwrap().unwrap(), Exit::Drained);
    drop(pair.client);
}

#[tokio::test]
async fn the_state_folder_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    let data = crate::fake::Fake::start(store("a", 0)).await;
    let mut pair = Pair::beside(data, |config| {
        config.state_dir = Some(path.clone());
        config.drain = Duration::from_secs(1);
    })
    .await;
    pair.ask(1).await.unwrap();
    assert!(path.is_dir());
}
