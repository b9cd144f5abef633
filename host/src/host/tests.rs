//! Clients of the admin API that go away at the worst moment: what is stored is what serves, all the same.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::*;
use crate::admin::auth::Role;
use crate::config::{RawConfig, Switch};
use crate::model::abi::Abi;
use crate::model::digest::Digest;
use crate::model::name::Name;
use crate::storage::database::{Connection, StorageError};
use crate::storage::deployments::{self, NewRevision};

/// A host without listeners that has two revisions of the function `one`.
struct Subject {
    parts: Parts,
    api: Router,
    token: String,
    _directory: TempDir,
}

/// Whether a future wants to be polled again.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Subject {
    async fn start() -> Subject {
        let directory = TempDir::new().expect("a directory");
        let config = RawConfig {
            mqtt: Some("off".to_owned()),
            instances: Some(1),
            wasi_p3: Some(Switch::Off),
            ..RawConfig::default()
        };
        let config = config.resolve().expect("valid");
        let data_dir = DataDir::open(directory.path()).expect("a data directory");
        let database = Database::open(directory.path()).expect("a database");
        for number in 1..=2 {
            let new = revision(number);
            let deployed = database.write(move |db| deployments::deploy(db, &new));
            assert_eq!(deployed.await.expect("it can be stored"), number);
        }
        let parts = Parts::make(&config, &data_dir, database).await;
        let parts = parts.expect("a host");
        let key = host_key(&parts.database, Purpose::Tokens).await;
        let token = Tokens::new(&key.expect("a key")).create("test", Role::Admin, MINUTE);
        let facts = HostFacts::new(String::new());
        let state = parts.admin_state(facts, None, CancellationToken::new());
        let state = state.await.expect("an admin API");
        Subject {
            parts,
            api: router::router(Arc::new(state)),
            token,
            _directory: directory,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: &'static str) -> StatusCode {
        let request = Request::builder().method(method);
        let request = request
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        let request = request.body(Body::from(body)).expect("a request");
        let answered = self.api.clone().oneshot(request).await;
        answered.unwrap_or_else(|never| match never {}).status()
    }

    /// Asks as a client does that goes away as soon as storage has what it wanted.
    async fn ask_and_go(
        &self,
        (method, path, body): (Method, &str, &'static str),
        is_stored: impl Fn(&Connection) -> Result<bool, StorageError> + Copy + Send + 'static,
    ) {
        let mut asking = pin!(self.ask(method, path, body));
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        loop {
            // Looked at before the database: where the write's end has woken it, it is there, and this is not polled.
            let is_woken = woken.0.swap(false, Ordering::AcqRel);
            let looked = self.parts.database.read(is_stored).await;
            if looked.expect("it can be read") {
                break;
            }
            if is_woken {
                let _ = asking.as_mut().poll(&mut Context::from_waker(&waker));
            }
        }
    }

    /// Waits for what is being changed: one thing at a time is.
    async fn changed(&self) {
        let status = self.ask(Method::DELETE, "/functions/nobody", "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// A revision of `one`, whose component cannot be loaded on this host: it serves all the same.
fn revision(number: u32) -> NewRevision {
    let component = number.to_be_bytes().to_vec();
    NewRevision {
        function: one(),
        digest: Digest::of(&component),
        component,
        abi: Abi::Async,
        derived_digest: None,
        manifest: "{}".to_owned(),
        files: Vec::new(),
        schedules: Vec::new(),
        created_ms: 0,
        actor: "test".to_owned(),
    }
}

fn one() -> Name {
    "one".parse().expect("a name")
}

#[tokio::test]
async fn a_rollback_whose_client_goes_away_is_carried_through() {
    let subject = Subject::start().await;
    let serving = || {
        let table = subject.parts.tables.current();
        table.function(&one()).expect("it is there").revision
    };
    assert_eq!(serving(), 2);
    let rollback = (Method::POST, "/functions/one/rollback", "{}");
    let is_stored = |db: &Connection| {
        let first = deployments::revision(db, &one(), 1)?;
        Ok(first.is_some_and(|revision| revision.active))
    };
    subject.ask_and_go(rollback, is_stored).await;
    subject.changed().await;
    assert_eq!(serving(), 1);
}

#[tokio::test]
async fn a_deletion_whose_client_goes_away_is_carried_through() {
    let subject = Subject::start().await;
    let deletion = (Method::DELETE, "/functions/one", "");
    let is_stored = |db: &Connection| Ok(deployments::revisions(db, &one())?.is_empty());
    subject.ask_and_go(deletion, is_stored).await;
    subject.changed().await;
    let table = subject.parts.tables.current();
    assert!(table.function(&one()).is_none());
}

#[tokio::test]
async fn a_secret_whose_client_goes_away_is_live() {
    let subject = Subject::start().await;
    let live = || {
        let secret = subject.parts.secrets.get(&one());
        secret.map(|secret| secret.reveal().to_owned())
    };
    for value in ["first", "second"] {
        let setting = (Method::PUT, "/secrets/one", value);
        let is_stored = move |db: &Connection| {
            let secret = secrets::all(db)?.remove(&one());
            Ok(secret.is_some_and(|secret| secret.reveal() == value))
        };
        subject.ask_and_go(setting, is_stored).await;
        subject.changed().await;
        assert_eq!(live().as_deref(), Some(value));
    }
    let deletion = (Method::DELETE, "/secrets/one", "");
    let is_stored = |db: &Connection| Ok(secrets::all(db)?.is_empty());
    subject.ask_and_go(deletion, is_stored).await;
    subject.changed().await;
    assert_eq!(live(), None);
}
