//! Ticks for functions: one task that waits for whatever schedule is due next.
//!
//! ```text
//! due by the clock -> claimed in the database -> invoker -> done, or tried again
//! ```
//!
//! A tick is claimed durably before it starts, so that it starts once: across restarts and crashes, and where several
//! hosts share a database. Ticks of one schedule do not overlap. What comes due while the one before still runs, or
//! while the host is down, is passed over but for the latest, which is told how many it stands for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::backoff::{BACKOFF_MOST, backoff};
use crate::invoke::invoker::Invoker;
use crate::invoke::ready::ReadyFunction;
use crate::limits::{ATTEMPTS_DEFAULT, CLOCK_CHECK_PERIOD};
use crate::model::outcome::Outcome;
use crate::model::schedule::{Plan, ScheduleKey, ScheduleTrigger, Tick, rfc3339};
use crate::observe::log_line::{Level, Source};
use crate::observe::record::Record;
use crate::storage::database::{Database, StorageError};
use crate::storage::schedules;
use crate::trigger::table::TriggerTable;
use crate::trigger::tables::{Follower, TriggerTables};

/// Brings ticks to functions.
pub struct ScheduleIngress {
    /// How far schedules have been worked off.
    pub database: Database,
    /// Which functions.
    pub tables: Arc<TriggerTables>,
    /// Runs them.
    pub invoker: Arc<Invoker>,
}

/// All schedules, as the task knows them.
struct Schedules {
    states: HashMap<ScheduleKey, State>,
    /// When they were looked through.
    looked: Timestamp,
    /// Ticks that are being claimed or run: which schedule, and how far it has been worked off then.
    running: JoinSet<(ScheduleKey, Option<Timestamp>)>,
}

struct State {
    trigger: ScheduleTrigger,
    /// All up to this time has been worked off.
    last: Timestamp,
    next: Next,
}

/// What is known of a schedule's next tick.
#[derive(Clone, Copy)]
enum Next {
    Unknown,
    At(Timestamp),
    Never,
    /// The one before is running.
    AfterThis,
}

impl ScheduleIngress {
    /// Follows the trigger table and the clock until `stop`, then waits for the ticks that run.
    pub async fn run(self: Arc<Self>, mut follower: Follower, stop: CancellationToken) {
        let mut schedules = Schedules {
            states: HashMap::new(),
            looked: Timestamp::now(),
            running: JoinSet::new(),
        };
        let (mut generation, mut table) = follower.first();
        'following: loop {
            let followed = self.follow(&mut schedules, &table).await;
            if let Err(error) = &followed {
                tracing::error!(%error, "schedules cannot be read; trying again");
            }
            follower.followed(generation);
            loop {
                let wait = self.start_due(&mut schedules, &stop);
                tokio::select! {
                    () = stop.cancelled() => break 'following,
                    changed = follower.changed() => {
                        (generation, table) = changed;
                        continue 'following;
                    }
                    Some(ended) = schedules.running.join_next() => {
                        if let Ok((key, last)) = ended {
                            schedules.tick_ended(&key, last);
                        }
                    }
                    () = tokio::time::sleep(wait) => if followed.is_err() {
                        continue 'following;
                    }
                }
            }
        }
        while schedules.running.join_next().await.is_some() {}
    }

    /// Takes in the table's schedules and how far each has been worked off.
    async fn follow(
        &self,
        schedules: &mut Schedules,
        table: &TriggerTable,
    ) -> Result<(), StorageError> {
        let with_schedules =
            |function: &&Arc<ReadyFunction>| !function.manifest.schedule.is_empty();
        if !table.functions().any(|function| with_schedules(&function)) {
            schedules.states.clear();
            return Ok(());
        }
        let stored: HashMap<_, _> = self
            .database
            .read(schedules::all)
            .await?
            .into_iter()
            .collect();
        let mut states = HashMap::new();
        for function in table.functions().filter(with_schedules) {
            for trigger in &function.manifest.schedule {
                let key = trigger.key(&function.name);
                let Some(last) = stored.get(&key) else {
                    // Another host has deployed something else meanwhile.
                    continue;
                };
                let before = schedules.states.get(&key);
                let runs = before.is_some_and(|state| matches!(state.next, Next::AfterThis));
                let state = State {
                    trigger: trigger.clone(),
                    last: time(*last),
                    next: if runs { Next::AfterThis } else { Next::Unknown },
                };
                states.insert(key, state);
            }
        }
        schedules.states = states;
        Ok(())
    }

    /// Starts what is due, and says how long nothing else will be.
    fn start_due(
        self: &Arc<Self>,
        schedules: &mut Schedules,
        stop: &CancellationToken,
    ) -> Duration {
        let now = Timestamp::now();
        let was_set_back = now < schedules.looked;
        schedules.looked = now;
        let mut wait = CLOCK_CHECK_PERIOD;
        for (key, state) in &mut schedules.states {
            let is_planned = match state.next {
                Next::Unknown => false,
                Next::At(next) => now < next && !was_set_back,
                Next::Never | Next::AfterThis => true,
            };
            if !is_planned {
                state.next = match state.trigger.plan(state.last, now) {
                    Plan::Wait(next) => Next::At(next),
                    Plan::Over => Next::Never,
                    plan => {
                        let (ingress, stop) = (self.clone(), stop.clone());
                        let work = ingress.claim_and_run(key.clone(), state.last, plan, stop);
                        schedules.running.spawn(work);
                        Next::AfterThis
                    }
                };
            }
            if let Next::At(next) = state.next {
                wait = wait.min(until(now, next));
            }
        }
        wait
    }

    /// Claims what a plan says is due, and runs it. Returns how far the schedule has been worked off then; nothing
    /// where there is no such schedule any more.
    async fn claim_and_run(
        self: Arc<Self>,
        key: ScheduleKey,
        last: Timestamp,
        plan: Plan,
        stop: CancellationToken,
    ) -> (ScheduleKey, Option<Timestamp>) {
        let tick = match plan {
            Plan::Run { at, missed } => Some(Tick::new(&key, at, missed)),
            _ => {
                tracing::warn!(function = %key.function, cron = key.cron, "the clock was set back far: the schedule begins anew");
                None
            }
        };
        let to = tick
            .as_ref()
            .map_or_else(Timestamp::now, |tick| tick.at.timestamp());
        match self.claim(&key, last, to).await {
            Ok(true) => {
                if let Some(tick) = tick {
                    self.run_tick(&key, tick, last, &stop).await;
                }
                (key, Some(to))
            }
            Ok(false) => {
                let asked = key.clone();
                let found = self
                    .database
                    .read(move |db| schedules::last(db, &asked))
                    .await;
                (key, found.map_or(Some(last), |found| found.map(time)))
            }
            Err(error) => {
                tracing::error!(function = %key.function, cron = key.cron, %error, "a tick cannot be claimed; trying again");
                let _ = tokio::time::timeout(BACKOFF_MOST, stop.cancelled()).await;
                (key, Some(last))
            }
        }
    }

    async fn claim(
        &self,
        key: &ScheduleKey,
        last: Timestamp,
        to: Timestamp,
    ) -> Result<bool, StorageError> {
        let key = key.clone();
        let (last, to) = (last.as_second(), to.as_second());
        let claim = self
            .database
            .write(move |db| schedules::claim(db, &key, last, to));
        claim.await
    }

    /// Runs a tick until it is done, or given up. If the host is told to stop in between, the tick is left to the next
    /// start.
    async fn run_tick(
        &self,
        key: &ScheduleKey,
        mut tick: Tick,
        last: Timestamp,
        stop: &CancellationToken,
    ) {
        if tick.missed > 0 {
            tracing::info!(function = %key.function, cron = key.cron, missed = tick.missed, "ticks are passed over");
            if let Some((function, _)) = self.find(key) {
                function.journal.metrics.ticks_missed(tick.missed);
            }
        }
        // The revision of the moment: a retry may be what a new deployment was made for.
        while let Some((function, attempts)) = self.find(key) {
            let record = self.invoker.invoke_tick(&function, &tick).await;
            if record.outcome == Outcome::Ok {
                return;
            }
            if tick.attempt >= attempts {
                return give_up(&function, &tick, &record);
            }
            tokio::select! {
                () = tokio::time::sleep(backoff(tick.attempt)) => tick.attempt += 1,
                () = stop.cancelled() => {
                    if let Err(error) = self.claim(key, tick.at.timestamp(), last).await {
                        tracing::error!(function = %key.function, tick = tick.id, %error, "a tick cannot be left to the next start");
                    }
                    return;
                }
            }
        }
    }

    /// The function as it is now, and the attempts that this schedule has; nothing where it has no such schedule.
    fn find(&self, key: &ScheduleKey) -> Option<(Arc<ReadyFunction>, u32)> {
        let table = self.tables.current();
        let function = table.function(&key.function)?;
        let mut triggers = function.manifest.schedule.iter();
        let trigger = triggers.find(|trigger| trigger.key(&function.name) == *key)?;
        let attempts = trigger.attempts.unwrap_or(ATTEMPTS_DEFAULT);
        Some((function.clone(), attempts))
    }
}

impl Schedules {
    fn tick_ended(&mut self, key: &ScheduleKey, last: Option<Timestamp>) {
        match (self.states.get_mut(key), last) {
            (Some(state), Some(last)) => {
                state.last = last;
                state.next = Next::Unknown;
            }
            (_, None) => _ = self.states.remove(key),
            (None, _) => {}
        }
    }
}

fn give_up(function: &ReadyFunction, tick: &Tick, record: &Record) {
    function.journal.metrics.tick_given_up();
    let attempts = match tick.attempt {
        1 => "1 attempt".to_owned(),
        count => format!("{count} attempts"),
    };
    let text = format!(
        "tick {} of `{}` ({}), due at {}, is given up after {attempts}",
        tick.id,
        tick.cron,
        tick.timezone,
        rfc3339(&tick.at)
    );
    function
        .journal
        .log(&record.attribution(), Level::Error, Source::Host, "", &text);
    tracing::warn!(function = %function.name, tick = tick.id, attempts = tick.attempt, "a tick is given up");
}

/// A time that is stored.
fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn until(now: Timestamp, next: Timestamp) -> Duration {
    let left: SignedDuration = next.duration_since(now);
    Duration::try_from(left).unwrap_or_default()
}
