//! Opening the database, and the two ways to use it: [`Database::read`] and [`Database::write`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub use rusqlite::Connection;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
use rusqlite::{ErrorCode, OpenFlags};
use tokio::sync::Semaphore;

use super::guest_databases::memory;
use super::key_value;
use super::migrate;
use super::writer::Writer;
pub use super::writer::WriterFigures;
use crate::limits::{BUCKET_BYTES_MAX, DATABASE_READERS, DATABASE_READERS_OF_FUNCTIONS};

/// The database's file name in the data directory.
pub const FILE_NAME: &str = "tidegate.db";

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// SQLite's own error: a failing disk, a damaged file.
    #[error("database: {0}")]
    Sqlite(rusqlite::Error),
    /// There is no room for what was to be written.
    #[error("the disk is full: make room where the data directory is")]
    DiskFull,
    /// The group of writes that this one belonged to could not be committed.
    #[error("database: the write could not be committed: {0}")]
    Commit(String),
    /// The file was written by a newer Tidegate.
    #[error(
        "the database has schema {found}, this Tidegate knows up to {known}: use a newer Tidegate, or a backup"
    )]
    NewerSchema {
        /// The file's.
        found: u32,
        /// The newest that this binary has.
        known: u32,
    },
    /// The directory of functions' databases cannot be read.
    #[error("the functions' databases: {0}")]
    Directory(#[from] std::io::Error),
    /// A row does not hold what the host wrote.
    #[error("database: {0} is damaged")]
    Damaged(String),
    /// A bucket holds as much as it may.
    #[error(
        "bucket `{0}` is full: it holds {BUCKET_BYTES_MAX} bytes, the most that one may; delete some of its keys"
    )]
    BucketFull(String),
    /// The host is shutting down.
    #[error("the database is closed")]
    Closed,
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> StorageError {
        let cause = error.sqlite_error();
        let is_full = cause.is_some_and(|cause| {
            // The second: the index of the write-ahead log could not grow.
            cause.code == ErrorCode::DiskFull || cause.extended_code == SQLITE_IOERR_SHMSIZE
        });
        if is_full {
            StorageError::DiskFull
        } else {
            StorageError::Sqlite(error)
        }
    }
}

/// A handle to the database; clones share it.
#[derive(Clone)]
pub struct Database {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
}

/// Read-only connections: a permit for each, so that a taker always finds one.
struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    /// Those that functions may use of them.
    of_functions: Arc<Semaphore>,
}

impl Database {
    /// Opens the database in this directory, makes it if it is not there, and brings its schema up to date.
    pub fn open(data_dir: &Path) -> Result<Database, StorageError> {
        let path = data_dir.join(FILE_NAME);
        let mut connection = connect(
            &path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        )?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        migrate::run(&mut connection)?;
        key_value::count_bytes(&connection, BUCKET_BYTES_MAX)?;
        let readers =
            (0..DATABASE_READERS).map(|_| connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY));
        let readers = readers.collect::<Result<Vec<_>, _>>()?;
        Ok(Database {
            writer: Arc::new(Writer::start(connection)),
            readers: Arc::new(Readers {
                permits: Arc::new(Semaphore::new(readers.len())),
                of_functions: Arc::new(Semaphore::new(DATABASE_READERS_OF_FUNCTIONS)),
                idle: Mutex::new(readers),
            }),
        })
    }

    /// [`Database::read`] on behalf of a function: functions together leave a connection to the host's own reads.
    pub async fn read_for_function<T, F>(&self, read: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    {
        let turn = self.readers.of_functions.clone().acquire_owned().await;
        let turn = turn.map_err(|_| StorageError::Closed)?;
        let read = move |connection: &Connection| {
            let _turn = turn;
            read(connection)
        };
        self.read(read).await
    }

    /// Runs `read` on a read-only connection, off the async threads.
    pub async fn read<T, F>(&self, read: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    {
        let readers = self.readers.clone();
        let permit = readers.permits.clone().acquire_owned();
        let permit = permit.await.map_err(|_| StorageError::Closed)?;
        let run = move || {
            // Here, and not with the caller: one that is cancelled goes before its connection is back.
            let _permit = permit;
            let connection = readers
                .idle
                .lock()
                .expect("no holder panics")
                .pop()
                .expect("a permit is a connection");
            let result = read(&connection);
            readers
                .idle
                .lock()
                .expect("no holder panics")
                .push(connection);
            result
        };
        tokio::task::spawn_blocking(run)
            .await
            .map_err(|_| StorageError::Closed)?
    }

    /// Runs `write` in a transaction, together with what else is waiting to be written. Returns when it is durable.
    pub async fn write<T, F>(&self, write: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    {
        self.writer.run(write).await
    }

    /// How its writer fares.
    pub fn figures(&self) -> WriterFigures {
        self.writer.figures()
    }
}

/// The version of SQLite that is built in.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// Opens a connection for one short command beside a running host, such as making a token.
pub fn open_beside(data_dir: &Path) -> Result<Connection, StorageError> {
    connect(&data_dir.join(FILE_NAME), OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// The file that holds the database in this data directory.
pub fn file(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE_NAME)
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StorageError> {
    memory::count();
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    // The write-ahead log is cut back to this after a checkpoint, so that one burst does not occupy the flash for good.
    connection.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024)?;
    // All that the host has: one that is displaced is parsed anew the next time.
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn readers_that_are_cancelled_keep_their_connection_until_they_are_done() {
        let directory = tempfile::tempdir().expect("a directory");
        let database = Database::open(directory.path()).expect("a database");
        let mut holding = Vec::new();
        for _ in 0..DATABASE_READERS {
            let (release, released) = mpsc::channel::<()>();
            let read = database.read(move |_| {
                // Ends when the other side goes.
                let _ = released.recv();
                Ok(())
            });
            let cancelled = timeout(Duration::from_millis(50), read).await;
            assert!(cancelled.is_err(), "it waits");
            holding.push(release);
        }
        let waiting = timeout(Duration::from_millis(50), database.read(|_| Ok(()))).await;
        assert!(waiting.is_err(), "all connections are in use: {waiting:?}");
        drop(holding);
        database
            .read(|_| Ok(()))
            .await
            .expect("a connection is free");
    }
}
