//! Deploying, rolling back and deleting: each ends with a new trigger table.
//!
//! ```text
//! upload -> inspected -> manifest merged -> fits -> compiled and linked -> no clash -> stored -> active
//! ```
//!
//! Whatever fails before `stored` leaves nothing behind, and the previous revision serves on. A rollback is the last
//! two steps with an older revision. One of them happens at a time; none of them stops an event. A dry run goes as far
//! as `no clash`: see [`super::dry_run`].

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::{RwLock, Semaphore, SemaphorePermit};
use tokio::time::timeout;
use wasmparser::Parser;

use super::changes::Changes;
use super::checks::{self, Misfit};
use super::dry_run::Tried;
use super::inspect::{Inspection, NotAComponent, inspect, recognise};
use super::manifest::{self, ManifestError};
use crate::invoke::compile::CompileError;
use crate::invoke::componentize;
use crate::invoke::invoker::Invoker;
use crate::invoke::ready::{LoadError, ReadyFunction};
use crate::invoke::runtime::AsyncUnavailable;
use crate::limits::{UPLOAD_TURN_TIMEOUT, UPLOADS_AT_ONCE};
use crate::model::digest::Digest;
use crate::model::file::Files;
use crate::model::manifest::{FunctionLimits, InvalidManifest, Manifest};
use crate::model::name::Name;
use crate::model::schedule;
use crate::model::secret::Secrets;
use crate::observe::journal::Journals;
use crate::storage::database::{Database, StorageError};
use crate::storage::deployments::{self, NewRevision, StoredRevision};
use crate::storage::guest_databases::GuestDatabases;
use crate::trigger::table::{RouteClash, TriggerTable};
use crate::trigger::tables::TriggerTables;

/// Changes which functions there are.
pub struct Deployer {
    pub(super) database: Database,
    invoker: Arc<Invoker>,
    pub(super) tables: Arc<TriggerTables>,
    journals: Arc<Journals>,
    pub(super) secrets: Secrets,
    turns: Semaphore,
    pub(super) guest_databases: Arc<GuestDatabases>,
    /// Where the table, or what it needs, is changed.
    pub(super) changes: Changes,
    /// Held for reading from compiling to storing, so that nothing is swept that is about to be stored.
    pub(super) preparing: Arc<RwLock<()>>,
    pub(super) tried: Tried,
}

/// What was sent to be deployed.
pub struct Upload {
    /// The function's name.
    pub name: Name,
    /// The component's bytes.
    pub component: Vec<u8>,
    /// The part `manifest`, where there was one.
    pub manifest: Option<String>,
    /// Query parameters that are shorthand for the manifest.
    pub parameters: Vec<(String, String)>,
    /// The parts `file`: paths as the guest sees them, and contents.
    pub files: Vec<(String, Vec<u8>)>,
}

/// An upload that can run, as far as it can be told without compiling.
pub struct Checked {
    /// What the component says about itself.
    pub inspection: Inspection,
    /// The effective manifest.
    pub manifest: Manifest,
    /// What its limits mean.
    pub limits: FunctionLimits,
    /// The upload's digest.
    pub digest: Digest,
    /// The component that was made of a core module, where one was uploaded.
    derived: Option<Vec<u8>>,
}

impl Checked {
    fn derived_digest(&self) -> Option<Digest> {
        self.derived.as_deref().map(Digest::of)
    }
}

/// What a deployment did.
pub struct Deployed {
    /// The function as it serves now.
    pub function: Arc<ReadyFunction>,
    /// Whether there is a new revision; not where the active one has the same component and manifest.
    pub created: bool,
    /// What its component says about itself.
    pub inspection: Inspection,
}

/// Why something was not deployed, rolled back or deleted.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the errors inside say it")]
pub enum DeployError {
    #[error(transparent)]
    NotAComponent(#[from] NotAComponent),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Misfit(#[from] Misfit),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error("the component needs WASI 0.3 or the asynchronous ABI: {0}")]
    Async(#[from] AsyncUnavailable),
    #[error("{0}")]
    Link(String),
    #[error("{0}")]
    Export(String),
    #[error(transparent)]
    Clash(#[from] Box<RouteClash>),
    #[error("there is no function `{0}`; `tidegate functions` lists those that are deployed")]
    NoSuchFunction(Name),
    #[error(
        "function `{0}` has no revision {1}; `tidegate functions revisions {0}` lists those that are kept"
    )]
    NoSuchRevision(Name, u32),
    #[error("function `{0}` has no older revision to go back to")]
    NothingToRollBackTo(Name),
    #[error(
        "it needs the secret `{0}`, which there is not: set it with `tidegate secret set {0}`, or take it out of its manifest"
    )]
    MissingSecret(Name),
    #[error("there is no secret `{0}`; `tidegate secret list` lists those that are set")]
    NoSuchSecret(Name),
    #[error("the secret `{0}` is needed by `{1}`: deploy without it first, or set another value")]
    SecretInUse(Name, String),
    #[error("there are {max} secrets, the most that a host takes: delete one first", max = crate::limits::SECRETS_MAX)]
    TooManySecrets,
    #[error("there is no database `{0}`; `tidegate databases` lists those that there are")]
    NoSuchDatabase(Name),
    #[error(
        "the database `{0}` is granted to `{1}`: deploy without it, or delete what has it, first"
    )]
    DatabaseGranted(Name, String),
    #[error("an invocation that began before still uses the database `{0}`: try again")]
    DatabaseInUse(Name),
    #[error("other uploads are being received or compiled: try again in a minute")]
    Busy,
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("the host could not do it: {0}")]
    Host(String),
}

impl From<LoadError> for DeployError {
    fn from(error: LoadError) -> DeployError {
        match error {
            LoadError::Compile(error) => DeployError::Compile(error),
            LoadError::Componentize(error) => DeployError::NotAComponent(error.into()),
            LoadError::Async(error) => DeployError::Async(error),
            LoadError::Link(_) => DeployError::Link(error.to_string()),
            LoadError::Export(_) => DeployError::Export(error.to_string()),
            LoadError::Storage(error) => DeployError::Storage(error),
            LoadError::Missing(_) | LoadError::Files(_) | LoadError::BrokenOff => {
                DeployError::Host(error.to_string())
            }
        }
    }
}

/// The table of all active revisions, as storage has them.
pub async fn stored_table(
    database: &Database,
    journals: &Journals,
) -> Result<TriggerTable, DeployError> {
    let active = database.read(deployments::active_revisions).await?;
    let functions = active
        .iter()
        .map(|revision| ready(revision, journals))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(TriggerTable::new(functions))
}

fn ready(
    revision: &StoredRevision,
    journals: &Journals,
) -> Result<Arc<ReadyFunction>, DeployError> {
    let manifest = manifest_of(revision)?;
    let journal = journals.of(&revision.function);
    let ready = ReadyFunction::new(revision, manifest, journal);
    Ok(Arc::new(ready.map_err(|error| damaged(revision, &error))?))
}

/// The manifest that a revision was stored with.
pub fn manifest_of(revision: &StoredRevision) -> Result<Manifest, StorageError> {
    serde_json::from_str(&revision.manifest).map_err(|error| damaged(revision, &error))
}

fn damaged(revision: &StoredRevision, error: &dyn std::fmt::Display) -> StorageError {
    StorageError::Damaged(format!(
        "the manifest of {} revision {} ({error})",
        revision.function, revision.number
    ))
}

impl Deployer {
    /// A deployer of this host.
    pub fn new(
        database: Database,
        invoker: Arc<Invoker>,
        tables: Arc<TriggerTables>,
        journals: Arc<Journals>,
        secrets: Secrets,
        guest_databases: Arc<GuestDatabases>,
    ) -> Deployer {
        Deployer {
            database,
            invoker,
            tables,
            journals,
            secrets,
            turns: Semaphore::new(UPLOADS_AT_ONCE),
            guest_databases,
            changes: Changes::default(),
            preparing: Arc::default(),
            tried: Tried::default(),
        }
    }

    /// A turn to receive an upload, and to do with it what is to be done.
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>, DeployError> {
        let turn = timeout(UPLOAD_TURN_TIMEOUT, self.turns.acquire()).await;
        let turn = turn.map_err(|_| DeployError::Busy)?;
        Ok(turn.expect("the semaphore is never closed"))
    }

    /// Waits until no change is under way: what has been stored is not to be left half done.
    pub async fn idle(&self) {
        self.changes.idle().await;
    }

    /// Whether an upload can run, as far as it can be told without compiling.
    pub(super) async fn check(&self, upload: Arc<Upload>) -> Result<Checked, DeployError> {
        recognise(&upload.component)?;
        let derived = if Parser::is_core_wasm(&upload.component) {
            let component = componentize::component_of(upload.component.clone()).await;
            Some(component.map_err(NotAComponent::from)?)
        } else {
            None
        };
        let checked = tokio::task::spawn_blocking(move || check(&upload, derived)).await;
        let checked = checked.map_err(|error| DeployError::Host(error.to_string()))??;
        self.invoker.serves(checked.inspection.abi)?;
        self.check_secrets(&checked.manifest)?;
        Ok(checked)
    }

    /// Whether these triggers are free for this function.
    fn check_clashes(&self, name: &Name, manifest: &Manifest) -> Result<(), DeployError> {
        match self.tables.current().clashes(name, &manifest.http).next() {
            Some(clash) => Err(Box::new(clash).into()),
            None => Ok(()),
        }
    }

    /// The active revision, if it has this component and manifest already.
    pub(super) fn unchanged(&self, name: &Name, checked: &Checked) -> Option<Arc<ReadyFunction>> {
        let table = self.tables.current();
        let same = |function: &&Arc<ReadyFunction>| {
            function.digest == checked.digest
                && as_json(&function.manifest) == as_json(&checked.manifest)
        };
        table.function(name).filter(same).cloned()
    }

    /// Compiles and links.
    pub(super) async fn prepare(
        &self,
        upload: &Upload,
        checked: &Checked,
    ) -> Result<(), DeployError> {
        let component = checked.derived.as_ref().unwrap_or(&upload.component);
        let (digest, abi) = (checked.digest, checked.inspection.abi);
        Ok(self.invoker.prepare(digest, component.clone(), abi).await?)
    }

    /// Deploys an upload.
    pub async fn deploy(
        self: &Arc<Self>,
        upload: Upload,
        actor: String,
    ) -> Result<Deployed, DeployError> {
        let upload = Arc::new(upload);
        let checked = self.check(upload.clone()).await?;
        if let Some(function) = self.unchanged(&upload.name, &checked) {
            return Ok(Deployed {
                function,
                created: false,
                inspection: checked.inspection,
            });
        }
        // Before compiling, to fail early; and again when it is its turn, to be sure.
        self.check_clashes(&upload.name, &checked.manifest)?;
        let preparing = self.preparing.clone().read_owned().await;
        self.prepare(&upload, &checked).await?;
        let store = |deployer: Arc<Deployer>| async move {
            let deployed = deployer.store(&upload, checked, &actor).await?;
            drop(preparing);
            deployer.sweep().await;
            Ok(deployed)
        };
        self.carry_through(store).await
    }

    /// Stores an upload that has been prepared, and activates it.
    async fn store(
        &self,
        upload: &Upload,
        checked: Checked,
        actor: &str,
    ) -> Result<Deployed, DeployError> {
        if let Some(function) = self.unchanged(&upload.name, &checked) {
            // The same upload came twice at once, and the other one was first.
            return Ok(Deployed {
                function,
                created: false,
                inspection: checked.inspection,
            });
        }
        self.check_clashes(&upload.name, &checked.manifest)?;
        self.check_secrets(&checked.manifest)?;
        let new = NewRevision {
            function: upload.name.clone(),
            component: upload.component.clone(),
            digest: checked.digest,
            abi: checked.inspection.abi,
            derived_digest: checked.derived_digest(),
            manifest: as_json(&checked.manifest).to_string(),
            files: upload
                .files
                .iter()
                .map(|(_, bytes)| (Digest::of(bytes), bytes.clone()))
                .collect(),
            schedules: schedule::keys(&checked.manifest.schedule, &upload.name),
            created_ms: now_ms(),
            actor: actor.to_owned(),
        };
        let number = self
            .database
            .write(move |db| deployments::deploy(db, &new))
            .await?;
        self.tried.forget(checked.digest);
        let function = self.activate(&upload.name, number).await?;
        tracing::info!(function = %upload.name, revision = number, digest = %checked.digest, actor, "deployed");
        self.tell("deployed", &upload.name, Some(number), actor);
        Ok(Deployed {
            function,
            created: true,
            inspection: checked.inspection,
        })
    }

    /// Makes an older revision active: this one or, where none is given, the one before the active one.
    pub async fn rollback(
        self: &Arc<Self>,
        name: Name,
        to: Option<u32>,
        actor: String,
    ) -> Result<Arc<ReadyFunction>, DeployError> {
        self.carry_through(|deployer| async move { deployer.roll_back(&name, to, &actor).await })
            .await
    }

    async fn roll_back(
        &self,
        name: &Name,
        to: Option<u32>,
        actor: &str,
    ) -> Result<Arc<ReadyFunction>, DeployError> {
        let revisions = self.revisions(name).await?;
        let active = revisions
            .iter()
            .find(|revision| revision.active)
            .map_or(0, |revision| revision.number);
        let target = match to {
            Some(number) => revisions
                .iter()
                .find(|revision| revision.number == number)
                .ok_or(DeployError::NoSuchRevision(name.clone(), number))?,
            None => {
                let older = revisions.iter().find(|revision| revision.number < active);
                older.ok_or_else(|| DeployError::NothingToRollBackTo(name.clone()))?
            }
        };
        let candidate = ready(target, &self.journals)?;
        self.check_clashes(name, &candidate.manifest)?;
        self.check_secrets(&candidate.manifest)?;
        let (function, number, by) = (name.clone(), target.number, actor.to_owned());
        let schedules = schedule::keys(&candidate.manifest.schedule, name);
        self.database
            .write(move |db| {
                deployments::rollback(db, &function, number, &schedules, &by, now_ms())
            })
            .await?;
        let function = self.activate(name, number).await?;
        tracing::info!(function = %name, revision = number, actor, "rolled back");
        self.tell("rolled_back", name, Some(number), actor);
        Ok(function)
    }

    /// Removes a function with all its revisions.
    pub async fn delete(self: &Arc<Self>, name: Name, actor: String) -> Result<(), DeployError> {
        self.carry_through(|deployer| async move { deployer.remove(&name, &actor).await })
            .await
    }

    async fn remove(&self, name: &Name, actor: &str) -> Result<(), DeployError> {
        let (function, by) = (name.clone(), actor.to_owned());
        if !self
            .database
            .write(move |db| deployments::delete(db, &function, &by, now_ms()))
            .await?
        {
            return Err(DeployError::NoSuchFunction(name.clone()));
        }
        let table = self.tables.current().without(name);
        self.tables.swap(table).await;
        self.journals.forget(name);
        self.sweep().await;
        tracing::info!(function = %name, actor, "deleted");
        self.tell("deleted", name, None, actor);
        Ok(())
    }

    /// The revisions kept of a function, newest first.
    pub async fn revisions(&self, name: &Name) -> Result<Vec<StoredRevision>, DeployError> {
        let function = name.clone();
        let revisions = self
            .database
            .read(move |db| deployments::revisions(db, &function))
            .await?;
        if revisions.is_empty() {
            return Err(DeployError::NoSuchFunction(name.clone()));
        }
        Ok(revisions)
    }

    /// Tells those who look on.
    fn tell(&self, action: &'static str, function: &Name, revision: Option<u32>, actor: &str) {
        let data = || json!({ "action": action, "function": function, "revision": revision, "actor": actor });
        let live = &self.journals.watchers().live;
        live.tell_other("deploy", Some(function), data);
    }

    /// Forgets compiled components that no revision refers to and no recent dry run; left to the next one while others
    /// are deploying.
    pub(super) async fn sweep(&self) {
        if let Ok(_nobody_prepares) = self.preparing.try_write() {
            self.invoker.sweep(&self.tried.all()).await;
        }
    }

    async fn activate(&self, name: &Name, number: u32) -> Result<Arc<ReadyFunction>, DeployError> {
        let function = name.clone();
        let stored = self
            .database
            .read(move |db| deployments::revision(db, &function, number))
            .await?;
        let stored = stored.ok_or_else(|| DeployError::NoSuchRevision(name.clone(), number))?;
        let function = ready(&stored, &self.journals)?;
        if let Err(error) = self.invoker.load(&function).await {
            // It was compiled and linked before it was stored; its first event will try again.
            tracing::warn!(function = %name, %error, "a component could not be loaded ahead of its first event");
        }
        let table = self.tables.current().with(function.clone());
        self.tables.swap(table).await;
        Ok(function)
    }
}

fn check(upload: &Upload, derived: Option<Vec<u8>>) -> Result<Checked, DeployError> {
    let inspection = inspect(derived.as_ref().unwrap_or(&upload.component))?;
    let mut manifest = manifest::merge(
        &inspection.manifest,
        upload.manifest.as_deref(),
        &upload.parameters,
    )?;
    manifest.spin_headers |= inspection.spin;
    manifest.files = files_of(upload)?;
    checks::fit(&upload.name, &inspection, &mut manifest)?;
    Ok(Checked {
        inspection,
        limits: manifest.limits().map_err(ManifestError::from)?,
        manifest,
        digest: Digest::of(&upload.component),
        derived,
    })
}

fn files_of(upload: &Upload) -> Result<Files, DeployError> {
    let file = |(path, bytes): &(String, Vec<u8>)| {
        let path = path.parse().map_err(InvalidManifest::from)?;
        Ok((path, Digest::of(bytes)))
    };
    let files = upload.files.iter().map(file);
    let files: Vec<_> = files
        .collect::<Result<_, InvalidManifest>>()
        .map_err(ManifestError::from)?;
    let files = Files::new(files).map_err(InvalidManifest::from);
    Ok(files.map_err(ManifestError::from)?)
}

fn as_json(manifest: &Manifest) -> Value {
    serde_json::to_value(manifest).expect("a manifest has text keys only")
}

pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
