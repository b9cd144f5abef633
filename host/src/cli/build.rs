//! From what was named on the command line to a component: a `.wasm` file as it is, a folder or a source file by way of
//! its language's compiler.
//!
//! What builds JavaScript and Python need beside the handler (the world it is bound to, and the glue) is written to
//! `.tidegate/` beside it; so is what comes out. Cargo has its own place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use tokio::process::Command;
use toml::Table;

use super::language::Language;
use super::sdk_sources;

/// The file beside a function's sources that its manifest is read from.
pub(super) const MANIFEST: &str = "tidegate.toml";

/// The folder beside a function's sources that everything goes to which is made from them.
pub(super) const OUTPUT: &str = ".tidegate";

/// What componentize-js has its HTTP from; componentize-py takes any that is not newer than its own.
const JS_HTTP_VERSION: &str = "0.2.10";
const HTTP_VERSION: &str = "0.2.0";

const HTTP_WIT: &str = include_str!("glue/http.wit");
const FUNCTION_JS: &str = include_str!("glue/function.js");
const MESSAGE_JS: &str = include_str!("glue/message.js");
const FUNCTION_PY: &str = include_str!("glue/function.py");
const HTTP_PY: &str = include_str!("glue/http.py");
const MESSAGE_PY: &str = include_str!("glue/message.py");
const TIDEGATE_PY: &str = include_str!("glue/tidegate.py");

/// What was named.
pub(super) enum Source {
    /// A component that is built already.
    Component(PathBuf),
    /// What a component is built from.
    Project(Project),
}

/// A function's sources.
pub(super) struct Project {
    language: Language,
    /// Where they lie.
    pub(super) directory: PathBuf,
    /// The one file that is the function, where not the whole folder is.
    file: Option<PathBuf>,
}

/// A component, with what its sources say about it.
pub(super) struct Built {
    /// The `.wasm` file.
    pub(super) component: PathBuf,
    /// What the function is called where nobody says otherwise.
    pub(super) name: String,
    /// The manifest beside the sources, where there is one.
    pub(super) manifest: Option<PathBuf>,
}

impl Source {
    /// What a path names.
    pub(super) fn of(path: &Path) -> anyhow::Result<Source> {
        let metadata =
            fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        let (directory, file, language) = if metadata.is_dir() {
            (path, None, Language::of_directory(path))
        } else {
            let parent = path.parent().filter(|parent| *parent != Path::new(""));
            let Some(language) = Language::of_file(path) else {
                return Ok(Source::Component(path.to_owned()));
            };
            (
                parent.unwrap_or(Path::new(".")),
                path.file_name(),
                Some(language),
            )
        };
        let Some(language) = language else {
            let entries = Language::ALL.map(Language::entry).join(", ");
            bail!(
                "{} is a folder without a function: it has none of {entries}; name a .wasm file, or one of those folders",
                path.display()
            );
        };
        Ok(Source::Project(Project {
            language,
            directory: directory
                .canonicalize()
                .with_context(|| format!("cannot look into {}", directory.display()))?,
            file: file.map(PathBuf::from),
        }))
    }

    /// The component: built, unless it is there already.
    pub(super) async fn build(&self) -> anyhow::Result<Built> {
        match self {
            Source::Project(project) => project.build().await,
            Source::Component(path) => Ok(Built {
                component: path.clone(),
                name: name_of_file(path),
                manifest: None,
            }),
        }
    }
}

impl Project {
    async fn build(&self) -> anyhow::Result<Built> {
        let compiler = self.language.find_compiler(&self.directory)?;
        let manifest = self.directory.join(MANIFEST);
        let manifest = manifest.is_file().then_some(manifest);
        if self.language == Language::Rust {
            let component = self.cargo(&compiler).await?;
            let name = name_of_file(&component);
            return Ok(Built {
                component,
                name,
                manifest,
            });
        }
        let asked = match &manifest {
            Some(manifest) => read_table(manifest)?,
            None => Table::new(),
        };
        let entry = self
            .file
            .clone()
            .unwrap_or_else(|| PathBuf::from(self.language.entry()));
        let stem = stem_of(&entry);
        let output = PathBuf::from(OUTPUT).join(&stem);
        let component = output.join("function.wasm");
        self.write(Path::new(OUTPUT), ".gitignore", "*\n")?;
        fs::create_dir_all(self.directory.join(&output))
            .with_context(|| format!("cannot make {}", output.display()))?;
        let mut command = Command::new(compiler);
        match self.language {
            Language::Js => self.javascript(&mut command, &entry, &output, &asked)?,
            Language::Python => self.python(&mut command, &stem, &output, &asked)?,
            _ => self.c(&mut command)?,
        }
        command.arg("-o").arg(&component);
        self.run(command).await?;
        let folder = || name_of_file(&self.directory);
        Ok(Built {
            component: self.directory.join(component),
            name: self.file.as_deref().map_or_else(folder, name_of_file),
            manifest,
        })
    }

    async fn cargo(&self, cargo: &Path) -> anyhow::Result<PathBuf> {
        let mut command = Command::new(cargo);
        command.args(["build", "--release", "--target", "wasm32-wasip2"]);
        command.args(["--quiet", "--message-format", "json-render-diagnostics"]);
        let messages = self.run(command).await?;
        let messages = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<CargoMessage>(line).ok());
        let mut components: Vec<PathBuf> = messages
            .flat_map(|message| message.filenames)
            .filter(|file| file.extension().is_some_and(|kind| kind == "wasm"))
            .collect();
        components.dedup();
        match components.as_slice() {
            [component] => Ok(component.clone()),
            [] => bail!(
                "the package makes no component: add `crate-type = [\"cdylib\"]` to [lib] in its Cargo.toml"
            ),
            several => bail!(
                "the package makes several components: name one of {}",
                several
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }
    }

    fn javascript(
        &self,
        command: &mut Command,
        entry: &Path,
        output: &Path,
        asked: &Table,
    ) -> anyhow::Result<()> {
        self.write_world(output, asked, JS_HTTP_VERSION)?;
        let handler = format!("../../{}", entry.display());
        let mut glue = FUNCTION_JS.replace("HANDLER", &handler);
        if handles_mqtt(asked) {
            glue += MESSAGE_JS;
        }
        self.write(output, "function.js", &glue)?;
        command.arg("--wit").arg(output.join("wit"));
        command.arg(output.join("function.js"));
        Ok(())
    }

    fn python(
        &self,
        command: &mut Command,
        module: &str,
        output: &Path,
        asked: &Table,
    ) -> anyhow::Result<()> {
        self.write_world(output, asked, HTTP_VERSION)?;
        let mut glue = FUNCTION_PY.replace("HANDLER", module);
        if handles_http(asked) {
            glue += HTTP_PY;
        }
        if handles_mqtt(asked) {
            glue += MESSAGE_PY;
        }
        let modules = output.join("python");
        self.write(&modules, "function.py", &glue)?;
        self.write(&modules, "tidegate.py", TIDEGATE_PY)?;
        command.args(["--quiet", "--world", "function", "--wit-path"]);
        command.arg(output.join("wit"));
        for (interface, module) in [
            ("wasi:config/store@0.2.0-rc.1", "config"),
            ("wasi:keyvalue/store@0.2.0-draft2", "key_value"),
            ("tidegate:mqtt/client@0.1.0", "mqtt"),
        ] {
            command
                .arg("--import-interface-name")
                .arg(format!("{interface}={module}"));
        }
        command.args(["componentize", "-p", ".", "-p"]);
        command.arg(modules).arg("function");
        // Its errors are for people; where they arose in it is not.
        command.env("RUST_BACKTRACE", "0");
        Ok(())
    }

    fn c(&self, command: &mut Command) -> anyhow::Result<()> {
        command.args(["--target=wasm32-wasi", "-O2", "-s"]);
        match &self.file {
            Some(file) => _ = command.arg(file),
            None => _ = command.args(self.c_files()?),
        }
        Ok(())
    }

    fn c_files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.directory)?;
        let mut files = Vec::new();
        for entry in entries {
            let file = PathBuf::from(entry?.file_name());
            if Language::of_file(&file) == Some(Language::C) {
                files.push(file);
            }
        }
        files.sort();
        Ok(files)
    }

    fn write_world(&self, output: &Path, asked: &Table, http: &str) -> anyhow::Result<()> {
        let wit = output.join("wit");
        let world = world(asked, http) + &HTTP_WIT.replace(HTTP_VERSION, http);
        self.write(&wit, "function.wit", &world)?;
        for (path, text) in sdk_sources::files() {
            // Only what the world names: an SDK that is installed with the compiler may bring the others along.
            let file = path.strip_prefix("wit/deps/");
            if let Some(file) = file.filter(|_| names_package_of(&world, &text)) {
                self.write(&wit.join("deps"), file, &text)?;
            }
        }
        Ok(())
    }

    fn write(&self, directory: &Path, file: &str, text: &str) -> anyhow::Result<()> {
        let directory = self.directory.join(directory);
        let path = directory.join(file);
        fs::create_dir_all(&directory)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Runs a compiler; what it has to say about the sources goes to standard error as it comes.
    async fn run(&self, mut command: Command) -> anyhow::Result<String> {
        let program = command.as_std().get_program().to_owned();
        let program = program.display();
        command
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {program}"))?;
        let output = child.wait_with_output().await?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() && self.language != Language::Rust {
            eprint!("{said}");
        }
        ensure!(
            output.status.success(),
            "the function could not be built: {program} failed ({})",
            output.status
        );
        Ok(said)
    }
}

/// What Cargo says about something it built.
#[derive(Deserialize)]
struct CargoMessage {
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// What a handler is bound to, by what its manifest asks for: only what is granted can be imported.
fn world(asked: &Table, http: &str) -> String {
    let granted = |kind: &str| {
        let grants = asked.get("grants").and_then(|grants| grants.get(kind));
        grants
            .and_then(toml::Value::as_array)
            .is_some_and(|grants| !grants.is_empty())
    };
    let http_export = format!("export wasi:http/incoming-handler@{http};");
    let lines = [
        (true, "import wasi:config/store@0.2.0-rc.1;"),
        (
            granted("buckets"),
            "import wasi:keyvalue/store@0.2.0-draft2;",
        ),
        (granted("publish"), "import tidegate:mqtt/client@0.1.0;"),
        (handles_http(asked), &http_export),
        (handles_mqtt(asked), "export tidegate:mqtt/handler@0.1.0;"),
    ];
    let lines: String = lines
        .into_iter()
        .filter(|(wanted, _)| *wanted)
        .map(|(_, line)| format!("  {line}\n"))
        .collect();
    format!("package tidegate:function@0.1.0;\n\nworld function {{\n{lines}}}\n\n")
}

fn handles_mqtt(asked: &Table) -> bool {
    asked.contains_key("mqtt")
}

/// Unless it handles messages only.
fn handles_http(asked: &Table) -> bool {
    asked.contains_key("http") || !handles_mqtt(asked)
}

fn read_table(manifest: &Path) -> anyhow::Result<Table> {
    let text = fs::read_to_string(manifest)?;
    text.parse()
        .with_context(|| format!("{} is no TOML", manifest.display()))
}

fn stem_of(file: &Path) -> String {
    file.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Cargo writes `hello_http.wasm` for the package `hello-http`.
fn name_of_file(file: &Path) -> String {
    stem_of(file).replace('_', "-")
}

/// Whether a world names something of the package whose WIT this is.
fn names_package_of(world: &str, wit: &str) -> bool {
    let package = wit.lines().find_map(|line| line.strip_prefix("package "));
    let name = package.and_then(|package| package.split(['@', ';']).next());
    name.is_some_and(|name| world.contains(&format!("{name}/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_has_what_the_manifest_asks_for() {
        let check = |manifest: &str, has: &[&str], lacks: &[&str]| {
            let world = world(&manifest.parse().expect("TOML"), HTTP_VERSION);
            for name in has {
                assert!(world.contains(name), "no `{name}` in {world}");
            }
            for name in lacks {
                assert!(!world.contains(name), "`{name}` in {world}");
            }
        };
        let (http, mqtt) = ("export wasi:http", "export tidegate:mqtt");
        check("", &[http, "wasi:config"], &[mqtt, "keyvalue", "client"]);
        check("[[mqtt]]\ntopic = \"a\"", &[mqtt], &[http]);
        check(
            "[[mqtt]]\ntopic = \"a\"\n[[http]]\nroute = \"/a\"",
            &[http, mqtt],
            &[],
        );
        check(
            "[grants]\nbuckets = [\"a\"]\npublish = []",
            &["keyvalue/store"],
            &["mqtt/client"],
        );
    }

    #[test]
    fn a_folder_without_a_function_is_explained() {
        let directory = tempfile::tempdir().expect("a directory");
        let error = Source::of(directory.path()).err().expect("it has none");
        assert!(error.to_string().contains("handler.js"), "{error}");
    }
}
