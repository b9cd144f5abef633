//! The languages that `new`, `deploy`, `dev` and `test` know: by what a folder shows which one it is, which program
//! builds it, and how that program is had.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

/// A language that functions are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Language {
    /// A Cargo package with the SDK
    Rust,
    /// `export default { fetch(request, env) }`
    #[value(alias = "javascript")]
    Js,
    /// `def handle(request)`
    Python,
    /// A program as for CGI
    C,
}

/// What builds a language's functions.
pub(super) struct Compiler {
    /// The program.
    pub(super) program: &'static str,
    /// A folder of a project, or of one that it lies in, where the program may be.
    local: Option<&'static str>,
    /// What to do where the program is missing.
    install: &'static str,
}

impl Language {
    /// All of them, in the order in which a folder is looked through.
    pub(super) const ALL: [Language; 4] =
        [Language::Rust, Language::Js, Language::Python, Language::C];

    /// The file by which a folder is one of this language.
    pub(super) fn entry(self) -> &'static str {
        match self {
            Language::Rust => "Cargo.toml",
            Language::Js => "handler.js",
            Language::Python => "handler.py",
            Language::C => "handler.c",
        }
    }

    /// The language that a folder is of.
    pub(super) fn of_directory(directory: &Path) -> Option<Language> {
        let mut all = Language::ALL.into_iter();
        all.find(|language| directory.join(language.entry()).is_file())
    }

    /// The language that a source file is of which is a whole function.
    pub(super) fn of_file(file: &Path) -> Option<Language> {
        match file.extension()?.to_str()? {
            "js" | "mjs" => Some(Language::Js),
            "py" => Some(Language::Python),
            "c" => Some(Language::C),
            _ => None,
        }
    }

    fn compiler(self) -> Compiler {
        match self {
            Language::Rust => Compiler {
                program: "cargo",
                local: None,
                install: "install Rust as https://rustup.rs says, then `rustup target add wasm32-wasip2`",
            },
            Language::Js => Compiler {
                program: "componentize-js",
                local: Some("node_modules/.bin"),
                install: "run `npm install --save-dev @bytecodealliance/componentize-js@0.23.0` in the function's folder \
                          (it needs Node 20 or newer)",
            },
            Language::Python => Compiler {
                program: "componentize-py",
                local: Some(".venv/bin"),
                install: "run `python3 -m venv .venv && .venv/bin/pip install componentize-py==0.25.1` in the \
                          function's folder (it needs Python 3.10 or newer)",
            },
            Language::C => Compiler {
                program: "clang",
                local: None,
                install: "install it with `apt-get install clang lld wasi-libc libclang-rt-dev-wasm32`, or name a WASI \
                          SDK with WASI_SDK_PATH",
            },
        }
    }

    /// Where the program is that builds a function of this folder: with the function, or on the search path.
    pub(super) fn find_compiler(self, directory: &Path) -> anyhow::Result<PathBuf> {
        let Compiler {
            program,
            local,
            install,
        } = self.compiler();
        let near = local.into_iter().flat_map(|local| {
            directory
                .ancestors()
                .map(move |ancestor| ancestor.join(local))
        });
        let sdk = std::env::var_os("WASI_SDK_PATH").filter(|_| self == Language::C);
        let sdk = sdk.map(|sdk| PathBuf::from(sdk).join("bin"));
        let search = std::env::var_os("PATH").unwrap_or_default();
        let mut programs = near
            .chain(sdk)
            .chain(std::env::split_paths(&search))
            .map(|directory| directory.join(program));
        let found = programs.find(|program| program.is_file());
        found.ok_or_else(|| {
            anyhow!("`{program}`, which builds this function, is not installed: {install}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_shows_its_language() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(Language::of_directory(directory.path()), None);
        for language in [Language::C, Language::Python, Language::Js, Language::Rust] {
            std::fs::write(directory.path().join(language.entry()), "").expect("written");
            assert_eq!(Language::of_directory(directory.path()), Some(language));
        }
    }

    #[test]
    fn a_file_shows_its_language() {
        let check = |file: &str, expected| {
            assert_eq!(Language::of_file(Path::new(file)), expected, "{file}");
        };
        check("a/handler.js", Some(Language::Js));
        check("handler.mjs", Some(Language::Js));
        check("x.py", Some(Language::Python));
        check("x.c", Some(Language::C));
        check("x.rs", None);
        check("x", None);
    }

    #[test]
    fn a_compiler_lies_with_the_function_or_above_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let bin = directory.path().join("node_modules/.bin");
        std::fs::create_dir_all(&bin).expect("created");
        std::fs::write(bin.join("componentize-js"), "").expect("written");
        let inner = directory.path().join("a/b");
        let found = Language::Js.find_compiler(&inner).expect("found");
        assert_eq!(found, bin.join("componentize-js"));
    }
}
