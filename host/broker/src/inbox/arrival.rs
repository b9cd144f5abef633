//! A message in the hands of who runs the function.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::{Inbox, LineKey};
use crate::delivery::Delivery;
use crate::message::{Message, from_unix_ms, unix_ms};
use crate::topic::TopicFilter;

/// A message for the function to handle. Dropped without a word, it is handled later, as the same attempt.
pub struct Arrival {
    pub(super) inbox: Arc<Inbox>,
    pub(super) delivery: Arc<Delivery>,
    pub(super) key: LineKey,
    pub(super) began: SystemTime,
    pub(super) is_open: bool,
}

impl Arrival {
    /// The message, with the level and the retain flag of this delivery.
    pub fn message(&self) -> Message {
        Message {
            qos: self.delivery.qos,
            retain: self.delivery.retain,
            ..self.delivery.publication.message.clone()
        }
    }

    /// Stays the same when the message is delivered again.
    pub fn id(&self) -> String {
        format!("{:016x}", self.delivery.publication.id)
    }

    /// 1 for the first attempt.
    pub fn attempt(&self) -> u32 {
        self.delivery.attempts().failed + 1
    }

    /// The filter that matched.
    pub fn filter(&self) -> &TopicFilter {
        let filter = self.delivery.filter.as_ref();
        filter.expect("an inbox's delivery has one")
    }

    /// When the broker had the message.
    pub fn received(&self) -> SystemTime {
        from_unix_ms(self.delivery.publication.id >> 20)
    }

    /// The function has handled it.
    pub fn handled(mut self) {
        self.is_open = false;
        self.inbox.spool.settle(&self.delivery);
        let mut state = self.inbox.state();
        self.inbox.finish(&mut state, &self.key, &self.delivery);
    }

    /// It failed, and is tried again after this time.
    pub fn retry(mut self, reason: String, after: Duration) {
        self.is_open = false;
        let now = SystemTime::now();
        {
            let mut attempts = self.delivery.attempts();
            attempts.failed += 1;
            attempts.first_ms.get_or_insert(unix_ms(self.began));
            attempts.last_ms = Some(unix_ms(now));
            attempts.due_ms = Some(unix_ms(now + after));
            attempts.reason = Some(reason);
        }
        if !self.delivery.is_volatile() {
            self.inbox.spool.update(&self.delivery, None);
        }
        let mut state = self.inbox.state();
        if !state.is_closed {
            let due = (Instant::now() + after, self.delivery.publication.id);
            state.retries.insert(due, self.key.clone());
            self.inbox.arrived.notify_one();
        }
    }

    /// It failed for good: it becomes a dead letter; a QoS 0 message is gone.
    pub fn give_up(mut self, reason: String) {
        self.is_open = false;
        let mut state = self.inbox.state();
        if !self.delivery.is_volatile() && !state.is_closed {
            self.inbox
                .bury(&mut state, &self.delivery, reason, self.began);
        }
        self.inbox.finish(&mut state, &self.key, &self.delivery);
    }

    /// Whether it is delivered at most once.
    pub fn is_volatile(&self) -> bool {
        self.delivery.is_volatile()
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if self.is_open {
            let mut state = self.inbox.state();
            if !state.is_closed {
                state.ready.push_front(self.key.clone());
                self.inbox.arrived.notify_one();
            }
        }
    }
}
