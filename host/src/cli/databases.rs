//! `tidegate databases`: the SQL databases of functions, and removing one.

use std::io::{self, Write as _};

use reqwest::Method;
use serde::Deserialize;

use super::client::{AdminClient, ClientArgs};
use super::input;
use super::print::{self, Paint, Table};
use crate::model::name::Name;

/// `tidegate databases`; lists, where no subcommand follows.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct DatabasesArgs {
    #[command(subcommand)]
    command: Option<DatabasesCommand>,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(clap::Subcommand)]
enum DatabasesCommand {
    /// List all databases
    List {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Delete a database that no function is granted, with all that is in it
    Delete {
        /// The database's name
        name: Name,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        client: ClientArgs,
    },
}

#[derive(Deserialize)]
struct DatabaseList {
    databases: Vec<Database>,
}

#[derive(Deserialize)]
struct Database {
    name: String,
    bytes: u64,
    #[serde(default)]
    functions: Vec<String>,
}

/// Runs `tidegate databases`.
pub(super) async fn run(args: DatabasesArgs) -> anyhow::Result<()> {
    match args.command {
        None => list(&args.client).await,
        Some(DatabasesCommand::List { client }) => list(&client).await,
        Some(DatabasesCommand::Delete { name, yes, client }) => {
            if !yes {
                input::confirm(&name, "all that is in it")?;
            }
            delete(&name, &client).await
        }
    }
}

async fn list(args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let request = client.request(Method::GET, &["databases"]);
    let answer = client.fetch(request).await?;
    if args.json {
        return Ok(answer.print()?);
    }
    let list: DatabaseList = answer.read()?;
    if list.databases.is_empty() {
        eprintln!("There are no databases yet. A function makes one with its first statement.");
        return Ok(());
    }
    let mut table = Table::new(["NAME", "SIZE", "GRANTED TO"]);
    for database in list.databases {
        table.row([
            database.name,
            print::bytes(database.bytes),
            database.functions.join(", "),
        ]);
    }
    Ok(table.write(&mut io::stdout().lock(), Paint::of_stdout())?)
}

async fn delete(name: &Name, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let request = client.request(Method::DELETE, &["databases", name.as_str()]);
    let answer = client.fetch(request).await?;
    if args.json {
        return Ok(answer.print()?);
    }
    Ok(writeln!(io::stdout(), "deleted {name}")?)
}
