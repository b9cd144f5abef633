//! How the broker treats a client that breaks the rules: strictly, and with the reason where there is one to say.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::{Client, ServerPacket, Version, pingreq};

pub(super) use super::clients::FORBIDDEN;
use super::clients::client;

/// Connects a client, which sends these bytes; the broker closes its connection, and tells a client of MQTT 5 one of these
/// reason codes before.
pub(super) async fn expect_ended(
    host: &TestHost,
    version: Version,
    bytes: &[u8],
    reasons: &[u8],
    what: &str,
) {
    let mut offender = client(host, version, "offender").await;
    expect_ended_on(&mut offender, bytes, reasons, what).await;
}

/// The same on a connection that there is.
pub(super) async fn expect_ended_on(
    offender: &mut Client,
    bytes: &[u8],
    reasons: &[u8],
    what: &str,
) {
    let version = offender.version();
    // A broker that takes the bytes answers the PINGREQ: the test does not have to wait until it gives up.
    let sent = offender.try_send([bytes, &pingreq()].concat()).await;
    let answer = offender.read().await;
    let is_right = match (version, &answer) {
        (Version::V311, None) => true,
        (Version::V5, Some(ServerPacket::Disconnect(disconnect))) => {
            reasons.contains(&disconnect.reason)
        }
        _ => false,
    };
    assert!(
        is_right,
        "{version:?}, {what}: {answer:02x?} ({sent:?}, {bytes:02x?})"
    );
    if answer.is_some() {
        offender.expect_closed().await;
    }
}

/// Opens a connection on which a client sends these bytes, a CONNECT packet or what takes its place; the broker closes it,
/// and tells a client of MQTT 5 one of these reason codes before. To one of 3.1.1 it says nothing, as to a client that
/// speaks something else ([MQTT-3.1.4-1]).
pub(super) async fn expect_not_connected(
    host: &TestHost,
    version: Version,
    bytes: &[u8],
    reasons: &[u8],
    what: &str,
) {
    let mut offender = Client::open(host.mqtt_address(), version).await;
    let sent = offender.try_send([bytes, &pingreq()].concat()).await;
    let answer = offender.read().await;
    let is_right = match (version, &answer) {
        (Version::V311, None) => true,
        (Version::V5, Some(ServerPacket::Connack(connack))) => reasons.contains(&connack.reason),
        _ => false,
    };
    assert!(
        is_right,
        "{version:?}, {what}: {answer:02x?} ({sent:?}, {bytes:02x?})"
    );
    if answer.is_some() {
        offender.expect_closed().await;
    }
}
