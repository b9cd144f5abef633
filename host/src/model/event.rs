//! MQTT messages as they travel between broker, functions and storage, and what travels with an HTTP request, which is
//! an `http::Request`.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::route::{RouteParameters, RoutePattern};
use super::topic::TopicName;

/// Quality of service: how surely a message is delivered (MQTT 3.1.1, section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum QoS {
    /// Level 0.
    AtMostOnce,
    /// Level 1.
    AtLeastOnce,
    /// Level 2.
    ExactlyOnce,
}

/// The number is not a QoS level.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a QoS level: use 0, 1 or 2")]
pub struct InvalidQoS(u8);

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
        match qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce => 1,
            QoS::ExactlyOnce => 2,
        }
    }
}

/// A message as it was published. Everything past `hops` is MQTT 5; a 3.1.1 publisher leaves it empty.
#[derive(Clone, Debug)]
pub struct Message {
    /// Where it was published to.
    pub topic: TopicName,
    /// At most [`crate::limits::MQTT_PAYLOAD_BYTES_MAX`] bytes.
    pub payload: Bytes,
    /// The level it was published or is delivered with.
    pub qos: QoS,
    /// Whether it is kept for later subscribers or, on delivery, whether it was kept.
    pub retain: bool,
    /// Functions that it has passed through: 0 when a client published it.
    pub hops: u32,
    /// MIME type of the payload.
    pub content_type: Option<String>,
    /// Where an answer is expected.
    pub response_topic: Option<String>,
    /// What an answer must carry.
    pub correlation_data: Option<Bytes>,
    /// Seconds after which it is of no use.
    pub expiry_seconds: Option<u32>,
    /// Name and value pairs of the publisher's own.
    pub user_properties: Vec<(String, String)>,
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
            content_type: None,
            response_topic: None,
            correlation_data: None,
            expiry_seconds: None,
            user_properties: Vec::new(),
        }
    }
}

/// How a message came to a function.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Stays the same when the message is delivered again.
    pub id: String,
    /// 1 for the first delivery.
    pub attempt: u32,
    /// The trigger's filter.
    pub matched_filter: String,
}

/// How an HTTP request came to its function; travels with the request as an extension.
#[derive(Clone, Debug)]
pub struct MatchedRoute {
    /// The pattern that matched.
    pub pattern: Arc<RoutePattern>,
    /// What the path gave to its parameters, percent-encoded as the client sent it.
    pub parameters: RouteParameters,
    /// Who sent the request.
    pub client: SocketAddr,
}

/// Functions that an HTTP request has passed through; travels with the request as an extension. None from outside.
#[derive(Clone, Copy, Debug)]
pub struct Hops(pub u32);
