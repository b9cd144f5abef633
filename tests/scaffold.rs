//! `tidegate new`: what it makes builds, passes its own test, deploys and answers as it says.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tidegate_tests::command_line::{command, done, done_within};
use tidegate_tests::{Reply, TestHost, artifacts};
use tokio::process::Command;

/// Time for a package to be built from nothing on a machine with a lot else to do.
const BUILD_TIMEOUT: Duration = Duration::from_secs(900);

/// `target`, which the packages that are built here share with everything else.
pub(crate) fn target_directory() -> PathBuf {
    let wasm = artifacts::example_path("hello_http");
    let target = wasm.ancestors().nth(3).expect("target/wasm32-…/release");
    target.join("new")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_function_builds_passes_its_test_and_answers() {
    let directory = TempDir::new().expect("a temporary directory");
    let mut new = command(&["new", "greet-all"]);
    new.current_dir(directory.path());
    let made = done(new).await.ok();
    made.says(&[
        "tidegate deploy .",
        "curl http://127.0.0.1:3000/greet-all/ann",
    ]);
    let package = directory.path().join("greet-all");
    let readme = std::fs::read_to_string(package.join("README.md")).expect("a file");
    assert!(readme.contains("\ntidegate deploy .\n"), "{readme}");
    let target = target_directory();
    let mut tests = Command::new("cargo");
    tests
        .args(["test", "--release", "--offline"])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", &target)
        .kill_on_drop(true);
    let tested = done_within(BUILD_TIMEOUT, tests).await.ok();
    assert!(tested.out.contains(" 1 passed"), "{tested:?}");

    let host = TestHost::start().await;
    let mut deploy = command(&["deploy", "."]);
    deploy
        .current_dir(&package)
        .env("TIDEGATE_ADMIN_URL", &host.admin)
        .env("TIDEGATE_DATA_DIR", host.data_dir())
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", &target);
    let deployed = done_within(BUILD_TIMEOUT, deploy).await.ok();
    deployed.says(&["greet-all: revision 1 is active"]);
    let reply = Reply::of(host.function("/greet-all/ann")).await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "hello ann\n"));
    let reply = Reply::of(host.function("/greet-all")).await;
    assert_eq!(reply.text(), "hello world\n");

    let mut again = command(&["new", "greet-all"]);
    again.current_dir(directory.path());
    done(again).await.failed(1, &["greet-all is there already"]);
    let mut digit = command(&["new", "1st"]);
    digit.current_dir(directory.path());
    done(digit)
        .await
        .failed(1, &["must not begin with a digit"]);
}
