//! The broker's figures: for the host's metrics, for those that ask, and under `$SYS/`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;

use crate::broker::{Broker, Inner};
use crate::delivery::Publication;
use crate::message::{Message, QoS};
use crate::packet::Version;
use crate::spool::SpoolFigures;

/// Counts since the start, and what there is now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BrokerFigures {
    /// Seconds since the broker was opened.
    pub uptime_s: u64,
    /// Clients that are connected.
    pub clients_connected: usize,
    /// Sessions, with and without a connection.
    pub sessions: usize,
    /// Connections that became clients.
    pub connects: u64,
    /// Connections that were not let in.
    pub connects_refused: u64,
    /// Subscriptions, those of functions among them.
    pub subscriptions: usize,
    /// Messages that were published.
    pub messages_received: u64,
    /// Bytes of their payloads.
    pub bytes_received: u64,
    /// Messages that nobody had subscribed to.
    pub messages_unmatched: u64,
    /// Retained messages.
    pub retained: usize,
    /// Bytes of them, about.
    pub retained_bytes: usize,
    /// Retained messages that there was no room for.
    pub retained_refused: u64,
    /// Bytes of what waits for sessions.
    pub queued_bytes: usize,
    /// The spool's.
    #[serde(flatten)]
    pub spool: SpoolFigures,
}

/// A session, with its connection if it has one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ClientSnapshot {
    /// Client identifier.
    pub client_id: String,
    /// Whose it is; none of an anonymous client.
    pub identity: Option<String>,
    /// Where it is; none while it is off line.
    pub address: Option<String>,
    /// `mqtt`, `mqtts`, `ws` or `wss`.
    pub transport: Option<&'static str>,
    /// `3.1.1` or `5`.
    pub version: Option<&'static str>,
    /// Since when it is connected, in milliseconds since 1970.
    pub connected_ms: Option<i64>,
    /// Seconds that its session is kept without a connection.
    pub session_expiry_s: u32,
    /// Subscriptions.
    pub subscriptions: Vec<String>,
    /// Messages that were sent and not acknowledged.
    pub inflight: usize,
    /// Messages that wait.
    pub queued: usize,
    /// Bytes of both, about.
    pub queued_bytes: usize,
    /// Messages for it that were dropped because its queue was full.
    pub dropped: u64,
    /// Messages for it that expired while they waited.
    pub expired: u64,
    /// Packets that came from it on this connection.
    pub packets_received: u64,
    /// Messages of its that were not taken: not permitted, or not valid.
    pub messages_refused: u64,
}

impl Broker {
    /// Counts since the start, and what there is now.
    pub fn figures(&self) -> BrokerFigures {
        self.0.figures()
    }

    /// All sessions, by client id.
    pub fn clients(&self) -> Vec<ClientSnapshot> {
        let connected = self.0.connections.clients();
        let mut clients: Vec<ClientSnapshot> = self
            .0
            .registry
            .all()
            .into_iter()
            .map(|session| {
                let client = connected
                    .iter()
                    .rev()
                    .find(|client| Arc::ptr_eq(&client.session, &session));
                let state = session.state();
                let (queued, inflight) = state.counts();
                let mut subscriptions: Vec<String> = state
                    .subscriptions
                    .keys()
                    .map(|filter| filter.to_string())
                    .collect();
                subscriptions.sort();
                ClientSnapshot {
                    client_id: session.client_id.to_string(),
                    identity: session.identity.as_deref().map(str::to_owned),
                    address: client.map(|client| client.address.to_string()),
                    transport: client.map(|client| client.transport),
                    version: client.map(|client| match client.version {
                        Version::V311 => "3.1.1",
                        Version::V5 => "5",
                    }),
                    connected_ms: client.map(|client| client.since_ms),
                    session_expiry_s: state.expiry_seconds,
                    subscriptions,
                    inflight,
                    queued,
                    queued_bytes: state.queued_bytes(),
                    dropped: state.figures.dropped,
                    expired: state.figures.expired,
                    packets_received: client.map_or(0, |client| client.received()),
                    messages_refused: client.map_or(0, |client| client.refused()),
                }
            })
            .collect();
        clients.sort_by(|one, other| one.client_id.cmp(&other.client_id));
        clients
    }

    /// Retained messages of topics that match a filter, in the order of their topics.
    pub fn retained(&self, filter: &crate::topic::TopicFilter) -> Vec<Message> {
        let matching = self.0.router.retained().matching(filter);
        matching
            .iter()
            .map(|publication| publication.message.clone())
            .collect()
    }
}

impl Inner {
    fn figures(&self) -> BrokerFigures {
        let load = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let router = &self.router;
        let (retained, retained_bytes) = {
            let retained = router.retained();
            (retained.len(), retained.bytes())
        };
        BrokerFigures {
            uptime_s: self.started.elapsed().as_secs(),
            clients_connected: self.connections.len(),
            sessions: self.registry.len(),
            connects: load(&self.connections.accepted),
            connects_refused: load(&self.connections.refused),
            subscriptions: router.subscriptions(),
            messages_received: load(&router.figures.received),
            bytes_received: load(&router.figures.received_bytes),
            messages_unmatched: load(&router.figures.unmatched),
            retained,
            retained_bytes,
            retained_refused: load(&router.figures.retained_refused),
            queued_bytes: router.budget.bytes(),
            spool: router.spool.figures(),
        }
    }

    /// The usual topics under `$SYS/broker/`, kept for later subscribers, in memory only.
    pub(crate) fn publish_figures(&self) {
        let figures = self.figures();
        let topics = [
            (
                "version",
                concat!("Tidegate ", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
            ("uptime", format!("{} seconds", figures.uptime_s)),
            ("clients/connected", figures.clients_connected.to_string()),
            ("clients/total", figures.sessions.to_string()),
            (
                "clients/disconnected",
                figures
                    .sessions
                    .saturating_sub(figures.clients_connected)
                    .to_string(),
            ),
            ("subscriptions/count", figures.subscriptions.to_string()),
            ("messages/received", figures.messages_received.to_string()),
            ("bytes/received", figures.bytes_received.to_string()),
            ("retained messages/count", figures.retained.to_string()),
            ("store/messages/bytes", figures.queued_bytes.to_string()),
        ];
        for (name, value) in topics {
            let topic = format!("$SYS/broker/{name}");
            let topic = topic.parse().expect("a topic");
            let message = Message {
                retain: true,
                ..Message::new(topic, Bytes::from(value), QoS::AtMostOnce)
            };
            self.publish_figure(&self.router.publication(message, 0));
        }
    }

    fn publish_figure(&self, publication: &Arc<Publication>) {
        self.router.route_figure(publication);
    }
}
