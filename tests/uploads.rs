//! Uploads that cannot run: each is refused with a code of its own and leaves nothing behind, and the revision that
//! was active before serves on.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tidegate_tests::{AdminClient, Reply, SOON, TestHost, Wire, artifacts};
use wasmparser::{Parser, Payload};

/// The function that no bad upload may touch.
const NAME: &str = "guarded";
const UPLOADS: &str = "/api/v1/functions/guarded";

/// A host with one function, of one revision.
struct Guarded {
    host: TestHost,
    admin: AdminClient,
}

impl Guarded {
    async fn start() -> Guarded {
        let host = TestHost::start().await;
        let admin = host.admin();
        let component = artifacts::guest("http_version");
        admin.deployed(NAME, component, "route=/guarded").await;
        let guarded = Guarded { host, admin };
        guarded.is_untouched("the first deployment").await;
        guarded
    }

    /// Uploads these bytes, which are refused.
    async fn refuses(
        &self,
        what: &str,
        component: impl Into<Vec<u8>>,
        query: &str,
        status: u16,
        code: &str,
    ) -> String {
        let reply = self.admin.deploy(NAME, component, query).await;
        self.refused(what, reply, status, code).await
    }

    /// Uploads a component with a manifest, which is refused.
    async fn refuses_manifest(&self, guest: &str, manifest: &str, code: &str) -> String {
        let component = artifacts::guest(guest);
        let reply = self.admin.deploy_with(NAME, component, manifest).await;
        self.refused(manifest, reply, 422, code).await
    }

    /// Checks a refusal, and that it had no consequence. Gives its detail.
    async fn refused(&self, what: &str, reply: Reply, status: u16, code: &str) -> String {
        assert_eq!(
            (reply.status, reply.json()["code"].as_str()),
            (status, Some(code)),
            "{what}: {}",
            reply.text()
        );
        let problem = reply.expect_problem(status, code).json();
        self.is_untouched(what).await;
        problem["detail"].as_str().expect("a detail").to_owned()
    }

    async fn is_untouched(&self, what: &str) {
        let functions = self.admin.get("/api/v1/functions").await.expect(200).json();
        let names: Vec<_> = functions["functions"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|function| (function["name"].clone(), function["revision"].clone()))
            .collect();
        assert_eq!(names, [(Value::from(NAME), Value::from(1))], "{what}");
        let revisions = self.admin.get(&format!("{UPLOADS}/revisions")).await;
        let revisions = revisions.expect(200).json();
        assert_eq!(
            revisions["revisions"].as_array().map(Vec::len),
            Some(1),
            "{what}"
        );
        let compiled = std::fs::read_dir(self.host.data_dir().join("compiled"));
        assert_eq!(compiled.expect("a directory").count(), 1, "{what}");
        let reply = Reply::of(self.host.function("/guarded")).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, "v1"), "{what}");
    }
}

/// The most memory that the host's process ever had, in MiB.
fn memory_most_mib(host: &TestHost) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.process_id()));
    let status = status.expect("the host runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.expect("a number of KiB") / 1024
}

/// Where a section begins or ends, at any depth.
fn section_boundaries(component: &[u8]) -> BTreeSet<usize> {
    let mut boundaries = BTreeSet::new();
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.expect("the component is whole");
        if let Some((_, range)) = payload.as_section() {
            boundaries.extend([range.start, range.end]);
        }
        if let Payload::Version { range, .. } = payload {
            boundaries.insert(range.end);
        }
    }
    boundaries
}

/// Where the last section ends that is no custom section: what follows can be left out.
fn end_of_meaning(component: &[u8]) -> usize {
    let mut depth = 0;
    let mut end = 0;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.expect("the component is whole");
        match &payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::CustomSection(_) => {}
            _ if depth == 1 => end = payload.as_section().map_or(end, |(_, range)| range.end),
            _ => {}
        }
    }
    end
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_cut_off_at_any_section_is_refused() {
    let guarded = Guarded::start().await;
    let component = artifacts::guest("http_version_two");
    let whole_from = end_of_meaning(&component);
    let cuts = section_boundaries(&component);
    assert!(cuts.len() > 50, "only {} sections", cuts.len());
    let mut codes = BTreeSet::new();
    for cut in cuts.into_iter().filter(|cut| *cut < whole_from) {
        let reply = guarded
            .admin
            .deploy(NAME, &component[..cut], "route=/guarded")
            .await;
        assert_eq!(reply.status, 422, "cut at {cut}: {}", reply.text());
        let code = reply.json()["code"].as_str().expect("a code").to_owned();
        assert!(
            ["component_invalid", "nothing_to_trigger"].contains(&code.as_str()),
            "cut at {cut}: {}",
            reply.text()
        );
        codes.insert(code);
    }
    guarded.is_untouched("all of the cuts").await;
    assert_eq!(
        codes.len(),
        2,
        "some are cut inside, some before the exports: {codes:?}"
    );
    let whole = &component[..whole_from];
    let reply = guarded.admin.deploy(NAME, whole, "route=/guarded").await;
    reply.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_component_is_named_and_refused() {
    let guarded = Guarded::start().await;
    let module = wat::parse_str("(module (func (export \"run\")))").expect("a module");
    let gzip = [&b"\x1f\x8b\x08\0"[..], &artifacts::guest("http_version")].concat();
    let elf = [&b"\x7fELF\x02\x01\x01"[..], &[0; 4096]].concat();
    let cases: [(&str, Vec<u8>, u16, &str, &str); 9] = [
        (
            "nothing",
            Vec::new(),
            400,
            "component_empty",
            "--data-binary",
        ),
        ("a core module", module, 422, "core_module", "wasm32-wasip2"),
        ("text", b"hello".to_vec(), 415, "not_a_component", "text"),
        (
            "WAT",
            b"(component)".to_vec(),
            415,
            "not_a_component",
            "WebAssembly text",
        ),
        ("ELF", elf, 415, "not_a_component", "ELF"),
        ("gzip", gzip, 415, "not_a_component", "gzip"),
        (
            "zip",
            b"PK\x03\x04\x14\0\0\0".to_vec(),
            415,
            "not_a_component",
            "zip",
        ),
        (
            "noise",
            vec![0xfe; 64],
            415,
            "not_a_component",
            "other kind",
        ),
        (
            "a component that ends in noise",
            [artifacts::guest("http_version"), vec![0xfe; 64]].concat(),
            422,
            "component_invalid",
            "damaged",
        ),
    ];
    for (what, bytes, status, code, advice) in cases {
        let detail = guarded
            .refuses(what, bytes, "route=/guarded", status, code)
            .await;
        assert!(detail.contains(advice), "{what}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_65_mib_is_refused() {
    let guarded = Guarded::start().await;
    let large = [artifacts::guest("http_version_two"), vec![0; 65 << 20]].concat();
    let detail = guarded
        .refuses("65 MiB", large.clone(), "", 413, "component_too_large")
        .await;
    assert!(detail.contains("64 MiB"), "{detail}");
    let form = Form::new().part("component", Part::bytes(large));
    let reply = Reply::of(guarded.admin.request(Method::PUT, UPLOADS).multipart(form)).await;
    guarded
        .refused("33 MiB in a form", reply, 413, "component_too_large")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_some_mib_is_taken_bare_and_in_a_form() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let mut large = artifacts::guest("http_version");
    // A custom section of 5 MiB: its id, its size in LEB128, and a name.
    let size: u32 = 5 << 20;
    let leb128 = [0, 7, 14, 21].map(|shift| (size >> shift) as u8 & 0x7f | 0x80);
    large.extend([0].iter().chain(&leb128).chain(&[0, 1, b'x']));
    large.resize(large.len() + size as usize - 2, 0);
    admin.deployed("bare", large.clone(), "").await;
    admin.deployed_with("form", large, "").await;
    for path in ["/bare", "/form"] {
        assert_eq!(Reply::of(host.function(path)).await.text(), "v1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_does_not_fit_the_host_or_its_manifest_is_refused() {
    let guarded = Guarded::start().await;
    let empty = wat::parse_str("(component)").expect("a component");
    let cases: [(&str, Vec<u8>, &str, &str, &str); 7] = [
        (
            "an unknown import",
            artifacts::guest("imports_unknown"),
            "route=/guarded",
            "import_unknown",
            "acme:widgets/paint",
        ),
        (
            "no export at all",
            empty,
            "route=/guarded",
            "nothing_to_trigger",
            "it exports nothing",
        ),
        (
            "MQTT without a topic",
            artifacts::guest("mqtt_record"),
            "",
            "trigger_missing",
            "?topic=",
        ),
        (
            "a topic without the export",
            artifacts::guest("http_version_two"),
            "topic=a/b",
            "export_missing",
            "tidegate:mqtt/handler@0.1.0",
        ),
        (
            "a route without the export",
            artifacts::guest("mqtt_traps"),
            "topic=a/b&route=/a",
            "export_missing",
            "wasi:http/incoming-handler@0.2",
        ),
        (
            "key-value state without a bucket",
            artifacts::guest("kv_all"),
            "route=/guarded",
            "grant_missing",
            "?bucket=default",
        ),
        (
            "publishing without a topic",
            artifacts::guest("http_publish"),
            "route=/guarded",
            "grant_missing",
            "?publish=alerts/%23",
        ),
    ];
    for (what, component, query, code, named) in cases {
        let detail = guarded.refuses(what, component, query, 422, code).await;
        assert!(detail.contains(named), "{what}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_cannot_be_used_is_refused_and_the_key_named() {
    let guarded = Guarded::start().await;
    let cases = [
        ("no TOML at all [", "manifest"),
        ("nmae = \"x\"", "nmae"),
        ("[limits]\ntimeuot = \"1s\"", "timeuot"),
        ("[[http]]\nroute = \"guarded\"", "does not begin with `/`"),
        ("[[http]]\nroute = \"/{*rest}/x\"", "nothing can follow"),
        ("[[http]]\nroute = \"/a\"\nmethods = [\"get\"]", "`get`"),
        (
            "[[http]]\nroute = \"/a\"\n[[http]]\nroute = \"/a\"\nmethods = [\"GET\"]",
            "twice",
        ),
        ("[[mqtt]]\ntopic = \"a#\"", "`a#`"),
        ("[[mqtt]]\ntopic = \"a\"\nqos = 2", "QoS 0 or 1"),
        ("[limits]\ntimeout = \"601s\"", "limits.timeout"),
        ("[limits]\ncpu = \"61s\"", "limits.cpu"),
        ("[limits]\nmemory = \"257MiB\"", "limits.memory"),
        ("[limits]\nconcurrency = 1001", "limits.concurrency"),
        ("[limits]\nqueue = 100001", "limits.queue"),
        ("[limits]\nrequest-bytes = \"2GiB\"", "limits.request-bytes"),
        (
            "[limits]\nresponse-bytes = \"2GiB\"",
            "limits.response-bytes",
        ),
        ("[limits]\nlog-bytes = \"2MiB\"", "limits.log-bytes"),
        ("[grants]\nbuckets = [\"No\"]", "`No`"),
        ("[grants]\npublish = [\"a/#/b\"]", "`a/#/b`"),
        ("[grants]\noutbound = [\"a\"]", "it has no scheme"),
        ("[grants]\nsecrets = [\"A\"]", "`A` is not a name"),
        ("[[schedule]]\ncron = \"* * * *\"", "`* * * *`"),
    ];
    for (manifest, named) in cases {
        let detail = guarded
            .refuses_manifest("http_version_two", manifest, "manifest_invalid")
            .await;
        assert!(detail.contains(named), "{manifest}: {detail}");
    }
    let long = format!("# {}", "x".repeat(64 << 10));
    let reply = guarded
        .admin
        .deploy_with(NAME, artifacts::guest("http_version_two"), &long)
        .await;
    guarded
        .refused("64 KiB of manifest", reply, 413, "body_too_large")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_cannot_be_used_is_refused_and_the_parameter_named() {
    let guarded = Guarded::start().await;
    let cases = [
        ("rout=/x", "`rout`"),
        ("dry_run=true", "`dry_run`"),
        ("schedule=x", "`schedule`"),
        ("route=x", "`route`"),
        ("route=/a%20b", "`route`"),
        ("route=/%7Ba", "`route`"),
        ("topic=a%23", "`topic`"),
        ("topic=a%2B/b", "`topic`"),
        ("topic=", "`topic`"),
        ("bucket=A", "`bucket`"),
        ("publish=%23/a", "`publish`"),
    ];
    for (query, named) in cases {
        let component = artifacts::guest("http_version_two");
        let detail = guarded
            .refuses(query, component, query, 400, "parameter_invalid")
            .await;
        assert!(detail.contains(named), "{query}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_outside_of_the_grammar_is_refused() {
    let guarded = Guarded::start().await;
    for name in ["Guarded", "-a", "a_b", "a.b", "%C3%A9", &"a".repeat(64)] {
        let component = artifacts::guest("http_version_two");
        let reply = guarded.admin.deploy(name, component, "").await;
        let detail = guarded.refused(name, reply, 400, "invalid_name").await;
        assert!(detail.contains("a-z, 0-9"), "{detail}");
    }
    let reply = guarded
        .admin
        .deploy("a%2Fb", artifacts::guest("http_version_two"), "")
        .await;
    assert_eq!(reply.status / 100, 4, "{}", reply.text());
    guarded.is_untouched("a name with a slash").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_of_another_function_is_refused_and_both_are_named() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let (one, two) = (
        artifacts::guest("http_version"),
        artifacts::guest("http_version_two"),
    );
    admin.deployed("first", one, "route=/same/{id}").await;
    admin.deployed("second", two.clone(), "route=/other").await;
    let reply = admin.deploy("second", two.clone(), "route=/same/{key}");
    let problem = reply.await.expect_problem(409, "route_clash").json();
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(
        detail.contains("`second`") && detail.contains("`first`"),
        "{detail}"
    );
    let second = admin.get("/api/v1/functions/second").await.expect(200);
    assert_eq!(second.json()["revision"], 1);
    for (path, answer) in [("/same/x", "v1"), ("/other", "v2")] {
        assert_eq!(Reply::of(host.function(path)).await.text(), answer);
    }
    let get = "[[http]]\nroute = \"/by-method\"\nmethods = [\"GET\"]";
    let post = "[[http]]\nroute = \"/by-method\"\nmethods = [\"POST\"]";
    admin.deployed_with("second", two.clone(), get).await;
    admin.deployed_with("third", two.clone(), post).await;
    let reply = admin.deploy_with("fourth", two, post).await;
    reply.expect_problem(409, "route_clash");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_its_component_or_with_more_is_refused() {
    let guarded = Guarded::start().await;
    let component = || Part::bytes(artifacts::guest("http_version_two"));
    let cases = [
        (Form::new().text("manifest", ""), "`component`"),
        (Form::new(), "form"),
        (
            Form::new()
                .part("component", component())
                .text("extra", "x"),
            "`extra`",
        ),
        (
            Form::new()
                .part("component", component())
                .part("manifest", Part::bytes(vec![0xff, 0xfe])),
            "`manifest`",
        ),
    ];
    for (form, named) in cases {
        let request = guarded.admin.request(Method::PUT, UPLOADS).multipart(form);
        let reply = Reply::of(request).await;
        let detail = guarded.refused(named, reply, 400, "bad_request").await;
        assert!(detail.contains(named), "{detail}");
    }
    let request = guarded.admin.request(Method::PUT, UPLOADS);
    let request = request.header("content-type", "multipart/form-data; boundary=x");
    let reply = Reply::of(request.body("--x\r\nno form")).await;
    guarded
        .refused("half a form", reply, 400, "bad_request")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_leaves_nothing_behind() {
    let guarded = Guarded::start().await;
    let component = artifacts::guest("http_version_two");
    let token = guarded.host.token(tidegate_tests::Role::Deployer);
    let head = format!(
        "PUT {UPLOADS}?route=/guarded HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\n\r\n",
        component.len()
    );
    for length in [0, 1, component.len() / 2, component.len() - 1] {
        let mut wire = Wire::connect(guarded.host.admin_address()).await;
        wire.send(&head).await;
        wire.send(&component[..length]).await;
        wire.finish().await;
        let answer = wire.read_to_end(SOON).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
            "{length}: {answer}"
        );
        guarded.is_untouched(&format!("{length} bytes")).await;
    }
    // The same request with all of its bytes is the upload that it says it is.
    let mut wire = Wire::connect(guarded.host.admin_address()).await;
    wire.send(&head).await;
    wire.send(&component).await;
    let answer = wire.read_until("\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

/// A component around this module, with an export that makes it one to be compiled. It is not deployed: the export has
/// the right name and the wrong type.
fn around(module: &str) -> Vec<u8> {
    let text = format!(
        "(component (core module $m {module}) (core instance (instantiate $m))
           (instance $nothing) (export \"wasi:http/incoming-handler@0.2.0\" (instance $nothing)))"
    );
    wat::parse_str(text).expect("a component")
}

fn many_functions(count: usize) -> String {
    let mut module = String::new();
    for number in 0..count {
        write!(
            module,
            "(func (param i64 i64) (result i64) (i64.add (i64.mul (local.get 0) (i64.const {number})) (local.get 1)))"
        )
        .expect("text");
    }
    module
}

fn nested_blocks(depth: usize, locals: usize) -> String {
    let targets: String = (0..depth).map(|target| format!(" {target}")).collect();
    format!(
        "(func (param i32) (local {}) {} (br_table{targets} (local.get 0)) {})",
        "i64 ".repeat(locals),
        "(block ".repeat(depth),
        ")".repeat(depth)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_made_to_be_hard_to_compile_does_not_harm_the_host() {
    const EXPORT: &str = "export_mistyped";
    const LINK: &str = "component_unlinkable";
    let guarded = Guarded::start().await;
    let bombs = [
        ("20,000 functions", many_functions(20_000), EXPORT),
        ("a deep function", nested_blocks(2_000, 1_000), EXPORT),
        ("60,000 locals", nested_blocks(10, 49_000), EXPORT),
        ("4 GiB of memory", "(memory 65536)".to_owned(), LINK),
        ("a large table", "(table 10000000 funcref)".to_owned(), LINK),
    ];
    for (what, module, code) in bombs {
        let component = around(&module);
        let start = Instant::now();
        let deploy = guarded.admin.deploy(NAME, component, "route=/guarded");
        let answers_meanwhile = async {
            let reply = Reply::of(guarded.host.function("/guarded")).await;
            assert_eq!(reply.text(), "v1", "{what}");
        };
        let (reply, ()) = tokio::join!(deploy, answers_meanwhile);
        assert!(start.elapsed() < Duration::from_secs(150), "{what}");
        guarded.refused(what, reply, 422, code).await;
    }
    let most = memory_most_mib(&guarded.host);
    assert!(most < 256, "the host took {most} MiB");
}
