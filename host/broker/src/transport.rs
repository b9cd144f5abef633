//! What carries a connection's bytes: TCP, TLS, WebSocket, and WebSocket over TLS.
//!
//! A [`Transport`] makes a fresh TCP connection a stream of MQTT bytes, handshakes included. What is on that stream, how
//! long a handshake may take, and whose certificate may do what is decided elsewhere.

mod certificate;
mod tls;
mod web_socket;

use std::io;
use std::sync::Arc;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::limits::TCP_KEEP_ALIVE;
use tls::ReloadingTls;
pub use tls::{TlsError, TlsFiles};

/// MQTT bytes both ways. What is written has left only after a flush.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How the connections of one listener are carried.
#[derive(Clone, Debug, Default)]
pub struct Transport {
    tls: Option<Arc<ReloadingTls>>,
    framing: Framing,
}

#[derive(Clone, Copy, Debug, Default)]
enum Framing {
    /// MQTT follows directly.
    #[default]
    None,
    /// In binary frames (section 6 of both versions).
    WebSocket,
}

/// A connection that is ready for MQTT.
pub struct Accepted {
    /// Its bytes.
    pub stream: Box<dyn Stream>,
    /// Names in the client's certificate, which was verified: common names, then alternative names. Empty without one.
    pub certificate_names: Vec<String>,
    /// Whether a page in a browser connects, over WebSocket.
    pub is_page: bool,
}

/// Why a connection did not get as far as MQTT.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// No TLS, an unknown version of it, or a client certificate that does not verify.
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] io::Error),
    /// No WebSocket request, another path, or none of MQTT's sub-protocols.
    #[error("the WebSocket handshake failed: {0}")]
    WebSocket(#[source] web_socket::HandshakeError),
}

impl Transport {
    /// MQTT over TCP.
    pub fn tcp() -> Transport {
        Transport::default()
    }

    /// MQTT over TLS. The files are looked at again when they have changed.
    pub fn tls(files: TlsFiles) -> Result<Transport, TlsError> {
        let tls = Some(Arc::new(ReloadingTls::load(files)?));
        let framing = Framing::None;
        Ok(Transport { tls, framing })
    }

    /// The same with MQTT in WebSocket frames.
    pub fn over_web_socket(self) -> Transport {
        let framing = Framing::WebSocket;
        Transport { framing, ..self }
    }

    /// The scheme of its URLs: `mqtt`, `mqtts`, `ws` or `wss`.
    pub fn scheme(&self) -> &'static str {
        match (&self.tls, self.framing) {
            (None, Framing::None) => "mqtt",
            (Some(_), Framing::None) => "mqtts",
            (None, Framing::WebSocket) => "ws",
            (Some(_), Framing::WebSocket) => "wss",
        }
    }

    /// Does the handshakes. It takes as long as the client does: the caller has a timeout.
    pub async fn accept(&self, stream: TcpStream) -> Result<Accepted, AcceptError> {
        // What is written is written in batches: waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        // A client without a keep alive may be gone without a word; the kernel finds out.
        let probes = TcpKeepalive::new()
            .with_time(TCP_KEEP_ALIVE)
            .with_interval(TCP_KEEP_ALIVE / 4);
        let _ = SockRef::from(&stream).set_tcp_keepalive(&probes);
        let Some(tls) = &self.tls else {
            return self.framed(stream, Vec::new()).await;
        };
        let stream = tls.acceptor().accept(stream).await;
        let stream = stream.map_err(AcceptError::Tls)?;
        let certificates = stream.get_ref().1.peer_certificates();
        let names = certificates
            .and_then(<[_]>::first)
            .map(|certificate| certificate::names(certificate))
            .unwrap_or_default();
        self.framed(stream, names).await
    }

    async fn framed<S: Stream + 'static>(
        &self,
        stream: S,
        certificate_names: Vec<String>,
    ) -> Result<Accepted, AcceptError> {
        let mut is_page = false;
        let stream: Box<dyn Stream> = match self.framing {
            Framing::None => Box::new(stream),
            Framing::WebSocket => {
                let accepted = web_socket::accept(stream, &mut is_page).await;
                Box::new(accepted.map_err(AcceptError::WebSocket)?)
            }
        };
        Ok(Accepted {
            stream,
            certificate_names,
            is_page,
        })
    }
}

#[cfg(test)]
mod tests;
