//! Secrets: set, delete, list their names. A value goes in and never comes out.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::error::ApiError;
use super::router::{Administers, ApiResult, Host, Viewer, name, read_body};
use super::time::from_ms;
use crate::limits::SECRET_BYTES_MAX;
use crate::model::secret::SecretValue;
use crate::storage::secrets;

/// A secret, without its value.
#[derive(Serialize, JsonSchema)]
pub(super) struct SecretSummary {
    name: String,
    updated_at: String,
}

/// All that are set.
#[derive(Serialize, JsonSchema)]
pub(super) struct Secrets {
    secrets: Vec<SecretSummary>,
}

/// `GET /secrets`
pub(super) async fn list(_: Viewer, State(host): Host) -> ApiResult<Json<Secrets>> {
    let listed = host.database.read(secrets::list).await?;
    let summary = |(name, updated_ms)| SecretSummary {
        name,
        updated_at: from_ms(updated_ms),
    };
    let secrets = listed.into_iter().map(summary).collect();
    Ok(Json(Secrets { secrets }))
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
