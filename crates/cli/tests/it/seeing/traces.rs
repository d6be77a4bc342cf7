//! Spans of both services at a collector in this process.

use std::net::SocketAddr;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use reform_api::analytics::v1::QueryIndicatorRequest;
use reform_api::analytics::v1::indicator_service_client::IndicatorServiceClient;
use reform_api::analytics::v1::query_indicator_request::AsOf;
use reform_api::data::v1::GetRecordRequest;
use reform_runtime::traces;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use super::pair::{Pair, question};

/// Hands on what it is sent.
struct Collector(mpsc::UnboundedSender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.send(request.into_inner()).unwrap();
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn collector() -> (SocketAddr, mpsc::UnboundedReceiver<ExportTraceServiceRequest>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, heard) = mpsc::unbounded_channel();
    let server = Server::builder().add_service(TraceServiceServer::new(Collector(told)));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    (address, heard)
}

fn said(attributes: &[KeyValue], key: &str) -> Option<Value> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.clone().and_then(|AnyValue { value, .. }| value)
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let Some(Value::StringValue(text)) = said(attributes, key) else { panic!("{key}: {attributes:?}") };
    text
}

/// Spans with the names of their services.
fn spans(requests: Vec<ExportTraceServiceRequest>) -> Vec<(String, Span)> {
    let of_resources = requests.into_iter().flat_map(|request| request.resource_spans);
    let spans = of_resources.flat_map(|resource| {
        let service = text(&resource.resource.unwrap().attributes, "service.name");
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.map(|span| (service.clone(), span)).collect::<Vec<_>>()
    });
    spans.collect()
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_goes_from_the_caller_through_both_services() {
    let (address, mut heard) = collector().await;
    let endpoint = format!("http://{address}");
    let pair = Pair::start(|front| {
        front.traces = Some(traces::Config { endpoint: endpoint.clone(), ca: None, sample_percent: 100 });
    })
    .await;
    let revision = pair.create("law").await;
    let get = GetRecordRequest { name: "records/none".to_owned(), ..Default::default() };
    pair.data.get_record(get).await.unwrap_err();
    pair.analytics.query_indicator(question(revision)).await.unwrap();
    // A time is asked of the data service.
    let time = prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 };
    let past = QueryIndicatorRequest { as_of: Some(AsOf::AsOfTime(time)), ..question(0) };
    let mut request = Request::new(past);
    let context = format!("00-{TRACE}-{CALLER}-01");
    request.metadata_mut().insert("traceparent", context.parse().unwrap());
    request.metadata_mut().insert("x-request-id", "mine-1".parse().unwrap());
    IndicatorServiceClient::new(pair.analytics.channel()).query_indicator(request).await.unwrap();
    // What is under way is sent at the end.
    pair.stop().await;

    let mut requests = Vec::new();
    while let Ok(request) = heard.try_recv() {
        requests.push(request);
    }
    let spans = spans(requests);
    let traced: Vec<_> = spans.iter().filter(|(_, span)| hex(&span.trace_id) == TRACE).collect();
    let of = |service: &str| {
        let found: Vec<_> = traced.iter().filter(|(name, _)| name == service).collect();
        assert_eq!(found.len(), 1, "{service}: {spans:?}");
        &found[0].1
    };
    let (asked, counted) = (of("reform-analytics"), of("reform-data"));
    assert_eq!(hex(&asked.parent_span_id), CALLER);
    assert_eq!(counted.parent_span_id, asked.span_id);
    assert_eq!(asked.name, "reform.analytics.v1.IndicatorService/QueryIndicator");
    assert_eq!(counted.name, "reform.data.v1.RecordService/CountRecords");
    for (key, value) in [
        ("rpc.system", "grpc"),
        ("rpc.service", "reform.data.v1.RecordService"),
        ("rpc.method", "CountRecords"),
        ("reform.request_id", "mine-1"),
    ] {
        assert_eq!(text(&counted.attributes, key), value, "{key}");
    }
    assert_eq!(said(&counted.attributes, "rpc.grpc.status_code"), Some(Value::IntValue(0)));

    // Without a context a trace begins here; what the caller did wrong is no error of the service.
    let (_, missed) =
        spans.iter().find(|(_, span)| span.name == "reform.data.v1.RecordService/GetRecord").unwrap();
    assert!(missed.parent_span_id.is_empty() && hex(&missed.trace_id) != TRACE);
    assert_eq!(said(&missed.attributes, "rpc.grpc.status_code"), Some(Value::IntValue(5)));
    assert_eq!(missed.status.as_ref().map_or(0, |status| status.code), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_holds_up_nothing() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let pair = Pair::start(|front| {
        let endpoint = format!("http://{nobody}");
        front.traces = Some(traces::Config { endpoint, ca: None, sample_percent: 100 });
    })
    .await;
    let revision = pair.create("law").await;
    pair.analytics.query_indicator(question(revision)).await.unwrap();
    pair.stop().await;
}
