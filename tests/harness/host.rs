//! A host of a test's own: its process, its directory, its addresses.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;

use crate::{AdminClient, Reply, SOON, artifacts, eventually};

/// Time for a host to say that it is ready, on a machine with a lot else to do.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Time for a host to end after it was told to: longer than any drain of these tests.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Role {
    Viewer,
    Deployer,
    Admin,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Deployer => "deployer",
            Role::Admin => "admin",
        }
    }
}

/// How a host is to be started.
#[derive(Clone, Debug)]
pub struct HostBuilder {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    data_dir: Option<PathBuf>,
    ready_json: bool,
}

/// A running host. When it is dropped its process is killed; unless the test has failed already, it fails if the host
/// has panicked.
pub struct TestHost {
    builder: HostBuilder,
    directory: TempDir,
    data_dir: PathBuf,
    child: Child,
    client: reqwest::Client,
    /// Where functions are reached, as in `http://127.0.0.1:3000`.
    pub http: String,
    /// Where the admin API is reached.
    pub admin: String,
    /// Where MQTT clients connect, as in `mqtt://127.0.0.1:1883`; empty where MQTT is switched off.
    pub mqtt: String,
}

impl HostBuilder {
    /// One more argument for `tidegate serve`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> HostBuilder {
        self.arguments.push(argument.into());
        self
    }

    /// One more environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> HostBuilder {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// This data directory instead of an empty one.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> HostBuilder {
        self.data_dir = Some(path.into());
        self
    }

    /// Without `--ready-json`: the host says that it is ready in lines for people, as [`TestHost::stdout`] has them.
    #[must_use]
    pub fn lines(mut self) -> HostBuilder {
        self.ready_json = false;
        self
    }

    /// Starts the host and waits until it is ready.
    pub async fn start(self) -> TestHost {
        let directory = TempDir::new().expect("a temporary directory");
        let data_dir = self
            .data_dir
            .clone()
            .unwrap_or_else(|| directory.path().join("data"));
        let child = self.spawn(directory.path(), &data_dir);
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        let mut host = TestHost {
            builder: self,
            directory,
            data_dir,
            child,
            client,
            http: String::new(),
            admin: String::new(),
            mqtt: String::new(),
        };
        host.await_ready().await;
        host
    }

    fn spawn(&self, directory: &Path, data_dir: &Path) -> Child {
        let output = |name: &str| File::create(directory.join(name)).expect("a file");
        let mut command = artifacts::host_command();
        command.arg("serve").arg("--data-dir").arg(data_dir);
        let is_given = |flag: &str| self.arguments.iter().any(|argument| argument == flag);
        for listener in ["--http", "--admin", "--mqtt"] {
            let is_replaced = listener == "--mqtt" && is_given("--broker");
            if !is_given(listener) && !is_replaced {
                command.args([listener, "127.0.0.1:0"]);
            }
        }
        if self.ready_json {
            command.arg("--ready-json");
        }
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .spawn()
            .expect("the host's binary runs")
    }
}

/// Whether this line of standard error says that the host has panicked. Guests that do are in its log, where lines begin
/// with something else.
fn is_own_panic(line: &str) -> bool {
    line.starts_with("thread '") && line.contains("panicked at")
}

impl TestHost {
    /// How a host is started unless something else is said: an empty data directory, free ports.
    pub fn builder() -> HostBuilder {
        HostBuilder {
            arguments: Vec::new(),
            environment: Vec::new(),
            data_dir: None,
            ready_json: true,
        }
    }

    /// A host with an empty data directory, on free ports.
    pub async fn start() -> TestHost {
        TestHost::builder().start().await
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The id of the host's process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// What the host has said on standard output since it was started.
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// What the host has said on standard error since it was started.
    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    /// The file that the host's standard error goes into, also after it was started again.
    pub fn stderr_file(&self) -> PathBuf {
        self.directory.path().join("stderr")
    }

    /// One more environment variable when the host is started again.
    pub fn set_env(&mut self, name: &str, value: &str) {
        let environment = &mut self.builder.environment;
        environment.push((name.to_owned(), value.to_owned()));
    }

    /// The URL of a listener by its name in the ready line, such as `mqtts`.
    pub fn listener(&self, name: &str) -> String {
        let text = self.stdout();
        let line = text.lines().next().expect("the ready line");
        let ready: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let url = ready[name].as_str();
        url.unwrap_or_else(|| panic!("no `{name}` in {line}"))
            .to_owned()
    }

    /// The address of the functions' listener.
    pub fn http_address(&self) -> SocketAddr {
        address(&self.http)
    }

    /// The address of the admin API.
    pub fn admin_address(&self) -> SocketAddr {
        address(&self.admin)
    }

    /// The address of the MQTT listener.
    pub fn mqtt_address(&self) -> SocketAddr {
        address(&self.mqtt)
    }

    /// A token for this role, made as an operator makes one.
    pub fn token(&self, role: Role) -> String {
        self.token_for(role, "1h")
    }

    /// A token for this role that is valid for this long.
    pub fn token_for(&self, role: Role, ttl: &str) -> String {
        let made = Command::new(artifacts::host_binary())
            .args([
                "token",
                "create",
                "--role",
                role.as_str(),
                "--ttl",
                ttl,
                "--data-dir",
            ])
            .arg(&self.data_dir)
            .output()
            .expect("the host's binary runs");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        String::from_utf8(made.stdout)
            .expect("a token is ASCII")
            .trim()
            .to_owned()
    }

    /// A client of the admin API with the role `admin`.
    pub fn admin(&self) -> AdminClient {
        self.admin_as(Role::Admin)
    }

    /// A client of the admin API with this role.
    pub fn admin_as(&self, role: Role) -> AdminClient {
        AdminClient::new(&self.admin, Some(&self.token(role)))
    }

    /// A client of the admin API without a token.
    pub fn stranger(&self) -> AdminClient {
        AdminClient::new(&self.admin, None)
    }

    /// A `GET` request for functions, on a connection of its own.
    pub fn function(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// Waits until a function answers a `GET` request with this text.
    pub async fn await_answer(&self, path: &str, text: &str) {
        eventually(&format!("{path} answers `{text}`"), SOON, async || {
            let answer = Reply::of(self.function(path)).await;
            (answer.text() == text).then_some(())
        })
        .await;
    }

    /// A request for functions, on a connection of its own.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.http))
    }

    /// Asks the host to stop (SIGTERM) and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.exited().await
    }

    /// Asks the host to stop (SIGTERM) and does not wait.
    pub fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// Lets the host write no file beyond this many bytes from now on: to it, the disk is full. None takes it back.
    pub fn limit_file_bytes(&self, bytes_max: Option<u64>) {
        let pid = Pid::from_raw(self.process_id().cast_signed());
        let limit = Rlimit {
            current: bytes_max,
            maximum: None,
        };
        prlimit(pid, Resource::Fsize, limit).expect("the limit can be set");
    }

    /// Waits until the host has stopped.
    pub async fn exited(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the host has ended", STOP_TIMEOUT, async || {
            child.try_wait().expect("a child can be asked")
        })
        .await
    }

    /// Ends the host as a crash would (SIGKILL).
    pub fn kill9(&mut self) {
        self.child.kill().expect("the child runs");
        self.child.wait().expect("a child can be waited for");
    }

    /// Starts the host again, on the same data directory and on new ports; ends it first if it runs.
    pub async fn restart(&mut self) {
        if self
            .child
            .try_wait()
            .expect("a child can be asked")
            .is_none()
        {
            self.terminate().await;
        }
        self.assert_no_panic();
        self.child = self.builder.spawn(self.directory.path(), &self.data_dir);
        self.await_ready().await;
    }

    async fn await_ready(&mut self) {
        let (directory, child) = (self.directory.path(), &mut self.child);
        let ready_json = self.builder.ready_json;
        let addresses = eventually("the host is ready", START_TIMEOUT, async || {
            let text = std::fs::read_to_string(directory.join("stdout")).expect("a file");
            let addresses = if ready_json {
                from_json(&text)
            } else {
                from_lines(&text)
            };
            if addresses.is_none()
                && let Some(status) = child.try_wait().expect("a child can be asked")
            {
                let said = std::fs::read_to_string(directory.join("stderr")).expect("a file");
                panic!("the host has ended ({status}) before it was ready:\n{said}");
            }
            addresses
        })
        .await;
        [self.http, self.admin, self.mqtt] = addresses;
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process id"), signal).expect("the child runs");
    }

    fn read(&self, name: &str) -> String {
        let bytes = std::fs::read(self.directory.path().join(name)).expect("a file");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn assert_no_panic(&self) {
        let said = self.stderr();
        assert!(
            !said.lines().any(is_own_panic),
            "the host has panicked:\n{said}"
        );
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the host said ---\n{}\n---", self.stderr());
        } else {
            self.assert_no_panic();
        }
    }
}

fn from_json(text: &str) -> Option<[String; 3]> {
    let line = text.split_once('\n')?.0;
    let ready: serde_json::Value = serde_json::from_str(line).expect("the ready line is JSON");
    Some(
        ["http", "admin", "mqtt"]
            .map(|listener| ready[listener].as_str().unwrap_or_default().to_owned()),
    )
}

fn from_lines(text: &str) -> Option<[String; 3]> {
    let mut addresses = [const { String::new() }; 3];
    for (index, listener) in ["functions", "admin", "mqtt"].iter().enumerate() {
        let mut whole_lines = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        let line = whole_lines.find(|line| line.starts_with(listener))?;
        addresses[index] = line.split_whitespace().nth(1)?.to_owned();
    }
    Some(addresses)
}

fn address(url: &str) -> SocketAddr {
    let (_, address) = url
        .split_once("://")
        .unwrap_or_else(|| panic!("`{url}` is no URL"));
    address.parse().expect("an address")
}
