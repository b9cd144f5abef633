//! Compiling a component to native code, in a process of its own.

use super::confined::{self, Failure};
use super::engine::{CodeLayout, compiling};
use crate::limits::{COMPILE_CPU_MAX, COMPILE_MEMORY_BYTES_MAX, COMPILE_TIMEOUT};
use crate::model::abi::Abi;

/// The hidden subcommand's name.
pub const SUBCOMMAND: &str = "compile";

/// Why a component could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The compiler says so.
    #[error("the component cannot be compiled: {0}")]
    Invalid(String),
    /// It took more time or memory than [`COMPILE_CPU_MAX`], [`COMPILE_TIMEOUT`] or [`COMPILE_MEMORY_BYTES_MAX`].
    #[error(
        "compiling the component takes more than {} s of processor time, {} s in all, or {} MiB: make it smaller",
        COMPILE_CPU_MAX.as_secs(), COMPILE_TIMEOUT.as_secs(), COMPILE_MEMORY_BYTES_MAX >> 20
    )]
    TooExpensive,
    /// The process could not be run.
    #[error("the compiler cannot be run: {0}")]
    Host(#[from] std::io::Error),
}

impl From<Failure> for CompileError {
    fn from(failure: Failure) -> CompileError {
        match failure {
            Failure::Refused(reason) => CompileError::Invalid(reason),
            Failure::TooExpensive => CompileError::TooExpensive,
            Failure::Host(error) => CompileError::Host(error),
        }
    }
}

/// Compiles a component for this layout.
pub(super) async fn compile(component: Vec<u8>, code: CodeLayout) -> Result<Vec<u8>, CompileError> {
    let reservation = code.memory_reservation.to_string();
    let arguments = [SUBCOMMAND, &reservation, code.abi.as_str()];
    Ok(confined::run(&arguments, component).await?)
}

/// The subcommand: a component in, a compiled component out.
pub fn run_subcommand(memory_reservation: u64, abi: Abi) -> std::io::Result<u8> {
    confined::serve(|component| {
        let code = CodeLayout {
            memory_reservation,
            abi,
        };
        compiling(code).and_then(|engine| engine.precompile_component(component))
    })
}
