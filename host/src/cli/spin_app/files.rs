//! The files of a component: which of those in the app's directory, and where the guest sees them.
//!
//! Only regular files below the app's directory are taken. A symbolic link to what lies elsewhere is refused, and one
//! that stays below is followed for files only, so that no directory is walked twice.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};
use toml::Spanned;

use super::manifest::{Placement, TextOr};
use super::source::{Mistake, Source};
use crate::limits::{FILE_PATH_SEGMENTS_MAX, FILES_MAX};
use crate::model::file::GuestPath;

/// Where each file comes from, by where the guest sees it.
pub(in crate::cli) type LocalFiles = BTreeMap<GuestPath, PathBuf>;

/// In `files`, `*` stops at a slash; in `exclude_files` it does not. Both as with Spin.
const IN_FILES: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Collects what `files` names, without what `exclude_files` names.
pub(super) fn collect(
    source: &Source,
    files: &[Spanned<TextOr<Placement>>],
    exclude_files: &[Spanned<String>],
) -> Result<LocalFiles, Mistake> {
    if files.is_empty() {
        return Ok(LocalFiles::new());
    }
    let root = source.directory().canonicalize();
    let root = root.map_err(|error| source.mistake(files[0].span(), error))?;
    let excluded = exclude_files
        .iter()
        .map(|text| pattern(text.get_ref()).map_err(|what| source.mistake(text.span(), what)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut collected = LocalFiles::new();
    for entry in files {
        let walk = Walk {
            root: &root,
            excluded: &excluded,
            collected: &mut collected,
        };
        let done = match entry.get_ref() {
            TextOr::Text(text) => walk.take_pattern(text),
            TextOr::Table(placement) => walk.take_placement(placement),
        };
        done.map_err(|what| source.mistake(entry.span(), what))?;
    }
    Ok(collected)
}

fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::new(text).map_err(|error| format!("`{text}` is not a pattern: {error}"))
}

/// A path below the root, in its plainest form.
fn below(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            _ => {
                return Err(format!(
                    "`{text}` lies outside of the app's directory: copy what is needed below it"
                ));
            }
        }
    }
    Ok(plain)
}

struct Walk<'a> {
    root: &'a Path,
    excluded: &'a [Pattern],
    collected: &'a mut LocalFiles,
}

impl Walk<'_> {
    /// A file, a directory, or a pattern of files; the guest sees them under the path that they have here.
    fn take_pattern(mut self, text: &str) -> Result<(), String> {
        let plain = below(text)?;
        let path = self.root.join(&plain);
        if path.is_dir() {
            return self.take_directory(&plain, &plain, &plain, &|_| true);
        }
        if path.exists() {
            return self.take(&plain, &plain);
        }
        if !text.contains(['*', '?', '[']) {
            return Err(format!(
                "there is no file `{text}`, and it is not a pattern"
            ));
        }
        let matching = pattern(&plain.to_string_lossy())?;
        let matches = |path: &Path| matching.matches_path_with(path, IN_FILES);
        let fixed = plain
            .components()
            .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']));
        let fixed: PathBuf = fixed.collect();
        if !self.root.join(&fixed).is_dir() {
            return Err(format!(
                "`{text}`: there is no directory `{}`",
                fixed.display()
            ));
        }
        self.take_directory(&fixed, Path::new(""), Path::new(""), &matches)
    }

    /// A file or a directory that the guest sees elsewhere.
    fn take_placement(mut self, placement: &Placement) -> Result<(), String> {
        let plain = below(&placement.source)?;
        let destination = placement.destination.trim_start_matches('/');
        let destination = below(destination)
            .map_err(|_| format!("`{}` is not a path in the guest", placement.destination))?;
        let path = self.root.join(&plain);
        if path.is_dir() {
            return self.take_directory(&plain, &plain, &destination, &|_| true);
        }
        if !path.exists() {
            return Err(format!(
                "there is no file or directory `{}`",
                placement.source
            ));
        }
        self.take(&plain, &destination)
    }

    /// The files in a directory and below that `wanted` says yes to; each moves from below `from` to below `to`.
    fn take_directory(
        &mut self,
        directory: &Path,
        from: &Path,
        to: &Path,
        wanted: &dyn Fn(&Path) -> bool,
    ) -> Result<(), String> {
        if directory.components().count() > FILE_PATH_SEGMENTS_MAX {
            return Err(format!("`{}` lies too deep", directory.display()));
        }
        let unreadable =
            |error: std::io::Error| format!("cannot read `{}`: {error}", directory.display());
        for entry in fs::read_dir(self.root.join(directory)).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = directory.join(entry.file_name());
            let kind = entry.file_type().map_err(unreadable)?;
            if self.is_excluded(&path) {
                continue;
            }
            if kind.is_dir() {
                self.take_directory(&path, from, to, wanted)?;
            } else if self.root.join(&path).is_dir() {
                return Err(format!(
                    "`{}` is a link to a directory: copy the directory itself, or name it in `exclude_files`",
                    path.display()
                ));
            } else if wanted(&path) && self.root.join(&path).is_file() {
                let moved = path.strip_prefix(from).unwrap_or(&path);
                self.take(&path, &to.join(moved))?;
            }
        }
        Ok(())
    }

    fn is_excluded(&self, path: &Path) -> bool {
        let matches = |pattern: &Pattern| pattern.matches_path(path);
        self.excluded.iter().any(matches)
    }

    fn take(&mut self, path: &Path, guest_path: &Path) -> Result<(), String> {
        if self.is_excluded(path) {
            return Ok(());
        }
        let real = self.root.join(path).canonicalize();
        let real = real.map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        if !real.starts_with(self.root) {
            return Err(format!(
                "`{}` is a link to a file outside of the app's directory: copy the file itself",
                path.display()
            ));
        }
        let guest_path = guest_path
            .to_str()
            .ok_or_else(|| format!("the name of `{}` is not UTF-8", path.display()))?;
        let guest_path: GuestPath = guest_path.parse().map_err(|error| format!("{error}"))?;
        self.collected.insert(guest_path, real);
        if self.collected.len() > FILES_MAX {
            return Err(format!("more than {FILES_MAX} files: name fewer"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::{self, SpinManifest};
    use super::*;

    /// An app's directory with these files, beside one that is not the app's.
    fn directory() -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        for path in [
            "app/a.txt",
            "app/site/b.css",
            "app/site/deep/c.js",
            "app/site/.hidden",
            "app/linked/here.txt",
            "secret",
        ] {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, "x").expect("written");
        }
        directory
    }

    fn paths(directory: &Path, files: &str, excluded: &str) -> Result<Vec<String>, String> {
        let text = format!(
            "spin_manifest_version = 2\napplication.name = \"a\"\n[component.c]\nsource = \"c.wasm\"\n\
             files = {files}\nexclude_files = {excluded}\n"
        );
        let path = directory.join("app/spin.toml");
        fs::write(&path, text).expect("written");
        let source = Source::read(&path).expect("read");
        let manifest: SpinManifest = manifest::read(&source).map_err(|error| error.to_string())?;
        let component = manifest.component.values().next().expect("one");
        let files = collect(&source, &component.files, &component.exclude_files);
        let files = files.map_err(|error| error.to_string())?;
        Ok(files.keys().map(ToString::to_string).collect())
    }

    #[test]
    fn files_are_found() {
        let directory = directory();
        let check = |files: &str, excluded: &str, expected: &[&str]| {
            let found = paths(directory.path(), files, excluded);
            assert_eq!(
                found.as_deref(),
                Ok(&expected
                    .iter()
                    .map(|path| (*path).to_owned())
                    .collect::<Vec<_>>()[..]),
                "{files}"
            );
        };
        let site = ["site/.hidden", "site/b.css", "site/deep/c.js"];
        check("[\"a.txt\"]", "[]", &["a.txt"]);
        check("[\"./a.txt\"]", "[]", &["a.txt"]);
        check("[\"site\"]", "[]", &site);
        check("[\"site/**/*\"]", "[]", &site);
        check("[\"site/*\"]", "[]", &site[..2]);
        check(
            "[\"*.txt\", \"site/*.css\"]",
            "[]",
            &["a.txt", "site/b.css"],
        );
        check("[\"**/*.js\"]", "[]", &site[2..]);
        check("[\"site/*.none\"]", "[]", &[]);
        check("[\"site\"]", "[\"site/*.js\"]", &site[..2]);
        check(
            "[{ source = \"site\", destination = \"/\" }]",
            "[]",
            &[".hidden", "b.css", "deep/c.js"],
        );
        check(
            "[{ source = \"site/deep\", destination = \"/x\" }]",
            "[]",
            &["x/c.js"],
        );
        check(
            "[{ source = \"a.txt\", destination = \"b/c.txt\" }]",
            "[]",
            &["b/c.txt"],
        );
    }

    #[test]
    fn what_lies_elsewhere_is_refused() {
        let directory = directory();
        let link = |from: &str, to: &str| {
            std::os::unix::fs::symlink(directory.path().join(to), directory.path().join(from))
        };
        link("app/site/stolen", "secret").expect("a link");
        link("app/outside", "").expect("a link");
        link("app/linked/there", "app/site").expect("a link");
        for files in [
            "[\"../secret\"]",
            "[\"/etc/passwd\"]",
            "[\"site/stolen\"]",
            "[\"site\"]",
            "[\"outside/secret\"]",
            "[\"linked\"]",
            "[\"a.txt\", \"b.txt\"]",
            "[\"none/*\"]",
            "[\"[\"]",
            "[{ source = \"../secret\", destination = \"/\" }]",
            "[{ source = \"a.txt\", destination = \"../a\" }]",
            "[{ source = \"a.txt\", destination = \"/\" }]",
            "[{ source = \"b.txt\", destination = \"/b\" }]",
            "[{ source = \"a.txt\" }]",
        ] {
            let error = paths(directory.path(), files, "[]").expect_err(files);
            assert!(error.starts_with("spin.toml:5: "), "{files}: {error}");
        }
        let error = paths(directory.path(), "[\"a.txt\"]", "[\"[\"]").expect_err("no pattern");
        assert!(error.starts_with("spin.toml:6: "), "{error}");
    }
}
