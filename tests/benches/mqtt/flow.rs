//! Messages from publishers to subscribers, counted where they arrive.
//!
//! Publishers keep a window of unacknowledged messages, and run ahead of what has arrived by a bounded number: so no
//! broker has to drop anything, and what is measured is what gets through. All clients are tasks of one thread; what they
//! send is collected, so that many packets leave with one write.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tidegate_tests::frames::{self, Lasting, PUBACK, PUBCOMP, PUBREC, PUBREL, Publish};
use tidegate_tests::raw_mqtt::Version;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

/// The protocol version of all these clients: the one that every peer speaks.
const VERSION: Version = Version::V311;
/// Messages that a publisher may have sent and that are not acknowledged.
const WINDOW: u64 = 100;
/// Messages per publisher that may be under way to subscribers.
const AHEAD: u64 = 1000;
/// Messages that a publisher sends with one write at most.
const BATCH: u64 = 64;
const PAYLOAD: [u8; 64] = [b'x'; 64];
const WARM_UP: Duration = Duration::from_millis(500);
/// Without an arrival for this long, what is under way is lost.
const STANDSTILL: Duration = Duration::from_millis(500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Who sends to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// Groups with a topic of their own.
    pub(crate) groups: usize,
    /// Publishers of a group.
    pub(crate) publishers: usize,
    /// Subscribers of a group; each gets every message of the group.
    pub(crate) subscribers: usize,
    pub(crate) lasting: Lasting,
}

/// What came of one measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    /// Messages that arrived in a second.
    pub(crate) per_second: f64,
    /// Messages that never arrived, of all that were sent.
    pub(crate) lost: u64,
}

/// The clients of one topic.
struct Group {
    /// For its client ids; rumqttd takes none with a slash.
    name: String,
    topic: String,
    qos: u8,
    lasting: Lasting,
    sent: Cell<u64>,
    /// Arrivals at all subscribers together.
    arrived: Cell<u64>,
    subscribers: u64,
    ahead_max: u64,
    lost: Cell<u64>,
    room: Notify,
}

impl Group {
    /// Messages that may be sent now.
    fn room(&self) -> u64 {
        let under_way = self
            .sent
            .get()
            .saturating_sub(self.arrived.get() / self.subscribers);
        self.ahead_max.saturating_sub(under_way)
    }
}

/// Sends in this shape for this long.
pub(crate) async fn measure(address: SocketAddr, shape: Shape, qos: u8, span: Duration) -> Flow {
    let groups: Vec<Rc<Group>> = (0..shape.groups)
        .map(|number| Rc::new(Group::new(shape, qos, number)))
        .collect();
    let clients = LocalSet::new();
    clients
        .run_until(async {
            let mut tasks = JoinSet::new();
            for group in &groups {
                for number in 0..shape.subscribers {
                    let name = format!("{}-to-{number}", group.name);
                    let stream = subscribed(address, &name, group).await;
                    tasks.spawn_local(subscriber(stream, group.clone()));
                }
                tasks.spawn_local(watch(group.clone()));
            }
            for group in &groups {
                for number in 0..shape.publishers {
                    let name = format!("{}-from-{number}", group.name);
                    let stream = connect(address, &name, group.lasting).await;
                    tasks.spawn_local(publisher(stream, group.clone()));
                }
            }
            let arrived = || groups.iter().map(|group| group.arrived.get()).sum::<u64>();
            sleep(WARM_UP).await;
            let (before, start) = (arrived(), Instant::now());
            sleep(span).await;
            let per_second = (arrived() - before) as f64 / start.elapsed().as_secs_f64();
            let lost = groups.iter().map(|group| group.lost.get()).sum();
            Flow { per_second, lost }
        })
        .await
}

impl Group {
    fn new(shape: Shape, qos: u8, number: usize) -> Group {
        Group {
            name: format!("{}-{number}", shape.name),
            topic: format!("bench/{}/{number}", shape.name),
            qos,
            lasting: shape.lasting,
            sent: Cell::new(0),
            arrived: Cell::new(0),
            subscribers: shape.subscribers as u64,
            ahead_max: AHEAD * shape.publishers as u64,
            lost: Cell::new(0),
            room: Notify::new(),
        }
    }
}

/// A connection that the broker has accepted.
pub(crate) async fn connect(address: SocketAddr, client_id: &str, lasting: Lasting) -> TcpStream {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the broker listens");
    stream.set_nodelay(true).expect("a socket option");
    let mut hello = Vec::new();
    frames::connect(&mut hello, VERSION, client_id, lasting);
    stream.write_all(&hello).await.expect("the broker reads");
    let mut connack = [0; 4];
    let answer = timeout(CONNECT_TIMEOUT, stream.read_exact(&mut connack)).await;
    answer.expect("CONNACK in time").expect("CONNACK");
    assert_eq!(connack[3], 0, "the broker accepts");
    stream
}

async fn subscribed(address: SocketAddr, client_id: &str, group: &Group) -> TcpStream {
    let mut stream = connect(address, client_id, group.lasting).await;
    let mut packet = Vec::new();
    frames::subscribe(&mut packet, VERSION, 1, &group.topic, group.qos);
    stream.write_all(&packet).await.expect("the broker reads");
    let mut suback = [0; 5];
    let answer = timeout(CONNECT_TIMEOUT, stream.read_exact(&mut suback)).await;
    answer.expect("SUBACK in time").expect("SUBACK");
    assert_eq!(suback[4], group.qos, "the broker grants the level");
    stream
}

async fn subscriber(mut stream: TcpStream, group: Rc<Group>) -> io::Result<()> {
    let (mut reader, mut writer) = stream.split();
    let mut incoming = Vec::with_capacity(64 << 10);
    let mut outgoing = Vec::new();
    loop {
        tokio::select! {
            read = reader.read_buf(&mut incoming) => {
                if read? == 0 {
                    return Ok(());
                }
                let arrived = take(&mut incoming, &mut outgoing);
                if arrived > 0 {
                    group.arrived.set(group.arrived.get() + arrived);
                    group.room.notify_waiters();
                }
            }
            written = writer.write(&outgoing), if !outgoing.is_empty() => {
                outgoing.drain(..written?);
            }
        }
    }
}

/// Takes what has come to a subscriber and answers it. Gives the number of messages.
fn take(incoming: &mut Vec<u8>, outgoing: &mut Vec<u8>) -> u64 {
    let (mut taken, mut arrived) = (0, 0);
    while let Some(frame) = frames::first_frame(&incoming[taken..]) {
        taken += frame.length;
        if frame.first == PUBREL {
            frames::acknowledge(outgoing, PUBCOMP, frame.packet_id());
            continue;
        }
        let delivery = frame.delivery(VERSION);
        arrived += 1;
        match delivery.qos {
            0 => {}
            1 => frames::acknowledge(outgoing, PUBACK, delivery.packet_id),
            _ => frames::acknowledge(outgoing, PUBREC, delivery.packet_id),
        }
    }
    incoming.drain(..taken);
    arrived
}

async fn publisher(mut stream: TcpStream, group: Rc<Group>) -> io::Result<()> {
    let (mut reader, mut writer) = stream.split();
    let mut incoming = Vec::with_capacity(16 << 10);
    let mut outgoing = Vec::new();
    let mut source = Source::new(&group.topic, group.qos);
    loop {
        if outgoing.is_empty() {
            let count = source.room().min(group.room()).min(BATCH);
            source.publish(count, &mut outgoing);
            group.sent.set(group.sent.get() + count);
        }
        tokio::select! {
            read = reader.read_buf(&mut incoming), if group.qos > 0 => {
                if read? == 0 {
                    return Ok(());
                }
                source.answered(&mut incoming, &mut outgoing);
            }
            written = writer.write(&outgoing), if !outgoing.is_empty() => {
                outgoing.drain(..written?);
                // So that others have their turn, though this socket could always take more.
                tokio::task::yield_now().await;
            }
            () = group.room.notified(), if outgoing.is_empty() => {}
        }
    }
}

/// The messages of one publisher, all alike but for their packet ids.
struct Source {
    qos: u8,
    packet: Vec<u8>,
    /// Where the packet id is.
    id_at: usize,
    packet_id: u16,
    in_flight: u64,
}

impl Source {
    fn new(topic: &str, qos: u8) -> Source {
        let mut packet = Vec::new();
        let message = Publish {
            topic,
            payload: &PAYLOAD,
            qos,
            packet_id: 0,
            retain: false,
            dup: false,
        };
        frames::publish(&mut packet, VERSION, &message);
        Source {
            qos,
            id_at: packet.len() - PAYLOAD.len() - 2,
            packet,
            packet_id: 0,
            in_flight: 0,
        }
    }

    fn room(&self) -> u64 {
        if self.qos == 0 {
            BATCH
        } else {
            WINDOW - self.in_flight
        }
    }

    fn publish(&mut self, count: u64, outgoing: &mut Vec<u8>) {
        for _ in 0..count {
            let at = outgoing.len() + self.id_at;
            outgoing.extend_from_slice(&self.packet);
            if self.qos > 0 {
                self.packet_id = self.packet_id % u16::MAX + 1;
                outgoing[at..at + 2].copy_from_slice(&self.packet_id.to_be_bytes());
            }
        }
        if self.qos > 0 {
            self.in_flight += count;
        }
    }

    fn answered(&mut self, incoming: &mut Vec<u8>, outgoing: &mut Vec<u8>) {
        let mut taken = 0;
        while let Some(frame) = frames::first_frame(&incoming[taken..]) {
            taken += frame.length;
            match frame.first {
                PUBREC => frames::acknowledge(outgoing, PUBREL, frame.packet_id()),
                _ => self.in_flight -= 1,
            }
        }
        incoming.drain(..taken);
    }
}

/// Counts what is under way as lost when nothing arrives any more, so that publishers go on.
async fn watch(group: Rc<Group>) -> io::Result<()> {
    let mut seen = 0;
    loop {
        sleep(STANDSTILL).await;
        let arrived = group.arrived.get();
        let due = group.sent.get() * group.subscribers;
        if arrived == seen && due > arrived {
            group.lost.set(group.lost.get() + due - arrived);
            group.arrived.set(due);
            group.room.notify_waiters();
        }
        seen = group.arrived.get();
    }
}
