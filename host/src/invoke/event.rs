//! Events that are handled or not, and whose sender does not wait at a connection: messages and ticks.
//!
//! What they have in common is here: they wait for their turn however long it takes, and end with a record. What a
//! guest is called with is in a file for each kind.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;
use wasmtime::Store;

use super::instance_state::InstanceState;
use super::invoker::{Beginning, Invoker, Recorder, host_error, outcome_of};
use super::ready::{Loaded, ReadyFunction};
use super::turns;
use crate::model::id::InvocationId;
use crate::model::outcome::{Outcome, Reason};
use crate::observe::record::Record;
use crate::observe::trace_context::RemoteContext;

/// A trap outside, the guest's error inside.
pub(super) type Handled = wasmtime::Result<Result<(), String>>;

/// One event, with all that its guest is told.
pub(super) trait Event: Send + Sync + 'static {
    /// The trigger's kind, for the record.
    const TRIGGER: &'static str;
    /// The interface that handles such events.
    const EXPORT: &'static str;
    /// The entry point that is called.
    type Entry: Sync;

    /// Functions that it has passed through.
    fn hops(&self) -> u32;

    /// What it is, in a few words.
    fn describe(&self) -> String;

    /// The trace that it is part of.
    fn parent(&self) -> Option<RemoteContext>;

    /// The entry point, if the component has one.
    fn entry(loaded: &Loaded) -> Option<&Self::Entry>;

    /// Calls the guest in a fresh instance.
    fn call(
        &self,
        entry: &Self::Entry,
        store: &mut Store<InstanceState>,
    ) -> impl Future<Output = Handled> + Send;
}

impl Invoker {
    /// Invokes a function with an event. It was handled if the record's outcome is ok.
    pub(super) async fn invoke_event<E: Event>(
        &self,
        function: &Arc<ReadyFunction>,
        event: E,
    ) -> Arc<Record> {
        let arrived = Instant::now();
        let place = function.admission.enter_patiently().await;
        let ready = match self.ready(function).await {
            Ok((runtime, loaded)) => Ok((runtime, runtime.room(function, loaded.slots).await)),
            Err(outcome) => Err(outcome),
        };
        let beginning = Beginning {
            id: InvocationId::new(),
            trigger: E::TRIGGER,
            event: event.describe(),
            parent: event.parent(),
            queued: arrived.elapsed(),
        };
        let (done, record) = oneshot::channel();
        let recorder = Recorder::new(function, beginning, done);
        match ready {
            Err(outcome) => recorder.finish(outcome),
            Ok((runtime, room)) => {
                let start = recorder.start(event.hops(), None);
                let store = self.store(runtime, function, start);
                let function = function.clone();
                self.spawn(async move {
                    let _held = (place, room);
                    let outcome = handle(&function, store, &event, &recorder).await;
                    recorder.finish(outcome);
                });
            }
        }
        record
            .await
            .expect("a recorder tells when it ends, whatever the reason")
    }
}

async fn handle<E: Event>(
    function: &ReadyFunction,
    mut store: Store<InstanceState>,
    event: &E,
    recorder: &Recorder,
) -> Outcome {
    let Some(entry) = function.loaded().and_then(E::entry) else {
        return host_error(format_args!("the component does not export {}", E::EXPORT));
    };
    let cpu = store.data().cpu.clone();
    let call = turns::run(&cpu, event.call(entry, &mut store));
    let outcome = match tokio::time::timeout(recorder.time_left(), call).await {
        Err(_) => Outcome::Timeout(function.limits.timeout),
        Ok(Ok(Ok(()))) => Outcome::Ok,
        Ok(Ok(Err(text))) => Outcome::GuestError(Reason::new(format_args!("{text}"))),
        Ok(Err(error)) => outcome_of(&error, store.data(), function),
    };
    turns::end(&cpu, store).await;
    outcome
}
