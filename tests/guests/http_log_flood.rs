//! Writes `?bytes=` bytes, in lines of 1 KiB, to standard output and `?lines=` lines to standard
//! error.

#![cfg(target_arch = "wasm32")]

use std::io::Write;

use tidegate_guests::number;
use tidegate_sdk::{Request, http_handler};

const LINE_BYTES: usize = 1024;

#[http_handler]
fn answer(request: Request) -> std::io::Result<&'static str> {
    let mut line = vec![b'x'; LINE_BYTES - 1];
    line.push(b'\n');
    let mut left = number(&request, "bytes", 0);
    let mut output = std::io::stdout().lock();
    while left > 0 {
        let length = left.min(line.len() as u64);
        output.write_all(&line[..length as usize])?;
        left -= length;
    }
    output.flush()?;
    for number in 0..number(&request, "lines", 0) {
        eprintln!("line {number}");
    }
    Ok("flooded")
}
