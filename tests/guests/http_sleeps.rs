//! Says so in its log, sleeps for `?ms=` milliseconds, without computing, then answers `slept`.

#![cfg(target_arch = "wasm32")]

use tidegate_guests::number;
use tidegate_sdk::{Request, http_handler};
use wasip2::clocks::monotonic_clock::subscribe_duration;

#[http_handler]
fn answer(request: Request) -> &'static str {
    println!("sleeping");
    subscribe_duration(number(&request, "ms", 0).saturating_mul(1_000_000)).block();
    "slept"
}
