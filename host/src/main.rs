//! The binary: parses the command line, runs it, and prints the error where there is one.

use std::process::ExitCode;

use clap::Parser as _;
use tidegate::cli::{self, Cli};

fn main() -> ExitCode {
    // One provider for all TLS and tokens of the process; nothing else has installed one before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match cli::run(Cli::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
