//! The cache of compiled components: derived files that can be deleted at any time.
//!
//! A compiled component is native code. Each file therefore begins with a MAC over its content, the component's digest
//! and the engine it was compiled for, under a key that only this host has: whatever was changed, damaged, exchanged or
//! brought from elsewhere is compiled anew and never loaded.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::hmac;
use wasmtime::Engine;

use crate::model::abi::Abi;
use crate::model::digest::Digest;
use crate::observe::metrics::{CacheLookup, Metrics};

/// The directory of compiled components.
pub(super) struct ArtifactCache {
    directory: PathBuf,
    key: hmac::Key,
    /// What code is compiled for, by ABI: it is part of each file's name.
    engines: [(Abi, String); 2],
    metrics: Arc<Metrics>,
}

const MAC_BYTES: usize = 32;

impl ArtifactCache {
    pub(super) fn open(
        directory: PathBuf,
        key: [u8; 32],
        engines: [(Abi, &Engine); 2],
        metrics: Arc<Metrics>,
    ) -> std::io::Result<ArtifactCache> {
        std::fs::create_dir_all(&directory)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let engines = engines.map(|(abi, engine)| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            (abi, format!("{:016x}", hasher.finish()))
        });
        Ok(ArtifactCache {
            directory,
            key,
            engines,
            metrics,
        })
    }

    fn engine(&self, abi: Abi) -> &str {
        let found = self.engines.iter().find(|(known, _)| *known == abi);
        found.map_or("", |(_, engine)| engine)
    }

    /// The compiled component, if there is one and it is the host's own.
    pub(super) fn load(&self, digest: Digest, abi: Abi) -> Option<Vec<u8>> {
        let Ok(mut sealed) = std::fs::read(self.path(digest, abi)) else {
            self.metrics.looked_up(CacheLookup::Miss);
            return None;
        };
        let compiled = sealed.get(MAC_BYTES..).unwrap_or_default();
        let authentic = sealed.len() > MAC_BYTES
            && hmac::verify(
                &self.key,
                &self.message(digest, abi, compiled),
                &sealed[..MAC_BYTES],
            )
            .is_ok();
        if !authentic {
            tracing::warn!(%digest, "a compiled component was not the host's own; it is compiled anew");
            self.metrics.looked_up(CacheLookup::Rejected);
            return None;
        }
        self.metrics.looked_up(CacheLookup::Hit);
        Some(sealed.split_off(MAC_BYTES))
    }

    /// Keeps a compiled component. The file appears complete or not at all.
    pub(super) fn store(&self, digest: Digest, abi: Abi, compiled: &[u8]) -> std::io::Result<()> {
        let mac = hmac::sign(&self.key, &self.message(digest, abi, compiled));
        let path = self.path(digest, abi);
        let unfinished = path.with_extension("new");
        // It may have been deleted meanwhile, as everything in it may.
        std::fs::create_dir_all(&self.directory)?;
        let mut file = std::fs::File::create(&unfinished)?;
        file.write_all(mac.as_ref())?;
        file.write_all(compiled)?;
        // Not synced: after a loss of power a torn file is not authentic, and is compiled anew.
        std::fs::rename(unfinished, path)
    }

    /// Removes what belongs to no component in use, or to another engine.
    pub(super) fn sweep(&self, in_use: &[Digest]) -> std::io::Result<()> {
        let in_use: HashSet<PathBuf> = in_use
            .iter()
            .flat_map(|digest| [Abi::Sync, Abi::Async].map(|abi| self.path(*digest, abi)))
            .collect();
        for entry in std::fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if !in_use.contains(&path) {
                std::fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    fn path(&self, digest: Digest, abi: Abi) -> PathBuf {
        self.directory.join(Path::new(&format!(
            "{}-{}.cwasm",
            digest.hex(),
            self.engine(abi)
        )))
    }

    fn message(&self, digest: Digest, abi: Abi, compiled: &[u8]) -> Vec<u8> {
        [digest.as_bytes(), self.engine(abi).as_bytes(), compiled].concat()
    }
}
