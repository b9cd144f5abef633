//! A host that is connected to an external broker, and the functions on it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tidegate_broker::access::{Access, Authenticated, Credentials, Refused};
use tidegate_broker::inbox::{Arrival, InOrder, Inbox, InboxFilter};
use tidegate_broker::message::{Message, QoS};
use tidegate_broker::upstream::{UpstreamSettings, UpstreamState};
use tidegate_broker::{Broker, Settings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::memory_store::MemoryStore;
use crate::{eventually, soon};

/// A host.
pub(crate) struct Host {
    pub(crate) broker: Broker,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

/// A function that handles all its messages, and remembers how often each payload came.
pub(crate) struct Counter {
    seen: Arc<Mutex<BTreeMap<String, usize>>>,
    task: JoinHandle<()>,
}

struct Nobody;

impl Access for Nobody {
    fn authenticate<'a>(&'a self, _: &'a Credentials) -> Authenticated<'a> {
        Box::pin(async { Err(Refused::NotAuthorized) })
    }

    fn permissions(&self, _: &str) -> Option<Arc<tidegate_broker::access::Permissions>> {
        None
    }
}

/// Settings for this broker and host.
pub(crate) fn settings(address: SocketAddr, client_id: &str) -> UpstreamSettings {
    let address = format!("mqtt://{address}").parse().expect("an address");
    UpstreamSettings::new(address, client_id.to_owned())
}

/// Filters at QoS 1.
pub(crate) fn filters(texts: &[&str]) -> Vec<InboxFilter> {
    let filter = |text: &&str| InboxFilter {
        filter: text.parse().expect("a filter"),
        qos: QoS::AtLeastOnce,
        in_order: InOrder::PerTopic,
    };
    texts.iter().map(filter).collect()
}

/// A message of QoS 1.
pub(crate) fn message(topic: &str, payload: impl Into<Vec<u8>>) -> Message {
    let topic = topic.parse().expect("a topic");
    Message::new(topic, payload.into().into(), QoS::AtLeastOnce)
}

impl Host {
    /// Starts a host with one function, `function`, that has these filters; it is connected, and its subscriptions stand.
    pub(crate) async fn start(
        settings: UpstreamSettings,
        store: &MemoryStore,
        filters: &[&str],
    ) -> (Host, Arc<Inbox>) {
        let host = Host::open(settings, store).await;
        let inbox = host.deploy("function", filters).await;
        let host = host.serve();
        host.connected().await;
        host.broker.subscribed("function").await;
        (host, inbox)
    }

    /// Opens a host; it takes no messages yet.
    pub(crate) async fn open(settings: UpstreamSettings, store: &MemoryStore) -> Host {
        let settings = Settings {
            upstream: Some(settings),
            ..Settings::default()
        };
        let opened = Broker::open(Arc::new(store.clone()), Arc::new(Nobody), &settings).await;
        Host {
            broker: opened.expect("the store works"),
            stop: CancellationToken::new(),
            serving: tokio::spawn(async {}),
        }
    }

    /// Takes messages from now on.
    pub(crate) fn serve(self) -> Host {
        let (broker, stop) = (self.broker.clone(), self.stop.clone());
        let serving = tokio::spawn(async move { broker.serve_upstream(stop).await });
        Host { serving, ..self }
    }

    /// Deploys a function; returns when its subscriptions stand, if the host is connected.
    pub(crate) async fn deploy(&self, function: &str, texts: &[&str]) -> Arc<Inbox> {
        let inbox = self.broker.subscribe(function, filters(texts), 1000);
        self.broker.subscribed(function).await;
        inbox
    }

    /// How it is with the external broker.
    pub(crate) fn state(&self) -> UpstreamState {
        self.broker.upstream_state().expect("it has one")
    }

    /// Returns when it is connected.
    pub(crate) async fn connected(&self) {
        eventually("the host is connected", async || {
            self.state().is_connected.then_some(())
        })
        .await;
    }

    /// Returns when nothing is unacknowledged any more.
    pub(crate) async fn acknowledged(&self) {
        eventually("everything is acknowledged", async || {
            (self.state().unacknowledged == 0).then_some(())
        })
        .await;
    }

    /// Ends in order.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        soon("the host leaves its broker", self.serving)
            .await
            .expect("it does not panic");
        soon("the host ends", self.broker.stop()).await;
    }
}

impl Counter {
    /// Handles what comes into an inbox.
    pub(crate) fn new(inbox: &Arc<Inbox>) -> Counter {
        let seen: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let (inbox, counts) = (inbox.clone(), seen.clone());
        let task = tokio::spawn(async move {
            loop {
                let arrival = inbox.next().await;
                let payload = text(&arrival);
                *counts.lock().expect("no panic").entry(payload).or_default() += 1;
                arrival.handled();
            }
        });
        Counter { seen, task }
    }

    /// How many different payloads came.
    pub(crate) fn len(&self) -> usize {
        self.seen.lock().expect("no panic").len()
    }

    /// How often each payload came.
    pub(crate) fn seen(&self) -> BTreeMap<String, usize> {
        self.seen.lock().expect("no panic").clone()
    }

    /// How many came more than once.
    pub(crate) fn repeated(&self) -> usize {
        self.seen().values().map(|count| count - 1).sum()
    }

    /// Returns when this payload has come.
    pub(crate) async fn has_seen(&self, payload: &str) {
        eventually(payload, async || {
            let seen = self.seen.lock().expect("no panic");
            seen.contains_key(payload).then_some(())
        })
        .await;
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The next message of a function.
pub(crate) async fn arrival(inbox: &Arc<Inbox>) -> Arrival {
    soon("a message for a function", inbox.next()).await
}

/// Its payload.
pub(crate) fn text(arrival: &Arrival) -> String {
    String::from_utf8_lossy(&arrival.message().payload).into_owned()
}
