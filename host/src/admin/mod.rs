//! The admin API and the page: the control plane's listener.
//!
//! Runs on a runtime of its own, so that it answers while every core of the data plane computes.

mod activity;
pub mod auth;
mod broker;
mod databases;
mod dead_letters;
mod devices;
mod error;
mod functions;
mod invocations;
mod invoke;
mod key_value;
mod live;
mod log_filter;
pub mod login;
mod logs;
mod metrics;
mod openapi;
mod page;
mod probes;
pub mod router;
mod secrets;
mod upload;
mod vitals;
