//! Dry runs: everything that a deployment does before something is stored, so that what passes one can be deployed.
//!
//! What was compiled is kept, for as many dry runs as [`DRY_RUNS_KEPT`] says: the deployment that follows needs it, and
//! those of an app's other functions come in between.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use super::activate::{Checked, DeployError, Deployer, Upload};
use crate::invoke::ready::ReadyFunction;
use crate::limits::DRY_RUNS_KEPT;
use crate::model::digest::Digest;
use crate::model::manifest::Manifest;
use crate::model::name::Name;

/// What a deployment would do.
pub struct Forecast {
    /// The upload, which can run.
    pub checked: Checked,
    /// The size of what was uploaded.
    pub component_bytes: usize,
    /// Functions of the same app that have a route of this one: they would have to give it up first.
    pub clashes: Vec<Name>,
    /// Whether there would be a new revision.
    pub would_change: bool,
}

/// What dry runs have compiled and nobody has deployed since, oldest first.
#[derive(Default)]
pub(super) struct Tried(Mutex<VecDeque<Digest>>);

impl Tried {
    /// All of them.
    pub(super) fn all(&self) -> Vec<Digest> {
        self.digests().iter().copied().collect()
    }

    /// It is stored, or about to be.
    pub(super) fn forget(&self, digest: Digest) {
        self.digests().retain(|other| *other != digest);
    }

    fn keep(&self, digest: Digest) {
        self.forget(digest);
        let mut digests = self.digests();
        digests.push_back(digest);
        let too_many = digests.len().saturating_sub(DRY_RUNS_KEPT);
        digests.drain(..too_many);
    }

    fn digests(&self) -> MutexGuard<'_, VecDeque<Digest>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Deployer {
    /// What deploying an upload would do, and whether it can be done.
    pub async fn dry_run(&self, upload: Upload) -> Result<Forecast, DeployError> {
        let upload = Arc::new(upload);
        let checked = self.check(upload.clone()).await?;
        let clashes = self.clashes_within_app(&upload.name, &checked.manifest)?;
        let would_change = self.unchanged(&upload.name, &checked).is_none();
        if would_change {
            let preparing = self.preparing.read().await;
            self.prepare(&upload, &checked).await?;
            self.tried.keep(checked.digest);
            drop(preparing);
            self.sweep().await;
        }
        Ok(Forecast {
            checked,
            component_bytes: upload.component.len(),
            clashes,
            would_change,
        })
    }

    /// The functions of its own app whose routes this one has. No other function may have them.
    fn clashes_within_app(
        &self,
        name: &Name,
        manifest: &Manifest,
    ) -> Result<Vec<Name>, DeployError> {
        let table = self.tables.current();
        let app = manifest.app.as_ref().map(|app| &app.name);
        let is_of_app = |other: &Arc<ReadyFunction>| {
            let other = other.manifest.app.as_ref().map(|app| &app.name);
            app.is_some() && other == app
        };
        let mut within = Vec::new();
        for clash in table.clashes(name, &manifest.http) {
            if !table.function(&clash.other_function).is_some_and(is_of_app) {
                return Err(Box::new(clash).into());
            }
            within.push(clash.other_function);
        }
        Ok(within)
    }
}
