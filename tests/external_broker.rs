//! Another broker in place of the host's own: Mosquitto, with its restarts under load, and rumqttd.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;
use tempfile::TempDir;
use tidegate_tests::command_line::{command, done, path_text};
use tidegate_tests::raw_mqtt::{Client, Connect, Version};
use tidegate_tests::{
    AdminClient, Authority, HostBuilder, MqttClient, QoS, Reply, SOON, TestHost, artifacts,
    eventually, free_address, mosquitto, rumqttd,
};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::mqtt_crash::device::{Command, Device, Inbox, Outgoing, Subject};
use crate::mqtt_crash::functions::Functions;
use crate::mqtt_crash::ledger::Ledger;

/// What Mosquitto has is on its disk once it has ended, however much it is.
const KEEPS_ALL: &str = "persistence true\nmax_queued_messages 0";

/// A host that has this broker for all messages.
fn host_with(url: &str) -> HostBuilder {
    TestHost::builder().arg("--broker").arg(url)
}

async fn state(admin: &AdminClient) -> Value {
    let broker = admin.get("/api/v1/broker").await.expect(200).json();
    broker["external"].clone()
}

async fn connects(admin: &AdminClient) -> u64 {
    state(admin).await["connects"].as_u64().expect("a number")
}

/// Waits until messages that match this filter come.
async fn await_granted(admin: &AdminClient, filter: &str) {
    await_again(admin, 0, filter).await;
}

/// Waits until they come on connections that were not among so many before.
async fn await_again(admin: &AdminClient, connects: u64, filter: &str) {
    eventually("the subscription is granted", SOON, async || {
        let state = state(admin).await;
        // One to take, one to publish.
        let is_new = state["connects"].as_u64() >= Some(connects + 2);
        let subscriptions = state["subscriptions"].as_array().cloned()?;
        let is_granted = |one: &Value| one["filter"] == filter && one["state"] == "granted";
        (is_new && subscriptions.iter().any(is_granted)).then_some(())
    })
    .await;
}

/// Deploys a function that records what comes to `in/#` and one that publishes what it is asked to.
async fn deploy(host: &TestHost) {
    let admin = host.admin();
    let record = artifacts::guest("mqtt_record");
    admin.deployed("record", record, "topic=in/%23").await;
    let manifest = "[grants]\npublish = [\"out/#\"]\n";
    let publish = artifacts::guest("http_publish");
    admin.deployed_with("publish", publish, manifest).await;
    await_granted(&admin, "in/#").await;
}

/// Sends a message to a function and another one from a function, through the broker that is there.
async fn exchange(host: &TestHost, device: &mut MqttClient) {
    device.subscribe("out/#", QoS::AtLeastOnce).await;
    device.publish("in/a", "to you", QoS::AtLeastOnce).await;
    host.await_answer("/record?key=in/a", "to you").await;
    let sent = host.function("/publish?topic=out/b&payload=to+them&qos=1");
    Reply::of(sent).await.expect(200);
    let message = device.next_message().await;
    let received = (message.topic.as_str(), message.text());
    assert_eq!(received, ("out/b", "to them".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_hear_and_speak_through_another_broker() {
    let mosquitto = mosquitto::Broker::start("").await;
    let url = format!("mqtt://{}", mosquitto.address);
    let host = host_with(&url).start().await;
    assert_eq!(host.mqtt, "", "it has no listener of its own");
    deploy(&host).await;
    let mut device = MqttClient::connect(mosquitto.address, "device").await;
    exchange(&host, &mut device).await;
    let state = state(&host.admin()).await;
    assert_eq!(state["is_connected"], true);
    assert_eq!(state["address"], url);
}

#[tokio::test(flavor = "multi_thread")]
async fn rumqttd_is_another_broker_too() {
    let address = free_address();
    // It ends with the process only.
    std::thread::spawn(move || rumqttd::serve(address, Version::V5));
    eventually("rumqttd listens", SOON, async || {
        TcpStream::connect(address).await.ok()
    })
    .await;
    let host = host_with(&format!("mqtt://{address}")).start().await;
    deploy(&host).await;
    let mut device = Client::connect(address, &Connect::v5("device").keep_alive(60)).await;
    device.subscribe("out/#", 1).await;
    device.publish("in/a", "to you", 1).await;
    host.await_answer("/record?key=in/a", "to you").await;
    let sent = host.function("/publish?topic=out/b&payload=to+them&qos=1");
    Reply::of(sent).await.expect(200);
    let message = device.receive().await;
    assert_eq!(
        (message.topic.as_str(), message.text()),
        ("out/b", "to them".to_owned())
    );
}

/// Starts a Mosquitto that asks for a certificate, and says what the host needs for it.
async fn mosquitto_with_tls(directory: &Path) -> (mosquitto::Broker, [String; 3]) {
    let authority = Authority::new();
    let file = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).expect("it can be written");
        path_text(&path).to_owned()
    };
    let ca = file("authority.pem", &authority.pem);
    let (certificate, key) = authority.certificate("127.0.0.1");
    let server = [file("server.pem", &certificate), file("server.key", &key)];
    let (certificate, key) = authority.certificate("host.example");
    let client = [file("client.pem", &certificate), file("client.key", &key)];
    let settings = format!(
        "cafile {ca}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n",
        server[0], server[1]
    );
    let [certificate, key] = client;
    (
        mosquitto::Broker::start(&settings).await,
        [ca, certificate, key],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_shows_its_certificate_and_one_without_is_told() {
    let directory = TempDir::new().expect("a temporary directory");
    let (mosquitto, [ca, certificate, key]) = mosquitto_with_tls(directory.path()).await;
    let url = format!("mqtts://{}", mosquitto.address);
    let with_ca = host_with(&url).arg("--broker-ca").arg(&ca);
    let host = with_ca
        .arg("--broker-certificate")
        .arg(certificate)
        .arg("--broker-key")
        .arg(key)
        .start()
        .await;
    let record = artifacts::guest("mqtt_record");
    host.admin()
        .deployed("record", record, "topic=in/%23")
        .await;
    await_granted(&host.admin(), "in/#").await;

    let stranger = host_with(&url).arg("--broker-ca").arg(&ca).start().await;
    let admin = stranger.admin();
    eventually("it is told why there is no connection", SOON, async || {
        let state = state(&admin).await;
        state["last_error"].as_str().map(ToOwned::to_owned)
    })
    .await;
    assert_eq!(state(&admin).await["is_connected"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_hosts_share_the_load() {
    const COUNT: usize = 100;
    let mosquitto = mosquitto::Broker::start("").await;
    let url = format!("mqtt://{}", mosquitto.address);
    let hosts = [host_with(&url).start().await, host_with(&url).start().await];
    for host in &hosts {
        deploy(host).await;
    }
    let device = MqttClient::connect(mosquitto.address, "device").await;
    for number in 0..COUNT {
        let topic = format!("in/{number}");
        device.publish(&topic, "x", QoS::AtLeastOnce).await;
    }
    let handled = eventually("all are handled", SOON, async || {
        let handled = hosts.iter().map(async |host| {
            let path = "/api/v1/buckets/default/keys?prefix=in";
            let keys = host.admin().get(path).await.expect(200).json();
            keys["keys"].as_array().expect("a list").len()
        });
        let handled = join_all(handled).await;
        (handled.iter().sum::<usize>() >= COUNT).then_some(handled)
    })
    .await;
    assert_eq!(handled.iter().sum::<usize>(), COUNT, "each one once");
    assert!(handled.iter().all(|count| *count > 0), "{handled:?}");
}

/// Publishers of both versions and levels, with the books of what was acknowledged.
struct Publishers {
    ledger: Arc<Ledger>,
    devices: Vec<(usize, u8, Device)>,
}

impl Publishers {
    fn new(network: &watch::Sender<Option<std::net::SocketAddr>>) -> Publishers {
        let ledger = Arc::new(Ledger::default());
        let one = |(name, version, qos)| {
            let network = network.subscribe();
            let device = Device::new(name, version, Inbox::Nobody, &ledger, &network);
            (ledger.add_publisher(qos), qos, device)
        };
        let devices = [
            ("publisher-1", Version::V311, 1),
            ("publisher-2", Version::V5, 2),
        ];
        let devices = devices.map(one).into();
        Publishers { ledger, devices }
    }

    fn publish(&self, count: usize) {
        for (index, qos, device) in &self.devices {
            for _ in 0..count {
                let id = self.ledger.publish(*index);
                device.ask(Command::Publish(Outgoing {
                    topic: format!("crash/{index}/{}", id.number % 16),
                    payload: id.to_string().into_bytes(),
                    qos: *qos,
                    subject: Subject::Message(id),
                }));
            }
        }
    }

    /// Waits until no more than so many are without an acknowledgement.
    async fn behind_at_most(&self, count: usize) {
        eventually("messages are acknowledged", SOON, async || {
            let unfinished = self.devices.iter().map(|(.., device)| device.unfinished());
            (unfinished.sum::<usize>() <= count).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_of_either_side_under_load_lose_nothing() {
    const ROUNDS: usize = 6;
    const MESSAGES: usize = 300;
    let mut mosquitto = mosquitto::Broker::start(KEEPS_ALL).await;
    let network = watch::Sender::new(Some(mosquitto.address));
    let publishers = Publishers::new(&network);
    let functions = Functions::new(&publishers.ledger);
    let url = format!("mqtt://{}", mosquitto.address);
    let mut host = host_with(&url).start().await;
    Functions::deploy(&host.admin()).await;
    await_granted(&host.admin(), "crash/#").await;
    for round in 0..ROUNDS {
        publishers.publish(MESSAGES);
        publishers.behind_at_most(MESSAGES).await;
        let mut before = connects(&host.admin()).await;
        if round % 3 != 1 {
            network.send_replace(None);
            mosquitto.terminate().await;
            mosquitto.restart().await;
        }
        if round % 3 != 0 {
            host.kill9();
            host.restart().await;
            before = 0;
        }
        // A Mosquitto that starts again has forgotten who shares a subscription: what is published before the host is back
        // would be nobody's.
        await_again(&host.admin(), before, "crash/#").await;
        network.send_replace(Some(mosquitto.address));
    }
    for (.., device) in &publishers.devices {
        timeout(SOON, device.idle())
            .await
            .expect("all are acknowledged");
    }
    let repeated = functions.settle(&host.admin(), &publishers.ledger).await;
    let verdict = publishers.ledger.verdict();
    eprintln!("{ROUNDS} rounds: {verdict}; functions have handled {repeated} again");
    verdict.expect_none("with another broker");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_has_forgotten_everything_is_asked_anew() {
    let mut mosquitto = mosquitto::Broker::start("").await;
    let host = host_with(&format!("mqtt://{}", mosquitto.address));
    let host = host.start().await;
    deploy(&host).await;
    let admin = host.admin();
    let before = connects(&admin).await;
    mosquitto.kill9();
    // Nobody but the host knows that it is asked, while there is nobody to publish to.
    let sent = host.function("/publish?topic=out/b&payload=later&qos=1");
    let sent = tokio::spawn(Reply::of(sent));
    mosquitto.restart().await;
    await_again(&admin, before, "in/#").await;
    sent.await.expect("no panic").expect(200);
    let mut device = MqttClient::connect(mosquitto.address, "device").await;
    exchange(&host, &mut device).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_do_not_go_together_are_refused() {
    let directory = TempDir::new().expect("a temporary directory");
    let serve = |flags: &[&str]| {
        let mut serve = command(&["serve", "--data-dir", path_text(directory.path())]);
        serve.args(["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        serve.args(flags);
        done(serve)
    };
    let broker = ["--broker", "mqtt://127.0.0.1:1"];
    let cases: [(&[&str], &[&str]); 4] = [
        (&["--mqtt", "127.0.0.1:0"], &["`mqtt`", "`broker`"]),
        (
            &["--mqtt-websocket", "127.0.0.1:0"],
            &["`mqtt-websocket`", "`broker`"],
        ),
        (
            &["--broker-certificate", "a.pem"],
            &["`broker-certificate`", "`broker-key`"],
        ),
        (
            &["--broker-password-file", "/nowhere"],
            &["`broker-password-file`", "/nowhere: ", "No such file"],
        ),
    ];
    for (flags, texts) in cases {
        let refused = serve(&[&broker[..], flags].concat()).await;
        refused.failed(1, texts);
    }
    for url in [
        "http://127.0.0.1",
        "mqtt://",
        "mqtt://127.0.0.1:x",
        "127.0.0.1",
    ] {
        let refused = serve(&["--broker", url]).await;
        refused.failed(1, &["`broker`"]);
    }
}
