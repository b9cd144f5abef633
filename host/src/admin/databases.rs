//! SQL databases of functions: list them, delete one.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::router::{Administers, ApiResult, Host, Viewer, name};
use crate::model::name::Name;
use crate::storage::guest_databases::DatabaseFile;

/// An SQL database of functions.
#[derive(Serialize, JsonSchema)]
pub(super) struct DatabaseSummary {
    name: Name,
    bytes: u64,
    /// Those that are granted it.
    functions: Vec<Name>,
}

/// All that there are.
#[derive(Serialize, JsonSchema)]
pub(super) struct Databases {
    databases: Vec<DatabaseSummary>,
}

/// `GET /databases`
pub(super) async fn list(_: Viewer, State(host): Host) -> ApiResult<Json<Databases>> {
    let summary = |file: DatabaseFile| DatabaseSummary {
        functions: host.deployer.functions_granted(&file.name),
        name: file.name,
        bytes: file.bytes,
    };
    let files = host.guest_databases.files()?;
    let databases = files.into_iter().map(summary).collect();
    Ok(Json(Databases { databases }))
}

/// `DELETE /databases/{name}`
pub(super) async fn delete(
    Administers(actor): Administers,
    State(host): Host,
    Path(database): Path<String>,
) -> ApiResult<StatusCode> {
    let database = name(&database)?;
    host.deployer.delete_database(database, actor).await?;
    Ok(StatusCode::NO_CONTENT)
}
