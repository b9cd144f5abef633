//! Functions: deploy, list, show, delete, revisions, rollback, invocations.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_broker::Disposal;

use super::dead_letters;
use super::error::ApiError;
use super::function::{Deployed, DryRun, FunctionDetail, FunctionSummary, Revision};
use super::router::{ApiResult, Deploys, Host, Viewer, name};
use super::upload::upload;
use crate::deploy::activate::{DeployError, manifest_of};
use crate::invoke::ready::ReadyFunction;
use crate::model::name::Name;
use crate::storage::database::StorageError;

/// All functions.
#[derive(Serialize, JsonSchema)]
pub(super) struct Functions {
    functions: Vec<FunctionSummary>,
}

/// The revisions kept of a function, newest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Revisions {
    revisions: Vec<Revision>,
}

/// `GET /functions`
pub(super) async fn list(_: Viewer, State(host): Host) -> Json<Functions> {
    let table = host.tables.current();
    let summary =
        |function: &Arc<ReadyFunction>| FunctionSummary::of(&host.facts.http_url, function);
    Json(Functions {
        functions: table.functions().map(summary).collect(),
    })
}

/// `GET /functions/{name}`
pub(super) async fn show(
    _: Viewer,
    State(host): Host,
    Path(function): Path<String>,
) -> ApiResult<Json<FunctionDetail>> {
    let function = find(&host.tables, &name(&function)?)?;
    Ok(Json(FunctionDetail::of(&host.facts.http_url, &function)))
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
    Ok((status, Json(Deployed::of(&host, &deployed))).into_response())
}

/// `POST /functions/{name}?dry_run=true`: what a deploy would do.
pub(super) async fn dry_run(
    _: Deploys,
    State(host): Host,
    Path(function): Path<String>,
    Query(mut parameters): Query<Vec<(String, String)>>,
    request: Request,
) -> ApiResult<Json<DryRun>> {
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
    Ok(Json(DryRun::of(&host, forecast)))
}

/// `GET /functions/{name}/revisions`
pub(super) async fn revisions(
    _: Viewer,
    State(host): Host,
    Path(function): Path<String>,
) -> ApiResult<Json<Revisions>> {
    let stored = host.deployer.revisions(&name(&function)?).await?;
    let revisions = stored.into_iter().map(|stored| {
        let manifest = manifest_of(&stored)?;
        Ok(Revision::of(stored, manifest))
    });
    let revisions = revisions.collect::<Result<_, StorageError>>()?;
    Ok(Json(Revisions { revisions }))
}

/// Which revision to go back to: the one before the active one, where it is left out.
#[derive(Default, Deserialize, JsonSchema)]
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
) -> ApiResult<Json<FunctionSummary>> {
    let to = request.unwrap_or_default().0.revision;
    let function = host.deployer.rollback(name(&function)?, to, actor).await?;
    Ok(Json(FunctionSummary::of(&host.facts.http_url, &function)))
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
