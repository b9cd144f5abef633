//! Each transport with a real client over loopback.

mod tls;
mod web_socket;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// A TCP connection to a listener of this transport, and what becomes of it there.
async fn connect(transport: &Transport) -> (TcpStream, JoinHandle<Result<Accepted, AcceptError>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let transport = transport.clone();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        transport.accept(stream).await
    });
    (TcpStream::connect(address).await.unwrap(), server)
}

/// Bytes that stay allocated for an accepted connection whose client first sends this and then nothing.
fn idle_bytes(transport: &Transport, sent: &'static [u8]) -> i64 {
    use std::io::{Read as _, Write as _};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let client = std::thread::spawn(move || {
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.write_all(sent).unwrap();
        let _ = client.read_to_end(&mut Vec::new());
    });
    let (stream, _) = runtime.block_on(listener.accept()).unwrap();
    let mut accepted = None;
    let info = allocation_counter::measure(|| {
        let mut ready = runtime.block_on(transport.accept(stream)).unwrap();
        // As a connection does that waits for its client.
        let read = runtime.block_on(async {
            let mut buffer = [0; 1];
            tokio::select! {
                biased;
                read = ready.stream.read(&mut buffer) => Some(read),
                () = std::future::ready(()) => None,
            }
        });
        assert!(read.is_none(), "{read:?}");
        accepted = Some(ready);
    });
    drop(accepted);
    client.join().unwrap();
    info.bytes_current
}

#[test]
fn an_idle_client_costs_little() {
    let found = idle_bytes(&Transport::tcp(), b"");
    assert!(found <= 128, "{found} bytes over TCP");
    let request = b"GET /mqtt HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
        Sec-WebSocket-Protocol: mqtt\r\n\r\n";
    let found = idle_bytes(&Transport::tcp().over_web_socket(), request);
    assert!(found <= 6 * 1024, "{found} bytes over WebSocket");
}

/// Sends back what comes, until the client ends.
async fn echo(mut stream: Box<dyn Stream>) -> io::Result<()> {
    let mut buffer = vec![0; 10_000];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return stream.shutdown().await,
            length => stream.write_all(&buffer[..length]).await?,
        }
        stream.flush().await?;
    }
}

#[tokio::test]
async fn tcp_carries_bytes_as_they_are() {
    let (mut client, server) = connect(&Transport::tcp()).await;
    let accepted = server.await.unwrap().unwrap();
    assert!(accepted.certificate_names.is_empty());
    let server = tokio::spawn(echo(accepted.stream));
    client.write_all(b"hello").await.unwrap();
    let mut found = [0; 5];
    client.read_exact(&mut found).await.unwrap();
    assert_eq!(&found, b"hello");
    client.shutdown().await.unwrap();
    assert_eq!(client.read(&mut found).await.unwrap(), 0);
    server.await.unwrap().unwrap();
}
