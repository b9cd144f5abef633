//! Metrics: counters and histograms in Prometheus' text format.
//!
//! Labels are function names, trigger kinds and outcome codes only: bounded by what is deployed, never by what is sent.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::journal::Record;

/// Renders the metrics; one for a process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// Upper bounds of the histogram of invocation times, in seconds.
const SECONDS: [f64; 12] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0,
];

impl Metrics {
    /// Installs the recorder that the functions of this module write to.
    pub fn install() -> Metrics {
        let builder = PrometheusBuilder::new();
        let recorder = builder
            .set_buckets_for_metric(
                Matcher::Full("tidegate_invocation_seconds".to_owned()),
                &SECONDS,
            )
            .expect("the list of bounds is not empty")
            .build_recorder();
        let handle = recorder.handle();
        // A second host in one process, as tests do, writes to the first one's.
        let _ = metrics::set_global_recorder(recorder);
        metrics::describe_counter!(
            "tidegate_invocations_total",
            "Invocations that ended, by function, trigger and outcome"
        );
        metrics::describe_histogram!(
            "tidegate_invocation_seconds",
            "Wall clock of invocations in seconds, by function"
        );
        metrics::describe_counter!(
            "tidegate_refused_total",
            "Events refused before an invocation, by function and reason"
        );
        metrics::describe_counter!(
            "tidegate_log_lines_dropped_total",
            "Log lines of functions beyond their limit"
        );
        metrics::describe_counter!(
            "tidegate_messages_dropped_total",
            "MQTT messages given up, by function and reason"
        );
        metrics::describe_counter!(
            "tidegate_ticks_given_up_total",
            "Ticks of schedules given up after their attempts, by function"
        );
        metrics::describe_counter!(
            "tidegate_ticks_missed_total",
            "Ticks of schedules passed over, by function"
        );
        metrics::describe_counter!(
            "tidegate_cache_rejected_total",
            "Compiled components that were not the host's own"
        );
        metrics::describe_gauge!("tidegate_build_info", "Always 1; the version is a label");
        metrics::gauge!("tidegate_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Metrics(handle)
    }

    /// The metrics as text.
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

/// Counts an invocation that ended.
pub fn invocation_ended(function: &str, record: &Record) {
    metrics::counter!("tidegate_invocations_total", "function" => function.to_owned(),
        "trigger" => record.trigger, "outcome" => record.outcome.code())
    .increment(1);
    metrics::histogram!("tidegate_invocation_seconds", "function" => function.to_owned())
        .record(record.duration.as_secs_f64());
}

/// Counts an event that was refused before it became an invocation.
pub fn refused(function: &str, reason: &'static str) {
    metrics::counter!("tidegate_refused_total", "function" => function.to_owned(), "reason" => reason).increment(1);
}

/// Counts log lines that a function wrote beyond its limit.
pub fn log_lines_dropped(lines: u64) {
    metrics::counter!("tidegate_log_lines_dropped_total").increment(lines);
}

/// Counts an MQTT message that a function will not see again.
pub fn message_dropped(function: &str, reason: &'static str) {
    metrics::counter!("tidegate_messages_dropped_total", "function" => function.to_owned(), "reason" => reason).increment(1);
}

/// Counts a tick that a function will not see again.
pub fn tick_given_up(function: &str) {
    metrics::counter!("tidegate_ticks_given_up_total", "function" => function.to_owned())
        .increment(1);
}

/// Counts ticks that a later one stands for.
pub fn ticks_missed(function: &str, ticks: u32) {
    metrics::counter!("tidegate_ticks_missed_total", "function" => function.to_owned())
        .increment(ticks.into());
}

/// Counts a compiled component that could not be authenticated.
pub fn cache_rejected() {
    metrics::counter!("tidegate_cache_rejected_total").increment(1);
}
