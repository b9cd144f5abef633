//! Key-value state: buckets and their keys.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::router::{ApiResult, Deploys, Host, Viewer, name, plain, read_body};
use crate::limits::{KEY_BYTES_MAX, LIST_KEYS_PAGE, VALUE_BYTES_MAX};
use crate::storage::key_value::{self, BucketSize, Entry};

/// A bucket that holds anything.
#[derive(Serialize, JsonSchema)]
pub(super) struct BucketSummary {
    name: String,
    keys: u64,
    /// Of its keys and values.
    bytes: u64,
}

/// All that hold anything.
#[derive(Serialize, JsonSchema)]
pub(super) struct Buckets {
    buckets: Vec<BucketSummary>,
}

/// A key, without its value.
#[derive(Serialize, JsonSchema)]
pub(super) struct KeyEntry {
    key: String,
    /// Of its value.
    bytes: u64,
    /// When it is gone by itself, if ever.
    expires_at: Option<String>,
}

/// A page of keys, in byte order.
#[derive(Serialize, JsonSchema)]
pub(super) struct KeyPage {
    keys: Vec<String>,
    /// The same keys with what there is to say about each.
    entries: Vec<KeyEntry>,
    /// For the next page, if there is one.
    cursor: Option<String>,
}

/// `GET /buckets`
pub(super) async fn buckets(_: Viewer, State(host): Host) -> ApiResult<Json<Buckets>> {
    let sizes = host.database.read(key_value::buckets).await?;
    let summary = |size: BucketSize| BucketSummary {
        name: size.name,
        keys: size.keys,
        bytes: size.bytes,
    };
    let buckets = sizes.into_iter().map(summary).collect();
    Ok(Json(Buckets { buckets }))
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
) -> ApiResult<Json<KeyPage>> {
    let bucket = name(&bucket)?;
    let read = host.database.read(move |db| {
        key_value::entries(
            db,
            bucket.as_str(),
            &query.prefix,
            query.cursor.as_deref(),
            LIST_KEYS_PAGE + 1,
        )
    });
    let mut stored = read.await?;
    let more = stored.len() > LIST_KEYS_PAGE as usize;
    stored.truncate(LIST_KEYS_PAGE as usize);
    let keys: Vec<String> = stored.iter().map(|entry| entry.key.clone()).collect();
    let cursor = keys.last().filter(|_| more).cloned();
    let entries = stored.into_iter().map(KeyEntry::of).collect();
    Ok(Json(KeyPage {
        keys,
        entries,
        cursor,
    }))
}

impl KeyEntry {
    fn of(entry: Entry) -> KeyEntry {
        KeyEntry {
            key: entry.key,
            bytes: entry.bytes,
            expires_at: None,
        }
    }
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
