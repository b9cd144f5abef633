//! Applies changes of what the broker keeps. Each says how something is now, not how it differs, so that it does not
//! matter how often one is applied.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use tidegate_broker::limits::DEAD_LETTERS_MAX;
use tidegate_broker::message::Message;
use tidegate_broker::store::{
    Change, DeadLetterRecord, DeliveryRecord, InboxRecord, MessageId, SessionRecord, StoredMessage,
    SubscriptionRecord, TakerId,
};

use super::columns::{
    MessageColumns, NO_LOCAL, RELEASED, RETAIN, RETAIN_AS_PUBLISHED, json, qos_bits, when,
};
use crate::storage::database::StorageError;

/// A group of changes on its way.
struct Applying<'a> {
    db: &'a Connection,
    /// How many dead letters inboxes have: of those that a change was about. Counting for each change would take as long
    /// as there are dead letters.
    dead_letters: HashMap<TakerId, usize>,
    taker_max: TakerId,
}

/// Applies all of them in their order.
pub(super) fn apply(db: &Connection, changes: &[Change]) -> Result<(), StorageError> {
    let mut applying = Applying {
        db,
        dead_letters: HashMap::new(),
        taker_max: 0,
    };
    for change in changes {
        applying.apply(change)?;
    }
    // Nothing is written where it is as it should be.
    applying.run(
        "UPDATE broker_taker SET id_max = ?1 WHERE id_max < ?1",
        [applying.taker_max],
    )?;
    Ok(())
}

impl Applying<'_> {
    fn apply(&mut self, change: &Change) -> rusqlite::Result<()> {
        match change {
            Change::Session(session) => {
                self.taker_max = self.taker_max.max(session.taker);
                self.session(session)
            }
            Change::SessionEnded(taker) => self.session_ended(*taker),
            Change::Subscribed(taker, subscription) => self.subscribed(*taker, subscription),
            Change::Unsubscribed(taker, filter) => self.done(
                "DELETE FROM broker_subscription WHERE taker = ?1 AND filter = ?2",
                params![taker, filter],
            ),
            Change::Received(taker, packet_id) => self.done(
                "INSERT INTO broker_received (taker, packet_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                params![taker, packet_id],
            ),
            Change::ReceivedReleased(taker, packet_id) => self.done(
                "DELETE FROM broker_received WHERE taker = ?1 AND packet_id = ?2",
                params![taker, packet_id],
            ),
            Change::Retained(message) => self.retained(message),
            Change::RetainedCleared(topic) => {
                self.done("DELETE FROM broker_retained WHERE topic = ?1", [topic])
            }
            Change::Message(message) => self.message(message),
            Change::Delivery(delivery) => self.delivery(delivery),
            Change::Settled(taker, message) => self.settled(*taker, *message),
            Change::Inbox(inbox) => {
                self.taker_max = self.taker_max.max(inbox.taker);
                self.inbox(inbox)
            }
            Change::InboxGone(taker) => self.inbox_gone(*taker),
            Change::DeadLetter(dead_letter) => self.dead_letter(dead_letter),
            Change::DeadLetterGone(taker, message) => self.dead_letter_gone(*taker, *message),
        }
    }

    fn run(&self, statement: &str, parameters: impl rusqlite::Params) -> rusqlite::Result<usize> {
        self.db.prepare_cached(statement)?.execute(parameters)
    }

    fn done(&self, statement: &str, parameters: impl rusqlite::Params) -> rusqlite::Result<()> {
        self.run(statement, parameters).map(drop)
    }

    fn session(&self, session: &SessionRecord) -> rusqlite::Result<()> {
        let will = session.will.as_ref();
        let message = will.map(|(message, _)| MessageColumns::of(message));
        let message = message.as_ref();
        self.done(
            "INSERT INTO broker_session (taker, client_id, identity, expiry_s, disconnected_ms, will_topic,
                 will_payload, will_flags, will_expires_ms, will_properties, will_delay_s)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (taker) DO UPDATE SET client_id = excluded.client_id, identity = excluded.identity,
                 expiry_s = excluded.expiry_s, disconnected_ms = excluded.disconnected_ms,
                 will_topic = excluded.will_topic, will_payload = excluded.will_payload,
                 will_flags = excluded.will_flags, will_expires_ms = excluded.will_expires_ms,
                 will_properties = excluded.will_properties, will_delay_s = excluded.will_delay_s",
            params![
                session.taker,
                session.client_id,
                session.identity,
                session.expiry_seconds,
                session.disconnected_ms,
                message.map(|message| message.topic),
                message.map(|message| message.payload),
                message.map(|message| message.flags),
                message.and_then(|message| message.expires_ms),
                message.and_then(|message| message.properties.as_deref()),
                will.map(|(_, delay_seconds)| delay_seconds),
            ],
        )
    }

    /// Its deliveries were settled before.
    fn session_ended(&self, taker: TakerId) -> rusqlite::Result<()> {
        self.run("DELETE FROM broker_session WHERE taker = ?1", [taker])?;
        self.run("DELETE FROM broker_subscription WHERE taker = ?1", [taker])?;
        self.done("DELETE FROM broker_received WHERE taker = ?1", [taker])
    }

    fn subscribed(
        &self,
        taker: TakerId,
        subscription: &SubscriptionRecord,
    ) -> rusqlite::Result<()> {
        let flags = qos_bits(subscription.qos)
            | when(subscription.no_local, NO_LOCAL)
            | when(subscription.retain_as_published, RETAIN_AS_PUBLISHED);
        self.done(
            "INSERT INTO broker_subscription (taker, filter, flags, identifier) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (taker, filter) DO UPDATE SET flags = excluded.flags, identifier = excluded.identifier",
            params![taker, subscription.filter, flags, subscription.identifier],
        )
    }

    fn retained(&self, message: &Message) -> rusqlite::Result<()> {
        let message = MessageColumns::of(message);
        self.done(
            "INSERT INTO broker_retained (topic, payload, flags, expires_ms, properties) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (topic) DO UPDATE SET payload = excluded.payload, flags = excluded.flags,
                 expires_ms = excluded.expires_ms, properties = excluded.properties",
            params![
                message.topic,
                message.payload,
                message.flags,
                message.expires_ms,
                message.properties
            ],
        )
    }

    fn message(&self, stored: &StoredMessage) -> rusqlite::Result<()> {
        let message = MessageColumns::of(&stored.message);
        self.done(
            "INSERT INTO broker_message (id, topic, payload, flags, expires_ms, properties)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            params![
                stored.id,
                message.topic,
                message.payload,
                message.flags,
                message.expires_ms,
                message.properties
            ],
        )
    }

    /// A message goes with the last delivery or dead letter that refers to it.
    fn forget_message(&self, message: MessageId) -> rusqlite::Result<()> {
        self.done(
            "DELETE FROM broker_message WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM broker_delivery WHERE message = ?1)
                 AND NOT EXISTS (SELECT 1 FROM broker_dead_letter WHERE message = ?1)",
            [message],
        )
    }

    fn delivery(&self, delivery: &DeliveryRecord) -> rusqlite::Result<()> {
        let flags = qos_bits(delivery.qos)
            | when(delivery.retain, RETAIN)
            | when(delivery.is_released, RELEASED);
        let identifiers = &delivery.identifiers;
        let attempts = &delivery.attempts;
        self.done(
            "INSERT INTO broker_delivery (message, taker, flags, packet_id, identifiers, filter, failed, first_ms,
                 last_ms, due_ms, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (message, taker) DO UPDATE SET flags = excluded.flags, packet_id = excluded.packet_id,
                 identifiers = excluded.identifiers, filter = excluded.filter, failed = excluded.failed,
                 first_ms = excluded.first_ms, last_ms = excluded.last_ms, due_ms = excluded.due_ms,
                 reason = excluded.reason",
            params![
                delivery.message,
                delivery.taker,
                flags,
                delivery.packet_id,
                (!identifiers.is_empty()).then(|| json(identifiers)),
                delivery.filter.as_ref().map(|filter| filter.as_str()),
                attempts.failed,
                attempts.first_ms,
                attempts.last_ms,
                attempts.due_ms,
                attempts.reason,
            ],
        )
    }

    fn settled(&self, taker: TakerId, message: MessageId) -> rusqlite::Result<()> {
        self.delivery_gone(taker, message)?;
        self.forget_message(message)
    }

    fn delivery_gone(&self, taker: TakerId, message: MessageId) -> rusqlite::Result<()> {
        self.done(
            "DELETE FROM broker_delivery WHERE message = ?1 AND taker = ?2",
            [message, taker],
        )
    }

    fn inbox(&self, inbox: &InboxRecord) -> rusqlite::Result<()> {
        self.done(
            "INSERT INTO broker_inbox (taker, function, filters) VALUES (?1, ?2, ?3)
             ON CONFLICT (taker) DO UPDATE SET function = excluded.function, filters = excluded.filters",
            params![inbox.taker, inbox.function, json(&inbox.filters)],
        )
    }

    /// Its deliveries were settled before.
    fn inbox_gone(&mut self, taker: TakerId) -> rusqlite::Result<()> {
        self.dead_letters.remove(&taker);
        self.run("DELETE FROM broker_inbox WHERE taker = ?1", [taker])?;
        let mut gone = self
            .db
            .prepare_cached("DELETE FROM broker_dead_letter WHERE taker = ?1 RETURNING message")?;
        let messages = gone.query_map([taker], |row| row.get(0))?;
        let messages = messages.collect::<Result<Vec<MessageId>, _>>()?;
        for message in messages {
            self.forget_message(message)?;
        }
        Ok(())
    }

    fn dead_letter(&mut self, dead_letter: &DeadLetterRecord) -> rusqlite::Result<()> {
        let taker = dead_letter.taker;
        self.delivery_gone(taker, dead_letter.message)?;
        let mut count = self.dead_letters_of(taker)?;
        if !self.is_dead_letter(taker, dead_letter.message)? {
            count += 1;
        }
        self.run(
            "INSERT INTO broker_dead_letter (taker, message, filter, qos, reason, attempts, first_ms, last_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (message, taker) DO UPDATE SET filter = excluded.filter, qos = excluded.qos,
                 reason = excluded.reason, attempts = excluded.attempts, first_ms = excluded.first_ms,
                 last_ms = excluded.last_ms",
            params![
                taker,
                dead_letter.message,
                dead_letter.filter.as_str(),
                qos_bits(dead_letter.qos),
                dead_letter.reason,
                dead_letter.attempts,
                dead_letter.first_ms,
                dead_letter.last_ms,
            ],
        )?;
        while count > DEAD_LETTERS_MAX {
            self.displace_oldest(taker)?;
            count -= 1;
        }
        self.dead_letters.insert(taker, count);
        Ok(())
    }

    fn dead_letters_of(&self, taker: TakerId) -> rusqlite::Result<usize> {
        if let Some(count) = self.dead_letters.get(&taker) {
            return Ok(*count);
        }
        let mut statement = self
            .db
            .prepare_cached("SELECT count(*) FROM broker_dead_letter WHERE taker = ?1")?;
        let count: u32 = statement.query_row([taker], |row| row.get(0))?;
        Ok(count as usize)
    }

    fn is_dead_letter(&self, taker: TakerId, message: MessageId) -> rusqlite::Result<bool> {
        let mut statement = self
            .db
            .prepare_cached("SELECT 1 FROM broker_dead_letter WHERE taker = ?1 AND message = ?2")?;
        statement.exists([taker, message])
    }

    fn displace_oldest(&self, taker: TakerId) -> rusqlite::Result<()> {
        let mut oldest = self.db.prepare_cached(
            "DELETE FROM broker_dead_letter WHERE taker = ?1
                 AND message = (SELECT min(message) FROM broker_dead_letter WHERE taker = ?1)
             RETURNING message",
        )?;
        let displaced: Option<MessageId> =
            oldest.query_row([taker], |row| row.get(0)).optional()?;
        displaced.map_or(Ok(()), |message| self.forget_message(message))
    }

    fn dead_letter_gone(&mut self, taker: TakerId, message: MessageId) -> rusqlite::Result<()> {
        let gone = self.run(
            "DELETE FROM broker_dead_letter WHERE taker = ?1 AND message = ?2",
            [taker, message],
        )?;
        if let Some(count) = self.dead_letters.get_mut(&taker) {
            *count = count.saturating_sub(gone);
        }
        self.forget_message(message)
    }
}
