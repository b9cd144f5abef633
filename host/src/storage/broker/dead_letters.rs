//! Reads dead letters, with their messages.

use rusqlite::{Connection, OptionalExtension, params};
use tidegate_broker::store::{DeadLetter, DeadLetterRecord, MessageId, TakerId};

use super::columns::{message_from, parsed, qos_from};
use crate::storage::database::StorageError;

/// Dead letters, the newest first: up to `limit` and, so that none is left out of the next page, those of other functions
/// that are about the last one's message.
pub(super) fn list(
    db: &Connection,
    function: Option<&str>,
    before: Option<MessageId>,
    limit: usize,
) -> Result<Vec<DeadLetter>, StorageError> {
    let mut statement = db.prepare_cached(match function {
        Some(_) => OF_ONE,
        None => OF_ALL,
    })?;
    let before = before.unwrap_or(MessageId::MAX);
    let mut rows = statement.query(params![function, before])?;
    let mut listed = Vec::new();
    let mut last = None;
    while let Some(row) = rows.next()? {
        let (taker, message): (TakerId, MessageId) = (row.get(0)?, row.get(1)?);
        if listed.len() >= limit && last != Some(message) {
            break;
        }
        last = Some(message);
        listed.extend(find(db, taker, message)?);
    }
    Ok(listed)
}

/// Of one function. Their ids alone are put in order, as payloads may be large.
const OF_ONE: &str = "SELECT d.taker, d.message FROM broker_inbox AS i
     CROSS JOIN broker_dead_letter AS d ON d.taker = i.taker AND d.message < ?2
 WHERE i.function = ?1 ORDER BY d.message DESC";

/// Of all functions, in the order that they are stored in.
const OF_ALL: &str = "SELECT d.taker, d.message FROM broker_dead_letter AS d
     CROSS JOIN broker_inbox AS i ON i.taker = d.taker
 WHERE ?1 IS NULL AND d.message < ?2 ORDER BY d.message DESC, d.taker DESC";

/// This function's dead letter of this message.
pub(super) fn one(
    db: &Connection,
    function: &str,
    message: MessageId,
) -> Result<Option<DeadLetter>, StorageError> {
    let mut statement = db.prepare_cached("SELECT taker FROM broker_inbox WHERE function = ?1")?;
    let takers = statement.query_map([function], |row| row.get(0))?;
    for taker in takers {
        if let Some(found) = find(db, taker?, message)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn find(
    db: &Connection,
    taker: TakerId,
    message: MessageId,
) -> Result<Option<DeadLetter>, StorageError> {
    let mut statement = db.prepare_cached(
        "SELECT i.function, d.filter, d.qos, d.reason, d.attempts, d.first_ms, d.last_ms,
             m.topic, m.payload, m.flags, m.expires_ms, m.properties
         FROM broker_dead_letter AS d
             JOIN broker_inbox AS i ON i.taker = d.taker
             JOIN broker_message AS m ON m.id = d.message
         WHERE d.taker = ?1 AND d.message = ?2",
    )?;
    let found = statement.query_row([taker, message], |row| {
        Ok(DeadLetter {
            function: row.get(0)?,
            record: DeadLetterRecord {
                taker,
                message,
                filter: parsed(row, 1)?,
                qos: qos_from(row.get(2)?),
                reason: row.get(3)?,
                attempts: row.get(4)?,
                first_ms: row.get(5)?,
                last_ms: row.get(6)?,
            },
            message: message_from(row, 7)?,
        })
    });
    Ok(found.optional()?)
}
