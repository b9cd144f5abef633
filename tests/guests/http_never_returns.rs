//! Computes forever.

#![cfg(target_arch = "wasm32")]

use std::hint::black_box;

use tidegate_sdk::http_handler;

#[http_handler]
fn answer() {
    let mut number = 0_u64;
    while black_box(number) < u64::MAX {
        number = number.wrapping_add(2);
    }
}
