//! What this host is: its versions, where it is reached, its settings and its limits.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::router::{Host, Viewer};
use crate::limits;
use crate::observe::log_line::rfc3339;
use crate::storage::database::sqlite_version;

/// What is settled when the host starts.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of HostInfo")]
pub struct HostFacts {
    pub started: SystemTime,
    /// Where functions are reached, as in `http://127.0.0.1:3000`.
    pub http_url: String,
    pub admin_url: String,
    pub mqtt_urls: Vec<String>,
    pub data_dir: PathBuf,
    /// Flags and their values, as the host goes by them. No secrets.
    pub settings: Vec<(String, String)>,
}

impl HostFacts {
    /// Those of a host that starts now and is reached at this URL alone.
    pub fn new(http_url: String) -> HostFacts {
        HostFacts {
            started: SystemTime::now(),
            http_url,
            admin_url: String::new(),
            mqtt_urls: Vec::new(),
            data_dir: PathBuf::new(),
            settings: Vec::new(),
        }
    }
}

/// A host.
#[derive(Serialize, JsonSchema)]
pub(super) struct HostInfo {
    version: &'static str,
    started_at: String,
    /// Operating system and processor, as in `linux x86_64`.
    platform: String,
    wasmtime_version: &'static str,
    sqlite_version: &'static str,
    /// Where functions are reached.
    http_url: String,
    admin_url: String,
    /// Where MQTT clients connect; none where MQTT is off or another broker stands in.
    mqtt_urls: Vec<String>,
    data_dir: String,
    settings: Vec<Setting>,
    limits: Vec<Limit>,
}

/// A setting as the host goes by it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Setting {
    /// The flag, as in `--drain-timeout`.
    name: String,
    value: String,
}

/// A bound that the host keeps to.
#[derive(Serialize, JsonSchema)]
pub(super) struct Limit {
    name: &'static str,
    value: u64,
    unit: Unit,
    meaning: &'static str,
}

/// What a limit counts.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Unit {
    Bytes,
    Seconds,
    Count,
}

/// `GET /host`
pub(super) async fn show(_: Viewer, State(host): Host) -> Json<HostInfo> {
    let facts = &host.facts;
    let settings = facts.settings.iter().map(|(name, value)| Setting {
        name: name.clone(),
        value: value.clone(),
    });
    Json(HostInfo {
        version: env!("CARGO_PKG_VERSION"),
        started_at: rfc3339(facts.started),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        wasmtime_version: env!("WASMTIME_VERSION"),
        sqlite_version: sqlite_version(),
        http_url: facts.http_url.clone(),
        admin_url: facts.admin_url.clone(),
        mqtt_urls: facts.mqtt_urls.clone(),
        data_dir: facts.data_dir.display().to_string(),
        settings: settings.collect(),
        limits: known_limits(),
    })
}

/// Those that an operator meets.
#[rustfmt::skip]
fn known_limits() -> Vec<Limit> {
    use Unit::{Bytes, Count, Seconds};
    let seconds = |time: Duration| time.as_secs();
    let bytes = |bytes: usize| bytes as u64;
    let limits = [
        ("http-connections", bytes(limits::HTTP_CONNECTIONS_MAX), Count, "connections that one HTTP listener holds open at once"),
        ("http-header", bytes(limits::HTTP_HEADER_BYTES_MAX), Bytes, "the head of one HTTP request"),
        ("http-header-timeout", seconds(limits::HTTP_HEADER_TIMEOUT), Seconds, "time for a client to send the head of its request"),
        ("http-body-idle-timeout", seconds(limits::HTTP_BODY_IDLE_TIMEOUT), Seconds, "time without a byte of an awaited request body"),
        ("component", bytes(limits::COMPONENT_BYTES_MAX), Bytes, "one component that is uploaded"),
        ("manifest", bytes(limits::MANIFEST_BYTES_MAX), Bytes, "one manifest, with the part inside of the component"),
        ("files", bytes(limits::FILES_BYTES_MAX), Bytes, "all files of one function"),
        ("routes", bytes(limits::ROUTES_MAX), Count, "HTTP routes of one function"),
        ("triggers", bytes(limits::TRIGGERS_MAX), Count, "MQTT triggers of one function, and schedules"),
        ("timeout", seconds(limits::TIMEOUT_MAX), Seconds, "the most for a function's limit `timeout`"),
        ("cpu", seconds(limits::CPU_MAX), Seconds, "the most for a function's limit `cpu`"),
        ("memory", limits::MEMORY_BYTES_MAX, Bytes, "the most for a function's limit `memory`"),
        ("concurrency", limits::CONCURRENCY_MAX.into(), Count, "the most for a function's limit `concurrency`"),
        ("queue", limits::QUEUE_MAX.into(), Count, "the most for a function's limit `queue`"),
        ("request-bytes", limits::REQUEST_BYTES_MAX, Bytes, "the most for a function's limit `request-bytes`"),
        ("response-bytes", limits::RESPONSE_BYTES_MAX, Bytes, "the most for a function's limit `response-bytes`"),
        ("log-bytes", limits::LOG_BYTES_MAX, Bytes, "the most for a function's limit `log-bytes`"),
        ("attempts", limits::ATTEMPTS_MAX.into(), Count, "the most deliveries of one MQTT message, and runs of one tick"),
        ("message-deadline", seconds(limits::MESSAGE_DEADLINE_MAX), Seconds, "the most time that an MQTT message may wait for a function"),
        ("key", bytes(limits::KEY_BYTES_MAX), Bytes, "one key of key-value state"),
        ("value", bytes(limits::VALUE_BYTES_MAX), Bytes, "one value of key-value state"),
        ("bucket", limits::BUCKET_BYTES_MAX, Bytes, "all keys and values of one bucket"),
        ("database", limits::SQL_DATABASE_BYTES_MAX, Bytes, "one SQL database of functions"),
        ("sql-statement-timeout", seconds(limits::SQL_STATEMENT_TIMEOUT), Seconds, "time that one SQL statement may take"),
        ("secret", bytes(limits::SECRET_BYTES_MAX), Bytes, "one secret"),
        ("secrets", bytes(limits::SECRETS_MAX), Count, "secrets of this host"),
        ("devices", bytes(limits::DEVICES_MAX), Count, "MQTT devices of this host"),
        ("outbound-connections", bytes(limits::OUTBOUND_CONNECTIONS_MAX), Count, "outbound connections of all functions at once"),
        ("log-lines-kept", bytes(limits::LOG_LINES_KEPT), Count, "log lines that are kept of one function"),
        ("invocations-kept", bytes(limits::INVOCATIONS_KEPT), Count, "invocations that are kept of one function"),
        ("mqtt-payload", bytes(tidegate_broker::limits::PAYLOAD_BYTES_MAX), Bytes, "the payload of one MQTT message"),
    ];
    let limit = |(name, value, unit, meaning)| Limit { name, value, unit, meaning };
    limits.map(limit).into()
}
