//! MQTT in WebSocket frames (section 6 of both versions).
//!
//! A packet may span frames, and a frame may have several packets in it [MQTT-6.0.0-2]: both ways it is a stream of bytes.
//! What is written at once is one frame.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::Stream;
use crate::limits::PACKET_BYTES_MAX;

const KIB: usize = 1024;

/// Bytes of a frame, and of a message of several frames: no less than the largest packet, since some clients put each
/// packet into one.
const MESSAGE_BYTES_MAX: usize = PACKET_BYTES_MAX;
/// Bytes that are read at once. Each connection holds as much while it is idle.
const READ_BYTES: usize = 4 * KIB;
/// Bytes of a frame to a client.
const WRITE_BYTES_MAX: usize = 64 * KIB;

/// Why it is no WebSocket connection for MQTT.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct HandshakeError(Box<Error>);

/// Does the handshake as the server, and says whether it is a page in a browser that connects.
pub(super) async fn accept<S: Stream>(
    stream: S,
    is_page: &mut bool,
) -> Result<WebSocket<S>, HandshakeError> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        // Each frame is sent when it is written.
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let accepted = accept_hdr_async_with_config(stream, Handshake { is_page }, Some(config)).await;
    Ok(WebSocket {
        inner: accepted.map_err(|error| HandshakeError(Box::new(error)))?,
        unread: Bytes::new(),
        is_unflushed: false,
        is_closed: false,
    })
}

/// Answers the client's request.
struct Handshake<'a> {
    is_page: &'a mut bool,
}

impl Callback for Handshake<'_> {
    fn on_request(
        self,
        request: &Request,
        mut response: Response,
    ) -> Result<Response, ErrorResponse> {
        let header = |name| {
            request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        // Browsers send it always, and pages have no say in it (RFC 6454, section 7).
        *self.is_page = header("origin").is_some_and(|origin| !is_own(origin, header("host")));
        if !matches!(request.uri().path(), "/" | "/mqtt") {
            let text = "MQTT is at /mqtt\n";
            return Err(refusal(StatusCode::NOT_FOUND, text));
        }
        let Some(protocol) = sub_protocol(request) else {
            let text = "ask for the sub-protocol `mqtt`\n";
            return Err(refusal(StatusCode::BAD_REQUEST, text));
        };
        let protocol = HeaderValue::from_static(protocol);
        response.headers_mut().insert(SUB_PROTOCOL_HEADER, protocol);
        Ok(response)
    }
}

/// Whether this origin is nothing but this listener by a name that is this machine's own, as libraries have it who are no
/// browsers. By another name it could be anybody's, who has it resolve to this machine.
fn is_own(origin: &str, host: Option<&str>) -> bool {
    let Some((_, authority)) = origin.split_once("://") else {
        return false;
    };
    let name = authority
        .rsplit_once(':')
        .map_or(authority, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let address = name.parse::<IpAddr>();
    let is_loopback = name == "localhost" || address.is_ok_and(|address| address.is_loopback());
    is_loopback && host == Some(authority)
}

const SUB_PROTOCOL_HEADER: &str = "sec-websocket-protocol";

/// The one to answer with [MQTT-6.0.0-3, MQTT-6.0.0-4]. The second one is older, and is still asked for.
fn sub_protocol(request: &Request) -> Option<&'static str> {
    let offers = request.headers().get_all(SUB_PROTOCOL_HEADER);
    let offers = offers.iter().filter_map(|offer| offer.to_str().ok());
    let offered: Vec<&str> = offers
        .flat_map(|offer| offer.split(','))
        .map(str::trim)
        .collect();
    ["mqtt", "mqttv3.1"]
        .into_iter()
        .find(|known| offered.contains(known))
}

fn refusal(status: StatusCode, text: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(text.to_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("connection", HeaderValue::from_static("close"));
    headers.insert("content-length", HeaderValue::from(text.len()));
    response
}

/// A stream of bytes in binary frames.
pub(super) struct WebSocket<S> {
    inner: WebSocketStream<S>,
    /// Of the last message.
    unread: Bytes,
    /// Something is to be sent still.
    is_unflushed: bool,
    /// The closing frame is on its way.
    is_closed: bool,
}

impl<S: Stream> WebSocket<S> {
    /// Tells the client why it is closed, if it can be told at once, and gives the reader's error.
    fn fail(&mut self, context: &mut Context<'_>, code: CloseCode, text: String) -> io::Error {
        let close = CloseFrame {
            code,
            reason: text.as_str().into(),
        };
        let mut inner = Pin::new(&mut self.inner);
        if inner
            .as_mut()
            .start_send(Message::Close(Some(close)))
            .is_ok()
        {
            let _ = inner.poll_flush(context);
        }
        self.is_closed = true;
        io::Error::new(io::ErrorKind::InvalidData, text)
    }

    /// Waits for the next bytes. None at the end.
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            let message = ready!(Pin::new(&mut self.inner).poll_next(context));
            return Poll::Ready(match message {
                Some(Ok(Message::Binary(bytes))) if bytes.is_empty() => continue,
                Some(Ok(Message::Binary(bytes))) => Ok(Some(bytes)),
                Some(Ok(Message::Text(_))) => {
                    let text = "MQTT comes in binary frames [MQTT-6.0.0-1]".to_owned();
                    Err(self.fail(context, CloseCode::Unsupported, text))
                }
                // Pings and closing frames are answered by the next read.
                Some(Ok(_)) => continue,
                Some(Err(Error::Capacity(error))) => {
                    Err(self.fail(context, CloseCode::Size, error.to_string()))
                }
                Some(Err(Error::Protocol(error))) => {
                    Err(self.fail(context, CloseCode::Protocol, error.to_string()))
                }
                Some(Err(error)) => Err(into_io(error)),
                None => Ok(None),
            });
        }
    }
}

fn into_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::BrokenPipe.into(),
        error => io::Error::other(error),
    }
}

impl<S: Stream> AsyncRead for WebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_unflushed {
            // Whoever reads waits for an answer to what was written.
            let _ = self.as_mut().poll_flush(context)?;
        }
        if self.unread.is_empty() {
            match ready!(self.poll_message(context))? {
                Some(bytes) => self.unread = bytes,
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread[..length]);
        self.unread.advance(length);
        if self.unread.is_empty() {
            // It would keep the whole message's memory.
            self.unread = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for WebSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut inner = Pin::new(&mut self.inner);
        ready!(inner.as_mut().poll_ready(context)).map_err(into_io)?;
        let length = bytes.len().min(WRITE_BYTES_MAX);
        let message = Message::Binary(Bytes::copy_from_slice(&bytes[..length]));
        inner.start_send(message).map_err(into_io)?;
        self.is_unflushed = true;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_flush(context)).map_err(into_io)?;
        self.is_unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_closed {
            // Where the client is gone, there is nobody to tell.
            let _ = ready!(Pin::new(&mut self.inner).poll_close(context));
            self.is_closed = true;
        }
        let _ = ready!(self.as_mut().poll_flush(context));
        Pin::new(self.inner.get_mut()).poll_shutdown(context)
    }
}
