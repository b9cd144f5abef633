//! One statement on an open connection: its rows, or why there are none.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, Row, ffi, params_from_iter};

use super::guard::Guard;
use super::savepoint::Savepoint;
use super::{Rows, SqlError, bytes_of_value, memory};
use crate::limits::{SQL_RESULT_BYTES_MAX, SQL_ROWS_MAX};

/// Why a statement failed, before it is known whether it was ended or refused.
pub(super) enum Failed {
    Sqlite(rusqlite::Error),
    Parameters { wanted: usize, given: usize },
    Full,
    TooLarge,
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Failed {
        Failed::Sqlite(error)
    }
}

/// The rows, and whether it may have changed any.
pub(super) fn run(
    connection: &Connection,
    text: &str,
    parameters: &[Value],
    guard: &Guard,
) -> Result<(Rows, bool), Failed> {
    let mut statement = connection.prepare_cached(text)?;
    let (wanted, given) = (statement.parameter_count(), parameters.len());
    if wanted != given {
        return Err(Failed::Parameters { wanted, given });
    }
    let may_change = !statement.readonly();
    if may_change {
        guard.writes();
        make_room(connection, guard)?;
    }
    if !may_change || statement.column_count() == 0 {
        return Ok((read(&mut statement, parameters)?, may_change));
    }
    let savepoint = Savepoint::set(connection, guard)?;
    let found = read(&mut statement, parameters);
    let ended = match &found {
        Err(Failed::TooLarge) => savepoint.roll_back(),
        _ => savepoint.release(),
    };
    let found = found?;
    ended?;
    Ok((found, may_change))
}

/// Runs the statement and reads all of its rows.
fn read(statement: &mut rusqlite::Statement<'_>, parameters: &[Value]) -> Result<Rows, Failed> {
    let mut found = Rows::default();
    name(&mut found, statement)?;
    let mut rows = statement.query(params_from_iter(parameters))?;
    while let Some(row) = rows.next()? {
        let statement = row.as_ref();
        if statement.column_count() != found.columns.len() {
            // Somebody has changed the table since the statement was prepared.
            name(&mut found, statement)?;
        }
        // What is read is read in full.
        let values = memory::unbounded(|| values(row, found.columns.len(), &mut found.bytes))?;
        if found.bytes > SQL_RESULT_BYTES_MAX || found.rows.len() >= SQL_ROWS_MAX {
            return Err(Failed::TooLarge);
        }
        found.rows.push(values);
    }
    Ok(found)
}

/// Takes in a log that is full, so that it begins anew.
fn make_room(connection: &Connection, guard: &Guard) -> Result<(), Failed> {
    if guard.log_is_full() && connection.is_autocommit() {
        let take_in = "PRAGMA wal_checkpoint(TRUNCATE)";
        // It fails while somebody still reads what was before: then there is no room for now.
        let _ = guard.trusting(|| connection.query_row(take_in, [], |_| Ok(())));
    }
    match guard.log_is_full() {
        true => Err(Failed::Full),
        false => Ok(()),
    }
}

/// Names the columns. A long name may be that of hundreds of them.
fn name(found: &mut Rows, statement: &rusqlite::Statement<'_>) -> Result<(), Failed> {
    found.columns.clear();
    for name in statement.column_names() {
        found.bytes += size_of::<String>() + name.len();
        if found.bytes > SQL_RESULT_BYTES_MAX {
            return Err(Failed::TooLarge);
        }
        found.columns.push(name.to_owned());
    }
    Ok(())
}

/// A row's values; adds what they take in memory to `bytes`.
fn values(row: &Row<'_>, columns: usize, bytes: &mut usize) -> rusqlite::Result<Vec<Value>> {
    let mut values = Vec::with_capacity(columns);
    *bytes += size_of::<Vec<Value>>();
    for column in 0..columns {
        let value = match row.get_ref(column)? {
            // SQLite does not look at what it is given as text.
            ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
            other => other.try_into().unwrap_or(Value::Null),
        };
        *bytes += bytes_of_value(&value);
        values.push(value);
    }
    Ok(values)
}

impl Failed {
    /// Whether SQLite was refused memory, or did not get any.
    pub(super) fn is_want_of_memory(&self) -> bool {
        matches!(self, Failed::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::OutOfMemory))
    }

    pub(super) fn explain(self, guard: &Guard) -> SqlError {
        let error = match self {
            Failed::Full => return SqlError::Full,
            Failed::TooLarge => return SqlError::ResultTooLarge,
            Failed::Parameters { wanted, given } => {
                return SqlError::Statement(format!(
                    "the statement has {wanted} parameters, and {given} were given"
                ));
            }
            Failed::Sqlite(error) => error,
        };
        if let Some(refused) = guard.refused() {
            return SqlError::Forbidden(refused);
        }
        if let Some(ended) = guard.ended() {
            return ended;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => SqlError::Timeout,
            Some(ErrorCode::OutOfMemory) if guard.is_over_time() => SqlError::Timeout,
            Some(ErrorCode::DiskFull) => SqlError::Full,
            Some(ErrorCode::ReadOnly) => SqlError::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SqlError::Busy,
            Some(ErrorCode::OutOfMemory) => SqlError::Memory,
            Some(ErrorCode::ApiMisuse) => {
                SqlError::Statement("there is no statement in this text".to_owned())
            }
            Some(
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::FileLockingProtocolFailed,
            ) => SqlError::Host(error.to_string()),
            _ => SqlError::Statement(words(&error)),
        }
    }
}

fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(ffi::Error { .. }, Some(text)) => text.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::MultipleStatement => {
            "these are several statements; give them one at a time".to_owned()
        }
        other => other.to_string(),
    }
}
