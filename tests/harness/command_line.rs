//! The command line: the binary run as somebody types it, and what came of it.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::{TestHost, artifacts};

/// Time for a command that is not waiting for anything.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// What a command printed, and its exit code.
#[derive(Debug)]
pub struct Done {
    /// Its exit code; none where a signal has ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Done {
    fn of(output: Output) -> Done {
        Done {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// This, which must have succeeded.
    #[track_caller]
    pub fn ok(self) -> Done {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Checks that it failed, with all of these texts in what it says.
    #[track_caller]
    pub fn failed(self, code: i32, texts: &[&str]) -> Done {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.out.is_empty(), "{self:?}");
        for text in texts {
            assert!(self.err.contains(text), "no `{text}` in {self:?}");
        }
        self
    }

    /// Checks that it did what it was asked, with all of these texts in its output, and that a function failed.
    #[track_caller]
    pub fn failed_saying(self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.says(texts);
    }

    /// Checks that all of these texts are in what it says beside its output.
    #[track_caller]
    pub fn noted(self, texts: &[&str]) {
        for text in texts {
            assert!(self.err.contains(text), "no `{text}` in {self:?}");
        }
    }

    /// Checks that all of these texts are in its output.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Done {
        for text in texts {
            assert!(self.out.contains(text), "no `{text}` in {self:?}");
        }
        self
    }

    /// Its output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The binary, with no setting from outside.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::from(artifacts::host_command());
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The binary, as a client of this host.
pub fn client(host: &TestHost, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command
        .env("TIDEGATE_ADMIN_URL", &host.admin)
        .env("TIDEGATE_DATA_DIR", host.data_dir());
    command
}

/// What a command does.
pub async fn done(command: Command) -> Done {
    done_within(COMMAND_TIMEOUT, command).await
}

/// What a command does that may take this long.
pub async fn done_within(time: Duration, mut command: Command) -> Done {
    let output = timeout(time, command.output()).await;
    let output = output.expect("it ends").expect("it can be run");
    Done::of(output)
}

/// What a command does with this on its standard input.
pub async fn done_reading(mut command: Command, input: &str) -> Done {
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .expect("it can be run");
    let mut pipe = child.stdin.take().expect("it was asked for");
    // One that has failed already reads nothing.
    let _ = pipe.write_all(input.as_bytes()).await;
    drop(pipe);
    let output = timeout(COMMAND_TIMEOUT, child.wait_with_output()).await;
    let output = output.expect("it ends").expect("it can be waited for");
    Done::of(output)
}

/// What the binary does with these arguments, as a client of this host.
pub async fn run(host: &TestHost, arguments: &[&str]) -> Done {
    done(client(host, arguments)).await
}

/// A path as an argument.
pub fn path_text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

/// The file of a guest as an argument.
pub fn guest(name: &str) -> String {
    path_text(&artifacts::guest_path(name)).to_owned()
}
