//! Probes: answered on this machine without a token.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::router::{Host, LocalOrViewer};
use crate::storage::key_value;

/// `GET /healthz`: the process answers.
pub(super) async fn healthz(_: LocalOrViewer) -> &'static str {
    concat!("ok ", env!("CARGO_PKG_VERSION"), "\n")
}

/// `GET /readyz`: it takes events. Not while it drains, nor when its database cannot be read.
pub(super) async fn readyz(_: LocalOrViewer, State(host): Host) -> Response {
    if host.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    match host.database.read(|db| key_value::exists(db, "", "")).await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database cannot be read\n",
            )
                .into_response()
        }
    }
}
