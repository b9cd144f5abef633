//! Work on uploaded bytes in a process of its own: what an upload makes a compiler do must not take down the host.
//!
//! The host runs itself with a hidden subcommand, which bounds its own memory and CPU time, reads bytes from standard
//! input and writes what it made of them to standard output.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::limits::{COMPILE_MEMORY_BYTES_MAX, COMPILE_TIMEOUT};

/// Why there is no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// The bytes are to blame, says the subcommand.
    Refused(String),
    /// It took more time or memory than it may.
    TooExpensive,
    /// The process could not be run.
    Host(std::io::Error),
}

/// Runs this program with these arguments on these bytes.
pub(super) async fn run(arguments: &[&str], input: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let mut child = own_executable()
        .and_then(|program| {
            Command::new(program)
                .args(arguments)
                .env_clear()
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
        })
        .map_err(Failure::Host)?;
    let mut stdin = child.stdin.take().expect("it was asked for");
    // A process that ends before it has read everything says why by itself.
    let write = async move {
        let _ = stdin.write_all(&input).await;
    };
    let run = async { tokio::join!(write, child.wait_with_output()).1 };
    let Ok(output) = tokio::time::timeout(COMPILE_TIMEOUT, run).await else {
        return Err(Failure::TooExpensive);
    };
    let output = output.map_err(Failure::Host)?;
    match output.status.code() {
        Some(0) => Ok(output.stdout),
        Some(1) => Err(Failure::Refused(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        )),
        // Killed at its limit, or aborted because an allocation failed.
        _ => Err(Failure::TooExpensive),
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

/// The subcommand's side: bytes in, bytes out. The exit code is 1 where the bytes are to blame.
pub(super) fn serve<E: std::fmt::Display>(
    work: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> std::io::Result<u8> {
    setrlimit(Resource::Data, limit(COMPILE_MEMORY_BYTES_MAX))?;
    setrlimit(Resource::Cpu, limit(COMPILE_TIMEOUT.as_secs() * 2))?;
    setrlimit(Resource::Core, limit(0))?;
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    match work(&input) {
        Ok(output) => {
            std::io::stdout().write_all(&output)?;
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
