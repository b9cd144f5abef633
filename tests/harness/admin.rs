//! A client of the admin API.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::{SOON, eventually};

/// A client of one host's admin API, with one token or none.
#[derive(Clone)]
pub struct AdminClient {
    base: String,
    token: Option<String>,
    client: reqwest::Client,
}

/// What the API answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl AdminClient {
    /// A client of the API at this URL.
    pub fn new(base: &str, token: Option<&str>) -> AdminClient {
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(360))
            .build()
            .expect("a client");
        AdminClient {
            base: base.to_owned(),
            token: token.map(str::to_owned),
            client,
        }
    }

    /// A request for a path of the admin listener, such as `/api/v1/functions`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path)).await
    }

    /// `PUT` of these bytes.
    pub async fn put(&self, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        Reply::of(self.request(Method::PUT, path).body(body.into())).await
    }

    /// `POST` of this JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        Reply::of(self.request(Method::POST, path).json(body)).await
    }

    /// `DELETE`
    pub async fn delete(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::DELETE, path)).await
    }

    /// Deploys a component; `query` as in `route=/x&bucket=default`.
    pub async fn deploy(&self, name: &str, component: impl Into<Vec<u8>>, query: &str) -> Reply {
        self.put(&format!("/api/v1/functions/{name}?{query}"), component)
            .await
    }

    /// Deploys a component with a manifest, as a form.
    pub async fn deploy_with(
        &self,
        name: &str,
        component: impl Into<Vec<u8>>,
        manifest: &str,
    ) -> Reply {
        let component = Part::bytes(component.into()).file_name("component.wasm");
        let form = Form::new()
            .part("component", component)
            .text("manifest", manifest.to_owned());
        let path = format!("/api/v1/functions/{name}");
        Reply::of(self.request(Method::PUT, &path).multipart(form)).await
    }

    /// Deploys a component and expects that it succeeds.
    pub async fn deployed(&self, name: &str, component: impl Into<Vec<u8>>, query: &str) -> Value {
        self.deploy(name, component, query).await.expect(201).json()
    }

    /// Deploys a component with a manifest and expects that it succeeds.
    pub async fn deployed_with(
        &self,
        name: &str,
        component: impl Into<Vec<u8>>,
        manifest: &str,
    ) -> Value {
        self.deploy_with(name, component, manifest)
            .await
            .expect(201)
            .json()
    }

    /// A trial invocation with an HTTP request.
    pub async fn invoke_http(&self, name: &str, method: &str, path: &str, body: &str) -> Value {
        let event = json!({ "http": { "method": method, "path": path, "body": body } });
        self.post(&format!("/api/v1/functions/{name}/invoke"), &event)
            .await
            .expect(200)
            .json()
    }

    /// The lines of a function's log, oldest first.
    pub async fn logs(&self, name: &str) -> Vec<Value> {
        self.list(&format!("/api/v1/functions/{name}/logs"), "logs")
            .await
    }

    /// A function's invocations, newest first.
    pub async fn invocations(&self, name: &str) -> Vec<Value> {
        self.list(
            &format!("/api/v1/functions/{name}/invocations"),
            "invocations",
        )
        .await
    }

    /// Waits until a function has this many invocations that ended; newest first.
    pub async fn await_invocations(&self, name: &str, count: usize) -> Vec<Value> {
        eventually(
            &format!("{name} has {count} invocations"),
            SOON,
            async || {
                let invocations = self.invocations(name).await;
                (invocations.len() >= count).then_some(invocations)
            },
        )
        .await
    }

    /// The value of a key, if it has one.
    pub async fn value(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let key = key.replace('/', "%2F");
        let path = format!("/api/v1/buckets/{bucket}/keys/{key}");
        let reply = self.get(&path).await;
        (reply.status == 200).then_some(reply.body)
    }

    /// Waits until a key of the bucket `default` has this value.
    pub async fn await_value(&self, key: &str, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        eventually(&format!("`{key}` has its value"), SOON, async || {
            let value = self.value("default", key).await;
            (value.as_deref() == Some(expected)).then_some(())
        })
        .await;
    }

    /// Waits until a line of a function's log has this text in its message, and gives the line.
    pub async fn await_log(&self, name: &str, text: &str) -> Value {
        eventually(&format!("{name} logs `{text}`"), SOON, async || {
            let lines = self.logs(name).await;
            lines.into_iter().find(|line| {
                line["message"]
                    .as_str()
                    .is_some_and(|message| message.contains(text))
            })
        })
        .await
    }

    async fn list(&self, path: &str, member: &str) -> Vec<Value> {
        let reply = self.get(path).await.expect(200).json();
        reply[member]
            .as_array()
            .unwrap_or_else(|| panic!("no `{member}` in {reply}"))
            .clone()
    }
}

impl Reply {
    /// Sends a request and reads its whole answer.
    pub async fn of(request: RequestBuilder) -> Reply {
        Reply::read(request.send().await.expect("an answer")).await
    }

    /// Reads a whole answer.
    pub async fn read(response: Response) -> Reply {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a whole body").to_vec();
        Reply {
            status,
            headers,
            body,
        }
    }

    /// This reply, which must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// This reply, which must be a problem document with this status and code.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Reply {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text()
        );
        let problem = self.json();
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&json!(status), &json!(code)),
            "{problem}"
        );
        self
    }

    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The names of the members of the JSON object that is the body.
    #[track_caller]
    pub fn members(&self) -> HashSet<String> {
        let body = self.json();
        let members = body.as_object().expect("an object");
        members.keys().cloned().collect()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}
