//! Why a statement failed, in words for whoever wrote it.

use crate::limits::{
    SQL_BUSY_TIMEOUT, SQL_CONNECTIONS_PER_DATABASE, SQL_DATABASE_BYTES_MAX, SQL_DATABASES_OPEN_MAX,
    SQL_LOG_BYTES_MAX, SQL_MEMORY_BYTES_MAX, SQL_RESULT_BYTES_MAX, SQL_ROWS_MAX,
    SQL_STATEMENT_TIMEOUT,
};

/// Why a statement did not do what it was asked. Nothing of it stays; a transaction around it may be rolled back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// What SQLite says of the statement: its syntax, a constraint.
    #[error("{0}")]
    Statement(String),
    /// Not for functions.
    #[error("{0}")]
    Forbidden(String),
    /// The grant is for reading.
    #[error("the database is granted for reading only")]
    ReadOnly,
    /// The file or its log has no more room.
    #[error(
        "the database is full: it has at most {SQL_DATABASE_BYTES_MAX} bytes, and {SQL_LOG_BYTES_MAX} of changes that \
         open transactions keep from being taken in"
    )]
    Full,
    /// Another transaction is in the way.
    #[error("the database is locked: another transaction did not end within {}s; try again", SQL_BUSY_TIMEOUT.as_secs())]
    Busy,
    /// All connections are taken.
    #[error(
        "all {SQL_CONNECTIONS_PER_DATABASE} connections of the database stayed in use for {}s; try again",
        SQL_BUSY_TIMEOUT.as_secs()
    )]
    NoConnection,
    /// All places for open databases are taken.
    #[error(
        "{SQL_DATABASES_OPEN_MAX} databases are in use, more are not held open at once; try again"
    )]
    TooManyOpen,
    /// It took too long.
    #[error("the statement was ended: it took longer than {}s", SQL_STATEMENT_TIMEOUT.as_secs())]
    Timeout,
    /// It took too much memory.
    #[error(
        "the statement was ended: SQL statements may have {SQL_MEMORY_BYTES_MAX} bytes of memory together"
    )]
    Memory,
    /// Too much was asked for.
    #[error(
        "the result has more than {SQL_ROWS_MAX} rows or {SQL_RESULT_BYTES_MAX} bytes: ask for less at once, as with LIMIT"
    )]
    ResultTooLarge,
    /// The host's own failure. What it was is for the host's log.
    #[error("the database cannot be used at present")]
    Host(String),
}
