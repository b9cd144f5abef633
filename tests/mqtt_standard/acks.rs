//! PUBACK, PUBREC, PUBREL and PUBCOMP (sections 3.4 to 3.7): their forms, their order, and those that nobody waits for.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{
    Acknowledgement, Client, Connect, Properties, Publish, ServerPacket, Subscribe, Unsubscribe,
    Version, packet,
};

use super::clients::{
    FORBIDDEN, client, expect_message, expect_no_message, expect_refused, lasting_client,
};

const V5: Version = Version::V5;

#[tokio::test]
async fn a_release_with_other_flags_closes_the_connection() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        for flags in (0..16).filter(|flags| *flags != 2) {
            let bytes = packet(0x60 | flags, [0, 1]);
            let what = format!("PUBREL with flags {flags:#x}");
            expect_refused(&host, version, &bytes, &[0x81], &what).await;
        }
    }
}

#[tokio::test]
async fn acknowledgements_that_are_none_close_the_connection() {
    let host = TestHost::start().await;
    let reason_string = property::text(id::REASON_STRING, "why");
    let twice = Properties(vec![reason_string.clone(), reason_string]).bytes();
    let foreign = Properties(vec![property::four_bytes(id::MESSAGE_EXPIRY, 1)]).bytes();
    for first in [0x40, 0x50, 0x62, 0x70] {
        for version in Version::ALL {
            for body in [&[][..], &[0]] {
                let what = format!("{first:#x} of {} bytes", body.len());
                expect_refused(&host, version, &packet(first, body), &FORBIDDEN, &what).await;
            }
        }
        let bytes = packet(first, [0, 1, 0]);
        expect_refused(&host, Version::V311, &bytes, &[], "a reason code").await;
        for (what, properties) in [
            ("a reason string twice", twice.as_slice()),
            ("a message expiry", &foreign),
            ("more properties than bytes", &[9]),
            ("fewer properties than bytes", &[0, 0]),
        ] {
            let body = [&[0, 1, 0][..], properties].concat();
            expect_refused(&host, V5, &packet(first, body), &FORBIDDEN, what).await;
        }
    }
}

#[tokio::test]
async fn acknowledgements_are_taken_in_each_of_their_forms() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let properties = [
        property::text(id::REASON_STRING, "all is well"),
        property::user("a", "1"),
        property::user("a", "2"),
    ];
    let forms = |kind: Acknowledgement, packet_id: u16| {
        let id = packet_id.to_be_bytes();
        [
            kind.bytes(packet_id),
            packet(kind as u8, [id[0], id[1], 0]),
            kind.bytes_with(packet_id, 0, &[]),
            kind.bytes_with(packet_id, 0, &properties),
        ]
    };
    for form in 0..4 {
        let mut subscriber = lasting_client(&host, V5, "subscriber").await;
        subscriber.subscribe("forms", 2).await;
        publisher.publish("forms", "1", 1).await;
        let id = subscriber.expect_publish().await.packet_id.expect("an id");
        let bytes = forms(Acknowledgement::Puback, id)[form].clone();
        subscriber.send(bytes).await;
        publisher.publish("forms", "2", 2).await;
        let id = subscriber.expect_publish().await.packet_id.expect("an id");
        let bytes = forms(Acknowledgement::Pubrec, id)[form].clone();
        subscriber.send(bytes).await;
        subscriber.expect_ack(Acknowledgement::Pubrel, id).await;
        let bytes = forms(Acknowledgement::Pubcomp, id)[form].clone();
        subscriber.send(bytes).await;
        subscriber.ping().await;
        subscriber.break_off().await;

        let mut subscriber = lasting_client(&host, V5, "subscriber").await;
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        subscriber
            .send(Publish::new("away", "x").qos(2, 9).bytes(V5))
            .await;
        subscriber.expect_ack(Acknowledgement::Pubrec, 9).await;
        let bytes = forms(Acknowledgement::Pubrel, 9)[form].clone();
        subscriber.send(bytes).await;
        subscriber.expect_ack(Acknowledgement::Pubcomp, 9).await;
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn acknowledgements_that_nobody_waits_for_do_no_harm() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        client.subscribe("unsolicited", 2).await;
        client.send(Acknowledgement::Puback.bytes(77)).await;
        client.send(Acknowledgement::Pubcomp.bytes(77)).await;
        client.expect_nothing().await;

        client.send(Acknowledgement::Pubrel.bytes(77)).await;
        let complete = client.expect_ack(Acknowledgement::Pubcomp, 77).await;
        client.send(Acknowledgement::Pubrec.bytes(77)).await;
        let release = client.expect_ack(Acknowledgement::Pubrel, 77).await;
        if version == V5 {
            let reasons = (complete.reason, release.reason);
            assert_eq!(reasons, (0x92, 0x92), "packet identifier not found");
        }
        client.publish("unsolicited", "goes on", 2).await;
        expect_message(&mut client, "unsolicited", "goes on", 2).await;
        client.disconnect().await;
    }
}

#[tokio::test]
async fn a_subscriber_may_acknowledge_in_any_order() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = lasting_client(&host, version, "subscriber").await;
        subscriber.subscribe("any-order", 2).await;
        for qos in [1, 2] {
            let mut messages = Vec::new();
            for payload in ["0", "1", "2", "3"] {
                publisher.publish("any-order", payload, qos).await;
                messages.push(subscriber.expect_publish().await);
            }
            for index in [3, 0, 2] {
                subscriber.acknowledge(&messages[index]).await;
            }
            subscriber.expect_nothing().await;
            subscriber.break_off().await;
            subscriber = lasting_client(&host, version, "subscriber").await;
            let again = expect_message(&mut subscriber, "any-order", "1", qos).await;
            assert_eq!((again.dup, again.packet_id), (true, messages[1].packet_id));
            expect_no_message(&mut publisher, &mut subscriber, qos).await;
        }
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn releases_in_another_order_release_the_right_messages() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("released/+", 2).await;
        for packet_id in [11, 12, 13] {
            let topic = format!("released/{packet_id}");
            let publish = Publish::new(&topic, packet_id.to_string()).qos(2, packet_id);
            publisher.send(publish.bytes(version)).await;
            publisher
                .expect_ack(Acknowledgement::Pubrec, packet_id)
                .await;
        }
        for packet_id in [13, 11, 12] {
            publisher
                .send(Acknowledgement::Pubrel.bytes(packet_id))
                .await;
            let complete = publisher
                .expect_ack(Acknowledgement::Pubcomp, packet_id)
                .await;
            assert_eq!(complete.reason, 0);
        }
        let mut came = Vec::new();
        for _ in 0..3 {
            let message = subscriber.receive().await;
            assert_eq!(message.topic, format!("released/{}", message.text()));
            came.push(message.text());
        }
        came.sort_unstable();
        assert_eq!(came, ["11", "12", "13"]);
        expect_no_message(&mut publisher, &mut subscriber, 2).await;
        subscriber.disconnect().await;
    }
}

/// The next packet, which is not larger than this.
async fn next_of_at_most(client: &mut Client, bytes_max: usize) -> ServerPacket {
    let packet = client.expect_packet().await;
    let bytes = client.last_packet_bytes;
    assert!(
        bytes <= bytes_max,
        "{bytes} bytes of {bytes_max}: {packet:?}"
    );
    packet
}

#[tokio::test]
async fn answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes() {
    const BYTES_MAX: u32 = 48;
    let host = TestHost::start().await;
    let connect =
        Connect::v5("small").with(property::four_bytes(id::MAXIMUM_PACKET_SIZE, BYTES_MAX));
    let connect = connect.with(property::byte(id::REQUEST_PROBLEM_INFORMATION, 1));
    let mut small = Client::connect(host.mqtt_address(), &connect).await;
    let long = "long/".repeat(20);
    let refused = Publish::new("$SYS/own", "x");
    for bytes in [
        refused.clone().qos(1, 1).bytes(V5),
        refused.qos(2, 2).bytes(V5),
        Acknowledgement::Pubrel.bytes(3),
        Acknowledgement::Pubrec.bytes(4),
        Subscribe::new(5, &format!("{long}$share/#/x"), 0).bytes(V5),
        Unsubscribe::new(6, &format!("{long}x")).bytes(V5),
    ] {
        small.send(bytes).await;
        let packet = next_of_at_most(&mut small, BYTES_MAX as usize).await;
        let reason = match packet {
            ServerPacket::Ack(ack) => ack.reason,
            ServerPacket::Suback(ack) | ServerPacket::Unsuback(ack) => ack.reasons[0],
            other => panic!("{other:?}"),
        };
        assert!(reason > 0, "a reason code all the same");
    }
}

#[tokio::test]
async fn reasons_are_told_only_to_clients_that_want_them() {
    let host = TestHost::start().await;
    let connect = Connect::v5("terse").with(property::byte(id::REQUEST_PROBLEM_INFORMATION, 0));
    let mut terse = Client::connect(host.mqtt_address(), &connect).await;
    terse
        .send(Publish::new("$SYS/own", "x").qos(1, 1).bytes(V5))
        .await;
    let ack = terse.expect_ack(Acknowledgement::Puback, 1).await;
    assert_eq!((ack.reason >= 0x80, ack.properties.len()), (true, 0));
    let suback = terse.subscribe_with(&Subscribe::new(2, "a#", 0)).await;
    assert_eq!(
        (suback.reasons[0] >= 0x80, suback.properties.len()),
        (true, 0)
    );
    let unsuback = terse.unsubscribe_with(&Unsubscribe::new(3, "none")).await;
    assert_eq!((unsuback.reasons[0], unsuback.properties.len()), (0x11, 0));
}
