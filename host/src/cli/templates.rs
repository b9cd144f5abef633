//! What a new function in JavaScript, Python or C begins with: the example of its language, under its own name.

use super::build::OUTPUT;
use super::language::Language;
use crate::model::name::Name;

/// An example as it lies beside this crate.
struct Example {
    /// Its name, which the new function's takes the place of.
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// What is made in its folder and kept to it.
    ignored: &'static [&'static str],
    /// The lines that get its compiler.
    set_up: &'static [&'static str],
}

const JS: Example = Example {
    name: "hello-js",
    files: &[
        (
            "README.md",
            include_str!("../../../examples/hello-js/README.md"),
        ),
        (
            "handler.js",
            include_str!("../../../examples/hello-js/handler.js"),
        ),
        (
            "package.json",
            include_str!("../../../examples/hello-js/package.json"),
        ),
        (
            "tidegate.toml",
            include_str!("../../../examples/hello-js/tidegate.toml"),
        ),
    ],
    ignored: &["node_modules"],
    set_up: &["npm install"],
};

const PYTHON: Example = Example {
    name: "hello-python",
    files: &[
        (
            "README.md",
            include_str!("../../../examples/hello-python/README.md"),
        ),
        (
            "handler.py",
            include_str!("../../../examples/hello-python/handler.py"),
        ),
        (
            "requirements.txt",
            include_str!("../../../examples/hello-python/requirements.txt"),
        ),
        (
            "tidegate.toml",
            include_str!("../../../examples/hello-python/tidegate.toml"),
        ),
    ],
    ignored: &[".venv", "__pycache__"],
    set_up: &[
        "python3 -m venv .venv",
        ".venv/bin/pip install --requirement requirements.txt",
    ],
};

const C: Example = Example {
    name: "hello-c",
    files: &[
        (
            "README.md",
            include_str!("../../../examples/hello-c/README.md"),
        ),
        (
            "handler.c",
            include_str!("../../../examples/hello-c/handler.c"),
        ),
        (
            "tidegate.toml",
            include_str!("../../../examples/hello-c/tidegate.toml"),
        ),
    ],
    ignored: &[],
    set_up: &["sudo apt-get install clang lld wasi-libc libclang-rt-dev-wasm32"],
};

/// The example of a language; none for Rust, whose functions need the SDK beside them.
fn example(language: Language) -> Option<&'static Example> {
    match language {
        Language::Rust => None,
        Language::Js => Some(&JS),
        Language::Python => Some(&PYTHON),
        Language::C => Some(&C),
    }
}

/// The files of a new function, by path.
pub(super) fn files(language: Language, name: &Name) -> Vec<(&'static str, String)> {
    let Some(example) = example(language) else {
        return Vec::new();
    };
    let renamed = |text: &str| text.replace(example.name, name.as_str());
    let ignored = [&[OUTPUT], example.ignored].concat().join("\n");
    let files = example.files.iter();
    files
        .map(|(path, text)| (*path, renamed(text)))
        .chain([(".gitignore", ignored + "\n")])
        .collect()
}

/// The lines that get a new function's compiler, to be typed in its folder.
pub(super) fn set_up(language: Language) -> &'static [&'static str] {
    example(language).map_or(&[], |example| example.set_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_function_has_its_own_name_and_says_how_it_is_built() {
        for language in [Language::Js, Language::Python, Language::C] {
            let files = files(language, &"door-bell".parse().expect("a name"));
            let text = |path| &files.iter().find(|(file, _)| *file == path).expect(path).1;
            assert!(text("tidegate.toml").contains("name = \"door-bell\""));
            for line in set_up(language) {
                assert!(text("README.md").contains(line), "{line}");
            }
            for (path, text) in &files {
                assert!(!text.contains("hello-"), "{path}: {text}");
            }
            assert!(files.iter().any(|(path, _)| *path == language.entry()));
        }
    }
}
