//! What a component built with spin-sdk 6 or 7 does, one path for each interface. The last segment of the path
//! chooses, so that it works at any route.

use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::key_value::Store;
use spin_sdk::mqtt::{self, Qos};
use spin_sdk::sqlite::{self, Value};
use spin_sdk::{http_service, pg, variables};

type Answer = Result<String, String>;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let line = format!("{} {}\n", request.method(), request.uri());
    let headers = headers(&request);
    let broker = request.headers().get("broker").cloned();
    let body = request.into_body().bytes().await.unwrap_or_default();
    let answer = match path.rsplit('/').next().unwrap_or_default() {
        "kv" => key_value(&query, &body).await.map_err(text),
        "variables" => variables::get(query).await.map_err(text),
        "sqlite" => sqlite(&query).await.map_err(text),
        "mqtt" => {
            let address = broker.and_then(|value| value.to_str().map(str::to_owned).ok());
            publish(address.unwrap_or_default(), &query, &body)
                .await
                .map_err(text)
        }
        "outbound" => outbound(&query).await,
        "redis" => Ok(redis().await),
        "postgres" => Ok(postgres().await),
        "headers" => Ok(headers),
        "echo" => Ok(String::from_utf8_lossy(&body).into_owned()),
        _ => Ok(line),
    };
    match answer {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// Stores the body in the store that the query names, and says what is there before and after.
async fn key_value(store: &str, body: &[u8]) -> Result<String, spin_sdk::key_value::Error> {
    let store = Store::open(store).await?;
    let was = store.exists("one").await?;
    store.set("one", body).await?;
    store.set("two", b"gone").await?;
    store.delete("two").await?;
    let value = store.get("one").await?.unwrap_or_default();
    let value = String::from_utf8_lossy(&value).into_owned();
    let keys = store.get_keys().await.collect().await?;
    Ok(format!("{was} {value} {keys:?}\n"))
}

/// Counts, in the database that the query names, how often it was called, with a value of each type.
async fn sqlite(database: &str) -> Result<String, sqlite::Error> {
    let database = sqlite::Connection::open(database).await?;
    let create = "CREATE TABLE IF NOT EXISTS calls (i, r, t, b, n)";
    database.execute(create, []).await?.result().await?;
    let values = [
        Value::Integer(7),
        Value::Real(1.5),
        Value::Text("text".to_owned()),
        Value::Blob(vec![0, 255]),
        Value::Null,
    ];
    let insert = "INSERT INTO calls VALUES (?, ?, ?, ?, ?)";
    database.execute(insert, values).await?.result().await?;
    let select = "SELECT count(*) AS calls, i, r, t, b, n FROM calls";
    let rows = database.execute(select, []).await?;
    let columns = rows.columns().to_vec();
    let rows = rows.collect().await?;
    let values: Vec<_> = rows[0].values.iter().collect();
    Ok(format!("{columns:?} {values:?}\n"))
}

/// Publishes the body to the topic that the query names, at the broker that a header names.
async fn publish(address: String, topic: &str, body: &[u8]) -> Result<String, mqtt::Error> {
    let broker = mqtt::Connection::open(address, "", "", 30).await?;
    broker
        .publish(topic, body.to_vec(), Qos::AtLeastOnce)
        .await?;
    Ok("published\n".to_owned())
}

/// Asks for the URL that the query is.
async fn outbound(url: &str) -> Answer {
    let response = spin_sdk::http::get(url).await.map_err(text)?;
    let status = response.status().as_u16();
    let body = response.into_body().bytes().await.map_err(text)?;
    Ok(format!("{status} {}", String::from_utf8_lossy(&body)))
}

/// What opening a connection comes to.
async fn redis() -> String {
    let opened = spin_sdk::redis::Connection::open("redis://localhost").await;
    format!("{:?}", opened.err())
}

/// What opening a connection comes to, by a builder and at once.
async fn postgres() -> String {
    let address = "postgres://localhost";
    let built = pg::Connection::open_with_options(address, pg::OpenOptions::default()).await;
    let opened = pg::Connection::open(address).await;
    format!("{:?}\n{:?}", built.err(), opened.err())
}

fn headers(request: &Request) -> String {
    let line = |(name, value): (&spin_sdk::http::HeaderName, &spin_sdk::http::HeaderValue)| {
        format!("{name}: {}\n", value.to_str().unwrap_or("?"))
    };
    let mut lines: Vec<_> = request.headers().iter().map(line).collect();
    lines.sort();
    lines.concat()
}
