//! What the host's own log has: looked at and changed while it runs.

use axum::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::router::{Administers, ApiResult, Viewer};
use crate::observe::log::LogFilter;

/// A filter of the log: a level, or levels by target, as in `info,function=debug`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogFilterSetting {
    filter: String,
}

/// `GET /log-filter`
pub(super) async fn show(_: Viewer) -> ApiResult<Json<LogFilterSetting>> {
    let filter = filter()?.text();
    Ok(Json(LogFilterSetting { filter }))
}

/// `PUT /log-filter`: until the host ends.
pub(super) async fn put(
    Administers(actor): Administers,
    Json(setting): Json<LogFilterSetting>,
) -> ApiResult<Json<LogFilterSetting>> {
    let filter = filter()?;
    filter.set(&setting.filter)?;
    tracing::warn!(filter = setting.filter, actor, "what is logged was changed");
    Ok(Json(LogFilterSetting {
        filter: filter.text(),
    }))
}

fn filter() -> ApiResult<&'static LogFilter> {
    LogFilter::of_process().ok_or(ApiError::NoLog)
}
