//! All routes of the admin listener, in one list, and what every request passes through.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Extension, Router};
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::auth::{Role, Tokens};
use super::caller::caller;
use super::error::ApiError;
use super::host::HostFacts;
use super::login::LoginCode;
use super::{
    activity, broker, dashboard, databases, dead_letters, devices, functions, host, invocations,
    invoke, key_value, live, log_filter, logs, metrics, openapi, origin, probes, secrets, session,
    tokens, vitals,
};
use crate::access::devices::Devices;
use crate::deploy::activate::Deployer;
use crate::http_server;
use crate::invoke::invoker::Invoker;
use crate::limits::{ADMIN_BODY_BYTES_MAX, HTTP_BODY_IDLE_TIMEOUT};
use crate::model::id::InvocationId;
use crate::model::name::Name;
use crate::observe::journal::Watchers;
use crate::storage::database::Database;
use crate::storage::guest_databases::GuestDatabases;
use crate::trigger::tables::TriggerTables;
use tidegate_broker::Broker;

/// What the handlers work with.
#[expect(missing_docs, reason = "each is documented at its type")]
pub struct AdminState {
    pub tokens: Tokens,
    pub login: LoginCode,
    pub deployer: Arc<Deployer>,
    pub invoker: Arc<Invoker>,
    pub tables: Arc<TriggerTables>,
    pub database: Database,
    pub devices: Arc<Devices>,
    pub guest_databases: Arc<GuestDatabases>,
    pub broker: Option<Broker>,
    pub watchers: Watchers,
    pub facts: HostFacts,
    /// Raised when the host drains: it is not ready for more.
    pub draining: CancellationToken,
}

/// Serves until `stop`, then lets what runs finish, also what nobody waits for any more.
pub async fn serve(state: Arc<AdminState>, listener: TcpListener, stop: CancellationToken) {
    let (deployer, devices) = (state.deployer.clone(), state.devices.clone());
    let watch = tokio::spawn(vitals::watch(state.clone(), stop.clone()));
    if let Some(broker) = &state.broker {
        tokio::spawn(live::tell_of_broker(
            broker.clone(),
            state.watchers.live.clone(),
            stop.clone(),
        ));
    }
    let router = router(state);
    http_server::serve(listener, stop, |address| {
        let router = router.clone().layer(Extension(ConnectInfo(address)));
        service_fn(move |request: Request<Incoming>| {
            let router = router.clone();
            async move {
                Ok::<_, Infallible>(
                    router
                        .oneshot(request.map(Body::new))
                        .await
                        .unwrap_or_else(|never| match never {}),
                )
            }
        })
    })
    .await;
    // It ends with the others, and a panic in it was reported.
    let _ = watch.await;
    deployer.idle().await;
    devices.idle().await;
}

/// All routes, with what every request passes through.
pub fn router(state: Arc<AdminState>) -> Router {
    let api = mqtt_routes()
        .route("/host", get(host::show))
        .route("/functions", get(functions::list))
        .route(
            "/functions/{name}",
            get(functions::show).delete(functions::delete),
        )
        .route("/functions/{name}/revisions", get(functions::revisions))
        .route("/functions/{name}/rollback", post(functions::rollback))
        .route("/functions/{name}/logs", get(logs::logs))
        .route("/functions/{name}/activity", get(activity::show))
        .route("/functions/{name}/invocations", get(invocations::list))
        .route("/functions/{name}/invocations/{id}", get(invocations::show))
        .route("/functions/{name}/invoke", post(invoke::invoke))
        .route("/buckets", get(key_value::buckets))
        .route("/buckets/{bucket}/keys", get(key_value::list))
        .route(
            "/buckets/{bucket}/keys/{*key}",
            get(key_value::get).delete(key_value::delete),
        )
        .route("/databases", get(databases::list))
        .route("/databases/{name}", delete(databases::delete))
        .route("/secrets", get(secrets::list))
        .route("/live", get(live::live))
        .route("/vitals", get(vitals::vitals))
        .route("/log-filter", get(log_filter::show).put(log_filter::put))
        .route("/tokens", post(tokens::create))
        .route(
            "/session",
            get(session::show)
                .post(session::sign_in)
                .delete(session::sign_out),
        )
        .layer(DefaultBodyLimit::max(ADMIN_BODY_BYTES_MAX))
        // These two count their own bytes.
        .route(
            "/functions/{name}",
            put(functions::deploy)
                .post(functions::dry_run)
                .layer(DefaultBodyLimit::disable()),
        )
        .route("/buckets/{bucket}/keys/{*key}", put(key_value::put))
        .route("/secrets/{name}", put(secrets::put).delete(secrets::delete));
    Router::new()
        .nest("/api/v1", api)
        .merge(dashboard::routes())
        .route("/openapi.json", get(openapi::openapi))
        .route("/healthz", get(probes::healthz))
        .route("/readyz", get(probes::readyz))
        .route("/metrics", get(metrics::metrics))
        .fallback(|| async { ApiError::NoSuchPath })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(middleware::from_fn(finish))
        .layer(RequestBodyTimeoutLayer::new(HTTP_BODY_IDLE_TIMEOUT))
        .layer(CatchPanicLayer::new())
        .with_state(state)
}

/// Everything about MQTT.
fn mqtt_routes() -> Router<Arc<AdminState>> {
    Router::new()
        .route("/broker", get(broker::figures))
        .route("/devices", get(devices::list))
        .route(
            "/devices/{name}",
            get(devices::show).put(devices::put).delete(devices::delete),
        )
        .route("/devices/{name}/password", post(devices::renew_password))
        .route("/broker/clients", get(broker::clients))
        .route("/broker/clients/{*client}", delete(broker::end_client))
        .route("/broker/topics", get(broker::topics))
        .route("/broker/messages", get(broker::messages))
        .route("/broker/publish", post(broker::publish))
        .route("/broker/inboxes", get(broker::inboxes))
        .route("/broker/dead-letters", get(dead_letters::list))
        .route(
            "/broker/dead-letters/{function}",
            delete(dead_letters::drop_all),
        )
        .route(
            "/broker/dead-letters/{function}/retry",
            post(dead_letters::retry_all),
        )
        .route(
            "/broker/dead-letters/{function}/{id}",
            get(dead_letters::show).delete(dead_letters::drop_one),
        )
        .route(
            "/broker/dead-letters/{function}/{id}/retry",
            post(dead_letters::retry_one),
        )
}

/// Gives each request an id, and errors their problem documents.
async fn finish(request: Request, next: Next) -> Response {
    let request_id = InvocationId::new().to_string();
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<Arc<ApiError>>() {
        response = error.render(&request_id);
    } else if is_plain_rejection(&response) {
        response = reject(response).await.render(&request_id);
    }
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static("x-request-id"),
        request_id.parse().expect("an id is ASCII"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// axum's own refusals (JSON that is none, a missing query parameter) are plain text.
fn is_plain_rejection(response: &Response) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let plain = content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
    response.status().is_client_error() && plain
}

async fn reject(response: Response) -> ApiError {
    if response.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::BodyTooLarge(ADMIN_BODY_BYTES_MAX);
    }
    let text = axum::body::to_bytes(response.into_body(), 4096)
        .await
        .unwrap_or_default();
    ApiError::BadRequest(String::from_utf8_lossy(&text).into_owned())
}

/// A caller with the role `viewer` or more.
pub(super) struct Viewer;
/// A caller with the role `deployer` or more, by the subject of its token.
pub(super) struct Deploys(pub(super) String);
/// A caller with the role `admin`, by the subject of its token.
pub(super) struct Administers(pub(super) String);

impl FromRequestParts<Arc<AdminState>> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AdminState>,
    ) -> Result<Viewer, ApiError> {
        caller(parts, &state.tokens, Role::Viewer).map(|_| Viewer)
    }
}

impl FromRequestParts<Arc<AdminState>> for Deploys {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AdminState>,
    ) -> Result<Deploys, ApiError> {
        caller(parts, &state.tokens, Role::Deployer).map(|claims| Deploys(claims.sub))
    }
}

impl FromRequestParts<Arc<AdminState>> for Administers {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AdminState>,
    ) -> Result<Administers, ApiError> {
        caller(parts, &state.tokens, Role::Admin).map(|claims| Administers(claims.sub))
    }
}

/// A caller that needs no token: it is on this machine. From elsewhere, a viewer.
pub(super) struct LocalOrViewer;

impl FromRequestParts<Arc<AdminState>> for LocalOrViewer {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AdminState>,
    ) -> Result<LocalOrViewer, ApiError> {
        if is_local(parts) {
            return Ok(LocalOrViewer);
        }
        caller(parts, &state.tokens, Role::Viewer).map(|_| LocalOrViewer)
    }
}

/// Whether a request comes from this machine and was meant for it: a browser here that was led to some other name
/// (DNS rebinding) was not.
fn is_local(parts: &Parts) -> bool {
    let client = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let from_here =
        client.is_some_and(|ConnectInfo(client)| client.ip().to_canonical().is_loopback());
    let named_so = match origin::host(parts) {
        Some(host) => {
            let name = host.host().trim_matches(['[', ']']);
            name == "localhost" || name.parse::<IpAddr>().is_ok()
        }
        None => !parts.headers.contains_key(header::HOST),
    };
    // What a proxy on this machine passes on comes from somewhere else.
    let passed_on = ["forwarded", "x-forwarded-for", "via"];
    let is_passed_on = passed_on
        .iter()
        .any(|name| parts.headers.contains_key(*name));
    from_here && named_so && !is_passed_on
}

/// A name in a path.
pub(super) fn name(text: &str) -> Result<Name, ApiError> {
    Ok(text.parse()?)
}

/// Reads a whole body of at most this many bytes.
pub(super) async fn read_body(
    body: Body,
    bytes_max: usize,
    too_large: impl FnOnce() -> ApiError,
) -> Result<Vec<u8>, ApiError> {
    use http_body_util::{BodyExt as _, LengthLimitError, Limited};
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(ApiError::BadRequest(format!(
            "the request body was cut short: {error}"
        ))),
    }
}

/// The state, as handlers are given it.
pub(super) type Host = State<Arc<AdminState>>;

/// What handlers answer with.
pub(super) type ApiResult<T> = Result<T, ApiError>;

/// An answer that is not JSON.
pub(super) fn plain(content_type: &'static str, body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, content_type)], body.into()).into_response()
}
