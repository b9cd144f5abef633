//! SQL databases of functions: list them, delete one.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use super::router::{Administers, ApiResult, Host, Viewer, name};
use crate::storage::guest_databases::DatabaseFile;

/// `GET /databases`
pub(super) async fn list(_: Viewer, State(host): Host) -> ApiResult {
    let shown = |file: &DatabaseFile| {
        let functions = host.deployer.functions_granted(&file.name);
        json!({ "name": file.name, "bytes": file.bytes, "functions": functions })
    };
    let files = host.guest_databases.files()?;
    let databases: Vec<Value> = files.iter().map(shown).collect();
    Ok(Json(json!({ "databases": databases })))
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
