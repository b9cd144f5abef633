//! Mosquitto's command-line clients: MQTT as others speak it.

use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

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
