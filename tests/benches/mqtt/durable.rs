//! QoS 1 into a function: what is acknowledged was handled or is on disk.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tidegate_tests::frames::{self, Lasting, Publish};
use tidegate_tests::raw_mqtt::Version;
use tidegate_tests::{TestHost, artifacts, process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{interval, sleep};

use crate::flow::connect;

const PUBLISHERS: usize = 8;
/// Messages of a publisher that are not acknowledged.
const WINDOW: usize = 200;
/// Topics of a publisher: a function handles each topic's messages one after the other.
const TOPICS: usize = 32;
const PAYLOAD: [u8; 64] = [b'x'; 64];
const WARM_UP: Duration = Duration::from_secs(1);
/// What a slow function takes for a message: longer than any window for handling before the disk is written.
const SLOW_MS: u64 = 50;

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Durable {
    /// Acknowledged messages in a second.
    pub(crate) per_second: f64,
    /// Time from the moment at which a message was due to be sent until its acknowledgement, at half of that rate.
    pub(crate) p50: Duration,
    /// The same, for 99 in 100.
    pub(crate) p99: Duration,
    /// Bytes written to disk per message.
    pub(crate) bytes: f64,
    /// Acknowledged messages in a second, of a function that is so slow that each goes to disk first.
    pub(crate) slow_per_second: f64,
    /// Bytes written per message, then.
    pub(crate) slow_bytes: f64,
}

/// How fast publishers send.
#[derive(Clone, Copy)]
enum Pace {
    /// As fast as their windows allow.
    Full,
    /// So many a second in all.
    PerSecond(f64),
}

struct Measured {
    per_second: f64,
    bytes: f64,
    latencies: Vec<Duration>,
}

/// Measures both functions, on a host of their own.
pub(crate) async fn measure(span: Duration) -> Durable {
    let host = TestHost::start().await;
    let admin = host.admin();
    for (name, works_ms) in [("quick", 0), ("slow", SLOW_MS)] {
        let manifest = format!(
            "[[mqtt]]\ntopic = \"{name}/#\"\n[limits]\nconcurrency = 64\n[config]\n{}",
            if works_ms > 0 {
                format!("works_ms = \"{works_ms}\"")
            } else {
                String::new()
            }
        );
        let component = artifacts::guest("mqtt_works");
        admin.deployed_with(name, component, &manifest).await;
    }
    let full = run(&host, "quick", Pace::Full, span).await;
    let half = run(&host, "quick", Pace::PerSecond(full.per_second / 2.0), span).await;
    let slow = run(&host, "slow", Pace::Full, span).await;
    let mut latencies = half.latencies;
    latencies.sort_unstable();
    let quantile = |hundredth: usize| {
        let at = latencies.len() * hundredth / 100;
        latencies.get(at).copied().unwrap_or_default()
    };
    Durable {
        per_second: full.per_second,
        p50: quantile(50),
        p99: quantile(99),
        bytes: full.bytes,
        slow_per_second: slow.per_second,
        slow_bytes: slow.bytes,
    }
}

async fn run(host: &TestHost, function: &'static str, pace: Pace, span: Duration) -> Measured {
    let latencies = Rc::new(RefCell::new(Vec::new()));
    let clients = LocalSet::new();
    clients
        .run_until(async {
            let mut tasks = JoinSet::new();
            for number in 0..PUBLISHERS {
                let address = host.mqtt_address();
                let latencies = latencies.clone();
                tasks.spawn_local(publisher(address, function, number, pace, latencies));
            }
            sleep(WARM_UP).await;
            latencies.borrow_mut().clear();
            let (written, start) = (process::written_bytes(host.process_id()), Instant::now());
            sleep(span).await;
            let elapsed = start.elapsed();
            let latencies = std::mem::take(&mut *latencies.borrow_mut());
            let count = latencies.len().max(1) as f64;
            let written = process::written_bytes(host.process_id()) - written;
            Measured {
                per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
                bytes: written as f64 / count,
                latencies,
            }
        })
        .await
}

async fn publisher(
    address: SocketAddr,
    function: &'static str,
    number: usize,
    pace: Pace,
    latencies: Rc<RefCell<Vec<Duration>>>,
) -> io::Result<()> {
    let client_id = format!("{function}-{number}");
    let mut stream = connect(address, &client_id, Lasting::Clean).await;
    let topics: Vec<_> = (0..TOPICS)
        .map(|topic| format!("{function}/{number}/{topic}"))
        .collect();
    let mut clock = Clock::new(pace);
    let mut tick = interval(Duration::from_millis(1));
    let (mut incoming, mut outgoing) = (Vec::new(), Vec::new());
    // When each message that is not acknowledged was due, in the order of their packet ids.
    let mut waiting = VecDeque::new();
    let mut sent = 0_usize;
    let (mut reader, mut writer) = TcpStream::split(&mut stream);
    loop {
        while waiting.len() < WINDOW
            && let Some(due) = clock.next()
        {
            let message = Publish {
                topic: &topics[sent % TOPICS],
                payload: &PAYLOAD,
                qos: 1,
                packet_id: (sent % usize::from(u16::MAX)) as u16 + 1,
                retain: false,
                dup: false,
            };
            frames::publish(&mut outgoing, Version::V311, &message);
            waiting.push_back(due);
            sent += 1;
        }
        tokio::select! {
            read = reader.read_buf(&mut incoming) => {
                if read? == 0 {
                    return Ok(());
                }
                let mut taken = 0;
                while let Some(frame) = frames::first_frame(&incoming[taken..]) {
                    taken += frame.length;
                    let due: Instant = waiting.pop_front().expect("it was sent");
                    latencies.borrow_mut().push(due.elapsed());
                }
                incoming.drain(..taken);
            }
            written = writer.write(&outgoing), if !outgoing.is_empty() => {
                outgoing.drain(..written?);
            }
            _ = tick.tick(), if matches!(pace, Pace::PerSecond(_)) => {}
        }
    }
}

/// When the messages of one publisher are due.
struct Clock {
    pace: Pace,
    start: Instant,
    given: u32,
}

impl Clock {
    fn new(pace: Pace) -> Clock {
        Clock {
            pace,
            start: Instant::now(),
            given: 0,
        }
    }

    /// The time at which the next message was due, if it is due by now.
    fn next(&mut self) -> Option<Instant> {
        let Pace::PerSecond(rate) = self.pace else {
            return Some(Instant::now());
        };
        let interval = PUBLISHERS as f64 / rate;
        let due = self.start + Duration::from_secs_f64(interval * f64::from(self.given));
        if due > Instant::now() {
            return None;
        }
        self.given += 1;
        Some(due)
    }
}
