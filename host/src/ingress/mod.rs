//! The data plane's edge: events come in, are matched with a function, and are answered.

pub mod http;
pub mod mqtt;
mod respond;
mod spin_headers;
