//! A filter that can use an index reads little more than it returns.

use reform_api::data::v1;
use reform_data::filter::Filter;
use reform_data::store::list::{Looked, Order, Query};
use reform_data::store::{Options, Snapshot, Store};
use serde_json::json;

use crate::records::{record, with};
use crate::support::{Server, create, delete, update};

const APPEALS: u32 = 900;
/// Records that are read to know that there is a further page, or that an index proposed in vain.
const READ_BESIDES: usize = 10;

/// An appeal to one of 10 institutions, on one of 300 days or without one, with labels of 5 and of 7 values.
fn appeal(number: u32, state: &str) -> v1::Record {
    let date = json!({"year": 2023, "month": 1 + number % 12, "day": 1 + number % 25});
    let labels = json!({"five": (number % 5).to_string(), "seven": (number % 7).to_string(), "state": state});
    let record = json!({
        "name": format!("records/a-{number}"), "jurisdiction": if number.is_multiple_of(11) { "DE" } else { "KZ" },
        "labels": labels, "appeal": {"institution": format!("records/i-{}", number % 10)},
    });
    let dated = json!({"appeal": {"filedOn": date}});
    self::record(&if number.is_multiple_of(4) { record } else { with(record, &dated) })
}

async fn filled() -> tempfile::TempDir {
    let server = Server::seeded().await;
    let institution = |number: u32| {
        let name = format!("records/i-{number}");
        record(&json!({"name": name, "institution": {}, "citations": [{"source": "records/s"}]}))
    };
    server.commit((0..10).map(institution).map(create).collect()).await.unwrap();
    server.commit((0..APPEALS).map(|number| create(appeal(number, "open"))).collect()).await.unwrap();
    // What was open is closed now, on the same day, and a third is deleted.
    server.commit((0..APPEALS).map(|number| update(appeal(number, "closed"))).collect()).await.unwrap();
    let deleted = (0..APPEALS).step_by(3).map(|number| delete(&format!("records/a-{number}")));
    server.commit(deleted.collect()).await.unwrap();
    server.stop().await
}

/// What a whole list costs, page by page.
fn looked(snapshot: &Snapshot, filter: &str, order: Order) -> Looked {
    let filter = Filter::parse(filter).unwrap();
    let query = Query { filter: &filter, order, show_deleted: false };
    let page = snapshot.list(&query, None, usize::MAX).unwrap();
    assert_eq!(page.items.len(), page.looked.returned);
    page.looked
}

#[tokio::test]
async fn a_filter_that_can_use_an_index_reads_at_most_ten_times_what_it_returns() {
    let folder = filled().await;
    let options = Options { cache_bytes: 16 << 20, free_bytes_min: Some(0), ballast_bytes: 0 };
    let (store, writing) = Store::open(folder.path(), &options).unwrap();
    let by_scope = "kind and jurisdiction";
    let filters = [
        ("kind = appeal", by_scope, 600),
        ("jurisdiction = DE", by_scope, 54),
        ("kind = institution OR kind = party", by_scope, 12),
        ("kind = appeal AND jurisdiction = DE AND jurisdiction = KZ", by_scope, 0),
        ("appeal.institution = \"records/i-7\"", "reference", 60),
        ("kind = appeal AND appeal.institution = \"records/i-7\"", "reference", 60),
        ("appeal.institution = \"records/i-7\" OR appeal.institution = \"records/i-8\"", "reference", 120),
        ("appeal.institution = \"records/i-7\" AND labels.seven = \"3\"", "reference and label", 9),
        ("labels.five = \"1\" AND labels.seven = \"3\"", "label and label", 17),
        (
            "labels.five = \"1\" AND labels.seven = \"3\" AND jurisdiction = DE",
            "kind and jurisdiction and label and label",
            2,
        ),
        ("labels.state = open", "label", 0),
        ("labels.state = closed AND kind = institution", "kind and jurisdiction and label", 0),
        ("labels.five = \"1\" OR kind = party", "kind and jurisdiction or label", 121),
        (
            "(labels.five = \"1\" AND labels.seven = \"3\") OR appeal.institution = \"records/i-7\"",
            "label or reference and label or reference",
            77,
        ),
        (
            "appeal.institution = \"records/i-7\" AND appeal.filed_on >= 2023-05 AND appeal.filed_on < 2023-07",
            "reference",
            15,
        ),
        ("appeal.filed_on = 2023-03-03", by_scope, 3),
    ];
    for order in [Order::MainDate, Order::MainDateDescending, Order::Name] {
        for (filter, index, returned) in filters {
            let looked = looked(&store.newest(), filter, order);
            assert_eq!((looked.index.as_str(), looked.returned), (index, returned), "{filter}");
            assert!(looked.read <= 10 * returned + READ_BESIDES, "{filter}: {looked:?}");
        }
    }
    // As of the revision before the updates everything was open.
    let before = store.at(store.durable().revision - 2).unwrap();
    let open = looked(&before, "labels.state = open", Order::MainDate);
    assert_eq!((open.read, open.returned), (900, 900));
    assert_eq!(looked(&before, "labels.state = closed", Order::MainDate).read, 0);
    store.close(writing).await.unwrap();
}
