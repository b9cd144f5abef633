//! What a component for wasmCloud imports: key-value state and configuration in the drafts that it serves, and a log.
//! Counts in the bucket `default`, and answers the count, the keys, and what is configured as `greeting`.

#![cfg(target_arch = "wasm32")]
#![allow(
    unsafe_code,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated bindings"
)]

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package test:wasmcloud;

            world imports {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
                import wasi:keyvalue/batch@0.2.0-draft;
                import wasi:config/runtime@0.2.0-draft;
                import wasi:logging/logging@0.1.0-draft;
            }

            package wasi:keyvalue@0.2.0-draft {
                interface store {
                    variant error { no-such-store, access-denied, other(string) }
                    record key-response { keys: list<string>, cursor: option<u64> }
                    open: func(identifier: string) -> result<bucket, error>;
                    resource bucket {
                        get: func(key: string) -> result<option<list<u8>>, error>;
                        set: func(key: string, value: list<u8>) -> result<_, error>;
                        delete: func(key: string) -> result<_, error>;
                        exists: func(key: string) -> result<bool, error>;
                        list-keys: func(cursor: option<u64>) -> result<key-response, error>;
                    }
                }
                interface atomics {
                    use store.{bucket, error};
                    increment: func(bucket: borrow<bucket>, key: string, delta: u64) -> result<u64, error>;
                }
                interface batch {
                    use store.{bucket, error};
                    get-many: func(bucket: borrow<bucket>, keys: list<string>)
                        -> result<list<option<tuple<string, list<u8>>>>, error>;
                    set-many: func(bucket: borrow<bucket>, key-values: list<tuple<string, list<u8>>>)
                        -> result<_, error>;
                    delete-many: func(bucket: borrow<bucket>, keys: list<string>) -> result<_, error>;
                }
            }

            package wasi:config@0.2.0-draft {
                interface runtime {
                    variant config-error { upstream(string), io(string) }
                    get: func(key: string) -> result<option<string>, config-error>;
                    get-all: func() -> result<list<tuple<string, string>>, config-error>;
                }
            }

            package wasi:logging@0.1.0-draft {
                interface logging {
                    enum level { trace, debug, info, warn, error, critical }
                    log: func(level: level, context: string, message: string);
                }
            }
        ",
        generate_all,
    });
}

use bindings::wasi::config::runtime;
use bindings::wasi::keyvalue::{atomics, batch, store};
use bindings::wasi::logging::logging::{self, Level};

struct Component;

impl Guest for Component {
    fn handle(_request: IncomingRequest, out: ResponseOutparam) {
        let answer = answer().unwrap_or_else(|error| format!("{error:?}"));
        logging::log(Level::Warn, "wasmcloud", &answer);
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the body, for the first time");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("the stream, for the first time");
        stream
            .blocking_write_and_flush(answer.as_bytes())
            .expect("the client listens");
        drop(stream);
        OutgoingBody::finish(body, None).expect("the whole body");
    }
}

fn answer() -> Result<String, store::Error> {
    let bucket = store::open("default")?;
    let count = atomics::increment(&bucket, "count", 2)?;
    let pair = |key: &str| (key.to_owned(), b"1".to_vec());
    batch::set_many(&bucket, &[pair("a"), pair("b")])?;
    let many = batch::get_many(&bucket, &["a".to_owned(), "none".to_owned()])?;
    batch::delete_many(&bucket, &["b".to_owned()])?;
    let had_one = bucket.exists("one")?;
    bucket.set("one", b"1")?;
    let one = bucket.get("one")?.map_or(0, |value| value.len());
    bucket.set("two", b"2")?;
    bucket.delete("two")?;
    let mut keys = bucket.list_keys(None)?;
    keys.keys.sort();
    let greeting = runtime::get("greeting").ok().flatten().unwrap_or_default();
    let all = runtime::get_all().map_or(0, |all| all.len());
    Ok(format!(
        "{count} {had_one} {one} {} {:?} {:?} {greeting} {all}",
        many.len(),
        keys.keys,
        keys.cursor
    ))
}

wasip2::http::proxy::export!(Component);
