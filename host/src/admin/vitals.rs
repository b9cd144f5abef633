//! The host's vitals, and whether it is well: one look at what there is now, for the dashboard, the live feed and
//! whoever asks.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use tidegate_broker::Broker;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::router::{AdminState, Host, Viewer};
use crate::limits::{DISK_LOW_BYTES, STORAGE_FAILURE_TOLD};
use crate::observe::log_line::rfc3339;
use crate::observe::process::ProcessFigures;
use crate::storage::database;

/// How often the host looks whether it is well.
const PERIOD: Duration = Duration::from_secs(2);

/// What the host has and uses at a moment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Vitals {
    /// When.
    pub(super) at: String,
    /// Seconds since the start.
    uptime_s: u64,
    /// Bytes of memory in use by the process.
    memory_bytes: u64,
    /// Processor time of the process since its start.
    cpu_seconds: f64,
    /// Invocations at present.
    in_flight: u32,
    /// Requests that wait for their invocations.
    queued: u32,
    /// Room for instances.
    pool: PoolVitals,
    /// Linear memories of all guests.
    guest_memory: GuestMemory,
    /// What is stored.
    storage: StorageVitals,
    /// The MQTT broker's; none where it is switched off.
    broker: Option<BrokerVitals>,
    /// Whether all is well.
    pub(super) health: Health,
}

/// Room for instances, in instances with one memory.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
struct PoolVitals {
    used: u32,
    capacity: u32,
}

/// Linear memories of all guests, in bytes.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
struct GuestMemory {
    bytes: u64,
    bytes_max: u64,
}

/// What is stored, in bytes.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
struct StorageVitals {
    /// Written to storage by this process since its start, as the kernel counts it: what wears flash.
    written_bytes: u64,
    /// The database, its log included.
    database_bytes: u64,
    /// Free where the data directory is.
    disk_free_bytes: u64,
}

/// The MQTT broker's vitals.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
struct BrokerVitals {
    clients: usize,
    sessions: usize,
    messages_received: u64,
    retained: usize,
    queued_bytes: usize,
    /// Messages that wait for functions.
    inbox_messages: usize,
    /// Messages that became dead letters since the start.
    dead_letters: u64,
    /// Whether the external broker is reached; none where there is none.
    external_connected: Option<bool>,
}

/// Whether all is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Health {
    /// `ok`, or `degraded` where there are problems.
    state: HealthState,
    /// What is wrong.
    problems: Vec<HealthProblem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum HealthState {
    Ok,
    Degraded,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct HealthProblem {
    /// A stable word.
    code: &'static str,
    /// What is wrong and what to do.
    detail: String,
}

/// `GET /vitals`
pub(super) async fn vitals(_: Viewer, State(host): Host) -> Json<Vitals> {
    Json(host.vitals())
}

impl AdminState {
    /// The vitals of this moment.
    pub(super) fn vitals(&self) -> Vitals {
        let process = ProcessFigures::now().unwrap_or_default();
        let (mut in_flight, mut queued) = (0, 0);
        for function in self.tables.current().functions() {
            let (running, waiting) = function.admission.figures();
            in_flight += running;
            queued += waiting;
        }
        let pools = self.invoker.pools();
        let pool = PoolVitals {
            used: pools.iter().map(|pool| pool.slots_in_use).sum(),
            capacity: pools.iter().map(|pool| pool.slots).sum(),
        };
        let (bytes, bytes_max) = self.invoker.guest_memory();
        let storage = StorageVitals {
            written_bytes: process.written_bytes.unwrap_or(0),
            database_bytes: self.database_bytes(),
            disk_free_bytes: self.disk_free_bytes().unwrap_or(u64::MAX),
        };
        Vitals {
            at: rfc3339(SystemTime::now()),
            uptime_s: self.facts.started.elapsed().unwrap_or_default().as_secs(),
            memory_bytes: process.resident_bytes,
            cpu_seconds: process.cpu.as_secs_f64(),
            in_flight,
            queued,
            health: self.health(),
            pool,
            guest_memory: GuestMemory { bytes, bytes_max },
            storage,
            broker: self.broker_vitals(),
        }
    }

    fn broker_vitals(&self) -> Option<BrokerVitals> {
        let broker = self.broker.as_ref()?;
        let figures = broker.figures();
        let inboxes = broker.inboxes();
        let inboxes: Vec<_> = inboxes.iter().map(|inbox| inbox.counts()).collect();
        Some(BrokerVitals {
            clients: figures.clients_connected,
            sessions: figures.sessions,
            messages_received: figures.messages_received,
            retained: figures.retained,
            queued_bytes: figures.queued_bytes,
            inbox_messages: inboxes.iter().map(|(depth, _)| depth).sum(),
            dead_letters: inboxes
                .iter()
                .map(|(_, figures)| figures.dead_letters)
                .sum(),
            external_connected: broker.upstream_state().map(|state| state.is_connected),
        })
    }

    pub(super) fn database_bytes(&self) -> u64 {
        let file = database::file(&self.facts.data_dir);
        let log = file.with_extension("db-wal");
        let bytes = |path: &std::path::Path| path.metadata().map_or(0, |file| file.len());
        bytes(&file) + bytes(&log)
    }

    /// Nothing where the kernel does not say.
    pub(super) fn disk_free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.facts.data_dir).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Whether all is well at this moment.
    pub(super) fn health(&self) -> Health {
        let failed = self.database.figures().failed;
        let has_failed = failed.is_some_and(|failed| failed.elapsed() < STORAGE_FAILURE_TOLD);
        let broker = self.broker.as_ref();
        let spool_fails = broker.is_some_and(|broker| broker.figures().spool.is_failing);
        let external = broker.and_then(Broker::upstream_state);
        let mut pools = self.invoker.pools().into_iter();
        let (bytes, bytes_max) = self.invoker.guest_memory();
        let free = self.disk_free_bytes().unwrap_or(u64::MAX);
        let checks = [
            (
                self.draining.is_cancelled(),
                "draining",
                "The host is stopping: it takes no more events.".to_owned(),
            ),
            (
                spool_fails || has_failed,
                "storage_failing",
                "What functions and devices write cannot be stored, and is not acknowledged: look for a full or failing \
                 disk where the data directory is."
                    .to_owned(),
            ),
            (
                free < DISK_LOW_BYTES,
                "disk_low",
                format!("{} MiB are left where the data directory is: make room.", free >> 20),
            ),
            (
                pools.any(|pool| pool.slots_in_use >= pool.slots),
                "pool_exhausted",
                "All places for instances of one kind are taken, so events wait: look for functions that take long, or \
                 let the host run more (serve --instances)."
                    .to_owned(),
            ),
            (
                bytes.saturating_mul(20) >= bytes_max.saturating_mul(19),
                "guest_memory_exhausted",
                format!(
                    "Functions have nearly all of the {} MiB that they may have together: look for one that leaks, or \
                     give them more (serve --guest-memory).",
                    bytes_max >> 20
                ),
            ),
            (
                external.is_some_and(|external| !external.is_connected),
                "external_broker_unreachable",
                "The external MQTT broker cannot be reached: messages are kept and sent later; `tidegate broker` says why."
                    .to_owned(),
            ),
        ];
        let problems: Vec<HealthProblem> = checks
            .into_iter()
            .filter(|(is_wrong, ..)| *is_wrong)
            .map(|(_, code, detail)| HealthProblem { code, detail })
            .collect();
        let state = match problems.is_empty() {
            true => HealthState::Ok,
            false => HealthState::Degraded,
        };
        Health { state, problems }
    }
}

/// Looks whether the host is well, and tells those who look on, until `stop`.
pub(super) async fn watch(host: Arc<AdminState>, stop: CancellationToken) {
    let mut period = interval(PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = period.tick() => {}
        }
        let (health, live) = (host.health(), &host.watchers.live);
        let codes = health.codes();
        if last.as_ref() != Some(&codes) {
            tell_of(&health, last.as_deref());
            live.tell_other("health", None, || json!(health));
            last = Some(codes);
        }
        // Looked up only where somebody looks on.
        live.tell_other("vitals", None, || json!(host.vitals()));
    }
}

impl Health {
    /// What is wrong, without the figures that change from one moment to the next.
    fn codes(&self) -> Vec<&'static str> {
        self.problems.iter().map(|problem| problem.code).collect()
    }
}

/// Says what has become wrong; a host that starts well says nothing of it.
fn tell_of(health: &Health, before: Option<&[&str]>) {
    let is_new = |problem: &&HealthProblem| {
        let known = before.unwrap_or_default();
        !known.contains(&problem.code)
    };
    for problem in health.problems.iter().filter(is_new) {
        tracing::warn!(problem = problem.code, "{}", problem.detail);
    }
    if health.problems.is_empty() && before.is_some() {
        tracing::info!("the host is well again");
    }
}
