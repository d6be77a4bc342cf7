//! Every request of both services, as the contract's descriptors list them, through the whole of the handler.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use reform_api::data::v1;
use reform_api::{descriptors, json};
use tokio::runtime::Handle;
use tonic::{Code, Status};

use super::{Form, Parser};

/// Of so many writes one may be stored; the others are checked only.
const STORED: usize = 64;

/// Examples by message, in the JSON form. A message that is not here is empty.
const EXAMPLES: &str = include_str!("requests.jsonl");

/// Both services, over the shipped records, without connections.
pub(super) struct Services {
    data: reform_data::parsers::Requests,
    analytics: reform_analytics::parsers::Requests,
}

impl Services {
    pub(super) async fn open(folder: &Path) -> Self {
        let data = reform_data::parsers::Requests::open(&folder.join("store")).unwrap();
        let mut all = Vec::new();
        for (name, lines) in reform_dataset::FILES {
            let records = lines.lines().map(|line| json::parse("reform.data.v1.Record", line).unwrap());
            let records: Vec<v1::Record> = records.collect();
            all.extend(records.iter().map(|record| Bytes::from(record.encode_to_vec())));
            let [options, batch] = import(v1::ImportBatch { records, ..v1::ImportBatch::default() });
            let path = "/reform.data.v1.RecordService/ImportRecords";
            data.ask(path, &[options.as_slice(), batch.as_slice()]).await.expect(name);
        }
        // Nobody listens there, so that nothing is waited for.
        let nobody = "http://127.0.0.1:1".parse().expect("an address");
        Self { data, analytics: reform_analytics::parsers::Requests::new(&all, nobody) }
    }

    pub(super) async fn close(self) {
        self.data.close().await.unwrap();
    }

    async fn ask(&self, path: &str, messages: &[&[u8]]) -> Result<Bytes, Status> {
        if path.starts_with("/reform.data.") {
            self.data.ask(path, messages).await
        } else {
            self.analytics.ask(path, messages).await
        }
    }
}

/// The messages of an import of one batch.
fn import(batch: v1::ImportBatch) -> [Vec<u8>; 2] {
    use v1::import_records_request::Message as Part;
    let message = |part| v1::ImportRecordsRequest { message: Some(part) }.encode_to_vec();
    [message(Part::Options(v1::ImportOptions::default())), message(Part::Batch(batch))]
}

/// A parser for each method.
pub(super) async fn all(services: &Services) -> Vec<Parser<'_>> {
    let examples = examples();
    let tokens = tokens(services).await;
    let methods = descriptors::pool().services().flat_map(|service| {
        service.methods().map(|method| (method.clone(), service.full_name().to_owned())).collect::<Vec<_>>()
    });
    let methods = methods.filter(|(_, service)| service.starts_with("reform."));
    methods
        .map(|(method, service)| {
            let path = format!("/{service}/{}", method.name());
            let input = method.input();
            let mut examples = examples.get(input.full_name()).cloned().unwrap_or_else(|| vec![Vec::new()]);
            if method.name() == "ListRecords" {
                examples.extend(tokens.iter().cloned());
            }
            // A later field wins, so this one does.
            let check = input.get_field_by_name("validate_only").map(|field| [field.number() as u8 * 8, 1]);
            let name = format!("request {}", path.rsplit('.').next().unwrap_or_default());
            let whole = request(services, path, check);
            let parser = match rare(method.name()) {
                1 => Parser::new(name, Form::Message, examples, whole),
                rare => Parser::new(name, Form::Message, examples, mostly_read(method, rare, whole)),
            };
            parser.of_requests()
        })
        .collect()
}

/// One of so many inputs goes through the whole of a handler; of a method that computes or draws much the others are only
/// read.
fn rare(method: &str) -> usize {
    match method {
        "CreateBackup" | "VerifyStore" | "CompactHistory" | "ExportRecords" | "RenderChart" => 1_000,
        "SimulateElection" | "ExplainPoint" | "WatchIndicator" | "BatchQueryIndicators" | "WatchChanges" => {
            50
        }
        "ListConflicts" | "ListRecords" | "QueryIndicator" => 5,
        _ => 1,
    }
}

fn mostly_read<'a>(
    method: MethodDescriptor,
    rare: usize,
    mut whole: impl FnMut(&[u8]) -> bool + Send + 'a,
) -> impl FnMut(&[u8]) -> bool + Send + 'a {
    let (mut asked, input) = (0, method.input());
    let of_analytics = method.parent_service().full_name().starts_with("reform.analytics.");
    move |bytes| {
        asked += 1;
        if asked % rare == 1 {
            whole(bytes)
        } else if of_analytics {
            reform_analytics::parsers::Requests::is_right(method.name(), bytes)
        } else {
            DynamicMessage::decode(input.clone(), bytes).is_ok()
        }
    }
}

fn request<'a>(
    services: &'a Services,
    path: String,
    check: Option<[u8; 2]>,
) -> impl FnMut(&[u8]) -> bool + Send + 'a {
    let (runtime, mut asked) = (Handle::current(), 0);
    move |bytes| {
        asked += 1;
        let mut message = bytes.to_vec();
        message.extend(check.filter(|_| asked % STORED != 0).into_iter().flatten());
        let Err(status) = runtime.block_on(services.ask(&path, &[&message])) else { return true };
        let ours = matches!(status.code(), Code::Internal | Code::Unknown | Code::DataLoss);
        assert!(!ours, "{path} answers {status:?}");
        false
    }
}

fn examples() -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut examples: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for line in EXAMPLES.lines() {
        let (name, text) = line.split_once(' ').expect("a name and a message");
        let descriptor = descriptors::pool().get_message_by_name(name).expect("a message of the contract");
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let message = DynamicMessage::deserialize(descriptor, &mut deserializer).expect(line);
        examples.entry(name.to_owned()).or_default().push(message.encode_to_vec());
    }
    examples
}

/// Requests with a token that is good.
async fn tokens(services: &Services) -> Vec<Vec<u8>> {
    let mut requests = Vec::new();
    for order_by in ["", "name desc"] {
        let request =
            v1::ListRecordsRequest { page_size: 2, order_by: order_by.to_owned(), ..Default::default() };
        let path = "/reform.data.v1.RecordService/ListRecords";
        let answer = services.data.ask(path, &[&request.encode_to_vec()]).await.unwrap();
        let page_token = v1::ListRecordsResponse::decode(answer).unwrap().next_page_token;
        requests.push(v1::ListRecordsRequest { page_token, ..request }.encode_to_vec());
    }
    requests
}
