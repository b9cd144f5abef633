//! The clients of a run: publishers, subscribers that come and go, a shared group, a keeper of retained messages, and one
//! whose subscriptions change all the time. Each has a persistent session and comes back after each crash.

mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_tests::raw_mqtt::Version;
use tidegate_tests::{MqttClient, QoS, SOON, eventually};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::mqtt_crash::chance::Chance;
use crate::mqtt_crash::device::{Command, Device, Inbox, Network, Outgoing, Presence, Subject};
use crate::mqtt_crash::ledger::{Ledger, Promise, TakerIndex};

/// What the publishers' topics match.
pub(crate) const FILTER: &str = "crash/#";
/// Topics of one publisher; each is in order by itself.
const TOPICS: u32 = 16;
/// Topics with a retained message.
const RETAINED_TOPICS: u32 = 8;
/// Messages that a publisher may be behind with before it gets no more to do.
const BEHIND_MAX: usize = 60;
/// Without any progress for this long, what has not come is lost.
const STANDSTILL: Duration = Duration::from_secs(10);

/// All clients and their books.
pub(crate) struct Fleet {
    pub(crate) ledger: Arc<Ledger>,
    chance: Chance,
    publishers: Vec<Publisher>,
    subscribers: Vec<Device>,
    takers: Vec<TakerIndex>,
    keeper: Device,
    retained: u32,
    fickle: Fickle,
}

struct Publisher {
    index: usize,
    qos: u8,
    device: Device,
}

/// A device that subscribes to a new filter or leaves an old one, again and again.
struct Fickle {
    device: Device,
    received: mpsc::UnboundedReceiver<(String, Vec<u8>)>,
    count: u32,
    subscribed: BTreeSet<String>,
}

impl Fleet {
    /// Clients that connect to wherever the broker is.
    pub(crate) fn new(chance: Chance, network: &Network) -> Fleet {
        let ledger = Arc::new(Ledger::default());
        let publisher = |(name, version, qos)| Publisher {
            index: ledger.add_publisher(qos),
            qos,
            device: Device::new(name, version, Inbox::Nobody, &ledger, network),
        };
        let publishers = [
            ("publisher-1-old", Version::V311, 1),
            ("publisher-2-old", Version::V311, 2),
            ("publisher-1-new", Version::V5, 1),
            ("publisher-2-new", Version::V5, 2),
        ];
        let publishers = publishers.map(publisher).into();

        let mut subscribers = Vec::new();
        let mut takers = Vec::new();
        for (names, version, filter, qos, promise) in [
            (
                &["reader-1-old"][..],
                Version::V311,
                FILTER,
                1,
                Promise::InOrder,
            ),
            (&["reader-1-new"], Version::V5, FILTER, 1, Promise::InOrder),
            (
                &["reader-2-old"],
                Version::V311,
                FILTER,
                2,
                Promise::ExactlyOnce,
            ),
            (
                &["reader-2-new"],
                Version::V5,
                FILTER,
                2,
                Promise::ExactlyOnce,
            ),
            (
                &["member-a", "member-b"],
                Version::V5,
                "$share/group/crash/#",
                1,
                Promise::AtLeastOnce,
            ),
        ] {
            let taker = ledger.add_taker(names[0], promise);
            takers.push(taker);
            for name in names {
                let device = Device::new(name, version, Inbox::Taker(taker), &ledger, network);
                device.ask(Command::Subscribe(filter.to_owned(), qos));
                subscribers.push(device);
            }
        }
        Fleet {
            keeper: Device::new("keeper", Version::V5, Inbox::Nobody, &ledger, network),
            fickle: Fickle::new(&ledger, network),
            ledger,
            chance,
            publishers,
            subscribers,
            takers,
            retained: 0,
        }
    }

    /// Waits until all are connected to a broker that is there, and every subscription stands.
    pub(crate) async fn arrive(&self) {
        for device in self.devices() {
            device.be(Presence::Here);
        }
        for subscriber in &self.subscribers {
            if timeout(SOON, subscriber.idle()).await.is_err() {
                let fault = "a subscription is not acknowledged".to_owned();
                self.ledger.fault(fault);
            }
        }
    }

    /// Publishes for this time, with subscribers that go and come back.
    pub(crate) async fn load(&mut self, duration: Duration) {
        const STEP: Duration = Duration::from_millis(3);
        let end = Instant::now() + duration;
        while Instant::now() < end {
            match self.chance.below(100) {
                0..80 => {
                    let publisher = self.chance.below(self.publishers.len() as u64);
                    let count = 1 + self.chance.below(8);
                    self.publish(publisher as usize, count);
                }
                80..88 => self.retain(),
                88..90 => self.fickle.change(&mut self.chance),
                _ => {
                    let one = self.chance.below(self.subscribers.len() as u64);
                    let device = &self.subscribers[one as usize];
                    device.be(device.presence().other());
                }
            }
            // Not to wait for something: it paces the load.
            tokio::time::sleep(STEP).await;
        }
    }

    /// Waits until all that was published is acknowledged and has come, or nothing moves any more.
    pub(crate) async fn settle(&mut self, address: SocketAddr) {
        self.arrive().await;
        for device in self.devices() {
            if timeout(SOON, device.idle()).await.is_err() {
                let fault = format!("{} commands are never acknowledged", device.unfinished());
                self.ledger.fault(fault);
            }
        }
        self.received().await;
        self.check_retained(address).await;
        self.fickle.check(address, &self.ledger).await;
    }

    /// Waits until every subscriber has had everything, or nothing comes any more.
    async fn received(&self) {
        let mut seen = (self.ledger.deliveries(), Instant::now());
        eventually("the rest comes, or nothing", 10 * SOON, async || {
            let deliveries = self.ledger.deliveries();
            if deliveries != seen.0 {
                seen = (deliveries, Instant::now());
            }
            let is_over = self.ledger.is_complete(&self.takers) || seen.1.elapsed() > STANDSTILL;
            is_over.then_some(())
        })
        .await;
    }

    fn devices(&self) -> impl Iterator<Item = &Device> {
        let publishers = self.publishers.iter().map(|publisher| &publisher.device);
        publishers
            .chain(&self.subscribers)
            .chain([&self.keeper, &self.fickle.device])
    }

    fn publish(&mut self, publisher: usize, count: u64) {
        let publisher = &self.publishers[publisher];
        if publisher.device.unfinished() > BEHIND_MAX {
            return;
        }
        for _ in 0..count {
            let id = self.ledger.publish(publisher.index);
            let padding = self.chance.below(200) as usize;
            publisher.device.ask(Command::Publish(Outgoing {
                topic: format!("crash/{}/{}", id.publisher, id.number % TOPICS),
                payload: format!("{id} {:padding$}", "").into_bytes(),
                qos: publisher.qos,
                subject: Subject::Message(id),
            }));
        }
    }

    fn retain(&mut self) {
        if self.keeper.unfinished() > BEHIND_MAX {
            return;
        }
        self.retained += 1;
        let topic = format!("kept/{}", self.chance.below(RETAINED_TOPICS.into()));
        let value = (self.chance.below(4) > 0).then_some(self.retained);
        let position = self.ledger.retain(&topic, value);
        let payload = value.map(|value| value.to_string()).unwrap_or_default();
        self.keeper.ask(Command::Publish(Outgoing {
            topic,
            payload: payload.into_bytes(),
            qos: 1 + (self.retained % 2) as u8,
            subject: Subject::Retained(position),
        }));
    }

    /// Asks for what is retained; before anybody goes on with what was not acknowledged, or in the end.
    pub(crate) async fn check_retained(&self, address: SocketAddr) {
        let mut client = MqttClient::connect(address, "inspector").await;
        client.subscribe("kept/#", QoS::AtLeastOnce).await;
        // What is retained comes before anything else that matches.
        client.publish("kept/end", "", QoS::AtLeastOnce).await;
        let mut found = BTreeMap::new();
        loop {
            let message = client.next_message().await;
            if message.topic == "kept/end" {
                break;
            }
            let value = message.text().parse().expect("a number");
            found.insert(message.topic, value);
        }
        client.disconnect().await;
        self.ledger.check_retained(&found);
    }
}

impl Fickle {
    fn new(ledger: &Arc<Ledger>, network: &Network) -> Fickle {
        let (sender, received) = mpsc::unbounded_channel();
        let device = Device::new(
            "fickle",
            Version::V5,
            Inbox::Channel(sender),
            ledger,
            network,
        );
        device.ask(Command::Subscribe("fickle/end".to_owned(), 1));
        Fickle {
            device,
            received,
            count: 0,
            subscribed: BTreeSet::new(),
        }
    }

    /// Subscribes to a new filter or, as often, leaves one.
    fn change(&mut self, chance: &mut Chance) {
        let one = chance.below(1 + self.subscribed.len() as u64) as usize;
        let left = self.subscribed.iter().nth(one).cloned();
        if let Some(filter) = left.filter(|_| chance.below(2) == 0) {
            self.subscribed.remove(&filter);
            self.device.ask(Command::Unsubscribe(filter));
            return;
        }
        // A session may have so many, and not more.
        if self.count < 900 {
            let filter = format!("fickle/{}", self.count);
            self.count += 1;
            self.subscribed.insert(filter.clone());
            self.device.ask(Command::Subscribe(filter, 1));
        }
    }

    /// Publishes to every filter there ever was, and expects those that are subscribed to.
    async fn check(&mut self, address: SocketAddr, ledger: &Ledger) {
        let client = MqttClient::connect(address, "prober").await;
        for number in 0..self.count {
            let topic = format!("fickle/{number}");
            client.publish(&topic, "x", QoS::AtLeastOnce).await;
        }
        client.publish("fickle/end", "x", QoS::AtLeastOnce).await;
        let mut came = BTreeSet::new();
        while let Ok(Some((topic, _))) = timeout(SOON, self.received.recv()).await {
            if topic == "fickle/end" {
                break;
            }
            came.insert(topic);
        }
        if came != self.subscribed {
            let wrong: Vec<_> = came.symmetric_difference(&self.subscribed).collect();
            ledger.fault(format!("subscriptions are not as acknowledged: {wrong:?}"));
        }
        client.disconnect().await;
    }
}
