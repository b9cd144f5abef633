//! Files that a function reads: their paths as the guest sees them, and what they contain.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use crate::limits::{FILE_PATH_BYTES_MAX, FILE_PATH_SEGMENTS_MAX, FILES_MAX};

/// The path of a file below the guest's `/`: segments with `/` between them, none of them `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline)]
pub struct GuestPath(String);

/// The text is not a [`GuestPath`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not the path of a file: write it relative to the guest's root, as in `assets/logo.png`, without `.`, \
     `..`, `\\` or empty parts, with at most {FILE_PATH_BYTES_MAX} bytes and {FILE_PATH_SEGMENTS_MAX} parts"
)]
pub struct InvalidGuestPath(String);

/// Bytes of one part of a path: what the usual file systems take.
const SEGMENT_BYTES_MAX: usize = 255;

impl GuestPath {
    /// The path, relative to the guest's root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GuestPath {
    type Err = InvalidGuestPath;

    fn from_str(text: &str) -> Result<GuestPath, InvalidGuestPath> {
        let segment = |part: &str| {
            let forbidden = |c: char| c.is_control() || c == '\\';
            !["", ".", ".."].contains(&part)
                && part.len() <= SEGMENT_BYTES_MAX
                && !part.contains(forbidden)
        };
        let valid = text.len() <= FILE_PATH_BYTES_MAX
            && text.split('/').count() <= FILE_PATH_SEGMENTS_MAX
            && text.split('/').all(segment);
        if !valid {
            return Err(InvalidGuestPath(text.chars().take(200).collect()));
        }
        Ok(GuestPath(text.to_owned()))
    }
}

impl TryFrom<String> for GuestPath {
    type Error = InvalidGuestPath;

    fn try_from(text: String) -> Result<GuestPath, InvalidGuestPath> {
        text.parse()
    }
}

impl From<GuestPath> for String {
    fn from(path: GuestPath) -> String {
        path.0
    }
}

impl fmt::Display for GuestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All files of a function: what is at each path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Files(BTreeMap<GuestPath, Digest>);

/// Why files cannot be together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidFiles {
    /// More than [`FILES_MAX`].
    #[error("a function has at most {FILES_MAX} files")]
    TooMany,
    /// The same path twice, or two that differ in case only.
    #[error("the file `{0}` is there twice, counting upper and lower case as the same")]
    Duplicate(GuestPath),
    /// One would be the directory of the other.
    #[error("`{0}` cannot be a file and the directory of another one")]
    FileAndDirectory(String),
}

impl Files {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each path and what is there, in the order of paths.
    pub fn iter(&self) -> impl Iterator<Item = (&GuestPath, Digest)> {
        self.0.iter().map(|(path, digest)| (path, *digest))
    }

    /// What all of them together are known by.
    pub fn digest(&self) -> Digest {
        let lines = self
            .iter()
            .map(|(path, digest)| format!("{digest} {path}\n"));
        Digest::of(lines.collect::<String>().as_bytes())
    }

    /// The files of these paths and contents.
    pub fn new(
        files: impl IntoIterator<Item = (GuestPath, Digest)>,
    ) -> Result<Files, InvalidFiles> {
        let mut paths = BTreeMap::new();
        let mut folded = BTreeSet::new();
        for (path, digest) in files {
            if !folded.insert(path.0.to_lowercase()) {
                return Err(InvalidFiles::Duplicate(path));
            }
            paths.insert(path, digest);
            if paths.len() > FILES_MAX {
                return Err(InvalidFiles::TooMany);
            }
        }
        for path in &folded {
            let directories = path.match_indices('/').map(|(at, _)| &path[..at]);
            for directory in directories {
                if folded.contains(directory) {
                    return Err(InvalidFiles::FileAndDirectory(directory.to_owned()));
                }
            }
        }
        Ok(Files(paths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> Result<Files, InvalidFiles> {
        Files::new(
            paths
                .iter()
                .map(|path| (path.parse().expect("a path"), Digest::of(path.as_bytes()))),
        )
    }

    #[test]
    fn paths_stay_below_the_root() {
        for good in [
            "a",
            "index.html",
            "a/b/c.txt",
            ".well-known/x",
            "küche.txt",
            "a b",
        ] {
            assert!(good.parse::<GuestPath>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/./b",
            "a\\b",
            "a\0b",
            "a\nb",
            &"x".repeat(256),
            &"x/".repeat(40),
        ] {
            assert!(bad.parse::<GuestPath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn files_that_cannot_be_together_are_refused() {
        assert!(files(&["a/b", "a/c", "d"]).is_ok());
        assert!(matches!(
            files(&["a", "a"]),
            Err(InvalidFiles::Duplicate(_))
        ));
        assert!(matches!(
            files(&["a", "A"]),
            Err(InvalidFiles::Duplicate(_))
        ));
        assert!(matches!(
            files(&["a/b", "a"]),
            Err(InvalidFiles::FileAndDirectory(_))
        ));
        assert!(matches!(
            files(&["A/b/c", "a/B"]),
            Err(InvalidFiles::FileAndDirectory(_))
        ));
        let many: Vec<String> = (0..=FILES_MAX).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(files(&many), Err(InvalidFiles::TooMany));
    }

    #[test]
    fn the_digest_is_that_of_paths_and_contents() {
        let digest = files(&["a", "b"]).expect("files").digest();
        assert_eq!(files(&["b", "a"]).expect("files").digest(), digest);
        assert_ne!(files(&["a", "c"]).expect("files").digest(), digest);
    }
}
