//! `tidegate invoke`: one trial invocation, for an event made up here, with all that came of it.

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{AdminClient, ClientArgs};
use super::example::example_path;
use super::functions::Function;
use super::input::read_file;
use super::logs::{self, LogLine};
use super::print::{self, Paint};
use super::{FAILED, SUCCEEDED};
use crate::model::name::Name;

/// `tidegate invoke`.
#[derive(clap::Args)]
pub(super) struct InvokeArgs {
    /// The function's name
    name: Name,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    mqtt: MqttArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// An HTTP request.
#[derive(clap::Args)]
#[command(next_help_heading = "HTTP request")]
struct HttpArgs {
    /// The path, with a query if there is one; the function's first route, where it is left out
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// The method; GET, or POST with a body, where it is left out
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// A header
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// The body
    #[arg(long, value_name = "TEXT", conflicts_with = "body_file")]
    body: Option<String>,
    /// Read the body from this file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
}

/// An MQTT message.
#[derive(clap::Args)]
#[command(next_help_heading = "MQTT message")]
struct MqttArgs {
    /// The topic: the event is a message instead of a request
    #[arg(long, value_name = "TOPIC", conflicts_with_all = ["path", "method", "headers", "body", "body_file"])]
    topic: Option<String>,
    /// The payload
    #[arg(
        long,
        value_name = "TEXT",
        requires = "topic",
        conflicts_with = "payload_file"
    )]
    payload: Option<String>,
    /// Read the payload from this file; `-` is standard input
    #[arg(long, value_name = "FILE", requires = "topic")]
    payload_file: Option<PathBuf>,
    /// The quality of service that the message is published with
    #[arg(long, value_name = "0..2", requires = "topic", value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: Option<u8>,
    /// The message is a retained one
    #[arg(long, requires = "topic")]
    retain: bool,
}

/// What came of it.
#[derive(Deserialize)]
struct Trial {
    /// Left out where the host gave up waiting for its end.
    invocation: Option<Invocation>,
    http: Option<HttpAnswer>,
    logs: Vec<LogLine>,
}

#[derive(Deserialize)]
struct Invocation {
    id: String,
    outcome: String,
    /// Left out, like the rest, where the event was refused.
    #[serde(flatten)]
    run: Option<Run>,
    blame: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Run {
    revision: u64,
    duration_ms: f64,
    cpu_ms: f64,
}

#[derive(Deserialize)]
struct HttpAnswer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
    /// Why the body broke off.
    body_error: Option<String>,
}

/// Runs `tidegate invoke`; the exit code says whether the function did well.
pub(super) async fn run(args: InvokeArgs) -> anyhow::Result<u8> {
    let client = AdminClient::new(&args.client).await?;
    let event = match &args.mqtt.topic {
        Some(topic) => args.mqtt.event(topic)?,
        None => args.http.event(&client, &args.name).await?,
    };
    let path = ["functions", args.name.as_str(), "invoke"];
    let answer = client
        .fetch(client.request(Method::POST, &path).json(&event))
        .await?;
    let trial: Trial = answer.read()?;
    match args.client.json {
        true => answer.print()?,
        false => trial.write(
            &mut io::stdout().lock(),
            Paint::of_stdout(),
            io::stdout().is_terminal(),
        )?,
    }
    Ok(if trial.is_ok() { SUCCEEDED } else { FAILED })
}

impl HttpArgs {
    async fn event(&self, client: &AdminClient, name: &Name) -> anyhow::Result<Value> {
        let path = match &self.path {
            Some(path) => path.clone(),
            None => first_path(client, name).await?,
        };
        let body = bytes_given(self.body.as_ref(), self.body_file.as_ref())?;
        let method = match (&self.method, &body) {
            (Some(method), _) => method,
            (None, None) => "GET",
            (None, Some(_)) => "POST",
        };
        let mut http = json!({ "method": method, "path": path, "headers": self.headers });
        if let Some(body) = body {
            put_bytes(&mut http, "body", &body);
        }
        Ok(json!({ "http": http }))
    }
}

impl MqttArgs {
    fn event(&self, topic: &str) -> anyhow::Result<Value> {
        let payload = bytes_given(self.payload.as_ref(), self.payload_file.as_ref())?;
        let mut mqtt =
            json!({ "topic": topic, "qos": self.qos.unwrap_or(0), "retain": self.retain });
        put_bytes(&mut mqtt, "payload", &payload.unwrap_or_default());
        Ok(json!({ "mqtt": mqtt }))
    }
}

/// A path that the function's first route matches.
async fn first_path(client: &AdminClient, name: &Name) -> anyhow::Result<String> {
    let request = client.request(Method::GET, &["functions", name.as_str()]);
    let function: Function = client.fetch(request).await?.read()?;
    let first = function.triggers.http.first();
    let first = first.ok_or_else(|| {
        anyhow!("`{name}` has no route: pass --topic, or --path to try it all the same")
    })?;
    Ok(example_path(&first.route))
}

fn bytes_given(text: Option<&String>, file: Option<&PathBuf>) -> anyhow::Result<Option<Bytes>> {
    match (text, file) {
        (Some(text), _) => Ok(Some(Bytes::from(text.clone()))),
        (None, Some(file)) => read_file(file).map(Some),
        (None, None) => Ok(None),
    }
}

/// JSON has no bytes: text stays text, anything else goes as base64 under a name that says so.
fn put_bytes(object: &mut Value, key: &str, bytes: &[u8]) {
    match str::from_utf8(bytes) {
        Ok(text) => object[key] = text.into(),
        Err(_) => object[format!("{key}_base64")] = BASE64_STANDARD.encode(bytes).into(),
    }
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').unwrap_or_default();
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err("write it as `name: value`".to_owned());
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

impl Trial {
    fn is_ok(&self) -> bool {
        self.invocation.as_ref().is_some_and(Invocation::is_ok)
    }

    fn write(&self, out: &mut impl Write, paint: Paint, to_terminal: bool) -> anyhow::Result<()> {
        if let Some(http) = &self.http {
            http.write(out, paint, to_terminal)?;
            writeln!(out)?;
        }
        match &self.invocation {
            Some(invocation) => invocation.write(out, paint)?,
            None => writeln!(out, "{}", paint.red("the host does not say how it ended"))?,
        }
        Ok(logs::write_lines(out, &self.logs, paint)?)
    }
}

impl Invocation {
    fn is_ok(&self) -> bool {
        self.outcome == "ok"
    }

    fn write(&self, out: &mut impl Write, paint: Paint) -> io::Result<()> {
        let outcome = print::printable(&self.outcome);
        let outcome = if self.is_ok() {
            paint.green(&outcome)
        } else {
            paint.red(&outcome)
        };
        let id = format!("invocation {}", self.id);
        match &self.run {
            None => writeln!(
                out,
                "{outcome} {}",
                paint.dim(&print::printable(&format!("({id})")))
            )?,
            Some(run) => {
                let (duration, cpu) = (
                    print::milliseconds(run.duration_ms),
                    print::milliseconds(run.cpu_ms),
                );
                let aside = format!("({cpu} computing, revision {}, {id})", run.revision);
                writeln!(
                    out,
                    "{outcome} after {duration} {}",
                    paint.dim(&print::printable(&aside))
                )?;
            }
        }
        if let Some(blame) = &self.blame {
            let reason = self.reason.as_deref().unwrap_or("no reason given");
            writeln!(
                out,
                "blame: {}: {}",
                print::printable(blame),
                print::printable(reason)
            )?;
        }
        Ok(())
    }
}

impl HttpAnswer {
    fn write(&self, out: &mut impl Write, paint: Paint, to_terminal: bool) -> anyhow::Result<()> {
        writeln!(out, "{}", paint.bold(&format!("HTTP {}", self.status)))?;
        for (name, value) in &self.headers {
            let name = paint.dim(&format!("{}:", print::printable(name)));
            writeln!(out, "{name} {}", print::printable(value))?;
        }
        if let Some(error) = &self.body_error {
            let note = format!("the body broke off: {}", print::printable(error));
            writeln!(out, "\n{}", paint.red(&note))?;
        }
        let body = self.body()?;
        if body.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        match (to_terminal, str::from_utf8(&body)) {
            (false, _) => print::line_of_bytes(out, &body)?,
            (true, Ok(text)) => print::line_of_bytes(out, print::printable(text).as_bytes())?,
            (true, Err(_)) => {
                let note = format!("({} that are not text)", print::bytes(body.len() as u64));
                writeln!(out, "{}", paint.dim(&note))?;
            }
        }
        Ok(())
    }

    fn body(&self) -> anyhow::Result<Vec<u8>> {
        match (&self.body, &self.body_base64) {
            (Some(text), _) => Ok(text.clone().into_bytes()),
            (None, Some(encoded)) => BASE64_STANDARD
                .decode(encoded)
                .context("the body is not base64"),
            (None, None) => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_taken_apart() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let parsed = parse_header(text).ok();
            let parsed = parsed
                .as_ref()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            assert_eq!(parsed, expected, "{text}");
        };
        check("a: b", Some(("a", "b")));
        check("a:b:c ", Some(("a", "b:c")));
        check("a:", Some(("a", "")));
        check("a", None);
        check(": b", None);
        check("a b: c", None);
    }

    #[test]
    fn bytes_go_as_text_where_they_are() {
        let mut object = json!({});
        put_bytes(&mut object, "body", "ä".as_bytes());
        put_bytes(&mut object, "payload", &[0xff]);
        assert_eq!(object, json!({ "body": "ä", "payload_base64": "/w==" }));
    }

    #[track_caller]
    fn check(trial: Value, to_terminal: bool, expected: &str) {
        let trial: Trial = serde_json::from_value(trial).expect("a trial");
        let mut out = Vec::new();
        trial
            .write(&mut out, Paint::none(), to_terminal)
            .expect("written");
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn a_trial_shows_answer_outcome_and_logs() {
        let trial = json!({
            "invocation": {"id": "I", "trigger": "http", "revision": 1, "started_at": "T",
                "duration_ms": 1.5, "cpu_ms": 1, "outcome": "ok", "blame": null, "reason": null},
            "http": {"status": 200, "headers": [["content-type", "text/plain"]], "body": "hi\u{1b}"},
            "logs": [{"time": "T", "invocation": "I", "level": "info", "source": "stdout", "message": "m"}],
        });
        let tail = "\nok after 1.5 ms (1.0 ms computing, revision 1, invocation I)\nT INFO  m\n";
        let head = "HTTP 200\ncontent-type: text/plain\n\nhi";
        check(trial.clone(), true, &format!("{head}\\u{{1b}}\n{tail}"));
        check(trial, false, &format!("{head}\u{1b}\n{tail}"));
    }

    #[test]
    fn a_refused_trial_shows_why() {
        let trial = json!({ "invocation": {"id": "I", "outcome": "busy"}, "logs": [] });
        check(trial, true, "busy (invocation I)\n");
        let unknown =
            json!({ "http": {"status": 200, "headers": [], "body_error": "reset"}, "logs": [] });
        let expected =
            "HTTP 200\n\nthe body broke off: reset\n\nthe host does not say how it ended\n";
        check(unknown, true, expected);
    }

    #[test]
    fn a_failed_trial_shows_who_is_to_blame() {
        let trial = json!({
            "invocation": {"id": "I", "revision": 1, "duration_ms": 1, "cpu_ms": 1,
                "outcome": "trap", "blame": "guest", "reason": "unreachable"},
            "logs": [],
        });
        let expected = "trap after 1.0 ms (1.0 ms computing, revision 1, invocation I)\nblame: guest: unreachable\n";
        check(trial, true, expected);
    }
}
