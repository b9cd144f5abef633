//! Whether anything changed in a function's folder that a build would see.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long nothing changes before a change is complete: an editor writes a file in several steps.
const QUIET: Duration = Duration::from_millis(30);

/// Folders that are watched: each is one of the system's watches.
const DIRECTORIES_MAX: usize = 4096;

/// What builds make and what tools keep, wherever it lies. What begins with a dot is left out as well.
const IGNORED: [&str; 5] = [
    "target",
    "node_modules",
    "__pycache__",
    "Cargo.lock",
    "package-lock.json",
];

/// The changes below a folder, from now on.
pub(super) struct Changes {
    directory: PathBuf,
    watcher: RecommendedWatcher,
    /// Holds one: that something changed is all there is to know.
    changed: mpsc::Receiver<()>,
}

impl Changes {
    pub(super) fn watch(directory: &Path) -> anyhow::Result<Changes> {
        let (sender, changed) = mpsc::channel(1);
        let root = directory.to_owned();
        let noticed = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| concerns(&event, &root)) {
                // Full is as good: the one before is not taken yet.
                let _ = sender.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(noticed).context("cannot watch for changes")?;
        let mut changes = Changes {
            directory: directory.to_owned(),
            watcher,
            changed,
        };
        changes.watch_all()?;
        Ok(changes)
    }

    /// Waits until something has changed, and nothing changes any more.
    pub(super) async fn next(&mut self) -> anyhow::Result<()> {
        let ended = || anyhow::anyhow!("the system no longer tells what changes");
        self.changed.recv().await.ok_or_else(ended)?;
        while let Ok(more) = timeout(QUIET, self.changed.recv()).await {
            more.ok_or_else(ended)?;
        }
        // There may be new folders; to watch one twice is to watch it once.
        self.watch_all()
    }

    fn watch_all(&mut self) -> anyhow::Result<()> {
        for directory in directories(&self.directory) {
            let watched = self.watcher.watch(&directory, RecursiveMode::NonRecursive);
            // A folder may have gone meanwhile.
            if directory.is_dir() {
                watched.with_context(|| format!("cannot watch {}", directory.display()))?;
            }
        }
        Ok(())
    }
}

/// This folder and those below it that count, each before those within.
fn directories(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    let mut next = 0;
    while next < found.len() {
        let entries = fs::read_dir(&found[next]).into_iter().flatten().flatten();
        let inner = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .filter(|path| !is_ignored(path, root));
        found.extend(
            inner
                .take(DIRECTORIES_MAX - found.len())
                .collect::<Vec<_>>(),
        );
        next += 1;
    }
    found
}

fn concerns(event: &Event, root: &Path) -> bool {
    !event.kind.is_access() && event.paths.iter().any(|path| !is_ignored(path, root))
}

fn is_ignored(path: &Path, root: &Path) -> bool {
    let inner = path.strip_prefix(root).unwrap_or(path);
    inner.iter().any(|part| {
        let part = part.to_string_lossy();
        part.starts_with('.') || part.ends_with('~') || IGNORED.contains(&part.as_ref())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_make_is_ignored() {
        let check = |path: &str, ignored| {
            let root = Path::new("/home/.x/target/a");
            assert_eq!(is_ignored(&root.join(path), root), ignored, "{path}");
        };
        check("src/lib.rs", false);
        check("target.rs", false);
        check("target/release/a.wasm", true);
        check("a/node_modules/b.js", true);
        check(".git/index", true);
        check("src/.lib.rs.swp", true);
        check("src/lib.rs~", true);
        check("", false);
    }

    #[test]
    fn folders_are_found_without_those_that_are_ignored() {
        let root = tempfile::tempdir().expect("a directory");
        for path in ["a/b", "target/c", ".git/d"] {
            fs::create_dir_all(root.path().join(path)).expect("created");
        }
        let found = directories(root.path());
        let expected = ["", "a", "a/b"].map(|path| root.path().join(path));
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for path in &expected {
            assert!(
                found.iter().any(|found| found.iter().eq(path.iter())),
                "{path:?}"
            );
        }
    }
}
