//! A store that keeps everything in memory, and that can be told to keep nothing for the moment: a slow disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tidegate_broker::message::Message;
use tidegate_broker::store::{
    Answer, Change, DeadLetter, DeadLetterRecord, DeliveryRecord, InboxRecord, MessageId, Store,
    Stored, StoredMessage, TakerId,
};
use tokio::sync::watch;

/// What a host of these tests has on disk. Clones share it.
#[derive(Clone)]
pub(crate) struct MemoryStore(Arc<Shared>);

struct Shared {
    tables: Mutex<Tables>,
    is_held: watch::Sender<bool>,
}

#[derive(Default)]
struct Tables {
    messages: BTreeMap<MessageId, Message>,
    deliveries: BTreeMap<(MessageId, TakerId), DeliveryRecord>,
    inboxes: BTreeMap<TakerId, InboxRecord>,
    dead_letters: BTreeMap<(MessageId, TakerId), DeadLetterRecord>,
}

impl MemoryStore {
    /// An empty one.
    pub(crate) fn new() -> MemoryStore {
        MemoryStore(Arc::new(Shared {
            tables: Mutex::default(),
            is_held: watch::Sender::new(false),
        }))
    }

    /// One that commits nothing until it is released.
    pub(crate) fn held() -> MemoryStore {
        let store = MemoryStore::new();
        store.0.is_held.send_replace(true);
        store
    }

    /// Commits from now on, and what waits.
    pub(crate) fn release(&self) {
        self.0.is_held.send_replace(false);
    }

    /// Deliveries that wait for a function.
    pub(crate) fn deliveries(&self) -> usize {
        self.tables().deliveries.len()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.tables.lock().expect("no holder of this lock panics")
    }
}

impl Tables {
    fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::Message(stored) => {
                self.messages.insert(stored.id, stored.message);
            }
            Change::Delivery(record) => {
                self.deliveries
                    .insert((record.message, record.taker), record);
            }
            Change::Settled(taker, message) => {
                self.deliveries.remove(&(message, taker));
            }
            Change::Inbox(record) => {
                self.inboxes.insert(record.taker, record);
            }
            Change::InboxGone(taker) => {
                self.inboxes.remove(&taker);
            }
            Change::DeadLetter(record) => {
                self.deliveries.remove(&(record.message, record.taker));
                self.dead_letters
                    .insert((record.message, record.taker), record);
            }
            Change::DeadLetterGone(taker, message) => {
                self.dead_letters.remove(&(message, taker));
            }
            // Of the embedded broker's own clients, which come and go with a test.
            Change::Session(_)
            | Change::SessionEnded(_)
            | Change::Subscribed(..)
            | Change::Unsubscribed(..)
            | Change::Received(..)
            | Change::ReceivedReleased(..)
            | Change::Retained(_)
            | Change::RetainedCleared(_) => {}
        }
    }

    fn dead_letter(&self, record: &DeadLetterRecord) -> Option<DeadLetter> {
        let inbox = self.inboxes.get(&record.taker)?;
        Some(DeadLetter {
            function: inbox.function.clone(),
            record: record.clone(),
            message: self.messages.get(&record.message)?.clone(),
        })
    }
}

impl Store for MemoryStore {
    fn load(&self) -> Answer<'_, Stored> {
        let tables = self.tables();
        let messages = tables.messages.iter();
        let stored = Stored {
            messages: messages
                .map(|(id, message)| StoredMessage {
                    id: *id,
                    message: message.clone(),
                })
                .collect(),
            deliveries: tables.deliveries.values().cloned().collect(),
            inboxes: tables.inboxes.values().cloned().collect(),
            taker_max: tables.inboxes.keys().max().copied().unwrap_or(0),
            message_max: tables.messages.keys().max().copied().unwrap_or(0),
            ..Stored::default()
        };
        Box::pin(async { Ok(stored) })
    }

    fn commit(&self, changes: Arc<[Change]>) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut is_held = self.0.is_held.subscribe();
            let released = is_held.wait_for(|is_held| !is_held).await;
            drop(released.expect("the store is there"));
            let mut tables = self.tables();
            for change in changes.iter() {
                tables.apply(change);
            }
            Ok(())
        })
    }

    fn dead_letters(
        &self,
        function: Option<String>,
        _before: Option<MessageId>,
        limit: usize,
    ) -> Answer<'_, Vec<DeadLetter>> {
        let tables = self.tables();
        let all = tables.dead_letters.values().rev();
        let letters = all
            .filter_map(|record| tables.dead_letter(record))
            .filter(|letter| {
                function
                    .as_ref()
                    .is_none_or(|name| letter.function == *name)
            })
            .take(limit)
            .collect();
        drop(tables);
        Box::pin(async { Ok(letters) })
    }

    fn dead_letter(&self, function: String, message: MessageId) -> Answer<'_, Option<DeadLetter>> {
        let tables = self.tables();
        let all = tables.dead_letters.values();
        let letter = all
            .filter(|record| record.message == message)
            .find_map(|record| tables.dead_letter(record))
            .filter(|letter| letter.function == function);
        drop(tables);
        Box::pin(async { Ok(letter) })
    }
}
