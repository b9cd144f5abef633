//! `GET /openapi.json`: the admin API described by the host itself (OpenAPI 3.1).
//!
//! One line for each operation; what it carries is described by the type that is read or written there. A test asks the
//! running host for every one of them, so that none is described that is not there, and another holds the document
//! against the copy of it that the dashboard is made with.

use axum::Json;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::{
    activity, broker, databases, dead_letters, devices, function, functions, host, invocations,
    invoke, key_value, log_filter, logs, message, secrets, session, tokens, vitals,
};
use crate::deploy::manifest::{LIMITS, REPEATABLE};
use crate::model::session_cookie;

/// What a request or a successful answer carries.
#[derive(Clone, Copy)]
enum Content {
    Nothing,
    Json(Describe),
    /// JSON that may be left out.
    JsonIfAny(Describe),
    Bytes,
    /// A component, or a form with the parts `component`, `manifest` and `file`.
    Upload,
    /// JSON, or server-sent events with `follow=true`.
    JsonOrEvents(Describe),
    /// Server-sent events.
    Events,
}

/// The schema of a type.
type Describe = fn(&mut SchemaGenerator) -> Schema;

/// Method, path, summary, query parameters, request, success statuses, answer.
type Operation = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    Content,
    &'static [u16],
    Content,
);

use Content::{Bytes, Events, Nothing, Upload};

const fn json<T: JsonSchema>() -> Content {
    Content::Json(SchemaGenerator::subschema_for::<T>)
}

const fn json_if_any<T: JsonSchema>() -> Content {
    Content::JsonIfAny(SchemaGenerator::subschema_for::<T>)
}

const fn json_or_events<T: JsonSchema>() -> Content {
    Content::JsonOrEvents(SchemaGenerator::subschema_for::<T>)
}

/// Stands for the parameters of an upload.
const OF_UPLOAD: &str = "";
const DRY_RUN: &str = "dry_run";
const LOGS: &[&str] = &["limit", "invocation", "follow"];
const DEAD_LETTERS: &[&str] = &["function", "cursor", "limit"];

#[rustfmt::skip]
const OPERATIONS: &[Operation] = &[
    ("get", "/session", "As whom one is signed in", &[], Nothing, &[200], json::<session::Session>()),
    ("post", "/session", "Sign in with the code of a link, or with a token", &[], json::<session::SignIn>(), &[200], json::<session::Session>()),
    ("delete", "/session", "Sign out", &[], Nothing, &[204], Nothing),
    ("post", "/tokens", "Make a token and show it, once", &[], json::<tokens::TokenRequest>(), &[201], json::<tokens::NewToken>()),
    ("get", "/host", "Versions, addresses, settings and limits of this host", &[], Nothing, &[200], json::<host::HostInfo>()),
    ("get", "/vitals", "What the host has and uses, and whether it is well", &[], Nothing, &[200], json::<vitals::Vitals>()),
    ("get", "/live", "What happens, as it happens", &["types", "function", "after"], Nothing, &[200], Events),
    ("get", "/log-filter", "What the host logs", &[], Nothing, &[200], json::<log_filter::LogFilterSetting>()),
    ("put", "/log-filter", "Change what the host logs, until it ends", &[], json::<log_filter::LogFilterSetting>(), &[200], json::<log_filter::LogFilterSetting>()),
    ("get", "/functions", "List functions", &[], Nothing, &[200], json::<functions::Functions>()),
    ("get", "/functions/{name}", "Show a function", &[], Nothing, &[200], json::<function::FunctionDetail>()),
    ("put", "/functions/{name}", "Deploy; 200 when nothing changed", &[OF_UPLOAD], Upload, &[200, 201], json::<function::Deployed>()),
    ("post", "/functions/{name}", "What a deploy would do", &[DRY_RUN, OF_UPLOAD], Upload, &[200], json::<function::DryRun>()),
    ("delete", "/functions/{name}", "Remove a function with all its revisions", &["inbox"], Nothing, &[204], Nothing),
    ("get", "/functions/{name}/revisions", "Revisions kept, newest first", &[], Nothing, &[200], json::<functions::Revisions>()),
    ("post", "/functions/{name}/rollback", "Make an older revision active", &[], json_if_any::<functions::RollbackRequest>(), &[200], json::<function::FunctionSummary>()),
    ("get", "/functions/{name}/logs", "Log lines, oldest first", LOGS, Nothing, &[200], json_or_events::<logs::LogList>()),
    ("get", "/functions/{name}/activity", "What a function did in the last hour", &[], Nothing, &[200], json::<activity::ActivityHistory>()),
    ("get", "/functions/{name}/invocations", "Invocations, newest first", &["limit", "failed"], Nothing, &[200], json::<invocations::InvocationList>()),
    ("get", "/functions/{name}/invocations/{id}", "An invocation with what it did and logged", &[], Nothing, &[200], json::<invocations::InvocationDetail>()),
    ("post", "/functions/{name}/invoke", "One trial invocation", &[], json::<invoke::InvokeRequest>(), &[200], json::<invoke::Trial>()),
    ("get", "/buckets", "Buckets that hold anything", &[], Nothing, &[200], json::<key_value::Buckets>()),
    ("get", "/buckets/{bucket}/keys", "Keys, a page at a time", &["prefix", "cursor"], Nothing, &[200], json::<key_value::KeyPage>()),
    ("get", "/buckets/{bucket}/keys/{key}", "Read a value; the header `x-expires-at` says when it is gone, where it ever is", &[], Nothing, &[200], Bytes),
    ("put", "/buckets/{bucket}/keys/{key}", "Write a value; `ttl=1h` has it gone after an hour", &["ttl"], Bytes, &[204], Nothing),
    ("delete", "/buckets/{bucket}/keys/{key}", "Remove a key", &[], Nothing, &[204], Nothing),
    ("get", "/databases", "SQL databases of functions", &[], Nothing, &[200], json::<databases::Databases>()),
    ("delete", "/databases/{name}", "Remove a database that no function is granted", &[], Nothing, &[204], Nothing),
    ("get", "/secrets", "Names of secrets", &[], Nothing, &[200], json::<secrets::Secrets>()),
    ("put", "/secrets/{name}", "Set a secret", &[], Bytes, &[204], Nothing),
    ("delete", "/secrets/{name}", "Remove a secret that no function needs", &[], Nothing, &[204], Nothing),
    ("get", "/broker", "The broker's figures", &[], Nothing, &[200], json::<broker::BrokerState>()),
    ("get", "/broker/clients", "MQTT sessions, and their connections", &[], Nothing, &[200], json::<broker::Clients>()),
    ("delete", "/broker/clients/{client}", "End a client's connection and its session", &[], Nothing, &[204], Nothing),
    ("get", "/broker/topics", "Topics with rates and retained messages", &["filter"], Nothing, &[200], json::<broker::Topics>()),
    ("get", "/broker/messages", "Retained messages; then those that are published", &["filter", "follow"], Nothing, &[200], json_or_events::<broker::Messages>()),
    ("get", "/broker/inboxes", "What waits for functions", &[], Nothing, &[200], json::<broker::Inboxes>()),
    ("post", "/broker/publish", "Publish an MQTT message", &[], json::<message::MessageRequest>(), &[202], Nothing),
    ("get", "/broker/dead-letters", "Messages given up, newest first", DEAD_LETTERS, Nothing, &[200], json::<dead_letters::DeadLetters>()),
    ("delete", "/broker/dead-letters/{function}", "Drop all of a function", &[], Nothing, &[200], json::<dead_letters::Dropped>()),
    ("post", "/broker/dead-letters/{function}/retry", "Try all of a function again", &[], Nothing, &[200], json::<dead_letters::Retried>()),
    ("get", "/broker/dead-letters/{function}/{id}", "Show one with its message", &[], Nothing, &[200], json::<dead_letters::DeadLetterDetail>()),
    ("delete", "/broker/dead-letters/{function}/{id}", "Drop one", &[], Nothing, &[204], Nothing),
    ("post", "/broker/dead-letters/{function}/{id}/retry", "Try one again", &[], Nothing, &[202], Nothing),
    ("get", "/devices", "MQTT devices, a page at a time", &["cursor"], Nothing, &[200], json::<devices::Devices>()),
    ("get", "/devices/{name}", "Show a device", &[], Nothing, &[200], json::<devices::Device>()),
    ("put", "/devices/{name}", "Add a device and show its password, once; 200 when one was changed", &[], json::<devices::DeviceRequest>(), &[200, 201], json::<devices::PutDevice>()),
    ("delete", "/devices/{name}", "Remove a device and end its connections", &[], Nothing, &[204], Nothing),
    ("post", "/devices/{name}/password", "Give a device a new password and show it, once", &[], Nothing, &[200], json::<devices::DevicePassword>()),
];

/// `GET /openapi.json`
pub(super) async fn openapi() -> Json<Value> {
    Json(document())
}

fn document() -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.answers.subschema_for::<Problem>();
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(format!("/api/v1{}", operation.1));
        path.or_insert_with(|| json!({}))[operation.0] =
            describe(operation, &problem, &mut schemas);
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Tidegate", "version": env!("CARGO_PKG_VERSION") },
        "security": [{ "token": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "session": { "type": "apiKey", "in": "cookie", "name": session_cookie::SECURE },
            },
            "schemas": schemas.collected(),
        },
    });
    // The same whichever order the crate's features give to members.
    document.sort_all_objects();
    document
}

/// The schemas of what is read, and of what is written: a member with a default may be left out of the one, and is
/// always in the other.
struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Schemas {
    fn new() -> Schemas {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Schemas {
            requests: settings.clone().for_deserialize().into_generator(),
            answers: settings.for_serialize().into_generator(),
        }
    }

    /// By their names. No type is read as well as written, but those that are the same both ways.
    fn collected(mut self) -> Map<String, Value> {
        let mut schemas = self.requests.take_definitions(true);
        schemas.extend(self.answers.take_definitions(true));
        schemas
    }
}

fn describe(
    (method, path, summary, query, request, statuses, answer): &Operation,
    problem: &Schema,
    schemas: &mut Schemas,
) -> Value {
    let in_path = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{'));
    let in_path = in_path.map(|name| parameter(name.trim_end_matches('}'), "path"));
    let in_query = query.iter().flat_map(|name| match *name {
        OF_UPLOAD => [&REPEATABLE[..], &LIMITS].concat(),
        name => vec![name],
    });
    let in_query = in_query.map(|name| parameter(name, "query"));
    let mut success = json!({ "description": "It was done." });
    if let Some(content) = content(*answer, &mut schemas.answers) {
        success["content"] = content;
    }
    let mut operation = json!({
        "summary": summary,
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            "default": {
                "description": "It was not; the problem says why and what to do.",
                "content": { "application/problem+json": { "schema": problem } },
            },
        },
    });
    for status in *statuses {
        operation["responses"][status.to_string()] = success.clone();
    }
    if let Some(content) = content(*request, &mut schemas.requests) {
        let required = !matches!(request, Content::JsonIfAny(_));
        operation["requestBody"] = json!({ "content": content, "required": required });
    }
    if *path == "/session" && *method != "get" {
        operation["security"] = json!([]);
    }
    operation
}

fn parameter(name: &str, place: &str) -> Value {
    let schema = match name {
        DRY_RUN | "follow" | "failed" => json!({ "type": "boolean" }),
        "limit" => json!({ "type": "integer", "minimum": 0 }),
        "inbox" => json!({ "type": "string", "enum": ["keep", "drop"] }),
        name if place == "query" && REPEATABLE.contains(&name) => {
            json!({ "type": "array", "items": { "type": "string" } })
        }
        _ => json!({ "type": "string" }),
    };
    let required = place == "path" || name == DRY_RUN;
    json!({ "name": name, "in": place, "required": required, "schema": schema })
}

fn content(content: Content, generator: &mut SchemaGenerator) -> Option<Value> {
    let bytes = || json!({ "schema": { "type": "string", "format": "binary" } });
    match content {
        Nothing => None,
        Content::Json(schema) | Content::JsonIfAny(schema) => {
            Some(json!({ "application/json": { "schema": schema(generator) } }))
        }
        Bytes => Some(json!({ "application/octet-stream": bytes() })),
        Upload => Some(json!({ "application/wasm": bytes(), "multipart/form-data": {} })),
        Content::JsonOrEvents(schema) => Some(json!({
            "application/json": { "schema": schema(generator) },
            "text/event-stream": {},
        })),
        Content::Events => Some(json!({ "text/event-stream": {} })),
    }
}
