//! Subscription options and subscription identifiers (MQTT 5, sections 3.8.2.1.2 and 3.8.3.1).

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{id, subscription_identifier};
use tidegate_tests::raw_mqtt::{Client, Publish, Subscribe, Unsubscribe, Version, options};

use super::clients::{client, expect_message, expect_no_message, lasting_client};

const V5: Version = Version::V5;
/// The largest subscription identifier: all bits of a variable byte integer.
const IDENTIFIER_MAX: u32 = 268_435_455;

async fn publish_retained(client: &mut Client, topic: &str, payload: &str) {
    let publish = Publish::new(topic, payload).retained().qos(1, 0);
    client.publish_with(publish).await;
}

#[tokio::test]
async fn no_local_keeps_a_clients_own_messages_from_it_and_no_others() {
    let host = TestHost::start().await;
    let mut other = client(&host, V5, "other").await;
    let mut own = lasting_client(&host, V5, "own").await;
    own.subscribe("local/+", 2 | options::NO_LOCAL).await;
    own.subscribe("marker", 2).await;
    for qos in 0..=2 {
        own.publish("local/a", "own", qos).await;
        own.publish("marker", "own", qos).await;
        expect_message(&mut own, "marker", "own", qos).await;
        other.publish("local/a", "other", qos).await;
        expect_message(&mut own, "local/a", "other", qos).await;
    }
    // It counts who published, not on which connection.
    own.break_off().await;
    let mut own = lasting_client(&host, V5, "own").await;
    own.publish("local/a", "own", 1).await;
    expect_no_message(&mut other, &mut own, 1).await;
}

#[tokio::test]
async fn no_local_is_an_option_of_one_subscription() {
    let host = TestHost::start().await;
    let mut own = client(&host, V5, "own").await;
    let subscribe = Subscribe::new(1, "part/#", 1 | options::NO_LOCAL).and("part/a", 1);
    own.subscribe_with(&subscribe).await;
    own.publish("part/b", "kept away", 1).await;
    own.publish("part/a", "welcome", 1).await;
    expect_message(&mut own, "part/a", "welcome", 1).await;
    // Replacing it without the option ends it.
    own.subscribe("part/#", 1).await;
    own.publish("part/b", "welcome", 1).await;
    expect_message(&mut own, "part/b", "welcome", 1).await;
}

#[tokio::test]
async fn the_retain_flag_is_passed_on_as_published_where_the_subscription_asks_for_it() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    for (option, passes_on) in [(0, false), (options::RETAIN_AS_PUBLISHED, true)] {
        let mut subscriber = client(&host, V5, "subscriber").await;
        subscriber.subscribe("flag", 2 | option).await;
        for qos in 0..=2 {
            let publish = Publish::new("flag", "x");
            let publish = Publish { qos, ..publish };
            publisher.publish_with(publish.clone()).await;
            assert!(!subscriber.receive().await.retain);
            publisher.publish_with(publish.retained()).await;
            assert_eq!(subscriber.receive().await.retain, passes_on);
        }
        publisher
            .publish_with(Publish::new("flag", "").retained())
            .await;
        assert_eq!(subscriber.receive().await.retain, passes_on);
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn the_retain_flag_is_passed_on_as_published_from_a_queue_too() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut subscriber = lasting_client(&host, V5, "subscriber").await;
    let subscribe = Subscribe::new(1, "q/as", 1 | options::RETAIN_AS_PUBLISHED).and("q/not", 1);
    subscriber.subscribe_with(&subscribe).await;
    subscriber.break_off().await;
    publish_retained(&mut publisher, "q/as", "x").await;
    publish_retained(&mut publisher, "q/not", "x").await;
    let mut subscriber = lasting_client(&host, V5, "subscriber").await;
    for (topic, retain) in [("q/as", true), ("q/not", false)] {
        let message = expect_message(&mut subscriber, topic, "x", 1).await;
        assert_eq!(message.retain, retain);
    }
}

/// Subscribes and tells whether the retained message of the topic comes.
async fn brings_retained(client: &mut Client, topic: &str, option: u8) -> bool {
    client.subscribe(topic, 1 | option).await;
    let end = format!("end/{topic}");
    client.subscribe(&end, 1).await;
    client.publish(&end, "", 1).await;
    let message = client.receive().await;
    if message.topic == end {
        return false;
    }
    assert!(message.retain, "{message:?}");
    assert_eq!(client.receive().await.topic, end);
    true
}

#[tokio::test]
async fn retain_handling_says_when_retained_messages_are_sent() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let at_new = options::RETAIN_AT_NEW_SUBSCRIPTION;
    for (option, at_first, at_second, after_another) in [
        (0, true, true, true),
        (at_new, true, false, false),
        (options::RETAIN_NEVER, false, false, false),
    ] {
        let topic = format!("handling/{option}");
        publish_retained(&mut publisher, &topic, "kept").await;
        let mut subscriber = lasting_client(&host, V5, "subscriber").await;
        assert_eq!(
            brings_retained(&mut subscriber, &topic, option).await,
            at_first
        );
        assert_eq!(
            brings_retained(&mut subscriber, &topic, option).await,
            at_second
        );
        // Whatever the subscription that is there already was made with.
        assert!(brings_retained(&mut subscriber, &topic, 0).await);
        assert_eq!(
            brings_retained(&mut subscriber, &topic, option).await,
            after_another
        );

        // It is there in a session that goes on; it is not after it was given up.
        subscriber.break_off().await;
        let mut subscriber = lasting_client(&host, V5, "subscriber").await;
        assert_eq!(
            brings_retained(&mut subscriber, &topic, option).await,
            after_another
        );
        let unsubscribe = Unsubscribe::new(100, &topic);
        subscriber.unsubscribe_with(&unsubscribe).await;
        assert_eq!(
            brings_retained(&mut subscriber, &topic, option).await,
            at_first
        );
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn a_message_carries_the_identifier_of_its_subscription() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    publish_retained(&mut publisher, "identified/1", "kept").await;
    for identifier in [1, 127, 128, 16_384, IDENTIFIER_MAX] {
        let mut subscriber = lasting_client(&host, V5, "subscriber").await;
        let subscribe = Subscribe::new(1, "identified/+", 1);
        let subscribe = subscribe.with(subscription_identifier(identifier));
        let suback = subscriber.subscribe_with(&subscribe).await;
        assert_eq!(suback.reasons, [1]);
        // Retained, new, and queued.
        let message = expect_message(&mut subscriber, "identified/1", "kept", 1).await;
        assert_eq!(message.properties.subscription_identifiers(), [identifier]);
        publisher.publish("identified/2", "new", 1).await;
        let message = subscriber.receive().await;
        assert_eq!(message.properties.subscription_identifiers(), [identifier]);
        subscriber.break_off().await;
        publisher.publish("identified/3", "queued", 1).await;
        let mut subscriber = lasting_client(&host, V5, "subscriber").await;
        let message = subscriber.receive().await;
        assert_eq!(message.text(), "queued");
        assert_eq!(message.properties.subscription_identifiers(), [identifier]);
        assert_eq!(message.properties.len(), 1);
        subscriber.disconnect().await;
    }
}

#[tokio::test]
async fn a_message_carries_the_identifiers_of_all_subscriptions_that_match() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut subscriber = client(&host, V5, "subscriber").await;
    for (filter, identifier) in [
        ("all/a", Some(30)),
        ("all/+", Some(10)),
        ("all/#", None),
        ("+/a", Some(20)),
        ("all/b", Some(40)),
        // Another subscription may have the same one.
        ("#", Some(10)),
    ] {
        let mut subscribe = Subscribe::new(1, filter, 1);
        if let Some(identifier) = identifier {
            subscribe = subscribe.with(subscription_identifier(identifier));
        }
        subscriber.subscribe_with(&subscribe).await;
    }
    for (topic, expected) in [
        ("all/a", &[10, 10, 20, 30][..]),
        ("all/b", &[10, 10, 40]),
        ("all/c/d", &[10]),
        ("none/a", &[10, 20]),
    ] {
        publisher.publish(topic, "x", 1).await;
        let message = expect_message(&mut subscriber, topic, "x", 1).await;
        let mut found = message.properties.subscription_identifiers();
        let mut expected = expected.to_vec();
        // Whether one that two subscriptions have is said twice is left open.
        found.dedup();
        expected.dedup();
        assert_eq!(found, expected, "{topic}");
    }
}

#[tokio::test]
async fn replacing_a_subscription_replaces_its_identifier() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut subscriber = client(&host, V5, "subscriber").await;
    for identifier in [Some(1), Some(2), None, Some(3)] {
        let mut subscribe = Subscribe::new(1, "again", 1);
        if let Some(identifier) = identifier {
            subscribe = subscribe.with(subscription_identifier(identifier));
        }
        subscriber.subscribe_with(&subscribe).await;
        publisher.publish("again", "x", 1).await;
        let message = subscriber.receive().await;
        assert_eq!(
            message.properties.number(id::SUBSCRIPTION_IDENTIFIER),
            identifier
        );
    }
}

#[tokio::test]
async fn one_identifier_goes_for_all_filters_of_its_packet() {
    let host = TestHost::start().await;
    let mut client = client(&host, V5, "client").await;
    let subscribe = Subscribe::new(1, "several/a", 0).and("several/b", 1);
    let subscribe = subscribe.with(subscription_identifier(7));
    client.subscribe_with(&subscribe).await;
    for topic in ["several/a", "several/b"] {
        client.publish(topic, "x", 1).await;
        let message = client.receive().await;
        assert_eq!(message.properties.subscription_identifiers(), [7]);
    }
}
