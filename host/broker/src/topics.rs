//! Which topics messages come on, and how many: counted while somebody asks, and for a minute after.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;

use crate::broker::Broker;
use crate::message::Message;
use crate::topic::{TopicFilter, TopicName};

/// Topics that are counted at most; those that come later are left out.
const TOPICS_MAX: usize = 10_000;
/// How long topics are counted after somebody asked.
const COUNTED_FOR: Duration = Duration::from_secs(60);

/// Counts messages by topic.
#[derive(Default)]
pub(crate) struct Topics {
    /// Whether anybody asked lately: the only thing that a message costs otherwise.
    is_counting: AtomicBool,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    by_topic: HashMap<TopicName, Count>,
    since: Option<Instant>,
    asked: Option<Instant>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    messages: u64,
    bytes: u64,
}

/// A topic.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TopicSnapshot {
    /// Its name.
    pub topic: String,
    /// Messages since it has been counted.
    pub messages: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Messages a second since it has been counted.
    pub rate: f64,
    /// Bytes of the retained message's payload; none where there is no such message.
    pub retained_bytes: Option<usize>,
}

impl Topics {
    pub(crate) fn count(&self, message: &Message) {
        if !self.is_counting.load(Ordering::Relaxed) {
            return;
        }
        let mut counted = self.counted();
        if counted.by_topic.len() >= TOPICS_MAX && !counted.by_topic.contains_key(&message.topic) {
            return;
        }
        let count = counted.by_topic.entry(message.topic.clone()).or_default();
        count.messages += 1;
        count.bytes += message.payload.len() as u64;
    }

    /// Stops counting where nobody has asked for a while.
    pub(crate) fn rest(&self) {
        let mut counted = self.counted();
        if counted
            .asked
            .is_some_and(|asked| asked.elapsed() > COUNTED_FOR)
        {
            self.is_counting.store(false, Ordering::Relaxed);
            *counted = Counted::default();
        }
    }

    fn ask(&self) -> (HashMap<TopicName, Count>, Duration) {
        let mut counted = self.counted();
        let now = Instant::now();
        counted.asked = Some(now);
        let since = *counted.since.get_or_insert(now);
        self.is_counting.store(true, Ordering::Relaxed);
        (counted.by_topic.clone(), now - since)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().expect("no holder of this lock panics")
    }
}

impl Broker {
    /// Topics that match a filter, in their order: those with a retained message, and those that messages came on since
    /// somebody asked first.
    pub fn topics(&self, filter: &TopicFilter) -> Vec<TopicSnapshot> {
        let (mut counts, elapsed) = self.0.router.topics.ask();
        counts.retain(|topic, _| filter.matches(topic.as_str()));
        let mut retained: HashMap<TopicName, usize> = self
            .retained(filter)
            .into_iter()
            .map(|message| (message.topic, message.payload.len()))
            .collect();
        for topic in retained.keys() {
            counts.entry(topic.clone()).or_default();
        }
        #[expect(clippy::cast_precision_loss, reason = "it is shown")]
        let rate = |messages: u64| messages as f64 / elapsed.as_secs_f64().max(1.0);
        let mut topics: Vec<TopicSnapshot> = counts
            .into_iter()
            .map(|(topic, count)| TopicSnapshot {
                retained_bytes: retained.remove(&topic),
                topic: topic.to_string(),
                messages: count.messages,
                bytes: count.bytes,
                rate: rate(count.messages),
            })
            .collect();
        topics.sort_by(|one, other| one.topic.cmp(&other.topic));
        topics
    }
}
