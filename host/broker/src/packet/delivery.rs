//! Writes PUBLISH packets to clients (section 3.3 of both versions), without an allocation and without a copy in between.
//!
//! Their length is known before the first byte is written, so that one that is too large leaves nothing behind.

use bytes::{BufMut as _, BytesMut};

use super::{Alias, Delivered, TooLarge, Version};
use crate::message::{Properties, QoS};

/// The largest remaining length that can be written.
const REMAINING_LENGTH_MAX: usize = 268_435_455;

/// Appends the packet, if it has at most so many bytes.
pub(super) fn put(
    out: &mut BytesMut,
    version: Version,
    packet_bytes_max: usize,
    delivered: &Delivered<'_>,
) -> Result<(), TooLarge> {
    debug_assert_eq!(
        delivered.packet_id.is_some(),
        delivered.qos != QoS::AtMostOnce,
        "[MQTT-2.2.1-2, MQTT-2.2.1-4]"
    );
    let message = delivered.message;
    let topic = match delivered.alias {
        Some(Alias::Known(_)) if version == Version::V5 => "",
        _ => message.topic.as_str(),
    };
    let properties_length = match version {
        Version::V311 => None,
        Version::V5 => Some(properties_length(delivered)?),
    };
    let remaining_length = field_length(topic.as_bytes())?
        + delivered.packet_id.map_or(0, |_| 2)
        + properties_length.map_or(0, |length| integer_length(length) + length)
        + message.payload.len();
    let packet_length = 1 + integer_length(remaining_length) + remaining_length;
    if remaining_length > REMAINING_LENGTH_MAX || packet_length > packet_bytes_max {
        return Err(TooLarge);
    }

    out.reserve(packet_length);
    let flags =
        u8::from(delivered.dup) << 3 | (delivered.qos as u8) << 1 | u8::from(delivered.retain);
    out.put_u8(0x30 | flags);
    put_integer(out, remaining_length);
    put_field(out, topic.as_bytes());
    if let Some(packet_id) = delivered.packet_id {
        out.put_u16(packet_id);
    }
    if let Some(length) = properties_length {
        put_integer(out, length);
        put_properties(out, delivered);
    }
    out.put_slice(&message.payload);
    Ok(())
}

fn alias_number(delivered: &Delivered<'_>) -> Option<u16> {
    delivered.alias.map(|alias| match alias {
        Alias::New(number) | Alias::Known(number) => number,
    })
}

fn properties_length(delivered: &Delivered<'_>) -> Result<usize, TooLarge> {
    let mut length = alias_number(delivered).map_or(0, |_| 3);
    length += delivered.expiry_seconds.map_or(0, |_| 5);
    for &identifier in delivered.identifiers {
        length += 1 + integer_length(identifier as usize);
    }
    let Some(properties) = delivered.message.properties.as_deref() else {
        return Ok(length);
    };
    length += if properties.is_text { 2 } else { 0 };
    for field in fields(properties) {
        length += 1 + field_length(field.1)?;
    }
    for (name, value) in &properties.user_properties {
        length += 1 + field_length(name.as_bytes())? + field_length(value.as_bytes())?;
    }
    Ok(length)
}

fn put_properties(out: &mut BytesMut, delivered: &Delivered<'_>) {
    if let Some(number) = alias_number(delivered) {
        out.put_u8(0x23);
        out.put_u16(number);
    }
    if let Some(seconds) = delivered.expiry_seconds {
        out.put_u8(0x02);
        out.put_u32(seconds);
    }
    for &identifier in delivered.identifiers {
        out.put_u8(0x0B);
        put_integer(out, identifier as usize);
    }
    let Some(properties) = delivered.message.properties.as_deref() else {
        return;
    };
    if properties.is_text {
        out.put_slice(&[0x01, 1]);
    }
    for (identifier, field) in fields(properties) {
        out.put_u8(identifier);
        put_field(out, field);
    }
    for (name, value) in &properties.user_properties {
        out.put_u8(0x26);
        put_field(out, name.as_bytes());
        put_field(out, value.as_bytes());
    }
}

/// The properties that have a field of text or bytes, with their identifiers.
fn fields(properties: &Properties) -> impl Iterator<Item = (u8, &[u8])> {
    let content_type = properties.content_type.as_deref().map(str::as_bytes);
    let response_topic = properties.response_topic.as_deref().map(str::as_bytes);
    let fields = [
        (0x03, content_type),
        (0x08, response_topic),
        (0x09, properties.correlation_data.as_deref()),
    ];
    let present = |(identifier, field): (u8, Option<_>)| Some((identifier, field?));
    fields.into_iter().filter_map(present)
}

/// Bytes of a field and its length. A function's message may have longer ones than a packet can.
fn field_length(field: &[u8]) -> Result<usize, TooLarge> {
    if field.len() > u16::MAX.into() {
        return Err(TooLarge);
    }
    Ok(2 + field.len())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "`field_length` was asked before"
)]
fn put_field(out: &mut BytesMut, field: &[u8]) {
    out.put_u16(field.len() as u16);
    out.put_slice(field);
}

/// Bytes of a variable byte integer.
fn integer_length(value: usize) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}

fn put_integer(out: &mut BytesMut, mut value: usize) {
    while value >= 0x80 {
        out.put_u8(0x80 | (value & 0x7F) as u8);
        value >>= 7;
    }
    out.put_u8(value as u8);
}
