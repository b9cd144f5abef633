//! Components that other people's SDKs and tools have built, unmodified, from the sources in `tests/sdks`: built on
//! first use, once per test process. Those for JavaScript and Python need what `tests/setup` installs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::artifacts;

static RUST: LazyLock<PathBuf> = LazyLock::new(build_rust);
static MODULES: LazyLock<PathBuf> = LazyLock::new(build_modules);
static WAGI: LazyLock<PathBuf> = LazyLock::new(|| build_wagi("wasm32-wasip2"));
static WAGI_MODULE: LazyLock<PathBuf> = LazyLock::new(|| build_wagi("wasm32-wasip1"));
static JAVASCRIPT: LazyLock<PathBuf> = LazyLock::new(build_javascript);
static PYTHON_3: LazyLock<PathBuf> = LazyLock::new(|| build_python("3", "spin-http"));
static PYTHON_5: LazyLock<PathBuf> =
    LazyLock::new(|| build_python("5", "spin:up/http-trigger@4.1.0"));

/// A component in Rust built with this version of Spin's SDK: `3`, `4`, `5`, `6` or `7`.
pub fn spin(version: u32) -> Vec<u8> {
    artifacts::read(&RUST.join(format!("spin{version}.wasm")))
}

/// A core module in Rust built with this version of Spin's SDK, `3` or `5`, as Spin's templates of its time built it:
/// for WASI preview 1, with the component's types in custom sections.
pub fn spin_module(version: u32) -> Vec<u8> {
    artifacts::read(&MODULES.join(format!("spin{version}.wasm")))
}

/// A component that needs the component model's asynchronous half, by the name of its file in `tests/sdks/wasi3`.
pub fn wasi3(name: &str) -> Vec<u8> {
    artifacts::read(&RUST.join("examples").join(format!("{name}.wasm")))
}

/// The CGI program `tests/sdks/wagi` as a component.
pub fn wagi() -> Vec<u8> {
    artifacts::read(&WAGI)
}

/// The same as a core module: a command of WASI preview 1.
pub fn wagi_module() -> Vec<u8> {
    artifacts::read(&WAGI_MODULE)
}

/// The component in JavaScript, built with Spin's build tools.
pub fn javascript() -> Vec<u8> {
    artifacts::read(&JAVASCRIPT)
}

/// The component in Python, built with Spin's SDK 3 and componentize-py.
pub fn python_3() -> Vec<u8> {
    artifacts::read(&PYTHON_3)
}

/// The component in Python, built with Spin's SDK 5 and componentize-py.
pub fn python_5() -> Vec<u8> {
    artifacts::read(&PYTHON_5)
}

/// Where the sources are.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdks")
}

/// Where everything is built: not the target directory itself, in which files of the same names lie.
fn target() -> PathBuf {
    artifacts::target_directory().join("sdks")
}

fn build_rust() -> PathBuf {
    let target = target();
    let wasm = ["--target", "wasm32-wasip2"];
    artifacts::cargo(
        &sources(),
        &target,
        &[
            &wasm[..],
            &["--workspace", "--exclude", "wagi", "--lib", "--examples"],
        ]
        .concat(),
    );
    target.join("wasm32-wasip2/release")
}

fn build_modules() -> PathBuf {
    let target = target();
    let wasm = ["--target", "wasm32-wasip1"];
    artifacts::cargo(
        &sources(),
        &target,
        &[&wasm[..], &["-p", "spin3", "-p", "spin5"]].concat(),
    );
    target.join("wasm32-wasip1/release")
}

fn build_wagi(wasm: &str) -> PathBuf {
    let target = target();
    artifacts::cargo(&sources(), &target, &["--target", wasm, "-p", "wagi"]);
    target.join(wasm).join("release/wagi.wasm")
}

fn build_javascript() -> PathBuf {
    let directory = target().join("js");
    let files = ["package.json", "index.js", "spin.wit"];
    let mut tool = Command::new(directory.join("node_modules/.bin/j2w"));
    tool.args(["-i", "index.js", "-o", "app.wasm"]);
    build(&sources().join("js"), &directory, &files, tool)
}

fn build_python(version: &str, world: &str) -> PathBuf {
    let name = format!("python{version}");
    let directory = target().join(&name);
    let programs = directory.join("venv/bin");
    let mut tool = Command::new(programs.join("componentize-py"));
    // The tool finds the SDK by asking the `python3` that it finds.
    let path = std::env::var("PATH").unwrap_or_default();
    tool.env("PATH", format!("{}:{path}", programs.display()))
        .env("VIRTUAL_ENV", directory.join("venv"))
        .args(["-w", world, "componentize", "app", "-o", "app.wasm"]);
    build(&sources().join(name), &directory, &["app.py"], tool)
}

/// Runs a tool where these files have changed since the last time, and gives what it made of them: `app.wasm`.
fn build(from: &Path, directory: &Path, files: &[&str], mut tool: Command) -> PathBuf {
    let made = directory.join("app.wasm");
    let text = |path: PathBuf| std::fs::read(path).ok();
    let is_current = files
        .iter()
        .all(|file| text(from.join(file)) == text(directory.join(file)));
    if made.exists() && is_current {
        return made;
    }
    let _ = std::fs::remove_file(&made);
    for file in files {
        std::fs::copy(from.join(file), directory.join(file)).unwrap_or_else(|error| {
            panic!("{}: {error}: run tests/setup", directory.display());
        });
    }
    let done = tool
        .current_dir(directory)
        .output()
        .unwrap_or_else(|error| panic!("{tool:?}: {error}: run tests/setup"));
    assert!(
        done.status.success() && made.exists(),
        "{tool:?} failed\n{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    made
}
