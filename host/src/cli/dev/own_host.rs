//! A host of a session's own: the same program once more, which ends with the session.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::cli::client::ClientArgs;
use crate::limits::DRAIN_TIMEOUT;

/// What the host itself says, beside what the function logs.
const LOG_FILTER: &str = "warn,rumqttd=off";

/// A running host.
pub(super) struct OwnHost {
    child: Child,
    /// Kept open: a host whose standard output is closed cannot write to it.
    _output: BufReader<ChildStdout>,
}

/// The line with which a host is ready.
#[derive(Deserialize)]
struct Addresses {
    http: String,
    admin: String,
    mqtt: Option<String>,
}

impl OwnHost {
    /// Starts a host whose admin API is where one was looked for, waits until it is ready, and says how to reach it.
    pub(super) async fn start(
        wanted: &ClientArgs,
        data_dir: &Path,
    ) -> anyhow::Result<(OwnHost, ClientArgs)> {
        let admin = wanted.listen_address()?;
        let data_dir: PathBuf = wanted.data_dir().unwrap_or(data_dir).to_owned();
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command
            .args(["serve", "--ready-json", "--admin", &admin, "--data-dir"])
            .arg(&data_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if std::env::var_os("TIDEGATE_LOG").is_none() {
            command.env("TIDEGATE_LOG", LOG_FILTER);
        }
        let mut child = command.spawn().context("cannot start a host")?;
        let output = child.stdout.take().context("a host without output")?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line).await?;
        let ready: Addresses = serde_json::from_str(&line).map_err(|_| {
            anyhow!("no Tidegate answers at {admin}, and none could be started there")
        })?;
        eprintln!(
            "No Tidegate answered at {admin}: started one, with its state in {}",
            data_dir.display()
        );
        eprintln!("functions  {}", ready.http);
        eprintln!("admin      {}", ready.admin);
        eprintln!("mqtt       {}\n", ready.mqtt.as_deref().unwrap_or("off"));
        let host = OwnHost {
            child,
            _output: output,
        };
        Ok((host, wanted.of_host(&ready.admin, data_dir)?))
    }

    /// Lets it finish what it does, and ends it.
    pub(super) async fn stop(mut self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id.and_then(Pid::from_raw) {
            // It may have ended already: a terminal's Ctrl-C reaches it as well.
            let _ = kill_process(id, Signal::TERM);
        }
        let patience = DRAIN_TIMEOUT + Duration::from_secs(5);
        if timeout(patience, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// Waits until the host has ended by itself; for ever where there is none.
pub(super) async fn ended(host: Option<&mut OwnHost>) -> anyhow::Error {
    let Some(host) = host else {
        return std::future::pending().await;
    };
    match host.child.wait().await {
        Ok(status) => anyhow!("the host has ended ({status})"),
        Err(error) => anyhow!("the host cannot be waited for: {error}"),
    }
}
