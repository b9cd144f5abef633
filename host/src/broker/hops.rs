//! How many functions a message has passed through, for a broker that cannot carry it.
//!
//! MQTT 3.1.1 has no place in a message for a count. So the broker remembers, for a while, what functions published:
//! a message of the same topic and payload that comes out is taken for the one that went in. Mistaking one for the
//! other is harmless: only a message that goes round and round ever counts up to the limit.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::model::event::Message;

/// What functions published lately.
#[derive(Default)]
pub(super) struct RecentHops {
    hasher: RandomState,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    /// By topic and payload: the hops, and when it was published last.
    hops: HashMap<u64, (u32, Instant)>,
    /// In the order of publishing, to forget the oldest.
    order: VecDeque<(Instant, u64)>,
}

/// Messages remembered at most, and for how long.
const REMEMBERED_MAX: usize = 4096;
const REMEMBERED_FOR: Duration = Duration::from_secs(10);

impl RecentHops {
    /// Remembers a message that a function published.
    pub(super) fn remember(&self, message: &Message) {
        if message.hops == 0 {
            return;
        }
        let key = self.key(message);
        let now = Instant::now();
        let mut recent = self.recent.lock().expect("no holder of this lock panics");
        let recent = &mut *recent;
        while let Some((since, oldest)) = recent.order.front()
            && (recent.order.len() >= REMEMBERED_MAX || now.duration_since(*since) > REMEMBERED_FOR)
        {
            // Published again since: its later entry stands for it.
            if recent
                .hops
                .get(oldest)
                .is_some_and(|(_, last)| last == since)
            {
                recent.hops.remove(oldest);
            }
            recent.order.pop_front();
        }
        recent.hops.insert(key, (message.hops, now));
        recent.order.push_back((now, key));
    }

    /// The hops of a message that comes out of the broker.
    pub(super) fn recall(&self, message: &Message) -> u32 {
        let recent = self.recent.lock().expect("no holder of this lock panics");
        recent
            .hops
            .get(&self.key(message))
            .map_or(0, |(hops, _)| *hops)
    }

    fn key(&self, message: &Message) -> u64 {
        self.hasher
            .hash_one((message.topic.as_str(), &message.payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::QoS;

    fn message(payload: &'static str, hops: u32) -> Message {
        Message {
            hops,
            ..Message::new(
                "a".parse().expect("a topic"),
                payload.into(),
                QoS::AtMostOnce,
            )
        }
    }

    #[test]
    fn hops_are_remembered_by_topic_and_payload() {
        let hops = RecentHops::default();
        hops.remember(&message("x", 3));
        hops.remember(&message("y", 0));
        assert_eq!(hops.recall(&message("x", 0)), 3);
        assert_eq!(hops.recall(&message("y", 0)), 0);
        hops.remember(&message("x", 4));
        assert_eq!(hops.recall(&message("x", 0)), 4);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let hops = RecentHops::default();
        hops.remember(&message("first", 1));
        for number in 0..REMEMBERED_MAX {
            let payload = number.to_string().leak();
            hops.remember(&message(payload, 1));
        }
        assert_eq!(hops.recall(&message("first", 0)), 0);
        assert_eq!(hops.recall(&message("0", 0)), 1);
    }
}
