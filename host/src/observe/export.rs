//! Traces for others: the spans of invocations, sent in batches by OTLP over HTTP.
//!
//! Set up by OpenTelemetry's own environment variables, and not there without `OTEL_EXPORTER_OTLP_ENDPOINT` or
//! `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`. Whatever the collector does, invocations do not wait for it: what it does not
//! take in time is dropped.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, Config, SamplingDecision, ShouldSample, SpanData, SpanEvents, SpanLinks,
    SpanProcessor as _,
};

use super::calls::{Call, Span};
use super::record::Record;
use super::trace_context::{self, RemoteContext};
use crate::model::name::Name;

/// Sends traces.
pub struct Exporter {
    processor: BatchSpanProcessor,
    sampler: Box<dyn ShouldSample>,
    scope: InstrumentationScope,
}

/// The number of the span in which an event waits, apart from those of calls.
const QUEUE: u32 = 1 << 31;

/// How long the last spans may take to be sent when the host stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

impl Exporter {
    /// As the environment has it; nothing where it does not ask for traces.
    pub fn from_environment() -> Result<Option<Exporter>, ExporterBuildError> {
        let is = |name: &str, value: &str| {
            std::env::var(name).is_ok_and(|set| set.trim().eq_ignore_ascii_case(value))
        };
        let is_set = |name| std::env::var(name).is_ok_and(|endpoint: String| !endpoint.is_empty());
        let is_wanted =
            is_set("OTEL_EXPORTER_OTLP_ENDPOINT") || is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        if !is_wanted || is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        // Its client blocks, and is made and used outside of the runtime.
        let made = std::thread::spawn(|| SpanExporter::builder().with_http().build());
        let exporter = made.join().unwrap_or_else(|_| {
            Err(ExporterBuildError::InternalFailure(
                "the exporter's thread ended".to_owned(),
            ))
        })?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        let resource = Resource::builder();
        let resource = match is_set("OTEL_SERVICE_NAME") {
            true => resource,
            false => resource.with_service_name("tidegate"),
        };
        processor.set_resource(&resource.build());
        let scope = InstrumentationScope::builder("tidegate");
        Ok(Some(Exporter {
            processor,
            sampler: Config::default().sampler,
            scope: scope.with_version(env!("CARGO_PKG_VERSION")).build(),
        }))
    }

    /// Whether this trace is recorded.
    pub fn samples(&self, trace: trace_context::TraceId, parent: Option<&RemoteContext>) -> bool {
        let parent = parent.map(|parent| Context::new().with_remote_span_context(remote(parent)));
        let trace = TraceId::from_bytes(trace.0);
        let kind = SpanKind::Server;
        let sampler = &self.sampler;
        let sampled = sampler.should_sample(parent.as_ref(), trace, "invocation", &kind, &[], &[]);
        sampled.decision == SamplingDecision::RecordAndSample
    }

    /// Sends the spans of an invocation that ended, unless its trace is not recorded.
    pub fn export(&self, function: &Name, record: &Record) {
        if !record.trace.is_sampled {
            return;
        }
        let arrived = record.started.checked_sub(record.queued);
        let arrived = arrived.unwrap_or(record.started);
        for span in &record.spans {
            self.processor.on_end(self.of_call(record, span));
        }
        if record.queued > Duration::from_millis(1) {
            let times = (arrived, record.started);
            let own = record.trace.span_of(QUEUE);
            let waited = self.child(record, own, "queue", times);
            self.processor.on_end(waited);
        }
        let parent = record.trace.parent.as_ref();
        let times = (arrived, record.started + record.duration);
        let name = format!("{} {function}", record.trigger);
        let root = SpanData {
            parent_span_id: parent
                .map_or(SpanId::INVALID, |parent| SpanId::from_bytes(parent.span.0)),
            parent_span_is_remote: parent.is_some(),
            span_kind: match record.trigger {
                "http" => SpanKind::Server,
                "mqtt" => SpanKind::Consumer,
                _ => SpanKind::Internal,
            },
            attributes: attributes(function, record),
            status: match record.has_failed() {
                true => Status::error(record.outcome.code()),
                false => Status::Unset,
            },
            ..self.span(record, record.trace.span, name, times)
        };
        self.processor.on_end(root);
    }

    /// Sends what is left, and no more.
    pub fn shutdown(&self) {
        if let Err(error) = self.processor.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }

    fn of_call(&self, record: &Record, span: &Span) -> SpanData {
        let (capability, operation) = span.call.names();
        let began = record.started + span.start;
        let own = record.trace.span_of(span.number);
        let name = format!("{capability} {operation}");
        SpanData {
            span_kind: match span.call {
                Call::MqttPublish => SpanKind::Producer,
                call if call.is_outgoing() => SpanKind::Client,
                _ => SpanKind::Internal,
            },
            attributes: vec![
                KeyValue::new("tidegate.capability", capability),
                KeyValue::new("tidegate.detail", span.detail.clone()),
            ],
            status: match &span.error {
                Some(error) => Status::error(error.clone()),
                None => Status::Unset,
            },
            ..self.child(record, own, name, (began, began + span.duration))
        }
    }

    fn child(
        &self,
        record: &Record,
        own: trace_context::SpanId,
        name: impl Into<String>,
        times: (SystemTime, SystemTime),
    ) -> SpanData {
        SpanData {
            parent_span_id: SpanId::from_bytes(record.trace.span.0),
            ..self.span(record, own, name.into(), times)
        }
    }

    fn span(
        &self,
        record: &Record,
        own: trace_context::SpanId,
        name: String,
        (start_time, end_time): (SystemTime, SystemTime),
    ) -> SpanData {
        let state = record.trace.tracestate();
        let state = state.and_then(|state| state.parse::<TraceState>().ok());
        SpanData {
            span_context: SpanContext::new(
                TraceId::from_bytes(record.trace.trace.0),
                SpanId::from_bytes(own.0),
                TraceFlags::SAMPLED,
                false,
                state.unwrap_or_default(),
            ),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time,
            end_time,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.scope.clone(),
        }
    }
}

/// By OpenTelemetry's conventions for functions (`faas.*`) where they have a word, by ours where they have none.
fn attributes(function: &Name, record: &Record) -> Vec<KeyValue> {
    let trigger = match record.trigger {
        "mqtt" => "pubsub",
        "schedule" => "timer",
        trigger => trigger,
    };
    let mut attributes = vec![
        KeyValue::new("faas.name", function.to_string()),
        KeyValue::new("faas.version", record.revision.to_string()),
        KeyValue::new("faas.invocation_id", record.id.to_string()),
        KeyValue::new("faas.trigger", trigger),
        KeyValue::new("tidegate.event", record.event.clone()),
        KeyValue::new("tidegate.outcome", record.outcome.code()),
        KeyValue::new("tidegate.cpu_ms", record.cpu.as_secs_f64() * 1000.0),
    ];
    if let Some(blame) = record.outcome.blame() {
        attributes.push(KeyValue::new("tidegate.blame", blame.as_str()));
    }
    if let Some(status) = record.status {
        let status = i64::from(status);
        attributes.push(KeyValue::new("http.response.status_code", status));
    }
    attributes
}

fn remote(parent: &RemoteContext) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(parent.trace.0),
        SpanId::from_bytes(parent.span.0),
        match parent.is_sampled {
            true => TraceFlags::SAMPLED,
            false => TraceFlags::NOT_SAMPLED,
        },
        true,
        TraceState::NONE,
    )
}
