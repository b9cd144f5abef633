//! Core modules: uploaded as they are, made components by the host where that can be, refused with the reason where
//! it cannot.

use reqwest::Method;
use tidegate_tests::{Reply, TestHost, artifacts, sdks};

/// A command of WASI preview 1, written by hand: answers two bytes.
const COMMAND: &str = r#"
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "Content-Type: text/plain\n\nok")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 28))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
"#;

fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a module")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_preview_1_is_a_cgi_program() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin.deployed("tiny", module(COMMAND), "").await;
    let reply = Reply::of(host.function("/tiny")).await.expect(200);
    assert_eq!(reply.text(), "ok");

    admin.deployed("wagi", sdks::wagi_module(), "").await;
    let request = host.request(Method::POST, "/wagi?echo");
    let reply = Reply::of(request.body("through preview 1")).await;
    assert_eq!(reply.expect(200).text(), "through preview 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_has_been_deployed_is_not_deployed_again() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let first = admin.deploy("tiny", module(COMMAND), "").await.expect(201);
    let again = admin.deploy("tiny", module(COMMAND), "").await.expect(200);
    assert_eq!(first.json()["revision"], again.json()["revision"]);
}

/// What the host makes of a module, by the command that it runs for that.
fn componentized(module: &[u8]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), module).expect("written");
    let made = artifacts::host_command()
        .arg("componentize")
        .stdin(file.into_file())
        .output()
        .expect("the host's binary runs");
    assert!(made.status.success(), "{made:?}");
    made.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_is_shown_with_the_digest_of_what_was_made_of_it() {
    let mut host = TestHost::start().await;
    let admin = host.admin();
    admin.deployed("module", module(COMMAND), "").await;
    let component = componentized(&module(COMMAND));
    let component = admin.deployed("component", component, "").await;
    assert!(component["derived_digest"].is_null(), "{component}");
    host.restart().await;
    let admin = host.admin();
    let shown = admin.get("/api/v1/functions/module").await.json();
    assert_eq!(shown["derived_digest"], component["digest"]);
    assert_ne!(shown["digest"], component["digest"]);
    let revisions = admin.get("/api/v1/functions/module/revisions").await.json();
    let recorded = &revisions["revisions"][0];
    assert_eq!(recorded["derived_digest"], component["digest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_keeps_serving_after_a_restart() {
    let mut host = TestHost::start().await;
    host.admin().deployed("tiny", module(COMMAND), "").await;
    host.terminate().await;
    std::fs::remove_dir_all(host.data_dir().join("compiled")).expect("a cache");
    host.restart().await;
    assert_eq!(Reply::of(host.function("/tiny")).await.text(), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_of_which_no_component_can_be_made_is_refused() {
    let host = TestHost::start().await;
    let cases = [
        (
            "imports of a browser",
            r#"(module (import "env" "emscripten_sleep" (func (param i32))) (func (export "_start")))"#,
            "import_unknown",
            "env.emscripten_sleep",
        ),
        (
            "imports that preview 1 does not have",
            r#"(module (import "wasi_snapshot_preview1" "fd_paint" (func)) (func (export "_start")))"#,
            "core_module",
            "fd_paint",
        ),
        (
            "a library",
            r#"(module (func (export "add") (param i32 i32) (result i32)
                (i32.add (local.get 0) (local.get 1))))"#,
            "core_module",
            "it is a library",
        ),
    ];
    for (what, text, code, named) in cases {
        let reply = host.admin().deploy("module", module(text), "").await;
        let detail = reply.json()["detail"].to_string();
        reply.expect_problem(422, code);
        assert!(detail.contains(named), "{what}: {detail}");
    }
    let cut_off = &sdks::wagi()[..100];
    let cut_off = host.admin().deploy("module", cut_off, "").await;
    assert_eq!(cut_off.status, 422, "{}", cut_off.text());
    let none = host.admin().get("/api/v1/functions").await.json();
    assert_eq!(none["functions"].as_array().map(Vec::len), Some(0));
}
