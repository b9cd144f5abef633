//! One invocation, from admission to its record.
//!
//! ```text
//! event -> admission (concurrency, queue, rate) -> room in the pool -> store -> guest -> outcome -> journal, metrics
//! ```
//!
//! The guest runs in a task of its own, in a fresh instance in its own store, under a wall clock; it yields at every
//! epoch, where its CPU time is checked. The store is dropped as soon as the guest is done. No lock is held meanwhile.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use wasmtime::{Store, UpdateDeadline};

use super::engine::PooledEngine;
use super::files::{FileDirectories, FilesError};
pub use super::instance_state::Services;
use super::instance_state::{InstanceState, Start};
use super::limiter::{MemoryBudget, MemoryLimiter, Refused};
use super::ready::{LoadError, Loaded, Loader, ReadyFunction};
use super::runtime::{AsyncUnavailable, Runtime};
use crate::limits;
use crate::model::abi::Abi;
use crate::model::cpu_time::{CpuLimitReached, CpuTime};
use crate::model::digest::Digest;
use crate::model::id::InvocationId;
use crate::model::outcome::{Blame, Outcome, Reason};
use crate::observe::journal::{Level, Record, Source};
use crate::observe::metrics;

/// Runs functions.
pub struct Invoker {
    loader: Arc<Loader>,
    pub(super) services: Services,
    files: FileDirectories,
    /// The tasks of all guests.
    guests: TaskTracker,
    /// Where guests run, whoever invokes them: never where the admin API is served.
    runtime: Handle,
}

/// The host could not be made ready to run functions.
#[derive(Debug, thiserror::Error)]
pub enum InvokerError {
    /// The capabilities could not be linked.
    #[error("the host's interfaces cannot be linked: {0}")]
    Link(#[source] wasmtime::Error),
    /// The cache of compiled components could not be opened.
    #[error("the directory of compiled components cannot be used: {0}")]
    Cache(#[from] std::io::Error),
}

impl Invoker {
    /// An invoker on this engine, with its compiled components in this directory. Guests run on the current runtime.
    /// `wasi_p3` is whether components of WASI 0.3 are served.
    pub fn new(
        pooled: PooledEngine,
        wasi_p3: bool,
        services: Services,
        cache_directory: std::path::PathBuf,
        cache_key: [u8; 32],
        files_directory: std::path::PathBuf,
    ) -> Result<Invoker, InvokerError> {
        let database = services.database.clone();
        let files = FileDirectories::new(files_directory, database.clone());
        let loader = Loader::new(pooled, wasi_p3, cache_directory, cache_key, database)?;
        Ok(Invoker {
            loader: Arc::new(loader),
            services,
            files,
            guests: TaskTracker::new(),
            runtime: Handle::current(),
        })
    }

    /// Compiles a component that is being deployed and checks that it links.
    pub async fn prepare(
        &self,
        digest: Digest,
        component: Vec<u8>,
        abi: Abi,
    ) -> Result<(), LoadError> {
        self.loader.prepare(digest, component, abi).await
    }

    /// Whether components of this ABI can run.
    pub fn serves(&self, abi: Abi) -> Result<(), AsyncUnavailable> {
        self.loader.runtime(abi).map(|_| ())
    }

    /// Loads a function's component ahead of its first event.
    pub async fn load(&self, function: &Arc<ReadyFunction>) -> Result<(), Arc<LoadError>> {
        let laid_out = self.lay_out_files(function).await;
        laid_out.map_err(LoadError::from)?;
        let loading = function.load(&self.loader, &self.runtime);
        loading.await.map(|_| ())
    }

    /// Sees to it that the directory with a function's files is there.
    async fn lay_out_files(&self, function: &ReadyFunction) -> Result<(), FilesError> {
        match &function.files {
            Some(files) => self.files.lay_out(files).await,
            None => Ok(()),
        }
    }

    /// Forgets compiled components and directories of files that no revision refers to; of components, these are kept.
    pub async fn sweep(&self, kept: &[Digest]) {
        self.loader.sweep(kept).await;
        if let Err(error) = self.files.sweep().await {
            tracing::warn!(%error, "the directories of files could not be swept");
        }
    }

    /// Guests that run at present.
    pub fn running(&self) -> usize {
        self.guests.len()
    }

    /// Waits until no guest runs.
    pub async fn idle(&self) {
        self.guests.close();
        self.guests.wait().await;
    }

    /// Runs a guest in a task of its own.
    pub(super) fn spawn<F>(&self, guest: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.guests.spawn_on(guest, &self.runtime)
    }

    /// A store for one invocation, with every limit set.
    pub(super) fn store(
        &self,
        runtime: &Runtime,
        function: &ReadyFunction,
        start: Start,
    ) -> Store<InstanceState> {
        let files = function.files.as_ref().map(|files| self.files.of(files));
        let shared = [&function.share(runtime).memory, &runtime.memory].map(MemoryBudget::clone);
        let limiter = MemoryLimiter::new(function.limits.memory_bytes, shared);
        let state = InstanceState::new(function, &self.services, files.as_deref(), start, limiter);
        let mut store = Store::new(&runtime.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits::HOSTCALL_BYTES_MAX);
        store.set_max_component_handles(limits::HANDLES_MAX + limits::HANDLES_LENT_MAX);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            store.data().cpu.check_within_poll()?;
            Ok(UpdateDeadline::Yield(1))
        });
        store
    }

    /// What runs this function, and its entry points. Its files are there.
    pub(super) async fn ready<'a>(
        &'a self,
        function: &'a Arc<ReadyFunction>,
    ) -> Result<(&'a Runtime, &'a Loaded), Outcome> {
        let runtime = self.loader.runtime(function.abi).map_err(host_error)?;
        self.lay_out_files(function).await.map_err(host_error)?;
        let loading = function.load(&self.loader, &self.runtime);
        Ok((runtime, loading.await.map_err(host_error)?))
    }
}

pub(super) fn host_error(error: impl fmt::Display) -> Outcome {
    Outcome::HostError(Reason::new(format_args!("{error:#}")))
}

/// How an invocation ended as its client saw it, where that is not how its guest ended. The first one stands. The
/// invocation is recorded when its guest has ended and all of these are gone: what a client has not taken yet may still
/// turn out to be too much.
#[derive(Clone)]
pub(super) struct Verdict(Arc<Invocation>);

impl Verdict {
    pub(super) fn is(&self, outcome: Outcome) {
        let mut verdict = self
            .0
            .verdict
            .lock()
            .expect("no holder of this lock panics");
        // A later verdict is a consequence of the first.
        verdict.get_or_insert(outcome);
    }
}

/// What an invocation is recorded with when it ends, also when it is cancelled: then `finish` is never called.
pub(super) struct Recorder(Arc<Invocation>);

/// Recorded when it is dropped.
struct Invocation {
    function: Arc<ReadyFunction>,
    id: InvocationId,
    trigger: &'static str,
    started: SystemTime,
    began: Instant,
    cpu: CpuTime,
    verdict: Mutex<Option<Outcome>>,
    /// How and after which time the guest ended.
    ended: OnceLock<(Outcome, Duration)>,
    done: Option<oneshot::Sender<Record>>,
}

impl Recorder {
    /// The record will be sent to `done` as well.
    pub(super) fn new(
        function: &Arc<ReadyFunction>,
        id: InvocationId,
        trigger: &'static str,
        cpu: CpuTime,
        done: oneshot::Sender<Record>,
    ) -> Recorder {
        Recorder(Arc::new(Invocation {
            function: function.clone(),
            id,
            trigger,
            started: SystemTime::now(),
            began: Instant::now(),
            cpu,
            verdict: Mutex::default(),
            ended: OnceLock::new(),
            done: Some(done),
        }))
    }

    pub(super) fn verdict(&self) -> Verdict {
        Verdict(self.0.clone())
    }

    /// What is left of the wall clock.
    pub(super) fn time_left(&self) -> Duration {
        let timeout = self.0.function.limits.timeout;
        timeout.saturating_sub(self.0.began.elapsed())
    }

    pub(super) fn finish(self, outcome: Outcome) {
        self.0.end(outcome);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.0.end(Outcome::Cancelled);
    }
}

impl Invocation {
    /// The first end is the one.
    fn end(&self, outcome: Outcome) {
        self.ended.get_or_init(|| (outcome, self.began.elapsed()));
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        let Some((ended, duration)) = self.ended.take() else {
            // A recorder ends it, whatever the reason.
            return;
        };
        let verdict = self
            .verdict
            .get_mut()
            .expect("no holder of this lock panics");
        let record = Record {
            id: self.id,
            trigger: self.trigger,
            revision: self.function.revision,
            started: self.started,
            duration,
            cpu: self.cpu.used(),
            outcome: verdict.take().unwrap_or(ended),
        };
        if let Some(blame) = record.outcome.blame() {
            let level = if blame == Blame::Client {
                Level::Info
            } else {
                Level::Error
            };
            let text = format!("{} [blame: {}]", record.outcome.reason(), blame.as_str());
            self.function
                .journal
                .log(self.id, level, Source::Host, "", &text);
            if blame == Blame::Host {
                tracing::error!(function = %self.function.name, invocation = %self.id, reason = record.outcome.reason());
            }
        }
        metrics::invocation_ended(self.function.name.as_str(), &record);
        self.function.journal.record(record.clone());
        if let Some(done) = self.done.take() {
            // Only a trial invocation's caller listens, and it may have gone.
            let _ = done.send(record);
        }
    }
}

/// Why a guest that ended with an error did so.
pub(super) fn outcome_of(
    error: &wasmtime::Error,
    state: &InstanceState,
    function: &ReadyFunction,
) -> Outcome {
    if error.is::<CpuLimitReached>() {
        return Outcome::CpuLimit(function.limits.cpu);
    }
    // A guest that got no memory aborts, each language in its own way.
    match state.limiter.refused() {
        Some(Refused::Function) => return Outcome::MemoryLimit(function.limits.memory_bytes),
        Some(Refused::Host) => return Outcome::HostMemory,
        None => {}
    }
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return host_error(format_args!("{error:#}"));
    }
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        return Outcome::Trap(Reason::new(format_args!("it called exit({})", exit.0)));
    }
    Outcome::Trap(Reason::new(format_args!("{error:?}")))
}
