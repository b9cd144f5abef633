//! Bytes that a client sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidegate_broker::check::packets(bytes));
