//! The mixed load: what stays, what comes and goes, what sleeps, and what is retained.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tidegate_tests::frames::{Lasting, Publish};
use tidegate_tests::raw_mqtt::Version;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::Client;

const VERSIONS: [Version; 2] = [Version::V311, Version::V5];
/// Messages that a steady publisher sends at once, and how often.
const BATCH: usize = 10;
const BATCH_INTERVAL: Duration = Duration::from_millis(20);
const VISITORS: usize = 8;
const SLEEPERS: usize = 4;
/// How long a sleeper is there, and as long away.
const SLEEPER_INTERVAL: Duration = Duration::from_secs(2);
const RETAINED_TOPICS: u64 = 1000;

/// What has happened so far.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) published: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) errors: AtomicU64,
}

/// Starts all clients; they go on until they are dropped.
pub(crate) fn start(address: SocketAddr, counts: &Arc<Counts>) -> JoinSet<()> {
    let load = Load {
        address,
        counts: counts.clone(),
    };
    let mut tasks = JoinSet::new();
    for (number, version) in VERSIONS.into_iter().enumerate() {
        for qos in 0..=2 {
            tasks.spawn(again(load.clone(), move |load| {
                steady_publisher(load, version, qos)
            }));
        }
        tasks.spawn(again(load.clone(), move |load| {
            steady_subscriber(load, version, number)
        }));
        tasks.spawn(again(load.clone(), move |load| keeper(load, version)));
    }
    for number in 0..VISITORS {
        tasks.spawn(again(load.clone(), move |load| visitor(load, number)));
    }
    for number in 0..SLEEPERS {
        tasks.spawn(again(load.clone(), move |load| sleeper(load, number)));
    }
    tasks
}

#[derive(Clone)]
struct Load {
    address: SocketAddr,
    counts: Arc<Counts>,
}

/// Does the same again and again. An error is counted: nothing here is meant to fail.
async fn again<F>(load: Load, client: impl Fn(Load) -> F)
where
    F: Future<Output = io::Result<()>>,
{
    loop {
        if client(load.clone()).await.is_err() {
            load.counts.errors.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Load {
    async fn connect(&self, version: Version, name: &str, lasting: Lasting) -> io::Result<Client> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        self.counts.connections.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}-{version:?}");
        Client::connect(Box::new(stream), version, &name, lasting).await
    }

    async fn publish(
        &self,
        client: &mut Client,
        topic: &str,
        qos: u8,
        count: usize,
    ) -> io::Result<()> {
        let message = Publish {
            topic,
            payload: &[b'x'; 100],
            qos,
            packet_id: 0,
            retain: false,
            dup: false,
        };
        client.publish(message, count).await?;
        self.counts
            .published
            .fetch_add(count as u64, Ordering::Relaxed);
        Ok(())
    }

    fn received(&self, client: &Client) {
        self.counts
            .received
            .fetch_add(client.received, Ordering::Relaxed);
    }
}

/// Publishes at a constant rate.
async fn steady_publisher(load: Load, version: Version, qos: u8) -> io::Result<()> {
    let name = format!("steady-publisher-{qos}");
    let mut client = load.connect(version, &name, Lasting::Clean).await?;
    for number in 0_u64.. {
        let topic = format!("soak/steady/{qos}/{}", number % 100);
        load.publish(&mut client, &topic, qos, BATCH).await?;
        sleep(BATCH_INTERVAL).await;
    }
    Ok(())
}

async fn steady_subscriber(load: Load, version: Version, number: usize) -> io::Result<()> {
    let name = format!("steady-subscriber-{number}");
    let mut client = load.connect(version, &name, Lasting::Clean).await?;
    client.subscribe("soak/steady/#", 2).await?;
    for expected in (1000..).step_by(1000) {
        client.receive_until(expected).await?;
        load.counts.received.fetch_add(1000, Ordering::Relaxed);
    }
    Ok(())
}

/// Comes, subscribes to a topic that nobody had before, publishes to it, and goes: as it should, or not.
async fn visitor(load: Load, number: usize) -> io::Result<()> {
    for round in 0_u64.. {
        let version = VERSIONS[(round % 2) as usize];
        let name = format!("visitor-{number}");
        let lasting = if round % 4 < 3 {
            Lasting::Clean
        } else {
            Lasting::Session
        };
        let mut client = load.connect(version, &name, lasting).await?;
        let topic = format!("soak/visit/{number}/{round}");
        client.subscribe(&topic, (round % 3) as u8).await?;
        load.publish(&mut client, &topic, 1, 5).await?;
        client.receive_until(5).await?;
        load.received(&client);
        if round % 3 > 0 {
            client.disconnect().await?;
        }
    }
    Ok(())
}

/// Has a session that is kept, and is away for half of the time.
async fn sleeper(load: Load, number: usize) -> io::Result<()> {
    let version = VERSIONS[number % 2];
    let name = format!("sleeper-{number}");
    loop {
        let mut client = load.connect(version, &name, Lasting::Session).await?;
        client.subscribe("soak/steady/1/#", 1).await?;
        // It takes what comes until its time is over.
        if let Ok(received) = timeout(SLEEPER_INTERVAL, client.receive()).await {
            received?;
        }
        load.received(&client);
        drop(client);
        sleep(SLEEPER_INTERVAL).await;
    }
}

/// Sets and clears retained messages.
async fn keeper(load: Load, version: Version) -> io::Result<()> {
    let mut client = load.connect(version, "keeper", Lasting::Clean).await?;
    for number in 0_u64.. {
        let topic = format!("soak/kept/{version:?}/{}", number % RETAINED_TOPICS);
        let payload: &[u8] = if number % 3 == 0 { b"" } else { &[b'r'; 200] };
        let message = Publish {
            topic: &topic,
            payload,
            qos: (number % 2) as u8 + 1,
            packet_id: 0,
            retain: true,
            dup: false,
        };
        client.publish(message, 1).await?;
        load.counts.published.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
