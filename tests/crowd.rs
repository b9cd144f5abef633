//! Many clients, and slow ones: nobody else notices.

use std::net::SocketAddr;

use futures_util::{StreamExt as _, stream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tidegate_tests::frames::{self, Lasting, Publish};
use tidegate_tests::raw_mqtt::{Client, Connect, Version};
use tidegate_tests::{MqttClient, QoS, SOON, TestHost, artifacts, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Clients that are connected and do nothing.
const IDLE: usize = 10_000;
/// Of them, how many connect side by side.
const CONNECTING: usize = 64;
/// Files that this process needs for them, and for the other tests.
const FILES: u64 = 15_000;

/// A client that is connected and has subscribed to a topic of its own.
async fn idle_client(address: SocketAddr, number: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let mut hello = Vec::new();
    let filter = format!("idle/{number}/cmd");
    frames::connect(
        &mut hello,
        Version::V311,
        &format!("idle-{number}"),
        Lasting::Clean,
    );
    frames::subscribe(&mut hello, Version::V311, 1, &filter, 1);
    stream.write_all(&hello).await.expect("the broker reads");
    let mut answers = [0; 9];
    stream.read_exact(&mut answers).await.expect("it answers");
    assert_eq!(answers, *b"\x20\x02\0\0\x90\x03\0\x01\x01");
    stream
}

/// Makes room for as many connections as this test has.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.current.map(|current| current.max(FILES));
    assert!(
        limit.maximum.is_none_or(|maximum| maximum >= FILES),
        "this test needs {FILES} open files: raise the limit (`ulimit -Hn`)"
    );
    let raised = Rlimit {
        current: wanted,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("it is below the maximum");
}

/// Sends a message to a function and one to a client, which both have it soon.
async fn exchange(host: &TestHost, client: &mut MqttClient, text: &str) {
    client.publish("out/a", text, QoS::AtLeastOnce).await;
    assert_eq!(client.next_message().await.text(), text);
    client.publish("in/a", text, QoS::AtLeastOnce).await;
    host.await_answer("/record?key=in/a", text).await;
}

/// A host with a function that records what comes to `in/#`, and a client that hears what comes to `out/#`.
async fn start() -> (TestHost, MqttClient) {
    let host = TestHost::start().await;
    let record = artifacts::guest("mqtt_record");
    let admin = host.admin();
    admin.deployed("record", record, "topic=in/%23").await;
    let client = MqttClient::connect(host.mqtt_address(), "client").await;
    client.subscribe("out/#", QoS::AtLeastOnce).await;
    (host, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_clients_that_do_nothing_are_no_burden() {
    raise_file_limit();
    let (host, mut client) = start().await;
    let address = host.mqtt_address();
    let idle = stream::iter(0..IDLE).map(|number| idle_client(address, number));
    let mut idle: Vec<TcpStream> = idle.buffered(CONNECTING).collect().await;
    exchange(&host, &mut client, "while they are there").await;
    let broker = host.admin().get("/api/v1/broker").await.expect(200);
    assert_eq!(broker.json()["clients_connected"], IDLE + 1);
    // Each of them is still served.
    let last = IDLE - 1;
    client
        .publish(&format!("idle/{last}/cmd"), "x", QoS::AtMostOnce)
        .await;
    let mut first_byte = [0];
    let read = idle[last].read_exact(&mut first_byte).await;
    read.expect("the message");
    assert_eq!(first_byte, [0x30]);
    drop(idle);
    eventually("they are gone", SOON, async || {
        let broker = host.admin().get("/api/v1/broker").await.expect(200);
        (broker.json()["clients_connected"] == 1).then_some(())
    })
    .await;
    exchange(&host, &mut client, "after they have left").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_byte_by_byte_holds_up_nobody() {
    let (host, mut client) = start().await;
    let (mut hello, mut packets) = (Vec::new(), Vec::new());
    frames::connect(&mut hello, Version::V5, "slow", Lasting::Clean);
    frames::publish(
        &mut packets,
        Version::V5,
        &Publish {
            topic: "out/slow",
            payload: b"at last",
            qos: 1,
            packet_id: 1,
            retain: false,
            dup: false,
        },
    );
    let mut slow = TcpStream::connect(host.mqtt_address())
        .await
        .expect("it listens");
    slow.set_nodelay(true).expect("a socket option");
    // CONNECT has to be there within a time, what comes after it has not.
    slow.write_all(&hello).await.expect("the broker reads");
    let (last, most) = packets.split_last().expect("a packet");
    for (number, byte) in most.iter().enumerate() {
        slow.write_all(&[*byte]).await.expect("the broker reads");
        exchange(&host, &mut client, &number.to_string()).await;
    }
    slow.write_all(&[*last]).await.expect("the broker reads");
    let message = client.next_message().await;
    let received = (message.topic.as_str(), message.text());
    assert_eq!(received, ("out/slow", "at last".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_missed_at_its_keep_alive() {
    let (host, mut client) = start().await;
    let deaf = Connect::v5("deaf").keep_alive(1);
    let mut deaf = Client::connect(host.mqtt_address(), &deaf).await;
    deaf.subscribe("flood", 0).await;
    eventually("it is given up", SOON, async || {
        // More than its socket takes.
        client
            .publish("flood", vec![b'x'; 200 << 10], QoS::AtMostOnce)
            .await;
        let listed = host.admin().get("/api/v1/broker/clients").await.expect(200);
        let listed = listed.text();
        (!listed.contains("\"deaf\"")).then_some(())
    })
    .await;
    exchange(&host, &mut client, "after that").await;
}
