//! Apps: a `spin.toml` deployed as it is, and what their functions see of it.

use std::fs;
use std::path::PathBuf;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use tempfile::TempDir;
use tidegate_tests::command_line::{path_text, run};
use tidegate_tests::{AdminClient, MqttClient, QoS, Reply, SOON, TestHost, artifacts, eventually};

/// A directory with an app in it.
pub(crate) struct AppDirectory(TempDir);

impl AppDirectory {
    /// The manifest, and the guests under the names that it has for them.
    pub(crate) fn new(manifest: &str, guests: &[(&str, &str)]) -> AppDirectory {
        let directory = AppDirectory(TempDir::new().expect("a directory"));
        directory.write("spin.toml", manifest);
        for (file, guest) in guests {
            fs::copy(artifacts::guest_path(guest), directory.path(file)).expect("copied");
        }
        directory
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    pub(crate) fn text(&self, file: &str) -> String {
        path_text(&self.path(file)).to_owned()
    }
}

const SHOP: &str = r#"spin_manifest_version = 2

[application]
name = "Shop"
version = "1.0.0"
description = "What there is to sell"

[application.trigger.mqtt]
address = "mqtt://{{ broker }}:1883"
username = ""
password = ""
keep_alive_interval = "30"

[application.tool.tidegate]
timeout = "20s"

[variables]
broker = { default = "localhost" }
greeting = { required = true }

[[trigger.http]]
route = "/front/:userName/..."
component = "front"

[[trigger.http]]
route = "/front"
component = "front"

[[trigger.http]]
route = { private = true }
component = "cart"

[[trigger.mqtt]]
component = "cart"
topic = "shop/{{ greeting }}/+"
qos = "1"

[[trigger.http]]
route = "/gone"
static_response = { status_code = 410, headers = { x-why = "sold" }, body = "gone" }

[component.front]
source = "front.wasm"
files = ["pages/**/*.html", { source = "assets", destination = "/static" }]
exclude_files = ["pages/draft/*"]
environment = { MODE = "test" }
variables = { greeting = "{{ greeting }} world" }
[component.front.build]
command = "echo built > built.txt"
[component.front.tool.tidegate]
memory = "32MiB"

[component.cart]
source = "cart.wasm"
key_value_stores = ["default"]
[component.cart.tool.tidegate]
attempts = 5
"#;

fn shop() -> AppDirectory {
    let guests = [("front.wasm", "app_shows"), ("cart.wasm", "mqtt_record")];
    let directory = AppDirectory::new(SHOP, &guests);
    directory.write("pages/a.html", "page a");
    directory.write("pages/deep/ä b.html", "page b");
    directory.write("pages/draft/c.html", "draft");
    directory.write("assets/logo.svg", "logo");
    directory
}

pub(crate) async fn get(host: &TestHost, path: &str) -> Reply {
    Reply::of(host.function(path)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_deployed_as_it_is() {
    let mut host = TestHost::start().await;
    let app = shop();
    let manifest = app.text("spin.toml");
    let deploy = [
        "deploy",
        &manifest,
        "--variable",
        "greeting=hello",
        "--build",
    ];
    let done = run(&host, &deploy).await.ok();
    done.says(&[
        "shop-cart: revision 1",
        "shop-front: revision 1",
        "shop: revision 1",
        "/gone",
    ]);
    assert!(app.path("built.txt").is_file());

    shop_works(&host).await;
    let again = [
        "deploy",
        path_text(app.0.path()),
        "--variable",
        "greeting=hello",
    ];
    let unchanged = run(&host, &again);
    unchanged.await.ok().says(&[
        "shop-cart: revision 1 is active already",
        "shop: revision 1 is active already",
    ]);
    host.restart().await;
    shop_works(&host).await;
}

async fn shop_works(host: &TestHost) {
    the_front_sees_what_it_was_given(host).await;
    the_front_is_told_about_its_request(host).await;
    the_rest_is_where_it_belongs(host).await;
}

async fn the_front_sees_what_it_was_given(host: &TestHost) {
    for (query, expected) in [
        ("env=MODE", "test"),
        ("config=greeting", "hello world"),
        ("file=/pages/a.html", "page a"),
        ("file=pages/deep/%C3%A4%20b.html", "page b"),
        ("file=/static/logo.svg", "logo"),
        ("list=/", "pages static"),
        ("list=/pages", "a.html deep"),
    ] {
        let reply = get(host, &format!("/front?{query}")).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, expected),
            "{query}"
        );
    }
    for query in [
        "env=PATH",
        "config=broker",
        "file=/pages/draft/c.html",
        "file=/etc/passwd",
        "file=/../spin.toml",
    ] {
        assert_eq!(
            get(host, &format!("/front?{query}")).await.status,
            500,
            "{query}"
        );
    }
    for query in ["write=/new", "write=/pages/a.html", "write=/pages/deep/new"] {
        assert_eq!(
            get(host, &format!("/front?{query}")).await.status,
            500,
            "{query}"
        );
    }
}

async fn the_front_is_told_about_its_request(host: &TestHost) {
    let request = host.function("/front/ann%20b/x/y/?k=v");
    let forged = request
        .header("spin-path-info", "forged")
        .header("spin-path-match-other", "forged");
    let headers = Reply::of(forged).await.expect(200).text();
    let address = host.http_address();
    for line in [
        format!("spin-full-url: http://{address}/front/ann%20b/x/y/?k=v\n"),
        "spin-path-info: /x/y/\n".to_owned(),
        "spin-matched-route: /front/:userName/...\n".to_owned(),
        "spin-raw-component-route: /front/:userName/...\n".to_owned(),
        "spin-component-route: /front/:userName\n".to_owned(),
        "spin-base-path: /\n".to_owned(),
        "spin-client-addr: 127.0.0.1:".to_owned(),
        "spin-path-match-username: ann%20b\n".to_owned(),
    ] {
        assert!(headers.contains(&line), "no `{line}` in {headers}");
    }
    assert!(!headers.contains("forged"), "{headers}");
}

/// What needs no guest, what nobody reaches from outside, and what a message starts.
async fn the_rest_is_where_it_belongs(host: &TestHost) {
    for path in ["/gone", "/gone/"] {
        let gone = get(host, path).await;
        assert_eq!((gone.status, gone.text().as_str()), (410, "gone"));
        assert_eq!(gone.header("x-why"), "sold");
    }
    for path in ["/shop-cart", "/cart", "/shop", "/gone/x", "/frontx"] {
        assert_eq!(get(host, path).await.status, 404, "{path}");
    }

    let client = MqttClient::connect(host.mqtt_address(), "buyer").await;
    client
        .publish("shop/hello/ann", b"apples", QoS::AtLeastOnce)
        .await;
    let admin = host.admin();
    eventually("the message is kept", SOON, async || {
        let kept = admin
            .get("/api/v1/buckets/default/keys/shop%2Fhello%2Fann")
            .await;
        (kept.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_those_of_the_manifest() {
    let host = TestHost::start().await;
    let app = shop();
    let deploy = [
        "deploy",
        &app.text("spin.toml"),
        "--variable",
        "greeting=hello",
    ];
    run(&host, &deploy).await.ok();
    let admin = host.admin();
    let manifest = async |name: &str| {
        let function = admin.get(&format!("/api/v1/functions/{name}")).await;
        function.expect(200).json()["manifest"].clone()
    };
    let (front, cart) = (manifest("shop-front").await, manifest("shop-cart").await);
    assert_eq!(front["limits"]["timeout"], "20s");
    assert_eq!(front["limits"]["memory"], "32MiB");
    assert!(front["grants"]["buckets"].is_null(), "{front}");
    assert_eq!(cart["limits"]["timeout"], "20s");
    assert_eq!(cart["grants"]["buckets"][0], "default");
    assert_eq!(cart["mqtt"][0]["attempts"], 5);
    assert_eq!(cart["app"]["private"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_honoured_deploys_nothing_and_names_its_line() {
    let host = TestHost::start().await;
    let app = shop();
    app.write("text.wasm", "this is no component");
    let unknown = artifacts::guest_path("imports_unknown");
    fs::copy(unknown, app.path("unknown.wasm")).expect("copied");
    let refused = async |manifest: &str, arguments: &[&str], said: &[&str]| {
        app.write("spin.toml", manifest);
        let file = app.text("spin.toml");
        run(&host, &[&["deploy", file.as_str()], arguments].concat())
            .await
            .failed(1, said);
        let functions = host.admin().get("/api/v1/functions").await.json();
        assert_eq!(
            functions["functions"].as_array().map(Vec::len),
            Some(0),
            "{manifest}"
        );
    };
    let given = ["--variable", "greeting=hello"];
    refused(SHOP, &[], &["spin.toml:19: ", "`greeting` has no value"]).await;
    refused(SHOP, &["--variable", "other=1"], &["spin.toml:19: "]).await;
    let both = [&given[..], &["--variable", "other=1"]].concat();
    refused(SHOP, &both, &["no variable `other`"]).await;
    refused(
        SHOP,
        &[&given[..], &["--route", "/x"]].concat(),
        &["--route", "spin.toml"],
    )
    .await;
    let with = |from: &str, to: &str| SHOP.replace(from, to);
    refused(
        &with("cart.wasm", "none.wasm"),
        &given,
        &["spin.toml:53: ", "none.wasm"],
    )
    .await;
    // These two are what the host says, after the other component was found good.
    refused(
        &with("\"front.wasm\"", "\"text.wasm\""),
        &given,
        &["spin.toml:42: ", "not a WebAssembly component"],
    )
    .await;
    let unknown = with("\"cart.wasm\"", "\"unknown.wasm\"");
    let said = ["spin.toml:53: ", "what this host does not have"];
    refused(&unknown, &given, &said).await;
    let redis = format!("{SHOP}[[trigger.redis]]\nchannel = \"a\"\ncomponent = \"cart\"\n");
    refused(
        &redis,
        &given,
        &["spin.toml:58: ", "`redis` triggers are not served"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_back_with_their_revision_and_go_with_it() {
    let mut host = TestHost::start().await;
    let directory = host.data_dir().join("files");
    let file = |host: &TestHost| Reply::of(host.function("/shown?file=/a.txt"));
    let admin = host.admin();
    upload(&admin, &[("a.txt", "one"), ("b/c.txt", "same")])
        .await
        .expect(201);
    assert_eq!(file(&host).await.text(), "one");
    upload(&admin, &[("a.txt", "two"), ("b/c.txt", "same")])
        .await
        .expect(201);
    assert_eq!(file(&host).await.text(), "two");
    upload(&admin, &[("a.txt", "two"), ("b/c.txt", "same")])
        .await
        .expect(200);
    let rollback = run(&host, &["rollback", "shown"]).await;
    rollback.ok();
    assert_eq!(file(&host).await.text(), "one");

    // The directory can be deleted at any time, and what was changed in it is not served after a restart.
    fs::remove_dir_all(&directory).expect("deleted");
    assert_eq!(file(&host).await.text(), "one");
    for set in fs::read_dir(&directory).expect("a directory") {
        let path = set.expect("an entry").path().join("a.txt");
        fs::write(path, "changed").expect("written");
    }
    host.restart().await;
    assert_eq!(file(&host).await.text(), "one");

    let admin = host.admin();
    admin.delete("/api/v1/functions/shown").await.expect(204);
    assert_eq!(fs::read_dir(&directory).expect("a directory").count(), 0);
}

/// Deploys the guest that shows files, with these.
async fn upload(admin: &AdminClient, files: &[(&str, &str)]) -> Reply {
    let component = Part::bytes(artifacts::guest("app_shows")).file_name("component.wasm");
    let mut form = Form::new()
        .percent_encode_noop()
        .part("component", component);
    for (path, text) in files {
        let part = Part::bytes(text.as_bytes().to_vec()).file_name((*path).to_owned());
        form = form.part("file", part);
    }
    let path = "/api/v1/functions/shown?route=/shown";
    Reply::of(admin.request(Method::PUT, path).multipart(form)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_lead_elsewhere_are_refused() {
    let host = TestHost::start().await;
    let admin = host.admin();
    for paths in [
        &["../a"][..],
        &["/etc/passwd"],
        &["a/../../b"],
        &["a//b"],
        &["a\\b"],
        &["."],
        &[""],
        &["a", "a"],
        &["a", "A"],
        &["a", "a/b"],
    ] {
        let files: Vec<_> = paths.iter().map(|path| (*path, "x")).collect();
        upload(&admin, &files)
            .await
            .expect_problem(422, "manifest_invalid");
    }
    let written = "[files]\n\"a\" = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"";
    let reply = admin
        .deploy_with("shown", artifacts::guest("app_shows"), written)
        .await;
    let problem = reply.expect_problem(422, "manifest_invalid").text();
    assert!(problem.contains("upload each file"), "{problem}");
    admin.get("/api/v1/functions/shown").await.expect(404);
    assert!(!host.data_dir().join("files").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_function_has_files_too_and_others_have_none() {
    let host = TestHost::start().await;
    let directory = TempDir::new().expect("a directory");
    let text = directory.path().join("x.txt");
    fs::write(&text, "text").expect("written");
    let guest = artifacts::guest_path("app_shows");
    let deploy = ["deploy", path_text(&guest), "--name", "with", "--file"];
    let file = format!("{}:/data/y.txt", path_text(&text));
    run(&host, &[&deploy[..], &[file.as_str()]].concat())
        .await
        .ok();
    assert_eq!(get(&host, "/with?file=/data/y.txt").await.text(), "text");
    run(&host, &["deploy", path_text(&guest), "--name", "without"])
        .await
        .ok();
    for query in ["file=/data/y.txt", "list=/"] {
        assert_eq!(
            get(&host, &format!("/without?{query}")).await.status,
            500,
            "{query}"
        );
    }
    // Neither was made with a Spin SDK.
    let headers = get(&host, "/with").await.text();
    assert!(!headers.contains("spin-"), "{headers}");
    let missing = directory.path().join("none");
    let missing = format!("{}:a", path_text(&missing));
    let refused = run(&host, &[&deploy[..], &[missing.as_str()]].concat()).await;
    refused.failed(1, &["none"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_the_manifests_and_bounded() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let guest = || artifacts::guest("app_shows");
    admin
        .deployed_with("shown", guest(), "[environment]\nA = \"1\"\nb = \"ü\"")
        .await;
    assert_eq!(get(&host, "/shown?env=A").await.text(), "1");
    assert_eq!(get(&host, "/shown?env=b").await.text(), "ü");
    let too_many: String = (0..300).map(|n| format!("V{n} = \"\"\n")).collect();
    for environment in [
        too_many.as_str(),
        &format!("A = \"{}\"", "x".repeat(40_000)),
        "\"\" = \"x\"",
        "\"a=b\" = \"x\"",
    ] {
        let manifest = format!("[environment]\n{environment}");
        let reply = admin.deploy_with("shown", guest(), &manifest).await;
        reply.expect_problem(422, "manifest_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_response_needs_no_component_that_serves_http() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let manifest = "[[http]]\nroute = \"/robots.txt\"\nmethods = [\"GET\"]\n\
        response = { headers = { content-type = \"text/plain\" }, body = \"User-agent: *\" }\n\
        [[mqtt]]\ntopic = \"a\"\n";
    admin
        .deployed_with("robots", artifacts::guest("mqtt_fails"), manifest)
        .await;
    let reply = get(&host, "/robots.txt").await;
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (200, "User-agent: *")
    );
    assert_eq!(reply.header("content-type"), "text/plain");
    assert_eq!(
        Reply::of(host.request(Method::POST, "/robots.txt"))
            .await
            .status,
        405
    );
    let bad = manifest.replace("body", "status = 99, body");
    let reply = admin
        .deploy_with("robots", artifacts::guest("mqtt_fails"), &bad)
        .await;
    reply.expect_problem(422, "manifest_invalid");
}

/// An app of two components that show what they see; the front is granted to call these.
fn calling(hosts: &str) -> AppDirectory {
    let manifest = format!(
        "spin_manifest_version = 2\napplication = {{ name = \"calls\" }}\n\
         [[trigger.http]]\nroute = \"/front/...\"\ncomponent = \"front\"\n\
         [[trigger.http]]\nroute = {{ private = true }}\ncomponent = \"back\"\n\
         [component.front]\nsource = \"shows.wasm\"\nallowed_outbound_hosts = [{hosts}]\n\
         [component.back]\nsource = \"shows.wasm\"\nenvironment = {{ WHO = \"back\" }}\n"
    );
    AppDirectory::new(&manifest, &[("shows.wasm", "app_shows")])
}

/// What the front gets when it calls this.
async fn front_calls(host: &TestHost, url: &str) -> (u16, String) {
    let request = host.function("/front").query(&[("call", url)]);
    let reply = Reply::of(request).await;
    (reply.status, reply.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_an_app_call_each_other_in_the_process() {
    let host = TestHost::start().await;
    let app = calling("\"http://*.spin.internal\", \"http://self\"");
    run(&host, &["deploy", &app.text("spin.toml")]).await.ok();
    let called = front_calls(&host, "http://back.spin.internal/?env=WHO").await;
    assert_eq!(called, (200, "200\nback".to_owned()));

    let (_, headers) = front_calls(&host, "http://back.spin.internal/a/b").await;
    for line in [
        "spin-path-info: /a/b\n",
        "spin-matched-route: /...\n",
        "spin-component-route: \n",
        "spin-client-addr: 0.0.0.0:0\n",
        "spin-full-url: http://localhost/a/b\n",
    ] {
        assert!(headers.contains(line), "no `{line}` in {headers}");
    }
    assert!(!headers.contains("spin.internal"), "{headers}");
    // Both have a record of their own.
    let admin = host.admin();
    admin.await_invocations("calls-back", 2).await;
    admin.await_invocations("calls-front", 2).await;

    // By a route of the app, and by nobody else's.
    let (_, by_route) = front_calls(&host, "http://self/front/x").await;
    assert!(by_route.contains("spin-path-info: /x\n"), "{by_route}");
    let guest = artifacts::guest("app_shows");
    admin.deployed("other", guest, "route=/other").await;
    for url in [
        "http://self/other",
        "http://self/none",
        "http://other.spin.internal/",
    ] {
        let (_, answer) = front_calls(&host, url).await;
        assert!(answer.starts_with("404\n"), "{url}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_needs_its_grant_and_an_app() {
    let host = TestHost::start().await;
    let app = calling("\"http://other.spin.internal\"");
    run(&host, &["deploy", &app.text("spin.toml")]).await.ok();
    for url in ["http://back.spin.internal/?env=WHO", "http://self/front"] {
        let (status, reason) = front_calls(&host, url).await;
        assert_eq!(status, 500, "{url}: {reason}");
        assert!(reason.contains("HttpRequestDenied"), "{url}: {reason}");
    }
    assert!(host.admin().invocations("calls-back").await.is_empty());
    // The same name means nothing outside of the app.
    let guest = artifacts::guest("app_shows");
    let manifest =
        "[[http]]\nroute = \"/alone\"\n[grants]\noutbound = [\"http://*.spin.internal\"]";
    host.admin().deployed_with("alone", guest, manifest).await;
    let alone = host
        .function("/alone")
        .query(&[("call", "http://back.spin.internal/")]);
    assert_eq!(Reply::of(alone).await.status, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_a_circle_come_to_an_end() {
    let host = TestHost::start().await;
    let app = calling("\"http://front.spin.internal\"");
    run(&host, &["deploy", &app.text("spin.toml")]).await.ok();
    let round = host
        .function("/front")
        .query(&[("again", "http://front.spin.internal/")]);
    let text = Reply::of(round).await.expect(200).text();
    assert_eq!(text.matches("200\n").count(), 8, "{text}");
    assert!(
        text.contains("508\n") && text.contains("calls_too_deep"),
        "{text}"
    );

    // One that waits for itself at its limit waits no longer than it may.
    let limits = "\n[component.front.tool.tidegate]\nconcurrency = 1\ntimeout = \"1s\"\n";
    let manifest = fs::read_to_string(app.path("spin.toml")).expect("a manifest");
    app.write("spin.toml", &(manifest + limits));
    run(&host, &["deploy", &app.text("spin.toml")]).await.ok();
    let (status, answer) = front_calls(&host, "http://front.spin.internal/").await;
    assert!(
        status == 504 || answer.starts_with("503\n"),
        "{status} {answer}"
    );
}
