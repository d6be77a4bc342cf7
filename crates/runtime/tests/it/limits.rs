//! Limits as a peer sees them on the wire.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use futures::channel::mpsc::{UnboundedSender, unbounded};
use http::{Request, Response};
use http_body::Frame as Part;
use hyper::body::Incoming;
use reform_api::error::{Reason, metadata, reason};
use reform_frames::{self as frame, Frame, HeaderBlocks};
use reform_runtime::calls::Received;
use reform_runtime::front::{Config, Front};
use reform_runtime::health::Health;
use reform_runtime::{background, limits, server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};
use tonic_types::StatusExt;
use tower::Service;

use crate::stub::ask;

/// How long anything may take that is expected to happen.
const SOON: Duration = Duration::from_secs(30);
/// Within it comes what comes at once.
const MOMENT: Duration = Duration::from_millis(100);
const ENHANCE_YOUR_CALM: u32 = 11;
/// Those of an answer that is given in pieces.
const LARGE_BYTES: usize = 300_000;
const LIST: &str = "/reform.data.v1.RecordService/ListRecords";
const CHECK: &str = "/grpc.health.v1.Health/Check";

/// Ends with its guard.
struct Running {
    address: SocketAddr,
    _stop: DropGuard,
}

async fn start(change: impl FnOnce(Config) -> Config) -> Running {
    let front: Front = change(Config::new("127.0.0.1:0".parse().unwrap())).open().await.unwrap();
    let (address, health, stop) = (front.address().unwrap(), Health::new([]), CancellationToken::new());
    health.set_all(true);
    let routes = front.routes(&health).unwrap().add_service(Answers::<true>).add_service(Answers::<false>);
    tokio::spawn(server::serve(front, routes, health, None, stop.clone(), server::DRAIN));
    Running { address, _stop: stop.drop_guard() }
}

/// A service that answers every call alike: with a feed that never ends, or with a read that has much in it.
#[derive(Debug, Clone)]
struct Answers<const FEED: bool>;

impl<const FEED: bool> Answers<FEED> {
    fn body() -> Body {
        if !FEED {
            return Body::new(http_body_util::Full::new(Bytes::from(vec![0; LARGE_BYTES])));
        }
        let part = || Ok::<_, Status>(Part::data(Bytes::from_static(&[0; 1_000])));
        Body::new(http_body_util::StreamBody::new(futures::stream::repeat_with(part)))
    }
}

impl<const FEED: bool> tonic::server::NamedService for Answers<FEED> {
    const NAME: &'static str =
        if FEED { "reform.data.v1.ChangeService" } else { "reform.data.v1.RecordService" };
}

impl<const FEED: bool> Service<Request<Received<Incoming>>> for Answers<FEED> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Received<Incoming>>) -> Self::Future {
        let mut answer = Response::new(Self::body());
        if !FEED {
            answer.extensions_mut().insert(background::Large);
        }
        Box::pin(async { Ok(answer) })
    }
}

/// A peer that says what it likes.
struct Peer {
    socket: TcpStream,
    input: BytesMut,
}

/// A frame that came.
#[derive(Debug)]
struct Told {
    kind: u8,
    payload: Vec<u8>,
}

impl Peer {
    async fn connect(address: SocketAddr) -> Self {
        Self::with_settings(address, &[]).await
    }

    /// It never takes a byte of an answer.
    async fn taking_nothing(address: SocketAddr) -> Self {
        let settings = [&frame::SETTING_INITIAL_WINDOW.to_be_bytes()[..], &0_u32.to_be_bytes()].concat();
        Self::with_settings(address, &settings).await
    }

    async fn with_settings(address: SocketAddr, settings: &[u8]) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        let mut peer = Self { socket, input: BytesMut::new() };
        let mut hello = frame::PREFACE.to_vec();
        frame::put(&mut hello, frame::SETTINGS, 0, 0, settings);
        peer.say(&hello).await;
        peer
    }

    async fn say(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    /// The next frame that is none of the connection's keeping, which is answered; none at the end.
    async fn hear(&mut self) -> Option<Told> {
        loop {
            while let Some((frame, length)) = Frame::first(&self.input) {
                let (kind, flags, payload) = (frame.kind, frame.flags, frame.payload.to_vec());
                self.input.advance(length);
                match kind {
                    frame::SETTINGS | frame::WINDOW_UPDATE => {}
                    frame::PING if flags & frame::ACK != 0 => {}
                    frame::PING => {
                        let mut answer = Vec::new();
                        frame::put(&mut answer, frame::PING, frame::ACK, 0, &payload);
                        self.say(&answer).await;
                    }
                    _ => return Some(Told { kind, payload }),
                }
            }
            let read = timeout(SOON, self.socket.read_buf(&mut self.input)).await.expect("soon");
            if !read.is_ok_and(|read| read > 0) {
                return None;
            }
        }
    }

    /// How a call with a large answer ends within a moment, if it does.
    async fn list(&mut self) -> Option<Code> {
        self.call(LIST).await;
        let mut decoder = loona_hpack::Decoder::new();
        loop {
            let told = timeout(MOMENT, self.hear()).await.ok()?.expect("the connection stays");
            assert_eq!(told.kind, frame::HEADERS, "{told:?}");
            let headers = decoder.decode(&told.payload).unwrap();
            if let Some((_, status)) = headers.into_iter().find(|(name, _)| name == b"grpc-status") {
                return Some(Code::from_bytes(&status));
            }
        }
    }

    /// Headers of a call, and its empty message.
    async fn call(&mut self, path: &str) {
        self.call_on(1, path).await;
    }

    async fn call_on(&mut self, stream: u32, path: &str) {
        let mut bytes = Vec::new();
        let block = HeaderBlocks::new(path, "here", None).unwrap().first;
        frame::put(&mut bytes, frame::HEADERS, frame::END_HEADERS, stream, &block);
        frame::put(&mut bytes, frame::DATA, frame::END_STREAM, stream, &[0; 5]);
        self.say(&bytes).await;
    }
}

/// The code of a GOAWAY.
fn code(told: &Told) -> u32 {
    assert_eq!(told.kind, frame::GOAWAY, "{told:?}");
    u32::from_be_bytes(told.payload[4..8].try_into().unwrap())
}

async fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn an_old_connection_goes_away_and_calls_go_on() {
    let running = start(|config| Config { age_max: Duration::from_millis(300), ..config }).await;
    let mut client = HealthClient::new(channel(running.address).await);
    let mut peer = Peer::connect(running.address).await;
    let aged = async {
        let told = peer.hear().await.expect("it says so first");
        assert_eq!(code(&told), 0);
        while peer.hear().await.is_some() {}
    };
    let calling = async {
        loop {
            client.check(ask("")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let twice = async {
        aged.await;
        // Those who call are on their third connection by then.
        let mut next = Peer::connect(running.address).await;
        while next.hear().await.is_some() {}
    };
    tokio::select! {
        () = twice => {}
        () = calling => {}
    }
}

#[tokio::test]
async fn a_flood_is_told_to_be_calm() {
    let running = start(|config| config).await;
    let peer = Peer::connect(running.address).await;
    let mut pings = Vec::new();
    for _ in 0..100 {
        frame::put(&mut pings, frame::PING, 0, 0, &[7; 8]);
    }
    let (mut reading, mut writing) = peer.socket.into_split();
    // It reads what it is told meanwhile, and stops to flood once it was told enough.
    let flood = tokio::spawn(async move { while writing.write_all(&pings).await.is_ok() {} });
    let mut input = BytesMut::new();
    let told = loop {
        assert!(timeout(SOON, reading.read_buf(&mut input)).await.expect("soon").unwrap() > 0, "not told");
        let mut goaway = None;
        while let Some((frame, length)) = Frame::first(&input) {
            if frame.kind == frame::GOAWAY {
                goaway = Some(Told { kind: frame.kind, payload: frame.payload.to_vec() });
            }
            input.advance(length);
        }
        if let Some(goaway) = goaway {
            break goaway;
        }
    };
    assert_eq!(code(&told), ENHANCE_YOUR_CALM);
    flood.abort();
    assert!(HealthClient::new(channel(running.address).await).check(ask("")).await.is_ok());
}

#[tokio::test]
async fn a_feed_of_which_nothing_is_taken_is_cut() {
    let stalled_max = Duration::from_millis(200);
    let running = start(|config| Config { stalled_max, ..config }).await;
    let mut peer = Peer::connect(running.address).await;
    peer.call("/reform.data.v1.ChangeService/WatchChanges").await;
    let mut bytes = 0;
    // It takes what fits its window, and never opens it again.
    while let Some(told) = peer.hear().await {
        bytes += if told.kind == frame::DATA { told.payload.len() } else { 0 };
    }
    assert_eq!(bytes, frame::WINDOW_DEFAULT as usize);
}

#[tokio::test]
async fn a_small_answer_that_is_not_taken_is_cut() {
    let stalled_max = Duration::from_millis(200);
    let running = start(|config| Config { stalled_max, ..config }).await;
    let mut peer = Peer::taking_nothing(running.address).await;
    peer.call(CHECK).await;
    assert_eq!(peer.hear().await.unwrap().kind, frame::HEADERS);
    assert!(peer.hear().await.is_none(), "it holds no place for long");
}

#[tokio::test]
async fn who_takes_nothing_is_told_that_there_is_no_room() {
    let limits = limits::Config { answers_bytes_max: 4 * LARGE_BYTES as u64, ..limits::Config::default() };
    let running = start(|config| Config { limits, ..config }).await;
    let mut unread = Vec::new();
    let status = loop {
        let mut peer = Peer::taking_nothing(running.address).await;
        let status = peer.list().await;
        unread.push(peer);
        assert!(unread.len() < 100, "there is always room");
        if let Some(status) = status {
            break status;
        }
    };
    assert_eq!(status, Code::ResourceExhausted);
    unread.clear();
    // There is room again as soon as the service knows that they left.
    let again = async {
        while Peer::taking_nothing(running.address).await.list().await.is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, again).await.expect("room again");
}

#[tokio::test]
async fn too_much_metadata_is_431() {
    let running = start(|config| config).await;
    let mut peer = Peer::connect(running.address).await;
    let part = "x".repeat(120);
    let more: Vec<(&str, &str)> = (0..150).map(|_| ("x-more", part.as_str())).collect();
    let block = HeaderBlocks::new(CHECK, "here", None).unwrap().first;
    let block =
        [block, HeaderBlocks::of_other(CHECK, &more).unwrap().split_off(3 + CHECK.len() + 1 + 3)].concat();
    let (first, rest) = block.split_at(frame::PAYLOAD_MAX);
    let mut bytes = Vec::new();
    frame::put(&mut bytes, frame::HEADERS, 0, 1, first);
    frame::put(&mut bytes, frame::CONTINUATION, frame::END_HEADERS, 1, rest);
    frame::put(&mut bytes, frame::DATA, frame::END_STREAM, 1, &[0; 5]);
    peer.say(&bytes).await;
    let told = peer.hear().await.unwrap();
    assert_eq!(told.kind, frame::HEADERS, "{told:?}");
    let headers = loona_hpack::Decoder::new().decode(&told.payload).unwrap();
    assert_eq!(headers[0], (b":status".to_vec(), b"431".to_vec()));
}

#[tokio::test]
async fn who_is_refused_unread_is_heard_of_now_and_then() {
    let running = start(|config| config).await;
    let mut peer = Peer::connect(running.address).await;
    let began = Instant::now();
    for number in 0..11 {
        // Nobody serves it, so that nobody looks at the request.
        peer.call_on(2 * number + 1, "/nobody.Serves/This").await;
        assert_eq!(peer.hear().await.expect("the connection stays").kind, frame::HEADERS);
    }
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
}

#[tokio::test]
async fn large_requests_are_taken_at_a_pace() {
    let running = start(|config| config).await;
    let processors = std::thread::available_parallelism().unwrap().get();
    let half_a_second = processors * (16 << 20);
    let large = ServerReflectionRequest {
        host: "x".repeat(60_000),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let requests = futures::stream::iter(vec![large; half_a_second / 60_000]);
    let mut client = ServerReflectionClient::new(channel(running.address).await);
    let began = Instant::now();
    let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
    while answers.message().await.unwrap().is_some() {}
    assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
}

/// A call that lasts until both parts of this are dropped.
type Read = (UnboundedSender<ServerReflectionRequest>, Streaming<ServerReflectionResponse>);

/// Of the sort that is refused before the feed and health are.
async fn read(channel: &Channel) -> Result<Read, Status> {
    let (keep, asked) = unbounded();
    let answer = ServerReflectionClient::new(channel.clone()).server_reflection_info(asked).await;
    Ok((keep, answer?.into_inner()))
}

#[tokio::test]
async fn too_many_calls_are_refused_and_health_is_not() {
    let limits = limits::Config { calls_max: 4, ..limits::Config::default() };
    let running = start(|config| Config { limits, ..config }).await;
    let channel = channel(running.address).await;
    let mut under_way = Vec::new();
    // Three quarters of the calls are for reads.
    for _ in 0..3 {
        under_way.push(read(&channel).await.unwrap());
    }
    for _ in 0..2 {
        let refused = read(&channel).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert_eq!(reason(&refused).as_deref(), Some(Reason::Overloaded.as_str()));
        let told = ["limit", "class"].map(|key| metadata(&refused, key).unwrap());
        assert_eq!(told, ["calls-max", "read"]);
        assert!(refused.get_details_retry_info().is_some(), "{refused:?}");
        assert!(refused.metadata().contains_key("x-request-id"), "{refused:?}");
    }
    assert!(HealthClient::new(channel.clone()).check(ask("")).await.is_ok());
    under_way.pop();
    let again = async {
        while read(&channel).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, again).await.expect("a place is given back");
}
