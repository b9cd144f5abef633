//! Properties of MQTT 5 packets (section 2.2.2): identifier and value, in the order in which they are sent.

use std::ops::Deref;

use super::encoding::{Cursor, text as text_bytes, variable_integer};

/// Identifiers (table 2-4).
#[expect(missing_docs, reason = "the words of the specification")]
pub mod id {
    pub const PAYLOAD_FORMAT: u8 = 0x01;
    pub const MESSAGE_EXPIRY: u8 = 0x02;
    pub const CONTENT_TYPE: u8 = 0x03;
    pub const RESPONSE_TOPIC: u8 = 0x08;
    pub const CORRELATION_DATA: u8 = 0x09;
    pub const SUBSCRIPTION_IDENTIFIER: u8 = 0x0b;
    pub const SESSION_EXPIRY: u8 = 0x11;
    pub const ASSIGNED_CLIENT_ID: u8 = 0x12;
    pub const SERVER_KEEP_ALIVE: u8 = 0x13;
    pub const AUTHENTICATION_METHOD: u8 = 0x15;
    pub const AUTHENTICATION_DATA: u8 = 0x16;
    pub const REQUEST_PROBLEM_INFORMATION: u8 = 0x17;
    pub const WILL_DELAY: u8 = 0x18;
    pub const REQUEST_RESPONSE_INFORMATION: u8 = 0x19;
    pub const RESPONSE_INFORMATION: u8 = 0x1a;
    pub const SERVER_REFERENCE: u8 = 0x1c;
    pub const REASON_STRING: u8 = 0x1f;
    pub const RECEIVE_MAXIMUM: u8 = 0x21;
    pub const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
    pub const TOPIC_ALIAS: u8 = 0x23;
    pub const MAXIMUM_QOS: u8 = 0x24;
    pub const RETAIN_AVAILABLE: u8 = 0x25;
    pub const USER_PROPERTY: u8 = 0x26;
    pub const MAXIMUM_PACKET_SIZE: u8 = 0x27;
    pub const WILDCARDS_AVAILABLE: u8 = 0x28;
    pub const SUBSCRIPTION_IDENTIFIERS_AVAILABLE: u8 = 0x29;
    pub const SHARED_SUBSCRIPTIONS_AVAILABLE: u8 = 0x2a;
}

/// A property's value, by its type on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub enum Value {
    Byte(u8),
    TwoBytes(u16),
    FourBytes(u32),
    VariableInteger(u32),
    Text(String),
    Binary(Vec<u8>),
    Pair(String, String),
}

/// Identifier and value.
pub type Property = (u8, Value);

/// A property of one byte.
pub fn byte(id: u8, value: u8) -> Property {
    (id, Value::Byte(value))
}

/// A property of two bytes.
pub fn two_bytes(id: u8, value: u16) -> Property {
    (id, Value::TwoBytes(value))
}

/// A property of four bytes.
pub fn four_bytes(id: u8, value: u32) -> Property {
    (id, Value::FourBytes(value))
}

/// A string.
pub fn text(id: u8, value: &str) -> Property {
    (id, Value::Text(value.to_owned()))
}

/// Binary data.
pub fn binary(id: u8, value: impl AsRef<[u8]>) -> Property {
    (id, Value::Binary(value.as_ref().to_vec()))
}

/// A user property.
pub fn user(name: &str, value: &str) -> Property {
    let pair = Value::Pair(name.to_owned(), value.to_owned());
    (id::USER_PROPERTY, pair)
}

/// A subscription identifier.
pub fn subscription_identifier(number: u32) -> Property {
    (id::SUBSCRIPTION_IDENTIFIER, Value::VariableInteger(number))
}

/// The properties of a packet; always empty in MQTT 3.1.1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(pub Vec<Property>);

impl Deref for Properties {
    type Target = [Property];

    fn deref(&self) -> &[Property] {
        &self.0
    }
}

impl Properties {
    /// The first value with this identifier.
    pub fn value(&self, id: u8) -> Option<&Value> {
        self.iter()
            .find_map(|(found, value)| (*found == id).then_some(value))
    }

    /// The number with this identifier; panics where it is no number.
    pub fn number(&self, id: u8) -> Option<u32> {
        self.value(id).map(|value| match value {
            Value::Byte(number) => u32::from(*number),
            Value::TwoBytes(number) => u32::from(*number),
            Value::FourBytes(number) | Value::VariableInteger(number) => *number,
            other => panic!("{other:?} is no number"),
        })
    }

    /// The string with this identifier; panics where it is no string.
    pub fn text(&self, id: u8) -> Option<&str> {
        self.value(id).map(|value| match value {
            Value::Text(text) => text.as_str(),
            other => panic!("{other:?} is no string"),
        })
    }

    /// User properties, in their order.
    pub fn user(&self) -> Vec<(&str, &str)> {
        let pairs = self.iter().filter_map(|(_, value)| match value {
            Value::Pair(name, value) => Some((name.as_str(), value.as_str())),
            _ => None,
        });
        pairs.collect()
    }

    /// Subscription identifiers, sorted: their order means nothing.
    pub fn subscription_identifiers(&self) -> Vec<u32> {
        let numbers = self.iter().filter_map(|(id, value)| match value {
            Value::VariableInteger(number) if *id == id::SUBSCRIPTION_IDENTIFIER => Some(*number),
            _ => None,
        });
        let mut numbers: Vec<u32> = numbers.collect();
        numbers.sort_unstable();
        numbers
    }

    /// As bytes, with their length before them.
    pub fn bytes(&self) -> Vec<u8> {
        let body = self.iter().map(|(id, value)| bytes_of(*id, value));
        let body = body.collect::<Vec<_>>().concat();
        let length = u32::try_from(body.len()).expect("a test's packet is small");
        [variable_integer(length), body].concat()
    }

    /// Reads them, and checks that a server may send each in a packet of this type (table 2-4), and that none comes twice
    /// that may not.
    pub(super) fn read(cursor: &mut Cursor<'_>, allowed: &[u8]) -> Properties {
        let length = cursor.variable_integer();
        let mut body = Cursor::new(cursor.take(length.try_into().expect("28 bits")));
        let mut properties = Vec::new();
        while !body.is_empty() {
            let id = body.byte();
            assert!(allowed.contains(&id), "property {id:#04x} in this packet");
            let may_repeat = [id::USER_PROPERTY, id::SUBSCRIPTION_IDENTIFIER].contains(&id);
            let is_second = properties.iter().any(|(other, _)| *other == id);
            assert!(may_repeat || !is_second, "property {id:#04x} twice");
            properties.push((id, read_value(&mut body, id)));
        }
        Properties(properties)
    }
}

fn bytes_of(id: u8, value: &Value) -> Vec<u8> {
    let value = match value {
        Value::Byte(number) => vec![*number],
        Value::TwoBytes(number) => number.to_be_bytes().to_vec(),
        Value::FourBytes(number) => number.to_be_bytes().to_vec(),
        Value::VariableInteger(number) => variable_integer(*number),
        Value::Text(value) => text_bytes(value),
        Value::Binary(value) => text_bytes(value),
        Value::Pair(name, value) => [text_bytes(name), text_bytes(value)].concat(),
    };
    [vec![id], value].concat()
}

fn read_value(body: &mut Cursor<'_>, id: u8) -> Value {
    match id {
        id::PAYLOAD_FORMAT | id::REQUEST_PROBLEM_INFORMATION | id::REQUEST_RESPONSE_INFORMATION => {
            boolean(body)
        }
        id::MAXIMUM_QOS | id::RETAIN_AVAILABLE | id::WILDCARDS_AVAILABLE => boolean(body),
        id::SUBSCRIPTION_IDENTIFIERS_AVAILABLE | id::SHARED_SUBSCRIPTIONS_AVAILABLE => {
            boolean(body)
        }
        id::SERVER_KEEP_ALIVE | id::TOPIC_ALIAS_MAXIMUM => Value::TwoBytes(body.two_bytes()),
        id::RECEIVE_MAXIMUM | id::TOPIC_ALIAS => {
            let number = body.two_bytes();
            assert_ne!(number, 0, "property {id:#04x} is 0");
            Value::TwoBytes(number)
        }
        id::MESSAGE_EXPIRY | id::SESSION_EXPIRY | id::WILL_DELAY => {
            Value::FourBytes(body.four_bytes())
        }
        id::MAXIMUM_PACKET_SIZE => {
            let number = body.four_bytes();
            assert_ne!(number, 0, "maximum packet size is 0");
            Value::FourBytes(number)
        }
        id::SUBSCRIPTION_IDENTIFIER => {
            let number = body.variable_integer();
            assert_ne!(number, 0, "subscription identifier is 0");
            Value::VariableInteger(number)
        }
        id::CORRELATION_DATA | id::AUTHENTICATION_DATA => Value::Binary(body.binary().to_vec()),
        id::USER_PROPERTY => Value::Pair(body.text(), body.text()),
        _ => Value::Text(body.text()),
    }
}

fn boolean(body: &mut Cursor<'_>) -> Value {
    let value = body.byte();
    assert!(value <= 1, "{value} where 0 or 1 is allowed");
    Value::Byte(value)
}
