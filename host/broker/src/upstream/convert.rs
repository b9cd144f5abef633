//! Messages as the client crate has them, and as the broker has them.
//!
//! How many functions a message has passed through travels as a user property. It is the host's own: it is neither shown
//! to functions nor taken from them, and the embedded broker leaves one of that name alone.

use bytes::Bytes;
use rumqttc::mqttbytes::v5::{PublishProperties, SubscribeProperties};
use rumqttc::{Publish, PublishOptions};

use crate::limits::PAYLOAD_BYTES_MAX;
use crate::message::{Message, Properties, QoS};
use crate::topic::{InvalidTopic, TopicName};

/// The user property that has [`Message::hops`].
pub const HOPS_PROPERTY: &str = "tidegate-hops";

/// Why no function can have a message from the external broker.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsuitable {
    #[error("its topic is not UTF-8")]
    Text,
    #[error("{0}")]
    Topic(#[from] InvalidTopic),
    #[error("its payload has {0} bytes, more than {PAYLOAD_BYTES_MAX}")]
    Size(usize),
}

/// A message that came, and the identifiers of the subscriptions that it came through.
pub(super) fn message_of(publish: &Publish) -> Result<(Message, Vec<usize>), Unsuitable> {
    let topic = std::str::from_utf8(&publish.topic).map_err(|_| Unsuitable::Text)?;
    let topic: TopicName = topic.parse()?;
    if publish.payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Unsuitable::Size(publish.payload.len()));
    }
    let qos = match publish.qos {
        rumqttc::QoS::AtMostOnce => QoS::AtMostOnce,
        rumqttc::QoS::AtLeastOnce => QoS::AtLeastOnce,
        rumqttc::QoS::ExactlyOnce => QoS::ExactlyOnce,
    };
    // A slice would keep all of what was read with it.
    let payload = Bytes::copy_from_slice(&publish.payload);
    let mut message = Message {
        retain: publish.retain,
        ..Message::new(topic, payload, qos)
    };
    let Some(found) = publish.properties.clone() else {
        return Ok((message, Vec::new()));
    };
    message.expires = found.message_expiry_interval.map(Message::expires_after);
    let (own, user_properties): (Vec<_>, Vec<_>) = found
        .user_properties
        .into_iter()
        .partition(|(name, _)| name == HOPS_PROPERTY);
    // The highest of several, so that one that is added cannot hide the others.
    let hops = own.iter().filter_map(|(_, value)| value.parse().ok()).max();
    message.hops = hops.unwrap_or(0);
    let properties = Properties {
        is_text: found.payload_format_indicator == Some(1),
        content_type: found.content_type,
        response_topic: found.response_topic,
        correlation_data: found.correlation_data.map(|data| data.to_vec()),
        user_properties,
    };
    message.properties = (properties != Properties::default()).then(|| Box::new(properties));
    Ok((message, found.subscription_identifiers))
}

/// A message to publish, with this level.
pub(super) fn publish_of(message: &Message, qos: QoS) -> Publish {
    let qos = match qos {
        QoS::AtMostOnce => rumqttc::QoS::AtMostOnce,
        QoS::AtLeastOnce => rumqttc::QoS::AtLeastOnce,
        QoS::ExactlyOnce => rumqttc::QoS::ExactlyOnce,
    };
    let mut publish = Publish::new(
        message.topic.as_str(),
        qos,
        message.payload.clone(),
        properties_of(message),
    );
    publish.retain = message.retain;
    publish
}

/// What the client crate publishes it with.
pub(super) fn options_of(publish: &Publish) -> PublishOptions {
    let options = PublishOptions::new(publish.qos).retain(publish.retain);
    match publish.properties.clone() {
        Some(properties) => options.properties(properties),
        None => options,
    }
}

fn properties_of(message: &Message) -> Option<PublishProperties> {
    let given = message.properties.as_deref().cloned().unwrap_or_default();
    let mut user_properties = given.user_properties;
    user_properties.retain(|(name, _)| name != HOPS_PROPERTY);
    if message.hops > 0 {
        user_properties.push((HOPS_PROPERTY.to_owned(), message.hops.to_string()));
    }
    let properties = PublishProperties {
        payload_format_indicator: given.is_text.then_some(1),
        message_expiry_interval: message.expiry_seconds(std::time::SystemTime::now()),
        topic_alias: None,
        response_topic: given.response_topic,
        correlation_data: given.correlation_data.map(Bytes::from),
        user_properties,
        subscription_identifiers: Vec::new(),
        content_type: given.content_type,
    };
    (properties != PublishProperties::default()).then_some(properties)
}

/// The properties of a SUBSCRIBE packet with this identifier.
pub(super) fn identified(identifier: Option<u32>) -> SubscribeProperties {
    SubscribeProperties {
        id: identifier.map(|identifier| identifier as usize),
        user_properties: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(hops: u32, user_properties: &[(&str, &str)]) -> Message {
        let pairs = user_properties.iter();
        let properties = Properties {
            is_text: true,
            content_type: Some("text/plain".to_owned()),
            response_topic: Some("answers".to_owned()),
            correlation_data: Some(vec![0, 255]),
            user_properties: pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        Message {
            retain: true,
            hops,
            properties: Some(Box::new(properties)),
            ..Message::new(
                "a/b".parse().expect("a topic"),
                "x".into(),
                QoS::AtLeastOnce,
            )
        }
    }

    fn there_and_back(message: &Message) -> Message {
        let publish = publish_of(message, message.qos);
        message_of(&publish).expect("a message").0
    }

    #[test]
    fn a_message_comes_back_as_it_went() {
        let sent = message(3, &[("unit", "K"), ("unit", "°C")]);
        assert_eq!(there_and_back(&sent), sent);
        let bare = Message::new("a".parse().expect("a topic"), Bytes::new(), QoS::AtMostOnce);
        assert!(publish_of(&bare, bare.qos).properties.is_none());
        assert_eq!(there_and_back(&bare), bare);
    }

    #[test]
    fn expiry_is_passed_on_reduced() {
        let mut sent = message(0, &[]);
        sent.expires = Some(Message::expires_after(20) - std::time::Duration::from_secs(5));
        let publish = publish_of(&sent, sent.qos);
        let interval = publish.properties.expect("some").message_expiry_interval;
        assert_eq!(interval, Some(15));
    }

    #[test]
    fn the_number_of_hops_is_the_hosts_own() {
        let table: [(&[(&str, &str)], u32); 4] = [
            (&[(HOPS_PROPERTY, "7")], 7),
            (&[(HOPS_PROPERTY, "7"), (HOPS_PROPERTY, "1")], 7),
            (&[(HOPS_PROPERTY, "many")], 0),
            (&[], 0),
        ];
        for (properties, expected) in table {
            let mut publish = publish_of(&message(0, &[("unit", "K")]), QoS::AtLeastOnce);
            let pairs = &mut publish.properties.as_mut().expect("some").user_properties;
            pairs.extend(
                properties
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
            );
            let (found, _) = message_of(&publish).expect("a message");
            assert_eq!(found.hops, expected, "{properties:?}");
            let left = found.properties.expect("some").user_properties;
            assert_eq!(left, [("unit".to_owned(), "K".to_owned())]);
        }
        // A function cannot say that its message has come no way at all.
        let forged = there_and_back(&message(5, &[(HOPS_PROPERTY, "0")]));
        assert_eq!(forged.hops, 5);
    }

    #[test]
    fn what_no_function_can_have_is_told_apart() {
        let large = vec![0; PAYLOAD_BYTES_MAX + 1];
        let deep = "a/".repeat(100);
        for (topic, payload) in [(deep.as_str(), vec![0]), ("a", large)] {
            let publish = Publish::new(topic, rumqttc::QoS::AtLeastOnce, payload, None);
            assert!(message_of(&publish).is_err(), "{topic}");
        }
    }
}
