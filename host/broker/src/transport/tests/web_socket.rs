//! MQTT over WebSocket, with a client library and with frames by hand.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;

/// Asks for a path and sub-protocols, and tells the one that is answered.
async fn handshake<S: Stream>(
    stream: S,
    path: &str,
    protocols: Option<&str>,
) -> Result<(WebSocketStream<S>, Option<String>), Error> {
    let mut request = format!("ws://localhost{path}")
        .into_client_request()
        .unwrap();
    if let Some(protocols) = protocols {
        let header = protocols.parse().unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", header);
    }
    let (stream, response) = client_async(request, stream).await?;
    let protocol = response.headers().get("sec-websocket-protocol");
    let protocol = protocol.map(|protocol| protocol.to_str().unwrap().to_owned());
    Ok((stream, protocol))
}

/// A connected client, and the server's side.
async fn open() -> (WebSocketStream<TcpStream>, Box<dyn Stream>) {
    let (client, server) = connect(&Transport::tcp().over_web_socket()).await;
    let (client, _) = handshake(client, "/mqtt", Some("mqtt")).await.unwrap();
    let accepted = server.await.unwrap().unwrap();
    (client, accepted.stream)
}

async fn receive(client: &mut WebSocketStream<TcpStream>) -> Message {
    client.next().await.expect("not the end").unwrap()
}

fn binary(bytes: impl Into<Vec<u8>>) -> Message {
    Message::Binary(Bytes::from(bytes.into()))
}

#[tokio::test]
async fn mqtts_sub_protocol_is_answered() {
    for (path, asked, answered) in [
        ("/mqtt", "mqtt", "mqtt"),
        ("/", "mqtt", "mqtt"),
        ("/mqtt?token=1", "mqtt", "mqtt"),
        ("/mqtt", "mqttv3.1", "mqttv3.1"),
        ("/mqtt", "mqttv3.1, mqtt", "mqtt"),
        ("/mqtt", "chat,mqtt", "mqtt"),
    ] {
        let (client, server) = connect(&Transport::tcp().over_web_socket()).await;
        let (_, found) = handshake(client, path, Some(asked)).await.unwrap();
        assert_eq!(found.as_deref(), Some(answered), "{path} {asked}");
        assert!(server.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn other_paths_and_sub_protocols_are_refused() {
    for (path, asked, status) in [
        ("/chat", Some("mqtt"), 404),
        ("/mqtt/", Some("mqtt"), 404),
        ("/mqtt", None, 400),
        ("/mqtt", Some("chat"), 400),
        ("/mqtt", Some("MQTT"), 400),
    ] {
        let (client, server) = connect(&Transport::tcp().over_web_socket()).await;
        let Err(Error::Http(response)) = handshake(client, path, asked).await else {
            panic!("{path} {asked:?}");
        };
        assert_eq!(response.status().as_u16(), status, "{path} {asked:?}");
        let refused = server.await.unwrap().map(|_| ()).unwrap_err();
        assert!(matches!(refused, AcceptError::WebSocket(_)), "{refused}");
    }
}

#[tokio::test]
async fn what_is_no_web_socket_request_is_closed() {
    let requests: [&[u8]; 4] = [
        b"GET /mqtt HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /mqtt HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
        b"\x10\x0C\x00\x04MQTT\x04\x02\x00\x00\x00\x00",
        b"\x16\x03\x01\x00\x05hello\r\n\r\n",
    ];
    for request in requests {
        let (mut client, server) = connect(&Transport::tcp().over_web_socket()).await;
        client.write_all(request).await.unwrap();
        client.shutdown().await.unwrap();
        assert!(server.await.unwrap().is_err());
        let mut rest = Vec::new();
        // It may be reset, since it was closed with bytes unread.
        let _ = client.read_to_end(&mut rest).await;
        assert!(!rest.starts_with(b"HTTP/1.1 101"));
    }
}

#[tokio::test]
async fn a_stalled_handshake_holds_up_nobody() {
    let transport = Transport::tcp().over_web_socket();
    let (mut stalled, server) = connect(&transport).await;
    stalled.write_all(b"GET /mqtt HTTP/1.1\r\n").await.unwrap();
    let (client, other) = connect(&transport).await;
    handshake(client, "/mqtt", Some("mqtt")).await.unwrap();
    assert!(other.await.unwrap().is_ok());
    assert!(!server.is_finished());
}

#[tokio::test]
async fn bytes_span_frames_and_messages_as_they_like() {
    let (mut client, mut server) = open().await;
    client
        .send(binary("several packets at once"))
        .await
        .unwrap();
    client.send(binary("")).await.unwrap();
    for part in [" and", " one", " in"] {
        client.send(binary(part)).await.unwrap();
    }
    // One message in fragments, with a ping in between.
    let fragment = |bytes: &str, code, is_last| {
        let bytes = Bytes::from(bytes.to_owned());
        Message::Frame(Frame::message(bytes, OpCode::Data(code), is_last))
    };
    client
        .send(fragment(" fr", Data::Binary, false))
        .await
        .unwrap();
    client
        .send(Message::Ping(Bytes::from_static(b"?")))
        .await
        .unwrap();
    client
        .send(fragment("agm", Data::Continue, false))
        .await
        .unwrap();
    client
        .send(fragment("ents", Data::Continue, true))
        .await
        .unwrap();
    let expected = b"several packets at once and one in fragments";
    let mut found = vec![0; expected.len()];
    server.read_exact(&mut found).await.unwrap();
    assert_eq!(found, expected);
    assert_eq!(
        receive(&mut client).await,
        Message::Pong(Bytes::from_static(b"?"))
    );
}

#[tokio::test]
async fn pings_are_answered_while_nothing_else_happens() {
    let (mut client, server) = open().await;
    let server = tokio::spawn(echo(server));
    for count in 0..3 {
        let payload = Bytes::from(vec![count]);
        client.send(Message::Ping(payload.clone())).await.unwrap();
        assert_eq!(receive(&mut client).await, Message::Pong(payload));
    }
    client.close(None).await.unwrap();
    while client.next().await.is_some() {}
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn large_messages_pass_both_ways() {
    let (client, server) = open().await;
    let server = tokio::spawn(echo(server));
    let sent: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
    let (mut writing, mut reading) = client.split();
    let send = async {
        for part in sent.chunks(100_000) {
            writing.send(binary(part)).await.unwrap();
        }
        writing
    };
    let receive = async {
        let mut found = Vec::new();
        while found.len() < sent.len() {
            let message = reading.next().await.unwrap().unwrap();
            assert!(message.is_binary(), "[MQTT-6.0.0-1]");
            found.extend_from_slice(&message.into_data());
        }
        (found, reading)
    };
    let (mut writing, (found, mut reading)) = tokio::join!(send, receive);
    assert!(found == sent);
    writing.close().await.unwrap();
    while reading.next().await.is_some() {}
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_written_at_once_is_one_frame() {
    let (mut client, mut server) = open().await;
    server.write_all(b"one").await.unwrap();
    server.flush().await.unwrap();
    server.write_all(&[2; 50_000]).await.unwrap();
    server.flush().await.unwrap();
    assert_eq!(receive(&mut client).await, binary("one"));
    assert_eq!(receive(&mut client).await, binary([2; 50_000]));
}

#[tokio::test]
async fn a_slow_client_slows_the_writer_down() {
    let (client, mut server) = open().await;
    let bytes = 64 * 1024 * 1024;
    let written = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let writer = tokio::spawn(async move {
        let chunk = vec![0; 10_000];
        while count.fetch_add(chunk.len(), std::sync::atomic::Ordering::Relaxed) < bytes {
            server.write_all(&chunk).await?;
        }
        server.flush().await
    });
    // It stops when the sockets' buffers are full: as soon as a round of everybody else changes nothing.
    let mut last = usize::MAX;
    loop {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        let now = written.load(std::sync::atomic::Ordering::Relaxed);
        if now == last {
            break;
        }
        last = now;
    }
    assert!(last < bytes, "{last} bytes were taken and not sent");
    drop(client);
    assert!(writer.await.unwrap().is_err());
}

/// The code with which the server closes after this message, and the error that the reader gets.
async fn closed_after(message: Message) -> (Option<CloseCode>, io::Error) {
    let (mut client, mut server) = open().await;
    let reader = tokio::spawn(async move {
        let mut buffer = vec![0; 1_000_000];
        let error = server.read(&mut buffer).await.unwrap_err();
        let _ = server.shutdown().await;
        error
    });
    // It may be closed before all is sent.
    let _ = client.send(message).await;
    let mut code = None;
    while let Some(Ok(message)) = client.next().await {
        if let Message::Close(Some(close)) = message {
            code = Some(close.code);
        }
    }
    (code, reader.await.unwrap())
}

#[tokio::test]
async fn frames_that_are_not_binary_close_the_connection() {
    let (code, error) = closed_after(Message::text("\u{10}")).await;
    assert_eq!(code, Some(CloseCode::Unsupported));
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.to_string().contains("MQTT-6.0.0-1"), "{error}");
}

#[tokio::test]
async fn messages_are_bounded() {
    let bound = crate::limits::PACKET_BYTES_MAX;
    let (mut client, mut server) = open().await;
    let mut buffer = vec![0; bound];
    let (sent, read) = tokio::join!(
        client.send(binary(vec![1; bound])),
        server.read_exact(&mut buffer)
    );
    sent.unwrap();
    read.unwrap();

    let header_only = Frame::message(
        Bytes::from(vec![0; bound + 1]),
        OpCode::Data(Data::Binary),
        true,
    );
    let (code, error) = closed_after(Message::Frame(header_only)).await;
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    // The client may see a reset instead, having sent more than was read.
    assert!(matches!(code, Some(CloseCode::Size) | None), "{code:?}");
}

#[tokio::test]
async fn the_end_is_told_both_ways() {
    let (mut client, mut server) = open().await;
    server.write_all(b"bye").await.unwrap();
    server.shutdown().await.unwrap();
    assert_eq!(receive(&mut client).await, binary("bye"));
    assert!(receive(&mut client).await.is_close());
    let mut buffer = [0; 10];
    let end = async { while client.next().await.is_some() {} };
    let (read, ()) = tokio::join!(server.read(&mut buffer), end);
    assert_eq!(read.unwrap(), 0);

    // A client that is gone without a word is an error, not an end.
    let (client, mut server) = open().await;
    drop(client);
    assert!(server.read(&mut buffer).await.is_err());
}

#[tokio::test]
async fn web_socket_over_tls_carries_bytes() {
    let files = super::tls::ServerFiles::new();
    let transport = Transport::tls(files.files()).unwrap().over_web_socket();
    let (client, server) = connect(&transport).await;
    let connector = super::tls::connector(&files.authority, None);
    let client = super::tls::handshake(&connector, client).await.unwrap();
    let (mut client, protocol) = handshake(client, "/mqtt", Some("mqtt")).await.unwrap();
    assert_eq!(protocol.as_deref(), Some("mqtt"));
    let accepted = server.await.unwrap().unwrap();
    let server = tokio::spawn(echo(accepted.stream));
    client.send(binary("hello")).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), binary("hello"));
    client.close(None).await.unwrap();
    while client.next().await.is_some() {}
    server.await.unwrap().unwrap();
}
