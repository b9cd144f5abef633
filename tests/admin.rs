//! The admin API: who may do what, how errors look, and each resource that has no test file of its own.

use std::collections::HashSet;

use futures_util::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::{Value, json};
use tidegate_tests::{
    AdminClient, MqttClient, QoS, Reply, Role, SOON, TestHost, artifacts, eventually,
};

const FUNCTIONS: &str = "/api/v1/functions";

/// Every path of the API that is not for everybody, with a method that it takes.
const PROTECTED: [(&str, &str); 25] = [
    ("GET", "/api/v1/session"),
    ("GET", "/api/v1/host"),
    ("POST", "/api/v1/tokens"),
    ("GET", FUNCTIONS),
    ("GET", "/api/v1/functions/version"),
    ("PUT", "/api/v1/functions/version"),
    ("POST", "/api/v1/functions/version?dry_run=true"),
    ("DELETE", "/api/v1/functions/version"),
    ("GET", "/api/v1/functions/version/revisions"),
    ("POST", "/api/v1/functions/version/rollback"),
    ("GET", "/api/v1/functions/version/logs"),
    ("GET", "/api/v1/functions/version/logs?follow=true"),
    ("GET", "/api/v1/functions/version/invocations"),
    ("POST", "/api/v1/functions/version/invoke"),
    ("GET", "/api/v1/buckets"),
    ("GET", "/api/v1/buckets/default/keys"),
    ("GET", "/api/v1/buckets/default/keys/key"),
    ("PUT", "/api/v1/buckets/default/keys/key"),
    ("DELETE", "/api/v1/buckets/default/keys/key"),
    ("GET", "/api/v1/databases"),
    ("GET", "/api/v1/secrets"),
    ("PUT", "/api/v1/secrets/key"),
    ("DELETE", "/api/v1/secrets/key"),
    ("GET", "/api/v1/broker/clients"),
    ("POST", "/api/v1/broker/publish"),
];

/// Sends a request with a JSON body that most of the API can read.
async fn send(client: &AdminClient, (method, path): (&str, &str)) -> Reply {
    let method = method.parse().expect("a method");
    Reply::of(client.request(method, path).json(&json!({}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_there_is_nothing_to_be_had() {
    let host = TestHost::start().await;
    host.admin()
        .deployed("version", artifacts::guest("http_version"), "")
        .await;
    for request in PROTECTED {
        let refused = send(&host.stranger(), request)
            .await
            .expect_problem(401, "token_missing");
        assert_eq!(refused.header("www-authenticate"), "Bearer", "{request:?}");
    }
    host.admin()
        .get("/api/v1/functions/version")
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_the_hosts_own_is_refused() {
    let (host, other) = tokio::join!(TestHost::start(), TestHost::start());
    let token = host.token(Role::Admin);
    AdminClient::new(&host.admin, Some(&token))
        .get(FUNCTIONS)
        .await
        .expect(200);
    let (head, signature) = token.rsplit_once('.').expect("three parts");
    let (header, claims) = head.split_once('.').expect("three parts");
    let viewer = host.token(Role::Viewer);
    let (_, viewer_signature) = viewer.rsplit_once('.').expect("three parts");
    let flipped: String = signature.chars().rev().collect();
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    for bad in [
        other.token(Role::Admin),
        format!("{head}.{flipped}"),
        format!("{head}."),
        format!("{header}.{claims}.{viewer_signature}"),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        "nonsense".to_owned(),
        "x".repeat(10_000),
    ] {
        let refused = AdminClient::new(&host.admin, Some(&bad))
            .get(FUNCTIONS)
            .await;
        refused.expect_problem(401, "token_invalid");
    }
    let basic = host
        .stranger()
        .request(Method::GET, FUNCTIONS)
        .basic_auth("admin", Some(&token));
    Reply::of(basic).await.expect_problem(401, "token_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_expires() {
    let host = TestHost::start().await;
    let client = AdminClient::new(&host.admin, Some(&host.token_for(Role::Admin, "1s")));
    client.get(FUNCTIONS).await.expect(200);
    let refused = eventually("the token expires", SOON, async || {
        let reply = client.get(FUNCTIONS).await;
        (reply.status != 200).then_some(reply)
    });
    let refused = refused.await.expect_problem(401, "token_invalid");
    assert!(
        refused.text().contains("it has expired"),
        "{}",
        refused.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_and_changes_nothing() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let deployed = admin
        .deployed("version", artifacts::guest("http_version"), "")
        .await;
    admin
        .put("/api/v1/buckets/default/keys/key", "value")
        .await
        .expect(204);
    let viewer = host.admin_as(Role::Viewer);
    for request in PROTECTED {
        let is_reading = request.0 == "GET" && !request.1.ends_with("/keys/key");
        if request.1.contains("follow=true") {
            continue;
        }
        let reply = send(&viewer, request).await;
        if is_reading {
            reply.expect(200);
        } else {
            reply.expect_problem(403, "role_insufficient");
        }
    }
    let unchanged = admin
        .get("/api/v1/functions/version")
        .await
        .expect(200)
        .json();
    assert_eq!(unchanged["revision"], deployed["revision"]);
    assert_eq!(
        admin.get("/api/v1/buckets/default/keys/key").await.text(),
        "value"
    );
    let deployer = host.admin_as(Role::Deployer);
    deployer
        .deploy("version", artifacts::guest("http_version_two"), "")
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_need_no_token_on_the_hosts_own_machine() {
    let host = TestHost::start().await;
    let stranger = host.stranger();
    let health = stranger.get("/healthz").await.expect(200).text();
    assert!(health.starts_with("ok "), "{health}");
    assert_eq!(stranger.get("/readyz").await.expect(200).text(), "ready\n");
    stranger.get("/metrics").await.expect(200);
}

/// Requests that fail, with their status and code.
const FAILING: [((&str, &str), u16, &str); 15] = [
    (("GET", "/api/v1/nothing"), 404, "no_such_path"),
    (("GET", "/nothing"), 404, "no_such_path"),
    (("GET", "/api/v2/functions"), 404, "no_such_path"),
    (("PATCH", FUNCTIONS), 405, "method_not_allowed"),
    (("PUT", "/healthz"), 405, "method_not_allowed"),
    (("GET", "/api/v1/functions/none"), 404, "no_such_function"),
    (
        ("DELETE", "/api/v1/functions/none"),
        404,
        "no_such_function",
    ),
    (
        ("GET", "/api/v1/functions/none/logs"),
        404,
        "no_such_function",
    ),
    (
        ("GET", "/api/v1/functions/Not%20a%20Name"),
        400,
        "invalid_name",
    ),
    (("GET", "/api/v1/buckets/UPPER/keys"), 400, "invalid_name"),
    (
        ("GET", "/api/v1/buckets/default/keys/none"),
        404,
        "no_such_key",
    ),
    (
        ("GET", "/api/v1/buckets/default/keys?unknown=1"),
        400,
        "bad_request",
    ),
    (("POST", "/api/v1/broker/publish"), 400, "bad_request"),
    (("POST", "/api/v1/functions/x"), 400, "bad_request"),
    (("POST", "/api/v1/session"), 400, "bad_request"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_problem_document_with_the_requests_id() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let mut ids = HashSet::new();
    for (request, status, code) in FAILING {
        let reply = send(&admin, request).await.expect_problem(status, code);
        let problem = reply.json();
        assert_eq!(
            reply.members(),
            HashSet::from(["title", "status", "code", "detail", "request_id"].map(str::to_owned)),
            "{problem}"
        );
        assert_eq!(
            problem["request_id"],
            reply.header("x-request-id"),
            "{request:?}"
        );
        assert_eq!(
            (
                reply.header("x-content-type-options"),
                reply.header("cache-control")
            ),
            ("nosniff", "no-store")
        );
        assert!(
            ids.insert(problem["request_id"].to_string()),
            "an id of its own: {problem}"
        );
    }
    let fine = admin.get(FUNCTIONS).await.expect(200);
    assert!(
        ids.insert(fine.header("x-request-id").to_owned())
            && !fine.header("x-request-id").is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_what_it_should_be_is_a_bad_request() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("version", artifacts::guest("http_version"), "")
        .await;
    let invoke = "/api/v1/functions/version/invoke";
    for (path, body) in [
        (invoke, "{"),
        (invoke, ""),
        (invoke, "[]"),
        (invoke, r#"{"http":{},"mqtt":{"topic":"a"}}"#),
        (invoke, r#"{"ftp":{}}"#),
        (invoke, r#"{"http":{"unknown":1}}"#),
        (invoke, r#"{"http":{"method":"G E T"}}"#),
        (invoke, r#"{"http":{"body":"a","body_base64":"YQ=="}}"#),
        (invoke, r#"{"http":{"body_base64":"*"}}"#),
        (invoke, r#"{"mqtt":{"topic":"a/#"}}"#),
        (invoke, r#"{"mqtt":{"topic":"a","qos":3}}"#),
        ("/api/v1/functions/version/rollback", r#"{"revisoin":1}"#),
        ("/api/v1/broker/publish", r#"{"topic":""}"#),
        ("/api/v1/session", "code"),
    ] {
        let request = admin
            .request(Method::POST, path)
            .header("content-type", "application/json");
        let reply = Reply::of(request.body(body)).await;
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (400, &json!("bad_request")),
            "{path} {body}"
        );
    }
    let untyped = admin.request(Method::POST, invoke).body(r#"{"http":{}}"#);
    Reply::of(untyped).await.expect_problem(400, "bad_request");
    let large = admin
        .request(Method::POST, invoke)
        .header("content-type", "application/json");
    let large = Reply::of(large.body(format!(
        r#"{{"http":{{"body":"{}"}}}}"#,
        "x".repeat(1 << 20)
    )))
    .await;
    large.expect_problem(413, "body_too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn key_value_state_is_reached_through_the_api() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let key = |key: &str| format!("/api/v1/buckets/default/keys/{key}");
    let binary: Vec<u8> = (0..=255).collect();
    admin
        .put(&key("doors/1/state"), binary.clone())
        .await
        .expect(204);
    admin.put(&key("doors/2/state"), "").await.expect(204);
    admin.put(&key("caf%C3%A9%20x"), "umlaut").await.expect(204);
    let read = admin.get(&key("doors/1/state")).await.expect(200);
    assert_eq!(read.header("content-type"), "application/octet-stream");
    assert_eq!(read.body, binary);
    assert_eq!(admin.get(&key("doors/2/state")).await.expect(200).body, b"");
    assert_eq!(
        admin.get(&key("caf%C3%A9%20x")).await.expect(200).text(),
        "umlaut"
    );
    let keys = async |query: &str| {
        admin
            .get(&format!("/api/v1/buckets/default/keys?{query}"))
            .await
            .expect(200)
            .json()["keys"]
            .clone()
    };
    assert_eq!(
        keys("").await,
        json!(["café x", "doors/1/state", "doors/2/state"])
    );
    assert_eq!(
        keys("prefix=doors/").await,
        json!(["doors/1/state", "doors/2/state"])
    );
    assert_eq!(keys("prefix=%25").await, json!([]));
    admin.delete(&key("doors/1/state")).await.expect(204);
    admin
        .delete(&key("doors/1/state"))
        .await
        .expect_problem(404, "no_such_key");
    admin
        .get(&key("doors/1/state"))
        .await
        .expect_problem(404, "no_such_key");
    assert_eq!(
        admin.get("/api/v1/buckets").await.expect(200).json(),
        json!({ "buckets": [{ "name": "default", "keys": 2, "bytes": 26 }] })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_gone_when_its_time_has_come_and_stays_when_it_is_written_anew() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = artifacts::guest("kv_counter");
    admin.deployed("counter", guest, "bucket=default").await;
    let keys = "/api/v1/buckets/default/keys";
    let put = async |key: &str, query: &str| admin.put(&format!("{keys}/{key}?{query}"), "7").await;
    put("short", "ttl=1s").await.expect(204);
    put("long", "ttl=1h").await.expect(204);
    put("ever", "").await.expect(204);
    for key in ["long", "ever"] {
        let read = admin.get(&format!("{keys}/{key}")).await.expect(200);
        let page = admin.get(keys).await.expect(200).json();
        let entries = page["entries"].as_array().expect("entries").iter();
        let entry = entries.clone().find(|entry| entry["key"] == key);
        let entry = entry.expect("it is listed");
        assert_eq!(entry["bytes"], 1);
        match read.header("x-expires-at") {
            "" => assert!(key == "ever" && entry["expires_at"].is_null(), "{entry}"),
            expires_at => assert_eq!(entry["expires_at"], expires_at),
        }
    }
    eventually("its time has come", SOON, async || {
        (admin.get(&format!("{keys}/short")).await.status == 404).then_some(())
    })
    .await;
    let listed = admin.get(keys).await.expect(200).json();
    assert_eq!(listed["keys"], json!(["ever", "long"]));
    let buckets = admin.get("/api/v1/buckets").await.expect(200).json();
    assert_eq!(buckets["buckets"][0]["keys"], 2);
    let gone = admin.delete(&format!("{keys}/short")).await;
    gone.expect_problem(404, "no_such_key");
    put("long", "").await.expect(204);
    let read = admin.get(&format!("{keys}/long")).await.expect(200);
    assert_eq!(read.header("x-expires-at"), "");
    // A function's write takes the time off as well.
    put("count", "ttl=1h").await.expect(204);
    host.await_answer("/counter", "8").await;
    let read = admin.get(&format!("{keys}/count")).await.expect(200);
    let shown = (read.text(), read.header("x-expires-at"));
    assert_eq!(shown, ("8".to_owned(), ""));
    for query in [
        "ttl=5",
        "ttl=0s",
        "ttl=999ms",
        "ttl=4000d",
        "ttl=",
        "tll=1h",
    ] {
        let refused = put("key", query).await.expect_problem(400, "bad_request");
        assert!(refused.text().contains("ttl"), "{}", refused.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_values_of_the_api_have_the_same_bounds_as_those_of_guests() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let key = |key: &str| format!("/api/v1/buckets/default/keys/{key}");
    admin.put(&key(&"k".repeat(1024)), "v").await.expect(204);
    admin
        .put(&key(&"k".repeat(1025)), "v")
        .await
        .expect_problem(400, "bad_request");
    admin.put(&key("big"), vec![0; 1 << 20]).await.expect(204);
    admin
        .put(&key("bigger"), vec![0; (1 << 20) + 1])
        .await
        .expect_problem(413, "body_too_large");
    admin
        .get(&key("bigger"))
        .await
        .expect_problem(404, "no_such_key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_of_keys_comes_in_pages() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let all: Vec<String> = (0..1005).map(|number| format!("key-{number:04}")).collect();
    let paths = all
        .iter()
        .map(|key| format!("/api/v1/buckets/default/keys/{key}"));
    let puts = paths.map(async |path| admin.put(&path, "v").await.expect(204));
    stream::iter(puts)
        .buffer_unordered(32)
        .collect::<Vec<_>>()
        .await;
    let first = admin
        .get("/api/v1/buckets/default/keys")
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&first["keys"], &first["cursor"]),
        (&json!(all[..1000]), &json!("key-0999"))
    );
    let second = admin
        .get("/api/v1/buckets/default/keys?cursor=key-0999")
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&second["keys"], &second["cursor"]),
        (&json!(all[1000..]), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_is_seen_and_used_through_the_api() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let mut client = MqttClient::connect(host.mqtt_address(), "the-reader").await;
    client.subscribe("a/#", QoS::AtLeastOnce).await;
    let connections = async || {
        let clients = admin.get("/api/v1/broker/clients").await.expect(200);
        clients.json()["clients"]
            .as_array()
            .expect("a list")
            .clone()
    };
    let connected = connections().await;
    assert_eq!(connected.len(), 1);
    let address = connected[0]["address"].as_str().expect("an address");
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let publish = async |message: Value| admin.post("/api/v1/broker/publish", &message).await;
    publish(json!({ "topic": "a/b", "payload": "text", "qos": 1 }))
        .await
        .expect(202);
    assert_eq!(client.next_message().await.text(), "text");
    publish(json!({ "topic": "a/c", "payload_base64": "AP8=", "retain": true }))
        .await
        .expect(202);
    assert_eq!(client.next_message().await.payload, [0, 255]);
    client.disconnect().await;
    eventually("the client is gone", SOON, async || {
        connections().await.is_empty().then_some(())
    })
    .await;
}
