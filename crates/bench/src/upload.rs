//! One long import stream. Its messages are encoded beforehand, so that what is measured is the service and not the
//! making of the records.

use std::time::Instant;

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

use crate::report;
use crate::server::Service;
use crate::synthetic::{self, Appeals};

/// Records of a full batch.
const BATCH_RECORDS: u64 = 1_000;
/// Records of one stream among several.
const AT_ONCE: u64 = 500_000;
const METHOD: &str = "/reform.data.v1.RecordService/ImportRecords";

/// The encoded messages of a stream.
#[derive(Debug)]
pub(crate) struct Upload {
    messages: Vec<Bytes>,
    /// Records of all batches.
    pub(crate) records: u64,
    /// Bytes of the records alone, as they are on the wire.
    pub(crate) encoded_bytes: u64,
}

impl Upload {
    /// What the appeals refer to: one small batch.
    pub(crate) fn surroundings() -> Self {
        let mut upload = Self::empty();
        upload.push(synthetic::surroundings());
        upload
    }

    /// The appeals from one number to another, in batches of a thousand.
    pub(crate) fn appeals(appeals: &Appeals, mut first: u64, last: u64) -> Self {
        let mut upload = Self::empty();
        while first <= last {
            let after = (first + BATCH_RECORDS).min(last + 1);
            upload.push((first..after).map(|number| appeals.named(number)).collect());
            first = after;
        }
        upload
    }

    /// Sends the appeals from one number to another, stream after stream; `told` hears of each stream's rate in
    /// records per second and the bytes of its records.
    ///
    /// # Errors
    /// As [`Upload::send`].
    pub(crate) async fn send_all(
        service: &Service,
        appeals: &Appeals,
        mut first: u64,
        last: u64,
        mut told: impl FnMut(f64, u64),
    ) -> anyhow::Result<()> {
        while first <= last {
            let end = last.min(first + AT_ONCE - 1);
            let upload = Self::appeals(appeals, first, end);
            let rate = upload.send(service.channel().await?).await?;
            report::progress(&format!("{end} of {last} appeals imported, {rate:.0}/s"));
            told(rate, upload.encoded_bytes);
            first = end + 1;
        }
        Ok(())
    }

    fn empty() -> Self {
        let options = v1::ImportOptions {
            on_existing: OnExisting::Fail.into(),
            on_invalid: OnInvalid::Abort.into(),
            ..v1::ImportOptions::default()
        };
        let messages = vec![encoded(ImportMessage::Options(options))];
        Self { messages, records: 0, encoded_bytes: 0 }
    }

    fn push(&mut self, records: Vec<v1::Record>) {
        self.records += records.len() as u64;
        self.encoded_bytes += records.iter().map(|record| record.encoded_len() as u64).sum::<u64>();
        let batch = v1::ImportBatch { records, ..v1::ImportBatch::default() };
        self.messages.push(encoded(ImportMessage::Batch(batch)));
    }

    /// Sends everything and waits for the last answer; records per second in between.
    ///
    /// # Errors
    /// When the stream fails, a record is refused, or an answer is missing.
    pub(crate) async fn send(&self, channel: Channel) -> anyhow::Result<f64> {
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.context("the connection is gone")?;
        let request = Request::new(stream::iter(self.messages.clone()));
        let started = Instant::now();
        let answers = client.streaming(request, PathAndQuery::from_static(METHOD), Encoded).await;
        let mut answers = answers.context("the import does not start")?.into_inner();
        let mut created = 0;
        while let Some(answer) = answers.message().await.context("the import failed")? {
            if let Some(problem) = answer.problems.first() {
                bail!("{}: {}", problem.name, problem.description);
            }
            created += u64::try_from(answer.created).unwrap_or_default();
        }
        ensure!(created == self.records, "{created} of {} records were created", self.records);
        Ok(created as f64 / started.elapsed().as_secs_f64())
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
            let upload = Upload::appeals(&Appeals::new(), 1, records);
            assert_eq!((upload.records, upload.messages.len()), (records, messages));
        }
    }
}
