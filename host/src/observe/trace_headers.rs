//! The trace context in HTTP headers (W3C Trace Context, section 3).

use http::{HeaderMap, HeaderName, HeaderValue};

use super::trace_context::{RemoteContext, SpanId, TRACEPARENT, TRACESTATE, TraceContext};

const PARENT: HeaderName = HeaderName::from_static(TRACEPARENT);
const STATE: HeaderName = HeaderName::from_static(TRACESTATE);

/// The context that a request came with. More than one is none.
pub fn parent(headers: &HeaderMap) -> Option<RemoteContext> {
    let mut parents = headers.get_all(PARENT).iter();
    let parent = parents.next()?.to_str().ok()?;
    if parents.next().is_some() {
        return None;
    }
    let states: Option<Vec<&str>> = headers
        .get_all(STATE)
        .iter()
        .map(|state| state.to_str().ok())
        .collect();
    let states = states.unwrap_or_default().join(",");
    RemoteContext::parse(parent, (!states.is_empty()).then_some(&states))
}

/// Makes this span of an invocation the parent of what the request begins, where its trace is passed on.
pub fn pass_on(trace: &TraceContext, span: SpanId, headers: &mut HeaderMap) {
    if !trace.is_passed_on {
        return;
    }
    let value = |text: &str| HeaderValue::from_str(text).ok();
    headers.remove(STATE);
    if let Some(parent) = value(&trace.traceparent(span)) {
        headers.insert(PARENT, parent);
    }
    if let Some(state) = trace.tracestate().and_then(value) {
        headers.insert(STATE, state);
    }
}

/// The same for a request that a function makes. One that it has put into a trace of its own is left there.
pub fn pass_on_outbound(trace: &TraceContext, span: SpanId, headers: &mut HeaderMap) {
    let is_of_another = match headers.contains_key(PARENT) {
        true => parent(headers).is_none_or(|own| own.trace != trace.trace),
        false => false,
    };
    if !is_of_another {
        pass_on(trace, span, headers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::InvocationId;

    const THEIRS: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(parents: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for parent in parents {
            headers.append(PARENT, parent.parse().expect("a value"));
        }
        headers.append(STATE, HeaderValue::from_static("a=1"));
        headers.append(STATE, HeaderValue::from_static("b=2"));
        headers
    }

    #[test]
    fn one_parent_is_one_and_two_are_none() {
        let parsed = parent(&headers(&[THEIRS])).expect("valid");
        assert_eq!(parsed.state.as_deref(), Some("a=1,b=2"));
        assert_eq!(parent(&headers(&[THEIRS, THEIRS])), None);
        assert_eq!(parent(&HeaderMap::new()), None);
    }

    #[test]
    fn what_a_function_forwards_goes_on_and_what_it_begins_is_its_own() {
        let trace = TraceContext::new(InvocationId::new(), parent(&headers(&[THEIRS])), |_, _| {
            None
        });
        let span = trace.span_of(1);
        let mut forwarded = headers(&[&trace.traceparent(trace.span)]);
        pass_on_outbound(&trace, span, &mut forwarded);
        assert_eq!(forwarded[PARENT], trace.traceparent(span));
        let mut own = headers(&["00-11111111111111111111111111111111-b7ad6b7169203331-01"]);
        let before = own.clone();
        pass_on_outbound(&trace, span, &mut own);
        assert_eq!(own, before);
    }

    #[test]
    fn nothing_is_added_where_nobody_asked() {
        let trace = TraceContext::new(InvocationId::new(), None, |_, _| None);
        let mut headers = HeaderMap::new();
        pass_on_outbound(&trace, trace.span_of(1), &mut headers);
        assert!(headers.is_empty());
    }
}
