//! The broker without sockets: what functions get, what is stored, what is there again after a start.

pub(crate) mod store;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::time::timeout;

use crate::access::{Access, Authenticated, Credentials, Identity, Permissions};
use crate::inbox::{Arrival, InOrder, Inbox, InboxFilter};
use crate::limits::{HOPS_MAX, PAYLOAD_BYTES_MAX, RETAINED_BYTES_MAX, SIFT_AT_LEAST};
use crate::message::{Message, QoS};
use crate::router::RetainedFull;
use crate::{Broker, Disposal, PublishError, Settings};
use store::MemoryStore;

/// Longer than anything here takes.
const SOON: Duration = Duration::from_secs(30);

struct Anybody;

impl Access for Anybody {
    fn authenticate<'a>(&'a self, _: &'a Credentials) -> Authenticated<'a> {
        let permissions = Arc::new(ArcSwapOption::from_pointee(Permissions::all()));
        let identity = Identity {
            name: None,
            permissions,
            expires: None,
        };
        Box::pin(async move { Ok(identity) })
    }

    fn permissions(&self, _: &str) -> Option<Arc<Permissions>> {
        None
    }
}

async fn open(store: &MemoryStore) -> Broker {
    open_with(store, Duration::from_millis(1)).await
}

/// A broker that commits after this time.
async fn open_with(store: &MemoryStore, commit_delay: Duration) -> Broker {
    let settings = Settings {
        commit_delay,
        ..Settings::default()
    };
    let store = Arc::new(store.clone());
    let broker = Broker::open(store, Arc::new(Anybody), &settings).await;
    broker.expect("it opens")
}

fn message(topic: &str, payload: &str, qos: QoS) -> Message {
    let payload = payload.to_owned().into();
    Message::new(topic.parse().expect("a topic"), payload, qos)
}

fn filter(filter: &str, in_order: InOrder) -> InboxFilter {
    InboxFilter {
        filter: filter.parse().expect("a filter"),
        qos: QoS::AtLeastOnce,
        in_order,
    }
}

fn subscribe(broker: &Broker, topic: &str) -> Arc<Inbox> {
    broker.subscribe("f", vec![filter(topic, InOrder::PerTopic)], 100)
}

async fn next(inbox: &Arc<Inbox>) -> Arrival {
    timeout(SOON, inbox.next()).await.expect("a message soon")
}

async fn publish(broker: &Broker, topic: &str, payload: &str) {
    let published = broker.publish(message(topic, payload, QoS::AtLeastOnce));
    let published = timeout(SOON, published).await.expect("acknowledged soon");
    published.expect("published");
}

fn text(arrival: &Arrival) -> String {
    String::from_utf8_lossy(&arrival.message().payload).into_owned()
}

#[tokio::test]
async fn a_message_is_acknowledged_when_it_was_handled_and_never_stored() {
    let store = MemoryStore::default();
    // It would not be committed before the test has ended.
    let broker = open_with(&store, Duration::from_secs(3600)).await;
    let inbox = subscribe(&broker, "a/#");
    let handle = async {
        let arrival = next(&inbox).await;
        assert_eq!((text(&arrival).as_str(), arrival.attempt()), ("one", 1));
        arrival.handled();
    };
    tokio::join!(publish(&broker, "a/b", "one"), handle);
    broker.stop().await;
    assert_eq!(store.deliveries(), 0);
    assert_eq!(store.deliveries_ever(), 0);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let store = MemoryStore::default();
    let broker = open(&store).await;
    subscribe(&broker, "a/#");
    publish(&broker, "a/b", "one").await;
    publish(&broker, "a/b", "two").await;
    let crashed = store.copy();
    let again = open(&crashed).await;
    let inbox = subscribe(&again, "a/#");
    for expected in ["one", "two"] {
        let arrival = next(&inbox).await;
        assert_eq!(text(&arrival), expected);
        arrival.handled();
    }
    again.stop().await;
    assert_eq!(crashed.deliveries(), 0);
    assert_eq!(crashed.messages(), 0);
}

#[tokio::test]
async fn a_message_that_fails_holds_up_its_own_topic_only() {
    let broker = open(&MemoryStore::default()).await;
    let inbox = subscribe(&broker, "#");
    for (topic, payload) in [("bad", "1"), ("bad", "2"), ("good", "3")] {
        publish(&broker, topic, payload).await;
    }
    let first = next(&inbox).await;
    let id = first.id();
    assert_eq!(text(&first), "1");
    first.retry("no".to_owned(), Duration::from_millis(20));
    let good = next(&inbox).await;
    assert_eq!(text(&good), "3");
    good.handled();
    let again = next(&inbox).await;
    assert_eq!((again.id(), again.attempt()), (id, 2));
    again.handled();
    assert_eq!(text(&next(&inbox).await), "2");
}

#[tokio::test]
async fn attempts_and_their_pauses_survive_a_restart() {
    let store = MemoryStore::default();
    let broker = open(&store).await;
    let inbox = subscribe(&broker, "#");
    publish(&broker, "a", "1").await;
    let first = next(&inbox).await;
    first.retry("no".to_owned(), Duration::from_secs(3600));
    broker.stop().await;
    let again = open(&store).await;
    let inbox = subscribe(&again, "#");
    publish(&again, "b", "2").await;
    // What is due in an hour does not come before what came later.
    assert_eq!(text(&next(&inbox).await), "2");
    let snapshot = inbox.snapshot();
    assert_eq!((snapshot.depth, snapshot.failing), (2, 1));
}

#[tokio::test]
async fn a_full_inbox_holds_up_its_publisher_until_there_is_room() {
    let broker = open(&MemoryStore::default()).await;
    let one = vec![filter("a", InOrder::PerTopic)];
    let inbox = broker.subscribe("f", one, 1);
    publish(&broker, "a", "1").await;
    let waiting = broker.publish(message("a", "2", QoS::AtLeastOnce));
    let waiting = timeout(Duration::from_millis(50), waiting).await;
    assert!(waiting.is_err(), "there is no room");
    // A message of QoS 0 is dropped, and counted.
    let volatile = broker.publish(message("a", "3", QoS::AtMostOnce)).await;
    assert_eq!((volatile, inbox.snapshot().figures.dropped), (Ok(()), 1));
    let handle = async { next(&inbox).await.handled() };
    tokio::join!(publish(&broker, "a", "4"), handle);
    assert_eq!(text(&next(&inbox).await), "4");
}

#[tokio::test]
async fn messages_that_need_no_order_come_side_by_side() {
    let broker = open(&MemoryStore::default()).await;
    let inbox = broker.subscribe("f", vec![filter("a", InOrder::No)], 10);
    publish(&broker, "a", "1").await;
    publish(&broker, "a", "2").await;
    let both = [next(&inbox).await, next(&inbox).await];
    assert_eq!(both.map(|arrival| text(&arrival)), ["1", "2"]);
}

#[tokio::test]
async fn a_dead_letter_is_kept_retried_and_dropped() {
    let store = MemoryStore::default();
    let broker = open(&store).await;
    let inbox = subscribe(&broker, "a");
    publish(&broker, "a", "1").await;
    let arrival = next(&inbox).await;
    let id = arrival.id();
    arrival.give_up("it is poison".to_owned());
    broker.stop().await;
    assert_eq!((store.deliveries(), store.messages()), (0, 1));

    let again = open(&store).await;
    let inbox = subscribe(&again, "a");
    let letters = again.dead_letters(None, None, 10).await.expect("read");
    let letter = &letters[0];
    assert_eq!(format!("{:016x}", letter.record.message), id);
    let told = (letter.record.reason.as_str(), letter.record.attempts);
    assert_eq!(told, ("it is poison", 1));
    let number = letter.record.message;
    assert_eq!(again.retry_dead_letter("f", number).await, Ok(true));
    assert_eq!(again.retry_dead_letter("f", number).await, Ok(false));
    let arrival = next(&inbox).await;
    assert_eq!((arrival.id(), arrival.attempt()), (id, 1));
    arrival.give_up("still".to_owned());
    let dropped = async {
        while again.drop_dead_letter("f", number).await != Ok(true) {
            tokio::task::yield_now().await;
        }
    };
    let dropped = timeout(SOON, dropped).await;
    dropped.expect("it comes back as a dead letter");
    again.stop().await;
    assert_eq!((store.dead_letters(), store.messages()), (0, 0));
}

#[tokio::test]
async fn a_filter_that_is_renamed_neither_loses_nor_repeats_what_is_queued() {
    let broker = open(&MemoryStore::default()).await;
    let inbox = subscribe(&broker, "old");
    publish(&broker, "old", "1").await;
    let inbox_after = subscribe(&broker, "new");
    assert!(Arc::ptr_eq(&inbox, &inbox_after));
    publish(&broker, "old", "nobody's").await;
    publish(&broker, "new", "2").await;
    for expected in ["1", "2"] {
        let arrival = next(&inbox).await;
        assert_eq!(text(&arrival), expected);
        arrival.handled();
    }
    assert_eq!(inbox.snapshot().depth, 0);
}

#[tokio::test]
async fn an_inbox_that_is_kept_waits_for_its_function_and_one_that_is_dropped_does_not() {
    let store = MemoryStore::default();
    let broker = open(&store).await;
    subscribe(&broker, "a");
    publish(&broker, "a", "1").await;
    broker.close("f", Disposal::Keep);
    publish(&broker, "a", "nobody's").await;
    let inbox = subscribe(&broker, "a");
    let arrival = next(&inbox).await;
    assert_eq!(text(&arrival), "1");
    drop(arrival);
    broker.close("f", Disposal::Drop);
    assert!(broker.inbox("f").is_none());
    let inbox = subscribe(&broker, "a");
    publish(&broker, "a", "2").await;
    assert_eq!(text(&next(&inbox).await), "2");
    broker.stop().await;
    assert_eq!(store.deliveries(), 1);
}

#[tokio::test]
async fn retained_messages_come_once_for_each_filter_that_is_new() {
    let store = MemoryStore::default();
    let broker = open(&store).await;
    let retained = Message {
        retain: true,
        ..message("a/b", "kept", QoS::AtLeastOnce)
    };
    broker.publish(retained).await.expect("published");
    let inbox = subscribe(&broker, "a/#");
    let arrival = next(&inbox).await;
    assert_eq!(
        (text(&arrival).as_str(), arrival.message().retain),
        ("kept", true)
    );
    arrival.handled();
    subscribe(&broker, "a/#");
    broker.stop().await;
    let again = open(&store).await;
    let inbox = subscribe(&again, "a/#");
    assert_eq!(inbox.snapshot().depth, 0);
    // With another filter beside it, what that one matches comes, and nothing of the first one.
    let both = vec![
        filter("a/#", InOrder::PerTopic),
        filter("a/+", InOrder::PerTopic),
    ];
    again.subscribe("f", both, 10);
    let arrival = next(&inbox).await;
    assert_eq!(
        (text(&arrival).as_str(), arrival.filter().as_str()),
        ("kept", "a/+")
    );
    arrival.handled();
    assert_eq!(inbox.snapshot().depth, 0);
}

#[tokio::test]
async fn nobody_is_acknowledged_while_nothing_can_be_stored() {
    let store = MemoryStore::default();
    let broker = open(&store).await;
    let inbox = subscribe(&broker, "a");
    store.fail();
    let waiting = broker.publish(message("a", "1", QoS::AtLeastOnce));
    tokio::pin!(waiting);
    let early = timeout(Duration::from_millis(100), &mut waiting).await;
    assert!(early.is_err(), "it is nowhere yet");
    // What is handled needs no disk.
    let arrival = next(&inbox).await;
    arrival.handled();
    timeout(SOON, &mut waiting)
        .await
        .expect("handled")
        .expect("published");
    let later = broker.publish(message("a", "2", QoS::AtLeastOnce));
    tokio::pin!(later);
    let early = timeout(Duration::from_millis(100), &mut later).await;
    assert!(early.is_err(), "it is nowhere yet");
    assert!(broker.figures().spool.is_failing);
    store.recover();
    timeout(SOON, &mut later)
        .await
        .expect("stored")
        .expect("published");
    assert!(!broker.figures().spool.is_failing);
    assert_eq!(store.deliveries(), 1);
}

#[tokio::test]
async fn a_message_that_goes_round_is_stored_whatever_its_level() {
    let store = MemoryStore::default();
    let broker = open(&store).await;
    let inbox = subscribe(&broker, "a");
    let looping = Message {
        hops: HOPS_MAX,
        ..message("a", "1", QoS::AtMostOnce)
    };
    broker.publish(looping).await.expect("published");
    let arrival = next(&inbox).await;
    assert!(!arrival.is_volatile());
    arrival.give_up("loop".to_owned());
    broker.stop().await;
    assert_eq!(store.dead_letters(), 1);
}

#[tokio::test]
async fn what_was_handled_does_not_wait_for_a_disk_that_is_full() {
    let store = MemoryStore::default();
    let broker = open(&store).await;
    let inbox = subscribe(&broker, "a");
    store.fail();
    // Something that cannot be stored, so that commits begin to fail.
    let stuck = Message {
        retain: true,
        ..message("kept", "1", QoS::AtLeastOnce)
    };
    let stuck = tokio::spawn({
        let broker = broker.clone();
        async move { broker.publish(stuck).await }
    });
    for number in 0..3 * SIFT_AT_LEAST {
        let handle = async { next(&inbox).await.handled() };
        tokio::join!(publish(&broker, "a", "handled"), handle);
        let newer = Message {
            retain: true,
            ..message("newest", &number.to_string(), QoS::AtMostOnce)
        };
        broker.publish(newer).await.expect("published");
    }
    let waiting = broker.figures().spool.waiting;
    assert!(waiting <= SIFT_AT_LEAST + 2, "{waiting}");
    store.recover();
    let stuck = timeout(SOON, stuck).await.expect("soon");
    assert_eq!(stuck.expect("no panic"), Ok(()));
}

#[tokio::test]
async fn a_broker_that_cannot_store_stops_all_the_same() {
    let store = MemoryStore::default();
    let broker = open(&store).await;
    subscribe(&broker, "a");
    store.fail();
    let waiting = broker.publish(message("a", "1", QoS::AtLeastOnce));
    let waiting = timeout(Duration::from_millis(100), waiting).await;
    assert!(waiting.is_err(), "it is nowhere yet");
    timeout(SOON, broker.stop()).await.expect("it stops");
}

#[tokio::test]
async fn where_nothing_more_is_retained_a_message_is_refused_or_delivered() {
    let broker = open(&MemoryStore::default()).await;
    let inbox = subscribe(&broker, "a/#");
    let large = |number: usize| Message {
        retain: true,
        payload: vec![0; PAYLOAD_BYTES_MAX].into(),
        ..message(&format!("b/{number}"), "", QoS::AtMostOnce)
    };
    for number in 0..RETAINED_BYTES_MAX / PAYLOAD_BYTES_MAX {
        broker.publish(large(number)).await.expect("published");
    }
    let one_more = Message {
        retain: true,
        payload: vec![0; PAYLOAD_BYTES_MAX].into(),
        ..message("a/b", "", QoS::AtLeastOnce)
    };
    let refused = broker.publish(one_more.clone()).await;
    assert_eq!(refused, Err(PublishError::RetainedFull));
    assert_eq!(inbox.snapshot().depth, 0);
    let untold = broker.0.publish(one_more, RetainedFull::Deliver);
    let handle = async { next(&inbox).await.handled() };
    let (published, ()) = tokio::join!(untold, handle);
    assert_eq!(published, Ok(()));
}

#[test]
fn a_connection_takes_little_memory_while_it_is_idle() {
    fn size<A, B, C, D, E, F>(_: impl FnOnce(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }
    let bytes = size(crate::connection::serve);
    assert!(bytes <= 2048, "{bytes}");
}
