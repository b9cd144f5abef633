//! Dry runs: they tell what a deployment would do, find what it would find, and change nothing.

use std::fs::DirEntry;
use std::path::PathBuf;
use std::time::SystemTime;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tidegate_tests::{AdminClient, Reply, TestHost, artifacts};

/// A dry run of a component with a manifest.
async fn dry_run(admin: &AdminClient, name: &str, component: Vec<u8>, manifest: &str) -> Reply {
    let component = Part::bytes(component).file_name("component.wasm");
    let form = Form::new()
        .part("component", component)
        .text("manifest", manifest.to_owned());
    let path = format!("/api/v1/functions/{name}?dry_run=true");
    Reply::of(admin.request(Method::POST, &path).multipart(form)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_and_stores_nothing() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let tried = |name: &str, guest: &str, query: &str| {
        let path = format!("/api/v1/functions/{name}?dry_run=true&{query}");
        let component = artifacts::guest(guest);
        Reply::of(admin.request(Method::POST, &path).body(component))
    };
    let told = tried("dry", "kv_counter", "route=/dry").await;
    let told = told.expect(200).json();
    let texts = |value: &Value| value.to_string();
    assert!(texts(&told["exports"]).contains("wasi:http/incoming-handler@0.2"));
    assert!(texts(&told["imports"]).contains("wasi:keyvalue/atomics"));
    assert_eq!(told["triggers"]["http"], json!([{ "route": "/dry" }]));
    assert_eq!(told["grants"]["buckets"], json!(["default"]));
    assert_eq!(told["would_change"], true);
    let functions = admin.get("/api/v1/functions").await.expect(200).json();
    assert_eq!(functions["functions"], json!([]));
    assert_eq!(told["clashes"], json!([]));
    Reply::of(host.function("/dry")).await.expect(404);

    admin
        .deployed("dry", artifacts::guest("kv_counter"), "route=/dry")
        .await;
    let same = tried("dry", "kv_counter", "route=/dry").await;
    assert_eq!(same.expect(200).json()["would_change"], false);
    let clash = tried("other", "http_version", "route=/dry").await;
    clash.expect_problem(409, "route_clash");
    let missing = tried("other", "kv_all", "").await;
    missing.expect_problem(422, "grant_missing");
    let unsaid = admin.request(Method::POST, "/api/v1/functions/dry");
    Reply::of(unsaid).await.expect_problem(400, "bad_request");
    let shown = admin.get("/api/v1/functions/dry").await.expect(200).json();
    assert_eq!(shown["revision"], 1);
}

/// The files of compiled components, and when each was written.
fn compiled(host: &TestHost) -> Vec<(PathBuf, SystemTime)> {
    let files = std::fs::read_dir(host.data_dir().join("compiled")).expect("a directory");
    let written = |entry: std::io::Result<DirEntry>| {
        let entry = entry.expect("an entry");
        let metadata = entry.metadata().expect("a file");
        (entry.path(), metadata.modified().expect("a time"))
    };
    files.map(written).collect()
}

/// A component like no other, which answers nothing.
fn component(number: usize) -> Vec<u8> {
    let text = format!("(component (core module (global i32 (i32.const {number}))))");
    wat::parse_str(text).expect("a component")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dry_run_has_compiled_is_there_for_the_deployment() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = artifacts::guest("http_version");
    dry_run(&admin, "one", guest.clone(), "").await.expect(200);
    let of_dry_run = compiled(&host);
    assert_eq!(of_dry_run.len(), 1);
    // Others that are deployed and deleted sweep out what nobody needs.
    let other = artifacts::guest("http_version_two");
    admin.deployed("two", other, "").await;
    admin.delete("/api/v1/functions/two").await.expect(204);
    assert_eq!(compiled(&host), of_dry_run);
    admin.deployed("one", guest, "").await;
    assert_eq!(compiled(&host), of_dry_run, "it was not compiled anew");
    admin.delete("/api/v1/functions/one").await.expect(204);
    assert_eq!(compiled(&host), []);

    // Not for ever: as many are kept as a large app has functions.
    let manifest = "[[http]]\nroute = \"/x\"\nresponse = { body = \"x\" }\n";
    for number in 0..20 {
        let told = dry_run(&admin, "tried", component(number), manifest).await;
        told.expect(200);
        assert_eq!(compiled(&host).len(), (number + 1).min(16));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_finds_what_a_deployment_would_find() {
    let host = TestHost::start().await;
    // The right names, and types that nobody has.
    let component = wat::parse_str(
        "(component (import \"wasi:random/random@0.2.0\" (instance
           (export \"get-random-u64\" (func (result string)))))
         (instance $nothing) (export \"wasi:http/incoming-handler@0.2.0\" (instance $nothing)))",
    );
    let component = component.expect("a component");
    let refused = dry_run(&host.admin(), "wrong", component, "").await;
    let problem = refused.expect_problem(422, "component_unlinkable");
    assert!(problem.text().contains("wasi:random"), "{}", problem.text());
    assert_eq!(compiled(&host), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_of_routes_that_the_same_app_has_elsewhere() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let component = || artifacts::guest("http_version");
    let manifest = |app: &str| format!("[[http]]\nroute = \"/a\"\n[app]\nname = \"{app}\"\n");
    let one = manifest("shop");
    admin.deployed_with("one", component(), &one).await;
    let told = async |manifest: &str| dry_run(&admin, "two", component(), manifest).await;
    let of_same = told(&manifest("shop")).await.expect(200).json();
    assert_eq!(of_same["clashes"], json!(["one"]));
    let of_other = told(&manifest("other")).await;
    of_other.expect_problem(409, "route_clash");
    let of_none = told("[[http]]\nroute = \"/{x}\"\n")
        .await
        .expect(200)
        .json();
    assert_eq!(of_none["clashes"], json!([]));
    let of_none = told("[[http]]\nroute = \"/a\"\n").await;
    of_none.expect_problem(409, "route_clash");
    // A deployment is one function, whose route must be free.
    let deployed = admin.deploy_with("two", component(), &one).await;
    deployed.expect_problem(409, "route_clash");
    let listed = admin.get("/api/v1/functions").await.expect(200).json();
    assert_eq!(listed["functions"][0]["app"], json!({ "name": "shop" }));
}
