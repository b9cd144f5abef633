//! Uses the bucket `?bucket=` (`default`). Without `?op=` it goes through every function of the
//! store and answers `ok`, or 500 with the step that went wrong. `?op=get|set|list|big|increment|compare`
//! does one thing with `?key=` and `?value=`: `big` sets a value of `?bytes=` bytes, `increment`
//! adds `?by=`, `compare` opens `?handles=` to compare and swap with; an error's text is a 500.

#![cfg(target_arch = "wasm32")]

use tidegate_guests::number;
use tidegate_sdk::key_value::{self, Bucket, Error, Swap};
use tidegate_sdk::{Request, Response, http_handler};

#[http_handler]
fn answer(request: Request) -> Result<Response, Error> {
    let text = |name| request.query_param(name).unwrap_or_default();
    let bucket = key_value::open(
        request
            .query_param("bucket")
            .as_deref()
            .unwrap_or("default"),
    )?;
    let key = text("key");
    match text("op").as_str() {
        "get" => Ok(match bucket.get(&key)? {
            Some(value) => Response::bytes("application/octet-stream", value),
            None => Response::text("no such key").with_status(404),
        }),
        "set" => bucket
            .set(&key, text("value"))
            .map(|()| Response::text("ok")),
        "list" => Ok(Response::text(bucket.keys()?.join("\n"))),
        "increment" => {
            let sum = bucket.increment(&key, number(&request, "by", 1) as i64)?;
            Ok(Response::text(sum.to_string()))
        }
        "compare" => {
            let handles =
                (0..number(&request, "handles", 1)).map(|_| bucket.compare_and_swap(&key));
            let handles = handles.collect::<Result<Vec<_>, _>>()?;
            Ok(Response::text(handles.len().to_string()))
        }
        "big" => {
            let value = vec![b'x'; number(&request, "bytes", 0) as usize];
            bucket.set(&key, value).map(|()| Response::text("ok"))
        }
        _ => every_function(&bucket).map(|()| Response::text("ok")),
    }
}

fn every_function(bucket: &Bucket) -> Result<(), Error> {
    bucket.delete_many(&["all/a", "all/b", "all/n"])?;
    bucket.set("all/a", "1")?;
    check("get", bucket.get("all/a")? == Some(b"1".to_vec()))?;
    check("get of a missing key", bucket.get("all/b")?.is_none())?;
    check(
        "exists",
        bucket.exists("all/a")? && !bucket.exists("all/b")?,
    )?;
    bucket.set("all/a", "")?;
    check("an empty value", bucket.get("all/a")? == Some(Vec::new()))?;
    bucket.delete("all/a")?;
    bucket.delete("all/a")?;
    check("delete", !bucket.exists("all/a")?)?;

    check(
        "increment",
        bucket.increment("all/n", 5)? == 5 && bucket.increment("all/n", -7)? == -2,
    )?;
    bucket.set("all/a", "text")?;
    check("increment of text", bucket.increment("all/a", 1).is_err())?;

    let cas = bucket.compare_and_swap("all/a")?;
    check("current", cas.current()? == Some(b"text".to_vec()))?;
    check("swap", matches!(cas.swap("new")?, Swap::Done))?;
    check("swapped", bucket.get("all/a")? == Some(b"new".to_vec()))?;

    bucket.set_many(&[("all/a", b"1"), ("all/b", b"2")])?;
    let values = bucket.get_many(&["all/b", "all/missing", "all/a"])?;
    check(
        "get-many",
        values == [Some(b"2".to_vec()), None, Some(b"1".to_vec())],
    )?;
    let keys: Vec<_> = bucket
        .keys()?
        .into_iter()
        .filter(|key| key.starts_with("all/"))
        .collect();
    check("list-keys", keys == ["all/a", "all/b", "all/n"])?;
    bucket.delete_many(&["all/a", "all/b", "all/missing"])?;
    check(
        "delete-many",
        !bucket.exists("all/a")? && !bucket.exists("all/b")?,
    )
}

fn check(step: &str, holds: bool) -> Result<(), Error> {
    if holds {
        Ok(())
    } else {
        Err(Error::Host(format!("{step} went wrong")))
    }
}
