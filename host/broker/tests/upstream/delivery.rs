//! What comes from the external broker, and when it is acknowledged.

use std::collections::BTreeSet;

use tidegate_broker::limits::{HOPS_MAX, UPSTREAM_RECEIVE_MAX};
use tidegate_broker::message::QoS;
use tidegate_broker::upstream::HOPS_PROPERTY;

use crate::device::Device;
use crate::eventually;
use crate::host::{Counter, Host, arrival, filters, settings, text};
use crate::memory_store::MemoryStore;
use crate::mosquitto::Mosquitto;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_acknowledged_when_it_was_handled() {
    let mosquitto = Mosquitto::start().await;
    // Nothing gets onto the disk.
    let store = MemoryStore::held();
    let settings = settings(mosquitto.address(), "host");
    let (host, inbox) = Host::start(settings, &store, &["sensors/+/temperature"]).await;
    let device = Device::new(mosquitto.address());
    device
        .publish_properties("sensors/küche/temperature", &[("unit", "°C")])
        .await;
    let arrival = arrival(&inbox).await;
    assert_eq!(host.state().unacknowledged, 1);
    let message = arrival.message();
    assert_eq!(message.topic.as_str(), "sensors/küche/temperature");
    assert_eq!(arrival.filter().as_str(), "sensors/+/temperature");
    assert_eq!(
        (message.qos, message.retain, message.hops),
        (QoS::AtLeastOnce, false, 0)
    );
    let properties = message.properties.expect("some");
    assert_eq!(
        properties.user_properties,
        [("unit".to_owned(), "°C".to_owned())]
    );
    arrival.handled();
    host.acknowledged().await;
    store.release();
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_acknowledged_when_it_is_on_disk() {
    let mosquitto = Mosquitto::start().await;
    let store = MemoryStore::held();
    let (host, inbox) = Host::start(settings(mosquitto.address(), "host"), &store, &["a"]).await;
    let device = Device::new(mosquitto.address());
    device.publish("a", "x").await;
    let arrival = arrival(&inbox).await;
    eventually("it is counted", async || {
        (host.state().unacknowledged == 1).then_some(())
    })
    .await;
    store.release();
    host.acknowledged().await;
    assert_eq!(store.deliveries(), 1);
    drop(arrival);
    host.stop().await;
    // It is not at the broker any more, and the function has it after a restart.
    let (host, inbox) = Host::start(settings(mosquitto.address(), "host"), &store, &["a"]).await;
    let counter = Counter::new(&inbox);
    device.publish("a", "last").await;
    counter.has_seen("last").await;
    assert_eq!(
        counter.seen(),
        [("last".to_owned(), 1), ("x".to_owned(), 1)].into()
    );
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn qos_0_comes_and_needs_no_acknowledgement() {
    let mosquitto = Mosquitto::start().await;
    let store = MemoryStore::held();
    let (host, inbox) = Host::start(settings(mosquitto.address(), "host"), &store, &["a"]).await;
    let other = Host::open(settings(mosquitto.address(), "other"), &MemoryStore::new()).await;
    let message = tidegate_broker::message::Message {
        qos: QoS::AtMostOnce,
        ..crate::host::message("a", "x")
    };
    other.broker.publish(message).await.expect("it is sent");
    let arrival = arrival(&inbox).await;
    assert!(arrival.is_volatile());
    assert_eq!(host.state().unacknowledged, 0);
    arrival.handled();
    store.release();
    host.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_function_has_a_message_once_however_many_filters_match() {
    let mosquitto = Mosquitto::start().await;
    let host = Host::open(settings(mosquitto.address(), "host"), &MemoryStore::new()).await;
    let functions: [(&str, &[&str]); 4] = [
        ("all", &["#"]),
        ("some", &["a/#"]),
        ("one", &["a/+"]),
        ("twice", &["a/b", "a/#", "+/b"]),
    ];
    let mut counters = Vec::new();
    for (name, filters) in functions {
        counters.push((name, Counter::new(&host.deploy(name, filters).await)));
    }
    let host = host.serve();
    host.connected().await;
    for (name, _) in &counters {
        host.broker.subscribed(name).await;
    }
    let device = Device::new(mosquitto.address());
    let mut expected = BTreeSet::new();
    for number in 0..100 {
        device.publish("a/b", format!("{number}")).await;
        expected.insert(format!("{number}"));
    }
    device.publish("a/b", "last").await;
    expected.insert("last".to_owned());
    host.acknowledged().await;
    for (name, counter) in &counters {
        counter.has_seen("last").await;
        let seen = counter.seen();
        assert_eq!(
            seen.keys().cloned().collect::<BTreeSet<_>>(),
            expected,
            "{name}"
        );
        assert_eq!(counter.repeated(), 0, "{name}: {seen:?}");
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_inbox_delays_acknowledgements_and_loses_nothing() {
    let mosquitto = Mosquitto::start().await;
    let host = Host::open(settings(mosquitto.address(), "host"), &MemoryStore::new()).await;
    let full = host.broker.subscribe("full", filters(&["full/#"]), 10);
    let free = host.broker.subscribe("free", filters(&["free"]), 10);
    let host = host.serve();
    host.connected().await;
    host.broker.subscribed("full").await;
    host.broker.subscribed("free").await;
    let free = Counter::new(&free);
    let device = Device::new(mosquitto.address());
    for number in 0..50 {
        device
            .publish(&format!("full/{}", number % 7), format!("{number}"))
            .await;
    }
    eventually("those without room wait", async || {
        (host.state().unacknowledged == 40).then_some(())
    })
    .await;
    // Others go past them, though they are acknowledged behind them.
    device.publish("free", "past").await;
    free.has_seen("past").await;
    assert_eq!(host.state().unacknowledged, 41);
    for number in 50..400 {
        device
            .publish(&format!("full/{}", number % 7), format!("{number}"))
            .await;
    }
    // Mosquitto sends a few more than it is asked to, at times.
    let bound = usize::from(UPSTREAM_RECEIVE_MAX)..usize::from(UPSTREAM_RECEIVE_MAX) + 10;
    eventually("as many come as may be under way", async || {
        bound.contains(&host.state().unacknowledged).then_some(())
    })
    .await;
    device.publish("nobodys", "x").await;
    assert!(bound.contains(&host.state().unacknowledged));
    assert_eq!(full.snapshot().depth, 10);

    // In the order of each topic.
    let mut last = [None; 7];
    for _ in 0..400 {
        let arrival = arrival(&full).await;
        let number: usize = text(&arrival).parse().expect("a number");
        assert!(last[number % 7] < Some(number), "{number} after {last:?}");
        last[number % 7] = Some(number);
        arrival.handled();
    }
    host.acknowledged().await;
    assert_eq!(full.snapshot().figures.dropped, 0);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_goes_round_is_stopped_and_kept() {
    let mosquitto = Mosquitto::start().await;
    let store = MemoryStore::new();
    let (host, inbox) = Host::start(settings(mosquitto.address(), "host"), &store, &["loop"]).await;
    host.broker
        .publish(crate::host::message("loop", "round"))
        .await
        .expect("it is published");
    // The function publishes each message again, as the host lets it: one hop further.
    for hops in 0..HOPS_MAX {
        let arrival = arrival(&inbox).await;
        let message = arrival.message();
        assert_eq!(message.hops, hops);
        assert!(
            message.properties.is_none(),
            "how far it has come is not shown"
        );
        let again = tidegate_broker::message::Message {
            hops: message.hops + 1,
            ..message
        };
        host.broker.publish(again).await.expect("it is published");
        arrival.handled();
    }
    // The host invokes nobody with it, but keeps it.
    let last = arrival(&inbox).await;
    assert_eq!((last.message().hops, last.is_volatile()), (HOPS_MAX, false));
    last.give_up("loop".to_owned());
    eventually("a dead letter", async || {
        let letters = host.broker.dead_letters(None, None, 10).await;
        letters.expect("the store works").pop()
    })
    .await;
    // A device cannot hide how far its message has come, and may well say so.
    let device = Device::new(mosquitto.address());
    device
        .publish_properties("loop", &[(HOPS_PROPERTY, "2"), (HOPS_PROPERTY, "0")])
        .await;
    assert_eq!(arrival(&inbox).await.message().hops, 2);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_share_the_messages() {
    let mosquitto = Mosquitto::start().await;
    let address = mosquitto.address();
    let (one, inbox) = Host::start(settings(address, "one"), &MemoryStore::new(), &["a/#"]).await;
    let first = Counter::new(&inbox);
    let (other, inbox) = Host::start(settings(address, "two"), &MemoryStore::new(), &["a/#"]).await;
    let second = Counter::new(&inbox);
    let device = Device::new(address);
    for number in 0..200 {
        device
            .publish(&format!("a/{}", number % 5), format!("{number}"))
            .await;
    }
    eventually("all are handled", async || {
        (first.len() + second.len() == 200).then_some(())
    })
    .await;
    for counter in [&first, &second] {
        assert!(counter.len() >= 20, "{} of 200", counter.len());
        assert_eq!(counter.repeated(), 0);
    }
    // What comes for one that ends is for the other.
    other.stop().await;
    assert_eq!(second.len() + first.len(), 200);
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_function_can_have_is_acknowledged_and_counted() {
    let mosquitto = Mosquitto::start().await;
    let (host, inbox) = Host::start(
        settings(mosquitto.address(), "host"),
        &MemoryStore::new(),
        &["#"],
    )
    .await;
    let device = Device::new(mosquitto.address());
    device.publish(&"deep/".repeat(50), "x").await;
    device.publish("a", "x").await;
    let arrival = arrival(&inbox).await;
    assert_eq!(arrival.message().topic.as_str(), "a");
    arrival.handled();
    host.acknowledged().await;
    assert_eq!(host.state().unsuitable, 1);
    host.stop().await;
}
