//! Retained messages: the last one of each topic (MQTT 5, section 3.3.1.3).

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::SystemTime;

use crate::delivery::Publication;
use crate::limits::{RETAINED_BYTES_MAX, RETAINED_MAX};
use crate::topic::{TopicFilter, TopicName};

/// All of them, in the order of their topics.
#[derive(Default)]
pub(crate) struct Retained {
    by_topic: BTreeMap<TopicName, Arc<Publication>>,
    bytes: usize,
}

/// There is no room for another retained message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Retained {
    /// Keeps a message in place of the one on its topic; an empty one clears it [MQTT-3.3.1-6].
    pub(crate) fn set(&mut self, publication: &Arc<Publication>) -> Result<(), Full> {
        let message = &publication.message;
        let present = self.by_topic.get(&message.topic);
        let freed = present.map_or(0, |present| present.message.bytes());
        if message.payload.is_empty() {
            self.by_topic.remove(&message.topic);
            self.bytes -= freed;
            return Ok(());
        }
        let bytes = self.bytes - freed + message.bytes();
        if bytes > RETAINED_BYTES_MAX || (present.is_none() && self.by_topic.len() >= RETAINED_MAX)
        {
            return Err(Full);
        }
        self.bytes = bytes;
        self.by_topic
            .insert(message.topic.clone(), publication.clone());
        Ok(())
    }

    /// Those that match a filter and have not expired.
    pub(crate) fn matching(&self, filter: &TopicFilter) -> Vec<Arc<Publication>> {
        let now = SystemTime::now();
        let matching = self.candidates(filter).filter(|publication| {
            let message = &publication.message;
            filter.matches(message.topic.as_str()) && !message.is_expired(now)
        });
        matching.cloned().collect()
    }

    /// Topics that begin with what is fixed at the filter's beginning.
    fn candidates(&self, filter: &TopicFilter) -> impl Iterator<Item = &Arc<Publication>> {
        let text = filter.as_str();
        let fixed = text.find(['+', '#']).map_or(text, |wildcard| {
            // `a/#` matches `a` as well.
            text[..wildcard].trim_end_matches('/')
        });
        let from = fixed
            .parse::<TopicName>()
            .map_or(Bound::Unbounded, Bound::Included);
        let prefix = fixed.to_owned();
        let beginning = self.by_topic.range((from, Bound::Unbounded));
        beginning
            .take_while(move |(topic, _)| topic.as_str().starts_with(&prefix))
            .map(|(_, publication)| publication)
    }

    /// Forgets those that have expired; their topics.
    pub(crate) fn expire(&mut self) -> Vec<TopicName> {
        let now = SystemTime::now();
        let mut gone = Vec::new();
        self.by_topic.retain(|topic, publication| {
            let is_kept = !publication.message.is_expired(now);
            if !is_kept {
                self.bytes -= publication.message.bytes();
                gone.push(topic.clone());
            }
            is_kept
        });
        gone
    }

    pub(crate) fn len(&self) -> usize {
        self.by_topic.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
