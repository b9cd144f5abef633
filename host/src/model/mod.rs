//! The vocabulary: values that cannot be wrong once they exist, without input or output.

pub mod abi;
pub mod address;
pub mod app;
pub mod bucket;
pub mod config;
pub mod cpu_time;
pub mod device;
pub mod digest;
pub mod event;
pub mod exports;
pub mod file;
pub mod grant;
pub mod id;
pub mod manifest;
pub mod method;
pub mod name;
pub mod outbound;
pub mod outcome;
pub mod password;
pub mod quantity;
pub mod route;
pub mod schedule;
pub mod secret;
pub mod spin_request;
pub mod static_response;
pub mod unserved;
