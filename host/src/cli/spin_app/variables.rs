//! The application's variables, and the templates that are filled in with them.

use std::collections::BTreeMap;

use toml::Spanned;

use super::manifest::Variable;
use super::source::{Mistake, Source};

/// The environment's prefix for values of variables, as Spin has it.
const ENVIRONMENT_PREFIX: &str = "SPIN_VARIABLE_";

/// The values of all variables.
pub(super) struct Variables(BTreeMap<String, Value>);

struct Value {
    text: String,
    secret: bool,
}

/// A text whose templates are filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) text: String,
    /// Whether some of it came from a variable that is secret.
    pub(super) secret: bool,
}

impl Variables {
    /// Takes each value from what was `given` on the command line, else from the environment, else its default.
    pub(super) fn resolve(
        source: &Source,
        declared: &BTreeMap<Spanned<String>, Variable>,
        given: &[(String, String)],
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Variables, Mistake> {
        let mut values = BTreeMap::new();
        for (name, variable) in declared {
            let mistake = |what: String| source.mistake(name.span(), what);
            let name = name.get_ref();
            if !is_variable_name(name) {
                return Err(mistake(format!(
                    "`{name}` is not the name of a variable: use lower case, digits and single `_`"
                )));
            }
            if variable.required == variable.default.is_some() {
                let text =
                    format!("the variable `{name}` must either be `required` or have a `default`");
                return Err(mistake(text));
            }
            let upper = format!("{ENVIRONMENT_PREFIX}{}", name.to_uppercase());
            let text = given.iter().rev().find(|(other, _)| other == name);
            let text = text.map(|(_, text)| text.clone());
            let text = text
                .or_else(|| environment(&upper))
                .or_else(|| variable.default.clone());
            let text = text.ok_or_else(|| {
                mistake(format!(
                    "the variable `{name}` has no value: pass --variable {name}=…, or set {upper}"
                ))
            })?;
            let secret = variable.secret;
            values.insert(name.clone(), Value { text, secret });
        }
        Ok(Variables(values))
    }

    /// Whether there is a variable of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text with each `{{ name }}` replaced by the variable's value, once: values are not templates.
    pub(super) fn fill(&self, source: &Source, text: &Spanned<String>) -> Result<Filled, Mistake> {
        let mistake = |what: &str| source.mistake(text.span(), what);
        let mut filled = Filled {
            text: String::new(),
            secret: false,
        };
        let mut rest = text.get_ref().as_str();
        while let Some((before, template)) = rest.split_once("{{") {
            filled.text += before;
            let ended = template.split_once("}}");
            let (name, after) = ended.ok_or_else(|| mistake("`{{` without `}}`"))?;
            let name = name.trim();
            let value = self
                .0
                .get(name)
                .ok_or_else(|| mistake(&format!("there is no variable `{name}` in [variables]")))?;
            filled.text += &value.text;
            filled.secret |= value.secret;
            rest = after;
        }
        filled.text += rest;
        Ok(filled)
    }
}

/// Words of lower case and digits, each beginning with a letter, with `_` between them.
pub(super) fn is_variable_name(name: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word
                .bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    name.split('_').all(word)
}

#[cfg(test)]
mod tests {
    use super::super::manifest;
    use super::*;

    const MANIFEST: &str = "spin_manifest_version = 2
[application]
name = \"a\"
[variables]
host = { default = \"localhost\" }
token = { required = true, secret = true }
";

    fn resolve(
        text: &str,
        given: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Result<Variables, String> {
        let source = Source::of_text(text);
        let manifest = manifest::read(&source).map_err(|error| error.to_string())?;
        let given: Vec<_> = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let environment = |name: &str| {
            let found = environment.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Variables::resolve(&source, &manifest.variables, &given, environment)
            .map_err(|error| error.to_string())
    }

    fn fill(variables: &Variables, text: &str) -> Result<Filled, String> {
        let source = Source::of_text("");
        let filled = variables.fill(&source, &Spanned::new(0..0, text.to_owned()));
        filled.map_err(|error| error.to_string())
    }

    #[test]
    fn templates_are_filled_in() {
        let variables = resolve(MANIFEST, &[("token", "t")], &[]).expect("resolved");
        for (text, expected, secret) in [
            ("", "", false),
            ("plain", "plain", false),
            ("{{ host }}", "localhost", false),
            ("{{host}}", "localhost", false),
            (
                "http://{{ host }}:{{ host }}/",
                "http://localhost:localhost/",
                false,
            ),
            ("{{ token }}", "t", true),
            ("} { }}", "} { }}", false),
        ] {
            let expected = Filled {
                text: expected.to_owned(),
                secret,
            };
            assert_eq!(fill(&variables, text), Ok(expected), "{text}");
        }
        for text in [
            "{{ host",
            "{{ other }}",
            "{{ }}",
            "{{ {{ host }} }}",
            "{{ HOST }}",
        ] {
            let error = fill(&variables, text).expect_err(text);
            assert!(error.starts_with("spin.toml:1: "), "{error}");
        }
    }

    #[test]
    fn a_value_comes_from_the_command_line_then_the_environment_then_its_default() {
        let both = [("token", "given")];
        let environment = [("SPIN_VARIABLE_TOKEN", "set"), ("SPIN_VARIABLE_HOST", "h")];
        let value = |variables: &Variables, name: &str| variables.0[name].text.clone();
        let variables = resolve(MANIFEST, &both, &environment).expect("resolved");
        assert_eq!(value(&variables, "token"), "given");
        assert_eq!(value(&variables, "host"), "h");
        let variables = resolve(MANIFEST, &[], &environment).expect("resolved");
        assert_eq!(value(&variables, "token"), "set");
        let error = resolve(MANIFEST, &[], &[])
            .map(|_| ())
            .expect_err("no value");
        assert!(
            error.starts_with("spin.toml:6: the variable `token` has no value"),
            "{error}"
        );
        assert!(error.contains("SPIN_VARIABLE_TOKEN"), "{error}");
    }

    #[test]
    fn variables_that_make_no_sense_are_refused() {
        for line in [
            "a = { }",
            "a = { required = true, default = \"x\" }",
            "A = { default = \"\" }",
            "a-b = { default = \"\" }",
            "a__b = { default = \"\" }",
            "1a = { default = \"\" }",
            "a = { defualt = \"\" }",
            "a = \"x\"",
        ] {
            let text = format!("{MANIFEST}{line}\n");
            let error = resolve(&text, &[("token", "t")], &[]).map(|_| ());
            let error = error.expect_err(line);
            assert!(error.starts_with("spin.toml:7: "), "{line}: {error}");
        }
    }
}
