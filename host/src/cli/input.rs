//! What commands read: a file, standard input, or what somebody types.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;

use crate::model::name::Name;

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

/// Has the name typed of what is to be deleted, `with` what goes with it: it does not come back.
pub(super) fn confirm(name: &Name, with: &str) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        bail!("nobody is there to confirm that `{name}` is to be deleted: add --yes");
    }
    let mut prompt = io::stderr();
    write!(
        prompt,
        "This deletes `{name}` with {with}. Type its name to confirm: "
    )
    .and_then(|()| prompt.flush())
    .context("cannot ask")?;
    let mut typed = String::new();
    io::stdin()
        .lock()
        .read_line(&mut typed)
        .context("cannot read the answer")?;
    ensure!(
        typed.trim() == name.as_str(),
        "nothing was deleted: that is not `{name}`"
    );
    Ok(())
}
