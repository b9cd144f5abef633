//! A host for trying a function: every part that runs it and records what it does, and no listener that leads to it.
//!
//! It is asked through the admin API like any other, in this process; what functions publish is kept to be looked at.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{Parts, host_key};
use crate::admin::auth::{Role, Tokens};
use crate::admin::host::HostFacts;
use crate::admin::router;
use crate::config::RawConfig;
use crate::data_dir::DataDir;
use crate::storage::database::Database;
use crate::storage::keys::Purpose;
use tidegate_broker::message::{Message, QoS};
use tidegate_broker::{Broker, TapReader};

/// Instances at once: more than one event at a time is never tried.
const INSTANCES: u32 = 4;

/// How long the trial's token is valid: longer than anybody tries.
const TOKEN_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

/// Time for a message to come back from the embedded broker.
const BROKER_TIMEOUT: Duration = Duration::from_secs(5);

/// The topic of the messages that mark how far the broker has come. No function can publish to it.
const MARK: &str = "tidegate/trial/mark";

/// A host that can be asked by whoever holds it, and by nobody else.
pub struct Trial {
    router: axum::Router,
    token: String,
    broker: Broker,
    published: TapReader,
    /// Locked while the trial lasts.
    _data_dir: DataDir,
}

impl Trial {
    /// Starts a host with its state in this directory.
    pub async fn start(data_dir: &Path) -> anyhow::Result<Trial> {
        let config = RawConfig {
            instances: Some(INSTANCES),
            ..RawConfig::default()
        };
        let config = config.resolve()?;
        let data_dir = DataDir::open(data_dir)?;
        let database = Database::open(data_dir.path()).context("the database cannot be opened")?;
        let parts = Parts::make(&config, &data_dir, database).await?;
        let broker = parts.broker.clone().context("MQTT is on by default")?;
        let published = broker.tap(&"#".parse()?);
        let key = host_key(&parts.database, Purpose::Tokens).await?;
        let token = Tokens::new(&key).create("trial", Role::Admin, TOKEN_TTL);
        // Never raised: the trial ends with its process.
        let draining = CancellationToken::new();
        let facts = HostFacts::new("http://trial".to_owned());
        let state = parts.admin_state(facts, None, draining);
        Ok(Trial {
            router: router::router(Arc::new(state.await?)),
            token,
            broker,
            published,
            _data_dir: data_dir,
        })
    }

    /// A token for its admin API.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Its admin API.
    pub fn api(&self) -> axum::Router {
        self.router.clone()
    }

    /// The messages that were published since this was last asked.
    pub async fn published(&mut self) -> anyhow::Result<Vec<Message>> {
        let mark = Message::new(MARK.parse()?, Bytes::new(), QoS::AtMostOnce);
        self.broker.publish(mark).await?;
        let mut messages = Vec::new();
        loop {
            let next = tokio::time::timeout(BROKER_TIMEOUT, self.published.next());
            let message = next.await.context("the MQTT broker does not answer")?;
            if message.topic.as_str() == MARK {
                return Ok(messages);
            }
            messages.push(message);
        }
    }
}

/// Asks an admin API in this process, for an answer that ends.
pub async fn ask<B>(
    api: axum::Router,
    request: http::Request<B>,
) -> anyhow::Result<http::Response<Bytes>>
where
    B: http_body::Body<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    let answer = api.oneshot(request.map(Body::new)).await;
    let (head, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(http::Response::from_parts(head, body))
}
