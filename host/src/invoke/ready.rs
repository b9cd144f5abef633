//! A function that is ready to serve: everything decided that can be decided before an event comes.
//!
//! Its compiled component is loaded with the first event, so that a host with a thousand functions starts at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre};
use wasmtime_wasi::p2::bindings as p2;
use wasmtime_wasi::p3::bindings as p3;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::admission::Admission;
use super::artifact::ArtifactCache;
use super::compile::{CompileError, compile};
use super::componentize::{self, ComponentizeError};
use super::engine::{CodeLayout, PooledEngine, compiling};
use super::files::{FilesError, FunctionFiles};
use super::instance_state::InstanceState;
use super::invoker::InvokerError;
use super::limiter::MemoryBudget;
use super::linker;
use super::loading::Attempts;
use super::runtime::{AsyncUnavailable, PoolFigures, Runtime, Runtimes, Share, slots_of};
use crate::bindings::mqtt::MqttHandlerPre;
use crate::bindings::schedule::ScheduleHandlerPre;
use crate::bindings::spin_triggers::cron::CronTriggerPre;
use crate::bindings::spin_triggers::mqtt::MqttTriggerPre;
use crate::capability::outbound::{FunctionOutbound, Outbound};
use crate::model::abi::Abi;
use crate::model::config::ConfigValue;
use crate::model::digest::Digest;
use crate::model::exports::{self, HttpExport, MqttExport, ScheduleExport};
use crate::model::grant::Grants;
use crate::model::manifest::{FunctionLimits, InvalidManifest, Manifest};
use crate::model::name::Name;
use crate::observe::journal::Journal;
use crate::observe::metrics::Metrics;
use crate::storage::database::{Database, StorageError};
use crate::storage::deployments;

/// One revision of a function, ready to serve.
pub struct ReadyFunction {
    /// Its name.
    pub name: Name,
    /// Its revision's number.
    pub revision: u32,
    /// Its component's digest, as it was uploaded.
    pub digest: Digest,
    /// The digest of the component that was made of a core module, where one was uploaded.
    pub derived_digest: Option<Digest>,
    /// How the component is called.
    pub abi: Abi,
    /// Size of its component.
    pub component_bytes: u64,
    /// When the revision was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// Its manifest: triggers, grants, limits, configuration.
    pub manifest: Manifest,
    /// Its limits, resolved.
    pub limits: FunctionLimits,
    /// Its grants.
    pub grants: Arc<Grants>,
    /// Its configuration.
    pub config: Arc<BTreeMap<String, ConfigValue>>,
    /// What becomes of its events.
    pub journal: Arc<Journal>,
    /// Who may start.
    pub admission: Admission,
    pub(super) files: Option<FunctionFiles>,
    loaded: OnceLock<Loaded>,
    loading: Attempts,
    outbound: OnceLock<Arc<FunctionOutbound>>,
    share: OnceLock<Share>,
}

/// The entry points of a loaded component; none where it has no such export.
pub(super) struct Loaded {
    /// How many slots of the pool an instance takes.
    pub(super) slots: u32,
    pub(super) http: Option<HttpEntry>,
    /// The CGI program, also where `http` is something else.
    pub(super) program: Option<HttpEntry>,
    pub(super) mqtt: Option<MqttEntry>,
    pub(super) schedule: Option<ScheduleEntry>,
}

/// What serves HTTP requests.
#[derive(Clone)]
pub(super) enum HttpEntry {
    /// `wasi:http/incoming-handler@0.2`
    IncomingHandler(ProxyPre<InstanceState>),
    /// `wasi:http/handler@0.3`
    Handler(ServicePre<InstanceState>),
    /// `wasi:cli/run@0.2`: a CGI program.
    Command(p2::CommandPre<InstanceState>),
    /// `wasi:cli/run@0.3`: a CGI program.
    AsyncCommand(p3::CommandPre<InstanceState>),
}

/// What handles MQTT messages.
#[derive(Clone)]
pub(super) enum MqttEntry {
    /// `tidegate:mqtt/handler`
    Tidegate(MqttHandlerPre<InstanceState>),
    /// `handle-message` of Spin's MQTT trigger.
    Spin(MqttTriggerPre<InstanceState>),
}

/// What takes ticks of schedules.
#[derive(Clone)]
pub(super) enum ScheduleEntry {
    /// `tidegate:schedule/handler`
    Tidegate(ScheduleHandlerPre<InstanceState>),
    /// `handle-cron-event` of Spin's cron trigger.
    Spin(CronTriggerPre<InstanceState>),
}

/// Why a component could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It could not be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It is a core module that cannot be made a component.
    #[error(transparent)]
    Componentize(#[from] ComponentizeError),
    /// It needs an ABI that cannot be served.
    #[error(transparent)]
    Async(#[from] AsyncUnavailable),
    /// It does not fit what the host links.
    #[error("the component cannot be linked: {0}")]
    Link(String),
    /// What it exports for its triggers is something else by that name.
    #[error(
        "an export of the component has another type than its trigger calls ({0}): build it with the SDK that is made \
         for this trigger, or against the WIT text of its interface"
    )]
    Export(String),
    /// Its bytes could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Its files cannot be laid out.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Storage does not have it.
    #[error("component {0} is not in the database")]
    Missing(Digest),
    /// The attempt came to no end.
    #[error("loading the component was broken off")]
    BrokenOff,
}

impl ReadyFunction {
    /// A function whose component will be loaded with its first event.
    pub fn new(
        revision: &deployments::StoredRevision,
        manifest: Manifest,
        journal: Arc<Journal>,
    ) -> Result<ReadyFunction, InvalidManifest> {
        let limits = manifest.limits()?;
        Ok(ReadyFunction {
            name: revision.function.clone(),
            revision: revision.number,
            digest: revision.digest,
            derived_digest: revision.derived_digest,
            abi: revision.abi,
            component_bytes: revision.component_bytes,
            created_ms: revision.created_ms,
            grants: Arc::new(manifest.grants()),
            config: Arc::new(manifest.config.clone()),
            admission: Admission::new(&limits),
            journal,
            limits,
            files: FunctionFiles::new(&manifest.files),
            manifest,
            loaded: OnceLock::new(),
            loading: Attempts::default(),
            outbound: OnceLock::new(),
            share: OnceLock::new(),
        })
    }

    /// Its connections to others: one pool for all invocations of this revision.
    pub(super) fn outbound(&self, host: &Outbound) -> Arc<FunctionOutbound> {
        self.outbound
            .get_or_init(|| host.of(self.grants.clone()))
            .clone()
    }

    /// What its instances may have together of the runtime that runs it.
    pub(super) fn share(&self, runtime: &Runtime) -> &Share {
        let share = || Share::new(runtime, self.limits.memory_bytes);
        self.share.get_or_init(share)
    }

    /// The entry points, once they have been loaded.
    pub(super) fn loaded(&self) -> Option<&Loaded> {
        self.loaded.get()
    }

    /// The entry points, which are loaded on this runtime where they have not been.
    pub(super) async fn load(
        self: &Arc<Self>,
        loader: &Arc<Loader>,
        runtime: &Handle,
    ) -> Result<&Loaded, Arc<LoadError>> {
        if let Some(loaded) = self.loaded() {
            return Ok(loaded);
        }
        let load = || load_into(self.clone(), loader.clone());
        self.loading.load(runtime, load).await?;
        Ok(self.loaded().expect("it was loaded just now"))
    }
}

async fn load_into(function: Arc<ReadyFunction>, loader: Arc<Loader>) -> Result<(), LoadError> {
    match loader.load(function.digest, function.abi).await {
        Ok(loaded) => {
            function.loaded.get_or_init(|| loaded);
            Ok(())
        }
        Err(error) => {
            tracing::error!(function = %function.name, revision = function.revision, %error, "a component cannot be loaded");
            Err(error)
        }
    }
}

/// Turns component bytes into entry points.
pub(super) struct Loader {
    runtimes: Runtimes,
    cache: ArtifactCache,
    database: Database,
    /// One at a time: compiling takes all cores and much memory.
    compiler: Semaphore,
    metrics: Arc<Metrics>,
}

impl Loader {
    pub(super) fn new(
        pooled: PooledEngine,
        wasi_p3: bool,
        cache_directory: PathBuf,
        cache_key: [u8; 32],
        database: Database,
        metrics: Arc<Metrics>,
    ) -> Result<Loader, InvokerError> {
        let asynchronous = CodeLayout {
            abi: Abi::Async,
            ..pooled.code
        };
        let asynchronous = compiling(asynchronous).map_err(InvokerError::Link)?;
        let engines = [(Abi::Sync, &pooled.engine), (Abi::Async, &asynchronous)];
        let cache = ArtifactCache::open(cache_directory, cache_key, engines, metrics.clone())?;
        Ok(Loader {
            runtimes: Runtimes::new(pooled, wasi_p3).map_err(InvokerError::Link)?,
            cache,
            database,
            compiler: Semaphore::new(1),
            metrics,
        })
    }

    /// What the pools have, and what of it is in use.
    pub(super) fn pools(&self) -> Vec<PoolFigures> {
        self.runtimes.made().map(Runtime::figures).collect()
    }

    /// What the memories of all guests have together, of both ABIs.
    pub(super) fn memory(&self) -> &MemoryBudget {
        &self.runtimes.sync.memory
    }

    pub(super) fn runtime(&self, abi: Abi) -> Result<&Runtime, AsyncUnavailable> {
        self.runtimes.of(abi)
    }

    /// Compiles a component that is being deployed, checks that it links, and keeps the result.
    pub(super) async fn prepare(
        &self,
        digest: Digest,
        component: Vec<u8>,
        abi: Abi,
    ) -> Result<(), LoadError> {
        if let Some(compiled) = self.cache.load(digest, abi) {
            return self.entry_points(&compiled, abi).map(|_| ());
        }
        self.compile(digest, component, abi).await.map(|_| ())
    }

    /// Loads a component that is stored: from the cache or, where that has nothing authentic, compiled anew.
    async fn load(&self, digest: Digest, abi: Abi) -> Result<Loaded, LoadError> {
        if let Some(compiled) = self.cache.load(digest, abi)
            && let Ok(loaded) = self.entry_points(&compiled, abi)
        {
            return Ok(loaded);
        }
        let uploaded = self
            .database
            .read(move |db| deployments::component(db, digest))
            .await?;
        let uploaded = uploaded.ok_or(LoadError::Missing(digest))?;
        let component = componentize::component_of(uploaded).await?;
        self.compile(digest, component, abi).await
    }

    async fn compile(
        &self,
        digest: Digest,
        component: Vec<u8>,
        abi: Abi,
    ) -> Result<Loaded, LoadError> {
        let _turn = self
            .compiler
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let began = Instant::now();
        let compiled = compile(component, self.runtime(abi)?.code).await;
        self.metrics.compiled(began.elapsed(), compiled.is_ok());
        let compiled = compiled?;
        let loaded = self.entry_points(&compiled, abi)?;
        self.keep(digest, abi, &compiled);
        Ok(loaded)
    }

    /// Forgets compiled components that no revision refers to, but for these.
    pub(super) async fn sweep(&self, kept: &[Digest]) {
        match self.database.read(deployments::digests).await {
            Ok(mut in_use) => {
                in_use.extend_from_slice(kept);
                if let Err(error) = self.cache.sweep(&in_use) {
                    tracing::warn!(%error, "the cache of compiled components could not be swept");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the cache of compiled components could not be swept")
            }
        }
    }

    fn keep(&self, digest: Digest, abi: Abi, compiled: &[u8]) {
        if let Err(error) = self.cache.store(digest, abi, compiled) {
            tracing::warn!(%error, "a compiled component could not be kept; it will be compiled again at next start");
        }
    }

    fn entry_points(&self, compiled: &[u8], abi: Abi) -> Result<Loaded, LoadError> {
        let runtime = self.runtime(abi)?;
        let unlinkable = |error: wasmtime::Error| LoadError::Link(format!("{error:#}"));
        let component = deserialize(&runtime.engine, compiled).map_err(unlinkable)?;
        let pre = linker::instantiate_pre(&runtime.linker, &component).map_err(unlinkable)?;
        let ty = component.component_type();
        let names: Vec<&str> = ty.exports(&runtime.engine).map(|(name, _)| name).collect();
        let slots = slots_of(&component);
        if slots > runtime.slots_max {
            return Err(LoadError::Link(format!(
                "an instance takes {slots} slots of the pool for its memories and tables, and there are {}: build it \
                 with fewer, or let the host run more (serve --instances)",
                runtime.slots_max
            )));
        }
        let mistyped = |error: wasmtime::Error| LoadError::Export(format!("{error:#}"));
        Ok(Loaded {
            slots,
            http: http_entry(exports::http(&names), &pre).map_err(mistyped)?,
            program: http_entry(exports::program(&names), &pre).map_err(mistyped)?,
            mqtt: mqtt_entry(&names, &pre).map_err(mistyped)?,
            schedule: schedule_entry(&names, &pre).map_err(mistyped)?,
        })
    }
}

fn http_entry(
    export: Option<HttpExport>,
    pre: &InstancePre<InstanceState>,
) -> wasmtime::Result<Option<HttpEntry>> {
    let pre = pre.clone();
    let entry = match export {
        Some(HttpExport::IncomingHandler) => HttpEntry::IncomingHandler(ProxyPre::new(pre)?),
        Some(HttpExport::Handler) => HttpEntry::Handler(ServicePre::new(pre)?),
        Some(HttpExport::Command) => HttpEntry::Command(p2::CommandPre::new(pre)?),
        Some(HttpExport::AsyncCommand) => HttpEntry::AsyncCommand(p3::CommandPre::new(pre)?),
        None => return Ok(None),
    };
    Ok(Some(entry))
}

fn mqtt_entry(
    exports: &[&str],
    pre: &InstancePre<InstanceState>,
) -> wasmtime::Result<Option<MqttEntry>> {
    let pre = pre.clone();
    let entry = match exports::mqtt(exports) {
        Some(MqttExport::Tidegate) => MqttEntry::Tidegate(MqttHandlerPre::new(pre)?),
        Some(MqttExport::Spin) => MqttEntry::Spin(MqttTriggerPre::new(pre)?),
        None => return Ok(None),
    };
    Ok(Some(entry))
}

fn schedule_entry(
    exports: &[&str],
    pre: &InstancePre<InstanceState>,
) -> wasmtime::Result<Option<ScheduleEntry>> {
    let pre = pre.clone();
    let entry = match exports::schedule(exports) {
        Some(ScheduleExport::Tidegate) => ScheduleEntry::Tidegate(ScheduleHandlerPre::new(pre)?),
        Some(ScheduleExport::Spin) => ScheduleEntry::Spin(CronTriggerPre::new(pre)?),
        None => return Ok(None),
    };
    Ok(Some(entry))
}

#[expect(
    unsafe_code,
    reason = "native code made by this host's own compiler, from memory or authenticated by the cache"
)]
fn deserialize(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `compiled` comes from `compile`, or from `ArtifactCache::load`, which has checked that it did.
    unsafe { Component::deserialize(engine, compiled) }
}
