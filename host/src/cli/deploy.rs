//! `tidegate deploy`: builds a component where it is not built yet, uploads it, and says what became of it. Of a whole
//! app, [`spin_app`] uploads each.

use std::convert::Infallible;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::build::{Built, Source};
use super::client::{AdminClient, ClientArgs};
use super::example::{curl_line, example_path};
use super::functions::{Function, Triggers};
use super::limit_args::LimitArgs;
use super::print::{self, Paint};
use super::spin_app::{self, LocalFiles};
use crate::limits::{COMPONENT_BYTES_MAX, FILES_BYTES_MAX};
use crate::model::file::GuestPath;
use crate::model::name::Name;

const COMPONENT_TYPE: &str = "application/wasm";
const MANIFEST_TYPE: &str = "application/toml";

/// Bytes between two looks at the progress bar.
const CHUNK_BYTES: usize = 64 * 1024;

/// `tidegate deploy`.
#[derive(clap::Args)]
pub(super) struct DeployArgs {
    /// A component (.wasm); or what one is built from: a function's folder, or a .js, .py or .c file; or a whole app:
    /// its spin.toml, or the folder that has it
    path: PathBuf,
    #[command(flatten)]
    parameters: Parameters,
    /// A topic filter whose messages the function handles, such as `sensors/+/temperature`
    #[arg(long = "topic", value_name = "FILTER")]
    topics: Vec<String>,
    /// Of an app: the value of one of its variables
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = parse_variable)]
    pub(super) variables: Vec<(String, String)>,
    /// Of an app: run the commands that build it first
    #[arg(long)]
    pub(super) build: bool,
    /// Say what would happen, and leave everything as it is
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) client: ClientArgs,
}

/// What a function is called, what starts it, what it is granted and given: beside its component, wherever one is named.
#[derive(clap::Args)]
pub(super) struct Parameters {
    /// The function's name; the manifest's or else the file's or folder's, where it is left out
    #[arg(long)]
    name: Option<Name>,
    /// A route that the function answers, such as `/doors/{id}`
    #[arg(long = "route", value_name = "ROUTE")]
    routes: Vec<String>,
    /// A schedule that the function runs on, in UTC, such as `*/5 * * * *`
    #[arg(long = "schedule", value_name = "CRON")]
    schedules: Vec<String>,
    /// A key-value bucket that the function may open, such as `default` or `readings:ro`
    #[arg(long = "bucket", value_name = "BUCKET")]
    buckets: Vec<String>,
    /// An SQL database that the function may open, such as `default` or `readings:ro`
    #[arg(long = "database", value_name = "DATABASE")]
    databases: Vec<String>,
    /// A topic filter that the function may publish to, such as `alerts/#`
    #[arg(long = "publish", value_name = "FILTER")]
    publish: Vec<String>,
    /// A destination that the function may connect to, such as `https://api.example.com` or `tcp://10.0.0.7:502`
    #[arg(long = "outbound", value_name = "DESTINATION")]
    outbound: Vec<String>,
    #[command(flatten)]
    limits: LimitArgs,
    /// A manifest (TOML), which adds to the one inside of the component [default: the folder's tidegate.toml]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// A file that the function reads, and its path in the guest where that is another one
    #[arg(long = "file", value_name = "PATH[:GUEST-PATH]")]
    files: Vec<String>,
}

/// Everything that is sent of one function.
#[derive(Clone)]
pub(super) struct Upload {
    pub(super) component: Bytes,
    /// TOML.
    pub(super) manifest: Option<String>,
    pub(super) files: Vec<(GuestPath, Bytes)>,
}

/// What a deployment would do.
#[derive(Deserialize)]
pub(super) struct Forecast {
    pub(super) exports: Vec<String>,
    imports: Vec<String>,
    pub(super) triggers: Triggers,
    /// Functions of the same app that have one of its routes now.
    #[serde(default)]
    pub(super) clashes: Vec<String>,
    grants: Map<String, Value>,
    would_change: bool,
    #[serde(default)]
    warnings: Vec<String>,
}

/// Runs `tidegate deploy`.
pub(super) async fn run(args: DeployArgs) -> anyhow::Result<()> {
    if let Some(app) = spin_app::manifest_in(&args.path) {
        return spin_app::run(&app, &args).await;
    }
    ensure!(
        args.variables.is_empty() && !args.build,
        "--variable and --build are for apps, which have a spin.toml"
    );
    let source = Source::of(&args.path)?;
    let client = AdminClient::new(&args.client).await?;
    if let Source::Project(_) = source {
        // Building takes its time: what would fail after it is to fail now.
        let functions = client.request(Method::GET, &["functions"]);
        client.fetch(functions).await?;
    }
    let built = source.build().await?;
    let (name, upload) = args.parameters.read(&built)?;
    let bar = progress_bar(upload.component.len() as u64);
    let request = match args.dry_run {
        true => client
            .request(Method::POST, &["functions", name.as_str()])
            .query(&[("dry_run", true)]),
        false => client.request(Method::PUT, &["functions", name.as_str()]),
    };
    let request = request.query(&args.parameters.pairs(&args.topics));
    let request = upload.send_with_bar(request, &bar)?;
    let answer = client.fetch(request).await;
    bar.finish_and_clear();
    let answer = answer?;
    if args.client.json {
        return Ok(answer.print()?);
    }
    if args.dry_run {
        return forecast(&name, &answer.read()?);
    }
    let function: Function = answer.read()?;
    report(&function, what_became_of(&function))
}

/// Whether a deployment made a new revision.
pub(super) fn what_became_of(function: &Function) -> &'static str {
    match function.created {
        true => "is active",
        false => "is active already: nothing changed",
    }
}

/// Says which revision is active, what starts it, and how to call it.
pub(super) fn report(function: &Function, what: &str) -> anyhow::Result<()> {
    write_report(&mut io::stdout().lock(), function, what, Paint::of_stdout())?;
    warn(&function.warnings);
    Ok(())
}

pub(super) fn read_component(file: &Path) -> anyhow::Result<Bytes> {
    let reason = || format!("cannot read {}", file.display());
    let metadata = std::fs::metadata(file).with_context(reason)?;
    ensure!(
        metadata.len() <= COMPONENT_BYTES_MAX as u64,
        "{} has {}; a component has at most {}",
        file.display(),
        print::bytes(metadata.len()),
        print::bytes(COMPONENT_BYTES_MAX as u64)
    );
    Ok(Bytes::from(std::fs::read(file).with_context(reason)?))
}

fn read_manifest(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The manifest's name, or else that of the file or folder.
fn default_name(file: &str, manifest: Option<&str>) -> anyhow::Result<Name> {
    // A manifest that cannot be read is for the host to explain.
    let manifest = manifest.and_then(|text| toml::from_str::<toml::Table>(text).ok());
    let given = manifest
        .as_ref()
        .and_then(|table| table.get("name")?.as_str());
    let name = given.unwrap_or(file).parse();
    name.context("the function needs a name: pass --name")
}

impl Upload {
    /// The request with everything in it.
    pub(super) fn send(&self, request: RequestBuilder) -> anyhow::Result<RequestBuilder> {
        self.send_with_bar(request, &ProgressBar::hidden())
    }

    fn send_with_bar(
        &self,
        request: RequestBuilder,
        bar: &ProgressBar,
    ) -> anyhow::Result<RequestBuilder> {
        let length = self.component.len() as u64;
        let body = body(self.component.clone(), bar.clone());
        if self.manifest.is_none() && self.files.is_empty() {
            return Ok(request
                .header(CONTENT_TYPE, COMPONENT_TYPE)
                .header(CONTENT_LENGTH, length)
                .body(body));
        }
        let component = Part::stream_with_length(body, length)
            .file_name("component.wasm")
            .mime_str(COMPONENT_TYPE)?;
        // A path is no more than text here: percent signs would stay in it.
        let mut form = Form::new().percent_encode_noop();
        if let Some(manifest) = &self.manifest {
            let manifest = Part::text(manifest.clone()).mime_str(MANIFEST_TYPE)?;
            form = form.part("manifest", manifest);
        }
        for (path, bytes) in &self.files {
            let length = bytes.len() as u64;
            let file = Part::stream_with_length(Body::from(bytes.clone()), length);
            form = form.part("file", file.file_name(path.as_str().to_owned()));
        }
        Ok(request.multipart(form.part("component", component)))
    }
}

impl Parameters {
    /// Reads what is to be uploaded, and finds its name.
    pub(super) fn read(&self, built: &Built) -> anyhow::Result<(Name, Upload)> {
        let manifest = self.manifest.as_ref().or(built.manifest.as_ref());
        let upload = Upload {
            component: read_component(&built.component)?,
            manifest: manifest.map(|file| read_manifest(file)).transpose()?,
            files: read_files(&local_files(&self.files)?)?,
        };
        let name = match &self.name {
            Some(name) => name.clone(),
            None => default_name(&built.name, upload.manifest.as_deref())?,
        };
        Ok((name, upload))
    }

    /// As the query of an upload.
    pub(super) fn pairs(&self, topics: &[String]) -> Vec<(&'static str, String)> {
        let parameters = [
            ("route", self.routes.as_slice()),
            ("topic", topics),
            ("schedule", &self.schedules),
            ("bucket", &self.buckets),
            ("database", &self.databases),
            ("publish", &self.publish),
            ("outbound", &self.outbound),
        ];
        let pairs = |(key, values): (&'static str, &[String])| {
            values
                .iter()
                .map(|value| (key, value.clone()))
                .collect::<Vec<_>>()
        };
        let parameters = parameters.into_iter().flat_map(pairs);
        parameters.chain(self.limits.pairs()).collect()
    }
}

impl DeployArgs {
    /// Of an app, its manifest says what these would.
    pub(super) fn check_for_app(&self) -> anyhow::Result<()> {
        let given = &self.parameters;
        let of_one_function = [
            ("--name", given.name.is_some()),
            ("--manifest", given.manifest.is_some()),
            ("--route", !given.routes.is_empty()),
            ("--topic", !self.topics.is_empty()),
            ("--schedule", !given.schedules.is_empty()),
            ("--bucket", !given.buckets.is_empty()),
            ("--database", !given.databases.is_empty()),
            ("--publish", !given.publish.is_empty()),
            ("--outbound", !given.outbound.is_empty()),
            ("--file", !given.files.is_empty()),
        ];
        let flags = of_one_function.into_iter().filter(|(_, given)| *given);
        let flags = flags.map(|(flag, _)| flag.to_owned());
        let limits = given.limits.pairs().map(|(name, _)| format!("--{name}"));
        match flags.chain(limits).next() {
            Some(flag) => {
                bail!("{flag} is for a single function: of an app, write it into its spin.toml")
            }
            None => Ok(()),
        }
    }
}

/// What stands before `:` is the file here, and what stands after it is its path in the guest.
fn local_files(given: &[String]) -> anyhow::Result<LocalFiles> {
    let mut files = LocalFiles::new();
    for text in given {
        let (local, guest) = match text.rsplit_once(':') {
            Some((local, guest)) => (local, guest.trim_start_matches('/')),
            None => (text.as_str(), text.as_str()),
        };
        let path = guest
            .parse()
            .with_context(|| format!("--file {text}: say the path in the guest after `:`"))?;
        if files.insert(path, PathBuf::from(local)).is_some() {
            bail!("--file {text}: the path in the guest is given twice");
        }
    }
    Ok(files)
}

/// Reads files that are to be uploaded, as long as they are not too much together.
pub(super) fn read_files(files: &LocalFiles) -> anyhow::Result<Vec<(GuestPath, Bytes)>> {
    let mut total = 0;
    let mut read = Vec::new();
    for (guest_path, path) in files {
        let reason = || format!("cannot read {}", path.display());
        let metadata = std::fs::metadata(path).with_context(reason)?;
        ensure!(metadata.is_file(), "{} is not a file", path.display());
        total += metadata.len();
        ensure!(
            total <= FILES_BYTES_MAX as u64,
            "the files have more than {} together",
            print::bytes(FILES_BYTES_MAX as u64)
        );
        read.push((
            guest_path.clone(),
            std::fs::read(path).with_context(reason)?.into(),
        ));
    }
    Ok(read)
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=');
    let (name, value) = pair.ok_or("give a name and a value, as in `host=localhost`")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The bytes in chunks, each counted when the connection takes it.
fn body(bytes: Bytes, bar: ProgressBar) -> Body {
    let chunks = (0..bytes.len()).step_by(CHUNK_BYTES).map(move |start| {
        let end = bytes.len().min(start + CHUNK_BYTES);
        bar.inc((end - start) as u64);
        if end == bytes.len() {
            bar.set_style(style("{spinner} checking and compiling"));
            bar.enable_steady_tick(std::time::Duration::from_millis(100));
        }
        Ok::<_, Infallible>(bytes.slice(start..end))
    });
    Body::wrap_stream(futures_util::stream::iter(chunks))
}

/// Drawn on standard error, and only where that is a terminal.
fn progress_bar(length: u64) -> ProgressBar {
    ProgressBar::new(length).with_style(style("uploading {wide_bar} {bytes} of {total_bytes}"))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are valid")
}

fn write_report(
    out: &mut impl Write,
    function: &Function,
    what: &str,
    paint: Paint,
) -> io::Result<()> {
    let name = print::printable(&function.name);
    let size = function
        .component_bytes
        .map(|count| format!("{}, ", print::bytes(count)));
    let aside = format!(
        "({}{})",
        size.unwrap_or_default(),
        print::short_digest(&function.digest)
    );
    writeln!(
        out,
        "{}: revision {} {what} {}",
        paint.bold(&name),
        function.revision,
        paint.dim(&aside)
    )?;
    for trigger in function.triggers.lines() {
        writeln!(out, "  {}", print::printable(&trigger))?;
    }
    for grant in grant_lines(&function.grants) {
        writeln!(out, "  granted {}", print::printable(&grant))?;
    }
    for url in &function.urls {
        let url = print::printable(url);
        writeln!(out, "\n{}", paint.link(&example_path(&url), &url))?;
        writeln!(out, "  {}", paint.dim(&curl_line(&url, &function.triggers)))?;
    }
    Ok(())
}

pub(super) fn forecast(name: &Name, forecast: &Forecast) -> anyhow::Result<()> {
    write_forecast(&mut io::stdout().lock(), name, forecast, Paint::of_stdout())?;
    warn(&forecast.warnings);
    Ok(())
}

fn write_forecast(
    out: &mut impl Write,
    name: &Name,
    forecast: &Forecast,
    paint: Paint,
) -> io::Result<()> {
    let what = match forecast.would_change {
        true => "a deployment would make a new revision",
        false => "a deployment would change nothing",
    };
    writeln!(out, "{}: {what}", paint.bold(name.as_str()))?;
    let mut section = |title: &str, lines: &[String]| {
        for (index, line) in lines.iter().enumerate() {
            let title = if index == 0 { title } else { "" };
            writeln!(
                out,
                "  {} {}",
                paint.dim(&format!("{title:8}")),
                print::printable(line)
            )?;
        }
        Ok::<_, io::Error>(())
    };
    section("exports", &forecast.exports)?;
    section("imports", &forecast.imports)?;
    section("triggers", &forecast.triggers.lines())?;
    section("clashes", &forecast.clashes)?;
    section("grants", &grant_lines(&forecast.grants))
}

/// One line for each kind of grant that is asked for.
fn grant_lines(grants: &Map<String, Value>) -> Vec<String> {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let line = |(kind, values): (&String, &Value)| {
        let values: Vec<_> = values.as_array()?.iter().map(text).collect();
        (!values.is_empty()).then(|| format!("{kind}: {}", values.join(", ")))
    };
    grants.iter().filter_map(line).collect()
}

fn warn(warnings: &[String]) {
    let label = Paint::of_stderr().yellow("warning:");
    for warning in warnings {
        eprintln!("{label} {}", print::printable(warning));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_name_is_the_manifests_or_the_files() {
        let check = |file: &str, manifest: Option<&str>, expected: Option<&str>| {
            let name = default_name(file, manifest).ok();
            assert_eq!(name.as_ref().map(Name::as_str), expected, "{file}");
        };
        check("a", Some("[limits]"), Some("a"));
        check("a", Some("name = \"b\""), Some("b"));
        check("a", Some("not a manifest"), Some("a"));
        check("My Function", None, None);
    }

    #[test]
    fn the_report_shows_how_to_call_the_function() {
        let function: Function = serde_json::from_value(json!({
            "name": "a", "revision": 2, "digest": "sha256:0123456789abcdef", "created_at": "t",
            "component_bytes": 1024, "created": true,
            "triggers": {"http": [{"route": "/a/{id}", "methods": ["POST"]}], "mqtt": []},
            "urls": ["http://h/a/{id}"], "warnings": [], "grants": {"buckets": ["default", "r:ro"]},
        }))
        .expect("a function");
        let mut out = Vec::new();
        write_report(&mut out, &function, "is active", Paint::none()).expect("written");
        let expected = "a: revision 2 is active (1.0 KiB, 0123456789ab)\n  \
             http POST /a/{id}\n  \
             granted buckets: default, r:ro\n\n\
             http://h/a/{id}\n  \
             curl -X POST -d 'hello' http://h/a/id\n";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    #[test]
    fn the_forecast_shows_what_is_needed() {
        let forecast: Forecast = serde_json::from_value(json!({
            "exports": ["x"], "imports": ["i", "j"], "triggers": {}, "would_change": true,
            "grants": {"buckets": ["default", "r:ro"], "publish": []},
        }))
        .expect("a forecast");
        let name = "a".parse().expect("a name");
        let mut out = Vec::new();
        write_forecast(&mut out, &name, &forecast, Paint::none()).expect("written");
        let expected = "a: a deployment would make a new revision\n  \
             exports  x\n  \
             imports  i\n  \
             \u{20}        j\n  \
             grants   buckets: default, r:ro\n";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }
}
