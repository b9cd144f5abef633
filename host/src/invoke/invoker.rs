//! One invocation, from admission to its record.
//!
//! ```text
//! event -> admission (concurrency, queue, rate) -> room in the pool -> store -> guest -> outcome -> journal, metrics
//! ```
//!
//! The guest runs in a task of its own, in a fresh instance in its own store, under a wall clock; it yields at every
//! epoch, where its CPU time is checked. The store is dropped as soon as the guest is done. No lock is held meanwhile.

use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use http::StatusCode;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use wasmtime::{Store, UpdateDeadline};

use super::engine::PooledEngine;
use super::files::{FileDirectories, FilesError};
use super::http::wagi;
pub use super::instance_state::Services;
use super::instance_state::{InstanceState, Start};
use super::limiter::{MemoryBudget, MemoryLimiter, Refused};
use super::ready::{LoadError, Loaded, Loader, ReadyFunction};
pub use super::runtime::PoolFigures;
use super::runtime::{AsyncUnavailable, Runtime};
use crate::limits;
use crate::limits::EVENT_BYTES_MAX;
use crate::model::abi::Abi;
use crate::model::cpu_time::{CpuLimitReached, CpuTime};
use crate::model::digest::Digest;
use crate::model::id::InvocationId;
use crate::model::outcome::{Blame, Outcome, Reason};
use crate::observe::calls::{Calls, cut};
use crate::observe::log_line::{Attribution, Level};
use crate::observe::output::Output;
use crate::observe::record::Record;
use crate::observe::trace_context::{RemoteContext, TraceContext};

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
        let loader = Loader::new(
            pooled,
            wasi_p3,
            cache_directory,
            cache_key,
            database,
            services.metrics.clone(),
        )?;
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

    /// What the pools of instances have, and what of it is in use.
    pub fn pools(&self) -> Vec<PoolFigures> {
        self.loader.pools()
    }

    /// Bytes of linear memory that all guests have together, and that they may have.
    pub fn guest_memory(&self) -> (u64, u64) {
        let memory = self.loader.memory();
        (memory.bytes(), memory.bytes_max())
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
        let calls = start.calls.clone();
        let limiter = MemoryLimiter::new(function.limits.memory_bytes, shared, calls);
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

    /// The client is answered with this status.
    pub(super) fn has_status(&self, status: StatusCode) {
        self.0.status.store(status.as_u16(), Ordering::Relaxed);
    }
}

/// What an invocation begins with.
pub(super) struct Beginning {
    pub(super) id: InvocationId,
    /// `http`, `mqtt` or `schedule`.
    pub(super) trigger: &'static str,
    /// Its event in a few words.
    pub(super) event: String,
    /// The trace that its event is part of.
    pub(super) parent: Option<RemoteContext>,
    /// How long its event has waited.
    pub(super) queued: Duration,
}

/// What an invocation is recorded with when it ends, also when it is cancelled: then `finish` is never called.
pub(super) struct Recorder(Arc<Invocation>);

/// Recorded when it is dropped.
struct Invocation {
    function: Arc<ReadyFunction>,
    beginning: Beginning,
    started: SystemTime,
    cpu: CpuTime,
    output: Output,
    calls: Calls,
    verdict: Mutex<Option<Outcome>>,
    /// The status of the HTTP response; 0 where there is none.
    status: AtomicU16,
    /// How and after which time the guest ended.
    ended: OnceLock<(Outcome, Duration)>,
    done: Option<oneshot::Sender<Arc<Record>>>,
}

impl Recorder {
    /// An invocation that begins now. The record will be sent to `done` as well.
    pub(super) fn new(
        function: &Arc<ReadyFunction>,
        mut beginning: Beginning,
        done: oneshot::Sender<Arc<Record>>,
    ) -> Recorder {
        beginning.event = cut(&beginning.event, EVENT_BYTES_MAX);
        let journal = &function.journal;
        let is_exported = |trace, parent: Option<&RemoteContext>| {
            let exporter = journal.exporter();
            exporter.map(|exporter| exporter.samples(trace, parent))
        };
        let parent = beginning.parent.take();
        let context = TraceContext::new(beginning.id, parent, is_exported);
        let of = Attribution {
            invocation: beginning.id,
            revision: function.revision,
            trace: context.trace,
        };
        Recorder(Arc::new(Invocation {
            function: function.clone(),
            beginning,
            started: SystemTime::now(),
            cpu: CpuTime::new(function.limits.cpu),
            output: Output::new(journal.clone(), of, function.limits.log_bytes),
            calls: Calls::new(context, journal.metrics.clone()),
            verdict: Mutex::default(),
            status: AtomicU16::new(0),
            ended: OnceLock::new(),
            done: Some(done),
        }))
    }

    /// What its instance starts with.
    pub(super) fn start(&self, hops: u32, program: Option<wagi::Start>) -> Start {
        Start {
            output: self.0.output.clone(),
            cpu: self.0.cpu.clone(),
            calls: self.0.calls.clone(),
            hops,
            program,
        }
    }

    /// Where it stands in its trace.
    pub(super) fn trace(&self) -> &TraceContext {
        self.0.calls.context()
    }

    pub(super) fn verdict(&self) -> Verdict {
        Verdict(self.0.clone())
    }

    /// What is left of the wall clock.
    pub(super) fn time_left(&self) -> Duration {
        let timeout = self.0.function.limits.timeout;
        timeout.saturating_sub(self.0.calls.began().elapsed())
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
        let began = self.calls.began();
        self.ended.get_or_init(|| (outcome, began.elapsed()));
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
        let outcome = verdict.take().unwrap_or(ended);
        self.output.finish();
        if let Some(blame) = outcome.blame() {
            let level = if blame == Blame::Client {
                Level::Info
            } else {
                Level::Error
            };
            let text = format!("{} [blame: {}]", outcome.reason(), blame.as_str());
            self.output.host(level, &text);
        }
        let (spans, spans_dropped) = self.calls.take();
        let (lines, lines_dropped) = self.output.take_last();
        let status = *self.status.get_mut();
        let record = Arc::new(Record {
            id: self.beginning.id,
            trigger: self.beginning.trigger,
            revision: self.function.revision,
            event: std::mem::take(&mut self.beginning.event),
            trace: self.calls.context().clone(),
            started: self.started,
            queued: self.beginning.queued,
            duration,
            instantiate: self.calls.instantiate(),
            cpu: self.cpu.used(),
            memory_bytes: self.calls.memory_bytes(),
            status: (status != 0).then_some(status),
            outcome,
            spans,
            spans_dropped,
            lines,
            lines_dropped,
        });
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
