//! The data plane's edge: events come in, are matched with a function, and are answered.

pub mod app;
mod backoff;
pub mod http;
pub mod mqtt;
mod respond;
pub mod schedule;
