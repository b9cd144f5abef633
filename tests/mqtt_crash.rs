//! MQTT after crashes: whatever moment the host is killed at, what was acknowledged is neither lost nor, to a QoS 2
//! subscriber, delivered twice; sessions, subscriptions and retained messages are as they were acknowledged.
//!
//! `make crash` runs these tests with many more rounds. `CRASH_ROUNDS` and `CRASH_POINTS` say how many, `TEST_SEED`
//! repeats what a run printed as its seed, as far as the machine goes along.

mod chance;
pub(crate) mod device;
mod fleet;
pub(crate) mod functions;
pub(crate) mod ledger;
mod session;
mod strace;

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tempfile::TempDir;
use tidegate_tests::TestHost;
use tokio::sync::watch;

use chance::Chance;
use fleet::Fleet;
use functions::Functions;
use ledger::Verdict;
use strace::{Tampering, Traced};

/// How often something is to be done: as the environment says, or else this often.
fn count(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(count) => count
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is no number")),
        Err(_) => default,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kills_at_any_moment() {
    let (rounds, seed) = (count("CRASH_ROUNDS", 25), Chance::seed());
    eprintln!("{rounds} rounds with TEST_SEED={seed}");
    let mut moments = Chance::of(seed);
    let network = watch::Sender::new(None);
    let mut fleet = Fleet::new(Chance::of(seed + 1), &network.subscribe());
    let functions = Functions::new(&fleet.ledger);
    let mut host = TestHost::start().await;
    Functions::deploy(&host.admin()).await;
    for _ in 0..rounds {
        fleet.check_retained(host.mqtt_address()).await;
        network.send_replace(Some(host.mqtt_address()));
        fleet.arrive().await;
        let load = Duration::from_millis(100 + moments.below(300));
        fleet.load(load).await;
        host.kill9();
        network.send_replace(None);
        host.restart().await;
    }
    network.send_replace(Some(host.mqtt_address()));
    fleet.settle(host.mqtt_address()).await;
    let repeated = functions.settle(&host.admin(), &fleet.ledger).await;
    let verdict = fleet.ledger.verdict();
    eprintln!("{rounds} rounds: {verdict}; functions have handled {repeated} again");
    verdict.expect_none(&format!("TEST_SEED={seed}"));
}

/// A data directory of a host with the functions of a run, and nothing else.
async fn prepared() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    let mut host = TestHost::builder().data_dir(directory.path()).start().await;
    Functions::deploy(&host.admin()).await;
    host.terminate().await;
    directory
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("it can be copied");
        }
    }
}

/// What came of a script whose host was tampered with.
struct Point {
    verdict: Verdict,
    /// Whether the host has ended in the midst of it.
    was_killed: bool,
    /// Calls that the host has made.
    calls: u32,
}

/// Goes through the script with a host that ends somewhere on the way, and another one that takes over.
async fn script(prepared: &Path, tampering: Tampering) -> Point {
    let directory = TempDir::new().expect("a temporary directory");
    copy(prepared, directory.path());
    let network = watch::Sender::new(None);
    let mut fleet = Fleet::new(Chance::of(1), &network.subscribe());
    let functions = Functions::new(&fleet.ledger);
    let mut traced = Traced::start(directory.path(), &tampering);
    let restart = async || {
        network.send_replace(None);
        let host = TestHost::builder().data_dir(directory.path());
        let host = host.start().await;
        network.send_replace(Some(host.mqtt_address()));
        host
    };
    let taken_over = {
        let mut script = pin!(fleet.script());
        let mut take_over = pin!(async {
            network.send_replace(traced.ready().await);
            traced.ended().await;
            restart().await
        });
        tokio::select! {
            () = &mut script => None,
            host = &mut take_over => {
                script.await;
                Some(host)
            }
        }
    };
    let was_killed = taken_over.is_some();
    let calls = traced.kill9().await;
    let host = match taken_over {
        Some(host) => host,
        None => restart().await,
    };
    fleet.settle(host.mqtt_address()).await;
    functions.settle(&host.admin(), &fleet.ledger).await;
    Point {
        verdict: fleet.ledger.verdict(),
        was_killed,
        calls,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_at_any_write_or_sync() {
    const SIDE_BY_SIDE: usize = 2;
    let (points, seed) = (count("CRASH_POINTS", 10), Chance::seed());
    let prepared = prepared().await;
    let undisturbed = script(prepared.path(), Tampering::None).await;
    undisturbed.verdict.expect_none("without a kill");
    let calls = u64::from(undisturbed.calls);
    eprintln!("{points} of {calls} writes and syncs, with TEST_SEED={seed}");
    // Evenly spread, beginning anywhere, and each of them where there are more points than calls.
    let begin = Chance::of(seed).below(calls);
    let point = |number| 1 + (begin + number * calls.div_ceil(points)) % calls;
    let directory = prepared.path();
    let runs = (0..points).map(|number| async move {
        let at = u32::try_from(point(number)).expect("few calls");
        (at, script(directory, Tampering::KillAt(at)).await)
    });
    let runs: Vec<_> = stream::iter(runs).buffered(SIDE_BY_SIDE).collect().await;
    let killed = runs.iter().filter(|(_, run)| run.was_killed).count();
    for (at, run) in &runs {
        eprintln!("write or sync {at}: {}", run.verdict);
    }
    eprintln!("{killed} of {points} points were reached");
    for (at, run) in &runs {
        run.verdict
            .expect_none(&format!("killed at write or sync {at}"));
    }
    assert!(killed as u64 * 2 > points, "{killed} points were reached");
}
