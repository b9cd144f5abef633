//! A connection and the thread that has it.
//!
//! A thread of its own, with less of the processor than others where it is scarce: a statement computes and waits for
//! the disk, and neither is to hold up functions. It ends when its [`Worker`] is dropped, after what it is at.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};

use rusqlite::config::DbConfig;
use rusqlite::ffi;
use rusqlite::hooks::Action;
use rusqlite::limits::Limit;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, params_from_iter};
use rustix::process::setpriority_process;
use rustix::thread::gettid;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::guard::Guard;
use super::{Rows, SqlError, bytes_of_value, log_of};
use crate::limits::{
    SQL_BUSY_TIMEOUT, SQL_CACHE_BYTES, SQL_DATABASE_BYTES_MAX, SQL_PARAMETERS_MAX,
    SQL_PATTERN_BYTES_MAX, SQL_RESULT_BYTES_MAX, SQL_ROWS_MAX, SQL_TEMPORARY_BYTES_MAX,
    SQL_TEXT_BYTES_MAX, SQL_TEXT_KEPT_BYTES_MAX, SQL_VALUE_BYTES_MAX,
};
use crate::model::grant::Access;

/// SQLite's default, which the file keeps from its first page on.
const PAGE_BYTES: u64 = 4096;
/// Steps of SQLite's machine between two looks at the clock: some tens of microseconds.
const STEPS_PER_LOOK: i32 = 500;
/// About a third of what others get of the processor where it is scarce.
const NICENESS: i32 = 5;
/// Prepared statements kept by a connection.
const STATEMENTS_KEPT: usize = 16;

/// A statement to run.
pub(super) struct Job {
    pub(super) statement: String,
    pub(super) parameters: Vec<Value>,
    pub(super) access: Access,
    /// The place of this connection among its database's, until the statement has really ended.
    pub(super) _permit: Arc<OwnedSemaphorePermit>,
}

/// What became of it.
pub(super) struct Done {
    pub(super) result: Result<Rows, SqlError>,
    /// The row id, if it inserted a row.
    pub(super) inserted: Option<i64>,
    /// How many rows it changed, if it may have changed any.
    pub(super) changed: Option<u64>,
    /// Something of this guest's is on the connection.
    pub(super) left_behind: bool,
}

type Task = (Job, oneshot::Sender<Done>);

/// The way to a connection. Dropping it ends its statement.
pub(super) struct Worker {
    tasks: mpsc::Sender<Task>,
    guard: Arc<Guard>,
}

impl Worker {
    /// Starts a thread that opens the database with its first statement.
    pub(super) fn start(path: PathBuf, opening: Arc<Mutex<()>>) -> io::Result<Worker> {
        let (tasks, queue) = mpsc::channel();
        let guard = Arc::new(Guard::new(log_of(&path)));
        let guarded = guard.clone();
        std::thread::Builder::new()
            .name("sql".to_owned())
            .spawn(move || work(&path, &opening, &guarded, &queue))?;
        Ok(Worker { tasks, guard })
    }

    pub(super) async fn run(&self, job: Job) -> Result<Done, SqlError> {
        let gone = || SqlError::Host("the connection's thread has ended".to_owned());
        let (sender, receiver) = oneshot::channel();
        self.tasks.send((job, sender)).map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.guard.abandon();
    }
}

fn work(path: &Path, opening: &Mutex<()>, guard: &Arc<Guard>, queue: &mpsc::Receiver<Task>) {
    if let Err(error) = setpriority_process(Some(gettid()), NICENESS) {
        tracing::debug!(%error, "a thread for SQL keeps its priority");
    }
    let mut opened: Option<Open> = None;
    while let Ok((job, sender)) = queue.recv() {
        let done = match &mut opened {
            Some(open) => open.run(&job, guard),
            none => match open(path, opening, guard) {
                Ok(connection) => none.insert(Open::new(connection)).run(&job, guard),
                Err(error) => Done::failed(error),
            },
        };
        drop(job);
        // Whoever asked may have gone.
        let _ = sender.send(done);
    }
}

impl Done {
    /// The connection is of no further use.
    fn failed(error: rusqlite::Error) -> Done {
        Done {
            result: Err(SqlError::Host(error.to_string())),
            inserted: None,
            changed: None,
            left_behind: true,
        }
    }
}

/// An open connection.
struct Open {
    connection: Connection,
    access: Access,
}

impl Open {
    fn new(connection: Connection) -> Open {
        Open {
            connection,
            access: Access::ReadWrite,
        }
    }

    fn run(&mut self, job: &Job, guard: &Guard) -> Done {
        if let Err(error) = self.allow(job.access) {
            return Done::failed(error);
        }
        guard.begin();
        let ran = run(&self.connection, job, guard);
        guard.end();
        if job.statement.len() > SQL_TEXT_KEPT_BYTES_MAX {
            self.connection.flush_prepared_statement_cache();
        }
        Done {
            inserted: guard
                .inserted()
                .then(|| self.connection.last_insert_rowid()),
            changed: matches!(ran, Ok((_, true))).then(|| self.connection.changes()),
            left_behind: guard.left_behind() || !self.connection.is_autocommit(),
            result: ran
                .map(|(rows, _)| rows)
                .map_err(|failed| failed.explain(guard)),
        }
    }

    fn allow(&mut self, access: Access) -> rusqlite::Result<()> {
        if access != self.access {
            self.connection
                .pragma_update(None, "query_only", access == Access::Read)?;
            self.access = access;
        }
        Ok(())
    }
}

/// Opens the file, makes it if it is not there, and sets every bound.
fn open(path: &Path, opening: &Mutex<()>, guard: &Arc<Guard>) -> rusqlite::Result<Connection> {
    let _alone = opening.lock().expect("no holder panics");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(SQL_BUSY_TIMEOUT)?;
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
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    let (asked, stepped, inserted) = (guard.clone(), guard.clone(), guard.clone());
    connection.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| {
        asked.authorize(context)
    }))?;
    connection.progress_handler(STEPS_PER_LOOK, Some(move || stepped.ends()))?;
    connection.update_hook(Some(move |action: Action, _: &str, _: &str, _: i64| {
        if action == Action::SQLITE_INSERT {
            inserted.note_insert();
        }
    }))?;
    Ok(connection)
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

/// Why a statement failed, before it is known whether it was ended or refused.
enum Failed {
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
fn run(connection: &Connection, job: &Job, guard: &Guard) -> Result<(Rows, bool), Failed> {
    let mut statement = connection.prepare_cached(&job.statement)?;
    let (wanted, given) = (statement.parameter_count(), job.parameters.len());
    if wanted != given {
        return Err(Failed::Parameters { wanted, given });
    }
    let may_change = !statement.readonly();
    if may_change {
        guard.writes();
        make_room(connection, guard)?;
    }
    let mut found = Rows {
        columns: names(&statement),
        rows: Vec::new(),
        bytes: 0,
    };
    let mut rows = statement.query(params_from_iter(&job.parameters))?;
    while let Some(row) = rows.next()? {
        let statement = row.as_ref();
        if statement.column_count() != found.columns.len() {
            // Somebody has changed the table since the statement was prepared.
            found.columns = names(statement);
        }
        let values = values(row, found.columns.len(), &mut found.bytes)?;
        if found.bytes > SQL_RESULT_BYTES_MAX || found.rows.len() >= SQL_ROWS_MAX {
            return Err(Failed::TooLarge);
        }
        found.rows.push(values);
    }
    Ok((found, may_change))
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

fn names(statement: &rusqlite::Statement<'_>) -> Vec<String> {
    statement.column_names().map(str::to_owned).collect()
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
    fn explain(self, guard: &Guard) -> SqlError {
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
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => guard.ended().unwrap_or(SqlError::Timeout),
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
