//! The rules of this repository that neither the compiler nor clippy knows: which module may use which, where SQL and
//! HTTP statuses are, how long files and functions may be, what is left behind by nobody.
//!
//! Each rule reads the sources as text, or as code: with comments, strings and test modules blanked out.

#[path = "tidy/code.rs"]
mod code;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use code::code_of;

/// Who may use whom within the host: `crate::…` paths by their beginnings. A leaf may use nothing that is not named.
const LAYERS: [(&str, &[&str]); 20] = [
    // The composition root.
    ("main", &[]),
    ("lib", &[]),
    (
        "cli",
        &[
            "access::tokens",
            "admin::auth",
            "config",
            "host",
            "invoke::compile",
            "invoke::componentize",
            "limits",
            "model",
            "observe",
        ],
    ),
    (
        "host",
        &[
            "access",
            "admin",
            "capability",
            "config",
            "data_dir",
            "deploy",
            "ingress",
            "invoke",
            "limits",
            "model",
            "observe",
            "shutdown",
            "storage",
            "trigger",
        ],
    ),
    ("config", &["limits", "model", "observe"]),
    ("data_dir", &[]),
    ("shutdown", &[]),
    // The control plane.
    (
        "admin",
        &[
            "access",
            "deploy",
            "http_server",
            "invoke",
            "limits",
            "model",
            "observe",
            "storage",
            "trigger",
        ],
    ),
    (
        "deploy",
        &["invoke", "limits", "model", "observe", "storage", "trigger"],
    ),
    // The data plane.
    (
        "ingress",
        &[
            "http_server",
            "invoke",
            "limits",
            "model",
            "observe",
            "storage",
            "trigger",
        ],
    ),
    ("trigger", &["invoke", "model"]),
    (
        "invoke",
        &[
            "bindings",
            "capability",
            "limits",
            "model",
            "observe",
            "storage",
        ],
    ),
    (
        "capability",
        &["bindings", "limits", "model", "observe", "storage"],
    ),
    ("access", &["limits", "model", "storage"]),
    ("storage", &["limits", "model"]),
    ("http_server", &["limits"]),
    // Leaves.
    ("bindings", &["model"]),
    ("observe", &["limits", "model"]),
    ("model", &["limits"]),
    ("limits", &[]),
];

/// Statuses outside of `ingress/respond.rs` and `admin/error.rs`, the two files that choose them for failures.
const STATUSES: [(&str, &[&str]); 15] = [
    ("admin/broker.rs", &["ACCEPTED", "NO_CONTENT"]),
    ("admin/dashboard.rs", &["NOT_MODIFIED"]),
    ("admin/databases.rs", &["NO_CONTENT"]),
    ("admin/dead_letters.rs", &["ACCEPTED", "NO_CONTENT"]),
    ("admin/devices.rs", &["CREATED", "NO_CONTENT", "OK"]),
    ("admin/functions.rs", &["CREATED", "NO_CONTENT", "OK"]),
    ("admin/key_value.rs", &["NO_CONTENT"]),
    ("admin/probes.rs", &["SERVICE_UNAVAILABLE"]),
    ("admin/secrets.rs", &["NO_CONTENT"]),
    ("admin/session.rs", &["NO_CONTENT"]),
    ("admin/tokens.rs", &["CREATED"]),
    // Recognises axum's own refusal, which `error.rs` then words.
    ("admin/router.rs", &["PAYLOAD_TOO_LARGE"]),
    // Recognises the answers of guests that have no body.
    ("invoke/http.rs", &["NOT_MODIFIED", "NO_CONTENT"]),
    // What a CGI program means by `Status` and `Location`.
    ("invoke/http/cgi.rs", &["FOUND", "OK", "from_bytes"]),
    ("cli/client.rs", &[]),
];

/// Functions that were too long when the rule came, as `path: name`. One that has become shorter is to be taken off.
const LONG_FUNCTIONS: [&str; 3] = [
    "sdk-rust/macros/src/manifest/tests.rs: mistakes_are_refused_with_a_reason",
    "tests/mqtt_standard/connect.rs: properties_of_connect_that_the_standard_forbids_are_refused",
    "tests/mqtt_standard/publish.rs: properties_that_a_client_may_not_send_close_the_connection",
];

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 600;

/// A source file of this repository.
struct Source {
    /// Its path from the repository's root.
    path: String,
    text: String,
    /// The text without comments and without what is in strings; its lines are those of the text.
    code: String,
    /// The code without modules and files that are compiled for tests only.
    product: String,
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    check(&["host", "sdk-rust", "tests", "examples"], |source| {
        let begins = source.text.starts_with("//! ");
        (!begins).then(|| "does not begin with `//! `".to_owned())
    });
}

#[test]
fn modules_use_only_what_lies_below_them() {
    check(&["host/src"], |source| {
        let module = top_module(&source.path);
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            return Some(format!("module `{module}` is not in the table of layers"));
        };
        let used = crate_paths(&source.code);
        let own = |path: &String| begins_with(path, module);
        let wrong: Vec<&String> = used
            .iter()
            .filter(|path| !own(path) && !allowed.iter().any(|allowed| begins_with(path, allowed)))
            .collect();
        (!wrong.is_empty()).then(|| format!("module `{module}` may not use {wrong:?}"))
    });
}

#[test]
fn modules_are_named_from_the_crates_root() {
    check(&["host/src"], |source| {
        let climbs = source.product.contains("super::super");
        climbs.then(|| "uses `super::super`: the table of layers sees `crate::` only".to_owned())
    });
}

#[test]
fn sql_is_in_storage_only() {
    check(&["host/src"], |source| {
        let statements = ["SELECT ", "INSERT ", "UPDATE ", "DELETE FROM"];
        let found = statements
            .iter()
            .find(|words| source.text.contains(**words));
        let is_storage = source.path.starts_with("host/src/storage/");
        found
            .filter(|_| !is_storage)
            .map(|words| format!("has SQL (`{words}`)"))
    });
}

#[test]
fn statuses_are_chosen_where_they_belong() {
    check(&["host/src"], |source| {
        let path = source.path.strip_prefix("host/src/").expect("in host/src");
        if ["ingress/respond.rs", "admin/error.rs"].contains(&path) {
            return None;
        }
        let allowed = STATUSES.iter().find(|(file, _)| *file == path);
        let allowed = allowed.map(|(_, names)| *names).unwrap_or_default();
        let named = idents_after(&source.product, "StatusCode::");
        let wrong: Vec<&String> = named
            .iter()
            .filter(|name| !allowed.contains(&name.as_str()))
            .collect();
        (!wrong.is_empty()).then(|| format!("chooses the status {wrong:?}"))
    });
}

#[test]
fn nothing_is_left_behind() {
    check(&["host", "sdk-rust", "tests", "examples"], |source| {
        let leftovers = ["#[ignore", "todo!(", "unimplemented!(", "dbg!("];
        let found = leftovers.iter().find(|words| source.code.contains(**words));
        found.map(|words| format!("has `{words}`"))
    });
}

#[test]
fn nothing_is_unwrapped_outside_of_tests() {
    check(&["host", "sdk-rust", "examples"], |source| {
        let unwraps = source.product.contains(".unwrap()");
        unwraps.then(|| "has `.unwrap()`: say with `expect` why it cannot fail".to_owned())
    });
}

#[test]
fn tests_do_not_sleep() {
    // One waits in a loop for what is to happen, two kill the host at a moment of chance; what measures takes its time.
    let exceptions = [
        "tests/harness/eventually.rs",
        "tests/durability.rs",
        "tests/mqtt_crash/fleet.rs",
        "tests/benches/",
        "tests/guests/",
    ];
    check(&["tests"], |source| {
        let sleeps = source.code.contains("time::sleep(") || source.code.contains("thread::sleep(");
        let is_exception = exceptions.iter().any(|path| source.path.starts_with(path));
        (sleeps && !is_exception).then(|| "sleeps: wait with `eventually`".to_owned())
    });
}

#[test]
fn files_are_short() {
    check(&["host", "sdk-rust", "tests", "examples"], |source| {
        let lines = source.text.lines().count();
        (lines > FILE_LINES_MAX)
            .then(|| format!("has {lines} lines, more than {FILE_LINES_MAX}: split it"))
    });
}

#[test]
fn functions_are_short() {
    let mut long = Vec::new();
    for source in sources(&["host", "sdk-rust", "tests", "examples"]) {
        for (name, lines) in functions(&source.code) {
            if lines > FUNCTION_LINES_MAX {
                long.push((format!("{}: {name}", source.path), lines));
            }
        }
    }
    let new: Vec<_> = long
        .iter()
        .filter(|(name, _)| !LONG_FUNCTIONS.contains(&name.as_str()))
        .collect();
    assert!(
        new.is_empty(),
        "longer than {FUNCTION_LINES_MAX} lines: {new:#?}"
    );
    let gone: Vec<_> = LONG_FUNCTIONS
        .iter()
        .filter(|name| !long.iter().any(|(long, _)| long == *name))
        .collect();
    assert!(
        gone.is_empty(),
        "short by now, so take them off the list: {gone:#?}"
    );
}

#[test]
fn every_guest_is_built() {
    let manifest = read("tests/guests/Cargo.toml");
    check(&["tests/guests"], |source| {
        let file = source
            .path
            .strip_prefix("tests/guests/")
            .expect("in tests/guests");
        let is_named = manifest.contains(&format!("path = \"{file}\""));
        (!is_named).then(|| "is not named in tests/guests/Cargo.toml".to_owned())
    });
}

#[test]
fn every_test_file_is_a_module() {
    let main = read("tests/main.rs");
    for entry in fs::read_dir(root().join("tests")).expect("a directory") {
        let name = entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("UTF-8");
        let module = name
            .strip_suffix(".rs")
            .filter(|name| !["main", "tidy"].contains(name));
        if let Some(module) = module {
            assert!(
                main.contains(&format!("mod {module};")),
                "tests/{name} is not in tests/main.rs"
            );
        }
    }
}

#[test]
fn dependencies_have_the_fixes_that_are_needed() {
    let versions = |name: &str| locked_versions(&read("Cargo.lock"), name);
    for (name, least) in [
        ("wasmtime", [48, 0, 8]),
        ("h2", [0, 4, 16]),
        ("rustls", [0, 23, 45]),
    ] {
        let found = versions(name);
        assert_eq!(found.len(), 1, "one {name}: {found:?}");
        assert!(
            found[0] >= least,
            "{name} {found:?}, at least {least:?} is needed"
        );
    }
}

/// Asks a rule about each file and fails with all that it objects to.
fn check(directories: &[&str], rule: impl Fn(&Source) -> Option<String>) {
    let mut objections = String::new();
    for source in sources(directories) {
        if let Some(objection) = rule(&source) {
            let _ = writeln!(objections, "{} {objection}", source.path);
        }
    }
    assert!(objections.is_empty(), "\n{objections}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn sources(directories: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    for directory in directories {
        collect(&root().join(directory), &mut paths);
    }
    assert!(!paths.is_empty(), "no sources in {directories:?}");
    paths.sort();
    paths.iter().map(|path| Source::new(path)).collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in
        fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
    {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

impl Source {
    fn new(path: &Path) -> Source {
        let text = fs::read_to_string(path).expect("UTF-8");
        let path = path
            .strip_prefix(root())
            .expect("in the repository")
            .to_str()
            .expect("UTF-8")
            .to_owned();
        let code = code_of(&text);
        let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
        let product = if is_test {
            String::new()
        } else {
            without_tests(&code)
        };
        Source {
            path,
            text,
            code,
            product,
        }
    }
}

/// `ingress` of `host/src/ingress/http.rs`, `limits` of `host/src/limits.rs`.
fn top_module(path: &str) -> &str {
    let inner = path.strip_prefix("host/src/").expect("in host/src");
    inner
        .split('/')
        .next()
        .map(|first| first.trim_end_matches(".rs"))
        .expect("a first part")
}

/// Whether a path is this one or lies below it.
fn begins_with(path: &str, beginning: &str) -> bool {
    path.strip_prefix(beginning)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What is named as `crate::…`, also in braces.
fn crate_paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(group) => {
                let end = closing(group).unwrap_or(group.len());
                paths.extend(split_group(&group[..end]));
            }
            None => paths.push(
                after
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || "_:".contains(*c))
                    .collect(),
            ),
        }
    }
    paths
}

/// The members of a group of imports, each up to its own group.
fn split_group(group: &str) -> Vec<String> {
    let mut members = vec![String::new()];
    let mut depth = 0;
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => members.push(String::new()),
            c if depth == 0 && !c.is_whitespace() => {
                members.last_mut().expect("never empty").push(c)
            }
            _ => {}
        }
    }
    members.retain(|member| !member.is_empty());
    members
        .iter()
        .map(|member| member.trim_end_matches("::").to_owned())
        .collect()
}

fn idents_after(code: &str, prefix: &str) -> Vec<String> {
    let ident = |after: &str| {
        after
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    code.split(prefix).skip(1).map(ident).collect()
}

/// Where the brace that is open at the beginning of `code` closes.
fn closing(code: &str) -> Option<usize> {
    let mut depth = 1;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The code without what is marked `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut product = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        product += &rest[..at];
        rest = &rest[at..];
        let (brace, semicolon) = (rest.find('{'), rest.find(';'));
        let end = match (brace, semicolon) {
            (Some(brace), semicolon) if semicolon.is_none_or(|semicolon| brace < semicolon) => {
                let inner = brace + 1;
                closing(&rest[inner..]).map_or(rest.len(), |end| inner + end + 1)
            }
            (_, Some(semicolon)) => semicolon + 1,
            _ => rest.len(),
        };
        rest = &rest[end..];
    }
    product + rest
}

/// The functions with a body, by name, and how many lines each has from `fn` to its closing brace.
fn functions(code: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let is_word = code[..at]
            .chars()
            .next_back()
            .is_none_or(|c| c.is_whitespace());
        let name: String = code[at + 3..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let (brace, semicolon) = (code[at..].find('{'), code[at..].find(';'));
        let Some(brace) =
            brace.filter(|brace| semicolon.is_none_or(|semicolon| *brace < semicolon))
        else {
            continue;
        };
        let inner = at + brace + 1;
        if let (true, false, Some(end)) = (is_word, name.is_empty(), closing(&code[inner..])) {
            found.push((name, code[at..=inner + end].lines().count()));
        }
    }
    found
}

fn locked_versions(lock: &str, name: &str) -> Vec<[u32; 3]> {
    let packages = lock.split("[[package]]");
    let of_name = packages.filter(|package| package.contains(&format!("\nname = \"{name}\"\n")));
    let version = |package: &str| {
        let text = package
            .split("\nversion = \"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .expect("a version");
        let mut parts = text
            .split(['.', '-', '+'])
            .map(|part| part.parse().unwrap_or(0));
        [(); 3].map(|()| parts.next().unwrap_or(0))
    };
    of_name.map(version).collect()
}

#[test]
fn the_rules_see_what_they_look_for() {
    let code =
        "use crate::{a::b, c::{d, e}, f};\nuse crate::model::name::{Name, Other}; crate::limits::X";
    assert_eq!(
        crate_paths(code),
        ["a::b", "c", "f", "model::name::", "limits::X"]
    );
    assert!(begins_with("model::name::", "model") && !begins_with("models", "model"));
    let code = "a #[cfg(test)] mod tests { b { c } } d #[cfg(test)] mod e; f";
    assert_eq!(without_tests(code), "a  d  f");
    let code = "fn a() {\n b {\n }\n}\ntrait T { fn b(); }\npub fn c() -> X { }";
    assert_eq!(functions(code), [("a".to_owned(), 4), ("c".to_owned(), 1)]);
    let lock = "[[package]]\nname = \"h2\"\nversion = \"0.4.16\"\n[[package]]\nname = \"h3\"\nversion = \"1.0.0\"\n";
    assert_eq!(locked_versions(lock, "h2"), [[0, 4, 16]]);
}
