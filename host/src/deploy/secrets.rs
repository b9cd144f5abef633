//! Secrets: what is deployed has those that it needs, and those that are needed stay.

use std::sync::Arc;

use super::activate::{DeployError, Deployer, now_ms};
use crate::limits::SECRETS_MAX;
use crate::model::manifest::Manifest;
use crate::model::name::Name;
use crate::model::secret::SecretValue;
use crate::storage::secrets;

impl Deployer {
    /// Sets a secret. Functions have the new value with their next invocation, or their next request.
    pub async fn set_secret(
        self: &Arc<Self>,
        name: Name,
        value: SecretValue,
        actor: String,
    ) -> Result<(), DeployError> {
        self.carry_through(|deployer| async move { deployer.set(name, value, &actor).await })
            .await
    }

    async fn set(&self, name: Name, value: SecretValue, actor: &str) -> Result<(), DeployError> {
        let mut all = self.database.read(secrets::all).await?;
        if all.len() >= SECRETS_MAX && !all.contains_key(&name) {
            return Err(DeployError::TooManySecrets);
        }
        all.insert(name.clone(), value.clone());
        let set = name.clone();
        self.database
            .write(move |db| secrets::set(db, &set, &value, now_ms()))
            .await?;
        self.secrets.replace(all);
        tracing::info!(secret = %name, actor, "secret set");
        Ok(())
    }

    /// Removes a secret that no active function needs.
    pub async fn delete_secret(
        self: &Arc<Self>,
        name: Name,
        actor: String,
    ) -> Result<(), DeployError> {
        self.carry_through(|deployer| async move { deployer.unset(name, &actor).await })
            .await
    }

    async fn unset(&self, name: Name, actor: &str) -> Result<(), DeployError> {
        let table = self.tables.current();
        let users = table.functions().filter(|function| {
            let mut needed = function.manifest.secrets_needed();
            needed.any(|needed| *needed == name)
        });
        let users: Vec<&str> = users.map(|function| function.name.as_str()).collect();
        if !users.is_empty() {
            return Err(DeployError::SecretInUse(name, users.join("`, `")));
        }
        let deleted = name.clone();
        if !self
            .database
            .write(move |db| secrets::delete(db, &deleted))
            .await?
        {
            return Err(DeployError::NoSuchSecret(name));
        }
        self.secrets
            .replace(self.database.read(secrets::all).await?);
        tracing::info!(secret = %name, actor, "secret deleted");
        Ok(())
    }

    /// Whether there is every secret that this manifest needs.
    pub(super) fn check_secrets(&self, manifest: &Manifest) -> Result<(), DeployError> {
        let mut needed = manifest.secrets_needed();
        let missing = needed.find(|name| self.secrets.get(name).is_none());
        match missing {
            Some(name) => Err(DeployError::MissingSecret(name.clone())),
            None => Ok(()),
        }
    }
}
