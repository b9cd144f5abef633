//! Components that import or export what the host does not have, or not in this version: each upload is refused with a
//! code of its own, and its detail names what is wrong and what there is.

use std::fmt::Write as _;

use tidegate_tests::TestHost;

const HTTP: &str = "wasi:http/incoming-handler@0.2.0";

/// Imports, exports, the code that refuses them, and what its detail names.
type Misfit = (
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
);

const MISFITS: [Misfit; 9] = [
    (
        &["wasi:nn/graph@0.2.0-rc-2024-10-28"],
        &[HTTP],
        "import_unknown",
        &["wasi:nn/graph@0.2.0-rc-2024-10-28"],
    ),
    (
        &["acme:widgets/paint", "acme:widgets/draw@1.0.0"],
        &[HTTP],
        "import_unknown",
        &["acme:widgets/paint", "acme:widgets/draw@1.0.0"],
    ),
    (
        &["wasi:keyvalue/store@0.3.0"],
        &[HTTP],
        "import_version",
        &["wasi:keyvalue/store@0.3.0", "0.2.0-draft2"],
    ),
    (
        &["wasi:clocks/monotonic-clock@0.4.0"],
        &[HTTP],
        "import_version",
        &["wasi:clocks/monotonic-clock@0.4.0", "0.3"],
    ),
    (
        &[],
        &["wasi:http/handler@0.3.0-rc-2026-03-15"],
        "nothing_to_trigger",
        &["0.3.0-rc-2026-03-15", "`wasi:http/handler@0.3`"],
    ),
    (
        &[],
        &["wasi:http/incoming-handler@0.1.0"],
        "nothing_to_trigger",
        &["@0.1.0", "`wasi:http/incoming-handler@0.2`"],
    ),
    (
        &[],
        &["acme:things/do@1.0.0"],
        "nothing_to_trigger",
        &["acme:things/do@1.0.0"],
    ),
    (
        &[],
        &[HTTP, "wasi:http/handler@0.3.0"],
        "handler_ambiguous",
        &[HTTP, "wasi:http/handler@0.3.0"],
    ),
    (
        &[],
        &["wasi:cli/run@0.2.0", "wasi:cli/run@0.3.0"],
        "handler_ambiguous",
        &["wasi:cli/run@0.2.0", "wasi:cli/run@0.3.0"],
    ),
];

/// A component that imports and exports instances of these names.
fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let mut text = "(component (instance $empty)".to_owned();
    for import in imports {
        let _ = write!(
            text,
            "(import \"{import}\" (instance (export \"f\" (func))))"
        );
    }
    for export in exports {
        let _ = write!(text, "(export \"{export}\" (instance $empty))");
    }
    wat::parse_str(text + ")").expect("a component")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_is_refused_and_what_is_served_is_named() {
    let host = TestHost::start().await;
    for (imports, exports, code, named) in MISFITS {
        let component = component(imports, exports);
        let reply = host.admin().deploy("misfit", component, "").await;
        let what = format!("{imports:?} {exports:?}");
        assert_eq!(
            (reply.status, reply.json()["code"].as_str()),
            (422, Some(code)),
            "{what}: {}",
            reply.text()
        );
        let problem = reply.expect_problem(422, code).json();
        let detail = problem["detail"].as_str().expect("a detail");
        for name in named {
            assert!(detail.contains(name), "{what}: {name}: {detail}");
        }
    }
    let functions = host.admin().get("/api/v1/functions").await.json();
    assert_eq!(functions["functions"].as_array().map(Vec::len), Some(0));
}
