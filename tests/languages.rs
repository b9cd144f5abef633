//! Functions in other languages than Rust: the examples, what `tidegate new` makes of them, and bare source files, built
//! by `tidegate deploy` with the compilers that `tests/setup` installs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tidegate_tests::command_line::{Done, command, done, done_within, path_text};
use tidegate_tests::{Reply, TestHost, artifacts};

/// Time for an engine of ten megabytes to be built into a component and compiled, on a machine with a lot else to do.
const BUILD_TIMEOUT: Duration = Duration::from_secs(600);

/// The search path with the compilers that `tests/setup` has installed.
pub(crate) fn search_path() -> std::ffi::OsString {
    let wasm = artifacts::example_path("hello_http");
    let target = wasm.ancestors().nth(3).expect("target/wasm32-…/release");
    let bins = ["hello-js/node_modules/.bin", "hello-python/venv/bin"];
    let own = bins.map(|bin| target.join("sdks").join(bin));
    for bin in &own {
        assert!(bin.is_dir(), "no {}: run tests/setup", bin.display());
    }
    let search = std::env::var_os("PATH").expect("a search path");
    let all = own.into_iter().chain(std::env::split_paths(&search));
    std::env::join_paths(all).expect("directories")
}

/// `tidegate deploy PATH` with these compilers.
async fn deploy(host: &TestHost, path: &Path, arguments: &[&str]) -> Done {
    let mut command = command(&[&["deploy", path_text(path)], arguments].concat());
    command
        .env("TIDEGATE_ADMIN_URL", &host.admin)
        .env("TIDEGATE_DATA_DIR", host.data_dir())
        .env("PATH", search_path());
    done_within(BUILD_TIMEOUT, command).await
}

/// A copy of an example, so that nothing is built in the repository.
fn copy(name: &str) -> (TempDir, PathBuf) {
    let parent = TempDir::new().expect("a temporary directory");
    let copy = parent.path().join(name);
    fs::create_dir(&copy).expect("created");
    let example = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .join(name);
    for entry in fs::read_dir(example).expect("an example") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_file() {
            fs::copy(entry.path(), copy.join(entry.file_name())).expect("copied");
        }
    }
    (parent, copy)
}

/// A new function, made by `tidegate new`.
async fn new(language: &str) -> (TempDir, PathBuf) {
    let parent = TempDir::new().expect("a temporary directory");
    let mut made = command(&["new", "greeter", "--lang", language]);
    made.current_dir(parent.path());
    let made = done(made).await.ok();
    made.says(&[
        "cd greeter",
        "tidegate deploy .",
        "curl http://127.0.0.1:3000/greeter/ann",
    ]);
    let directory = parent.path().join("greeter");
    (parent, directory)
}

#[track_caller]
fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
}

async fn answer(host: &TestHost, path: &str) -> (u16, String) {
    let reply = Reply::of(host.function(path)).await;
    (reply.status, reply.text())
}

/// An example greets, and logs that it does; so does what `tidegate new` makes of it, under its own name.
async fn greets(language: &str) {
    let host = TestHost::start().await;
    let admin = host.admin();
    let name = format!("hello-{language}");
    let (_parent, example) = copy(&name);
    let readme = fs::read_to_string(example.join("README.md")).expect("a file");
    let curl = format!("tidegate deploy .\ncurl http://localhost:3000/{name}/ann\n");
    assert!(readme.contains(&curl), "{readme}");
    deploy(&host, &example, &[]).await.ok();
    for (path, greeting) in [("/ann", "hello ann\n"), ("", "hello world\n")] {
        let reply = answer(&host, &format!("/{name}{path}")).await;
        assert_eq!(reply, (200, greeting.to_owned()));
    }
    admin.await_log(&name, "greeting ann").await;

    let (_parent, new) = new(language).await;
    deploy(&host, &new, &[]).await.ok();
    let reply = answer(&host, "/greeter/bob").await;
    assert_eq!(reply, (200, "hello bob\n".to_owned()));
    admin.await_log("greeter", "greeting bob").await;
    let ignored = fs::read_to_string(new.join(".gitignore")).expect("a file");
    assert!(ignored.contains(".tidegate\n"), "{ignored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_greets() {
    greets("js").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_greets() {
    greets("python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_greets() {
    greets("c").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_javascript_file_is_a_function() {
    let host = TestHost::start().await;
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("old.js");
    write(
        &file,
        "addEventListener('fetch', (event) => event.respondWith(new Response('old\\n', { status: 201 })));",
    );
    deploy(&host, &file, &[]).await.ok();
    let reply = answer(&host, "/old/any/path").await;
    assert_eq!(reply, (201, "old\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_has_what_its_manifest_grants() {
    let host = TestHost::start().await;
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("notes.js");
    write(
        &file,
        r#"import { open } from "wasi:keyvalue/store@0.2.0-draft2";
           const text = (bytes) => new TextDecoder().decode(bytes);
           export default {
             async fetch(request) {
               const notes = open("notes");
               if (request.method === "POST") notes.set("last", new Uint8Array(await request.arrayBuffer()));
               return new Response(text(notes.get("last")));
             },
             message(message) {
               open("notes").set("last", message.payload);
             },
           };"#,
    );
    let manifest = "[grants]\nbuckets = [\"notes\"]\n[[http]]\nroute = \"/notes\"\n[[mqtt]]\ntopic = \"notes\"\n";
    write(&directory.path().join("tidegate.toml"), manifest);
    deploy(&host, &file, &[]).await.ok();
    let posted = host.request(reqwest::Method::POST, "/notes").body("one");
    assert_eq!(Reply::of(posted).await.expect(200).text(), "one");
    let address = host.mqtt_address();
    let message = ["-q", "1", "-t", "notes", "-m", "two"];
    tidegate_tests::mosquitto::publish(address, &message).await;
    tidegate_tests::eventually("it has the message", BUILD_TIMEOUT, async || {
        (answer(&host, "/notes").await.1 == "two").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_has_what_its_manifest_grants() {
    let host = TestHost::start().await;
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("notes.py");
    write(
        &file,
        r#"
from tidegate import Request, Response
from wit_world.imports import key_value

def handle(request):
    notes = key_value.open("notes")
    if request.method == "POST":
        notes.set("last", request.body)
    if request.query == "fail":
        raise ValueError("asked to")
    return Response(notes.get("last"), 203, {"X-Path": request.path})
"#,
    );
    write(
        &directory.path().join("tidegate.toml"),
        "[grants]\nbuckets = [\"notes\"]\n",
    );
    deploy(&host, &file, &[]).await.ok();
    let body = "x".repeat(10_000);
    let posted = host
        .request(reqwest::Method::POST, "/notes/a?b")
        .body(body.clone());
    let reply = Reply::of(posted).await.expect(203);
    assert_eq!(reply.text(), body);
    assert_eq!(reply.headers["x-path"], "/notes/a");
    let failed = answer(&host, "/notes?fail").await;
    assert!(failed.0 >= 500, "{failed:?}");
    host.admin()
        .await_log("notes", "ValueError: asked to")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_built_is_explained() {
    let host = TestHost::start().await;
    let (_parent, example) = copy("hello-c");
    write(&example.join("handler.c"), "int main(void) { return x; }");
    deploy(&host, &example, &[])
        .await
        .failed(1, &["undeclared identifier 'x'", "could not be built"]);
    let empty = TempDir::new().expect("a temporary directory");
    deploy(&host, empty.path(), &[])
        .await
        .failed(1, &["a folder without a function", "handler.js"]);
    for (file, install) in [
        (
            "a.js",
            "npm install --save-dev @bytecodealliance/componentize-js@",
        ),
        ("a.py", ".venv/bin/pip install componentize-py=="),
        ("a.c", "apt-get install clang lld wasi-libc"),
    ] {
        let file = empty.path().join(file);
        write(&file, "");
        let mut deploy = command(&["deploy", path_text(&file)]);
        deploy
            .env("PATH", empty.path())
            .env("TIDEGATE_ADMIN_URL", &host.admin)
            .env("TIDEGATE_DATA_DIR", host.data_dir());
        done(deploy).await.failed(1, &["is not installed", install]);
    }
}
