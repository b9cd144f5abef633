//! What is subscribed to at the external broker: one shared subscription for each distinct filter of all inboxes.
//!
//! ```text
//! Wanted --SUBSCRIBE--> Asked --SUBACK--> Granted | Refused
//!    ^                                        |
//!    +-------------- each connection ---------+
//! ```
//!
//! All are subscribed to again at each connection: a session that the broker still has is not harmed by it, and one that
//! it has lost needs it. Each has an identifier of its own, made of the filter's text, so that it means the same after a
//! restart: messages that wait at the broker carry those of the time when they were published.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard};

use rumqttc::QoS;
use rumqttc::mqttbytes::v5::SubscribeReasonCode;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{Notify, watch};

use crate::topic::TopicFilter;

/// The highest subscription identifier (MQTT 5, section 3.8.2.1.2).
const IDENTIFIER_MAX: u32 = 268_435_455;

/// The subscriptions at the external broker.
pub(super) struct Subscriptions {
    state: Mutex<State>,
    /// There is something to subscribe to, or to unsubscribe from.
    pub(super) changed: Notify,
    /// Something was answered, or the connection is another one.
    progress: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    wanted: BTreeMap<TopicFilter, Subscription>,
    identifiers: HashMap<u32, TopicFilter>,
    /// What the broker's session may have.
    held: BTreeMap<TopicFilter, Held>,
}

struct Subscription {
    identifier: u32,
    grant: Grant,
}

/// How far a subscription has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
#[schemars(rename = "SubscriptionState")]
pub enum Grant {
    /// There is no connection to ask on.
    Wanted,
    /// The broker has not answered.
    Asked,
    /// Messages come.
    Granted,
    /// The broker does not give it, for this reason.
    Refused(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Subscribed,
    /// UNSUBSCRIBE was sent.
    Leaving,
}

/// What is to be told to the broker.
pub(super) struct Changes {
    pub(super) leave: Vec<TopicFilter>,
    pub(super) enter: Vec<(TopicFilter, u32)>,
}

impl Subscriptions {
    /// The broker's session may have subscriptions to these filters, from before the start.
    pub(super) fn new(before: BTreeSet<TopicFilter>) -> Subscriptions {
        let held = before.into_iter().map(|filter| (filter, Held::Subscribed));
        Subscriptions {
            state: Mutex::new(State {
                held: held.collect(),
                ..State::default()
            }),
            changed: Notify::new(),
            progress: watch::Sender::new(()),
        }
    }

    /// These filters are wanted from now on, and no others.
    pub(super) fn want(&self, filters: BTreeSet<TopicFilter>) {
        let mut state = self.state();
        if state.wanted.keys().eq(filters.iter()) {
            return;
        }
        let gone: Vec<TopicFilter> = state
            .wanted
            .keys()
            .filter(|filter| !filters.contains(filter))
            .cloned()
            .collect();
        for filter in gone {
            if let Some(subscription) = state.wanted.remove(&filter) {
                state.identifiers.remove(&subscription.identifier);
            }
        }
        for filter in filters {
            if state.wanted.contains_key(&filter) {
                continue;
            }
            let mut identifier = identifier_of(&filter);
            while state.identifiers.contains_key(&identifier) {
                identifier = identifier % IDENTIFIER_MAX + 1;
            }
            state.identifiers.insert(identifier, filter.clone());
            let grant = Grant::Wanted;
            state
                .wanted
                .insert(filter, Subscription { identifier, grant });
        }
        drop(state);
        self.changed.notify_one();
    }

    /// There is a connection, to a session that the broker still had or a new one.
    pub(super) fn connected(&self, is_session_present: bool) {
        let mut state = self.state();
        for subscription in state.wanted.values_mut() {
            subscription.grant = Grant::Wanted;
        }
        if !is_session_present {
            state.held.clear();
        }
        for held in state.held.values_mut() {
            *held = Held::Subscribed;
        }
    }

    /// There is none any more.
    pub(super) fn disconnected(&self) {
        for subscription in self.state().wanted.values_mut() {
            subscription.grant = Grant::Wanted;
        }
        self.progress.send_replace(());
    }

    /// What is to be told to the broker; it is taken to be told.
    pub(super) fn changes(&self) -> Changes {
        let mut guard = self.state();
        let state = &mut *guard;
        let mut changes = Changes {
            leave: Vec::new(),
            enter: Vec::new(),
        };
        for (filter, held) in &mut state.held {
            if *held == Held::Subscribed && !state.wanted.contains_key(filter) {
                *held = Held::Leaving;
                changes.leave.push(filter.clone());
            }
        }
        for (filter, subscription) in &mut state.wanted {
            if subscription.grant == Grant::Wanted {
                subscription.grant = Grant::Asked;
                state.held.insert(filter.clone(), Held::Subscribed);
                changes
                    .enter
                    .push((filter.clone(), subscription.identifier));
            }
        }
        changes
    }

    /// The broker has answered, or the question could not be asked.
    pub(super) fn answered(
        &self,
        filter: &TopicFilter,
        answer: Result<SubscribeReasonCode, String>,
    ) {
        let grant = match answer {
            Ok(SubscribeReasonCode::Success(QoS::AtMostOnce)) => {
                tracing::warn!(%filter, "the external broker grants a subscription at QoS 0 only: messages may get lost");
                Grant::Granted
            }
            Ok(SubscribeReasonCode::Success(_)) => Grant::Granted,
            Ok(code) => Grant::Refused(words(code)),
            Err(reason) => Grant::Refused(reason),
        };
        if let Grant::Refused(reason) = &grant {
            tracing::warn!(%filter, reason, "the external broker refuses a subscription: functions with this topic \
                filter get no messages");
        }
        let mut state = self.state();
        if matches!(grant, Grant::Refused(_)) {
            state.held.remove(filter);
        }
        if let Some(subscription) = state.wanted.get_mut(filter)
            && subscription.grant == Grant::Asked
        {
            subscription.grant = grant;
        }
        drop(state);
        self.progress.send_replace(());
    }

    /// The broker has forgotten a subscription.
    pub(super) fn left(&self, filter: &TopicFilter) {
        let mut state = self.state();
        if state.held.get(filter) == Some(&Held::Leaving) {
            state.held.remove(filter);
        }
    }

    /// The filter of a subscription with this identifier.
    pub(super) fn filter(&self, identifier: usize) -> Option<TopicFilter> {
        let identifier = u32::try_from(identifier).ok()?;
        self.state().identifiers.get(&identifier).cloned()
    }

    /// How far each has come.
    pub(super) fn grants(&self) -> Vec<(TopicFilter, Grant)> {
        let state = self.state();
        let all = state.wanted.iter();
        all.map(|(filter, subscription)| (filter.clone(), subscription.grant.clone()))
            .collect()
    }

    /// What was refused is asked for again: somebody wants it once more, and may have changed what is permitted.
    pub(super) fn ask_again(&self, filters: &[TopicFilter]) {
        let mut state = self.state();
        for filter in filters {
            if let Some(subscription) = state.wanted.get_mut(filter)
                && matches!(subscription.grant, Grant::Refused(_))
            {
                subscription.grant = Grant::Wanted;
                self.changed.notify_one();
            }
        }
    }

    /// Returns when all of these have been answered. Those that are not wanted count as answered.
    pub(super) async fn settled(&self, filters: &[TopicFilter], is_connected: impl Fn() -> bool) {
        let mut progress = self.progress.subscribe();
        loop {
            let is_open = |filter: &TopicFilter| {
                let state = self.state();
                let subscription = state.wanted.get(filter);
                subscription.is_some_and(|subscription| {
                    matches!(subscription.grant, Grant::Wanted | Grant::Asked)
                })
            };
            if !is_connected() || !filters.iter().any(is_open) {
                return;
            }
            if progress.changed().await.is_err() {
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

/// FNV-1a, which is the same in every version of the host.
fn identifier_of(filter: &TopicFilter) -> u32 {
    let hash = filter.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash % IDENTIFIER_MAX + 1
}

/// What a refusal means.
pub(super) fn words(code: SubscribeReasonCode) -> String {
    use SubscribeReasonCode as Code;
    match code {
        Code::NotAuthorized => "not authorized".to_owned(),
        Code::TopicFilterInvalid => "it does not take the topic filter".to_owned(),
        Code::QuotaExceeded => "a quota is exceeded".to_owned(),
        Code::SharedSubscriptionsNotSupported => NO_SHARED_SUBSCRIPTIONS.to_owned(),
        Code::WildcardSubscriptionsNotSupported => "it has no wildcards".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Why nothing comes from a broker that has no shared subscriptions.
pub(super) const NO_SHARED_SUBSCRIPTIONS: &str = "it has no shared subscriptions, which are needed";

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(texts: &[&str]) -> BTreeSet<TopicFilter> {
        texts
            .iter()
            .map(|text| text.parse().expect("a filter"))
            .collect()
    }

    fn entered(changes: &Changes) -> Vec<&str> {
        changes
            .enter
            .iter()
            .map(|(filter, _)| filter.as_str())
            .collect()
    }

    fn left(changes: &Changes) -> Vec<&str> {
        changes.leave.iter().map(TopicFilter::as_str).collect()
    }

    #[test]
    fn the_broker_is_told_what_has_changed_and_all_of_it_at_each_connection() {
        let subscriptions = Subscriptions::new(filters(&["before", "kept"]));
        subscriptions.want(filters(&["kept", "new"]));
        subscriptions.connected(true);
        let changes = subscriptions.changes();
        assert_eq!(
            (entered(&changes), left(&changes)),
            (vec!["kept", "new"], vec!["before"])
        );
        subscriptions.left(&"before".parse().expect("a filter"));
        let changes = subscriptions.changes();
        assert!(changes.enter.is_empty() && changes.leave.is_empty());

        subscriptions.want(filters(&["new", "newer"]));
        let changes = subscriptions.changes();
        assert_eq!(
            (entered(&changes), left(&changes)),
            (vec!["newer"], vec!["kept"])
        );
        // The connection breaks before it is answered.
        subscriptions.disconnected();
        subscriptions.connected(true);
        let changes = subscriptions.changes();
        assert_eq!(
            (entered(&changes), left(&changes)),
            (vec!["new", "newer"], vec!["kept"])
        );
        subscriptions.connected(false);
        let changes = subscriptions.changes();
        assert_eq!(
            (entered(&changes), left(&changes)),
            (vec!["new", "newer"], vec![])
        );
    }

    #[test]
    fn identifiers_are_those_of_before_and_differ() {
        let subscriptions = Subscriptions::new(BTreeSet::new());
        subscriptions.want(filters(&["a/#", "a/b"]));
        let changes = subscriptions.changes();
        let numbers: Vec<u32> = changes
            .enter
            .iter()
            .map(|(_, identifier)| *identifier)
            .collect();
        // They are on the wire and in the broker's memory: another version has to have the same.
        assert_eq!(numbers, [160_305_022, 177_108_421]);
        for (filter, identifier) in &changes.enter {
            assert_eq!(
                subscriptions.filter(*identifier as usize).as_ref(),
                Some(filter)
            );
        }
        subscriptions.want(filters(&["a/b"]));
        assert_eq!(subscriptions.filter(160_305_022), None);
    }

    #[tokio::test]
    async fn a_deployment_waits_for_answers_of_its_own_filters_only() {
        let subscriptions = Subscriptions::new(BTreeSet::new());
        subscriptions.want(filters(&["mine", "others"]));
        subscriptions.connected(false);
        subscriptions.changes();
        let mine: Vec<TopicFilter> = filters(&["mine"]).into_iter().collect();
        let mut waits = Box::pin(subscriptions.settled(&mine, || true));
        assert!(futures_util::poll!(&mut waits).is_pending());
        subscriptions.answered(&mine[0], Ok(SubscribeReasonCode::NotAuthorized));
        waits.await;
        assert_eq!(
            subscriptions.grants(),
            [
                (mine[0].clone(), Grant::Refused("not authorized".to_owned())),
                ("others".parse().expect("a filter"), Grant::Asked),
            ]
        );
        // Without a connection nobody waits.
        let others: Vec<TopicFilter> = filters(&["others"]).into_iter().collect();
        subscriptions.settled(&others, || false).await;
        subscriptions.ask_again(&mine);
        assert_eq!(entered(&subscriptions.changes()), ["mine"]);
    }
}
