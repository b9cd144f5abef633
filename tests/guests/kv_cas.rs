//! Reads the key `cas` of the bucket `default` twice and swaps both times; the second swap has to
//! fail and to show the first one's value. Answers `ok` if so.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::key_value::{self, Error, Swap};
use tidegate_sdk::{Request, Response, http_handler};

#[http_handler(bucket = "default")]
fn answer(_request: Request) -> Result<Response, Error> {
    let bucket = key_value::open("default")?;
    let first = bucket.compare_and_swap("cas")?;
    let second = bucket.compare_and_swap("cas")?;
    if !matches!(first.swap("first")?, Swap::Done) {
        return Ok(Response::text("the first swap failed").with_status(500));
    }
    match second.swap("second")? {
        Swap::Changed(now) if now.current()? == Some(b"first".to_vec()) => Ok(Response::text("ok")),
        Swap::Changed(_) => Ok(Response::text("the second handle is stale").with_status(500)),
        Swap::Done => Ok(Response::text("the second swap succeeded").with_status(500)),
    }
}
