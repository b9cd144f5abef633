//! A connection and the thread that has it.
//!
//! A thread of its own, with less of the processor than others where it is scarce: a statement computes and waits for
//! the disk, and neither is to hold up functions. It ends when its [`Worker`] is dropped, after what it is at, and when
//! nobody uses a connection for too long that has something of a guest's on it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use rusqlite::types::Value;
use rustix::process::setpriority_process;
use rustix::thread::gettid;
use tokio::sync::{OwnedRwLockReadGuard, OwnedSemaphorePermit, oneshot};

use super::guard::Guard;
use super::open::open;
use super::share::Share;
use super::{Rows, SqlError, log_of, memory, statement};
use crate::limits::{SQL_IDLE_TIMEOUT, SQL_TEXT_KEPT_BYTES_MAX};
use crate::model::cpu_time::CpuTime;
use crate::model::grant::Access;

/// About a tenth of what others get of the processor where it is scarce, as few of these threads compute at once. The
/// least there is would be too little: a function that computes would take their databases from all others.
const NICENESS: i32 = 10;

/// A statement to run.
pub(super) struct Job {
    pub(super) statement: String,
    pub(super) parameters: Vec<Value>,
    pub(super) access: Access,
    /// Its function's.
    pub(super) share: Arc<Share>,
    /// Its invocation's.
    pub(super) cpu: CpuTime,
    /// With the first statement of a guest's; later ones are for the connection that has them already.
    pub(super) places: Option<Places>,
}

/// The places of a connection in use, among those of its function and its database. The thread has them, until its
/// statement has really ended and nothing of it is left.
pub(super) struct Places {
    pub(super) _of_function: OwnedSemaphorePermit,
    pub(super) _of_database: OwnedSemaphorePermit,
}

/// What became of a statement.
pub(super) struct Done {
    pub(super) result: Result<Rows, SqlError>,
    /// The row id, if it inserted a row.
    pub(super) inserted: Option<i64>,
    /// How many rows it changed, if it may have changed any.
    pub(super) changed: Option<u64>,
    pub(super) left: Left,
    /// The connection's places, which it does not need any more.
    pub(super) places: Option<Places>,
}

/// What a statement left on the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing: others may use it.
    Nothing,
    /// A transaction, a temporary table, a setting.
    Something,
    /// Nothing of any use: it is closed, and what was open is rolled back.
    Broken,
}

/// What a thread holds on to while it lives.
pub(super) struct Lifelong {
    /// Its place among all connections.
    pub(super) _place: OwnedSemaphorePermit,
    /// Keeps the file from being deleted.
    pub(super) _file: OwnedRwLockReadGuard<()>,
}

type Task = (Job, oneshot::Sender<Done>);

/// The way to a connection. Dropping it ends its statement.
pub(super) struct Worker {
    tasks: Sender<Task>,
    guard: Arc<Guard>,
}

impl Worker {
    /// Starts a thread that opens the database with its first statement.
    pub(super) fn start(
        path: PathBuf,
        opening: Arc<Mutex<()>>,
        lifelong: Lifelong,
    ) -> io::Result<Worker> {
        let (tasks, queue) = channel();
        let guard = Arc::new(Guard::new(log_of(&path)));
        let guarded = guard.clone();
        std::thread::Builder::new()
            .name("sql".to_owned())
            .spawn(move || {
                let _lifelong = lifelong;
                work(&path, &opening, &guarded, &queue);
            })?;
        Ok(Worker { tasks, guard })
    }

    pub(super) async fn run(&self, job: Job) -> Result<Done, SqlError> {
        let gone = || match self.guard.is_expired() {
            true => SqlError::Expired,
            false => SqlError::Host("the connection's thread has ended".to_owned()),
        };
        let (sender, receiver) = oneshot::channel();
        self.tasks.send((job, sender)).map_err(|_| gone())?;
        tokio::select! {
            biased;
            done = receiver => done.map_err(|_| gone()),
            never = self.guard.reclaim_turns() => match never {},
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.guard.abandon();
    }
}

fn work(path: &Path, opening: &Mutex<()>, guard: &Arc<Guard>, queue: &Receiver<Task>) {
    if let Err(error) = setpriority_process(Some(gettid()), NICENESS) {
        tracing::debug!(%error, "a thread for SQL keeps its priority");
    }
    // In this order: a connection is closed before its places are free.
    let mut places: Option<Places> = None;
    let mut opened: Option<Open> = None;
    loop {
        let task = match &places {
            Some(_) => queue.recv_timeout(SQL_IDLE_TIMEOUT),
            None => queue.recv().map_err(RecvTimeoutError::from),
        };
        let (mut job, sender) = match task {
            Ok(task) => task,
            Err(RecvTimeoutError::Timeout) => return guard.expire(),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        places = job.places.take().or(places);
        memory::belongs_to(job.share.memory.clone());
        guard.begin(&job.share, &job.cpu);
        let mut done = match &mut opened {
            Some(open) => open.run(&job, guard),
            none => match open(path, opening, guard) {
                Ok(connection) => none.insert(Open::new(connection)).run(&job, guard),
                Err(error) => Done::failed(&error),
            },
        };
        guard.end();
        // What a connection has beyond its own memory is its function's, and the next one may be another.
        if done.left == Left::Broken || (done.left == Left::Nothing && memory::is_beyond()) {
            opened = None;
        }
        if done.left != Left::Something {
            done.places = places.take();
        }
        // Whoever asked may have gone.
        let _ = sender.send(done);
    }
}

impl Done {
    /// The connection is of no further use.
    fn failed(error: &rusqlite::Error) -> Done {
        Done {
            result: Err(SqlError::Host(error.to_string())),
            inserted: None,
            changed: None,
            left: Left::Broken,
            places: None,
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
            return Done::failed(&error);
        }
        let ran = guard.watch(|deadline| {
            memory::bounded(deadline, || {
                statement::run(&self.connection, &job.statement, &job.parameters, guard)
            })
        });
        if job.statement.len() > SQL_TEXT_KEPT_BYTES_MAX {
            self.connection.flush_prepared_statement_cache();
        }
        let left = match &ran {
            // What SQLite could not do for want of memory may be what it was to undo.
            Some(Err(failed)) if failed.is_want_of_memory() => Left::Broken,
            _ if guard.left_behind() || !self.connection.is_autocommit() => Left::Something,
            _ => Left::Nothing,
        };
        let changes = matches!(ran, Some(Ok((_, true))));
        let inserted = guard.inserted();
        Done {
            result: match ran {
                Some(Ok((rows, _))) => Ok(rows),
                Some(Err(failed)) => Err(failed.explain(guard)),
                None => Err(guard.ended().unwrap_or(SqlError::Timeout)),
            },
            inserted: inserted.then(|| self.connection.last_insert_rowid()),
            changed: changes.then(|| self.connection.changes()),
            left,
            places: None,
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
