//! Hosts and brokers that end and come back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tidegate_broker::message::{Message, QoS};
use tidegate_broker::upstream::Grant;

use crate::device::Device;
use crate::eventually;
use crate::host::{Counter, Host, arrival, message, settings, text};
use crate::memory_store::MemoryStore;
use crate::mosquitto::Mosquitto;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_handled_comes_again_after_a_crash() {
    let mosquitto = Mosquitto::start().await;
    let address = mosquitto.address();
    let device = Device::new(address);
    // A host with a runtime of its own: what ends with that ends without a word.
    let crashing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let store = MemoryStore::held();
            let (host, inbox) = Host::start(settings(address, "host"), &store, &["a"]).await;
            for payload in ["handled", "not handled"] {
                let message = message("a", payload);
                host.broker.publish(message).await.expect("it is published");
            }
            let first = arrival(&inbox).await;
            assert_eq!(text(&first), "handled");
            first.handled();
            let second = arrival(&inbox).await;
            eventually("the first one is acknowledged", async || {
                (host.state().unacknowledged == 1).then_some(())
            })
            .await;
            drop(second);
        });
        runtime.shutdown_background();
    });
    tokio::task::spawn_blocking(|| crashing.join())
        .await
        .expect("a thread")
        .expect("no panic");
    let (host, inbox) = Host::start(settings(address, "host"), &MemoryStore::new(), &["a"]).await;
    let again = arrival(&inbox).await;
    assert_eq!(text(&again), "not handled");
    again.handled();
    let counter = Counter::new(&inbox);
    device.publish("a", "last").await;
    counter.has_seen("last").await;
    assert_eq!(counter.len(), 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_the_host_is_off_waits_for_it() {
    let mosquitto = Mosquitto::start().await;
    let (address, store) = (mosquitto.address(), MemoryStore::new());
    let (host, _) = Host::start(settings(address, "host"), &store, &["a/#", "a/b"]).await;
    host.stop().await;
    let device = Device::new(address);
    for number in 0..300 {
        assert_eq!(device.publish("a/b", format!("{number}")).await, Some(true));
    }
    // Its subscriptions have the same identifiers, though it has others as well by now.
    let (host, inbox) =
        Host::start(settings(address, "host"), &store, &["0", "a/b", "a/#", "b"]).await;
    let counter = Counter::new(&inbox);
    eventually("all are handled", async || {
        (counter.len() == 300).then_some(())
    })
    .await;
    host.acknowledged().await;
    assert_eq!(counter.repeated(), 0);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_on_its_way_through_a_function_is_not_given_to_it_again_after_a_reconnect()
 {
    let mut mosquitto = Mosquitto::persistent().await;
    // Nothing is acknowledged before it was handled.
    let store = MemoryStore::held();
    let (host, inbox) = Host::start(settings(mosquitto.address(), "host"), &store, &["a"]).await;
    let device = Device::new(mosquitto.address());
    device.publish("a", "x").await;
    let first = arrival(&inbox).await;
    mosquitto.restart().await;
    eventually("the host is connected again", async || {
        let state = host.state();
        (state.is_connected && state.connects == 4).then_some(())
    })
    .await;
    eventually("it was sent again", async || {
        (host.state().unacknowledged == 1).then_some(())
    })
    .await;
    first.handled();
    host.acknowledged().await;
    let counter = Counter::new(&inbox);
    device.publish("a", "last").await;
    counter.has_seen("last").await;
    assert_eq!(counter.len(), 1, "{:?}", counter.seen());
    store.release();
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_broker_has_lost_is_subscribed_to_anew() {
    let mut mosquitto = Mosquitto::persistent().await;
    let (host, inbox) = Host::start(
        settings(mosquitto.address(), "host"),
        &MemoryStore::new(),
        &["a", "b/+"],
    )
    .await;
    let counter = Counter::new(&inbox);
    mosquitto.stop().await;
    mosquitto.forget();
    mosquitto.start_again().await;
    eventually("the host is connected again", async || {
        let state = host.state();
        (state.is_connected && state.connects == 4).then_some(())
    })
    .await;
    host.broker.subscribed("function").await;
    let device = Device::new(mosquitto.address());
    for topic in ["a", "b/c"] {
        assert_eq!(device.publish(topic, topic).await, Some(true));
        counter.has_seen(topic).await;
    }
    host.broker
        .publish(message("a", "own"))
        .await
        .expect("it is published");
    counter.has_seen("own").await;
    host.stop().await;
}

/// Publishes one number after another until it is over: those that were acknowledged to have somebody to go to.
fn publish_numbers(
    name: &'static str,
    is_over: &Arc<AtomicBool>,
    publish: impl AsyncFn(String, String) -> bool + 'static,
) -> impl Future<Output = Vec<String>> {
    let is_over = is_over.clone();
    async move {
        let mut acknowledged = Vec::new();
        for number in 0_u64.. {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            let payload = format!("{name} {number}");
            let topic = format!("{name}/{}", number % 10);
            if publish(topic, payload.clone()).await {
                acknowledged.push(payload);
            }
        }
        acknowledged
    }
}

/// Restarts Mosquitto a few times, while `count` says that messages flow. The gate is closed until the host is back.
async fn restart_often(
    mosquitto: &mut Mosquitto,
    host: &Host,
    gate: &tokio::sync::Mutex<()>,
    count: impl Fn() -> usize,
) {
    for round in 0..4 {
        let before = count();
        eventually("messages flow", async || {
            (count() >= before + 300).then_some(())
        })
        .await;
        let _closed = gate.lock().await;
        mosquitto.restart().await;
        eventually("the host is back", async || {
            let state = host.state();
            let mut subscriptions = state.subscriptions.iter();
            let are_granted = subscriptions.all(|one| one.grant == Grant::Granted);
            (state.connects >= 4 + 2 * round && are_granted).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_of_the_broker_under_load_lose_nothing_that_comes() {
    let mut mosquitto = Mosquitto::persistent().await;
    let address = mosquitto.address();
    let (host, inbox) =
        Host::start(settings(address, "host"), &MemoryStore::new(), &["in/#"]).await;
    let counter = Counter::new(&inbox);
    let is_over = Arc::new(AtomicBool::new(false));
    let device = Device::new(address);
    // Mosquitto forgets shared subscriptions when it is restarted: what is published until the host is back is nobody's.
    let gate = Arc::new(tokio::sync::Mutex::new(()));
    let open = gate.clone();
    let publish = async move |topic: String, payload: String| {
        let _open = open.lock().await;
        device.publish(&topic, payload).await == Some(true)
    };
    let publisher = publish_numbers("in", &is_over, publish);
    let restarts = async {
        restart_often(&mut mosquitto, &host, &gate, || counter.len()).await;
        is_over.store(true, Ordering::Relaxed);
    };
    let (acknowledged, ()) = tokio::join!(publisher, restarts);
    eventually("all of them are handled", async || {
        let seen = counter.seen();
        let missing = acknowledged
            .iter()
            .filter(|payload| !seen.contains_key(*payload));
        (missing.count() == 0).then_some(())
    })
    .await;
    host.acknowledged().await;
    println!(
        "{} messages, {} came twice",
        acknowledged.len(),
        counter.repeated()
    );
    host.stop().await;
}

/// Counts a message; again only if it does not say that it is sent again.
fn note(seen: &Mutex<BTreeMap<String, usize>>, message: &rumqttc::Publish) {
    let payload = String::from_utf8_lossy(&message.payload).into_owned();
    let mut seen = seen.lock().expect("no panic");
    let count = seen.entry(payload).or_default();
    if *count == 0 || !message.dup {
        *count += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_of_the_broker_under_load_lose_nothing_that_goes_out() {
    let mut mosquitto = Mosquitto::persistent().await;
    let address = mosquitto.address();
    let host = Host::open(settings(address, "host"), &MemoryStore::new())
        .await
        .serve();
    host.connected().await;
    let mut device = Device::new(address);
    device.subscribe("#", rumqttc::QoS::AtLeastOnce).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let publisher = |name, qos| {
        let broker = host.broker.clone();
        publish_numbers(
            name,
            &is_over,
            async move |topic: String, payload: String| {
                let message = Message {
                    qos,
                    ..message(&topic, payload)
                };
                broker.publish(message).await.is_ok()
            },
        )
    };
    let (once, least) = (
        publisher("once", QoS::ExactlyOnce),
        publisher("least", QoS::AtLeastOnce),
    );
    let seen = Mutex::new(BTreeMap::<String, usize>::new());
    let count = || seen.lock().expect("no panic").len();
    let restarts = async {
        restart_often(&mut mosquitto, &host, &tokio::sync::Mutex::default(), count).await;
        is_over.store(true, Ordering::Relaxed);
    };
    let (once, least) = {
        let published = async { tokio::join!(once, least, restarts) };
        tokio::pin!(published);
        loop {
            tokio::select! {
                (once, least, ()) = &mut published => break (once, least),
                got = device.message() => note(&seen, &got),
            }
        }
    };
    host.broker
        .publish(message("last", "last"))
        .await
        .expect("it is published");
    while !seen.lock().expect("no panic").contains_key("last") {
        note(&seen, &device.message().await);
    }
    let seen = seen.into_inner().expect("no panic");
    for payload in once.iter().chain(&least) {
        assert!(seen.contains_key(payload), "{payload} is lost");
    }
    let repeated = seen.iter().filter(|(_, count)| **count > 1);
    let repeated: Vec<&String> = repeated.map(|(payload, _)| payload).collect();
    println!(
        "{} messages, {} came twice",
        once.len() + least.len(),
        repeated.len()
    );
    assert!(
        !repeated.iter().any(|payload| payload.starts_with("once")),
        "{repeated:?}"
    );
    host.stop().await;
}
