//! PINGREQ (section 3.12), DISCONNECT (3.14), AUTH (3.15) and enhanced authentication (4.12), which this server has none of.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{
    Client, Connect, Publish, ServerPacket, Version, auth, disconnect, packet, pingreq,
};

use super::clients::{client, expect_no_message};
use super::refusal::{FORBIDDEN, expect_ended, expect_not_connected};

#[tokio::test]
async fn each_pingreq_is_answered() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        client.send(pingreq().repeat(5)).await;
        for _ in 0..5 {
            assert_eq!(client.expect_packet().await, ServerPacket::Pingresp);
        }
        client.expect_nothing().await;
        client.disconnect().await;
    }
}

#[tokio::test]
async fn pingreq_has_no_body() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        for body in [&b"\0"[..], b"\0\0", b"x"] {
            let bytes = packet(0xc0, body);
            expect_ended(&host, version, &bytes, &FORBIDDEN, "PINGREQ with a body").await;
        }
    }
}

#[tokio::test]
async fn nothing_is_read_after_disconnect() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut witness = client(&host, version, "witness").await;
        assert_eq!(witness.subscribe("after", 1).await, 1);
        let mut short = vec![packet(0xe0, [])];
        if version == Version::V5 {
            short.push(packet(0xe0, b"\0"));
            short.push(packet(0xe0, b"\0\0"));
            short.push(disconnect(
                version,
                0,
                &[property::text(id::REASON_STRING, "done")],
            ));
            short.push(disconnect(version, 0, &[property::user("a", "b")]));
        }
        for disconnect in short {
            let mut leaving = client(&host, version, "leaving").await;
            let late = Publish::new("after", "late").bytes(version);
            leaving.send([disconnect, late, pingreq()].concat()).await;
            leaving.expect_closed().await;
            expect_no_message(&mut publisher, &mut witness, 1).await;
        }
        witness.disconnect().await;
    }
}

#[tokio::test]
async fn disconnect_is_well_formed() {
    let host = TestHost::start().await;
    let bytes = packet(0xe0, b"\0");
    let what = "DISCONNECT with a reason code";
    expect_ended(&host, Version::V311, &bytes, &[], what).await;
    let twice = property::four_bytes(id::SESSION_EXPIRY, 0);
    let twice = disconnect(Version::V5, 0, &[twice.clone(), twice]);
    let wrong = [
        ("more bytes than it has", packet(0xe0, b"\0\0x")),
        ("half a property", packet(0xe0, b"\0\x02\x11\0")),
        (
            "a property that is not its own",
            packet(0xe0, b"\0\x03\x21\0\x01"),
        ),
        ("session expiry twice", twice),
    ];
    for (what, bytes) in wrong {
        expect_ended(&host, Version::V5, &bytes, &FORBIDDEN, what).await;
    }
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let host = TestHost::start().await;
    let mut told = client(&host, Version::V5, "told").await;
    let mut closed = client(&host, Version::V311, "closed").await;
    host.ask_to_stop();
    told.expect_disconnect(0x8b).await;
    closed.expect_closed().await;
}

#[tokio::test]
async fn enhanced_authentication_is_refused() {
    let host = TestHost::start().await;
    let method = property::text(id::AUTHENTICATION_METHOD, "SCRAM-SHA-256");
    let data = property::binary(id::AUTHENTICATION_DATA, b"n,,n=user,r=nonce");
    for connect in [
        Connect::v5("client").with(method.clone()),
        Connect::v5("client")
            .with(method.clone())
            .with(data.clone()),
        Connect::v5("client")
            .with(data.clone())
            .with(method.clone()),
        Connect::v5("client").with(property::text(id::AUTHENTICATION_METHOD, "")),
    ] {
        let mut client = Client::open(host.mqtt_address(), Version::V5).await;
        client.send(connect.bytes()).await;
        let connack = client.expect_connack().await;
        assert_eq!((connack.reason, connack.session_present), (0x8c, false));
        client.expect_closed().await;
    }
    // Data of no method is a protocol error ...
    let bytes = Connect::v5("client").with(data).bytes();
    expect_not_connected(
        &host,
        Version::V5,
        &bytes,
        &FORBIDDEN,
        "data without method",
    )
    .await;
    // ... and who speaks of no method is not asked for one.
    let connect = Connect::v5("client");
    let (mut client, connack) = Client::connect_with_connack(host.mqtt_address(), &connect).await;
    assert_eq!(connack.properties.value(id::AUTHENTICATION_METHOD), None);
    client.expect_nothing().await;
}

#[tokio::test]
async fn auth_ends_a_connection_that_was_opened_without_a_method() {
    let host = TestHost::start().await;
    let method = property::text(id::AUTHENTICATION_METHOD, "SCRAM-SHA-256");
    let wrong = [
        ("AUTH", packet(0xf0, [])),
        ("AUTH with a reason code", packet(0xf0, b"\x18\0")),
        (
            "AUTH to begin again",
            auth(0x19, std::slice::from_ref(&method)),
        ),
        ("AUTH to go on", auth(0x18, std::slice::from_ref(&method))),
        ("AUTH with an unknown reason code", auth(0x01, &[method])),
    ];
    for (what, bytes) in wrong {
        let reasons = [0x81, 0x82, 0x8c];
        expect_ended(&host, Version::V5, &bytes, &reasons, what).await;
        expect_ended(&host, Version::V311, &bytes, &[], what).await;
    }
}
