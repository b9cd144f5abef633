//! Retained messages of the external broker, for filters that are new to a function.
//!
//! Shared subscriptions bring none [MQTT-4.8.2]. So the publishing connection subscribes once to the filter itself, takes
//! what comes with the retain flag (a live message comes without it) and leaves again. Nothing says when all have come: it
//! leaves when none has come for a while. A host that ends meanwhile begins anew, so that none is missed and some may come
//! twice. Each host of a group does this for its own functions, or is told not to ([`super::AskRetained`]).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use crate::broker::Inner;
use crate::inbox::Inbox;
use crate::limits::{RETAINED_MAX, UPSTREAM_RETAINED_QUIET, UPSTREAM_RETAINED_TIMEOUT};
use crate::message::Message;
use crate::topic::{TopicFilter, TopicName};

/// An inbox that has not had the retained messages of a filter of its.
pub(super) struct Wish {
    pub(super) filter: TopicFilter,
    pub(super) inbox: Arc<Inbox>,
    /// The filter's among the inbox's.
    pub(super) number: usize,
}

/// Filters whose retained messages are asked for at present.
#[derive(Default)]
pub(super) struct Fetches(BTreeMap<TopicFilter, Fetch>);

struct Fetch {
    takers: Vec<Taker>,
    step: Step,
}

struct Taker {
    inbox: Arc<Inbox>,
    number: usize,
    /// What it has had already.
    seen: HashSet<TopicName>,
}

enum Step {
    /// To be subscribed to, once there is a connection.
    Wanted,
    Asked,
    Listening {
        began: Instant,
        last: Instant,
    },
}

impl Fetches {
    /// Takes in a wish.
    pub(super) fn add(&mut self, wish: Wish) {
        let fetch = self.0.entry(wish.filter).or_insert_with(|| Fetch {
            takers: Vec::new(),
            step: Step::Wanted,
        });
        // All of them come again, for those that are late.
        fetch.step = Step::Wanted;
        let present = fetch
            .takers
            .iter_mut()
            .find(|taker| Arc::ptr_eq(&taker.inbox, &wish.inbox));
        match present {
            Some(taker) => taker.number = wish.number,
            None => fetch.takers.push(Taker {
                inbox: wish.inbox,
                number: wish.number,
                seen: HashSet::new(),
            }),
        }
    }

    /// The connection is gone: all begin anew.
    pub(super) fn disconnected(&mut self) {
        for fetch in self.0.values_mut() {
            fetch.step = Step::Wanted;
        }
    }

    /// What is to be subscribed to; it is taken to be asked for.
    pub(super) fn take_wanted(&mut self) -> Vec<TopicFilter> {
        let mut filters = Vec::new();
        for (filter, fetch) in &mut self.0 {
            if matches!(fetch.step, Step::Wanted) {
                fetch.step = Step::Asked;
                filters.push(filter.clone());
            }
        }
        filters
    }

    /// The broker has answered.
    pub(super) fn answered(&mut self, filter: &TopicFilter, answer: Result<(), String>) {
        match answer {
            Ok(()) => {
                if let Some(fetch) = self.0.get_mut(filter)
                    && matches!(fetch.step, Step::Asked)
                {
                    let now = Instant::now();
                    fetch.step = Step::Listening {
                        began: now,
                        last: now,
                    };
                }
            }
            Err(reason) => {
                tracing::warn!(%filter, reason, "the external broker gives no retained messages of a topic filter");
                self.0.remove(filter);
            }
        }
    }

    /// A retained message came.
    pub(super) fn arrived(&mut self, inner: &Inner, message: &Message) {
        let topic = message.topic.as_str();
        let matching = self
            .0
            .iter_mut()
            .filter(|(filter, _)| filter.matches(topic));
        for (_, fetch) in matching {
            if let Step::Listening { last, .. } = &mut fetch.step {
                *last = Instant::now();
            }
            for taker in &mut fetch.takers {
                if taker.seen.len() < RETAINED_MAX && taker.seen.insert(message.topic.clone()) {
                    inner.offer_copy(&taker.inbox, taker.number, message, 0);
                }
            }
        }
    }

    /// When one of them is to be looked at.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.values().filter_map(Fetch::due).min()
    }

    /// Ends those whose messages have all come, as far as one can tell: the filters to leave.
    pub(super) fn finish(&mut self, inner: &Inner) -> Vec<TopicFilter> {
        let now = Instant::now();
        let is_over = |fetch: &Fetch| fetch.due().is_some_and(|due| due <= now);
        let over: Vec<TopicFilter> = self
            .0
            .iter()
            .filter(|(_, fetch)| is_over(fetch))
            .map(|(filter, _)| filter.clone())
            .collect();
        for filter in &over {
            let takers = self.0.remove(filter).map(|fetch| fetch.takers);
            for taker in takers.into_iter().flatten() {
                inner.retained_came(&taker.inbox, filter);
            }
        }
        over
    }
}

impl Fetch {
    fn due(&self) -> Option<Instant> {
        match self.step {
            Step::Wanted | Step::Asked => None,
            Step::Listening { began, last } => {
                Some((last + UPSTREAM_RETAINED_QUIET).min(began + UPSTREAM_RETAINED_TIMEOUT))
            }
        }
    }
}
