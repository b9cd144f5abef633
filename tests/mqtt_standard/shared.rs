//! Shared subscriptions (MQTT 5, section 4.8.2), which this broker has for 3.1.1 as well.

use std::collections::BTreeSet;

use tidegate_tests::TestHost;
use tidegate_tests::raw_mqtt::property::{self, id, subscription_identifier};
use tidegate_tests::raw_mqtt::{
    Acknowledgement, Client, Publish, ServerPacket, Subscribe, Unsubscribe, Version, options,
    pingreq,
};

use super::clients::{
    client, expect_cast_out, expect_message, expect_no_message, lasting, lasting_client,
};

use Acknowledgement::{Puback, Pubcomp, Pubrec, Pubrel};

const V5: Version = Version::V5;

/// A member of a group, with a clean session.
async fn member(
    host: &TestHost,
    version: Version,
    client_id: &str,
    filter: &str,
    qos: u8,
) -> Client {
    let mut member = client(host, version, client_id).await;
    assert_eq!(member.subscribe(filter, qos).await, qos);
    member
}

/// All messages that have come for one client and are its own alone, which are acknowledged.
async fn drain(client: &mut Client) -> Vec<Publish> {
    let mut messages = Vec::new();
    client.send(pingreq()).await;
    loop {
        match client.expect_packet().await {
            ServerPacket::Publish(message) => {
                client.acknowledge(&message).await;
                messages.push(message);
            }
            ServerPacket::Pingresp => return messages,
            other => panic!("{other:?}"),
        }
    }
}

/// Waits until these clients together have received this many messages; gives what came to each.
async fn receive_all<const N: usize>(
    clients: [&mut Client; N],
    messages: usize,
) -> [Vec<Publish>; N] {
    let mut clients = clients;
    let mut received = [const { Vec::new() }; N];
    while received.iter().map(Vec::len).sum::<usize>() < messages {
        for (client, received) in clients.iter_mut().zip(&mut received) {
            received.extend(drain(client).await);
        }
        tokio::task::yield_now().await;
    }
    received
}

fn payloads(messages: &[Publish]) -> Vec<String> {
    messages.iter().map(Publish::text).collect()
}

#[tokio::test]
async fn each_message_goes_to_one_member_and_each_member_gets_some() {
    const MESSAGES: usize = 60;
    let host = TestHost::start().await;
    for version in Version::ALL {
        for qos in 0..=2 {
            let filter = format!("$share/group/spread/{qos}/#");
            let mut first = member(&host, version, "first", &filter, 2).await;
            let mut second = member(&host, version, "second", &filter, 2).await;
            let mut third = member(&host, version, "third", &filter, 2).await;
            let mut publisher = client(&host, version, "publisher").await;
            for number in 0..MESSAGES {
                let topic = format!("spread/{qos}/{}", number % 5);
                publisher.publish(&topic, number.to_string(), qos).await;
            }
            let members = [&mut first, &mut second, &mut third];
            let received = receive_all(members, MESSAGES).await;
            let all: BTreeSet<String> = received.iter().flat_map(|of| payloads(of)).collect();
            assert_eq!(all.len(), MESSAGES, "each one once");
            for of_one in &received {
                assert!(
                    of_one.len() >= MESSAGES / 6,
                    "{} of {MESSAGES}",
                    of_one.len()
                );
                assert!(of_one.iter().all(|message| message.qos == qos));
            }
            for mut member in [first, second, third] {
                expect_no_message(&mut publisher, &mut member, qos).await;
                member.disconnect().await;
            }
        }
    }
}

#[tokio::test]
async fn each_member_gets_the_level_that_it_was_granted() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    for qos in 0..=2 {
        let mut alone = member(&host, V5, "alone", "$share/group/level", qos).await;
        for published in 0..=2 {
            publisher.publish("level", "x", published).await;
            expect_message(&mut alone, "level", "x", published.min(qos)).await;
        }
        alone.disconnect().await;
    }
    let mut at_0 = member(&host, V5, "at-0", "$share/group/level", 0).await;
    let mut at_2 = member(&host, V5, "at-2", "$share/group/level", 2).await;
    for _ in 0..20 {
        publisher.publish("level", "x", 2).await;
    }
    let [low, high] = receive_all([&mut at_0, &mut at_2], 20).await;
    assert!(!low.is_empty() && low.iter().all(|message| message.qos == 0));
    assert!(!high.is_empty() && high.iter().all(|message| message.qos == 2));
}

#[tokio::test]
async fn groups_and_plain_subscribers_do_not_share_with_each_other() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut one = member(&host, V5, "one", "$share/one/apart/+", 1).await;
    let mut two = member(&host, V5, "two", "$share/two/apart/+", 1).await;
    let mut plain = member(&host, V5, "plain", "apart/+", 1).await;
    for number in 0..5 {
        publisher.publish("apart/x", number.to_string(), 1).await;
        for client in [&mut one, &mut two, &mut plain] {
            expect_message(client, "apart/x", &number.to_string(), 1).await;
        }
    }
}

#[tokio::test]
async fn two_filters_of_one_group_are_two_shared_subscriptions() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut narrow = member(&host, V5, "narrow", "$share/group/two/a", 1).await;
    let mut wide = member(&host, V5, "wide", "$share/group/two/+", 1).await;
    for number in 0..5 {
        let payload = number.to_string();
        publisher.publish("two/a", &payload, 1).await;
        expect_message(&mut narrow, "two/a", &payload, 1).await;
        expect_message(&mut wide, "two/a", &payload, 1).await;
        publisher.publish("two/b", &payload, 1).await;
        expect_message(&mut wide, "two/b", &payload, 1).await;
    }
    narrow.expect_nothing().await;
}

#[tokio::test]
async fn retained_messages_are_not_sent_to_a_group() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let kept = Publish::new("kept", "x").retained().qos(1, 0);
        publisher.publish_with(kept).await;
        let mut only = member(&host, version, "only", "$share/group/kept", 1).await;
        only.subscribe("$share/group/kept", 2).await;
        expect_no_message(&mut publisher, &mut only, 1).await;
        only.disconnect().await;
    }
}

#[tokio::test]
async fn no_local_on_a_shared_subscription_ends_the_connection() {
    let host = TestHost::start().await;
    let mut client = client(&host, V5, "client").await;
    let subscribe = Subscribe::new(1, "$share/group/a", 1 | options::NO_LOCAL);
    client.send(subscribe.bytes(V5)).await;
    expect_cast_out(&mut client, &[0x82], "no local").await;
}

#[tokio::test]
async fn a_member_gets_its_own_messages_and_its_identifier() {
    let host = TestHost::start().await;
    let mut only = client(&host, V5, "only").await;
    let subscribe = Subscribe::new(1, "$share/group/own", 1).with(subscription_identifier(9));
    only.subscribe_with(&subscribe).await;
    only.publish("own", "x", 1).await;
    let message = expect_message(&mut only, "own", "x", 1).await;
    assert_eq!(message.properties.subscription_identifiers(), [9]);
}

#[tokio::test]
async fn subscribing_to_the_same_group_again_replaces_the_subscription() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut only = member(&host, V5, "only", "$share/group/same", 0).await;
    only.subscribe("$share/group/same", 2).await;
    publisher.publish("same", "x", 2).await;
    expect_message(&mut only, "same", "x", 2).await;
    expect_no_message(&mut publisher, &mut only, 2).await;
}

#[tokio::test]
async fn a_member_that_unsubscribes_gets_nothing_more() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut leaves = member(&host, version, "leaves", "$share/group/left", 1).await;
        let mut stays = member(&host, version, "stays", "$share/group/left", 1).await;
        // Neither the plain filter nor another group is the subscription.
        for other in ["left", "$share/other/left"] {
            leaves.unsubscribe_with(&Unsubscribe::new(30, other)).await;
        }
        for _ in 0..10 {
            publisher.publish("left", "to both", 1).await;
        }
        let [left, _] = receive_all([&mut leaves, &mut stays], 10).await;
        assert!(!left.is_empty());
        leaves
            .unsubscribe_with(&Unsubscribe::new(31, "$share/group/left"))
            .await;
        for number in 0..10 {
            publisher.publish("left", number.to_string(), 1).await;
            expect_message(&mut stays, "left", &number.to_string(), 1).await;
        }
        expect_no_message(&mut publisher, &mut leaves, 1).await;
        leaves.disconnect().await;
        stays.disconnect().await;
    }
}

#[tokio::test]
async fn what_a_member_that_is_gone_has_not_acknowledged_goes_to_another() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut gone = member(&host, version, "gone", "$share/group/moves", 1).await;
        for number in 0..5 {
            publisher.publish("moves", number.to_string(), 1).await;
            gone.expect_publish().await;
        }
        let mut stays = member(&host, version, "stays", "$share/group/moves", 1).await;
        gone.break_off().await;
        for number in 0..5 {
            let message = stays.receive().await;
            // In their order, and new to this client.
            assert_eq!((message.text(), message.dup), (number.to_string(), false));
        }
        stays.disconnect().await;
    }
}

#[tokio::test]
async fn nothing_is_lost_when_a_member_whose_session_lasts_breaks_off() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut away = lasting_client(&host, version, "away").await;
        away.subscribe("$share/group/lasting", 1).await;
        for number in 0..5 {
            publisher.publish("lasting", number.to_string(), 1).await;
            away.expect_publish().await;
        }
        let mut stays = member(&host, version, "stays", "$share/group/lasting", 1).await;
        away.break_off().await;
        for number in 5..10 {
            publisher.publish("lasting", number.to_string(), 1).await;
        }
        // Whoever gets what was under way to the first: each message comes, and what is new comes to who is there.
        let mut away = lasting_client(&host, version, "away").await;
        let mut all = BTreeSet::new();
        let mut of_stays = BTreeSet::new();
        while all.len() < 10 {
            all.extend(payloads(&drain(&mut away).await));
            of_stays.extend(payloads(&drain(&mut stays).await));
            all.extend(of_stays.iter().cloned());
        }
        assert!((5..10).all(|number| of_stays.contains(&number.to_string())));
        client(&host, version, "away").await.disconnect().await;
        stays.disconnect().await;
    }
}

#[tokio::test]
async fn a_group_that_is_away_gets_its_messages_when_a_member_comes_back() {
    let host = TestHost::start().await;
    for version in Version::ALL {
        let mut publisher = client(&host, version, "publisher").await;
        let mut away = lasting_client(&host, version, "away").await;
        away.subscribe("$share/group/away", 1).await;
        away.break_off().await;
        for number in 0..5 {
            publisher.publish("away", number.to_string(), 1).await;
        }
        let mut away = lasting_client(&host, version, "away").await;
        for number in 0..5 {
            expect_message(&mut away, "away", &number.to_string(), 1).await;
        }
        client(&host, version, "away").await.disconnect().await;
    }
}

#[tokio::test]
async fn what_waits_for_a_member_that_is_away_goes_to_one_that_comes() {
    let mut host = TestHost::start().await;
    for version in Version::ALL {
        let filter = format!("$share/group/{version:?}/#");
        let mut away = lasting_client(&host, version, "away").await;
        assert_eq!(away.subscribe(&filter, 1).await, 1);
        away.break_off().await;
        let mut publisher = client(&host, version, "publisher").await;
        for number in 0..3 {
            let topic = format!("{version:?}/{number}");
            publisher.publish(&topic, "x", 1).await;
        }
        // The group of what waits is known after a crash as well.
        host.kill9();
        host.restart().await;
        let mut other = member(&host, version, "other", &filter, 1).await;
        for number in 0..3 {
            let topic = format!("{version:?}/{number}");
            expect_message(&mut other, &topic, "x", 1).await;
        }
        other.disconnect().await;
        let mut back = lasting_client(&host, version, "away").await;
        back.expect_nothing().await;
        back.disconnect().await;
    }
}

#[tokio::test]
async fn a_qos_2_delivery_that_has_begun_stays_with_its_member() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut away = lasting_client(&host, V5, "away").await;
    away.subscribe("$share/group/begun", 2).await;
    for payload in ["1", "2"] {
        publisher.publish("begun", payload, 2).await;
    }
    let first = away.expect_publish().await;
    let second = away.expect_publish().await;
    let released = first.packet_id.expect("an id");
    away.send(Pubrec.bytes(released)).await;
    away.expect_ack(Pubrel, released).await;
    let mut other = member(&host, V5, "other", "$share/group/begun", 2).await;
    away.break_off().await;
    expect_no_message(&mut publisher, &mut other, 2).await;

    let mut away = lasting_client(&host, V5, "away").await;
    away.expect_ack(Pubrel, released).await;
    away.send(Pubcomp.bytes(released)).await;
    assert_eq!(
        away.expect_publish().await,
        Publish {
            dup: true,
            ..second
        }
    );
    // Nor does it go to another when the session ends.
    away.break_off().await;
    let clean = client(&host, V5, "away").await;
    expect_no_message(&mut publisher, &mut other, 2).await;
    clean.disconnect().await;
}

#[tokio::test]
async fn what_a_member_refuses_goes_to_nobody_else() {
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    for (qos, kind) in [(1, Puback), (2, Pubrec)] {
        let mut refuses = member(&host, V5, "refuses", "$share/group/refused", qos).await;
        publisher.publish("refused", "x", qos).await;
        let packet_id = refuses.expect_publish().await.packet_id.expect("an id");
        let mut other = member(&host, V5, "other", "$share/group/refused", qos).await;
        refuses.send(kind.bytes_with(packet_id, 0x83, &[])).await;
        refuses.expect_nothing().await;
        refuses.break_off().await;
        expect_no_message(&mut publisher, &mut other, qos).await;
        other.disconnect().await;
    }
}

/// A member that takes this many messages at once, and acknowledges none of them.
async fn stuck(host: &TestHost, filter: &str, receive_maximum: u16) -> Client {
    let receive_maximum = property::two_bytes(id::RECEIVE_MAXIMUM, receive_maximum);
    let connect = lasting(V5, "stuck").with(receive_maximum);
    let mut stuck = Client::connect(host.mqtt_address(), &connect).await;
    stuck.subscribe(filter, 1).await;
    stuck
}

#[tokio::test]
async fn a_member_that_does_not_acknowledge_starves_nobody() {
    const MESSAGES: usize = 50;
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let _stuck = stuck(&host, "$share/group/stuck", 2).await;
    let mut works = member(&host, V5, "works", "$share/group/stuck", 1).await;
    let mut done = 0;
    for number in 0..MESSAGES {
        publisher.publish("stuck", number.to_string(), 1).await;
        done += drain(&mut works).await.len();
    }
    // All but what the other one has taken and could not refuse.
    while done < MESSAGES - 2 {
        works.receive().await;
        done += 1;
    }
}

#[tokio::test]
async fn a_burst_does_not_stay_with_a_member_that_does_not_acknowledge() {
    const MESSAGES: usize = 50;
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let _stuck = stuck(&host, "$share/group/burst", 2).await;
    let mut works = member(&host, V5, "works", "$share/group/burst", 1).await;
    // More at once than the one that works has done by then.
    for number in 0..MESSAGES {
        publisher.publish("burst", number.to_string(), 1).await;
    }
    for _ in 0..MESSAGES - 2 {
        works.receive().await;
    }
}

#[tokio::test]
async fn a_member_that_does_not_read_starves_nobody() {
    const MESSAGES: usize = 2000;
    const BYTES: usize = 16 * 1024;
    // Of `host/broker/src/limits.rs`: what is under way to one client at once.
    const INFLIGHT_MAX: usize = 256;
    let host = TestHost::start().await;
    let mut publisher = client(&host, V5, "publisher").await;
    let mut stuck = member(&host, V5, "stuck", "$share/group/heavy", 1).await;
    let mut works = member(&host, V5, "works", "$share/group/heavy", 1).await;
    let mut worked = 0;
    for _ in 0..MESSAGES {
        publisher.publish("heavy", vec![b'x'; BYTES], 1).await;
        worked += drain(&mut works).await.len();
    }
    while worked < MESSAGES - INFLIGHT_MAX {
        works.receive().await;
        worked += 1;
    }
    stuck.receive().await;
}
