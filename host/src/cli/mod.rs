//! The command line: what can be typed, and who does it.
//!
//! `serve`, `token` and `compile` work on this machine. Every other command is a client of the admin API, through
//! [`client`], and runs on a small runtime of its own. Nothing here prints an error: that is `main`'s.

pub mod serve;
pub mod token;

mod build;
mod databases;
mod deploy;
mod dev;
mod functions;
mod rollback;
mod spin_app;

mod invoke;
mod logs;
mod test;

mod broker;
mod dead_letters;
mod device;
mod key_value;
mod new;
mod secret;

mod client;
mod event;
mod event_stream;
mod example;
mod input;
mod language;
mod limit_args;
mod print;
mod sdk_sources;
mod templates;

pub use client::ApiProblem;

use std::io;

use anyhow::Context as _;

use crate::invoke::compile;
use crate::invoke::componentize;
use crate::model::abi::Abi;

/// Exit code of a command that did what it was asked for.
const SUCCEEDED: u8 = 0;
/// Exit code of a command that worked, but whose function failed. Errors have the same code, by way of `main`.
const FAILED: u8 = 1;

/// A serverless function host for the edge: runs WebAssembly components on HTTP requests and MQTT messages.
#[derive(clap::Parser)]
#[command(name = "tidegate", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Run the host: HTTP, MQTT, the admin API and the dashboard
    Serve(Box<serve::ServeArgs>),
    /// Start a new function, which builds and deploys as it stands
    New(new::NewArgs),
    /// Upload a component and make it the function's active revision
    Deploy(deploy::DeployArgs),
    /// Build and deploy a function whenever its sources change, and show what it logs
    Dev(Box<dev::DevArgs>),
    /// Run events against a component without a host
    ///
    /// The exit code is 0 where the outcome of every event was ok, and 1 where one was not, where there was none, or
    /// where the component cannot run.
    Test(Box<test::TestArgs>),
    /// List, show and delete functions
    Functions(functions::FunctionsArgs),
    /// Go back to an earlier revision of a function
    Rollback(rollback::RollbackArgs),
    /// Run a function once, for an event made up here
    Invoke(invoke::InvokeArgs),
    /// Show what a function logged
    Logs(logs::LogsArgs),
    /// Read and write key-value state
    Kv {
        #[command(subcommand)]
        command: key_value::KeyValueCommand,
    },
    /// Publish an MQTT message
    Pub(broker::PubArgs),
    /// Show MQTT messages as they are published
    Sub(broker::SubArgs),
    /// Look at the MQTT broker: clients, topics, inboxes
    Broker {
        #[command(subcommand)]
        command: broker::BrokerCommand,
    },
    /// List, show, retry and drop messages that functions did not handle
    DeadLetters(dead_letters::DeadLettersArgs),
    /// List and delete the SQL databases of functions
    Databases(databases::DatabasesArgs),
    /// Set, list and delete the secrets that functions are granted by name
    Secret {
        #[command(subcommand)]
        command: secret::SecretCommand,
    },
    /// Add, change and delete the devices that MQTT clients may be
    Device {
        #[command(subcommand)]
        command: device::DeviceCommand,
    },
    /// Make the tokens that the admin API asks for, and tokens that are devices' passwords
    Token {
        #[command(subcommand)]
        command: token::TokenCommand,
    },
    /// What the host runs to compile a component
    #[command(name = compile::SUBCOMMAND, hide = true)]
    Compile { memory_reservation: u64, abi: Abi },
    /// What the host runs to make a component of a core module
    #[command(name = componentize::SUBCOMMAND, hide = true)]
    Componentize,
}

/// Runs what was typed and answers with the exit code.
pub fn run(cli: Cli) -> anyhow::Result<u8> {
    match cli.command {
        Command::Serve(args) => serve::run(*args).map(succeeded),
        Command::New(args) => new::run(args).map(succeeded),
        Command::Deploy(args) => as_client(async { deploy::run(args).await.map(succeeded) }),
        Command::Dev(args) => as_client(async { dev::run(*args).await.map(succeeded) }),
        Command::Test(args) => test::run(*args),
        Command::Functions(args) => as_client(async { functions::run(args).await.map(succeeded) }),
        Command::Rollback(args) => as_client(async { rollback::run(args).await.map(succeeded) }),
        Command::Invoke(args) => as_client(invoke::run(args)),
        Command::Logs(args) => as_client(async { logs::run(args).await.map(succeeded) }),
        Command::Kv { command } => {
            as_client(async { key_value::run(command).await.map(succeeded) })
        }
        Command::Pub(args) => as_client(async { broker::publish(args).await.map(succeeded) }),
        Command::Sub(args) => as_client(async { broker::subscribe(args).await.map(succeeded) }),
        Command::Broker { command } => {
            as_client(async { broker::run(command).await.map(succeeded) })
        }
        Command::DeadLetters(args) => {
            as_client(async { dead_letters::run(args).await.map(succeeded) })
        }
        Command::Databases(args) => as_client(async { databases::run(args).await.map(succeeded) }),
        Command::Secret { command } => {
            as_client(async { secret::run(command).await.map(succeeded) })
        }
        Command::Device { command } => {
            as_client(async { device::run(command).await.map(succeeded) })
        }
        Command::Token { command } => token::run(command).map(succeeded),
        Command::Compile {
            memory_reservation,
            abi,
        } => Ok(compile::run_subcommand(memory_reservation, abi)?),
        Command::Componentize => Ok(componentize::run_subcommand()?),
    }
}

fn succeeded((): ()) -> u8 {
    SUCCEEDED
}

/// Runs a command that talks to the admin API. A client waits far more than it works: one thread is enough.
fn as_client(command: impl Future<Output = anyhow::Result<u8>>) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start an async runtime")?;
    match runtime.block_on(command) {
        // Whoever reads has read enough, as `head` does: nothing failed.
        Err(error) if is_broken_pipe(&error) => Ok(SUCCEEDED),
        done => done,
    }
}

/// Only standard output's errors arrive unwrapped: those of connections come inside of the HTTP client's.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::Cli;

    #[track_caller]
    fn check(line: &str, accepted: bool) {
        let parsed = Cli::try_parse_from(line.split(' '));
        assert_eq!(parsed.is_ok(), accepted, "{line}: {:?}", parsed.err());
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn commands_take_what_they_document() {
        check(
            "tidegate deploy a.wasm --route /a --route /b --dry-run --json",
            true,
        );
        check("tidegate deploy spin.toml --variable a=b --build", true);
        check("tidegate deploy spin.toml --variable a", false);
        check("tidegate deploy", false);
        check("tidegate deploy a.wasm --name No_Name", false);
        check("tidegate deploy a.wasm --admin localhost:3001", false);
        check("tidegate functions", true);
        check("tidegate functions --json", true);
        check("tidegate functions list --json", true);
        check("tidegate functions show a --token t", true);
        check("tidegate functions delete", false);
        check("tidegate rollback a --revision 0", false);
        check("tidegate rollback a --revision 3", true);
    }

    #[test]
    fn an_invocation_is_of_one_kind() {
        check("tidegate invoke a", true);
        check("tidegate invoke a --path /x --header k:v --body b", true);
        check("tidegate invoke a --header k", false);
        check("tidegate invoke a --body b --body-file f", false);
        check(
            "tidegate invoke a --topic t --payload p --qos 1 --retain",
            true,
        );
        check("tidegate invoke a --topic t --qos 3", false);
        check("tidegate invoke a --topic t --path /x", false);
        check("tidegate invoke a --payload p", false);
        check("tidegate test a.wasm --path /x --config a=b", true);
        check("tidegate test a.wasm --topic t --payload p", true);
        check("tidegate test a.wasm --event f --path /x", false);
        check("tidegate test a.wasm --messages --tick", false);
        check("tidegate test a.wasm --config a", false);
    }

    #[test]
    fn devices_are_given_filters() {
        check(
            "tidegate device add a --publish up/%u --publish b --subscribe down/%c/#",
            true,
        );
        check("tidegate device add a --certificate CN", true);
        check("tidegate device add No_Name", false);
        check("tidegate device add a --publish a#", false);
        check("tidegate device add a --subscribe $share/g/a", false);
        check("tidegate device set a --no-publish --no-certificate", true);
        check("tidegate device set a --no-publish --publish b", false);
        check("tidegate device password a", true);
        check("tidegate device delete a --yes", true);
        check(
            "tidegate token create --device a --publish up/%u --ttl 1h",
            true,
        );
        check("tidegate token create --device a --role viewer", false);
        check("tidegate token create --publish a", false);
    }

    #[test]
    fn a_value_comes_from_one_place() {
        check("tidegate kv set b k v", true);
        check("tidegate kv set b k -5", true);
        check("tidegate kv set b k -", true);
        check("tidegate kv set b k --file f", true);
        check("tidegate kv set b k v --file f", false);
        check("tidegate kv set b k", false);
    }
}
