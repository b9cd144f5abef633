//! The secrets of an app: what its secret variables come to is kept by the host, and manifests refer to it by name.

use std::collections::BTreeMap;

use reqwest::Method;

use crate::cli::client::{AdminClient, ApiProblem};
use crate::cli::secret;
use crate::model::config::ConfigValue;
use crate::model::manifest::Manifest;
use crate::model::name::Name;
use crate::model::secret::SecretValue;

/// Values by the names under which the host is to keep them.
pub(super) type AppSecrets = BTreeMap<Name, SecretValue>;

/// Those that the host does not have yet.
pub(super) async fn unset<'a>(
    client: &AdminClient,
    secrets: &'a AppSecrets,
) -> anyhow::Result<Vec<&'a Name>> {
    if secrets.is_empty() {
        return Ok(Vec::new());
    }
    let set = secret::names(client).await?;
    let is_unset = |name: &&Name| !set.iter().any(|set| set == name.as_str());
    Ok(secrets.keys().filter(is_unset).collect())
}

/// A manifest for a dry run, before which nothing is set: what refers to a secret that is not there yet is empty in it.
pub(super) fn without(unset: &[&Name], manifest: &Manifest) -> Manifest {
    let mut manifest = manifest.clone();
    for value in manifest.config.values_mut() {
        if value.secret().is_some_and(|name| unset.contains(&name)) {
            *value = ConfigValue::Text(String::new());
        }
    }
    manifest
}

/// Sets them all, those that are there already as well: their values may have changed.
pub(super) async fn set(client: &AdminClient, secrets: &AppSecrets) -> anyhow::Result<()> {
    for (name, value) in secrets {
        let request = client.request(Method::PUT, &["secrets", name.as_str()]);
        let set = client.fetch(request.body(value.reveal().to_owned())).await;
        set.map_err(|error| {
            let role = match error.downcast_ref::<ApiProblem>() {
                Some(problem) if problem.code == "role_insufficient" => {
                    ": an app with secret variables is deployed with a token of an admin"
                }
                _ => "",
            };
            error.context(format!("the secret `{name}` cannot be set{role}"))
        })?;
    }
    Ok(())
}
