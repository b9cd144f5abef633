//! Takes and fills one mebibyte of memory after the other.

#![cfg(target_arch = "wasm32")]

use std::hint::black_box;

use tidegate_sdk::http_handler;

#[http_handler]
fn answer() {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![0x5a_u8; 1024 * 1024]));
    }
}
