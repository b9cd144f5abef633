//! `tidegate deploy spin.toml`: an app made for Spin, as it is.
//!
//! ```text
//! spin.toml -> manifest (as written) -> variables filled in -> translate (one upload for each component)
//!           -> a dry run of each, so that nothing is deployed where one cannot be -> plan (in which order)
//!           -> secrets set -> deployed, one after another; what the app does not have any more is removed
//! ```
//!
//! What Spin's manifest says and Tidegate cannot do is an error that names the line.

mod files;
mod manifest;
mod plan;
mod routes;
mod secrets;
mod source;
mod translate;
mod variables;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{AdminClient, Answer, ApiProblem};
use super::deploy::{self, DeployArgs, Forecast, Upload};
use super::functions::{Function, FunctionList};
use super::print::{self, Paint};
use crate::model::manifest::Manifest;
pub(super) use files::LocalFiles;
use plan::Step;
use source::Source;
use translate::{App, AppFunction};

/// The smallest component there is: for responses that the host gives by itself.
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// The app's manifest, where this is one or a directory that has one and nothing else to be deployed.
pub(super) fn manifest_in(file: &Path) -> Option<PathBuf> {
    if file.is_dir() {
        return Some(file.join("spin.toml")).filter(|manifest| manifest.is_file());
    }
    manifest::is_spin_manifest(file).then(|| file.to_owned())
}

/// Reads an app's manifest and says what is to be uploaded. Values of variables are `given`, or in the environment.
pub(super) fn load(file: &Path, given: &[(String, String)]) -> anyhow::Result<(Source, App)> {
    let source = Source::read(file)?;
    let spin = manifest::read(&source)?;
    let environment = |name: &str| std::env::var(name).ok();
    let variables = variables::Variables::resolve(&source, &spin.variables, given, environment)?;
    if let Some((name, _)) = given.iter().find(|(name, _)| !variables.has(name)) {
        bail!(
            "{}: there is no variable `{name}` in [variables]",
            file.display()
        );
    }
    let app = translate::translate(&source, &spin, &variables)?;
    Ok((source, app))
}

/// Deploys an app: all of its functions, or none where one of them cannot be.
pub(super) async fn run(file: &Path, args: &DeployArgs) -> anyhow::Result<()> {
    args.check_for_app()?;
    let (source, app) = load(file, &args.variables)?;
    for note in &app.notes {
        eprintln!("{} {note}", Paint::of_stderr().yellow("note:"));
    }
    // Before anything is built, which takes its time.
    let client = AdminClient::new(&args.client).await?;
    let present = client.request(Method::GET, &["functions"]);
    let present: FunctionList = client.fetch(present).await?.read()?;
    let leftovers = plan::leftovers(&source, &app, &present.functions)?;
    if args.build {
        build(&app)?;
    }
    let uploads = app
        .functions
        .iter()
        .map(|function| upload(&source, function))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let deployment = Deployment {
        client,
        source,
        app,
        uploads,
    };
    let (source, app) = (&deployment.source, &deployment.app);
    let answers = deployment.dry_runs().await?;
    let forecasts = answers.iter().map(Answer::read::<Forecast>);
    let forecasts = forecasts.collect::<anyhow::Result<Vec<_>>>()?;
    let steps = plan::plan(source, app, &forecasts, &leftovers)?;
    match (args.dry_run, args.client.json) {
        (true, true) => print_forecasts(&steps, &answers),
        (true, false) => report_forecasts(app, &steps, &forecasts),
        (false, true) => print_all(&deployment.carry_out(&steps).await?),
        (false, false) => report(&deployment.carry_out(&steps).await?),
    }
}

/// Everything that is to be deployed, and where.
struct Deployment {
    client: AdminClient,
    source: Source,
    app: App,
    /// One for each function.
    uploads: Vec<Upload>,
}

/// A step that was taken.
enum Done {
    Deployed(Answer),
    Removed(String),
}

impl Deployment {
    /// What the host would do, for each function.
    async fn dry_runs(&self) -> anyhow::Result<Vec<Answer>> {
        let unset = secrets::unset(&self.client, &self.app.secrets).await?;
        let mut answers = Vec::new();
        for (function, upload) in self.app.functions.iter().zip(&self.uploads) {
            let path = ["functions", function.name.as_str()];
            let request = self.client.request(Method::POST, &path);
            let upload = Upload {
                manifest: Some(written(&secrets::without(&unset, &function.manifest))?),
                ..upload.clone()
            };
            let request = upload.send(request.query(&[("dry_run", true)]))?;
            let answer = self.client.fetch(request).await;
            answers.push(answer.map_err(|error| explain(&self.source, function, error))?);
        }
        Ok(answers)
    }

    async fn carry_out(&self, steps: &[Step]) -> anyhow::Result<Vec<Done>> {
        let set = secrets::set(&self.client, &self.app.secrets).await;
        set.context("nothing is deployed")?;
        let mut done = Vec::new();
        for step in steps {
            let taken = self.take(step).await;
            let before = &steps[..done.len()];
            done.push(taken.map_err(|error| error.context(unfinished(&self.app, before)))?);
        }
        Ok(done)
    }

    async fn take(&self, step: &Step) -> anyhow::Result<Done> {
        match step {
            Step::Deploy(index) => {
                let (function, upload) = (&self.app.functions[*index], &self.uploads[*index]);
                let path = ["functions", function.name.as_str()];
                let request = upload.send(self.client.request(Method::PUT, &path))?;
                let answer = self.client.fetch(request).await;
                let answer = answer.map_err(|error| explain(&self.source, function, error))?;
                Ok(Done::Deployed(answer))
            }
            Step::Remove(name) => {
                let request = self.client.request(Method::DELETE, &["functions", name]);
                self.client.fetch(request).await?;
                Ok(Done::Removed(name.clone()))
            }
        }
    }
}

/// Runs what `build` says, one command after another.
fn build(app: &App) -> anyhow::Result<()> {
    for (command, directory) in app.functions.iter().flat_map(|function| &function.build) {
        eprintln!("{}", Paint::of_stderr().dim(command));
        let status = std::process::Command::new("sh")
            .args(["-c", command])
            .current_dir(directory)
            .status()
            .with_context(|| format!("cannot run `{command}` in {}", directory.display()))?;
        ensure!(status.success(), "`{command}` has failed ({status})");
    }
    Ok(())
}

fn upload(source: &Source, function: &AppFunction) -> anyhow::Result<Upload> {
    let component = match &function.component {
        None => Bytes::from_static(EMPTY_COMPONENT),
        Some(path) => deploy::read_component(path).map_err(|error| {
            let built = match function.build.is_empty() {
                true => "",
                false => " (--build builds it)",
            };
            function.mistake(source, format!("{error:#}{built}"))
        })?,
    };
    Ok(Upload {
        component,
        manifest: Some(written(&function.manifest)?),
        files: deploy::read_files(&function.files)
            .map_err(|error| function.mistake(source, format!("{error:#}")))?,
    })
}

fn written(manifest: &Manifest) -> anyhow::Result<String> {
    toml::to_string(manifest).context("the manifest cannot be written")
}

/// What the host refuses is told with the line of the component that it is about; other errors are about none.
fn explain(source: &Source, function: &AppFunction, error: anyhow::Error) -> anyhow::Error {
    let Some(problem) = error.downcast_ref::<ApiProblem>() else {
        return error;
    };
    let what = format!("function `{}`", function.name);
    let requests = function.requests.as_ref();
    let mistake = match requests.filter(|_| problem.code == "program_missing") {
        Some(requests) => requests.mistake(source, what),
        None => function.mistake(source, what),
    };
    error.context(mistake)
}

fn unfinished(app: &App, taken: &[Step]) -> String {
    let taken = taken.iter().map(|step| match step {
        Step::Deploy(index) => format!("deployed {}", app.functions[*index].name),
        Step::Remove(name) => format!("removed {name}"),
    });
    let taken: Vec<String> = taken.collect();
    match taken.is_empty() {
        true if !app.secrets.is_empty() => {
            "its secrets are set, and nothing is deployed".to_owned()
        }
        true => "nothing is deployed".to_owned(),
        false => format!("done before this: {}", taken.join(", ")),
    }
}

/// Why a function is removed.
const LEFT_OVER: &str = "the app has no such component any more";

fn report_forecasts(app: &App, steps: &[Step], forecasts: &[Forecast]) -> anyhow::Result<()> {
    for step in steps {
        match step {
            Step::Deploy(index) => {
                deploy::forecast(&app.functions[*index].name, &forecasts[*index])?;
            }
            Step::Remove(name) => writeln!(
                std::io::stdout(),
                "{}: a deployment would remove it: {LEFT_OVER}",
                Paint::of_stdout().bold(&print::printable(name))
            )?,
        }
    }
    Ok(())
}

fn print_forecasts(steps: &[Step], answers: &[Answer]) -> anyhow::Result<()> {
    let value = |step: &Step| match step {
        Step::Deploy(index) => answers[*index].read(),
        Step::Remove(name) => Ok(json!({ "name": name, "would_remove": true })),
    };
    print_json(steps.iter().map(value))
}

fn report(done: &[Done]) -> anyhow::Result<()> {
    for step in done {
        match step {
            Done::Deployed(answer) => {
                let function: Function = answer.read()?;
                deploy::report(&function, deploy::what_became_of(&function))?;
            }
            Done::Removed(name) => {
                let name = print::printable(name);
                writeln!(std::io::stdout(), "removed {name}: {LEFT_OVER}")?;
            }
        }
    }
    Ok(())
}

fn print_all(done: &[Done]) -> anyhow::Result<()> {
    let value = |step: &Done| match step {
        Done::Deployed(answer) => answer.read(),
        Done::Removed(name) => Ok(json!({ "name": name, "removed": true })),
    };
    print_json(done.iter().map(value))
}

/// One JSON array.
fn print_json(values: impl Iterator<Item = anyhow::Result<Value>>) -> anyhow::Result<()> {
    let values = values.collect::<anyhow::Result<Vec<_>>>()?;
    let text = serde_json::to_vec(&values).context("the answers cannot be written")?;
    Ok(print::line_of_bytes(&mut std::io::stdout().lock(), &text)?)
}
