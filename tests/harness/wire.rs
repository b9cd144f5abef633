//! A TCP connection for hand-written bytes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::SOON;

/// A port that nobody listens to, and nobody else gets while it is held.
pub fn address_of_nobody() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any).expect("a port");
    socket
}

/// A port that is free at this moment, for a server that takes no socket. Somebody else may get it first.
pub fn free_address() -> SocketAddr {
    let free = address_of_nobody();
    free.local_addr().expect("an address")
}

/// A TCP connection, and what has come from it so far.
pub struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Wire {
    /// A connection to this address.
    pub async fn connect(address: SocketAddr) -> Wire {
        let stream = TcpStream::connect(address)
            .await
            .expect("the listener accepts");
        stream.set_nodelay(true).expect("a socket option");
        Wire {
            stream,
            received: Vec::new(),
        }
    }

    /// Sends these bytes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .await
            .expect("the listener reads");
    }

    /// Sends these bytes, which the other side may refuse to read.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        self.stream
            .shutdown()
            .await
            .expect("the connection is open");
    }

    /// Takes what comes up to and with `end`; panics when it does not come soon.
    pub async fn read_until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = find(&self.received, end.as_bytes()) {
                let rest = self.received.split_off(at + end.len());
                let text = std::mem::replace(&mut self.received, rest);
                return String::from_utf8_lossy(&text).into_owned();
            }
            let more = timeout(SOON, self.stream.read_buf(&mut self.received)).await;
            let so_far = || String::from_utf8_lossy(&self.received).into_owned();
            let more = more.unwrap_or_else(|_| panic!("`{end}` has not come, but {:?}", so_far()));
            assert!(
                matches!(more, Ok(1..)),
                "{more:?} before `{end}`: {:?}",
                so_far()
            );
        }
    }

    /// Takes all that comes until the other side closes; panics when it does not close within this time.
    pub async fn read_to_end(&mut self, within: Duration) -> String {
        self.closed(within).await;
        String::from_utf8_lossy(&std::mem::take(&mut self.received)).into_owned()
    }

    /// Waits until the other side closes the connection, cleanly or not.
    pub async fn closed(&mut self, within: Duration) {
        let closed = timeout(within, async {
            while let Ok(1..) = self.stream.read_buf(&mut self.received).await {}
        });
        let is_closed = closed.await.is_ok();
        assert!(
            is_closed,
            "the connection is open after {within:?}; {:?}",
            String::from_utf8_lossy(&self.received)
        );
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
