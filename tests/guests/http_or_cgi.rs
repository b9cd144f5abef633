//! Exports a handler of requests and a program that serves them in the CGI manner; each answers which of them it is.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exports are unmangled symbols")]

use std::io::Write as _;

use tidegate_sdk::http_handler;

#[http_handler]
fn answer() -> &'static str {
    "handler"
}

struct Program;

impl wasip2::exports::cli::run::Guest for Program {
    fn run() -> Result<(), ()> {
        let mut out = std::io::stdout().lock();
        let written = write!(out, "Content-Type: text/plain\n\nprogram");
        written.and_then(|()| out.flush()).map_err(|_| ())
    }
}

wasip2::cli::command::export!(Program);
