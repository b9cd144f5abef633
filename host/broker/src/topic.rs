//! MQTT topic names and topic filters (MQTT 3.1.1 and 5, section 4.7).

use std::fmt;
use std::str::FromStr;

use bytestring::ByteString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{TOPIC_BYTES_MAX, TOPIC_LEVELS_MAX};

/// A topic name: what a message is published to. No wildcards, not empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName(ByteString);

/// A topic filter: what a subscription asks for; `+` stands for one level, a last `#` for all that is left.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct TopicFilter(String);

/// Why a text is not a topic name or filter.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidTopic {
    /// [MQTT-4.7.3-1]
    #[error("a topic has at least one character")]
    Empty,
    /// [MQTT-4.7.3-2]
    #[error("`{0}` has a NUL character in it")]
    Nul(String),
    /// More than [`TOPIC_BYTES_MAX`] bytes or [`TOPIC_LEVELS_MAX`] levels.
    #[error("the topic is too long: at most {TOPIC_BYTES_MAX} bytes and {TOPIC_LEVELS_MAX} levels")]
    TooLong,
    /// [MQTT-3.3.2-2]
    #[error("`{0}` has a wildcard in it; messages are published to one topic, without `+` and `#`")]
    Wildcard(String),
    /// [MQTT-4.7.1-1]
    #[error("`{0}` is not a topic filter: `#` stands alone in the last level, as in `sensors/#`")]
    MultiLevelWildcard(String),
    /// [MQTT-4.7.1-3]
    #[error(
        "`{0}` is not a topic filter: `+` takes a level of its own, as in `sensors/+/temperature`"
    )]
    SingleLevelWildcard(String),
    /// Shared subscriptions are between the host and its broker.
    #[error(
        "`{0}` is a shared subscription; give the filter alone: a message starts one invocation in any case"
    )]
    Shared(String),
}

/// Whether this is a filter that a client may have subscribed to, a shared subscription among them (MQTT 5, section 4.8.2).
pub(crate) fn is_filter(text: &str) -> bool {
    let filter = match text.strip_prefix("$share/") {
        None => Some(text),
        Some(rest) => rest.split_once('/').map(|(_, filter)| filter),
    };
    filter.is_some_and(|filter| filter.parse::<TopicFilter>().is_ok())
}

fn check_text(text: &str) -> Result<(), InvalidTopic> {
    if text.is_empty() {
        return Err(InvalidTopic::Empty);
    }
    if text.len() > TOPIC_BYTES_MAX || text.split('/').count() > TOPIC_LEVELS_MAX {
        return Err(InvalidTopic::TooLong);
    }
    if text.contains('\0') {
        return Err(InvalidTopic::Nul(text.escape_debug().to_string()));
    }
    Ok(())
}

impl TopicName {
    /// The topic as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<ByteString> for TopicName {
    type Error = InvalidTopic;

    fn try_from(text: ByteString) -> Result<TopicName, InvalidTopic> {
        check_text(&text)?;
        if text.contains(['+', '#']) {
            return Err(InvalidTopic::Wildcard(text.to_string()));
        }
        Ok(TopicName(text))
    }
}

impl FromStr for TopicName {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<TopicName, InvalidTopic> {
        ByteString::from(text).try_into()
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TopicFilter {
    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a message on this topic is asked for.
    pub fn matches(&self, topic: &str) -> bool {
        // [MQTT-4.7.2-1]: a leading wildcard does not match the server's own topics.
        if topic.starts_with('$') && self.0.starts_with(['+', '#']) {
            return false;
        }
        let mut levels = topic.split('/');
        for wanted in self.0.split('/') {
            match (wanted, levels.next()) {
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (wanted, Some(level)) if wanted == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }
}

impl TopicFilter {
    /// Whether this filter matches every topic that the other one matches.
    pub fn covers(&self, other: &TopicFilter) -> bool {
        // [MQTT-4.7.2-1]: a leading wildcard does not reach the server's own topics.
        if other.0.starts_with('$') && self.0.starts_with(['+', '#']) {
            return false;
        }
        // A topic has at least one level, so that these two are one.
        if other.0 == "#" {
            return ["#", "+/#"].contains(&self.as_str());
        }
        let mut wanted = other.0.split('/');
        for granted in self.0.split('/') {
            match (granted, wanted.next()) {
                ("#", _) => return true,
                ("+", Some(level)) if level != "#" => {}
                (granted, Some(level)) if granted == level => {}
                _ => return false,
            }
        }
        wanted.next().is_none()
    }
}

impl FromStr for TopicFilter {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<TopicFilter, InvalidTopic> {
        check_text(text)?;
        if text.starts_with("$share/") {
            return Err(InvalidTopic::Shared(text.to_owned()));
        }
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            if level.contains('#') && (level != "#" || levels.peek().is_some()) {
                return Err(InvalidTopic::MultiLevelWildcard(text.to_owned()));
            }
            if level.contains('+') && level != "+" {
                return Err(InvalidTopic::SingleLevelWildcard(text.to_owned()));
            }
        }
        Ok(TopicFilter(text.to_owned()))
    }
}

impl TryFrom<String> for TopicFilter {
    type Error = InvalidTopic;

    fn try_from(text: String) -> Result<TopicFilter, InvalidTopic> {
        text.parse()
    }
}

impl From<TopicFilter> for String {
    fn from(filter: TopicFilter) -> String {
        filter.0
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_as_the_specification_says() {
        let cases = [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            (
                "sport/tennis/player1/#",
                "sport/tennis/player1/score/wimbledon",
                true,
            ),
            ("sport/#", "sport", true),
            ("#", "a/b", true),
            ("#", "/", true),
            ("+", "finance", true),
            ("+", "/finance", false),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("a/b", "a/b", true),
            ("a/b", "a/B", false),
            ("a/b", "a/b/c", false),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
            ("température/+", "température/küche", true),
        ];
        for (filter, topic, expected) in cases {
            let parsed: TopicFilter = filter.parse().expect(filter);
            assert_eq!(parsed.matches(topic), expected, "{filter} against {topic}");
        }
    }

    #[test]
    fn what_is_not_a_filter_is_refused() {
        for text in [
            "",
            "a#",
            "sport/#/x",
            "++",
            "a/+b",
            "a\0b",
            "$share/g/a",
            &"a/".repeat(40),
            &"x".repeat(2000),
        ] {
            assert!(text.parse::<TopicFilter>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_a_topic_is_refused() {
        for text in ["", "a/#", "a/+/b", "a\0"] {
            assert!(text.parse::<TopicName>().is_err(), "{text:?}");
        }
        assert!("sensors/küche".parse::<TopicName>().is_ok());
    }
}
