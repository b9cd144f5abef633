//! Secrets: who reads them, who does not, and that they are seen nowhere else.

use serde_json::json;
use tidegate_tests::command_line::{path_text, run};
use tidegate_tests::{Reply, Role, TestHost, Upstream, artifacts};

const VALUE: &str = "s3cr3t-0f-the-weather";
const SECRET: &str = "/api/v1/secrets/weather-key";

async fn ask(host: &TestHost, path: &str, query: &[(&str, &str)], status: u16) -> String {
    let reply = Reply::of(host.function(path).query(query)).await;
    reply.expect(status).text()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_read_as_configuration_by_those_it_was_granted_to() {
    let mut host = TestHost::start().await;
    let admin = host.admin();
    let granted =
        "[grants]\nsecrets = [\"weather-key\"]\n[config]\nweather-key = \"plain\"\nx = \"1\"\n";
    let guest = || artifacts::guest("config_read");
    let refused = admin.deploy_with("reads", guest(), granted).await;
    let refused = refused.expect_problem(422, "secret_missing").text();
    assert!(
        refused.contains("tidegate secret set weather-key"),
        "{refused}"
    );
    admin.put(SECRET, VALUE).await.expect(204);
    admin.deployed_with("reads", guest(), granted).await;
    admin
        .deployed_with("other", guest(), "[config]\nx = \"1\"\n")
        .await;
    assert_eq!(
        ask(&host, "/reads", &[("key", "weather-key")], 200).await,
        VALUE
    );
    assert_eq!(
        ask(&host, "/reads", &[], 200).await,
        format!("weather-key={VALUE}\nx=1\n")
    );
    ask(&host, "/other", &[("key", "weather-key")], 404).await;
    assert_eq!(ask(&host, "/other", &[], 200).await, "x=1\n");
    // A new value is there at once, and stays.
    admin.put(SECRET, "another").await.expect(204);
    assert_eq!(
        ask(&host, "/reads", &[("key", "weather-key")], 200).await,
        "another"
    );
    host.restart().await;
    assert_eq!(
        ask(&host, "/reads", &[("key", "weather-key")], 200).await,
        "another"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_needed_stays() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin
        .delete(SECRET)
        .await
        .expect_problem(404, "no_such_secret");
    admin.put(SECRET, VALUE).await.expect(204);
    let manifest = "[grants]\nsecrets = [\"weather-key\"]\n";
    let guest = || artifacts::guest("config_read");
    admin.deployed_with("reads", guest(), manifest).await;
    let refused = admin
        .delete(SECRET)
        .await
        .expect_problem(409, "secret_in_use")
        .text();
    assert!(refused.contains("`reads`"), "{refused}");
    admin.deployed("reads", guest(), "").await;
    admin.delete(SECRET).await.expect(204);
    let back = admin
        .post("/api/v1/functions/reads/rollback", &json!({}))
        .await;
    back.expect_problem(422, "secret_missing");
    ask(&host, "/reads", &[], 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_the_configuration_may_be_a_secret() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[config]\nx = \"1\"\ntoken = { secret = \"weather-key\" }\n";
    let guest = || artifacts::guest("foreign_config");
    let refused = admin.deploy_with("reads", guest(), manifest).await;
    let refused = refused.expect_problem(422, "secret_missing").text();
    assert!(refused.contains("set weather-key"), "{refused}");
    admin.put(SECRET, VALUE).await.expect(204);
    admin.deployed_with("reads", guest(), manifest).await;
    for via in ["spin-config", "spin-variables", "runtime", "store"] {
        let query = [("via", via), ("key", "token")];
        assert_eq!(ask(&host, "/reads", &query, 200).await, VALUE, "{via}");
    }
    let all = ask(&host, "/reads", &[("via", "store")], 200).await;
    assert_eq!(all, format!("token={VALUE}\nx=1\n"));
    // The name of the secret is no key.
    let query = [("via", "store"), ("key", "weather-key")];
    ask(&host, "/reads", &query, 404).await;
    let shown = admin.get("/api/v1/functions/reads").await.expect(200);
    assert_eq!(
        shown.json()["manifest"]["config"],
        json!({ "x": "1", "token": { "secret": "weather-key" } })
    );
    assert!(!shown.text().contains(VALUE));
    admin
        .delete(SECRET)
        .await
        .expect_problem(409, "secret_in_use");
    admin.put(SECRET, "another").await.expect(204);
    let query = [("via", "store"), ("key", "token")];
    assert_eq!(ask(&host, "/reads", &query, 200).await, "another");
}

const APP: &str = r#"spin_manifest_version = 2
application = { name = "shop" }
[variables]
token = { required = true, secret = true }
unset = { default = "", secret = true }
[[trigger.http]]
route = "/cart"
component = "cart"
[component.cart]
source = "cart.wasm"
variables = { api_token = "Bearer {{ token }}", plain = "1", unset = "{{ unset }}" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn secret_variables_of_an_app_are_kept_as_secrets() {
    let host = TestHost::builder().env("RUST_LOG", "trace").start().await;
    let admin = host.admin();
    let app = tempfile::TempDir::new().expect("a directory");
    let manifest = app.path().join("spin.toml");
    std::fs::write(&manifest, APP).expect("written");
    let cart = artifacts::guest_path("app_shows");
    std::fs::copy(cart, app.path().join("cart.wasm")).expect("copied");
    let deploy = async |value: &str, more: &[&str]| {
        let variable = format!("token={value}");
        let deploy = ["deploy", path_text(&manifest), "--variable", &variable];
        run(&host, &[&deploy[..], more].concat()).await
    };
    let secrets = async || admin.get("/api/v1/secrets").await.json()["secrets"].clone();

    let forecast = deploy(VALUE, &["--dry-run"]).await.ok();
    forecast.says(&["shop-cart: a deployment would make a new revision"]);
    let token = host.token(Role::Deployer);
    let refused = deploy(VALUE, &["--token", &token]).await;
    refused.failed(
        1,
        &["nothing is deployed", "`shop-cart-api-token`", "an admin"],
    );
    assert_eq!(secrets().await, json!([]));
    admin.get("/api/v1/functions/shop-cart").await.expect(404);

    deploy(VALUE, &[]).await.ok();
    assert_eq!(secrets().await[0]["name"], "shop-cart-api-token");
    let read = async |key| ask(&host, "/cart", &[("config", key)], 200).await;
    assert_eq!(read("api_token").await, format!("Bearer {VALUE}"));
    assert_eq!((&*read("plain").await, &*read("unset").await), ("1", ""));
    let mut seen = host.stderr() + &host.stdout();
    for path in ["", "/revisions", "/logs", "/invocations"] {
        let path = format!("/api/v1/functions/shop-cart{path}");
        seen += &admin.get(&path).await.expect(200).text();
    }
    assert!(seen.contains("shop-cart-api-token") && !seen.contains(VALUE));

    // Another value is no other revision.
    let again = deploy("another", &["--dry-run"]).await.ok();
    again.says(&["would change nothing"]);
    assert_eq!(read("api_token").await, format!("Bearer {VALUE}"));
    let again = deploy("another", &[]).await.ok();
    again.says(&["revision 1 is active already"]);
    assert_eq!(read("api_token").await, "Bearer another");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_an_admins_and_their_values_nobodys() {
    let host = TestHost::start().await;
    let (admin, deployer) = (host.admin(), host.admin_as(Role::Deployer));
    deployer
        .put(SECRET, VALUE)
        .await
        .expect_problem(403, "role_insufficient");
    admin.put(SECRET, VALUE).await.expect(204);
    deployer
        .delete(SECRET)
        .await
        .expect_problem(403, "role_insufficient");
    let listed = deployer.get("/api/v1/secrets").await.expect(200).json();
    assert_eq!(listed["secrets"][0]["name"], "weather-key", "{listed}");
    assert_eq!(
        listed["secrets"][0].as_object().expect("an object").len(),
        2,
        "{listed}"
    );
    admin
        .get(SECRET)
        .await
        .expect_problem(405, "method_not_allowed");
    for bad in [vec![], vec![0xff], vec![b'x'; 64 * 1024 + 1]] {
        let refused = admin.put(SECRET, bad).await;
        assert!([400, 413].contains(&refused.status), "{}", refused.text());
    }
    admin
        .put("/api/v1/secrets/Weather_Key", VALUE)
        .await
        .expect_problem(400, "invalid_name");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_adds_a_header_that_the_guest_does_not_see() {
    let (upstream, other) = (Upstream::start().await, Upstream::start().await);
    let host = TestHost::builder().env("RUST_LOG", "trace").start().await;
    let admin = host.admin();
    admin.put(SECRET, VALUE).await.expect(204);
    let manifest = format!(
        "[grants]\noutbound = [\"http://127.0.0.1:*\"]\n[[grants.outbound_auth]]\ndestination = \"http://{}\"\n\
         header = \"Authorization\"\nsecret = \"weather-key\"\nprefix = \"Bearer \"\n",
        upstream.address
    );
    admin
        .deployed_with("out", artifacts::guest("http_outgoing"), &manifest)
        .await;
    let at = |upstream: &Upstream| format!("http://{}/", upstream.address);
    let forged = [("url", &*at(&upstream)), ("header", "authorization:forged")];
    let told = ask(&host, "/out", &forged, 200).await;
    assert!(
        told.contains(&format!("authorization: Bearer {VALUE}\n")),
        "{told}"
    );
    assert!(!told.contains("forged"), "{told}");
    let told = ask(&host, "/out", &[("url", &at(&other))], 200).await;
    assert!(!told.contains("authorization"), "{told}");
    // What the host adds is not what the guest may read.
    admin
        .deployed_with("reads", artifacts::guest("config_read"), &manifest)
        .await;
    ask(&host, "/reads", &[("key", "weather-key")], 404).await;
    assert_eq!(ask(&host, "/reads", &[], 200).await, "");
    // Nowhere else is it to be seen, not even at the finest level of the log.
    let mut seen = host.stderr() + &host.stdout();
    for path in [
        "/api/v1/functions/out",
        "/api/v1/functions/out/revisions",
        "/api/v1/functions/out/logs",
        "/api/v1/functions/out/invocations",
        "/api/v1/secrets",
        "/openapi.json",
        "/metrics",
    ] {
        seen += &admin.get(path).await.expect(200).text();
    }
    assert!(seen.contains("weather-key") && !seen.contains(VALUE));
    admin
        .delete(SECRET)
        .await
        .expect_problem(409, "secret_in_use");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_for_what_is_not_granted_is_refused_at_deploy() {
    let host = TestHost::start().await;
    let admin = host.admin();
    admin.put(SECRET, VALUE).await.expect(204);
    for (destination, header, advice) in [
        (
            "https://elsewhere.test",
            "authorization",
            "add it to grants.outbound",
        ),
        (
            "https://*.example.com",
            "authorization",
            "is not a destination",
        ),
        (
            "https://api.example.com",
            "host",
            "not the name of a header",
        ),
        (
            "https://api.example.com",
            "content-length",
            "not the name of a header",
        ),
        ("https://api.example.com", "a b", "not the name of a header"),
    ] {
        let manifest = format!(
            "[grants]\noutbound = [\"https://api.example.com\"]\n[[grants.outbound-auth]]\n\
             destination = \"{destination}\"\nheader = \"{header}\"\nsecret = \"weather-key\"\n"
        );
        let refused = admin
            .deploy_with("out", artifacts::guest("http_outgoing"), &manifest)
            .await;
        let refused = refused.expect_problem(422, "manifest_invalid").text();
        assert!(
            refused.contains(advice),
            "{destination} {header}: {refused}"
        );
    }
}

/// Runs `tidegate secret` as an operator does, with this on standard input.
async fn secret(host: &TestHost, arguments: &[&str], input: &str) -> std::process::Output {
    use tokio::io::AsyncWriteExt as _;
    let mut command = tokio::process::Command::from(artifacts::host_command());
    let mut child = command
        .arg("secret")
        .args(arguments)
        .args(["--admin", &host.admin, "--data-dir"])
        .arg(host.data_dir())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the host's binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    // What does not read its input may have gone already.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    child.wait_with_output().await.expect("it ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_takes_secrets_from_standard_input_and_files_only() {
    let host = TestHost::start().await;
    let manifest = "[grants]\nsecrets = [\"weather-key\"]\n";
    let done = secret(&host, &["set", "weather-key"], &format!("{VALUE}\r\n")).await;
    assert!(done.status.success() && done.stdout.is_empty(), "{done:?}");
    let guest = artifacts::guest("config_read");
    host.admin().deployed_with("reads", guest, manifest).await;
    assert_eq!(
        ask(&host, "/reads", &[("key", "weather-key")], 200).await,
        VALUE
    );
    let file = host.data_dir().join("value");
    std::fs::write(&file, "two\nlines\n").expect("a file");
    let path = file.to_str().expect("UTF-8");
    let done = secret(&host, &["set", "weather-key", "--file", path], "").await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(
        ask(&host, "/reads", &[("key", "weather-key")], 200).await,
        "two\nlines"
    );
    let listed = secret(&host, &["list"], "").await;
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "weather-key\n");
    for wrong in [
        &["set", "weather-key", VALUE][..],
        &["set", "empty"],
        &["delete", "weather-key"],
        &["delete", "none"],
    ] {
        let refused = secret(&host, wrong, "").await;
        assert!(!refused.status.success(), "{wrong:?}");
    }
    host.admin()
        .deployed("reads", artifacts::guest("config_read"), "")
        .await;
    let done = secret(&host, &["delete", "weather-key"], "").await;
    assert!(done.status.success(), "{done:?}");
}
