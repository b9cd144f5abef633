//! What one invocation may use up: what was written, and what it means with defaults filled in and maxima checked.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InvalidManifest;
use crate::limits;
use crate::model::quantity::{Bytes, Rate, Span};

/// `[limits]`: what is left out takes its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ManifestLimits {
    /// Wall clock of one invocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Time that the guest itself computes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Span>,
    /// All linear memories together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Invocations at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Events that wait for their turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<u32>,
    /// HTTP requests in a period; no limit where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Request body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_bytes: Option<Bytes>,
    /// Response body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_bytes: Option<Bytes>,
    /// Log output kept of one invocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<Bytes>,
}

/// The limits of one function: every one set, none above the host's maximum.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of ManifestLimits")]
pub struct FunctionLimits {
    pub timeout: Duration,
    pub cpu: Duration,
    pub memory_bytes: u64,
    pub concurrency: u32,
    pub queue: u32,
    pub rate: Option<Rate>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub log_bytes: u64,
}

impl ManifestLimits {
    pub(super) fn absorb(&mut self, later: ManifestLimits) {
        self.timeout = later.timeout.or(self.timeout);
        self.cpu = later.cpu.or(self.cpu);
        self.memory = later.memory.or(self.memory);
        self.concurrency = later.concurrency.or(self.concurrency);
        self.queue = later.queue.or(self.queue);
        self.rate = later.rate.or(self.rate);
        self.request_bytes = later.request_bytes.or(self.request_bytes);
        self.response_bytes = later.response_bytes.or(self.response_bytes);
        self.log_bytes = later.log_bytes.or(self.log_bytes);
    }

    pub(super) fn resolve(&self) -> Result<FunctionLimits, InvalidManifest> {
        let span = |key, given: Option<Span>, default, most| {
            let least = Duration::from_millis(1);
            within(
                key,
                given.map(|span| span.0),
                default,
                least,
                most,
                |span| Span(span).to_string(),
            )
        };
        let bytes = |key, given: Option<Bytes>, default, least, most| {
            within(
                key,
                given.map(|bytes| bytes.0),
                default,
                least,
                most,
                |bytes| Bytes(bytes).to_string(),
            )
        };
        let count = |key, given, default, least, most| {
            within(key, given, default, least, most, |n: u32| n.to_string())
        };
        use limits::*;
        Ok(FunctionLimits {
            timeout: span("timeout", self.timeout, TIMEOUT_DEFAULT, TIMEOUT_MAX)?,
            cpu: span("cpu", self.cpu, CPU_DEFAULT, CPU_MAX)?,
            memory_bytes: bytes(
                "memory",
                self.memory,
                MEMORY_BYTES_DEFAULT,
                64 * 1024,
                MEMORY_BYTES_MAX,
            )?,
            concurrency: count(
                "concurrency",
                self.concurrency,
                CONCURRENCY_DEFAULT,
                1,
                CONCURRENCY_MAX,
            )?,
            queue: count("queue", self.queue, QUEUE_DEFAULT, 0, QUEUE_MAX)?,
            rate: self.rate,
            request_bytes: bytes(
                "request-bytes",
                self.request_bytes,
                REQUEST_BYTES_DEFAULT,
                0,
                REQUEST_BYTES_MAX,
            )?,
            response_bytes: bytes(
                "response-bytes",
                self.response_bytes,
                RESPONSE_BYTES_DEFAULT,
                0,
                RESPONSE_BYTES_MAX,
            )?,
            log_bytes: bytes(
                "log-bytes",
                self.log_bytes,
                LOG_BYTES_DEFAULT,
                0,
                LOG_BYTES_MAX,
            )?,
        })
    }
}

/// The given value or the default, if it lies within the bounds.
fn within<T: PartialOrd + Copy>(
    key: &'static str,
    given: Option<T>,
    default: T,
    least: T,
    most: T,
    show: impl Fn(T) -> String,
) -> Result<T, InvalidManifest> {
    match given {
        Some(value) if value < least || value > most => Err(InvalidManifest::Limit {
            key,
            given: show(value),
            least: show(least),
            most: show(most),
        }),
        Some(value) => Ok(value),
        None => Ok(default),
    }
}
