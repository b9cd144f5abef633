//! What a connection is made of. TCP only, for the moment.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A stream of bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How bytes travel.
pub enum Transport {
    /// TCP.
    Tcp,
}

/// A connection that was opened.
pub struct Accepted {
    /// Its bytes.
    pub stream: Box<dyn Stream>,
    /// Names of the client's certificate.
    pub certificate_names: Vec<String>,
}

impl Transport {
    /// `mqtt`.
    pub fn name(&self) -> &'static str {
        "mqtt"
    }

    /// Opens a connection.
    pub async fn accept(&self, socket: TcpStream) -> std::io::Result<Accepted> {
        Ok(Accepted {
            stream: Box::new(socket),
            certificate_names: Vec::new(),
        })
    }
}
