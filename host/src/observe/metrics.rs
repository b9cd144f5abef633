//! Metrics: counters and histograms that are kept, in Prometheus' data model; its text format.
//!
//! Labels are names of functions, kinds of triggers and words from closed lists: bounded by what is deployed, never by
//! what is sent. What is only looked up when somebody asks (the pool, the broker, the process) is in
//! `admin/metrics.rs`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::proto::MetricFamily;
use prometheus::{
    Counter, CounterVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts,
    Registry, TextEncoder,
};

use super::activity::LATENCY_BOUNDS;
use super::calls::Call;
use super::record::Record;
use crate::model::name::Name;

/// Upper bounds for times that are short as a rule, in seconds.
const SHORT_BOUNDS: [f64; 7] = [0.00001, 0.0001, 0.001, 0.01, 0.1, 1.0, 10.0];
/// Upper bounds for the times of compilations, in seconds.
const COMPILATION_BOUNDS: [f64; 7] = [0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

const FUNCTION: &str = "function";

/// What the host counts; one for each.
pub struct Metrics {
    registry: Registry,
    invocations: IntCounterVec,
    duration: HistogramVec,
    queue: HistogramVec,
    instantiate: HistogramVec,
    guest: HistogramVec,
    cpu: CounterVec,
    refused: IntCounterVec,
    calls: IntCounterVec,
    call_duration: HistogramVec,
    log_lines_dropped: IntCounterVec,
    messages_given_up: IntCounterVec,
    ticks_given_up: IntCounterVec,
    ticks_missed: IntCounterVec,
    compilations: IntCounterVec,
    compilation: Histogram,
    cache_lookups: IntCounterVec,
}

/// How a compiled component was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheLookup {
    /// It was there.
    Hit,
    /// It was not.
    Miss,
    /// What was there is not the host's own.
    Rejected,
}

impl Metrics {
    /// Nothing has been counted yet.
    pub fn new() -> Arc<Metrics> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let histogram = |name: &str, help: &str, bounds: &[f64], labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
            register(&registry, HistogramVec::new(options, labels))
        };
        let of_function = [FUNCTION];
        let cpu = Opts::new(
            "tidegate_invocation_cpu_seconds_total",
            "Processor time that guests computed, by function.",
        );
        let compilation = HistogramOpts::new(
            "tidegate_compilation_duration_seconds",
            "Time to compile one component.",
        );
        let compilation = compilation.buckets(COMPILATION_BOUNDS.to_vec());
        #[rustfmt::skip]
        let metrics = Metrics {
            invocations: counter("tidegate_invocations_total", "Invocations that ended, by how they ended and whose fault it is (empty where nobody's).",
                &[FUNCTION, "trigger", "outcome", "blame"]),
            duration: histogram("tidegate_invocation_duration_seconds", "Time from an event's arrival to its invocation's end, waiting included.",
                &LATENCY_BOUNDS, &of_function),
            queue: histogram("tidegate_invocation_queue_seconds", "Time that events waited for their invocation to begin.",
                &SHORT_BOUNDS, &of_function),
            instantiate: histogram("tidegate_invocation_instantiate_seconds", "Time to make an invocation's instance.",
                &SHORT_BOUNDS, &of_function),
            guest: histogram("tidegate_invocation_guest_seconds", "Time that guests ran, what they waited for included.",
                &LATENCY_BOUNDS, &of_function),
            cpu: register(&registry, CounterVec::new(cpu, &of_function)),
            refused: counter("tidegate_events_refused_total", "Events turned away before an invocation, by reason.",
                &[FUNCTION, "reason"]),
            calls: counter("tidegate_capability_calls_total", "Calls of capabilities by functions, by how they ended (ok or error).",
                &[FUNCTION, "capability", "operation", "result"]),
            call_duration: histogram("tidegate_capability_call_duration_seconds", "Time that calls of capabilities took.",
                &SHORT_BOUNDS, &["capability", "operation"]),
            log_lines_dropped: counter("tidegate_log_lines_dropped_total", "Log lines of functions beyond their limit.", &of_function),
            messages_given_up: counter("tidegate_messages_given_up_total", "MQTT messages that a function will not see again, by reason.",
                &[FUNCTION, "reason"]),
            ticks_given_up: counter("tidegate_ticks_given_up_total", "Ticks of schedules given up after their attempts.", &of_function),
            ticks_missed: counter("tidegate_ticks_missed_total", "Ticks of schedules passed over.", &of_function),
            compilations: counter("tidegate_compilations_total", "Components compiled, by result (ok or error).", &["result"]),
            compilation: register(&registry, Histogram::with_opts(compilation)),
            cache_lookups: counter("tidegate_compiled_cache_lookups_total",
                "Compiled components looked for, by result: hit, miss, or rejected as not the host's own.", &["result"]),
            registry: registry.clone(),
        };
        // Series that alerts are written for are there from the start.
        for lookup in [CacheLookup::Hit, CacheLookup::Miss, CacheLookup::Rejected] {
            metrics.cache_lookups.with_label_values(&[lookup.as_str()]);
        }
        for result in ["ok", "error"] {
            metrics.compilations.with_label_values(&[result]);
        }
        Arc::new(metrics)
    }

    /// What is counted of a function from now on.
    pub fn of_function(self: &Arc<Self>, function: &Name) -> FunctionMetrics {
        let label = [function.as_str()];
        FunctionMetrics {
            function: function.clone(),
            duration: self.duration.with_label_values(&label),
            queue: self.queue.with_label_values(&label),
            instantiate: self.instantiate.with_label_values(&label),
            guest: self.guest.with_label_values(&label),
            cpu: self.cpu.with_label_values(&label),
            calls: Default::default(),
            is_gone: AtomicBool::new(false),
            metrics: self.clone(),
        }
    }

    /// Forgets what was counted of a function that is gone.
    fn forget(&self, function: &Name) {
        for vec in [&self.duration, &self.queue, &self.instantiate, &self.guest] {
            forget(vec, function);
        }
        forget(&self.cpu, function);
        for vec in [
            &self.invocations,
            &self.refused,
            &self.calls,
            &self.log_lines_dropped,
            &self.messages_given_up,
            &self.ticks_given_up,
            &self.ticks_missed,
        ] {
            forget(vec, function);
        }
    }

    /// Counts a component that was compiled, or could not be.
    pub fn compiled(&self, took: Duration, is_ok: bool) {
        let result = if is_ok { "ok" } else { "error" };
        self.compilations.with_label_values(&[result]).inc();
        self.compilation.observe(took.as_secs_f64());
    }

    /// Counts a look into the cache of compiled components.
    pub fn looked_up(&self, lookup: CacheLookup) {
        let result = lookup.as_str();
        self.cache_lookups.with_label_values(&[result]).inc();
    }

    /// All that was counted.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

/// Prometheus' text format, version 0.0.4.
pub fn text(families: &[MetricFamily]) -> String {
    let mut text = String::new();
    // Only a family without a sample is an error, and `gather` leaves those out.
    let _ = TextEncoder::new().encode_utf8(families, &mut text);
    text
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<C>) -> C {
    let collector = made.expect("names and labels are well-formed");
    let registered = registry.register(Box::new(collector.clone()));
    registered.expect("each name is there once");
    collector
}

fn forget<T: MetricVecBuilder>(vec: &MetricVec<T>, function: &Name)
where
    MetricVec<T>: Collector,
{
    for family in vec.collect() {
        for metric in family.get_metric() {
            let labels = metric.get_label().iter();
            let labels: HashMap<&str, &str> =
                labels.map(|label| (label.name(), label.value())).collect();
            if labels.get(FUNCTION) == Some(&function.as_str()) {
                // Somebody may have forgotten it meanwhile.
                let _ = vec.remove(&labels);
            }
        }
    }
}

impl CacheLookup {
    fn as_str(self) -> &'static str {
        match self {
            CacheLookup::Hit => "hit",
            CacheLookup::Miss => "miss",
            CacheLookup::Rejected => "rejected",
        }
    }
}

/// What is counted of one function. What happens often has its counter at hand.
pub struct FunctionMetrics {
    function: Name,
    duration: Histogram,
    queue: Histogram,
    instantiate: Histogram,
    guest: Histogram,
    cpu: Counter,
    calls: [CallMetrics; Call::ALL.len()],
    /// The function was deleted: what still runs of it is not to bring its series back.
    is_gone: AtomicBool,
    metrics: Arc<Metrics>,
}

/// Of one kind of call: what ended well, what did not, how long it took.
#[derive(Default)]
struct CallMetrics {
    ended: [OnceLock<IntCounter>; 2],
    duration: OnceLock<Histogram>,
}

impl FunctionMetrics {
    /// Forgets what was counted, for good.
    pub fn forget(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
        self.metrics.forget(&self.function);
    }

    /// The counter of these labels behind the function's; nothing where the function is gone. What has its counter at
    /// hand goes on counting where nobody looks any more.
    fn counter<const N: usize>(
        &self,
        of: impl FnOnce(&Metrics) -> &IntCounterVec,
        labels: [&str; N],
    ) -> Option<IntCounter> {
        if self.is_gone.load(Ordering::Relaxed) {
            return None;
        }
        let labels = [&[self.function.as_str()][..], &labels].concat();
        Some(of(&self.metrics).with_label_values(&labels))
    }

    fn count<const N: usize>(
        &self,
        of: impl FnOnce(&Metrics) -> &IntCounterVec,
        labels: [&str; N],
        by: u64,
    ) {
        if let Some(counter) = self.counter(of, labels) {
            counter.inc_by(by);
        }
    }

    /// Counts an invocation that ended.
    pub fn invoked(&self, record: &Record) {
        let blame = record.outcome.blame().map_or("", |blame| blame.as_str());
        let labels = [record.trigger, record.outcome.code(), blame];
        self.count(|metrics| &metrics.invocations, labels, 1);
        let total = record.queued + record.duration;
        self.duration.observe(total.as_secs_f64());
        self.queue.observe(record.queued.as_secs_f64());
        if let Some(instantiate) = record.instantiate {
            self.instantiate.observe(instantiate.as_secs_f64());
            let guest = record.duration.saturating_sub(instantiate);
            self.guest.observe(guest.as_secs_f64());
        }
        self.cpu.inc_by(record.cpu.as_secs_f64());
    }

    /// Counts a call of a capability.
    pub fn called(&self, call: Call, took: Duration, has_failed: bool) {
        let (capability, operation) = call.names();
        let of_call = &self.calls[call as usize];
        let ended = &of_call.ended[usize::from(has_failed)];
        let at_hand = ended.get().cloned().or_else(|| {
            let result = if has_failed { "error" } else { "ok" };
            let labels = [capability, operation, result];
            let made = self.counter(|metrics| &metrics.calls, labels)?;
            Some(ended.get_or_init(|| made).clone())
        });
        if let Some(ended) = at_hand {
            ended.inc();
        }
        let duration = of_call.duration.get_or_init(|| {
            let labels = [capability, operation];
            self.metrics.call_duration.with_label_values(&labels)
        });
        duration.observe(took.as_secs_f64());
    }

    /// Counts an event that was turned away before it became an invocation.
    pub fn refused(&self, reason: &'static str) {
        self.count(|metrics| &metrics.refused, [reason], 1);
    }

    /// Counts log lines beyond the limit.
    pub fn log_lines_dropped(&self, lines: u64) {
        self.count(|metrics| &metrics.log_lines_dropped, [], lines);
    }

    /// Counts an MQTT message that the function will not see again.
    pub fn message_given_up(&self, reason: &'static str) {
        self.count(|metrics| &metrics.messages_given_up, [reason], 1);
    }

    /// Counts a tick that the function will not see again.
    pub fn tick_given_up(&self) {
        self.count(|metrics| &metrics.ticks_given_up, [], 1);
    }

    /// Counts ticks that a later one stands for.
    pub fn ticks_missed(&self, ticks: u32) {
        self.count(|metrics| &metrics.ticks_missed, [], ticks.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_a_function_that_is_forgotten() {
        let metrics = Metrics::new();
        let names: [Name; 2] = ["gone", "kept"].map(|name| name.parse().expect("a name"));
        for name in &names {
            let of_function = metrics.of_function(name);
            of_function.refused("rate_limited");
            of_function.called(Call::KeyValueGet, Duration::from_millis(1), true);
            of_function.tick_given_up();
            if name.as_str() == "gone" {
                of_function.forget();
                of_function.refused("rate_limited");
            }
        }
        let text = text(&metrics.gather());
        assert!(!text.contains("gone"), "{text}");
        assert!(text.contains(
            "tidegate_events_refused_total{function=\"kept\",reason=\"rate_limited\"} 1"
        ));
    }
}
