//! Spin's asynchronous interfaces, by the last segment of the path: `keys`, `unread` (opens streams of keys, reads none
//! or a part and then uses the store), `variable`, `publish`. Bucket, key, topic and so on are in the query, in that
//! order, with `&` between them. An error is a 500 with its name.

use bindings::spin::key_value::key_value::Store;
use bindings::spin::mqtt::mqtt::{Connection, Qos};
use bindings::spin::variables::variables;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit/foreign",
        world: "tidegate:foreign/asynchronous",
        generate_all,
    });
}

struct Spin;

wasip3::http::service::export!(Spin);

impl wasip3::exports::http::handler::Guest for Spin {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut words = query.split('&').map(str::to_owned);
        let mut next = || words.next().unwrap_or_default();
        let answer = match path.rsplit('/').next().unwrap_or_default() {
            "set" => set(next(), next(), next()).await,
            "get" => get(next(), next()).await,
            "keys" => keys(next()).await,
            "unread" => unread(next()).await,
            "variable" => variables::get(next()).await.map_err(named),
            _ => publish(next(), next(), next()).await,
        };
        let (status, text) = match answer {
            Ok(text) => (200, text),
            Err(text) => (500, text),
        };
        let (mut to, body) = wit_stream::new();
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
        let _ = response.set_status_code(status);
        wit_bindgen::spawn(async move {
            to.write_all(text.into_bytes()).await;
        });
        Ok(response)
    }
}

fn named(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

async fn set(bucket: String, key: String, value: String) -> Result<String, String> {
    let store = Store::open(bucket).await.map_err(named)?;
    let value = value.into_bytes();
    store.set(key.clone(), value).await.map_err(named)?;
    let exists = store.exists(key).await.map_err(named)?;
    Ok(format!("{exists}"))
}

async fn get(bucket: String, key: String) -> Result<String, String> {
    let store = Store::open(bucket).await.map_err(named)?;
    let value = store.get(key).await.map_err(named)?;
    Ok(match value {
        Some(value) => String::from_utf8_lossy(&value).into_owned(),
        None => "nothing".to_owned(),
    })
}

async fn keys(bucket: String) -> Result<String, String> {
    let store = Store::open(bucket).await.map_err(named)?;
    let (keys, end) = store.get_keys().await;
    let keys = keys.collect().await;
    end.await.map_err(named)?;
    Ok(keys.join("\n"))
}

/// Holds a stream that nobody reads, and one of which one key was read, while it goes on.
async fn unread(bucket: String) -> Result<String, String> {
    let store = Store::open(bucket).await.map_err(named)?;
    let (_unread, _end) = store.get_keys().await;
    let (mut begun, end) = store.get_keys().await;
    let first = begun.next().await;
    let key = "unread".to_owned();
    store.set(key.clone(), vec![1]).await.map_err(named)?;
    store.delete(key).await.map_err(named)?;
    drop(begun);
    end.await.map_err(named)?;
    Ok(format!("{first:?}"))
}

async fn publish(address: String, topic: String, payload: String) -> Result<String, String> {
    let (user, password) = (String::new(), String::new());
    let connection = Connection::open(address, user, password, 30)
        .await
        .map_err(named)?;
    let payload = payload.into_bytes();
    for qos in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce] {
        let (topic, payload) = (topic.clone(), payload.clone());
        connection
            .publish(topic, payload, qos)
            .await
            .map_err(named)?;
    }
    Ok("published".to_owned())
}
