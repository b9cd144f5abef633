//! Key-value state: buckets and their keys.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::error::ApiError;
use super::router::{ApiResult, Deploys, Host, Viewer, name, plain, read_body};
use crate::limits::{KEY_BYTES_MAX, LIST_KEYS_PAGE, VALUE_BYTES_MAX};
use crate::storage::key_value;

/// `GET /buckets`
pub(super) async fn buckets(_: Viewer, State(host): Host) -> ApiResult {
    let buckets = host.database.read(key_value::buckets).await?;
    Ok(Json(json!({ "buckets": buckets })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    #[serde(default)]
    prefix: String,
    cursor: Option<String>,
}

/// `GET /buckets/{bucket}/keys`
pub(super) async fn list(
    _: Viewer,
    State(host): Host,
    Path(bucket): Path<String>,
    Query(query): Query<ListQuery>,
) -> ApiResult {
    let bucket = name(&bucket)?;
    let read = host.database.read(move |db| {
        key_value::list(
            db,
            bucket.as_str(),
            &query.prefix,
            query.cursor.as_deref(),
            LIST_KEYS_PAGE + 1,
        )
    });
    let mut keys = read.await?;
    let more = keys.len() > LIST_KEYS_PAGE as usize;
    keys.truncate(LIST_KEYS_PAGE as usize);
    let cursor = if more { keys.last().cloned() } else { None };
    Ok(Json(json!({ "keys": keys, "cursor": cursor })))
}

/// `GET /buckets/{bucket}/keys/{key}`
pub(super) async fn get(
    _: Deploys,
    State(host): Host,
    Path((bucket, key)): Path<(String, String)>,
) -> ApiResult<Response> {
    let bucket = name(&bucket)?;
    let (from, wanted) = (bucket.clone(), key.clone());
    let value = host
        .database
        .read(move |db| key_value::get(db, from.as_str(), &wanted))
        .await?;
    let value = value.ok_or(ApiError::NoSuchKey(bucket, key))?;
    Ok(plain("application/octet-stream", value))
}

/// `PUT /buckets/{bucket}/keys/{key}`
pub(super) async fn put(
    _: Deploys,
    State(host): Host,
    Path((bucket, key)): Path<(String, String)>,
    body: Body,
) -> ApiResult<StatusCode> {
    let bucket = name(&bucket)?;
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(ApiError::BadRequest(format!(
            "a key has 1 to {KEY_BYTES_MAX} bytes; this one has {}",
            key.len()
        )));
    }
    let value = read_body(body, VALUE_BYTES_MAX, || {
        ApiError::BodyTooLarge(VALUE_BYTES_MAX)
    })
    .await?;
    host.database
        .write(move |db| key_value::set(db, bucket.as_str(), &key, &value))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /buckets/{bucket}/keys/{key}`
pub(super) async fn delete(
    _: Deploys,
    State(host): Host,
    Path((bucket, key)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let bucket = name(&bucket)?;
    let (from, wanted) = (bucket.clone(), key.clone());
    if host
        .database
        .write(move |db| key_value::delete(db, from.as_str(), &wanted))
        .await?
    {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::NoSuchKey(bucket, key))
    }
}
