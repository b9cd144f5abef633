//! Messages as they travel between clients, functions and storage.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::limits::{PROPERTIES_BYTES_MAX, USER_PROPERTIES_MAX};
use crate::topic::{InvalidTopic, TopicName};

/// Quality of service: how surely a message is delivered (MQTT 3.1.1 and 5, section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
#[repr(u8)]
pub enum QoS {
    /// Level 0.
    AtMostOnce = 0,
    /// Level 1.
    AtLeastOnce = 1,
    /// Level 2.
    ExactlyOnce = 2,
}

/// The number is not a QoS level.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a QoS level: use 0, 1 or 2")]
pub struct InvalidQoS(u8);

impl JsonSchema for QoS {
    fn schema_name() -> Cow<'static, str> {
        "QoS".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "enum": [0, 1, 2] })
    }
}

impl TryFrom<u8> for QoS {
    type Error = InvalidQoS;

    fn try_from(level: u8) -> Result<QoS, InvalidQoS> {
        match level {
            0 => Ok(QoS::AtMostOnce),
            1 => Ok(QoS::AtLeastOnce),
            2 => Ok(QoS::ExactlyOnce),
            other => Err(InvalidQoS(other)),
        }
    }
}

impl From<QoS> for u8 {
    fn from(qos: QoS) -> u8 {
        qos as u8
    }
}

/// Why a message's properties cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProperties {
    /// [MQTT-1.5.4-2]
    #[error("the {0} has a NUL character in it")]
    Nul(&'static str),
    /// More than [`PROPERTIES_BYTES_MAX`] in all.
    #[error("the properties are too long: at most {PROPERTIES_BYTES_MAX} bytes in all")]
    TooLong,
    /// More than [`USER_PROPERTIES_MAX`].
    #[error("there are too many user properties: at most {USER_PROPERTIES_MAX}")]
    TooMany,
    /// [MQTT-3.3.2-14]
    #[error("the response topic: {0}")]
    ResponseTopic(InvalidTopic),
}

/// A message as it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it was published to.
    pub topic: TopicName,
    /// At most [`crate::limits::PAYLOAD_BYTES_MAX`] bytes.
    pub payload: Bytes,
    /// The level it was published or is delivered with.
    pub qos: QoS,
    /// Whether it is kept for later subscribers or, on delivery, whether it was kept.
    pub retain: bool,
    /// Functions that it has passed through: 0 when a client published it.
    pub hops: u32,
    /// When it is of no use any more (message expiry interval, MQTT 5, section 3.3.2.3.3).
    pub expires: Option<SystemTime>,
    /// What MQTT 5 adds; none of a 3.1.1 publisher's message.
    pub properties: Option<Box<Properties>>,
}

/// What MQTT 5 adds to a message and a broker passes on unchanged (section 3.3.2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "MessageProperties")]
pub struct Properties {
    /// Whether the payload is UTF-8 text (payload format indicator 1).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_text: bool,
    /// MIME type of the payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Where an answer is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_topic: Option<String>,
    /// What an answer must carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_data: Option<Vec<u8>>,
    /// Name and value pairs of the publisher's own, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_properties: Vec<(String, String)>,
}

impl Properties {
    /// Whether subscribers can be sent them. Those of a client's message can: it was read from a packet.
    pub fn check(&self) -> Result<(), InvalidProperties> {
        if self.user_properties.len() > USER_PROPERTIES_MAX {
            return Err(InvalidProperties::TooMany);
        }
        if self.bytes() > PROPERTIES_BYTES_MAX {
            return Err(InvalidProperties::TooLong);
        }
        let content_type = self.content_type.iter().map(|text| ("content type", text));
        let user = self.user_properties.iter();
        let user =
            user.flat_map(|(name, value)| [("user property", name), ("user property", value)]);
        for (what, text) in content_type.chain(user) {
            if text.contains('\0') {
                return Err(InvalidProperties::Nul(what));
            }
        }
        if let Some(topic) = &self.response_topic {
            let parsed: Result<TopicName, _> = topic.parse();
            parsed.map_err(InvalidProperties::ResponseTopic)?;
        }
        Ok(())
    }
}

impl Message {
    /// A message with nothing but a topic, a payload and a QoS level.
    pub fn new(topic: TopicName, payload: Bytes, qos: QoS) -> Message {
        Message {
            topic,
            payload,
            qos,
            retain: false,
            hops: 0,
            expires: None,
            properties: None,
        }
    }

    /// Bytes that it occupies while it waits, about.
    pub fn bytes(&self) -> usize {
        const OVERHEAD: usize = 256;
        let properties = self.properties.as_deref().map_or(0, Properties::bytes);
        OVERHEAD + self.topic.as_str().len() + self.payload.len() + properties
    }

    /// Whether it has expired by now.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whole seconds until it expires, rounded up, so that a message that is still of use never says 0.
    pub fn expiry_seconds(&self, now: SystemTime) -> Option<u32> {
        let left = self.expires?.duration_since(now).unwrap_or_default();
        let seconds = left.as_millis().div_ceil(1000);
        Some(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// The instant at which a message that is received now and has this interval expires.
    pub fn expires_after(seconds: u32) -> SystemTime {
        SystemTime::now() + Duration::from_secs(seconds.into())
    }
}

impl Properties {
    fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let pair = |(name, value): &(String, String)| 48 + name.len() + value.len();
        text(&self.content_type)
            + text(&self.response_topic)
            + self.correlation_data.as_ref().map_or(0, Vec::len)
            + self.user_properties.iter().map(pair).sum::<usize>()
    }
}

/// Milliseconds since 1970, as storage has times.
pub fn unix_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The time that [`unix_ms`] was made of.
pub fn from_unix_ms(ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_that_no_packet_can_have_are_told() {
        let text = |text: &str| Some(text.to_owned());
        let with = |change: fn(&mut Properties)| {
            let mut properties = Properties::default();
            change(&mut properties);
            properties.check()
        };
        assert_eq!(Properties::default().check(), Ok(()));
        let good = Properties {
            is_text: true,
            content_type: text("text/plain"),
            response_topic: text("answers/1"),
            correlation_data: Some(vec![0]),
            user_properties: vec![("name".to_owned(), String::new())],
        };
        assert_eq!(good.check(), Ok(()));
        let nul = with(|properties| properties.content_type = Some("\0".to_owned()));
        assert_eq!(nul, Err(InvalidProperties::Nul("content type")));
        let nul = with(|properties| {
            properties.user_properties = vec![("name".to_owned(), "a\0".to_owned())];
        });
        assert_eq!(nul, Err(InvalidProperties::Nul("user property")));
        let topic = with(|properties| properties.response_topic = Some("a/+".to_owned()));
        assert!(matches!(topic, Err(InvalidProperties::ResponseTopic(_))));
        let long = with(|properties| {
            properties.correlation_data = Some(vec![0; PROPERTIES_BYTES_MAX + 1])
        });
        assert_eq!(long, Err(InvalidProperties::TooLong));
        let many = with(|properties| {
            properties.user_properties = vec![Default::default(); USER_PROPERTIES_MAX + 1];
        });
        assert_eq!(many, Err(InvalidProperties::TooMany));
    }
}
