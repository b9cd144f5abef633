//! `GET /metrics`: what the host counts, and what there is at the moment, in Prometheus' text format.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::response::Response;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use tidegate_broker::Broker;
use tidegate_broker::inbox::InboxSnapshot;

use super::router::{AdminState, Host, LocalOrViewer, plain};
use crate::invoke::invoker::PoolFigures;
use crate::observe::metrics::text;
use crate::observe::process::ProcessFigures;

/// `GET /metrics`
pub(super) async fn metrics(_: LocalOrViewer, State(host): Host) -> Response {
    let mut families = host.watchers.metrics.gather();
    let mut now = Moment(Vec::new());
    now.of_host(&host);
    now.of_storage(&host);
    now.of_live(&host);
    now.of_functions(&host);
    if let Some(broker) = &host.broker {
        now.of_broker(broker);
        now.of_inboxes(broker);
    }
    if let Some(process) = ProcessFigures::now() {
        now.of_process(&host, &process);
    }
    families.extend(now.0);
    plain("text/plain; version=0.0.4", text(&families))
}

/// What there is at the moment.
struct Moment(Vec<MetricFamily>);

/// Labels and a value.
type Sample<'a> = (Vec<(&'static str, &'a str)>, f64);

impl Moment {
    fn family(&mut self, name: &str, help: &str, kind: MetricType, samples: Vec<Sample<'_>>) {
        if samples.is_empty() {
            return;
        }
        let metric = |(labels, value): Sample<'_>| {
            let label = |(name, value): (&str, &str)| {
                let mut label = LabelPair::default();
                label.set_name(name.to_owned());
                label.set_value(value.to_owned());
                label
            };
            let mut metric = Metric::from_label(labels.into_iter().map(label).collect());
            match kind {
                MetricType::COUNTER => {
                    let mut counter = Counter::default();
                    counter.set_value(value);
                    metric.set_counter(counter);
                }
                _ => {
                    let mut gauge = Gauge::default();
                    gauge.set_value(value);
                    metric.set_gauge(gauge);
                }
            }
            metric
        };
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(samples.into_iter().map(metric).collect());
        self.0.push(family);
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, help, MetricType::GAUGE, vec![(Vec::new(), value)]);
    }

    fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, help, MetricType::COUNTER, vec![(Vec::new(), value)]);
    }

    fn of_host(&mut self, host: &AdminState) {
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        self.family(
            "tidegate_build_info",
            "Always 1; the version is a label.",
            MetricType::GAUGE,
            vec![(version, 1.0)],
        );
        let pools = host.invoker.pools();
        let by_abi = |of: fn(&PoolFigures) -> u32| {
            let sample =
                |pool: &PoolFigures| (vec![("abi", pool.abi.as_str())], f64::from(of(pool)));
            pools.iter().map(sample).collect::<Vec<_>>()
        };
        self.family(
            "tidegate_pool_slots",
            "Instances with one memory that the pool has room for.",
            MetricType::GAUGE,
            by_abi(|pool| pool.slots),
        );
        self.family(
            "tidegate_pool_slots_in_use",
            "Slots of the pool that are in use.",
            MetricType::GAUGE,
            by_abi(|pool| pool.slots_in_use),
        );
        let (bytes, bytes_max) = host.invoker.guest_memory();
        self.gauge(
            "tidegate_guest_memory_bytes",
            "Linear memory that guests have.",
            bytes as f64,
        );
        self.gauge(
            "tidegate_guest_memory_limit_bytes",
            "Linear memory that all guests may have together.",
            bytes_max as f64,
        );
    }

    fn of_storage(&mut self, host: &AdminState) {
        let writer = host.database.figures();
        self.counter(
            "tidegate_database_commits_total",
            "Groups of writes that were committed.",
            writer.commits as f64,
        );
        self.counter(
            "tidegate_database_commit_failures_total",
            "Groups of writes that could not be committed.",
            writer.failures as f64,
        );
        self.gauge(
            "tidegate_database_size_bytes",
            "Size of the database, its log included.",
            host.database_bytes() as f64,
        );
        if let Some(free) = host.disk_free_bytes() {
            let help = "Bytes free where the data directory is.";
            self.gauge("tidegate_disk_free_bytes", help, free as f64);
        }
    }

    fn of_live(&mut self, host: &AdminState) {
        let live = &host.watchers.live;
        self.gauge(
            "tidegate_live_readers",
            "Readers of the live feed.",
            live.readers() as f64,
        );
        self.counter(
            "tidegate_live_events_missed_total",
            "Events that slow readers of the live feed missed.",
            live.missed() as f64,
        );
    }

    fn of_functions(&mut self, host: &AdminState) {
        let table = host.tables.current();
        let figures: Vec<_> = table
            .functions()
            .map(|function| (function.name.as_str(), function.admission.figures()))
            .collect();
        let by_function = |of: fn(&(u32, u32)) -> u32| {
            let figures = figures.iter();
            figures
                .map(|(name, figures)| (vec![("function", *name)], f64::from(of(figures))))
                .collect::<Vec<_>>()
        };
        self.family(
            "tidegate_invocations_in_flight",
            "Invocations at present.",
            MetricType::GAUGE,
            by_function(|(in_flight, _)| *in_flight),
        );
        self.family(
            "tidegate_events_queued",
            "Requests that wait for their invocation.",
            MetricType::GAUGE,
            by_function(|(_, queued)| *queued),
        );
    }

    #[rustfmt::skip]
    fn of_broker(&mut self, broker: &Broker) {
        let figures = broker.figures();
        self.gauge("tidegate_mqtt_clients", "MQTT clients that are connected.", figures.clients_connected as f64);
        self.gauge("tidegate_mqtt_sessions", "MQTT sessions, with and without a connection.", figures.sessions as f64);
        self.gauge("tidegate_mqtt_subscriptions", "Subscriptions, those of functions among them.", figures.subscriptions as f64);
        self.counter("tidegate_mqtt_connects_total", "Connections that became clients.", figures.connects as f64);
        self.counter("tidegate_mqtt_connects_refused_total", "Connections that were not let in.", figures.connects_refused as f64);
        self.counter("tidegate_mqtt_messages_received_total", "Messages that were published.", figures.messages_received as f64);
        self.counter("tidegate_mqtt_received_bytes_total", "Bytes of the payloads that were published.", figures.bytes_received as f64);
        self.counter("tidegate_mqtt_messages_unmatched_total", "Messages that nobody had subscribed to.", figures.messages_unmatched as f64);
        self.gauge("tidegate_mqtt_retained_messages", "Retained messages.", figures.retained as f64);
        self.gauge("tidegate_mqtt_retained_bytes", "Bytes of retained messages, about.", figures.retained_bytes as f64);
        self.counter("tidegate_mqtt_retained_refused_total", "Retained messages that there was no room for.", figures.retained_refused as f64);
        self.gauge("tidegate_mqtt_queued_bytes", "Bytes of what waits for sessions.", figures.queued_bytes as f64);
        self.counter("tidegate_mqtt_spool_commits_total", "Commits of the broker's state.", figures.spool.commits as f64);
        self.counter("tidegate_mqtt_deliveries_stored_total", "Deliveries that were stored.", figures.spool.deliveries_stored as f64);
        self.gauge("tidegate_mqtt_spool_waiting", "Changes that wait for the next commit.", figures.spool.waiting as f64);
        self.gauge("tidegate_mqtt_spool_failing", "1 while the broker's state cannot be stored.", f64::from(u8::from(figures.spool.is_failing)));
        if let Some(external) = broker.upstream_state() {
            let is_connected = f64::from(u8::from(external.is_connected));
            self.gauge("tidegate_external_broker_connected", "1 while the external broker is reached.", is_connected);
        }
    }

    #[rustfmt::skip]
    fn of_inboxes(&mut self, broker: &Broker) {
        let inboxes: Vec<_> = broker.inboxes().iter().map(|inbox| inbox.snapshot()).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let age = |oldest_ms: Option<i64>| {
            let oldest = oldest_ms.map_or(now.as_secs_f64(), |ms| ms as f64 / 1000.0);
            (now.as_secs_f64() - oldest).max(0.0)
        };
        let samples = |of: &dyn Fn(&InboxSnapshot) -> f64| {
            inboxes.iter().map(|inbox| (vec![("function", inbox.function.as_str())], of(inbox))).collect::<Vec<_>>()
        };
        use MetricType::{COUNTER, GAUGE};
        self.family("tidegate_inbox_messages", "Messages that wait for a function or are being handled.", GAUGE, samples(&|inbox| inbox.depth as f64));
        self.family("tidegate_inbox_bytes", "Their bytes, about.", GAUGE, samples(&|inbox| inbox.bytes as f64));
        self.family("tidegate_inbox_failing_messages", "Of them, those whose last attempt failed.", GAUGE, samples(&|inbox| inbox.failing as f64));
        self.family("tidegate_inbox_oldest_age_seconds", "How long the oldest of them has been waiting.", GAUGE, samples(&|inbox| age(inbox.oldest_ms)));
        self.family("tidegate_inbox_dropped_total", "QoS 0 messages dropped because the inbox was full.", COUNTER, samples(&|inbox| inbox.figures.dropped as f64));
        self.family("tidegate_inbox_expired_total", "Messages that expired while they waited.", COUNTER, samples(&|inbox| inbox.figures.expired as f64));
        self.family("tidegate_dead_letters_total", "Messages that became dead letters.", COUNTER, samples(&|inbox| inbox.figures.dead_letters as f64));
    }

    #[rustfmt::skip]
    fn of_process(&mut self, host: &AdminState, process: &ProcessFigures) {
        let started = host.facts.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.counter("process_cpu_seconds_total", "Processor time of the process.", process.cpu.as_secs_f64());
        self.gauge("process_resident_memory_bytes", "Memory of the process.", process.resident_bytes as f64);
        self.gauge("process_virtual_memory_bytes", "Address space of the process.", process.virtual_bytes as f64);
        self.gauge("process_open_fds", "Open files.", process.open_files as f64);
        self.gauge("process_max_fds", "Files that may be open at once.", process.open_files_max as f64);
        self.gauge("process_threads", "Threads.", process.threads as f64);
        self.gauge("process_start_time_seconds", "When the process started, in seconds since 1970.", started.as_secs_f64());
        if let Some(written) = process.written_bytes {
            self.counter("tidegate_storage_written_bytes_total", "Bytes that the process has had written to storage: what wears flash.", written as f64);
        }
    }
}
