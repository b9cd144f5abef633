//! SQL databases: those that are granted stay.

use std::sync::Arc;

use super::activate::{DeployError, Deployer};
use crate::model::name::Name;
use crate::storage::guest_databases::NotDeleted;

impl Deployer {
    /// The active functions that are granted a database.
    pub fn functions_granted(&self, database: &Name) -> Vec<Name> {
        let table = self.tables.current();
        let granted = table
            .functions()
            .filter(|function| function.grants.database(database.as_str()).is_some());
        granted.map(|function| function.name.clone()).collect()
    }

    /// Deletes a database that no active function is granted, with all that is in it.
    pub async fn delete_database(
        self: &Arc<Self>,
        name: Name,
        actor: String,
    ) -> Result<(), DeployError> {
        self.carry_through(|deployer| async move { deployer.discard(name, &actor).await })
            .await
    }

    async fn discard(&self, name: Name, actor: &str) -> Result<(), DeployError> {
        let users = self.functions_granted(&name);
        if !users.is_empty() {
            let users: Vec<&str> = users.iter().map(Name::as_str).collect();
            return Err(DeployError::DatabaseGranted(name, users.join("`, `")));
        }
        match self.guest_databases.delete(&name).await {
            Ok(()) => {}
            Err(NotDeleted::Missing) => return Err(DeployError::NoSuchDatabase(name)),
            Err(NotDeleted::InUse) => return Err(DeployError::DatabaseInUse(name)),
            Err(NotDeleted::Storage(error)) => return Err(error.into()),
        }
        tracing::info!(database = %name, actor, "database deleted");
        Ok(())
    }
}
