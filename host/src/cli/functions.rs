//! `tidegate functions`: what is deployed, and removing it. Also what a function looks like in the API's answers.

use std::io::{self, Write};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::{AdminClient, ClientArgs};
use super::input;
use super::print::{self, Paint, Table};
use crate::model::name::Name;
use crate::model::route::RoutePattern;

/// `tidegate functions`; lists, where no subcommand follows.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct FunctionsArgs {
    #[command(subcommand)]
    command: Option<FunctionsCommand>,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(clap::Subcommand)]
enum FunctionsCommand {
    /// List all functions
    List {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show one function: its triggers, URLs and manifest
    Show {
        /// The function's name
        name: Name,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Delete a function with all of its revisions
    Delete {
        /// The function's name
        name: Name,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// What becomes of MQTT messages that it has not handled, and of its dead letters
        #[arg(long, value_name = "WHAT")]
        inbox: Option<InboxDisposal>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// List a function's revisions
    Revisions {
        /// The function's name
        name: Name,
        #[command(flatten)]
        client: ClientArgs,
    },
}

/// What becomes of a deleted function's messages.
#[derive(Clone, Copy, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum InboxDisposal {
    /// They wait for a function of the same name
    Keep,
    /// They are gone
    Drop,
}

/// A function, as the API describes it; the list leaves out the manifest, a deployment the counts.
#[derive(Deserialize)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) revision: u64,
    pub(super) digest: String,
    pub(super) created_at: String,
    pub(super) app: Option<App>,
    pub(super) component_bytes: Option<u64>,
    /// Whether the request made a new revision.
    #[serde(default)]
    pub(super) created: bool,
    #[serde(default)]
    pub(super) triggers: Triggers,
    #[serde(default)]
    pub(super) urls: Vec<String>,
    /// Of a deployment: what the function may use, whoever asked for it.
    #[serde(default)]
    pub(super) grants: Map<String, Value>,
    #[serde(default)]
    pub(super) warnings: Vec<String>,
    #[serde(default)]
    invocations: u64,
    #[serde(default)]
    failures: u64,
    manifest: Option<Value>,
}

/// The app that a function belongs to.
#[derive(Deserialize)]
pub(super) struct App {
    pub(super) name: String,
    /// What the app's other functions call it.
    pub(super) component: Option<String>,
}

/// What starts a function.
#[derive(Default, Deserialize)]
pub(super) struct Triggers {
    #[serde(default)]
    pub(super) http: Vec<HttpTrigger>,
    #[serde(default)]
    pub(super) mqtt: Vec<MqttTrigger>,
    #[serde(default)]
    pub(super) schedule: Vec<ScheduleTrigger>,
}

/// A route.
#[derive(Deserialize)]
pub(super) struct HttpTrigger {
    pub(super) route: String,
    #[serde(default)]
    pub(super) methods: Vec<String>,
}

/// A topic filter.
#[derive(Deserialize)]
pub(super) struct MqttTrigger {
    pub(super) topic: String,
    qos: u8,
    order: String,
}

/// A schedule.
#[derive(Deserialize)]
pub(super) struct ScheduleTrigger {
    cron: String,
    timezone: String,
    /// Its next times, soonest first.
    #[serde(default)]
    next_runs: Vec<String>,
}

/// All functions of a host.
#[derive(Deserialize)]
pub(super) struct FunctionList {
    pub(super) functions: Vec<Function>,
}

#[derive(Deserialize)]
struct RevisionList {
    revisions: Vec<Revision>,
}

#[derive(Deserialize)]
struct Revision {
    revision: u64,
    digest: String,
    component_bytes: u64,
    created_at: String,
    created_by: Option<String>,
    active: bool,
}

/// Runs `tidegate functions`.
pub(super) async fn run(args: FunctionsArgs) -> anyhow::Result<()> {
    match args.command {
        None => list(&args.client).await,
        Some(FunctionsCommand::List { client }) => list(&client).await,
        Some(FunctionsCommand::Show { name, client }) => show(&name, &client).await,
        Some(FunctionsCommand::Delete {
            name,
            yes,
            inbox,
            client,
        }) => {
            if !yes {
                input::confirm(&name, "all of its revisions")?;
            }
            delete(&name, inbox, &client).await
        }
        Some(FunctionsCommand::Revisions { name, client }) => revisions(&name, &client).await,
    }
}

impl Triggers {
    /// One line for each trigger.
    pub(super) fn lines(&self) -> Vec<String> {
        let http = self.http.iter().map(HttpTrigger::line);
        let mqtt = self.mqtt.iter().map(MqttTrigger::line);
        let schedule = self.schedule.iter().map(ScheduleTrigger::line);
        http.chain(mqtt).chain(schedule).collect()
    }
}

impl HttpTrigger {
    /// Whether some request would match both equally well.
    pub(super) fn clashes_with(&self, other: &HttpTrigger) -> bool {
        let pattern = |trigger: &HttpTrigger| trigger.route.parse::<RoutePattern>();
        let (Ok(own), Ok(others)) = (pattern(self), pattern(other)) else {
            return false;
        };
        let meet = |method: &String| other.methods.contains(method);
        let all = self.methods.is_empty() || other.methods.is_empty();
        own.same_paths(&others) && (all || self.methods.iter().any(meet))
    }

    fn line(&self) -> String {
        match self.methods.is_empty() {
            true => format!("http {}", self.route),
            false => format!("http {} {}", self.methods.join(","), self.route),
        }
    }
}

impl MqttTrigger {
    fn line(&self) -> String {
        format!(
            "mqtt {} (qos {}, order {})",
            self.topic, self.qos, self.order
        )
    }
}

impl ScheduleTrigger {
    fn line(&self) -> String {
        let schedule = format!("schedule {} ({})", self.cron, self.timezone);
        match self.next_runs.first() {
            Some(next) => format!("{schedule}, next {next}"),
            None => format!("{schedule}, never again"),
        }
    }
}

async fn list(args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let answer = client
        .fetch(client.request(Method::GET, &["functions"]))
        .await?;
    if args.json {
        return Ok(answer.print()?);
    }
    let list: FunctionList = answer.read()?;
    if list.functions.is_empty() {
        eprintln!("There are no functions yet. Deploy one with `tidegate deploy FILE`.");
        return Ok(());
    }
    let mut table = Table::new([
        "NAME",
        "REVISION",
        "DEPLOYED",
        "INVOCATIONS",
        "FAILURES",
        "TRIGGERS",
    ]);
    for function in &list.functions {
        table.row([
            function.name.clone(),
            function.revision.to_string(),
            function.created_at.clone(),
            function.invocations.to_string(),
            function.failures.to_string(),
            function.triggers.lines().join(", "),
        ]);
    }
    Ok(table.write(&mut io::stdout().lock(), Paint::of_stdout())?)
}

async fn show(name: &Name, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let answer = client
        .fetch(client.request(Method::GET, &["functions", name.as_str()]))
        .await?;
    if args.json {
        return Ok(answer.print()?);
    }
    let function: Function = answer.read()?;
    Ok(write_function(
        &mut io::stdout().lock(),
        &function,
        Paint::of_stdout(),
    )?)
}

fn write_function(out: &mut impl Write, function: &Function, paint: Paint) -> io::Result<()> {
    let mut line = |label: &str, value: &str| {
        let label = paint.dim(&format!("{label:12}"));
        writeln!(out, "{label} {}", print::printable(value))
    };
    line("name", &function.name)?;
    line(
        "revision",
        &format!("{}, deployed {}", function.revision, function.created_at),
    )?;
    line("digest", &function.digest)?;
    if let Some(count) = function.component_bytes {
        line("component", &print::bytes(count))?;
    }
    line(
        "invocations",
        &format!("{}, {} failed", function.invocations, function.failures),
    )?;
    for trigger in function.triggers.lines() {
        line("trigger", &trigger)?;
    }
    for schedule in &function.triggers.schedule {
        for next in &schedule.next_runs {
            line("next run", next)?;
        }
    }
    for url in &function.urls {
        line("url", url)?;
    }
    if let Some(manifest) = &function.manifest {
        line("manifest", &format!("{manifest:#}"))?;
    }
    Ok(())
}

async fn delete(
    name: &Name,
    inbox: Option<InboxDisposal>,
    args: &ClientArgs,
) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let request = client.request(Method::DELETE, &["functions", name.as_str()]);
    let request = request.query(&[("inbox", inbox)]);
    let answer = client.fetch(request).await?;
    if args.json {
        return Ok(answer.print()?);
    }
    Ok(writeln!(io::stdout(), "deleted {name}")?)
}

async fn revisions(name: &Name, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let path = ["functions", name.as_str(), "revisions"];
    let answer = client.fetch(client.request(Method::GET, &path)).await?;
    if args.json {
        return Ok(answer.print()?);
    }
    let list: RevisionList = answer.read()?;
    let mut table = Table::new(["REVISION", "", "CREATED", "BY", "SIZE", "DIGEST"]);
    for revision in list.revisions {
        table.row([
            revision.revision.to_string(),
            if revision.active { "active" } else { "" }.to_owned(),
            revision.created_at,
            revision.created_by.unwrap_or_default(),
            print::bytes(revision.component_bytes),
            print::short_digest(&revision.digest),
        ]);
    }
    Ok(table.write(&mut io::stdout().lock(), Paint::of_stdout())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_shown_line_by_line() {
        let function: Function = serde_json::from_value(serde_json::json!({
            "name": "a", "revision": 2, "digest": "d", "created_at": "t", "component_bytes": 2048,
            "triggers": {
                "http": [{"route": "/a", "methods": ["GET", "POST"]}, {"route": "/b", "methods": []}],
                "mqtt": [{"topic": "x/+", "qos": 1, "order": "per-topic"}],
                "schedule": [{"cron": "0 6 * * *", "timezone": "UTC", "next_runs": ["T1", "T2"]}],
            },
            "urls": ["http://h/a"], "invocations": 3, "failures": 1,
        }))
        .expect("a function");
        let mut out = Vec::new();
        write_function(&mut out, &function, Paint::none()).expect("written");
        let expected = "name         a\n\
             revision     2, deployed t\n\
             digest       d\n\
             component    2.0 KiB\n\
             invocations  3, 1 failed\n\
             trigger      http GET,POST /a\n\
             trigger      http /b\n\
             trigger      mqtt x/+ (qos 1, order per-topic)\n\
             trigger      schedule 0 6 * * * (UTC), next T1\n\
             next run     T1\n\
             next run     T2\n\
             url          http://h/a\n";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }
}
