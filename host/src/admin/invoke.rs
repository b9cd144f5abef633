//! One trial invocation, with its result and its logs.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::functions::find;
use super::invocations::Invocation;
use super::message::{MessageRequest, bytes_of, text_or_base64};
use super::router::{ApiResult, Deploys, Host, name};
use crate::invoke::body::FunctionBody;
use crate::invoke::http::NoAnswer;
use crate::invoke::ready::ReadyFunction;
use crate::model::event::{Delivery, MatchedRoute};
use crate::model::id::InvocationId;
use crate::model::schedule::{ScheduleTrigger, Tick};
use crate::observe::log_line::LogLine;
use crate::trigger::headers::describe;
use crate::trigger::table::{RouteMatch, TriggerTable};

/// What came of a trial invocation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Trial {
    /// Left out where the host gave up waiting for its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    invocation: Option<Invocation>,
    logs: Vec<LogLine>,
    /// What the function answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<HttpAnswer>,
}

/// A function's answer, with its body as text or base64.
#[derive(Serialize, JsonSchema)]
pub(super) struct HttpAnswer {
    status: u16,
    headers: Vec<(String, String)>,
    /// Where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    /// Why it broke off.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_error: Option<String>,
}

/// The event, by its trigger's kind.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum InvokeRequest {
    Http(HttpEvent),
    Mqtt(MessageRequest),
    Schedule(TickRequest),
}

/// A tick of the function's first schedule or, where it has none, of one that is due each minute.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TickRequest {
    /// Seconds since 1970; now, where it is left out.
    scheduled: Option<i64>,
    #[serde(default = "first")]
    attempt: u32,
    #[serde(default)]
    missed: u32,
}

fn first() -> u32 {
    1
}

/// An HTTP request, with at most one of the two bodies.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpEvent {
    #[serde(default = "get")]
    method: String,
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

/// Log lines are written by the guest's side; after its record they are complete.
const RECORD_TIMEOUT: Duration = Duration::from_secs(2);

/// `POST /functions/{name}/invoke`
pub(super) async fn invoke(
    _: Deploys,
    State(host): Host,
    Path(function): Path<String>,
    Json(request): Json<InvokeRequest>,
) -> ApiResult<Json<Trial>> {
    let function = find(&host.tables, &name(&function)?)?;
    let (id, invocation, http) = match request {
        InvokeRequest::Mqtt(event) => {
            let message = event.into_message()?;
            let delivery = Delivery {
                id: InvocationId::new().to_string(),
                attempt: 1,
                matched_filter: message.topic.to_string(),
            };
            let invoked = host.invoker.invoke_mqtt(&function, &message, &delivery);
            let record = invoked.await;
            (record.id, Some(Invocation::from(&*record)), None)
        }
        InvokeRequest::Schedule(event) => {
            let tick = event.into_tick(&function)?;
            let record = host.invoker.invoke_tick(&function, &tick).await;
            (record.id, Some(Invocation::from(&*record)), None)
        }
        InvokeRequest::Http(event) => {
            let id = InvocationId::new();
            let mut request = http_request(event)?;
            let matched = own_route(&function, &request);
            describe(&mut request, &function, id, matched);
            let invoked = host.invoker.invoke_http(&function, id, request).await;
            let http = match invoked.response {
                Ok(response) => Some(HttpAnswer::of(response).await),
                Err(NoAnswer::Refused(refusal)) => {
                    return Ok(Json(Trial {
                        invocation: Some(Invocation::refused(id, &function, refusal)),
                        logs: Vec::new(),
                        http: None,
                    }));
                }
                Err(NoAnswer::Failed(_)) => None,
            };
            let record = tokio::time::timeout(RECORD_TIMEOUT, invoked.record).await;
            let record = record.ok().and_then(Result::ok);
            (id, record.as_deref().map(Invocation::from), http)
        }
    };
    let id = id.to_string();
    let lines = function.journal.lines().into_iter();
    let logs = lines
        .filter(|line| line.invocation == id)
        .map(|line| (*line).clone())
        .collect();
    Ok(Json(Trial {
        invocation,
        logs,
        http,
    }))
}

impl TickRequest {
    fn into_tick(self, function: &ReadyFunction) -> Result<Tick, ApiError> {
        let every_minute = || ScheduleTrigger::new("* * * * *".parse().expect("an expression"));
        let trigger = function.manifest.schedule.first().cloned();
        let trigger = trigger.unwrap_or_else(every_minute);
        let scheduled = self.scheduled.map(Timestamp::from_second).transpose();
        let scheduled =
            scheduled.map_err(|error| ApiError::BadRequest(format!("scheduled: {error}")))?;
        let at = trigger.at(scheduled.unwrap_or_else(Timestamp::now));
        Ok(Tick {
            // Not that of a tick that is due: what a function does once per id is done for that one.
            id: format!("trial-{}", InvocationId::new()),
            attempt: self.attempt,
            ..Tick::new(&trigger.key(&function.name), at, self.missed)
        })
    }
}

/// The route of this function by which the request would come, if it would come by any.
fn own_route<B>(function: &Arc<ReadyFunction>, request: &http::Request<B>) -> Option<MatchedRoute> {
    let table = TriggerTable::new([function.clone()]);
    match table.match_http(request.method(), request.uri().path()) {
        RouteMatch::Found {
            route, parameters, ..
        } => Some(MatchedRoute {
            pattern: route.clone(),
            parameters,
            client: (Ipv4Addr::LOCALHOST, 0).into(),
        }),
        RouteMatch::MethodNotAllowed(_) | RouteMatch::NotFound => None,
    }
}

fn http_request(event: HttpEvent) -> Result<http::Request<Full<Bytes>>, ApiError> {
    let body = bytes_of(event.body, event.body_base64)?;
    let mut builder = http::Request::builder()
        .method(event.method.as_str())
        .uri(event.path);
    let names_host = event
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"));
    for (name, value) in event.headers {
        builder = builder.header(name, value);
    }
    if !names_host {
        builder = builder.header(HOST, "localhost");
    }
    builder
        .body(Full::new(body))
        .map_err(|error| ApiError::BadRequest(format!("the event is no HTTP request: {error}")))
}

impl HttpAnswer {
    async fn of(response: http::Response<FunctionBody>) -> HttpAnswer {
        let (head, body) = response.into_parts();
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        };
        let collected = body.collect().await;
        let (body, body_base64, body_error) = match collected {
            Ok(collected) => {
                let (text, base64) = text_or_base64(&collected.to_bytes());
                (text, base64, None)
            }
            Err(error) => (None, None, Some(error.to_string())),
        };
        HttpAnswer {
            status: head.status.as_u16(),
            headers: head.headers.iter().map(header).collect(),
            body,
            body_base64,
            body_error,
        }
    }
}
