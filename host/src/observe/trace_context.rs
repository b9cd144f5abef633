//! Where an invocation stands in a trace: W3C Trace Context, level 2 (`traceparent`, `tracestate`).
//!
//! Every invocation has a trace id: the one that came with its event or, without one, its own id, which has as many bits.
//! It is passed on where somebody asked for that: by sending a context, or by having the host export traces.

use std::fmt;

use crate::limits::TRACE_STATE_BYTES_MAX;
use crate::model::id::InvocationId;

/// The header and the MQTT user property that a context travels in.
pub const TRACEPARENT: &str = "traceparent";
/// What vendors add to it.
pub const TRACESTATE: &str = "tracestate";

/// The id of a trace: 16 bytes, not all of them zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub [u8; 16]);

/// The id of one span of it: 8 bytes, not all of them zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId(pub [u8; 8]);

/// A context as it came with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteContext {
    /// The trace.
    pub trace: TraceId,
    /// The sender's span.
    pub span: SpanId,
    /// Whether the sender records the trace.
    pub is_sampled: bool,
    /// What vendors have added, as it came.
    pub state: Option<String>,
}

/// Where one invocation stands.
#[derive(Clone, Debug)]
pub struct TraceContext {
    /// The trace.
    pub trace: TraceId,
    /// The invocation's span.
    pub span: SpanId,
    /// What its event came with.
    pub parent: Option<RemoteContext>,
    /// Whether the trace is recorded.
    pub is_sampled: bool,
    /// Whether it is passed on.
    pub is_passed_on: bool,
}

impl RemoteContext {
    /// The context in the values of a `traceparent` and a `tracestate`. One that is not valid is none (section 4.3).
    pub fn parse(parent: &str, state: Option<&str>) -> Option<RemoteContext> {
        let mut fields = parent.split('-');
        let (version, trace, span, flags) = (
            hex::<1>(fields.next()?)?,
            TraceId(hex(fields.next()?)?),
            SpanId(hex(fields.next()?)?),
            hex::<1>(fields.next()?)?,
        );
        // Later versions may have more fields, this one has not; 255 is none.
        let is_known = match version {
            [0] => fields.next().is_none(),
            [255] => false,
            _ => true,
        };
        let is_valid = is_known && trace.0 != [0; 16] && span.0 != [0; 8];
        let state = state.filter(|state| state.len() <= TRACE_STATE_BYTES_MAX && is_visible(state));
        is_valid.then(|| RemoteContext {
            trace,
            span,
            is_sampled: flags[0] & 1 == 1,
            state: state.map(str::to_owned),
        })
    }
}

impl TraceContext {
    /// That of an invocation. `is_exported` is asked whether the host records a trace: nothing where it records none.
    pub fn new(
        id: InvocationId,
        parent: Option<RemoteContext>,
        is_exported: impl FnOnce(TraceId, Option<&RemoteContext>) -> Option<bool>,
    ) -> TraceContext {
        let bytes = id.to_bytes();
        let trace = parent
            .as_ref()
            .map_or(TraceId(bytes), |parent| parent.trace);
        let exported = is_exported(trace, parent.as_ref());
        let of_parent = parent.as_ref().is_some_and(|parent| parent.is_sampled);
        TraceContext {
            trace,
            // The random half of the invocation's id.
            span: SpanId(std::array::from_fn(|index| bytes[8 + index])),
            is_sampled: exported.unwrap_or(of_parent),
            is_passed_on: parent.is_some() || exported.is_some(),
            parent,
        }
    }

    /// The id of the invocation's span of this number, which begins with 1.
    pub fn span_of(&self, number: u32) -> SpanId {
        let own = u64::from_be_bytes(self.span.0);
        let id = own.wrapping_add(number.into());
        SpanId(id.max(1).to_be_bytes())
    }

    /// The value of a `traceparent` that makes this span of the invocation the parent.
    pub fn traceparent(&self, span: SpanId) -> String {
        format!("00-{}-{span}-{:02x}", self.trace, u8::from(self.is_sampled))
    }

    /// The value of a `tracestate`, where there is one.
    pub fn tracestate(&self) -> Option<&str> {
        self.parent.as_ref()?.state.as_deref()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// So many bytes in lower-case hexadecimal.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(is_lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = str::from_utf8(digits).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}

/// What a header may have.
fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn parse(parent: &str) -> Option<RemoteContext> {
        RemoteContext::parse(parent, Some("vendor=1"))
    }

    #[test]
    fn a_valid_parent_is_taken_over_and_passed_on() {
        let parent = parse(&format!("00-{TRACE}-{SPAN}-01")).expect("valid");
        let id = InvocationId::new();
        let context = TraceContext::new(id, Some(parent), |_, _| None);
        assert_eq!(context.trace.to_string(), TRACE);
        assert!(context.is_passed_on && context.is_sampled);
        let first = context.span_of(1);
        assert_ne!(first, context.span);
        assert_eq!(context.traceparent(first), format!("00-{TRACE}-{first}-01"));
        assert_eq!(context.tracestate(), Some("vendor=1"));
    }

    #[test]
    fn without_a_parent_the_invocations_id_is_the_traces() {
        let id = InvocationId::new();
        let context = TraceContext::new(id, None, |_, _| None);
        assert_eq!(context.trace.0, id.to_bytes());
        assert!(!context.is_passed_on && !context.is_sampled);
        let exported = TraceContext::new(id, None, |_, _| Some(true));
        assert!(exported.is_passed_on && exported.is_sampled);
        let left_out = TraceContext::new(id, None, |_, _| Some(false));
        assert!(left_out.is_passed_on && !left_out.is_sampled);
    }

    #[test]
    fn later_versions_may_say_more_and_what_is_not_valid_is_none() {
        assert!(parse(&format!("cc-{TRACE}-{SPAN}-01-more")).is_some());
        let zeros = "0".repeat(32);
        for wrong in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}é-{SPAN}-01"),
        ] {
            assert_eq!(parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_state_that_no_header_can_have_is_left_out() {
        let parent = format!("00-{TRACE}-{SPAN}-00");
        for state in ["a=1\r\nevil: 1", &"x".repeat(TRACE_STATE_BYTES_MAX + 1)] {
            let parsed = RemoteContext::parse(&parent, Some(state)).expect("valid");
            assert_eq!(parsed.state, None);
        }
    }
}
