//! Server-sent events, as the admin API streams them: bytes in, events out.
//!
//! As much of the format as the API speaks: fields `event` and `data`, comments, lines ended by LF or CRLF.

use anyhow::ensure;

/// Bytes of one event that has not ended yet. Log lines are cut far below.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerEvent {
    /// What kind; `message` where the server does not say.
    pub(super) kind: String,
    /// What it carries.
    pub(super) data: String,
}

/// Takes a stream apart, however its chunks are cut.
#[derive(Default)]
pub(super) struct EventReader {
    line: Vec<u8>,
    kind: String,
    data: Option<String>,
}

impl EventReader {
    /// The events that end in this chunk.
    pub(super) fn push(&mut self, chunk: &[u8]) -> anyhow::Result<Vec<ServerEvent>> {
        let mut events = Vec::new();
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                events.extend(self.end_line());
            }
        }
        let pending = self.line.len() + self.data.as_ref().map_or(0, String::len);
        ensure!(
            pending <= EVENT_BYTES_MAX,
            "the host sends an event that does not end"
        );
        Ok(events)
    }

    fn end_line(&mut self) -> Option<ServerEvent> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.data) {
            ("event", _) => value.clone_into(&mut self.kind),
            ("data", Some(data)) => data.extend(["\n", value]),
            ("data", none) => *none = Some(value.to_owned()),
            // A comment, which keeps the connection alive, or a field of no use here.
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<ServerEvent> {
        let kind = std::mem::take(&mut self.kind);
        let data = self.data.take()?;
        let kind = if kind.is_empty() {
            "message".to_owned()
        } else {
            kind
        };
        Some(ServerEvent { kind, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "event: log\ndata: {\"a\":1}\n\n: still here\n\nevent: missed\r\ndata:2\r\n\r\ndata: x\ndata: y\n\n";

    #[track_caller]
    fn check(chunk_bytes: usize) {
        let mut reader = EventReader::default();
        let mut events = Vec::new();
        for chunk in STREAM.as_bytes().chunks(chunk_bytes) {
            events.extend(reader.push(chunk).expect("short"));
        }
        let events: Vec<_> = events
            .iter()
            .map(|event| (event.kind.as_str(), event.data.as_str()))
            .collect();
        assert_eq!(
            events,
            [("log", "{\"a\":1}"), ("missed", "2"), ("message", "x\ny")]
        );
    }

    #[test]
    fn events_do_not_depend_on_how_the_stream_is_cut() {
        for chunk_bytes in [1, 2, 3, 7, STREAM.len()] {
            check(chunk_bytes);
        }
    }

    #[test]
    fn an_event_without_an_end_is_refused() {
        let mut reader = EventReader::default();
        assert!(reader.push(&vec![b'x'; EVENT_BYTES_MAX + 1]).is_err());
    }
}
