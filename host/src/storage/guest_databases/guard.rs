//! How long a guest's statement may run: asked by SQLite as it runs one.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthContext, Authorization};

use super::judge::judge;
use super::{SqlError, bytes_of};
use crate::limits::{
    SQL_LOG_BYTES_MAX, SQL_MEMORY_BYTES_MAX, SQL_MEMORY_GRACE, SQL_STATEMENT_TIMEOUT,
};

/// How often the clock is looked at for what costs more than the clock.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Watches over the statements of one connection.
pub(super) struct Guard {
    /// Nobody waits for the result any more.
    abandoned: AtomicBool,
    running: Mutex<Running>,
    log: PathBuf,
}

struct Running {
    /// The host itself is at work.
    trusted: bool,
    began: Instant,
    looked: Instant,
    /// Why the statement was ended.
    ended: Option<SqlError>,
    /// What a statement was refused for.
    refused: Option<String>,
    /// The statement may write.
    writes: bool,
    /// Something of this guest's is on the connection.
    left_behind: bool,
    inserted: bool,
}

impl Guard {
    /// For a database with this write-ahead log. The host is at work first.
    pub(super) fn new(log: PathBuf) -> Guard {
        let now = Instant::now();
        Guard {
            abandoned: AtomicBool::new(false),
            running: Mutex::new(Running {
                trusted: true,
                began: now,
                looked: now,
                ended: None,
                refused: None,
                writes: false,
                left_behind: false,
                inserted: false,
            }),
            log,
        }
    }

    /// Ends what runs, and what would run next.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// A guest's statement begins.
    pub(super) fn begin(&self) {
        self.with(|running| {
            running.trusted = false;
            running.began = Instant::now();
            running.looked = running.began;
            (running.ended, running.refused) = (None, None);
            (running.writes, running.inserted) = (false, false);
        });
    }

    /// The statement that has begun may write.
    pub(super) fn writes(&self) {
        self.with(|running| running.writes = true);
    }

    /// Lets the host do something amid a guest's statement.
    pub(super) fn trusting<T>(&self, act: impl FnOnce() -> T) -> T {
        self.with(|running| running.trusted = true);
        let done = act();
        self.with(|running| running.trusted = false);
        done
    }

    /// The guest's statement is over, and the host is at work again.
    pub(super) fn end(&self) {
        self.with(|running| running.trusted = true);
    }

    /// Why SQLite was told to end the statement.
    pub(super) fn ended(&self) -> Option<SqlError> {
        self.with(|running| running.ended.take())
    }

    /// What the statement was refused for.
    pub(super) fn refused(&self) -> Option<String> {
        self.with(|running| running.refused.take())
    }

    /// Whether something stays on the connection, for as long as it lives.
    pub(super) fn left_behind(&self) -> bool {
        self.with(|running| running.left_behind)
    }

    /// Whether the statement inserted a row.
    pub(super) fn inserted(&self) -> bool {
        self.with(|running| running.inserted)
    }

    /// A row was inserted.
    pub(super) fn note_insert(&self) {
        self.with(|running| running.inserted = true);
    }

    /// Whether the log has grown as large as it may.
    pub(super) fn log_is_full(&self) -> bool {
        bytes_of(&self.log) > SQL_LOG_BYTES_MAX
    }

    /// Whether a guest's statement may contain this.
    pub(super) fn authorize(&self, context: AuthContext<'_>) -> Authorization {
        self.with(|running| {
            if running.trusted {
                return Authorization::Allow;
            }
            match judge(context.action) {
                Ok(leaves_behind) => {
                    running.left_behind |= leaves_behind;
                    Authorization::Allow
                }
                Err(refused) => {
                    running.refused.get_or_insert(refused);
                    Authorization::Deny
                }
            }
        })
    }

    /// Whether the statement that runs is to be ended.
    pub(super) fn ends(&self) -> bool {
        let now = Instant::now();
        self.with(|running| {
            if running.trusted {
                return false;
            }
            if self.abandoned.load(Ordering::Relaxed) {
                return true;
            }
            if running.ended.is_none() {
                running.ended = self.reason_to_end(running, now);
            }
            running.ended.is_some()
        })
    }

    fn reason_to_end(&self, running: &mut Running, now: Instant) -> Option<SqlError> {
        let age = now.duration_since(running.began);
        if age > SQL_STATEMENT_TIMEOUT {
            return Some(SqlError::Timeout);
        }
        if now.duration_since(running.looked) < LOOK_EVERY {
            return None;
        }
        running.looked = now;
        if age > SQL_MEMORY_GRACE && memory_used() > SQL_MEMORY_BYTES_MAX {
            return Some(SqlError::Memory);
        }
        (running.writes && self.log_is_full()).then_some(SqlError::Full)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Running) -> T) -> T {
        act(&mut self.running.lock().expect("no holder panics"))
    }
}

#[expect(
    unsafe_code,
    reason = "SQLite tells how much memory it has only through its C interface"
)]
fn memory_used() -> u64 {
    // SAFETY: it takes nothing, returns a number, and may be called from any thread at any time.
    let bytes = unsafe { rusqlite::ffi::sqlite3_memory_used() };
    u64::try_from(bytes).unwrap_or_default()
}
