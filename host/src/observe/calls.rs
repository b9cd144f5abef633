//! What one invocation does beyond computing: its instantiation and each call of a capability, with its time.
//!
//! The calls of an invocation are the spans of its trace and the bars of its waterfall: one list for both. A call costs
//! two looks at the clock and, until the list is full, its description.

use std::fmt::Display;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::metrics::FunctionMetrics;
use super::trace_context::{SpanId, TraceContext};
use crate::limits::{CALL_DETAIL_BYTES_MAX, CALLS_RECORDED_MAX};

/// The kinds of calls. Their names are labels of metrics and names of spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names below say it")]
pub enum Call {
    Instantiate,
    ConfigGet,
    KeyValueGet,
    KeyValueSet,
    KeyValueDelete,
    KeyValueExists,
    KeyValueList,
    KeyValueIncrement,
    KeyValueSwap,
    SqlExecute,
    HttpRequest,
    AppRequest,
    SocketConnect,
    NameLookup,
    MqttPublish,
}

impl Call {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Call; 15] = [
        Call::Instantiate,
        Call::ConfigGet,
        Call::KeyValueGet,
        Call::KeyValueSet,
        Call::KeyValueDelete,
        Call::KeyValueExists,
        Call::KeyValueList,
        Call::KeyValueIncrement,
        Call::KeyValueSwap,
        Call::SqlExecute,
        Call::HttpRequest,
        Call::AppRequest,
        Call::SocketConnect,
        Call::NameLookup,
        Call::MqttPublish,
    ];

    /// The capability that is called, and what is asked of it.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Call::Instantiate => ("instance", "instantiate"),
            Call::ConfigGet => ("config", "get"),
            Call::KeyValueGet => ("keyvalue", "get"),
            Call::KeyValueSet => ("keyvalue", "set"),
            Call::KeyValueDelete => ("keyvalue", "delete"),
            Call::KeyValueExists => ("keyvalue", "exists"),
            Call::KeyValueList => ("keyvalue", "list"),
            Call::KeyValueIncrement => ("keyvalue", "increment"),
            Call::KeyValueSwap => ("keyvalue", "swap"),
            Call::SqlExecute => ("sql", "execute"),
            Call::HttpRequest => ("http", "request"),
            Call::AppRequest => ("app", "request"),
            Call::SocketConnect => ("socket", "connect"),
            Call::NameLookup => ("name", "lookup"),
            Call::MqttPublish => ("mqtt", "publish"),
        }
    }

    /// Whether it leaves the process, so that the other side may go on with the trace.
    pub fn is_outgoing(self) -> bool {
        matches!(
            self,
            Call::HttpRequest | Call::AppRequest | Call::SocketConnect | Call::MqttPublish
        )
    }
}

/// A call that has ended.
#[derive(Clone, Debug)]
pub struct Span {
    /// Of which kind.
    pub call: Call,
    /// Its number within the invocation, from 1.
    pub number: u32,
    /// What it was about: a bucket and a key, a destination, a topic. Never a value.
    pub detail: String,
    /// From the invocation's beginning.
    pub start: Duration,
    /// How long it took.
    pub duration: Duration,
    /// Why it failed, where it did.
    pub error: Option<String>,
}

/// The calls of one invocation; clones share them.
#[derive(Clone)]
pub struct Calls(Arc<Shared>);

struct Shared {
    context: TraceContext,
    began: Instant,
    metrics: Arc<FunctionMetrics>,
    begun: AtomicU32,
    ended: Mutex<Vec<Span>>,
    /// How long the instantiation took.
    instantiate: OnceLock<Duration>,
    /// Bytes of linear memory that the instance had at most.
    memory_bytes: AtomicU64,
}

impl Calls {
    /// Those of an invocation that begins now.
    pub fn new(context: TraceContext, metrics: Arc<FunctionMetrics>) -> Calls {
        Calls(Arc::new(Shared {
            context,
            began: Instant::now(),
            metrics,
            begun: AtomicU32::new(0),
            ended: Mutex::default(),
            instantiate: OnceLock::new(),
            memory_bytes: AtomicU64::new(0),
        }))
    }

    /// Those of an invocation that nobody looks at.
    #[cfg(test)]
    pub fn for_tests() -> Calls {
        let name = "f".parse().expect("a name");
        let metrics = Arc::new(super::metrics::Metrics::new().of_function(&name));
        let id = crate::model::id::InvocationId::new();
        Calls::new(TraceContext::new(id, None, |_, _| None), metrics)
    }

    /// Where the invocation stands in its trace.
    pub fn context(&self) -> &TraceContext {
        &self.0.context
    }

    /// When the invocation began.
    pub fn began(&self) -> Instant {
        self.0.began
    }

    /// Begins a call. It is broken off when what this returns is dropped without having been told how it ended.
    pub fn begin<D: AsRef<str>>(&self, call: Call, detail: impl FnOnce() -> D) -> OpenCall {
        let number = self
            .0
            .begun
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        let is_recorded = number as usize <= CALLS_RECORDED_MAX;
        OpenCall {
            calls: self.clone(),
            call,
            number,
            detail: is_recorded.then(|| cut(detail().as_ref(), CALL_DETAIL_BYTES_MAX)),
            began: Instant::now(),
            end: End::BrokenOff,
        }
    }

    /// Counts a call for as long as this future takes, and whether it failed.
    pub async fn observe<T, E: Display, D: AsRef<str>>(
        &self,
        call: Call,
        detail: impl FnOnce() -> D,
        doing: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let open = self.begin(call, detail);
        open.end(doing.await)
    }

    /// The instance has this much linear memory.
    pub fn has_memory(&self, bytes: u64) {
        self.0.memory_bytes.fetch_max(bytes, Ordering::Relaxed);
    }

    /// Bytes of linear memory that the instance had at most.
    pub fn memory_bytes(&self) -> u64 {
        self.0.memory_bytes.load(Ordering::Relaxed)
    }

    /// How long the instantiation took; nothing where it did not come to that.
    pub fn instantiate(&self) -> Option<Duration> {
        self.0.instantiate.get().copied()
    }

    /// The calls that have ended, in the order of their beginnings, and how many more there were.
    pub fn take(&self) -> (Vec<Span>, u32) {
        let mut ended = self.0.ended.lock().expect("no holder of this lock panics");
        let mut spans = std::mem::take(&mut *ended);
        spans.sort_by_key(|span| span.number);
        let begun = self.0.begun.load(Ordering::Relaxed);
        let recorded = u32::try_from(spans.len()).unwrap_or(u32::MAX);
        (spans, begun.saturating_sub(recorded))
    }
}

/// A call that is under way.
pub struct OpenCall {
    calls: Calls,
    call: Call,
    number: u32,
    /// Nothing where the list is full.
    detail: Option<String>,
    began: Instant,
    end: End,
}

/// How a call ended.
enum End {
    Well,
    Failed(String),
    /// Nobody said: its invocation was over before it was.
    BrokenOff,
}

impl OpenCall {
    /// Ends it as this says.
    pub fn end<T, E: Display>(self, done: Result<T, E>) -> Result<T, E> {
        match &done {
            Ok(_) => self.succeeded(),
            Err(error) => self.failed(error),
        }
        done
    }

    /// Ends it well.
    pub fn succeeded(mut self) {
        self.end = End::Well;
    }

    /// Ends it with why it failed.
    pub fn failed(mut self, error: impl Display) {
        self.end = End::Failed(cut(&error.to_string(), CALL_DETAIL_BYTES_MAX));
    }

    /// Adds to what it is about.
    pub fn add(&mut self, text: impl Display) {
        if let Some(detail) = &mut self.detail {
            *detail = cut(&format!("{detail}{text}"), CALL_DETAIL_BYTES_MAX);
        }
    }

    /// Its span's id.
    pub fn span(&self) -> SpanId {
        self.calls.context().span_of(self.number)
    }

    /// The trace, for what it asks.
    pub fn context(&self) -> &TraceContext {
        self.calls.context()
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let shared = &self.calls.0;
        let duration = self.began.elapsed();
        if self.call == Call::Instantiate {
            shared.instantiate.get_or_init(|| duration);
        } else {
            let has_failed = !matches!(self.end, End::Well);
            shared.metrics.called(self.call, duration, has_failed);
        }
        let Some(detail) = self.detail.take() else {
            return;
        };
        let span = Span {
            call: self.call,
            number: self.number,
            detail,
            start: self.began.saturating_duration_since(shared.began),
            duration,
            error: match std::mem::replace(&mut self.end, End::BrokenOff) {
                End::Well => None,
                End::Failed(error) => Some(error),
                End::BrokenOff => Some("it was broken off".to_owned()),
            },
        };
        let mut ended = shared.ended.lock().expect("no holder of this lock panics");
        ended.push(span);
    }
}

/// The beginning of a text, in memory of its own: the whole of it may be a guest's, and large.
pub fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_numbered_as_they_are_listed() {
        for (number, call) in Call::ALL.into_iter().enumerate() {
            assert_eq!(call as usize, number);
        }
    }

    #[tokio::test]
    async fn a_failed_call_says_why_and_the_order_is_that_of_beginnings() {
        let calls = Calls::for_tests();
        let first = calls.begin(Call::KeyValueGet, || "default/a");
        let second = async { Err::<(), _>("no") };
        let second = calls.observe(Call::MqttPublish, || "a/b", second);
        assert_eq!(second.await, Err("no"));
        first.succeeded();
        drop(calls.begin(Call::NameLookup, || "host"));
        let (spans, dropped) = calls.take();
        let seen: Vec<_> = spans
            .iter()
            .map(|span| (span.call, span.detail.as_str(), span.error.as_deref()))
            .collect();
        assert_eq!(
            seen,
            [
                (Call::KeyValueGet, "default/a", None),
                (Call::MqttPublish, "a/b", Some("no")),
                (Call::NameLookup, "host", Some("it was broken off"))
            ]
        );
        assert_eq!(dropped, 0);
    }

    #[test]
    fn what_is_too_much_is_counted_and_not_described() {
        let calls = Calls::for_tests();
        for _ in 0..CALLS_RECORDED_MAX {
            calls.begin(Call::ConfigGet, || "x".repeat(2 * CALL_DETAIL_BYTES_MAX));
        }
        for _ in 0..7 {
            calls.begin(Call::ConfigGet, || -> String { panic!("not asked for") });
        }
        let (spans, dropped) = calls.take();
        assert_eq!((spans.len(), dropped), (CALLS_RECORDED_MAX, 7));
        let detail = &spans[0].detail;
        assert_eq!(
            (detail.len(), detail.capacity()),
            (CALL_DETAIL_BYTES_MAX, CALL_DETAIL_BYTES_MAX)
        );
    }
}
