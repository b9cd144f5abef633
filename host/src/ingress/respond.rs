//! What a function's client is told where there is no answer of the function's own: the only place that chooses a
//! status for functions' traffic.
//!
//! A problem document (RFC 9457) with a stable code and the invocation's id, by which the function's log has the rest.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::json;

use crate::invoke::admission::Refusal;
use crate::invoke::http::NoAnswer;
use crate::model::id::InvocationId;
use crate::model::outcome::Outcome;

/// Why a request is answered by the host.
pub(super) enum Reason {
    /// No function has this path.
    NotFound,
    /// The function of this path does not take this method.
    MethodNotAllowed(Vec<Method>),
    /// RFC 9112, section 3.2: the request names no host, or not one; or a name that only functions call.
    BadHost,
    /// The component that a function calls handles no requests.
    NoHttpHandler,
    /// Too many functions wait for one another.
    CallsTooDeep,
    /// The function was asked and has not answered.
    NoAnswer(InvocationId, NoAnswer),
}

/// The answer for this reason.
pub(super) fn respond(reason: &Reason) -> Response<Bytes> {
    let (status, code, detail) = describe(reason);
    let mut problem = json!({ "title": status.canonical_reason(), "status": status.as_u16(), "code": code, "detail": detail });
    if let Reason::NoAnswer(id, _) = reason {
        problem["invocation"] = json!(id.to_string());
    }
    let mut response = Response::new(Bytes::from(problem.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    match reason {
        Reason::MethodNotAllowed(methods) => {
            let methods = methods
                .iter()
                .map(Method::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            headers.insert(ALLOW, methods.parse().expect("methods are tokens"));
        }
        Reason::NoAnswer(_, NoAnswer::Refused(refusal)) => {
            headers.insert(RETRY_AFTER, retry_after_seconds(*refusal).into());
        }
        _ => {}
    }
    response
}

fn retry_after_seconds(refusal: Refusal) -> u64 {
    match refusal {
        Refusal::RateLimited { retry_after } => retry_after.as_secs() + 1,
        Refusal::QueueFull | Refusal::QueueTimeout | Refusal::PoolFull => 1,
    }
}

fn describe(reason: &Reason) -> (StatusCode, &'static str, &'static str) {
    match reason {
        Reason::NotFound => (
            StatusCode::NOT_FOUND,
            "no_route",
            "no function has this path",
        ),
        Reason::MethodNotAllowed(_) => (
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "no function takes this method at this path",
        ),
        Reason::BadHost => (
            StatusCode::BAD_REQUEST,
            "bad_host",
            "the request needs exactly one host, in ASCII, and none that ends in .spin.internal",
        ),
        Reason::NoHttpHandler => (
            StatusCode::NOT_FOUND,
            "no_http_handler",
            "the component that is called handles no HTTP requests: it exports no handler for them",
        ),
        Reason::CallsTooDeep => (
            StatusCode::LOOP_DETECTED,
            "calls_too_deep",
            "too many functions wait for one another: do they call each other in a circle?",
        ),
        Reason::NoAnswer(_, NoAnswer::Refused(refusal)) => describe_refusal(*refusal),
        Reason::NoAnswer(_, NoAnswer::Failed(outcome)) => describe_outcome(outcome),
    }
}

fn describe_refusal(refusal: Refusal) -> (StatusCode, &'static str, &'static str) {
    let (status, detail) = match refusal {
        Refusal::QueueFull => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the function is busy and its queue is full: try again",
        ),
        Refusal::QueueTimeout => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the function was busy for too long: try again",
        ),
        Refusal::PoolFull => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the host has no room for one more function to run: try again",
        ),
        Refusal::RateLimited { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "more requests than the function takes: try again",
        ),
    };
    (status, refusal.code(), detail)
}

fn describe_outcome(outcome: &Outcome) -> (StatusCode, &'static str, &'static str) {
    let (status, detail) = match outcome {
        Outcome::Ok | Outcome::NoResponse => (
            StatusCode::BAD_GATEWAY,
            "the function ended without an answer",
        ),
        Outcome::GuestError(_) => (
            StatusCode::BAD_GATEWAY,
            "the function answered with an error",
        ),
        Outcome::Trap(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the function failed"),
        Outcome::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, "the function took too long"),
        Outcome::CpuLimit(_) => (
            StatusCode::GATEWAY_TIMEOUT,
            "the function computed for too long",
        ),
        Outcome::MemoryLimit(_) => (
            StatusCode::INSUFFICIENT_STORAGE,
            "the function needed too much memory",
        ),
        Outcome::HostMemory => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the host has no memory left for functions: try again",
        ),
        Outcome::RequestTooLarge(_) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "the request body is too large for the function",
        ),
        Outcome::ResponseTooLarge(_) => (
            StatusCode::BAD_GATEWAY,
            "the function's answer is too large",
        ),
        Outcome::Cancelled => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the invocation was cancelled",
        ),
        Outcome::HostError(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the host could not run the function: try again",
        ),
    };
    (status, outcome.code(), detail)
}
