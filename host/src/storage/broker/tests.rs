//! What was committed comes back, once, in order, or not at all.

mod commits;
mod dead_letters;

use bytes::Bytes;
use tempfile::TempDir;
use tidegate_broker::message::{Message, Properties, QoS, from_unix_ms};
use tidegate_broker::store::{
    AttemptsRecord, Change, DeadLetter, DeadLetterRecord, DeliveryRecord, InboxRecord, MessageId,
    SessionRecord, Store as _, Stored, StoredMessage, SubscriptionRecord, TakerId,
};

use super::BrokerStore;
use crate::storage::database::Database;

/// A data directory with a store that can be opened anew.
struct Kept {
    directory: TempDir,
    database: Database,
    store: BrokerStore,
}

impl Kept {
    fn new() -> Kept {
        let directory = TempDir::new().expect("a directory");
        let database = Database::open(directory.path()).expect("a database");
        Kept {
            store: BrokerStore::new(database.clone()),
            database,
            directory,
        }
    }

    async fn commit(&self, changes: &[Change]) {
        let committed = self.store.commit(changes.into()).await;
        committed.expect("committed");
    }

    /// What the next host has of it.
    async fn restarted(self) -> (Kept, Stored) {
        let Kept { directory, .. } = self;
        let database = Database::open(directory.path()).expect("a database");
        let store = BrokerStore::new(database.clone());
        let stored = store.load().await.expect("loaded");
        let kept = Kept {
            directory,
            database,
            store,
        };
        (kept, stored)
    }

    /// Numbers of rows: of messages, deliveries and dead letters.
    async fn rows(&self) -> [i64; 3] {
        let count = |db: &rusqlite::Connection| {
            let tables = ["broker_message", "broker_delivery", "broker_dead_letter"];
            let mut counts = [0; 3];
            for (count, table) in counts.iter_mut().zip(tables) {
                let all = format!("SELECT count(*) FROM {table}");
                *count = db.query_row(&all, [], |row| row.get(0))?;
            }
            Ok(counts)
        };
        self.database.read(count).await.expect("counted")
    }

    async fn execute(&self, statements: &'static str) {
        let run = |db: &rusqlite::Connection| Ok(db.execute_batch(statements)?);
        self.database.write(run).await.expect("executed");
    }

    async fn dead_letters(&self, function: Option<&str>) -> Vec<DeadLetter> {
        let function = function.map(str::to_owned);
        let listed = self.store.dead_letters(function, None, usize::MAX).await;
        listed.expect("listed")
    }
}

/// What a store that had these changes gives back after a restart.
async fn after(changes: &[Change]) -> Stored {
    let kept = Kept::new();
    kept.commit(changes).await;
    kept.restarted().await.1
}

fn text(stored: &Stored) -> String {
    format!("{stored:#?}")
}

fn message(topic: &str) -> Message {
    let topic = topic.parse().expect("a topic");
    Message::new(topic, Bytes::from_static(b"payload"), QoS::AtLeastOnce)
}

/// One with everything that a message may have.
fn full_message() -> Message {
    // Milliseconds are what is kept.
    let expires = from_unix_ms(1_900_000_000_123);
    Message {
        payload: Bytes::from_static(b"\0\xff"),
        qos: QoS::ExactlyOnce,
        retain: true,
        hops: 7,
        expires: Some(expires),
        properties: Some(Box::new(Properties {
            is_text: true,
            content_type: Some("text/plain".to_owned()),
            response_topic: Some("answers".to_owned()),
            correlation_data: Some(vec![0, 255]),
            user_properties: vec![
                ("a".to_owned(), "1".to_owned()),
                ("a".to_owned(), String::new()),
            ],
        })),
        ..message("sensors/küche")
    }
}

fn stored_message(id: MessageId) -> Change {
    let message = message("a/b");
    Change::Message(StoredMessage { id, message })
}

fn session(taker: TakerId) -> SessionRecord {
    SessionRecord {
        taker,
        client_id: format!("client {taker}"),
        identity: None,
        expiry_seconds: u32::MAX,
        disconnected_ms: None,
        will: None,
    }
}

fn subscription(filter: &str) -> SubscriptionRecord {
    SubscriptionRecord {
        filter: filter.to_owned(),
        qos: QoS::AtMostOnce,
        no_local: false,
        retain_as_published: false,
        identifier: None,
    }
}

fn delivery(taker: TakerId, message: MessageId) -> DeliveryRecord {
    DeliveryRecord {
        taker,
        message,
        qos: QoS::AtLeastOnce,
        retain: false,
        identifiers: Vec::new(),
        packet_id: None,
        is_released: false,
        filter: None,
        attempts: AttemptsRecord::default(),
    }
}

fn inbox(taker: TakerId, function: &str) -> InboxRecord {
    InboxRecord {
        taker,
        function: function.to_owned(),
        filters: Vec::new(),
    }
}

fn dead_letter(taker: TakerId, message: MessageId) -> DeadLetterRecord {
    DeadLetterRecord {
        taker,
        message,
        filter: "a/+".parse().expect("a filter"),
        qos: QoS::ExactlyOnce,
        reason: "it trapped".to_owned(),
        attempts: 3,
        first_ms: None,
        last_ms: 5,
    }
}

#[tokio::test]
async fn nothing_comes_back_where_nothing_was() {
    assert_eq!(text(&after(&[]).await), text(&Stored::default()));
}

#[tokio::test]
async fn sessions_come_back_as_they_were_last() {
    let connected = SessionRecord {
        identity: Some("device".to_owned()),
        will: Some((full_message(), 9)),
        ..session(1)
    };
    let parted = SessionRecord {
        client_id: String::new(),
        disconnected_ms: Some(1_700_000_000_000),
        will: Some((message("will"), 0)),
        ..session(2)
    };
    let changes = [
        Change::Session(connected.clone()),
        Change::Session(SessionRecord {
            will: Some((full_message(), 1)),
            identity: Some("x".to_owned()),
            ..session(2)
        }),
        Change::Session(parted.clone()),
        Change::Session(SessionRecord {
            will: Some((message("gone"), 1)),
            ..session(3)
        }),
        Change::Session(session(3)),
    ];
    assert_eq!(
        after(&changes).await.sessions,
        [connected, parted, session(3)]
    );
}

#[tokio::test]
async fn a_session_goes_with_all_that_is_its_own() {
    let of = |taker| {
        [
            Change::Session(session(taker)),
            Change::Subscribed(taker, subscription("a")),
            Change::Received(taker, 1),
            Change::Delivery(delivery(taker, 10)),
        ]
    };
    let mut changes = vec![stored_message(10)];
    changes.extend([of(1), of(2)].concat());
    changes.push(Change::SessionEnded(1));
    let stored = after(&changes).await;
    assert_eq!(stored.sessions, [session(2)]);
    assert_eq!(stored.subscriptions, [(2, subscription("a"))]);
    assert_eq!(stored.received, [(2, 1)]);
    assert_eq!(stored.deliveries, [delivery(2, 10)]);
    assert_eq!(stored.messages.len(), 1);
}

#[tokio::test]
async fn subscriptions_replace_those_of_the_same_filter() {
    let full = SubscriptionRecord {
        filter: "$share/g/a".to_owned(),
        qos: QoS::ExactlyOnce,
        no_local: true,
        retain_as_published: true,
        identifier: Some(268_435_455),
    };
    let local = SubscriptionRecord {
        no_local: true,
        ..subscription("local")
    };
    let retaining = SubscriptionRecord {
        retain_as_published: true,
        ..subscription("retaining")
    };
    let changes = [
        Change::Session(session(1)),
        Change::Session(session(2)),
        Change::Session(session(3)),
        // Nobody's.
        Change::Subscribed(4, subscription("a")),
        Change::Subscribed(1, full.clone()),
        Change::Subscribed(
            1,
            SubscriptionRecord {
                filter: "a".to_owned(),
                ..full.clone()
            },
        ),
        Change::Subscribed(1, subscription("a")),
        Change::Subscribed(1, subscription("b")),
        Change::Subscribed(2, subscription("b")),
        Change::Unsubscribed(1, "b".to_owned()),
        Change::Unsubscribed(1, "never".to_owned()),
        Change::Subscribed(3, local.clone()),
        Change::Subscribed(3, retaining.clone()),
    ];
    let expected = [
        (1, full),
        (1, subscription("a")),
        (2, subscription("b")),
        (3, local),
        (3, retaining),
    ];
    assert_eq!(after(&changes).await.subscriptions, expected);
}

#[tokio::test]
async fn packet_ids_are_kept_until_they_are_released() {
    let changes = [
        Change::Session(session(1)),
        Change::Session(session(2)),
        // Nobody's.
        Change::Received(3, 1),
        Change::Received(1, 65_535),
        Change::Received(1, 1),
        Change::Received(2, 1),
        Change::Received(1, 1),
        Change::ReceivedReleased(1, 1),
        Change::ReceivedReleased(1, 2),
    ];
    assert_eq!(after(&changes).await.received, [(1, 65_535), (2, 1)]);
}

#[tokio::test]
async fn the_last_retained_message_of_a_topic_is_kept() {
    let full = full_message();
    let topic = full.topic.as_str().to_owned();
    let changes = [
        Change::Retained(message("a")),
        Change::RetainedCleared("a".to_owned()),
        Change::Retained(message("b")),
        Change::RetainedCleared("b".to_owned()),
        Change::Retained(message("b")),
        Change::Retained(message(&topic)),
        Change::Retained(full.clone()),
        Change::RetainedCleared("never".to_owned()),
    ];
    let mut stored = after(&changes).await;
    stored
        .retained
        .sort_by(|one, other| one.topic.cmp(&other.topic));
    assert_eq!(stored.retained, [message("b"), full]);
}

#[tokio::test]
async fn messages_wait_in_their_order_until_they_are_settled() {
    let full = StoredMessage {
        id: 1 << 60,
        message: full_message(),
    };
    let of_session = DeliveryRecord {
        qos: QoS::ExactlyOnce,
        retain: true,
        identifiers: vec![1, 268_435_455],
        packet_id: Some(65_535),
        is_released: true,
        ..delivery(1, full.id)
    };
    let of_inbox = DeliveryRecord {
        filter: Some("sensors/#".parse().expect("a filter")),
        attempts: AttemptsRecord {
            failed: 2,
            first_ms: Some(1),
            last_ms: Some(2),
            due_ms: Some(3),
            reason: Some("it trapped".to_owned()),
        },
        ..delivery(2, full.id)
    };
    let changes = [
        Change::Session(session(1)),
        Change::Inbox(inbox(2, "f")),
        Change::Message(full.clone()),
        Change::Delivery(delivery(1, full.id)),
        Change::Delivery(of_session.clone()),
        Change::Delivery(of_inbox.clone()),
        stored_message(20),
        Change::Delivery(delivery(1, 20)),
        stored_message(10),
        Change::Delivery(delivery(1, 10)),
        Change::Delivery(delivery(2, 10)),
        Change::Settled(2, 10),
        stored_message(30),
        Change::Delivery(delivery(2, 30)),
        Change::Settled(2, 30),
    ];
    let stored = after(&changes).await;
    let expected = [delivery(1, 10), delivery(1, 20), of_session, of_inbox];
    assert_eq!(stored.deliveries, expected);
    let ids: Vec<MessageId> = stored.messages.iter().map(|stored| stored.id).collect();
    assert_eq!(ids, [10, 20, full.id]);
    assert_eq!(stored.messages[2], full);
    assert_eq!(stored.message_max, full.id);
}

#[tokio::test]
async fn a_message_goes_with_the_last_that_refers_to_it() {
    let kept = Kept::new();
    kept.commit(&[
        Change::Session(session(1)),
        Change::Inbox(inbox(2, "f")),
        Change::Inbox(inbox(3, "g")),
        stored_message(10),
        Change::Delivery(delivery(1, 10)),
        Change::Delivery(delivery(2, 10)),
        Change::Delivery(delivery(3, 10)),
    ])
    .await;
    for (change, rows) in [
        (Change::DeadLetter(dead_letter(2, 10)), [1, 2, 1]),
        (Change::Settled(1, 10), [1, 1, 1]),
        (Change::Settled(1, 10), [1, 1, 1]),
        (Change::DeadLetter(dead_letter(3, 10)), [1, 0, 2]),
        (Change::DeadLetterGone(3, 10), [1, 0, 1]),
        (Change::InboxGone(2), [0, 0, 0]),
        (stored_message(11), [1, 0, 0]),
        (Change::Delivery(delivery(1, 11)), [1, 1, 0]),
        // It may be there already.
        (stored_message(11), [1, 1, 0]),
        (Change::Settled(1, 11), [0, 0, 0]),
        (stored_message(12), [1, 0, 0]),
        (Change::DeadLetter(dead_letter(3, 12)), [1, 0, 1]),
        (Change::DeadLetterGone(3, 12), [0, 0, 0]),
    ] {
        kept.commit(std::slice::from_ref(&change)).await;
        assert_eq!(kept.rows().await, rows, "after {change:?}");
    }
}

#[tokio::test]
async fn ids_of_takers_are_known_after_the_takers_are_gone() {
    let changes = [
        Change::Session(session(1)),
        Change::Inbox(inbox(3, "f")),
        Change::InboxGone(3),
        Change::Session(session(2)),
        Change::SessionEnded(2),
    ];
    let (kept, stored) = {
        let kept = Kept::new();
        kept.commit(&changes).await;
        kept.restarted().await
    };
    assert_eq!(stored.taker_max, 3);
    kept.commit(&[Change::Session(session(2)), Change::Session(session(7))])
        .await;
    assert_eq!(kept.restarted().await.1.taker_max, 7);
}

#[tokio::test]
async fn inboxes_come_back_with_the_filters_that_they_had_last() {
    let with = |taker, filters: &[&str]| InboxRecord {
        filters: filters
            .iter()
            .map(|filter| filter.parse().expect("a filter"))
            .collect(),
        ..inbox(taker, "f")
    };
    let changes = [
        Change::Inbox(with(1, &["a"])),
        Change::Inbox(with(1, &["b/+", "#"])),
        Change::Inbox(with(2, &[])),
        Change::Inbox(with(3, &["c"])),
        Change::InboxGone(3),
    ];
    assert_eq!(
        after(&changes).await.inboxes,
        [with(1, &["b/+", "#"]), with(2, &[])]
    );
}
