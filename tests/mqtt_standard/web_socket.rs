//! MQTT over WebSocket (chapter 6): the handshake, and packets that care nothing for frames.

use std::net::SocketAddr;

use tidegate_tests::raw_mqtt::web_socket::{WebSocket, frame};
use tidegate_tests::raw_mqtt::{Client, Connect, Publish, Subscribe, Version, packet, pingreq};
use tidegate_tests::{TestHost, command_line};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::clients::{client, expect_message};
use super::malformed;
use super::refusal::{FORBIDDEN, expect_ended_on};

const PATH: &str = "/mqtt";

/// A host with a listener for WebSocket, and where that is.
async fn start() -> (TestHost, SocketAddr) {
    let host = TestHost::builder()
        .arg("--mqtt-websocket")
        .arg("127.0.0.1:0");
    let host = host.start().await;
    let url = host.listener("ws");
    let address = url.strip_prefix("ws://").expect("a WebSocket URL");
    let address = address.strip_suffix(PATH).expect("its path");
    (host, address.parse().expect("an address"))
}

async fn open(address: SocketAddr) -> WebSocket {
    let opened = WebSocket::open(address, PATH, "mqtt").await;
    opened.expect("the handshake succeeds").0
}

/// A client that is connected over WebSocket.
async fn connected(address: SocketAddr, connect: &Connect) -> Client {
    let stream = open(address).await.into_stream();
    let mut client = Client::over(stream, connect.version);
    client.send(connect.bytes()).await;
    let connack = client.expect_connack().await;
    assert_eq!(connack.reason, 0, "{connack:?}");
    client
}

/// All data that comes until there are as many bytes.
async fn read_bytes(socket: &mut WebSocket, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        let (first, payload) = socket.read().await.expect("a frame");
        assert_eq!(first, frame::BINARY, "{payload:02x?}");
        bytes.extend(payload);
    }
    bytes
}

/// The connection ends, with CLOSE or without, and with no data before.
async fn expect_end(socket: &mut WebSocket, what: &str) {
    while let Some((first, payload)) = socket.read().await {
        let is_data = [frame::BINARY, frame::TEXT].contains(&first);
        // MQTT 5 may say why.
        let is_reason = payload.first() == Some(&0xe0);
        assert!(!is_data || is_reason, "{what}: {payload:02x?}");
    }
}

#[tokio::test]
async fn the_sub_protocol_is_mqtt() {
    let (_host, address) = start().await;
    for offer in ["mqtt", "other, mqtt", "mqtt,other", "mqttv3.1, mqtt"] {
        let (_, protocol) = WebSocket::open(address, PATH, offer)
            .await
            .expect("a handshake");
        assert_eq!(protocol.as_deref(), Some("mqtt"), "{offer}");
    }
    for offer in ["", "other", "mqttx"] {
        let chosen = match WebSocket::open(address, PATH, offer).await {
            Ok((_, protocol)) => protocol,
            // Refused, as HTTP has it.
            Err(head) => {
                assert!(head.starts_with("HTTP/1.1 4"), "{offer:?}: {head}");
                None
            }
        };
        assert_eq!(chosen, None, "{offer:?}");
    }
}

#[tokio::test]
async fn clients_of_both_transports_and_versions_reach_one_another() {
    let (host, address) = start().await;
    for version in Version::ALL {
        let mut over_tcp = client(&host, version, "over TCP").await;
        let mut over_frames = connected(address, &Connect::new(version, "over frames")).await;
        for subscriber in [&mut over_tcp, &mut over_frames] {
            assert_eq!(subscriber.subscribe("both/#", 2).await, 2);
        }
        for qos in 0..=2 {
            over_tcp.publish("both/tcp", "from TCP", qos).await;
            expect_message(&mut over_tcp, "both/tcp", "from TCP", qos).await;
            expect_message(&mut over_frames, "both/tcp", "from TCP", qos).await;
            over_frames.publish("both/frames", "from frames", qos).await;
            expect_message(&mut over_tcp, "both/frames", "from frames", qos).await;
            expect_message(&mut over_frames, "both/frames", "from frames", qos).await;
        }
        over_tcp.disconnect().await;
        over_frames.disconnect().await;
    }
}

#[tokio::test]
async fn packets_need_not_be_aligned_with_frames() {
    let (_host, address) = start().await;
    for version in Version::ALL {
        let packets = [
            Connect::new(version, "frames").bytes(),
            Subscribe::new(1, "frames", 0).bytes(version),
            Publish::new("frames", "x").bytes(version),
            pingreq(),
        ];
        let all = packets.concat();
        let answers = all_answers(&mut open(address).await, &all).await;
        // A byte a frame; a frame that ends in mid-packet; an empty one; a frame in pieces.
        let mut socket = open(address).await;
        for byte in &all[..all.len() - 2] {
            socket.send(frame::BINARY, [*byte]).await;
        }
        assert_eq!(
            all_answers(&mut socket, &all[all.len() - 2..]).await,
            answers
        );
        let middle = packets[0].len() + 3;
        let mut socket = open(address).await;
        socket.send(frame::BINARY, &all[..middle]).await;
        socket.send(frame::BINARY, []).await;
        assert_eq!(all_answers(&mut socket, &all[middle..]).await, answers);
        let mut socket = open(address).await;
        socket.send(frame::BINARY_BEGIN, &all[..5]).await;
        socket.send(frame::CONTINUATION, &all[5..middle]).await;
        socket.send(frame::CONTINUATION_END, &all[middle..]).await;
        assert_eq!(all_answers(&mut socket, b"").await, answers);
    }
}

/// Sends this, if it is anything, and reads CONNACK, SUBACK, PUBLISH and PINGRESP; gives the packets, whatever their order.
async fn all_answers(socket: &mut WebSocket, last: &[u8]) -> Vec<Vec<u8>> {
    if !last.is_empty() {
        socket.send(frame::BINARY, last).await;
    }
    let mut bytes = Vec::new();
    let mut packets: Vec<Vec<u8>> = Vec::new();
    while packets.len() < 4 {
        while bytes.len() < 2 || bytes.len() < 2 + usize::from(bytes[1]) {
            bytes.extend(read_bytes(socket, 1).await);
        }
        let length = 2 + usize::from(bytes[1]);
        packets.push(bytes.drain(..length).collect());
    }
    assert_eq!(packets[0][0], 0x20, "CONNACK is first");
    packets.sort();
    packets
}

#[tokio::test]
async fn large_messages_pass_through_frames() {
    let (_host, address) = start().await;
    for version in Version::ALL {
        let mut client = connected(address, &Connect::new(version, "large")).await;
        client.subscribe("large", 1).await;
        for bytes in [100, 125, 126, 65_535, 65_536, 100 * 1024, 200 * 1024] {
            let payload = "x".repeat(bytes);
            client.publish("large", &payload, 1).await;
            let message = client.receive().await;
            assert!(message.payload == payload.as_bytes(), "{bytes} bytes");
        }
        client.disconnect().await;
    }
}

#[tokio::test]
async fn data_that_is_not_binary_ends_the_connection() {
    let (_host, address) = start().await;
    for version in Version::ALL {
        let connect = Connect::new(version, "text").bytes();
        // Nothing in it but ASCII, so that it is well-formed as text.
        let mut before = open(address).await;
        before.send(frame::TEXT, b"MQTT").await;
        expect_end(&mut before, "text before CONNECT").await;
        let mut after = open(address).await;
        after.send(frame::BINARY, &connect).await;
        read_bytes(&mut after, 4).await;
        after
            .send(frame::TEXT, Publish::new("t", "x").bytes(version))
            .await;
        expect_end(&mut after, "text after CONNECT").await;
    }
}

#[tokio::test]
async fn frames_of_websocket_itself_are_answered() {
    let (_host, address) = start().await;
    let mut socket = open(address).await;
    let [begin, end] = [&b"\x10\x0d"[..], b"\0\x04MQTT\x04\x02\0\0\0\x01w"];
    socket.send(frame::BINARY_BEGIN, begin).await;
    // It may come between the pieces of a frame.
    socket.send(frame::PING, b"are you there?").await;
    socket.send(frame::CONTINUATION_END, end).await;
    let pong = socket.read().await;
    assert_eq!(pong, Some((frame::PONG, b"are you there?".to_vec())));
    assert_eq!(
        socket.read().await,
        Some((frame::BINARY, b"\x20\x02\0\0".to_vec()))
    );
    socket.send(frame::CLOSE, 1000_u16.to_be_bytes()).await;
    let close = socket.read().await;
    assert!(matches!(close, Some((frame::CLOSE, _))), "{close:02x?}");
    assert_eq!(socket.read().await, None);
}

#[tokio::test]
async fn malformed_packets_in_frames_end_the_connection() {
    let (_host, address) = start().await;
    for version in Version::ALL {
        let mut neighbour = connected(address, &Connect::new(version, "neighbour")).await;
        let mut wrong: Vec<_> = malformed::examples(version).collect();
        wrong.push(("type 0".to_owned(), packet(0x00, [])));
        wrong.push((
            "a length without end".to_owned(),
            b"\x30\xff\xff\xff\xff\xff".to_vec(),
        ));
        for (what, bytes) in wrong {
            let mut offender = connected(address, &Connect::new(version, "offender")).await;
            expect_ended_on(&mut offender, &bytes, &FORBIDDEN, &what).await;
            neighbour.ping().await;
        }
    }
}

#[tokio::test]
async fn a_handshake_that_stalls_or_is_none_holds_up_nobody() {
    let (host, address) = start().await;
    let mut stalled = Vec::new();
    for begin in ["", "G", "GET /mqtt HTTP/1.1\r\nHost: x\r\n", "\x16\x03\x01"] {
        for _ in 0..5 {
            let mut stream = TcpStream::connect(address).await.expect("it accepts");
            stream.write_all(begin.as_bytes()).await.expect("it reads");
            stalled.push(stream);
        }
    }
    // MQTT without frames is no handshake.
    let mut bare = Client::open(address, Version::V311).await;
    bare.send(Connect::v311("bare").bytes()).await;
    bare.finish().await;
    let said = bare.read_to_end().await;
    assert_ne!(said.first(), Some(&0x20), "CONNACK without a handshake");
    let mut over_frames = connected(address, &Connect::v5("over frames")).await;
    let mut over_tcp = client(&host, Version::V5, "over TCP").await;
    over_frames.ping().await;
    over_tcp.ping().await;
}

#[tokio::test]
async fn a_page_in_a_browser_has_to_say_who_it_is() {
    let (host, address) = start().await;
    let added = command_line::run(&host, &["device", "add", "one"]).await;
    let password = added.ok().out.trim().to_owned();
    let known = Connect {
        username: Some("one".to_owned()),
        password: Some(password.into()),
        ..Connect::v5("one")
    };
    let port = address.port();
    let own = format!("http://{address}");
    for (origin, connect, reason) in [
        ("https://page.example", Connect::v5("page"), 0x87),
        // A function's page, for example.
        ("http://127.0.0.1:3000", Connect::v5("page"), 0x87),
        (
            &format!("http://page.example:{port}"),
            Connect::v5("page"),
            0x87,
        ),
        ("null", Connect::v5("page"), 0x87),
        // Some libraries that are no browsers.
        (&own, Connect::v5("library"), 0),
        ("https://page.example", known, 0),
    ] {
        // Browsers say so on behalf of each page.
        let headers = format!("mqtt\r\nOrigin: {origin}");
        let opened = WebSocket::open(address, PATH, &headers).await;
        let stream = opened.expect("the handshake succeeds").0.into_stream();
        let mut client = Client::over(stream, Version::V5);
        client.send(connect.bytes()).await;
        assert_eq!(client.expect_connack().await.reason, reason, "{origin}");
    }
}
