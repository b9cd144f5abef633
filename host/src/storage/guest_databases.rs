//! SQL databases of functions: a SQLite file for each, beside the host's own.
//!
//! ```text
//! a guest's handle (GuestConnection) -> a lease of a worker -> the worker's thread, which alone has the connection
//! ```
//!
//! A handle has a worker only while a statement runs, or for as long as it left something behind on the connection: an
//! open transaction, a temporary table, a changed setting. Then the worker ends with the handle, or when nobody uses it
//! for a while, and what was open is rolled back.
//!
//! Each function has a bounded number of connections, so has each database, and so have all of them: one that keeps them
//! all busy holds up nobody else. Those that compute take turns ([`share`]), and what they compute is their invocation's.

mod connection;
mod error;
mod functions;
mod guard;
mod judge;
pub(super) mod memory;
mod open;
mod savepoint;
mod share;
mod statement;
mod worker;

use std::collections::HashMap;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub use rusqlite::types::Value;
use tokio::sync::{OwnedSemaphorePermit, RwLock, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

pub use self::connection::GuestConnection;
pub use self::error::SqlError;
use self::share::{Share, Shares, acquire};
use self::worker::{Lifelong, Places, Worker};
use super::database::StorageError;
use crate::limits::{
    SQL_BUSY_TIMEOUT, SQL_CONNECTIONS_MAX, SQL_CONNECTIONS_PER_DATABASE, SQL_TURNS_PER_PROCESSOR,
};
use crate::model::cpu_time::CpuTime;
use crate::model::grant::Access;
use crate::model::name::Name;

/// What a statement gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows, each with a value for every column.
    pub rows: Vec<Vec<Value>>,
    /// What the rows and the names take in memory.
    pub bytes: usize,
}

/// On whose behalf statements run.
#[derive(Clone)]
pub struct Caller {
    /// The function, which has a share of what all of them use.
    pub function: Name,
    /// The invocation's CPU time: what statements compute is added.
    pub cpu: CpuTime,
}

/// The databases in one directory, opened as they are needed.
pub struct GuestDatabases {
    directory: PathBuf,
    open: Mutex<HashMap<Name, Arc<Entry>>>,
    /// Places of connections, in use or idle.
    places: Arc<Semaphore>,
    /// Statements that wait for a place, and take that of a connection that becomes idle.
    waiting: AtomicUsize,
    shares: Shares,
}

/// A database that is open, or was.
struct Entry {
    path: PathBuf,
    permits: Arc<Semaphore>,
    /// Workers that have nothing to do and nothing left behind.
    idle: Mutex<Idle>,
    /// Held while a connection is set up: SQLite does not wait for one that changes the file's mode.
    opening: Arc<Mutex<()>>,
    /// Held by those that have the file open for reading, and for writing by the one that deletes it.
    file: Arc<RwLock<()>>,
}

/// A file as it lies on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseFile {
    /// The database's name.
    pub name: Name,
    /// Its size, with its log.
    pub bytes: u64,
}

/// Why a database was not deleted.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum NotDeleted {
    #[error("there is none")]
    Missing,
    #[error("an invocation still uses it")]
    InUse,
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl GuestDatabases {
    /// The databases in this directory, which is made with the first of them.
    pub fn new(directory: PathBuf) -> GuestDatabases {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        GuestDatabases::with_turns(directory, processors * SQL_TURNS_PER_PROCESSOR)
    }

    /// Databases where this many statements compute at once.
    fn with_turns(directory: PathBuf, turns: usize) -> GuestDatabases {
        GuestDatabases {
            directory,
            open: Mutex::default(),
            places: Arc::new(Semaphore::new(SQL_CONNECTIONS_MAX)),
            waiting: AtomicUsize::new(0),
            shares: Shares::new(turns),
        }
    }

    /// A handle to a database. It and its file are made with the first statement.
    pub fn connection(
        self: &Arc<Self>,
        caller: &Caller,
        name: Name,
        access: Access,
    ) -> GuestConnection {
        GuestConnection::new(self.clone(), caller, name, access)
    }

    /// The databases there are, in the order of their names.
    pub fn files(&self) -> Result<Vec<DatabaseFile>, StorageError> {
        let mut files = Vec::new();
        let entries = match std::fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.and_then(|name| name.strip_suffix(".db")?.parse().ok());
            if let Some(name) = name {
                let bytes = bytes_of(&path) + bytes_of(&log_of(&path));
                files.push(DatabaseFile { name, bytes });
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// Deletes a database that nobody uses. A statement that comes meanwhile makes a new one.
    pub async fn delete(&self, name: &Name) -> Result<(), NotDeleted> {
        let entry = self.entry(name);
        let _going = entry.goes();
        let alone = timeout(SQL_BUSY_TIMEOUT, entry.file.write()).await;
        let _alone = alone.map_err(|_| NotDeleted::InUse)?;
        let deleted = remove(&entry.path)?;
        // SQLite takes no notice of a log that is left, where it comes to that.
        for beside in ["-wal", "-shm"] {
            remove(&name_beside(&entry.path, beside))?;
        }
        match deleted {
            true => Ok(()),
            false => Err(NotDeleted::Missing),
        }
    }

    async fn lease(&self, name: &Name, share: &Share) -> Result<(Lease, Places), SqlError> {
        let until = Instant::now() + SQL_BUSY_TIMEOUT;
        let of_function = timeout_at(until, acquire(&share.connections)).await;
        let of_function = of_function.map_err(|_| SqlError::TooManyOfFunction)?;
        let entry = self.entry(name);
        let of_database = timeout_at(until, acquire(&entry.permits)).await;
        let places = Places {
            _of_function: of_function,
            _of_database: of_database.map_err(|_| SqlError::NoConnection)?,
        };
        let idle = entry.idle.lock().expect("no holder panics").workers.pop();
        let worker = match idle {
            Some(worker) => worker,
            None => self.start(&entry, until).await?,
        };
        Ok((Lease { worker, entry }, places))
    }

    async fn start(&self, entry: &Entry, until: Instant) -> Result<Worker, SqlError> {
        let host = |error: io::Error| SqlError::Host(error.to_string());
        make_private(&self.directory).map_err(host)?;
        let place = timeout_at(until, self.place()).await;
        let file = timeout_at(until, entry.file.clone().read_owned()).await;
        let lifelong = Lifelong {
            _place: place.map_err(|_| SqlError::TooMany)?,
            _file: file.map_err(|_| SqlError::Busy)?,
        };
        Worker::start(entry.path.clone(), entry.opening.clone(), lifelong).map_err(host)
    }

    /// A place for one more connection: where there is none left, that of an idle one.
    async fn place(&self) -> OwnedSemaphorePermit {
        let _waiting = Waiting::add(&self.waiting);
        // Taken at once, if at all: of two that only looked, both would see the last one.
        if let Ok(free) = self.places.clone().try_acquire_owned() {
            return free;
        }
        self.end_an_idle_one();
        acquire(&self.places).await
    }

    fn end_an_idle_one(&self) {
        let open = self.open.lock().expect("no holder panics");
        let mut idle = open
            .values()
            .filter_map(|entry| entry.idle.lock().expect("no holder panics").workers.pop());
        drop(idle.next());
    }

    /// Takes back a worker that has nothing left on its connection.
    fn give_back(&self, lease: Lease) {
        let mut idle = lease.entry.idle.lock().expect("no holder panics");
        // Under the lock: whoever begins to wait looks at what is idle afterwards.
        if self.waiting.load(Ordering::Relaxed) == 0 && idle.deletions == 0 {
            idle.workers.push(lease.worker);
        }
    }

    fn entry(&self, name: &Name) -> Arc<Entry> {
        let mut open = self.open.lock().expect("no holder panics");
        if let Some(entry) = open.get(name) {
            return entry.clone();
        }
        open.retain(|_, entry| entry.is_used());
        let entry = Arc::new(Entry {
            path: self.directory.join(format!("{name}.db")),
            permits: Arc::new(Semaphore::new(SQL_CONNECTIONS_PER_DATABASE)),
            idle: Mutex::default(),
            opening: Arc::default(),
            file: Arc::default(),
        });
        open.insert(name.clone(), entry.clone());
        entry
    }
}

impl Entry {
    /// Lets idle workers go, and those that become idle, until the answer is dropped.
    fn goes(&self) -> Going<'_> {
        let mut idle = self.idle.lock().expect("no holder panics");
        idle.workers.clear();
        idle.deletions += 1;
        Going(&self.idle)
    }

    /// Whether anybody has it open, or is about to.
    fn is_used(self: &Arc<Entry>) -> bool {
        Arc::strong_count(self) > 1 || Arc::strong_count(&self.file) > 1
    }
}

/// Workers that nobody uses.
#[derive(Default)]
struct Idle {
    workers: Vec<Worker>,
    /// How many are about to delete the database: while there are any, nobody is to have its file open for nothing.
    deletions: usize,
}

struct Going<'a>(&'a Mutex<Idle>);

impl Drop for Going<'_> {
    fn drop(&mut self) {
        self.0.lock().expect("no holder panics").deletions -= 1;
    }
}

/// A worker for one handle.
struct Lease {
    worker: Worker,
    entry: Arc<Entry>,
}

/// Counts whoever waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn add(to: &AtomicUsize) -> Waiting<'_> {
        to.fetch_add(1, Ordering::Relaxed);
        Waiting(to)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(directory)
}

/// Deletes a file. Whether there was one.
fn remove(path: &Path) -> Result<bool, StorageError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The write-ahead log beside a database.
fn log_of(path: &Path) -> PathBuf {
    name_beside(path, "-wal")
}

fn name_beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What a value takes in memory.
pub fn bytes_of_value(value: &Value) -> usize {
    let apart = match value {
        Value::Text(text) => text.len(),
        Value::Blob(blob) => blob.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) => 0,
    };
    size_of::<Value>() + apart
}

/// A file's size; nothing where there is none.
fn bytes_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

#[cfg(test)]
mod tests;
