//! The admin API and the dashboard: the control plane's listener.
//!
//! Runs on a runtime of its own, so that it answers while every core of the data plane computes.

mod activity;
pub mod auth;
mod broker;
mod caller;
mod dashboard;
mod databases;
mod dead_letters;
mod devices;
mod error;
mod event_stream;
mod function;
mod functions;
pub mod host;
mod invocations;
mod invoke;
mod key_value;
mod live;
mod log_filter;
pub mod login;
mod logs;
mod message;
mod metrics;
mod openapi;
mod origin;
mod probes;
pub mod router;
mod secrets;
mod session;
mod time;
mod tokens;
mod upload;
mod vitals;
