//! Dead letters: what they replace, in which pages they are listed, and which of them give way.

use tidegate_broker::limits::DEAD_LETTERS_MAX;

use super::*;

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
        Change::Delivery(delivery(1, 20)),
        Change::DeadLetterGone(1, 20),
    ])
    .await;
    let (kept, stored) = kept.restarted().await;
    assert_eq!(stored.deliveries, [delivery(1, 20)]);
    let ids: Vec<MessageId> = stored.messages.iter().map(|stored| stored.id).collect();
    assert_eq!(ids, [20], "not those of dead letters");
    assert_eq!(stored.message_max, 20);

    let expected = DeadLetter {
        function: "f".to_owned(),
        record: first,
        message: full_message(),
    };
    let of_f = kept.dead_letters(Some("f")).await;
    assert_eq!(of_f, std::slice::from_ref(&expected));
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
                .rev()
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
    ];
    for id in 1..=most {
        changes.extend([stored_message(id), Change::DeadLetter(dead_letter(1, id))]);
    }
    // Some of them are wanted for something else as well.
    changes.extend([
        Change::DeadLetter(dead_letter(2, 1)),
        Change::Delivery(delivery(3, 2)),
        Change::Delivery(delivery(2, 3)),
    ]);
    kept.commit(&changes).await;
    assert_eq!(kept.rows().await, [most, 2, most + 1]);

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
