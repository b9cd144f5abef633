//! What is tested: the host's binary, the guests and the examples, built once per test process by the cargo that runs
//! the tests.
//!
//! `TEST_HOST_BINARY` names another binary to test, such as one that was built to be shipped.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

struct Artifacts {
    host: PathBuf,
    wasm: PathBuf,
}

static ARTIFACTS: LazyLock<Artifacts> = LazyLock::new(build);

const WASM_TARGET: &str = "wasm32-wasip2";

/// The host's binary.
pub fn host_binary() -> &'static Path {
    &ARTIFACTS.host
}

/// A command that runs the host's binary, whatever settings this process's environment has.
pub fn host_command() -> Command {
    let mut command = Command::new(host_binary());
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"TIDEGATE_") {
            command.env_remove(name);
        }
    }
    command
}

/// The path of a guest's component, by the name of its file in `tests/guests`.
pub fn guest_path(name: &str) -> PathBuf {
    ARTIFACTS.wasm.join("examples").join(format!("{name}.wasm"))
}

/// A guest's component, by the name of its file in `tests/guests`.
pub fn guest(name: &str) -> Vec<u8> {
    read(&guest_path(name))
}

/// The path of an example's component, by its name with underscores.
pub fn example_path(name: &str) -> PathBuf {
    ARTIFACTS.wasm.join(format!("{name}.wasm"))
}

/// An example's component, by its name with underscores.
pub fn example(name: &str) -> Vec<u8> {
    read(&example_path(name))
}

/// Where `tests/setup` has installed something under this name.
pub fn installed(name: &str) -> PathBuf {
    target_directory().join("sdks").join(name)
}

pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn build() -> Artifacts {
    let target = target_directory();
    let host = match std::env::var_os("TEST_HOST_BINARY") {
        Some(binary) => binary.into(),
        None => {
            // With the tests, so that all that the host is built from is what these were built with.
            cargo(repository(), &target, &["--tests", "--bin", "tidegate"]);
            target.join("release/tidegate")
        }
    };
    let wasm = ["--target", WASM_TARGET];
    cargo(
        repository(),
        &target,
        &[&wasm[..], &["-p", "tidegate-guests", "--examples"]].concat(),
    );
    let examples = [
        "-p",
        "hello-http",
        "-p",
        "sensor-average",
        "-p",
        "threshold-alert",
        "-p",
        "activity-report",
    ];
    cargo(repository(), &target, &[&wasm[..], &examples].concat());
    Artifacts {
        host,
        wasm: target.join(WASM_TARGET).join("release"),
    }
}

/// `target`, of `target/release/deps/integration-…`.
pub(crate) fn target_directory() -> PathBuf {
    let test_binary = std::env::current_exe().expect("a test knows its binary");
    let target = test_binary
        .ancestors()
        .nth(3)
        .expect("a test binary is in target/release/deps");
    target.to_owned()
}

/// The repository, which is the workspace of all but `tests/sdks`.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// `cargo build --release` in the workspace of this directory.
pub(crate) fn cargo(workspace: &Path, target: &Path, arguments: &[&str]) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--target-dir"])
        .arg(target)
        .args(arguments)
        .current_dir(workspace)
        .output()
        .expect("cargo can be run");
    assert!(
        built.status.success(),
        "cargo build {} failed (if a target is missing: run sdk-rust/wasm-target)\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&built.stderr)
    );
}
