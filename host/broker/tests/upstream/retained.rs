//! Retained messages of the external broker.

use tidegate_broker::upstream::AskRetained;

use crate::device::Device;
use crate::eventually;
use crate::host::{Counter, Host, arrival, settings, text};
use crate::memory_store::MemoryStore;
use crate::mosquitto::Mosquitto;

#[tokio::test(flavor = "multi_thread")]
async fn a_function_has_the_retained_messages_of_a_new_filter_once() {
    let mosquitto = Mosquitto::start().await;
    let (address, store) = (mosquitto.address(), MemoryStore::new());
    let device = Device::new(address);
    for number in 0..100 {
        device
            .retain(&format!("state/{number}"), format!("{number}"))
            .await;
    }
    let (host, inbox) = Host::start(settings(address, "host"), &store, &["state/+"]).await;
    // A live message meanwhile comes once as well.
    device.publish("state/live", "live").await;
    let mut seen = Vec::new();
    for _ in 0..101 {
        let arrival = arrival(&inbox).await;
        let message = arrival.message();
        assert_eq!(message.retain, text(&arrival) != "live");
        seen.push(text(&arrival));
        arrival.handled();
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 101);

    let other = host.deploy("other", &["state/7", "state/8"]).await;
    let other = Counter::new(&other);
    other.has_seen("7").await;
    other.has_seen("8").await;
    eventually("it is known on disk", async || {
        let stored = tidegate_broker::store::Store::load(&store).await;
        let inboxes = stored.expect("the store works").inboxes;
        let known: usize = inboxes.iter().map(|inbox| inbox.filters.len()).sum();
        (known == 3).then_some(())
    })
    .await;
    host.stop().await;

    // After a restart, only those of a filter that is new.
    let (host, inbox) =
        Host::start(settings(address, "host"), &store, &["state/+", "state/9"]).await;
    let counter = Counter::new(&inbox);
    counter.has_seen("9").await;
    device.publish("state/live", "last").await;
    counter.has_seen("last").await;
    assert_eq!(counter.len(), 2, "{:?}", counter.seen());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_can_be_told_that_another_one_asks() {
    let mosquitto = Mosquitto::start().await;
    let device = Device::new(mosquitto.address());
    device.retain("state", "retained").await;
    let mut settings = settings(mosquitto.address(), "host");
    settings.retained = AskRetained::No;
    let store = MemoryStore::new();
    let (host, inbox) = Host::start(settings.clone(), &store, &["state"]).await;
    let counter = Counter::new(&inbox);
    device.publish("state", "live").await;
    counter.has_seen("live").await;
    host.stop().await;
    settings.retained = AskRetained::Yes;
    let (host, inbox) = Host::start(settings, &store, &["state"]).await;
    let again = Counter::new(&inbox);
    device.publish("state", "last").await;
    again.has_seen("last").await;
    assert_eq!((counter.len(), again.len()), (1, 1), "it was known before");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_messages_are_asked_for_again_where_the_broker_was_lost_meanwhile() {
    let mut mosquitto = Mosquitto::persistent().await;
    let device = Device::new(mosquitto.address());
    device.retain("state", "retained").await;
    mosquitto.stop().await;
    let host = Host::open(settings(mosquitto.address(), "host"), &MemoryStore::new())
        .await
        .serve();
    let inbox = host.deploy("function", &["state"]).await;
    mosquitto.start_again().await;
    let arrival = arrival(&inbox).await;
    assert!(arrival.message().retain);
    arrival.handled();
    host.stop().await;
}
