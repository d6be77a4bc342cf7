//! A stream of batches, and what became of each.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures::{Stream, StreamExt, TryStreamExt, stream};
use prost::Message;
use reform_api::client::DataClient;
use reform_api::data::v1::import_options::{OnExisting, OnInvalid};
use reform_api::data::v1::{GetStatusRequest, ImportBatch, ImportOptions, ImportRecordsResponse, Record};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::problems::{Problems, describe};
use crate::client::Peer;
use crate::failure::Failure;
use crate::input::{self, Batch, Ended, Place, Sink, Source};
use crate::progress::Progress;
use crate::table::{Map, Reader};

/// Batches that are read ahead of the connection.
const AHEAD: usize = 2;

/// The namespace of request ids that follow from what is sent; any fixed UUID does.
const REQUESTS: Uuid = Uuid::from_u128(0x7265_666f_726d_4c69_8d70_6f72_7400_0001);

/// How to import.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// What the contract asks for.
    pub(crate) options: ImportOptions,
    /// Who writes, when that is to be said.
    pub(crate) author: Option<String>,
    /// How tables become records; none: the sources are JSON Lines.
    pub(crate) map: Option<Arc<Map>>,
}

/// What became of all batches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Newest revision that was made; 0: none.
    pub(crate) revision: i64,
    /// Records that are new.
    pub(crate) created: i64,
    /// Records that took the place of a stored one.
    pub(crate) replaced: i64,
    /// Records identical to the stored ones.
    pub(crate) unchanged: i64,
    /// Records left out.
    pub(crate) skipped: i64,
    /// Records that an earlier run of the same import had stored.
    pub(crate) repeated: i64,
    /// What was wrong with records that were refused, and lines that are none.
    pub(crate) problems: i64,
    /// Batches that were answered.
    pub(crate) batches: i64,
}

/// A batch that was sent and waits for its answer.
struct Sent {
    places: Vec<Place>,
    bytes_read: u64,
}

/// Batches under way, in the order in which they were sent.
type UnderWay = Arc<Mutex<VecDeque<Sent>>>;

/// Sends every source and reads every answer.
pub(crate) async fn send(
    peer: &Peer,
    sources: Vec<Source>,
    plan: Plan,
    progress: Arc<Progress>,
    problems: Arc<Problems>,
) -> Result<Summary, Failure> {
    let client = client(peer, &plan)?;
    let mut run = Run::new(&plan, head(peer, &client, &plan).await?, &progress, &problems);

    let (batches, ready) = mpsc::channel(AHEAD);
    let skip = plan.options.on_invalid() == OnInvalid::Skip;
    let feed = Feed { batches, skip, progress: progress.clone(), problems: problems.clone() };
    let map = plan.map.clone();
    let reading = tokio::task::spawn_blocking(move || read(sources, map, feed));

    let under_way = UnderWay::default();
    let mut answers = client.import(plan.options.clone(), batches_of(&plan, ready, under_way.clone()));
    let aborted = loop {
        match answers.try_next().await {
            Ok(Some(answer)) => {
                // The client hands out one answer for each batch, in their order.
                let sent = under_way.lock().expect("no holder of this lock panics").pop_front();
                run.add(&answer, &sent.expect("a batch is noted before it is sent"));
            }
            Ok(None) => break false,
            Err(status) => {
                let Summary { created, replaced, .. } = run.summary;
                progress.note(&format!("{created} created and {replaced} replaced before it failed stand"));
                if plan.map.is_some() {
                    progress.note("run the same command again to go on from there");
                }
                return Err(peer.failed(status));
            }
        }
        // Nothing follows a refused batch; what the service says of the end adds nothing to the problems told.
        if run.refused && !skip {
            break true;
        }
    };
    let mut summary = run.summary;
    if !aborted || reading.is_finished() {
        // The stream ended whole, so the reader gave its last batch; in an aborted one it may wait for a terminal.
        reading.await.map_err(|error| Failure::Broken(format!("reading ended: {error}")))??;
    }
    summary.problems = problems.count();
    Ok(summary)
}

/// The client, which says who writes.
fn client(peer: &Peer, plan: &Plan) -> Result<DataClient, Failure> {
    let Some(author) = &plan.author else { return Ok(peer.data()) };
    let client = peer.data().with_author(author);
    client.map_err(|_| Failure::Usage("--author: only ASCII letters can be sent".to_owned()))
}

/// The newest revision before the first batch, where it tells what an earlier run had stored.
async fn head(peer: &Peer, client: &DataClient, plan: &Plan) -> Result<i64, Failure> {
    if plan.map.is_none() {
        return Ok(0);
    }
    let status = client.get_status(GetStatusRequest::default()).await;
    Ok(status.map_err(|status| peer.failed(status))?.head_revision)
}

/// Every batch as it comes, noted as under way.
fn batches_of(
    plan: &Plan,
    mut ready: mpsc::Receiver<Batch>,
    under_way: UnderWay,
) -> impl Stream<Item = ImportBatch> + Send + use<> {
    // Where a taken name is refused, only the request id tells a repeat from a rival. Where the stored record is kept
    // or replaced, a repeat does no harm, and looking at the store again is what the caller asks for.
    let follows = plan.map.is_some() && plan.options.on_existing() == OnExisting::Fail;
    let batches = stream::poll_fn(move |context| ready.poll_recv(context));
    batches.enumerate().map(move |(number, batch)| {
        let Batch { records, places, bytes_read, .. } = batch;
        under_way.lock().expect("no holder of this lock panics").push_back(Sent { places, bytes_read });
        let request_id = if follows { request_id(number as u64, &records) } else { Uuid::new_v4() };
        ImportBatch { records, request_id: request_id.to_string() }
    })
}

/// Follows from the records and their place in the stream: the same part of the same file, read by the same map, has the
/// same id in every run.
fn request_id(number: u64, records: &[Record]) -> Uuid {
    let mut name = number.to_be_bytes().to_vec();
    for record in records {
        name.extend(record.encode_length_delimited_to_vec());
    }
    Uuid::new_v5(&REQUESTS, &name)
}

/// Answers as they come.
struct Run<'r> {
    summary: Summary,
    /// The newest revision when the stream began.
    head: i64,
    /// A batch was refused.
    refused: bool,
    map: Option<&'r Map>,
    progress: &'r Progress,
    problems: &'r Problems,
}

impl<'r> Run<'r> {
    fn new(plan: &'r Plan, head: i64, progress: &'r Progress, problems: &'r Problems) -> Self {
        let map = plan.map.as_deref();
        Self { summary: Summary::default(), head, refused: false, map, progress, problems }
    }

    fn add(&mut self, answer: &ImportRecordsResponse, sent: &Sent) {
        let summary = &mut self.summary;
        // What a stored answer says was done before this stream began.
        if answer.revision > 0 && answer.revision <= self.head && answer.created > 0 && self.map.is_some() {
            summary.repeated += answer.created + answer.replaced + answer.unchanged;
        } else {
            summary.revision = summary.revision.max(answer.revision);
            summary.created += answer.created;
            summary.replaced += answer.replaced;
            summary.unchanged += answer.unchanged;
        }
        summary.skipped += answer.skipped;
        summary.batches += 1;
        self.refused |= answer.problems_total > 0;
        for problem in &answer.problems {
            self.problems.tell(&describe(problem, &sent.places, self.map));
        }
        let listed = i64::try_from(answer.problems.len()).unwrap_or(i64::MAX);
        self.problems.add(answer.problems_total.saturating_sub(listed));
        self.progress.advance(sent.bytes_read);
    }
}

/// Hands batches from the reading thread to the connection.
struct Feed {
    batches: mpsc::Sender<Batch>,
    skip: bool,
    progress: Arc<Progress>,
    problems: Arc<Problems>,
}

impl Sink for Feed {
    fn batch(&mut self, batch: Batch) -> bool {
        self.batches.blocking_send(batch).is_ok()
    }

    fn broken(&mut self, problem: &str) -> bool {
        self.problems.tell(problem);
        self.skip
    }

    fn note(&mut self, text: &str) {
        self.progress.note(text);
    }
}

/// Reads every source, or until one stops.
fn read(sources: Vec<Source>, map: Option<Arc<Map>>, mut feed: Feed) -> Result<(), Failure> {
    let mut tables = map.map(Reader::new);
    for source in sources {
        let ended = match &mut tables {
            Some(tables) => tables.read(source, &mut feed)?,
            None => input::read(source, &mut feed)?,
        };
        if ended == Ended::Stopped {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_follows_from_the_records_and_their_place() {
        let records = [Record { name: "records/a".to_owned(), ..Record::default() }];
        assert_eq!(request_id(3, &records), request_id(3, &records));
        assert_ne!(request_id(3, &records), request_id(4, &records));
        let others = [Record { title: "b".to_owned(), ..records[0].clone() }];
        assert_ne!(request_id(3, &records), request_id(3, &others));
    }
}
