//! The page at the admin listener's root: functions, their triggers, a form to upload one. A client of the API.

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, header};

use super::router::{AdminState, plain};

const INDEX: &str = include_str!("../../../web/index.html");
const SCRIPT: &str = include_str!("../../../web/page.js");
const STYLE: &str = include_str!("../../../web/page.css");

/// Nothing from elsewhere, nothing inline, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// The page's routes. They need no token: the page asks for one.
pub(super) fn routes() -> Router<Arc<AdminState>> {
    Router::new()
        .route("/", get(async || asset("text/html; charset=utf-8", INDEX)))
        .route(
            "/page.js",
            get(async || asset("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route(
            "/page.css",
            get(async || asset("text/css; charset=utf-8", STYLE)),
        )
}

fn asset(content_type: &'static str, text: &'static str) -> Response {
    let mut response = plain(content_type, text);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}
