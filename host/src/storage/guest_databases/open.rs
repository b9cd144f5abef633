//! Opening a database, with every bound that SQLite knows itself.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{Action, AuthContext};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::guard::Guard;
use super::{functions, memory};
use crate::limits::{
    SQL_CACHE_BYTES, SQL_DATABASE_BYTES_MAX, SQL_PARAMETERS_MAX, SQL_PATTERN_BYTES_MAX,
    SQL_TEMPORARY_BYTES_MAX, SQL_TEXT_BYTES_MAX, SQL_VALUE_BYTES_MAX,
};

/// SQLite's default, which the file keeps from its first page on.
const PAGE_BYTES: u64 = 4096;
/// Steps of SQLite's machine between two looks at the clock: some tens of microseconds.
const STEPS_PER_LOOK: i32 = 500;
/// Prepared statements kept by a connection.
const STATEMENTS_KEPT: usize = 16;

/// Opens the file, makes it if it is not there, and sets every bound.
pub(super) fn open(
    path: &Path,
    opening: &Mutex<()>,
    guard: &Arc<Guard>,
) -> rusqlite::Result<Connection> {
    let _alone = opening.lock().expect("no holder panics");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    memory::count();
    let mut connection = Connection::open_with_flags(path, flags)?;
    let waiting = guard.clone();
    connection.busy_handler(Some(move |attempt| waiting.waits_for_lock(attempt)))?;
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
    ] {
        connection.set_db_config(setting, value)?;
    }
    for (pragma, value) in [
        ("journal_mode", "WAL".to_owned()),
        ("synchronous", "FULL".to_owned()),
        ("temp_store", "MEMORY".to_owned()),
        ("mmap_size", "0".to_owned()),
        ("cell_size_check", "ON".to_owned()),
        ("cache_size", format!("-{}", SQL_CACHE_BYTES / 1024)),
        ("journal_size_limit", (4 * 1024 * 1024).to_string()),
        (
            "max_page_count",
            (SQL_DATABASE_BYTES_MAX / PAGE_BYTES).to_string(),
        ),
        (
            "temp.max_page_count",
            (SQL_TEMPORARY_BYTES_MAX / PAGE_BYTES).to_string(),
        ),
    ] {
        // Some answer with a row, some do not.
        connection.execute_batch(&format!("PRAGMA {pragma} = {value}"))?;
    }
    set_limits(&connection)?;
    set_hooks(&mut connection, guard)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

/// Has the guard asked.
fn set_hooks(connection: &mut Connection, guard: &Arc<Guard>) -> rusqlite::Result<()> {
    functions::watch(connection, guard)?;
    let (asked, stepped, inserted) = (guard.clone(), guard.clone(), guard.clone());
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        asked.authorize(context)
    }))?;
    connection.progress_handler(STEPS_PER_LOOK, Some(move || stepped.ends()))?;
    connection.update_hook(Some(move |action: Action, _: &str, _: &str, _: i64| {
        if action == Action::SQLITE_INSERT {
            inserted.note_insert();
        }
    }))
}

fn set_limits(connection: &Connection) -> rusqlite::Result<()> {
    let bounded = |bytes: usize| i32::try_from(bytes).unwrap_or(i32::MAX);
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, bounded(SQL_VALUE_BYTES_MAX)),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, bounded(SQL_TEXT_BYTES_MAX)),
        (
            Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH,
            bounded(SQL_PATTERN_BYTES_MAX),
        ),
        (
            Limit::SQLITE_LIMIT_VARIABLE_NUMBER,
            bounded(SQL_PARAMETERS_MAX),
        ),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_COLUMN, 500),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 100),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 100),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 20),
        (Limit::SQLITE_LIMIT_VDBE_OP, 100_000),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    Ok(())
}
