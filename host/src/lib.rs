//! Tidegate: a serverless function host for the edge.
//!
//! An event comes in at [`ingress`], is matched with a function by [`trigger`], run once by [`invoke`], which gives the
//! guest what its [`capability`] grants allow, backed by [`storage`] and the [`tidegate_broker`]; its outcome goes back the same way.
//! [`deploy`] makes components ready and swaps the trigger table, [`admin`] is its API, [`cli`] a client of that.
//!
//! ```text
//!                   main -> cli -> host        composition root
//!
//!      ingress/http  ingress/mqtt                 admin/ ------> cli, page
//!            \____________/                         |
//!                   v          swaps the table      v
//!                trigger/  <--------------------  deploy/
//!                   v         makes ready           |
//!                invoke/  <-------------------------/
//!                   v
//!              capability/
//!                |      |
//!                v      v
//!            storage/  broker
//!                           leaves: model/  limits  bindings  observe/
//! ```
//!
//! Nothing below calls up. Everything that can fail at deploy does so there. Every bound is in [`limits`].

pub mod access;
pub mod admin;
pub mod bindings;
pub mod capability;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod deploy;
pub mod host;
pub mod http_server;
pub mod ingress;
pub mod invoke;
pub mod limits;
pub mod model;
pub mod observe;
pub mod shutdown;
pub mod storage;
pub mod trigger;
