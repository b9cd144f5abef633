//! The accept loop of both HTTP listeners: connection limit, header timeout, HTTP/1 and h2c, graceful drain.
//!
//! hyper reads a connection's first bytes without a time limit when it guesses the protocol, so this module looks at
//! them itself, within the header timeout, and then serves one protocol.

mod lingering;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::limits;
use lingering::Lingering;

/// The first bytes of an HTTP/2 connection (RFC 9113, section 3.4), which a SETTINGS frame's header follows.
const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER_BYTES: usize = 9;

/// How long a client may leave what it is sent unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until `stop`, then lets what runs finish. `service` is made for each connection, from the client's address.
pub async fn serve<S, B>(
    listener: TcpListener,
    stop: CancellationToken,
    service: impl Fn(SocketAddr) -> S,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let places = Arc::new(Semaphore::new(limits::HTTP_CONNECTIONS_MAX));
    let connections = TaskTracker::new();
    loop {
        let place = places
            .clone()
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let connection = serve_connection(stream, service(address), stop.clone());
                connections.spawn(async move {
                    let _place = place;
                    if let Err(error) = connection.await {
                        tracing::debug!(%address, error, "an HTTP connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an HTTP connection could not be accepted");
                // Out of file descriptors, most likely: give others time to close theirs.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

type ConnectionError = Box<dyn std::error::Error + Send + Sync>;

async fn serve_connection<S, B>(
    stream: TcpStream,
    service: S,
    stop: CancellationToken,
) -> Result<(), ConnectionError>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    stream.set_nodelay(true)?;
    let is_http2 = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        looked = speaks_http2(&stream) => looked?,
    };
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let io = TokioIo::new(Lingering::new(Box::pin(stream)));
    if is_http2 {
        let mut connection = pin!(http2_builder().serve_connection(io, service));
        tokio::select! {
            served = connection.as_mut() => return Ok(served?),
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        Ok(connection.await?)
    } else {
        let mut connection = pin!(http1_builder().serve_connection(io, service));
        tokio::select! {
            served = connection.as_mut() => return Ok(served?),
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        Ok(connection.await?)
    }
}

/// Whether the client begins with HTTP/2's preface. Takes nothing from the stream.
async fn speaks_http2(stream: &TcpStream) -> Result<bool, ConnectionError> {
    let deadline = Instant::now() + limits::HTTP_HEADER_TIMEOUT;
    let mut first = [0; HTTP2_PREFACE.len() + FRAME_HEADER_BYTES];
    loop {
        let peeked = tokio::time::timeout_at(deadline, stream.peek(&mut first)).await;
        let bytes = peeked.map_err(|_| "no request within the header timeout")??;
        let preface_bytes = bytes.min(HTTP2_PREFACE.len());
        if bytes == 0 || first[..preface_bytes] != HTTP2_PREFACE[..preface_bytes] {
            return Ok(false);
        }
        if bytes == first.len() {
            return Ok(true);
        }
        // More is to come; a socket with something to read is always ready, so waiting for readiness would spin.
        tokio::time::timeout_at(deadline, tokio::time::sleep(Duration::from_millis(5)))
            .await
            .map_err(|_| "no complete HTTP/2 preface within the header timeout")?;
    }
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HTTP_HEADER_TIMEOUT)
        .max_buf_size(limits::HTTP_HEADER_BYTES_MAX);
    builder
}

fn http2_builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::HTTP2_STREAMS_MAX)
        .max_header_list_size(limits::HTTP_HEADER_BYTES_MAX as u32)
        .max_pending_accept_reset_streams(32)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(limits::HTTP_HEADER_TIMEOUT);
    builder
}
