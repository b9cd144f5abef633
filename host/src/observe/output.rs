//! What one invocation writes: log lines, standard output and standard error, up to a number of bytes.
//!
//! Beyond the limit lines are counted and dropped; a last line says how many. Writing never fails and never waits, so
//! a chatty guest cannot slow down or stop itself by its logs.

use std::sync::{Arc, Mutex};

use super::journal::{Journal, Level, Source};
use super::metrics;
use crate::limits::LOG_LINE_BYTES_MAX;
use crate::model::id::InvocationId;

/// The output of one invocation; clones share it. The last one to go writes what was left unfinished.
#[derive(Clone)]
pub struct Output(Arc<Shared>);

struct Shared {
    journal: Arc<Journal>,
    invocation: InvocationId,
    state: Mutex<State>,
}

struct State {
    bytes_left: u64,
    lines_dropped: u64,
    /// The begun lines of standard output and standard error.
    stdout: Vec<u8>,
    stderr: Vec<u8>,
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
    pub fn new(journal: Arc<Journal>, invocation: InvocationId, bytes_max: u64) -> Output {
        let state = State {
            bytes_left: bytes_max,
            lines_dropped: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        Output(Arc::new(Shared {
            journal,
            invocation,
            state: Mutex::new(state),
        }))
    }

    /// Adds a line of the guest's, given to `wasi:logging`.
    pub fn log(&self, level: Level, context: &str, message: &str) {
        let mut state = self.0.state.lock().expect("no holder of this lock panics");
        self.0.write(
            &mut state,
            level,
            Source::Logging,
            context,
            message.as_bytes(),
        );
    }

    /// Adds a line of the host's own, about this invocation. It does not count as the guest's output.
    pub fn host(&self, level: Level, message: &str) {
        let (journal, id) = (&self.0.journal, self.0.invocation);
        journal.log(id, level, Source::Host, "", message);
    }

    /// Adds bytes that the guest wrote to one of its standard streams; each line becomes a line of the log.
    pub fn write(&self, stream: Stream, mut bytes: &[u8]) {
        let mut state = self.0.state.lock().expect("no holder of this lock panics");
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
        let bytes = (context.len() + message.len()) as u64;
        if state.bytes_left < bytes || state.lines_dropped > 0 {
            state.lines_dropped += 1;
            return;
        }
        // An empty line takes its place as well.
        state.bytes_left -= bytes.max(1).min(state.bytes_left);
        let cut = |text: &[u8]| {
            String::from_utf8_lossy(&text[..text.len().min(LOG_LINE_BYTES_MAX)]).into_owned()
        };
        self.journal.log(
            self.invocation,
            level,
            source,
            &cut(context.as_bytes()),
            &cut(message),
        );
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let Ok(mut state) = self
            .state
            .lock()
            .map(|mut state| std::mem::replace(&mut *state, State::spent()))
        else {
            return;
        };
        for stream in [Stream::Stdout, Stream::Stderr] {
            let line = std::mem::take(state.begun(stream));
            if !line.is_empty() {
                self.write_stream(&mut state, stream, &line);
            }
        }
        if state.lines_dropped > 0 {
            let text = format!(
                "{} more log lines were dropped (manifest: limits.log-bytes)",
                state.lines_dropped
            );
            self.journal
                .log(self.invocation, Level::Warn, Source::Host, "", &text);
            metrics::log_lines_dropped(state.lines_dropped);
        }
    }
}

impl State {
    fn spent() -> State {
        State {
            bytes_left: 0,
            lines_dropped: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::journal::Journals;

    fn lines_of(write: impl FnOnce(&Output), bytes_max: u64) -> Vec<(Source, String)> {
        let journal = Journals::default().of(&"f".parse().expect("a name"));
        write(&Output::new(
            journal.clone(),
            InvocationId::new(),
            bytes_max,
        ));
        journal
            .lines()
            .into_iter()
            .map(|line| (line.source, line.message))
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
}
