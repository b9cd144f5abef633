//! How the broker's values are put into columns: messages, and flags beside a QoS level.

use std::str::FromStr;

use bytes::Bytes;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_broker::message::{Message, QoS, from_unix_ms, unix_ms};

/// Of a message or a delivery: its retain flag.
pub(super) const RETAIN: i64 = 1 << 2;
/// Of a delivery: the client has it, and it is to be released only.
pub(super) const RELEASED: i64 = 1 << 3;
/// Of a subscription.
pub(super) const NO_LOCAL: i64 = 1 << 2;
/// Of a subscription.
pub(super) const RETAIN_AS_PUBLISHED: i64 = 1 << 3;

const QOS_MASK: i64 = 0b11;
/// Of a message: the bits from this one on count the functions that it has passed through.
const HOPS_SHIFT: u32 = 3;

/// A message as it is written.
pub(super) struct MessageColumns<'a> {
    pub(super) topic: &'a str,
    pub(super) payload: &'a [u8],
    pub(super) flags: i64,
    pub(super) expires_ms: Option<i64>,
    pub(super) properties: Option<String>,
}

impl<'a> MessageColumns<'a> {
    pub(super) fn of(message: &'a Message) -> MessageColumns<'a> {
        let retain = when(message.retain, RETAIN);
        MessageColumns {
            topic: message.topic.as_str(),
            payload: &message.payload,
            flags: qos_bits(message.qos) | retain | i64::from(message.hops) << HOPS_SHIFT,
            expires_ms: message.expires.map(unix_ms),
            properties: message.properties.as_ref().map(json),
        }
    }
}

/// The message in the columns from `first` on: topic, payload, flags, expiry, properties.
pub(super) fn message_from(row: &Row<'_>, first: usize) -> rusqlite::Result<Message> {
    let flags: i64 = row.get(first + 2)?;
    let expires_ms: Option<i64> = row.get(first + 3)?;
    Ok(Message {
        topic: parsed(row, first)?,
        payload: Bytes::from(row.get::<_, Vec<u8>>(first + 1)?),
        qos: qos_from(flags),
        retain: flags & RETAIN != 0,
        hops: u32::try_from(flags >> HOPS_SHIFT).unwrap_or(u32::MAX),
        expires: expires_ms.map(from_unix_ms),
        properties: from_json(row, first + 4)?,
    })
}

/// The flag where it is set.
pub(super) fn when(is_set: bool, flag: i64) -> i64 {
    if is_set { flag } else { 0 }
}

pub(super) fn qos_bits(qos: QoS) -> i64 {
    u8::from(qos).into()
}

pub(super) fn qos_from(flags: i64) -> QoS {
    match flags & QOS_MASK {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts, numbers and lists of them")
}

/// What was written with [`json`]; none where there is nothing.
pub(super) fn from_json<T: DeserializeOwned>(
    row: &Row<'_>,
    index: usize,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(index)?;
    let value = text.map(|text| serde_json::from_str(&text)).transpose();
    value.map_err(|error| damaged(index, error))
}

/// What a text means.
pub(super) fn parsed<T>(row: &Row<'_>, index: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: String = row.get(index)?;
    text.parse().map_err(|error| damaged(index, error))
}

fn damaged(index: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
}
