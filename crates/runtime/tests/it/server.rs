//! A real server on a free port.

use std::net::SocketAddr;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use reform_api::error::{Reason, reason};
use reform_runtime::front::Front;
use reform_runtime::health::Health;
use reform_runtime::routes::Routes;
use reform_runtime::server::{self, Error, Exit};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckResponse;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::pb::{v1, v1alpha};

use crate::stub::{Stub, ask};

struct Running {
    address: SocketAddr,
    health: Health,
    stop: CancellationToken,
    ended: JoinHandle<Exit>,
}

async fn start(routes: impl FnOnce(&Front, &Health) -> Routes, drain: Duration) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let health = Health::new(["reform.data.v1.RecordService", "writes"]);
    let stop = CancellationToken::new();
    let front = Front::from(listener);
    let routes = routes(&front, &health);
    let ended = tokio::spawn(server::serve(front, routes, health.clone(), None, stop.clone(), drain));
    Running { address, health, stop, ended }
}

fn standard(front: &Front, health: &Health) -> Routes {
    front.routes(health).unwrap()
}

fn stub(_: &Front, _: &Health) -> Routes {
    Routes::new(HealthServer::new(Stub::default()))
}

async fn channel(address: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

fn status(answer: &HealthCheckResponse) -> ServingStatus {
    answer.status()
}

#[tokio::test]
async fn health_tells_each_name_apart() {
    let running = start(standard, server::DRAIN).await;
    let mut client = HealthClient::new(channel(running.address).await);
    running.health.set_all(true);
    running.health.set("writes", false);
    let table = [
        ("", ServingStatus::Serving),
        ("reform.data.v1.RecordService", ServingStatus::Serving),
        ("writes", ServingStatus::NotServing),
    ];
    for (name, expected) in table {
        assert_eq!(status(client.check(ask(name)).await.unwrap().get_ref()), expected, "{name}");
    }
    assert_eq!(client.check(ask("nobody")).await.unwrap_err().code(), Code::NotFound);
    let mut unknown = client.watch(ask("nobody")).await.unwrap().into_inner();
    assert_eq!(status(&unknown.message().await.unwrap().unwrap()), ServingStatus::ServiceUnknown);
}

#[tokio::test]
async fn a_drain_ends_health_watches_and_silent_connections() {
    let running = start(standard, Duration::from_secs(60)).await;
    running.health.set_all(true);
    let silent = TcpStream::connect(running.address).await.unwrap();
    let mut client = HealthClient::new(channel(running.address).await);
    let mut watch = client.watch(ask("")).await.unwrap().into_inner();
    assert_eq!(status(&watch.message().await.unwrap().unwrap()), ServingStatus::Serving);
    running.stop.cancel();
    let end = loop {
        match watch.message().await {
            Ok(Some(answer)) => assert_eq!(status(&answer), ServingStatus::NotServing),
            Ok(None) => panic!("a watch ends with a status"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&end).as_deref(), Some(Reason::ShuttingDown.as_str()));
    assert_eq!(running.ended.await.unwrap(), Exit::Drained);
    assert!(TcpStream::connect(running.address).await.is_err());
    drop(silent);
}

#[tokio::test]
async fn a_stream_that_never_ends_is_cut_off_at_the_limit() {
    let running = start(stub, Duration::from_millis(20)).await;
    let mut client = HealthClient::new(channel(running.address).await);
    let mut never = client.watch(ask("never")).await.unwrap().into_inner();
    never.message().await.unwrap().unwrap();
    running.stop.cancel();
    assert_eq!(running.ended.await.unwrap(), Exit::Forced);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_at_the_limit() {
    let running = start(stub, Duration::from_millis(20)).await;
    let mut client = HealthClient::new(channel(running.address).await);
    let unread = client.watch(ask("flood")).await.unwrap();
    running.stop.cancel();
    assert_eq!(running.ended.await.unwrap(), Exit::Forced);
    drop(unread);
}

#[tokio::test]
async fn a_call_under_way_is_finished_by_a_drain() {
    let service = Stub::default();
    let routes = Routes::new(HealthServer::new(service.clone()));
    let running = start(|_, _| routes, Duration::from_secs(60)).await;
    let mut client = HealthClient::new(channel(running.address).await);
    let under_way = tokio::spawn(async move { client.check(ask("gate")).await });
    service.entered.notified().await;
    running.stop.cancel();
    // The listener is closed while the call is still open: the drain has begun.
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!running.ended.is_finished());
    service.release.notify_one();
    under_way.await.unwrap().unwrap();
    assert_eq!(running.ended.await.unwrap(), Exit::Drained);
}

/// A client of hyper alone: that of tonic has a timer of its own, which would answer in the server's place.
#[tokio::test]
async fn the_deadline_answer_is_ours_and_not_that_of_the_transport() {
    let running = start(stub, server::DRAIN).await;
    let peer = TokioIo::new(TcpStream::connect(running.address).await.unwrap());
    let (sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Body>(TokioExecutor::new(), peer).await.unwrap();
    let connection = tokio::spawn(connection);
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let mut sender = sender.clone();
        async move { sender.send_request(request).await }
    });
    let origin = format!("http://{}", running.address).parse().unwrap();
    let mut client = HealthClient::with_origin(service, origin);
    for timeout_ms in [0, 1, 2, 3, 5, 10, 20] {
        let mut request = ask("never");
        request.set_timeout(Duration::from_millis(timeout_ms));
        let status: Status = client.check(request).await.unwrap_err();
        assert_eq!(reason(&status).as_deref(), Some(Reason::Deadline.as_str()), "{status:?}");
    }
    connection.abort();
}

#[tokio::test]
async fn refuses_to_listen_beyond_this_machine_unless_told() {
    let open: SocketAddr = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(server::bind(open, false).await, Err(Error::Bind(_))));
    server::bind(open, true).await.unwrap();
    server::bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
}

/// A message of the contract, one of the error details, and health.
const SYMBOLS: [&str; 3] = ["reform.data.v1.Record", "google.rpc.ErrorInfo", "grpc.health.v1.Health"];

#[tokio::test]
async fn reflection_v1_answers_for_the_contract_and_the_error_details() {
    use v1::server_reflection_request::MessageRequest;
    use v1::server_reflection_response::MessageResponse;
    let running = start(standard, server::DRAIN).await;
    let mut client =
        v1::server_reflection_client::ServerReflectionClient::new(channel(running.address).await);
    for symbol in SYMBOLS {
        let message_request = Some(MessageRequest::FileContainingSymbol(symbol.to_owned()));
        let request = v1::ServerReflectionRequest { host: String::new(), message_request };
        let requests = tokio_stream::iter([request]);
        let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
        assert!(matches!(answer, MessageResponse::FileDescriptorResponse(_)), "{symbol}: {answer:?}");
    }
}

#[tokio::test]
async fn reflection_v1alpha_answers_for_the_contract_and_the_error_details() {
    use v1alpha::server_reflection_request::MessageRequest;
    use v1alpha::server_reflection_response::MessageResponse;
    let running = start(standard, server::DRAIN).await;
    let mut client =
        v1alpha::server_reflection_client::ServerReflectionClient::new(channel(running.address).await);
    for symbol in SYMBOLS {
        let message_request = Some(MessageRequest::FileContainingSymbol(symbol.to_owned()));
        let request = v1alpha::ServerReflectionRequest { host: String::new(), message_request };
        let requests = tokio_stream::iter([request]);
        let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
        assert!(matches!(answer, MessageResponse::FileDescriptorResponse(_)), "{symbol}: {answer:?}");
    }
}
