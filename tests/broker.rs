//! The embedded broker between clients that are no functions.

use std::time::Duration;

use tidegate_tests::{MqttClient, QoS, TestHost, Wire, artifacts, mosquitto};

#[tokio::test(flavor = "multi_thread")]
async fn clients_reach_one_another_through_the_broker() {
    let host = TestHost::start().await;
    let address = host.mqtt_address();
    let mut readers = Vec::new();
    for number in 0..5 {
        let reader = MqttClient::connect(address, &format!("reader-{number}")).await;
        reader.subscribe("news/+/today", QoS::AtLeastOnce).await;
        readers.push(reader);
    }
    let mut stranger =
        mosquitto::Subscriber::start(address, &["-q", "1", "-v", "-t", "news/#"]).await;
    let sender = MqttClient::connect(address, "sender").await;
    for number in 0..20 {
        let payload = number.to_string();
        sender
            .publish("news/local/today", payload, QoS::AtLeastOnce)
            .await;
    }
    for reader in &mut readers {
        for number in 0..20 {
            let message = reader.next_message().await;
            assert_eq!(
                (message.topic.as_str(), message.text()),
                ("news/local/today", number.to_string())
            );
        }
    }
    for number in 0..20 {
        let line = format!("news/local/today {number}");
        assert_eq!(stranger.message().await, line);
    }
    let clients = host.admin().get("/api/v1/broker/clients").await.expect(200);
    let connections = clients.json()["clients"].as_array().map(Vec::len);
    assert_eq!(connections, Some(7));
    readers[0].unsubscribe("news/+/today").await;
    sender
        .publish("news/local/today", "last", QoS::AtLeastOnce)
        .await;
    assert_eq!(readers[1].next_message().await.text(), "last");
    let none = readers[0].next_message_within(Duration::from_millis(100));
    assert_eq!(none.await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_client_disturbs_no_other() {
    let host = TestHost::start().await;
    let component = artifacts::guest("mqtt_record");
    host.admin()
        .deployed("record", component, "topic=in/%23")
        .await;
    let address = host.mqtt_address();
    let mut good = MqttClient::connect(address, "good").await;
    good.subscribe("good/#", QoS::AtLeastOnce).await;

    let connect = b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03bad";
    let after_connect = |rest: &[u8]| [connect, rest].concat();
    let bad: [(&str, Vec<u8>); 9] = [
        ("noise", vec![0xff; 64]),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("half a CONNECT", connect[..7].to_vec()),
        ("a packet of 256 MiB", b"\x10\xff\xff\xff\x7f".to_vec()),
        ("a length without end", b"\x10\xff\xff\xff\xff\xff".to_vec()),
        ("noise after CONNECT", after_connect(&[0xf0; 16])),
        (
            "PUBLISH with a wildcard",
            after_connect(b"\x30\x05\x00\x03a/#"),
        ),
        (
            "PUBLISH without a topic",
            after_connect(b"\x30\x02\x00\x00"),
        ),
        ("SUBSCRIBE to nothing", after_connect(b"\x82\x02\x00\x01")),
    ];
    for (what, bytes) in bad {
        let mut wire = Wire::connect(address).await;
        // The broker may close at once.
        let _ = wire.try_send(&bytes).await;
        drop(wire);
        good.publish("good/echo", what, QoS::AtLeastOnce).await;
        assert_eq!(good.next_message().await.text(), what);
        good.publish("in/a", what, QoS::AtLeastOnce).await;
        host.await_answer("/record?key=in/a", what).await;
    }
    let fresh = MqttClient::connect(address, "fresh").await;
    fresh.publish("good/fresh", "x", QoS::AtLeastOnce).await;
    assert_eq!(good.next_message().await.topic, "good/fresh");
}
