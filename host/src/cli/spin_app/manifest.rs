//! `spin.toml`, version 2, as it is written: every key that Spin knows, where each stands, and nothing else.
//!
//! What the keys mean is [`super::translate`]'s business. Contract: the manifest of Spin 4, `crates/manifest` there.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::{Mistake, Source};

/// A whole `spin.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpinManifest {
    #[serde(rename = "spin_manifest_version")]
    _version: IgnoredAny,
    pub(super) application: Application,
    #[serde(default)]
    pub(super) variables: BTreeMap<Spanned<String>, Variable>,
    #[serde(default)]
    pub(super) trigger: Triggers,
    #[serde(default)]
    pub(super) component: BTreeMap<Spanned<String>, Component>,
}

/// `[application]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Application {
    pub(super) name: Spanned<String>,
    #[serde(default, rename = "version")]
    _version: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
    #[serde(default, rename = "targets")]
    _targets: IgnoredAny,
    #[serde(default)]
    pub(super) trigger: TriggerSettings,
    #[serde(default)]
    pub(super) tool: Tools,
}

/// `[application.trigger]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TriggerSettings {
    #[serde(default, rename = "http")]
    _http: Option<IgnoredAny>,
    pub(super) mqtt: Option<MqttSettings>,
    #[serde(default, rename = "cron")]
    _cron: Option<IgnoredAny>,
}

/// `[application.trigger.mqtt]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MqttSettings {
    pub(super) address: Spanned<String>,
    #[serde(default, rename = "username")]
    _username: String,
    #[serde(default, rename = "password")]
    _password: String,
    #[serde(default, rename = "keep_alive_interval")]
    _keep_alive_interval: IgnoredAny,
}

/// `[variables]`: one of the application's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    pub(super) default: Option<String>,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) secret: bool,
    #[serde(default, rename = "description")]
    _description: String,
}

/// `[[trigger.…]]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Triggers {
    #[serde(default)]
    pub(super) http: Vec<Spanned<HttpTrigger>>,
    #[serde(default)]
    pub(super) mqtt: Vec<Spanned<MqttTrigger>>,
    #[serde(default)]
    pub(super) cron: Vec<Spanned<CronTrigger>>,
}

/// A component by its id, or written out in the trigger.
pub(super) type ComponentReference = Spanned<TextOr<Component>>;

/// `[[trigger.http]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpTrigger {
    #[serde(default, rename = "id")]
    pub(super) _id: String,
    pub(super) component: Option<ComponentReference>,
    pub(super) route: Spanned<TextOr<PrivateRoute>>,
    pub(super) executor: Option<Spanned<Executor>>,
    pub(super) static_response: Option<Spanned<WrittenResponse>>,
    pub(super) components: Option<Spanned<IgnoredAny>>,
    pub(super) dependencies: Option<Spanned<IgnoredAny>>,
}

/// `route = { private = true }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrivateRoute {
    pub(super) private: bool,
}

/// `executor = { type = "…" }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Executor {
    #[serde(rename = "type")]
    pub(super) kind: Spanned<String>,
    pub(super) argv: Option<Spanned<String>>,
    pub(super) entrypoint: Option<Spanned<String>>,
}

/// `static_response = { … }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenResponse {
    pub(super) status_code: Option<u16>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) body: String,
}

/// `[[trigger.mqtt]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MqttTrigger {
    #[serde(default, rename = "id")]
    pub(super) _id: String,
    pub(super) component: ComponentReference,
    pub(super) topic: Spanned<String>,
    pub(super) qos: Spanned<String>,
}

/// `[[trigger.cron]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CronTrigger {
    #[serde(default, rename = "id")]
    pub(super) _id: String,
    pub(super) component: ComponentReference,
    pub(super) cron_expression: Spanned<String>,
}

/// `[component.id]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Component {
    pub(super) source: Spanned<TextOr<IgnoredTable>>,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) files: Vec<Spanned<TextOr<Placement>>>,
    #[serde(default)]
    pub(super) exclude_files: Vec<Spanned<String>>,
    pub(super) allowed_http_hosts: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) allowed_outbound_hosts: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) key_value_stores: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) sqlite_databases: Vec<Spanned<String>>,
    pub(super) ai_models: Option<Spanned<Vec<String>>>,
    #[serde(default, rename = "targets")]
    _targets: IgnoredAny,
    pub(super) build: Option<Build>,
    #[serde(default)]
    pub(super) tool: Tools,
    #[serde(default, rename = "dependencies_inherit_configuration")]
    _dependencies_inherit_configuration: IgnoredAny,
    pub(super) dependencies: Option<Spanned<IgnoredTable>>,
    /// Other ways to build and run it; `tidegate` takes none of them.
    #[serde(default, rename = "profile")]
    _profile: IgnoredAny,
}

/// `build = { … }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Build {
    pub(super) command: Commands,
    pub(super) workdir: Option<String>,
    #[serde(default, rename = "watch")]
    _watch: IgnoredAny,
}

/// One command or several, one after another.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Commands {
    One(String),
    Several(Vec<String>),
}

/// `files = [{ source = "…", destination = "…" }]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Placement {
    pub(super) source: String,
    pub(super) destination: String,
}

/// `[….tool]`: of all tools, Tidegate's own settings are looked at.
#[derive(Default, Deserialize)]
pub(super) struct Tools {
    #[serde(default)]
    pub(super) tidegate: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

/// A table whose keys mean nothing here; how many there are.
pub(super) type IgnoredTable = BTreeMap<String, IgnoredAny>;

/// A text, or a table in its place.
pub(super) enum TextOr<T> {
    Text(String),
    Table(Box<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TextOr<T>, D::Error> {
        deserializer.deserialize_any(TextOrTable(PhantomData))
    }
}

struct TextOrTable<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for TextOrTable<T> {
    type Value = TextOr<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a table")
    }

    fn visit_str<E>(self, text: &str) -> Result<TextOr<T>, E> {
        Ok(TextOr::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<TextOr<T>, A::Error> {
        let table = T::deserialize(MapAccessDeserializer::new(table))?;
        Ok(TextOr::Table(Box::new(table)))
    }
}

/// Whether this file is an app's manifest: its name says so, or the key that every one of them begins with.
pub(super) fn is_spin_manifest(file: &Path) -> bool {
    let named = file.file_name().is_some_and(|name| name == "spin.toml");
    let toml = file
        .extension()
        .is_some_and(|extension| extension == "toml");
    named
        || toml
            && std::fs::read_to_string(file)
                .is_ok_and(|text| text.contains("spin_manifest_version"))
}

/// Reads a manifest. Of several mistakes, the first is reported.
pub(super) fn read(source: &Source) -> Result<SpinManifest, Mistake> {
    let syntax =
        |error: toml::de::Error| source.mistake(error.span().unwrap_or_default(), error.message());
    let document = DeTable::parse(source.text()).map_err(syntax)?;
    check_version(source, document.get_ref())?;
    check_triggers(source, document.get_ref())?;
    toml::from_str(source.text()).map_err(syntax)
}

fn check_version(source: &Source, document: &DeTable<'_>) -> Result<(), Mistake> {
    let version = document.iter().find(|(key, _)| {
        ["spin_manifest_version", "spin_version"].contains(&key.get_ref().as_ref())
    });
    let Some((key, value)) = version else {
        let text = "`spin_manifest_version = 2` is missing: is this the manifest of a Spin app?";
        return Err(source.mistake(0..0, text));
    };
    let is_two = matches!(value.get_ref(), DeValue::Integer(number) if number.as_str() == "2");
    if is_two && key.get_ref() == "spin_manifest_version" {
        return Ok(());
    }
    let text = "only manifests of version 2 are read (`spin_manifest_version = 2`): \
        `spin doctor` brings older ones up to date";
    Err(source.mistake(key.span(), text))
}

/// Triggers of other kinds get a better answer than that their key is unknown.
fn check_triggers(source: &Source, document: &DeTable<'_>) -> Result<(), Mistake> {
    let Some(DeValue::Table(triggers)) = document.get("trigger").map(Spanned::get_ref) else {
        return Ok(());
    };
    let served = ["http", "mqtt", "cron"];
    match triggers
        .iter()
        .find(|(kind, _)| !served.contains(&kind.get_ref().as_ref()))
    {
        Some((kind, _)) => {
            let text = format!(
                "`{}` triggers are not served: this host has {}",
                kind.get_ref(),
                served.join(", ")
            );
            Err(source.mistake(kind.span(), &text))
        }
        None => Ok(()),
    }
}
