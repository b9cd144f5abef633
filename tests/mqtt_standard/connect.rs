//! CONNECT (section 3.1) as it may be written, and as it may not.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{
    Acknowledgement, Client, Connect, Publish, Subscribe, Unsubscribe, Version, Will, disconnect,
    packet, pingreq, text,
};

use super::refusal::{FORBIDDEN, expect_ended, expect_not_connected};

/// A CONNECT with everything in it.
fn full(version: Version) -> Connect {
    let will = Will::new("wills/full", "gone").qos(1).retained();
    let connect = Connect {
        username: Some("user".to_owned()),
        password: Some(b"password".to_vec()),
        ..Connect::new(version, "offender").keep_alive(60)
    };
    if version == Version::V311 {
        return connect.will(will);
    }
    let will = will
        .with(property::four_bytes(id::WILL_DELAY, 0))
        .with(property::byte(id::PAYLOAD_FORMAT, 1))
        .with(property::four_bytes(id::MESSAGE_EXPIRY, 60))
        .with(property::text(id::CONTENT_TYPE, "text"))
        .with(property::text(id::RESPONSE_TOPIC, "answers"))
        .with(property::binary(id::CORRELATION_DATA, b"\0"))
        .with(property::user("name", "value"));
    connect
        .will(will)
        .with(property::four_bytes(id::SESSION_EXPIRY, 0))
        .with(property::two_bytes(id::RECEIVE_MAXIMUM, 10))
        .with(property::four_bytes(id::MAXIMUM_PACKET_SIZE, 100_000))
        .with(property::two_bytes(id::TOPIC_ALIAS_MAXIMUM, 10))
        .with(property::byte(id::REQUEST_RESPONSE_INFORMATION, 1))
        .with(property::byte(id::REQUEST_PROBLEM_INFORMATION, 0))
        .with(property::user("name", "value"))
        .with(property::user("name", "value"))
}

/// A CONNECT packet of these connect flags and this payload.
fn connect_of(version: Version, flags: u8, payload: &[u8]) -> Vec<u8> {
    let header = Connect::new(version, "").header(flags);
    packet(0x10, [&header, payload].concat())
}

#[tokio::test]
async fn the_first_packet_is_connect() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let others = [
            ("PUBLISH", Publish::new("t", "x").bytes(version)),
            ("PUBACK", Acknowledgement::Puback.bytes(1)),
            ("PUBREL", Acknowledgement::Pubrel.bytes(1)),
            ("SUBSCRIBE", Subscribe::new(1, "f", 0).bytes(version)),
            ("UNSUBSCRIBE", Unsubscribe::new(1, "f").bytes(version)),
            ("PINGREQ", pingreq()),
            ("DISCONNECT", disconnect(version, 0, &[])),
            ("AUTH", packet(0xf0, [])),
            ("CONNACK", packet(0x20, b"\0\0")),
            ("type 0", packet(0x00, [])),
            ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ];
        for (what, bytes) in others {
            let mut offender = Client::open(host.mqtt_address(), version).await;
            let all = [bytes, Connect::new(version, "offender").bytes()].concat();
            let _ = offender.try_send(all).await;
            let said = offender.read_to_end().await;
            assert!(said.is_empty(), "{what} is answered by {said:02x?}");
        }
    }
}

#[tokio::test]
async fn a_second_connect_ends_the_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let again = Connect::new(version, "offender").bytes();
        expect_ended(&host, version, &again, &[0x82], "CONNECT again").await;
    }
}

/// Whether this is what a broker says to a client of an unknown version: CONNACK with 0x01 as 3.1.1 has it, or with 0x84 as
/// MQTT 5 has it.
fn is_unsupported(said: &[u8]) -> bool {
    match said {
        [0x20, 2, 0, 0x01 | 0x84] => true,
        [0x20, length, 0, 0x84, rest @ ..] => usize::from(*length) == 2 + rest.len(),
        _ => false,
    }
}

#[tokio::test]
async fn another_protocol_name_is_refused() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        for name in ["", "mqtt", "MQTX", "MQTTT", "MQIsdp", "\u{feff}MQTT"] {
            let header = Connect::new(version, "").header(0x02);
            let body = [&text(name)[..], &header[6..], &text("offender")].concat();
            let mut offender = Client::open(host.mqtt_address(), version).await;
            offender.send(packet(0x10, body)).await;
            let said = offender.read_to_end().await;
            let is_right = said.is_empty() || is_unsupported(&said);
            assert!(is_right, "{name:?} is answered by {said:02x?}");
        }
    }
}

#[tokio::test]
async fn an_unknown_protocol_level_is_refused_and_told() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        for level in [0, 1, 2, 6, 7, 0x7f, 0x80, 0xff] {
            let mut bytes = Connect::new(version, "offender").bytes();
            bytes[8] = level;
            let mut offender = Client::open(host.mqtt_address(), version).await;
            offender.send(bytes).await;
            let said = offender.read_to_end().await;
            assert!(
                is_unsupported(&said),
                "level {level} is answered by {said:02x?}"
            );
        }
    }
}

#[tokio::test]
async fn the_reserved_connect_flag_is_0() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let bytes = connect_of(version, 0x03, &text("offender"));
        expect_not_connected(&host, version, &bytes, &FORBIDDEN, "the reserved flag").await;
    }
}

#[tokio::test]
async fn connect_flags_and_fields_agree() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let id = text("offender");
        let none: &[u8] = match version {
            Version::V311 => b"",
            Version::V5 => b"\0",
        };
        let will = [none, &text("wills/wrong"), &text("x")].concat();
        let name = text("name");
        let with = |parts: &[&[u8]]| [&[&id[..]], parts].concat().concat();
        let wrong = [
            ("will QoS 1 without a will", 0x0a, with(&[])),
            ("will QoS 2 without a will", 0x12, with(&[])),
            ("will QoS 3 without a will", 0x1a, with(&[])),
            ("will retain without a will", 0x22, with(&[])),
            ("will QoS 3", 0x1e, with(&[&will])),
            ("a will that is not there", 0x06, with(&[])),
            (
                "a will without a payload",
                0x06,
                with(&[none, &text("wills/wrong")]),
            ),
            ("a will that no flag announces", 0x02, with(&[&will])),
            ("a user name that is not there", 0x82, with(&[])),
            ("a user name that no flag announces", 0x02, with(&[&name])),
            ("a password that is not there", 0xc2, with(&[&name])),
            (
                "a password that no flag announces",
                0x82,
                with(&[&name, &text("x")]),
            ),
            ("no client id", 0x02, Vec::new()),
            ("a byte too many", 0x02, with(&[b"x"])),
        ];
        for (what, flags, payload) in wrong {
            let bytes = connect_of(version, flags, &payload);
            expect_not_connected(&host, version, &bytes, &FORBIDDEN, what).await;
        }
    }
    let version = Version::V311;
    let payload = [text("offender"), text("password")].concat();
    let bytes = connect_of(version, 0x42, &payload);
    let what = "a password without a user name";
    expect_not_connected(&host, version, &bytes, &FORBIDDEN, what).await;
}

#[tokio::test]
async fn a_connect_packet_that_is_cut_anywhere_is_refused() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let connect = full(version);
        let whole = [connect.header(connect.flags()), connect.payload()].concat();
        for length in 0..whole.len() {
            let bytes = packet(0x10, &whole[..length]);
            let what = format!("CONNECT of {length} bytes instead of {}", whole.len());
            let mut offender = Client::open(host.mqtt_address(), version).await;
            offender.send([bytes, pingreq()].concat()).await;
            let said = offender.read_to_end().await;
            // Where the version is not told yet, 3.1.1 has nothing to say; nor has it later.
            let is_told = version == Version::V5 && length > 6;
            let is_right = match said[..] {
                [0x20, _, 0, 0x81 | 0x82, ..] => is_told,
                [] => !is_told,
                _ => false,
            };
            assert!(is_right, "{version:?}, {what}: {said:02x?}");
        }
    }
}

#[tokio::test]
async fn strings_of_connect_that_are_no_utf_8_are_refused() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let none: &[u8] = match version {
            Version::V311 => b"",
            Version::V5 => b"\0",
        };
        let id = text("offender");
        for string in [&b"a\xff"[..], b"\xed\xa0\x80", b"\xc0\xaf", b"a\0b"] {
            let string = text(string);
            let wrong = [
                ("client id", 0x02, string.clone()),
                (
                    "will topic",
                    0x06,
                    [&id[..], none, &string, &text("x")].concat(),
                ),
                ("user name", 0x82, [&id[..], &string].concat()),
            ];
            for (what, flags, payload) in wrong {
                let bytes = connect_of(version, flags, &payload);
                // The client id may be called an invalid one as well, the topic an invalid topic name.
                let reasons = [0x81, 0x82, 0x85, 0x86, 0x90];
                expect_not_connected(&host, version, &bytes, &reasons, what).await;
            }
        }
    }
}

#[tokio::test]
async fn properties_of_connect_that_the_standard_forbids_are_refused() {
    let host = TestHost::start().await;
    let connect = |properties: &[property::Property]| {
        let mut connect = Connect::v5("offender");
        connect.properties.0.extend_from_slice(properties);
        connect
    };
    let will = |property| Connect::v5("offender").will(Will::new("wills/wrong", "").with(property));
    let twice = |property: property::Property| connect(&[property.clone(), property]);
    let wrong = [
        (
            "receive maximum 0",
            connect(&[property::two_bytes(id::RECEIVE_MAXIMUM, 0)]),
        ),
        (
            "maximum packet size 0",
            connect(&[property::four_bytes(id::MAXIMUM_PACKET_SIZE, 0)]),
        ),
        (
            "problem information 2",
            connect(&[property::byte(id::REQUEST_PROBLEM_INFORMATION, 2)]),
        ),
        (
            "response information 2",
            connect(&[property::byte(id::REQUEST_RESPONSE_INFORMATION, 2)]),
        ),
        (
            "data without method",
            connect(&[property::binary(id::AUTHENTICATION_DATA, b"x")]),
        ),
        (
            "session expiry twice",
            twice(property::four_bytes(id::SESSION_EXPIRY, 1)),
        ),
        (
            "receive maximum twice",
            twice(property::two_bytes(id::RECEIVE_MAXIMUM, 1)),
        ),
        (
            "maximum packet size twice",
            twice(property::four_bytes(id::MAXIMUM_PACKET_SIZE, 1000)),
        ),
        (
            "alias maximum twice",
            twice(property::two_bytes(id::TOPIC_ALIAS_MAXIMUM, 1)),
        ),
        (
            "problem information twice",
            twice(property::byte(id::REQUEST_PROBLEM_INFORMATION, 1)),
        ),
        (
            "response information twice",
            twice(property::byte(id::REQUEST_RESPONSE_INFORMATION, 0)),
        ),
        (
            "method twice",
            twice(property::text(id::AUTHENTICATION_METHOD, "x")),
        ),
        (
            "will delay outside of the will",
            connect(&[property::four_bytes(id::WILL_DELAY, 1)]),
        ),
        (
            "topic alias",
            connect(&[property::two_bytes(id::TOPIC_ALIAS, 1)]),
        ),
        (
            "server keep alive",
            connect(&[property::two_bytes(id::SERVER_KEEP_ALIVE, 1)]),
        ),
        (
            "session expiry in the will",
            will(property::four_bytes(id::SESSION_EXPIRY, 1)),
        ),
        (
            "topic alias in the will",
            will(property::two_bytes(id::TOPIC_ALIAS, 1)),
        ),
        (
            "payload format 2 in the will",
            will(property::byte(id::PAYLOAD_FORMAT, 2)),
        ),
        (
            "reason string",
            connect(&[property::text(id::REASON_STRING, "x")]),
        ),
    ];
    for (what, connect) in wrong {
        let bytes = connect.bytes();
        expect_not_connected(&host, Version::V5, &bytes, &FORBIDDEN, what).await;
    }
    let again = will(property::four_bytes(id::WILL_DELAY, 1));
    let mut again = again.will.expect("a will");
    again = again.with(property::four_bytes(id::WILL_DELAY, 1));
    let bytes = Connect::v5("offender").will(again).bytes();
    let what = "will delay twice";
    expect_not_connected(&host, Version::V5, &bytes, &FORBIDDEN, what).await;
}

#[tokio::test]
async fn a_connect_with_everything_in_it_is_understood() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let connect = Connect {
            username: None,
            password: None,
            ..full(version)
        };
        let (client, connack) = Client::connect_with_connack(host.mqtt_address(), &connect).await;
        assert_eq!((connack.reason, connack.session_present), (0, false));
        client.disconnect().await;
    }
}
