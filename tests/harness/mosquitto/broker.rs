//! Mosquitto itself: a broker of others, to compare with and to connect to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{SOON, eventually, free_address};

/// A running Mosquitto. When it is dropped its process is killed.
pub struct Broker {
    /// Where its clients connect; the same after a restart.
    pub address: SocketAddr,
    configuration: PathBuf,
    directory: TempDir,
    child: Child,
}

impl Broker {
    /// Starts Mosquitto on a free port, for anonymous clients, with these further lines of configuration. What it persists,
    /// if it is to persist anything, is in a directory of its own.
    pub async fn start(settings: &str) -> Broker {
        let directory = TempDir::new().expect("a temporary directory");
        let address = free_address();
        let configuration = directory.path().join("mosquitto.conf");
        // As root it would become a user who may not write there.
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\nuser root\npersistence_location {}/\n{settings}\n",
            address.port(),
            directory.path().display()
        );
        std::fs::write(&configuration, text).expect("it can be written");
        let child = spawn(&configuration, directory.path());
        let broker = Broker {
            address,
            configuration,
            directory,
            child,
        };
        broker.ready().await;
        broker
    }

    /// The id of its process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop (SIGTERM), which makes it persist what it is to persist, and waits until it has.
    pub async fn terminate(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process id"), Signal::TERM).expect("it runs");
        let child = &mut self.child;
        eventually("Mosquitto has ended", SOON, async || {
            child.try_wait().expect("a child can be asked")
        })
        .await;
    }

    /// Ends it as a crash would (SIGKILL).
    pub fn kill9(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("a child can be waited for");
    }

    /// Starts it again where it was, after it has ended.
    pub async fn restart(&mut self) {
        self.child = spawn(&self.configuration, self.directory.path());
        self.ready().await;
    }

    async fn ready(&self) {
        eventually("Mosquitto listens", SOON, async || {
            TcpStream::connect(self.address).await.ok()
        })
        .await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(configuration: &Path, directory: &Path) -> Child {
    // Where programs for root are, which Debian does not have on everybody's path.
    let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .unwrap_or("mosquitto");
    Command::new(program)
        .arg("-c")
        .arg(configuration)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Mosquitto is installed")
}
