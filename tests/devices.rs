//! Devices: who is let in, what they may do, and that changes reach those that are connected.

use rumqttc::QoS;
use serde_json::{Value, json};
use tidegate_tests::command_line::{command, done, run};
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{Client, Connect, Version, Will};
use tidegate_tests::{AdminClient, MqttClient, Reply, Role, TestHost};

use crate::mqtt_standard::clients;

/// The password of a device that was added from the command line.
async fn added(host: &TestHost, arguments: &[&str]) -> String {
    let arguments = [&["device", "add"], arguments].concat();
    run(host, &arguments).await.ok().out.trim().to_owned()
}

async fn connect(host: &TestHost, user: &str, password: &str) -> Result<MqttClient, String> {
    let credentials = |options: &mut rumqttc::MqttOptions| {
        options.set_credentials(user, password.to_owned());
    };
    MqttClient::try_connect(host.mqtt_address(), &format!("client-{user}"), credentials).await
}

/// A client without a name, which may do everything from here.
async fn operator(host: &TestHost) -> MqttClient {
    MqttClient::connect(host.mqtt_address(), "operator").await
}

async fn put(admin: &AdminClient, device: &str, body: &Value) -> Reply {
    let request = admin.request(reqwest::Method::PUT, &format!("/api/v1/devices/{device}"));
    Reply::of(request.json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_does_what_it_was_granted_and_nothing_else() {
    let mut host = TestHost::start().await;
    let password = added(
        &host,
        &["one", "--publish", "up/%u/#", "--subscribe", "down/%c/+"],
    )
    .await;
    for restarted in [false, true] {
        if restarted {
            host.restart().await;
        }
        let mut operator = operator(&host).await;
        operator.subscribe("#", QoS::AtLeastOnce).await;
        let mut device = connect(&host, "one", &password).await.expect("let in");
        device
            .subscribe("down/client-one/x", QoS::AtLeastOnce)
            .await;
        for filter in [
            "#",
            "down/#",
            "down/client-two/x",
            "down/client-one/#",
            "$SYS/#",
        ] {
            let refused = device.try_subscribe(filter, QoS::AtLeastOnce).await;
            assert!(refused.is_err(), "{filter}");
        }
        for topic in ["up/two/x", "up", "down/client-one/x", "up/one/x"] {
            device.publish(topic, topic, QoS::AtLeastOnce).await;
        }
        assert_eq!(
            operator.next_message().await.topic,
            "up/one/x",
            "the others are gone"
        );
        operator
            .publish("down/client-one/x", "hello", QoS::AtLeastOnce)
            .await;
        assert_eq!(device.next_message().await.text(), "hello");
    }
    for (user, password) in [("one", "wrong"), ("two", password.as_str()), ("", "")] {
        let refused = connect(&host, user, password).await.err();
        assert!(refused.is_some(), "{user}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_reach_devices_that_are_connected() {
    let host = TestHost::start().await;
    let password = added(&host, &["one", "--subscribe", "a/#", "--subscribe", "b/#"]).await;
    let operator = operator(&host).await;
    let mut device = connect(&host, "one", &password).await.expect("let in");
    for filter in ["a/#", "b/#"] {
        device.subscribe(filter, QoS::AtLeastOnce).await;
    }
    operator.publish("a/1", "1", QoS::AtLeastOnce).await;
    assert_eq!(device.next_message().await.topic, "a/1");
    run(&host, &["device", "set", "one", "--subscribe", "b/#"])
        .await
        .ok();
    tidegate_tests::eventually("the subscription ends", tidegate_tests::SOON, async || {
        operator.publish("a/2", "2", QoS::AtLeastOnce).await;
        operator.publish("b/2", "2", QoS::AtLeastOnce).await;
        let first = device.next_message().await.topic;
        if first == "a/2" {
            device.next_message().await;
        }
        (first == "b/2").then_some(())
    })
    .await;
    assert!(device.try_subscribe("a/#", QoS::AtLeastOnce).await.is_err());

    let fresh = run(&host, &["device", "password", "one"]).await.ok().out;
    device.disconnected().await;
    assert!(connect(&host, "one", &password).await.is_err());
    let mut device = connect(&host, "one", fresh.trim()).await.expect("let in");
    run(&host, &["device", "delete", "one", "--yes"]).await.ok();
    device.disconnected().await;
    assert!(connect(&host, "one", fresh.trim()).await.is_err());
}

/// What a device connects with whose session is kept for an hour.
fn lasting(user: &str, password: &str) -> Connect {
    Connect {
        username: Some(user.to_owned()),
        password: Some(password.into()),
        ..clients::lasting(Version::V5, &format!("client-{user}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_from_a_device_that_is_away_does_not_wait_for_it() {
    let host = TestHost::start().await;
    let password = added(&host, &["one", "--subscribe", "a/#", "--subscribe", "b/#"]).await;
    let operator = operator(&host).await;
    let one = lasting("one", &password);
    let mut device = Client::connect(host.mqtt_address(), &one).await;
    for filter in ["a/#", "b/#"] {
        assert_eq!(device.subscribe(filter, 1).await, 1);
    }
    device.break_off().await;
    for topic in ["a/1", "b/1"] {
        operator.publish(topic, topic, QoS::AtLeastOnce).await;
    }
    run(&host, &["device", "set", "one", "--subscribe", "b/#"])
        .await
        .ok();
    for topic in ["a/2", "b/2"] {
        operator.publish(topic, topic, QoS::AtLeastOnce).await;
    }
    let (mut device, connack) = Client::connect_with_connack(host.mqtt_address(), &one).await;
    assert!(connack.session_present);
    for expected in ["b/1", "b/2"] {
        assert_eq!(device.receive().await.topic, expected);
    }
    device.disconnect().await;
    // Whoever has the name next has nothing of what was before.
    operator.publish("b/3", "x", QoS::AtLeastOnce).await;
    run(&host, &["device", "delete", "one", "--yes"]).await.ok();
    let password = added(&host, &["one", "--subscribe", "b/#"]).await;
    let one = lasting("one", &password);
    let (mut device, connack) = Client::connect_with_connack(host.mqtt_address(), &one).await;
    assert!(!connack.session_present);
    device.expect_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_will_that_waits_is_not_published_where_that_is_not_permitted_any_more() {
    let host = TestHost::start().await;
    let mut operator = operator(&host).await;
    operator.subscribe("will/#", QoS::AtLeastOnce).await;
    let mut devices = Vec::new();
    for name in ["one", "two", "three"] {
        let password = added(&host, &[name, "--publish", "will/%u"]).await;
        let will = Will::new(&format!("will/{name}"), "gone")
            .with(property::four_bytes(id::WILL_DELAY, 2));
        let connect = lasting(name, &password).will(will);
        devices.push(Client::connect(host.mqtt_address(), &connect).await);
    }
    for device in devices {
        device.break_off().await;
    }
    run(&host, &["device", "set", "one", "--no-publish"])
        .await
        .ok();
    run(&host, &["device", "delete", "two", "--yes"]).await.ok();
    assert_eq!(operator.next_message().await.topic, "will/three");
    let other = operator.next_message_within(std::time::Duration::from_millis(300));
    assert_eq!(other.await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_a_password_until_it_expires() {
    let host = TestHost::start().await;
    let create = async |ttl: &str| {
        let arguments = [
            "token",
            "create",
            "--device",
            "sensor",
            "--publish",
            "up/%u",
            "--ttl",
            ttl,
        ];
        run(&host, &arguments).await.ok().out.trim().to_owned()
    };
    let mut operator = operator(&host).await;
    operator.subscribe("#", QoS::AtLeastOnce).await;
    let token = create("1h").await;
    let device = connect(&host, "any", &token).await.expect("let in");
    device.publish("up/any", "x", QoS::AtLeastOnce).await;
    device.publish("up/sensor", "x", QoS::AtLeastOnce).await;
    assert_eq!(operator.next_message().await.topic, "up/sensor");

    let short = create("3s").await;
    let mut device = connect(&host, "short", &short).await.expect("let in");
    device.disconnected().await;
    // Neither is the other one.
    let device = AdminClient::new(&host.admin, Some(&token));
    let refused = device.get("/api/v1/devices").await;
    assert!([400, 401].contains(&refused.status), "{refused:?}");
    let admin = host.token(Role::Admin);
    assert!(connect(&host, "sensor", &admin).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_says_who_need_not_say_who_they_are() {
    let nobody = TestHost::builder().arg("--mqtt-anonymous").arg("nobody");
    let host = nobody.start().await;
    let refused = MqttClient::try_connect(host.mqtt_address(), "anonymous", |_| {}).await;
    assert!(refused.is_err());
    let password = added(&host, &["one"]).await;
    connect(&host, "one", &password).await.expect("let in");
    let mut unclear = command(&["serve", "--mqtt-anonymous", "true"]);
    unclear.arg("--data-dir").arg(host.data_dir());
    let refused = done(unclear).await;
    refused.failed(1, &["`mqtt-anonymous`", "`nobody`, `local` or `everybody`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_looked_at_for_so_long_only() {
    let host = TestHost::start().await;
    let password = added(&host, &["one"]).await;
    let other = added(&host, &["two"]).await;
    for _ in 0..10 {
        assert!(connect(&host, "one", "wrong").await.is_err());
    }
    assert!(connect(&host, "one", &password).await.is_err());
    connect(&host, "two", &other)
        .await
        .expect("it has done nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_says_a_password_once() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let settings = json!({ "publish": ["up/%u"] });
    let added = put(&admin, "one", &settings).await.expect(201).json();
    let password = added["password"].as_str().expect("a password");
    assert_eq!((added["name"].as_str(), password.len()), (Some("one"), 32));
    assert_eq!(added["certificates"], json!(["one"]));
    let changed = put(&admin, "one", &settings).await.expect(200).json();
    assert_eq!(changed.get("password"), None);
    for path in ["/api/v1/devices", "/api/v1/devices/one"] {
        let shown = host
            .admin_as(Role::Viewer)
            .get(path)
            .await
            .expect(200)
            .text();
        assert!(
            shown.contains("up/%u") && !shown.contains("password"),
            "{shown}"
        );
        assert!(!shown.contains(password), "{shown}");
    }
    let log = host.stderr();
    assert!(!log.contains(password), "{log}");
    let renewed = admin.post("/api/v1/devices/one/password", &json!({})).await;
    assert_ne!(renewed.expect(200).json()["password"], added["password"]);
    connect(&host, "one", password)
        .await
        .err()
        .expect("it has another one");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_about_devices_are_told_and_change_nothing() {
    let host = TestHost::start().await;
    let admin = host.admin();
    for (body, code) in [
        (json!({ "publish": ["a#"] }), "device_invalid"),
        (json!({ "subscribe": ["a/%x"] }), "device_invalid"),
        (json!({ "subscribe": ["$share/g/a"] }), "device_invalid"),
        (json!({ "publish": vec!["a"; 65] }), "device_invalid"),
        (json!({ "certificates": [""] }), "device_invalid"),
        (json!({ "publishes": [] }), "bad_request"),
    ] {
        let refused = put(&admin, "one", &body).await;
        assert!(
            refused.status == 400 || refused.status == 422,
            "{refused:?}"
        );
        let problem = refused.json();
        assert_eq!(problem["code"], code, "{problem}");
    }
    put(&admin, "One", &json!({}))
        .await
        .expect_problem(400, "invalid_name");
    for role in [Role::Viewer, Role::Deployer] {
        let other = host.admin_as(role);
        put(&other, "one", &json!({}))
            .await
            .expect_problem(403, "role_insufficient");
    }
    host.stranger()
        .get("/api/v1/devices")
        .await
        .expect_problem(401, "token_missing");
    for reply in [
        admin.get("/api/v1/devices/one").await,
        admin.delete("/api/v1/devices/one").await,
        admin.post("/api/v1/devices/one/password", &json!({})).await,
    ] {
        reply.expect_problem(404, "no_such_device");
    }
    let listed = admin.get("/api/v1/devices").await.expect(200).json();
    assert_eq!(listed["devices"], json!([]));

    put(&admin, "one", &json!({ "certificates": ["shared"] }))
        .await
        .expect(201);
    let taken = put(&admin, "two", &json!({ "certificates": ["shared"] })).await;
    taken.expect_problem(409, "certificate_taken");
    run(&host, &["device", "add", "one"])
        .await
        .failed(1, &["there is a device `one` already", "device_exists"]);
    run(&host, &["device", "set", "two", "--publish", "a"])
        .await
        .failed(1, &["there is no device `two`"]);
    run(&host, &["device", "set", "one"])
        .await
        .failed(1, &["say what is to change"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_and_changes_devices() {
    let host = TestHost::start().await;
    let password = added(
        &host,
        &[
            "one",
            "--publish",
            "a",
            "--publish",
            "b",
            "--certificate",
            "CN one",
        ],
    )
    .await;
    assert_eq!(password.len(), 32, "nothing else is on standard output");
    let json = run(&host, &["device", "add", "two", "--json"])
        .await
        .ok()
        .json();
    assert_eq!(json["name"], "two");
    let listed = run(&host, &["device", "list"]).await.ok();
    listed.says(&["NAME", "one", "a, b", "CN one", "two"]);
    run(&host, &["device", "set", "one", "--subscribe", "c/%c"])
        .await
        .ok();
    let shown = run(&host, &["device", "show", "one"]).await.ok();
    shown.says(&[
        "publish      a",
        "publish      b",
        "subscribe    c/%c",
        "certificate  CN one",
        "added",
    ]);
    run(
        &host,
        &["device", "set", "one", "--no-publish", "--no-certificate"],
    )
    .await
    .ok();
    let json = run(&host, &["device", "show", "one", "--json"])
        .await
        .ok()
        .json();
    assert_eq!(
        (&json["publish"], &json["subscribe"]),
        (&json!([]), &json!(["c/%c"]))
    );
    assert_eq!(json["certificates"], json!([]));
    run(&host, &["device", "delete", "two"])
        .await
        .failed(1, &["add --yes"]);
    run(&host, &["device", "delete", "two", "--yes"])
        .await
        .ok()
        .says(&["deleted two"]);
    let listed = run(&host, &["device", "list"]).await.ok();
    assert!(!listed.out.contains("two"), "{listed:?}");
}
