//! Runs a function once for one event. Read [`invoker`] first.

pub mod admission;
mod artifact;
pub mod body;
pub mod compile;
pub mod componentize;
mod confined;
pub mod engine;
mod event;
pub mod files;
pub mod http;
mod instance_state;
pub mod invoker;
mod limiter;
mod linker;
mod loading;
mod machine;
mod mqtt;
pub mod ready;
pub mod runtime;
mod schedule;
mod ticker;
mod turns;

pub use crate::capability::outbound::in_process;
