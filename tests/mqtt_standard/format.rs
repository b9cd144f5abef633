//! What holds for all packets (chapters 1 and 2): strings, lengths, flags, packet identifiers, properties.

use std::collections::BTreeSet;

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{
    Acknowledgement, Client, Connect, Publish, Subscribe, Unsubscribe, Version, packet, text,
};

use super::clients::{client, expect_no_message, lasting_client};
use super::refusal::{FORBIDDEN, expect_ended, expect_not_connected};

use Acknowledgement::{Puback, Pubcomp, Pubrec, Pubrel};

/// Ill-formed UTF-8, and well-formed with U+0000.
const NO_STRINGS: [(&str, &[u8]); 9] = [
    ("a byte of no encoding", b"a\xff"),
    ("a continuation without a beginning", b"\x80a"),
    ("a beginning without its continuation", b"\xc3("),
    ("half a character", b"a\xe2\x82"),
    ("the surrogate U+D800", b"\xed\xa0\x80"),
    ("the surrogate U+DFFF", b"\xed\xbf\xbf"),
    ("a slash in two bytes", b"\xc0\xaf"),
    ("a character beyond U+10FFFF", b"\xf4\x90\x80\x80"),
    ("U+0000", b"a\0b"),
];

/// Packets with this string in one place each.
fn packets_with(version: Version, string: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let string = text(string);
    let none: &[u8] = match version {
        Version::V311 => b"",
        Version::V5 => b"\0",
    };
    let id = b"\0\x01";
    let mut packets = vec![
        ("topic", packet(0x30, [&string[..], none, b"x"].concat())),
        ("filter", packet(0x82, [id, none, &string, b"\0"].concat())),
        (
            "filter to unsubscribe",
            packet(0xa2, [id, none, &string].concat()),
        ),
    ];
    if version == Version::V311 {
        return packets;
    }
    let publish = |property: &[u8]| {
        let length = u8::try_from(property.len()).expect("a short property");
        packet(0x30, [&text("t")[..], &[length], property].concat())
    };
    packets.extend([
        (
            "content type",
            publish(&[&[id::CONTENT_TYPE][..], &string].concat()),
        ),
        (
            "response topic",
            publish(&[&[id::RESPONSE_TOPIC][..], &string].concat()),
        ),
        (
            "name",
            publish(&[&[id::USER_PROPERTY][..], &string, &text("v")].concat()),
        ),
        (
            "value",
            publish(&[&[id::USER_PROPERTY][..], &text("n"), &string].concat()),
        ),
    ]);
    packets
}

#[tokio::test]
async fn strings_that_are_no_utf_8_or_have_u_0000_in_them_end_the_connection() {
    let host = TestHost::start().await;
    // A topic that is malformed may be called an invalid topic name as well.
    let reasons = [0x81, 0x82, 0x8f, 0x90];
    for version in Version::ALL {
        for (what, string) in NO_STRINGS {
            for (place, bytes) in packets_with(version, string) {
                let what = format!("{what} in a {place}");
                expect_ended(&host, version, &bytes, &reasons, &what).await;
            }
        }
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_a_character_like_others() {
    const MARKED: &str = "\u{feff}marked";
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut marked = lasting_client(&host, version, MARKED).await;
        let mut other = lasting_client(&host, version, "marked").await;
        assert_eq!(marked.subscribe(MARKED, 1).await, 1);
        assert_eq!(other.subscribe("marked", 1).await, 1);
        publisher.publish(MARKED, MARKED, 1).await;
        let message = marked.receive().await;
        assert_eq!(
            (message.topic.as_str(), message.text()),
            (MARKED, MARKED.to_owned())
        );
        expect_no_message(&mut publisher, &mut other, 1).await;
        marked.disconnect().await;
        other.disconnect().await;
    }
}

#[tokio::test]
async fn a_length_of_more_than_four_bytes_ends_the_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        for first in [0x30, 0x40, 0x82, 0xc0, 0xe0] {
            let bytes = [first, 0x80, 0x80, 0x80, 0x80, 0x01];
            let what = format!("five bytes of length after {first:#04x}");
            expect_ended(&host, version, &bytes, &FORBIDDEN, &what).await;
        }
    }
    let property_length = b"\0\x01t\x80\x80\x80\x80\x01x";
    let bytes = packet(0x30, property_length);
    let what = "five bytes of property length";
    expect_ended(&host, Version::V5, &bytes, &FORBIDDEN, what).await;
}

/// Packets as a client sends them, each in order on a connection that has just been made. Those that a connection ends
/// with come last.
fn packets(version: Version) -> Vec<(&'static str, Vec<u8>)> {
    let mut packets = vec![
        ("CONNECT", Connect::new(version, "offender").bytes()),
        ("PUBACK", Puback.bytes(1)),
        ("PUBREC", Pubrec.bytes(1)),
        ("PUBREL", Pubrel.bytes(1)),
        ("PUBCOMP", Pubcomp.bytes(1)),
        ("SUBSCRIBE", Subscribe::new(1, "f", 0).bytes(version)),
        ("UNSUBSCRIBE", Unsubscribe::new(1, "f").bytes(version)),
        ("PINGREQ", packet(0xc0, [])),
        ("DISCONNECT", packet(0xe0, [])),
    ];
    if version == Version::V5 {
        packets.push(("AUTH", packet(0xf0, [])));
    }
    packets
}

#[tokio::test]
async fn reserved_flags_of_the_fixed_header_end_the_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        for (name, good) in packets(version) {
            for flags in (0..16).filter(|flags| *flags != good[0] & 0x0f) {
                let mut bytes = good.clone();
                bytes[0] = good[0] & 0xf0 | flags;
                let what = format!("{name} with flags {flags:04b}");
                if name == "CONNECT" {
                    // A connection that does not begin as MQTT does may be closed without a word.
                    let mut offender = Client::open(host.mqtt_address(), version).await;
                    offender.send(bytes).await;
                    let said = offender.read_to_end().await;
                    let is_right = matches!(said[..], [] | [0x20, _, 0, 0x81 | 0x82, ..]);
                    assert!(is_right, "{what} is answered by {said:02x?}");
                    continue;
                }
                expect_ended(&host, version, &bytes, &FORBIDDEN, &what).await;
            }
        }
    }
}

#[tokio::test]
async fn packets_that_no_client_sends_end_the_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let none: &[u8] = match version {
            Version::V311 => b"",
            Version::V5 => b"\0",
        };
        let mut wrong = vec![
            ("type 0", packet(0x00, [])),
            ("CONNACK", packet(0x20, [b"\0\0", none].concat())),
            ("SUBACK", packet(0x90, [b"\0\x01", none, b"\0"].concat())),
            ("UNSUBACK", packet(0xb0, [b"\0\x01", none].concat())),
            ("PINGRESP", packet(0xd0, [])),
        ];
        if version == Version::V311 {
            wrong.push(("type 15", packet(0xf0, [])));
        }
        for (what, bytes) in wrong {
            expect_ended(&host, version, &bytes, &FORBIDDEN, what).await;
        }
    }
}

#[tokio::test]
async fn packet_identifier_0_ends_the_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let wrong = [
            (
                "PUBLISH at QoS 1",
                Publish::new("t", "x").qos(1, 0).bytes(version),
            ),
            (
                "PUBLISH at QoS 2",
                Publish::new("t", "x").qos(2, 0).bytes(version),
            ),
            ("SUBSCRIBE", Subscribe::new(0, "f", 0).bytes(version)),
            ("UNSUBSCRIBE", Unsubscribe::new(0, "f").bytes(version)),
        ];
        for (what, bytes) in wrong {
            expect_ended(&host, version, &bytes, &FORBIDDEN, what).await;
        }
    }
}

#[tokio::test]
async fn a_message_at_qos_0_has_no_packet_identifier() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        assert_eq!(client.subscribe("bare", 2).await, 2);
        // Were there an identifier, it would be taken off the payload, and another one put there.
        for payload in ["", "\0", "\0\x01", "\0\x01\0\x02"] {
            client
                .send(Publish::new("bare", payload).bytes(version))
                .await;
            let message = client.receive().await;
            assert_eq!((message.qos, message.text()), (0, payload.to_owned()));
        }
        client.disconnect().await;
    }
}

#[tokio::test]
async fn acknowledgements_have_the_packet_identifier_of_what_they_answer() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        for packet_id in [1, 2, 0x00ff, 0x0100, 0x8000, u16::MAX] {
            let subscribe = Subscribe::new(packet_id, "other", 0);
            client.subscribe_with(&subscribe).await;
            client
                .send(Publish::new("t", "x").qos(1, packet_id).bytes(version))
                .await;
            client.expect_ack(Puback, packet_id).await;
            client
                .send(Publish::new("t", "x").qos(2, packet_id).bytes(version))
                .await;
            client.expect_ack(Pubrec, packet_id).await;
            client.send(Pubrel.bytes(packet_id)).await;
            client.expect_ack(Pubcomp, packet_id).await;
            let unsubscribe = Unsubscribe::new(packet_id, "other");
            client.unsubscribe_with(&unsubscribe).await;
        }
        client.disconnect().await;
    }
}

#[tokio::test]
async fn packet_identifiers_of_the_server_are_in_use_once() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        assert_eq!(subscriber.subscribe("ids/#", 2).await, 2);
        let mut in_use = BTreeSet::new();
        let mut unacknowledged = Vec::new();
        // Mosquitto has at most 20 in flight, unless it is told otherwise.
        for number in 0..16 {
            publisher
                .publish(&format!("ids/{number}"), "x", 1 + number % 2)
                .await;
            let message = subscriber.expect_publish().await;
            let packet_id = message.packet_id.expect("above QoS 0");
            assert!(in_use.insert(packet_id), "{packet_id} is in use");
            unacknowledged.push(message);
            // Every third one is acknowledged at once, so that identifiers become free in between.
            if number % 3 == 0 {
                let message = unacknowledged.swap_remove(unacknowledged.len() / 2);
                subscriber.acknowledge(&message).await;
                in_use.remove(&message.packet_id.expect("above QoS 0"));
            }
        }
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn the_property_length_is_there_even_if_it_is_0() {
    let host = TestHost::start().await;
    let version = Version::V5;
    let without = [
        ("PUBLISH", packet(0x30, text("t"))),
        (
            "PUBLISH at QoS 1",
            packet(0x32, [&text("t")[..], b"\0\x01"].concat()),
        ),
        // The length of the filter is taken for that of the properties.
        (
            "SUBSCRIBE",
            packet(0x82, [&b"\0\x01"[..], &text("abc"), b"\0"].concat()),
        ),
        ("UNSUBSCRIBE", packet(0xa2, b"\0\x01")),
    ];
    for (what, bytes) in without {
        expect_ended(&host, version, &bytes, &FORBIDDEN, what).await;
    }
    let mut connect = Connect::v5("offender").bytes();
    connect.truncate(2 + 10);
    connect[1] = 10;
    expect_not_connected(&host, version, &connect, &FORBIDDEN, "CONNECT").await;
    // Of packets that may leave them out, they may be left out.
    let mut client = client(&host, version, "client").await;
    client.subscribe("t", 2).await;
    client.publish("t", "x", 2).await;
    client.receive().await;
    client.ping().await;
    client.send(packet(0xe0, b"\0")).await;
    client.expect_closed().await;
}

#[tokio::test]
async fn a_property_that_does_not_belong_there_ends_the_connection() {
    let host = TestHost::start().await;
    let expiry = property::four_bytes(id::SESSION_EXPIRY, 1);
    let format = property::byte(id::PAYLOAD_FORMAT, 1);
    let publish = |property| Publish::new("t", "x").with(property).bytes(Version::V5);
    let subscribe = |property| Subscribe::new(1, "f", 0).with(property).bytes(Version::V5);
    let unsubscribe = |property| {
        let mut unsubscribe = Unsubscribe::new(1, "f");
        unsubscribe.properties.0.push(property);
        unsubscribe.bytes(Version::V5)
    };
    let publish_again = Publish::new("t", "x")
        .with(format.clone())
        .with(format.clone());
    let subscribe_again = Subscribe::new(1, "f", 0)
        .with(property::subscription_identifier(1))
        .with(property::subscription_identifier(2));
    let wrong = [
        ("session expiry in PUBLISH", publish(expiry.clone())),
        ("session expiry in SUBSCRIBE", subscribe(expiry.clone())),
        ("session expiry in UNSUBSCRIBE", unsubscribe(expiry.clone())),
        (
            "session expiry in PUBACK",
            Puback.bytes_with(1, 0, std::slice::from_ref(&expiry)),
        ),
        (
            "session expiry in PUBREL",
            Pubrel.bytes_with(1, 0, std::slice::from_ref(&expiry)),
        ),
        ("payload format in SUBSCRIBE", subscribe(format.clone())),
        (
            "an identifier in PUBLISH",
            publish(property::subscription_identifier(1)),
        ),
        (
            "an identifier in UNSUBSCRIBE",
            unsubscribe(property::subscription_identifier(1)),
        ),
        (
            "an assigned client id",
            publish(property::text(id::ASSIGNED_CLIENT_ID, "x")),
        ),
        (
            "a property of no name",
            packet(0x30, b"\0\x01t\x02\x7f\x01x"),
        ),
        ("payload format twice", publish_again.bytes(Version::V5)),
        ("an identifier twice", subscribe_again.bytes(Version::V5)),
        (
            "payload format 2",
            publish(property::byte(id::PAYLOAD_FORMAT, 2)),
        ),
        (
            "identifier 0",
            subscribe(property::subscription_identifier(0)),
        ),
        (
            "properties longer than the packet",
            packet(0x30, b"\0\x01t\x7f\x01\x01"),
        ),
        (
            "properties that end within one",
            packet(0x30, b"\0\x01t\x03\x02\0\0\0\x01"),
        ),
    ];
    for (what, bytes) in wrong {
        expect_ended(&host, Version::V5, &bytes, &FORBIDDEN, what).await;
    }
}
