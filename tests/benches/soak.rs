//! Mixed load for a while, with clients that come and go, messages that functions handle, sessions that wait and retained
//! messages that change: the host's memory is to stay flat.
//!
//! `make soak` runs it. `SOAK_SECONDS` says for how long, 600 where it says nothing. It fails if the memory has grown by a
//! tenth after the warm-up, or a client had an error.

#[path = "soak/client.rs"]
mod client;
#[path = "soak/load.rs"]
mod load;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tidegate_tests::{TestHost, artifacts, process};
use tokio::time::sleep;

use load::Counts;

/// The share of the whole time after which memory is to be flat: pools and caches are filled by then.
const WARM_UP: f64 = 0.2;
/// The share of the whole time that is averaged at the beginning, after the warm-up, and at the end.
const WINDOW: f64 = 0.15;
const GROWTH_MAX: f64 = 0.1;
const SAMPLES: u32 = 120;

#[tokio::main]
async fn main() -> ExitCode {
    let seconds = match std::env::var("SOAK_SECONDS") {
        Ok(text) => text.parse().expect("SOAK_SECONDS is a number"),
        Err(_) => 600.0,
    };
    let span = Duration::from_secs_f64(seconds);
    let host = TestHost::start().await;
    host.admin()
        .deployed_with(
            "works",
            artifacts::guest("mqtt_works"),
            "[[mqtt]]\ntopic = \"soak/steady/1/#\"",
        )
        .await;
    println!("{seconds} s of mixed load");
    let counts = Arc::new(Counts::default());
    let clients = load::start(host.mqtt_address(), &counts);
    let samples = watch(&host, &counts, span).await;
    drop(clients);
    summary(&counts, &samples, span)
}

/// Looks at the host's memory at intervals.
async fn watch(host: &TestHost, counts: &Counts, span: Duration) -> Vec<u64> {
    let (start, mut samples) = (Instant::now(), Vec::new());
    while start.elapsed() < span {
        sleep(span / SAMPLES).await;
        let memory = process::memory_bytes(host.process_id());
        samples.push(memory);
        if samples.len() % 10 == 0 {
            println!(
                "{:>6.0} s {:>8.1} MiB {:>12} messages published {:>9} connections {:>4} errors",
                start.elapsed().as_secs_f64(),
                mebibytes(memory as f64),
                count(&counts.published),
                count(&counts.connections),
                count(&counts.errors)
            );
        }
    }
    samples
}

fn summary(counts: &Counts, samples: &[u64], span: Duration) -> ExitCode {
    let at = |share: f64| (samples.len() as f64 * share) as usize;
    let mean = |samples: &[u64]| samples.iter().sum::<u64>() as f64 / samples.len() as f64;
    let early = mean(&samples[at(WARM_UP)..at(WARM_UP + WINDOW)]);
    let late = mean(&samples[at(1.0 - WINDOW)..]);
    let growth = late / early - 1.0;
    println!(
        "{} messages published, {} received, {} connections, {} errors in {span:?}",
        count(&counts.published),
        count(&counts.received),
        count(&counts.connections),
        count(&counts.errors)
    );
    println!(
        "memory after the warm-up {:.1} MiB, at the end {:.1} MiB: {:+.1} %",
        mebibytes(early),
        mebibytes(late),
        growth * 100.0
    );
    if growth < GROWTH_MAX && count(&counts.errors) == 0 {
        ExitCode::SUCCESS
    } else {
        println!(
            "failed: the memory may grow by {:.0} %, without errors",
            GROWTH_MAX * 100.0
        );
        ExitCode::FAILURE
    }
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn mebibytes(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}
