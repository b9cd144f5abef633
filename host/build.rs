//! Takes the dashboard in, compressed, where it has been built; and tells the host which Wasmtime it is built with.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    let variable = |name| PathBuf::from(std::env::var_os(name).expect("cargo sets it"));
    let (package, out) = (variable("CARGO_MANIFEST_DIR"), variable("OUT_DIR"));
    name_wasmtime(&package.join("../Cargo.lock"))?;
    embed(&package.join("../web/dist"), &out)
}

fn name_wasmtime(lock_file: &Path) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", lock_file.display());
    let locked = fs::read_to_string(lock_file)?;
    let version = version_of(&locked, "wasmtime").expect("the host depends on wasmtime");
    println!("cargo:rustc-env=WASMTIME_VERSION={version}");
    Ok(())
}

/// The version of a package in a lock file.
fn version_of<'a>(locked: &'a str, package: &str) -> Option<&'a str> {
    let (_, after) = locked.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(after.split_once('"')?.0)
}

/// Writes `assets.rs`: the array that `admin/dashboard.rs` includes. It is empty where there is no dashboard.
fn embed(dist: &Path, out: &Path) -> io::Result<()> {
    // What is not there counts as changed, each time anew; an old and empty directory does not. Where none can be made,
    // each build takes longer.
    if fs::create_dir(dist).is_ok() {
        let _ =
            File::open(dist).and_then(|directory| directory.set_modified(SystemTime::UNIX_EPOCH));
    }
    println!("cargo:rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(dist, &mut files)?;
    } else {
        println!(
            "cargo:warning=the dashboard is not built in: run `make web` (Node 20 or newer) first to have it"
        );
    }
    files.sort();
    let mut code = "[\n".to_owned();
    for (number, file) in files.iter().enumerate() {
        let path = file.strip_prefix(dist).expect("it is in there");
        let path = path.to_str().expect("names of assets are ASCII");
        let bytes = fs::read(file)?;
        let compressed = out.join(format!("asset-{number}.gz"));
        let mut encoder = GzEncoder::new(File::create(&compressed)?, Compression::best());
        encoder.write_all(&bytes)?;
        encoder.finish()?;
        let (content_type, digest) = (content_type(path), digest(&bytes));
        writeln!(
            code,
            "Asset {{ path: {path:?}, content_type: {content_type:?}, etag: \"W/\\\"{digest:016x}\\\"\", \
             gzip: include_bytes!({compressed:?}) }},"
        )
        .expect("a text takes everything");
    }
    fs::write(out.join("assets.rs"), code + "]\n")
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Tells one content from another; nobody gains anything by finding two that are alike.
fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
