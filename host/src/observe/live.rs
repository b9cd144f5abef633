//! The live feed: what happens on the host, as it happens, for everybody who looks on.
//!
//! ```text
//! whoever has something to tell -> ring of the last events -> readers, each at its own place
//! ```
//!
//! Telling costs a lock for as long as it takes to push a pointer, and nothing while nobody has looked on for a minute. A
//! reader that is slower than the ring is overtaken, is told how many events it missed, and holds up nobody. Events are
//! numbered, so that a reader that comes back within that minute goes on where it was.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tokio::sync::Notify;

use super::log_line::{LogLine, rfc3339};
use super::record::Record;
use crate::limits::{LIVE_BYTES_KEPT, LIVE_EVENTS_KEPT, LIVE_EVENTS_TAKEN};
use crate::model::name::Name;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// An invocation of this function ended.
    Invocation(Name, Arc<Record>),
    /// This function's log has one line more.
    Log(Name, Arc<LogLine>),
    /// Something else: its name, the function it is about, and its data as JSON.
    Other(&'static str, Option<Name>, Arc<str>),
}

impl Event {
    /// The event's name.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Invocation(..) => "invocation",
            Event::Log(..) => "log",
            Event::Other(name, ..) => name,
        }
    }

    /// The function that it is about.
    pub fn function(&self) -> Option<&Name> {
        match self {
            Event::Invocation(name, _) | Event::Log(name, _) => Some(name),
            Event::Other(_, name, _) => name.as_ref(),
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Event>()
            + match self {
                // They are shared with the journal, which may have forgotten them.
                Event::Invocation(_, record) => record.bytes(),
                Event::Log(_, line) => line.bytes(),
                Event::Other(_, _, data) => data.len(),
            }
    }
}

/// The feed; clones share it.
#[derive(Clone)]
pub struct Live(Arc<Shared>);

struct Shared {
    began: Instant,
    /// When the host started, in milliseconds since 1970: numbers of another start mean nothing.
    boot: u64,
    ring: Mutex<Ring>,
    /// The number of the last event, also of those that nobody kept.
    last: AtomicU64,
    changed: Notify,
    readers: AtomicUsize,
    /// Until when events are kept although nobody looks on, in milliseconds since the start.
    awake_until: AtomicI64,
    missed: AtomicU64,
}

#[derive(Default)]
struct Ring {
    events: VecDeque<(u64, Event)>,
    bytes: usize,
}

/// How long a reader may be away without missing anything.
const AWAY: Duration = Duration::from_secs(60);

impl Live {
    /// An empty feed.
    pub fn new() -> Live {
        let boot = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let boot = boot.unwrap_or_default().as_millis();
        Live(Arc::new(Shared {
            began: Instant::now(),
            boot: u64::try_from(boot).unwrap_or(0),
            ring: Mutex::default(),
            last: AtomicU64::new(0),
            changed: Notify::new(),
            readers: AtomicUsize::new(0),
            awake_until: AtomicI64::new(-1),
            missed: AtomicU64::new(0),
        }))
    }

    /// Which start of the host this is.
    pub fn boot(&self) -> u64 {
        self.0.boot
    }

    /// Readers at present.
    pub fn readers(&self) -> usize {
        self.0.readers.load(Ordering::Relaxed)
    }

    /// Events that readers missed since the start.
    pub fn missed(&self) -> u64 {
        self.0.missed.load(Ordering::Relaxed)
    }

    /// Whether anybody looks on, or has until a minute ago.
    pub fn is_awake(&self) -> bool {
        self.readers() > 0 || self.0.awake_until.load(Ordering::Relaxed) > self.0.now()
    }

    /// Tells of an event.
    pub fn tell(&self, event: impl FnOnce() -> Event) {
        let shared = &*self.0;
        if !self.is_awake() {
            shared.last.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let event = event();
        let bytes = event.bytes();
        let mut ring = shared.ring.lock().expect("no holder of this lock panics");
        let number = shared.last.fetch_add(1, Ordering::Relaxed) + 1;
        ring.events.push_back((number, event));
        ring.bytes += bytes;
        while ring.events.len() > LIVE_EVENTS_KEPT || ring.bytes > LIVE_BYTES_KEPT {
            let (_, oldest) = ring.events.pop_front().expect("what is counted is there");
            ring.bytes -= oldest.bytes();
        }
        drop(ring);
        shared.changed.notify_waiters();
    }

    /// Tells of something else than an invocation or a log line, as it happens: `at` is added.
    pub fn tell_other(
        &self,
        name: &'static str,
        function: Option<&Name>,
        data: impl FnOnce() -> Value,
    ) {
        self.tell(|| {
            let mut data = data();
            data["at"] = rfc3339(SystemTime::now()).into();
            Event::Other(name, function.cloned(), data.to_string().into())
        });
    }

    /// A reader that begins after the event of this number or, without one, with what comes.
    pub fn read(&self, after: Option<u64>) -> Reader {
        self.0.readers.fetch_add(1, Ordering::Relaxed);
        // Locked, so that nobody who tells in this moment takes the feed for one that sleeps.
        let ring = self.0.ring.lock().expect("no holder of this lock panics");
        let last = self.0.last.load(Ordering::Relaxed);
        drop(ring);
        Reader {
            live: self.clone(),
            last: after.filter(|after| *after <= last).unwrap_or(last),
        }
    }
}

impl Default for Live {
    fn default() -> Live {
        Live::new()
    }
}

impl Shared {
    fn now(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

/// One who looks on.
pub struct Reader {
    live: Live,
    /// The number of the last event that it was given, or that it missed.
    last: u64,
}

/// What a reader is given at once.
pub struct Batch {
    /// How many events it missed before these.
    pub missed: u64,
    /// Events with their numbers.
    pub events: Vec<(u64, Event)>,
}

impl Reader {
    /// The number of the last event before what comes.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The next events: at least one, or word of those that were missed. Nothing is lost where it is broken off.
    pub async fn next(&mut self) -> Batch {
        let shared = self.live.0.clone();
        loop {
            let changed = shared.changed.notified();
            if let Some(batch) = self.take() {
                return batch;
            }
            changed.await;
        }
    }

    fn take(&mut self) -> Option<Batch> {
        let shared = &*self.live.0;
        let ring = shared.ring.lock().expect("no holder of this lock panics");
        let from = ring
            .events
            .partition_point(|(number, _)| *number <= self.last);
        // Up to where events are lacking that nobody kept: the next ones come with word of that.
        let mut next = ring.events.get(from).map_or(0, |(number, _)| *number);
        let follows = |(number, _): &&(u64, Event)| {
            let follows = *number == next;
            next += 1;
            follows
        };
        let new = ring.events.range(from..).take_while(follows);
        let events: Vec<(u64, Event)> = new.take(LIVE_EVENTS_TAKEN).cloned().collect();
        drop(ring);
        let (first, _) = events.first()?;
        let missed = first - self.last - 1;
        shared.missed.fetch_add(missed, Ordering::Relaxed);
        self.last = events.last().map_or(self.last, |(number, _)| *number);
        Some(Batch { missed, events })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let shared = &self.live.0;
        let away = i64::try_from(AWAY.as_millis()).unwrap_or(i64::MAX);
        let until = shared.now().saturating_add(away);
        shared.awake_until.fetch_max(until, Ordering::Relaxed);
        shared.readers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn other(text: &str) -> Event {
        Event::Other("deploy", None, text.into())
    }

    fn data(batch: &Batch) -> Vec<&str> {
        let of = |(_, event): &'_ (u64, Event)| match event {
            Event::Other(_, _, data) => data.to_string().leak() as &str,
            _ => panic!("another event"),
        };
        batch.events.iter().map(of).collect()
    }

    #[tokio::test]
    async fn a_reader_sees_what_comes_after_it_and_goes_on_where_it_was() {
        let live = Live::new();
        live.tell(|| panic!("nobody looks on"));
        let mut reader = live.read(None);
        assert!(reader.next().now_or_never().is_none());
        live.tell(|| other("one"));
        let batch = reader.next().await;
        assert_eq!((batch.missed, data(&batch)), (0, vec!["one"]));
        let last = batch.events[0].0;
        drop(reader);
        live.tell(|| other("two"));
        let batch = live.read(Some(last)).next().await;
        assert_eq!((batch.missed, data(&batch)), (0, vec!["two"]));
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_how_many_it_missed() {
        let live = Live::new();
        let mut slow = live.read(None);
        for number in 0..LIVE_EVENTS_KEPT + 5 {
            live.tell(|| other(&number.to_string()));
        }
        let batch = slow.next().await;
        assert_eq!((batch.missed, data(&batch)[0]), (5, "5"));
        assert_eq!(live.missed(), 5);
        assert_eq!(batch.events.len(), LIVE_EVENTS_TAKEN);
        let batch = slow.next().await;
        assert_eq!(batch.missed, 0);
    }

    #[tokio::test]
    async fn what_nobody_kept_is_missed_also_where_it_lies_between_what_was_kept() {
        let live = Live::new();
        let mut reader = live.read(None);
        live.tell(|| other("one"));
        // As when the feed sleeps: numbered, and not kept.
        live.0.last.fetch_add(3, Ordering::Relaxed);
        live.tell(|| other("five"));
        let batch = reader.next().await;
        assert_eq!((batch.missed, data(&batch)), (0, vec!["one"]));
        let batch = reader.next().await;
        assert_eq!((batch.missed, data(&batch)), (3, vec!["five"]));
    }

    #[tokio::test]
    async fn large_events_leave_by_their_bytes() {
        let live = Live::new();
        let mut slow = live.read(None);
        let large = "x".repeat(LIVE_BYTES_KEPT / 4);
        for _ in 0..8 {
            live.tell(|| other(&large));
        }
        let batch = slow.next().await;
        assert_eq!(batch.missed, 5);
        assert_eq!(batch.events.len(), 3);
    }

    #[tokio::test]
    async fn one_that_was_away_for_too_long_knows_that_it_missed_something() {
        let live = Live::new();
        for _ in 0..3 {
            live.tell(|| panic!("nobody looks on"));
        }
        let mut reader = live.read(Some(1));
        live.tell(|| other("four"));
        assert_eq!(reader.next().await.missed, 2);
        // A number that was never given out is another host's.
        let mut reader = live.read(Some(99));
        live.tell(|| other("five"));
        assert_eq!(reader.next().await.missed, 0);
    }
}
