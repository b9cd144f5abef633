//! `tidegate dev`: builds and deploys a function whenever its sources change, and shows what it logs.
//!
//! The host is the one that answers, or else one of its own, which ends with it and keeps its state beside the sources.
//! Where a build or a deployment fails, the revision before serves on.

mod changes;
mod own_host;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use reqwest::Method;
use tokio::signal::unix::{SignalKind, signal};

use super::build::{OUTPUT, Source};
use super::client::{AdminClient, ClientArgs};
use super::deploy::{self, Parameters};
use super::functions::Function;
use super::logs;
use super::print::{self, Paint};
use super::spin_app;
use changes::Changes;
use own_host::OwnHost;

/// `tidegate dev`.
#[derive(clap::Args)]
pub(super) struct DevArgs {
    /// The function's folder, or its one source file
    #[arg(default_value = ".")]
    path: PathBuf,
    #[command(flatten)]
    parameters: Parameters,
    /// A topic filter whose messages the function handles, such as `sensors/+/temperature`
    #[arg(long = "topic", value_name = "FILTER")]
    topics: Vec<String>,
    #[command(flatten)]
    client: ClientArgs,
}

/// One function that is being worked on.
struct Session {
    source: Source,
    parameters: Parameters,
    topics: Vec<String>,
    /// A token that is made here is not valid for long, so that each cycle has a client of its own.
    client: ClientArgs,
    /// Whether a revision of this session's serves.
    is_deployed: bool,
}

/// Runs `tidegate dev`, until Ctrl-C.
pub(super) async fn run(args: DevArgs) -> anyhow::Result<()> {
    if let Some(app) = spin_app::manifest_in(&args.path) {
        bail!(
            "{} is an app, and this looks after one function: deploy it with `tidegate deploy {} --build`, and follow what \
             a function of it logs with `tidegate logs APP-COMPONENT --follow`",
            app.display(),
            args.path.display()
        );
    }
    let source = Source::of(&args.path)?;
    let Source::Project(project) = &source else {
        bail!(
            "{} is built already: name the folder that it is built from",
            args.path.display()
        );
    };
    let directory = project.directory.clone();
    let mut terminated = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let mut changes = Changes::watch(&directory)?;
    let (mut own_host, client) = match args.client.is_answered().await? {
        true => (None, args.client),
        false => {
            let data_dir = directory.join(OUTPUT).join("data");
            let (host, client) = OwnHost::start(&args.client, &data_dir).await?;
            (Some(host), client)
        }
    };
    let mut session = Session {
        source,
        parameters: args.parameters,
        topics: args.topics,
        client,
        is_deployed: false,
    };
    let work = async {
        loop {
            session.cycle().await;
            changes.next().await?;
        }
    };
    let ended = tokio::select! {
        failed = work => failed,
        stopped = tokio::signal::ctrl_c() => stopped.context("cannot wait for Ctrl-C"),
        _ = terminated.recv() => Ok(()),
        ended = own_host::ended(own_host.as_mut()) => Err(ended),
    };
    if let Some(host) = own_host {
        host.stop().await;
    }
    ended
}

impl Session {
    /// Builds and deploys once, and says what came of it.
    async fn cycle(&mut self) {
        let began = Instant::now();
        match self.deploy(began).await {
            Ok((client, function, built)) => {
                self.report(client, &function, built, began.elapsed() - built);
            }
            Err(error) => {
                let paint = Paint::of_stderr();
                eprintln!("{} {error:#}", paint.red("error:"));
                if self.is_deployed {
                    eprintln!("{}", paint.dim("the revision before serves on"));
                }
            }
        }
    }

    /// The function as it serves now, and how long the build took.
    async fn deploy(&self, began: Instant) -> anyhow::Result<(AdminClient, Function, Duration)> {
        let built = self.source.build().await?;
        let time = began.elapsed();
        let (name, upload) = self.parameters.read(&built)?;
        let client = AdminClient::new(&self.client).await?;
        let request = client.request(Method::PUT, &["functions", name.as_str()]);
        let request = upload.send(request.query(&self.parameters.pairs(&self.topics)))?;
        let function = client.fetch(request).await?.read()?;
        Ok((client, function, time))
    }

    fn report(
        &mut self,
        client: AdminClient,
        function: &Function,
        built: Duration,
        deployed: Duration,
    ) {
        if !self.is_deployed {
            self.is_deployed = true;
            let name = function.name.clone();
            tokio::spawn(async move {
                if let Err(error) = logs::follow_new(&client, &name).await {
                    eprintln!("the logs cannot be shown: {error:#}");
                }
            });
            // Who cannot be written to has gone.
            let _ = deploy::report(function, deploy::what_became_of(function));
        }
        let line = format!(
            "built {:.2} s, deployed {:.2} s: revision {}",
            built.as_secs_f64(),
            deployed.as_secs_f64(),
            function.revision
        );
        let name = print::printable(&function.name);
        let paint = Paint::of_stdout();
        let _ = writeln!(
            io::stdout(),
            "{}: {}",
            paint.bold(&name),
            paint.green(&line)
        );
    }
}
