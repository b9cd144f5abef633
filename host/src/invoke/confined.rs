//! Work on uploaded bytes in a process of its own: what an upload makes a compiler do must not take down the host.
//!
//! The host runs itself with a hidden subcommand, which bounds its own memory and CPU time, reads bytes from standard
//! input and writes what it made of them to standard output.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::machine::Machine;
use crate::limits::{
    COMPILE_CPU_MAX, COMPILE_MEMORY_BYTES_MAX, COMPILE_TIMEOUT, COMPILED_BYTES_MAX,
    COMPLAINT_BYTES_MAX,
};

/// The exit code that says that the bytes are to blame. A panic and errors of the program itself have others.
const REFUSED: u8 = 65;
/// How much less than the host itself it is to be given of the processor.
const NICENESS: i32 = 10;

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
    let exchanged = tokio::time::timeout(COMPILE_TIMEOUT, exchange(&mut child, input)).await;
    let Ok(exchanged) = exchanged else {
        return Err(Failure::TooExpensive);
    };
    let (status, made, complaint) = exchanged.map_err(Failure::Host)?;
    let complaint = String::from_utf8_lossy(&complaint).trim().to_owned();
    match status.code() {
        Some(0) => Ok(made),
        Some(code) if code == i32::from(REFUSED) => Err(Failure::Refused(complaint)),
        Some(1) => Err(Failure::Host(std::io::Error::other(complaint))),
        // Killed at its limit, or aborted because an allocation failed.
        _ => Err(Failure::TooExpensive),
    }
}

/// Gives a process its input; how it ended, and what it wrote to standard output and standard error.
async fn exchange(
    child: &mut Child,
    input: Vec<u8>,
) -> std::io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let asked_for = "it was asked for";
    let mut stdin = child.stdin.take().expect(asked_for);
    // A process that ends before it has read everything says why by itself.
    let write = async move {
        let _ = stdin.write_all(&input).await;
    };
    let made = read(child.stdout.take().expect(asked_for));
    let complaint = read(child.stderr.take().expect(asked_for));
    let ((), made, complaint) = tokio::join!(write, made, complaint);
    Ok((child.wait().await?, made?, complaint?))
}

/// Reads to the end. The other side bounds what it writes.
async fn read(mut from: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).await?;
    Ok(bytes)
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

/// The subcommand's side: bytes in, bytes out. The exit code is [`REFUSED`] where the bytes are to blame.
pub(super) fn serve<E: std::fmt::Display>(
    work: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> std::io::Result<u8> {
    let memory_bytes = Machine::look().memory_bytes;
    let working = COMPILE_MEMORY_BYTES_MAX.min(memory_bytes / 2);
    setrlimit(Resource::Data, limit(working))?;
    setrlimit(Resource::Cpu, limit(COMPILE_CPU_MAX.as_secs()))?;
    setrlimit(Resource::Core, limit(0))?;
    // Functions that run go before one that is still to be; and if memory runs out, it is this process that goes. Where
    // that cannot be said, it works all the same.
    let _ = rustix::process::nice(NICENESS);
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    // The host takes it into its own memory.
    let made_bytes_max = COMPILED_BYTES_MAX.min(memory_bytes / 4);
    let complaint = match work(&input) {
        Ok(made) if made.len() as u64 <= made_bytes_max => {
            std::io::stdout().write_all(&made)?;
            return Ok(0);
        }
        Ok(made) => format!(
            "{} MiB would be made of it, and this machine has room for {}: make it smaller",
            made.len() >> 20,
            made_bytes_max >> 20
        ),
        Err(error) => format!("{error:#}"),
    };
    let end = complaint.floor_char_boundary(COMPLAINT_BYTES_MAX);
    std::io::stderr().write_all(&complaint.as_bytes()[..end])?;
    Ok(REFUSED)
}

fn limit(value: u64) -> Rlimit {
    Rlimit {
        current: Some(value),
        maximum: Some(value),
    }
}
