//! Opens handles until it gets no more, and answers what it gets then: to the database `default`, or with `?of=bucket` to
//! the bucket `default`, or with `?of=cas` to compare and swap a key in it.

#![cfg(target_arch = "wasm32")]

use std::mem::forget;

use tidegate_sdk::sqlite::Database;
use tidegate_sdk::{Request, http_handler, key_value};

#[http_handler(bucket = "default", database = "default")]
fn answer(request: Request) -> String {
    let of = request.query_param("of").unwrap_or_default();
    match of.as_str() {
        "bucket" => last(|| key_value::open("default")),
        "cas" => match key_value::open("default") {
            Ok(bucket) => last(|| bucket.compare_and_swap("key")),
            Err(error) => error.to_string(),
        },
        _ => last(|| Database::open("default")),
    }
}

fn last<T, E: ToString>(open: impl Fn() -> Result<T, E>) -> String {
    loop {
        match open() {
            Ok(handle) => forget(handle),
            Err(error) => return error.to_string(),
        }
    }
}
