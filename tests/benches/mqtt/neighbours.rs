//! How long messages take through a function that does its work, while another one does harm.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tidegate_tests::frames::{self, Lasting, Publish};
use tidegate_tests::raw_mqtt::Version;
use tidegate_tests::{TestHost, artifacts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

use crate::flow::connect;

const VERSION: Version = Version::V311;
/// Messages for the neighbour are this far apart.
const EVERY: Duration = Duration::from_millis(4);
/// For the other one: so many of the neighbour's messages for one of its own.
const HARM_EVERY: u32 = 8;
const TOPICS: u32 = 8;
const WARM_UP: Duration = Duration::from_secs(2);

/// What the other function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// There is none.
    Nobody,
    /// What it should.
    Good,
    /// One of the words of its configuration.
    Harm(&'static str),
}

impl Beside {
    pub(crate) const ALL: [Beside; 7] = [
        Beside::Nobody,
        Beside::Good,
        Beside::Harm("fails"),
        Beside::Harm("traps"),
        Beside::Harm("spins"),
        Beside::Harm("hangs"),
        Beside::Harm("leaks"),
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Beside::Nobody => "alone",
            Beside::Good => "beside one that works",
            Beside::Harm("fails") => "beside one that fails",
            Beside::Harm("traps") => "beside one that traps",
            Beside::Harm("spins") => "beside one that computes forever",
            Beside::Harm("hangs") => "beside one that hangs",
            Beside::Harm(_) => "beside one that leaks memory",
        }
    }
}

/// Times from PUBLISH until what the function publishes in turn has come, in order of length.
pub(crate) async fn measure(beside: Beside, span: Duration) -> Vec<Duration> {
    let host = TestHost::start().await;
    let admin = host.admin();
    let relay = artifacts::guest("mqtt_relay");
    admin.deployed("good", relay, "topic=good/%23").await;
    let harm = match beside {
        Beside::Nobody => None,
        Beside::Good => Some("none"),
        Beside::Harm(harm) => Some(harm),
    };
    if let Some(harm) = harm {
        let manifest = format!("[[mqtt]]\ntopic = \"harm/#\"\n[config]\nharm = \"{harm}\"\n");
        let component = artifacts::guest("mqtt_harms");
        admin.deployed_with("other", component, &manifest).await;
    }
    let mut latencies = run(host.mqtt_address(), span).await;
    latencies.sort_unstable();
    latencies
}

async fn run(address: SocketAddr, span: Duration) -> Vec<Duration> {
    let mut stream = subscribed(address).await;
    let (mut reader, mut writer) = stream.split();
    let mut tick = interval(EVERY);
    // What is late is late: the next message is due at its time all the same.
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut incoming, mut outgoing) = (Vec::new(), Vec::new());
    let (start, mut sent, mut latencies) = (Instant::now(), 0_u32, Vec::new());
    while start.elapsed() < WARM_UP + span {
        tokio::select! {
            due = tick.tick() => {
                let due = due.into_std() - start;
                message(&mut outgoing, &format!("good/{}", sent % TOPICS), due);
                if sent % HARM_EVERY == 0 {
                    message(&mut outgoing, &format!("harm/{}", sent / HARM_EVERY % TOPICS), due);
                }
                sent += 1;
                writer.write_all(&outgoing).await.expect("the broker reads");
                outgoing.clear();
            }
            read = reader.read_buf(&mut incoming) => {
                assert!(read.expect("the broker writes") > 0, "the broker has closed");
                let mut taken = 0;
                while let Some(frame) = frames::first_frame(&incoming[taken..]) {
                    taken += frame.length;
                    let payload = frame.delivery(VERSION).payload.try_into().expect("8 bytes");
                    let due = Duration::from_nanos(u64::from_le_bytes(payload));
                    if due > WARM_UP {
                        latencies.push(start.elapsed() - due);
                    }
                }
                incoming.drain(..taken);
            }
        }
    }
    latencies
}

/// A message that says when it was due. At QoS 0, so that the answer is all there is to wait for.
fn message(outgoing: &mut Vec<u8>, topic: &str, due: Duration) {
    let nanoseconds = u64::try_from(due.as_nanos()).expect("a short time");
    let message = Publish {
        topic,
        payload: &nanoseconds.to_le_bytes(),
        qos: 0,
        packet_id: 0,
        retain: false,
        dup: false,
    };
    frames::publish(outgoing, VERSION, &message);
}

async fn subscribed(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address, "watch", Lasting::Clean).await;
    let mut packet = Vec::new();
    frames::subscribe(&mut packet, VERSION, 1, "relayed/#", 0);
    stream.write_all(&packet).await.expect("the broker reads");
    let mut suback = [0; 5];
    stream.read_exact(&mut suback).await.expect("SUBACK");
    stream
}
