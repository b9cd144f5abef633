//! `tidegate test`: runs events against a component without a host, and says what came of each.
//!
//! The parts are the host's own, with their state in a directory that goes with the command. A message that the function
//! publishes is shown and starts nothing.

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::build::Source;
use super::client::AdminClient;
use super::deploy::Parameters;
use super::event::{self, EventArgs};
use super::functions::Function;
use super::invoke::{self, Trial as Outcome};
use super::print::{self, Paint};
use super::{FAILED, SUCCEEDED};
use crate::host::trial::Trial;
use tidegate_broker::message::Message;
use tidegate_broker::topic::TopicFilter;

/// `tidegate test`.
#[derive(clap::Args)]
pub(super) struct TestArgs {
    /// A component (.wasm), or what one is built from, as for `tidegate deploy`
    // Not called `path`: an event has one of its own, and each argument's name is its own.
    #[arg(value_name = "PATH")]
    function: PathBuf,
    #[command(flatten)]
    parameters: Parameters,
    /// A setting that the function reads
    #[arg(long = "config", value_name = "KEY=VALUE", value_parser = parse_setting)]
    config: Vec<(String, String)>,
    #[command(flatten)]
    event: EventArgs,
    /// Take MQTT messages from standard input, a line each as `mosquitto_sub -v` prints them: topic, space, payload.
    /// Those that no topic filter of the function matches are left out
    #[arg(long, conflicts_with_all = ["path", "method", "headers", "body", "body_file", "topic", "tick", "event"])]
    messages: bool,
    /// Print one JSON object for each event
    #[arg(long)]
    json: bool,
}

/// One function, deployed for the trial.
struct Tried {
    trial: Trial,
    client: AdminClient,
    function: Function,
    json: bool,
}

/// Runs `tidegate test`; the exit code says whether every outcome was ok.
pub(super) fn run(args: TestArgs) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start an async runtime")?;
    let directory = tempfile::tempdir().context("cannot make a directory for the trial")?;
    let done = runtime.block_on(test(args, directory.path()));
    // Whoever waits for standard input would wait on.
    runtime.shutdown_timeout(Duration::from_millis(200));
    done
}

async fn test(args: TestArgs, directory: &std::path::Path) -> anyhow::Result<u8> {
    let built = Source::of(&args.function)?.build().await?;
    let (name, mut upload) = args.parameters.read(&built)?;
    upload.manifest = with_settings(upload.manifest, &args.config);
    let trial = Trial::start(directory).await?;
    let client = AdminClient::of_trial(&trial)?;
    let mut query = args.parameters.pairs(&[]);
    // A message that is named here is for the function.
    query.extend(args.event.topic().map(|topic| ("topic", topic.to_owned())));
    let path = ["functions", name.as_str()];
    let request = upload.send(client.request(Method::PUT, &path).query(&query))?;
    let function: Function = client.fetch(request).await?.read()?;
    let mut tried = Tried {
        trial,
        client,
        function,
        json: args.json,
    };
    let is_ok = match args.messages {
        true => tried.run_messages().await?,
        false => {
            let event = args
                .event
                .event(async || invoke::first_path(&tried.function));
            let event = event.await?;
            tried.run(&event).await?
        }
    };
    Ok(if is_ok { SUCCEEDED } else { FAILED })
}

impl Tried {
    /// Runs the messages on standard input; whether there was one, and all of them went well.
    async fn run_messages(&mut self) -> anyhow::Result<bool> {
        let filters = self.function.triggers.mqtt.iter();
        let filters: Vec<TopicFilter> = filters
            .filter_map(|trigger| trigger.topic.parse().ok())
            .collect();
        let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
        let (mut some, mut all_ok) = (false, true);
        while let Some(line) = lines.next_segment().await? {
            let Some((topic, payload)) = parse_message(&line) else {
                continue;
            };
            if !filters.iter().any(|filter| filter.matches(topic)) {
                continue;
            }
            some = true;
            if !self.json {
                writeln!(io::stdout(), "{}", Paint::of_stdout().bold(topic))?;
            }
            all_ok &= self
                .run(&event::mqtt_event(topic, payload, 0, false))
                .await?;
        }
        if !some {
            eprintln!("no message: none came, or none that a topic filter of the function matches");
        }
        Ok(some && all_ok)
    }

    /// Runs one event and says what came of it; whether its outcome was ok.
    async fn run(&mut self, event: &Value) -> anyhow::Result<bool> {
        let path = ["functions", self.function.name.as_str(), "invoke"];
        let request = self.client.request(Method::POST, &path).json(event);
        let mut answer: Value = self.client.fetch(request).await?.read()?;
        let outcome: Outcome = serde_json::from_value(answer.clone())
            .context("the host's own answer cannot be understood")?;
        let published = self.trial.published().await?;
        let mut out = io::stdout().lock();
        if self.json {
            answer["published"] = published.iter().map(as_json).collect();
            writeln!(out, "{answer}")?;
            return Ok(outcome.is_ok());
        }
        let paint = Paint::of_stdout();
        outcome.write(&mut out, paint, io::stdout().is_terminal())?;
        for message in &published {
            let topic = print::printable(message.topic.as_str()).into_owned();
            let payload = String::from_utf8_lossy(&message.payload);
            let payload = print::printable(&payload).into_owned();
            writeln!(out, "{} {topic} {payload}", paint.dim("published"))?;
        }
        Ok(outcome.is_ok())
    }
}

fn as_json(message: &Message) -> Value {
    let topic = message.topic.as_str();
    event::mqtt_event(topic, &message.payload, message.qos as u8, message.retain)["mqtt"].take()
}

/// `topic payload`, as `mosquitto_sub -v` prints it; none for an empty line.
fn parse_message(line: &[u8]) -> Option<(&str, &[u8])> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let end = line.iter().position(|byte| *byte == b' ');
    let (topic, payload) = line.split_at(end.unwrap_or(line.len()));
    let payload = payload.strip_prefix(b" ").unwrap_or(payload);
    let payload = if payload == b"(null)" { b"" } else { payload };
    let topic = str::from_utf8(topic).ok()?;
    (!topic.is_empty()).then_some((topic, payload))
}

/// The manifest with these settings in its table `[config]`. One that is no TOML is for the host to explain.
fn with_settings(manifest: Option<String>, settings: &[(String, String)]) -> Option<String> {
    if settings.is_empty() {
        return manifest;
    }
    let text = manifest.unwrap_or_default();
    let Ok(mut table) = text.parse::<toml::Table>() else {
        return Some(text);
    };
    let config = table
        .entry("config")
        .or_insert_with(|| toml::Table::new().into());
    if let Some(config) = config.as_table_mut() {
        let values = settings.iter().cloned();
        config.extend(values.map(|(key, value)| (key, toml::Value::from(value))));
    }
    Some(table.to_string())
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=');
    let (key, value) = pair.ok_or("give a key and a value, as in `threshold=30`")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_as_mosquitto_prints_them() {
        let check = |line: &str, expected: Option<(&str, &str)>| {
            let parsed = parse_message(line.as_bytes());
            let expected = expected.map(|(topic, payload)| (topic, payload.as_bytes()));
            assert_eq!(parsed, expected, "{line}");
        };
        check("a/b 21.5", Some(("a/b", "21.5")));
        check("a b c\r", Some(("a", "b c")));
        check("a", Some(("a", "")));
        check("a (null)", Some(("a", "")));
        check("", None);
    }

    #[test]
    fn settings_go_into_the_manifest() {
        let manifest = "[config]\na = \"1\"\nb = \"2\"\n";
        let settings = [("b".to_owned(), "3".to_owned())];
        let merged = with_settings(Some(manifest.to_owned()), &settings).expect("a manifest");
        let merged: toml::Table = merged.parse().expect("TOML");
        assert_eq!(merged["config"]["a"].as_str(), Some("1"));
        assert_eq!(merged["config"]["b"].as_str(), Some("3"));
        assert_eq!(with_settings(None, &[]), None);
        let broken = with_settings(Some("[".to_owned()), &settings);
        assert_eq!(broken.as_deref(), Some("["));
    }
}
