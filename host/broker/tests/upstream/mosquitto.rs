//! Mosquitto as the external broker, on a port and in a directory of its own.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::eventually;

/// A Mosquitto that runs, and ends with the test.
pub(crate) struct Mosquitto {
    directory: TempDir,
    port: u16,
    options: String,
    process: Option<Child>,
}

impl Mosquitto {
    /// Starts one that takes everybody and keeps nothing over restarts.
    pub(crate) async fn start() -> Mosquitto {
        Mosquitto::with(|_| "allow_anonymous true\n".to_owned()).await
    }

    /// Starts one whose sessions and messages survive orderly restarts.
    pub(crate) async fn persistent() -> Mosquitto {
        Mosquitto::with(|directory| {
            let directory = directory.display();
            format!("allow_anonymous true\npersistence true\npersistence_location {directory}/\n")
        })
        .await
    }

    /// Starts one with these lines of configuration behind its listener's.
    pub(crate) async fn with(options: impl Fn(&Path) -> String) -> Mosquitto {
        let directory = tempfile::tempdir().expect("a directory");
        let options = options(directory.path());
        let mut mosquitto = Mosquitto {
            directory,
            port: 0,
            options,
            process: None,
        };
        // Another process may take the port first.
        for _ in 0..10 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            mosquitto.port = listener.local_addr().expect("an address").port();
            drop(listener);
            if mosquitto.run().await {
                return mosquitto;
            }
        }
        panic!("mosquitto does not start: {}", mosquitto.log());
    }

    /// Starts it again.
    pub(crate) async fn start_again(&mut self) {
        assert!(
            self.run().await,
            "mosquitto does not start again: {}",
            self.log()
        );
    }

    async fn run(&mut self) -> bool {
        let configuration = self.path("mosquitto.conf");
        let text = format!(
            "listener {} 127.0.0.1\nmax_inflight_messages 0\nmax_queued_messages 0\nlog_dest file {}\nuser root\n{}",
            self.port,
            self.path("log").display(),
            self.options
        );
        fs::write(&configuration, text).expect("a file");
        let process = Command::new(program())
            .arg("-c")
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut process = process.expect("mosquitto is installed");
        let address = self.address();
        let is_up = eventually("mosquitto starts or ends", async || {
            match process.try_wait().expect("a child") {
                Some(_) => Some(false),
                None => TcpStream::connect(address).is_ok().then_some(true),
            }
        })
        .await;
        self.process = is_up.then_some(process);
        is_up
    }

    /// Ends it in order: it writes down what it keeps.
    pub(crate) async fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        let id = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process id"), Signal::TERM).expect("it runs");
        eventually("mosquitto ends", async || {
            process.try_wait().expect("a child")
        })
        .await;
    }

    /// Ends it and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// Removes what it has kept.
    pub(crate) fn forget(&self) {
        fs::remove_file(self.path("mosquitto.db")).expect("it has kept something");
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// A file in its directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Debian has it where only root looks for programs.
fn program() -> &'static str {
    let path = "/usr/sbin/mosquitto";
    if Path::new(path).exists() {
        path
    } else {
        "mosquitto"
    }
}
