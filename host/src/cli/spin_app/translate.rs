//! What a Spin app means to Tidegate: one function for each component that a trigger names.
//!
//! Each setting becomes a small manifest of its own, which the manifest's own reader checks: so a mistake is reported
//! in the reader's words, with the line of `spin.toml` that it comes from. What Tidegate cannot honour is an error;
//! nothing is left out silently but `build`, `targets` and profiles, which are of no concern to a host.

mod fragments;
mod variables;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use serde::Deserialize as _;
use toml::{Spanned, Table, Value};

use super::files::{self, LocalFiles};
use super::manifest::{
    Commands, Component, ComponentReference, CronTrigger, Executor, HttpTrigger, MqttTrigger,
    SpinManifest, TextOr,
};
use super::routes;
use super::secrets::AppSecrets;
use super::source::{Mistake, Source};
use super::variables::Variables;
use crate::model::app::AppMembership;
use crate::model::manifest::{self as model, Manifest};
use crate::model::name::Name;
use crate::model::route::RoutePattern;
use crate::model::static_response::StaticResponse;
use fragments::{grant, insert_into_last, nested, trigger_table};

/// A Spin app as what is to be uploaded.
pub(in crate::cli) struct App {
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
    let (mut functions, mut secrets) = (Vec::new(), AppSecrets::new());
    for part in &parts {
        functions.push(translation.function(part, &mut secrets)?);
    }
    functions.extend(translation.responses()?);
    let mut notes = Vec::new();
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
        functions,
        secrets,
        notes,
    })
}

/// Spin's names may have capitals, and Tidegate's may not.
fn name<T>(source: &Source, at: &Spanned<T>, text: &str) -> Result<Name, Mistake> {
    let name = text.to_lowercase().parse();
    name.map_err(|error| source.mistake(at.span(), error))
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

    /// The components that some trigger names, in the order of their ids.
    fn parts(&self) -> Result<Vec<Part<'a>>, Mistake> {
        let mut parts: BTreeMap<String, Part<'a>> = BTreeMap::new();
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
        parts: &'p mut BTreeMap<String, Part<'a>>,
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
                let inline = parts.keys().filter(|id| id.starts_with("inline-component"));
                let id = format!("inline-component{}", inline.count() + 1);
                (id, reference.span(), &**component)
            }
        };
        Ok(parts.entry(id.clone()).or_insert(Part {
            id,
            at,
            component,
            http: Vec::new(),
            mqtt: Vec::new(),
            cron: Vec::new(),
        }))
    }

    /// The function of a component; what is secret of it goes to `secrets`.
    fn function(&self, part: &Part<'_>, secrets: &mut AppSecrets) -> Result<AppFunction, Mistake> {
        let component = part.component;
        self.check_component(component)?;
        let at = Spanned::new(part.at.clone(), ());
        let function = name(self.source, &at, &format!("{}-{}", self.app, part.id))?;
        let mut manifest = Manifest {
            app: Some(AppMembership {
                name: self.app.clone(),
                component: Some(name(self.source, &at, &part.id)?),
                private: part.http.iter().all(|trigger| is_private(trigger)),
            }),
            spin_headers: true,
            environment: component.environment.clone(),
            ..Manifest::default()
        };
        self.add_variables(&function, component, &mut manifest, secrets)?;
        self.add_settings(&mut manifest, component)?;
        for trigger in &part.http {
            self.add_http(&mut manifest, trigger)?;
        }
        for trigger in &part.mqtt {
            self.add_mqtt(&mut manifest, component, trigger)?;
        }
        for trigger in &part.cron {
            let expression = trigger.get_ref().cron_expression.clone();
            let fields = [("cron", Value::from(expression.get_ref().as_str()))];
            self.add(
                &mut manifest,
                &expression,
                trigger_table("schedule", fields),
            )?;
        }
        let checked = manifest.check();
        checked.map_err(|error| self.mistake(&at, error))?;
        Ok(AppFunction {
            name: function,
            component: Some(self.path(component)?),
            manifest,
            files: files::collect(self.source, &component.files, &component.exclude_files)?,
            build: self.build(component),
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
                if is_own_broker(&filled) && !self.narrows_publishing(component) {
                    // Who may connect to Spin's broker may publish to all of its topics.
                    self.add(manifest, host, grant("publish", "#"))?;
                }
            }
        }
        for store in &component.key_value_stores {
            self.add(manifest, store, grant("buckets", store.get_ref()))?;
        }
        for database in &component.sqlite_databases {
            self.add(manifest, database, grant("databases", database.get_ref()))?;
        }
        for tools in [&self.spin.application.tool, &component.tool] {
            for (key, value) in &tools.tidegate {
                self.add_own(manifest, key, value)?;
            }
        }
        Ok(())
    }

    fn narrows_publishing(&self, component: &Component) -> bool {
        let tools = [&self.spin.application.tool, &component.tool];
        tools
            .iter()
            .any(|tool| tool.tidegate.contains_key("publish"))
    }

    /// A key of Tidegate's own: a limit, or what may be published to. Those of MQTT triggers are theirs.
    fn add_own(
        &self,
        manifest: &mut Manifest,
        key: &Spanned<String>,
        value: &Spanned<Value>,
    ) -> Result<(), Mistake> {
        let table = match key.get_ref().as_str() {
            "attempts" | "order" => return Ok(()),
            name @ ("publish" | "secrets") => nested("grants", name, value.get_ref().clone()),
            name => nested("limits", name, value.get_ref().clone()),
        };
        self.add(manifest, key, table)
    }

    fn add_http(
        &self,
        manifest: &mut Manifest,
        trigger: &Spanned<HttpTrigger>,
    ) -> Result<(), Mistake> {
        let written = trigger.get_ref();
        if let Some(response) = &written.static_response {
            let text = "a trigger has either a component or a static_response";
            return Err(self.mistake(response, text));
        }
        if let Some(executor) = &written.executor {
            self.add_executor(manifest, executor.get_ref())?;
        }
        let routes = self
            .routes(trigger)?
            .into_iter()
            .map(model::HttpTrigger::new);
        manifest.http.extend(routes);
        Ok(())
    }

    fn add_executor(&self, manifest: &mut Manifest, executor: &Executor) -> Result<(), Mistake> {
        let wagi = match executor.kind.get_ref().as_str() {
            "http" | "spin" => false,
            "wagi" => true,
            other => {
                let text = format!("there is no executor `{other}`: use `http` or `wagi`");
                return Err(self.mistake(&executor.kind, text));
            }
        };
        let of_wagi = [&executor.argv, &executor.entrypoint]
            .into_iter()
            .flatten()
            .next();
        if let Some(setting) = of_wagi.filter(|_| !wagi) {
            return Err(self.mistake(setting, "only the executor `wagi` takes this"));
        }
        let entrypoint = executor.entrypoint.as_ref();
        if let Some(other) = entrypoint.filter(|entrypoint| entrypoint.get_ref() != "_start") {
            return Err(self.mistake(other, "a program begins at `_start`; remove `entrypoint`"));
        }
        let _ = manifest;
        match &executor.argv {
            Some(argv) if argv.get_ref() != "${SCRIPT_NAME} ${ARGS}" => Err(self.mistake(
                argv,
                "programs get no other arguments than `${SCRIPT_NAME} ${ARGS}`",
            )),
            _ => Ok(()),
        }
    }

    /// The patterns of a trigger: none where it is private.
    fn routes(&self, trigger: &Spanned<HttpTrigger>) -> Result<Vec<RoutePattern>, Mistake> {
        let written = trigger.get_ref();
        let composed = [&written.components, &written.dependencies];
        if let Some(composed) = composed.into_iter().flatten().next() {
            let text = "middleware is not put together here: compose the components with `wac`, and name the result";
            return Err(self.mistake(composed, text));
        }
        match written.route.get_ref() {
            TextOr::Text(route) => {
                routes::translate(route).map_err(|error| self.mistake(&written.route, error))
            }
            TextOr::Table(route) if route.private => Ok(Vec::new()),
            TextOr::Table(_) => {
                let text = "a route is a text, as in `/users/:id`, or `{ private = true }`";
                Err(self.mistake(&written.route, text))
            }
        }
    }

    /// Spin lets the last of two triggers with the same route win. Here it is a mistake.
    fn check_routes(&self) -> Result<(), Mistake> {
        let mut taken: Vec<(RoutePattern, Range<usize>)> = Vec::new();
        for trigger in &self.spin.trigger.http {
            let route = &trigger.get_ref().route;
            for pattern in self.routes(trigger)? {
                if let Some((_, first)) = taken.iter().find(|(other, _)| other.same_paths(&pattern))
                {
                    let first = self.source.mistake(first.clone(), "");
                    let text = format!(
                        "this route is taken by the trigger in line {}: a path starts one function",
                        first.line()
                    );
                    return Err(self.mistake(route, text));
                }
                taken.push((pattern, route.span()));
            }
        }
        Ok(())
    }

    fn add_mqtt(
        &self,
        manifest: &mut Manifest,
        component: &Component,
        trigger: &Spanned<MqttTrigger>,
    ) -> Result<(), Mistake> {
        let MqttTrigger { topic, qos, .. } = trigger.get_ref();
        let filled = self.variables.fill(self.source, topic)?.text;
        let level = match qos.get_ref().as_str() {
            "0" => 0,
            "1" => 1,
            _ => {
                let text =
                    "messages are delivered to functions with QoS \"0\" or \"1\" (at least once)";
                return Err(self.mistake(qos, text));
            }
        };
        let fields = [("topic", Value::from(filled)), ("qos", Value::from(level))];
        self.add(manifest, topic, trigger_table("mqtt", fields.clone()))?;
        for tools in [&self.spin.application.tool, &component.tool] {
            for (key, value) in &tools.tidegate {
                if !["attempts", "order"].contains(&key.get_ref().as_str()) {
                    continue;
                }
                let mut table = trigger_table("mqtt", fields.clone());
                insert_into_last(&mut table, "mqtt", key.get_ref(), value.get_ref().clone());
                self.add_mqtt_own(manifest, key, table)?;
            }
        }
        Ok(())
    }

    /// A trigger that is there already, with one more key: what it had stays.
    fn add_mqtt_own(
        &self,
        manifest: &mut Manifest,
        key: &Spanned<String>,
        table: Table,
    ) -> Result<(), Mistake> {
        let mut read = Manifest::default();
        self.add(&mut read, key, table)?;
        let (Some(new), Some(last)) = (read.mqtt.pop(), manifest.mqtt.last_mut()) else {
            return Ok(());
        };
        match key.get_ref().as_str() {
            "attempts" => last.attempts = new.attempts,
            _ => last.order = new.order,
        }
        Ok(())
    }

    /// There is one broker: the host's own.
    fn check_broker(&self) -> Result<(), Mistake> {
        let Some(first) = self.spin.trigger.mqtt.first() else {
            return Ok(());
        };
        let Some(settings) = &self.spin.application.trigger.mqtt else {
            let text = "[application.trigger.mqtt] with the broker's `address` is missing";
            return Err(self.mistake(first, text));
        };
        let address = self.variables.fill(self.source, &settings.address)?.text;
        if is_own_broker(&address) {
            return Ok(());
        }
        let text = format!(
            "`{address}` is another machine's broker, and messages come from this host's own only: let that broker \
             forward them here, and write `mqtt://localhost:1883`"
        );
        Err(self.mistake(&settings.address, text))
    }

    /// The function of the responses that the host gives by itself, if there are any.
    fn responses(&self) -> Result<Option<AppFunction>, Mistake> {
        let mut manifest = Manifest {
            app: Some(AppMembership {
                name: self.app.clone(),
                component: None,
                private: false,
            }),
            ..Manifest::default()
        };
        let mut at = None;
        for trigger in &self.spin.trigger.http {
            let written = trigger.get_ref();
            let Some(response) = &written.static_response else {
                if written.component.is_none() {
                    let text = "a trigger needs a component or a static_response";
                    return Err(self.mistake(trigger, text));
                }
                continue;
            };
            at.get_or_insert(trigger.span());
            let given = response.get_ref();
            let (status, headers) = (given.status_code.unwrap_or(200), given.headers.clone());
            let own = StaticResponse::new(status, headers, given.body.clone());
            let own = own.map_err(|error| self.mistake(response, error))?;
            let patterns = self.routes(trigger)?;
            if patterns.is_empty() {
                let text = "nothing calls a response that is private: give it a route";
                return Err(self.mistake(&written.route, text));
            }
            manifest
                .http
                .extend(patterns.into_iter().map(|route| model::HttpTrigger {
                    response: Some(own.clone()),
                    ..model::HttpTrigger::new(route)
                }));
        }
        Ok(at.map(|at| AppFunction {
            name: self.app.clone(),
            component: None,
            manifest,
            files: LocalFiles::new(),
            build: Vec::new(),
            at,
        }))
    }
}

fn is_private(trigger: &Spanned<HttpTrigger>) -> bool {
    matches!(trigger.get_ref().route.get_ref(), TextOr::Table(_))
}

/// Whether an address is that of this machine's broker, as far as it can be told from here.
fn is_own_broker(address: &str) -> bool {
    let Some(authority) = address.strip_prefix("mqtt://") else {
        return false;
    };
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<std::net::IpAddr>();
    ["localhost", "tidegate.internal"].contains(&host)
        || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
