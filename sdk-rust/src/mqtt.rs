//! MQTT messages: the one that started an invocation, and those that a function publishes.

use std::fmt;
use std::fmt::Display;

use crate::bindings::tidegate::mqtt::{client, types};
use crate::key_value::{self, Bucket};

/// How surely a message is delivered (MQTT 3.1.1, section 4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Qos {
    /// QoS 0.
    #[default]
    AtMostOnce,
    /// QoS 1.
    AtLeastOnce,
    /// QoS 2.
    ExactlyOnce,
}

/// A message, received or to be published. Everything past `retain` is MQTT 5.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The topic it was, or is to be, published to.
    pub topic: String,
    /// The content.
    pub payload: Vec<u8>,
    /// How surely it is delivered.
    pub qos: Qos,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// The payload's MIME type.
    pub content_type: Option<String>,
    /// Where an answer is expected.
    pub response_topic: Option<String>,
    /// What an answer has to repeat.
    pub correlation_data: Option<Vec<u8>>,
    /// How long it is of use.
    pub expiry_seconds: Option<u32>,
    /// Names and values of the publisher's own.
    pub user_properties: Vec<(String, String)>,
}

impl Message {
    /// A message at QoS 0, not retained.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Message {
            topic: topic.into(),
            payload: payload.into(),
            ..Message::default()
        }
    }

    /// The same at another QoS.
    pub fn with_qos(mut self, qos: Qos) -> Self {
        self.qos = qos;
        self
    }

    /// The same, kept by the broker for later subscribers.
    pub fn retained(mut self) -> Self {
        self.retain = true;
        self
    }

    /// The same with a MIME type.
    pub fn with_content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// The same with one more user property.
    pub fn with_user_property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.user_properties.push((name.into(), value.into()));
        self
    }

    /// The payload as text.
    pub fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.payload).map_err(|_| Error::NotUtf8)
    }

    /// One level of the topic, counting from 0: `kitchen` is level 1 of `sensors/kitchen/temperature`.
    pub fn level(&self, index: usize) -> Option<&str> {
        self.topic.split('/').nth(index)
    }

    /// Hands the message to the broker. Ok means that the broker has taken it.
    pub fn publish(self) -> Result<(), Error> {
        let topic = self.topic.clone();
        client::publish(&self.into()).map_err(|error| Error::of(error, topic))
    }
}

/// Publishes at QoS 0, not retained; see [`Message::publish`] for more.
pub fn publish(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Result<(), Error> {
    Message::new(topic, payload).publish()
}

/// How a delivery of a message came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Stays the same when the message is delivered again.
    pub id: String,
    /// 1 for the first delivery, then counting up.
    pub attempt: u32,
    /// The trigger's topic filter that matched.
    pub matched_filter: String,
}

impl Delivery {
    /// Does the work unless it was done for this message before: `delivery.once(&bucket, || …)?`. Returns what it
    /// returned, or nothing where it had been done.
    ///
    /// A message is delivered at least once: again where the host stopped before it knew that the function was done, or
    /// where a broker or a device sent it twice. The bucket remembers for two days which messages were handled; give it
    /// one of its own. What stops between the work and the note that it was done is done again, so that work that cannot
    /// be repeated at all belongs into one [`Bucket::update`](crate::key_value::Bucket::update).
    pub fn once<T, E>(
        &self,
        bucket: &Bucket,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<Option<T>, E>
    where
        E: From<key_value::Error>,
    {
        let note = format!("{NOTE}{}", self.id);
        if bucket.exists(&note)? {
            return Ok(None);
        }
        let done = work()?;
        bucket.set(&note, "")?;
        self.forget_old_notes(bucket)?;
        Ok(Some(done))
    }

    /// A page of notes in a hundred messages keeps the bucket from growing for ever.
    fn forget_old_notes(&self, bucket: &Bucket) -> Result<(), key_value::Error> {
        let Some(now_ms) = time_ms(&self.id).filter(|ms| ms % 100 == 0) else {
            return Ok(());
        };
        let is_old = |key: &&String| {
            let id = key.strip_prefix(NOTE).and_then(time_ms);
            id.is_some_and(|ms| ms + NOTES_KEPT_MS < now_ms)
        };
        let (keys, _) = bucket.keys_page(None)?;
        let old: Vec<&str> = keys.iter().filter(is_old).map(String::as_str).collect();
        if old.is_empty() {
            return Ok(());
        }
        bucket.delete_many(&old)
    }
}

const NOTE: &str = "once/";
const NOTES_KEPT_MS: u64 = 2 * 24 * 3600 * 1000;

/// When the host had the message: its id begins with the milliseconds since 1970.
fn time_ms(id: &str) -> Option<u64> {
    u64::from_str_radix(id, 16).ok().map(|number| number >> 20)
}

/// Why a message was not published or not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No `publish` grant covers the topic; the text says what to add.
    NotGranted(String),
    /// Not a topic name.
    InvalidTopic(String),
    /// The payload has more than so many bytes.
    TooLarge {
        /// The topic it was meant for.
        topic: String,
        /// The most a payload may have.
        payload_bytes_max: u64,
    },
    /// The broker does not take messages at present.
    Unavailable(String),
    /// The payload is not UTF-8 text.
    NotUtf8,
}

impl Error {
    fn of(error: types::Error, topic: String) -> Self {
        match error {
            types::Error::NotGranted(text) => Error::NotGranted(text),
            types::Error::InvalidTopic(text) => Error::InvalidTopic(text),
            types::Error::TooLarge(payload_bytes_max) => Error::TooLarge {
                topic,
                payload_bytes_max,
            },
            types::Error::Unavailable(text) => Error::Unavailable(text),
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotGranted(text) => write!(f, "publishing is not granted: {text}"),
            Error::InvalidTopic(text) => write!(f, "invalid topic: {text}"),
            Error::TooLarge {
                topic,
                payload_bytes_max,
            } => {
                write!(
                    f,
                    "the payload for `{topic}` is larger than {payload_bytes_max} bytes"
                )
            }
            Error::Unavailable(text) => write!(f, "the broker is not available: {text}"),
            Error::NotUtf8 => write!(f, "the payload is not UTF-8 text"),
        }
    }
}

impl std::error::Error for Error {}

/// What an `#[mqtt_handler]` or a `#[schedule_handler]` may return.
pub trait IntoOutcome {
    /// Ok where the event was handled; otherwise why not, upon which it is tried again.
    fn into_outcome(self) -> Result<(), String>;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> IntoOutcome for Result<(), E> {
    fn into_outcome(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

impl From<Message> for types::Message {
    fn from(message: Message) -> Self {
        types::Message {
            topic: message.topic,
            payload: message.payload,
            qos: match message.qos {
                Qos::AtMostOnce => types::Qos::AtMostOnce,
                Qos::AtLeastOnce => types::Qos::AtLeastOnce,
                Qos::ExactlyOnce => types::Qos::ExactlyOnce,
            },
            retain: message.retain,
            content_type: message.content_type,
            response_topic: message.response_topic,
            correlation_data: message.correlation_data,
            expiry_seconds: message.expiry_seconds,
            user_properties: message.user_properties,
        }
    }
}

impl From<types::Message> for Message {
    fn from(message: types::Message) -> Self {
        Message {
            topic: message.topic,
            payload: message.payload,
            qos: match message.qos {
                types::Qos::AtMostOnce => Qos::AtMostOnce,
                types::Qos::AtLeastOnce => Qos::AtLeastOnce,
                types::Qos::ExactlyOnce => Qos::ExactlyOnce,
            },
            retain: message.retain,
            content_type: message.content_type,
            response_topic: message.response_topic,
            correlation_data: message.correlation_data,
            expiry_seconds: message.expiry_seconds,
            user_properties: message.user_properties,
        }
    }
}

#[cfg(target_arch = "wasm32")]
impl From<crate::bindings::exports::tidegate::mqtt::handler::Delivery> for Delivery {
    fn from(delivery: crate::bindings::exports::tidegate::mqtt::handler::Delivery) -> Self {
        Delivery {
            id: delivery.id,
            attempt: delivery.attempt,
            matched_filter: delivery.matched_filter,
        }
    }
}

#[cfg(test)]
mod tests;
