//! Functions: deploy, list, show, delete, revisions, rollback, invocations.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_broker::Disposal;

use super::activity::Activity;
use super::dead_letters;
use super::error::ApiError;
use super::router::{ApiResult, Deploys, Host, Viewer, name};
use super::upload::upload;
use crate::deploy::activate::DeployError;
use crate::deploy::checks;
use crate::deploy::inspect::Inspection;
use crate::invoke::ready::ReadyFunction;
use crate::limits::NEXT_RUNS_SHOWN;
use crate::model::manifest::Manifest;
use crate::model::name::Name;
use crate::model::route::OPTIONAL_SLASH;
use crate::model::schedule::{self, ScheduleTrigger};
use crate::observe::log_line::rfc3339;

/// `GET /functions`
pub(super) async fn list(_: Viewer, State(host): Host) -> Json<Value> {
    let table = host.tables.current();
    let functions: Vec<Value> = table
        .functions()
        .map(|function| summary(&host.http_url, function))
        .collect();
    Json(json!({ "functions": functions }))
}

/// `GET /functions/{name}`
pub(super) async fn show(_: Viewer, State(host): Host, Path(function): Path<String>) -> ApiResult {
    let function = find(&host.tables, &name(&function)?)?;
    let mut shown = summary(&host.http_url, &function);
    shown["manifest"] = json!(function.manifest);
    Ok(Json(shown))
}

/// `DELETE /functions/{name}`
pub(super) async fn delete(
    Deploys(actor): Deploys,
    State(host): Host,
    Path(function): Path<String>,
    Query(query): Query<DeleteQuery>,
) -> ApiResult<StatusCode> {
    let function = name(&function)?;
    let inbox = host
        .broker
        .as_ref()
        .and_then(|broker| broker.inbox(function.as_str()));
    let waiting = inbox.map_or(0, |inbox| inbox.snapshot().depth);
    let dead_letters = dead_letters::count(&host, &function).await?;
    let disposal = match query.inbox {
        Some(InboxDisposal::Keep) => Disposal::Keep,
        Some(InboxDisposal::Drop) => Disposal::Drop,
        None if waiting + dead_letters > 0 => {
            find(&host.tables, &function)?;
            return Err(ApiError::InboxNotEmpty(function, waiting, dead_letters));
        }
        None => Disposal::Drop,
    };
    host.deployer.delete(function.clone(), actor).await?;
    if let Some(broker) = &host.broker {
        broker.close(function.as_str(), disposal);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// What becomes of the inbox of a function that is deleted.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum InboxDisposal {
    Keep,
    Drop,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteQuery {
    inbox: Option<InboxDisposal>,
}

/// `PUT /functions/{name}`: deploy.
pub(super) async fn deploy(
    Deploys(actor): Deploys,
    State(host): Host,
    Path(function): Path<String>,
    Query(parameters): Query<Vec<(String, String)>>,
    request: Request,
) -> ApiResult<Response> {
    let name = name(&function)?;
    let _turn = host.deployer.turn().await?;
    let upload = upload(name, parameters, request).await?;
    let deployed = host.deployer.deploy(upload, actor).await?;
    let status = if deployed.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut body = summary(&host.http_url, &deployed.function);
    body["created"] = json!(deployed.created);
    let manifest = &deployed.function.manifest;
    body["grants"] = json!(manifest.grants);
    body["warnings"] = json!(warnings(&host, manifest, &deployed.inspection));
    Ok((status, Json(body)).into_response())
}

/// `POST /functions/{name}?dry_run=true`: what a deploy would do.
pub(super) async fn dry_run(
    _: Deploys,
    State(host): Host,
    Path(function): Path<String>,
    Query(mut parameters): Query<Vec<(String, String)>>,
    request: Request,
) -> ApiResult {
    let before = parameters.len();
    parameters.retain(|(key, value)| !(key == "dry_run" && value == "true"));
    if parameters.len() == before {
        let text = "POST on a function is for `?dry_run=true`; PUT deploys".to_owned();
        return Err(ApiError::BadRequest(text));
    }
    let function = name(&function)?;
    let _turn = host.deployer.turn().await?;
    let upload = upload(function, parameters, request).await?;
    let forecast = host.deployer.dry_run(upload).await?;
    let checked = forecast.checked;
    Ok(Json(json!({
        "digest": checked.digest.to_string(),
        "exports": checked.inspection.exports,
        "imports": checked.inspection.imports,
        "abi": checked.inspection.abi,
        "triggers": triggers(&checked.manifest),
        "clashes": forecast.clashes,
        "grants": checked.manifest.grants,
        "would_change": forecast.would_change,
        "warnings": warnings(&host, &checked.manifest, &checked.inspection),
    })))
}

/// `GET /functions/{name}/revisions`
pub(super) async fn revisions(
    _: Viewer,
    State(host): Host,
    Path(function): Path<String>,
) -> ApiResult {
    let revisions = host.deployer.revisions(&name(&function)?).await?;
    let revisions: Vec<Value> = revisions
        .iter()
        .map(|revision| {
            json!({
                "revision": revision.number,
                "digest": revision.digest.to_string(),
                "derived_digest": revision.derived_digest.map(|digest| digest.to_string()),
                "abi": revision.abi,
                "component_bytes": revision.component_bytes,
                "created_at": time(revision.created_ms),
                "created_by": revision.created_by,
                "active": revision.active,
            })
        })
        .collect();
    Ok(Json(json!({ "revisions": revisions })))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RollbackRequest {
    revision: Option<u32>,
}

/// `POST /functions/{name}/rollback`
pub(super) async fn rollback(
    Deploys(actor): Deploys,
    State(host): Host,
    Path(function): Path<String>,
    request: Option<Json<RollbackRequest>>,
) -> ApiResult {
    let to = request.unwrap_or_default().0.revision;
    let function = host.deployer.rollback(name(&function)?, to, actor).await?;
    Ok(Json(summary(&host.http_url, &function)))
}

/// The function of this name, as it serves now.
pub(super) fn find(
    tables: &crate::trigger::tables::TriggerTables,
    name: &Name,
) -> Result<Arc<ReadyFunction>, ApiError> {
    let table = tables.current();
    let function = table
        .function(name)
        .ok_or_else(|| DeployError::NoSuchFunction(name.clone()))?;
    Ok(function.clone())
}

fn summary(http_url: &str, function: &ReadyFunction) -> Value {
    let totals = function.journal.totals();
    let urls: Vec<String> = function
        .manifest
        .http
        .iter()
        .map(|trigger| url(http_url, trigger.route.as_str()))
        .collect();
    json!({
        "name": function.name,
        "revision": function.revision,
        "digest": function.digest.to_string(),
        "derived_digest": function.derived_digest.map(|digest| digest.to_string()),
        "abi": function.abi,
        "component_bytes": function.component_bytes,
        "created_at": time(function.created_ms),
        "app": function.manifest.app,
        "triggers": triggers(&function.manifest),
        "urls": urls,
        "invocations": totals.invocations,
        "failures": totals.failures,
        "activity": Activity::of(function),
    })
}

/// What starts a function; schedules with their next times.
fn triggers(manifest: &Manifest) -> Value {
    let now = Timestamp::now();
    let schedule = |trigger: &ScheduleTrigger| {
        let next: Vec<String> = trigger
            .times_after(now)
            .take(NEXT_RUNS_SHOWN)
            .map(|time| schedule::rfc3339(&time))
            .collect();
        let mut shown = json!(trigger);
        shown["next_runs"] = json!(next);
        shown
    };
    let schedules: Vec<Value> = manifest.schedule.iter().map(schedule).collect();
    json!({ "http": manifest.http, "mqtt": manifest.mqtt, "schedule": schedules })
}

/// Where a route is reached. A rest segment may be empty, so the link leaves it out, as it does a slash that may be left
/// out; parameters stay to be filled in.
fn url(http_url: &str, route: &str) -> String {
    let route = route.strip_suffix(OPTIONAL_SLASH).unwrap_or(route);
    let path = route.split("/{*").next().unwrap_or(route);
    format!("{http_url}{}", if path.is_empty() { "/" } else { path })
}

fn warnings(
    host: &super::router::AdminState,
    manifest: &Manifest,
    inspection: &Inspection,
) -> Vec<String> {
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

pub(super) fn time(ms: i64) -> String {
    rfc3339(UNIX_EPOCH + Duration::from_millis(ms.unsigned_abs()))
}
