//! MQTT: messages that start functions, and messages that functions publish.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_tests::{
    AdminClient, MqttClient, QoS, Reply, SOON, TestHost, artifacts, eventually, mosquitto,
};

/// The value of a key of the bucket `default`.
async fn text(admin: &AdminClient, key: &str) -> String {
    let value = admin.value("default", key).await.unwrap_or_default();
    String::from_utf8(value).expect("text")
}

/// Waits until a key's value has this many lines, and gives them.
async fn await_lines(admin: &AdminClient, key: &str, count: usize) -> Vec<String> {
    eventually(&format!("`{key}` has {count} lines"), SOON, async || {
        let text = text(admin, key).await;
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        (lines.len() >= count).then_some(lines)
    })
    .await
}

async fn keys(admin: &AdminClient, prefix: &str) -> Vec<String> {
    let path = format!("/api/v1/buckets/default/keys?prefix={prefix}");
    let listed = admin.get(&path).await.expect(200).json();
    let keys = listed["keys"].as_array().expect("a list");
    keys.iter()
        .filter_map(|key| key.as_str().map(str::to_owned))
        .collect()
}

async fn invocation_total(admin: &AdminClient, name: &str) -> u64 {
    let shown = admin.get(&format!("/api/v1/functions/{name}")).await;
    let shown = shown.expect(200).json();
    shown["invocations"].as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_starts_a_function() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("mqtt_record");
    let reply = admin.deployed("record", component, "topic=in/%2B").await;
    assert_eq!(reply["triggers"]["mqtt"][0]["topic"], "in/+");
    assert_eq!(reply["warnings"], json!([]));
    let address = host.mqtt_address();
    mosquitto::publish(address, &["-q", "0", "-t", "in/a", "-m", "zero"]).await;
    mosquitto::publish(address, &["-q", "1", "-t", "in/b", "-m", "one"]).await;
    let client = MqttClient::connect(address, "sender").await;
    client.publish("in/c", "two", QoS::AtMostOnce).await;
    client.publish("in/d", "three", QoS::AtLeastOnce).await;
    let event = json!({ "topic": "in/e", "payload": "four", "qos": 1 });
    let reply = admin.post("/api/v1/broker/publish", &event).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    for (key, payload) in [
        ("in/a", "zero"),
        ("in/b", "one"),
        ("in/c", "two"),
        ("in/d", "three"),
        ("in/e", "four"),
    ] {
        admin.await_value(key, payload).await;
        let lines = await_lines(&admin, &format!("meta/{key}"), 1).await;
        let fields: Vec<_> = lines[0].split(' ').collect();
        assert_eq!((fields.len(), &fields[1..]), (3, &["1", "in/+"][..]));
    }
    // The same component answers HTTP requests from the same state.
    let reply = Reply::of(host.function("/record?key=in/b")).await;
    assert_eq!(reply.text(), "one");
    let invocations = admin.await_invocations("record", 6).await;
    let of_mqtt = |record: &&Value| record["trigger"] == "mqtt" && record["outcome"] == "ok";
    assert_eq!(invocations.iter().filter(of_mqtt).count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn wildcards_match_as_the_specification_has_it() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("mqtt_record");
    let query = "topic=one/%2B/x&topic=rest/%23&topic=%2B/any";
    admin.deployed("record", component, query).await;
    let client = MqttClient::connect(host.mqtt_address(), "sender").await;
    let matching = [
        ("one/a/x", "one/+/x"),
        ("one//x", "one/+/x"),
        ("rest", "rest/#"),
        ("rest/a/b/c", "rest/#"),
        ("a/any", "+/any"),
        ("/any", "+/any"),
    ];
    let others = [
        "one/x",
        "one/a/b/x",
        "one/a/X",
        "two/a/x",
        "resting",
        "any",
        "a/b/any",
        "$own/any",
    ];
    for topic in others {
        client.publish(topic, "no", QoS::AtLeastOnce).await;
    }
    for (topic, _) in matching {
        client.publish(topic, "yes", QoS::AtLeastOnce).await;
    }
    let topic_path = |topic: &str| topic.replace('/', "%2F");
    for (topic, filter) in matching {
        admin.await_value(&topic_path(topic), "yes").await;
        let line = text(&admin, &topic_path(&format!("meta/{topic}"))).await;
        assert!(line.ends_with(&format!(" 1 {filter}\n")), "{topic}: {line}");
    }
    let recorded = keys(&admin, "").await;
    assert_eq!(recorded.len(), 2 * matching.len(), "{recorded:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_that_overlap_give_one_delivery() {
    const MESSAGES: usize = 20;
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("mqtt_record");
    let query = "topic=o/%2B&topic=o/%23&topic=o/x";
    admin.deployed("record", component, query).await;
    let client = MqttClient::connect(host.mqtt_address(), "sender").await;
    for number in 0..MESSAGES {
        let payload = number.to_string();
        client.publish("o/x", payload, QoS::AtLeastOnce).await;
    }
    // Matched by the second filter only: what comes before it on that subscription has been seen by then.
    client.publish("o/x/end", "end", QoS::AtLeastOnce).await;
    admin.await_value("o/x/end", "end").await;
    let lines = await_lines(&admin, "meta/o/x", MESSAGES).await;
    assert_eq!(lines.len(), MESSAGES);
    assert!(
        lines.iter().all(|line| line.ends_with(" 1 o/+")),
        "{lines:?}"
    );
    let ids: std::collections::BTreeSet<_> = lines.iter().collect();
    assert_eq!(ids.len(), MESSAGES, "each message has an id of its own");
    admin.await_invocations("record", MESSAGES + 1).await;
    assert_eq!(
        invocation_total(&admin, "record").await,
        MESSAGES as u64 + 1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_function_with_a_matching_filter_gets_the_message() {
    let host = TestHost::start().await;
    let admin = host.admin();
    for name in ["one", "two"] {
        let component = artifacts::guest("mqtt_record");
        admin.deployed(name, component, "topic=both/%23").await;
    }
    let client = MqttClient::connect(host.mqtt_address(), "sender").await;
    client.publish("both/x", "x", QoS::AtLeastOnce).await;
    await_lines(&admin, "meta/both/x", 2).await;
    for name in ["one", "two"] {
        assert_eq!(admin.await_invocations(name, 1).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_message_reaches_a_function_that_is_deployed_later() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let client = MqttClient::connect(host.mqtt_address(), "sender").await;
    let payload = "kept";
    client
        .publish_retained("state/a", payload, QoS::AtLeastOnce)
        .await;
    let component = artifacts::guest("mqtt_record");
    admin.deployed("record", component, "topic=state/%23").await;
    admin.await_value("state/a", payload).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_arrives_byte_for_byte() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("mqtt_record");
    admin.deployed("record", component, "topic=in/%23").await;
    let client = MqttClient::connect(host.mqtt_address(), "sender").await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..256 << 10).map(|at: u32| (at % 251) as u8).collect();
    for (topic, payload) in [
        ("in/empty", Vec::new()),
        ("in/every-byte", every_byte),
        ("in/text", "grüße, 世界 🌍".into()),
        ("in/large", large),
    ] {
        let sent = payload.clone();
        client.publish(topic, sent, QoS::AtLeastOnce).await;
        admin.await_value(topic, payload).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_publishes_and_other_clients_see_it() {
    let host = TestHost::start().await;
    let address = host.mqtt_address();
    let component = artifacts::guest("mqtt_relay");
    host.admin()
        .deployed("relay", component, "topic=in/%23")
        .await;
    let mut subscriber =
        mosquitto::Subscriber::start(address, &["-q", "1", "-v", "-t", "relayed/#"]).await;
    mosquitto::publish(address, &["-q", "1", "-t", "in/a", "-m", "hello there"]).await;
    assert_eq!(subscriber.message().await, "relayed/in/a hello there");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_publishes_as_retained_is_kept() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("http_publish");
    admin
        .deployed("publish", component, "publish=out/%23")
        .await;
    for path in [
        "/publish?topic=out/kept&payload=p&retain=1&qos=1",
        "/publish?topic=out/passing&payload=q&qos=1",
    ] {
        let reply = Reply::of(host.function(path)).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
    }
    let mut client = MqttClient::connect(host.mqtt_address(), "late").await;
    client.subscribe("out/#", QoS::AtLeastOnce).await;
    let kept = client.next_message().await;
    assert_eq!(
        (kept.topic.as_str(), kept.text().as_str(), kept.retain),
        ("out/kept", "p", true)
    );
    client.publish("out/end", "", QoS::AtLeastOnce).await;
    assert_eq!(client.next_message().await.topic, "out/end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_granted_is_not_published_to() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("http_publish");
    admin
        .deployed("publish", component, "publish=out/%2B")
        .await;
    let mut client = MqttClient::connect(host.mqtt_address(), "reader").await;
    client.subscribe("#", QoS::AtLeastOnce).await;
    for topic in ["other", "out", "out/a/b", "out/%2B", "%23", "$SYS/a", ""] {
        let path = format!("/publish?topic={topic}&payload=no");
        let reply = Reply::of(host.function(&path)).await;
        assert_eq!(reply.status, 500, "{topic}: {}", reply.text());
    }
    let granted = Reply::of(host.function("/publish?topic=out/a&payload=yes")).await;
    assert_eq!(granted.status, 200, "{}", granted.text());
    let first = client.next_message().await;
    assert_eq!(
        (first.topic.as_str(), first.text().as_str()),
        ("out/a", "yes")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_not_handled_is_delivered_again_under_the_same_id() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("mqtt_fails");
    admin.deployed("fails", component, "topic=in/%23").await;
    let client = MqttClient::connect(host.mqtt_address(), "sender").await;
    client.publish("in/a", "3", QoS::AtLeastOnce).await;
    // The second message of the topic waits for the first one.
    client.publish("in/a", "1", QoS::AtLeastOnce).await;
    admin.await_value("attempts/in/a", "1\n2\n3\n1\n").await;
    let ids = await_lines(&admin, "ids/in/a", 4).await;
    assert!(ids[0] == ids[1] && ids[1] == ids[2], "{ids:?}");
    assert_ne!(ids[2], ids[3]);
    let outcomes: Vec<Value> = admin.await_invocations("fails", 4).await;
    let outcomes: Vec<_> = outcomes.iter().map(|record| &record["outcome"]).collect();
    assert_eq!(outcomes, ["ok", "ok", "guest_error", "guest_error"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_given_up_after_its_attempts_and_the_log_says_so() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[[mqtt]]\ntopic = \"in/#\"\nattempts = 2";
    admin
        .deployed_with("fails", artifacts::guest("mqtt_fails"), manifest)
        .await;
    admin
        .deployed_with("traps", artifacts::guest("mqtt_traps"), manifest)
        .await;
    let client = MqttClient::connect(host.mqtt_address(), "sender").await;
    client.publish("in/a", "99", QoS::AtLeastOnce).await;

    let line = admin
        .await_log("fails", "is given up after 2 attempts")
        .await;
    let message = line["message"].as_str().expect("text");
    let id = text(&admin, "ids/in/a").await;
    let id = id.lines().next().expect("an id").to_owned();
    assert!(
        message.contains("`in/a`") && message.contains(&id),
        "{line}"
    );
    assert_eq!(text(&admin, "attempts/in/a").await, "1\n2\n");

    admin
        .await_log("traps", "is given up after 2 attempts")
        .await;
    let trapped = admin.await_invocations("traps", 2).await;
    let outcomes: Vec<_> = trapped.iter().map(|record| &record["outcome"]).collect();
    assert_eq!(outcomes, ["trap", "trap"]);
    let metrics = host.stranger().get("/metrics").await.expect(200).text();
    for name in ["fails", "traps"] {
        let wanted = format!(
            "tidegate_messages_given_up_total{{function=\"{name}\",reason=\"attempts\"}} 1"
        );
        assert!(metrics.contains(&wanted), "{wanted}");
    }
    // What comes after it on the same topic is handled.
    client.publish("in/a", "1", QoS::AtLeastOnce).await;
    admin.await_value("attempts/in/a", "1\n2\n1\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_one_topic_are_handled_in_order() {
    const MESSAGES: usize = 100;
    let host = TestHost::start().await;
    let component = artifacts::guest("mqtt_relay");
    host.admin()
        .deployed("relay", component, "topic=in/%23")
        .await;
    let mut client = MqttClient::connect(host.mqtt_address(), "both").await;
    client.subscribe("relayed/#", QoS::AtLeastOnce).await;
    for number in 0..MESSAGES {
        let payload = number.to_string();
        client.publish("in/one", payload, QoS::AtLeastOnce).await;
    }
    for number in 0..MESSAGES {
        assert_eq!(client.next_message().await.text(), number.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_whose_messages_fail_holds_up_no_other() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[[mqtt]]\ntopic = \"in/#\"\nattempts = 10";
    admin
        .deployed_with("fails", artifacts::guest("mqtt_fails"), manifest)
        .await;
    let client = MqttClient::connect(host.mqtt_address(), "sender").await;
    client.publish("in/bad", "99", QoS::AtLeastOnce).await;
    client.publish("in/bad", "1", QoS::AtLeastOnce).await;
    await_lines(&admin, "attempts/in/bad", 1).await;
    for number in 0..20 {
        let topic = format!("in/good-{number}");
        client.publish(&topic, "1", QoS::AtLeastOnce).await;
    }
    for number in 0..20 {
        admin
            .await_value(&format!("attempts/in/good-{number}"), "1\n")
            .await;
    }
    let tried = text(&admin, "attempts/in/bad").await;
    let tried: Vec<_> = tried.lines().collect();
    assert!(
        tried.len() < 10,
        "it has been given up too early: {tried:?}"
    );
    let in_order: Vec<_> = (1..=tried.len())
        .map(|attempt| attempt.to_string())
        .collect();
    assert_eq!(tried, in_order, "the second message waits for the first");
}

/// Publishes 300 messages while the function is deployed again and again, and expects each of them handled.
async fn none_is_lost_under(deployments: impl AsyncFn(&AdminClient, u32)) {
    const MESSAGES: usize = 300;
    let host = TestHost::start().await;
    let admin = host.admin();
    deployments(&admin, 0).await;
    let client = MqttClient::connect(host.mqtt_address(), "sender").await;
    let publish = async {
        for number in 0..MESSAGES {
            let topic = format!("load/{number}");
            let payload = number.to_string();
            client.publish(&topic, payload, QoS::AtLeastOnce).await;
        }
    };
    let deploy = async {
        for round in 1..=10 {
            deployments(&admin, round).await;
        }
    };
    tokio::join!(publish, deploy);
    let handled = eventually("all messages are handled", SOON, async || {
        let handled = keys(&admin, "load/").await;
        (handled.len() >= MESSAGES).then_some(handled)
    })
    .await;
    assert_eq!(handled.len(), MESSAGES);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_lost_while_a_function_is_deployed_again_and_again() {
    none_is_lost_under(async |admin, round| {
        let manifest = format!("[[mqtt]]\ntopic = \"load/#\"\n[config]\nround = \"{round}\"");
        admin
            .deployed_with("record", artifacts::guest("mqtt_record"), &manifest)
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_lost_while_a_trigger_changes() {
    none_is_lost_under(async |admin, round| {
        let attempts = round % 5 + 3;
        let manifest =
            format!("[[mqtt]]\ntopic = \"load/#\"\nattempts = {attempts}\n[limits]\nqueue = 1");
        admin
            .deployed_with("record", artifacts::guest("mqtt_record"), &manifest)
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_a_deployment_leaves_out_starts_nothing_any_more() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("mqtt_record");
    admin
        .deployed("record", component.clone(), "topic=old/%23&topic=both/%23")
        .await;
    admin
        .deployed("record", component, "topic=new/%23&topic=both/%23")
        .await;
    let client = MqttClient::connect(host.mqtt_address(), "sender").await;
    for topic in ["old/a", "both/a", "new/a"] {
        client.publish(topic, "x", QoS::AtLeastOnce).await;
    }
    admin.await_value("new/a", "x").await;
    admin.await_value("both/a", "x").await;
    assert_eq!(admin.value("default", "old/a").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_function_gets_no_messages_any_more() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("mqtt_record");
    admin
        .deployed("gone", component.clone(), "topic=gone/%23")
        .await;
    admin.deployed("stays", component, "topic=stays/%23").await;
    let client = MqttClient::connect(host.mqtt_address(), "sender").await;
    client.publish("gone/before", "x", QoS::AtLeastOnce).await;
    admin.await_value("gone/before", "x").await;
    admin.delete("/api/v1/functions/gone").await.expect(204);
    client.publish("gone/after", "x", QoS::AtLeastOnce).await;
    client.publish("stays/after", "x", QoS::AtLeastOnce).await;
    admin.await_value("stays/after", "x").await;
    assert_eq!(admin.value("default", "gone/after").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_starts_itself_is_stopped_and_reported() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::guest("mqtt_loop");
    admin.deployed("loop", component, "topic=loop/in").await;
    let mut client = MqttClient::connect(host.mqtt_address(), "both").await;
    client.subscribe("loop/in", QoS::AtLeastOnce).await;
    client.publish("loop/in", "round", QoS::AtLeastOnce).await;
    admin.await_log("loop", "is given up in a loop").await;
    eventually("the message is a dead letter", SOON, async || {
        let letters = admin.get("/api/v1/broker/dead-letters?function=loop").await;
        let letters = letters.expect(200).json();
        (letters["dead_letters"][0]["topic"] == "loop/in").then_some(())
    })
    .await;
    let total = invocation_total(&admin, "loop").await;
    assert!((8..=12).contains(&total), "{total} invocations");
    // The last of them has published nothing, so that what was published can be counted.
    let mut published = 0;
    client.publish("loop/end", "", QoS::AtLeastOnce).await;
    while client
        .next_message_within(Duration::from_millis(300))
        .await
        .is_some()
    {
        published += 1;
    }
    assert!((8..=10).contains(&published), "{published} messages");
    assert_eq!(invocation_total(&admin, "loop").await, total);
}

#[tokio::test(flavor = "multi_thread")]
async fn mqtt_can_be_switched_off() {
    let host = TestHost::builder().arg("--mqtt").arg("off").start().await;
    assert_eq!(host.mqtt, "");
    let admin = host.admin();
    let component = artifacts::guest("mqtt_record");
    let reply = admin.deployed("record", component, "topic=in/%23").await;
    let warning = reply["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains("MQTT is switched off"), "{warning}");
    let reply = Reply::of(host.function("/record?key=none")).await;
    assert_eq!(reply.status, 404);
    let component = artifacts::guest("http_publish");
    admin
        .deployed("publish", component, "publish=out/%23")
        .await;
    let reply = Reply::of(host.function("/publish?topic=out/a&payload=x")).await;
    assert_eq!(reply.status, 500);
    assert!(
        reply.text().contains("MQTT is switched off"),
        "{}",
        reply.text()
    );
    let reply = admin.get("/api/v1/broker/clients").await;
    reply.expect_problem(409, "mqtt_off");
}
