//! `tidegate rollback`: an earlier revision becomes the active one again.

use reqwest::Method;
use serde_json::json;

use super::client::{AdminClient, ClientArgs};
use super::deploy;
use super::functions::Function;
use crate::model::name::Name;

/// `tidegate rollback`.
#[derive(clap::Args)]
pub(super) struct RollbackArgs {
    /// The function's name
    name: Name,
    /// The revision to go back to; the one before the active one, where it is left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    revision: Option<u64>,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs `tidegate rollback`.
pub(super) async fn run(args: RollbackArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(&args.client).await?;
    let body = match args.revision {
        Some(revision) => json!({ "revision": revision }),
        None => json!({}),
    };
    let path = ["functions", args.name.as_str(), "rollback"];
    let answer = client
        .fetch(client.request(Method::POST, &path).json(&body))
        .await?;
    if args.client.json {
        return Ok(answer.print()?);
    }
    let function: Function = answer.read()?;
    deploy::report(&function, "is active again")
}
