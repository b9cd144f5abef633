//! Which function? The trigger table: built from active revisions, looked up once for each event, swapped whole.

pub mod headers;
pub mod session_cookies;
mod spin_headers;
pub mod table;
pub mod tables;
