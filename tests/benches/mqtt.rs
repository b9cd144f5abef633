//! The broker beside others, in one run on one machine: Mosquitto as Debian has it, rumqttd, and what the load generator
//! itself could do at most.
//!
//! `make bench` runs it. Each case is measured in turns, one broker after the other and again, and the median is shown.
//! `BENCH_SECONDS` says how long one measurement takes, `BENCH_ROUNDS` how many there are, `BENCH_ONLY` which cases: those
//! whose name has this text.

#[path = "mqtt/connections.rs"]
mod connections;
#[path = "mqtt/durable.rs"]
mod durable;
#[path = "mqtt/flow.rs"]
mod flow;
#[path = "mqtt/mirror.rs"]
mod mirror;
#[path = "mqtt/neighbours.rs"]
mod neighbours;
#[path = "mqtt/peer.rs"]
mod peer;
#[path = "mqtt/table.rs"]
mod table;

use std::time::Duration;

use tidegate_tests::artifacts;
use tidegate_tests::frames::Lasting;

use flow::{Flow, Shape};
use neighbours::Beside;
use peer::Peer;
use table::{Median, Table};

const SHAPES: [Shape; 3] = [
    Shape {
        name: "fan-in",
        groups: 1,
        publishers: 4,
        subscribers: 1,
        lasting: Lasting::Clean,
    },
    Shape {
        name: "fan-out",
        groups: 1,
        publishers: 1,
        subscribers: 32,
        lasting: Lasting::Clean,
    },
    Shape {
        name: "pairs",
        groups: 4,
        publishers: 1,
        subscribers: 1,
        lasting: Lasting::Clean,
    },
];

/// What the environment asks for.
struct Plan {
    span: Duration,
    rounds: usize,
    only: String,
}

impl Plan {
    fn new() -> Plan {
        let number = |name: &str, default: f64| match std::env::var(name) {
            Ok(text) => text
                .parse()
                .unwrap_or_else(|_| panic!("{name} is a number")),
            Err(_) => default,
        };
        Plan {
            span: Duration::from_secs_f64(number("BENCH_SECONDS", 3.0)),
            rounds: number("BENCH_ROUNDS", 3.0) as usize,
            only: std::env::var("BENCH_ONLY").unwrap_or_default(),
        }
    }

    fn has(&self, case: &str) -> bool {
        case.contains(&self.only)
    }
}

fn main() {
    peer::serve_if_asked();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run(&Plan::new()));
}

async fn run(plan: &Plan) {
    println!(
        "{} rounds of {:?} each, medians; the host is {}",
        plan.rounds,
        plan.span,
        artifacts::host_binary().display()
    );
    let mut table = Table::new();
    for shape in SHAPES {
        for qos in 0..=2 {
            throughput(plan, &mut table, shape, qos).await;
        }
    }
    sessions(plan, &mut table).await;
    connects(plan, &mut table).await;
    idle(plan, &mut table).await;
    into_a_function(plan).await;
    beside_others(plan).await;
}

async fn throughput(plan: &Plan, table: &mut Table, shape: Shape, qos: u8) {
    let Shape {
        name,
        groups,
        publishers,
        subscribers,
        ..
    } = shape;
    let case = format!(
        "{name} {} to {}, QoS {qos}",
        groups * publishers,
        groups * subscribers
    );
    if !plan.has(&case) {
        return;
    }
    let mut medians = [const { Median::new() }; 4];
    let mut lost = [0; 4];
    for _ in 0..plan.rounds {
        for (column, peer) in Peer::ALL.into_iter().enumerate() {
            let broker = peer.start().await;
            let flow: Flow = flow::measure(broker.address, shape, qos, plan.span).await;
            medians[column].add(flow.per_second);
            lost[column] += flow.lost;
        }
    }
    table.row(&case, "messages/s", medians);
    for (peer, lost) in Peer::ALL.iter().zip(lost) {
        if lost > 0 {
            println!("    {} has lost {lost} of them", peer.name());
        }
    }
}

/// With sessions that are kept on disk, by those that keep them there.
async fn sessions(plan: &Plan, table: &mut Table) {
    let case = "pairs 4 to 4, QoS 1, sessions kept on disk";
    if !plan.has(case) {
        return;
    }
    let shape = Shape {
        lasting: Lasting::Session,
        ..SHAPES[2]
    };
    let mut medians = [const { Median::new() }; 4];
    for _ in 0..plan.rounds {
        for (column, peer) in Peer::ALL.into_iter().enumerate() {
            if let Some(broker) = peer.start_durable().await {
                let flow = flow::measure(broker.address, shape, 1, plan.span).await;
                medians[column].add(flow.per_second);
            }
        }
    }
    table.row(case, "messages/s", medians);
    println!("    (Mosquitto acknowledges at once and writes its database every 30 minutes)");
}

async fn connects(plan: &Plan, table: &mut Table) {
    let case = "connect and disconnect";
    if !plan.has(case) {
        return;
    }
    let mut medians = [const { Median::new() }; 4];
    for _ in 0..plan.rounds {
        for (column, peer) in Peer::ALL.into_iter().enumerate() {
            let broker = peer.start().await;
            medians[column].add(connections::rate(broker.address, plan.span).await);
        }
    }
    table.row(case, "clients/s", medians);
}

async fn idle(plan: &Plan, table: &mut Table) {
    let case = format!("memory of {} idle clients", connections::IDLE);
    if !plan.has(&case) {
        return;
    }
    let mut medians = [const { Median::new() }; 4];
    for (column, peer) in Peer::ALL.into_iter().enumerate() {
        let broker = peer.start().await;
        medians[column].add(connections::idle_bytes(broker.address, broker.process_id).await);
    }
    table.row(&case, "bytes each", medians);
}

async fn into_a_function(plan: &Plan) {
    if !plan.has("durable QoS 1 into a function") {
        return;
    }
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        rounds.push(durable::measure(plan.span).await);
    }
    let median = |value: fn(&durable::Durable) -> f64| {
        let mut median = Median::new();
        rounds.iter().for_each(|round| median.add(value(round)));
        median.value().unwrap_or_default()
    };
    println!("\ndurable QoS 1 into a function");
    println!(
        "  {:>12.0} messages/s acknowledged",
        median(|round| round.per_second)
    );
    println!(
        "  {:>12.2} ms from PUBLISH to PUBACK at half of that (p50), {:.2} ms (p99)",
        median(|round| round.p50.as_secs_f64() * 1e3),
        median(|round| round.p99.as_secs_f64() * 1e3)
    );
    println!(
        "  {:>12.0} bytes written per message",
        median(|round| round.bytes)
    );
    println!(
        "  {:>12.0} messages/s and {:.0} bytes per message into a function that takes its time",
        median(|round| round.slow_per_second),
        median(|round| round.slow_bytes)
    );
}

async fn beside_others(plan: &Plan) {
    if !plan.has("a function beside another one") {
        return;
    }
    println!(
        "\na function beside another one: from PUBLISH to its own message, p50, p99, and that by the p99 alone"
    );
    let mut medians = [const { (Median::new(), Median::new()) }; Beside::ALL.len()];
    for _ in 0..plan.rounds {
        for (beside, (p50, p99)) in Beside::ALL.into_iter().zip(&mut medians) {
            let latencies = neighbours::measure(beside, plan.span).await;
            let quantile = |hundredth: usize| {
                let at = latencies.len() * hundredth / 100;
                latencies
                    .get(at)
                    .map_or(f64::INFINITY, Duration::as_secs_f64)
            };
            p50.add(1e3 * quantile(50));
            p99.add(1e3 * quantile(99));
        }
    }
    let alone = medians[0].1.value().unwrap_or_default();
    for (beside, (p50, p99)) in Beside::ALL.iter().zip(&medians) {
        let [p50, p99] = [p50, p99].map(|median| median.value().unwrap_or_default());
        println!(
            "  {:34} {p50:>8.2} ms {p99:>8.2} ms {:>6.2}",
            beside.name(),
            p99 / alone
        );
    }
}
