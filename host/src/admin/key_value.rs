//! Key-value state: buckets and their keys.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderName, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::router::{ApiResult, Deploys, Host, Viewer, name, plain, read_body};
use super::time::from_ms;
use crate::limits::{KEY_BYTES_MAX, KEY_TTL_MAX, LIST_KEYS_PAGE, VALUE_BYTES_MAX};
use crate::model::quantity::Span;
use crate::storage::key_value::{self, BucketSize, Entry, Kept};

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
            expires_at: entry.expires_ms.map(from_ms),
        }
    }
}

/// When a key is gone, where it ever is.
const EXPIRES_AT: HeaderName = HeaderName::from_static("x-expires-at");

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
        .read(move |db| key_value::get_with_expiry(db, from.as_str(), &wanted))
        .await?;
    let Kept { value, expires_ms } = value.ok_or(ApiError::NoSuchKey(bucket, key))?;
    let mut response = plain("application/octet-stream", value);
    if let Some(expires_ms) = expires_ms {
        let expires_at = from_ms(expires_ms).parse().expect("a time is ASCII");
        response.headers_mut().insert(EXPIRES_AT, expires_at);
    }
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PutQuery {
    /// How long the key is kept; for good, where it is left out.
    ttl: Option<Span>,
}

impl PutQuery {
    fn expires_ms(&self) -> ApiResult<Option<i64>> {
        let Some(ttl) = self.ttl else { return Ok(None) };
        if !(Duration::from_secs(1)..=KEY_TTL_MAX).contains(&ttl.0) {
            return Err(ApiError::BadRequest(format!(
                "ttl: `{ttl}` is outside of what this host allows: `1s` to `{}`",
                Span(KEY_TTL_MAX)
            )));
        }
        let ttl_ms = i64::try_from(ttl.0.as_millis()).unwrap_or(i64::MAX);
        Ok(Some(key_value::now_ms().saturating_add(ttl_ms)))
    }
}

/// `PUT /buckets/{bucket}/keys/{key}`: `ttl=1h` has it gone after an hour.
pub(super) async fn put(
    _: Deploys,
    State(host): Host,
    Path((bucket, key)): Path<(String, String)>,
    Query(query): Query<PutQuery>,
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
    let expires_ms = query.expires_ms()?;
    host.database
        .write(move |db| key_value::set_until(db, bucket.as_str(), &key, &value, expires_ms))
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
