//! Tells the host which Wasmtime it is built with.

use std::path::Path;

fn main() {
    let manifest_dir =
        std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is");
    let lock_file = Path::new(&manifest_dir).join("../Cargo.lock");
    println!("cargo:rerun-if-changed={}", lock_file.display());
    let locked =
        std::fs::read_to_string(&lock_file).expect("a workspace that was built has a lock file");
    let version = version_of(&locked, "wasmtime").expect("the host depends on wasmtime");
    println!("cargo:rustc-env=WASMTIME_VERSION={version}");
}

/// The version of a package in a lock file.
fn version_of<'a>(locked: &'a str, package: &str) -> Option<&'a str> {
    let (_, after) = locked.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(after.split_once('"')?.0)
}
