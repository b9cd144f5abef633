//! Compiling, in a process of its own: what an upload makes the compiler do must not take down the host.
//!
//! The host runs itself as `tidegate compile`, which bounds its own memory and CPU time, reads a component from
//! standard input and writes the compiled one to standard output.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::engine::{CodeLayout, compiling};
use crate::limits::{COMPILE_MEMORY_BYTES_MAX, COMPILE_TIMEOUT};

/// The hidden subcommand's name.
pub const SUBCOMMAND: &str = "compile";

/// Why a component could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The compiler says so.
    #[error("the component cannot be compiled: {0}")]
    Invalid(String),
    /// It took more time or memory than [`COMPILE_TIMEOUT`] and [`COMPILE_MEMORY_BYTES_MAX`].
    #[error(
        "compiling the component takes more than {} s or {} MiB: make it smaller",
        COMPILE_TIMEOUT.as_secs(), COMPILE_MEMORY_BYTES_MAX >> 20
    )]
    TooExpensive,
    /// The process could not be run.
    #[error("the compiler cannot be run: {0}")]
    Host(#[from] std::io::Error),
}

/// Compiles a component for this layout.
pub async fn compile(component: Vec<u8>, code: CodeLayout) -> Result<Vec<u8>, CompileError> {
    let mut child = Command::new(own_executable()?)
        .arg(SUBCOMMAND)
        .arg(code.memory_reservation.to_string())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().expect("it was asked for");
    // A compiler that ends before it has read everything says why by itself.
    let write = async move {
        let _ = stdin.write_all(&component).await;
    };
    let run = async { tokio::join!(write, child.wait_with_output()).1 };
    let Ok(output) = tokio::time::timeout(COMPILE_TIMEOUT, run).await else {
        return Err(CompileError::TooExpensive);
    };
    let output = output?;
    match output.status.code() {
        Some(0) => Ok(output.stdout),
        Some(1) => Err(CompileError::Invalid(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        )),
        // Killed at its limit, or aborted because an allocation failed.
        _ => Err(CompileError::TooExpensive),
    }
}

/// The file that this process runs: on Linux also where it has been replaced by an upgrade since.
fn own_executable() -> std::io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        Ok(running)
    } else {
        std::env::current_exe()
    }
}

/// The subcommand: a component in, a compiled component out. The exit code is 1 where the component is to blame.
pub fn run_subcommand(memory_reservation: u64) -> std::io::Result<u8> {
    let cpu_seconds = COMPILE_TIMEOUT.as_secs() * 2;
    setrlimit(Resource::Data, limit(COMPILE_MEMORY_BYTES_MAX))?;
    setrlimit(Resource::Cpu, limit(cpu_seconds))?;
    setrlimit(Resource::Core, limit(0))?;
    let mut component = Vec::new();
    std::io::stdin().read_to_end(&mut component)?;
    let compiled = compiling(CodeLayout { memory_reservation })
        .and_then(|engine| engine.precompile_component(&component));
    match compiled {
        Ok(compiled) => {
            std::io::stdout().write_all(&compiled)?;
            Ok(0)
        }
        Err(error) => {
            eprintln!("{error:#}");
            Ok(1)
        }
    }
}

fn limit(value: u64) -> Rlimit {
    Rlimit {
        current: Some(value),
        maximum: Some(value),
    }
}
