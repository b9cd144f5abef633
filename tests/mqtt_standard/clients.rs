//! Clients as most of these tests have them, and how a test sees that nothing has come, or why it was cast out.

use std::sync::atomic::{AtomicU32, Ordering};

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{Client, Connect, Publish, ServerPacket, Version, pingreq};

/// Longer than any test.
const SESSION_EXPIRY_SECONDS: u32 = 3600;

/// Reason codes for what the standard forbids, where it leaves the choice: malformed packet, protocol error.
pub(super) const FORBIDDEN: [u8; 2] = [0x81, 0x82];

/// Connects with a clean session that ends with its connection.
pub(super) async fn client(host: &TestHost, version: Version, client_id: &str) -> Client {
    Client::connect(host.mqtt_address(), &Connect::new(version, client_id)).await
}

/// Connects with a session that lasts, or goes on with the one that there is.
pub(super) async fn lasting_client(host: &TestHost, version: Version, client_id: &str) -> Client {
    Client::connect(host.mqtt_address(), &lasting(version, client_id)).await
}

/// A CONNECT for a session that lasts.
pub(crate) fn lasting(version: Version, client_id: &str) -> Connect {
    let connect = Connect::new(version, client_id).resume();
    match version {
        Version::V311 => connect,
        Version::V5 => connect.with(property::four_bytes(
            id::SESSION_EXPIRY,
            SESSION_EXPIRY_SECONDS,
        )),
    }
}

/// Waits until a client with a keep-alive of a second is cast out, because it says nothing: a time that does not depend on
/// when the broker looks for what is due.
pub(super) async fn one_and_a_half_seconds(host: &TestHost) {
    let connect = Connect::v5("hourglass").keep_alive(1);
    let mut hourglass = Client::connect(host.mqtt_address(), &connect).await;
    hourglass.expect_disconnect(0x8d).await;
}

/// Shows that no message is under way to `subscriber`: what `publisher` sends to it now, at this QoS level, is the next
/// packet that comes.
pub(super) async fn expect_no_message(publisher: &mut Client, subscriber: &mut Client, qos: u8) {
    static MARKERS: AtomicU32 = AtomicU32::new(0);
    let topic = format!("marker/{}", MARKERS.fetch_add(1, Ordering::Relaxed));
    assert_eq!(subscriber.subscribe(&topic, qos).await, qos);
    publisher.publish(&topic, "marker", qos).await;
    let next = subscriber.receive().await;
    assert_eq!(next.topic, topic, "a message: {next:?}");
}

/// The broker ends the connection because of what the client did: to a client of MQTT 5 it may say DISCONNECT with one of
/// these reason codes first; it says nothing else.
pub(super) async fn expect_cast_out(client: &mut Client, reasons: &[u8], what: &str) {
    match client.read().await {
        None => {}
        Some(ServerPacket::Disconnect(disconnect)) if client.version() == Version::V5 => {
            let reason = disconnect.reason;
            assert!(reasons.contains(&reason), "{what}: {reason:#04x}");
            client.expect_closed().await;
        }
        Some(other) => panic!("{what}: {other:?}"),
    }
}

/// Connects a client, which sends these bytes and is cast out with one of these reason codes, while another one, and the
/// broker, go on.
pub(super) async fn expect_refused(
    host: &TestHost,
    version: Version,
    bytes: &[u8],
    reasons: &[u8],
    what: &str,
) {
    let mut offender = client(host, version, "offender").await;
    // A broker that takes them would answer the PINGREQ, so that the test does not have to wait for its end.
    offender.send([bytes, &pingreq()].concat()).await;
    expect_cast_out(&mut offender, reasons, &format!("{version:?}, {what}")).await;
}

/// The next message, which is acknowledged; topic, payload and QoS level are as said.
pub(super) async fn expect_message(
    client: &mut Client,
    topic: &str,
    payload: &str,
    qos: u8,
) -> Publish {
    let publish = client.receive().await;
    let came = (publish.topic.as_str(), publish.text(), publish.qos);
    assert_eq!(came, (topic, payload.to_owned(), qos));
    publish
}
