//! `tidegate dev`: what is saved is served, what cannot be built is not, and it ends when it is told to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tidegate_tests::command_line::{command, done, path_text};
use tidegate_tests::{Reply, TestHost, eventually};
use tokio::process::{Child, Command};

use crate::languages::search_path;
use crate::scaffold;

/// Time for a small function to be built and deployed, on a machine with a lot else to do.
const CYCLE_TIMEOUT: Duration = Duration::from_secs(300);

/// A running `tidegate dev`, and a function that it looks after.
struct Dev {
    directory: TempDir,
    handler: &'static str,
    child: Child,
}

impl Dev {
    /// Makes a function in C, whose compiler takes no time, and starts working on it.
    async fn start(arrange: impl FnOnce(&mut Command)) -> Dev {
        Dev::start_in("c", "handler.c", arrange).await
    }

    /// The same in another language, which has its handler in this file.
    async fn start_in(
        language: &str,
        handler: &'static str,
        arrange: impl FnOnce(&mut Command),
    ) -> Dev {
        let directory = TempDir::new().expect("a temporary directory");
        let mut new = command(&["new", "greeter", "--lang", language]);
        new.current_dir(directory.path());
        done(new).await.ok();
        let output = |name: &str| fs::File::create(directory.path().join(name)).expect("a file");
        let mut dev = command(&["dev", path_text(&directory.path().join("greeter"))]);
        dev.env("PATH", search_path())
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"));
        arrange(&mut dev);
        let child = dev.spawn().expect("it can be run");
        Dev {
            directory,
            handler,
            child,
        }
    }

    fn handler(&self) -> PathBuf {
        self.directory.path().join("greeter").join(self.handler)
    }

    /// Writes the handler anew, with one text in the place of another.
    fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.handler()).expect("a file");
        assert!(text.contains(from), "no `{from}` in {text}");
        fs::write(self.handler(), text.replace(from, to)).expect("written");
    }

    fn said(&self, output: &str) -> String {
        fs::read_to_string(self.directory.path().join(output)).expect("a file")
    }

    async fn says(&self, output: &str, text: &str) {
        eventually(&format!("it says `{text}`"), CYCLE_TIMEOUT, async || {
            self.said(output).contains(text).then_some(())
        })
        .await;
    }

    /// Ctrl-C; it has to end well.
    async fn interrupt(mut self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let id = id.and_then(Pid::from_raw).expect("it runs");
        kill_process(id, Signal::INT).expect("it runs");
        let ended = tokio::time::timeout(CYCLE_TIMEOUT, self.child.wait()).await;
        let status = ended.expect("it ends").expect("it can be waited for");
        assert!(status.success(), "{status}: {}", self.said("stderr"));
    }
}

async fn answers(host: &TestHost, expected: &str) {
    eventually(
        &format!("it answers {expected}"),
        CYCLE_TIMEOUT,
        async || {
            let reply = Reply::of(host.function("/greeter/ann")).await;
            (reply.status == 200 && reply.text() == expected).then_some(())
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_is_served_and_what_cannot_be_built_is_not() {
    let host = TestHost::start().await;
    let dev = Dev::start(|dev| {
        dev.env("TIDEGATE_ADMIN_URL", &host.admin)
            .env("TIDEGATE_DATA_DIR", host.data_dir());
    })
    .await;
    answers(&host, "hello ann\n").await;
    dev.says("stdout", "greeter: built ").await;
    dev.says("stdout", ": revision 1\n").await;
    // Only what is logged from the first deployment on is shown.
    eventually("it shows what is logged", CYCLE_TIMEOUT, async || {
        Reply::of(host.function("/greeter/ann")).await.expect(200);
        dev.said("stdout").contains("greeting ann").then_some(())
    })
    .await;
    dev.edit("hello %s", "good day %s");
    answers(&host, "good day ann\n").await;

    dev.edit("return 0", "return nothing");
    dev.says("stderr", "undeclared identifier 'nothing'").await;
    dev.says("stderr", "the revision before serves on").await;
    answers(&host, "good day ann\n").await;
    dev.edit("return nothing", "return 0");
    dev.edit("good day %s", "bye %s");
    answers(&host, "bye ann\n").await;
    fs::write(dev.handler().with_file_name("other.c"), "int other;").expect("written");
    dev.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_change_of_a_function_in_rust_is_built_deployed_and_served() {
    let host = TestHost::start().await;
    let dev = Dev::start_in("rust", "src/lib.rs", |dev| {
        dev.env("TIDEGATE_ADMIN_URL", &host.admin)
            .env("TIDEGATE_DATA_DIR", host.data_dir())
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", scaffold::target_directory());
    })
    .await;
    answers(&host, "hello ann\n").await;
    dev.edit("hello {who}", "good day {who}");
    answers(&host, "good day ann\n").await;
    dev.says("stdout", ": revision 2\n").await;
    dev.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_host_it_starts_one_that_ends_with_it() {
    let dev = Dev::start(|dev| {
        dev.args(["--admin", "http://127.0.0.1:0"])
            .env("TIDEGATE_HTTP", "127.0.0.1:0")
            .env("TIDEGATE_MQTT", "off");
    })
    .await;
    dev.says("stdout", ": revision 1\n").await;
    let said = dev.said("stderr");
    let url = said
        .lines()
        .find_map(|line| line.strip_prefix("functions  "));
    let url = format!("{}/greeter/bob", url.expect("an address"));
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    assert_eq!(Reply::of(client.get(&url)).await.text(), "hello bob\n");
    let data_dir = dev.directory.path().join("greeter/.tidegate/data");
    assert!(Path::new(&data_dir).is_dir(), "{said}");
    dev.interrupt().await;
    let refused = client.get(&url).send().await;
    assert!(refused.expect_err("nobody answers").is_connect());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_worked_on_is_explained() {
    let directory = TempDir::new().expect("a temporary directory");
    let empty = done(command(&["dev", path_text(directory.path())])).await;
    empty.failed(1, &["a folder without a function"]);
    let file = directory.path().join("a.wasm");
    fs::write(&file, "").expect("written");
    let built = done(command(&["dev", path_text(&file)])).await;
    built.failed(1, &["is built already"]);
    let source = directory.path().join("handler.c");
    fs::write(&source, "").expect("written");
    let elsewhere = ["dev", path_text(&source), "--admin", "http://192.0.2.1:9"];
    let elsewhere = done(command(&elsewhere)).await;
    elsewhere.failed(1, &["on this machine only"]);
    // The package beside it is built by the app's own command, and has no routes of its own.
    fs::write(directory.path().join("Cargo.toml"), "").expect("written");
    fs::write(directory.path().join("spin.toml"), "").expect("written");
    let app = done(command(&["dev", path_text(directory.path())])).await;
    app.failed(1, &["spin.toml is an app", "--build", "tidegate logs"]);
}
