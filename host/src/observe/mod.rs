//! What happened: the host's own log, metrics, traces, a journal for each function, and a live feed of all of it.

pub mod activity;
pub mod calls;
pub mod export;
pub mod journal;
pub mod live;
pub mod log;
pub mod log_line;
pub mod metrics;
pub mod output;
pub mod process;
pub mod record;
pub mod trace_context;
pub mod trace_headers;
