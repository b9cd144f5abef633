//! temp
#![allow(missing_docs)]
pub mod bindings;
pub mod broker;
pub mod capability;
pub mod deploy { pub mod manifest; }
pub mod invoke;
pub mod limits;
pub mod model;
pub mod observe;
pub mod storage;
