//! The manifest: triggers, grants, limits and configuration of one function.
//!
//! [`Manifest`] is what was written, in one or several parts that [`Manifest::absorb`] merges; it is also what storage
//! keeps. [`FunctionLimits`] is what its limits mean: defaults filled in, maxima checked.

mod function_limits;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::app::{AppMembership, is_false};
use super::config::ConfigValue;
use super::file::{Files, InvalidFiles, InvalidGuestPath};
use super::grant::{Grants, StateGrant};
use super::method::MethodName;
use super::name::Name;
use super::outbound::{self, Destination, OutboundAuth, OutboundGrant};
use super::quantity::Span;
use super::route::RoutePattern;
use super::schedule::ScheduleTrigger;
use super::static_response::StaticResponse;
use crate::limits;
pub use function_limits::{FunctionLimits, ManifestLimits};
use tidegate_broker::message::QoS;
use tidegate_broker::topic::TopicFilter;

/// A manifest as it was written. Unknown keys are errors that name the key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// The name that `tidegate deploy` takes where it is given no other. The host goes by the upload's path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The app that the function belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppMembership>,
    /// Whether the function is told about its requests by the headers that Spin sets, beside Tidegate's own. On by
    /// itself for components made with a Spin SDK.
    #[serde(default, skip_serializing_if = "is_false")]
    pub spin_headers: bool,
    /// Whether requests go to the component's `wasi:cli/run`, in the CGI manner, also where it exports a handler for
    /// them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cgi: bool,
    /// HTTP routes that start the function.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpTrigger>,
    /// MQTT topic filters that start the function.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mqtt: Vec<MqttTrigger>,
    /// Schedules that start the function.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<ScheduleTrigger>,
    /// What the function may use.
    #[serde(default)]
    pub grants: ManifestGrants,
    /// What one invocation may use up.
    #[serde(default)]
    pub limits: ManifestLimits,
    /// What the function reads through `wasi:config`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, ConfigValue>,
    /// The function's environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// The files that the function reads. Not to be written: made from the parts `file` of the upload.
    #[serde(default, skip_serializing_if = "Files::is_empty")]
    pub files: Files,
}

/// `[[http]]`: one route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpTrigger {
    /// Which paths.
    pub route: RoutePattern,
    /// Which methods; all where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<MethodName>,
    /// What the host answers by itself, without starting the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<StaticResponse>,
}

/// `[[mqtt]]`: one topic filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MqttTrigger {
    /// Which topics.
    pub topic: TopicFilter,
    /// The highest level at which messages are delivered: 0 or 1.
    #[serde(default = "at_least_once")]
    pub qos: QoS,
    /// Whether messages of one topic wait for one another.
    #[serde(default)]
    pub order: Order,
    /// Deliveries of one message before it is given up; the host's default where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Time that a message may wait and be tried before it is given up; the host's default where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Span>,
}

fn at_least_once() -> QoS {
    QoS::AtLeastOnce
}

impl MqttTrigger {
    /// A trigger with nothing but its filter.
    pub fn new(topic: TopicFilter) -> MqttTrigger {
        MqttTrigger {
            topic,
            qos: at_least_once(),
            order: Order::default(),
            attempts: None,
            deadline: None,
        }
    }
}

/// Whether messages of one topic wait for one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Order {
    /// One after another for each topic; different topics in parallel.
    #[default]
    PerTopic,
    /// All in parallel.
    None,
}

/// `[grants]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Grants")]
pub struct ManifestGrants {
    /// Buckets, `name` or `name:ro`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<StateGrant>,
    /// SQL databases, `name` or `name:ro`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<StateGrant>,
    /// Topic filters that cover what may be published to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publish: Vec<TopicFilter>,
    /// Destinations of outbound connections, `scheme://host[:port]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outbound: Vec<OutboundGrant>,
    /// Headers that the host adds to outbound requests, out of sight of the function.
    #[serde(
        default,
        alias = "outbound_auth",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub outbound_auth: Vec<OutboundAuth>,
    /// Secrets that the function reads as it reads its configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Name>,
}

/// Why a manifest that can be read cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidManifest {
    /// A limit outside of what the host allows.
    #[error("limits.{key}: `{given}` is outside of what this host allows: {least} to {most}")]
    Limit {
        /// The key in `[limits]`.
        key: &'static str,
        /// What was written.
        given: String,
        /// The least that is allowed.
        least: String,
        /// The most that is allowed.
        most: String,
    },
    /// A number of attempts outside of what the host allows.
    #[error("{0}.attempts: `{1}` is outside of what this host allows: 1 to {max}", max = limits::ATTEMPTS_MAX)]
    Attempts(&'static str, u32),
    /// A schedule without a time to come.
    #[error(
        "schedule.cron: `{0}` never runs: it names no time to come (a day that its months do not have, or a year that \
         is over)"
    )]
    NeverRuns(String),
    /// More triggers of one kind than [`limits::ROUTES_MAX`] or [`limits::TRIGGERS_MAX`].
    #[error("{0} {1} triggers are too many: a function has at most {2}")]
    TooManyTriggers(usize, &'static str, usize),
    /// More databases than [`limits::SQL_DATABASES_GRANTED_MAX`].
    #[error("grants.databases: {0} databases are too many: a function has at most {max}", max = limits::SQL_DATABASES_GRANTED_MAX)]
    TooManyDatabases(usize),
    /// The same trigger twice.
    #[error("the {0} trigger `{1}` is given twice")]
    DuplicateTrigger(&'static str, String),
    /// A header that the host cannot add.
    #[error("grants.outbound-auth for `{0}`: {1}")]
    OutboundAuth(Destination, &'static str),
    /// More in `[environment]` than a function can have.
    #[error(
        "[environment] has too much in it: at most {entries} variables with {bytes} bytes together",
        entries = limits::ENVIRONMENT_MAX,
        bytes = limits::ENVIRONMENT_BYTES_MAX
    )]
    EnvironmentTooLarge,
    /// Not the name of an environment variable.
    #[error("environment: `{0}` cannot be the name of a variable, or its value has a NUL in it")]
    EnvironmentName(String),
    /// A private function with routes.
    #[error(
        "app.private: only the app's other functions call this one, so it cannot have [[http]] as well"
    )]
    PrivateRoutes,
    /// Files written into a manifest.
    #[error(
        "`files` cannot be written: upload each file as a part `file`, as `tidegate deploy --file` does"
    )]
    FilesWritten,
    /// The path of a file that cannot be one.
    #[error("file {0}")]
    FilePath(#[from] InvalidGuestPath),
    /// Files that cannot be together.
    #[error(transparent)]
    Files(#[from] InvalidFiles),
    /// QoS 2 asked for.
    #[error(
        "mqtt.qos: messages are delivered to functions with QoS 0 or 1 (at least once); `{0}` asks for 2"
    )]
    QoS2(TopicFilter),
    /// Less than a second, or more than the host keeps a message.
    #[error("mqtt.deadline: `{0}` is outside of what this host allows: `1s` to `{max}`", max = Span(limits::MESSAGE_DEADLINE_MAX))]
    Deadline(Span),
}

impl Manifest {
    /// Adds what a later part says: triggers and grants add up, everything else replaces what was said before.
    pub fn absorb(&mut self, later: Manifest) {
        self.name = later.name.or_else(|| self.name.take());
        self.app = later.app.or_else(|| self.app.take());
        self.spin_headers |= later.spin_headers;
        self.cgi |= later.cgi;
        add(&mut self.http, later.http, |a, b| {
            a.route.same_paths(&b.route) && a.methods == b.methods
        });
        add(&mut self.mqtt, later.mqtt, |a, b| a.topic == b.topic);
        add(
            &mut self.schedule,
            later.schedule,
            ScheduleTrigger::same_schedule,
        );
        add(&mut self.grants.buckets, later.grants.buckets, |a, b| {
            a.name == b.name
        });
        add(
            &mut self.grants.databases,
            later.grants.databases,
            |a, b| a.name == b.name,
        );
        add(&mut self.grants.publish, later.grants.publish, |a, b| {
            a == b
        });
        add(&mut self.grants.outbound, later.grants.outbound, |a, b| {
            a == b
        });
        add(
            &mut self.grants.outbound_auth,
            later.grants.outbound_auth,
            |a, b| a.destination == b.destination && a.header.eq_ignore_ascii_case(&b.header),
        );
        add(&mut self.grants.secrets, later.grants.secrets, |a, b| {
            a == b
        });
        self.limits.absorb(later.limits);
        self.config.extend(later.config);
        self.environment.extend(later.environment);
    }

    /// The grants alone.
    pub fn grants(&self) -> Grants {
        Grants {
            buckets: self.grants.buckets.clone(),
            databases: self.grants.databases.clone(),
            publish: self.grants.publish.clone(),
            outbound: self.grants.outbound.clone(),
            outbound_auth: self.grants.outbound_auth.clone(),
            secrets: self.grants.secrets.clone(),
        }
    }

    /// All secrets that the function needs: those it reads, by their own names or as values of `[config]`, and those of
    /// the headers that the host adds.
    pub fn secrets_needed(&self) -> impl Iterator<Item = &Name> {
        let of_headers = self.grants.outbound_auth.iter().map(|auth| &auth.secret);
        let of_config = self.config.values().filter_map(ConfigValue::secret);
        self.grants
            .secrets
            .iter()
            .chain(of_headers)
            .chain(of_config)
    }

    /// The limits, with defaults filled in.
    pub fn limits(&self) -> Result<FunctionLimits, InvalidManifest> {
        self.limits.resolve()
    }

    /// Checks everything that needs no component to be checked against.
    pub fn check(&self) -> Result<(), InvalidManifest> {
        self.limits()?;
        self.check_environment()?;
        if self.app.as_ref().is_some_and(|app| app.private) && !self.http.is_empty() {
            return Err(InvalidManifest::PrivateRoutes);
        }
        for auth in &self.grants.outbound_auth {
            auth.check(&self.grants.outbound)?;
        }
        let counts = [
            (self.http.len(), "http", limits::ROUTES_MAX),
            (self.mqtt.len(), "mqtt", limits::TRIGGERS_MAX),
            (self.schedule.len(), "schedule", limits::TRIGGERS_MAX),
        ];
        for (count, kind, most) in counts {
            if count > most {
                return Err(InvalidManifest::TooManyTriggers(count, kind, most));
            }
        }
        let databases = self.grants.databases.len();
        if databases > limits::SQL_DATABASES_GRANTED_MAX {
            return Err(InvalidManifest::TooManyDatabases(databases));
        }
        for (index, trigger) in self.mqtt.iter().enumerate() {
            if trigger.qos == QoS::ExactlyOnce {
                return Err(InvalidManifest::QoS2(trigger.topic.clone()));
            }
            if self.mqtt[..index]
                .iter()
                .any(|other| other.topic == trigger.topic)
            {
                return Err(InvalidManifest::DuplicateTrigger(
                    "mqtt",
                    trigger.topic.to_string(),
                ));
            }
            check_attempts("mqtt", trigger.attempts)?;
            check_deadline(trigger)?;
        }
        for (index, trigger) in self.http.iter().enumerate() {
            if self.http[..index]
                .iter()
                .any(|other| other.clashes_with(trigger))
            {
                return Err(InvalidManifest::DuplicateTrigger(
                    "http",
                    trigger.route.to_string(),
                ));
            }
        }
        for trigger in &self.schedule {
            check_attempts("schedule", trigger.attempts)?;
        }
        Ok(())
    }
}

fn check_attempts(kind: &'static str, attempts: Option<u32>) -> Result<(), InvalidManifest> {
    match attempts {
        Some(given) if !(1..=limits::ATTEMPTS_MAX).contains(&given) => {
            Err(InvalidManifest::Attempts(kind, given))
        }
        _ => Ok(()),
    }
}

fn check_deadline(trigger: &MqttTrigger) -> Result<(), InvalidManifest> {
    let allowed = Duration::from_secs(1)..=limits::MESSAGE_DEADLINE_MAX;
    match trigger.deadline {
        Some(given) if !allowed.contains(&given.0) => Err(InvalidManifest::Deadline(given)),
        _ => Ok(()),
    }
}

impl Manifest {
    fn check_environment(&self) -> Result<(), InvalidManifest> {
        let bytes = |(name, value): (&String, &String)| name.len() + value.len();
        let total: usize = self.environment.iter().map(bytes).sum();
        if self.environment.len() > limits::ENVIRONMENT_MAX || total > limits::ENVIRONMENT_BYTES_MAX
        {
            return Err(InvalidManifest::EnvironmentTooLarge);
        }
        let wrong = |(name, value): &(&String, &String)| {
            name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
        };
        match self.environment.iter().find(wrong) {
            Some((name, _)) => Err(InvalidManifest::EnvironmentName(name.clone())),
            None => Ok(()),
        }
    }
}

impl HttpTrigger {
    /// A trigger with nothing but its route.
    pub fn new(route: RoutePattern) -> HttpTrigger {
        HttpTrigger {
            route,
            methods: Vec::new(),
            response: None,
        }
    }

    /// Whether some request would match both equally well.
    pub fn clashes_with(&self, other: &HttpTrigger) -> bool {
        let methods_meet = self.methods.is_empty()
            || other.methods.is_empty()
            || self
                .methods
                .iter()
                .any(|method| other.methods.contains(method));
        self.route.same_paths(&other.route) && methods_meet
    }
}

impl OutboundAuth {
    fn check(&self, granted: &[OutboundGrant]) -> Result<(), InvalidManifest> {
        let mistake = if !["http", "https"].contains(&self.destination.scheme()) {
            "only HTTP requests have headers: write `https://…`"
        } else if !outbound::permits(granted, &self.destination) {
            "no grant covers this destination: add it to grants.outbound"
        } else if !outbound::may_add(&self.header) {
            "header: this is not the name of a header that can be added"
        } else if http::HeaderValue::from_str(&self.prefix).is_err() {
            "prefix: a header cannot have these characters"
        } else {
            return Ok(());
        };
        Err(InvalidManifest::OutboundAuth(
            self.destination.clone(),
            mistake,
        ))
    }
}

/// Replaces what is alike and adds the rest.
fn add<T>(items: &mut Vec<T>, later: Vec<T>, alike: impl Fn(&T, &T) -> bool) {
    for item in later {
        match items.iter_mut().find(|existing| alike(existing, &item)) {
            Some(existing) => *existing = item,
            None => items.push(item),
        }
    }
}
