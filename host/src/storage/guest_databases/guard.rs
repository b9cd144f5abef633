//! How long a guest's statement may run, and when: asked by SQLite as it runs one.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthContext, Authorization};
use tokio::runtime::Handle;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use super::judge::judge;
use super::share::{Share, Turn};
use super::{SqlError, bytes_of};
use crate::limits::{
    SQL_BUSY_TIMEOUT, SQL_LOG_BYTES_MAX, SQL_STATEMENT_TIMEOUT, SQL_TURN, SQL_TURN_MAX,
};
use crate::model::cpu_time::{CpuLimitReached, CpuTime, thread_time};

/// How often the clock is looked at for what costs more than the clock.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The longest pause before a locked database is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(25);

/// Watches over the statements of one connection. What is not said to be for others is for the
/// connection's thread.
pub(super) struct Guard {
    /// Nobody waits for the result any more.
    abandoned: CancellationToken,
    /// Nobody used the connection for too long.
    expired: AtomicBool,
    runtime: Handle,
    running: Mutex<Running>,
    log: PathBuf,
}

struct Running {
    /// The host itself is at work.
    trusted: bool,
    /// On whose behalf; nobody's before the first statement.
    share: Option<Arc<Share>>,
    cpu: Option<CpuTime>,
    /// The thread's time up to which the invocation has been charged.
    charged: Duration,
    turn: Option<Turn>,
    turn_began: Instant,
    began: Instant,
    looked: Instant,
    /// When it began to wait for a lock.
    locked: Instant,
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
            abandoned: CancellationToken::new(),
            expired: AtomicBool::new(false),
            runtime: Handle::current(),
            running: Mutex::new(Running {
                trusted: true,
                share: None,
                cpu: None,
                charged: Duration::ZERO,
                turn: None,
                turn_began: now,
                began: now,
                looked: now,
                locked: now,
                ended: None,
                refused: None,
                writes: false,
                left_behind: false,
                inserted: false,
            }),
            log,
        }
    }

    /// Ends what runs, and what would run next. Whatever it takes to end, other functions have its turn. For others.
    pub(super) fn abandon(&self) {
        self.abandoned.cancel();
        self.with(Running::lose_turn);
    }

    /// Takes back the turn whenever the thread computes for too long without a look at the clock. For others.
    pub(super) async fn reclaim_turns(&self) -> Infallible {
        loop {
            tokio::time::sleep(SQL_TURN_MAX).await;
            self.with(|running| {
                if running.turn_began.elapsed() > SQL_TURN_MAX {
                    running.lose_turn();
                }
            });
        }
    }

    /// The connection is closed, as nobody used it for too long.
    pub(super) fn expire(&self) {
        self.expired.store(true, Ordering::Relaxed);
    }

    /// Whether the connection was closed, as nobody used it for too long. For others.
    pub(super) fn is_expired(&self) -> bool {
        self.expired.load(Ordering::Relaxed)
    }

    /// From now on, the thread works for this invocation. The host is at work first.
    pub(super) fn begin(&self, share: &Arc<Share>, cpu: &CpuTime) {
        self.with(|running| {
            running.share = Some(share.clone());
            running.cpu = Some(cpu.clone());
            running.charged = thread_time();
            running.began = Instant::now();
            running.looked = running.began;
            (running.ended, running.refused) = (None, None);
            (running.writes, running.inserted) = (false, false);
        });
    }

    /// Runs the guest's statement when it is its turn. Nothing where it has to end before.
    pub(super) fn watch<T>(&self, statement: impl FnOnce(Instant) -> T) -> Option<T> {
        if !self.take_turn() {
            return None;
        }
        self.with(|running| running.trusted = false);
        let done = statement(self.deadline());
        self.with(|running| running.trusted = true);
        Some(done)
    }

    /// The thread has done its work for the invocation.
    pub(super) fn end(&self) {
        self.with(|running| {
            running.turn = None;
            // Where that was too much, it ends with what it does next.
            let _ = running.charge();
        });
    }

    /// The statement that runs may write.
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

    /// Why the statement was ended.
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

    /// Whether the statement's time is over.
    pub(super) fn is_over_time(&self) -> bool {
        Instant::now() > self.deadline()
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

    /// Whether the statement that runs is to be ended. It may have to let others compute first.
    pub(super) fn ends(&self) -> bool {
        let now = Instant::now();
        let look = |running: &mut Running| {
            if running.ended.is_none() {
                running.ended = self.reason_to_end(running, now);
            }
            now.duration_since(running.turn_began) > SQL_TURN
        };
        let Some(is_turn_over) = self.with(|running| (!running.trusted).then(|| look(running)))
        else {
            return false;
        };
        if is_turn_over {
            self.with(|running| running.turn = None);
            self.take_turn();
        }
        self.abandoned.is_cancelled() || self.with(|running| running.ended.is_some())
    }

    fn reason_to_end(&self, running: &mut Running, now: Instant) -> Option<SqlError> {
        if now > running.began + SQL_STATEMENT_TIMEOUT {
            return Some(SqlError::Timeout);
        }
        if now.duration_since(running.looked) < LOOK_EVERY {
            return None;
        }
        running.looked = now;
        if let Err(reached) = running.charge() {
            return Some(reached.into());
        }
        (running.writes && self.log_is_full()).then_some(SqlError::Full)
    }

    /// Waits for a turn at computing. None where the statement is to end instead.
    fn take_turn(&self) -> bool {
        let Some(share) = self.with(|running| running.share.clone()) else {
            return true;
        };
        let turn = self.wait(self.deadline(), share.turn());
        self.with(|running| {
            match turn {
                None => {
                    running.ended.get_or_insert(SqlError::Timeout);
                    return false;
                }
                // See `abandon`, which may have come meanwhile.
                Some(_) if self.abandoned.is_cancelled() => return false,
                Some(turn) => running.turn = Some(turn),
            }
            running.turn_began = Instant::now();
            true
        })
    }

    /// Waits before a lock is tried again that another connection has, while others compute. `attempt` counts from 0.
    /// Whether it is to be tried again.
    pub(super) fn waits_for_lock(&self, attempt: i32) -> bool {
        let (turn, until) = self.with(|running| {
            if attempt == 0 {
                running.locked = Instant::now();
            }
            (running.turn.take(), running.locked + SQL_BUSY_TIMEOUT)
        });
        let had_turn = turn.is_some();
        drop(turn);
        let exponent = u32::try_from(attempt).unwrap_or(0).min(10);
        let pause = Duration::from_millis(1 << exponent).min(RETRY_EVERY);
        let pause = async { tokio::time::sleep(pause).await };
        let paused = self.wait(until, pause).is_some();
        paused && (!had_turn || self.take_turn())
    }

    /// Waits on this thread, but not for longer than anybody waits for the result.
    fn wait<T>(&self, until: Instant, what: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.abandoned.cancelled() => None,
                done = timeout_at(until.into(), what) => done.ok(),
            }
        })
    }

    fn deadline(&self) -> Instant {
        self.with(|running| running.began) + SQL_STATEMENT_TIMEOUT
    }

    fn with<T>(&self, act: impl FnOnce(&mut Running) -> T) -> T {
        act(&mut self.running.lock().expect("no holder panics"))
    }
}

impl Running {
    fn lose_turn(&mut self) {
        if let Some(turn) = &mut self.turn {
            turn.lose();
        }
    }

    /// Adds what the thread has used since the last time to the invocation's CPU time. Is there some left?
    fn charge(&mut self) -> Result<(), CpuLimitReached> {
        let now = thread_time();
        let used = now.saturating_sub(self.charged);
        self.charged = now;
        match &self.cpu {
            Some(cpu) => cpu.add(used),
            None => Ok(()),
        }
    }
}
