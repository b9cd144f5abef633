//! Who is let in (sections 3.1.3, 3.1.4 and 3.2): client ids, user names and passwords, and what becomes of those who were
//! there before.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{
    Client, Connack, Connect, Publish, ServerPacket, Subscribe, Version, pingreq,
};

use super::clients::{client, expect_no_message, lasting, lasting_client};

/// Connects with these credentials; tells whether the broker lets the client in. If it does not, that is because of the
/// credentials.
async fn is_let_in(host: &TestHost, connect: &Connect) -> bool {
    let mut client = Client::open(host.mqtt_address(), connect.version).await;
    client.send(connect.bytes()).await;
    let connack = client.expect_connack().await;
    if connack.reason == 0 {
        client.disconnect().await;
        return true;
    }
    let reasons: &[u8] = match connect.version {
        Version::V311 => &[4, 5],
        Version::V5 => &[0x86, 0x87],
    };
    assert!(reasons.contains(&connack.reason), "{connack:?}");
    assert!(!connack.session_present, "{connack:?}");
    client.expect_closed().await;
    false
}

#[tokio::test]
async fn user_names_and_passwords_of_any_kind_are_well_formed() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut kinds = vec![
            (Some("name"), None),
            (Some(""), Some(vec![])),
            (Some("name"), Some(b"\0\xff\xfe binary \xc0\xaf".to_vec())),
            (
                Some("n\u{e4}me \u{1f511} of/any+kind#"),
                Some(vec![0x80; 65_535]),
            ),
        ];
        if version == Version::V5 {
            kinds.push((None, Some(b"password".to_vec())));
        }
        for (username, password) in kinds {
            let connect = Connect {
                username: username.map(str::to_owned),
                password,
                ..Connect::new(version, "client")
            };
            is_let_in(&host, &connect).await;
        }
    }
}

#[tokio::test]
async fn a_client_id_may_be_any_text() {
    let host = TestHost::start().await;
    let longest = "l".repeat(256);
    let ids = [
        "a",
        "0123456789abcdefghijklm",
        "nopqrstuvwxyzABCDEFGHIJ",
        "KLMNOPQRSTUVWXYZ",
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "a/b",
        "/",
        "+",
        "#",
        "$SYS",
        "%c",
        "a b",
        "\"'\\`;{}",
        "../../etc",
        "temp\u{e9}rature",
        "\u{1f600}\u{10fffd}",
        &longest,
    ];
    for version in Version::ALL {
        for id in ids {
            let first = Client::connect(host.mqtt_address(), &lasting(version, id)).await;
            first.disconnect().await;
        }
        // Each has a session of its own.
        for id in ids {
            let again = lasting(version, id);
            let (client, connack) = Client::connect_with_connack(host.mqtt_address(), &again).await;
            let length = id.len();
            assert!(connack.session_present, "{length} bytes: {id:.20?}");
            assert_eq!(connack.properties.text(id::ASSIGNED_CLIENT_ID), None);
            client.disconnect().await;
            let end = Client::connect(host.mqtt_address(), &Connect::new(version, id)).await;
            end.disconnect().await;
        }
    }
}

#[tokio::test]
async fn clients_without_an_id_are_given_ids_of_their_own() {
    let host = TestHost::start().await;
    let address = host.mqtt_address();
    let empty = Connect::v5("").with(property::four_bytes(id::SESSION_EXPIRY, 3600));
    let (mut one, connack) = Client::connect_with_connack(address, &empty).await;
    let name = |connack: &Connack| {
        let assigned = connack.properties.text(id::ASSIGNED_CLIENT_ID);
        assigned.expect("an assigned client id").to_owned()
    };
    let first = name(&connack);
    // Without clean start as well: there is no session that it could mean.
    let (mut other, connack) = Client::connect_with_connack(address, &empty.clone().resume()).await;
    let second = name(&connack);
    assert!(!connack.session_present && !first.is_empty(), "{connack:?}");
    assert_ne!(first, second);
    one.ping().await;
    other.ping().await;
    one.disconnect().await;
    other.disconnect().await;
    let again = lasting(Version::V5, &first);
    let (client, connack) = Client::connect_with_connack(address, &again).await;
    assert!(connack.session_present, "the session of the assigned id");
    assert_eq!(connack.properties.text(id::ASSIGNED_CLIENT_ID), None);
    client.disconnect().await;
    // 3.1.1 does not tell the id, but has it.
    let mut one = client_without_id(&host).await;
    let mut other = client_without_id(&host).await;
    one.ping().await;
    other.ping().await;
}

async fn client_without_id(host: &TestHost) -> Client {
    client(host, Version::V311, "").await
}

#[tokio::test]
async fn a_session_of_3_1_1_needs_a_client_id() {
    let host = TestHost::start().await;
    let mut client = Client::open(host.mqtt_address(), Version::V311).await;
    client.send(Connect::v311("").resume().bytes()).await;
    let connack = client.expect_connack().await;
    assert_eq!((connack.reason, connack.session_present), (2, false));
    client.expect_closed().await;
}

#[tokio::test]
async fn what_follows_a_refused_connect_is_not_processed() {
    let host = TestHost::start().await;
    let mut witness = client(&host, Version::V5, "witness").await;
    let mut publisher = client(&host, Version::V5, "publisher").await;
    assert_eq!(witness.subscribe("refused", 1).await, 1);
    let method = property::text(id::AUTHENTICATION_METHOD, "unknown");
    let refused = [
        (Connect::v5("offender").with(method), 0x8c),
        (Connect::v311("").resume(), 2),
    ];
    for (connect, reason) in refused {
        let version = connect.version;
        let mut offender = Client::open(host.mqtt_address(), version).await;
        let publish = Publish::new("refused", "x").bytes(version);
        offender
            .send([connect.bytes(), publish, pingreq()].concat())
            .await;
        let connack = offender.expect_connack().await;
        assert_eq!((connack.reason, connack.session_present), (reason, false));
        offender.expect_closed().await;
    }
    expect_no_message(&mut publisher, &mut witness, 1).await;
}

#[tokio::test]
async fn a_client_need_not_wait_for_connack() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = Client::open(host.mqtt_address(), version).await;
        let all = [
            Connect::new(version, "hasty").bytes(),
            Subscribe::new(1, "hasty", 1).bytes(version),
            Publish::new("hasty", "x").qos(1, 2).bytes(version),
            pingreq(),
        ];
        client.send(all.concat()).await;
        client.expect_connack().await;
        let mut others = Vec::new();
        for _ in 0..4 {
            others.push(client.expect_packet().await);
        }
        let has = |wanted: fn(&ServerPacket) -> bool| others.iter().filter(|it| wanted(it)).count();
        assert_eq!(
            has(|it| matches!(it, ServerPacket::Suback(_))),
            1,
            "{others:?}"
        );
        assert_eq!(
            has(|it| matches!(it, ServerPacket::Publish(_))),
            1,
            "{others:?}"
        );
        assert_eq!(
            has(|it| matches!(it, ServerPacket::Ack(_))),
            1,
            "{others:?}"
        );
        assert_eq!(
            has(|it| matches!(it, ServerPacket::Pingresp)),
            1,
            "{others:?}"
        );
        // Nothing else has come, a second CONNACK least of all.
        client.expect_nothing().await;
        client.disconnect().await;
    }
}

#[tokio::test]
async fn a_client_id_that_is_used_again_takes_over() {
    let host = TestHost::start().await;
    for old_version in Version::ALL {
        for new_version in Version::ALL {
            let mut old = lasting_client(&host, old_version, "taken").await;
            assert_eq!(old.subscribe("taken", 1).await, 1);
            let connect = lasting(new_version, "taken");
            let address = host.mqtt_address();
            let (mut new, connack) = Client::connect_with_connack(address, &connect).await;
            assert!(connack.session_present, "{connack:?}");
            old.expect_cast_out(0x8e).await;
            new.publish("taken", "x", 1).await;
            assert_eq!(new.receive().await.text(), "x");
            new.expect_nothing().await;
            new.disconnect().await;
            let end = client(&host, new_version, "taken").await;
            end.disconnect().await;
        }
    }
}
