//! What happened: the host's own log, metrics, and a journal of logs and invocations for each function.

pub mod journal;
pub mod metrics;
pub mod output;
pub mod trace;
