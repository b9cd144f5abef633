//! Every first byte, every flag, every reason code, every property in every packet, and every length of every packet.

use super::*;
use Version::{V5, V311};

/// What the standard says of a byte: fine, or refused with this reason.
fn check(version: Version, packet: &[u8], expected: Option<ReasonCode>) {
    assert_eq!(
        reason(version, packet),
        expected,
        "{version:?}: {packet:02X?}"
    );
}

const MALFORMED: Option<ReasonCode> = Some(ReasonCode::MalformedPacket);
const PROTOCOL: Option<ReasonCode> = Some(ReasonCode::ProtocolError);

#[test]
fn every_first_byte_is_read_or_refused_at_once() {
    for version in [V311, V5] {
        for first_byte in 0..=u8::MAX {
            let expected = match first_byte {
                0x30 | 0x31 | 0x32..=0x35 | 0x3A..=0x3D => None,
                0x40 | 0x50 | 0x62 | 0x70 | 0x82 | 0xA2 | 0xC0 | 0xE0 => None,
                0xF0 if version == V5 => None,
                0x10 | 0x20 | 0x90 | 0xB0 | 0xD0 => PROTOCOL,
                _ => MALFORMED,
            };
            let mut buffer = BytesMut::from(&[first_byte][..]);
            let found = connected(version).next(&mut buffer);
            let found = found.err().map(|malformed| malformed.reason);
            assert_eq!(found, expected, "0x{first_byte:02X} in {version:?}");
        }
    }
}

#[test]
fn every_connect_flag_is_read_or_refused() {
    for version in [V311, V5] {
        for flags in 0..=u8::MAX {
            let [has_user, has_password, retains, has_will] =
                [0x80, 0x40, 0x20, 0x04].map(|bit| flags & bit != 0);
            let will_qos = flags >> 3 & 3;
            let is_wrong = flags & 1 != 0
                || will_qos == 3
                || !has_will && (retains || will_qos != 0)
                || version == V311 && has_password && !has_user;
            let mut body = [protocol(version), &[flags, 0, 0]].concat();
            let no_properties: &[u8] = if version == V5 { b"\x00" } else { b"" };
            body.extend([no_properties, b"\x00\x01a"].concat());
            if has_will {
                body.extend([no_properties, b"\x00\x01t\x00\x00"].concat());
            }
            for _ in 0..u8::from(has_user) + u8::from(has_password) {
                body.extend(b"\x00\x01x");
            }
            check(version, &frame(0x10, &body), MALFORMED.filter(|_| is_wrong));
        }
    }
}

#[test]
fn every_subscription_option_is_read_or_refused() {
    for options in 0..=u8::MAX {
        let body = [&b"\x00\x01\x00\x01a"[..], &[options]].concat();
        check(V311, &frame(0x82, &body), MALFORMED.filter(|_| options > 2));
        let expected = match options {
            0x40.. => MALFORMED,
            _ if options & 3 == 3 || options >> 4 == 3 => PROTOCOL,
            _ => None,
        };
        let body = [&b"\x00\x01\x00\x00\x01a"[..], &[options]].concat();
        check(V5, &frame(0x82, &body), expected);
    }
}

#[test]
fn every_reason_code_is_read_or_refused() {
    for reason in 0..=u8::MAX {
        let first = [0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99].contains(&reason);
        let second = [0x00, 0x92].contains(&reason);
        for (first_byte, is_known) in [(0x40, first), (0x50, first), (0x62, second), (0x70, second)]
        {
            for body in [&[0, 1, reason][..], &[0, 1, reason, 0]] {
                check(V5, &frame(first_byte, body), PROTOCOL.filter(|_| !is_known));
            }
        }
        let disconnects = [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90];
        let is_known = disconnects.contains(&reason) || (0x93..=0x99).contains(&reason);
        check(V5, &frame(0xE0, &[reason]), PROTOCOL.filter(|_| !is_known));
        let body = [&[reason][..], b"\x04\x15\x00\x01m"].concat();
        let is_known = [0x18, 0x19].contains(&reason);
        check(V5, &frame(0xF0, &body), PROTOCOL.filter(|_| !is_known));
    }
}

/// Packets of MQTT 5 with their properties: name, first byte, what is before the properties and behind them.
#[rustfmt::skip] // A table: one line a case.
const OWNERS: &[(&str, u8, &[u8], &[u8])] = &[
    ("CONNECT", 0x10, b"\x00\x04MQTT\x05\x02\x00\x00", b"\x00\x01a"),
    ("will", 0x10, b"\x00\x04MQTT\x05\x06\x00\x00\x00\x00\x01a", b"\x00\x01t\x00\x01m"),
    ("PUBLISH", 0x30, b"\x00\x01a", b"m"),
    ("PUBACK", 0x40, b"\x00\x01\x00", b""),
    ("PUBREC", 0x50, b"\x00\x01\x00", b""),
    ("PUBREL", 0x62, b"\x00\x01\x00", b""),
    ("PUBCOMP", 0x70, b"\x00\x01\x00", b""),
    ("SUBSCRIBE", 0x82, b"\x00\x01", b"\x00\x01a\x00"),
    ("UNSUBSCRIBE", 0xA2, b"\x00\x01", b"\x00\x01a"),
    ("DISCONNECT", 0xE0, b"\x00", b""),
    ("AUTH", 0xF0, b"\x18", b""),
];

const ACKS: &[&str] = &[
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "DISCONNECT",
    "AUTH",
];

/// Table 2-4 of MQTT 5, as far as a client sends them: identifier, a value, where it may stand.
#[rustfmt::skip] // A table: one line a property.
const PROPERTIES: &[(u8, &[u8], &[&str])] = &[
    (0x01, b"\x01", &["PUBLISH", "will"]),
    (0x02, b"\x00\x00\x00\x01", &["PUBLISH", "will"]),
    (0x03, b"\x00\x01t", &["PUBLISH", "will"]),
    (0x08, b"\x00\x01t", &["PUBLISH", "will"]),
    (0x09, b"\x00\x01\x00", &["PUBLISH", "will"]),
    (0x0B, b"\x01", &["SUBSCRIBE"]),
    (0x11, b"\x00\x00\x00\x01", &["CONNECT", "DISCONNECT"]),
    (0x15, b"\x00\x01m", &["CONNECT", "AUTH"]),
    (0x16, b"\x00\x01\x00", &["CONNECT", "AUTH"]),
    (0x17, b"\x01", &["CONNECT"]),
    (0x18, b"\x00\x00\x00\x01", &["will"]),
    (0x19, b"\x01", &["CONNECT"]),
    (0x1F, b"\x00\x01r", ACKS),
    (0x21, b"\x00\x01", &["CONNECT"]),
    (0x22, b"\x00\x01", &["CONNECT"]),
    (0x23, b"\x00\x01", &["PUBLISH"]),
    (0x27, b"\x00\x00\x00\x01", &["CONNECT"]),
];

fn with_properties(owner: &(&str, u8, &[u8], &[u8]), properties: &[u8]) -> Vec<u8> {
    let &(_, first_byte, before, behind) = owner;
    let length = [u8::try_from(properties.len()).unwrap()];
    frame(first_byte, &[before, &length, properties, behind].concat())
}

#[test]
fn every_property_stands_only_where_it_belongs() {
    for owner in OWNERS {
        for identifier in 0..=u8::MAX {
            let known = PROPERTIES.iter().find(|known| known.0 == identifier);
            let (value, owners) = known.map_or((&[][..], &[][..]), |known| (known.1, known.2));
            let mut property = [&[identifier][..], value].concat();
            // Neither stands alone.
            match (owner.0, identifier) {
                ("CONNECT", 0x16) => property.extend(b"\x15\x00\x01m"),
                ("AUTH", 0x16 | 0x1F) => property.extend(b"\x15\x00\x01m"),
                _ => {}
            }
            let expected = match (owner.0, identifier) {
                _ if owners.contains(&owner.0) => None,
                // Which a client does not send, though they may stand there.
                ("PUBLISH", 0x0B) | ("DISCONNECT", 0x1C) => PROTOCOL,
                _ => MALFORMED,
            };
            if identifier != 0x26 {
                check(V5, &with_properties(owner, &property), expected);
            }
        }
    }
}

#[test]
fn a_property_stands_there_once_and_a_user_property_often() {
    for owner in OWNERS {
        let method: &[u8] = if owner.0 == "AUTH" {
            b"\x15\x00\x01m"
        } else {
            b""
        };
        let user = b"\x26\x00\x01n\x00\x01v".repeat(3);
        check(V5, &with_properties(owner, &[method, &user].concat()), None);
        for &(identifier, value, owners) in PROPERTIES {
            if owners.contains(&owner.0) {
                let property = [&[identifier][..], value].concat();
                let twice = [method, &property.repeat(2)].concat();
                check(V5, &with_properties(owner, &twice), PROTOCOL);
            }
        }
    }
}

#[test]
fn a_property_is_all_there() {
    for owner in OWNERS {
        for &(identifier, value, owners) in PROPERTIES {
            for length in 0..value.len() {
                if owners.contains(&owner.0) {
                    let cut = [&[identifier][..], &value[..length]].concat();
                    check(V5, &with_properties(owner, &cut), MALFORMED);
                }
            }
        }
    }
}

/// Whether a packet is legal still when only so many bytes of its body are left.
fn is_legal_cut(version: Version, first_byte: u8, body: &[u8], length: usize) -> bool {
    match (first_byte >> 4, version) {
        // A shorter payload.
        (3, V311) => length >= 2 + usize::from(body[1]) + usize::from(first_byte & 6 != 0) * 2,
        (3, V5) => {
            let id_length = usize::from(first_byte & 6 != 0) * 2;
            let properties = 2 + usize::from(body[1]) + id_length;
            length > properties + usize::from(body[properties])
        }
        // Reason code and properties may be left out.
        (4..=7, V5) => [2, 3].contains(&length),
        (14, V5) => [0, 1].contains(&length),
        // Fewer filters.
        (8, V311) => body.len() == 10 && length == 6,
        (8, V5) => body.len() == 11 && length == 6 + usize::from(body[4]),
        (10, V311) => length == 5,
        (10, V5) => length == 6,
        _ => false,
    }
}

#[test]
fn every_length_of_every_packet_is_read_or_refused() {
    for &(name, version, first_byte, body) in legal::CASES {
        for length in 0..body.len() {
            let packet = frame(first_byte, &body[..length]);
            let is_legal = is_legal_cut(version, first_byte, body, length);
            let found = reason(version, &packet);
            assert_eq!(
                found.is_none(),
                is_legal,
                "{name} in {version:?}: {packet:02X?}: {found:?}"
            );
        }
        // One byte more is a longer payload, if it is not said to be text, or the beginning of a field.
        let longer = frame(first_byte, &[body, b"\xFF"].concat());
        let is_legal = first_byte >> 4 == 3 && name != "text";
        let found = reason(version, &longer);
        assert_eq!(
            found.is_none(),
            is_legal,
            "{name} in {version:?}: {longer:02X?}: {found:?}"
        );
    }
}
