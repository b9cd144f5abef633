//! MQTT messages as the API shows them and takes them: a payload is text where it is text, otherwise base64.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_broker::limits::PAYLOAD_BYTES_MAX;
use tidegate_broker::message::{Message as Published, Properties, QoS};

use super::error::ApiError;

/// A message. It has one of the two payloads.
#[derive(Serialize, JsonSchema)]
pub(super) struct Message {
    topic: String,
    qos: QoS,
    retain: bool,
    /// Where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    /// Where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    /// What MQTT 5 adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Properties>,
}

/// A message to publish, with at most one of the two payloads.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageRequest {
    topic: String,
    payload: Option<String>,
    payload_base64: Option<String>,
    #[serde(default)]
    qos: u8,
    #[serde(default)]
    retain: bool,
}

impl Message {
    pub(super) fn of(message: &Published) -> Message {
        let (text, base64) = text_or_base64(&message.payload);
        Message {
            topic: message.topic.to_string(),
            qos: message.qos,
            retain: message.retain,
            payload: text,
            payload_base64: base64,
            properties: message.properties.as_deref().cloned(),
        }
    }
}

impl MessageRequest {
    pub(super) fn into_message(self) -> Result<Published, ApiError> {
        let topic = self
            .topic
            .parse()
            .map_err(|error| ApiError::BadRequest(format!("topic: {error}")))?;
        if self.topic.starts_with('$') {
            let text = "topic: those that begin with `$` are the server's own [MQTT-4.7.2-1]";
            return Err(ApiError::BadRequest(text.to_owned()));
        }
        let qos =
            QoS::try_from(self.qos).map_err(|error| ApiError::BadRequest(error.to_string()))?;
        let payload = bytes_of(self.payload, self.payload_base64)?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(ApiError::BodyTooLarge(PAYLOAD_BYTES_MAX));
        }
        Ok(Published {
            retain: self.retain,
            ..Published::new(topic, payload, qos)
        })
    }
}

/// Bytes as text or, where they are none, as base64.
pub(super) fn text_or_base64(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(BASE64_STANDARD.encode(bytes))),
    }
}

/// Bytes given as text or as base64.
pub(super) fn bytes_of(text: Option<String>, base64: Option<String>) -> Result<Bytes, ApiError> {
    match (text, base64) {
        (Some(_), Some(_)) => Err(ApiError::BadRequest(
            "give either text or base64, not both".to_owned(),
        )),
        (Some(text), None) => Ok(text.into()),
        (None, Some(base64)) => {
            let decoded = BASE64_STANDARD.decode(base64);
            decoded
                .map(Bytes::from)
                .map_err(|error| ApiError::BadRequest(format!("not base64: {error}")))
        }
        (None, None) => Ok(Bytes::new()),
    }
}
