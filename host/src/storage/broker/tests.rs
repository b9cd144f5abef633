//! What was committed comes back, once, in order, or not at all.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tempfile::TempDir;
use tidegate_broker::limits::DEAD_LETTERS_MAX;
use tidegate_broker::message::{Message, Properties, QoS, from_unix_ms, unix_ms};
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
    let expires = from_unix_ms(unix_ms(SystemTime::now() + Duration::from_secs(60)));
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
        Change::MessageForgotten(30),
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

#[tokio::test]
async fn dead_letters_take_the_place_of_their_deliveries() {
    let first = DeadLetterRecord {
        first_ms: Some(4),
        qos: QoS::AtLeastOnce,
        ..dead_letter(1, 10)
    };
    let kept = Kept::new();
    kept.commit(&[
        Change::Inbox(inbox(1, "f")),
        Change::Inbox(inbox(2, "g")),
        Change::Message(StoredMessage {
            id: 10,
            message: full_message(),
        }),
        stored_message(20),
        Change::Delivery(delivery(1, 10)),
        Change::DeadLetter(first.clone()),
        Change::DeadLetter(dead_letter(2, 10)),
        Change::Delivery(delivery(1, 20)),
        Change::DeadLetter(dead_letter(1, 20)),
        Change::DeadLetterGone(1, 20),
        Change::Delivery(delivery(1, 20)),
    ])
    .await;
    let (kept, stored) = kept.restarted().await;
    assert_eq!(stored.deliveries, [delivery(1, 20)]);
    assert_eq!(stored.dead_letters, [(1, 10), (2, 10)]);
    let ids: Vec<MessageId> = stored.messages.iter().map(|stored| stored.id).collect();
    assert_eq!(ids, [20], "not those of dead letters");
    assert_eq!(stored.message_max, 20);

    let expected = DeadLetter {
        function: "f".to_owned(),
        record: first,
        message: full_message(),
    };
    assert_eq!(kept.dead_letters(Some("f")).await, [expected.clone()]);
    let one = |function: &str, message| kept.store.dead_letter(function.to_owned(), message);
    assert_eq!(one("f", 10).await.expect("read"), Some(expected));
    assert_eq!(
        one("g", 10)
            .await
            .expect("read")
            .map(|one| one.function)
            .as_deref(),
        Some("g")
    );
    assert_eq!(one("f", 20).await.expect("read"), None);
    assert_eq!(one("h", 10).await.expect("read"), None);

    kept.commit(&[Change::InboxGone(1)]).await;
    assert_eq!(kept.dead_letters(Some("f")).await, []);
    assert_eq!(kept.dead_letters(None).await.len(), 1);
}

#[tokio::test]
async fn pages_of_dead_letters_leave_none_out() {
    let kept = Kept::new();
    let mut changes: Vec<Change> = (1..=3)
        .map(|taker| Change::Inbox(inbox(taker, &format!("f{taker}"))))
        .collect();
    for id in 1..=20 {
        changes.push(stored_message(id));
        let takers = (1..=3).filter(|taker| id % taker == 0);
        changes.extend(takers.map(|taker| Change::DeadLetter(dead_letter(taker, id))));
    }
    kept.commit(&changes).await;
    let all: Vec<(MessageId, TakerId)> = (1..=20)
        .rev()
        .flat_map(|id| {
            (1..=3)
                .filter(move |taker| id % taker == 0)
                .map(move |taker| (id, taker))
        })
        .collect();
    for limit in [1, 2, 7, 100] {
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = kept
                .store
                .dead_letters(None, before, limit)
                .await
                .expect("a page");
            let Some(last) = page.last() else { break };
            assert!(page.len() <= limit + 2, "{} of {limit}", page.len());
            before = Some(last.record.message);
            seen.extend(
                page.iter()
                    .map(|one| (one.record.message, one.record.taker)),
            );
        }
        assert_eq!(seen, all, "{limit} at a time");
    }
    let page = kept
        .store
        .dead_letters(Some("f2".to_owned()), Some(10), 2)
        .await
        .expect("a page");
    let ids: Vec<MessageId> = page.iter().map(|one| one.record.message).collect();
    assert_eq!(ids, [8, 6]);
}

#[tokio::test]
async fn more_dead_letters_than_are_kept_displace_the_oldest_with_what_only_they_refer_to() {
    let kept = Kept::new();
    let most = MessageId::try_from(DEAD_LETTERS_MAX).expect("fits");
    let mut changes = vec![
        Change::Inbox(inbox(1, "f")),
        Change::Inbox(inbox(2, "g")),
        Change::Session(session(3)),
        Change::Session(session(4)),
    ];
    for id in 1..=most {
        changes.extend([stored_message(id), Change::DeadLetter(dead_letter(1, id))]);
    }
    // Some of them are wanted for something else as well, one by a session that is gone.
    changes.extend([
        Change::DeadLetter(dead_letter(2, 1)),
        Change::Delivery(delivery(3, 2)),
        Change::Delivery(delivery(2, 3)),
        Change::Delivery(delivery(4, 4)),
        Change::SessionEnded(4),
    ]);
    kept.commit(&changes).await;
    assert_eq!(kept.rows().await, [most, 3, most + 1]);

    let further = |id| [stored_message(id), Change::DeadLetter(dead_letter(1, id))];
    let changes: Vec<Change> = (most + 1..=most + 6).flat_map(further).collect();
    kept.commit(&changes).await;
    assert_eq!(kept.rows().await, [most + 3, 2, most + 1]);
    // The same again changes nothing.
    kept.commit(&changes).await;
    assert_eq!(kept.rows().await, [most + 3, 2, most + 1]);
    let ids: Vec<MessageId> = kept
        .dead_letters(Some("f"))
        .await
        .iter()
        .map(|one| one.record.message)
        .collect();
    assert_eq!(ids, (7..=most + 6).rev().collect::<Vec<_>>());

    // One that is gone makes room for one.
    let mut changes = vec![Change::DeadLetterGone(1, most)];
    changes.extend(further(most + 7));
    kept.commit(&changes).await;
    let oldest = kept
        .dead_letters(Some("f"))
        .await
        .pop()
        .map(|one| one.record.message);
    assert_eq!(oldest, Some(7));
    // Older than all that there are: it is the one that goes.
    kept.commit(&[stored_message(0), Change::DeadLetter(dead_letter(1, 0))])
        .await;
    assert_eq!(
        kept.store
            .dead_letter("f".to_owned(), 0)
            .await
            .expect("read"),
        None
    );
    let (_, stored) = kept.restarted().await;
    let ids: Vec<MessageId> = stored.messages.iter().map(|stored| stored.id).collect();
    assert_eq!(ids, [2, 3]);
}

/// Some of everything, `takers` times.
fn some_of_everything(takers: TakerId) -> Vec<Change> {
    let of = |taker: TakerId| {
        let (handled, waiting, given_up) = (taker * 10, taker * 10 + 1, taker * 10 + 2);
        let function = -taker;
        [
            Change::Session(SessionRecord {
                will: Some((full_message(), 1)),
                ..session(taker)
            }),
            Change::Subscribed(taker, subscription("a")),
            Change::Subscribed(taker, subscription("b")),
            Change::Unsubscribed(taker, "a".to_owned()),
            Change::Received(taker, 1),
            Change::Received(taker, 2),
            Change::ReceivedReleased(taker, 1),
            Change::Retained(Message {
                hops: 1,
                ..message(&format!("retained/{taker}"))
            }),
            Change::Retained(message(&format!("cleared/{taker}"))),
            Change::RetainedCleared(format!("cleared/{taker}")),
            Change::Inbox(inbox(function, "f")),
            stored_message(handled),
            Change::Delivery(delivery(taker, handled)),
            Change::Delivery(delivery(function, handled)),
            Change::Settled(taker, handled),
            Change::Settled(function, handled),
            Change::MessageForgotten(handled),
            stored_message(waiting),
            Change::Delivery(delivery(taker, waiting)),
            Change::Delivery(DeliveryRecord {
                packet_id: Some(1),
                ..delivery(taker, waiting)
            }),
            stored_message(given_up),
            Change::Delivery(delivery(function, given_up)),
            Change::DeadLetter(dead_letter(function, given_up)),
            Change::Session(session(taker)),
        ]
    };
    (1..=takers).flat_map(of).collect()
}

#[tokio::test]
async fn what_is_committed_twice_is_there_once() {
    let changes = some_of_everything(3);
    let once = after(&changes).await;
    assert_eq!(once.deliveries.len() + once.dead_letters.len(), 6);
    let kept = Kept::new();
    kept.commit(&changes).await;
    let rows = kept.rows().await;
    kept.commit(&changes).await;
    assert_eq!(kept.rows().await, rows);
    assert_eq!(text(&kept.restarted().await.1), text(&once));
}

#[tokio::test]
async fn thousands_of_changes_are_one_commit() {
    let changes = some_of_everything(208);
    assert!(changes.len() > 4900, "{}", changes.len());
    let stored = after(&changes).await;
    assert_eq!((stored.sessions.len(), stored.retained.len()), (208, 208));
    assert_eq!(
        (stored.deliveries.len(), stored.dead_letters.len()),
        (208, 208)
    );
}

#[tokio::test]
async fn what_is_left_over_or_lost_is_repaired_at_start() {
    let kept = Kept::new();
    let mut changes = some_of_everything(3);
    changes.push(stored_message(1000));
    kept.commit(&changes).await;
    kept.execute("DELETE FROM broker_message WHERE id IN (11, 22)")
        .await;
    let (kept, stored) = kept.restarted().await;
    let waiting: Vec<TakerId> = stored
        .deliveries
        .iter()
        .map(|delivery| delivery.taker)
        .collect();
    assert_eq!(waiting, [2, 3], "one has lost its message");
    assert_eq!(stored.dead_letters, [(-3, 32), (-1, 12)]);
    assert_eq!(stored.message_max, 32, "nothing refers to the last message");
    assert_eq!(kept.rows().await, [4, 2, 2]);
}

#[tokio::test]
async fn a_full_disk_is_said_and_half_of_nothing_is_kept() {
    let kept = Kept::new();
    kept.commit(&some_of_everything(1)).await;
    let before = kept.rows().await;
    kept.execute("PRAGMA max_page_count = 1").await;
    let large = Message {
        payload: vec![0; 256 * 1024].into(),
        ..message("large")
    };
    let mut changes = some_of_everything(3);
    changes.push(Change::Retained(large));
    changes.extend(some_of_everything(4));
    let changes: Arc<[Change]> = changes.into();
    for _ in 0..2 {
        let error = kept.store.commit(changes.clone()).await.expect_err("full");
        assert!(error.0.starts_with("the disk is full: "), "{error}");
    }
    assert_eq!(kept.rows().await, before);
    // What needs no room goes on.
    kept.commit(&[Change::Settled(1, 11), Change::MessageForgotten(11)])
        .await;
    kept.execute("PRAGMA max_page_count = 1000000").await;
    kept.store
        .commit(changes)
        .await
        .expect("there is room again");
    let (_, stored) = kept.restarted().await;
    assert_eq!((stored.sessions.len(), stored.retained.len()), (4, 5));
}
