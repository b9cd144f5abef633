//! Interfaces that published SDKs import and that this host does not serve.
//!
//! A component that imports them is accepted, with a warning: most use only a part of what their SDK brings along.
//! What it calls of them answers with an error.

/// Names without versions; one that ends in `/` stands for all interfaces of that package.
const UNSERVED: [&str; 18] = [
    "fermyon:spin/http",
    "fermyon:spin/http-types",
    "fermyon:spin/llm",
    "fermyon:spin/mysql",
    "fermyon:spin/postgres",
    "fermyon:spin/rdbms-types",
    "fermyon:spin/redis",
    "fermyon:spin/redis-types",
    "spin:mysql/",
    "spin:postgres/",
    "spin:redis/",
    "wasi:blobstore/",
    "wasi:otel/",
    "wasi:messaging/",
    "wasmcloud:bus/",
    "wasmcloud:messaging/",
    "wasmcloud:postgres/",
    "wasmcloud:secrets/",
];

/// Versions of WASI that came before a release, and that SDKs import beside the release.
const WASI_CANDIDATE: &str = "0.3.0-rc-";

/// Whether this import is known and not served.
pub fn is_unserved(import: &str) -> bool {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    if name.starts_with("wasi:") && version.starts_with(WASI_CANDIDATE) {
        return true;
    }
    UNSERVED
        .iter()
        .any(|unserved| match unserved.ends_with('/') {
            true => name.starts_with(unserved),
            false => name == *unserved,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_known_by_its_name() {
        for import in [
            "fermyon:spin/redis",
            "fermyon:spin/redis@2.0.0",
            "spin:postgres/postgres@4.2.0",
            "wasi:otel/tracing@0.2.0-rc.2",
            "wasi:cli/stdin@0.3.0-rc-2026-03-15",
        ] {
            assert!(is_unserved(import), "{import}");
        }
        for import in [
            "fermyon:spin/redistribute",
            "fermyon:spin/key-value@2.0.0",
            "acme:spin/redis",
            "wasi:cli/stdin@0.3.0",
        ] {
            assert!(!is_unserved(import), "{import}");
        }
    }
}
