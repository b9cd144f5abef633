//! The SDK's sources as they lie beside this crate, embedded: a new function gets a copy, and needs no other source.
//!
//! Its manifests inherit from this repository's workspace; a copy has none to inherit from, so [`files`] writes out what
//! they inherit. Versions and editions are read from the embedded texts: there is no second place to keep them.

use toml::{Table, Value};

/// What the manifests inherit from.
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// The manifests, by where they go.
const MANIFESTS: [(&str, &str); 2] = [
    ("Cargo.toml", include_str!("../../../sdk-rust/Cargo.toml")),
    (
        "macros/Cargo.toml",
        include_str!("../../../sdk-rust/macros/Cargo.toml"),
    ),
];

/// Everything else, by where it goes. In the repository `wit` lies beside the SDK, and in a copy inside of it.
const SOURCES: &[(&str, &str)] = &[
    (
        "macros/src/attribute.rs",
        include_str!("../../../sdk-rust/macros/src/attribute.rs"),
    ),
    (
        "macros/src/expand.rs",
        include_str!("../../../sdk-rust/macros/src/expand.rs"),
    ),
    (
        "macros/src/lib.rs",
        include_str!("../../../sdk-rust/macros/src/lib.rs"),
    ),
    (
        "macros/src/manifest.rs",
        include_str!("../../../sdk-rust/macros/src/manifest.rs"),
    ),
    (
        "macros/src/manifest/tests.rs",
        include_str!("../../../sdk-rust/macros/src/manifest/tests.rs"),
    ),
    (
        "src/bindings.rs",
        include_str!("../../../sdk-rust/src/bindings.rs"),
    ),
    (
        "src/config.rs",
        include_str!("../../../sdk-rust/src/config.rs"),
    ),
    (
        "src/fakes.rs",
        include_str!("../../../sdk-rust/src/fakes.rs"),
    ),
    ("src/http.rs", include_str!("../../../sdk-rust/src/http.rs")),
    (
        "src/http/body.rs",
        include_str!("../../../sdk-rust/src/http/body.rs"),
    ),
    (
        "src/http/export.rs",
        include_str!("../../../sdk-rust/src/http/export.rs"),
    ),
    (
        "src/http/percent.rs",
        include_str!("../../../sdk-rust/src/http/percent.rs"),
    ),
    (
        "src/http/request.rs",
        include_str!("../../../sdk-rust/src/http/request.rs"),
    ),
    (
        "src/http/response.rs",
        include_str!("../../../sdk-rust/src/http/response.rs"),
    ),
    (
        "src/http/tests.rs",
        include_str!("../../../sdk-rust/src/http/tests.rs"),
    ),
    (
        "src/key_value.rs",
        include_str!("../../../sdk-rust/src/key_value.rs"),
    ),
    (
        "src/key_value/tests.rs",
        include_str!("../../../sdk-rust/src/key_value/tests.rs"),
    ),
    ("src/lib.rs", include_str!("../../../sdk-rust/src/lib.rs")),
    ("src/log.rs", include_str!("../../../sdk-rust/src/log.rs")),
    ("src/mqtt.rs", include_str!("../../../sdk-rust/src/mqtt.rs")),
    (
        "src/mqtt/tests.rs",
        include_str!("../../../sdk-rust/src/mqtt/tests.rs"),
    ),
    (
        "src/schedule.rs",
        include_str!("../../../sdk-rust/src/schedule.rs"),
    ),
    (
        "src/schedule/tests.rs",
        include_str!("../../../sdk-rust/src/schedule/tests.rs"),
    ),
    (
        "src/sqlite.rs",
        include_str!("../../../sdk-rust/src/sqlite.rs"),
    ),
    (
        "src/testing.rs",
        include_str!("../../../sdk-rust/src/testing.rs"),
    ),
    (
        "wit/deps/config.wit",
        include_str!("../../../wit/deps/config.wit"),
    ),
    (
        "wit/deps/keyvalue.wit",
        include_str!("../../../wit/deps/keyvalue.wit"),
    ),
    (
        "wit/deps/logging.wit",
        include_str!("../../../wit/deps/logging.wit"),
    ),
    (
        "wit/deps/mqtt.wit",
        include_str!("../../../wit/deps/mqtt.wit"),
    ),
    (
        "wit/deps/schedule.wit",
        include_str!("../../../wit/deps/schedule.wit"),
    ),
    (
        "wit/deps/spin-sqlite.wit",
        include_str!("../../../wit/deps/spin-sqlite.wit"),
    ),
    ("wit/worlds.wit", include_str!("../../../wit/worlds.wit")),
];

/// A key of this repository's workspace: what a new function has in common with it.
pub(super) fn package_key(key: &str) -> String {
    workspace()["package"][key].to_string()
}

/// The SDK as files, by path.
pub(super) fn files() -> impl Iterator<Item = (&'static str, String)> {
    let workspace = workspace();
    let manifests = MANIFESTS
        .into_iter()
        .map(move |(path, text)| (path, standalone(text, &workspace)));
    manifests.chain(
        SOURCES
            .iter()
            .map(|(path, text)| (*path, (*text).to_owned())),
    )
}

fn workspace() -> Table {
    let manifest: Table = WORKSPACE
        .parse()
        .expect("Cargo read it to build this program");
    match manifest.get("workspace") {
        Some(Value::Table(workspace)) => workspace.clone(),
        _ => unreachable!("the repository's manifest is a workspace's"),
    }
}

/// The manifest with all that it inherits written out, but for the lints, which are this repository's own affair.
fn standalone(manifest: &str, workspace: &Table) -> String {
    let mut section = "";
    let mut lines = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
        }
        match inherited_key(line) {
            _ if section == "lints" => {}
            None => lines.push(line.to_owned()),
            Some(key) => {
                let table = if section == "package" {
                    "package"
                } else {
                    "dependencies"
                };
                lines.push(format!("{key} = {}", workspace[table][key]));
            }
        }
    }
    lines.join("\n").trim_end().to_owned() + "\n"
}

/// `edition` of `edition.workspace = true`.
fn inherited_key(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    match value {
        "true" => key.strip_suffix(".workspace"),
        "{ workspace = true }" => Some(key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn manifests_stand_alone() {
        let workspace =
            "[package]\nedition = \"2024\"\n[dependencies]\na = \"1\"\nb = { version = \"2\" }";
        let workspace = workspace.parse().expect("TOML");
        let manifest = "[package]\nname = \"x\"\nedition.workspace = true\n\n[dependencies]\na.workspace = true\n\
            b = { workspace = true }\nc = \"3\"\n\n[lints]\nworkspace = true\n";
        let expected = "[package]\nname = \"x\"\nedition = \"2024\"\n\n[dependencies]\na = \"1\"\n\
            b = { version = \"2\" }\nc = \"3\"\n";
        assert_eq!(standalone(manifest, &workspace), expected);
    }

    #[test]
    fn no_manifest_inherits() {
        for (path, text) in files().filter(|(path, _)| path.ends_with("Cargo.toml")) {
            let table: Table = text.parse().expect("TOML");
            assert!(table.contains_key("package"), "{path}");
            assert!(!text.contains("workspace"), "{path}: {text}");
        }
    }

    #[test]
    fn all_of_the_sdk_is_embedded() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut expected = BTreeSet::new();
        collect(&repository.join("sdk-rust/src"), "src", &mut expected);
        collect(
            &repository.join("sdk-rust/macros/src"),
            "macros/src",
            &mut expected,
        );
        collect(&repository.join("wit"), "wit", &mut expected);
        // Interfaces of others, which the SDK has no use for.
        expected.retain(|path| !path.starts_with("wit/foreign/"));
        expected.extend(["Cargo.toml".to_owned(), "macros/Cargo.toml".to_owned()]);
        let embedded: BTreeSet<_> = files().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(embedded, expected);
    }

    fn collect(directory: &Path, path: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let entry = entry.expect("an entry");
            let path = format!("{path}/{}", entry.file_name().to_string_lossy());
            match entry.file_type().expect("a type").is_dir() {
                true => collect(&entry.path(), &path, found),
                false => _ = found.insert(path),
            }
        }
    }
}
