//! A span of each call for a collector of traces, by OTLP over gRPC. The context of W3C comes with the call, or begins
//! here, and goes on to the calls that it makes.
//!
//! A span goes into a bounded queue that a thread of its own empties: a collector that is slow or away costs spans, never
//! a call. The library's own variables, such as `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_BSP_MAX_QUEUE_SIZE`, are read by it.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue, TraceId};
use opentelemetry_otlp::{SpanExporter, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};
use reform_api::client::{Credentials, Link};
use reform_api::roles;
use tonic::Code;

use crate::server::Error;

/// How long the last spans may take on their way out.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// Where a call comes from and goes to, and what its vendors add; as W3C names them.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Who collects spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The collector, such as `http://127.0.0.1:4317`.
    pub endpoint: String,
    /// Who signs its certificate; for an `https` address.
    pub ca: Option<PathBuf>,
    /// How many of a hundred traces that begin here are kept; those that began elsewhere are as decided there.
    pub sample_percent: u8,
}

/// Makes spans.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    propagator: TraceContextPropagator,
}

/// The span of a call that is under way.
#[derive(Debug)]
pub(crate) struct Traced(Span);

impl Traces {
    /// Does not connect yet; needs a runtime.
    pub(crate) fn open(config: &Config, program: &'static str) -> Result<Self, Error> {
        let wrong = |why: String| Error::Traces { endpoint: config.endpoint.clone(), why };
        let credentials = Credentials { ca: config.ca.clone(), ..Credentials::default() };
        let link =
            Link::lazy(config.endpoint.clone(), &credentials).map_err(|error| wrong(error.to_string()))?;
        let exporter = SpanExporter::builder().with_tonic().with_channel(link.channel()).build();
        let sampler = Sampler::TraceIdRatioBased(f64::from(config.sample_percent) / 100.0);
        let provider = SdkTracerProvider::builder()
            .with_resource(Resource::builder().with_service_name(program).build())
            .with_sampler(Sampler::ParentBased(Box::new(sampler)))
            .with_batch_exporter(exporter.map_err(|error| wrong(error.to_string()))?)
            .build();
        let tracer = provider.tracer(program);
        Ok(Self { provider, tracer, propagator: TraceContextPropagator::new() })
    }

    /// None for health, which is asked every other second.
    pub(crate) fn begin(&self, path: &str, headers: &HeaderMap) -> Option<Traced> {
        let access = roles::access(path);
        if access == Some(roles::Access::Open) {
            return None;
        }
        // What a caller makes up must not make names.
        let name = access.map_or("other", |_| path.trim_start_matches('/'));
        let (service, method) = name.split_once('/').unwrap_or((name, ""));
        let attributes = [("rpc.system", "grpc"), ("rpc.service", service), ("rpc.method", method)];
        let span = SpanBuilder::from_name(name.to_owned())
            .with_kind(SpanKind::Server)
            .with_attributes(attributes.map(|(key, value)| KeyValue::new(key, value.to_owned())));
        let parent = self.propagator.extract_with_context(&Context::new(), &Incoming(headers));
        Some(Traced(self.tracer.build_with_context(span, &parent)))
    }

    /// What the calls that it makes carry on.
    pub(crate) fn carried(&self, traced: &Traced) -> Vec<(HeaderName, HeaderValue)> {
        let here = Context::new().with_remote_span_context(traced.0.span_context().clone());
        let mut outgoing = Outgoing(Vec::new());
        self.propagator.inject_context(&here, &mut outgoing);
        outgoing.0
    }

    /// Sends what is there, and ends.
    pub(crate) async fn close(&self) {
        let provider = self.provider.clone();
        let closed = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_MAX)).await;
        if let Ok(Err(error)) = closed {
            tracing::warn!(%error, "the last spans are lost");
        }
    }
}

/// What a call that is not traced here carries on all the same.
pub(crate) fn passed_on(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let one = |name: HeaderName| headers.get(&name).map(|value| (name, value.clone()));
    // Without the first the second means nothing.
    one(TRACEPARENT)
        .map(|parent| std::iter::once(parent).chain(one(TRACESTATE)).collect())
        .unwrap_or_default()
}

impl Traced {
    /// By which it is found; none when its trace is not kept.
    pub(crate) fn id(&self) -> Option<TraceId> {
        self.0.is_recording().then(|| self.0.span_context().trace_id())
    }

    pub(crate) fn end(&mut self, code: Code, request_id: &str, identity: &str) {
        let Self(span) = self;
        if !span.is_recording() {
            return;
        }
        span.set_attribute(KeyValue::new("rpc.grpc.status_code", i64::from(i32::from(code))));
        span.set_attribute(KeyValue::new("reform.request_id", request_id.to_owned()));
        if !identity.is_empty() {
            span.set_attribute(KeyValue::new("enduser.id", identity.to_owned()));
        }
        // As the conventions for servers have it: what the caller did wrong is no error of the service.
        let failed = matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        );
        if failed {
            span.set_status(Status::error(reform_api::error::code_name(code)));
        }
        span.end();
    }
}

struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Outgoing(Vec<(HeaderName, HeaderValue)>);

impl Injector for Outgoing {
    fn set(&mut self, key: &str, value: String) {
        // An empty state says nothing.
        if let (Ok(name), Ok(value)) = (key.parse(), HeaderValue::try_from(value))
            && !value.is_empty()
        {
            self.0.push((name, value));
        }
    }
}
