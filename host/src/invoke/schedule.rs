//! Ticks of schedules: one in, done or not.

use std::sync::Arc;

use wasmtime::Store;

use crate::bindings::schedule::exports::tidegate::schedule::handler;
use crate::bindings::spin_triggers::cron as spin;

use super::event::{Event, Handled};
use super::instance_state::InstanceState;
use super::invoker::Invoker;
use super::ready::{Loaded, ReadyFunction, ScheduleEntry};
use crate::model::schedule::{Tick, rfc3339};
use crate::observe::record::Record;
use crate::observe::trace_context::RemoteContext;

impl Invoker {
    /// Invokes a function with a tick. It was done if the record's outcome is ok.
    pub async fn invoke_tick(&self, function: &Arc<ReadyFunction>, tick: &Tick) -> Arc<Record> {
        self.invoke_event(function, tick.clone()).await
    }
}

impl Event for Tick {
    const TRIGGER: &'static str = "schedule";
    const EXPORT: &'static str = "tidegate:schedule/handler";
    type Entry = ScheduleEntry;

    fn hops(&self) -> u32 {
        0
    }

    fn describe(&self) -> String {
        format!("{} ({})", self.cron, self.timezone)
    }

    fn parent(&self) -> Option<RemoteContext> {
        None
    }

    fn entry(loaded: &Loaded) -> Option<&ScheduleEntry> {
        loaded.schedule.as_ref()
    }

    async fn call(&self, entry: &ScheduleEntry, store: &mut Store<InstanceState>) -> Handled {
        match entry {
            ScheduleEntry::Tidegate(pre) => {
                let instantiating = store.data().instantiating();
                let instance = instantiating.end(pre.instantiate_async(&mut *store).await)?;
                instance
                    .tidegate_schedule_handler()
                    .call_handle(store, &tick_to(self))
                    .await
            }
            ScheduleEntry::Spin(pre) => {
                let instantiating = store.data().instantiating();
                let instance = instantiating.end(pre.instantiate_async(&mut *store).await)?;
                let timestamp = seconds(self);
                let handled = instance
                    .call_handle_cron_event(store, spin::Metadata { timestamp })
                    .await?;
                Ok(handled.map_err(|spin::Error::Other(text)| text))
            }
        }
    }
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
