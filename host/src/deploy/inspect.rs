//! What was uploaded: is it a component, what does it export and import, which manifest does it carry?

use super::interfaces::{self, Import};
use crate::invoke::componentize::ComponentizeError;
use crate::model::abi::Abi;
use serde::Serialize;
use wasmparser::{ComponentTypeRef, Encoding, Parser, Payload, Validator, WasmFeatures};

/// What a component says about itself.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// Names of its exports.
    pub exports: Vec<String>,
    /// Names of its imports.
    pub imports: Vec<String>,
    /// Which ABI it needs.
    pub abi: Abi,
    /// Whether it was made with a Spin SDK: by its interfaces, or by the mark that the SDK leaves.
    #[serde(skip)]
    pub spin: bool,
    /// The texts of its custom sections `tidegate:manifest`, one behind the other.
    #[serde(skip)]
    pub manifest: Vec<u8>,
}

impl Inspection {
    /// Its imports that are known and not served.
    pub fn unserved(&self) -> impl Iterator<Item = &str> {
        let imports = self.imports.iter().map(String::as_str);
        imports.filter(|import| interfaces::look_up(import) == Import::Unserved)
    }
}

/// The name of the custom section that a manifest is embedded in.
const MANIFEST_SECTION: &str = "tidegate:manifest";

/// How the exports begin by which a Spin SDK tells its version; they are core modules'.
const SPIN_MARK: &str = "spin-sdk-";

/// Why uploaded bytes are not a component that can be looked into.
#[derive(Debug, thiserror::Error)]
pub enum NotAComponent {
    /// Nothing at all.
    #[error(
        "the upload is empty; send the component's bytes, as in `curl --data-binary @function.wasm`"
    )]
    Empty,
    /// A core module that no component can be made of.
    #[error(transparent)]
    CoreModule(#[from] ComponentizeError),
    /// Something else that is recognised.
    #[error(
        "this is {0}, not a WebAssembly component; upload the `.wasm` file itself, uncompressed"
    )]
    Other(&'static str),
    /// A component that is damaged, cut short, or uses what this host has switched off.
    #[error("the component is damaged or uses a feature that this host does not have: {0}")]
    Invalid(String),
}

/// Whether uploaded bytes are WebAssembly at all.
pub fn recognise(bytes: &[u8]) -> Result<(), NotAComponent> {
    match bytes {
        [] => Err(NotAComponent::Empty),
        [b'\0', b'a', b's', b'm', ..] => Ok(()),
        _ => Err(NotAComponent::Other(kind_of(bytes))),
    }
}

/// Looks into a component. Validates everything; compiles nothing.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, NotAComponent> {
    let invalid = |error: wasmparser::BinaryReaderError| NotAComponent::Invalid(error.to_string());
    let mut inspection = Inspection {
        exports: Vec::new(),
        imports: Vec::new(),
        abi: validate(bytes).map_err(invalid)?,
        spin: false,
        manifest: Vec::new(),
    };
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
                    let import = import.map_err(invalid)?;
                    // Types are only named for what is exported.
                    if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                        inspection.imports.push(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    inspection
                        .exports
                        .push(export.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    inspection.spin |= export.map_err(invalid)?.name.starts_with(SPIN_MARK);
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
    let interfaces = inspection.imports.iter().chain(&inspection.exports);
    inspection.spin |= interfaces.into_iter().any(|name| is_of_spin(name));
    if inspection.imports.iter().any(|import| is_wasi_p3(import)) {
        inspection.abi = Abi::Async;
    }
    Ok(inspection)
}

/// The ABI with which the component is valid.
fn validate(bytes: &[u8]) -> Result<Abi, wasmparser::BinaryReaderError> {
    let valid = |features| Validator::new_with_features(features).validate_all(bytes);
    if valid(features()).is_ok() {
        return Ok(Abi::Sync);
    }
    valid(features().union(WasmFeatures::CM_ASYNC)).map(|_| Abi::Async)
}

fn is_of_spin(interface: &str) -> bool {
    let packages = ["fermyon:spin/", "spin:"];
    // Tidegate's own SDK imports that one, only where it is used.
    !interface.starts_with("spin:sqlite/")
        && packages
            .iter()
            .any(|package| interface.starts_with(package))
}

/// WASI 0.3 is linked together with the asynchronous ABI, also where an interface itself could do without.
fn is_wasi_p3(import: &str) -> bool {
    import.starts_with("wasi:") && import.contains("@0.3.")
}

/// What the engine has: no garbage collection, threads or exceptions, and not always the asynchronous ABI.
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

fn kind_of(bytes: &[u8]) -> &'static str {
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
    fn what_is_not_webassembly_is_recognised() {
        let cases: [(&[u8], &str); 5] = [
            (b"", "empty"),
            (b"hello", "text"),
            (b"(component)", "WebAssembly text"),
            (b"\x7fELF\x02", "ELF"),
            (b"\x1f\x8b\x08", "gzip"),
        ];
        for (bytes, expected) in cases {
            let error = recognise(bytes).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        let error = inspect(b"\0asm\x0d\0\x01\0\xff").expect_err("damaged");
        assert!(error.to_string().contains("damaged"), "{error}");
    }

    #[test]
    fn an_empty_component_has_nothing() {
        let inspection = inspect(b"\0asm\x0d\0\x01\0").expect("valid");
        assert!(inspection.exports.is_empty() && inspection.imports.is_empty());
        assert_eq!(inspection.abi, Abi::Sync);
    }
}
