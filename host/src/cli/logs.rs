//! `tidegate logs`: what a function logged, and what it logs from now on.

use std::io::{self, Write};

use anyhow::Context as _;
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::Value;

use super::client::{AdminClient, ClientArgs};
use super::event_stream::{EventReader, ServerEvent};
use super::print::{self, Paint};
use crate::model::name::Name;

/// `tidegate logs`.
#[derive(clap::Args)]
pub(super) struct LogsArgs {
    /// The function's name
    name: Name,
    /// Go on with new lines as they come, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only the lines of this invocation
    #[arg(long, value_name = "ID")]
    invocation: Option<String>,
    /// At most this many lines, the newest
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    #[command(flatten)]
    client: ClientArgs,
}

/// One line of a function's log.
#[derive(Deserialize)]
pub(super) struct LogLine {
    time: String,
    invocation: String,
    level: String,
    #[serde(default)]
    context: String,
    message: String,
}

/// Which lines are shown how.
struct LogWriter {
    paint: Paint,
    json: bool,
    /// Whether each line says which invocation it is of.
    invocations: bool,
}

#[derive(Deserialize)]
struct LogLines {
    /// As they came, for `--json`.
    logs: Vec<Value>,
}

#[derive(Deserialize)]
struct Missed {
    lines: u64,
}

/// Runs `tidegate logs`.
pub(super) async fn run(args: LogsArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(&args.client).await?;
    let request = client.request(Method::GET, &["functions", args.name.as_str(), "logs"]);
    let request = request
        .query(&[("limit", args.limit)])
        .query(&[("invocation", &args.invocation)]);
    let writer = LogWriter {
        paint: Paint::of_stdout(),
        json: args.client.json,
        invocations: args.invocation.is_none(),
    };
    match args.follow {
        true => follow(&client, request, &writer).await,
        false => show(&client, request, &writer).await,
    }
}

/// Writes lines of one invocation, for a reader who knows which.
pub(super) fn write_lines(out: &mut impl Write, lines: &[LogLine], paint: Paint) -> io::Result<()> {
    let writer = LogWriter {
        paint,
        json: false,
        invocations: false,
    };
    lines
        .iter()
        .try_for_each(|line| writer.write_text(out, line))
}

/// Shows what a function logs from now on, until the host ends the stream.
pub(super) async fn follow_new(client: &AdminClient, name: &str) -> anyhow::Result<()> {
    let request = client.request(Method::GET, &["functions", name, "logs"]);
    let writer = LogWriter {
        paint: Paint::of_stdout(),
        json: false,
        invocations: true,
    };
    follow(client, request.query(&[("limit", 0)]), &writer).await
}

async fn show(
    client: &AdminClient,
    request: RequestBuilder,
    writer: &LogWriter,
) -> anyhow::Result<()> {
    let lines: LogLines = client.fetch(request).await?.read()?;
    let mut out = io::stdout().lock();
    lines
        .logs
        .into_iter()
        .try_for_each(|line| writer.write(&mut out, line))
}

async fn follow(
    client: &AdminClient,
    request: RequestBuilder,
    writer: &LogWriter,
) -> anyhow::Result<()> {
    let mut response = client.stream(request.query(&[("follow", true)])).await?;
    let mut reader = EventReader::default();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| client.explain(error))?
    {
        for event in reader.push(&chunk)? {
            take(event, writer)?;
        }
    }
    eprintln!("The host ended the stream.");
    Ok(())
}

fn take(event: ServerEvent, writer: &LogWriter) -> anyhow::Result<()> {
    match event.kind.as_str() {
        "log" => {
            let line = serde_json::from_str(&event.data).context("a log line cannot be read")?;
            writer.write(&mut io::stdout().lock(), line)
        }
        "missed" => {
            let missed: Missed =
                serde_json::from_str(&event.data).context("an event cannot be read")?;
            let note = format!("({} lines came too fast and were left out)", missed.lines);
            eprintln!("{}", Paint::of_stderr().dim(&note));
            Ok(())
        }
        // A newer host may say more.
        _ => Ok(()),
    }
}

impl LogWriter {
    fn write(&self, out: &mut impl Write, line: Value) -> anyhow::Result<()> {
        if self.json {
            return Ok(writeln!(out, "{line}")?);
        }
        let line = serde_json::from_value(line).context("a log line cannot be read")?;
        Ok(self.write_text(out, &line)?)
    }

    fn write_text(&self, out: &mut impl Write, line: &LogLine) -> io::Result<()> {
        let time = self.paint.dim(&print::printable(&line.time));
        write!(out, "{time} {}", self.level(&line.level))?;
        if self.invocations {
            write!(
                out,
                " {}",
                self.paint.dim(&print::printable(&line.invocation))
            )?;
        }
        if !line.context.is_empty() {
            write!(out, " {}:", print::printable(&line.context))?;
        }
        // What follows a line break is set off, so that it cannot be taken for a line of its own.
        writeln!(
            out,
            " {}",
            print::printable(&line.message).replace('\n', "\n    ")
        )
    }

    /// The level's word, as wide as the widest of the common ones.
    fn level(&self, level: &str) -> String {
        let word = format!("{:5}", print::printable(level).to_uppercase());
        match level {
            "error" | "critical" => self.paint.red(&word),
            "warn" => self.paint.yellow(&word),
            "info" => self.paint.green(&word),
            _ => self.paint.dim(&word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: bool, invocations: bool, expected: &str) {
        let writer = LogWriter {
            paint: Paint::none(),
            json,
            invocations,
        };
        let line = serde_json::json!({
            "time": "T", "invocation": "I", "level": "warn", "source": "logging",
            "context": "main", "message": "a\nb\u{1b}",
        });
        let mut out = Vec::new();
        writer.write(&mut out, line.clone()).expect("written");
        let text = String::from_utf8(out).expect("text");
        match json {
            true => assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), line),
            false => assert_eq!(text, expected),
        }
    }

    #[test]
    fn lines_are_text_or_json() {
        check(false, true, "T WARN  I main: a\n    b\\u{1b}\n");
        check(false, false, "T WARN  main: a\n    b\\u{1b}\n");
        check(true, true, "");
    }
}
