//! `GET /openapi.json`: the admin API described by the host itself (OpenAPI 3.1).
//!
//! One line for each operation. A test asks the running host for every one of them, so that none is described that
//! is not there.

use axum::Json;
use serde_json::{Map, Value, json};

use crate::model::session_cookie;

/// What a request or a successful answer carries.
#[derive(Clone, Copy)]
enum Content {
    Nothing,
    Json,
    Bytes,
    /// A component, or a form with the parts `component`, `manifest` and `file`.
    Upload,
    /// JSON, or server-sent events with `follow=true`.
    JsonOrEvents,
}

/// Method, path, summary, query parameters, request, success status, answer.
type Operation = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    Content,
    u16,
    Content,
);

use Content::{Bytes, Json as JsonContent, JsonOrEvents, Nothing, Upload};

const UPLOAD: &[&str] = &[
    "route", "topic", "schedule", "bucket", "database", "publish", "outbound",
];
const DRY_RUN: &[&str] = &[
    "dry_run", "route", "topic", "schedule", "bucket", "database", "publish", "outbound",
];
const LOGS: &[&str] = &["limit", "invocation", "follow"];

#[rustfmt::skip]
const OPERATIONS: &[Operation] = &[
    ("get", "/functions", "List functions", &[], Nothing, 200, JsonContent),
    ("get", "/functions/{name}", "Show a function", &[], Nothing, 200, JsonContent),
    ("put", "/functions/{name}", "Deploy; 200 when nothing changed", UPLOAD, Upload, 201, JsonContent),
    ("post", "/functions/{name}", "What a deploy would do", DRY_RUN, Upload, 200, JsonContent),
    ("delete", "/functions/{name}", "Remove a function with all its revisions", &["inbox"], Nothing, 204, Nothing),
    ("get", "/functions/{name}/revisions", "Revisions kept, newest first", &[], Nothing, 200, JsonContent),
    ("post", "/functions/{name}/rollback", "Make an older revision active", &[], JsonContent, 200, JsonContent),
    ("get", "/functions/{name}/logs", "Log lines", LOGS, Nothing, 200, JsonOrEvents),
    ("get", "/functions/{name}/invocations", "Invocations, newest first", &[], Nothing, 200, JsonContent),
    ("post", "/functions/{name}/invoke", "One trial invocation", &[], JsonContent, 200, JsonContent),
    ("get", "/buckets", "Buckets that hold anything", &[], Nothing, 200, JsonContent),
    ("get", "/buckets/{bucket}/keys", "Keys, a page at a time", &["prefix", "cursor"], Nothing, 200, JsonContent),
    ("get", "/buckets/{bucket}/keys/{key}", "Read a value", &[], Nothing, 200, Bytes),
    ("put", "/buckets/{bucket}/keys/{key}", "Write a value", &[], Bytes, 204, Nothing),
    ("delete", "/buckets/{bucket}/keys/{key}", "Remove a key", &[], Nothing, 204, Nothing),
    ("get", "/databases", "SQL databases of functions", &[], Nothing, 200, JsonContent),
    ("delete", "/databases/{name}", "Remove a database that no function is granted", &[], Nothing, 204, Nothing),
    ("get", "/secrets", "Names of secrets", &[], Nothing, 200, JsonContent),
    ("put", "/secrets/{name}", "Set a secret", &[], Bytes, 204, Nothing),
    ("delete", "/secrets/{name}", "Remove a secret that no function needs", &[], Nothing, 204, Nothing),
    ("get", "/broker", "The broker's figures", &[], Nothing, 200, JsonContent),
    ("get", "/broker/clients", "MQTT sessions, and their connections", &[], Nothing, 200, JsonContent),
    ("delete", "/broker/clients/{client}", "End a client's connection and its session", &[], Nothing, 204, Nothing),
    ("get", "/broker/topics", "Topics with rates and retained messages", &["filter"], Nothing, 200, JsonContent),
    ("get", "/broker/messages", "Retained messages; then those that are published", &["filter", "follow"], Nothing, 200, JsonOrEvents),
    ("get", "/broker/inboxes", "What waits for functions", &[], Nothing, 200, JsonContent),
    ("get", "/broker/dead-letters", "Messages given up, newest first", &["function", "cursor", "limit"], Nothing, 200, JsonContent),
    ("delete", "/broker/dead-letters/{function}", "Drop all of a function", &[], Nothing, 200, JsonContent),
    ("post", "/broker/dead-letters/{function}/retry", "Try all of a function again", &[], Nothing, 200, JsonContent),
    ("get", "/broker/dead-letters/{function}/{id}", "Show one with its payload", &[], Nothing, 200, JsonContent),
    ("delete", "/broker/dead-letters/{function}/{id}", "Drop one", &[], Nothing, 204, Nothing),
    ("post", "/broker/dead-letters/{function}/{id}/retry", "Try one again", &[], Nothing, 202, Nothing),
    ("get", "/devices", "MQTT devices, a page at a time", &["cursor"], Nothing, 200, JsonContent),
    ("get", "/devices/{name}", "Show a device", &[], Nothing, 200, JsonContent),
    ("put", "/devices/{name}", "Add a device and say its password, once; 200 when one was changed", &[], JsonContent, 201, JsonContent),
    ("delete", "/devices/{name}", "Remove a device and end its connections", &[], Nothing, 204, Nothing),
    ("post", "/devices/{name}/password", "Give a device a new password and say it, once", &[], Nothing, 200, JsonContent),
    ("post", "/broker/publish", "Publish an MQTT message", &[], JsonContent, 202, Nothing),
    ("get", "/session", "As whom one is signed in", &[], Nothing, 200, JsonContent),
    ("post", "/session", "Sign in with the code of a link, or with a token", &[], JsonContent, 200, JsonContent),
    ("delete", "/session", "Sign out", &[], Nothing, 204, Nothing),
];

/// `GET /openapi.json`
pub(super) async fn openapi() -> Json<Value> {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(format!("/api/v1{}", operation.1));
        path.or_insert_with(|| json!({}))[operation.0] = describe(operation);
    }
    Json(json!({
        "openapi": "3.1.0",
        "info": { "title": "Tidegate", "version": env!("CARGO_PKG_VERSION") },
        "security": [{ "token": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "session": { "type": "apiKey", "in": "cookie", "name": session_cookie::SECURE },
            },
            "schemas": { "Problem": problem() },
        },
    }))
}

fn describe((method, path, summary, query, request, status, answer): &Operation) -> Value {
    let in_path = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{'));
    let in_path = in_path.map(|name| parameter(name.trim_end_matches('}'), "path", true));
    let in_query = query.iter().map(|name| parameter(name, "query", false));
    let mut success = json!({ "description": "It was done." });
    if let Some(content) = content(*answer) {
        success["content"] = content;
    }
    let mut operation = json!({
        "summary": summary,
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            (status.to_string()): success,
            "default": {
                "description": "It was not; the problem says why and what to do.",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            },
        },
    });
    if let Some(content) = content(*request) {
        operation["requestBody"] = json!({ "content": content });
    }
    if *path == "/session" && *method != "get" {
        operation["security"] = json!([]);
    }
    operation
}

fn parameter(name: &str, place: &str, required: bool) -> Value {
    json!({ "name": name, "in": place, "required": required, "schema": { "type": "string" } })
}

fn content(content: Content) -> Option<Value> {
    match content {
        Nothing => None,
        JsonContent => Some(json!({ "application/json": { "schema": { "type": "object" } } })),
        Bytes => Some(json!({ "application/octet-stream": {} })),
        Upload => Some(json!({ "application/wasm": {}, "multipart/form-data": {} })),
        JsonOrEvents => Some(json!({ "application/json": {}, "text/event-stream": {} })),
    }
}

/// RFC 9457, with the stable code and the request's id.
fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["title", "status", "code", "detail", "request_id"],
        "properties": {
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": { "type": "string", "description": "Stable: what to go by." },
            "detail": { "type": "string", "description": "What is wrong and what to do." },
            "request_id": { "type": "string" },
        },
    })
}
