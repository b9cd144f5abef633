//! Undoing a statement that has written when its result is refused.
//!
//! SQLite makes all of a statement's changes before it gives the first row of its RETURNING clause, and keeps them where
//! nobody asks for the other rows.

use rusqlite::Connection;

use super::guard::Guard;
use super::memory;

/// What there was before a statement, in the transaction around it or in one of its own. A guest's savepoints of the same
/// name stay as they are: the newest is meant.
pub(super) struct Savepoint<'a> {
    connection: &'a Connection,
    guard: &'a Guard,
}

impl Savepoint<'_> {
    pub(super) fn set<'a>(
        connection: &'a Connection,
        guard: &'a Guard,
    ) -> rusqlite::Result<Savepoint<'a>> {
        let savepoint = Savepoint { connection, guard };
        savepoint.act("SAVEPOINT statement")?;
        Ok(savepoint)
    }

    /// Keeps what the statement wrote: commits it, where there is no transaction around it.
    pub(super) fn release(self) -> rusqlite::Result<()> {
        self.end("RELEASE statement")
    }

    /// Undoes what the statement wrote, and nothing else.
    pub(super) fn roll_back(self) -> rusqlite::Result<()> {
        self.end("ROLLBACK TO statement; RELEASE statement")
    }

    fn end(&self, how: &str) -> rusqlite::Result<()> {
        if self.connection.is_autocommit() {
            // SQLite has rolled back all there was, as it does with a statement that was ended.
            return Ok(());
        }
        let ended = self.act(how);
        if ended.is_err() {
            // As with a constraint that is checked at the end: the statement's transaction would stay open.
            self.act("ROLLBACK")?;
        }
        ended
    }

    fn act(&self, sql: &str) -> rusqlite::Result<()> {
        let act = || self.connection.execute_batch(sql);
        self.guard.trusting(|| memory::unbounded(act))
    }
}
