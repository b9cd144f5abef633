//! WebSocket as far as MQTT needs it, frame by frame (section 6 of both specifications; RFC 6455).

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::SOON;

/// The key of every handshake, and what is to be answered to it: the example of RFC 6455.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Any key will do.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const STREAM_BYTES: usize = 64 * 1024;

/// What a frame is, in its first byte, where it is not to be continued.
#[expect(missing_docs, reason = "the words of the specification")]
pub mod frame {
    pub const TEXT: u8 = 0x81;
    pub const BINARY: u8 = 0x82;
    pub const CLOSE: u8 = 0x88;
    pub const PING: u8 = 0x89;
    pub const PONG: u8 = 0x8a;
    /// The first of several frames of binary data.
    pub const BINARY_BEGIN: u8 = 0x02;
    /// One between the first and the last.
    pub const CONTINUATION: u8 = 0x00;
    /// The last of several.
    pub const CONTINUATION_END: u8 = 0x80;
}

/// A connection after its handshake.
pub struct WebSocket {
    stream: TcpStream,
    received: Vec<u8>,
}

impl WebSocket {
    /// Does the handshake at this path, and offers these sub-protocols. Gives the sub-protocol that the server has chosen
    /// as well, or the server's refusal: the head of its answer.
    pub async fn open(
        address: SocketAddr,
        path: &str,
        protocols: &str,
    ) -> Result<(WebSocket, Option<String>), String> {
        let stream = TcpStream::connect(address).await;
        let mut stream = stream.expect("the listener accepts");
        stream.set_nodelay(true).expect("a socket option");
        let offer = match protocols {
            "" => String::new(),
            _ => format!("Sec-WebSocket-Protocol: {protocols}\r\n"),
        };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"
        );
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it reads");
        let mut socket = WebSocket {
            stream,
            received: Vec::new(),
        };
        let head = socket.head().await;
        if !head.starts_with("HTTP/1.1 101 ") {
            return Err(head);
        }
        assert_eq!(
            header(&head, "sec-websocket-accept").as_deref(),
            Some(ACCEPT)
        );
        let protocol = header(&head, "sec-websocket-protocol");
        Ok((socket, protocol))
    }

    async fn head(&mut self) -> String {
        const END: &[u8] = b"\r\n\r\n";
        loop {
            let at = self.received.windows(END.len()).position(|it| it == END);
            if let Some(at) = at {
                let head = self.received.drain(..at + END.len()).collect();
                return String::from_utf8(head).expect("a head is ASCII");
            }
            if !self.read_more().await {
                return String::from_utf8_lossy(&self.received).into_owned();
            }
        }
    }

    /// Sends one frame: its first byte, as in [`frame`], and what is in it.
    pub async fn send(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        let payload = payload.as_ref();
        let mut bytes = vec![first];
        match u16::try_from(payload.len()) {
            Ok(length @ ..=125) => bytes.push(0x80 | length as u8),
            Ok(length) => {
                bytes.push(0x80 | 126);
                bytes.extend(length.to_be_bytes());
            }
            Err(_) => {
                bytes.push(0x80 | 127);
                bytes.extend((payload.len() as u64).to_be_bytes());
            }
        }
        bytes.extend(MASK);
        let masked = payload.iter().zip(MASK.iter().cycle());
        bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
        // The server may have closed the connection: that shows when it is read.
        let _ = self.stream.write_all(&bytes).await;
    }

    /// The next frame: its first byte and what is in it; none where the server closes the connection.
    pub async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some(frame) = self.take_frame() {
                return Some(frame);
            }
            if !self.read_more().await {
                return None;
            }
        }
    }

    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let [first, length, rest @ ..] = &self.received[..] else {
            return None;
        };
        assert!(length & 0x80 == 0, "a server does not mask its frames");
        let (length, header) = match length {
            126 => {
                let bytes = rest.first_chunk()?;
                (usize::from(u16::from_be_bytes(*bytes)), 4)
            }
            127 => {
                let bytes = rest.first_chunk()?;
                let length = u64::from_be_bytes(*bytes);
                (usize::try_from(length).expect("a short frame"), 10)
            }
            length => (usize::from(*length), 2),
        };
        if self.received.len() < header + length {
            return None;
        }
        let first = *first;
        let payload = self.received.drain(..header + length).skip(header);
        Some((first, payload.collect()))
    }

    async fn read_more(&mut self) -> bool {
        let more = timeout(SOON, self.stream.read_buf(&mut self.received)).await;
        matches!(more.expect("bytes or an end soon"), Ok(1..))
    }

    /// Its binary frames as a stream of bytes, for a [`Client`](super::Client). What is written at once is one frame.
    pub fn into_stream(mut self) -> DuplexStream {
        let (near, mut far) = duplex(STREAM_BYTES);
        // It ends when either side has.
        tokio::spawn(async move {
            let mut sending = vec![0; STREAM_BYTES];
            loop {
                tokio::select! {
                    frame = self.next_data() => match frame {
                        Some(payload) if far.write_all(&payload).await.is_ok() => {}
                        _ => return,
                    },
                    length = far.read(&mut sending) => match length {
                        Ok(length @ 1..) => self.send(frame::BINARY, &sending[..length]).await,
                        _ => return,
                    },
                }
            }
        });
        near
    }

    /// The next data; none after the server's CLOSE.
    async fn next_data(&mut self) -> Option<Vec<u8>> {
        loop {
            // It may be waited for as long as the test likes.
            let frame = match self.take_frame() {
                Some(frame) => frame,
                None => match self.stream.read_buf(&mut self.received).await {
                    Ok(1..) => continue,
                    _ => return None,
                },
            };
            match frame {
                (frame::BINARY, payload) => return Some(payload),
                (frame::CLOSE, _) => return None,
                (frame::PING | frame::PONG, _) => {}
                (first, _) => panic!("a frame that begins with {first:#04x}"),
            }
        }
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().to_owned())
}
