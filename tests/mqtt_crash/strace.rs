//! A host whose writes to its database are traced, counted and tampered with (`strace --inject`).

use std::collections::HashMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tidegate_tests::{SOON, artifacts, eventually};
use tokio::process::{Child, Command};

/// The calls that change what is on disk, or make it last.
const CALLS: &str = "write,pwrite64,writev,pwritev,ftruncate,fsync,fdatasync";
/// The database and its log.
const FILES: [&str; 2] = ["tidegate.db", "tidegate.db-wal"];

/// What becomes of a call.
pub(crate) enum Tampering {
    /// Nothing: calls are counted only.
    None,
    /// The host is killed instead of this call of a thread, counted from 1.
    KillAt(u32),
}

/// A host under `strace`. It is killed when this is dropped.
pub(crate) struct Traced {
    directory: TempDir,
    strace: Child,
}

impl Traced {
    /// Starts a host on this data directory.
    pub(crate) fn start(data_dir: &Path, tampering: &Tampering) -> Traced {
        let directory = TempDir::new().expect("a temporary directory");
        let output = |name| File::create(directory.path().join(name)).expect("a file");
        let mut command = Command::new("strace");
        // Not with --seccomp-bpf, with which nothing is injected where paths are given.
        command.args(["-f", "-qq", "--signal=none", "-o"]);
        command.arg(directory.path().join("log"));
        command.arg(format!("--trace={CALLS}"));
        for file in FILES {
            command.arg("-P").arg(data_dir.join(file));
        }
        match tampering {
            Tampering::None => {}
            Tampering::KillAt(point) => {
                command.arg(format!("--inject={CALLS}:signal=KILL:when={point}"));
            }
        }
        let listeners = ["--http", "--admin", "--mqtt"];
        let listeners = listeners.map(|flag| [flag, "127.0.0.1:0"]).concat();
        let strace = command
            .arg(artifacts::host_binary())
            .args(["serve", "--ready-json", "--data-dir"])
            .arg(data_dir)
            .args(listeners)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .kill_on_drop(true)
            .spawn()
            .expect("strace is installed");
        Traced { directory, strace }
    }

    /// Waits until the host listens for MQTT; none when it ends before.
    pub(crate) async fn ready(&mut self) -> Option<SocketAddr> {
        let (directory, strace) = (&self.directory, &mut self.strace);
        eventually("the traced host is ready", SOON, async || {
            let text = read(directory, "stdout");
            if let Some((line, _)) = text.split_once('\n') {
                let ready: Value = serde_json::from_str(line).expect("JSON");
                let url = ready["mqtt"].as_str().expect("a URL");
                let address = url.trim_start_matches("mqtt://").parse();
                return Some(Some(address.expect("an address")));
            }
            let has_ended = strace.try_wait().expect("a child can be asked").is_some();
            has_ended.then_some(None)
        })
        .await
    }

    /// Waits until the host has ended.
    pub(crate) async fn ended(&mut self) {
        self.strace.wait().await.expect("a child can be waited for");
    }

    /// Ends the host as a crash would, if it has not ended yet. Gives the most calls that any of its threads has made.
    pub(crate) async fn kill9(mut self) -> u32 {
        self.kill_host();
        self.ended().await;
        let log = read(&self.directory, "log");
        let mut counts = HashMap::new();
        for line in log.lines().filter(|line| !line.contains(" resumed>")) {
            let thread = line.split(' ').next();
            *counts.entry(thread).or_insert(0) += 1;
        }
        counts.into_values().max().unwrap_or(0)
    }

    /// Not strace, without which the host would go on.
    fn kill_host(&self) {
        let Some(strace) = self.strace.id() else {
            return;
        };
        let children = std::fs::read_to_string(format!("/proc/{strace}/task/{strace}/children"));
        for child in children.unwrap_or_default().split_whitespace() {
            if let Some(id) = child.parse().ok().and_then(Pid::from_raw) {
                // It may have ended just now.
                let _ = kill_process(id, Signal::KILL);
            }
        }
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.kill_host();
    }
}

fn read(directory: &TempDir, name: &str) -> String {
    let bytes = std::fs::read(directory.path().join(name)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
