//! The calls of every service that is measured, over the same appeals: a name is asked for, a record is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use prost::Message;
use reform_api::analytics::v1 as indicators;
use reform_api::data::v1;
use reform_api::data::v1::record::Body;

use crate::etcd;
use crate::load::Calls;
use crate::synthetic::{Appeals, COLLECTION, FILING_DAYS, INSTITUTIONS};

/// Different appeals that are written, over and over under new names.
const WRITTEN: u64 = 10_000;

const QUERY_INDICATOR: &str = "/reform.analytics.v1.IndicatorService/QueryIndicator";

/// An appeal as every service takes it: encoded, and with what PostgreSQL keeps beside it.
#[derive(Debug, Clone)]
pub(crate) struct Appeal {
    /// The record without a name, as in a CreateRecord request.
    pub(crate) encoded: Bytes,
    pub(crate) institution: String,
    /// When it was filed.
    pub(crate) filed_on: jiff::civil::Date,
}

impl Appeal {
    /// Encodes an appeal.
    pub(crate) fn new(record: &v1::Record) -> Self {
        let Some(Body::Appeal(appeal)) = &record.body else {
            unreachable!("every synthetic record with a number is an appeal");
        };
        let part = |part: Option<i32>| part.and_then(|part| i16::try_from(part).ok()).unwrap_or_default();
        let day = |date: &v1::Date| {
            let small = |number| i8::try_from(part(number)).unwrap_or_default();
            jiff::civil::Date::new(part(date.year), small(date.month), small(date.day)).ok()
        };
        Self {
            encoded: record.encode_to_vec().into(),
            institution: appeal.institution.clone(),
            filed_on: appeal.filed_on.as_ref().and_then(day).unwrap_or_default(),
        }
    }
}

/// Appeals to write, each under a name that is not taken. Clones share the names.
#[derive(Debug, Clone)]
pub(crate) struct Writes {
    appeals: Arc<Vec<Appeal>>,
    next: Arc<AtomicU64>,
}

impl Writes {
    /// From a number on.
    pub(crate) fn from(appeals: &Appeals, first: u64) -> Self {
        let made = (0..WRITTEN).map(|number| Appeal::new(&appeals.record(number)));
        Self { appeals: Arc::new(made.collect()), next: Arc::new(AtomicU64::new(first)) }
    }

    /// The same appeals, with names of their own.
    pub(crate) fn again(&self, first: u64) -> Self {
        Self { appeals: Arc::clone(&self.appeals), next: Arc::new(AtomicU64::new(first)) }
    }

    /// The next number and its appeal.
    pub(crate) fn next(&self) -> (u64, &Appeal) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let index = usize::try_from(number % WRITTEN).unwrap_or_default();
        (number, &self.appeals[index])
    }
}

/// A `CreateRecordRequest` whose record is encoded already; the bytes are the same.
#[derive(Clone, PartialEq, Message)]
struct CreateEncoded {
    #[prost(bytes = "bytes", tag = "1")]
    record: Bytes,
    #[prost(string, tag = "2")]
    record_id: String,
}

/// GetRecord of names drawn uniformly from the appeals 1 to `names`.
pub(crate) fn get(names: u64) -> Calls {
    let write = move |draw: u64, request: &mut Vec<u8>| {
        let name = format!("{COLLECTION}{}", Appeals::id(1 + draw % names));
        encode(&v1::GetRecordRequest { name, as_of: None }, request)
    };
    Calls {
        path: "/reform.data.v1.RecordService/GetRecord",
        write: Arc::new(write),
        answer_bytes_min: Appeals::id(1).len(),
    }
}

/// CreateRecord.
pub(crate) fn create(writes: Writes) -> Calls {
    let write = move |_, request: &mut Vec<u8>| {
        let (number, appeal) = writes.next();
        let record = appeal.encoded.clone();
        encode(&CreateEncoded { record, record_id: Appeals::id(number) }, request)
    };
    Calls {
        path: "/reform.data.v1.RecordService/CreateRecord",
        write: Arc::new(write),
        answer_bytes_min: Appeals::id(1).len(),
    }
}

/// QueryIndicator, always the same request; its answer has at least so many bytes.
pub(crate) fn query(request: Bytes, answer_bytes_min: usize) -> Calls {
    let write = move |_, body: &mut Vec<u8>| {
        body.extend_from_slice(&request);
        true
    };
    Calls { path: QUERY_INDICATOR, write: Arc::new(write), answer_bytes_min }
}

/// QueryIndicator, of one drawn institution and a period from one drawn month to another: so many different questions that
/// hardly any is asked twice.
pub(crate) fn query_months(request: indicators::QueryIndicatorRequest) -> Calls {
    let write = move |draw: u64, body: &mut Vec<u8>| {
        let first = draw % (FILING_DAYS / 31);
        let last = first + draw / 1_024 % 60;
        let month = |months: u64| {
            let number = |number: u64| i32::try_from(number).ok();
            v1::Date {
                year: number(2015 + months / 12),
                month: number(1 + months % 12),
                ..v1::Date::default()
            }
        };
        let period = Some(v1::Period { start: Some(month(first)), end: Some(month(last)) });
        let institution = 1 + draw / 65_536 % INSTITUTIONS;
        let filter = format!(r#"institution = "{COLLECTION}institution-{institution:02}""#);
        encode(&indicators::QueryIndicatorRequest { period, filter, ..request.clone() }, body)
    };
    Calls { path: QUERY_INDICATOR, write: Arc::new(write), answer_bytes_min: 1 }
}

/// A serializable Range of one key, drawn as the names of [`get`]; the value has at least so many bytes.
pub(crate) fn range(names: u64, value_bytes: usize) -> Calls {
    let write = move |draw: u64, request: &mut Vec<u8>| {
        let key = format!("{COLLECTION}{}", Appeals::id(1 + draw % names)).into();
        encode(&etcd::RangeRequest { key, serializable: true }, request)
    };
    Calls { path: "/etcdserverpb.KV/Range", write: Arc::new(write), answer_bytes_min: value_bytes }
}

/// One Range of a key that is not there.
pub(crate) fn range_missing() -> Calls {
    let asked = AtomicU64::new(0);
    let write = move |_, request: &mut Vec<u8>| {
        let key = Bytes::from_static(b"missing");
        asked.fetch_add(1, Ordering::Relaxed) == 0
            && encode(&etcd::RangeRequest { key, serializable: false }, request)
    };
    Calls { path: "/etcdserverpb.KV/Range", write: Arc::new(write), answer_bytes_min: 0 }
}

/// Puts of the same appeals under the same names.
pub(crate) fn put(writes: Writes) -> Calls {
    let write = move |_, request: &mut Vec<u8>| {
        let (number, appeal) = writes.next();
        let key = format!("{COLLECTION}{}", Appeals::id(number)).into();
        encode(&etcd::PutRequest { key, value: appeal.encoded.clone() }, request)
    };
    Calls { path: "/etcdserverpb.KV/Put", write: Arc::new(write), answer_bytes_min: 0 }
}

/// Puts of one value under the names of [`get`], once each.
pub(crate) fn put_all(names: u64, value: Bytes) -> Calls {
    let next = AtomicU64::new(1);
    let write = move |_, request: &mut Vec<u8>| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let key = format!("{COLLECTION}{}", Appeals::id(number)).into();
        number <= names && encode(&etcd::PutRequest { key, value: value.clone() }, request)
    };
    Calls { path: "/etcdserverpb.KV/Put", write: Arc::new(write), answer_bytes_min: 0 }
}

fn encode(message: &impl Message, request: &mut Vec<u8>) -> bool {
    message.encode_raw(request);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_creation_is_a_creation() {
        let appeals = Appeals::new();
        let writes = Writes::from(&appeals, 7);
        let mut request = Vec::new();
        assert!((create(writes.clone()).write)(0, &mut request));
        let request = v1::CreateRecordRequest::decode(request.as_slice()).unwrap();
        assert_eq!(request.record_id, Appeals::id(7));
        assert_eq!(request.record, Some(appeals.record(7)));
        assert_eq!(writes.next().0, 8);
    }

    #[test]
    fn nothing_is_left_after_the_last_one() {
        let calls = put_all(3, Bytes::from_static(b"value"));
        let left = (0..5).filter(|draw| (calls.write)(*draw, &mut Vec::new())).count();
        assert_eq!(left, 3);
    }
}
