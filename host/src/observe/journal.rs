//! A journal for each function: its last log lines, its last invocations, and what it did in the last hour, in memory.
//!
//! Bounded by count and bytes; the oldest go first, but failures stay longer than what went well. A journal belongs to
//! the function's name, so it outlives revisions. What is added is told to those who look on, counted and, where the
//! host exports traces, exported: everything that watches invocations hangs here.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use tokio::sync::broadcast;

use super::activity::Activity;
use super::export::Exporter;
use super::live::{Event, Live};
use super::log_line::{Attribution, Level, LogLine, Source};
use super::metrics::{FunctionMetrics, Metrics};
use super::record::Record;
use crate::limits::{
    FAILURES_KEPT, INVOCATIONS_KEPT, JOURNAL_BYTES_KEPT, JOURNALS_BYTES_KEPT, LIVE_BACKLOG,
    LOG_LINES_KEPT,
};
use crate::model::name::Name;

/// Who hears of what functions do.
#[derive(Clone)]
pub struct Watchers {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Those who look on.
    pub live: Live,
    /// Where traces go; nothing where they go nowhere.
    pub exporter: Option<Arc<Exporter>>,
}

/// The journal of one function.
pub struct Journal {
    function: Name,
    /// What is counted of it.
    pub metrics: Arc<FunctionMetrics>,
    watchers: Watchers,
    /// Bytes that each journal may have at present.
    share: Arc<AtomicUsize>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<Arc<LogLine>>,
    line_bytes: usize,
    /// Made for the first that follows, gone after the last: most functions have none, most of the time.
    live: Option<broadcast::Sender<Arc<LogLine>>>,
    recent: Records,
    /// Those that were displaced from there.
    failures: Records,
    activity: Activity,
    totals: Totals,
}

/// Invocations, oldest first.
#[derive(Default)]
struct Records {
    records: VecDeque<Arc<Record>>,
    bytes: usize,
}

/// Counts since the host started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Invocations that ended.
    pub invocations: u64,
    /// Those of them that did not end well.
    pub failures: u64,
    /// When the last one ended.
    pub last: Option<SystemTime>,
    /// When the last one failed.
    pub last_failure: Option<SystemTime>,
}

impl Journal {
    /// Adds a line.
    pub fn log(
        &self,
        of: &Attribution,
        level: Level,
        source: Source,
        context: &str,
        message: &str,
    ) -> Arc<LogLine> {
        let line = Arc::new(LogLine::new(of, level, source, context, message));
        self.lock().add_line(line.clone(), self.share() / 3);
        let told = line.clone();
        self.watchers
            .live
            .tell(|| Event::Log(self.function.clone(), told));
        line.tell(self.function.as_str());
        line
    }

    /// Adds an invocation that ended.
    pub fn record(&self, record: Arc<Record>) {
        self.metrics.invoked(&record);
        let now = SystemTime::now();
        self.lock()
            .add_record(record.clone(), now, self.share() / 3);
        if let Some(exporter) = &self.watchers.exporter {
            exporter.export(&self.function, &record);
        }
        let function = &self.function;
        self.watchers
            .live
            .tell(|| Event::Invocation(function.clone(), record));
    }

    /// The last lines, oldest first.
    pub fn lines(&self) -> Vec<Arc<LogLine>> {
        self.lock().lines.iter().cloned().collect()
    }

    /// The last lines, oldest first, and a stream of those to come.
    pub fn follow(&self) -> (Vec<Arc<LogLine>>, broadcast::Receiver<Arc<LogLine>>) {
        let mut kept = self.lock();
        // Under one lock, so that each line is seen once: either kept or live.
        let lines = kept.lines.iter().cloned().collect();
        let live = kept
            .live
            .get_or_insert_with(|| broadcast::Sender::new(LIVE_BACKLOG));
        (lines, live.subscribe())
    }

    /// The last invocations, newest first, and after them failures from before.
    pub fn invocations(&self) -> Vec<Arc<Record>> {
        let kept = self.lock();
        let recent = kept.recent.records.iter().rev();
        let failures = kept.failures.records.iter().rev();
        recent.chain(failures).cloned().collect()
    }

    /// What the function did in the last hour.
    pub fn activity(&self) -> Activity {
        self.lock().activity.clone()
    }

    /// Counts since the host started.
    pub fn totals(&self) -> Totals {
        self.lock().totals
    }

    /// Those who look on.
    pub fn live(&self) -> &Live {
        &self.watchers.live
    }

    /// Where traces go; nothing where they go nowhere.
    pub fn exporter(&self) -> Option<&Exporter> {
        self.watchers.exporter.as_deref()
    }

    fn share(&self) -> usize {
        self.share.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no holder of this lock panics")
    }
}

impl Kept {
    fn add_record(&mut self, record: Arc<Record>, now: SystemTime, bytes_max: usize) {
        let (has_failed, took) = (record.has_failed(), record.queued + record.duration);
        self.totals.invocations += 1;
        self.totals.last = Some(now);
        if has_failed {
            self.totals.failures += 1;
            self.totals.last_failure = Some(now);
        }
        self.activity.add(now, took, has_failed);
        self.recent.push(record);
        self.trim(bytes_max);
    }

    /// Leaves what there is room for: so many bytes of lines, of invocations and of failures.
    fn trim(&mut self, bytes_max: usize) {
        while self.lines.len() > LOG_LINES_KEPT || self.line_bytes > bytes_max {
            let oldest = self.lines.pop_front().expect("what is counted is there");
            self.line_bytes -= oldest.bytes();
        }
        while self.recent.are_beyond(INVOCATIONS_KEPT, bytes_max) {
            if let Some(oldest) = self.recent.pop()
                && oldest.has_failed()
            {
                self.failures.push(oldest);
            }
        }
        while self.failures.are_beyond(FAILURES_KEPT, bytes_max) {
            self.failures.pop();
        }
    }

    fn add_line(&mut self, line: Arc<LogLine>, bytes_max: usize) {
        self.line_bytes += line.bytes();
        self.lines.push_back(line.clone());
        self.trim(bytes_max);
        // An error says that nobody follows any more.
        if self
            .live
            .as_ref()
            .is_some_and(|live| live.send(line).is_err())
        {
            self.live = None;
        }
    }
}

impl Records {
    fn are_beyond(&self, count_max: usize, bytes_max: usize) -> bool {
        self.records.len() > count_max || (self.bytes > bytes_max && self.records.len() > 1)
    }

    fn push(&mut self, record: Arc<Record>) {
        self.bytes += record.bytes();
        self.records.push_back(record);
    }

    fn pop(&mut self) -> Option<Arc<Record>> {
        let oldest = self.records.pop_front()?;
        self.bytes -= oldest.bytes();
        Some(oldest)
    }
}

/// All journals, by function.
pub struct Journals {
    watchers: Watchers,
    journals: Mutex<HashMap<Name, Arc<Journal>>>,
    /// Bytes that each of them may have: less the more there are.
    share: Arc<AtomicUsize>,
}

impl Journals {
    /// None yet.
    pub fn new(watchers: Watchers) -> Journals {
        Journals {
            watchers,
            journals: Mutex::default(),
            share: Arc::new(AtomicUsize::new(JOURNAL_BYTES_KEPT)),
        }
    }

    /// The journal of this function, begun where there is none.
    pub fn of(&self, function: &Name) -> Arc<Journal> {
        let mut journals = self.lock();
        let begin = || {
            Arc::new(Journal {
                function: function.clone(),
                metrics: Arc::new(self.watchers.metrics.of_function(function)),
                watchers: self.watchers.clone(),
                share: self.share.clone(),
                kept: Mutex::default(),
            })
        };
        let journal = journals.entry(function.clone()).or_insert_with(begin);
        let journal = journal.clone();
        self.divide(&journals);
        journal
    }

    /// Forgets the journal of a function that is gone.
    pub fn forget(&self, function: &Name) {
        let mut journals = self.lock();
        if let Some(gone) = journals.remove(function) {
            gone.metrics.forget();
        }
        self.divide(&journals);
    }

    /// Who hears of what functions do.
    pub fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    fn divide(&self, journals: &HashMap<Name, Arc<Journal>>) {
        let share = JOURNALS_BYTES_KEPT / journals.len().max(1);
        let share = share.min(JOURNAL_BYTES_KEPT);
        let before = self.share.swap(share, Ordering::Relaxed);
        if share < before {
            for journal in journals.values() {
                journal.lock().trim(share / 3);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Arc<Journal>>> {
        self.journals.lock().expect("no holder of this lock panics")
    }
}

#[cfg(test)]
mod tests;
