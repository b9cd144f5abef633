//! Retained messages (section 3.3.1.3): kept, replaced, removed, and sent to whoever subscribes later.

use std::collections::BTreeMap;

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::{Acknowledgement, Client, Publish, Version};

use super::clients::{client, expect_message, expect_no_message};

/// More than a broker would send at once, and more than any window.
const MANY: usize = 3000;

async fn publish_retained(client: &mut Client, topic: &str, payload: &str, qos: u8) {
    let publish = Publish::new(topic, payload).retained();
    client.publish_with(Publish { qos, ..publish }).await;
}

/// What a new subscriber to this filter gets, by topic.
async fn retained(
    host: &TestHost,
    version: Version,
    filter: &str,
) -> BTreeMap<String, (String, u8)> {
    let mut late = client(host, version, "late").await;
    late.subscribe(filter, 2).await;
    late.subscribe("end-of-retained", 0).await;
    late.publish("end-of-retained", "", 0).await;
    let mut found = BTreeMap::new();
    loop {
        let message = late.receive().await;
        if message.topic == "end-of-retained" {
            late.disconnect().await;
            return found;
        }
        assert!(message.retain && !message.dup, "{message:?}");
        let qos = message.qos;
        let earlier = found.insert(message.topic.clone(), (message.text(), qos));
        assert_eq!(earlier, None, "{message:?} came twice");
    }
}

fn one(topic: &str, payload: &str, qos: u8) -> BTreeMap<String, (String, u8)> {
    BTreeMap::from([(topic.to_owned(), (payload.to_owned(), qos))])
}

#[tokio::test]
async fn the_last_retained_message_reaches_each_later_subscriber() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        for (number, qos) in [1, 2, 0, 2, 0, 1].into_iter().enumerate() {
            let payload = number.to_string();
            publish_retained(&mut publisher, "kept", &payload, qos).await;
            for late in Version::ALL {
                assert_eq!(
                    retained(&host, late, "kept").await,
                    one("kept", &payload, qos)
                );
            }
        }
    }
}

#[tokio::test]
async fn retained_messages_come_with_the_lower_qos_of_both() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        for published in 0..=2 {
            publish_retained(&mut publisher, "lower", "x", published).await;
            for granted in 0..=2 {
                let mut late = client(&host, version, "late").await;
                assert_eq!(late.subscribe("lower", granted).await, granted);
                expect_message(&mut late, "lower", "x", published.min(granted)).await;
            }
        }
    }
}

#[tokio::test]
async fn a_wildcard_brings_the_retained_messages_of_all_its_topics_and_no_others() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        for topic in ["w", "w/a", "w/b", "w/a/x", "w//", "wa", "v/a"] {
            publish_retained(&mut publisher, topic, topic, 1).await;
        }
        for (filter, topics) in [
            ("w/#", &["w", "w/a", "w/b", "w/a/x", "w//"][..]),
            ("w/+", &["w/a", "w/b"]),
            ("+/a", &["w/a", "v/a"]),
            ("w/+/x", &["w/a/x"]),
            ("w/c", &[]),
        ] {
            let found = retained(&host, version, filter).await;
            let mut expected = topics.to_vec();
            expected.sort_unstable();
            assert!(found.keys().eq(expected), "{filter}: {found:?}");
        }
    }
}

#[tokio::test]
async fn what_is_published_while_a_client_subscribes_already_is_not_marked_as_retained() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("live", 2).await;
        for qos in 0..=2 {
            publish_retained(&mut publisher, "live", "x", qos).await;
            let message = expect_message(&mut subscriber, "live", "x", qos).await;
            assert!(!message.retain);
        }
        publish_retained(&mut publisher, "live", "", 1).await;
    }
}

#[tokio::test]
async fn an_empty_retained_message_is_delivered_and_removes_the_one_that_there_was() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("removed/#", 2).await;
        for qos in 0..=2 {
            publish_retained(&mut publisher, "removed/a", "x", 1).await;
            publish_retained(&mut publisher, "removed/b", "x", 1).await;
            publish_retained(&mut publisher, "removed/a", "", qos).await;
            expect_message(&mut subscriber, "removed/a", "x", 1).await;
            expect_message(&mut subscriber, "removed/b", "x", 1).await;
            let empty = expect_message(&mut subscriber, "removed/a", "", qos).await;
            assert!(!empty.retain);
            let left = retained(&host, version, "removed/#").await;
            assert_eq!(left, one("removed/b", "x", 1));
        }
        publish_retained(&mut publisher, "removed/b", "", 1).await;
    }
}

#[tokio::test]
async fn a_message_that_is_not_retained_is_not_kept_and_removes_nothing() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        for qos in 0..=2 {
            publisher.publish("plain", "never kept", qos).await;
            assert!(retained(&host, version, "plain").await.is_empty());
            publish_retained(&mut publisher, "both", "kept", qos).await;
            publisher.publish("both", "", qos).await;
            publisher.publish("both", "passing", qos).await;
            assert_eq!(
                retained(&host, version, "both").await,
                one("both", "kept", qos)
            );
        }
    }
}

#[tokio::test]
async fn retained_messages_by_the_thousand_reach_a_client_each_time_it_subscribes() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, Version::V311, "publisher").await;
    for first in (1..=MANY).step_by(100) {
        let ids = first..first + 100;
        let mut packets = Vec::new();
        for id in ids.clone() {
            let packet_id = u16::try_from(id).expect("a few thousand");
            let publish = Publish::new(&format!("many/{id}"), id.to_string()).retained();
            packets.extend(publish.qos(1, packet_id).bytes(Version::V311));
        }
        publisher.send(packets).await;
        for id in ids {
            let packet_id = u16::try_from(id).expect("a few thousand");
            publisher
                .expect_ack(Acknowledgement::Puback, packet_id)
                .await;
        }
    }
    for version in Version::ALL {
        let mut late = client(&host, version, "late").await;
        for qos in [0, 1, 2] {
            late.subscribe("many/+", qos).await;
            let mut found = BTreeMap::new();
            for _ in 0..MANY {
                let message = late.receive().await;
                assert_eq!((message.qos, message.retain), (qos.min(1), true));
                assert_eq!(message.topic, format!("many/{}", message.text()));
                found.insert(message.topic, ());
            }
            assert_eq!(found.len(), MANY);
            expect_no_message(&mut publisher, &mut late, 1).await;
        }
    }
}
