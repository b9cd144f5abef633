//! The API's description of itself: it is complete, it is what the dashboard was made with, and answers are as it says.

use std::path::Path;

use serde_json::{Map, Value, json};
use tidegate_tests::{MqttClient, QoS, Reply, Role, SOON, TestHost, artifacts, eventually};

/// Set to anything, it has the test write the copy anew.
const RENEW: &str = "TIDEGATE_RENEW_OPENAPI";

#[tokio::test(flavor = "multi_thread")]
async fn the_copy_that_the_dashboard_is_made_with_is_what_the_host_serves() {
    let host = TestHost::start().await;
    let served = host
        .stranger()
        .get("/openapi.json")
        .await
        .expect(200)
        .json();
    let served = format!("{served:#}\n");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/openapi.json");
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(&file, served).expect("web/openapi.json can be written");
        return;
    }
    let copy = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        copy == served,
        "web/openapi.json is not what /openapi.json says: run `{RENEW}=1 make test`, or this test alone with the \
         variable set, and look at what changed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_described_operation_is_there_and_every_route_is_described() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let document: Value = admin.get("/openapi.json").await.expect(200).json();
    let paths = document["paths"].as_object().expect("paths");
    for (path, operations) in paths {
        let path = path.replace(['{', '}'], "");
        for method in operations.as_object().expect("operations").keys() {
            let method = method.to_uppercase().parse().expect("a method");
            let request = admin.request(method, &path).json(&json!({}));
            let response = request.send().await.expect("an answer");
            let is_endless = response
                .headers()
                .get("content-type")
                .is_some_and(|kind| kind == "text/event-stream");
            if is_endless {
                continue;
            }
            let reply = Reply::read(response).await;
            assert!(reply.status < 500, "{path}: {}", reply.text());
            if reply.status >= 400 {
                let code = reply.json()["code"].clone();
                assert!(
                    code != "no_such_path" && code != "method_not_allowed",
                    "{path}: {code}"
                );
            }
        }
    }
    let router = include_str!("../host/src/admin/router.rs");
    // Between the two, what is not below /api/v1.
    let parts: Vec<&str> = router.split("Router::new()").collect();
    let [main, _, mqtt] = parts[..] else {
        panic!("the routes are somewhere else: {}", parts.len());
    };
    let api = [main, mqtt].concat();
    let routes: Vec<&str> = api
        .split(".route(")
        .skip(1)
        .filter_map(|route| route.split('"').nth(1))
        .collect();
    assert!(routes.len() > 10, "{routes:?}");
    for route in routes {
        let path = format!("/api/v1{}", route.replace("{*", "{"));
        assert!(paths.contains_key(&path), "{path} is not described");
    }
}

/// What is wrong with a value, as a schema has it.
struct Mistakes<'a> {
    schemas: &'a Map<String, Value>,
    found: Vec<String>,
}

impl Mistakes<'_> {
    fn look(&mut self, place: &str, schema: &Value, value: &Value) {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.rsplit('/').next().expect("a name");
            let schema = self
                .schemas
                .get(name)
                .unwrap_or_else(|| panic!("no schema `{name}`"));
            return self.look(place, &schema.clone(), value);
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(choices) = schema[choice].as_array() {
                let fits = |schema: &Value| {
                    let mut mistakes = Mistakes {
                        schemas: self.schemas,
                        found: Vec::new(),
                    };
                    mistakes.look(place, schema, value);
                    mistakes.found.is_empty()
                };
                if !choices.iter().any(fits) {
                    self.found
                        .push(format!("{place}: {value} is none of {schema}"));
                }
            }
        }
        if let Some(values) = schema["enum"].as_array()
            && !values.contains(value)
        {
            self.found
                .push(format!("{place}: {value} is none of {values:?}"));
        }
        self.look_at_type(place, schema, value);
        self.look_inside(place, schema, value);
    }

    fn look_at_type(&mut self, place: &str, schema: &Value, value: &Value) {
        let types = match &schema["type"] {
            Value::Null => return,
            Value::Array(types) => types.clone(),
            one => vec![one.clone()],
        };
        let is = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fits = |wanted: &Value| wanted == is || (wanted == "number" && is == "integer");
        if !types.iter().any(fits) {
            self.found.push(format!("{place}: {value} is no {types:?}"));
        }
    }

    fn look_inside(&mut self, place: &str, schema: &Value, value: &Value) {
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            if schema["items"].is_object() {
                self.look(&format!("{place}[{index}]"), &schema["items"], item);
            }
        }
        let (Some(members), Some(properties)) =
            (value.as_object(), schema["properties"].as_object())
        else {
            return;
        };
        for (name, member) in members {
            match properties.get(name) {
                Some(schema) => self.look(&format!("{place}.{name}"), schema, member),
                None => self.found.push(format!("{place}.{name} is not described")),
            }
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().expect("a name");
            if !members.contains_key(name) {
                self.found.push(format!("{place}.{name} is required"));
            }
        }
    }
}

/// Holds the answer to a request against the description of its operation.
async fn check(host: &TestHost, document: &Value, method: &str, path: &str, body: Option<Value>) {
    let admin = host.admin();
    let given = path.split('?').next().expect("a path");
    let operations = document["paths"].as_object().expect("paths");
    let is_this = |template: &&String| {
        let (one, other) = (template.split('/'), given.split('/'));
        one.clone().count() == other.clone().count()
            && one
                .zip(other)
                .all(|(one, other)| one == other || one.starts_with('{'))
            && !operations[*template][method].is_null()
    };
    let mut templates: Vec<&String> = operations.keys().filter(is_this).collect();
    templates.sort_by_key(|template| template.matches('{').count());
    let template = templates
        .first()
        .unwrap_or_else(|| panic!("{method} {path}"));
    let request = admin.request(method.to_uppercase().parse().expect("a method"), path);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let reply = Reply::of(request).await;
    let described = &operations[*template][method]["responses"][reply.status.to_string()];
    assert!(
        described.is_object(),
        "{method} {path}: {} {}",
        reply.status,
        reply.text()
    );
    let schema = &described["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path}: {described}");
    let mut mistakes = Mistakes {
        schemas: document["components"]["schemas"]
            .as_object()
            .expect("schemas"),
        found: Vec::new(),
    };
    mistakes.look("", schema, &reply.json());
    assert!(
        mistakes.found.is_empty(),
        "{method} {path}: {:#?}",
        mistakes.found
    );
}

/// A host with something of everything.
async fn furnished() -> (TestHost, MqttClient) {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[[http]]\nroute = \"/all/{x}\"\nmethods = [\"GET\", \"PUT\"]\n\
        [[http]]\nroute = \"/static\"\nresponse = { status = 404, headers = { a = \"b\" }, body = \"x\" }\n\
        [grants]\nbuckets = [\"default\", \"other:ro\"]\ndatabases = [\"default\"]\npublish = [\"a/#\"]\n\
        outbound = [\"https://a\"]\nsecrets = [\"key\"]\n\
        [[grants.outbound-auth]]\ndestination = \"https://a\"\nheader = \"authorization\"\nsecret = \"key\"\n\
        [limits]\ntimeout = \"5s\"\nmemory = \"8MiB\"\nrate = \"200/s\"\n\
        [config]\na = \"text\"\nb = { secret = \"key\" }\n[environment]\nA = \"b\"\n[app]\nname = \"shop\"\n";
    admin.put("/api/v1/secrets/key", "value").await.expect(204);
    admin
        .deployed_with("all", artifacts::guest("kv_all"), manifest)
        .await;
    let manifest = "[[mqtt]]\ntopic = \"in/+\"\nattempts = 1\ndeadline = \"1h\"\n";
    admin
        .deployed_with("fails", artifacts::guest("mqtt_traps"), manifest)
        .await;
    let query = "schedule=0%206%20*%20*%20*";
    admin
        .deployed(
            "ticks",
            artifacts::guest("schedule_record"),
            &format!("{query}&bucket=default"),
        )
        .await;
    admin
        .put("/api/v1/buckets/default/keys/key", "value")
        .await
        .expect(204);
    let client = MqttClient::connect(host.mqtt_address(), "reader").await;
    client.subscribe("a/#", QoS::AtLeastOnce).await;
    for message in [
        json!({ "topic": "a/b", "payload": "text", "qos": 1, "retain": true }),
        json!({ "topic": "a/c", "payload_base64": "AP8=", "retain": true }),
        json!({ "topic": "in/x", "payload": "x", "qos": 1 }),
    ] {
        admin
            .post("/api/v1/broker/publish", &message)
            .await
            .expect(202);
    }
    (host, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_as_they_are_described() {
    let (host, _reader) = furnished().await;
    let document = host.admin().get("/openapi.json").await.expect(200).json();
    let letters = "/api/v1/broker/dead-letters";
    let id = eventually("a message is given up", SOON, async || {
        let kept = host.admin().get(letters).await.expect(200).json();
        Some(kept["dead_letters"][0]["id"].as_str()?.to_owned())
    });
    let id = id.await;
    for path in [
        "session",
        "host",
        "functions",
        "functions/all",
        "functions/fails",
        "functions/ticks",
        "functions/all/revisions",
        "functions/fails/invocations",
        "functions/fails/logs",
        "buckets",
        "buckets/default/keys",
        "databases",
        "secrets",
        "broker",
        "broker/clients",
        "broker/topics",
        "broker/messages",
        "broker/inboxes",
        "broker/dead-letters",
        "devices",
        &format!("broker/dead-letters/fails/{id}"),
    ] {
        check(&host, &document, "get", &format!("/api/v1/{path}"), None).await;
    }
    let of_http = json!({ "http": { "path": "/all/x?op=get&key=key" } });
    let device = json!({ "publish": ["a/%u"], "subscribe": ["b/#"] });
    let message = json!({ "mqtt": { "topic": "in/y" } });
    for (method, path, body) in [
        ("post", "functions/all/invoke", of_http),
        ("post", "functions/fails/invoke", message),
        ("post", "functions/ticks/invoke", json!({ "schedule": {} })),
        ("put", "devices/door", device.clone()),
        ("put", "devices/door", device),
        ("post", "devices/door/password", json!({})),
        (
            "post",
            "tokens",
            json!({ "subject": "x", "role": "viewer", "ttl": "1h" }),
        ),
        (
            "post",
            "session",
            json!({ "token": host.token(Role::Viewer) }),
        ),
        ("post", "broker/dead-letters/fails/retry", json!({})),
        ("delete", "broker/dead-letters/fails", json!({})),
    ] {
        check(
            &host,
            &document,
            method,
            &format!("/api/v1/{path}"),
            Some(body),
        )
        .await;
    }
    check(&host, &document, "get", "/api/v1/devices/door", None).await;
}
