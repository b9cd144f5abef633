//! SQL databases of functions.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::router::{ApiResult, Host, Viewer};
use crate::storage::guest_databases::DatabaseFile;

/// `GET /databases`
pub(super) async fn list(_: Viewer, State(host): Host) -> ApiResult {
    let files = host.guest_databases.files()?;
    let databases: Vec<Value> = files.iter().map(shown).collect();
    Ok(Json(json!({ "databases": databases })))
}

fn shown(file: &DatabaseFile) -> Value {
    json!({ "name": file.name, "bytes": file.bytes })
}
