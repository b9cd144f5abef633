//! What was uploaded: is it a component, what does it export and import, which manifest does it carry?

use serde::Serialize;
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

/// What a component says about itself.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Inspection {
    /// Names of its exports.
    pub exports: Vec<String>,
    /// Names of its imports.
    pub imports: Vec<String>,
    /// The texts of its custom sections `tidegate:manifest`, one behind the other.
    #[serde(skip)]
    pub manifest: Vec<u8>,
}

/// The name of the custom section that a manifest is embedded in.
const MANIFEST_SECTION: &str = "tidegate:manifest";

/// Why uploaded bytes are not a component that can be looked into.
#[derive(Debug, thiserror::Error)]
pub enum NotAComponent {
    /// Nothing at all.
    #[error(
        "the upload is empty; send the component's bytes, as in `curl --data-binary @function.wasm`"
    )]
    Empty,
    /// A core module.
    #[error(
        "this is a core WebAssembly module, not a component; build for the target `wasm32-wasip2`, \
         or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// Something else that is recognised.
    #[error(
        "this is {0}, not a WebAssembly component; upload the `.wasm` file itself, uncompressed"
    )]
    Other(&'static str),
    /// A component that is damaged, cut short, or uses what this host has switched off.
    #[error("the component is damaged or uses a feature that this host does not have: {0}")]
    Invalid(String),
}

/// Looks into uploaded bytes. Validates everything; compiles nothing.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, NotAComponent> {
    if bytes.is_empty() {
        return Err(NotAComponent::Empty);
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(NotAComponent::Other(recognise(bytes)));
    }
    if Parser::is_core_wasm(bytes) {
        return Err(NotAComponent::CoreModule);
    }
    let invalid = |error: wasmparser::BinaryReaderError| NotAComponent::Invalid(error.to_string());
    Validator::new_with_features(features())
        .validate_all(bytes)
        .map_err(invalid)?;
    let mut inspection = Inspection::default();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::Version {
                encoding: Encoding::Module | Encoding::Component,
                ..
            } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    inspection
                        .imports
                        .push(import.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    inspection
                        .exports
                        .push(export.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                inspection.manifest.extend_from_slice(section.data());
                // Of two core modules, each has its own texts.
                inspection.manifest.push(0);
            }
            _ => {}
        }
    }
    Ok(inspection)
}

/// What the engine has: no garbage collection, threads or exceptions, no asynchronous component model.
fn features() -> WasmFeatures {
    let off = WasmFeatures::THREADS
        | WasmFeatures::GC
        | WasmFeatures::EXCEPTIONS
        | WasmFeatures::LEGACY_EXCEPTIONS
        | WasmFeatures::STACK_SWITCHING
        | WasmFeatures::MEMORY64
        | WasmFeatures::CM_ASYNC;
    WasmFeatures::default().difference(off)
}

fn recognise(bytes: &[u8]) -> &'static str {
    let kinds: [(&[u8], &str); 6] = [
        (b"\x7fELF", "an ELF file (a native program)"),
        (b"\x1f\x8b", "gzip-compressed data"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
        (b"(component", "WebAssembly text"),
        (b"(module", "WebAssembly text"),
    ];
    let known = kinds
        .into_iter()
        .find(|(magic, _)| bytes.starts_with(magic))
        .map(|(_, kind)| kind);
    known.unwrap_or_else(|| {
        if str::from_utf8(bytes).is_ok() {
            "text"
        } else {
            "some other kind of file"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_component_is_recognised() {
        let cases: [(&[u8], &str); 7] = [
            (b"", "empty"),
            (b"\0asm\x01\0\0\0", "core WebAssembly module"),
            (b"hello", "text"),
            (b"(component)", "WebAssembly text"),
            (b"\x7fELF\x02", "ELF"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"\0asm\x0d\0\x01\0\xff", "damaged"),
        ];
        for (bytes, expected) in cases {
            let error = inspect(bytes).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn an_empty_component_has_nothing() {
        let inspection = inspect(b"\0asm\x0d\0\x01\0").expect("valid");
        assert!(inspection.exports.is_empty() && inspection.imports.is_empty());
    }
}
