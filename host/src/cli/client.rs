//! The admin API's client: where it is, who asks, and what its refusals say.
//!
//! One connection's worth of settings in [`ClientArgs`], one type for every request in [`AdminClient`], one error for
//! everything that the API refuses in [`ApiProblem`]. What is asked and how answers look is the commands' business.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::print::{self, Paint};
use crate::admin::auth;
use crate::config::nearest_data_dir;
use crate::host::trial::{self, Trial};
use crate::limits::TIMEOUT_MAX;

/// Time for a connection to come about. A host that is up answers at once, one behind a bad link within seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for a whole answer: more than the longest invocation may take, or the slowest compilation.
const ANSWER_TIMEOUT: Duration = TIMEOUT_MAX.saturating_add(Duration::from_secs(60));

/// How to reach the admin API, and how to show what it answers.
#[derive(clap::Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct ClientArgs {
    /// Where the admin API is
    #[arg(
        long,
        value_name = "URL",
        env = "TIDEGATE_ADMIN_URL",
        default_value = "http://127.0.0.1:3001"
    )]
    #[arg(value_parser = parse_base)]
    admin: Url,
    /// The token to show it, made by `tidegate token create`
    #[arg(
        long,
        value_name = "TOKEN",
        env = "TIDEGATE_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// Where a host on this machine keeps its state: a token is made from it where none is given
    /// [default: ./tidegate-data, or the nearest one above]
    #[arg(long, value_name = "DIR", env = "TIDEGATE_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Print the API's JSON as it is
    #[arg(long)]
    pub(super) json: bool,
}

/// A client that has a token.
pub(super) struct AdminClient {
    http: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
    /// The API itself, where it is in this process.
    trial: Option<axum::Router>,
}

/// A complete answer.
pub(super) struct Answer {
    body: Bytes,
}

/// The admin API refused, and says why.
#[derive(Debug, thiserror::Error)]
pub struct ApiProblem {
    /// The HTTP status.
    pub status: u16,
    /// The stable word for the reason.
    pub code: String,
    /// What is wrong and what to do about it.
    pub detail: String,
    /// What the host's log calls the request.
    pub request_id: Option<String>,
}

/// A problem document (RFC 9457), as far as it is needed.
#[derive(Deserialize)]
struct ProblemDocument {
    #[serde(default)]
    title: String,
    code: String,
    #[serde(default)]
    detail: String,
    request_id: Option<String>,
}

impl AdminClient {
    /// Gets a token ready. Nothing is asked of the API yet, unless there is no token to be had.
    pub(super) async fn new(args: &ClientArgs) -> anyhow::Result<AdminClient> {
        let http = args.http()?;
        let base = args.admin.clone();
        let token = match args.token() {
            Ok(token) => token,
            Err(reason) => return Err(without_token(&http, &base, reason).await),
        };
        AdminClient::with_token(http, base, &token, None)
    }

    /// A client of a host for trying a function, which is in this process.
    pub(super) fn of_trial(trial: &Trial) -> anyhow::Result<AdminClient> {
        let http = reqwest::Client::builder().build()?;
        let base = parse_base("http://trial").map_err(anyhow::Error::msg)?;
        AdminClient::with_token(http, base, trial.token(), Some(trial.api()))
    }

    fn with_token(
        http: reqwest::Client,
        base: Url,
        token: &str,
        trial: Option<axum::Router>,
    ) -> anyhow::Result<AdminClient> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}"))
            .context("the token has characters that no token has")?;
        authorization.set_sensitive(true);
        Ok(AdminClient {
            http,
            base,
            authorization,
            trial,
        })
    }

    /// Begins a request; the path's segments come after `/api/v1` and are percent-encoded here.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let authorization = self.authorization.clone();
        let request = self.http.request(method, api_url(&self.base, path));
        request.header(reqwest::header::AUTHORIZATION, authorization)
    }

    /// Sends a request and hands over the answer while it arrives.
    pub(super) async fn stream(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = match &self.trial {
            None => request.send().await.map_err(|error| self.explain(error))?,
            Some(api) => {
                let request: http::Request<reqwest::Body> = request.build()?.try_into()?;
                trial::ask(api.clone(), request).await?.into()
            }
        };
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(&self.base, response).await)
    }

    /// Sends a request and waits for the whole answer.
    pub(super) async fn fetch(&self, request: RequestBuilder) -> anyhow::Result<Answer> {
        let response = self.stream(request.timeout(ANSWER_TIMEOUT)).await?;
        let body = response
            .bytes()
            .await
            .map_err(|error| self.explain(error))?;
        Ok(Answer { body })
    }

    /// Says of a request that was not answered what can be done about it.
    pub(super) fn explain(&self, error: reqwest::Error) -> anyhow::Error {
        if error.is_connect() {
            return unreachable(&self.base, &error);
        }
        let reason = format!("the connection to {} broke off", shown(&self.base));
        anyhow::Error::new(error.without_url()).context(reason)
    }
}

impl Answer {
    /// What it says.
    pub(super) fn read<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_slice(&self.body)
            .context("the answer cannot be understood: are client and host of one version?")
    }

    /// The bytes it consists of.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// Prints it as it came; an answer without content prints nothing.
    pub(super) fn print(&self) -> io::Result<()> {
        print::line_of_bytes(&mut io::stdout().lock(), &self.body)
    }
}

impl ClientArgs {
    /// Whether anybody answers where the admin API should be.
    pub(super) async fn is_answered(&self) -> anyhow::Result<bool> {
        let http = self.http()?;
        let request = http.get(api_url(&self.admin, &["functions"]));
        let answer = request.timeout(CONNECT_TIMEOUT).send().await;
        Ok(!answer.is_err_and(|error| error.is_connect() || error.is_timeout()))
    }

    /// The address at which a host on this machine would be found.
    pub(super) fn listen_address(&self) -> anyhow::Result<String> {
        let host = self.admin.host_str().filter(|_| is_loopback(&self.admin));
        match (host, self.admin.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(format!("{host}:{port}")),
            _ => bail!(
                "no Tidegate answers at {}, and one can be started on this machine only",
                shown(&self.admin)
            ),
        }
    }

    /// The data directory, where it was named.
    pub(super) fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    /// The same for a host on this machine.
    pub(super) fn of_host(&self, admin: &str, data_dir: PathBuf) -> anyhow::Result<ClientArgs> {
        Ok(ClientArgs {
            admin: parse_base(admin).map_err(anyhow::Error::msg)?,
            token: None,
            data_dir: Some(data_dir),
            json: self.json,
        })
    }

    fn http(&self) -> anyhow::Result<reqwest::Client> {
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirect is not part of the API, and a token goes only where it was sent.
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(&self.admin) {
            http = http.no_proxy();
        }
        http.build().context("cannot set up an HTTP client")
    }

    /// The token given, or one made from the data directory.
    ///
    /// A token of one's own making goes to a host on this machine; elsewhere only if the data directory was named.
    fn token(&self) -> anyhow::Result<String> {
        if let Some(token) = self
            .token
            .as_deref()
            .map(str::trim)
            .filter(|token| !token.is_empty())
        {
            return Ok(token.to_owned());
        }
        match &self.data_dir {
            Some(data_dir) => auth::local_token(data_dir),
            None if is_loopback(&self.admin) => auth::local_token(&nearest_data_dir()),
            None => bail!("{} is another machine", shown(&self.admin)),
        }
    }
}

impl fmt::Display for ApiProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self
            .request_id
            .as_deref()
            .map(|id| format!(", request {id}"));
        let aside = format!("({}{})", self.code, id.unwrap_or_default());
        // Errors go to standard error.
        let aside = Paint::of_stderr().dim(&print::printable(&aside));
        write!(f, "{} {aside}", print::printable(&self.detail))
    }
}

/// Without a token there is nothing to be done but to find out which advice helps: a token, or a host.
async fn without_token(http: &reqwest::Client, base: &Url, reason: anyhow::Error) -> anyhow::Error {
    match http
        .get(api_url(base, &["functions"]))
        .timeout(CONNECT_TIMEOUT)
        .send()
        .await
    {
        Err(error) if error.is_connect() => unreachable(base, &error),
        _ => anyhow!(
            "no token: pass --token or set TIDEGATE_TOKEN, made by `tidegate token create` on the host \
             (none could be made here: {reason:#})"
        ),
    }
}

/// The error that a refusal stands for.
async fn refusal(base: &Url, response: Response) -> anyhow::Error {
    let status = response.status();
    let body = response.bytes().await.unwrap_or_default();
    match problem(status, &body) {
        Some(problem) => problem.into(),
        None => anyhow!(
            "{} answered {status} without saying why: is it Tidegate's admin API?",
            shown(base)
        ),
    }
}

fn problem(status: StatusCode, body: &[u8]) -> Option<ApiProblem> {
    let document: ProblemDocument = serde_json::from_slice(body).ok()?;
    let detail = if document.detail.is_empty() {
        document.title
    } else {
        document.detail
    };
    let ProblemDocument {
        code, request_id, ..
    } = document;
    Some(ApiProblem {
        status: status.as_u16(),
        code,
        detail,
        request_id,
    })
}

fn unreachable(base: &Url, error: &reqwest::Error) -> anyhow::Error {
    anyhow!(
        "no Tidegate answers at {} ({}): start one with `tidegate serve`, or say where it is with --admin",
        shown(base),
        root_cause(error)
    )
}

/// The innermost reason: what lies around it says which library found it.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// The API's URL of a path. A base may have a path of its own, behind a proxy.
fn api_url(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.path_segments_mut()
        .expect("`parse_base` takes http and https only, which have a path")
        .pop_if_empty()
        .extend(["api", "v1"])
        .extend(path);
    url
}

fn parse_base(text: &str) -> Result<Url, String> {
    let parsed = Url::parse(text).ok();
    let base = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    base.ok_or_else(|| "give a URL such as http://127.0.0.1:3001".to_owned())
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The URL as it is typed: without the slash that parsing adds, and without a password.
fn shown(base: &Url) -> String {
    let mut url = base.clone();
    // Refused only for URLs without a host, which have no password either.
    let _ = url.set_password(None);
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_segment_by_segment() {
        let check = |base: &str, path: &[&str], expected: &str| {
            let base = parse_base(base).expect("a URL");
            assert_eq!(api_url(&base, path).as_str(), expected);
        };
        check("http://h:1", &["functions"], "http://h:1/api/v1/functions");
        check(
            "http://h:1/edge/",
            &["functions", "a"],
            "http://h:1/edge/api/v1/functions/a",
        );
        check(
            "http://h:1",
            &["keys", "a/b ?%#ä"],
            "http://h:1/api/v1/keys/a%2Fb%20%3F%25%23%C3%A4",
        );
    }

    #[test]
    fn this_machine_is_told_from_others() {
        let check = |url: &str, expected| {
            assert_eq!(
                is_loopback(&parse_base(url).expect("a URL")),
                expected,
                "{url}"
            );
        };
        check("http://127.0.0.1:3001", true);
        check("http://[::1]:3001", true);
        check("http://localhost:3001", true);
        check("http://10.0.0.1:3001", false);
        check("https://localhost.example.com", false);
    }

    #[test]
    fn a_problem_reads_as_a_sentence() {
        let body = br#"{"title":"Not found","status":404,"code":"no_such_function",
            "detail":"there is no function `x`","request_id":"r1"}"#;
        let problem = problem(StatusCode::NOT_FOUND, body).expect("a problem");
        assert_eq!(problem.status, 404);
        let shown = problem.to_string();
        assert!(shown.starts_with("there is no function `x` "), "{shown}");
        assert!(shown.contains("(no_such_function, request r1)"), "{shown}");
    }

    #[test]
    fn other_answers_are_no_problems() {
        assert!(problem(StatusCode::BAD_GATEWAY, b"<html>").is_none());
    }
}
