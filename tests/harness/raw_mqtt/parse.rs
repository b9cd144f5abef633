//! Packets that a server sends. Whatever the standard does not let it send is a panic.

use super::encoding::{Cursor, take_variable_integer};
use super::property::{Properties, id};
use super::{Acknowledgement, Publish, Version};

/// A packet of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub enum ServerPacket {
    Connack(Connack),
    Publish(Publish),
    Ack(Ack),
    Suback(Suback),
    Unsuback(Suback),
    Pingresp,
    Disconnect(Disconnect),
    /// Reason code and properties.
    Auth(u8, Properties),
}

/// CONNACK.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub struct Connack {
    pub session_present: bool,
    /// Reason code; return code of 3.1.1.
    pub reason: u8,
    pub properties: Properties,
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub struct Ack {
    pub kind: Acknowledgement,
    pub packet_id: u16,
    /// 0 where it is left out.
    pub reason: u8,
    pub properties: Properties,
}

/// SUBACK or UNSUBACK.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub struct Suback {
    pub packet_id: u16,
    /// None of a 3.1.1 UNSUBACK.
    pub reasons: Vec<u8>,
    pub properties: Properties,
}

/// DISCONNECT of a server (MQTT 5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub struct Disconnect {
    pub reason: u8,
    pub properties: Properties,
}

/// What each packet of a server may have (table 2-4).
mod allowed {
    use super::id;

    pub(super) const CONNACK: [u8; 17] = [
        id::SESSION_EXPIRY,
        id::ASSIGNED_CLIENT_ID,
        id::SERVER_KEEP_ALIVE,
        id::AUTHENTICATION_METHOD,
        id::AUTHENTICATION_DATA,
        id::RESPONSE_INFORMATION,
        id::SERVER_REFERENCE,
        id::REASON_STRING,
        id::RECEIVE_MAXIMUM,
        id::TOPIC_ALIAS_MAXIMUM,
        id::MAXIMUM_QOS,
        id::RETAIN_AVAILABLE,
        id::USER_PROPERTY,
        id::MAXIMUM_PACKET_SIZE,
        id::WILDCARDS_AVAILABLE,
        id::SUBSCRIPTION_IDENTIFIERS_AVAILABLE,
        id::SHARED_SUBSCRIPTIONS_AVAILABLE,
    ];
    pub(super) const PUBLISH: [u8; 8] = [
        id::PAYLOAD_FORMAT,
        id::MESSAGE_EXPIRY,
        id::CONTENT_TYPE,
        id::RESPONSE_TOPIC,
        id::CORRELATION_DATA,
        id::SUBSCRIPTION_IDENTIFIER,
        id::TOPIC_ALIAS,
        id::USER_PROPERTY,
    ];
    pub(super) const ACK: [u8; 2] = [id::REASON_STRING, id::USER_PROPERTY];
    pub(super) const DISCONNECT: [u8; 3] =
        [id::SERVER_REFERENCE, id::REASON_STRING, id::USER_PROPERTY];
    pub(super) const AUTH: [u8; 4] = [
        id::AUTHENTICATION_METHOD,
        id::AUTHENTICATION_DATA,
        id::REASON_STRING,
        id::USER_PROPERTY,
    ];
}

/// Takes the first packet off `received`; none where it is not there in full. Gives the bytes that it had as well.
pub(super) fn take_packet(
    received: &mut Vec<u8>,
    version: Version,
) -> Option<(ServerPacket, usize)> {
    let first = *received.first()?;
    let (length, length_bytes) = take_variable_integer(&received[1..])?;
    let end = 1 + length_bytes + length;
    if received.len() < end {
        return None;
    }
    let body: Vec<u8> = received.drain(..end).skip(1 + length_bytes).collect();
    let mut cursor = Cursor::new(&body);
    let packet = parse(first, &mut cursor, version);
    assert!(
        cursor.is_empty(),
        "{packet:?} has more bytes: {:02x?}",
        cursor.rest()
    );
    Some((packet, end))
}

fn parse(first: u8, body: &mut Cursor<'_>, version: Version) -> ServerPacket {
    match (first, version) {
        (0x20, _) => ServerPacket::Connack(connack(body, version)),
        (0x30..=0x3f, _) => ServerPacket::Publish(publish(first & 0x0f, body, version)),
        (0x40, _) => ack(Acknowledgement::Puback, body, version),
        (0x50, _) => ack(Acknowledgement::Pubrec, body, version),
        (0x62, _) => ack(Acknowledgement::Pubrel, body, version),
        (0x70, _) => ack(Acknowledgement::Pubcomp, body, version),
        (0x90, _) => {
            let suback = suback(body, version);
            assert!(!suback.reasons.is_empty(), "SUBACK without reason codes");
            let granted: &[u8] = match version {
                Version::V311 => &[0, 1, 2, 0x80],
                Version::V5 => &[
                    0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2,
                ],
            };
            assert_known(&suback.reasons, granted);
            ServerPacket::Suback(suback)
        }
        (0xb0, _) => {
            let unsuback = suback(body, version);
            assert_known(&unsuback.reasons, &[0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]);
            ServerPacket::Unsuback(unsuback)
        }
        (0xd0, _) => ServerPacket::Pingresp,
        (0xe0, Version::V5) => ServerPacket::Disconnect(disconnect(body)),
        (0xf0, Version::V5) => {
            let (reason, properties) = reason_and_properties(body, &allowed::AUTH);
            assert_known(&[reason], &[0, 0x18, 0x19]);
            ServerPacket::Auth(reason, properties)
        }
        _ => panic!("a server may not send {first:#04x} to a {version:?} client"),
    }
}

fn connack(body: &mut Cursor<'_>, version: Version) -> Connack {
    let flags = body.byte();
    assert!(flags <= 1, "reserved flags in CONNACK: {flags:#04x}");
    let reason = body.byte();
    let known: &[u8] = match version {
        Version::V311 => &[0, 1, 2, 3, 4, 5],
        Version::V5 => &[
            0, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95,
            0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
        ],
    };
    assert_known(&[reason], known);
    let properties = match version {
        Version::V311 => Properties::default(),
        // A server that refuses an unknown version may answer as 3.1.1 has it.
        Version::V5 if body.is_empty() => Properties::default(),
        Version::V5 => Properties::read(body, &allowed::CONNACK),
    };
    let connack = Connack {
        session_present: flags == 1,
        reason,
        properties,
    };
    // [MQTT-3.2.2-6], [MQTT-3.2.2-4] of 3.1.1.
    assert!(
        reason == 0 || !connack.session_present,
        "a refusal with a session"
    );
    connack
}

fn publish(flags: u8, body: &mut Cursor<'_>, version: Version) -> Publish {
    let (dup, qos, retain) = (flags & 8 != 0, flags >> 1 & 3, flags & 1 != 0);
    assert!(qos <= 2, "PUBLISH at QoS 3");
    assert!(qos > 0 || !dup, "PUBLISH at QoS 0 with DUP");
    let topic = body.text();
    assert!(
        !topic.contains(['+', '#']),
        "PUBLISH to a filter: {topic:?}"
    );
    let packet_id = (qos > 0).then(|| packet_id(body));
    let properties = match version {
        Version::V311 => Properties::default(),
        Version::V5 => Properties::read(body, &allowed::PUBLISH),
    };
    let has_alias = properties.value(id::TOPIC_ALIAS).is_some();
    assert!(!topic.is_empty() || has_alias, "PUBLISH without a topic");
    Publish {
        dup,
        qos,
        retain,
        topic,
        packet_id,
        properties,
        payload: body.rest().to_vec(),
    }
}

fn ack(kind: Acknowledgement, body: &mut Cursor<'_>, version: Version) -> ServerPacket {
    let packet_id = packet_id(body);
    let (reason, properties) = match version {
        Version::V311 => (0, Properties::default()),
        Version::V5 => reason_and_properties(body, &allowed::ACK),
    };
    let known: &[u8] = match kind {
        Acknowledgement::Puback | Acknowledgement::Pubrec => {
            &[0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
        }
        Acknowledgement::Pubrel | Acknowledgement::Pubcomp => &[0, 0x92],
    };
    assert_known(&[reason], known);
    ServerPacket::Ack(Ack {
        kind,
        packet_id,
        reason,
        properties,
    })
}

fn suback(body: &mut Cursor<'_>, version: Version) -> Suback {
    let packet_id = packet_id(body);
    let properties = match version {
        Version::V311 => Properties::default(),
        Version::V5 => Properties::read(body, &allowed::ACK),
    };
    Suback {
        packet_id,
        reasons: body.rest().to_vec(),
        properties,
    }
}

fn disconnect(body: &mut Cursor<'_>) -> Disconnect {
    let (reason, properties) = reason_and_properties(body, &allowed::DISCONNECT);
    let known = [
        0, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95,
        0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
    ];
    assert_known(&[reason], &known);
    Disconnect { reason, properties }
}

fn reason_and_properties(body: &mut Cursor<'_>, allowed: &[u8]) -> (u8, Properties) {
    if body.is_empty() {
        return (0, Properties::default());
    }
    let reason = body.byte();
    if body.is_empty() {
        return (reason, Properties::default());
    }
    (reason, Properties::read(body, allowed))
}

fn packet_id(body: &mut Cursor<'_>) -> u16 {
    let packet_id = body.two_bytes();
    assert_ne!(packet_id, 0, "packet identifier 0");
    packet_id
}

fn assert_known(reasons: &[u8], known: &[u8]) {
    let unknown = reasons.iter().find(|reason| !known.contains(reason));
    assert_eq!(unknown, None, "reason code of another packet, or of none");
}
