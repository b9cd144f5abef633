//! Files of functions, as directories that guests read.
//!
//! The database has the files. A set of them becomes a directory of its own, named by the set's digest, when its first
//! guest starts; it appears complete or not at all, is compared with the digests before it is used for the first time
//! since the host started, and is made anew when it is gone. So the directory can be deleted at any time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio::sync::{Mutex, OnceCell};

use crate::model::digest::Digest;
use crate::model::file::Files;
use crate::storage::database::{Database, StorageError};
use crate::storage::files;

/// Makes directories of files.
pub(super) struct FileDirectories {
    directory: PathBuf,
    database: Database,
    /// One is made at a time: what is half made has a name of its own, but one name for all.
    making: Mutex<()>,
}

/// The files of one function.
pub(super) struct FunctionFiles {
    files: Files,
    digest: Digest,
    checked: OnceCell<()>,
}

/// Why files cannot be read by a guest.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The directory cannot be written or read.
    #[error("the files of the function cannot be laid out: {0}")]
    Io(#[from] io::Error),
    /// The database does not give them.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The database does not have one of them.
    #[error("file {0} is not in the database")]
    Missing(Digest),
}

impl FunctionFiles {
    /// The files of a function, if it has any.
    pub(super) fn new(files: &Files) -> Option<FunctionFiles> {
        (!files.is_empty()).then(|| FunctionFiles {
            digest: files.digest(),
            files: files.clone(),
            checked: OnceCell::new(),
        })
    }
}

impl FileDirectories {
    /// Directories below this one.
    pub(super) fn new(directory: PathBuf, database: Database) -> FileDirectories {
        FileDirectories {
            directory,
            database,
            making: Mutex::new(()),
        }
    }

    /// The directory of a function's files, which are in it once they have been laid out.
    pub(super) fn of(&self, function: &FunctionFiles) -> PathBuf {
        self.path(function.digest)
    }

    /// Sees to it that a function's files are in their directory.
    pub(super) async fn lay_out(&self, function: &FunctionFiles) -> Result<(), FilesError> {
        let path = self.of(function);
        let check = || self.make(function, &path);
        function.checked.get_or_try_init(check).await?;
        match path.is_dir() {
            true => Ok(()),
            false => self.make(function, &path).await,
        }
    }

    /// Removes what no stored revision has.
    pub(super) async fn sweep(&self) -> Result<(), FilesError> {
        let _making = self.making.lock().await;
        let in_use: Vec<PathBuf> = self
            .database
            .read(files::sets)
            .await?
            .iter()
            .map(|files| self.path(files.digest()))
            .collect();
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if !in_use.contains(&path) {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }

    /// Makes the directory, unless it is whole: another function may have the same files, or another event came first.
    async fn make(&self, function: &FunctionFiles, path: &Path) -> Result<(), FilesError> {
        let _making = self.making.lock().await;
        let (files, directory) = (function.files.clone(), path.to_owned());
        let whole = tokio::task::spawn_blocking(move || is_whole(&files, &directory));
        if whole.await.unwrap_or(false) {
            return Ok(());
        }
        let unfinished = self.directory.join("new");
        remove(&unfinished)?;
        fs::create_dir_all(&unfinished)?;
        for (guest_path, digest) in function.files.iter() {
            let bytes = self
                .database
                .read(move |db| files::file(db, digest))
                .await?;
            let bytes = bytes.ok_or(FilesError::Missing(digest))?;
            // Segments that are neither empty nor dots: the path stays below.
            let file = unfinished.join(guest_path.as_str());
            tokio::task::spawn_blocking(move || write(&file, &bytes))
                .await
                .map_err(io::Error::other)??;
        }
        // Not synced: after a loss of power it is compared with the digests before it is used.
        remove(path)?;
        Ok(fs::rename(unfinished, path)?)
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.directory.join(digest.hex())
    }
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(file, bytes)
}

/// Whether a directory has these files, and they are what they were. What else may be in it is the host's own doing.
fn is_whole(files: &Files, directory: &Path) -> bool {
    let is_same = |path: PathBuf, digest| {
        let is_file = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
        is_file && fs::read(path).is_ok_and(|bytes| Digest::of(&bytes) == digest)
    };
    files
        .iter()
        .all(|(path, digest)| is_same(directory.join(path.as_str()), digest))
}
