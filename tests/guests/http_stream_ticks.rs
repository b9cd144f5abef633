//! Sends `?chunks=` lines, `tick 0` and so on, one every 20 milliseconds, the head before the
//! first.

#![cfg(target_arch = "wasm32")]

use tidegate_guests::number;
use tidegate_sdk::{Request, Response, http_handler};
use wasip2::clocks::monotonic_clock::subscribe_duration;

const TICK_NANOSECONDS: u64 = 20_000_000;

#[http_handler]
fn answer(request: Request) -> Response {
    let ticks = (0..number(&request, "chunks", 1)).map(|tick| {
        subscribe_duration(TICK_NANOSECONDS).block();
        format!("tick {tick}\n")
    });
    Response::chunks(ticks)
}
