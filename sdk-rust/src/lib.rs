//! Write Tidegate functions in Rust.
//!
//! A function is a `cdylib` built for `wasm32-wasip2`. A handler is a handful of lines:
//!
//! ```
//! use tidegate_sdk::{Request, Response, http_handler};
//!
//! #[http_handler(route = "/hello/{name}")]
//! fn hello(request: Request) -> Response {
//!     Response::text(format!("hello {}", request.param("name").unwrap_or("world")))
//! }
//! ```
//!
//! The attribute exports the function and writes its triggers and grants into the component, so that uploading the
//! component is all it takes. A component may have one `#[http_handler]`, one `#[mqtt_handler]` and one
//! `#[schedule_handler]`; a second one of the same kind does not compile ("symbol is already defined"), since a component
//! exports each interface once. Tell several routes, topics or schedules apart inside the handler, by
//! [`Request::route`], [`Delivery::matched_filter`] or [`Tick::cron`](field@Tick::cron).
//!
//! Layout: [`http`], [`mqtt`] and [`schedule`] are what comes in, [`key_value`], [`sqlite`], [`config`], [`log`] and
//! `mqtt::publish` what a handler may use. Only what is used ends up among the component's imports.
//!
//! Natively, as in `cargo test`, all of it works on in-memory fakes, which `testing` sets and reads.

// The macros name this crate from outside; its own tests use them as well.
extern crate self as tidegate_sdk;

pub mod http;
pub mod mqtt;
pub mod schedule;

pub mod config;
pub mod key_value;
pub mod log;
pub mod sqlite;

#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

#[doc(hidden)]
pub mod bindings;
#[cfg(not(target_arch = "wasm32"))]
mod fakes;

pub use http::{BodyStream, BodyWriter, IntoResponse, Request, Response};
pub use mqtt::{Delivery, Message, Qos};
pub use schedule::Tick;
pub use tidegate_sdk_macros::{http_handler, manifest, mqtt_handler, schedule_handler};

/// What the macros' output needs; not for use by hand.
#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub mod export {
    pub use crate::bindings::exports::tidegate::mqtt::handler as mqtt;
    pub use crate::bindings::schedule::exports::tidegate::schedule::handler as schedule;
    pub use crate::http::export::handle as handle_http;
    pub use wasip2;
}
