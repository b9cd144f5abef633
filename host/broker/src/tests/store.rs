//! A store in memory, of which a copy is what a crash leaves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::message::Message;
use crate::store::{
    Answer, Change, DeadLetter, DeadLetterRecord, DeliveryRecord, InboxRecord, MessageId, Store,
    StoreError, Stored, StoredMessage, TakerId,
};

#[derive(Clone, Default)]
pub(crate) struct MemoryStore {
    tables: Arc<Mutex<Tables>>,
    fails: Arc<AtomicBool>,
}

#[derive(Clone, Default)]
struct Tables {
    messages: BTreeMap<MessageId, Message>,
    deliveries: BTreeMap<(MessageId, TakerId), DeliveryRecord>,
    deliveries_ever: usize,
    inboxes: BTreeMap<TakerId, InboxRecord>,
    dead_letters: BTreeMap<(MessageId, TakerId), DeadLetterRecord>,
    retained: BTreeMap<String, Message>,
    taker_max: TakerId,
}

impl MemoryStore {
    /// As it is now, for another broker.
    pub(super) fn copy(&self) -> MemoryStore {
        let tables = self.tables().clone();
        MemoryStore {
            tables: Arc::new(Mutex::new(tables)),
            fails: Arc::default(),
        }
    }

    pub(super) fn fail(&self) {
        self.fails.store(true, Ordering::Relaxed);
    }

    pub(super) fn recover(&self) {
        self.fails.store(false, Ordering::Relaxed);
    }

    pub(super) fn deliveries(&self) -> usize {
        self.tables().deliveries.len()
    }

    pub(super) fn deliveries_ever(&self) -> usize {
        self.tables().deliveries_ever
    }

    pub(super) fn messages(&self) -> usize {
        self.tables().messages.len()
    }

    pub(super) fn dead_letters(&self) -> usize {
        self.tables().dead_letters.len()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().expect("no holder of this lock panics")
    }
}

impl Tables {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Message(stored) => {
                self.messages.insert(stored.id, stored.message.clone());
            }
            Change::Delivery(record) => {
                self.deliveries_ever += 1;
                self.taker_max = self.taker_max.max(record.taker);
                let key = (record.message, record.taker);
                self.deliveries.insert(key, record.clone());
            }
            Change::Settled(taker, message) => {
                self.deliveries.remove(&(*message, *taker));
            }
            Change::Inbox(record) => {
                self.taker_max = self.taker_max.max(record.taker);
                self.inboxes.insert(record.taker, record.clone());
            }
            Change::InboxGone(taker) => {
                self.inboxes.remove(taker);
                self.deliveries.retain(|(_, other), _| other != taker);
                self.dead_letters.retain(|(_, other), _| other != taker);
            }
            Change::DeadLetter(record) => {
                let key = (record.message, record.taker);
                self.deliveries.remove(&key);
                self.dead_letters.insert(key, record.clone());
            }
            Change::DeadLetterGone(taker, message) => {
                self.dead_letters.remove(&(*message, *taker));
            }
            Change::Retained(message) => {
                self.retained
                    .insert(message.topic.to_string(), message.clone());
            }
            Change::RetainedCleared(topic) => {
                self.retained.remove(topic);
            }
            // There are no clients here.
            Change::Session(_)
            | Change::SessionEnded(_)
            | Change::Subscribed(..)
            | Change::Unsubscribed(..)
            | Change::Received(..)
            | Change::ReceivedReleased(..) => {}
        }
        let referred = |id: &MessageId| {
            let of_message = (*id, TakerId::MIN)..=(*id, TakerId::MAX);
            self.deliveries.range(of_message.clone()).next().is_some()
                || self.dead_letters.range(of_message).next().is_some()
        };
        // A message comes before what refers to it.
        if !matches!(change, Change::Message(_)) {
            self.messages.retain(|id, _| referred(id));
        }
    }

    fn dead_letter(&self, record: &DeadLetterRecord) -> Option<DeadLetter> {
        Some(DeadLetter {
            function: self.inboxes.get(&record.taker)?.function.clone(),
            record: record.clone(),
            message: self.messages.get(&record.message)?.clone(),
        })
    }
}

impl Store for MemoryStore {
    fn load(&self) -> Answer<'_, Stored> {
        let tables = self.tables();
        let messages = tables.messages.iter().map(|(id, message)| StoredMessage {
            id: *id,
            message: message.clone(),
        });
        let stored = Stored {
            messages: messages.collect(),
            deliveries: tables.deliveries.values().cloned().collect(),
            inboxes: tables.inboxes.values().cloned().collect(),
            retained: tables.retained.values().cloned().collect(),
            taker_max: tables.taker_max,
            message_max: tables.messages.keys().max().copied().unwrap_or(0),
            ..Stored::default()
        };
        Box::pin(async { Ok(stored) })
    }

    fn commit(&self, changes: Arc<[Change]>) -> Answer<'_, ()> {
        Box::pin(async move {
            if self.fails.load(Ordering::Relaxed) {
                return Err(StoreError("the disk is full".to_owned()));
            }
            let mut tables = self.tables();
            for change in changes.iter() {
                tables.apply(change);
            }
            Ok(())
        })
    }

    fn dead_letters(
        &self,
        _: Option<String>,
        _: Option<MessageId>,
        limit: usize,
    ) -> Answer<'_, Vec<DeadLetter>> {
        let tables = self.tables();
        let letters = tables.dead_letters.values().rev();
        let letters = letters.filter_map(|record| tables.dead_letter(record));
        let letters = letters.take(limit).collect();
        Box::pin(async { Ok(letters) })
    }

    fn dead_letter(&self, function: String, message: MessageId) -> Answer<'_, Option<DeadLetter>> {
        let tables = self.tables();
        let letters = tables.dead_letters.values();
        let mut letters = letters.filter_map(|record| {
            (record.message == message).then(|| tables.dead_letter(record))?
        });
        let letter = letters.find(|letter| letter.function == function);
        Box::pin(async { Ok(letter) })
    }
}
