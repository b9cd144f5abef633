//! SQL databases of functions: a SQLite file for each, beside the host's own.
//!
//! ```text
//! a guest's handle (GuestConnection) -> a lease of a worker -> the worker's thread, which alone has the connection
//! ```
//!
//! A handle has a worker only while a statement runs, or for as long as it left something behind on the connection: an
//! open transaction, a temporary table, a changed setting. Then the worker ends with the handle, and what was open is
//! rolled back. Each database has its own few workers, so that a guest that keeps them all busy holds up nobody else.

mod connection;
mod error;
mod functions;
mod guard;
mod judge;
mod open;
mod statement;
mod worker;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub use rusqlite::types::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

pub use self::connection::GuestConnection;
pub use self::error::SqlError;
use self::worker::Worker;
use super::database::StorageError;
use crate::limits::{SQL_BUSY_TIMEOUT, SQL_CONNECTIONS_PER_DATABASE, SQL_DATABASES_OPEN_MAX};
use crate::model::grant::Access;
use crate::model::name::Name;

/// What a statement gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows, each with a value for every column.
    pub rows: Vec<Vec<Value>>,
    /// What the rows take in memory.
    pub bytes: usize,
}

/// The databases in one directory, opened as they are needed.
pub struct GuestDatabases {
    directory: PathBuf,
    open: Mutex<HashMap<Name, Arc<Entry>>>,
}

/// An open database.
struct Entry {
    path: PathBuf,
    permits: Arc<Semaphore>,
    /// Workers that have nothing to do and nothing left behind.
    idle: Mutex<Vec<Worker>>,
    /// Held while a connection is set up: SQLite does not wait for one that changes the file's mode.
    opening: Arc<Mutex<()>>,
}

/// A file as it lies on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseFile {
    /// The database's name.
    pub name: Name,
    /// Its size, with its log.
    pub bytes: u64,
}

impl GuestDatabases {
    /// The databases in this directory, which is made with the first of them.
    pub fn new(directory: PathBuf) -> GuestDatabases {
        GuestDatabases {
            directory,
            open: Mutex::default(),
        }
    }

    /// A handle to a database. It and its file are made with the first statement.
    pub fn connection(self: &Arc<Self>, name: Name, access: Access) -> GuestConnection {
        GuestConnection::new(self.clone(), name, access)
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

    async fn lease(&self, name: &Name) -> Result<Lease, SqlError> {
        let entry = self.entry(name)?;
        let permit = timeout(SQL_BUSY_TIMEOUT, entry.permits.clone().acquire_owned()).await;
        let permit = permit
            .map_err(|_| SqlError::NoConnection)?
            .map_err(|error| SqlError::Host(error.to_string()))?;
        let idle = entry.idle.lock().expect("no holder panics").pop();
        let worker = match idle {
            Some(worker) => worker,
            None => Worker::start(entry.path.clone(), entry.opening.clone())
                .map_err(|error| SqlError::Host(format!("no thread: {error}")))?,
        };
        Ok(Lease {
            worker: Some(worker),
            entry,
            permit: Arc::new(permit),
        })
    }

    fn entry(&self, name: &Name) -> Result<Arc<Entry>, SqlError> {
        let mut open = self.open.lock().expect("no holder panics");
        if let Some(entry) = open.get(name) {
            return Ok(entry.clone());
        }
        if open.len() >= SQL_DATABASES_OPEN_MAX {
            let unused =
                |entry: &Entry| entry.permits.available_permits() == SQL_CONNECTIONS_PER_DATABASE;
            let unused = open.iter().find(|(_, entry)| unused(entry));
            let unused = unused.map(|(name, _)| name.clone());
            open.remove(&unused.ok_or(SqlError::TooManyOpen)?);
        }
        make_private(&self.directory).map_err(|error| SqlError::Host(error.to_string()))?;
        let entry = Arc::new(Entry {
            path: self.directory.join(format!("{name}.db")),
            permits: Arc::new(Semaphore::new(SQL_CONNECTIONS_PER_DATABASE)),
            idle: Mutex::default(),
            opening: Arc::default(),
        });
        open.insert(name.clone(), entry.clone());
        Ok(entry)
    }
}

/// A worker for one handle.
struct Lease {
    worker: Option<Worker>,
    entry: Arc<Entry>,
    /// The worker has it as well while it runs a statement, which may outlast the invocation for a moment.
    permit: Arc<OwnedSemaphorePermit>,
}

impl Lease {
    /// Makes the worker available to others.
    fn give_back(mut self) {
        if let Some(worker) = self.worker.take() {
            let mut idle = self.entry.idle.lock().expect("no holder panics");
            idle.push(worker);
        }
    }
}

fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(directory)
}

/// The write-ahead log beside a database.
fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
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
