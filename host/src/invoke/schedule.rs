//! Ticks of schedules: one in, done or not.

use std::sync::Arc;

use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime::component::{ComponentType, InstancePre, Lift, Lower};

use crate::bindings::schedule::ScheduleHandlerPre;
use crate::bindings::schedule::exports::tidegate::schedule::handler;

use super::cpu::CpuTime;
use super::instance_state::{InstanceState, Start};
use super::invoker::{Invoker, Recorder, outcome_of};
use super::ready::{ReadyFunction, ScheduleEntry};
use crate::model::id::InvocationId;
use crate::model::outcome::Outcome;
use crate::model::schedule::{Tick, rfc3339};
use crate::observe::journal::Record;
use crate::observe::output::Output;

impl Invoker {
    /// Invokes a function with a tick. It was done if the record's outcome is ok.
    pub async fn invoke_tick(
        self: &Arc<Self>,
        function: &Arc<ReadyFunction>,
        tick: &Tick,
    ) -> Record {
        let place = function.admission.enter_patiently().await;
        let slot = self.slot(function).await;
        let id = InvocationId::new();
        let (done, record) = oneshot::channel();
        let cpu = CpuTime::default();
        let recorder = Recorder::new(function, id, "schedule", cpu.clone(), done);
        match slot {
            Err(outcome) => recorder.finish(outcome),
            Ok((runtime, slot)) => {
                let start = Start {
                    output: Output::new(function.journal.clone(), id, function.limits.log_bytes),
                    cpu,
                    hops: 0,
                    program: None,
                };
                let store = self.store(runtime, function, start);
                let (invoker, function, tick) = (self.clone(), function.clone(), tick.clone());
                self.spawn(async move {
                    let _held = (place, slot);
                    let outcome = invoker.run_tick(&function, store, &tick, &recorder).await;
                    recorder.finish(outcome);
                });
            }
        }
        record
            .await
            .expect("a recorder tells when it ends, whatever the reason")
    }

    async fn run_tick(
        &self,
        function: &ReadyFunction,
        mut store: Store<InstanceState>,
        tick: &Tick,
        recorder: &Recorder,
    ) -> Outcome {
        let entry = match self.schedule_entry(function).await {
            Ok(entry) => entry,
            Err(outcome) => return outcome,
        };
        let cpu = store.data().cpu.clone();
        let call = async {
            match entry {
                ScheduleEntry::Tidegate(pre) => handle(pre, &mut store, tick).await,
                ScheduleEntry::Spin(pre) => handle_cron_event(pre, &mut store, tick).await,
            }
        };
        let ended = tokio::time::timeout(recorder.time_left(), cpu.measure(call)).await;
        match ended {
            Err(_) => Outcome::Timeout(function.limits.timeout),
            Ok(Ok(Ok(()))) => Outcome::Ok,
            Ok(Ok(Err(text))) => Outcome::GuestError(text),
            Ok(Err(error)) => outcome_of(&error, store.data(), function),
        }
    }

    async fn schedule_entry<'a>(
        &self,
        function: &'a ReadyFunction,
    ) -> Result<&'a ScheduleEntry, Outcome> {
        let missing = "the component does not export tidegate:schedule/handler";
        let entry = self.loaded(function).await?.schedule.as_ref();
        entry.ok_or_else(|| Outcome::HostError(missing.to_owned()))
    }
}

/// A trap outside, the guest's error inside.
type Done = wasmtime::Result<Result<(), String>>;

/// `tidegate:schedule/handler`
async fn handle(
    pre: &ScheduleHandlerPre<InstanceState>,
    store: &mut Store<InstanceState>,
    tick: &Tick,
) -> Done {
    let instance = pre.instantiate_async(&mut *store).await?;
    instance
        .tidegate_schedule_handler()
        .call_handle(store, &tick_to(tick))
        .await
}

/// What Spin's cron trigger gives: seconds since 1970.
#[derive(ComponentType, Lower)]
#[component(record)]
struct SpinMetadata {
    timestamp: u64,
}

/// The error of Spin's cron trigger.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum SpinError {
    #[component(name = "other")]
    Other(String),
}

/// `handle-cron-event` of Spin's cron trigger: a function of the world, synchronous up to version 2 and asynchronous
/// since, which makes no difference to how it is called.
async fn handle_cron_event(
    pre: &InstancePre<InstanceState>,
    store: &mut Store<InstanceState>,
    tick: &Tick,
) -> Done {
    let instance = pre.instantiate_async(&mut *store).await?;
    let function = instance.get_typed_func::<(SpinMetadata,), (Result<(), SpinError>,)>(
        &mut *store,
        "handle-cron-event",
    )?;
    let metadata = SpinMetadata {
        timestamp: seconds(tick),
    };
    let (done,) = function.call_async(store, (metadata,)).await?;
    Ok(done.map_err(|SpinError::Other(text)| text))
}

fn tick_to(tick: &Tick) -> handler::Tick {
    handler::Tick {
        id: tick.id.clone(),
        scheduled: seconds(tick),
        local_time: rfc3339(&tick.at),
        cron: tick.cron.clone(),
        timezone: tick.timezone.clone(),
        attempt: tick.attempt,
        missed: tick.missed,
    }
}

/// When it was due, in seconds since 1970.
fn seconds(tick: &Tick) -> u64 {
    u64::try_from(tick.at.timestamp().as_second()).unwrap_or(0)
}
