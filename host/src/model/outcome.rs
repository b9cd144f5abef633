//! How an invocation ended, and who is to blame where it did not end well.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::limits::OUTCOME_REASON_BYTES_MAX;

/// How one invocation ended. Guest panics, traps and limits are outcomes, not errors of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The guest returned, and what it returned was usable.
    Ok,
    /// The guest returned an error of its own.
    GuestError(Reason),
    /// The guest was aborted: a panic, an unreachable instruction, an out-of-bounds access, an exit.
    Trap(Reason),
    /// The guest returned without an answer to its HTTP request.
    NoResponse,
    /// The wall clock limit.
    Timeout(Duration),
    /// The limit on the guest's own computing time.
    CpuLimit(Duration),
    /// The limit on linear memory, in bytes.
    MemoryLimit(u64),
    /// The memories of all functions together have as much as the host gives them.
    HostMemory,
    /// The request body was larger than the function takes, in bytes.
    RequestTooLarge(u64),
    /// The response body grew larger than the function may send, in bytes.
    ResponseTooLarge(u64),
    /// The client went away before the response was complete.
    Cancelled,
    /// The host could not run it: the text is for the log.
    HostError(Reason),
}

/// Why an invocation failed, in the words of whoever failed it: [`OUTCOME_REASON_BYTES_MAX`] of them are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

/// Whose fault a failed invocation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The function's code or its limits.
    Guest,
    /// Tidegate or its machine.
    Host,
    /// Whoever sent the event.
    Client,
}

impl Blame {
    /// The word for logs and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Blame::Guest => "guest",
            Blame::Host => "host",
            Blame::Client => "client",
        }
    }
}

impl Outcome {
    /// Who is to blame; nobody where it went well.
    pub fn blame(&self) -> Option<Blame> {
        match self {
            Outcome::Ok => None,
            Outcome::GuestError(_)
            | Outcome::Trap(_)
            | Outcome::NoResponse
            | Outcome::Timeout(_)
            | Outcome::CpuLimit(_)
            | Outcome::MemoryLimit(_)
            | Outcome::ResponseTooLarge(_) => Some(Blame::Guest),
            Outcome::Cancelled | Outcome::RequestTooLarge(_) => Some(Blame::Client),
            Outcome::HostMemory | Outcome::HostError(_) => Some(Blame::Host),
        }
    }

    /// The stable word for metrics, the API and problem documents.
    pub fn code(&self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::GuestError(_) => "guest_error",
            Outcome::Trap(_) => "trap",
            Outcome::NoResponse => "no_response",
            Outcome::Timeout(_) => "timeout",
            Outcome::CpuLimit(_) => "cpu_limit",
            Outcome::MemoryLimit(_) => "memory_limit",
            Outcome::HostMemory => "host_memory",
            Outcome::RequestTooLarge(_) => "request_too_large",
            Outcome::ResponseTooLarge(_) => "response_too_large",
            Outcome::Cancelled => "cancelled",
            Outcome::HostError(_) => "host_error",
        }
    }

    /// Bytes of the words that it came with.
    pub fn reason_bytes(&self) -> usize {
        match self {
            Outcome::GuestError(reason) | Outcome::Trap(reason) | Outcome::HostError(reason) => {
                reason.0.len()
            }
            _ => 0,
        }
    }

    /// What the function's log says about it: the reason, and the guest's backtrace where there is one.
    pub fn reason(&self) -> String {
        match self {
            Outcome::Ok => "ok".to_owned(),
            Outcome::GuestError(text) => format!("the function returned an error: {text}"),
            Outcome::Trap(text) => format!("the function was aborted: {text}"),
            Outcome::NoResponse => "the function returned without setting a response".to_owned(),
            Outcome::Timeout(limit) => {
                format!(
                    "the function took longer than its limit of {limit:?} (manifest: limits.timeout)"
                )
            }
            Outcome::CpuLimit(limit) => {
                format!(
                    "the function computed for longer than its limit of {limit:?} (manifest: limits.cpu)"
                )
            }
            Outcome::MemoryLimit(bytes) => {
                format!(
                    "the function needed more memory than its limit of {bytes} bytes (manifest: limits.memory)"
                )
            }
            Outcome::HostMemory => {
                "the instances of all functions have as much memory as this host gives them, or those of this one half of it \
                 (serve --guest-memory)".to_owned()
            }
            Outcome::RequestTooLarge(bytes) => {
                format!(
                    "the request body is larger than the limit of {bytes} bytes (manifest: limits.request-bytes)"
                )
            }
            Outcome::ResponseTooLarge(bytes) => {
                format!(
                    "the response body is larger than the limit of {bytes} bytes (manifest: limits.response-bytes)"
                )
            }
            Outcome::Cancelled => {
                "the client went away before the response was complete".to_owned()
            }
            Outcome::HostError(text) => format!("the host could not run the function: {text}"),
        }
    }
}

impl Reason {
    /// These words. What is beyond the bound is not even written, however much a guest has to say.
    pub fn new(words: fmt::Arguments<'_>) -> Reason {
        let mut reason = Reason(String::new());
        // An error is the writer's own, where it is full.
        let _ = reason.write_fmt(words);
        reason
    }
}

impl fmt::Write for Reason {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Whoever goes on after the error below is not written either.
        let Some(left) = OUTCOME_REASON_BYTES_MAX.checked_sub(self.0.len()) else {
            return Err(fmt::Error);
        };
        if text.len() <= left {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(left)]);
        self.0.push_str(" … (cut)");
        Err(fmt::Error)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_characters() {
        let short = Reason::new(format_args!("{}: {:?}", "why", Some(1)));
        assert_eq!(short.to_string(), "why: Some(1)");
        for text in ["x".repeat(1 << 20), "é".repeat(1 << 20)] {
            let reason = Reason::new(format_args!("a{text:?}"));
            assert!(reason.0.len() < OUTCOME_REASON_BYTES_MAX + 20);
            assert!(reason.to_string().ends_with(" … (cut)"));
        }
    }
}
