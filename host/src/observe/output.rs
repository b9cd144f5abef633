//! What one invocation writes: log lines, standard output and standard error, up to a number of bytes.
//!
//! Beyond the limit lines are counted and dropped; a last line says how many. Writing never fails and never waits, so
//! a chatty guest cannot slow down or stop itself by its logs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use super::journal::Journal;
use super::log_line::{Attribution, Level, LogLine, Source};
use crate::limits::{LOG_LINE_BYTES_MAX, RECORD_LINE_BYTES_KEPT, RECORD_LINES_KEPT};

/// The output of one invocation; clones share it.
#[derive(Clone)]
pub struct Output(Arc<Shared>);

struct Shared {
    journal: Arc<Journal>,
    of: Attribution,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bytes_left: u64,
    lines_dropped: u64,
    /// The begun lines of standard output and standard error.
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// The last lines, for the invocation's record, and how many there were before them.
    last: VecDeque<Arc<LogLine>>,
    last_bytes: usize,
    before_last: u64,
}

/// Which of the two standard streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Output {
    /// The output of this invocation, of which `bytes_max` bytes are kept.
    pub fn new(journal: Arc<Journal>, of: Attribution, bytes_max: u64) -> Output {
        let state = State {
            bytes_left: bytes_max,
            ..State::default()
        };
        Output(Arc::new(Shared {
            journal,
            of,
            state: Mutex::new(state),
        }))
    }

    /// Adds a line of the guest's, given to `wasi:logging`.
    pub fn log(&self, level: Level, context: &str, message: &str) {
        let mut state = self.0.lock();
        let message = message.as_bytes();
        self.0
            .write(&mut state, level, Source::Logging, context, message);
    }

    /// Adds a line of the host's own, about this invocation. It does not count as the guest's output.
    pub fn host(&self, level: Level, message: &str) {
        let mut state = self.0.lock();
        self.0.add(&mut state, level, Source::Host, "", message);
    }

    /// Adds bytes that the guest wrote to one of its standard streams; each line becomes a line of the log.
    pub fn write(&self, stream: Stream, mut bytes: &[u8]) {
        let mut state = self.0.lock();
        while !bytes.is_empty() {
            let line_end = bytes.iter().position(|byte| *byte == b'\n');
            let begun = state.begun(stream);
            let room = LOG_LINE_BYTES_MAX.saturating_sub(begun.len());
            let (text, rest) = match line_end {
                Some(end) if end <= room => (&bytes[..end], &bytes[end + 1..]),
                _ if bytes.len() > room => bytes.split_at(room),
                _ => {
                    begun.extend_from_slice(bytes);
                    return;
                }
            };
            begun.extend_from_slice(text);
            let line = std::mem::take(begun);
            self.0.write_stream(&mut state, stream, &line);
            bytes = rest;
        }
    }

    /// Writes what was left unfinished: the guest has ended. What still comes is dropped.
    pub fn finish(&self) {
        let mut state = self.0.lock();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let line = std::mem::take(state.begun(stream));
            if !line.is_empty() {
                self.0.write_stream(&mut state, stream, &line);
            }
        }
        state.bytes_left = 0;
        let dropped = std::mem::take(&mut state.lines_dropped);
        if dropped > 0 {
            let text =
                format!("{dropped} more log lines were dropped (manifest: limits.log-bytes)");
            self.0.add(&mut state, Level::Warn, Source::Host, "", &text);
            self.0.journal.metrics.log_lines_dropped(dropped);
        }
    }

    /// The last lines, oldest first, and how many there were before them.
    pub fn take_last(&self) -> (Vec<Arc<LogLine>>, u64) {
        let mut state = self.0.lock();
        let last = std::mem::take(&mut state.last);
        (last.into(), state.before_last)
    }
}

impl State {
    fn begun(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

impl Shared {
    fn write_stream(&self, state: &mut State, stream: Stream, line: &[u8]) {
        let (level, source) = match stream {
            Stream::Stdout => (Level::Info, Source::Stdout),
            Stream::Stderr => (Level::Warn, Source::Stderr),
        };
        self.write(state, level, source, "", line);
    }

    fn write(
        &self,
        state: &mut State,
        level: Level,
        source: Source,
        context: &str,
        message: &[u8],
    ) {
        // An empty line takes its place as well.
        let bytes = ((context.len() + message.len()) as u64).max(1);
        if state.bytes_left < bytes || state.lines_dropped > 0 {
            state.lines_dropped += 1;
            return;
        }
        state.bytes_left -= bytes;
        let cut = |text: &[u8]| {
            String::from_utf8_lossy(&text[..text.len().min(LOG_LINE_BYTES_MAX)]).into_owned()
        };
        let (context, message) = (cut(context.as_bytes()), cut(message));
        self.add(state, level, source, &context, &message);
    }

    fn add(&self, state: &mut State, level: Level, source: Source, context: &str, message: &str) {
        let line = self.journal.log(&self.of, level, source, context, message);
        state.last_bytes += line.bytes();
        state.last.push_back(line);
        let is_too_much = |state: &State| {
            let has_more = state.last.len() > 1 && state.last_bytes > RECORD_LINE_BYTES_KEPT;
            state.last.len() > RECORD_LINES_KEPT || has_more
        };
        while is_too_much(state) {
            let oldest = state.last.pop_front().expect("what is counted is there");
            state.last_bytes -= oldest.bytes();
            state.before_last += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::InvocationId;
    use crate::observe::journal::{Journals, Watchers};
    use crate::observe::live::Live;
    use crate::observe::metrics::Metrics;

    fn output(bytes_max: u64) -> (Arc<Journal>, Output) {
        let journals = Journals::new(Watchers {
            metrics: Metrics::new(),
            live: Live::new(),
            exporter: None,
        });
        let journal = journals.of(&"f".parse().expect("a name"));
        let of = Attribution::of_event(InvocationId::new(), 1);
        (journal.clone(), Output::new(journal, of, bytes_max))
    }

    fn lines_of(write: impl FnOnce(&Output), bytes_max: u64) -> Vec<(Source, String)> {
        let (journal, output) = output(bytes_max);
        write(&output);
        output.finish();
        journal
            .lines()
            .iter()
            .map(|line| (line.source, line.message.clone()))
            .collect()
    }

    #[test]
    fn pieces_become_lines_and_the_last_one_is_not_lost() {
        let lines = lines_of(
            |output| {
                output.write(Stream::Stdout, b"one\ntw");
                output.write(Stream::Stderr, b"err\n");
                output.write(Stream::Stdout, b"o\n\nthree");
            },
            1000,
        );
        let expected = [
            (Source::Stdout, "one"),
            (Source::Stderr, "err"),
            (Source::Stdout, "two"),
            (Source::Stdout, ""),
            (Source::Stdout, "three"),
        ];
        assert_eq!(
            lines,
            expected.map(|(source, text)| (source, text.to_owned()))
        );
    }

    #[test]
    fn what_is_beyond_the_limit_is_counted() {
        let lines = lines_of(
            |output| (0..10).for_each(|_| output.write(Stream::Stdout, b"0123456789\n")),
            25,
        );
        assert_eq!(lines.len(), 3);
        assert!(
            lines[2].1.starts_with("8 more log lines were dropped"),
            "{}",
            lines[2].1
        );
    }

    #[test]
    fn empty_lines_are_limited_like_others() {
        let write = |output: &Output| {
            output.write(Stream::Stdout, &[b'\n'; 100]);
            output.log(Level::Info, "", "");
        };
        let lines = lines_of(write, 10);
        assert_eq!(lines.len(), 11);
        assert!(
            lines[10].1.starts_with("91 more log lines were dropped"),
            "{}",
            lines[10].1
        );
    }

    #[test]
    fn a_line_without_an_end_is_cut() {
        let lines = lines_of(
            |output| output.write(Stream::Stdout, &[b'x'; LOG_LINE_BYTES_MAX + 5]),
            u64::MAX,
        );
        assert_eq!(
            lines.iter().map(|(_, text)| text.len()).collect::<Vec<_>>(),
            [LOG_LINE_BYTES_MAX, 5]
        );
    }

    #[test]
    fn the_record_has_the_last_lines_and_what_comes_after_the_end_is_dropped() {
        let (journal, output) = output(u64::MAX);
        let count = RECORD_LINES_KEPT + 3;
        for number in 0..count {
            output.write(Stream::Stdout, format!("{number}\n").as_bytes());
        }
        output.finish();
        output.write(Stream::Stdout, b"late\n");
        let (last, before) = output.take_last();
        assert_eq!((last.len(), before), (RECORD_LINES_KEPT, 3));
        assert_eq!(last[0].message, "3");
        assert_eq!(journal.lines().len(), count);
    }
}
