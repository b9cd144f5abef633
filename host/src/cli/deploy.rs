//! `tidegate deploy`: uploads a component, and says what became of it.

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

use super::client::{AdminClient, ClientArgs};
use super::example::{curl_line, example_path};
use super::functions::{Function, Triggers};
use super::print::{self, Paint};
use crate::limits::COMPONENT_BYTES_MAX;
use crate::model::name::Name;

const COMPONENT_TYPE: &str = "application/wasm";
const MANIFEST_TYPE: &str = "application/toml";

/// Bytes between two looks at the progress bar.
const CHUNK_BYTES: usize = 64 * 1024;

/// `tidegate deploy`.
#[derive(clap::Args)]
pub(super) struct DeployArgs {
    /// The component, a .wasm file
    file: PathBuf,
    /// The function's name; the manifest's or else the file's, where it is left out
    #[arg(long)]
    name: Option<Name>,
    /// A route that the function answers, such as `/doors/{id}`
    #[arg(long = "route", value_name = "ROUTE")]
    routes: Vec<String>,
    /// A topic filter whose messages the function handles, such as `sensors/+/temperature`
    #[arg(long = "topic", value_name = "FILTER")]
    topics: Vec<String>,
    /// A key-value bucket that the function may open, such as `default` or `readings:ro`
    #[arg(long = "bucket", value_name = "BUCKET")]
    buckets: Vec<String>,
    /// An SQL database that the function may open, such as `default` or `readings:ro`
    #[arg(long = "database", value_name = "DATABASE")]
    databases: Vec<String>,
    /// A topic filter that the function may publish to, such as `alerts/#`
    #[arg(long = "publish", value_name = "FILTER")]
    publish: Vec<String>,
    /// A manifest (TOML), which adds to the one inside of the component
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Say what would happen, and leave everything as it is
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// What a deployment would do.
#[derive(Deserialize)]
struct Forecast {
    exports: Vec<String>,
    imports: Vec<String>,
    triggers: Triggers,
    grants: Map<String, Value>,
    would_change: bool,
    #[serde(default)]
    warnings: Vec<String>,
}

/// Runs `tidegate deploy`.
pub(super) async fn run(args: DeployArgs) -> anyhow::Result<()> {
    let component = read_component(&args.file)?;
    let manifest = args.manifest.as_deref().map(read_manifest).transpose()?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => default_name(&args.file, manifest.as_deref())?,
    };
    let client = AdminClient::new(&args.client).await?;
    let bar = progress_bar(component.len() as u64);
    let request = upload(request(&client, &name, &args), component, manifest, &bar)?;
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
    report(
        &function,
        if function.created {
            "is active"
        } else {
            "is active already: nothing changed"
        },
    )
}

/// Says which revision is active, what starts it, and how to call it.
pub(super) fn report(function: &Function, what: &str) -> anyhow::Result<()> {
    write_report(&mut io::stdout().lock(), function, what, Paint::of_stdout())?;
    warn(&function.warnings);
    Ok(())
}

fn read_component(file: &Path) -> anyhow::Result<Bytes> {
    let reason = || format!("cannot read {}", file.display());
    let metadata = std::fs::metadata(file).with_context(reason)?;
    if metadata.is_dir() {
        bail!(
            "{} is a directory: build the component with `cargo build --release --target wasm32-wasip2`, \
             then pass the .wasm file, which lies in target/wasm32-wasip2/release",
            file.display()
        );
    }
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

/// The manifest's name, or else that of the file: Cargo writes `hello_http.wasm` for the package `hello-http`.
fn default_name(file: &Path, manifest: Option<&str>) -> anyhow::Result<Name> {
    // A manifest that cannot be read is for the host to explain.
    let manifest = manifest.and_then(|text| toml::from_str::<toml::Table>(text).ok());
    let given = manifest
        .as_ref()
        .and_then(|table| table.get("name")?.as_str());
    let stem = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .replace('_', "-");
    let name = given.unwrap_or(&stem).parse();
    name.context("the function needs a name: pass --name")
}

fn request(client: &AdminClient, name: &Name, args: &DeployArgs) -> RequestBuilder {
    let path = ["functions", name.as_str()];
    let request = match args.dry_run {
        true => client
            .request(Method::POST, &path)
            .query(&[("dry_run", true)]),
        false => client.request(Method::PUT, &path),
    };
    let parameters = [
        ("route", &args.routes),
        ("topic", &args.topics),
        ("bucket", &args.buckets),
        ("database", &args.databases),
        ("publish", &args.publish),
    ];
    let pairs = |(key, values): (&'static str, &Vec<String>)| {
        values
            .iter()
            .map(|value| (key, value.clone()))
            .collect::<Vec<_>>()
    };
    request.query(&parameters.into_iter().flat_map(pairs).collect::<Vec<_>>())
}

fn upload(
    request: RequestBuilder,
    component: Bytes,
    manifest: Option<String>,
    bar: &ProgressBar,
) -> anyhow::Result<RequestBuilder> {
    let length = component.len() as u64;
    let body = body(component, bar.clone());
    let Some(manifest) = manifest else {
        return Ok(request
            .header(CONTENT_TYPE, COMPONENT_TYPE)
            .header(CONTENT_LENGTH, length)
            .body(body));
    };
    let component = Part::stream_with_length(body, length)
        .file_name("component.wasm")
        .mime_str(COMPONENT_TYPE)?;
    let manifest = Part::text(manifest).mime_str(MANIFEST_TYPE)?;
    Ok(request.multipart(
        Form::new()
            .part("component", component)
            .part("manifest", manifest),
    ))
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
    for url in &function.urls {
        let url = print::printable(url);
        writeln!(out, "\n{}", paint.link(&example_path(&url), &url))?;
        writeln!(out, "  {}", paint.dim(&curl_line(&url, &function.triggers)))?;
    }
    Ok(())
}

fn forecast(name: &Name, forecast: &Forecast) -> anyhow::Result<()> {
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
            let name = default_name(Path::new(file), manifest).ok();
            assert_eq!(name.as_ref().map(Name::as_str), expected, "{file}");
        };
        check(
            "target/wasm32-wasip2/release/hello_http.wasm",
            None,
            Some("hello-http"),
        );
        check("a.wasm", Some("[limits]"), Some("a"));
        check("a.wasm", Some("name = \"b\""), Some("b"));
        check("a.wasm", Some("not a manifest"), Some("a"));
        check("My Function.wasm", None, None);
    }

    #[test]
    fn a_directory_is_explained() {
        let error = read_component(Path::new("."))
            .expect_err("it is a directory")
            .to_string();
        assert!(error.contains("--target wasm32-wasip2"), "{error}");
    }

    #[test]
    fn the_report_shows_how_to_call_the_function() {
        let function: Function = serde_json::from_value(json!({
            "name": "a", "revision": 2, "digest": "sha256:0123456789abcdef", "created_at": "t",
            "component_bytes": 1024, "created": true,
            "triggers": {"http": [{"route": "/a/{id}", "methods": ["POST"]}], "mqtt": []},
            "urls": ["http://h/a/{id}"], "warnings": [],
        }))
        .expect("a function");
        let mut out = Vec::new();
        write_report(&mut out, &function, "is active", Paint::none()).expect("written");
        let expected = "a: revision 2 is active (1.0 KiB, 0123456789ab)\n  \
             http POST /a/{id}\n\n\
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
