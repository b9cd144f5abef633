//! `tidegate invoke`: one trial invocation, for an event made up here, with all that came of it.

use std::io::{self, IsTerminal as _, Write};

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde::Deserialize;

use super::client::{AdminClient, ClientArgs};
use super::event::EventArgs;
use super::example::example_path;
use super::functions::Function;
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
    event: EventArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// What came of it.
#[derive(Deserialize)]
pub(super) struct Trial {
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
    let event = args.event.event(async || {
        let request = client.request(Method::GET, &["functions", args.name.as_str()]);
        first_path(&client.fetch(request).await?.read()?)
    });
    let event = event.await?;
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

/// A path that the function's first route matches.
pub(super) fn first_path(function: &Function) -> anyhow::Result<String> {
    let first = function.triggers.http.first();
    let first = first.ok_or_else(|| {
        anyhow!(
            "`{}` has no route: pass --topic or --tick, or --path to try it all the same",
            print::printable(&function.name)
        )
    })?;
    Ok(example_path(&first.route))
}

impl Trial {
    pub(super) fn is_ok(&self) -> bool {
        self.invocation.as_ref().is_some_and(Invocation::is_ok)
    }

    pub(super) fn write(
        &self,
        out: &mut impl Write,
        paint: Paint,
        to_terminal: bool,
    ) -> anyhow::Result<()> {
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
    use serde_json::{Value, json};

    use super::*;

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
