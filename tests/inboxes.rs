//! What becomes of messages that functions do not handle at once: they wait, across crashes and deployments, or become dead
//! letters.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_tests::command_line::{client, run};
use tidegate_tests::{AdminClient, MqttClient, QoS, SOON, TestHost, artifacts, eventually};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::timeout;

/// A function that fails each message whose payload is more than this many attempts.
async fn deploy_failing(admin: &AdminClient, attempts: u32) {
    let manifest = format!("[[mqtt]]\ntopic = \"in/#\"\nattempts = {attempts}");
    let component = artifacts::guest("mqtt_fails");
    admin.deployed_with("inbox", component, &manifest).await;
}

/// One of the same name that handles everything.
async fn deploy_working(admin: &AdminClient) {
    let component = artifacts::guest("mqtt_record");
    admin.deployed("inbox", component, "topic=in/%23").await;
}

async fn dead_letters(admin: &AdminClient, count: usize) -> Vec<Value> {
    eventually(&format!("{count} dead letters"), SOON, async || {
        let listed = admin.get("/api/v1/broker/dead-letters").await.expect(200);
        let letters = listed.json()["dead_letters"].as_array().cloned();
        letters.filter(|letters| letters.len() == count)
    })
    .await
}

async fn depth(admin: &AdminClient) -> Option<u64> {
    let listed = admin.get("/api/v1/broker/inboxes").await.expect(200).json();
    let inboxes = listed["inboxes"].as_array().expect("a list").clone();
    let inbox = inboxes.iter().find(|inbox| inbox["function"] == "inbox");
    inbox.and_then(|inbox| inbox["depth"].as_u64())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_outlives_the_host_and_is_tried_again_by_what_mends_the_function() {
    let mut host = TestHost::start().await;
    let admin = host.admin();
    deploy_failing(&admin, 2).await;
    let sender = MqttClient::connect(host.mqtt_address(), "sender").await;
    sender.publish("in/a", "99", QoS::AtLeastOnce).await;
    let letter = dead_letters(&admin, 1).await.remove(0);
    let told = (&letter["function"], &letter["topic"], &letter["attempts"]);
    assert_eq!(told, (&json!("inbox"), &json!("in/a"), &json!(2)));
    let reason = letter["reason"].as_str().expect("text");
    assert!(
        reason.contains("after 2 attempts") && reason.contains("attempt 2 of 99"),
        "{reason}"
    );
    host.kill9();
    host.restart().await;
    let admin = host.admin();
    let id = dead_letters(&admin, 1).await[0]["id"].clone();
    let id = id.as_str().expect("text");
    run(&host, &["dead-letters"])
        .await
        .ok()
        .says(&[id, "in/a", "inbox"]);
    let shown = run(&host, &["dead-letters", "show", "inbox", id]).await;
    shown.ok().says(&["in/#", "after 2 attempts", "\n99\n"]);
    deploy_working(&admin).await;
    run(&host, &["dead-letters", "retry", "inbox", id])
        .await
        .ok();
    admin.await_value("in/a", "99").await;
    dead_letters(&admin, 0).await;
    let again = run(&host, &["dead-letters", "retry", "inbox", id]).await;
    again.failed(1, &["no dead letter", id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_retried_and_dropped_all_at_once() {
    let host = TestHost::start().await;
    let admin = host.admin();
    deploy_failing(&admin, 1).await;
    let sender = MqttClient::connect(host.mqtt_address(), "sender").await;
    for number in 0..3 {
        let topic = format!("in/{number}");
        sender.publish(&topic, "99", QoS::AtLeastOnce).await;
    }
    dead_letters(&admin, 3).await;
    let refused = run(&host, &["dead-letters", "drop", "inbox"]).await;
    refused.failed(1, &["--yes"]);
    let dropped = run(&host, &["dead-letters", "drop", "inbox", "--yes"]).await;
    dropped.ok().says(&["3 were dropped"]);
    dead_letters(&admin, 0).await;
    for number in 0..3 {
        let topic = format!("in/{number}");
        sender.publish(&topic, "98", QoS::AtLeastOnce).await;
    }
    dead_letters(&admin, 3).await;
    deploy_working(&admin).await;
    let retried = run(&host, &["dead-letters", "retry", "inbox"]).await;
    retried.ok().says(&["3 are tried again"]);
    for number in 0..3 {
        admin.await_value(&format!("in/{number}"), "98").await;
    }
    dead_letters(&admin, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_handled_by_the_revision_that_can_after_a_crash_as_well() {
    let mut host = TestHost::start().await;
    let admin = host.admin();
    // Its attempts last longer than the test.
    deploy_failing(&admin, 10).await;
    let sender = MqttClient::connect(host.mqtt_address(), "sender").await;
    for number in 0..20 {
        let topic = format!("in/{number}");
        sender.publish(&topic, "99", QoS::AtLeastOnce).await;
    }
    assert_eq!(depth(&admin).await, Some(20));
    host.kill9();
    host.restart().await;
    let admin = host.admin();
    assert_eq!(depth(&admin).await, Some(20));
    deploy_working(&admin).await;
    for number in 0..20 {
        admin.await_value(&format!("in/{number}"), "99").await;
    }
    eventually("the inbox is empty", SOON, async || {
        (depth(&admin).await == Some(0)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_function_asks_what_becomes_of_its_inbox() {
    let host = TestHost::start().await;
    let admin = host.admin();
    deploy_failing(&admin, 10).await;
    let sender = MqttClient::connect(host.mqtt_address(), "sender").await;
    sender.publish("in/a", "99", QoS::AtLeastOnce).await;
    let function = "/api/v1/functions/inbox";
    let asked = admin.delete(function).await;
    let asked = asked.expect_problem(409, "inbox_not_empty").text();
    assert!(
        asked.contains("1 messages") && asked.contains("inbox=keep"),
        "{asked}"
    );
    admin.get(function).await.expect(200);

    let delete = ["functions", "delete", "inbox", "--yes", "--inbox", "keep"];
    run(&host, &delete).await.ok();
    admin.get(function).await.expect(404);
    // Nothing comes in while there is no function.
    sender.publish("in/b", "nobody", QoS::AtLeastOnce).await;
    deploy_working(&admin).await;
    admin.await_value("in/a", "99").await;
    assert_eq!(admin.value("default", "in/b").await, None);

    deploy_failing(&admin, 10).await;
    sender.publish("in/c", "99", QoS::AtLeastOnce).await;
    let dropping = format!("{function}?inbox=drop");
    admin.delete(&dropping).await.expect(204);
    deploy_working(&admin).await;
    sender.publish("in/d", "last", QoS::AtLeastOnce).await;
    admin.await_value("in/d", "last").await;
    assert_eq!(admin.value("default", "in/c").await, None);
    // An empty inbox is nothing to ask about.
    eventually("the inbox is empty", SOON, async || {
        (depth(&admin).await == Some(0)).then_some(())
    })
    .await;
    admin.delete(function).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_attempts() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[[mqtt]]\ntopic = \"in/#\"\nattempts = 10\ndeadline = \"1s\"";
    let component = artifacts::guest("mqtt_fails");
    admin.deployed_with("inbox", component, manifest).await;
    let sender = MqttClient::connect(host.mqtt_address(), "sender").await;
    sender.publish("in/a", "99", QoS::AtLeastOnce).await;
    let letter = dead_letters(&admin, 1).await.remove(0);
    let reason = letter["reason"].as_str().expect("text");
    assert!(reason.contains("at its deadline of 1s"), "{reason}");
    let attempts = letter["attempts"].as_u64().expect("a number");
    assert!((1..10).contains(&attempts), "{attempts} attempts");
    let refused = admin
        .deploy_with(
            "other",
            artifacts::guest("mqtt_fails"),
            "[[mqtt]]\ntopic = \"x\"\ndeadline = \"100d\"",
        )
        .await;
    let refused = refused.text();
    assert!(
        refused.contains("mqtt.deadline") && refused.contains("30d"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_acknowledged_while_the_disk_is_full_and_then_it_goes_on_by_itself() {
    // Less than the log of the database has by then.
    const FILE_BYTES_MAX: u64 = 64 * 1024;
    let mut host = TestHost::start().await;
    let admin = host.admin();
    deploy_failing(&admin, 10).await;
    let sender = MqttClient::connect(host.mqtt_address(), "sender").await;
    sender.publish("in/before", "99", QoS::AtLeastOnce).await;
    host.limit_file_bytes(Some(FILE_BYTES_MAX));
    let mut waiting = std::pin::pin!(sender.publish("in/during", "99", QoS::AtLeastOnce));
    eventually("the broker says that it cannot store", SOON, async || {
        let early = timeout(Duration::from_millis(20), waiting.as_mut()).await;
        assert!(early.is_err(), "it was acknowledged, and is nowhere");
        let figures = admin.get("/api/v1/broker").await.expect(200).json();
        (figures["is_failing"] == true).then_some(())
    })
    .await;
    // What needs no disk goes on: clients among themselves, and functions that handle what they get.
    let mut other = MqttClient::connect(host.mqtt_address(), "other").await;
    other.subscribe("x", QoS::AtLeastOnce).await;
    other.publish("x", "still", QoS::AtLeastOnce).await;
    assert_eq!(other.next_message().await.text(), "still");
    host.limit_file_bytes(None);
    timeout(SOON, waiting).await.expect("acknowledged soon");
    host.kill9();
    host.restart().await;
    assert_eq!(depth(&host.admin()).await, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_publishes_and_looks_on() {
    let host = TestHost::start().await;
    let publish = async |arguments: &[&str]| {
        let arguments = [&["pub"], arguments].concat();
        run(&host, &arguments).await.ok();
    };
    publish(&["a/kept", "21.5", "--retain"]).await;
    let mut subscribed = client(&host, &["sub", "a/#", "--count", "3"])
        .spawn()
        .expect("it can be run");
    let output = subscribed.stdout.take().expect("it was asked for");
    let mut lines = BufReader::new(output).lines();
    let mut line = async || {
        let line = timeout(SOON, lines.next_line()).await.expect("a line soon");
        line.expect("text").expect("a line")
    };
    // What is retained comes first, and says that it looks on.
    assert_eq!(line().await, "a/kept 21.5");
    publish(&["a/b", "hello\u{1b}[2J"]).await;
    assert_eq!(line().await, "a/b hello\\u{1b}[2J");
    publish(&["b/c", "not asked for"]).await;
    publish(&["a/c", "-"]).await;
    assert_eq!(line().await, "a/c ");
    let ended = timeout(SOON, subscribed.wait()).await.expect("it ends");
    assert!(ended.expect("it can be waited for").success());
    let refused = run(&host, &["pub", "a/#", "x"]).await;
    refused.failed(1, &["without `+` and `#`"]);
    let refused = run(&host, &["pub", "$SYS/x", "x"]).await;
    refused.failed(1, &["`$`", "the server's own"]);

    let sender = MqttClient::connect(host.mqtt_address(), "the-sender").await;
    sender.subscribe("x/y", QoS::AtLeastOnce).await;
    let clients = run(&host, &["broker", "clients"]).await;
    clients
        .ok()
        .says(&["the-sender", "3.1.1", "mqtt 127.0.0.1:"]);
    let topics = run(&host, &["broker", "topics", "a/#"]).await;
    topics.ok().says(&["a/kept", "4 B"]);
    sender.publish("a/counted", "x", QoS::AtLeastOnce).await;
    let topics = run(&host, &["broker", "topics", "a/counted"]).await;
    topics.ok().says(&["a/counted  1"]);
    let mut sender = sender;
    run(&host, &["broker", "end", "the-sender"]).await.ok();
    sender.disconnected().await;
    let gone = run(&host, &["broker", "end", "the-sender"]).await;
    gone.failed(1, &["no client `the-sender`"]);
}
