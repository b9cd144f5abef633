//! How an event came to its function: what travels with an MQTT message or an HTTP request, which are the broker's
//! `Message` and an `http::Request`.

use std::net::SocketAddr;
use std::sync::Arc;

use super::route::{RouteParameters, RoutePattern};

/// How a message came to a function.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Stays the same when the message is delivered again.
    pub id: String,
    /// 1 for the first delivery.
    pub attempt: u32,
    /// The trigger's filter.
    pub matched_filter: String,
}

/// How an HTTP request came to its function; travels with the request as an extension.
#[derive(Clone, Debug)]
pub struct MatchedRoute {
    /// The pattern that matched.
    pub pattern: Arc<RoutePattern>,
    /// What the path gave to its parameters, percent-encoded as the client sent it.
    pub parameters: RouteParameters,
    /// Who sent the request.
    pub client: SocketAddr,
}

/// Functions that an HTTP request has passed through; travels with the request as an extension. None from outside.
#[derive(Clone, Copy, Debug)]
pub struct Hops(pub u32);
