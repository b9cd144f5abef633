//! What commands read: a file, or standard input.

use std::io::{self, Read as _};
use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;

/// Reads a file whole, or standard input where it is called `-`.
pub(super) fn read_file(file: &Path) -> anyhow::Result<Bytes> {
    if file.as_os_str() == "-" {
        return read_stdin();
    }
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Bytes::from(bytes))
}

/// Reads standard input to its end.
pub(super) fn read_stdin() -> anyhow::Result<Bytes> {
    let mut bytes = Vec::new();
    let mut stdin = io::stdin().lock();
    stdin
        .read_to_end(&mut bytes)
        .context("cannot read standard input")?;
    Ok(Bytes::from(bytes))
}
