//! The one writer: a thread that commits what is waiting in groups.
//!
//! A sync to flash costs as much for a hundred writes as for one. So each turn takes everything that waits, runs each
//! job in a savepoint of one transaction (one that fails undoes only itself), commits once, and only then tells every
//! caller its result: what a caller has heard is durable.

use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::database::StorageError;
use super::key_value;
use crate::limits::{WRITER_GROUP_MAX, WRITER_GROUP_TIME, WRITER_QUEUE};

/// Runs in the transaction; returns what to do once it is known whether the commit succeeded.
type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), String>) + Send>;

/// The writer's thread and the way to it. Dropping it finishes what was handed in.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Writer {
        let (jobs, queue) = mpsc::channel(WRITER_QUEUE);
        let thread = std::thread::Builder::new()
            .name("database-writer".to_owned())
            .spawn(move || write_groups(&connection, queue))
            .expect("the host starts with threads to spare");
        Writer {
            jobs: Some(jobs),
            thread: Some(thread),
        }
    }

    pub(super) async fn run<T, F>(&self, write: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = in_savepoint(connection, write);
            Box::new(move |committed| {
                let result = committed.map_err(StorageError::Commit).and(result);
                // The caller may have been cancelled; the write stands all the same.
                let _ = sender.send(result);
            })
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

fn in_savepoint<T>(
    connection: &Connection,
    write: impl FnOnce(&Connection) -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    connection.execute_batch("SAVEPOINT job")?;
    let result = write(connection);
    let end = if result.is_ok() {
        "RELEASE job"
    } else {
        "ROLLBACK TO job; RELEASE job"
    };
    connection.execute_batch(end)?;
    if let Err(StorageError::BucketFull(bucket)) = &result {
        key_value::keep_count(connection, bucket)?;
    }
    result
}

fn write_groups(connection: &Connection, mut queue: mpsc::Receiver<Job>) {
    while let Some(first) = queue.blocking_recv() {
        let started = Instant::now();
        let begun = connection.execute_batch("BEGIN IMMEDIATE");
        let mut answers = vec![first(connection)];
        while answers.len() < WRITER_GROUP_MAX
            && started.elapsed() < WRITER_GROUP_TIME
            && let Ok(job) = queue.try_recv()
        {
            answers.push(job(connection));
        }
        let committed = begun
            .and_then(|()| connection.execute_batch("COMMIT"))
            .map_err(|error| error.to_string());
        if let Err(error) = &committed {
            tracing::error!(%error, "a group of writes could not be committed");
            // Nothing to undo where the transaction did not begin or SQLite rolled it back by itself.
            let _ = connection.execute_batch("ROLLBACK");
        }
        for answer in answers {
            answer(committed.clone());
        }
    }
}
