//! `tidegate secret`: values that functions are granted by name. They are read from standard input or a file, never
//! from the command line, which others on the machine can see.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use anyhow::ensure;
use bytes::Bytes;
use reqwest::Method;
use serde::Deserialize;

use super::client::{AdminClient, Answer, ClientArgs};
use super::{input, print};
use crate::model::name::Name;

/// `tidegate secret`.
#[derive(clap::Subcommand)]
pub(super) enum SecretCommand {
    /// Set a secret to what standard input has; a line break at its end is not part of it
    Set {
        /// The secret's name
        name: Name,
        /// Read the value from this file instead
        #[arg(long)]
        file: Option<PathBuf>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// List the names of secrets, one a line
    List {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Delete a secret that no function needs
    Delete {
        /// The secret's name
        name: Name,
        #[command(flatten)]
        client: ClientArgs,
    },
}

#[derive(Deserialize)]
struct Listed {
    secrets: Vec<Secret>,
}

#[derive(Deserialize)]
struct Secret {
    name: String,
}

/// Runs `tidegate secret`.
pub(super) async fn run(command: SecretCommand) -> anyhow::Result<()> {
    match command {
        SecretCommand::Set { name, file, client } => {
            let value = read(file)?;
            let client = AdminClient::new(&client).await?;
            let request = client.request(Method::PUT, &["secrets", name.as_str()]);
            client.fetch(request.body(value)).await?;
            Ok(())
        }
        SecretCommand::List { client } => list(&client).await,
        SecretCommand::Delete { name, client } => {
            let client = AdminClient::new(&client).await?;
            let request = client.request(Method::DELETE, &["secrets", name.as_str()]);
            client.fetch(request).await?;
            Ok(())
        }
    }
}

async fn list(args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let answer = fetch(&client).await?;
    if args.json {
        return Ok(answer.print()?);
    }
    let mut out = io::stdout().lock();
    for name in names_in(&answer)? {
        writeln!(out, "{}", print::printable(&name))?;
    }
    Ok(())
}

/// The names of all secrets that are set.
pub(super) async fn names(client: &AdminClient) -> anyhow::Result<Vec<String>> {
    names_in(&fetch(client).await?)
}

async fn fetch(client: &AdminClient) -> anyhow::Result<Answer> {
    client
        .fetch(client.request(Method::GET, &["secrets"]))
        .await
}

fn names_in(answer: &Answer) -> anyhow::Result<Vec<String>> {
    let listed: Listed = answer.read()?;
    let names = listed.secrets.into_iter().map(|secret| secret.name);
    Ok(names.collect())
}

fn read(file: Option<PathBuf>) -> anyhow::Result<Bytes> {
    let value = match file {
        Some(file) => input::read_file(&file)?,
        None => {
            ensure!(
                !io::stdin().is_terminal(),
                "a terminal would show the secret: pipe it in, or give --file"
            );
            input::read_stdin()?
        }
    };
    let value = match value.strip_suffix(b"\n") {
        Some(line) => value.slice(..line.strip_suffix(b"\r").unwrap_or(line).len()),
        None => value,
    };
    ensure!(!value.is_empty(), "the value is empty");
    Ok(value)
}
