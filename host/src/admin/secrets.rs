//! Secrets: set, delete, list their names. A value goes in and never comes out.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use super::error::ApiError;
use super::functions::time;
use super::router::{Administers, ApiResult, Host, Viewer, name, read_body};
use crate::limits::SECRET_BYTES_MAX;
use crate::model::secret::SecretValue;
use crate::storage::secrets;

/// `GET /secrets`
pub(super) async fn list(_: Viewer, State(host): Host) -> ApiResult {
    let listed = host.database.read(secrets::list).await?;
    let shown = |(name, updated_ms): &(String, i64)| json!({ "name": name, "updated_at": time(*updated_ms) });
    let listed: Vec<Value> = listed.iter().map(shown).collect();
    Ok(Json(json!({ "secrets": listed })))
}

/// `PUT /secrets/{name}`
pub(super) async fn put(
    Administers(actor): Administers,
    State(host): Host,
    Path(secret): Path<String>,
    body: Body,
) -> ApiResult<StatusCode> {
    let secret = name(&secret)?;
    let too_large = || ApiError::BodyTooLarge(SECRET_BYTES_MAX);
    let value = read_body(body, SECRET_BYTES_MAX, too_large).await?;
    let value = SecretValue::try_from(value)?;
    host.deployer.set_secret(secret, value, actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /secrets/{name}`
pub(super) async fn delete(
    Administers(actor): Administers,
    State(host): Host,
    Path(secret): Path<String>,
) -> ApiResult<StatusCode> {
    host.deployer.delete_secret(name(&secret)?, actor).await?;
    Ok(StatusCode::NO_CONTENT)
}
