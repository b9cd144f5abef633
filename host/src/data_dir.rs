//! The data directory: made private, and locked so that only one host uses it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A data directory in use by this host.
pub struct DataDir {
    path: PathBuf,
    /// Locked for as long as it is open.
    _lock: File,
}

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made or written to.
    #[error("the data directory {path} cannot be used: {error}")]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another host has it.
    #[error(
        "another Tidegate is using the data directory {0}; stop it, or give this one another with --data-dir"
    )]
    InUse(PathBuf),
}

impl DataDir {
    /// Makes the directory where it is missing, for its owner alone, and locks it.
    pub fn open(path: &Path) -> Result<DataDir, DataDirError> {
        let unusable = |error| DataDirError::Unusable {
            path: path.to_owned(),
            error,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(unusable)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"));
        let lock = lock.map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(DataDir {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file with the client id that this host has at an external broker, where what is not handled yet waits under it.
    pub fn broker_client_id(&self) -> PathBuf {
        self.path().join("broker-client-id")
    }

    /// Where functions' SQL databases are.
    pub fn databases(&self) -> PathBuf {
        self.path.join("databases")
    }

    /// Where compiled components are kept. Can be deleted at any time.
    pub fn compiled(&self) -> PathBuf {
        self.path.join("compiled")
    }

    /// Where functions' files are laid out for their guests. Can be deleted at any time.
    pub fn files(&self) -> PathBuf {
        self.path.join("files")
    }
}
