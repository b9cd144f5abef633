//! A collector of traces: takes spans by OTLP over HTTP, and shows what came.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
pub use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use tokio::net::TcpListener;

use crate::{SOON, eventually};

/// A collector on 127.0.0.1.
pub struct Collector {
    /// Where it is, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub url: String,
    spans: Arc<Mutex<Vec<Collected>>>,
}

/// A span that came.
#[derive(Clone, Debug)]
pub struct Collected {
    /// The service that it is of.
    pub service: String,
    /// The span.
    pub span: Span,
}

impl Collector {
    /// A collector that nothing has come to yet.
    pub async fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let spans = Arc::<Mutex<Vec<Collected>>>::default();
        let collected = spans.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let collected = collected.clone();
                let service = service_fn(move |request| take(request, collected.clone()));
                tokio::spawn(async move {
                    let io = TokioIo::new(socket);
                    let served = auto::Builder::new(TokioExecutor::new());
                    // The host closes its connection when it likes.
                    let _ = served.serve_connection(io, service).await;
                });
            }
        });
        Collector {
            url: format!("http://{address}"),
            spans,
        }
    }

    /// What has come.
    pub fn spans(&self) -> Vec<Collected> {
        self.spans.lock().expect("no holder panics").clone()
    }

    /// Waits for a span of this name.
    pub async fn await_span(&self, name: &str) -> Collected {
        eventually(&format!("a span `{name}` comes"), SOON, async || {
            let spans = self.spans();
            spans.into_iter().find(|of| of.span.name == name)
        })
        .await
    }
}

impl Collected {
    /// The text of an attribute.
    pub fn attribute(&self, key: &str) -> Option<String> {
        text(&self.span.attributes, key)
    }

    /// The trace's id in hexadecimal.
    pub fn trace(&self) -> String {
        hex(&self.span.trace_id)
    }

    /// Its kind.
    pub fn kind(&self) -> SpanKind {
        SpanKind::try_from(self.span.kind).unwrap_or(SpanKind::Unspecified)
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

async fn take(
    request: Request<Incoming>,
    collected: Arc<Mutex<Vec<Collected>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(request.uri().path(), "/v1/traces");
    let body = request.into_body().collect().await.expect("a body");
    let export = ExportTraceServiceRequest::decode(body.to_bytes()).expect("OTLP");
    let mut spans = collected.lock().expect("no holder panics");
    for resource in export.resource_spans {
        let attributes = resource.resource.map(|resource| resource.attributes);
        let service = text(&attributes.unwrap_or_default(), "service.name").unwrap_or_default();
        let of_scopes = resource.scope_spans.into_iter();
        spans.extend(
            of_scopes
                .flat_map(|scope| scope.spans)
                .map(|span| Collected {
                    service: service.clone(),
                    span,
                }),
        );
    }
    Ok(Response::new(Full::default()))
}
