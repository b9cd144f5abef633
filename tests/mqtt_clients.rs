//! Clients of others, in both versions of the protocol and over every transport: Mosquitto's, Eclipse Paho (Python),
//! MQTT.js and rumqttc each publish and subscribe at every level, send a large payload, retain, leave a will, and with
//! MQTT 5 send properties that arrive as they were.

#[path = "mqtt_clients/with_rumqttc.rs"]
mod with_rumqttc;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tidegate_tests::{Authority, TestHost, artifacts, mosquitto};
use tokio::process::Command;
use tokio::time::timeout;

/// Time for a client to go through all cases.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(120);
const VERSIONS: [&str; 2] = ["3.1.1", "5"];

/// One way to reach the broker.
pub(crate) struct Endpoint {
    /// As in `mqtts://127.0.0.1:8883` or `ws://127.0.0.1:8083/mqtt`.
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    /// The certificate of the authority that the broker's was signed by.
    pub(crate) authority: String,
}

/// A host that listens in every way that there is.
struct Broker {
    host: TestHost,
    authority: Authority,
    directory: TempDir,
}

impl Broker {
    async fn start() -> Broker {
        let authority = Authority::new();
        let directory = TempDir::new().expect("a temporary directory");
        let (certificate, key) = authority.certificate("127.0.0.1");
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).expect("it can be written");
            path.into_os_string().into_string().expect("UTF-8")
        };
        file("authority.pem", &authority.pem);
        let mut builder = TestHost::builder();
        for flag in ["--mqtt-tls", "--mqtt-websocket", "--mqtt-websocket-tls"] {
            builder = builder.arg(flag).arg("127.0.0.1:0");
        }
        let host = builder
            .arg("--mqtt-certificate")
            .arg(file("certificate.pem", &certificate))
            .arg("--mqtt-key")
            .arg(file("key.pem", &key))
            .start()
            .await;
        Broker {
            host,
            authority,
            directory,
        }
    }

    /// Every way to reach it.
    fn endpoints(&self) -> Vec<Endpoint> {
        let endpoint = |name: &str| {
            let url = self.host.listener(name);
            let (_, place) = url.split_once("://").expect("a URL");
            let address = place.split('/').next().expect("a host").parse();
            Endpoint {
                address: address.expect("an address"),
                authority: self.authority.pem.clone(),
                url,
            }
        };
        ["mqtt", "mqtts", "ws", "wss"].map(endpoint).into()
    }

    fn authority_file(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }
}

/// Runs a program that goes through all cases, over every transport and in both versions.
async fn run(program: &Path, script: &str, directory: &Path) {
    let broker = Broker::start().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("mqtt_clients")
        .join(script);
    for endpoint in broker.endpoints() {
        for version in VERSIONS {
            let done = Command::new(program)
                .arg(&script)
                .args([&endpoint.url, version])
                .arg(broker.authority_file())
                .current_dir(directory)
                .kill_on_drop(true)
                .output();
            let done = timeout(CLIENT_TIMEOUT, done).await;
            let done = done
                .unwrap_or_else(|_| panic!("{} {version}: it does not end", endpoint.url))
                .expect("tests/setup has installed it");
            assert!(
                done.status.success() && done.stdout.ends_with(b"ok\n"),
                "{} {version}: {}",
                endpoint.url,
                String::from_utf8_lossy(&done.stderr)
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paho_gets_what_it_expects() {
    let directory = artifacts::installed("mqtt-python");
    let python = directory.join("venv/bin/python");
    run(&python, "with_paho.py", &directory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mqttjs_gets_what_it_expects() {
    let directory = artifacts::installed("mqtt-js");
    run(Path::new("node"), "with_mqttjs.mjs", &directory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rumqttc_gets_what_it_expects() {
    let broker = Broker::start().await;
    for endpoint in broker.endpoints() {
        with_rumqttc::version_3(&endpoint).await;
        with_rumqttc::version_5(&endpoint).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mosquittos_clients_get_what_they_expect() {
    let broker = Broker::start().await;
    let authority = broker.authority_file();
    let authority = authority.to_str().expect("UTF-8");
    // They know no WebSocket.
    for endpoint in broker.endpoints().iter().take(2) {
        let tls = match endpoint.url.starts_with("mqtts") {
            true => vec!["--cafile", authority],
            false => Vec::new(),
        };
        for version in ["mqttv311", "mqttv5"] {
            let common = [&["-V", version][..], &tls].concat();
            with_mosquitto(endpoint.address, &common).await;
            if version == "mqttv5" {
                properties_with_mosquitto(endpoint.address, &common).await;
            }
        }
    }
}

async fn with_mosquitto(address: SocketAddr, common: &[&str]) {
    let with = |arguments: &[&'static str]| [common, arguments].concat();
    let publish = async |arguments: &[&'static str]| {
        mosquitto::publish(address, &with(arguments)).await;
    };
    let show = ["-F", "%t %q %r %p"];
    let arguments = with(&["-q", "2", "-t", "pub/#", show[0], show[1]]);
    let mut subscriber = mosquitto::Subscriber::start(address, &arguments).await;
    for (qos, expected) in [
        ("0", "pub/levels 0 0 x"),
        ("1", "pub/levels 1 0 x"),
        ("2", "pub/levels 2 0 x"),
    ] {
        publish(&["-q", qos, "-t", "pub/levels", "-m", "x"]).await;
        assert_eq!(subscriber.message().await, expected);
    }

    let large = "0123456789abcdef".repeat(12_800);
    let arguments = [common, &["-q", "1", "-t", "pub/large", "-s"]].concat();
    mosquitto::publish_input(address, &arguments, large.as_bytes()).await;
    let expected = format!("pub/large 1 0 {large}");
    assert!(subscriber.message().await == expected, "the large payload");

    publish(&["-q", "1", "-r", "-t", "pub/kept", "-m", "kept"]).await;
    assert_eq!(subscriber.message().await, "pub/kept 1 0 kept");
    let arguments = with(&["-q", "1", "-t", "pub/kept", show[0], show[1]]);
    let mut late = mosquitto::Subscriber::start(address, &arguments).await;
    assert_eq!(late.message().await, "pub/kept 1 1 kept");
    publish(&["-q", "1", "-r", "-t", "pub/kept", "-n"]).await;
    assert_eq!(subscriber.message().await, "pub/kept 1 0 ");

    let arguments = with(&[
        "-t",
        "nothing",
        "--will-topic",
        "pub/will",
        "--will-payload",
        "gone",
        "--will-qos",
        "1",
    ]);
    // It is killed, so that it sends no DISCONNECT.
    drop(mosquitto::Subscriber::start(address, &arguments).await);
    assert_eq!(subscriber.message().await, "pub/will 1 0 gone");
}

async fn properties_with_mosquitto(address: SocketAddr, common: &[&str]) {
    let show = "%t %C %R %D %P %p";
    let arguments = [common, &["-q", "1", "-t", "pub/properties", "-F", show]].concat();
    let mut subscriber = mosquitto::Subscriber::start(address, &arguments).await;
    let properties = [
        "-q",
        "1",
        "-t",
        "pub/properties",
        "-m",
        "text",
        "-D",
        "publish",
        "content-type",
        "text/plain",
        "-D",
        "publish",
        "response-topic",
        "answers",
        "-D",
        "publish",
        "correlation-data",
        "id-1",
        "-D",
        "publish",
        "user-property",
        "a",
        "1",
    ];
    mosquitto::publish(address, &[common, &properties].concat()).await;
    assert_eq!(
        subscriber.message().await,
        "pub/properties text/plain answers id-1 a:1 text"
    );
}
