//! Topic filters and names.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidegate_broker::check::topics(bytes));
