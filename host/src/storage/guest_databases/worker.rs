//! A connection and the thread that has it.
//!
//! A thread of its own, with less of the processor than others where it is scarce: a statement computes and waits for
//! the disk, and neither is to hold up functions. It ends when its [`Worker`] is dropped, after what it is at.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};

use rusqlite::Connection;
use rusqlite::types::Value;
use rustix::process::setpriority_process;
use rustix::thread::gettid;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::guard::Guard;
use super::open::open;
use super::{Rows, SqlError, log_of, statement};
use crate::limits::SQL_TEXT_KEPT_BYTES_MAX;
use crate::model::grant::Access;

/// About a third of what others get of the processor where it is scarce.
const NICENESS: i32 = 5;

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
        let ran = statement::run(&self.connection, &job.statement, &job.parameters, guard);
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
