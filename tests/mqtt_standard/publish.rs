//! PUBLISH (section 3.3): what a message is made of, what of it is passed on, and what is refused.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{
    Acknowledgement, Client, Connect, Properties, Property, Publish, Version, packet, text,
    variable_integer,
};

use super::clients::{
    FORBIDDEN, client, expect_message, expect_no_message, expect_refused, lasting, lasting_client,
};

#[tokio::test]
async fn a_message_arrives_as_it_was_published_whatever_the_versions() {
    let host = TestHost::start().await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let payloads = [vec![], b"21.5".to_vec(), every_byte, vec![7; 100 * 1024]];
    for (from, to) in [
        (Version::V311, Version::V311),
        (Version::V311, Version::V5),
        (Version::V5, Version::V311),
        (Version::V5, Version::V5),
    ] {
        let mut publisher = client(&host, from, "publisher").await;
        let mut subscriber = client(&host, to, "subscriber").await;
        subscriber.subscribe("plain/#", 2).await;
        for payload in &payloads {
            for qos in 0..=2 {
                let topic = format!("plain/{qos}");
                publisher.publish(&topic, payload, qos).await;
                let message = subscriber.receive().await;
                assert_eq!((message.topic, message.qos), (topic, qos));
                assert!(message.payload == *payload, "{} bytes", payload.len());
                assert_eq!((message.dup, message.retain), (false, false));
                assert_eq!(message.properties, Properties::default());
            }
        }
        publisher.disconnect().await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn a_message_that_nobody_subscribes_to_is_acknowledged() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        for qos in 0..=2 {
            publisher.publish("nobody/listens", "x", qos).await;
        }
        publisher.expect_nothing().await;
    }
}

#[tokio::test]
async fn both_qos_bits_close_the_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut bytes = Publish::new("bits", "x").qos(2, 1).bytes(version);
        bytes[0] |= 0x06;
        expect_refused(&host, version, &bytes, &[0x81], "QoS 3").await;
    }
}

#[tokio::test]
async fn dup_at_qos_0_closes_the_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let bytes = Publish::new("dup", "x").dup().bytes(version);
        expect_refused(&host, version, &bytes, &FORBIDDEN, "DUP").await;
    }
}

#[tokio::test]
async fn the_publishers_dup_flag_is_not_passed_on() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("dup", 2).await;
        for qos in [1, 2] {
            let again = Publish::new("dup", "x").qos(qos, 0).dup();
            publisher.publish_with(again).await;
            let message = subscriber.receive().await;
            assert_eq!((message.qos, message.dup), (qos, false));
        }
    }
}

#[tokio::test]
async fn a_topic_that_is_none_closes_the_connection() {
    const TOPIC_INVALID: [u8; 3] = [0x90, FORBIDDEN[0], FORBIDDEN[1]];
    let host = TestHost::start().await;
    let topics: [&[u8]; 11] = [
        b"",
        b"#",
        b"+",
        b"a/#",
        b"a/+/b",
        b"a+",
        b"a#b",
        b"a\0b",
        b"a/\xff",
        b"\xed\xa0\x80",
        b"\xc0\x80",
    ];
    for version in Version::ALL {
        let mut watcher = client(&host, version, "watcher").await;
        watcher.subscribe("#", 0).await;
        for topic in topics {
            for qos in 0..=2 {
                let bytes = publish_to(topic, qos, version);
                let what = format!("{topic:02x?} at QoS {qos}");
                expect_refused(&host, version, &bytes, &TOPIC_INVALID, &what).await;
            }
        }
        watcher.expect_nothing().await;
    }
}

/// PUBLISH to a topic that is no text.
fn publish_to(topic: &[u8], qos: u8, version: Version) -> Vec<u8> {
    let packet_id = &[0, 1][..if qos == 0 { 0 } else { 2 }];
    let properties = &[0][..usize::from(version == Version::V5)];
    let body = [&text(topic), packet_id, properties, b"x"].concat();
    packet(0x30 | qos << 1, body)
}

#[tokio::test]
async fn a_publish_packet_without_its_parts_closes_the_connection() {
    let host = TestHost::start().await;
    let cases: [(&str, u8, &[u8]); 6] = [
        ("nothing", 0x30, b""),
        ("half a length", 0x30, b"\0"),
        ("a topic of 5 bytes that has 3", 0x30, b"\0\x05top"),
        ("no packet identifier", 0x32, b"\0\x01t"),
        ("half a packet identifier", 0x34, b"\0\x01t\0"),
        ("packet identifier 0", 0x32, b"\0\x01t\0\0\0"),
    ];
    for version in Version::ALL {
        for (what, first, body) in cases {
            let bytes = packet(first, body);
            expect_refused(&host, version, &bytes, &FORBIDDEN, what).await;
        }
    }
    let cases: [(&str, &[u8]); 4] = [
        ("no properties", b"\0\x01t"),
        ("more properties than bytes", b"\0\x01t\x05\x01"),
        ("half a property", b"\0\x01t\x03\x02\0\0"),
        ("a length of five bytes", b"\0\x01t\x80\x80\x80\x80\x01"),
    ];
    for (what, body) in cases {
        expect_refused(&host, Version::V5, &packet(0x30, body), &FORBIDDEN, what).await;
    }
}

#[tokio::test]
async fn properties_that_a_client_may_not_send_close_the_connection() {
    let host = TestHost::start().await;
    let once = |property: Property| vec![property];
    let twice = |property: Property| vec![property.clone(), property];
    let cases: [(&str, Vec<Property>); 17] = [
        (
            "payload format 2",
            once(property::byte(id::PAYLOAD_FORMAT, 2)),
        ),
        (
            "payload format twice",
            twice(property::byte(id::PAYLOAD_FORMAT, 0)),
        ),
        (
            "expiry twice",
            twice(property::four_bytes(id::MESSAGE_EXPIRY, 9)),
        ),
        (
            "content type twice",
            twice(property::text(id::CONTENT_TYPE, "x")),
        ),
        (
            "content type of bytes",
            once(property::binary(id::CONTENT_TYPE, b"\xff")),
        ),
        (
            "response topic twice",
            twice(property::text(id::RESPONSE_TOPIC, "x")),
        ),
        (
            "response topic of bytes",
            once(property::binary(id::RESPONSE_TOPIC, b"\xff")),
        ),
        (
            "response topic a/#",
            once(property::text(id::RESPONSE_TOPIC, "a/#")),
        ),
        (
            "response topic +/a",
            once(property::text(id::RESPONSE_TOPIC, "+/a")),
        ),
        (
            "correlation twice",
            twice(property::binary(id::CORRELATION_DATA, "x")),
        ),
        (
            "alias twice",
            twice(property::two_bytes(id::TOPIC_ALIAS, 1)),
        ),
        (
            "subscription identifier",
            once(property::subscription_identifier(1)),
        ),
        (
            "session expiry",
            once(property::four_bytes(id::SESSION_EXPIRY, 1)),
        ),
        (
            "reason string",
            once(property::text(id::REASON_STRING, "x")),
        ),
        (
            "receive maximum",
            once(property::two_bytes(id::RECEIVE_MAXIMUM, 1)),
        ),
        ("property 0", once(property::byte(0, 1))),
        ("property 0x7f", once(property::byte(0x7f, 1))),
    ];
    for (what, properties) in cases {
        let mut publish = Publish::new("properties", "x");
        publish.properties = Properties(properties);
        let bytes = publish.bytes(Version::V5);
        let reasons = [0x90, 0x94, FORBIDDEN[0], FORBIDDEN[1]];
        expect_refused(&host, Version::V5, &bytes, &reasons, what).await;
    }
    let broken_pair = [&[0x26][..], &text("name"), &text(b"\xff")].concat();
    let length = variable_integer(u32::try_from(broken_pair.len()).expect("short"));
    let bytes = packet(0x30, [text("t"), length, broken_pair].concat());
    expect_refused(&host, Version::V5, &bytes, &FORBIDDEN, "user property").await;
}

/// A message with all that a broker passes on unchanged.
fn with_everything(topic: &str) -> Publish {
    Publish::new(topic, "grüße")
        .with(property::byte(id::PAYLOAD_FORMAT, 1))
        .with(property::text(
            id::CONTENT_TYPE,
            "text/plain; charset=utf-8",
        ))
        .with(property::text(id::RESPONSE_TOPIC, "answers/küche/$x"))
        .with(property::binary(id::CORRELATION_DATA, b"\0\xff\x01"))
        .with(property::user("b", "1"))
        .with(property::user("a", "2"))
        .with(property::user("b", "3"))
        .with(property::user("", ""))
        .with(property::user("Ünï", "\u{feff}x "))
}

fn assert_everything(message: &Publish) {
    let properties = &message.properties;
    assert_eq!(properties.number(id::PAYLOAD_FORMAT), Some(1));
    let content_type = properties.text(id::CONTENT_TYPE);
    assert_eq!(content_type, Some("text/plain; charset=utf-8"));
    let response_topic = properties.text(id::RESPONSE_TOPIC);
    assert_eq!(response_topic, Some("answers/küche/$x"));
    let correlation_data = property::binary(id::CORRELATION_DATA, b"\0\xff\x01").1;
    assert_eq!(
        properties.value(id::CORRELATION_DATA),
        Some(&correlation_data)
    );
    let pairs = [
        ("b", "1"),
        ("a", "2"),
        ("b", "3"),
        ("", ""),
        ("Ünï", "\u{feff}x "),
    ];
    assert_eq!(properties.user(), pairs);
    assert_eq!(properties.len(), 9, "{properties:?}");
    assert_eq!(message.text(), "grüße");
}

#[tokio::test]
async fn what_mqtt_5_adds_to_a_message_is_passed_on_unchanged() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V5, "publisher").await;
    let mut live = client(&host, Version::V5, "live").await;
    live.subscribe("everything", 2).await;
    let mut away = lasting_client(&host, Version::V5, "away").await;
    away.subscribe("everything", 2).await;
    away.break_off().await;
    let mut old = client(&host, Version::V311, "old").await;
    old.subscribe("everything", 2).await;

    for qos in 0..=2 {
        let mut publish = with_everything("everything").retained();
        publish.qos = qos;
        publisher.publish_with(publish).await;
        assert_everything(&live.receive().await);
        expect_message(&mut old, "everything", "grüße", qos).await;
    }
    let mut late = client(&host, Version::V5, "late").await;
    late.subscribe("everything", 2).await;
    assert_everything(&late.receive().await);
    let mut away = Client::connect(host.mqtt_address(), &lasting(Version::V5, "away")).await;
    // What came at QoS 0 may be dropped while it was away.
    let mut message = away.receive().await;
    if message.qos == 0 {
        message = away.receive().await;
    }
    assert_everything(&message);
    assert_everything(&away.receive().await);
}

#[tokio::test]
async fn payload_format_0_says_no_more_than_none() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V5, "publisher").await;
    let mut subscriber = client(&host, Version::V5, "subscriber").await;
    subscriber.subscribe("format", 0).await;
    let publish = Publish::new("format", b"\xff").with(property::byte(id::PAYLOAD_FORMAT, 0));
    publisher.publish_with(publish).await;
    let message = subscriber.receive().await;
    let format = message.properties.number(id::PAYLOAD_FORMAT);
    assert_eq!(format.unwrap_or(0), 0);
    assert_eq!(message.payload, b"\xff");
}

#[tokio::test]
async fn a_request_finds_its_answer() {
    let host = TestHost::start().await;
    let mut requester = client(&host, Version::V5, "requester").await;
    requester.subscribe("answers/requester", 1).await;
    let mut responder = client(&host, Version::V5, "responder").await;
    responder.subscribe("requests/+", 1).await;
    for number in [b"1", b"2"] {
        let request = Publish::new("requests/time", "when?").qos(1, 0);
        let request = request.with(property::text(id::RESPONSE_TOPIC, "answers/requester"));
        let request = request.with(property::binary(id::CORRELATION_DATA, number));
        requester.publish_with(request).await;

        let request = responder.receive().await;
        let topic = request.properties.text(id::RESPONSE_TOPIC).expect("there");
        let correlation = request.properties.value(id::CORRELATION_DATA);
        let correlation = (id::CORRELATION_DATA, correlation.expect("there").clone());
        let answer = Publish::new(topic, "now").qos(1, 0).with(correlation);
        responder.publish_with(answer).await;

        let answer = requester.receive().await;
        let expected = property::binary(id::CORRELATION_DATA, number);
        assert_eq!(*answer.properties, [expected]);
        assert_eq!(answer.text(), "now");
    }
}

#[tokio::test]
async fn a_message_that_is_not_allowed_is_answered_and_goes_nowhere() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut watcher = client(&host, version, "watcher").await;
        watcher.subscribe("$SYS/own", 2).await;
        let mut publisher = client(&host, version, "publisher").await;
        let publish = Publish::new("$SYS/own", "x").retained();
        for (qos, kind) in [(1, Acknowledgement::Puback), (2, Acknowledgement::Pubrec)] {
            publisher
                .send(publish.clone().qos(qos, 9).bytes(version))
                .await;
            let ack = publisher.expect_ack(kind, 9).await;
            if version == Version::V5 {
                assert!([0x87, 0x90].contains(&ack.reason), "{ack:?}");
            } else if qos == 2 {
                publisher.send(Acknowledgement::Pubrel.bytes(9)).await;
                publisher.expect_ack(Acknowledgement::Pubcomp, 9).await;
            }
        }
        publisher.send(publish.bytes(version)).await;
        publisher.expect_nothing().await;
        expect_no_message(&mut publisher, &mut watcher, 2).await;
        let mut late = client(&host, version, "late").await;
        late.subscribe("$SYS/own", 2).await;
        late.expect_nothing().await;
    }
}

#[tokio::test]
async fn a_client_receives_what_it_publishes_itself() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let connect = Connect::new(version, "both");
        let mut both = Client::connect(host.mqtt_address(), &connect).await;
        both.subscribe("own", 1).await;
        both.publish("own", "x", 1).await;
        expect_message(&mut both, "own", "x", 1).await;
        both.disconnect().await;
    }
}
