//! Creates `?n=` resources and drops none: header fields, or pollables with `?kind=pollable`.

#![cfg(target_arch = "wasm32")]

use std::mem::forget;

use tidegate_guests::number;
use tidegate_sdk::{Request, http_handler};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::http::types::Fields;

#[http_handler]
fn answer(request: Request) -> String {
    let pollable = request.query_param("kind").as_deref() == Some("pollable");
    let count = number(&request, "n", 1);
    for _ in 0..count {
        if pollable {
            forget(subscribe_duration(u64::MAX));
        } else {
            forget(Fields::new());
        }
    }
    format!("holding {count}")
}
