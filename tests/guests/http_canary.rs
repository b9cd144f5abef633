//! Looks for traces of earlier invocations: searches its whole memory for a canary and answers `count=N hits=N`, how
//! often a static counter was raised (1 in a fresh instance) and how many canaries there are. `?plant=1` first writes
//! 1 MiB of canaries to the heap, and one into a static, and leaves them there. The canary is never written but by
//! planting: it is computed byte by byte, so that neither the code nor the stack holds one.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "reads the whole of linear memory")]

use std::hint::black_box;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use tidegate_sdk::{Request, http_handler};

const CANARY_BYTES: usize = 16;
const PLANTED_BYTES: usize = 1024 * 1024;
const PAGE_BYTES: usize = 64 * 1024;

static COUNT: AtomicU32 = AtomicU32::new(0);
static PLANTED: [AtomicU8; CANARY_BYTES] = [const { AtomicU8::new(0) }; CANARY_BYTES];

#[http_handler]
fn answer(request: Request) -> String {
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    if request.query_param("plant").is_some() {
        plant();
    }
    let memory_bytes = core::arch::wasm32::memory_size(0) * PAGE_BYTES;
    let hits = (0..memory_bytes - CANARY_BYTES)
        .filter(|address| is_canary(*address))
        .count();
    format!("count={count} hits={hits}")
}

fn canary_byte(index: usize) -> u8 {
    (black_box(index as u8).wrapping_mul(37) ^ 0xa7).rotate_left(3)
}

fn plant() {
    let heap: Vec<u8> = (0..PLANTED_BYTES)
        .map(|at| canary_byte(at % CANARY_BYTES))
        .collect();
    black_box(heap.leak());
    for (index, byte) in black_box(&PLANTED).iter().enumerate() {
        byte.store(canary_byte(index), Ordering::Relaxed);
    }
}

fn is_canary(address: usize) -> bool {
    (0..CANARY_BYTES).all(|index| read(address + index) == canary_byte(index))
}

fn read(address: usize) -> u8 {
    // SAFETY: the address lies within linear memory, all of which can be read, whatever is written there.
    unsafe { std::ptr::without_provenance::<u8>(address).read_volatile() }
}
