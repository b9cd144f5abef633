//! Key-value state through interfaces of others: `?via=spin-1|spin-2|draft`. `?op=get|set|keys` does one thing with
//! `?key=` and `?value=` in `?bucket=` (`default`), `?op=close-all` closes a thousand made-up stores; without it, it goes
//! through every function and answers `ok`. An error is a 500 with its name.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "generated bindings call imports")]

use std::fmt::Debug;

use tidegate_sdk::{Request, Response, http_handler};

use bindings::fermyon::{spin::key_value as spin_1, spin2_0_0::key_value as spin_2};
use bindings::wasi::keyvalue::{atomics, batch, store as draft};

#[allow(
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated bindings"
)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/foreign",
        world: "tidegate:foreign/synchronous",
        generate_all,
    });
}

/// What the interfaces have in common, with errors by name.
trait Store {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String>;
    fn set(&self, key: &str, value: &[u8]) -> Result<(), String>;
    fn delete(&self, key: &str) -> Result<(), String>;
    fn exists(&self, key: &str) -> Result<bool, String>;
    fn keys(&self) -> Result<Vec<String>, String>;
    /// What this interface has that others have not.
    fn more(&self) -> Result<(), String>;
}

#[http_handler]
fn answer(request: Request) -> Result<Response, String> {
    let text = |name| request.query_param(name).unwrap_or_default();
    if text("op") == "close-all" {
        (0..1000).for_each(spin_1::close);
        return Ok(Response::text("ok"));
    }
    let bucket = request.query_param("bucket");
    let store = open(&text("via"), bucket.as_deref().unwrap_or("default"))?;
    let key = text("key");
    Ok(match text("op").as_str() {
        "get" => match store.get(&key)? {
            Some(value) => Response::bytes("application/octet-stream", value),
            None => Response::text("no such key").with_status(404),
        },
        "set" => {
            store.set(&key, text("value").as_bytes())?;
            Response::text("ok")
        }
        "keys" => Response::text(store.keys()?.join("\n")),
        _ => {
            every_function(store.as_ref())?;
            Response::text("ok")
        }
    })
}

fn open(via: &str, bucket: &str) -> Result<Box<dyn Store>, String> {
    Ok(match via {
        "spin-1" => Box::new(Number(named(spin_1::open(bucket))?)),
        "spin-2" => Box::new(named(spin_2::Store::open(bucket))?),
        _ => Box::new(named(draft::open(bucket))?),
    })
}

fn every_function(store: &dyn Store) -> Result<(), String> {
    store.delete("all/a")?;
    store.set("all/a", b"1")?;
    check("get", store.get("all/a")? == Some(b"1".to_vec()))?;
    check("get of nothing", store.get("all/b")?.is_none())?;
    let exist = store.exists("all/a")? && !store.exists("all/b")?;
    check("exists", exist)?;
    let keys = store.keys()?;
    check("keys", keys.iter().any(|key| key == "all/a"))?;
    store.more()?;
    store.delete("all/a")?;
    store.delete("all/a")?;
    check("delete", !store.exists("all/a")?)
}

fn check(step: &str, holds: bool) -> Result<(), String> {
    match holds {
        true => Ok(()),
        false => Err(format!("{step} went wrong")),
    }
}

fn named<T>(result: Result<T, impl Debug>) -> Result<T, String> {
    result.map_err(|error| format!("{error:?}"))
}

struct Number(spin_1::Store);

impl Drop for Number {
    fn drop(&mut self) {
        spin_1::close(self.0);
    }
}

impl Store for Number {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        match spin_1::get(self.0, key) {
            Err(spin_1::Error::NoSuchKey) => Ok(None),
            other => named(other.map(Some)),
        }
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), String> {
        named(spin_1::set(self.0, key, value))
    }

    fn delete(&self, key: &str) -> Result<(), String> {
        named(spin_1::delete(self.0, key))
    }

    fn exists(&self, key: &str) -> Result<bool, String> {
        named(spin_1::exists(self.0, key))
    }

    fn keys(&self) -> Result<Vec<String>, String> {
        named(spin_1::get_keys(self.0))
    }

    fn more(&self) -> Result<(), String> {
        let invalid = |result| matches!(result, Err(spin_1::Error::InvalidStore));
        check("a made-up store", invalid(spin_1::exists(4711, "all/a")))?;
        let other = named(spin_1::open("default"))?;
        spin_1::close(other);
        spin_1::close(other);
        check("a closed store", invalid(spin_1::exists(other, "all/a")))
    }
}

impl Store for spin_2::Store {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        named(spin_2::Store::get(self, key))
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), String> {
        named(spin_2::Store::set(self, key, value))
    }

    fn delete(&self, key: &str) -> Result<(), String> {
        named(spin_2::Store::delete(self, key))
    }

    fn exists(&self, key: &str) -> Result<bool, String> {
        named(spin_2::Store::exists(self, key))
    }

    fn keys(&self) -> Result<Vec<String>, String> {
        named(self.get_keys())
    }

    fn more(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Store for draft::Bucket {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        named(draft::Bucket::get(self, key))
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), String> {
        named(draft::Bucket::set(self, key, value))
    }

    fn delete(&self, key: &str) -> Result<(), String> {
        named(draft::Bucket::delete(self, key))
    }

    fn exists(&self, key: &str) -> Result<bool, String> {
        named(draft::Bucket::exists(self, key))
    }

    fn keys(&self) -> Result<Vec<String>, String> {
        let (mut keys, mut cursor) = (Vec::new(), None);
        loop {
            let page = named(self.list_keys(cursor))?;
            keys.extend(page.keys);
            match page.cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(keys),
            }
        }
    }

    fn more(&self) -> Result<(), String> {
        if self.list_keys(Some(u64::MAX)).is_ok() {
            return Err("a listing from far beyond the end".to_owned());
        }
        named(batch::delete_many(
            self,
            &["all/n".to_owned(), "all/m".to_owned()],
        ))?;
        let sum = |delta| named(atomics::increment(self, "all/n", delta));
        check("increment", sum(5)? == 5 && sum(7)? == 12)?;
        check("an increment too large", sum(u64::MAX).is_err())?;
        self.set("all/n", b"-3")
            .map_err(|error| format!("{error:?}"))?;
        check("a sum below zero", sum(2).is_err())?;
        check(
            "what it left",
            Store::get(self, "all/n")? == Some(b"-3".to_vec()),
        )?;
        let pairs = [
            ("all/m".to_owned(), b"1".to_vec()),
            ("all/n".to_owned(), b"2".to_vec()),
        ];
        named(batch::set_many(self, &pairs))?;
        let wanted = ["all/n", "all/none", "all/m"].map(str::to_owned);
        let [m, n] = pairs;
        let found = named(batch::get_many(self, &wanted))?;
        check("get-many", found == [Some(n), None, Some(m)])?;
        named(batch::delete_many(self, &wanted))
    }
}
