//! What journals keep, and for how long.

use std::time::Duration;

use super::*;
use crate::model::id::InvocationId;
use crate::model::outcome::{Outcome, Reason};
use crate::observe::trace_context::TraceContext;

fn journals() -> Journals {
    Journals::new(Watchers {
        metrics: Metrics::new(),
        live: Live::new(),
        exporter: None,
    })
}

fn journal() -> Arc<Journal> {
    journals().of(&"f".parse().expect("a name"))
}

fn log(journal: &Journal, text: &str) {
    let of = Attribution::of_event(InvocationId::new(), 1);
    journal.log(&of, Level::Info, Source::Stdout, "", text);
}

fn record(outcome: Outcome) -> Arc<Record> {
    let id = InvocationId::new();
    Arc::new(Record {
        id,
        trigger: "http",
        revision: 1,
        event: "GET /".to_owned(),
        trace: TraceContext::new(id, None, |_, _| None),
        started: SystemTime::now(),
        queued: Duration::ZERO,
        duration: Duration::from_millis(1),
        instantiate: None,
        cpu: Duration::ZERO,
        memory_bytes: 0,
        status: None,
        outcome,
        spans: Vec::new(),
        spans_dropped: 0,
        lines: Vec::new(),
        lines_dropped: 0,
    })
}

#[test]
fn the_oldest_lines_go_first() {
    let journal = journal();
    for number in 0..LOG_LINES_KEPT + 3 {
        log(&journal, &number.to_string());
    }
    let lines = journal.lines();
    assert_eq!(lines.len(), LOG_LINES_KEPT);
    assert_eq!(lines[0].message, "3");
}

#[test]
fn a_follower_sees_each_line_once() {
    let journal = journal();
    log(&journal, "before");
    let (kept, mut live) = journal.follow();
    log(&journal, "after");
    assert_eq!(kept.len(), 1);
    assert_eq!(live.try_recv().expect("live").message, "after");
    drop(live);
    log(&journal, "unseen");
    assert!(journal.lock().live.is_none());
}

#[test]
fn long_lines_are_bounded_by_their_bytes() {
    let journal = journal();
    for _ in 0..LOG_LINES_KEPT {
        log(&journal, &"x".repeat(4096));
    }
    let bytes: usize = journal.lines().iter().map(|line| line.message.len()).sum();
    let most = JOURNAL_BYTES_KEPT / 3;
    assert!(bytes <= most && bytes > most / 2, "{bytes}");
}

#[test]
fn failures_stay_longer_than_what_went_well() {
    let journal = journal();
    let failed = || record(Outcome::GuestError(Reason::new(format_args!("no"))));
    journal.record(failed());
    for _ in 0..INVOCATIONS_KEPT {
        journal.record(record(Outcome::Ok));
    }
    let kept = journal.invocations();
    assert_eq!(kept.len(), INVOCATIONS_KEPT + 1);
    assert!(kept.last().is_some_and(|oldest| oldest.has_failed()));
    for _ in 0..INVOCATIONS_KEPT + FAILURES_KEPT {
        journal.record(failed());
    }
    assert_eq!(
        journal.invocations().len(),
        INVOCATIONS_KEPT + FAILURES_KEPT
    );
    let totals = journal.totals();
    assert_eq!(
        totals.invocations,
        (2 * INVOCATIONS_KEPT + FAILURES_KEPT) as u64 + 1
    );
    assert_eq!(
        totals.failures,
        (INVOCATIONS_KEPT + FAILURES_KEPT) as u64 + 1
    );
}

#[test]
fn the_more_functions_the_less_is_kept_of_each() {
    let journals = journals();
    let name = |number: usize| format!("f{number}").parse().expect("a name");
    let first = journals.of(&name(0));
    assert_eq!(first.share(), JOURNAL_BYTES_KEPT);
    let many = 4 * JOURNALS_BYTES_KEPT / JOURNAL_BYTES_KEPT;
    for number in 1..many {
        journals.of(&name(number));
    }
    assert_eq!(first.share(), JOURNAL_BYTES_KEPT / 4);
    // One invocation is shown however large it is.
    let mut large = Arc::unwrap_or_clone(record(Outcome::Ok));
    large.event = "x".repeat(JOURNAL_BYTES_KEPT);
    first.record(Arc::new(large));
    assert_eq!(first.invocations().len(), 1);
    for number in 1..many {
        journals.forget(&name(number));
    }
    assert_eq!(first.share(), JOURNAL_BYTES_KEPT);
}
