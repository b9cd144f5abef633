//! The control plane: from uploaded bytes to a function that serves.
//!
//! [`inspect`], [`manifest`] and [`checks`] decide whether what was uploaded can run, [`activate`] stores it and swaps
//! it into the trigger table, as one of the [`changes`], and [`dry_run`] stops short of that. Everything that can fail
//! does so here, before the function serves.

pub mod activate;
mod changes;
pub mod checks;
mod databases;
pub mod dry_run;
pub mod inspect;
pub mod interfaces;
pub mod manifest;
mod secrets;
