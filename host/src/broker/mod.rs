//! The MQTT broker: publish, subscribe, serve, snapshot. The only module that knows which broker it is.
//!
//! The embedded broker is `rumqttd`: MQTT 3.1.1 in memory. Clients reach it through the [`gate`], which owns the public
//! listener, its limits and who may connect; functions reach it through in-process links.

mod gate;
mod hops;

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdTcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use bytes::Bytes;
use rumqttd::local::{LinkBuilder, LinkRx, LinkTx};
use rumqttd::protocol::{self, Filter, Packet, Publish, RetainForwardRule, Subscribe};
use rumqttd::{
    ConnectionSettings, Forward, LinkType, Notification, Router, RouterConfig, Server,
    ServerSettings,
};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::limits::{
    MQTT_CONNECT_TIMEOUT, MQTT_CONNECTIONS_MAX, MQTT_PAYLOAD_BYTES_MAX, MQTT_TOPIC_BYTES_MAX,
};
use crate::model::event::{Message, QoS};
use crate::model::topic::{TopicFilter, TopicName};
use gate::Gate;
use hops::RecentHops;

/// A handle to the broker; clones share it.
#[derive(Clone)]
pub struct Broker(Arc<Inner>);

struct Inner {
    /// Makes an in-process client of the broker.
    link: Box<Link>,
    publisher: Mutex<LinkTx>,
    gate: Gate,
    hops: Arc<RecentHops>,
    stop: CancellationToken,
    failed: CancellationToken,
    server: Mutex<Option<JoinHandle<()>>>,
}

type Link = dyn Fn(&str) -> Result<(LinkTx, LinkRx), BrokerError> + Send + Sync;

/// One function's subscription to one filter. Dropping it ends it.
pub struct Subscription {
    /// Keeps the link open.
    _sender: LinkTx,
    receiver: LinkRx,
    qos: QoS,
    hops: Arc<RecentHops>,
    failed: CancellationToken,
}

/// Why the broker did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Its thread has ended. The host ends as well, for its supervisor to start it anew.
    #[error("the MQTT broker has stopped")]
    Stopped,
    /// No port or no thread could be had.
    #[error("the MQTT broker cannot start: {0}")]
    Start(#[from] std::io::Error),
}

/// What the broker is doing.
#[derive(Debug, Serialize)]
pub struct Snapshot {
    /// Clients' connections, oldest first.
    pub connections: Vec<ConnectionSnapshot>,
}

/// One connection of a client.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionSnapshot {
    /// Where the client is.
    pub address: SocketAddr,
    /// Since when, as RFC 3339.
    pub connected: String,
}

/// In-process clients of functions, beside the connections.
const LINKS_MAX: usize = 4096;
/// Memory that the broker may keep of the messages on one topic filter, for subscribers that lag behind.
const SEGMENT_BYTES: usize = 256 * 1024;
const SEGMENTS: usize = 4;
/// Messages to one client that are not yet acknowledged.
const INFLIGHT_MAX: usize = 100;

impl Broker {
    /// Starts the broker; it takes clients once [`Broker::serve`] is called.
    pub fn start() -> Result<Broker, BrokerError> {
        // The embedded broker binds its listener itself and does not tell its port, so it is given a free one.
        let private_address = StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let router = Router::new(0, router_config()).spawn();
        let server = Server::new(
            server_settings(private_address),
            router.clone(),
            protocol::v4::V4,
        );
        let link = move |client: &str| {
            let builder = LinkBuilder::new(client, router.clone()).dynamic_filters(true);
            let linked = builder
                .build()
                .map(|(sender, receiver, _)| (sender, receiver));
            linked.map_err(|_| BrokerError::Stopped)
        };
        let (publisher, _) = link("tidegate")?;
        let (stop, failed) = (CancellationToken::new(), CancellationToken::new());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("mqtt-broker".to_owned())
            .spawn({
                let (stop, failed) = (stop.clone(), failed.clone());
                move || runtime.block_on(serve_privately(server, stop, failed))
            })?;
        Ok(Broker(Arc::new(Inner {
            link: Box::new(link),
            publisher: Mutex::new(publisher),
            gate: Gate::new(private_address),
            hops: Arc::default(),
            stop,
            failed,
            server: Mutex::new(Some(thread)),
        })))
    }

    /// Hands a message to the broker.
    pub async fn publish(&self, message: Message) -> Result<(), BrokerError> {
        self.0.hops.remember(&message);
        let publish = Publish::new(
            Bytes::from(message.topic.to_string()),
            message.payload,
            message.retain,
        );
        let mut publisher = self
            .0
            .publisher
            .lock()
            .expect("no holder of this lock panics");
        // The link's only asynchronous part is its signature: it appends to a buffer and wakes the router.
        let sent =
            futures_util::FutureExt::now_or_never(publisher.send(Packet::Publish(publish, None)));
        match sent {
            Some(Ok(_)) => Ok(()),
            _ => {
                self.0.failed.cancel();
                Err(BrokerError::Stopped)
            }
        }
    }

    /// Subscribes in the name of an in-process client. Retained messages come first. A subscriber that does not take
    /// its messages holds up nobody; the broker keeps some for it, up to its memory for the filter.
    pub async fn subscribe(
        &self,
        client: &str,
        filter: &TopicFilter,
        qos: QoS,
    ) -> Result<Subscription, BrokerError> {
        let (inner, client) = (self.0.clone(), client.to_owned());
        let linked = tokio::task::spawn_blocking(move || (inner.link)(&client)).await;
        let (mut sender, receiver) = linked.map_err(|_| BrokerError::Stopped)??;
        let filter = Filter {
            path: filter.to_string(),
            // Between the router and an in-process client nothing is lost, so that level 0 is enough.
            qos: protocol::QoS::AtMostOnce,
            nolocal: false,
            preserve_retain: true,
            retain_forward_rule: RetainForwardRule::OnEverySubscribe,
        };
        let subscribe = Packet::Subscribe(
            Subscribe {
                pkid: 1,
                filters: vec![filter],
            },
            None,
        );
        sender
            .send(subscribe)
            .await
            .map_err(|_| BrokerError::Stopped)?;
        Ok(Subscription {
            _sender: sender,
            receiver,
            qos,
            hops: self.0.hops.clone(),
            failed: self.0.failed.clone(),
        })
    }

    /// Serves clients that connect to this listener, until `stop`. Anonymous clients are taken from the own machine,
    /// from elsewhere only where the operator allows it.
    pub async fn serve(
        &self,
        listener: TcpListener,
        anonymous_from_anywhere: bool,
        stop: CancellationToken,
    ) {
        self.0
            .gate
            .serve(listener, anonymous_from_anywhere, stop)
            .await;
    }

    /// Where clients connect to, once they can.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.gate.address()
    }

    /// What the broker is doing.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            connections: self.0.gate.connections(),
        }
    }

    /// Ends when the broker has stopped by itself.
    pub async fn failed(&self) {
        self.0.failed.cancelled().await;
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.server.lock().ok().and_then(|mut server| server.take()) {
            // A panic of the broker's was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Subscription {
    /// The next message; none when the broker has stopped.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            match self.receiver.next().await {
                Ok(Some(Notification::Forward(forward))) => {
                    if let Some(message) = message_from(forward, self.qos) {
                        return Some(Message {
                            hops: self.hops.recall(&message),
                            ..message
                        });
                    }
                }
                Ok(Some(Notification::Unschedule)) => {
                    // The router stopped because this side was slow; it goes on when told.
                    if self.receiver.wake().await.is_err() {
                        break;
                    }
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        self.failed.cancel();
        None
    }
}

async fn serve_privately(
    mut server: Server<protocol::v4::V4>,
    stop: CancellationToken,
    failed: CancellationToken,
) {
    tokio::select! {
        () = stop.cancelled() => {}
        result = server.start(LinkType::Remote) => {
            tracing::error!(?result, "the MQTT broker has stopped");
            failed.cancel();
        }
    }
}

fn router_config() -> RouterConfig {
    RouterConfig {
        max_connections: MQTT_CONNECTIONS_MAX + LINKS_MAX,
        max_outgoing_packet_count: 200,
        max_segment_size: SEGMENT_BYTES,
        max_segment_count: SEGMENTS,
        ..RouterConfig::default()
    }
}

fn server_settings(listen: SocketAddr) -> ServerSettings {
    ServerSettings {
        name: "mqtt".to_owned(),
        listen,
        tls: None,
        next_connection_delay_ms: 0,
        connections: ConnectionSettings {
            connection_timeout_ms: u16::try_from(MQTT_CONNECT_TIMEOUT.as_millis())
                .unwrap_or(u16::MAX),
            max_payload_size: MQTT_PAYLOAD_BYTES_MAX + MQTT_TOPIC_BYTES_MAX + 16,
            max_inflight_count: INFLIGHT_MAX,
            auth: None,
            external_auth: None,
            // Without it, a message that nobody has subscribed to disconnects its publisher.
            dynamic_filters: true,
        },
    }
}

/// The message in a packet; none where its topic is one that a function could not have been given.
fn message_from(forward: Forward, qos: QoS) -> Option<Message> {
    let publish = forward.publish;
    let topic: TopicName = str::from_utf8(&publish.topic).ok()?.parse().ok()?;
    Some(Message {
        retain: publish.retain,
        ..Message::new(topic, publish.payload, qos)
    })
}
