//! Everything that the broker has to have again after a start.

use rusqlite::{Connection, Row};
use tidegate_broker::message::Message;
use tidegate_broker::store::{
    AttemptsRecord, DeliveryRecord, InboxRecord, SessionRecord, Stored, StoredMessage,
    SubscriptionRecord, TakerId,
};

use super::columns::{
    NO_LOCAL, RELEASED, RETAIN, RETAIN_AS_PUBLISHED, from_json, message_from, parsed, qos_from,
};
use crate::storage::database::StorageError;

/// Deletes what nothing refers to and what refers to nothing.
pub(super) fn repair(db: &Connection) -> Result<(), StorageError> {
    db.execute(
        "DELETE FROM broker_delivery AS d
         WHERE NOT EXISTS (SELECT 1 FROM broker_session AS s WHERE s.taker = d.taker)
             AND NOT EXISTS (SELECT 1 FROM broker_inbox AS i WHERE i.taker = d.taker)",
        [],
    )?;
    let lost = db.execute(
        "DELETE FROM broker_delivery AS d
         WHERE NOT EXISTS (SELECT 1 FROM broker_message AS m WHERE m.id = d.message)",
        [],
    )?;
    let lost_letters = db.execute(
        "DELETE FROM broker_dead_letter AS d
         WHERE NOT EXISTS (SELECT 1 FROM broker_message AS m WHERE m.id = d.message)
             OR NOT EXISTS (SELECT 1 FROM broker_inbox AS i WHERE i.taker = d.taker)",
        [],
    )?;
    if lost + lost_letters > 0 {
        tracing::warn!(
            deliveries = lost,
            dead_letters = lost_letters,
            "messages that were waiting are not in the database any more: was it damaged, or changed by hand?"
        );
    }
    for table in ["broker_subscription", "broker_received"] {
        db.execute(
            &format!("DELETE FROM {table} WHERE taker NOT IN (SELECT taker FROM broker_session)"),
            [],
        )?;
    }
    db.execute(
        "DELETE FROM broker_message WHERE id NOT IN
             (SELECT message FROM broker_delivery UNION ALL SELECT message FROM broker_dead_letter)",
        [],
    )?;
    Ok(())
}

/// All of it.
pub(super) fn all(db: &Connection) -> Result<Stored, StorageError> {
    Ok(Stored {
        sessions: rows(
            db,
            "SELECT taker, client_id, identity, expiry_s, disconnected_ms, will_delay_s, will_topic, will_payload,
                 will_flags, will_expires_ms, will_properties FROM broker_session",
            session_from,
        )?,
        subscriptions: rows(
            db,
            "SELECT taker, filter, flags, identifier FROM broker_subscription",
            subscription_from,
        )?,
        received: rows(db, "SELECT taker, packet_id FROM broker_received", |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?,
        retained: rows(
            db,
            "SELECT topic, payload, flags, expires_ms, properties FROM broker_retained",
            |row| message_from(row, 0),
        )?,
        messages: rows(
            db,
            "SELECT id, topic, payload, flags, expires_ms, properties FROM broker_message
             WHERE EXISTS (SELECT 1 FROM broker_delivery WHERE message = id)",
            |row| {
                Ok(StoredMessage {
                    id: row.get(0)?,
                    message: message_from(row, 1)?,
                })
            },
        )?,
        deliveries: rows(
            db,
            "SELECT message, taker, flags, packet_id, identifiers, filter, failed, first_ms, last_ms, due_ms, reason
             FROM broker_delivery ORDER BY message, taker",
            delivery_from,
        )?,
        inboxes: rows(db, "SELECT taker, function, filters FROM broker_inbox", |row| {
            Ok(InboxRecord {
                taker: row.get(0)?,
                function: row.get(1)?,
                filters: from_json(row, 2)?.unwrap_or_default(),
            })
        })?,
        taker_max: db.query_row("SELECT id_max FROM broker_taker", [], |row| row.get(0))?,
        message_max: db.query_row("SELECT coalesce(max(id), 0) FROM broker_message", [], |row| {
            row.get(0)
        })?,
    })
}

fn rows<T>(
    db: &Connection,
    statement: &str,
    from: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare(statement)?.query_map([], from)?.collect()
}

fn session_from(row: &Row<'_>) -> rusqlite::Result<SessionRecord> {
    let delay_seconds: Option<u32> = row.get(5)?;
    let will = |delay_seconds| -> rusqlite::Result<(Message, u32)> {
        Ok((message_from(row, 6)?, delay_seconds))
    };
    Ok(SessionRecord {
        taker: row.get(0)?,
        client_id: row.get(1)?,
        identity: row.get(2)?,
        expiry_seconds: row.get(3)?,
        disconnected_ms: row.get(4)?,
        will: delay_seconds.map(will).transpose()?,
    })
}

fn subscription_from(row: &Row<'_>) -> rusqlite::Result<(TakerId, SubscriptionRecord)> {
    let flags: i64 = row.get(2)?;
    let subscription = SubscriptionRecord {
        filter: row.get(1)?,
        qos: qos_from(flags),
        no_local: flags & NO_LOCAL != 0,
        retain_as_published: flags & RETAIN_AS_PUBLISHED != 0,
        identifier: row.get(3)?,
    };
    Ok((row.get(0)?, subscription))
}

fn delivery_from(row: &Row<'_>) -> rusqlite::Result<DeliveryRecord> {
    let flags: i64 = row.get(2)?;
    let has_filter = row.get_ref(5)?.as_str_or_null()?.is_some();
    Ok(DeliveryRecord {
        message: row.get(0)?,
        taker: row.get(1)?,
        qos: qos_from(flags),
        retain: flags & RETAIN != 0,
        is_released: flags & RELEASED != 0,
        packet_id: row.get(3)?,
        identifiers: from_json(row, 4)?.unwrap_or_default(),
        filter: has_filter.then(|| parsed(row, 5)).transpose()?,
        attempts: AttemptsRecord {
            failed: row.get(6)?,
            first_ms: row.get(7)?,
            last_ms: row.get(8)?,
            due_ms: row.get(9)?,
            reason: row.get(10)?,
        },
    })
}
