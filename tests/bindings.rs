//! Interfaces of others over the host's own capabilities: the same state and the same grants, whatever they are called.

use futures_util::future::join_all;
use tidegate_tests::{MqttClient, QoS, Reply, TestHost, artifacts, sdks};

/// Asks a function and expects an answer with this status.
async fn ask(host: &TestHost, path: &str, status: u16) -> String {
    Reply::of(host.function(path)).await.expect(status).text()
}

/// The key-value interfaces that the guest `foreign_key_value` speaks.
const KEY_VALUE: [&str; 3] = ["spin-1", "spin-2", "draft"];

#[tokio::test(flavor = "multi_thread")]
async fn key_value_state_is_the_same_through_every_interface() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let foreign = artifacts::guest("foreign_key_value");
    admin.deployed("foreign", foreign, "bucket=default").await;
    let own = artifacts::guest("kv_all");
    admin.deployed("own", own, "bucket=default").await;
    for via in KEY_VALUE {
        assert_eq!(
            ask(&host, &format!("/foreign?via={via}"), 200).await,
            "ok",
            "{via}"
        );
        ask(
            &host,
            &format!("/foreign?via={via}&op=set&key={via}&value=of+{via}"),
            200,
        )
        .await;
    }
    ask(&host, "/own?op=set&key=own&value=of+own", 200).await;
    let keys = ["draft", "own", "spin-1", "spin-2"];
    for via in KEY_VALUE {
        for key in keys {
            let path = format!("/foreign?via={via}&op=get&key={key}");
            assert_eq!(ask(&host, &path, 200).await, format!("of {key}"), "{via}");
        }
        ask(&host, &format!("/foreign?via={via}&op=get&key=none"), 404).await;
        let listed = ask(&host, &format!("/foreign?via={via}&op=keys"), 200).await;
        assert_eq!(listed, keys.join("\n"), "{via}");
    }
    for key in keys {
        let path = format!("/own?op=get&key={key}");
        assert_eq!(ask(&host, &path, 200).await, format!("of {key}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_granted_is_denied_through_every_interface() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = artifacts::guest("foreign_key_value");
    let query = "bucket=mine&bucket=shared:ro";
    admin.deployed("foreign", guest.clone(), query).await;
    for key in ["other", "shared"] {
        let path = format!("/api/v1/buckets/{key}/keys/secret");
        admin.put(&path, "treasure").await.expect(204);
    }
    for via in KEY_VALUE {
        for bucket in ["other", "default", "MINE", "", "shared:ro"] {
            let path = format!("/foreign?via={via}&op=get&key=secret&bucket={bucket}");
            let answer = ask(&host, &path, 500).await;
            assert!(answer.contains("AccessDenied"), "{via} {bucket}: {answer}");
        }
        let shared = format!("/foreign?via={via}&key=secret&bucket=shared");
        assert_eq!(
            ask(&host, &format!("{shared}&op=get"), 200).await,
            "treasure"
        );
        let answer = ask(&host, &format!("{shared}&op=set&value=x"), 500).await;
        assert!(answer.contains("AccessDenied"), "{via}: {answer}");
        let long = "k".repeat(1025);
        let path = format!("/foreign?via={via}&op=set&bucket=mine&value=x&key=");
        let answer = ask(&host, &format!("{path}{long}"), 500).await;
        assert!(answer.contains("at most 1024"), "{via}: {answer}");
        let answer = ask(&host, &path, 500).await;
        assert!(answer.contains("at least one"), "{via}: {answer}");
    }
    // Spin's SDKs bring imports along that nobody uses: there, a missing grant is no more than a warning.
    let ungranted = admin.deploy("ungranted", guest, "").await.expect(201);
    let warnings = ungranted.json()["warnings"].to_string();
    assert!(warnings.contains("bucket=default"), "{warnings}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_keys_than_a_page_are_listed_through_every_interface() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let foreign = artifacts::guest("foreign_key_value");
    admin.deployed("foreign", foreign, "bucket=default").await;
    let keys: Vec<String> = (0..1001).map(|number| format!("key-{number:04}")).collect();
    let put = |key: &String| {
        let (admin, path) = (admin.clone(), format!("/api/v1/buckets/default/keys/{key}"));
        async move { admin.put(&path, "x").await.expect(204) }
    };
    for some in keys.chunks(32) {
        join_all(some.iter().map(put)).await;
    }
    for via in KEY_VALUE {
        let listed = ask(&host, &format!("/foreign?via={via}&op=keys"), 200).await;
        assert_eq!(listed.lines().count(), keys.len(), "{via}");
        assert_eq!(listed, keys.join("\n"), "{via}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_is_the_same_through_every_interface() {
    let host = TestHost::start().await;
    let manifest = "[config]\nthreshold = \"30\"\n\"with-dash\" = \"1\"";
    let guest = artifacts::guest("foreign_config");
    host.admin().deployed_with("config", guest, manifest).await;
    for via in ["spin-config", "spin-variables", "runtime", "store"] {
        let path = format!("/config?via={via}&key=");
        assert_eq!(ask(&host, &format!("{path}threshold"), 200).await, "30");
        assert_eq!(ask(&host, &format!("{path}with-dash"), 200).await, "1");
    }
    for via in ["runtime", "store"] {
        ask(&host, &format!("/config?via={via}&key=nothing"), 404).await;
        let all = ask(&host, &format!("/config?via={via}"), 200).await;
        assert_eq!(all, "threshold=30\nwith-dash=1\n");
    }
    for (via, key, error) in [
        ("spin-variables", "nothing", "Undefined"),
        ("spin-variables", "no-thing", "InvalidName"),
        ("spin-config", "nothing", "Provider"),
        ("spin-config", "NOTHING", "InvalidKey"),
    ] {
        let answer = ask(&host, &format!("/config?via={via}&key={key}"), 500).await;
        assert!(answer.contains(error) && answer.contains(key), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_and_not_served_answers_with_its_own_error() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = artifacts::guest("foreign_unserved");
    let deployed = admin.deployed("unserved", guest.clone(), "").await;
    let path = "/api/v1/functions/unserved?dry_run=true";
    let forecast = admin.request(reqwest::Method::POST, path).body(guest);
    let forecast = Reply::of(forecast).await.expect(200).json();
    let named = [
        "fermyon:spin/redis",
        "fermyon:spin/redis@2.0.0",
        "fermyon:spin/llm@2.0.0",
        "wasi:blobstore/blobstore@0.2.0-draft",
        "wasi:otel/tracing@0.2.0-rc.2",
        "spin:postgres/postgres@4.2.0",
    ];
    for answer in [&deployed, &forecast] {
        let warnings = answer["warnings"].to_string();
        for import in named {
            assert!(warnings.contains(import), "{warnings}");
        }
        assert!(!warnings.contains("wasi:http"), "{warnings}");
    }
    for (call, error) in [
        (
            "redis",
            "Error::Other(\"this host does not serve `fermyon:spin/redis@2.0.0`",
        ),
        ("old-redis", "Err(Error"),
        ("llm", "Error::RuntimeError(\"this host does not serve"),
        ("blob", "Err(\"this host does not serve"),
        ("emit", "went on"),
        (
            "builder",
            "so that `[method]connection-builder.build` has no effect\"))",
        ),
    ] {
        let answer = ask(&host, &format!("/unserved?call={call}"), 200).await;
        assert!(answer.contains(error), "{call}: {answer}");
        assert!(!answer.contains("Success"), "{call}: {answer}");
    }
    ask(&host, "/unserved?call=context", 500).await;
    admin.await_log("unserved", "does not serve").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_this_host_publishes_to_its_own_broker() {
    let host = TestHost::start().await;
    let guest = artifacts::guest("foreign_mqtt");
    let admin = host.admin();
    admin.deployed("spin", guest, "publish=alerts/%23").await;
    let port = host.mqtt_address().port();
    let mut client = MqttClient::connect(host.mqtt_address(), "reader").await;
    client.subscribe("#", QoS::AtLeastOnce).await;
    let own = [
        format!("mqtt://localhost:{port}"),
        format!("mqtt://127.0.0.1:{port}?client_id=gate"),
        "mqtt://tidegate.internal".to_owned(),
    ];
    for (qos, address) in own.iter().enumerate() {
        let path = format!("/spin?address={address}&topic=alerts/fire&payload=at+{qos}&qos={qos}");
        assert_eq!(ask(&host, &path, 200).await, "published");
        let message = client.next_message().await;
        let expected = ("alerts/fire", format!("at {qos}"));
        assert_eq!(
            (message.topic.as_str(), message.text()),
            expected,
            "{address}"
        );
    }
    let own = &own[0];
    for (address, topic, error) in [
        (
            own.as_str(),
            "other",
            "publish: Error::Other(\"`other` is not granted",
        ),
        (own, "alerts/%23", "publish: Error::Other("),
        (own, "%24SYS/x", "publish: Error::Other("),
        (
            "mqtt://localhost:1",
            "alerts/x",
            "ConnectionFailed(\"`mqtt://localhost:1`",
        ),
        (
            "mqtt://user:word@localhost",
            "alerts/x",
            "open: Error::InvalidAddress",
        ),
        ("localhost", "alerts/x", "open: Error::InvalidAddress"),
    ] {
        let path = format!("/spin?address={address}&topic={topic}&payload=x");
        let answer = ask(&host, &path, 500).await;
        assert!(answer.contains(error), "{address} {topic}: {answer}");
    }
    // What was refused would have come before this one.
    let path = format!("/spin?address={own}&topic=alerts/last&payload=x");
    assert_eq!(ask(&host, &path, 200).await, "published");
    assert_eq!(client.next_message().await.topic, "alerts/last");
}

#[tokio::test(flavor = "multi_thread")]
async fn asynchronous_interfaces_reach_the_same_state() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[grants]\nbuckets = [\"default\", \"shared:ro\"]\npublish = [\"alerts/#\"]\n[config]\nthreshold = \"30\"";
    let guest = sdks::wasi3("spin_async");
    admin.deployed_with("spin", guest, manifest).await;
    let own = artifacts::guest("kv_all");
    admin.deployed("own", own, "bucket=default").await;
    assert_eq!(ask(&host, "/spin/set?default&one&1", 200).await, "true");
    assert_eq!(ask(&host, "/own?op=get&key=one", 200).await, "1");
    ask(&host, "/own?op=set&key=two&value=2", 200).await;
    assert_eq!(ask(&host, "/spin/get?default&two", 200).await, "2");
    assert_eq!(ask(&host, "/spin/get?default&none", 200).await, "nothing");
    assert_eq!(ask(&host, "/spin/keys?default", 200).await, "one\ntwo");
    assert_eq!(ask(&host, "/spin/keys?shared", 200).await, "");
    assert_eq!(ask(&host, "/spin/variable?threshold", 200).await, "30");
    for (call, error) in [
        ("get?other&one", "AccessDenied"),
        ("keys?other", "AccessDenied"),
        ("set?shared&one&1", "AccessDenied"),
        ("get?default&", "at least one"),
        ("variable?nothing", "Undefined"),
        ("variable?no-thing", "InvalidName"),
    ] {
        let answer = ask(&host, &format!("/spin/{call}"), 500).await;
        assert!(answer.contains(error), "{call}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_keys_that_nobody_reads_holds_up_nothing() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = sdks::wasi3("spin_async");
    let query = "bucket=default&publish=alerts/%23";
    admin.deployed("spin", guest, query).await;
    let keys: Vec<String> = (0..150).map(|number| format!("key-{number:03}")).collect();
    for key in &keys {
        let path = format!("/api/v1/buckets/default/keys/{key}");
        admin.put(&path, "x").await.expect(204);
    }
    assert_eq!(ask(&host, "/spin/keys?default", 200).await, keys.join("\n"));
    let unread = (0..20).map(|_| ask(&host, "/spin/unread?default", 200));
    for first in join_all(unread).await {
        assert_eq!(first, "Some(\"key-000\")");
    }
    assert_eq!(ask(&host, "/spin/keys?default", 200).await, keys.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_function_publishes_to_the_own_broker() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = sdks::wasi3("spin_async");
    let query = "bucket=default&publish=alerts/%23";
    admin.deployed("spin", guest, query).await;
    let mut client = MqttClient::connect(host.mqtt_address(), "reader").await;
    client.subscribe("#", QoS::AtLeastOnce).await;
    let port = host.mqtt_address().port();
    let path = format!("/spin/publish?mqtt://127.0.0.1:{port}&alerts/fire&smoke");
    assert_eq!(ask(&host, &path, 200).await, "published");
    for _ in 0..3 {
        let message = client.next_message().await;
        let expected = ("alerts/fire", "smoke".to_owned());
        assert_eq!((message.topic.as_str(), message.text()), expected);
    }
    for (call, error) in [
        (
            format!("mqtt://127.0.0.1:{port}&other&x"),
            "Other(\"`other` is not granted",
        ),
        (
            "mqtt://localhost:1&alerts/x&x".to_owned(),
            "ConnectionFailed",
        ),
        ("nonsense&alerts/x&x".to_owned(), "InvalidAddress"),
    ] {
        let answer = ask(&host, &format!("/spin/publish?{call}"), 500).await;
        assert!(answer.contains(error), "{call}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_broker_is_reached_where_it_is_granted() {
    let (host, other) = (TestHost::start().await, TestHost::start().await);
    let admin = host.admin();
    let port = other.mqtt_address().port();
    let ungranted = admin.deploy("spin", artifacts::guest("foreign_mqtt"), "");
    let warnings = ungranted.await.expect(201).json()["warnings"].to_string();
    assert!(warnings.contains("outbound=mqtt://"), "{warnings}");
    let grants =
        format!("[grants]\noutbound = [\"mqtt://localhost:{port}\", \"mqtt://localhost:1\"]");
    let guest = artifacts::guest("foreign_mqtt");
    admin.deployed_with("spin", guest, &grants).await;
    let guest = sdks::wasi3("spin_async");
    let grants = format!("{grants}\nbuckets = [\"default\"]");
    admin.deployed_with("async", guest, &grants).await;
    let mut client = MqttClient::connect(other.mqtt_address(), "reader").await;
    client.subscribe("#", QoS::AtLeastOnce).await;
    for qos in 0..3 {
        let address = format!("mqtt://localhost:{port}?client_id=gate-{qos}");
        let path = format!("/spin?address={address}&topic=far/away&payload=at+{qos}&qos={qos}");
        assert_eq!(ask(&host, &path, 200).await, "published");
        let message = client.next_message().await;
        let expected = ("far/away", format!("at {qos}"));
        assert_eq!((message.topic.as_str(), message.text()), expected);
    }
    let path = format!("/async/publish?mqtt://localhost:{port}&far/async&smoke");
    assert_eq!(ask(&host, &path, 200).await, "published");
    for _ in 0..3 {
        assert_eq!(client.next_message().await.topic, "far/async");
    }
    let own = host.mqtt_address().port();
    for (address, topic, error) in [
        (
            format!("mqtt://127.0.0.1:{port}"),
            "a",
            "is not granted: add it to grants.outbound",
        ),
        (
            "mqtt://broker.example".to_owned(),
            "a",
            "is not granted: add it to grants.outbound",
        ),
        (
            "mqtt://localhost:1".to_owned(),
            "a",
            "publish: Error::ConnectionFailed(",
        ),
        (
            format!("mqtt://localhost:{port}"),
            "a/%23",
            "publish: Error::Other(",
        ),
        // Its own broker is not on the network, so that this grant does not reach it.
        (format!("mqtt://localhost:{own}"), "a", "`a` is not granted"),
    ] {
        let path = format!("/spin?address={address}&topic={topic}&payload=x");
        let answer = ask(&host, &path, 500).await;
        assert!(answer.contains(error), "{address}: {answer}");
    }
}
