//! `tidegate dead-letters`: messages that functions did not handle; tried again or dropped.

use std::io::{self, Write as _};

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::client::{AdminClient, ClientArgs};
use super::input;
use super::print::{self, Paint, Table};
use crate::model::name::Name;

/// `tidegate dead-letters`; lists, where no subcommand follows.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct DeadLettersArgs {
    #[command(subcommand)]
    command: Option<DeadLettersCommand>,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(clap::Subcommand)]
enum DeadLettersCommand {
    /// List dead letters, the newest first
    List {
        /// Only this function's
        function: Option<Name>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show one with its payload
    Show {
        /// The function's name
        function: Name,
        /// The message's id
        id: String,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Give one to its function again, or all
    Retry {
        /// The function's name
        function: Name,
        /// The message's id; all of the function where it is left out
        id: Option<String>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Drop one, or all
    Drop {
        /// The function's name
        function: Name,
        /// The message's id; all of the function where it is left out
        id: Option<String>,
        /// Do not ask before all are dropped
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        client: ClientArgs,
    },
}

#[derive(Deserialize)]
struct Page {
    dead_letters: Vec<DeadLetter>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct DeadLetter {
    id: String,
    function: String,
    topic: String,
    reason: String,
    attempts: u32,
    last_attempt_at: String,
}

#[derive(Deserialize)]
struct Retried {
    retried: u32,
}

#[derive(Deserialize)]
struct Dropped {
    dropped: u32,
}

/// Runs `tidegate dead-letters`.
pub(super) async fn run(args: DeadLettersArgs) -> anyhow::Result<()> {
    match args.command {
        None => list(None, &args.client).await,
        Some(DeadLettersCommand::List { function, client }) => {
            list(function.as_ref(), &client).await
        }
        Some(DeadLettersCommand::Show {
            function,
            id,
            client,
        }) => show(&function, &id, &client).await,
        Some(DeadLettersCommand::Retry {
            function,
            id,
            client,
        }) => retry(&function, id.as_deref(), &client).await,
        Some(DeadLettersCommand::Drop {
            function,
            id,
            yes,
            client,
        }) => {
            if id.is_none() && !yes {
                input::confirm(&function, "all of its dead letters")?;
            }
            drop_letters(&function, id.as_deref(), &client).await
        }
    }
}

async fn list(function: Option<&Name>, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let mut table = Table::new(["ID", "FUNCTION", "TOPIC", "ATTEMPTS", "LAST", "REASON"]);
    let mut cursor: Option<String> = None;
    loop {
        let request = client
            .request(Method::GET, &["broker", "dead-letters"])
            .query(&[("function", function.map(Name::as_str))])
            .query(&[("cursor", &cursor)]);
        let answer = client.fetch(request).await?;
        if args.json {
            answer.print()?;
        }
        let page: Page = answer.read()?;
        for letter in page.dead_letters {
            let reason = letter.reason.lines().next().unwrap_or_default().to_owned();
            table.row([
                letter.id,
                letter.function,
                letter.topic,
                letter.attempts.to_string(),
                letter.last_attempt_at,
                reason,
            ]);
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    if args.json {
        return Ok(());
    }
    Ok(table.write(&mut io::stdout().lock(), Paint::of_stdout())?)
}

async fn show(function: &Name, id: &str, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let path = ["broker", "dead-letters", function.as_str(), id];
    let answer = client.fetch(client.request(Method::GET, &path)).await?;
    if args.json {
        return Ok(answer.print()?);
    }
    let shown: Value = answer.read()?;
    let mut out = io::stdout().lock();
    for key in [
        "id",
        "function",
        "topic",
        "filter",
        "attempts",
        "first_attempt_at",
        "last_attempt_at",
        "reason",
    ] {
        let text = match &shown[key] {
            Value::String(text) => text.clone(),
            Value::Null => "-".to_owned(),
            other => other.to_string(),
        };
        writeln!(out, "{key:<17} {}", print::printable(&text))?;
    }
    let message = &shown["message"];
    let payload = message["payload"].as_str();
    let payload = payload.or(message["payload_base64"].as_str());
    Ok(writeln!(
        out,
        "\n{}",
        print::printable(payload.unwrap_or_default())
    )?)
}

async fn retry(function: &Name, id: Option<&str>, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let mut path = vec!["broker", "dead-letters", function.as_str()];
    path.extend(id);
    path.push("retry");
    let answer = client.fetch(client.request(Method::POST, &path)).await?;
    if id.is_none() {
        let retried: Retried = answer.read()?;
        println!("{} are tried again", retried.retried);
    }
    Ok(())
}

async fn drop_letters(function: &Name, id: Option<&str>, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let mut path = vec!["broker", "dead-letters", function.as_str()];
    path.extend(id);
    let answer = client.fetch(client.request(Method::DELETE, &path)).await?;
    if id.is_none() {
        let dropped: Dropped = answer.read()?;
        println!("{} were dropped", dropped.dropped);
    }
    Ok(())
}
