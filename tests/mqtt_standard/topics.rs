//! Topic names and filters (section 4.7), as a subscriber sees them.

use tidegate_tests::raw_mqtt::{
    Acknowledgement, Client, Publish, ServerPacket, Subscribe, Version,
};
use tidegate_tests::{SOON, TestHost, eventually};

use super::clients::{client, expect_message, expect_no_message};

/// Of `host/broker/src/limits.rs`; the standard allows 65,535 bytes.
const TOPIC_BYTES_MAX: usize = 1024;
/// Of the same file.
const TOPIC_LEVELS_MAX: usize = 32;

/// Filters, topics that they match, and topics that they do not.
const MATCHES: [(&str, &[&str], &[&str]); 21] = [
    (
        "sport/tennis/player1",
        &["sport/tennis/player1"],
        &[
            "sport/tennis",
            "sport/tennis/player1/",
            "/sport/tennis/player1",
        ],
    ),
    (
        "sport/tennis/player1/#",
        &[
            "sport/tennis/player1",
            "sport/tennis/player1/ranking",
            "sport/tennis/player1/score/x",
        ],
        &["sport/tennis/player12", "sport/tennis"],
    ),
    (
        "sport/#",
        &["sport", "sport/", "sport/a/b/c"],
        &["sports", "/sport"],
    ),
    ("#", &["a", "/", "a/b", "//a"], &[]),
    (
        "sport/tennis/+",
        &["sport/tennis/player1", "sport/tennis/"],
        &["sport/tennis", "sport/tennis/player1/ranking"],
    ),
    ("sport/+", &["sport/", "sport/x"], &["sport", "sport/x/"]),
    ("+", &["finance", " "], &["/finance", "finance/", "/"]),
    (
        "+/+",
        &["/finance", "a/b", "/", "a/"],
        &["a", "a/b/c", "//"],
    ),
    ("/+", &["/finance", "/"], &["finance", "a/b", "/a/b"]),
    (
        "+/tennis/#",
        &["sport/tennis", "/tennis/x", "a/tennis/b/c"],
        &["tennis/x", "a/b/tennis"],
    ),
    (
        "sport/+/player1",
        &["sport/tennis/player1", "sport//player1"],
        &["sport/player1", "sport/a/b/player1"],
    ),
    ("/", &["/"], &["//", "a/", "/a"]),
    ("//", &["//"], &["/", "///"]),
    ("a//b", &["a//b"], &["a/b", "a/x/b"]),
    ("ACCOUNTS", &["ACCOUNTS"], &["Accounts", "accounts"]),
    (
        "Accounts payable",
        &["Accounts payable"],
        &["Accountspayable", "Accounts payable "],
    ),
    (" / a ", &[" / a "], &["/ a ", " / a", "/a"]),
    (
        "température/+",
        &["température/küche", "température/", "température/🌡"],
        &["temperature/kuche", "TEMPÉRATURE/x"],
    ),
    // Composed and decomposed are two topics; so are those with a byte order mark and without.
    ("caf\u{e9}", &["caf\u{e9}"], &["cafe\u{301}", "cafe"]),
    ("\u{feff}a", &["\u{feff}a"], &["a"]),
    ("温度/#", &["温度", "温度/室内"], &["温", "温度計"]),
];

#[tokio::test]
async fn filters_match_as_the_standard_says() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        for (filter, matching, others) in MATCHES {
            let mut subscriber = client(&host, version, "subscriber").await;
            assert_eq!(subscriber.subscribe(filter, 1).await, 1, "{filter}");
            for topic in others {
                publisher.publish(topic, "no", 1).await;
            }
            for topic in matching {
                publisher.publish(topic, "yes", 1).await;
                expect_message(&mut subscriber, topic, "yes", 1).await;
            }
            subscriber.disconnect().await;
        }
    }
}

#[tokio::test]
async fn retained_messages_are_found_as_the_standard_says() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        for (filter, matching, others) in MATCHES {
            let mut client = client(&host, version, "client").await;
            for topic in others.iter().chain(matching) {
                let publish = Publish::new(topic, topic).retained();
                client.publish_with(publish.qos(1, 0)).await;
            }
            client.subscribe(filter, 1).await;
            let mut found: Vec<_> = Vec::new();
            for _ in matching {
                found.push(client.receive().await.topic);
            }
            client.expect_nothing().await;
            found.sort_unstable();
            let mut expected = matching.to_vec();
            expected.sort_unstable();
            assert_eq!(found, expected, "{filter}");
            for topic in others.iter().chain(matching) {
                client
                    .publish_with(Publish::new(topic, "").retained())
                    .await;
            }
            client.disconnect().await;
        }
    }
}

#[tokio::test]
async fn topics_are_not_changed_on_their_way() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut subscriber = client(&host, version, "subscriber").await;
        subscriber.subscribe("#", 1).await;
        for topic in [
            "a",
            " ",
            "/",
            "///",
            "a b/c d",
            "Ä/ö",
            "é",
            "e\u{301}",
            "\u{feff}",
            "👩‍🔬/🌡️",
            "x/$y",
            "%c/%u",
            "..",
            "a\\b",
            "'\"",
            "\u{e000}",
            "\u{10fffd}",
        ] {
            publisher.publish(topic, topic, 1).await;
            expect_message(&mut subscriber, topic, topic, 1).await;
        }
        subscriber.disconnect().await;
    }
}

/// Reads until this topic comes; all topics that come before.
async fn topics_before(client: &mut Client, last: &str) -> Vec<String> {
    let mut topics = Vec::new();
    loop {
        let topic = client.receive().await.topic;
        if topic == last {
            return topics;
        }
        topics.push(topic);
    }
}

#[tokio::test]
async fn topics_of_the_server_are_found_by_their_name_only() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut watcher = client(&host, version, "watcher").await;
        for filter in ["#", "+/#", "+/+", "+/+/+", "+/broker/#", "end"] {
            watcher.subscribe(filter, 0).await;
        }
        // The server's own topics can be subscribed to, and there are some.
        let mut curious = client(&host, version, "curious").await;
        for filter in ["$SYS/#", "$SYS/+/+"] {
            assert!(curious.subscribe(filter, 0).await <= 2, "{filter}");
        }
        let system = curious.receive().await;
        assert!(system.topic.starts_with("$SYS/"), "{system:?}");
        // Another `$` topic is nobody's by accident either.
        let hidden = Publish::new("$hidden/x", "x").qos(1, 1);
        publisher.send(hidden.bytes(version)).await;
        publisher.expect_ack(Acknowledgement::Puback, 1).await;
        publisher.publish("end", "", 0).await;
        let seen = topics_before(&mut watcher, "end").await;
        let leaked = seen.iter().find(|topic| topic.starts_with('$'));
        assert_eq!(leaked, None);
        watcher.disconnect().await;
    }
}

#[tokio::test]
async fn what_the_server_says_of_itself_is_renewed() {
    let host = TestHost::start().await;
    let mut curious = client(&host, Version::V5, "curious").await;
    curious.subscribe("$SYS/#", 0).await;
    let mut seen = std::collections::BTreeSet::new();
    eventually("a topic comes a second time", SOON, async || {
        let message = curious.receive().await;
        (!message.retain && !seen.insert(message.topic)).then_some(())
    })
    .await;
}

fn of_bytes(length: usize) -> String {
    let mut topic = "long/".repeat(length / 5);
    topic.extend(std::iter::repeat_n('x', length - topic.len()));
    // Few levels: only its bytes are many.
    topic.replace("long/", "long.")
}

fn of_levels(levels: usize) -> String {
    vec!["l"; levels].join("/")
}

#[tokio::test]
async fn the_longest_topics_that_are_allowed_arrive() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut client = client(&host, version, "client").await;
        for topic in [of_bytes(TOPIC_BYTES_MAX), of_levels(TOPIC_LEVELS_MAX)] {
            assert_eq!(client.subscribe(&topic, 1).await, 1);
            client.publish(&topic, "x", 1).await;
            expect_message(&mut client, &topic, "x", 1).await;
        }
        client.disconnect().await;
    }
}

#[tokio::test]
async fn longer_topics_and_filters_are_refused_with_their_reason() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut watcher = client(&host, version, "watcher").await;
        watcher.subscribe("#", 1).await;
        let mut publisher = client(&host, version, "publisher").await;
        for topic in [
            of_bytes(TOPIC_BYTES_MAX + 1),
            of_bytes(usize::from(u16::MAX)),
            of_levels(TOPIC_LEVELS_MAX + 1),
            "/".repeat(TOPIC_LEVELS_MAX),
        ] {
            let reason = publisher.subscribe(&topic, 1).await;
            let expected = match version {
                Version::V311 => 0x80,
                Version::V5 => 0x8f,
            };
            assert_eq!(reason, expected);
            let mut offender = client(&host, version, "offender").await;
            offender
                .send(Publish::new(&topic, "x").qos(1, 1).bytes(version))
                .await;
            let reason = match offender.read().await {
                Some(ServerPacket::Ack(ack)) if version == Version::V5 => ack.reason,
                Some(ServerPacket::Disconnect(disconnect)) => disconnect.reason,
                // 3.1.1 has no reason codes: the message is acknowledged, or the connection ends.
                None | Some(ServerPacket::Ack(_)) if version == Version::V311 => 0x90,
                other => panic!("{other:?}"),
            };
            assert_eq!(reason, 0x90, "topic name invalid");
        }
        expect_no_message(&mut publisher, &mut watcher, 1).await;
        watcher.disconnect().await;
    }
}

#[tokio::test]
async fn a_filter_and_a_topic_of_many_levels_do_not_take_long() {
    let host = TestHost::start().await;
    let mut client = client(&host, Version::V5, "client").await;
    // Each level matches in two ways, which must not double the work each time.
    let mut subscribe = Subscribe {
        packet_id: 1,
        ..Subscribe::default()
    };
    for level in 1..TOPIC_LEVELS_MAX {
        let mut levels = vec!["l"; level];
        levels[level / 2] = "+";
        subscribe = subscribe.and(&format!("{}/#", levels.join("/")), 1);
        subscribe = subscribe.and(&format!("{}/#", vec!["+"; level].join("/")), 1);
    }
    client.subscribe_with(&subscribe).await;
    for _ in 0..100 {
        client.publish(&of_levels(TOPIC_LEVELS_MAX), "x", 1).await;
        expect_message(&mut client, &of_levels(TOPIC_LEVELS_MAX), "x", 1).await;
    }
}
