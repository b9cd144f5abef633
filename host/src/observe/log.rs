//! The host's own log, what functions write among it: to standard error, for people, for machines, or for the journal of
//! systemd.
//!
//! Whoever logs never waits: a thread writes, and lines that it has no room for are dropped. What is logged can be
//! changed while the host runs.

use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::limits::{HOST_LOG_LINES_WAITING, LOG_FILTER_BYTES_MAX};

/// How the host's log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// As text on a terminal, as JSON anywhere else
    #[default]
    Auto,
    /// For people
    Text,
    /// One JSON object a line, for machines
    Json,
}

/// What is logged; handed out once the log has been started.
static FILTER: OnceLock<LogFilter> = OnceLock::new();

/// What is logged, as in `info,function=debug`: levels by target. `tidegate` is the host, `function` what functions write.
#[derive(Clone)]
pub struct LogFilter(reload::Handle<EnvFilter, Registry>);

/// The text is no filter.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no filter of the log: {1}; a level (error, warn, info, debug, trace, off), or levels by target as in `info,function=debug`"
)]
pub struct InvalidFilter(String, String);

impl LogFilter {
    /// That of this process, where its log has been started.
    pub fn of_process() -> Option<&'static LogFilter> {
        FILTER.get()
    }

    /// As it is now.
    pub fn text(&self) -> String {
        let text = self.0.with_current(EnvFilter::to_string);
        text.unwrap_or_default()
    }

    /// Changes it, until the host ends.
    pub fn set(&self, text: &str) -> Result<(), InvalidFilter> {
        let filter = parse(text)?;
        let invalid = |error: reload::Error| InvalidFilter(text.to_owned(), error.to_string());
        self.0.reload(filter).map_err(invalid)
    }
}

fn parse(text: &str) -> Result<EnvFilter, InvalidFilter> {
    let shown = || text.chars().take(80).collect();
    if text.trim().is_empty() || text.len() > LOG_FILTER_BYTES_MAX {
        let reason = format!("it has 1 to {LOG_FILTER_BYTES_MAX} bytes");
        return Err(InvalidFilter(shown(), reason));
    }
    let word =
        |directive: &&str| !directive.contains('=') && directive.parse::<LevelFilter>().is_err();
    if let Some(word) = text.split(',').map(str::trim).find(word) {
        return Err(InvalidFilter(shown(), format!("`{word}` is no level")));
    }
    let filter = EnvFilter::builder().parse(text);
    filter.map_err(|error| InvalidFilter(shown(), error.to_string()))
}

/// Starts the log. `TIDEGATE_LOG` filters it, as in `info,function=debug`. What waits is written when the guard goes.
pub fn start(format: LogFormat) -> WorkerGuard {
    let wanted = std::env::var("TIDEGATE_LOG");
    let parsed = wanted.as_deref().map_or(Ok(EnvFilter::new("info")), parse);
    let (filter, complaint) = match parsed {
        Ok(filter) => (filter, None),
        Err(invalid) => (EnvFilter::new("info"), Some(invalid)),
    };
    let (filter, handle) = reload::Layer::new(filter);
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(HOST_LOG_LINES_WAITING)
        .lossy(true)
        .thread_name("log")
        .finish(io::stderr());
    let is_terminal = io::stderr().is_terminal();
    let to_journal = is_of_journal();
    let writer = LineWriter { writer, to_journal };
    let layer = fmt::layer()
        .with_writer(writer)
        // Where the log cannot be written (its disk is full), there is nowhere to say so, and trying would panic.
        .log_internal_errors(false)
        .with_ansi(is_terminal);
    let is_text = match format {
        LogFormat::Auto => is_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let layer = match (is_text, to_journal) {
        // The journal has its own clock.
        (true, true) => layer.without_time().with_target(false).boxed(),
        (true, false) => layer.with_target(false).boxed(),
        (false, _) => layer
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
    };
    let started = Registry::default().with(filter).with(layer).try_init();
    // A second start in one process, as tests do, keeps the first.
    if started.is_ok() {
        let _ = FILTER.set(LogFilter(handle));
    }
    if let Some(complaint) = complaint {
        tracing::warn!("TIDEGATE_LOG: {complaint}");
    }
    guard
}

/// Whether standard error leads to systemd's journal, which says so in `JOURNAL_STREAM` (systemd.exec(5)).
fn is_of_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let stat = rustix::fs::fstat(io::stderr().as_fd());
    stat.is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Writes lines whole, for the journal with their priority in front (sd-daemon(3)).
struct LineWriter {
    writer: NonBlocking,
    to_journal: bool,
}

/// Writes one line.
struct Line {
    writer: NonBlocking,
    priority: &'static str,
}

impl<'a> MakeWriter<'a> for LineWriter {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line {
            writer: self.writer.clone(),
            priority: "",
        }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line {
        let priority = match *metadata.level() {
            _ if !self.to_journal => "",
            Level::ERROR => "<3>",
            Level::WARN => "<4>",
            Level::INFO => "<6>",
            Level::DEBUG | Level::TRACE => "<7>",
        };
        Line {
            priority,
            ..self.make_writer()
        }
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.priority.is_empty() {
            return self.writer.write(line);
        }
        let whole = [self.priority.as_bytes(), line].concat();
        self.writer.write_all(&whole)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_levels_by_target() {
        for text in ["info", "warn,function=debug", "off", "tidegate=trace"] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in ["", " ", "loud", "function=loud", &"x".repeat(5000)] {
            let invalid = parse(text).err().map(|invalid| invalid.to_string());
            assert!(
                invalid.is_some_and(|text| text.contains("info,function=debug")),
                "{text}"
            );
        }
    }
}
