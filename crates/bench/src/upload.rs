//! One long import stream. Its messages are encoded beforehand, so that what is measured is the service and not the
//! making of the records.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::{BufMut, Bytes};
use futures::stream;
use prost::Message;
use reform_api::data::v1;
use reform_api::data::v1::import_options::{OnExisting, OnInvalid};
use reform_api::data::v1::import_records_request::Message as ImportMessage;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_prost::{ProstCodec, ProstDecoder};

use crate::synthetic::{self, Appeals};

/// Records of a full batch.
const BATCH_RECORDS: u64 = 1_000;
/// Parts of the stream whose rates are told apart.
const SLICES: usize = 10;
const METHOD: &str = "/reform.data.v1.RecordService/ImportRecords";

/// The encoded messages of a stream.
#[derive(Debug)]
pub(crate) struct Upload {
    messages: Vec<Bytes>,
    /// Records of all batches.
    pub(crate) records: u64,
    /// Bytes of the records alone, as they are on the wire.
    pub(crate) encoded_bytes: u64,
    /// What making and encoding took.
    pub(crate) generated_in: Duration,
}

/// How an upload went.
#[derive(Debug)]
pub(crate) struct Uploaded {
    /// Records per second from the first message to the last answer.
    pub(crate) per_second: f64,
    /// The same for each of ten equal parts of the stream, in order.
    pub(crate) slices: Vec<f64>,
}

impl Upload {
    /// What the appeals refer to: one small batch.
    pub(crate) fn surroundings() -> Self {
        let mut upload = Self::empty();
        upload.push(synthetic::surroundings());
        upload
    }

    /// The appeals from 1 to `records`, in batches of a thousand.
    pub(crate) fn appeals(appeals: &Appeals, records: u64) -> Self {
        let started = Instant::now();
        let mut upload = Self::empty();
        let mut first = 1;
        while first <= records {
            let last = records.min(first + BATCH_RECORDS - 1);
            upload.push((first..=last).map(|number| appeals.named(number)).collect());
            first = last + 1;
        }
        upload.generated_in = started.elapsed();
        upload
    }

    fn empty() -> Self {
        let options = v1::ImportOptions {
            on_existing: OnExisting::Fail.into(),
            on_invalid: OnInvalid::Abort.into(),
            ..v1::ImportOptions::default()
        };
        let messages = vec![encoded(ImportMessage::Options(options))];
        Self { messages, records: 0, encoded_bytes: 0, generated_in: Duration::ZERO }
    }

    fn push(&mut self, records: Vec<v1::Record>) {
        self.records += records.len() as u64;
        self.encoded_bytes += records.iter().map(|record| record.encoded_len() as u64).sum::<u64>();
        let batch = v1::ImportBatch { records, ..v1::ImportBatch::default() };
        self.messages.push(encoded(ImportMessage::Batch(batch)));
    }

    /// Sends everything and waits for the last answer.
    ///
    /// # Errors
    /// When the stream fails, a record is refused, or an answer is missing.
    pub(crate) async fn send(&self, channel: Channel) -> anyhow::Result<Uploaded> {
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.context("the connection is gone")?;
        let request = Request::new(stream::iter(self.messages.clone()));
        let started = Instant::now();
        let answers = client.streaming(request, PathAndQuery::from_static(METHOD), Encoded).await;
        let mut answers = answers.context("the import does not start")?.into_inner();
        let (mut created, mut marks) = (0, vec![(0, started)]);
        let slice = self.records.div_ceil(SLICES as u64);
        while let Some(answer) = answers.message().await.context("the import failed")? {
            if let Some(problem) = answer.problems.first() {
                bail!("{}: {}", problem.name, problem.description);
            }
            created += u64::try_from(answer.created).unwrap_or_default();
            if created == self.records || created >= marks.len() as u64 * slice {
                marks.push((created, Instant::now()));
            }
        }
        ensure!(created == self.records, "{created} of {} records were created", self.records);
        let rate = |(from, start): (u64, Instant), (to, end): (u64, Instant)| {
            (to - from) as f64 / end.duration_since(start).as_secs_f64()
        };
        let last = marks.last().copied().unwrap_or((0, started));
        let slices = marks.windows(2).map(|pair| rate(pair[0], pair[1])).collect();
        Ok(Uploaded { per_second: rate((0, started), last), slices })
    }
}

fn encoded(message: ImportMessage) -> Bytes {
    v1::ImportRecordsRequest { message: Some(message) }.encode_to_vec().into()
}

/// Sends messages that are encoded already.
#[derive(Debug, Clone, Copy)]
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = v1::ImportRecordsResponse;
    type Encoder = Self;
    type Decoder = ProstDecoder<v1::ImportRecordsResponse>;

    fn encoder(&mut self) -> Self::Encoder {
        *self
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<v1::ImportRecordsRequest, _>::new().decoder()
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_every_record_once() {
        for (records, messages) in [(1, 2), (999, 2), (1_000, 2), (1_001, 3), (2_000, 3)] {
            let upload = Upload::appeals(&Appeals::new(), records);
            assert_eq!((upload.records, upload.messages.len()), (records, messages));
        }
    }
}
