//! Core modules become components: those of WASI preview 1 by an adapter, those with a `component-type` section
//! become what it says.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use super::confined::{self, Failure};

/// The hidden subcommand's name.
pub const SUBCOMMAND: &str = "componentize";

/// What a program exports.
const COMMAND_EXPORT: &str = "_start";

/// How the names of custom sections begin that hold a module's WIT world.
const COMPONENT_TYPE: &str = "component-type";

/// Why no component can be made of a core module.
#[derive(Debug, thiserror::Error)]
pub enum ComponentizeError {
    /// It imports functions that neither preview 1 nor its `component-type` section knows.
    #[error(
        "the core module imports what only its own host has: {}; build it for `wasm32-wasip1` or `wasm32-wasip2` \
         without them, or make it a component with `wasm-tools component new` and an adapter for these imports",
        .0.join(", ")
    )]
    ForeignImports(Vec<String>),
    /// Another reason.
    #[error(
        "no component can be made of this core module: {0}; build for the target `wasm32-wasip2`, or wrap it with \
         `wasm-tools component new`"
    )]
    Invalid(String),
    /// The process could not be run.
    #[error("the component encoder cannot be run: {0}")]
    Host(#[from] std::io::Error),
}

/// The component itself or, of a core module, the component that is made of it.
pub async fn component_of(uploaded: Vec<u8>) -> Result<Vec<u8>, ComponentizeError> {
    if !Parser::is_core_wasm(&uploaded) {
        return Ok(uploaded);
    }
    if !is_program(&uploaded) && !says_what_it_is(&uploaded) {
        return Err(ComponentizeError::Invalid(format!(
            "it is a library: it exports no `{COMMAND_EXPORT}`, and has no `{COMPONENT_TYPE}` section that says what \
             it is to be"
        )));
    }
    let foreign = foreign_imports(&uploaded);
    let encoded = confined::run(&[SUBCOMMAND], uploaded).await;
    encoded.map_err(|failure| match failure {
        Failure::Host(error) => ComponentizeError::Host(error),
        Failure::Refused(_) if !foreign.is_empty() => ComponentizeError::ForeignImports(foreign),
        Failure::Refused(reason) => ComponentizeError::Invalid(reason),
        Failure::TooExpensive => {
            ComponentizeError::Invalid("it takes too much time or memory".to_owned())
        }
    })
}

/// The subcommand: a core module in, a component out.
pub fn run_subcommand() -> std::io::Result<u8> {
    confined::serve(encode)
}

fn encode(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let adapter = if is_program(module) {
        WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER
    } else {
        WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER
    };
    ComponentEncoder::default()
        .validate(true)
        .module(module)?
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter)?
        .encode()
}

fn is_program(module: &[u8]) -> bool {
    let mut sections = Parser::new(0).parse_all(module).filter_map(Result::ok);
    sections.any(|payload| match payload {
        Payload::ExportSection(section) => section
            .into_iter()
            .filter_map(Result::ok)
            .any(|export| export.name == COMMAND_EXPORT),
        _ => false,
    })
}

fn says_what_it_is(module: &[u8]) -> bool {
    let mut sections = Parser::new(0).parse_all(module).filter_map(Result::ok);
    sections.any(|payload| match payload {
        Payload::CustomSection(section) => section.name().starts_with(COMPONENT_TYPE),
        _ => false,
    })
}

/// Imports of modules that are no interface: the names of those have a colon.
fn foreign_imports(module: &[u8]) -> Vec<String> {
    let sections = Parser::new(0).parse_all(module).filter_map(Result::ok);
    let imports = sections.filter_map(|payload| match payload {
        Payload::ImportSection(section) => Some(section),
        _ => None,
    });
    let imports = imports.flat_map(|section| section.into_imports().filter_map(Result::ok));
    let foreign = imports.filter(|import| {
        import.module != WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME && !import.module.contains(':')
    });
    foreign
        .map(|import| format!("{}.{}", import.module, import.name))
        .collect()
}
