//! Packets that close their connection, each with the reason code that MQTT 5 has for it.

use super::*;
use Version::{V5, V311};

type Case = (&'static str, Version, u8, &'static [u8], ReasonCode);

const MALFORMED: ReasonCode = ReasonCode::MalformedPacket;
const PROTOCOL: ReasonCode = ReasonCode::ProtocolError;
const TOPIC: ReasonCode = ReasonCode::TopicNameInvalid;
const VERSION: ReasonCode = ReasonCode::UnsupportedProtocolVersion;

/// Name, version, first byte, what follows the remaining length, reason code.
#[rustfmt::skip] // A table: one line a case.
const CASES: &[Case] = &[
    // === CONNECT ===
    ("other protocol", V311, 0x10, b"\x00\x04MQTS\x04\x02\x00\x00\x00\x01a", VERSION),
    ("protocol in small letters", V311, 0x10, b"\x00\x04mqtt\x04\x02\x00\x00\x00\x01a", VERSION),
    ("MQTT 3.1", V311, 0x10, b"\x00\x06MQIsdp\x03\x02\x00\x00\x00\x01a", VERSION),
    ("level 3 of MQTT", V311, 0x10, b"\x00\x04MQTT\x03\x02\x00\x00\x00\x01a", VERSION),
    ("level 6 of MQTT", V5, 0x10, b"\x00\x04MQTT\x06\x02\x00\x00\x00\x00\x01a", VERSION),
    ("level 5 of MQIsdp", V5, 0x10, b"\x00\x06MQIsdp\x05\x02\x00\x00\x00\x00\x01a", VERSION),
    ("a bridge's level", V311, 0x10, b"\x00\x04MQTT\x84\x02\x00\x00\x00\x01a", VERSION),
    ("empty CONNECT", V311, 0x10, b"", MALFORMED),
    ("name longer than the packet", V311, 0x10, b"\xFF\xFFMQTT\x04\x02\x00\x00\x00\x01a", MALFORMED),
    ("bytes behind a CONNECT", V311, 0x10, b"\x00\x04MQTT\x04\x02\x00\x00\x00\x01a!", MALFORMED),
    ("bytes behind a CONNECT", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01a!", MALFORMED),
    ("client id longer than the packet", V311, 0x10, b"\x00\x04MQTT\x04\x02\x00\x00\x00\x02a", MALFORMED),
    ("client id with NUL", V311, 0x10, b"\x00\x04MQTT\x04\x02\x00\x00\x00\x01\x00", MALFORMED),
    ("client id with NUL", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01\x00", MALFORMED),
    ("client id not UTF-8", V311, 0x10, b"\x00\x04MQTT\x04\x02\x00\x00\x00\x01\xFF", MALFORMED),
    ("client id not UTF-8", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01\xFF", MALFORMED),
    ("user name with NUL", V311, 0x10, b"\x00\x04MQTT\x04\x82\x00\x00\x00\x01a\x00\x01\x00", MALFORMED),
    ("user name not UTF-8", V5, 0x10, b"\x00\x04MQTT\x05\x82\x00\x00\x00\x00\x01a\x00\x01\xC0", MALFORMED),
    ("password without user name", V311, 0x10, b"\x00\x04MQTT\x04\x42\x00\x00\x00\x01a\x00\x01p", MALFORMED),
    ("empty will topic", V311, 0x10, b"\x00\x04MQTT\x04\x06\x00\x00\x00\x01a\x00\x00\x00\x01m", TOPIC),
    ("will topic with a wildcard", V311, 0x10, b"\x00\x04MQTT\x04\x06\x00\x00\x00\x01a\x00\x01#\x00\x01m", TOPIC),
    ("will topic with a wildcard", V5, 0x10, b"\x00\x04MQTT\x05\x06\x00\x00\x00\x00\x01a\x00\x00\x03a/+\x00\x01m", TOPIC),
    ("will topic with NUL", V5, 0x10, b"\x00\x04MQTT\x05\x06\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x00\x01m", MALFORMED),
    ("will topic not UTF-8", V5, 0x10, b"\x00\x04MQTT\x05\x06\x00\x00\x00\x00\x01a\x00\x00\x01\x80\x00\x01m", MALFORMED),
    ("will that is no text though it says so", V5, 0x10, b"\x00\x04MQTT\x05\x06\x00\x00\x00\x00\x01a\x02\x01\x01\x00\x01t\x00\x01\xFF", ReasonCode::PayloadFormatInvalid),
    ("will without payload", V311, 0x10, b"\x00\x04MQTT\x04\x06\x00\x00\x00\x01a\x00\x01t", MALFORMED),
    ("receive maximum 0", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x03\x21\x00\x00\x00\x01a", PROTOCOL),
    ("maximum packet size 0", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x05\x27\x00\x00\x00\x00\x00\x01a", PROTOCOL),
    ("request problem information 2", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x02\x17\x02\x00\x01a", PROTOCOL),
    ("request response information 2", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x02\x19\x02\x00\x01a", PROTOCOL),
    ("authentication data without method", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x04\x16\x00\x01x\x00\x01a", PROTOCOL),
    ("authentication method with NUL", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x04\x15\x00\x01\x00\x00\x01a", MALFORMED),
    ("properties longer than the packet", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x7F\x00\x01a", MALFORMED),
    ("length of properties of 5 bytes", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x80\x80\x80\x80\x01\x00\x01a", MALFORMED),
    ("length of properties too long", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x80\x00\x00\x01a", MALFORMED),
    ("property longer than the properties", V5, 0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x02\x21\x00\x01\x00\x01a", MALFORMED),
    // === PUBLISH ===
    ("empty topic", V311, 0x30, b"\x00\x00m", TOPIC),
    ("empty topic without alias", V5, 0x30, b"\x00\x00\x00m", PROTOCOL),
    ("+ in a topic", V311, 0x30, b"\x00\x03a/+m", TOPIC),
    ("# in a topic", V5, 0x30, b"\x00\x02a#\x00m", TOPIC),
    ("NUL in a topic", V311, 0x30, b"\x00\x02a\x00m", MALFORMED),
    ("NUL in a topic", V5, 0x30, b"\x00\x02a\x00\x00m", MALFORMED),
    ("stray continuation byte", V311, 0x30, b"\x00\x02a\x80m", MALFORMED),
    ("overlong slash", V5, 0x30, b"\x00\x02\xC0\xAF\x00m", MALFORMED),
    ("overlong NUL", V311, 0x30, b"\x00\x02\xC0\x80m", MALFORMED),
    ("surrogate", V5, 0x30, b"\x00\x03\xED\xA0\x80\x00m", MALFORMED),
    ("beyond Unicode", V311, 0x30, b"\x00\x04\xF4\x90\x80\x80m", MALFORMED),
    ("cut off character", V5, 0x30, b"\x00\x02\xE2\x82\x00m", MALFORMED),
    ("topic longer than the packet", V311, 0x30, b"\x00\x09a", MALFORMED),
    ("no topic at all", V311, 0x30, b"", MALFORMED),
    ("half a topic length", V5, 0x30, b"\x00", MALFORMED),
    ("packet id 0", V311, 0x32, b"\x00\x01a\x00\x00m", PROTOCOL),
    ("packet id 0", V5, 0x34, b"\x00\x01a\x00\x00\x00m", PROTOCOL),
    ("no packet id", V311, 0x32, b"\x00\x01a\x01", MALFORMED),
    ("no properties", V5, 0x30, b"\x00\x01a", MALFORMED),
    ("topic alias 0", V5, 0x30, b"\x00\x01a\x03\x23\x00\x00m", ReasonCode::TopicAliasInvalid),
    ("subscription identifier", V5, 0x30, b"\x00\x01a\x02\x0B\x01m", PROTOCOL),
    ("payload format 2", V5, 0x30, b"\x00\x01a\x02\x01\x02m", PROTOCOL),
    ("no text though it says so", V5, 0x30, b"\x00\x01a\x02\x01\x01m\xFF", ReasonCode::PayloadFormatInvalid),
    ("response topic with a wildcard", V5, 0x30, b"\x00\x01a\x04\x08\x00\x01+m", TOPIC),
    ("empty response topic", V5, 0x30, b"\x00\x01a\x03\x08\x00\x00m", TOPIC),
    ("content type with NUL", V5, 0x30, b"\x00\x01a\x04\x03\x00\x01\x00m", MALFORMED),
    ("content type not UTF-8", V5, 0x30, b"\x00\x01a\x04\x03\x00\x01\xF8m", MALFORMED),
    ("user property without value", V5, 0x30, b"\x00\x01a\x04\x26\x00\x01nm", MALFORMED),
    ("user property's value with NUL", V5, 0x30, b"\x00\x01a\x07\x26\x00\x01n\x00\x01\x00m", MALFORMED),
    ("user property's name not UTF-8", V5, 0x30, b"\x00\x01a\x07\x26\x00\x01\xFF\x00\x01vm", MALFORMED),
    // === PUBACK, PUBREC, PUBREL, PUBCOMP ===
    ("PUBACK of nothing", V311, 0x40, b"", MALFORMED),
    ("packet id 0", V311, 0x40, b"\x00\x00", PROTOCOL),
    ("packet id 0", V5, 0x50, b"\x00\x00", PROTOCOL),
    ("packet id 0", V5, 0x62, b"\x00\x00", PROTOCOL),
    ("packet id 0", V311, 0x70, b"\x00\x00", PROTOCOL),
    ("reason code in 3.1.1", V311, 0x40, b"\x00\x01\x00", MALFORMED),
    ("reason code in 3.1.1", V311, 0x62, b"\x00\x01\x92", MALFORMED),
    ("reason code and properties in 3.1.1", V311, 0x50, b"\x00\x01\x00\x00", MALFORMED),
    ("bytes behind the properties", V5, 0x40, b"\x00\x01\x00\x00!", MALFORMED),
    ("reason string not UTF-8", V5, 0x40, b"\x00\x01\x00\x04\x1F\x00\x01\xFF", MALFORMED),
    ("reason string with NUL", V5, 0x62, b"\x00\x01\x00\x04\x1F\x00\x01\x00", MALFORMED),
    // === SUBSCRIBE, UNSUBSCRIBE ===
    ("no filter", V311, 0x82, b"\x00\x01", PROTOCOL),
    ("no filter", V5, 0x82, b"\x00\x01\x00", PROTOCOL),
    ("no filter", V311, 0xA2, b"\x00\x01", PROTOCOL),
    ("no filter", V5, 0xA2, b"\x00\x01\x00", PROTOCOL),
    ("packet id 0", V311, 0x82, b"\x00\x00\x00\x01a\x00", PROTOCOL),
    ("packet id 0", V5, 0x82, b"\x00\x00\x00\x00\x01a\x00", PROTOCOL),
    ("packet id 0", V311, 0xA2, b"\x00\x00\x00\x01a", PROTOCOL),
    ("packet id 0", V5, 0xA2, b"\x00\x00\x00\x00\x01a", PROTOCOL),
    ("filter with NUL", V311, 0x82, b"\x00\x01\x00\x01\x00\x00", MALFORMED),
    ("filter with NUL", V5, 0xA2, b"\x00\x01\x00\x00\x01\x00", MALFORMED),
    ("filter not UTF-8", V5, 0x82, b"\x00\x01\x00\x00\x01\xFF\x00", MALFORMED),
    ("filter not UTF-8", V311, 0xA2, b"\x00\x01\x00\x01\xFF", MALFORMED),
    ("empty filter", V311, 0x82, b"\x00\x01\x00\x00\x00", ReasonCode::TopicFilterInvalid),
    ("empty filter", V311, 0xA2, b"\x00\x01\x00\x00", ReasonCode::TopicFilterInvalid),
    ("no options", V311, 0x82, b"\x00\x01\x00\x01a", MALFORMED),
    ("no options of the second filter", V5, 0x82, b"\x00\x01\x00\x00\x01a\x00\x00\x01b", MALFORMED),
    ("no local with a shared subscription", V5, 0x82, b"\x00\x01\x00\x00\x0A$share/g/a\x04", PROTOCOL),
    ("subscription identifier 0", V5, 0x82, b"\x00\x01\x02\x0B\x00\x00\x01a\x00", PROTOCOL),
    ("subscription identifier of 5 bytes", V5, 0x82, b"\x00\x01\x06\x0B\x80\x80\x80\x80\x01\x00\x01a\x00", MALFORMED),
    ("properties in 3.1.1", V311, 0x82, b"\x00\x01\x02\x0B\x01\x00\x01a\x00", MALFORMED),
    // === PINGREQ, DISCONNECT, AUTH ===
    ("PINGREQ with a body", V311, 0xC0, b"\x00", MALFORMED),
    ("PINGREQ with a body", V5, 0xC0, b"\x00", MALFORMED),
    ("reason code in 3.1.1", V311, 0xE0, b"\x00", MALFORMED),
    ("reason code and properties in 3.1.1", V311, 0xE0, b"\x00\x00", MALFORMED),
    ("bytes behind the properties", V5, 0xE0, b"\x00\x00!", MALFORMED),
    ("server reference", V5, 0xE0, b"\x00\x04\x1C\x00\x01s", PROTOCOL),
    ("AUTH in 3.1.1", V311, 0xF0, b"", MALFORMED),
    ("AUTH of success", V5, 0xF0, b"", PROTOCOL),
    ("AUTH without properties", V5, 0xF0, b"\x18", PROTOCOL),
    ("AUTH without method", V5, 0xF0, b"\x19\x00", PROTOCOL),
    ("AUTH with data and without method", V5, 0xF0, b"\x18\x04\x16\x00\x01d", PROTOCOL),
    ("bytes behind an AUTH", V5, 0xF0, b"\x18\x04\x15\x00\x01m!", MALFORMED),
];

#[test]
fn what_the_standard_forbids_is_refused_with_its_reason() {
    for &(name, version, first_byte, body, expected) in CASES {
        let packet = frame(first_byte, body);
        let found = reason(version, &packet);
        assert_eq!(
            found,
            Some(expected),
            "{name} in {version:?}: {packet:02X?}"
        );
    }
}

#[test]
fn what_is_refused_says_why() {
    for &(name, version, first_byte, body, _) in CASES {
        let refused = read(version, &frame(first_byte, body)).unwrap_err();
        assert!(refused.text.len() > 10, "{name}: {}", refused.text);
    }
}

#[test]
fn first_packets_other_than_connect_are_refused_at_once() {
    for first_byte in 0..=u8::MAX {
        let expected = match first_byte {
            0x10 => None,
            0x11..=0x1F => Some(MALFORMED),
            _ => Some(PROTOCOL),
        };
        let mut reader = PacketReader::new();
        let found = reader.next(&mut BytesMut::from(&[first_byte][..]));
        assert_eq!(
            found.err().map(|error| error.reason),
            expected,
            "{first_byte:02X}"
        );
        assert_eq!(reader.version(), None);
    }
}

#[test]
fn remaining_lengths_have_at_most_four_bytes() {
    for version in [V311, V5] {
        let endless = [0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01];
        assert_eq!(reason(version, &endless), Some(MALFORMED));
        // Known before the fifth byte is there.
        assert_eq!(reason(version, &endless[..5]), Some(MALFORMED));
    }
    let mut reader = PacketReader::new();
    let mut buffer = BytesMut::from(&[0x10, 0xFF, 0xFF, 0xFF, 0xFF][..]);
    assert_eq!(reader.next(&mut buffer).unwrap_err().reason, MALFORMED);
}

#[test]
fn mqtt_5_wants_the_shortest_remaining_length_and_3_1_1_does_not() {
    let ping = [0xC0, 0x80, 0x80, 0x00];
    assert_eq!(reason(V5, &ping), Some(MALFORMED));
    assert!(matches!(read(V311, &ping), Ok(Packet::PingRequest)));
    for version in [V311, V5] {
        let mut connect = connect(version);
        connect.splice(1..2, [connect[1] | 0x80, 0x00]);
        let expected = (version == V5).then_some(MALFORMED);
        assert_eq!(reason(version, &connect), expected);
    }
}

#[test]
fn packets_that_announce_too_much_are_refused_before_they_are_there() {
    let announce = |first_byte, length: usize| {
        let mut packet = frame(first_byte, &vec![0; length]);
        packet.truncate(5);
        BytesMut::from(&packet[..])
    };
    let too_large = ReasonCode::PacketTooLarge;
    let bound = crate::limits::PACKET_BYTES_MAX;
    let (mut largest, mut larger) = (announce(0x30, bound - 4), announce(0x30, bound - 3));
    assert!(connected(V5).next(&mut largest).unwrap().is_none());
    assert!(largest.capacity() < 100, "nothing is reserved");
    assert_eq!(
        connected(V5).next(&mut larger).unwrap_err().reason,
        too_large
    );

    let bound = crate::limits::CONNECT_BYTES_MAX;
    let (mut largest, mut larger) = (announce(0x10, bound - 4), announce(0x10, bound - 3));
    assert!(PacketReader::new().next(&mut largest).unwrap().is_none());
    assert_eq!(
        PacketReader::new().next(&mut larger).unwrap_err().reason,
        too_large
    );
}

#[test]
fn a_refused_connect_tells_the_version_to_answer_in() {
    let cases: [(&[u8], Option<Version>); 9] = [
        (b"\x00\x04MQTT\x04\x03\x00\x00\x00\x01a", Some(V311)),
        (b"\x00\x04MQTT\x05\x03\x00\x00\x00\x00\x01a", Some(V5)),
        (b"\x00\x06MQIsdp\x03\x02\x00\x00\x00\x01a", Some(V311)),
        (b"\x00\x04MQTT\x00", Some(V311)),
        (b"\x00\x04MQTT\x06", Some(V5)),
        (b"\x00\x04MQTT\x83", Some(V311)),
        (b"\x00\x04MQTT", None),
        (b"\xFF\xFFMQTT\x05", None),
        (b"", None),
    ];
    for (body, expected) in cases {
        let mut reader = PacketReader::new();
        let mut buffer = BytesMut::from(&frame(0x10, body)[..]);
        assert!(reader.next(&mut buffer).is_err());
        assert_eq!(reader.version(), expected, "{body:02X?}");
    }
    // One that is too large, of which only the beginning is there.
    let mut reader = PacketReader::new();
    let mut buffer = BytesMut::from(&b"\x10\xFF\xFF\xFF\x7F\x00\x04MQTT\x05"[..]);
    assert!(reader.next(&mut buffer).is_err());
    assert_eq!(reader.version(), Some(V5));
}

#[test]
fn filters_and_user_properties_are_limited_in_number() {
    let quota = Some(ReasonCode::QuotaExceeded);
    for (count, expected) in [(256, None), (257, quota)] {
        let filters = b"\x00\x01a\x00".repeat(count);
        let subscribe = frame(0x82, &[&b"\x00\x01"[..], &filters].concat());
        assert_eq!(reason(V311, &subscribe), expected);
        let filters = b"\x00\x01a".repeat(count);
        let unsubscribe = frame(0xA2, &[&b"\x00\x01\x00"[..], &filters].concat());
        assert_eq!(reason(V5, &unsubscribe), expected);
    }
    for (count, expected) in [(128, None), (129, quota)] {
        let properties = b"\x26\x00\x00\x00\x00".repeat(count);
        let length = [
            0x80 | (properties.len() % 0x80) as u8,
            (properties.len() / 0x80) as u8,
        ];
        let publish = [&b"\x00\x01a"[..], &length, &properties].concat();
        assert_eq!(reason(V5, &frame(0x30, &publish)), expected);
    }
}
