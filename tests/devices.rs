//! Devices: who may connect, what each may do, and that it is so at once when it changes.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tidegate_tests::command_line::run;
use tidegate_tests::{MqttClient, QoS, SOON, TestHost, artifacts, eventually};

const PUMP: &str = "/api/v1/devices/pump";

/// Adds a device with `tidegate device add` and returns its password.
async fn add(host: &TestHost, name: &str, arguments: &[&str]) -> String {
    let arguments = [&["device", "add", name], arguments].concat();
    let added = run(host, &arguments).await.ok();
    added.out.trim_end().to_owned()
}

async fn connect(
    address: SocketAddr,
    client_id: &str,
    name: &str,
    password: &str,
) -> Result<MqttClient, String> {
    let (name, password) = (name.to_owned(), password.to_owned());
    MqttClient::try_connect(address, client_id, |options| {
        options.set_credentials(name, password);
    })
    .await
}

async fn connected(address: SocketAddr, client_id: &str, name: &str, password: &str) -> MqttClient {
    let client = connect(address, client_id, name, password).await;
    client.expect("the broker lets it in")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_does_what_it_was_granted_and_nothing_else() {
    let mut host = TestHost::start().await;
    let grants = ["--publish", "sensors/%u/#", "--subscribe", "cmd/%c/#"];
    let password = add(&host, "pump", &grants).await;
    assert!(password.len() >= 20, "{password}");
    let shown = run(&host, &["device", "show", "pump"]).await.ok();
    assert!(!shown.out.contains(&password), "{shown:?}");
    shown.says(&["sensors/%u/#", "cmd/%c/#"]);
    // Also after a restart.
    host.restart().await;
    let address = host.mqtt_address();
    let mut watcher = MqttClient::connect(address, "watcher").await;
    watcher.subscribe("#", QoS::AtLeastOnce).await;
    let mut pump = connected(address, "pump-1", "pump", &password).await;
    pump.subscribe("cmd/pump-1/+", QoS::AtLeastOnce).await;
    for wider in [
        "cmd/#",
        "cmd/+/x",
        "#",
        "$SYS/#",
        "$share/g/#",
        "cmd/pump-2/x",
    ] {
        let refused = pump.try_subscribe(wider, QoS::AtLeastOnce).await;
        assert!(refused.is_err(), "{wider}");
    }
    pump.subscribe("$share/g/cmd/pump-1/shared", QoS::AtLeastOnce)
        .await;
    pump.publish("sensors/other/a", "no", QoS::AtLeastOnce)
        .await;
    pump.publish("cmd/pump-1/x", "no", QoS::AtLeastOnce).await;
    pump.publish("sensors/pump/a", "yes", QoS::AtLeastOnce)
        .await;
    let seen = watcher.next_message().await;
    assert_eq!(
        (seen.topic.as_str(), seen.text().as_str()),
        ("sensors/pump/a", "yes")
    );
    watcher
        .publish("cmd/pump-1/on", "1", QoS::AtLeastOnce)
        .await;
    assert_eq!(pump.next_message().await.topic, "cmd/pump-1/on");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_with_the_password_are_let_in() {
    let host = TestHost::start().await;
    let password = add(&host, "pump", &["--publish", "#"]).await;
    let address = host.mqtt_address();
    for (name, password) in [
        ("pump", "wrong"),
        ("pump", ""),
        ("nobody", password.as_str()),
        ("", password.as_str()),
    ] {
        let refused = connect(address, "x", name, password).await;
        let refused = refused.err().expect("it is not let in");
        assert!(refused.contains("BadUserNamePassword"), "{refused}");
    }
    let first = connected(address, "x", "pump", &password).await;
    let renewed = run(&host, &["device", "password", "pump"]).await.ok();
    let renewed = renewed.out.trim_end();
    assert!(connect(address, "y", "pump", &password).await.is_err());
    let second = connected(address, "y", "pump", renewed).await;
    second.publish("a", "x", QoS::AtLeastOnce).await;
    drop(first);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_reach_clients_that_are_connected() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let grants = ["--publish", "a/#", "--subscribe", "b/#"];
    let password = add(&host, "pump", &grants).await;
    let address = host.mqtt_address();
    let mut watcher = MqttClient::connect(address, "watcher").await;
    watcher.subscribe("a/#", QoS::AtLeastOnce).await;
    let mut pump = connected(address, "pump", "pump", &password).await;
    pump.subscribe("b/#", QoS::AtLeastOnce).await;
    watcher.publish("b/1", "before", QoS::AtLeastOnce).await;
    assert_eq!(pump.next_message().await.text(), "before");

    let changed = json!({ "publish": ["c/#"], "subscribe": ["c/#"] });
    let changed = serde_json::to_vec(&changed).expect("JSON");
    let request = admin
        .request(reqwest::Method::PUT, PUMP)
        .header("content-type", "application/json")
        .body(changed);
    tidegate_tests::Reply::of(request).await.expect(200);
    eventually(
        "the subscription is taken away",
        Duration::from_secs(5),
        async || {
            let clients = admin.get("/api/v1/broker/clients").await.expect(200).json();
            let clients = clients["clients"].as_array().expect("a list").clone();
            let pump = clients
                .iter()
                .find(|client| client["client_id"] == "pump")?;
            (pump["subscriptions"] == json!([])).then_some(())
        },
    )
    .await;
    watcher.publish("b/2", "after", QoS::AtLeastOnce).await;
    pump.subscribe("c/#", QoS::AtLeastOnce).await;
    pump.publish("a/1", "not any more", QoS::AtLeastOnce).await;
    pump.publish("c/1", "mine", QoS::AtLeastOnce).await;
    assert_eq!(pump.next_message().await.text(), "mine");
    watcher.publish("a/2", "last", QoS::AtLeastOnce).await;
    assert_eq!(watcher.next_message().await.text(), "last");

    run(&host, &["device", "delete", "pump", "--yes"])
        .await
        .ok();
    pump.disconnected().await;
    assert!(connect(address, "pump", "pump", &password).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_id_belongs_to_its_device() {
    let host = TestHost::start().await;
    let one = add(&host, "one", &["--subscribe", "#"]).await;
    let two = add(&host, "two", &["--subscribe", "#"]).await;
    let address = host.mqtt_address();
    let first = connected(address, "the-id", "one", &one).await;
    let refused = connect(address, "the-id", "two", &two).await;
    assert!(refused.is_err(), "another device has it");
    first.subscribe("still/there", QoS::AtLeastOnce).await;
    let anonymous = MqttClient::try_connect(address, "the-id", |_| {}).await;
    assert!(anonymous.is_err(), "nor does an anonymous client get it");
    first.subscribe("still/there", QoS::AtLeastOnce).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_stands_for_a_device_of_its_own() {
    let host = TestHost::start().await;
    let made = run(
        &host,
        &[
            "token",
            "create",
            "--device",
            "visitor",
            "--publish",
            "in/#",
            "--subscribe",
            "out/#",
            "--ttl",
            "1h",
        ],
    )
    .await
    .ok();
    let token = made.out.trim_end();
    let component = artifacts::guest("mqtt_record");
    let admin = host.admin();
    admin.deployed("record", component, "topic=in/%23").await;
    let address = host.mqtt_address();
    let visitor = connected(address, "v", "visitor", token).await;
    visitor.publish("in/a", "by token", QoS::AtLeastOnce).await;
    eventually("the function has it", SOON, async || {
        let reply = admin.get("/api/v1/buckets/default/keys/in%2Fa").await;
        (reply.status == 200 && reply.text() == "by token").then_some(())
    })
    .await;
    assert!(
        visitor
            .try_subscribe("in/#", QoS::AtLeastOnce)
            .await
            .is_err()
    );
    visitor.subscribe("out/x", QoS::AtLeastOnce).await;
    // The admin API is not a device's.
    let device = tidegate_tests::AdminClient::new(&host.admin, Some(token));
    let refused = device.get("/api/v1/functions").await;
    assert!([401, 403].contains(&refused.status), "{}", refused.text());
    // Nor is the broker open to the tokens of people.
    let person = host.token(tidegate_tests::Role::Admin);
    assert!(connect(address, "w", "visitor", &person).await.is_err());
}
