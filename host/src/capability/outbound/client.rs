//! The HTTP client of one function: HTTP/1.1 and, where TLS agrees on it, HTTP/2; on connections that the guard opened.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{self, Connected, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout};
use tower::{BoxError, Service};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::body::TimedBody;
use super::guard::{Connection, Denied, Guard};
use super::{Denials, error};
use crate::limits::{
    OUTBOUND_CONNECT_TIMEOUT, OUTBOUND_HEAD_BYTES_MAX, OUTBOUND_IDLE_PER_DESTINATION,
    OUTBOUND_IDLE_TIMEOUT, OUTBOUND_READ_TIMEOUT,
};
use crate::model::outbound::Destination;

/// Sends requests whose destinations have been found to be granted.
pub(super) struct HttpClient(Client<Connector, WasiBody>);

/// How long each part of an exchange may take.
pub(super) struct Timeouts {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
    /// When the invocation has to be over, and with it the exchange.
    until: Instant,
}

impl Timeouts {
    /// What the guest asked for, and no more than the host allows.
    pub(super) fn new(asked: Option<RequestOptions>, until: Instant) -> Timeouts {
        let asked = asked.unwrap_or_default();
        let within =
            |asked: Option<Duration>, most: Duration| asked.map_or(most, |asked| asked.min(most));
        Timeouts {
            connect: within(asked.connect_timeout, OUTBOUND_CONNECT_TIMEOUT),
            first_byte: within(asked.first_byte_timeout, OUTBOUND_READ_TIMEOUT),
            between_bytes: within(asked.between_bytes_timeout, OUTBOUND_READ_TIMEOUT),
            until,
        }
    }
}

impl HttpClient {
    pub(super) fn new(guard: Arc<Guard>, tls: Arc<ClientConfig>) -> HttpClient {
        let connector = Connector(HttpsConnector::from((Dialler(guard), tls)));
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(OUTBOUND_IDLE_TIMEOUT)
            .pool_max_idle_per_host(OUTBOUND_IDLE_PER_DESTINATION)
            .http1_max_buf_size(OUTBOUND_HEAD_BYTES_MAX)
            .http2_max_header_list_size(OUTBOUND_HEAD_BYTES_MAX as u32)
            .build(connector);
        HttpClient(client)
    }

    /// Sends a request and waits for the head of its response; the body follows as it comes.
    pub(super) async fn send(
        &self,
        mut request: Request<WasiBody>,
        timeouts: &Timeouts,
        denials: &Denials,
    ) -> Result<Response<WasiBody>, Error> {
        let mut connection = capture_connection(&mut request);
        let mut exchange = pin!(self.0.request(request));
        let connected = async {
            drop(connection.wait_for_connection_metadata().await);
        };
        let connecting = async {
            tokio::select! {
                biased;
                answered = &mut exchange => Some(answered),
                () = connected => None,
            }
        };
        let answered = match timeout(timeouts.connect, connecting).await {
            Err(_) => return Err(Error::ConnectionTimeout),
            Ok(Some(answered)) => answered,
            Ok(None) => match timeout(timeouts.first_byte, exchange).await {
                Err(_) => return Err(Error::ConnectionReadTimeout),
                Ok(answered) => answered,
            },
        };
        let response = answered.map_err(|failed| {
            if let Some(denied) = error::find::<Denied>(&failed) {
                denials.tell(denied);
            }
            error::of_exchange(&failed)
        })?;
        let timed = |body| TimedBody::new(body, timeouts.between_bytes, timeouts.until);
        Ok(response.map(|body| timed(body).boxed_unsync()))
    }
}

/// Opens a connection with TLS where the scheme asks for it, within the time that it may take.
#[derive(Clone)]
struct Connector(HttpsConnector<Dialler>);

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<Connection>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        // Also those that nobody waits for any longer, because another connection became free first.
        Box::pin(async { timeout(OUTBOUND_CONNECT_TIMEOUT, connecting).await? })
    }
}

/// Opens connections through the guard.
#[derive(Clone)]
struct Dialler(Arc<Guard>);

impl Service<Uri> for Dialler {
    type Response = TokioIo<Connection>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let guard = self.0.clone();
        Box::pin(async move {
            let (scheme, host) = (uri.scheme_str(), uri.host());
            let destination = Destination::new(
                scheme.unwrap_or_default(),
                host.unwrap_or_default(),
                uri.port_u16(),
            )?;
            let connection = guard
                .connect(&destination, OUTBOUND_CONNECT_TIMEOUT)
                .await?;
            Ok(TokioIo::new(connection))
        })
    }
}

impl connect::Connection for Connection {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
