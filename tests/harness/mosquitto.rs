//! Mosquitto's command-line clients and its broker: MQTT as others speak it.

mod broker;

use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

pub use broker::Broker;

/// The longest that a client runs.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Publishes with `mosquitto_pub` and these arguments, and expects that it succeeds.
pub async fn publish(address: SocketAddr, arguments: &[&str]) {
    let done = timeout(
        TIMEOUT,
        command("mosquitto_pub", address, arguments).output(),
    )
    .await;
    let done = done
        .expect("mosquitto_pub ends")
        .expect("mosquitto_pub is installed");
    assert!(
        done.status.success(),
        "mosquitto_pub {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// As [`publish`], with this on standard input, for arguments that take it from there.
pub async fn publish_input(address: SocketAddr, arguments: &[&str], input: &[u8]) {
    let mut client = command("mosquitto_pub", address, arguments)
        .stdin(Stdio::piped())
        .spawn()
        .expect("mosquitto_pub is installed");
    let mut stdin = client.stdin.take().expect("it was asked for");
    stdin.write_all(input).await.expect("it reads");
    drop(stdin);
    let done = output(client).await;
    assert!(
        done.status.success(),
        "mosquitto_pub {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Subscribes with `mosquitto_sub` and these arguments, such as `-C 1` to end after one message. Its debug output
/// (`-d`) says when the subscription stands; [`output`] waits for its end.
pub fn subscribe(address: SocketAddr, arguments: &[&str]) -> Child {
    command("mosquitto_sub", address, arguments)
        .spawn()
        .expect("mosquitto_sub is installed")
}

/// Waits for a client's end.
pub async fn output(client: Child) -> Output {
    timeout(TIMEOUT, client.wait_with_output())
        .await
        .expect("the client ends")
        .expect("a child can be waited for")
}

/// `mosquitto_sub`, with a subscription that stands.
pub struct Subscriber {
    _client: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Subscriber {
    /// Subscribes with these arguments and waits for the broker's acknowledgement.
    pub async fn start(address: SocketAddr, arguments: &[&str]) -> Subscriber {
        // Its output is to come line by line, as on a terminal.
        let mut client = Command::new("stdbuf")
            .args(["-oL", "mosquitto_sub", "-d", "-h"])
            .arg(address.ip().to_string())
            .args(["-p", &address.port().to_string()])
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("mosquitto_sub is installed");
        let output = client.stdout.take().expect("it was asked for");
        let mut subscriber = Subscriber {
            _client: client,
            lines: BufReader::new(output).lines(),
        };
        subscriber.line(|line| line.starts_with("Subscribed")).await;
        subscriber
    }

    /// The next line that is wanted.
    async fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let next = async {
            loop {
                let line = self.lines.next_line().await.expect("text");
                let line = line.expect("mosquitto_sub runs");
                if wanted(&line) {
                    return line;
                }
            }
        };
        timeout(TIMEOUT, next).await.expect("a line soon")
    }

    /// The next message, as `-v` shows it.
    pub async fn message(&mut self) -> String {
        let debugging = ["Client ", "Subscribed"];
        self.line(|line| !debugging.iter().any(|begin| line.starts_with(begin)))
            .await
    }
}

fn command(program: &str, address: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args([
            "-h",
            &address.ip().to_string(),
            "-p",
            &address.port().to_string(),
        ])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}
