//! What a Spin app means to Tidegate: one function for each component that a trigger names.
//!
//! Each setting becomes a small manifest of its own, which the manifest's own reader checks: so a mistake is reported
//! in the reader's words, with the line of `spin.toml` that it comes from. What Tidegate cannot honour is an error;
//! nothing is left out silently but `build`, `targets` and profiles, which are of no concern to a host.

mod broker;
mod executor;
mod fragments;
mod own_keys;
mod responses;
mod triggers;
mod variables;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use serde::Deserialize as _;
use toml::{Spanned, Table};

use super::files::{self, LocalFiles};
use super::manifest::{
    Commands, Component, ComponentReference, CronTrigger, HttpTrigger, MqttTrigger, SpinManifest,
    TextOr,
};
use super::secrets::AppSecrets;
use super::source::{Mistake, Source};
use super::variables::Variables;
use crate::model::app::AppMembership;
use crate::model::grant::name_of_label;
use crate::model::manifest::Manifest;
use crate::model::name::Name;
pub(super) use executor::Requests;
use fragments::grant;

/// A Spin app as what is to be uploaded.
pub(in crate::cli) struct App {
    /// Its name.
    pub(in crate::cli) name: Name,
    /// One for each function.
    pub(in crate::cli) functions: Vec<AppFunction>,
    /// What is to be set before they are deployed.
    pub(super) secrets: AppSecrets,
    /// What whoever deploys it ought to know.
    pub(in crate::cli) notes: Vec<String>,
}

/// One function of an app.
pub(in crate::cli) struct AppFunction {
    pub(in crate::cli) name: Name,
    /// Where the component lies; none for the host's own responses.
    pub(in crate::cli) component: Option<PathBuf>,
    pub(in crate::cli) manifest: Manifest,
    pub(in crate::cli) files: LocalFiles,
    /// The commands that build the component, each in a directory.
    pub(in crate::cli) build: Vec<(String, PathBuf)>,
    /// What serves its requests, where it has any.
    pub(super) requests: Option<Requests>,
    /// What the host objects to is reported here.
    at: Range<usize>,
}

impl AppFunction {
    /// The line of `spin.toml` that the function comes from, as a beginning for what the host says of it.
    pub(in crate::cli) fn mistake(&self, source: &Source, what: impl std::fmt::Display) -> Mistake {
        source.mistake(self.at.clone(), what)
    }
}

/// A component with everything that triggers it.
struct Part<'a> {
    id: String,
    name: Name,
    at: Range<usize>,
    component: &'a Component,
    http: Vec<&'a Spanned<HttpTrigger>>,
    mqtt: Vec<&'a Spanned<MqttTrigger>>,
    cron: Vec<&'a Spanned<CronTrigger>>,
}

/// Translates an app. Of several mistakes, the first is reported.
pub(super) fn translate(
    source: &Source,
    spin: &SpinManifest,
    variables: &Variables,
) -> Result<App, Mistake> {
    let translation = Translation {
        source,
        spin,
        variables,
        app: name(
            source,
            &spin.application.name,
            spin.application.name.get_ref(),
        )?,
    };
    translation.check_broker()?;
    translation.check_routes()?;
    let parts = translation.parts()?;
    translation.check_keys_for_all(&parts)?;
    let (mut functions, mut secrets) = (Vec::new(), AppSecrets::new());
    for part in &parts {
        functions.push(translation.function(part, &mut secrets)?);
    }
    functions.extend(translation.responses()?);
    let mut notes = translation.notes(&parts)?;
    for id in spin.component.keys().map(Spanned::get_ref) {
        if !parts.iter().any(|part| part.id == *id) {
            notes.push(format!(
                "the component `{id}` has no trigger, so it is not deployed"
            ));
        }
    }
    if !secrets.is_empty() {
        let names: Vec<&str> = secrets.keys().map(Name::as_str).collect();
        let names = names.join("`, `");
        notes.push(format!(
            "what is secret of its variables is kept as `{names}`: see `tidegate secret`"
        ));
    }
    if functions.is_empty() {
        let text = "the app has no triggers, so there is nothing to deploy";
        return Err(source.mistake(0..0, text));
    }
    Ok(App {
        name: translation.app,
        functions,
        secrets,
        notes,
    })
}

/// Spin's names may have more in them than Tidegate's.
fn name<T>(source: &Source, at: &Spanned<T>, text: &str) -> Result<Name, Mistake> {
    Name::resembling(text).map_err(|error| source.mistake(at.span(), error))
}

struct Translation<'a> {
    source: &'a Source,
    spin: &'a SpinManifest,
    variables: &'a Variables,
    app: Name,
}

impl<'a> Translation<'a> {
    fn mistake<T>(&self, at: &Spanned<T>, what: impl std::fmt::Display) -> Mistake {
        self.source.mistake(at.span(), what)
    }

    /// What whoever deploys the app would not expect.
    fn notes(&self, parts: &[Part<'_>]) -> Result<Vec<String>, Mistake> {
        let renamed = |what: &str, written: &str, name: &Name| {
            let note = || format!("the {what} `{written}` is called `{name}` here");
            (written != name.as_str()).then(note)
        };
        let app = renamed("app", self.spin.application.name.get_ref(), &self.app);
        let mut notes: Vec<String> = app.into_iter().collect();
        notes.extend(self.note_on_messages()?);
        for part in parts {
            notes.extend(renamed("component", &part.id, &part.name));
            notes.extend(self.notes_on_publishing(part)?);
        }
        Ok(notes)
    }

    /// The components that some trigger names, in the order of their names.
    fn parts(&self) -> Result<Vec<Part<'a>>, Mistake> {
        let mut parts = BTreeMap::new();
        let triggers = &self.spin.trigger;
        for trigger in &triggers.http {
            if let Some(component) = &trigger.get_ref().component {
                self.part(&mut parts, component)?.http.push(trigger);
            }
        }
        for trigger in &triggers.mqtt {
            self.part(&mut parts, &trigger.get_ref().component)?
                .mqtt
                .push(trigger);
        }
        for trigger in &triggers.cron {
            self.part(&mut parts, &trigger.get_ref().component)?
                .cron
                .push(trigger);
        }
        Ok(parts.into_values().collect())
    }

    /// The part of the component that a trigger names, or has written out in it.
    fn part<'p>(
        &self,
        parts: &'p mut BTreeMap<Name, Part<'a>>,
        reference: &'a ComponentReference,
    ) -> Result<&'p mut Part<'a>, Mistake> {
        let (id, at, component) = match reference.get_ref() {
            TextOr::Text(id) => {
                let found = self.spin.component.get_key_value(id.as_str());
                let (key, component) = found.ok_or_else(|| {
                    self.mistake(reference, format!("there is no component `{id}`"))
                })?;
                (id.clone(), key.span(), component)
            }
            TextOr::Table(component) => {
                let inline = parts
                    .values()
                    .filter(|part| part.id.starts_with("inline-component"));
                let id = format!("inline-component{}", inline.count() + 1);
                (id, reference.span(), &**component)
            }
        };
        let at = Spanned::new(at, ());
        let name = name(self.source, &at, &id)?;
        let part = parts.entry(name.clone()).or_insert(Part {
            id: id.clone(),
            name,
            at: at.span(),
            component,
            http: Vec::new(),
            mqtt: Vec::new(),
            cron: Vec::new(),
        });
        if !std::ptr::eq(part.component, component) {
            let text = format!(
                "`{}` and `{id}` would both be the function `{}-{}`: rename one of them",
                part.id, self.app, part.name
            );
            return Err(self.mistake(&at, text));
        }
        Ok(part)
    }

    /// The function of a component; what is secret of it goes to `secrets`.
    fn function(&self, part: &Part<'_>, secrets: &mut AppSecrets) -> Result<AppFunction, Mistake> {
        let component = part.component;
        self.check_component(component)?;
        let at = Spanned::new(part.at.clone(), ());
        let function = name(self.source, &at, &format!("{}-{}", self.app, part.name))?;
        let requests = self.requests(part)?;
        let mut manifest = Manifest {
            app: Some(AppMembership {
                name: self.app.clone(),
                component: Some(part.name.clone()),
                private: part.http.iter().all(|trigger| is_private(trigger)),
            }),
            spin_headers: true,
            cgi: requests.as_ref().is_some_and(|requests| requests.wagi),
            environment: component.environment.clone(),
            ..Manifest::default()
        };
        self.add_variables(&function, component, &mut manifest, secrets)?;
        self.add_settings(&mut manifest, component)?;
        self.add_own_keys(&mut manifest, part)?;
        for trigger in &part.http {
            self.add_http(&mut manifest, trigger)?;
        }
        for trigger in &part.mqtt {
            self.add_mqtt(&mut manifest, component, trigger)?;
        }
        for trigger in &part.cron {
            self.add_cron(&mut manifest, component, trigger)?;
        }
        let checked = manifest.check();
        checked.map_err(|error| self.mistake(&at, error))?;
        Ok(AppFunction {
            name: function,
            component: Some(self.path(component)?),
            manifest,
            files: files::collect(self.source, &component.files, &component.exclude_files)?,
            build: self.build(component),
            requests,
            at: part.at.clone(),
        })
    }

    /// Adds a small manifest to a larger one, if it is one.
    fn add<T>(
        &self,
        manifest: &mut Manifest,
        at: &Spanned<T>,
        small: Table,
    ) -> Result<(), Mistake> {
        let small = Manifest::deserialize(small);
        let small = small.map_err(|error| self.mistake(at, error.message()))?;
        manifest.absorb(small);
        Ok(())
    }

    fn check_component(&self, component: &Component) -> Result<(), Mistake> {
        if let Some(models) = component
            .ai_models
            .as_ref()
            .filter(|models| !models.get_ref().is_empty())
        {
            return Err(self.mistake(models, "`ai_models`: this host has no language models"));
        }
        let dependencies = component.dependencies.as_ref();
        if let Some(dependencies) = dependencies.filter(|table| !table.get_ref().is_empty()) {
            let text = "`dependencies` are not put together here: compose the component with `wac` or \
                `wasm-tools compose`, and name the result as its source";
            return Err(self.mistake(dependencies, text));
        }
        let hosts = component.allowed_http_hosts.as_ref();
        if let Some(hosts) = hosts.filter(|hosts| !hosts.get_ref().is_empty()) {
            let text = "`allowed_http_hosts` is no longer read: write `allowed_outbound_hosts`, with a scheme, as in \
                `https://api.example.com`";
            return Err(self.mistake(hosts, text));
        }
        Ok(())
    }

    fn path(&self, component: &Component) -> Result<PathBuf, Mistake> {
        match component.source.get_ref() {
            TextOr::Text(path) => Ok(self.source.directory().join(path)),
            TextOr::Table(_) => {
                let text = "components are not fetched from elsewhere: download this one, and name the file as its source";
                Err(self.mistake(&component.source, text))
            }
        }
    }

    fn build(&self, component: &Component) -> Vec<(String, PathBuf)> {
        let Some(build) = &component.build else {
            return Vec::new();
        };
        let directory = self.source.directory();
        let directory = directory.join(build.workdir.as_deref().unwrap_or_default());
        let commands = match &build.command {
            Commands::One(command) => std::slice::from_ref(command),
            Commands::Several(commands) => commands,
        };
        let within = commands
            .iter()
            .map(|command| (command.clone(), directory.clone()));
        within.collect()
    }

    /// Grants and limits.
    fn add_settings(&self, manifest: &mut Manifest, component: &Component) -> Result<(), Mistake> {
        for host in &component.allowed_outbound_hosts {
            let filled = self.variables.fill(self.source, host)?.text;
            // What a template leaves empty grants nothing.
            if !["", "http://", "https://"].contains(&filled.as_str()) {
                self.add(manifest, host, grant("outbound", &filled))?;
                if broker::is_reached_by(&filled) && !self.narrows_publishing(component) {
                    // Who may connect to Spin's broker may publish to all of its topics.
                    self.add(manifest, host, grant("publish", "#"))?;
                }
            }
        }
        self.add_state(manifest, "buckets", &component.key_value_stores)?;
        self.add_state(manifest, "databases", &component.sqlite_databases)
    }

    /// Key-value stores or databases, by the names of their labels.
    fn add_state(
        &self,
        manifest: &mut Manifest,
        kind: &str,
        labels: &[Spanned<String>],
    ) -> Result<(), Mistake> {
        for (index, label) in labels.iter().enumerate() {
            let name = name_of_label(label.get_ref());
            let alike = |other: &&Spanned<String>| {
                other.get_ref() != label.get_ref() && name_of_label(other.get_ref()) == name
            };
            if let Some(other) = labels[..index].iter().find(alike) {
                let text = format!(
                    "`{}` and `{}` would both be `{name}`, since names have `-` where labels have `_`: use one of them",
                    other.get_ref(),
                    label.get_ref()
                );
                return Err(self.mistake(label, text));
            }
            self.add(manifest, label, grant(kind, &name))?;
        }
        Ok(())
    }
}

fn is_private(trigger: &Spanned<HttpTrigger>) -> bool {
    matches!(trigger.get_ref().route.get_ref(), TextOr::Table(_))
}

#[cfg(test)]
mod tests;
