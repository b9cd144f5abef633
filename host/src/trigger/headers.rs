//! What a function is told about its request by headers: which route it came by, and what the path gave to it.

use http::{HeaderMap, HeaderName, HeaderValue, Request};

use super::{session_cookies, spin_headers};
use crate::invoke::ready::ReadyFunction;
use crate::model::event::MatchedRoute;
use crate::model::id::InvocationId;
use crate::model::spin_request;

/// A client's own headers of this prefix are taken off.
const PREFIX: &str = "tidegate-";
const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("tidegate-client-address");
const INVOCATION_ID: HeaderName = HeaderName::from_static("tidegate-invocation-id");
const ROUTE: HeaderName = HeaderName::from_static("tidegate-route");

/// Tells a function about its request. One that came by no route, as a trial may, has its id alone.
pub fn describe<B>(
    request: &mut Request<B>,
    function: &ReadyFunction,
    id: InvocationId,
    matched: Option<MatchedRoute>,
) {
    let headers = request.headers_mut();
    take_off_forged(headers);
    session_cookies::take_off(headers);
    insert(headers, INVOCATION_ID, &id.to_string());
    let Some(matched) = matched else { return };
    insert(headers, CLIENT_ADDRESS, &matched.client.to_string());
    insert(headers, ROUTE, matched.pattern.as_str());
    for (name, value) in &matched.parameters {
        let name = format!("{PREFIX}param-{name}")
            .parse()
            .expect("parameter names are tokens");
        insert(headers, name, value);
    }
    if function.manifest.spin_headers {
        spin_headers::describe(request, &matched);
    }
    request.extensions_mut().insert(matched);
}

fn take_off_forged(headers: &mut HeaderMap) {
    let forged: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with(PREFIX) || spin_request::is_reserved(name))
        .cloned()
        .collect();
    for name in forged {
        headers.remove(name);
    }
}

/// A route may have letters that a header cannot; those are left to the guest as they came.
pub(super) fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(name, value);
    }
}
