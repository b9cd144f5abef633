//! Commits as a whole: again, large, with no room for them, and what a start makes of what is left.

use std::sync::Arc;

use super::*;

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
    let kept = Kept::new();
    for _ in 0..2 {
        kept.commit(&changes).await;
        assert_eq!(kept.rows().await, [6, 3, 3]);
    }
    assert_eq!(text(&kept.restarted().await.1), text(&once));
}

#[tokio::test]
async fn thousands_of_changes_are_one_commit() {
    let changes = some_of_everything(208);
    assert!(changes.len() > 4700, "{}", changes.len());
    let kept = Kept::new();
    kept.commit(&changes).await;
    assert_eq!(kept.rows().await, [416, 208, 208]);
    let (_, stored) = kept.restarted().await;
    assert_eq!((stored.sessions.len(), stored.retained.len()), (208, 208));
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
    let letters = kept.dead_letters(None).await;
    let letters: Vec<TakerId> = letters.iter().map(|letter| letter.record.taker).collect();
    assert_eq!(letters, [-3, -1], "so has one of these");
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
    kept.commit(&[Change::Settled(1, 11)]).await;
    kept.execute("PRAGMA max_page_count = 1000000").await;
    kept.store
        .commit(changes)
        .await
        .expect("there is room again");
    let (_, stored) = kept.restarted().await;
    assert_eq!((stored.sessions.len(), stored.retained.len()), (4, 5));
}
