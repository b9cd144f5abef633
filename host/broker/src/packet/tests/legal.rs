//! Packets that the standard allows, and what is read of them.

use super::*;
use Version::{V5, V311};

/// Name, version, first byte, what follows the remaining length.
#[rustfmt::skip] // A table: one line a case.
pub(super) const CASES: &[(&str, Version, u8, &[u8])] = &[
    ("CONNECT", V311, 0x10, b"\x00\x04MQTT\x04\x02\x00\x3C\x00\x01a"),
    ("CONNECT", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x01a"),
    ("no client id with a clean session", V311, 0x10, b"\x00\x04MQTT\x04\x02\x00\x00\x00\x00"),
    ("no client id without a clean session", V311, 0x10, b"\x00\x04MQTT\x04\x00\x00\x00\x00\x00"),
    ("no client id without a clean start", V5, 0x10, b"\x00\x04MQTT\x05\x00\x00\x00\x00\x00\x00"),
    ("client id with a slash, a wildcard and an umlaut", V311, 0x10, "\0\x04MQTT\x04\x02\0\0\0\x06a/#+ö".as_bytes()),
    ("client id with a line feed", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01\x0A"),
    ("will topic with a line feed", V5, 0x10, b"\x00\x04MQTT\x05\x06\x00\x00\x00\x00\x01a\x00\x00\x01\x0A\x00\x01m"),
    ("user name and password", V311, 0x10, b"\x00\x04MQTT\x04\xC2\x00\x00\x00\x01a\x00\x01u\x00\x02\x00\xFF"),
    ("empty user name and password", V311, 0x10, b"\x00\x04MQTT\x04\xC2\x00\x00\x00\x01a\x00\x00\x00\x00"),
    ("password without user name", V5, 0x10, b"\x00\x04MQTT\x05\x42\x00\x00\x00\x00\x01a\x00\x01p"),
    ("will", V311, 0x10, b"\x00\x04MQTT\x04\x36\x00\x00\x00\x01a\x00\x01t\x00\x01\xFF"),
    ("empty will", V5, 0x10, b"\x00\x04MQTT\x05\x06\x00\x00\x00\x00\x01a\x00\x00\x01t\x00\x00"),
    ("will that expires at once", V5, 0x10, b"\x00\x04MQTT\x05\x06\x00\x00\x00\x00\x01a\x05\x02\x00\x00\x00\x00\x00\x01t\x00\x00"),
    ("topic alias maximum 0", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x03\x22\x00\x00\x00\x01a"),
    ("authentication method", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x08\x15\x00\x01m\x16\x00\x01d\x00\x01a"),
    ("user properties of one name", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x0C\x26\x00\x01n\x00\x00\x26\x00\x01n\x00\x00\x00\x01a"),
    ("PUBLISH", V311, 0x30, b"\x00\x01am"),
    ("PUBLISH", V5, 0x30, b"\x00\x01a\x00m"),
    ("empty message", V311, 0x31, b"\x00\x01a"),
    ("empty message", V5, 0x31, b"\x00\x01a\x00"),
    ("highest packet id", V311, 0x3A, b"\x00\x01a\xFF\xFF"),
    ("topic with umlaut, space and dollar", V311, 0x30, "\0\x08$SYS/ \u{00FC}x".as_bytes()),
    ("topic of a byte order mark", V5, 0x30, b"\x00\x03\xEF\xBB\xBF\x00"),
    ("topic of a non-character", V5, 0x30, b"\x00\x03\xEF\xBF\xBF\x00"),
    ("topic of the last character", V311, 0x30, b"\x00\x04\xF4\x8F\xBF\xBF"),
    ("topic of slashes", V311, 0x30, b"\x00\x02//"),
    ("alias without topic", V5, 0x30, b"\x00\x00\x03\x23\x00\x01m"),
    ("alias with topic", V5, 0x32, b"\x00\x01a\x00\x01\x03\x23\xFF\xFFm"),
    ("message that expires at once", V5, 0x30, b"\x00\x01a\x05\x02\x00\x00\x00\x00m"),
    ("payload format 0", V5, 0x30, b"\x00\x01a\x02\x01\x00\xFF"),
    ("text", V5, 0x30, b"\x00\x01a\x02\x01\x01ok"),
    ("PUBACK", V311, 0x40, b"\x00\x01"),
    ("PUBACK", V5, 0x40, b"\x00\x01"),
    ("PUBREC", V311, 0x50, b"\x00\x01"),
    ("PUBREC that refuses", V5, 0x50, b"\x00\x01\x97"),
    ("PUBREL", V311, 0x62, b"\x00\x01"),
    ("PUBREL of nothing", V5, 0x62, b"\x00\x01\x92\x00"),
    ("PUBCOMP", V311, 0x70, b"\x00\x01"),
    ("PUBCOMP with a reason string", V5, 0x70, b"\x00\x01\x92\x04\x1F\x00\x01r"),
    ("PUBACK with a user property", V5, 0x40, b"\x00\x01\x00\x05\x26\x00\x00\x00\x00"),
    ("SUBSCRIBE", V311, 0x82, b"\x00\x01\x00\x01a\x02\x00\x01b\x00"),
    ("SUBSCRIBE", V5, 0x82, b"\x00\x01\x00\x00\x01a\x2E\x00\x01b\x11"),
    ("filters that each have their own reason code", V5, 0x82, b"\x00\x01\x00\x00\x02a#\x00\x00\x00\x00"),
    ("no local with an ordinary filter", V5, 0x82, b"\x00\x01\x00\x00\x06$share\x04"),
    ("highest subscription identifier", V5, 0x82, b"\x00\x01\x05\x0B\xFF\xFF\xFF\x7F\x00\x01a\x00"),
    ("UNSUBSCRIBE", V311, 0xA2, b"\x00\x01\x00\x01a\x00\x01b"),
    ("UNSUBSCRIBE", V5, 0xA2, b"\x00\x01\x00\x00\x01a\x00\x00"),
    ("PINGREQ", V311, 0xC0, b""),
    ("PINGREQ", V5, 0xC0, b""),
    ("DISCONNECT", V311, 0xE0, b""),
    ("DISCONNECT", V5, 0xE0, b""),
    ("DISCONNECT with will", V5, 0xE0, b"\x04"),
    ("DISCONNECT with another session expiry", V5, 0xE0, b"\x00\x05\x11\x00\x00\x00\x01"),
    ("AUTH", V5, 0xF0, b"\x18\x04\x15\x00\x01m"),
    ("AUTH again", V5, 0xF0, b"\x19\x08\x15\x00\x01m\x16\x00\x01d"),
];

#[test]
fn what_the_standard_allows_is_read() {
    for &(name, version, first_byte, body) in CASES {
        let packet = frame(first_byte, body);
        let read = read(version, &packet);
        assert!(
            read.is_ok(),
            "{name} in {version:?}: {read:?}, {packet:02X?}"
        );
    }
}

#[test]
fn a_packet_is_taken_out_once_it_is_all_there() {
    for &(name, version, first_byte, body) in CASES {
        let packet = frame(first_byte, body);
        let mut reader = match first_byte {
            0x10 => PacketReader::new(),
            _ => connected(version),
        };
        let mut buffer = BytesMut::new();
        for &byte in &packet[..packet.len() - 1] {
            buffer.extend_from_slice(&[byte]);
            assert!(reader.next(&mut buffer).unwrap().is_none(), "{name}");
        }
        assert_eq!(
            buffer,
            packet[..packet.len() - 1],
            "{name}: nothing was taken out"
        );
        buffer.extend_from_slice(&packet[packet.len() - 1..]);
        buffer.extend_from_slice(b"\xC0\x00\xC0");
        assert!(reader.next(&mut buffer).unwrap().is_some(), "{name}");
        assert!(
            matches!(reader.next(&mut buffer), Ok(Some(Packet::PingRequest))),
            "{name}"
        );
        assert_eq!(buffer, b"\xC0"[..], "{name}: what follows is left alone");
    }
}

#[test]
fn nothing_is_reserved_for_an_idle_client() {
    let mut buffer = BytesMut::from(&[0xC0, 0x00][..]);
    assert!(connected(V5).next(&mut buffer).unwrap().is_some());
    assert_eq!(buffer.capacity(), 0);
}

fn read_connect(version: Version, rest: &[u8]) -> Connect {
    let packet = frame(0x10, &[protocol(version), rest].concat());
    match read(version, &packet) {
        Ok(Packet::Connect(connect)) => *connect,
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_in_a_connect_of_3_1_1_is_read() {
    let connect = read_connect(
        V311,
        b"\xF4\x01\x02\x00\x01c\x00\x03w/t\x00\x02\xFF\x00\x00\x01u\x00\x02p\x00",
    );
    assert_eq!((connect.version, connect.client_id.as_str()), (V311, "c"));
    assert!(!connect.clean_start);
    assert_eq!(connect.keep_alive_seconds, 0x0102);
    assert_eq!(connect.session_expiry_seconds, u32::MAX, "[MQTT-3.1.2-4]");
    assert_eq!(connect.username.as_deref(), Some("u"));
    assert_eq!(connect.password.as_deref(), Some(&b"p\0"[..]));
    assert_eq!(
        (connect.receive_max, connect.packet_bytes_max),
        (u16::MAX, None)
    );
    assert_eq!(connect.topic_alias_max, 0);
    let will = connect.will.unwrap();
    assert_eq!(will.message.topic.as_str(), "w/t");
    assert_eq!(&*will.message.payload, b"\xFF\0");
    assert_eq!(will.message.qos, QoS::ExactlyOnce);
    assert!(will.message.retain);
    assert_eq!((will.delay_seconds, will.expiry_seconds), (0, None));

    let connect = read_connect(V311, b"\x02\x00\x00\x00\x00");
    assert!(connect.clean_start && connect.client_id.is_empty());
    assert_eq!(connect.session_expiry_seconds, 0);
    // It is refused with a return code [MQTT-3.1.3-8], so it has to be read.
    let connect = read_connect(V311, b"\x00\x00\x00\x00\x00");
    assert!(!connect.clean_start && connect.client_id.is_empty());
}

#[test]
fn everything_in_a_connect_of_mqtt_5_is_read() {
    let properties =
        b"\x11\x00\x00\x00\x07\x21\x00\x08\x27\x00\x00\x00\x09\x22\x00\x0A\x17\x00\x15\x00\x01m";
    let will = b"\x18\x00\x00\x00\x03\x02\x00\x00\x00\x00\x01\x01\x03\x00\x01t\x08\x00\x01r\x09\x00\x01d\x26\x00\x01n\x00\x01v";
    let rest = [
        &b"\xCC\x00\x00"[..],
        &[properties.len() as u8],
        properties,
        b"\x00\x00",
        &[will.len() as u8],
        will,
        b"\x00\x03w/t\x00\x02hi\x00\x01u\x00\x01p",
    ]
    .concat();
    let connect = read_connect(V5, &rest);
    assert!(!connect.clean_start && connect.client_id.is_empty());
    assert_eq!(connect.session_expiry_seconds, 7);
    assert_eq!(
        (connect.receive_max, connect.packet_bytes_max),
        (8, Some(9))
    );
    assert_eq!(connect.topic_alias_max, 10);
    assert!(!connect.wants_problem_information);
    assert_eq!(connect.authentication_method.as_deref(), Some("m"));
    let will = connect.will.unwrap();
    assert_eq!((will.delay_seconds, will.expiry_seconds), (3, Some(0)));
    assert_eq!(will.message.qos, QoS::AtLeastOnce);
    let expected = Properties {
        is_text: true,
        content_type: Some("t".to_owned()),
        response_topic: Some("r".to_owned()),
        correlation_data: Some(b"d".to_vec()),
        user_properties: vec![("n".to_owned(), "v".to_owned())],
    };
    assert_eq!(will.message.properties.as_deref(), Some(&expected));

    let connect = read_connect(V5, b"\x00\x00\x00\x00\x00\x01a");
    assert!(!connect.clean_start && connect.wants_problem_information);
    assert_eq!(
        (connect.receive_max, connect.packet_bytes_max),
        (u16::MAX, None)
    );
    assert_eq!(connect.session_expiry_seconds, 0);
}

fn read_publish(version: Version, first_byte: u8, body: &[u8]) -> Publish {
    match read(version, &frame(first_byte, body)) {
        Ok(Packet::Publish(publish)) => publish,
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_in_a_publish_is_read() {
    let publish = read_publish(V311, 0x3B, b"\x00\x03a/b\x12\x34data");
    assert_eq!((&*publish.topic, &*publish.payload), ("a/b", &b"data"[..]));
    assert_eq!(
        (publish.qos, publish.packet_id),
        (QoS::AtLeastOnce, Some(0x1234))
    );
    assert!(publish.dup && publish.retain && publish.properties.is_none());
    assert_eq!((publish.topic_alias, publish.expiry_seconds), (None, None));

    let properties = b"\x01\x01\x02\x00\x00\x00\x05\x03\x00\x01t\x08\x00\x01r\x09\x00\x01d\x23\x00\x07\x26\x00\x01n\x00\x01v\x26\x00\x01n\x00\x01w";
    let body = [
        b"\x00\x00",
        &[properties.len() as u8][..],
        properties,
        b"hi",
    ]
    .concat();
    let publish = read_publish(V5, 0x30, &body);
    assert_eq!((&*publish.topic, &*publish.payload), ("", &b"hi"[..]));
    assert!(!publish.dup && !publish.retain && publish.packet_id.is_none());
    assert_eq!(
        (publish.topic_alias, publish.expiry_seconds),
        (Some(7), Some(5))
    );
    let pair = |value: &str| ("n".to_owned(), value.to_owned());
    let expected = Properties {
        is_text: true,
        content_type: Some("t".to_owned()),
        response_topic: Some("r".to_owned()),
        correlation_data: Some(b"d".to_vec()),
        user_properties: vec![pair("v"), pair("w")],
    };
    assert_eq!(publish.properties.as_deref(), Some(&expected));

    // What concerns this connection or hop only is not kept with the message.
    let publish = read_publish(
        V5,
        0x30,
        b"\x00\x01a\x0A\x01\x00\x23\x00\x07\x02\x00\x00\x00\x00m",
    );
    assert!(publish.properties.is_none());
    assert_eq!(publish.expiry_seconds, Some(0));
}

#[test]
fn everything_in_a_subscribe_is_read() {
    let Ok(Packet::Subscribe(subscribe)) = read(
        V5,
        &frame(0x82, b"\x12\x34\x03\x0B\x80\x01\x00\x01a\x1E\x00\x02a#\x20"),
    ) else {
        panic!("no SUBSCRIBE");
    };
    assert_eq!(
        (subscribe.packet_id, subscribe.identifier),
        (0x1234, Some(128))
    );
    let [first, second] = &subscribe.filters[..] else {
        panic!("{subscribe:?}");
    };
    assert_eq!((&*first.filter, first.qos), ("a", QoS::ExactlyOnce));
    assert!(first.no_local && first.retain_as_published);
    assert_eq!(first.retain_handling, RetainHandling::AtNewSubscription);
    assert_eq!((&*second.filter, second.qos), ("a#", QoS::AtMostOnce));
    assert!(!second.no_local && !second.retain_as_published);
    assert_eq!(second.retain_handling, RetainHandling::Never);
}

#[test]
fn acknowledgements_and_disconnects_are_read() {
    let read = |first_byte, body| read(V5, &frame(first_byte, body)).unwrap();
    let ack = |reason| Ack {
        packet_id: 0x0102,
        reason,
    };
    assert!(matches!(read(0x40, b"\x01\x02"), Packet::PublishAck(found) if found == ack(0)));
    assert!(
        matches!(read(0x50, b"\x01\x02\x97"), Packet::PublishReceived(found) if found == ack(0x97))
    );
    assert!(
        matches!(read(0x62, b"\x01\x02\x92"), Packet::PublishRelease(found) if found == ack(0x92))
    );
    assert!(
        matches!(read(0x70, b"\x01\x02\x00\x00"), Packet::PublishComplete(found) if found == ack(0))
    );
    let disconnect = |reason, session_expiry_seconds| Disconnect {
        reason,
        session_expiry_seconds,
    };
    assert!(matches!(read(0xE0, b""), Packet::Disconnect(found) if found == disconnect(0, None)));
    let found = read(0xE0, b"\x04\x05\x11\x00\x00\x00\x09");
    assert!(matches!(found, Packet::Disconnect(found) if found == disconnect(4, Some(9))));
}
