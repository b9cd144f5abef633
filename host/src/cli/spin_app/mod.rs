//! `tidegate deploy spin.toml`: an app made for Spin, as it is.
//!
//! ```text
//! spin.toml -> manifest (as written) -> variables filled in -> translate (one upload for each component)
//!           -> a dry run of each, so that nothing is deployed where one cannot be -> secrets set
//!           -> deployed, one after another
//! ```
//!
//! What Spin's manifest says and Tidegate cannot do is an error that names the line.

mod files;
mod manifest;
mod routes;
mod secrets;
mod source;
mod translate;
mod variables;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use reqwest::Method;
use serde_json::Value;

use super::client::{AdminClient, Answer, ApiProblem};
use super::deploy::{self, DeployArgs, Upload};
use super::functions::Function;
use super::print::{self, Paint};
use crate::model::manifest::Manifest;
pub(super) use files::LocalFiles;
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
    if args.build {
        build(&app)?;
    }
    let uploads = app
        .functions
        .iter()
        .map(|function| upload(&source, function))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let client = AdminClient::new(&args.client).await?;
    let unset = secrets::unset(&client, &app.secrets).await?;
    let mut forecasts = Vec::new();
    for (function, upload) in app.functions.iter().zip(&uploads) {
        let request = client
            .request(Method::POST, &["functions", function.name.as_str()])
            .query(&[("dry_run", true)]);
        let upload = Upload {
            manifest: Some(written(&secrets::without(&unset, &function.manifest))?),
            ..upload.clone()
        };
        let answer = client.fetch(upload.send(request)?).await;
        forecasts.push(answer.map_err(|error| explain(&source, function, error))?);
    }
    if args.dry_run {
        return report_forecasts(&app, &forecasts, args.client.json);
    }
    let set = secrets::set(&client, &app.secrets).await;
    set.context("nothing is deployed")?;
    let mut deployed: Vec<Answer> = Vec::new();
    for (function, upload) in app.functions.iter().zip(&uploads) {
        let request = client.request(Method::PUT, &["functions", function.name.as_str()]);
        let answer = client.fetch(upload.send(request)?).await;
        deployed.push(answer.map_err(|error| {
            let error = explain(&source, function, error);
            error.context(unfinished(&app, deployed.len()))
        })?);
    }
    report(&deployed, args.client.json)
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
    if error.is::<ApiProblem>() {
        let mistake = function.mistake(source, format!("function `{}`", function.name));
        return error.context(mistake);
    }
    error
}

fn unfinished(app: &App, deployed: usize) -> String {
    let names = app.functions[..deployed].iter();
    let names: Vec<&str> = names.map(|function| function.name.as_str()).collect();
    match names.is_empty() {
        true => "nothing is deployed".to_owned(),
        false => format!("deployed before this: {}", names.join(", ")),
    }
}

fn report_forecasts(app: &App, forecasts: &[Answer], json: bool) -> anyhow::Result<()> {
    if json {
        return print_all(forecasts);
    }
    for (function, answer) in app.functions.iter().zip(forecasts) {
        deploy::forecast(&function.name, &answer.read()?)?;
    }
    Ok(())
}

fn report(deployed: &[Answer], json: bool) -> anyhow::Result<()> {
    if json {
        return print_all(deployed);
    }
    for answer in deployed {
        let function: Function = answer.read()?;
        deploy::report(&function, deploy::what_became_of(&function))?;
    }
    Ok(())
}

/// The answers as one JSON array.
fn print_all(answers: &[Answer]) -> anyhow::Result<()> {
    let answers = answers.iter().map(Answer::read::<Value>);
    let answers = answers.collect::<anyhow::Result<Vec<_>>>()?;
    let text = serde_json::to_vec(&answers).context("the answers cannot be written")?;
    Ok(print::line_of_bytes(&mut std::io::stdout().lock(), &text)?)
}
