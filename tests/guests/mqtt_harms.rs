//! Does with each message what the configuration says as `harm`: `fails`, `traps`, `spins` (computes forever), `hangs`
//! (waits for ever), `leaks` (takes memory without end), or nothing.

#![cfg(target_arch = "wasm32")]

use std::hint::black_box;

use tidegate_sdk::{Message, config, mqtt_handler};
use wasip2::clocks::monotonic_clock::subscribe_duration;

#[mqtt_handler]
fn handle(_message: Message) -> Result<(), String> {
    let harm = config::get("harm").map_err(|error| error.to_string())?;
    match harm.unwrap_or_default().as_str() {
        "fails" => return Err("asked to fail".to_owned()),
        "traps" => panic!("asked to panic"),
        "spins" => {
            let mut number = 0_u64;
            while black_box(number) < u64::MAX {
                number = number.wrapping_add(2);
            }
        }
        "hangs" => subscribe_duration(u64::MAX).block(),
        "leaks" => {
            let mut taken = Vec::new();
            loop {
                taken.push(black_box(vec![0x5a_u8; 1024 * 1024]));
            }
        }
        _ => {}
    }
    Ok(())
}
