//! Single calls with more in them than it seems.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use reform_api::data::v1;
use reform_api::error::reason;
use tonic::Status;

use super::Target;
use crate::raw::Call;

const LIST: &str = "/reform.data.v1.RecordService/ListRecords";
const MESSAGE_BYTES: usize = 4 << 20;

/// Sends it again and again; what came back, and how often.
async fn again(target: &Target, calls: &[Call]) -> String {
    let channel = target.endpoint.connect().await.unwrap();
    let began = Instant::now();
    let mut told = BTreeMap::<String, usize>::new();
    while began.elapsed() < target.size.time {
        for call in calls {
            let answer = call.clone().send(&channel).await;
            let said = answer.map_or_else(|status| said(&status), |_| "OK".to_owned());
            *told.entry(said).or_default() += 1;
        }
    }
    assert!(!told.contains_key("OK"), "{told:?}");
    format!("{told:?}")
}

/// Code and reason.
pub(super) fn said(status: &Status) -> String {
    format!("{:?} {}", status.code(), reason(status).unwrap_or_default())
}

pub(super) async fn long_filter(target: Target) -> String {
    let terms = vec![r#"name = "x""#; 100_000].join(" OR ");
    let list = v1::ListRecordsRequest { filter: terms, ..v1::ListRecordsRequest::default() };
    again(&target, &[Call::new(LIST, list.encode_to_vec())]).await
}

pub(super) async fn gzip_bomb(target: Target) -> String {
    let mut part = GzEncoder::new(Vec::new(), Compression::best());
    part.write_all(&vec![0; 1 << 20]).unwrap();
    // What is compressed may be in parts: a GiB in a MiB.
    let bomb = part.finish().unwrap().repeat(1_024);
    again(&target, &[Call::new(LIST, bomb).compressed("gzip")]).await
}

pub(super) async fn empty_submessages(target: Target) -> String {
    // A field of that number, with nothing in it.
    let empty = |number: u8, bytes: usize| [number << 3 | 2, 0].repeat(bytes / 2);
    let within = |number: u8, inner: &[u8]| {
        let mut outer = vec![number << 3 | 2];
        prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        outer
    };
    let calls = [
        Call::new("/reform.data.v1.RecordService/CommitRecords", empty(1, MESSAGE_BYTES)),
        Call::new("/reform.data.v1.RecordService/BatchGetRecords", empty(1, MESSAGE_BYTES)),
        // Citations of a record.
        Call::new("/reform.data.v1.RecordService/CreateRecord", within(1, &citations(MESSAGE_BYTES - 16))),
        Call::new("/reform.data.v1.RecordService/ImportRecords", within(2, &empty(1, MESSAGE_BYTES - 16))),
    ];
    again(&target, &calls).await
}

/// Fields of a record's citations.
fn citations(bytes: usize) -> Vec<u8> {
    let one =
        v1::Record { citations: vec![v1::Citation::default()], ..v1::Record::default() }.encode_to_vec();
    one.repeat(bytes / one.len())
}
