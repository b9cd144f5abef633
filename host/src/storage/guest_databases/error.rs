//! Why a statement failed, in words for whoever wrote it.

use crate::limits::{
    SQL_BUSY_TIMEOUT, SQL_CONNECTION_MEMORY_BYTES, SQL_CONNECTIONS_MAX,
    SQL_CONNECTIONS_PER_DATABASE, SQL_CONNECTIONS_PER_FUNCTION, SQL_DATABASE_BYTES_MAX,
    SQL_FUNCTION_MEMORY_BYTES_MAX, SQL_IDLE_TIMEOUT, SQL_LOG_BYTES_MAX, SQL_MEMORY_BYTES_MAX,
    SQL_OVERDUE, SQL_RESULT_BYTES_MAX, SQL_ROWS_MAX, SQL_STATEMENT_TIMEOUT,
};
use crate::model::cpu_time::CpuLimitReached;

/// Why a statement did not do what it was asked. Where nothing else is said, nothing of it stays, and a transaction
/// around it may be rolled back.
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
    /// All connections of the database are taken.
    #[error(
        "all {SQL_CONNECTIONS_PER_DATABASE} connections of the database stayed in use for {}s; try again",
        SQL_BUSY_TIMEOUT.as_secs()
    )]
    NoConnection,
    /// The function has taken all of its connections.
    #[error(
        "the function's {SQL_CONNECTIONS_PER_FUNCTION} connections stayed in use for {}s: end transactions and drop \
         temporary tables that are not needed, and try again",
        SQL_BUSY_TIMEOUT.as_secs()
    )]
    TooManyOfFunction,
    /// All connections are taken.
    #[error(
        "the {SQL_CONNECTIONS_MAX} connections of all functions stayed in use for {}s; try again",
        SQL_BUSY_TIMEOUT.as_secs()
    )]
    TooMany,
    /// Nobody used it for too long.
    #[error(
        "nothing was done for {}s: the transaction was rolled back, temporary tables and settings are gone; begin again",
        SQL_IDLE_TIMEOUT.as_secs()
    )]
    Expired,
    /// It took too long.
    #[error("the statement was ended: it took longer than {}s", SQL_STATEMENT_TIMEOUT.as_secs())]
    Timeout,
    /// It did not end when it was told to.
    #[error(
        "the statement did not end within {}s: nobody waits for it any more, and what it does may stay",
        (SQL_STATEMENT_TIMEOUT + SQL_OVERDUE).as_secs()
    )]
    Overdue,
    /// The invocation's CPU time is used up: it ends.
    #[error(transparent)]
    CpuLimit(#[from] CpuLimitReached),
    /// It took too much memory.
    #[error(
        "the statement was ended, and the transaction around it rolled back: a connection has \
         {SQL_CONNECTION_MEMORY_BYTES} bytes of memory for SQL, those of a function {SQL_FUNCTION_MEMORY_BYTES_MAX} \
         more, and all functions together {SQL_MEMORY_BYTES_MAX}; do it in smaller parts"
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
