//! Takes `?mib=` MiB of memory, says so in its log, holds them until its request has ended, then answers
//! `held`.

#![cfg(target_arch = "wasm32")]

use std::hint::black_box;

use tidegate_guests::number;
use tidegate_sdk::{Request, http, http_handler};

#[http_handler]
fn answer(request: Request) -> Result<&'static str, http::Error> {
    let mib = usize::try_from(number(&request, "mib", 0)).unwrap_or_default();
    let held = black_box(vec![1u8; mib << 20]);
    println!("holding");
    request.body()?;
    drop(held);
    Ok("held")
}
