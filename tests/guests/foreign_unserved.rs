//! Calls functions that no Tidegate serves and answers what they answered: `?call=redis|old-redis|llm|blob|emit|builder`.
//! `?call=context` calls one that cannot answer with an error.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "generated bindings call imports")]

use tidegate_sdk::{Request, http_handler};

use bindings::fermyon::{spin, spin2_0_0 as spin_2};
use bindings::spin::postgres::postgres::ConnectionBuilder;
use bindings::wasi::blobstore::blobstore;
use bindings::wasi::otel::tracing;

#[allow(
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated bindings"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package tidegate:guests;

            world unserved {
                import fermyon:spin/redis;
                import fermyon:spin/redis@2.0.0;
                import fermyon:spin/llm@2.0.0;
                import wasi:blobstore/blobstore@0.2.0-draft;
                import wasi:otel/tracing@0.2.0-rc.2;
                import spin:postgres/postgres@4.2.0;
            }

            package fermyon:spin {
                interface redis {
                    enum error { success, error }
                    get: func(address: string, key: string) -> result<list<u8>, error>;
                }
            }

            package fermyon:spin@2.0.0 {
                interface redis {
                    variant error { invalid-address, too-many-connections, type-error, other(string) }
                    resource connection {
                        open: static func(address: string) -> result<connection, error>;
                        get: func(key: string) -> result<option<list<u8>>, error>;
                    }
                }
                interface llm {
                    variant error { model-not-supported, runtime-error(string), invalid-input(string) }
                    infer: func(model: string, prompt: string) -> result<string, error>;
                }
            }

            package spin:postgres@4.2.0 {
                interface postgres {
                    variant error { connection-failed(string), other(string) }
                    resource connection-builder {
                        constructor(address: string);
                        set-ca-root: func(certificate: string) -> result<_, error>;
                        build: func() -> result<connection, error>;
                    }
                    resource connection {
                        execute: func(statement: string) -> result<u64, error>;
                    }
                }
            }

            package wasi:blobstore@0.2.0-draft {
                interface container {
                    resource container {
                        name: func() -> result<string, string>;
                    }
                }
                interface blobstore {
                    use container.{container};
                    get-container: func(name: string) -> result<container, string>;
                }
            }

            package wasi:otel@0.2.0-rc.2 {
                interface tracing {
                    record span-context { trace-id: string, is-remote: bool }
                    on-start: func(context: span-context);
                    outer-span-context: func() -> span-context;
                }
            }
        ",
        generate_all,
    });
}

#[http_handler]
fn answer(request: Request) -> String {
    match request.query_param("call").as_deref() {
        Some("old-redis") => format!("{:?}", spin::redis::get("redis://localhost", "key")),
        Some("llm") => format!("{:?}", spin_2::llm::infer("llama", "hello")),
        Some("blob") => {
            let container = blobstore::get_container("images");
            let name = container.and_then(|container| container.name());
            format!("{name:?}")
        }
        Some("emit") => {
            let trace_id = "1".to_owned();
            tracing::on_start(&tracing::SpanContext {
                trace_id,
                is_remote: false,
            });
            "went on".to_owned()
        }
        Some("builder") => {
            let builder = ConnectionBuilder::new("postgres://localhost");
            let refused = builder.set_ca_root("-----BEGIN CERTIFICATE-----");
            let connection = builder.build();
            let changed = connection.and_then(|connection| connection.execute("DELETE FROM a"));
            format!("{refused:?} {changed:?}")
        }
        Some("context") => format!("{:?}", tracing::outer_span_context()),
        _ => {
            let connection = spin_2::redis::Connection::open("redis://localhost");
            let value = connection.and_then(|connection| connection.get("key"));
            format!("{value:?}")
        }
    }
}
