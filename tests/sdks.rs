//! Components that other people's SDKs have built, unmodified: each is uploaded as it is, and does over HTTP what its
//! SDK has an interface for. What is granted works, and what is not is refused by the call.

use reqwest::Method;
use tidegate_tests::{MqttClient, QoS, Reply, TestHost, Upstream, artifacts, sdks};

/// What a component uses.
#[derive(Clone, Copy, Debug)]
enum Uses {
    Http,
    KeyValue,
    Variables,
    Sqlite,
    Mqtt,
    Outbound,
}

use Uses::{Http, KeyValue, Mqtt, Outbound, Sqlite, Variables};

const ALL: [Uses; 6] = [Http, KeyValue, Variables, Sqlite, Mqtt, Outbound];

/// A component of one SDK, deployed.
struct Deployed {
    host: TestHost,
    upstream: Upstream,
}

impl Deployed {
    async fn start(component: Vec<u8>) -> Deployed {
        let upstream = Upstream::start().await;
        let host = TestHost::start().await;
        let manifest = format!(
            "[[http]]\n\
             route = \"/sdk/{{*rest}}\"\n\
             [grants]\n\
             buckets = [\"default\"]\n\
             databases = [\"default\"]\n\
             publish = [\"sdk/#\"]\n\
             outbound = [\"http://{}\"]\n\
             [config]\n\
             greeting = \"good morning\"\n",
            upstream.address
        );
        let admin = host.admin();
        admin.deployed_with("sdk", component, &manifest).await;
        Deployed { host, upstream }
    }

    /// Sends a request with this body and expects this status.
    async fn ask(&self, path: &str, body: &str, status: u16) -> String {
        let request = self.host.request(Method::POST, path);
        let broker = format!("{}?client_id=sdk", self.host.mqtt);
        let reply = Reply::of(request.header("broker", broker).body(body.to_owned())).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        reply.text()
    }

    async fn check(&self, uses: Uses) {
        match uses {
            Http => self.check_http().await,
            KeyValue => self.check_key_value().await,
            Variables => self.check_variables().await,
            Sqlite => self.check_sqlite().await,
            Mqtt => self.check_mqtt().await,
            Outbound => self.check_outbound().await,
        }
    }

    async fn check_http(&self) {
        let line = self.ask("/sdk/a/b?c=%20d", "", 200).await;
        assert!(line.starts_with("POST "), "{line}");
        assert!(line.trim_end().ends_with("/sdk/a/b?c=%20d"), "{line}");
        let body = "all of it ".repeat(20_000);
        assert_eq!(self.ask("/sdk/echo", &body, 200).await, body);
        let request = self.host.function("/sdk/headers");
        let headers = Reply::of(request.header("x-mine", "yes")).await.text();
        for line in ["x-mine: yes", "tidegate-route: /sdk/{*rest}"] {
            assert!(headers.lines().any(|header| header == line), "{headers}");
        }
    }

    async fn check_key_value(&self) {
        let answer = self.ask("/sdk/kv?default", "value", 200).await;
        assert_eq!(plain(&answer), "false value [one]");
        let answer = self.ask("/sdk/kv?default", "other", 200).await;
        assert_eq!(
            plain(&answer),
            "true other [one]",
            "what was stored is there"
        );
        let stored = self.host.admin();
        let stored = stored.get("/api/v1/buckets/default/keys/one").await;
        assert_eq!(stored.expect(200).text(), "other");
        let denied = self.ask("/sdk/kv?secret", "", 500).await;
        assert!(says(&denied, "accessdenied"), "{denied}");
    }

    async fn check_variables(&self) {
        let answer = self.ask("/sdk/variables?greeting", "", 200).await;
        assert_eq!(answer, "good morning");
        let missing = self.ask("/sdk/variables?missing", "", 500).await;
        assert!(says(&missing, "undefined"), "{missing}");
    }

    async fn check_sqlite(&self) {
        let first = self.ask("/sdk/sqlite?default", "", 200).await;
        let second = self.ask("/sdk/sqlite?default", "", 200).await;
        for (answer, calls) in [(first, 1), (second, 2)] {
            // How many rows there are, and what each type came back as; Python's guests use integers only.
            let values = [
                format!("[{calls}, 7]"),
                format!(
                    "[value::integer({calls}), value::integer(7), value::real(1.5), value::text(text), \
                     value::blob([0, 255]), value::null]"
                ),
            ];
            let answer = plain(&answer);
            let found = values.iter().any(|values| answer.ends_with(values));
            assert!(answer.starts_with("[calls, i") && found, "{answer}");
        }
        let denied = self.ask("/sdk/sqlite?secret", "", 500).await;
        assert!(says(&denied, "accessdenied"), "{denied}");
    }

    async fn check_mqtt(&self) {
        let mut client = MqttClient::connect(self.host.mqtt_address(), "listener").await;
        client.subscribe("#", QoS::AtLeastOnce).await;
        let answer = self.ask("/sdk/mqtt?sdk/said", "21.5", 200).await;
        assert_eq!(answer, "published\n");
        let denied = self.ask("/sdk/mqtt?other/said", "never", 500).await;
        assert!(says(&denied, "notgranted"), "{denied}");
        self.ask("/sdk/mqtt?sdk/last", "", 200).await;
        let message = client.next_message().await;
        assert_eq!(
            (message.topic.as_str(), message.text().as_str()),
            ("sdk/said", "21.5")
        );
        assert_eq!(client.next_message().await.topic, "sdk/last");
    }

    async fn check_outbound(&self) {
        let url = format!("/sdk/outbound?http://{}/hello", self.upstream.address);
        let answer = self.ask(&url, "", 200).await;
        assert!(answer.starts_with("200 HTTP/1.1 GET /hello\n"), "{answer}");
        let other = Upstream::start().await;
        let denied = format!("/sdk/outbound?http://{}/hello", other.address);
        let denied = self.ask(&denied, "", 500).await;
        assert!(!denied.contains("HTTP/1.1 GET"), "{denied}");
    }
}

/// The text without the marks that languages put around strings and lists.
fn plain(text: &str) -> String {
    text.trim().to_lowercase().replace(['"', '\''], "")
}

/// Whether a text has these letters, whatever is between them.
fn says(text: &str, letters: &str) -> bool {
    let text: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    text.to_lowercase().contains(letters)
}

async fn serves(component: Vec<u8>, interfaces: &[Uses]) {
    let deployed = Deployed::start(component).await;
    for uses in interfaces {
        deployed.check(*uses).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_spin_sdk_3() {
    serves(sdks::spin(3), &ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_spin_sdk_3_core_module() {
    serves(sdks::spin_module(3), &ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_spin_sdk_4() {
    serves(sdks::spin(4), &ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_spin_sdk_5() {
    serves(sdks::spin(5), &ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_spin_sdk_5_core_module() {
    serves(sdks::spin_module(5), &ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_spin_sdk_7() {
    serves(sdks::spin(7), &ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_spin_sdk_7_has_and_this_host_does_not_answers_with_its_own_error() {
    let host = TestHost::start().await;
    let manifest = "[[http]]\nroute = \"/sdk/{*rest}\"\n";
    let admin = host.admin();
    let deployed = admin.deployed_with("sdk", sdks::spin(7), manifest).await;
    let warnings = deployed["warnings"].to_string();
    for (path, import, items) in [
        (
            "/sdk/redis",
            "spin:redis/redis@3.0.0",
            &["[static]connection.open"][..],
        ),
        (
            "/sdk/postgres",
            "spin:postgres/postgres@4.2.0",
            &[
                "[method]connection-builder.build-async",
                "[static]connection.open-async",
            ],
        ),
    ] {
        assert!(warnings.contains(import), "{warnings}");
        let answer = Reply::of(host.function(path)).await.expect(200).text();
        assert_eq!(answer.lines().count(), items.len(), "{answer}");
        for (line, item) in answer.lines().zip(items) {
            let said = format!("does not serve `{import}`, so that `{item}` has no effect");
            assert!(line.contains(&said), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_spin_sdk_6_is_refused_with_the_version_that_is_served() {
    let host = TestHost::start().await;
    let reply = host.admin().deploy("sdk", sdks::spin(6), "").await;
    let problem = reply.expect_problem(422, "nothing_to_trigger").json();
    let detail = problem["detail"].as_str().expect("a detail");
    for version in [
        "wasi:http/handler@0.3.0-rc-2026-03-15",
        "`wasi:http/handler@0.3`",
    ] {
        assert!(detail.contains(version), "{detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_spin_build_tools() {
    serves(sdks::javascript(), &[Http, KeyValue, Variables, Outbound]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_spin_sdk_3() {
    serves(
        sdks::python_3(),
        &[Http, KeyValue, Variables, Mqtt, Outbound],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_spin_sdk_5() {
    serves(sdks::python_5(), &ALL).await;
}

/// What a component of wasmCloud imports: older drafts of key-value state and of configuration.
#[tokio::test(flavor = "multi_thread")]
async fn wasmcloud() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("wasmcloud");
    let refused = admin.deploy("cloud", component.clone(), "").await;
    refused.expect_problem(422, "grant_missing");
    let manifest = "[grants]\nbuckets = [\"default\"]\n[config]\ngreeting = \"hello\"\n";
    admin.deployed_with("cloud", component, manifest).await;
    for (count, had_one) in [(2, false), (4, true)] {
        let answer = Reply::of(host.function("/cloud")).await.expect(200).text();
        let expected = format!("{count} {had_one} 1 2 [\"a\", \"count\", \"one\"] None hello 1");
        assert_eq!(answer, expected);
    }
    admin.await_log("cloud", "4 true").await;
}
