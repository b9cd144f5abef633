//! Schedules: the tick that started an invocation.

use std::time::SystemTime;

/// One due time of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Stays the same when the tick is tried again; no other tick of any schedule has it.
    pub id: String,
    /// When it was due.
    pub scheduled: SystemTime,
    /// The same as RFC 3339, as the clocks of the schedule's time zone show it: `2026-03-29T03:00:00+02:00`.
    pub local_time: String,
    /// The schedule's cron expression.
    pub cron: String,
    /// The schedule's time zone.
    pub timezone: String,
    /// 1 for the first run, then counting up.
    pub attempt: u32,
    /// Due times before this one that were passed over, because the host was down or the tick before still ran: this
    /// run stands for them as well. Usually 0.
    pub missed: u32,
}

impl Tick {
    /// The date in the schedule's time zone, as in `2026-03-29`.
    pub fn local_date(&self) -> &str {
        self.local_time.split('T').next().unwrap_or_default()
    }
}

#[cfg(target_arch = "wasm32")]
impl From<crate::export::schedule::Tick> for Tick {
    fn from(tick: crate::export::schedule::Tick) -> Self {
        Tick {
            id: tick.id,
            scheduled: SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(tick.scheduled),
            local_time: tick.local_time,
            cron: tick.cron,
            timezone: tick.timezone,
            attempt: tick.attempt,
            missed: tick.missed,
        }
    }
}

#[cfg(test)]
mod tests;
