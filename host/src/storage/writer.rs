//! The one writer: a thread that commits what is waiting in groups.
//!
//! A sync to flash costs as much for a hundred writes as for one. So each turn takes everything that waits, runs each
//! job in a savepoint of one transaction (one that fails undoes only itself), commits once, and only then tells every
//! caller its result: what a caller has heard is durable.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::database::StorageError;
use super::key_value;
use crate::limits::{WRITER_GROUP_MAX, WRITER_GROUP_TIME, WRITER_QUEUE};

/// Runs in the transaction, or is told that there is none.
type Job = Box<dyn FnOnce(Result<&Connection, &NotCommitted>) -> Ran + Send>;
/// Tells the caller, once it is known whether the commit succeeded.
type Answer = Box<dyn FnOnce(&Result<(), NotCommitted>) + Send>;

/// A job that has run.
struct Ran {
    answer: Answer,
    /// Why it undid what it had done.
    failed: Option<NotCommitted>,
}

/// Why a group of writes was not committed.
#[derive(Clone, Debug)]
enum NotCommitted {
    DiskFull,
    Other(String),
}

/// How the writer fares.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriterFigures {
    /// Groups of writes that were committed.
    pub commits: u64,
    /// Groups that could not be.
    pub failures: u64,
    /// When the last of those failed.
    pub failed: Option<Instant>,
}

type Shared = Mutex<WriterFigures>;

/// The writer's thread and the way to it. Dropping it finishes what was handed in.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    figures: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Writer {
        let (jobs, queue) = mpsc::channel(WRITER_QUEUE);
        let figures = Arc::<Shared>::default();
        let shared = figures.clone();
        let thread = std::thread::Builder::new()
            .name("database-writer".to_owned())
            .spawn(move || write_groups(&connection, queue, &shared))
            .expect("the host starts with threads to spare");
        Writer {
            jobs: Some(jobs),
            figures,
            thread: Some(thread),
        }
    }

    pub(super) fn figures(&self) -> WriterFigures {
        *self.figures.lock().expect("no holder of this lock panics")
    }

    pub(super) async fn run<T, F>(&self, write: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = match connection {
                Ok(connection) => in_savepoint(connection, write),
                Err(reason) => Err(StorageError::from(reason)),
            };
            let failed = result.as_ref().err().map(NotCommitted::from);
            let answer: Answer = Box::new(move |committed| {
                // What the job itself ran into comes first: the others of its group may have failed for it.
                let result = result.and_then(|value| match committed {
                    Ok(()) => Ok(value),
                    Err(reason) => Err(StorageError::from(reason)),
                });
                // The caller may have been cancelled; the write stands all the same.
                let _ = sender.send(result);
            });
            Ran { answer, failed }
        });
        let jobs = self.jobs.as_ref().ok_or(StorageError::Closed)?;
        jobs.send(job).await.map_err(|_| StorageError::Closed)?;
        receiver.await.map_err(|_| StorageError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in the writer was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl From<&StorageError> for NotCommitted {
    fn from(error: &StorageError) -> NotCommitted {
        match error {
            StorageError::DiskFull => NotCommitted::DiskFull,
            error => NotCommitted::Other(error.to_string()),
        }
    }
}

impl From<&NotCommitted> for StorageError {
    fn from(reason: &NotCommitted) -> StorageError {
        match reason {
            NotCommitted::DiskFull => StorageError::DiskFull,
            NotCommitted::Other(reason) => StorageError::Commit(reason.clone()),
        }
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    write: impl FnOnce(&Connection) -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    connection.execute_batch("SAVEPOINT job")?;
    let result = write(connection);
    if result.is_ok() {
        connection.execute_batch("RELEASE job")?;
    } else if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK TO job; RELEASE job")?;
    }
    if let Err(StorageError::BucketFull(bucket)) = &result {
        key_value::keep_count(connection, bucket)?;
    }
    result
}

fn write_groups(connection: &Connection, mut queue: mpsc::Receiver<Job>, figures: &Shared) {
    while let Some(first) = queue.blocking_recv() {
        let mut answers = Vec::new();
        let committed = write_group(connection, first, &mut queue, &mut answers);
        if let Err(reason) = &committed {
            let error = StorageError::from(reason);
            tracing::error!(%error, "a group of writes could not be committed");
            // Nothing to undo where the transaction did not begin or SQLite rolled it back by itself.
            let _ = connection.execute_batch("ROLLBACK");
        }
        count(figures, committed.is_ok());
        for answer in answers {
            answer(&committed);
        }
    }
}

fn count(figures: &Shared, is_committed: bool) {
    let mut figures = figures.lock().expect("no holder of this lock panics");
    match is_committed {
        true => figures.commits += 1,
        false => {
            figures.failures += 1;
            figures.failed = Some(Instant::now());
        }
    }
}

fn write_group(
    connection: &Connection,
    first: Job,
    queue: &mut mpsc::Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), NotCommitted> {
    let not_committed = |error| NotCommitted::from(&StorageError::from(error));
    let started = Instant::now();
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        let reason = not_committed(error);
        answers.push(first(Err(&reason)).answer);
        return Err(reason);
    }
    let mut next = Some(first);
    while let Some(job) = next {
        let ran = job(Ok(connection));
        answers.push(ran.answer);
        // A full or failing disk makes SQLite roll back the transaction as a whole: a further job would be in one of its
        // own.
        if connection.is_autocommit() {
            let unknown = || NotCommitted::Other("it was rolled back".to_owned());
            return Err(ran.failed.unwrap_or_else(unknown));
        }
        let takes_more = answers.len() < WRITER_GROUP_MAX && started.elapsed() < WRITER_GROUP_TIME;
        next = takes_more.then(|| queue.try_recv().ok()).flatten();
    }
    connection.execute_batch("COMMIT").map_err(not_committed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::database::Database;

    fn insert(value: &'static str) -> impl FnOnce(&Connection) -> Result<(), StorageError> + Send {
        move |db| {
            db.execute("INSERT INTO t VALUES (?1)", [value])?;
            Ok(())
        }
    }

    async fn values(database: &Database) -> Vec<String> {
        let read = |db: &Connection| {
            let mut statement = db.prepare("SELECT * FROM t")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        database.read(read).await.expect("read")
    }

    #[tokio::test]
    async fn a_full_disk_undoes_a_whole_group_and_all_of_it_are_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let database = Database::open(directory.path()).expect("a database");
        let prepare = |db: &Connection| {
            db.execute_batch("CREATE TABLE t (v TEXT) STRICT; PRAGMA max_page_count = 1")?;
            Ok(())
        };
        database.write(prepare).await.expect("a table");
        // Holds the writer, so that the others are of one group.
        let (release, released) = std::sync::mpsc::channel::<()>();
        let hold = database.write(move |_| {
            let _ = released.recv();
            Ok(())
        });
        let fill = database.write(|db| {
            db.execute("INSERT INTO t VALUES (zeroblob(100000) || '')", [])?;
            Ok(())
        });
        // Its turn comes when the others have handed in theirs.
        let release = async { drop(release) };
        let (_, first, filling, last, ()) = tokio::join!(
            hold,
            database.write(insert("first")),
            fill,
            database.write(insert("last")),
            release
        );
        for (which, result) in [("first", first), ("filling", filling)] {
            let is_full = matches!(result, Err(StorageError::DiskFull));
            assert!(is_full, "{which}: {result:?}");
        }
        last.expect("it is of the next group, and there is room for it");
        assert_eq!(values(&database).await, ["last"]);
    }

    #[tokio::test]
    async fn a_job_that_fails_undoes_only_itself() {
        let directory = tempfile::tempdir().expect("a directory");
        let database = Database::open(directory.path()).expect("a database");
        let prepare = |db: &Connection| Ok(db.execute_batch("CREATE TABLE t (v TEXT) STRICT")?);
        database.write(prepare).await.expect("a table");
        let fail = database.write(|db| {
            insert("failing")(db)?;
            insert("failing")(db)?;
            Err::<(), _>(StorageError::Closed)
        });
        let (first, failing, last) = tokio::join!(
            database.write(insert("first")),
            fail,
            database.write(insert("last")),
        );
        assert!(matches!(failing, Err(StorageError::Closed)), "{failing:?}");
        first.and(last).expect("written");
        assert_eq!(values(&database).await, ["first", "last"]);
    }
}
