//! `tidegate kv`: key-value state, key by key. Values are bytes, and stay as they are on their way in and out.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::ensure;
use bytes::Bytes;
use clap::builder::NonEmptyStringValueParser;
use reqwest::Method;
use serde::Deserialize;

use super::client::{AdminClient, ClientArgs};
use super::{input, print};
use crate::model::name::Name;
use crate::model::quantity::Span;

/// `tidegate kv`.
#[derive(clap::Subcommand)]
pub(super) enum KeyValueCommand {
    /// Write a key's value to standard output, byte for byte
    Get {
        #[command(flatten)]
        key: KeyArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Set a key
    Set {
        #[command(flatten)]
        key: KeyArgs,
        #[command(flatten)]
        value: ValueArgs,
        /// Have the key gone after this time, such as `1h`
        #[arg(long, value_name = "DURATION")]
        ttl: Option<Span>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Delete a key
    Delete {
        #[command(flatten)]
        key: KeyArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// List the keys of a bucket, one a line
    List {
        /// The bucket
        bucket: Name,
        /// Only keys that begin like this
        #[arg(long)]
        prefix: Option<String>,
        #[command(flatten)]
        client: ClientArgs,
    },
}

/// Which key.
#[derive(clap::Args)]
pub(super) struct KeyArgs {
    /// The bucket
    bucket: Name,
    /// The key
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    key: String,
}

/// Where a value comes from.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct ValueArgs {
    /// The value; `-` reads it from standard input
    #[arg(allow_negative_numbers = true)]
    value: Option<String>,
    /// Read the value from this file
    #[arg(long)]
    file: Option<PathBuf>,
}

#[derive(Deserialize)]
struct KeyPage {
    keys: Vec<String>,
    cursor: Option<String>,
}

/// Runs `tidegate kv`.
pub(super) async fn run(command: KeyValueCommand) -> anyhow::Result<()> {
    match command {
        KeyValueCommand::Get { key, client } => get(&key, &client).await,
        KeyValueCommand::Set {
            key,
            value,
            ttl,
            client,
        } => set(&key, value, ttl, &client).await,
        KeyValueCommand::Delete { key, client } => delete(&key, &client).await,
        KeyValueCommand::List {
            bucket,
            prefix,
            client,
        } => list(&bucket, prefix.as_deref(), &client).await,
    }
}

async fn get(key: &KeyArgs, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let answer = client
        .fetch(client.request(Method::GET, &key.path()?))
        .await?;
    let mut out = io::stdout().lock();
    out.write_all(answer.bytes())?;
    Ok(out.flush()?)
}

async fn set(
    key: &KeyArgs,
    value: ValueArgs,
    ttl: Option<Span>,
    args: &ClientArgs,
) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let ttl = ttl.map(|ttl| ttl.to_string());
    let request = client.request(Method::PUT, &key.path()?);
    let request = request.query(&[("ttl", ttl)]);
    let answer = client.fetch(request.body(value.read()?)).await?;
    if args.json {
        answer.print()?;
    }
    Ok(())
}

async fn delete(key: &KeyArgs, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let answer = client
        .fetch(client.request(Method::DELETE, &key.path()?))
        .await?;
    if args.json {
        answer.print()?;
    }
    Ok(())
}

/// Lists page by page; as JSON, each page is a line.
async fn list(bucket: &Name, prefix: Option<&str>, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let mut cursor: Option<String> = None;
    loop {
        let request = client.request(Method::GET, &["buckets", bucket.as_str(), "keys"]);
        let request = request.query(&[("prefix", prefix), ("cursor", cursor.as_deref())]);
        let answer = client.fetch(request).await?;
        let page: KeyPage = answer.read()?;
        match args.json {
            true => answer.print()?,
            false => print_keys(&page.keys)?,
        }
        ensure!(
            page.cursor.is_none() || page.cursor != cursor,
            "the host lists the same keys again and again"
        );
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(()),
        }
    }
}

fn print_keys(keys: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    keys.iter()
        .try_for_each(|key| writeln!(out, "{}", print::printable(key)))
}

impl KeyArgs {
    fn path(&self) -> anyhow::Result<[&str; 4]> {
        // No encoding hides these two from URL normalisation.
        ensure!(
            !matches!(self.key.as_str(), "." | ".."),
            "the key `{}` cannot stand in a URL: only functions can reach it",
            self.key
        );
        Ok(["buckets", self.bucket.as_str(), "keys", &self.key])
    }
}

impl ValueArgs {
    fn read(self) -> anyhow::Result<Bytes> {
        match (self.file, self.value) {
            (Some(file), _) => input::read_file(&file),
            (None, Some(value)) if value != "-" => Ok(Bytes::from(value)),
            (None, _) => input::read_stdin(),
        }
    }
}
