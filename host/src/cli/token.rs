//! `tidegate token`: tokens for the admin API and for devices, made from the data directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use tidegate_broker::access::{PermissionFilter, Permissions};

use crate::access::tokens::TokenKey;
use crate::admin::auth::{Role, create_token};
use crate::config::nearest_data_dir;
use crate::limits::DEVICE_TOKEN_BYTES_MAX;
use crate::model::name::Name;
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

        /// Make a token that is the MQTT password of this device instead, with any user name. It is good until it
        /// expires, and the device need not have been added
        #[arg(long, value_name = "NAME", conflicts_with_all = ["role", "subject"])]
        device: Option<Name>,

        /// A topic filter that the device may publish to; `%c` stands for its client id, `%u` for its name
        #[arg(long, value_name = "FILTER", requires = "device")]
        publish: Vec<PermissionFilter>,

        /// A topic filter that the device may subscribe to, and to all within
        #[arg(long, value_name = "FILTER", requires = "device")]
        subscribe: Vec<PermissionFilter>,

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
        device,
        publish,
        subscribe,
        data_dir,
    } = command;
    let data_dir = data_dir.unwrap_or_else(nearest_data_dir);
    let permissions = Permissions { publish, subscribe };
    let token = match device {
        None => create_token(&data_dir, &subject, role, ttl.0)?,
        Some(device) => device_token(&data_dir, &device, permissions, ttl.0)?,
    };
    println!("{token}");
    Ok(())
}

fn device_token(
    data_dir: &Path,
    device: &Name,
    permissions: Permissions,
    ttl: Duration,
) -> anyhow::Result<String> {
    let token = TokenKey::of(data_dir)?.sign_for_device(device, permissions, ttl);
    ensure!(
        token.len() <= DEVICE_TOKEN_BYTES_MAX,
        "the token would have {} bytes, and the host takes {DEVICE_TOKEN_BYTES_MAX}: use fewer or shorter filters",
        token.len()
    );
    Ok(token)
}
