//! What functions did in the last hour.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Path, State};
use schemars::JsonSchema;
use serde::Serialize;

use super::functions::find;
use super::router::{ApiResult, Host, Viewer, name};
use crate::invoke::ready::ReadyFunction;
use crate::observe::activity::{LATENCY_BOUNDS, Minute};
use crate::observe::log_line::rfc3339;

/// Minutes that the percentiles are of.
const PERCENTILE_MINUTES: u64 = 15;

/// What a function did in the last hour, in short.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Activity {
    /// Invocations that ended in each of the last 60 minutes, oldest first; the last one is still running.
    per_minute: Vec<u32>,
    /// Those of them that did not end well.
    failures_per_minute: Vec<u32>,
    /// Half of the invocations of the last 15 minutes took no longer, waiting included; none where there were none.
    p50_ms: Option<f64>,
    /// 99 of 100 took no longer.
    p99_ms: Option<f64>,
    /// When the last one ended.
    last_at: Option<String>,
    /// When the last one failed.
    last_failure_at: Option<String>,
    /// Invocations at present.
    in_flight: u32,
    /// Requests that wait for theirs.
    queued: u32,
}

/// What a function did in the last hour, with how long it took.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct ActivityHistory {
    /// Length of a slot.
    slot_seconds: u32,
    /// Upper bounds of the classes that times are counted in; there is one more class beyond the last.
    bounds_ms: Vec<f64>,
    /// Slots in which anything ran, oldest first.
    slots: Vec<Slot>,
}

/// A minute in which something ran.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Slot {
    /// Its beginning.
    at: String,
    /// Invocations that ended.
    invocations: u32,
    /// Those of them that did not end well.
    failures: u32,
    /// How many of them took how long, by class.
    latencies: Vec<u32>,
}

impl Activity {
    pub(super) fn of(function: &ReadyFunction) -> Activity {
        let now = SystemTime::now();
        let activity = function.journal.activity();
        let totals = function.journal.totals();
        let (in_flight, queued) = function.admission.figures();
        let quantile = |share| {
            let time = activity.quantile(now, PERCENTILE_MINUTES, share)?;
            Some(time.as_secs_f64() * 1000.0)
        };
        Activity {
            per_minute: activity.series(now, |minute| minute.invocations),
            failures_per_minute: activity.series(now, |minute| minute.failures),
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            last_at: totals.last.map(rfc3339),
            last_failure_at: totals.last_failure.map(rfc3339),
            in_flight,
            queued,
        }
    }
}

/// `GET /functions/{name}/activity`
pub(super) async fn show(
    _: Viewer,
    State(host): Host,
    Path(function): Path<String>,
) -> ApiResult<Json<ActivityHistory>> {
    let function = find(&host.tables, &name(&function)?)?;
    let activity = function.journal.activity();
    let slot = |minute: &Minute| Slot {
        at: rfc3339(UNIX_EPOCH + Duration::from_secs(60 * minute.number)),
        invocations: minute.invocations,
        failures: minute.failures,
        latencies: minute.latencies.to_vec(),
    };
    Ok(Json(ActivityHistory {
        slot_seconds: 60,
        bounds_ms: LATENCY_BOUNDS.map(|bound| bound * 1000.0).to_vec(),
        slots: activity.minutes(SystemTime::now()).map(slot).collect(),
    }))
}
