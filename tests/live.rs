//! The live feed: what happens, as it happens, and what slow readers and those that come back are told.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tidegate_tests::{
    AdminClient, MqttClient, QoS, Reply, Role, SOON, TestHost, artifacts, eventually,
};
use tokio::time::timeout;

/// A reader of the feed.
struct Feed {
    response: Response,
    text: String,
}

/// One event as it was sent.
#[derive(Clone, Debug)]
struct Sent {
    id: Option<String>,
    name: String,
    data: Value,
}

impl Feed {
    async fn open(host: &TestHost, query: &str, last: Option<&str>) -> Feed {
        let request = host
            .admin()
            .request(Method::GET, &format!("/api/v1/live{query}"));
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let response = request.send().await.expect("a head");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let text = String::new();
        Feed { response, text }
    }

    async fn next(&mut self) -> Sent {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let prefix = format!("{name}: ");
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(&prefix))
                        .map(str::to_owned)
                };
                let (id, name, data) = (field("id"), field("event"), field("data"));
                self.text = rest.to_owned();
                if let (Some(name), Some(data)) = (name, data) {
                    let data = serde_json::from_str(&data).expect("JSON");
                    return Sent { id, name, data };
                }
                continue;
            }
            let chunk = timeout(SOON, self.response.chunk())
                .await
                .expect("an event soon");
            let chunk = chunk.expect("no error").expect("not the end");
            self.text += &String::from_utf8_lossy(&chunk);
        }
    }

    /// The next event that is like this.
    async fn find(&mut self, is: impl Fn(&Sent) -> bool) -> Sent {
        loop {
            let next = self.next().await;
            if is(&next) {
                return next;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_as_it_happens() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let mut feed = Feed::open(&host, "", None).await;
    let hello = feed.next().await;
    assert_eq!(hello.name, "hello");
    assert!(
        hello.id.is_some(),
        "a connection that is lost now is gone on with"
    );
    assert!(hello.data["version"].is_string() && hello.data["boot"].is_string());
    let health = feed.next().await;
    assert_eq!(
        (health.name.as_str(), &health.data["state"]),
        ("health", &json!("ok"))
    );
    let vitals = feed.next().await;
    assert_eq!(vitals.name, "vitals");
    assert!(
        vitals.data["memory_bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 1 << 20)
    );
    assert_eq!(vitals.data["pool"]["used"], 0);

    admin
        .deployed("logs", artifacts::guest("http_logs"), "")
        .await;
    let deploy = feed.find(|sent| sent.name == "deploy").await;
    assert_eq!(
        (
            &deploy.data["action"],
            &deploy.data["function"],
            &deploy.data["revision"]
        ),
        (&json!("deployed"), &json!("logs"), &json!(1))
    );
    Reply::of(host.function("/logs")).await.expect(200);
    let line = feed.find(|sent| sent.name == "log").await;
    assert_eq!(
        (&line.data["function"], &line.data["message"]),
        (&json!("logs"), &json!("on standard output"))
    );
    let invocation = feed.find(|sent| sent.name == "invocation").await;
    assert_eq!(
        (
            &invocation.data["function"],
            &invocation.data["event"],
            &invocation.data["outcome"]
        ),
        (&json!("logs"), &json!("GET /logs"), &json!("ok"))
    );
    assert_eq!(line.data["invocation"], invocation.data["id"]);

    let client = MqttClient::connect(host.mqtt_address(), "device-1").await;
    let connected = feed.find(|sent| sent.name == "broker").await;
    assert_eq!(
        (&connected.data["action"], &connected.data["client_id"]),
        (&json!("connected"), &json!("device-1"))
    );
    client.disconnect().await;
    let gone = feed.find(|sent| sent.name == "broker").await;
    assert_eq!(gone.data["action"], "disconnected");
    admin.delete("/api/v1/functions/logs").await.expect(204);
    let deploy = feed.find(|sent| sent.name == "deploy").await;
    assert_eq!(deploy.data["action"], "deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_given_up_is_told() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("fails", artifacts::guest("mqtt_fails"), "topic=in")
        .await;
    let mut feed = Feed::open(&host, "?types=broker&function=fails", None).await;
    let client = MqttClient::connect(host.mqtt_address(), "device").await;
    client.publish("in", "x", QoS::AtMostOnce).await;
    let dropped = feed.find(|sent| sent.name == "broker").await;
    assert_eq!(
        (&dropped.data["action"], &dropped.data["topic"]),
        (&json!("message_dropped"), &json!("in")),
        "clients that come and go are of no function"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_hear_of_what_they_ask_for_and_wrong_questions_are_answered() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("one", artifacts::guest("http_version"), "")
        .await;
    admin
        .deployed("two", artifacts::guest("http_version"), "")
        .await;
    let mut feed = Feed::open(&host, "?types=invocation&function=two", None).await;
    assert_eq!(feed.next().await.name, "hello");
    Reply::of(host.function("/one")).await.expect(200);
    admin.await_invocations("one", 1).await;
    Reply::of(host.function("/two")).await.expect(200);
    assert_eq!(feed.next().await.data["function"], "two");

    let wrong = admin.get("/api/v1/live?types=invocation,logs").await;
    let problem = wrong.expect_problem(400, "bad_request");
    assert!(problem.text().contains("`logs`"), "{}", problem.text());
    admin
        .get("/api/v1/live?function=%2e%2e")
        .await
        .expect_problem(400, "invalid_name");
    admin
        .get("/api/v1/live?typse=log")
        .await
        .expect_problem(400, "bad_request");
    host.stranger()
        .get("/api/v1/live")
        .await
        .expect_problem(401, "token_missing");
    let viewer = host.admin_as(Role::Viewer);
    viewer.get("/api/v1/vitals").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_comes_back_goes_on_where_it_was() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("version", artifacts::guest("http_version"), "")
        .await;
    let mut feed = Feed::open(&host, "?types=invocation", None).await;
    Reply::of(host.function("/version")).await.expect(200);
    let first = feed.find(|sent| sent.name == "invocation").await;
    drop(feed);
    for _ in 0..3 {
        Reply::of(host.function("/version")).await.expect(200);
    }
    admin.await_invocations("version", 4).await;
    let last = first.id.as_deref().expect("events have ids");
    let mut feed = Feed::open(&host, "?types=invocation", Some(last)).await;
    assert_eq!(feed.next().await.name, "hello");
    for _ in 0..3 {
        let next = feed.next().await;
        assert_eq!(next.name, "invocation", "nothing was missed: {next:?}");
        assert_ne!(next.data["id"], first.data["id"]);
    }
    // One that cannot send the header says it in the address.
    let mut feed = Feed::open(&host, &format!("?types=invocation&after={last}"), None).await;
    assert_eq!(feed.next().await.name, "hello");
    assert_eq!(feed.next().await.name, "invocation");
    // An id of another start of the host, or none at all, begins with what comes.
    for last in ["1-1", "nonsense", ""] {
        let mut feed = Feed::open(&host, "?types=invocation", Some(last)).await;
        assert_eq!(feed.next().await.name, "hello");
        Reply::of(host.function("/version")).await.expect(200);
        assert_eq!(feed.next().await.name, "invocation");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_misses_events_and_holds_up_nobody() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let flood = artifacts::guest("http_log_flood");
    admin.deployed("flood", flood, "").await;
    let mut slow = Feed::open(&host, "", None).await;
    // It reads nothing, and far more is told than fits into its connection and the feed.
    for _ in 0..60 {
        Reply::of(host.function("/flood?lines=2000"))
            .await
            .expect(200);
    }
    let missed = slow.find(|sent| sent.name == "missed").await;
    assert!(
        missed.data["events"]
            .as_u64()
            .is_some_and(|events| events > 0)
    );
    let counted = eventually("it is counted", SOON, async || {
        let metrics = admin.get("/metrics").await.expect(200).text();
        let mut lines = metrics.lines();
        let name = "tidegate_live_events_missed_total ";
        let count = lines.find_map(|line| line.strip_prefix(name))?;
        count.parse::<f64>().ok().filter(|count| *count > 0.0)
    })
    .await;
    assert!(counted > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_token_that_it_was_asked_for_with() {
    let host = TestHost::start().await;
    host.admin()
        .deployed("logs", artifacts::guest("http_logs"), "")
        .await;
    let viewer = AdminClient::new(&host.admin, Some(&host.token_for(Role::Viewer, "3s")));
    let mut streams = Vec::new();
    for path in [
        "/api/v1/live",
        "/api/v1/functions/logs/logs?follow=true",
        "/api/v1/broker/messages?follow=true",
    ] {
        let response = viewer.request(Method::GET, path).send().await;
        let response = response.expect("a head");
        assert_eq!(response.status(), 200, "{path}");
        streams.push(response);
    }
    for stream in streams {
        let rest = timeout(SOON, stream.bytes()).await;
        rest.expect("it ends soon").expect("a clean end");
    }
    let ended = eventually("the token has expired", SOON, async || {
        let reply = viewer.get("/api/v1/vitals").await;
        (reply.status == 401).then_some(reply)
    });
    ended.await.expect_problem(401, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_as_a_problem_of_the_host() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .deployed("counter", artifacts::guest("kv_counter"), "")
        .await;
    let mut feed = Feed::open(&host, "?types=health", None).await;
    // Its first instance needs files in memory, which the limit is one of as well.
    Reply::of(host.function("/counter")).await.expect(200);
    host.limit_file_bytes(Some(0));
    Reply::of(host.function("/counter")).await;
    let health = feed.find(|sent| sent.data["state"] == "degraded").await;
    assert_eq!(health.data["problems"][0]["code"], "storage_failing");
    host.limit_file_bytes(None);
    Reply::of(host.function("/counter")).await.expect(200);
    feed.find(|sent| sent.data["state"] == "ok").await;
}
