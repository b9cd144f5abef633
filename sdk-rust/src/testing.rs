//! For unit tests, which run natively: make requests, messages and ticks, set what a function finds on its host, and read
//! what it left there.
//!
//! ```
//! use tidegate_sdk::{Request, http_handler, testing};
//!
//! #[http_handler(route = "/hello/{name}")]
//! fn hello(request: Request) -> String {
//!     format!("hello {}", request.param("name").unwrap_or("world"))
//! }
//!
//! let response = testing::respond(hello(testing::request("GET", "/hello/ann").param("name", "ann").build()));
//! assert_eq!((response.status, response.text().as_str()), (200, "hello ann"));
//! ```
//!
//! Each thread has a host of its own, and `cargo test` runs each test in its own thread. Where it does not
//! (`--test-threads=1`), [`reset`] makes a new one.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use crate::bindings::tidegate::mqtt::types;
use crate::bindings::wasi::logging::logging;
use crate::fakes::{World, with_world};
use crate::http::{BodyStream, IntoResponse, Request, percent, text_header};
use crate::log::Level;
use crate::mqtt::{Delivery, Message};
use crate::schedule::Tick;

/// Forgets everything that was set or left.
pub fn reset() {
    with_world(|world| *world = World::default());
}

/// Sets a key of the function's configuration.
pub fn set_config(key: &str, value: &str) {
    with_world(|world| world.config.insert(key.to_owned(), value.to_owned()));
}

/// Sets a key in a bucket.
pub fn set_value(bucket: &str, key: &str, value: impl AsRef<[u8]>) {
    let value = value.as_ref().to_vec();
    with_world(|world| {
        world
            .buckets
            .entry(bucket.to_owned())
            .or_default()
            .insert(key.to_owned(), value)
    });
}

/// What a key in a bucket holds.
pub fn value(bucket: &str, key: &str) -> Option<Vec<u8>> {
    with_world(|world| world.buckets.get(bucket)?.get(key).cloned())
}

/// Makes a bucket one that the function was not granted.
pub fn deny_bucket(bucket: &str) {
    with_world(|world| world.denied_buckets.insert(bucket.to_owned()));
}

/// Runs `interfere` just before the next compare-and-swap, as another invocation might.
pub fn before_next_swap(interfere: impl FnOnce() + 'static) {
    with_world(|world| world.before_next_swap = Some(Box::new(interfere)));
}

/// Lets the next publish fail because the broker does not take messages.
pub fn fail_next_publish(reason: &str) {
    with_world(|world| {
        world
            .publish_errors
            .push_back(types::Error::Unavailable(reason.to_owned()));
    });
}

/// The messages published so far, oldest first.
pub fn published() -> Vec<Message> {
    with_world(|world| world.published.iter().cloned().map(Message::from).collect())
}

/// A line written with [`log`](crate::log).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// The module that wrote it.
    pub context: String,
    /// The text.
    pub message: String,
}

/// The log lines written so far, oldest first.
pub fn log_lines() -> Vec<LogLine> {
    let level = |level| match level {
        logging::Level::Trace => Level::Trace,
        logging::Level::Debug => Level::Debug,
        logging::Level::Info => Level::Info,
        logging::Level::Warn => Level::Warn,
        logging::Level::Error => Level::Error,
        logging::Level::Critical => Level::Critical,
    };
    let lines = with_world(|world| world.log_lines.clone());
    lines
        .into_iter()
        .map(|(at, context, message)| LogLine {
            level: level(at),
            context,
            message,
        })
        .collect()
}

/// A first delivery of a message, as if by a trigger whose filter is the topic itself.
pub fn delivery(message: &Message) -> Delivery {
    Delivery {
        id: "delivery-1".to_owned(),
        attempt: 1,
        matched_filter: message.topic.clone(),
    }
}

/// The first run of a tick that was due at a time, such as `2026-03-29T03:00:00+02:00`, with no ticks missed, of a
/// schedule in UTC that is due each minute. Set its other fields as a test needs them.
///
/// # Panics
///
/// If the text is not a time in this form.
pub fn tick(local_time: &str) -> Tick {
    let seconds = seconds_of(local_time).unwrap_or_else(|| {
        panic!("`{local_time}` is no time: write it as in `2026-03-29T03:00:00+02:00`")
    });
    Tick {
        id: format!("tick-{seconds}"),
        scheduled: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        local_time: local_time.to_owned(),
        cron: "* * * * *".to_owned(),
        timezone: "UTC".to_owned(),
        attempt: 1,
        missed: 0,
    }
}

/// Seconds since 1970 of a time in RFC 3339.
fn seconds_of(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let offset = match text.get(19..20)? {
        "Z" => 0,
        sign => {
            let size = number(20..22)? * 3600 + number(23..25)? * 60;
            if sign == "-" { -size } else { size }
        }
    };
    // Years that begin in March end with the leap day.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days_of_years = year * 365 + year / 4 - year / 100 + year / 400;
    let days = days_of_years + (month * 153 + 2) / 5 + day - 1 - 719_468;
    u64::try_from(days * 86_400 + hour * 3600 + minute * 60 + second - offset).ok()
}

/// Begins a request; `target` is a path with or without a query.
pub fn request(method: &str, target: &str) -> RequestBuilder {
    RequestBuilder {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
        chunks: Vec::new(),
    }
}

/// A request being made.
pub struct RequestBuilder {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    chunks: Vec<Vec<u8>>,
}

impl RequestBuilder {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.as_ref().to_vec()));
        self
    }

    /// Sets what a segment in braces of the route stands for.
    pub fn param(self, name: &str, value: &str) -> Self {
        self.header(&format!("tidegate-param-{name}"), percent::encode(value))
    }

    /// Sets the route that matched.
    pub fn route(self, route: &str) -> Self {
        self.header("tidegate-route", route)
    }

    /// Sets the client's address.
    pub fn client_address(self, address: SocketAddr) -> Self {
        self.header("tidegate-client-address", address.to_string())
    }

    /// Adds a chunk to the body.
    pub fn body(mut self, chunk: impl Into<Vec<u8>>) -> Self {
        self.chunks.push(chunk.into());
        self
    }

    /// The request.
    pub fn build(self) -> Request {
        Request::new(
            self.method,
            &self.target,
            self.headers,
            BodyStream::of_chunks(self.chunks),
        )
    }
}

/// Runs a handler's answer to its end, streamed body and all.
pub fn respond(answer: impl IntoResponse) -> Received {
    let response = answer.into_response();
    let status = response.status();
    let headers = response
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect();
    let mut body = Vec::new();
    let broken = response.write_body(&mut body).err();
    Received {
        status,
        headers,
        body,
        broken,
    }
}

/// A response as a client receives it.
#[derive(Debug)]
pub struct Received {
    /// The status.
    pub status: u16,
    /// Header names, in lower case, with their values, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, as far as it came.
    pub body: Vec<u8>,
    /// Why the body broke off, if it did.
    pub broken: Option<crate::http::Error>,
}

impl Received {
    /// The first header of that name, in any case, that is valid text.
    pub fn header(&self, name: &str) -> Option<&str> {
        text_header(&self.headers, name)
    }

    /// The body as text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
