//! `tidegate token`: tokens for the admin API, made from the data directory.

use std::path::PathBuf;

use crate::admin::auth::{Role, create_token};
use crate::config::nearest_data_dir;
use crate::model::quantity::Span;

/// What to do with tokens.
#[derive(Debug, clap::Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it
    Create {
        /// What it allows; each role includes those before it
        #[arg(long, value_enum, default_value = "admin")]
        role: Role,

        /// How long it is valid
        #[arg(long, default_value = "30d", value_name = "DURATION")]
        ttl: Span,

        /// Whose it is; recorded with what is done with it
        #[arg(long, default_value = "cli", value_name = "NAME")]
        subject: String,

        /// The host's data directory [default: ./tidegate-data, or the nearest one above]
        #[arg(long, env = "TIDEGATE_DATA_DIR", value_name = "DIRECTORY")]
        data_dir: Option<PathBuf>,
    },
}

/// Does it.
#[expect(clippy::print_stdout, reason = "the token is the command's output")]
pub fn run(command: TokenCommand) -> anyhow::Result<()> {
    let TokenCommand::Create {
        role,
        ttl,
        subject,
        data_dir,
    } = command;
    let data_dir = data_dir.unwrap_or_else(nearest_data_dir);
    println!("{}", create_token(&data_dir, &subject, role, ttl.0)?);
    Ok(())
}
