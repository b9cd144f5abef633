//! Ordering (section 4.6): messages of a topic and level as they came, acknowledgements as what they acknowledge.

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id};
use tidegate_tests::raw_mqtt::{Acknowledgement, Client, Publish, ServerPacket, Version};

use super::clients::{client, expect_message, lasting, lasting_client};

use Acknowledgement::{Puback, Pubcomp, Pubrec, Pubrel};

#[tokio::test]
async fn messages_of_one_topic_and_level_come_in_the_order_they_were_published() {
    const MESSAGES: u16 = 1500;
    const BATCH: u16 = 50;
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("ordered/+", 2).await;
        let mut publisher = client(&host, version, "publisher").await;
        let mut next = [0; 3];
        for first in (0..MESSAGES).step_by(BATCH.into()) {
            let mut packets = Vec::new();
            for number in first..first + BATCH {
                let qos = u8::try_from(number % 3).expect("0 to 2");
                // A number of its own for each level, so that a gap shows as well.
                let publish = Publish::new("ordered/x", (number / 3).to_string());
                let packet_id = (qos > 0).then_some(number + 1);
                let publish = Publish {
                    qos,
                    packet_id,
                    ..publish
                };
                packets.extend(publish.bytes(version));
            }
            publisher.send(packets).await;
            let with_answer = (first..first + BATCH).filter(|number| number % 3 > 0);
            finish(&mut publisher, with_answer.count()).await;
            for _ in 0..BATCH {
                let message = subscriber.receive().await;
                let next = &mut next[usize::from(message.qos)];
                assert_eq!(message.text(), next.to_string(), "QoS {}", message.qos);
                *next += 1;
            }
        }
        assert_eq!(next, [MESSAGES / 3; 3]);
        subscriber.disconnect().await;
    }
}

/// Takes the acknowledgements of this many messages, and releases them.
async fn finish(publisher: &mut Client, mut messages: usize) {
    while messages > 0 {
        match publisher.expect_packet().await {
            ServerPacket::Ack(ack) if ack.kind == Pubrec => {
                publisher.send(Pubrel.bytes(ack.packet_id)).await;
            }
            ServerPacket::Ack(_) => messages -= 1,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn messages_are_acknowledged_in_the_order_they_were_published() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut live = client(&host, version, "live").await;
        live.subscribe("acknowledged/1", 1).await;
        // Some have to be kept, some are done at once, some are for nobody, one is refused.
        let mut away = lasting_client(&host, version, "away").await;
        away.subscribe("acknowledged/2", 1).await;
        away.break_off().await;
        let topics = [
            "acknowledged/1",
            "acknowledged/2",
            "acknowledged/3",
            "$SYS/own",
        ];
        for qos in [1, 2] {
            let ids = 1..=100_u16;
            let mut packets = Vec::new();
            for packet_id in ids.clone() {
                let topic = topics[usize::from(packet_id) % 4];
                let publish = Publish::new(topic, "x").qos(qos, packet_id);
                packets.extend(publish.bytes(version));
            }
            publisher.send(packets).await;
            let mut open = Vec::new();
            for packet_id in ids {
                let kind = if qos == 1 { Puback } else { Pubrec };
                if publisher.expect_ack(kind, packet_id).await.reason < 0x80 {
                    open.push(packet_id);
                }
            }
            for packet_id in open.iter().filter(|_| qos == 2) {
                publisher.send(Pubrel.bytes(*packet_id)).await;
            }
            for packet_id in open.iter().filter(|_| qos == 2) {
                publisher.expect_ack(Pubcomp, *packet_id).await;
            }
        }
        client(&host, version, "away").await.disconnect().await;
        live.disconnect().await;
    }
}

#[tokio::test]
async fn releases_are_sent_in_the_order_of_what_was_received() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("releases", 2).await;
        let mut ids = Vec::new();
        for number in 0..10 {
            publisher.publish("releases", number.to_string(), 2).await;
            ids.push(subscriber.expect_publish().await.packet_id.expect("an id"));
        }
        ids.reverse();
        ids.swap(2, 7);
        let received: Vec<_> = ids
            .iter()
            .map(|packet_id| Pubrec.bytes(*packet_id))
            .collect();
        subscriber.send(received.concat()).await;
        for packet_id in ids {
            subscriber.expect_ack(Pubrel, packet_id).await;
        }
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn the_order_is_kept_through_a_queue_a_window_and_a_reconnect() {
    const MESSAGES: usize = 300;
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V311, "publisher").await;
    let connect =
        lasting(Version::V5, "subscriber").with(property::two_bytes(id::RECEIVE_MAXIMUM, 7));
    let mut subscriber = Client::connect(host.mqtt_address(), &connect).await;
    subscriber.subscribe("kept-in-order", 1).await;
    let mut published = 0;
    let mut acknowledged = 0;
    while acknowledged < MESSAGES {
        // Some are published while it is away, some while it is there.
        subscriber.break_off().await;
        published = publish_some(&mut publisher, published, MESSAGES).await;
        subscriber = Client::connect(host.mqtt_address(), &connect).await;
        published = publish_some(&mut publisher, published, MESSAGES).await;
        // Five are done with, two are left under way and come again.
        let mut next = acknowledged;
        let upto = (acknowledged + 7).min(published);
        while next < upto {
            let message = subscriber.expect_publish().await;
            assert_eq!(message.text(), next.to_string());
            if next < acknowledged + 5 || upto == MESSAGES {
                subscriber.acknowledge(&message).await;
            }
            next += 1;
        }
        acknowledged = if upto == MESSAGES {
            MESSAGES
        } else {
            acknowledged + 5
        };
        subscriber.ping().await;
    }
}

async fn publish_some(publisher: &mut Client, published: usize, all: usize) -> usize {
    let end = (published + 10).min(all);
    for number in published..end {
        publisher
            .publish("kept-in-order", number.to_string(), 1)
            .await;
    }
    end
}

#[tokio::test]
async fn the_messages_of_each_publisher_are_in_order_when_many_publish_at_once() {
    const MESSAGES: usize = 200;
    let host = TestHost::start().await;
    let mut subscriber = client(&host, Version::V5, "subscriber").await;
    subscriber.subscribe("together", 1).await;
    let publish = async |name: &str, version| {
        let mut publisher = client(&host, version, name).await;
        for number in 0..MESSAGES {
            publisher
                .publish("together", format!("{name} {number}"), 1)
                .await;
        }
    };
    let receive = async {
        let mut next = [0; 3];
        for _ in 0..3 * MESSAGES {
            let text = subscriber.receive().await.text();
            let (name, number) = text.split_once(' ').expect("a name and a number");
            let next = &mut next[name.parse::<usize>().expect("a number")];
            assert_eq!(number, next.to_string());
            *next += 1;
        }
    };
    tokio::join!(
        publish("0", Version::V311),
        publish("1", Version::V5),
        publish("2", Version::V5),
        receive
    );
}

#[tokio::test]
async fn the_last_value_that_comes_is_the_one_that_is_retained() {
    let host = TestHost::start().await;
    let mut subscriber = client(&host, Version::V5, "subscriber").await;
    subscriber.subscribe("last", 1).await;
    let publish = async |name: &str| {
        let mut publisher = client(&host, Version::V311, name).await;
        for number in 0..50 {
            let publish = Publish::new("last", format!("{name} {number}")).retained();
            publisher.publish_with(publish.qos(1, 0)).await;
        }
    };
    tokio::join!(publish("first"), publish("second"));
    let mut last = String::new();
    for _ in 0..100 {
        last = subscriber.receive().await.text();
    }
    let mut late = client(&host, Version::V5, "late").await;
    late.subscribe("last", 1).await;
    expect_message(&mut late, "last", &last, 1).await;
}
