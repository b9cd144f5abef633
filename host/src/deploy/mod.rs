//! The control plane: from uploaded bytes to a function that serves.
//!
//! [`manifest`] and [`inspect`] read what was uploaded, [`activate`] decides whether it can run, stores it and swaps it
//! into the trigger table. Everything that can fail does so here, before the function serves.

pub mod activate;
pub mod inspect;
pub mod manifest;
