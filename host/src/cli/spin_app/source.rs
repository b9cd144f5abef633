//! The text of a manifest, and mistakes in it: each names its line.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A manifest's text, and where it lies.
pub(in crate::cli) struct Source {
    path: PathBuf,
    text: String,
}

/// Something in a manifest that cannot be honoured.
#[derive(Debug)]
pub(in crate::cli) struct Mistake {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl std::error::Error for Mistake {}

impl Mistake {
    /// The line, counted from 1.
    pub(super) fn line(&self) -> usize {
        self.line
    }
}

impl Source {
    pub(super) fn read(path: &Path) -> anyhow::Result<Source> {
        let text = std::fs::read_to_string(path);
        Ok(Source {
            path: path.to_owned(),
            text: text.with_context(|| format!("cannot read {}", path.display()))?,
        })
    }

    /// A manifest that lies nowhere.
    #[cfg(test)]
    pub(super) fn of_text(text: &str) -> Source {
        Source {
            path: PathBuf::from("spin.toml"),
            text: text.to_owned(),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The directory that paths in the manifest are relative to.
    pub(super) fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    /// What is wrong with what stands here.
    pub(super) fn mistake(&self, at: Range<usize>, what: impl fmt::Display) -> Mistake {
        let before = &self.text.as_bytes()[..at.start.min(self.text.len())];
        let file = self.path.file_name().unwrap_or_default();
        Mistake {
            file: file.to_string_lossy().into_owned(),
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
            what: what.to_string(),
        }
    }
}
