//! `tidegate new`: a new function, which builds and deploys as it stands.
//!
//! A Rust package carries a copy of the SDK, so that it needs nothing but a package registry (or its cache) to build.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::language::Language;
use super::{sdk_sources, templates};
use crate::model::name::Name;

const SDK_DIR: &str = "tidegate-sdk";

/// `tidegate new`.
#[derive(clap::Args)]
pub(super) struct NewArgs {
    /// The function's name, which becomes the package's
    name: Name,
    /// The language to write it in
    #[arg(long, value_enum, default_value = "rust", value_name = "LANGUAGE")]
    lang: Language,
    /// Where to put it [default: ./NAME]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
}

/// Runs `tidegate new`.
pub(super) fn run(args: NewArgs) -> anyhow::Result<()> {
    let directory = args
        .path
        .unwrap_or_else(|| PathBuf::from(args.name.as_str()));
    if args.lang == Language::Rust {
        check_package_name(&args.name)?;
    }
    scaffold(args.lang, &args.name, &directory)?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "created {}: build it, deploy it, call it",
        directory.display()
    )?;
    writeln!(out)?;
    writeln!(out, "  cd {}", directory.display())?;
    for line in lines(args.lang, &args.name) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

/// What is typed in the new folder.
fn lines(language: Language, name: &Name) -> Vec<String> {
    let set_up = templates::set_up(language).iter();
    set_up
        .map(|line| (*line).to_owned())
        .chain(["tidegate deploy .".to_owned(), call_line(name)])
        .collect()
}

/// A package's name has a grammar of its own beside ours.
fn check_package_name(name: &Name) -> anyhow::Result<()> {
    let name = name.as_str();
    ensure!(
        !name.starts_with(|c: char| c.is_ascii_digit()),
        "`{name}` cannot be a Rust package: its name must not begin with a digit"
    );
    let taken = [
        "tidegate-sdk",
        "tidegate-sdk-macros",
        "alloc",
        "core",
        "proc-macro",
        "std",
        "test",
    ];
    ensure!(
        !taken.contains(&name),
        "`{name}` cannot be the package's name: the function needs another one called that"
    );
    Ok(())
}

fn scaffold(language: Language, name: &Name, directory: &Path) -> anyhow::Result<()> {
    ensure!(
        is_free(directory)?,
        "{} is there already, and not empty",
        directory.display()
    );
    let files = match language {
        Language::Rust => vec![
            ("Cargo.toml", manifest(name)),
            ("src/lib.rs", source(name)),
            ("README.md", readme(name)),
            (".gitignore", "/target\n".to_owned()),
        ],
        _ => templates::files(language, name),
    };
    for (path, text) in files {
        write(&directory.join(path), &text)?;
    }
    if language != Language::Rust {
        return Ok(());
    }
    let sdk = directory.join(SDK_DIR);
    sdk_sources::files().try_for_each(|(path, text)| write(&sdk.join(path), &text))
}

/// Whether nothing is there, or a directory with nothing in it.
fn is_free(directory: &Path) -> anyhow::Result<bool> {
    match fs::read_dir(directory) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => {
            Err(error).with_context(|| format!("cannot look into {}", directory.display()))
        }
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let parent = path
        .parent()
        .expect("every path here is below the function's directory");
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(path, text))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn manifest(name: &Name) -> String {
    let edition = sdk_sources::package_key("edition");
    format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = {edition}
publish = false

[lib]
crate-type = ["cdylib"]

[dependencies]
tidegate-sdk = {{ path = "{SDK_DIR}" }}

# Built within a second, for `tidegate dev`; `lto = true` makes the component a fifth smaller.
[profile.release]
opt-level = "s"
incremental = true

# A workspace of its own, wherever it lies.
[workspace]
"#
    )
}

fn source(name: &Name) -> String {
    format!(
        r#"//! Greets whoever the path names.

use tidegate_sdk::{{Request, Response, http_handler}};

#[http_handler(route = ["/{name}", "/{name}/{{who}}"])]
fn greet(request: Request) -> Response {{
    let who = request.param("who").unwrap_or("world");
    Response::text(format!("hello {{who}}\n"))
}}

#[cfg(test)]
mod tests {{
    use tidegate_sdk::testing;

    use super::greet;

    #[test]
    fn greets_by_name() {{
        let request = testing::request("GET", "/{name}/ann").param("who", "ann");
        let response = testing::respond(greet(request.build()));
        assert_eq!(response.text(), "hello ann\n");
    }}
}}
"#
    )
}

fn readme(name: &Name) -> String {
    let lines = lines(Language::Rust, name).join("\n");
    format!(
        "# {name}\n\n```sh\n{lines}\n```\n\n`tidegate deploy` builds with `cargo build --release --target \
         wasm32-wasip2`. `tidegate dev` does so again whenever a file\nchanges, and shows what is logged.\n"
    )
}

fn call_line(name: &Name) -> String {
    format!("curl http://127.0.0.1:3000/{name}/ann")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    #[test]
    fn a_new_function_has_all_that_it_needs() {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("door-bell");
        scaffold(Language::Rust, &name("door-bell"), &directory).expect("scaffolded");
        for path in ["Cargo.toml", "src/lib.rs", "README.md", ".gitignore"] {
            assert!(directory.join(path).is_file(), "{path}");
        }
        for path in [
            "Cargo.toml",
            "src/lib.rs",
            "macros/Cargo.toml",
            "macros/src/lib.rs",
            "wit/worlds.wit",
        ] {
            assert!(directory.join(SDK_DIR).join(path).is_file(), "{path}");
        }
    }

    #[test]
    fn the_manifest_is_one() {
        let manifest: toml::Table = manifest(&name("a")).parse().expect("TOML");
        assert_eq!(manifest["package"]["name"].as_str(), Some("a"));
        assert_eq!(manifest["package"]["edition"].as_str(), Some("2024"));
        assert!(manifest.contains_key("workspace"));
    }

    #[test]
    fn nothing_is_overwritten() {
        let parent = tempfile::tempdir().expect("a directory");
        let check = |directory: &Path, accepted: bool| {
            assert_eq!(
                scaffold(Language::Rust, &name("a"), directory).is_ok(),
                accepted,
                "{}",
                directory.display()
            );
        };
        let empty = parent.path().join("empty");
        fs::create_dir(&empty).expect("created");
        let file = parent.path().join("file");
        fs::write(&file, "").expect("written");
        check(&file, false);
        check(parent.path(), false);
        check(&empty, true);
        check(&empty, false);
    }

    #[test]
    fn names_that_cargo_refuses_are_refused_first() {
        for (text, accepted) in [
            ("a", true),
            ("2nd", false),
            ("std", false),
            ("tidegate-sdk", false),
        ] {
            assert_eq!(check_package_name(&name(text)).is_ok(), accepted, "{text}");
        }
    }
}
