//! `tidegate serve`: runs a host.

use std::path::PathBuf;

use crate::config::RawConfig;
use crate::host::{self, Announcement};
use crate::observe::log;

/// The settings of a host, as flags, in the environment, or in a file; in this order of precedence.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// A TOML file with the same settings as the flags, as in `data-dir = "/var/lib/tidegate"`
    #[arg(long, env = "TIDEGATE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// Say that the host is ready with one JSON object on standard output
    #[arg(long)]
    ready_json: bool,

    #[command(flatten)]
    settings: RawConfig,
}

/// Runs a host until it is told to stop.
pub fn run(args: ServeArgs) -> anyhow::Result<()> {
    let file = args
        .config
        .as_deref()
        .map(RawConfig::read)
        .transpose()?
        .unwrap_or_default();
    let config = args.settings.or(file).resolve()?;
    let _log = log::start(config.log_format);
    let announcement = if args.ready_json {
        Announcement::Json
    } else {
        Announcement::Lines
    };
    host::run(&config, announcement)
}
