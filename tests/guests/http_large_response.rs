//! Answers with `?bytes=` times the letter `x`, in chunks of 64 KiB.

#![cfg(target_arch = "wasm32")]

use tidegate_guests::number;
use tidegate_sdk::{Request, Response, http_handler};

#[http_handler]
fn answer(request: Request) -> Response {
    let mut left = number(&request, "bytes", 0);
    Response::stream(move |writer| {
        let chunk = [b'x'; 64 * 1024];
        while left > 0 {
            let length = left.min(chunk.len() as u64);
            writer.send(&chunk[..length as usize])?;
            left -= length;
        }
        Ok(())
    })
}
