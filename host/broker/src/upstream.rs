//! An external broker in place of the embedded one's listeners.
//!
//! ```text
//!                          +-- taker: $share/tidegate/<filter>, PUBACK when handled or on disk --> inboxes
//! external broker (MQTT 5) |
//!                          +-- publisher <-- outbox <-- functions, admin API
//! ```
//!
//! Two connections, so that inboxes that are full do not hold up what functions publish. Both are opened again for ever.
//! The taker's session is the same at each start and waits at the broker while the host is away; a broker that has lost it
//! is subscribed at anew. Hosts with the same share name share the messages: each message of a filter comes to one of them.
//!
//! What it rests on: a message that comes through several subscriptions comes once through each, with its identifier;
//! every host of a group has the same functions. One connection carries the messages of all functions, and no more than
//! the receive maximum are under way on it: a function whose inbox stays full for long holds up the others in the end.

mod address;
mod backoff;
mod convert;
mod link;
mod outbox;
mod outstanding;
mod publisher;
mod retained;
mod settings;
mod subscriptions;
mod taker;
mod tls;

use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use schemars::JsonSchema;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use address::{InvalidAddress, Security, UpstreamAddress};
pub use convert::HOPS_PROPERTY;
pub use settings::{
    AskRetained, InvalidShareName, Password, ShareName, UpstreamSettings, client_id_in,
};
pub use subscriptions::Grant;
pub use tls::{ClientCertificate, UpstreamTls, UpstreamTlsError};

use crate::broker::{Broker, Inner, OpenInbox, PublishError};
use crate::inbox::Inbox;
use crate::limits::UPSTREAM_SUBSCRIBE_TIMEOUT;
use crate::message::{Message, unix_ms};
use crate::store::{Change, InboxRecord};
use crate::topic::TopicFilter;
use convert::Unsuitable;
use link::Link;
use outbox::Outbox;
use retained::Wish;
use subscriptions::Subscriptions;

/// The external broker, as the host sees it.
pub(crate) struct Upstream {
    settings: UpstreamSettings,
    subscriptions: Subscriptions,
    outbox: Outbox,
    taking: Link,
    publishing: Link,
    /// Retained messages that nobody has asked for yet.
    wishes: Mutex<Vec<Wish>>,
    unacknowledged: AtomicUsize,
    unsuitable: AtomicU64,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// How it is with the external broker.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UpstreamState {
    /// Where it is.
    pub address: String,
    /// Who the host is to it.
    pub client_id: String,
    /// Whether messages come in and go out.
    pub is_connected: bool,
    /// Since when that is so, in milliseconds since 1970.
    pub since_ms: i64,
    /// Why there was no connection the last time that there was none.
    pub last_error: Option<String>,
    /// Connections since the start, of which it takes two.
    pub connects: u64,
    /// What is subscribed to there.
    pub subscriptions: Vec<UpstreamSubscription>,
    /// Messages that came and are not acknowledged: functions handle them, or they wait for room in an inbox.
    pub unacknowledged: usize,
    /// Messages of functions that it has not acknowledged.
    pub publishing: usize,
    /// Messages that no function can have, since the start: their topic or their size is beyond what is taken here.
    pub unsuitable: u64,
}

/// A subscription at the external broker.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UpstreamSubscription {
    /// The filter, without `$share/…/`.
    pub filter: TopicFilter,
    /// How far it has come.
    #[serde(flatten)]
    pub grant: Grant,
}

impl Upstream {
    /// `inboxes` had their subscriptions before the start.
    pub(crate) fn new(settings: UpstreamSettings, inboxes: &[InboxRecord]) -> Upstream {
        let before = inboxes.iter().flat_map(|inbox| inbox.filters.clone());
        let address = settings.address.clone();
        Upstream {
            subscriptions: Subscriptions::new(before.collect()),
            outbox: Outbox::default(),
            taking: Link::new("taking", address.clone()),
            publishing: Link::new("publishing", address),
            settings,
            wishes: Mutex::default(),
            unacknowledged: AtomicUsize::new(0),
            unsuitable: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    pub(crate) fn begin_publishing(self: &Arc<Upstream>, inner: Weak<Inner>) {
        let stop = self.stop.clone();
        self.tasks.spawn(publisher::run(inner, self.clone(), stop));
    }

    pub(crate) async fn stop_publishing(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(crate) async fn publish(&self, message: Message) -> Result<(), PublishError> {
        self.outbox.publish(message).await
    }

    /// A filter is new to an inbox.
    pub(crate) fn wish_retained(&self, inbox: &Arc<Inbox>, number: usize, filter: &TopicFilter) {
        if self.settings.retained == AskRetained::No {
            return;
        }
        let wish = Wish {
            filter: filter.clone(),
            inbox: inbox.clone(),
            number,
        };
        let mut wishes = self.wishes.lock().expect("no holder of this lock panics");
        wishes.push(wish);
        drop(wishes);
        self.outbox.arrived.notify_one();
    }

    fn take_wishes(&self) -> Vec<Wish> {
        mem::take(&mut *self.wishes.lock().expect("no holder of this lock panics"))
    }

    /// The subscription to a filter, as hosts share it.
    fn shared(&self, filter: &TopicFilter) -> String {
        format!("$share/{}/{filter}", self.settings.share_name.as_str())
    }

    fn count_unacknowledged(&self, count: usize) {
        self.unacknowledged.store(count, Ordering::Relaxed);
    }

    fn count_unsuitable(&self, reason: &Unsuitable) {
        if self.unsuitable.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(%reason, "a message from the external broker is not taken; further ones are only counted");
        }
    }

    fn is_connected(&self) -> bool {
        self.taking.is_connected()
    }

    fn state(&self) -> UpstreamState {
        let links = [self.taking.state(), self.publishing.state()];
        // What is not connected tells; of two that are, the later one.
        let told = links
            .iter()
            .max_by_key(|link| (!link.is_connected, link.since));
        let told = told.expect("there are two");
        let last_error = links.iter().rev().find_map(|link| link.last_error.clone());
        let grants = self.subscriptions.grants().into_iter();
        UpstreamState {
            address: self.settings.address.to_string(),
            client_id: self.settings.client_id.clone(),
            is_connected: told.is_connected,
            since_ms: unix_ms(told.since),
            last_error: told.last_error.clone().or(last_error),
            connects: links.iter().map(|link| link.connects).sum(),
            subscriptions: grants
                .map(|(filter, grant)| UpstreamSubscription { filter, grant })
                .collect(),
            unacknowledged: self.unacknowledged.load(Ordering::Relaxed),
            publishing: self.outbox.len(),
            unsuitable: self.unsuitable.load(Ordering::Relaxed),
        }
    }
}

impl Broker {
    /// Takes messages for functions from the external broker, until `stop`; then acknowledges what inboxes have, and leaves
    /// the rest to the broker. Functions are to have subscribed before: what waits there for a filter that nobody has any
    /// more is lost. Returns at once without an external broker.
    pub async fn serve_upstream(&self, stop: CancellationToken) {
        if let Some(upstream) = &self.0.upstream {
            taker::run(&self.0, upstream, &stop).await;
        }
    }

    /// Returns when the external broker, if there is one and it is connected, has granted a function's subscriptions, has
    /// refused them, or has taken too long to answer. What it refused before is asked for again.
    pub async fn subscribed(&self, function: &str) {
        let (Some(upstream), Some(inbox)) = (&self.0.upstream, self.inbox(function)) else {
            return;
        };
        let filters = inbox.filters().into_values();
        let filters: Vec<TopicFilter> = filters.map(|filter| filter.filter).collect();
        upstream.subscriptions.ask_again(&filters);
        let settled = upstream
            .subscriptions
            .settled(&filters, || upstream.is_connected());
        if tokio::time::timeout(UPSTREAM_SUBSCRIBE_TIMEOUT, settled)
            .await
            .is_err()
        {
            tracing::warn!(
                function,
                "the external broker has not answered the function's subscriptions yet"
            );
        }
    }

    /// How it is with the external broker, if there is one.
    pub fn upstream_state(&self) -> Option<UpstreamState> {
        Some(self.0.upstream.as_ref()?.state())
    }
}

impl Inner {
    /// Whether retained messages come from an external broker, in their own time.
    pub(crate) fn asks_for_retained(&self) -> bool {
        let upstream = self.upstream.as_ref();
        upstream.is_some_and(|upstream| upstream.settings.retained == AskRetained::Yes)
    }

    /// What these inboxes want is what is subscribed to at the external broker.
    pub(crate) fn tell_upstream(&self, inboxes: &HashMap<Arc<str>, OpenInbox>) {
        let Some(upstream) = &self.upstream else {
            return;
        };
        let filters = inboxes.values().flat_map(|open| open.inbox.filters());
        let filters: BTreeSet<TopicFilter> = filters.map(|(_, filter)| filter.filter).collect();
        upstream.subscriptions.want(filters);
    }

    /// An inbox has had the retained messages of a filter.
    fn retained_came(&self, inbox: &Arc<Inbox>, filter: &TopicFilter) {
        let mut inboxes = self.inboxes();
        let Some(open) = inboxes.get_mut(inbox.function()) else {
            return;
        };
        let is_wanted = |wanted: &TopicFilter| wanted == filter;
        let filters = inbox.filters();
        let has_it = filters.values().any(|own| is_wanted(&own.filter));
        if !Arc::ptr_eq(&open.inbox, inbox) || !has_it || open.known.iter().any(is_wanted) {
            return;
        }
        open.known.push(filter.clone());
        let record = inbox.record(open.known.clone());
        self.router.spool.change(Change::Inbox(record), None);
    }
}
