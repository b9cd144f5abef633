//! Refuses what the standard forbids and the codec would take, before the codec sees it, with the reason code that belongs
//! to it; and lets the codec take what it would refuse though it is legal.
//!
//! It walks over the lengths and flags of a whole packet. What costs time for each byte (that text is UTF-8) is left to
//! the codec, so that nothing is looked at twice.

use super::cursor::Cursor;
use super::properties::{self, Owner};
use super::{Malformed, ReasonCode, Version, malformed, protocol_error};
use crate::limits::FILTERS_PER_PACKET_MAX;

/// What the codec cannot tell of a packet that it is given.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Message expiry interval of a PUBLISH or a will: the codec takes no 0.
    pub(super) expiry_seconds: Option<u32>,
    /// The client did not ask for a clean start; the codec is told that it did, since it wants a client id otherwise.
    pub(super) keeps_session: bool,
}

/// Control packet types that clients send (section 2.1.2), as the upper half of the first byte.
pub(super) mod kind {
    pub(in crate::packet) const CONNECT: u8 = 1;
    pub(in crate::packet) const PUBLISH: u8 = 3;
    pub(in crate::packet) const PUBACK: u8 = 4;
    pub(in crate::packet) const PUBREC: u8 = 5;
    pub(in crate::packet) const PUBREL: u8 = 6;
    pub(in crate::packet) const PUBCOMP: u8 = 7;
    pub(in crate::packet) const SUBSCRIBE: u8 = 8;
    pub(in crate::packet) const UNSUBSCRIBE: u8 = 10;
    pub(in crate::packet) const PINGREQ: u8 = 12;
    pub(in crate::packet) const DISCONNECT: u8 = 14;
    pub(in crate::packet) const AUTH: u8 = 15;
}

/// Checks the first byte of a packet after the CONNECT: its type and its flags.
pub(super) fn check_first_byte(first_byte: u8, version: Version) -> Result<(), Malformed> {
    let flags = first_byte & 0x0F;
    let wanted_flags = match first_byte >> 4 {
        kind::PUBLISH => return check_publish_flags(flags),
        kind::PUBREL | kind::SUBSCRIBE | kind::UNSUBSCRIBE => 0b0010,
        0 => return Err(malformed("packet type 0 is reserved [2.1.2]")),
        kind::AUTH if version == Version::V311 => {
            return Err(malformed(
                "packet type 15 is reserved in MQTT 3.1.1 [2.2.1]",
            ));
        }
        _ => 0,
    };
    if flags != wanted_flags {
        let text = "the flags of the fixed header are reserved [MQTT-2.1.3-1]";
        return Err(malformed(text));
    }
    match first_byte >> 4 {
        kind::CONNECT => Err(protocol_error("a second CONNECT [MQTT-3.1.0-2]")),
        2 | 9 | 11 | 13 => Err(protocol_error("a packet that only a server may send")),
        _ => Ok(()),
    }
}

fn check_publish_flags(flags: u8) -> Result<(), Malformed> {
    match (flags >> 1) & 0b11 {
        3 => Err(malformed("QoS 3 [MQTT-3.3.1-4]")),
        0 if flags & 0b1000 != 0 => Err(malformed("DUP with QoS 0 [MQTT-3.3.1-2]")),
        _ => Ok(()),
    }
}

/// Checks a packet whose first byte is right. The body is what follows its fixed header.
pub(super) fn check(
    first_byte: u8,
    version: Version,
    body: &mut [u8],
) -> Result<Beside, Malformed> {
    let cursor = Cursor::new(body);
    match first_byte >> 4 {
        kind::CONNECT => return check_connect(version, body),
        kind::PUBLISH => return check_publish(first_byte, version, body),
        kind::PUBACK | kind::PUBREC | kind::PUBREL | kind::PUBCOMP => {
            check_ack(first_byte >> 4, version, cursor)?;
        }
        kind::SUBSCRIBE => check_subscribe(version, cursor)?,
        kind::UNSUBSCRIBE => check_unsubscribe(version, cursor)?,
        kind::DISCONNECT if version == Version::V5 => check_disconnect(cursor)?,
        kind::AUTH => check_auth(cursor)?,
        kind::PINGREQ | kind::DISCONNECT => cursor.expect_end()?,
        _ => return Err(protocol_error("a packet that only a server may send")),
    }
    Ok(Beside::default())
}

/// The codec takes no message expiry interval of 0, which says that a message is only for who is there now.
fn hide_zero_expiry(found: &properties::Found, body: &mut [u8]) {
    if found.expiry_seconds == Some(0) {
        body[found.expiry_position..][..4].copy_from_slice(&1_u32.to_be_bytes());
    }
}

fn check_text_payload(found: &properties::Found, payload: &[u8]) -> Result<(), Malformed> {
    if found.is_text && std::str::from_utf8(payload).is_err() {
        let text = "the payload is said to be UTF-8 and is not [3.3.2.3.2]";
        return Err(Malformed::new(ReasonCode::PayloadFormatInvalid, text));
    }
    Ok(())
}

fn check_connect(version: Version, body: &mut [u8]) -> Result<Beside, Malformed> {
    let mut cursor = Cursor::new(body);
    // The protocol name and level are known to be right: they tell the version.
    cursor.binary()?;
    cursor.byte()?;
    let flags_position = cursor.position();
    let flags = cursor.byte()?;
    check_connect_flags(version, flags)?;
    cursor.two_byte_integer()?;
    if version == Version::V5 {
        properties::check(&mut cursor, Owner::Connect)?;
    }
    let client_id = cursor.text()?;
    let mut will = properties::Found::default();
    if flags & 0b0000_0100 != 0 {
        if version == Version::V5 {
            will = properties::check(&mut cursor, Owner::Will)?;
        }
        if cursor.topic_name()?.is_empty() {
            let text = "a will topic is not empty [MQTT-4.7.3-1]";
            return Err(Malformed::new(ReasonCode::TopicNameInvalid, text));
        }
        check_text_payload(&will, cursor.binary()?)?;
    }
    if flags & 0b1000_0000 != 0 {
        cursor.text()?;
    }
    if flags & 0b0100_0000 != 0 {
        cursor.binary()?;
    }
    cursor.expect_end()?;

    let keeps_session = flags & 0b0000_0010 == 0;
    if client_id.is_empty() && keeps_session {
        body[flags_position] |= 0b0000_0010;
    }
    hide_zero_expiry(&will, body);
    Ok(Beside {
        expiry_seconds: will.expiry_seconds,
        keeps_session,
    })
}

fn check_connect_flags(version: Version, flags: u8) -> Result<(), Malformed> {
    let will_qos = (flags >> 3) & 0b11;
    let text = if flags & 0b0000_0001 != 0 {
        "the lowest connect flag is reserved [MQTT-3.1.2-3]"
    } else if will_qos == 3 {
        "will QoS 3 [MQTT-3.1.2-12]"
    } else if flags & 0b0000_0100 == 0 && will_qos != 0 {
        "a will QoS without a will [MQTT-3.1.2-11]"
    } else if flags & 0b0000_0100 == 0 && flags & 0b0010_0000 != 0 {
        "a will retain flag without a will [MQTT-3.1.2-13]"
    } else if version == Version::V311 && flags & 0b1100_0000 == 0b0100_0000 {
        "a password without a user name [MQTT-3.1.2-22 of 3.1.1]"
    } else {
        return Ok(());
    };
    Err(malformed(text))
}

fn check_publish(first_byte: u8, version: Version, body: &mut [u8]) -> Result<Beside, Malformed> {
    let mut cursor = Cursor::new(body);
    let topic = cursor.topic_name()?;
    if first_byte & 0b0110 != 0 {
        cursor.packet_id()?;
    }
    if version == Version::V311 {
        if topic.is_empty() {
            let text = "a topic name is not empty [MQTT-4.7.3-1]";
            return Err(Malformed::new(ReasonCode::TopicNameInvalid, text));
        }
        return Ok(Beside::default());
    }
    let found = properties::check(&mut cursor, Owner::Publish)?;
    if topic.is_empty() && !found.has_topic_alias {
        return Err(protocol_error(
            "neither a topic name nor a topic alias [3.3.2.1]",
        ));
    }
    check_text_payload(&found, cursor.rest())?;
    hide_zero_expiry(&found, body);
    Ok(Beside {
        expiry_seconds: found.expiry_seconds,
        ..Beside::default()
    })
}

fn check_ack(kind: u8, version: Version, mut cursor: Cursor<'_>) -> Result<(), Malformed> {
    cursor.packet_id()?;
    if version == Version::V311 || cursor.is_at_end() {
        return cursor.expect_end();
    }
    let reason = cursor.byte()?;
    let is_known = match kind {
        // 0x10 (no matching subscribers) is the server's.
        kind::PUBACK | kind::PUBREC => {
            matches!(
                reason,
                0x00 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99
            )
        }
        _ => matches!(reason, 0x00 | 0x92),
    };
    expect_known_reason(is_known, reason)?;
    check_last_properties(cursor, Owner::Ack)
}

fn expect_known_reason(is_known: bool, reason: u8) -> Result<(), Malformed> {
    if is_known {
        return Ok(());
    }
    Err(protocol_error(format!(
        "reason code 0x{reason:02X} is not for a client's packet of this type [2.4]"
    )))
}

/// Properties with nothing behind them, which may be left out altogether.
fn check_last_properties(mut cursor: Cursor<'_>, owner: Owner) -> Result<(), Malformed> {
    if !cursor.is_at_end() {
        properties::check(&mut cursor, owner)?;
    }
    cursor.expect_end()
}

fn check_disconnect(mut cursor: Cursor<'_>) -> Result<(), Malformed> {
    if cursor.is_at_end() {
        return Ok(());
    }
    let reason = cursor.byte()?;
    let is_known = matches!(reason, 0x00 | 0x04 | 0x80..=0x83 | 0x90 | 0x93..=0x99);
    expect_known_reason(is_known, reason)?;
    check_last_properties(cursor, Owner::Disconnect)
}

fn check_auth(mut cursor: Cursor<'_>) -> Result<(), Malformed> {
    // Nothing at all stands for success, which is the server's to say.
    let reason = if cursor.is_at_end() {
        0
    } else {
        cursor.byte()?
    };
    expect_known_reason(matches!(reason, 0x18 | 0x19), reason)?;
    let is_short = cursor.is_at_end();
    if is_short || !properties::check(&mut cursor, Owner::Auth)?.has_authentication_method {
        return Err(protocol_error("no authentication method [3.15.2.2.2]"));
    }
    cursor.expect_end()
}

fn check_subscribe(version: Version, mut cursor: Cursor<'_>) -> Result<(), Malformed> {
    cursor.packet_id()?;
    if version == Version::V5 {
        properties::check(&mut cursor, Owner::Subscribe)?;
    }
    check_filters(version, cursor, |filter, cursor| {
        check_options(version, filter, cursor.byte()?)
    })
}

fn check_unsubscribe(version: Version, mut cursor: Cursor<'_>) -> Result<(), Malformed> {
    cursor.packet_id()?;
    if version == Version::V5 {
        properties::check(&mut cursor, Owner::Unsubscribe)?;
    }
    check_filters(version, cursor, |_, _| Ok(()))
}

fn check_filters<'a>(
    version: Version,
    mut cursor: Cursor<'a>,
    check_behind: impl Fn(&[u8], &mut Cursor<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    if cursor.is_at_end() {
        return Err(protocol_error(
            "no topic filter [MQTT-3.8.3-2, MQTT-3.10.3-2]",
        ));
    }
    let mut filters = 0;
    while !cursor.is_at_end() {
        filters += 1;
        if filters > FILTERS_PER_PACKET_MAX {
            let text = format!("at most {FILTERS_PER_PACKET_MAX} topic filters in a packet");
            return Err(Malformed::new(ReasonCode::QuotaExceeded, text));
        }
        let filter = cursor.text()?;
        check_behind(filter, &mut cursor)?;
        // MQTT 5 has a reason code for each filter; of 3.1.1 the codec takes none that is empty.
        if filter.is_empty() && version == Version::V311 {
            let text = "a topic filter is not empty [MQTT-4.7.3-1]";
            return Err(Malformed::new(ReasonCode::TopicFilterInvalid, text));
        }
    }
    Ok(())
}

fn check_options(version: Version, filter: &[u8], options: u8) -> Result<(), Malformed> {
    if version == Version::V311 {
        if options > 2 {
            return Err(malformed(
                "a requested QoS is 0, 1 or 2 [MQTT-3.8.3-4 of 3.1.1]",
            ));
        }
        return Ok(());
    }
    if options & 0b1100_0000 != 0 {
        let text = "the upper bits of the subscription options are reserved [MQTT-3.8.3-5]";
        return Err(malformed(text));
    }
    if options & 0b11 == 3 || options & 0b11_0000 == 0b11_0000 {
        return Err(protocol_error("QoS or retain handling 3 [3.8.3.1]"));
    }
    if options & 0b0100 != 0 && filter.starts_with(b"$share/") {
        return Err(protocol_error(
            "no local with a shared subscription [MQTT-3.8.3-4]",
        ));
    }
    Ok(())
}
