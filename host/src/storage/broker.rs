//! What the broker keeps: its [`Store`] in the host's database.
//!
//! Changes come in large groups and go into the database's writer as one job each ([`changes`]); at start everything is
//! put in order and read ([`load`]). Dead letters are read when somebody asks for them ([`dead_letters`]). How messages
//! and flags are put into columns is in [`columns`].

mod changes;
mod columns;
mod dead_letters;
mod load;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tidegate_broker::store::{Answer, Change, DeadLetter, MessageId, Store, StoreError, Stored};

use super::database::{Database, StorageError};

/// Keeps the broker's state in this database.
#[derive(Clone)]
pub struct BrokerStore {
    database: Database,
}

impl BrokerStore {
    /// In this database.
    pub fn new(database: Database) -> BrokerStore {
        BrokerStore { database }
    }
}

impl Store for BrokerStore {
    fn load(&self) -> Answer<'_, Stored> {
        Box::pin(async {
            self.database.write(load::repair).await?;
            Ok(self.database.read(load::all).await?)
        })
    }

    fn commit(&self, changes: Arc<[Change]>) -> Answer<'_, ()> {
        Box::pin(async {
            let apply = self.database.write(move |db| changes::apply(db, &changes));
            Ok(apply.await?)
        })
    }

    fn dead_letters(
        &self,
        function: Option<String>,
        before: Option<MessageId>,
        limit: usize,
    ) -> Answer<'_, Vec<DeadLetter>> {
        Box::pin(async move {
            let list = move |db: &_| dead_letters::list(db, function.as_deref(), before, limit);
            Ok(self.database.read(list).await?)
        })
    }

    fn dead_letter(&self, function: String, message: MessageId) -> Answer<'_, Option<DeadLetter>> {
        Box::pin(async move {
            let one = move |db: &_| dead_letters::one(db, &function, message);
            Ok(self.database.read(one).await?)
        })
    }
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> StoreError {
        StoreError(error.to_string())
    }
}
