//! A function that is ready to serve: everything decided that can be decided before an event comes.
//!
//! Its compiled component is loaded with the first event, so that a host with a thousand functions starts at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{OnceCell, Semaphore};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::admission::Admission;
use super::artifact::ArtifactCache;
use super::compile::{CompileError, compile};
use super::engine::CodeLayout;
use super::instance_state::InstanceState;
use crate::bindings::mqtt::MqttHandlerPre;
use crate::model::digest::Digest;
use crate::model::grant::Grants;
use crate::model::manifest::{FunctionLimits, InvalidManifest, Manifest};
use crate::model::name::Name;
use crate::observe::journal::Journal;
use crate::storage::database::{Database, StorageError};
use crate::storage::deployments;

/// One revision of a function, ready to serve.
pub struct ReadyFunction {
    /// Its name.
    pub name: Name,
    /// Its revision's number.
    pub revision: u32,
    /// Its component's digest.
    pub digest: Digest,
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
    pub config: Arc<BTreeMap<String, String>>,
    /// What becomes of its events.
    pub journal: Arc<Journal>,
    /// Who may start.
    pub admission: Admission,
    loaded: OnceCell<Loaded>,
}

/// The entry points of a loaded component; none where it has no such export.
pub(super) struct Loaded {
    pub(super) http: Option<ProxyPre<InstanceState>>,
    pub(super) mqtt: Option<MqttHandlerPre<InstanceState>>,
}

/// Why a component could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It could not be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It does not fit what the host links.
    #[error("the component cannot be linked: {0}")]
    Link(String),
    /// Its bytes could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Storage does not have it.
    #[error("component {0} is not in the database")]
    Missing(Digest),
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
            component_bytes: revision.component_bytes,
            created_ms: revision.created_ms,
            grants: Arc::new(manifest.grants()),
            config: Arc::new(manifest.config.clone()),
            admission: Admission::new(&limits),
            journal,
            limits,
            manifest,
            loaded: OnceCell::new(),
        })
    }

    pub(super) async fn loaded(&self, loader: &Loader) -> Result<&Loaded, LoadError> {
        self.loaded
            .get_or_try_init(|| loader.load(self.digest))
            .await
    }
}

/// Turns component bytes into entry points.
pub(super) struct Loader {
    engine: Engine,
    code: CodeLayout,
    linker: Linker<InstanceState>,
    cache: ArtifactCache,
    database: Database,
    /// One at a time: compiling takes all cores and much memory.
    compiler: Semaphore,
}

impl Loader {
    pub(super) fn new(
        engine: Engine,
        code: CodeLayout,
        linker: Linker<InstanceState>,
        cache_directory: PathBuf,
        cache_key: [u8; 32],
        database: Database,
    ) -> std::io::Result<Loader> {
        let cache = ArtifactCache::open(cache_directory, cache_key, &engine)?;
        Ok(Loader {
            engine,
            code,
            linker,
            cache,
            database,
            compiler: Semaphore::new(1),
        })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Compiles a component that is being deployed, checks that it links, and keeps the result.
    pub(super) async fn prepare(&self, digest: Digest, bytes: Vec<u8>) -> Result<(), LoadError> {
        if let Some(compiled) = self.cache.load(digest) {
            return self.entry_points(&compiled).map(|_| ());
        }
        self.compile(digest, bytes).await.map(|_| ())
    }

    /// Loads a component that is stored: from the cache or, where that has nothing authentic, compiled anew.
    async fn load(&self, digest: Digest) -> Result<Loaded, LoadError> {
        if let Some(compiled) = self.cache.load(digest)
            && let Ok(loaded) = self.entry_points(&compiled)
        {
            return Ok(loaded);
        }
        let bytes = self
            .database
            .read(move |db| deployments::component(db, digest))
            .await?;
        self.compile(digest, bytes.ok_or(LoadError::Missing(digest))?)
            .await
    }

    async fn compile(&self, digest: Digest, bytes: Vec<u8>) -> Result<Loaded, LoadError> {
        let _turn = self
            .compiler
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let compiled = compile(bytes, self.code).await?;
        let loaded = self.entry_points(&compiled)?;
        self.keep(digest, &compiled);
        Ok(loaded)
    }

    /// Forgets compiled components that no revision refers to.
    pub(super) async fn sweep(&self) {
        match self.database.read(deployments::digests).await {
            Ok(in_use) => {
                if let Err(error) = self.cache.sweep(&in_use) {
                    tracing::warn!(%error, "the cache of compiled components could not be swept");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the cache of compiled components could not be swept")
            }
        }
    }

    fn keep(&self, digest: Digest, compiled: &[u8]) {
        if let Err(error) = self.cache.store(digest, compiled) {
            tracing::warn!(%error, "a compiled component could not be kept; it will be compiled again at next start");
        }
    }

    fn entry_points(&self, compiled: &[u8]) -> Result<Loaded, LoadError> {
        let unlinkable = |error: wasmtime::Error| LoadError::Link(format!("{error:#}"));
        let component = self.deserialize(compiled).map_err(unlinkable)?;
        let exports = |name: &str| {
            component
                .component_type()
                .exports(&self.engine)
                .any(|(export, _)| export.starts_with(name))
        };
        let (has_http, has_mqtt) = (
            exports("wasi:http/incoming-handler@0.2"),
            exports("tidegate:mqtt/handler@0.1"),
        );
        let pre = self
            .linker
            .instantiate_pre(&component)
            .map_err(unlinkable)?;
        let http = has_http
            .then(|| ProxyPre::new(pre.clone()))
            .transpose()
            .map_err(unlinkable)?;
        let mqtt = has_mqtt
            .then(|| MqttHandlerPre::new(pre))
            .transpose()
            .map_err(unlinkable)?;
        Ok(Loaded { http, mqtt })
    }

    #[expect(
        unsafe_code,
        reason = "native code made by this host's own compiler, from memory or authenticated by the cache"
    )]
    fn deserialize(&self, compiled: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: `compiled` comes from `compile`, or from `ArtifactCache::load`, which has checked that it did.
        unsafe { Component::deserialize(&self.engine, compiled) }
    }
}
