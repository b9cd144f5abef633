//! Topic aliases that a client has given (MQTT 5, section 3.3.2.3.4).

use std::collections::HashMap;

use super::End;
use crate::limits::TOPIC_ALIASES_MAX;
use crate::packet::{Publish, ReasonCode};
use crate::topic::{InvalidTopic, TopicName};

/// What each alias stands for.
#[derive(Default)]
pub(super) struct TopicAliases(HashMap<u16, TopicName>);

/// The topic of a PUBLISH, or why the message cannot be taken.
pub(super) enum Topic {
    Valid(TopicName),
    Invalid(InvalidTopic),
}

impl TopicAliases {
    /// The topic of a message, by name or by alias. It has no part in the read buffer any more.
    pub(super) fn topic(&mut self, publish: &Publish) -> Result<Topic, End> {
        let invalid = |text: &str| {
            let text = format!("{text} [MQTT 5, section 3.3.2.3.4]");
            Err(End::Refused(ReasonCode::TopicAliasInvalid, text))
        };
        let Some(alias) = publish.topic_alias else {
            return Ok(parse(&publish.topic));
        };
        if alias == 0 || alias > TOPIC_ALIASES_MAX {
            return invalid("a topic alias above the maximum");
        }
        if publish.topic.is_empty() {
            return match self.0.get(&alias) {
                Some(topic) => Ok(Topic::Valid(topic.clone())),
                // What an unknown alias means is not said by a code of its own.
                None => invalid("a topic alias that stands for nothing"),
            };
        }
        let topic = parse(&publish.topic);
        if let Topic::Valid(name) = &topic {
            self.0.insert(alias, name.clone());
        }
        Ok(topic)
    }
}

fn parse(text: &str) -> Topic {
    match text.parse() {
        Ok(topic) => Topic::Valid(topic),
        Err(error) => Topic::Invalid(error),
    }
}
