//! The examples do what their READMEs say.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tidegate_tests::{
    AdminClient, MqttClient, QoS, Reply, SOON, TestHost, artifacts, eventually, mosquitto,
};

/// Deploys an example as its README does: under its own name, and with nothing but its component.
async fn start(name: &str, readme: &str, commands: &[&str]) -> (TestHost, AdminClient) {
    let deploy = format!("--name {name}\n");
    for command in [&[deploy.as_str()], commands].concat() {
        assert!(readme.contains(command), "no `{command}` in {readme}");
    }
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = artifacts::example(&name.replace('-', "_"));
    admin.deployed(name, component, "").await;
    (host, admin)
}

async fn reading(address: SocketAddr, sensor: &str, celsius: &str) {
    let topic = format!("sensors/{sensor}/temperature");
    mosquitto::publish(address, &["-q", "1", "-t", &topic, "-m", celsius]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hello_http_greets() {
    let readme = include_str!("../examples/hello-http/README.md");
    let curl = "curl http://localhost:3000/hello/ann";
    let (host, _admin) = start("hello-http", readme, &[curl]).await;
    for (path, greeting) in [
        ("/hello/ann", "hello ann\n"),
        ("/hello", "hello world\n"),
        ("/hello/Zo%C3%AB", "hello Zoë\n"),
    ] {
        let reply = Reply::of(host.function(path)).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, greeting));
    }
    let reply = Reply::of(host.function("/hello/a/b")).await;
    assert_eq!(reply.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn sensor_average_answers_the_mean_of_the_last_ten_readings() {
    let readme = include_str!("../examples/sensor-average/README.md");
    let commands = [
        "mosquitto_pub -p 1883 -q 1 -t sensors/kitchen/temperature -m 21.5",
        "curl http://localhost:3000/sensors/kitchen/average",
    ];
    let (host, admin) = start("sensor-average", readme, &commands).await;
    let address = host.mqtt_address();
    let average = async |sensor: &str| {
        let path = format!("/sensors/{sensor}/average");
        Reply::of(host.function(&path)).await
    };
    let await_average = async |sensor: &str, expected: Value| {
        eventually(&format!("the average is {expected}"), SOON, async || {
            let reply = average(sensor).await;
            (reply.status == 200 && reply.json() == expected).then_some(())
        })
        .await;
    };
    let none = average("kitchen").await.expect(404).json();
    assert_eq!(none["error"], "no readings of that sensor");

    reading(address, "kitchen", "21.5").await;
    await_average("kitchen", json!({ "average": 21.5, "readings": 1 })).await;
    let client = MqttClient::connect(address, "sensor").await;
    let publish = async |celsius: u32| {
        let topic = "sensors/cellar/temperature";
        let payload = celsius.to_string();
        client.publish(topic, payload, QoS::AtLeastOnce).await;
    };
    publish(90).await;
    publish(90).await;
    await_average("cellar", json!({ "average": 90.0, "readings": 2 })).await;
    // Ten at once, which the two above fall out for.
    for celsius in 1..=10 {
        publish(celsius).await;
    }
    await_average("cellar", json!({ "average": 5.5, "readings": 10 })).await;
    await_average("kitchen", json!({ "average": 21.5, "readings": 1 })).await;

    reading(address, "kitchen", "warm").await;
    admin
        .await_log("sensor-average", "expected a temperature in °C")
        .await;
    await_average("kitchen", json!({ "average": 21.5, "readings": 1 })).await;
    let reply = Reply::of(host.request(reqwest::Method::POST, "/sensors/kitchen/average"));
    assert_eq!(reply.await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn threshold_alert_raises_one_alert_and_clears_it_once() {
    let readme = include_str!("../examples/threshold-alert/README.md");
    let commands = [
        "mosquitto_sub -p 1883 -t 'alerts/#' -v",
        "mosquitto_pub -p 1883 -q 1 -t sensors/kitchen/temperature -m 31",
    ];
    let (host, admin) = start("threshold-alert", readme, &commands).await;
    let address = host.mqtt_address();
    let mut reader = MqttClient::connect(address, "reader").await;
    reader.subscribe("alerts/#", QoS::AtLeastOnce).await;
    for celsius in ["30", "31", "35", "29", "27.5", "25", "30.5"] {
        reading(address, "kitchen", celsius).await;
    }
    for expected in ["alert 31", "clear 27.5", "alert 30.5"] {
        let message = reader.next_message().await;
        assert_eq!(
            (message.topic.as_str(), message.text().as_str()),
            ("alerts/kitchen/temperature", expected)
        );
    }
    // Alerts are retained: who subscribes later learns how things stand.
    let late = mosquitto::subscribe(address, &["-v", "-C", "1", "-t", "alerts/#"]);
    let late = mosquitto::output(late).await;
    assert_eq!(
        String::from_utf8_lossy(&late.stdout),
        "alerts/kitchen/temperature alert 30.5\n"
    );

    let limits = "[config]\nhigh = \"10\"\nlow = \"5\"\n";
    let component = artifacts::example("threshold_alert");
    admin
        .deployed_with("threshold-alert", component, limits)
        .await;
    reading(address, "fridge", "11").await;
    let message = reader.next_message().await;
    assert_eq!(
        (message.topic.as_str(), message.text().as_str()),
        ("alerts/fridge/temperature", "alert 11")
    );
    admin
        .await_log("threshold-alert", "fridge: alert at 11")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn activity_report_says_how_many_messages_there_were() {
    let readme = include_str!("../examples/activity-report/README.md");
    let commands = [
        "mosquitto_sub -p 1883 -t reports/activity -v",
        "tidegate invoke activity-report --tick",
    ];
    let (host, admin) = start("activity-report", readme, &commands).await;
    let address = host.mqtt_address();
    let mut reader = MqttClient::connect(address, "reader").await;
    reader.subscribe("reports/activity", QoS::AtLeastOnce).await;
    for _ in 0..3 {
        reading(address, "kitchen", "21").await;
    }
    admin.await_invocations("activity-report", 3).await;
    // On its schedule, in ten seconds at most: one report or, where it came while the messages did, two.
    let mut reported = 0;
    while reported < 3 {
        let report = reader.next_message().await.text();
        let count = report.split(' ').nth(1).expect("a number");
        reported += count.parse::<u32>().expect("a number");
    }
    assert_eq!(reported, 3);
}
