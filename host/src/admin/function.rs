//! Functions as the API shows them: what starts one, what it may use, what a deployment did or would do.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::activity::Activity;
use super::router::AdminState;
use super::time::from_ms;
use crate::deploy::activate::Deployed as DeployedFunction;
use crate::deploy::checks;
use crate::deploy::dry_run::Forecast;
use crate::deploy::inspect::Inspection;
use crate::invoke::ready::ReadyFunction;
use crate::limits::NEXT_RUNS_SHOWN;
use crate::model::abi::Abi;
use crate::model::app::AppMembership;
use crate::model::manifest::{
    FunctionLimits as Limits, HttpTrigger, Manifest, ManifestGrants, MqttTrigger,
};
use crate::model::name::Name;
use crate::model::quantity::Rate;
use crate::model::route::OPTIONAL_SLASH;
use crate::model::schedule::{self, ScheduleTrigger};
use crate::storage::deployments::StoredRevision;

/// A function and its active revision.
#[derive(Serialize, JsonSchema)]
pub(super) struct FunctionSummary {
    name: Name,
    /// The active one.
    revision: u32,
    /// SHA-256 of what was uploaded.
    digest: String,
    /// SHA-256 of the component that was made of it, where it was a core module.
    derived_digest: Option<String>,
    abi: Abi,
    component_bytes: u64,
    created_at: String,
    /// The app that it belongs to.
    app: Option<AppMembership>,
    triggers: Triggers,
    /// Where its routes are reached, in their order; parameters stay to be filled in.
    urls: Vec<String>,
    /// Since the host was started.
    invocations: u64,
    /// Those of them that did not end well.
    failures: u64,
    /// What it did in the last hour.
    activity: Activity,
}

/// A function with its manifest.
#[derive(Serialize, JsonSchema)]
pub(super) struct FunctionDetail {
    #[serde(flatten)]
    summary: FunctionSummary,
    manifest: Manifest,
    limits: FunctionLimits,
}

/// What a deployment did.
#[derive(Serialize, JsonSchema)]
pub(super) struct Deployed {
    #[serde(flatten)]
    summary: FunctionSummary,
    /// Whether there is a new revision: not where nothing changed.
    created: bool,
    grants: ManifestGrants,
    warnings: Vec<String>,
}

/// What a deployment would do.
#[derive(Serialize, JsonSchema)]
pub(super) struct DryRun {
    digest: String,
    exports: Vec<String>,
    imports: Vec<String>,
    abi: Abi,
    component_bytes: usize,
    triggers: Triggers,
    /// Functions of the same app that have one of its routes now.
    clashes: Vec<Name>,
    grants: ManifestGrants,
    /// The one that would count. Its name is the one that the component or the part `manifest` suggests.
    manifest: Manifest,
    limits: FunctionLimits,
    /// Whether there would be a new revision.
    would_change: bool,
    warnings: Vec<String>,
}

/// A revision that is kept.
#[derive(Serialize, JsonSchema)]
pub(super) struct Revision {
    revision: u32,
    digest: String,
    derived_digest: Option<String>,
    abi: Abi,
    component_bytes: u64,
    created_at: String,
    /// The subject of the token that it was deployed with.
    created_by: String,
    active: bool,
    manifest: Manifest,
}

/// What starts a function.
#[derive(Serialize, JsonSchema)]
pub(super) struct Triggers {
    http: Vec<HttpTrigger>,
    mqtt: Vec<MqttTrigger>,
    schedule: Vec<Schedule>,
}

/// A schedule with the next times that it is due.
#[derive(Serialize, JsonSchema)]
pub(super) struct Schedule {
    #[serde(flatten)]
    trigger: ScheduleTrigger,
    next_runs: Vec<String>,
}

/// What one invocation may use up: the manifest's limits, with defaults filled in.
#[derive(Serialize, JsonSchema)]
pub(super) struct FunctionLimits {
    timeout_ms: u64,
    cpu_ms: u64,
    memory_bytes: u64,
    concurrency: u32,
    queue: u32,
    request_bytes: u64,
    response_bytes: u64,
    log_bytes: u64,
    /// HTTP requests in a period, as in `200/s`.
    rate: Option<Rate>,
}

impl FunctionSummary {
    pub(super) fn of(http_url: &str, function: &ReadyFunction) -> FunctionSummary {
        let totals = function.journal.totals();
        let routes = function.manifest.http.iter();
        FunctionSummary {
            name: function.name.clone(),
            revision: function.revision,
            digest: function.digest.to_string(),
            derived_digest: function.derived_digest.map(|digest| digest.to_string()),
            abi: function.abi,
            component_bytes: function.component_bytes,
            created_at: from_ms(function.created_ms),
            app: function.manifest.app.clone(),
            triggers: Triggers::of(&function.manifest),
            urls: routes
                .map(|trigger| url(http_url, trigger.route.as_str()))
                .collect(),
            invocations: totals.invocations,
            failures: totals.failures,
            activity: Activity::of(function),
        }
    }
}

impl FunctionDetail {
    pub(super) fn of(http_url: &str, function: &ReadyFunction) -> FunctionDetail {
        FunctionDetail {
            summary: FunctionSummary::of(http_url, function),
            manifest: function.manifest.clone(),
            limits: FunctionLimits::of(&function.limits),
        }
    }
}

impl Deployed {
    pub(super) fn of(host: &AdminState, deployed: &DeployedFunction) -> Deployed {
        let manifest = &deployed.function.manifest;
        Deployed {
            summary: FunctionSummary::of(&host.facts.http_url, &deployed.function),
            created: deployed.created,
            grants: manifest.grants.clone(),
            warnings: warnings(host, manifest, &deployed.inspection),
        }
    }
}

impl DryRun {
    pub(super) fn of(host: &AdminState, forecast: Forecast) -> DryRun {
        let checked = forecast.checked;
        DryRun {
            digest: checked.digest.to_string(),
            component_bytes: forecast.component_bytes,
            triggers: Triggers::of(&checked.manifest),
            clashes: forecast.clashes,
            grants: checked.manifest.grants.clone(),
            limits: FunctionLimits::of(&checked.limits),
            would_change: forecast.would_change,
            warnings: warnings(host, &checked.manifest, &checked.inspection),
            exports: checked.inspection.exports,
            imports: checked.inspection.imports,
            abi: checked.inspection.abi,
            manifest: checked.manifest,
        }
    }
}

impl Revision {
    pub(super) fn of(stored: StoredRevision, manifest: Manifest) -> Revision {
        Revision {
            revision: stored.number,
            digest: stored.digest.to_string(),
            derived_digest: stored.derived_digest.map(|digest| digest.to_string()),
            abi: stored.abi,
            component_bytes: stored.component_bytes,
            created_at: from_ms(stored.created_ms),
            created_by: stored.created_by,
            active: stored.active,
            manifest,
        }
    }
}

impl Triggers {
    fn of(manifest: &Manifest) -> Triggers {
        let now = Timestamp::now();
        let schedule = |trigger: &ScheduleTrigger| {
            let next = trigger.times_after(now).take(NEXT_RUNS_SHOWN);
            Schedule {
                next_runs: next.map(|time| schedule::rfc3339(&time)).collect(),
                trigger: trigger.clone(),
            }
        };
        Triggers {
            http: manifest.http.clone(),
            mqtt: manifest.mqtt.clone(),
            schedule: manifest.schedule.iter().map(schedule).collect(),
        }
    }
}

impl FunctionLimits {
    fn of(limits: &Limits) -> FunctionLimits {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        FunctionLimits {
            timeout_ms: ms(limits.timeout),
            cpu_ms: ms(limits.cpu),
            memory_bytes: limits.memory_bytes,
            concurrency: limits.concurrency,
            queue: limits.queue,
            request_bytes: limits.request_bytes,
            response_bytes: limits.response_bytes,
            log_bytes: limits.log_bytes,
            rate: limits.rate,
        }
    }
}

/// Where a route is reached. A rest segment may be empty, so the link leaves it out, as it does a slash that may be left
/// out; parameters stay to be filled in.
fn url(http_url: &str, route: &str) -> String {
    let route = route.strip_suffix(OPTIONAL_SLASH).unwrap_or(route);
    let path = route.split("/{*").next().unwrap_or(route);
    format!("{http_url}{}", if path.is_empty() { "/" } else { path })
}

fn warnings(host: &AdminState, manifest: &Manifest, inspection: &Inspection) -> Vec<String> {
    let mqtt_off = host.broker.is_none() && !manifest.mqtt.is_empty();
    let mqtt_off = mqtt_off.then(|| {
        "MQTT is switched off on this host, so no message will start this function".to_owned()
    });
    let unserved: Vec<_> = inspection.unserved().collect();
    let unserved = (!unserved.is_empty()).then(|| {
        format!(
            "this host does not serve {}: what the function calls of it answers with an error",
            unserved.join(", ")
        )
    });
    let missing = checks::missing_grants(inspection, manifest).map(|missing| missing.to_string());
    mqtt_off
        .into_iter()
        .chain(unserved)
        .chain(missing)
        .collect()
}
