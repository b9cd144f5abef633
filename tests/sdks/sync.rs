//! What a component built with spin-sdk 3, 4 or 5 does, one path for each interface. The last segment of the path
//! chooses, so that it works at any route.

use spin_sdk::http::{Request, Response};
use spin_sdk::key_value::Store;
use spin_sdk::mqtt::{self, Qos};
use spin_sdk::sqlite::{self, Value};
use spin_sdk::{http_component, variables};

type Answer = Result<String, String>;

#[http_component]
async fn handle(request: Request) -> Response {
    let path = request.path().to_owned();
    let answer = match path.rsplit('/').next().unwrap_or_default() {
        "kv" => key_value(request.query(), request.body()),
        "variables" => variables::get(request.query()).map_err(|error| error.to_string()),
        "sqlite" => sqlite(request.query()),
        "mqtt" => publish(&request),
        "outbound" => outbound(request.query()).await,
        "headers" => Ok(headers(&request)),
        "echo" => Ok(String::from_utf8_lossy(request.body()).into_owned()),
        _ => Ok(format!("{} {}\n", request.method(), request.uri())),
    };
    match answer {
        Ok(text) => Response::new(200, text),
        Err(error) => Response::new(500, error),
    }
}

/// Stores the body in the store that the query names, and says what is there before and after.
fn key_value(store: &str, body: &[u8]) -> Answer {
    let work = || {
        let store = Store::open(store)?;
        let was = store.exists("one")?;
        store.set("one", body)?;
        store.set("two", b"gone")?;
        store.delete("two")?;
        let value = store.get("one")?.unwrap_or_default();
        let value = String::from_utf8_lossy(&value).into_owned();
        Ok(format!("{was} {value} {:?}\n", store.get_keys()?))
    };
    work().map_err(|error: spin_sdk::key_value::Error| error.to_string())
}

/// Counts, in the database that the query names, how often it was called, with a value of each type.
fn sqlite(database: &str) -> Answer {
    let work = || {
        let database = sqlite::Connection::open(database)?;
        database.execute("CREATE TABLE IF NOT EXISTS calls (i, r, t, b, n)", &[])?;
        let values = [
            Value::Integer(7),
            Value::Real(1.5),
            Value::Text("text".to_owned()),
            Value::Blob(vec![0, 255]),
            Value::Null,
        ];
        database.execute("INSERT INTO calls VALUES (?, ?, ?, ?, ?)", &values)?;
        let rows = database.execute("SELECT count(*) AS calls, i, r, t, b, n FROM calls", &[])?;
        let values: Vec<_> = rows.rows[0].values.iter().collect();
        Ok(format!("{:?} {values:?}\n", rows.columns))
    };
    work().map_err(|error: sqlite::Error| error.to_string())
}

/// Publishes the body to the topic that the query names, at the broker that a header names.
fn publish(request: &Request) -> Answer {
    let address = request.header("broker").and_then(|value| value.as_str());
    let work = || {
        let broker = mqtt::Connection::open(address.unwrap_or_default(), "", "", 30)?;
        broker.publish(request.query(), &request.body().to_vec(), Qos::AtLeastOnce)?;
        Ok("published\n".to_owned())
    };
    work().map_err(|error: mqtt::Error| error.to_string())
}

/// Asks for the URL that the query is.
async fn outbound(url: &str) -> Answer {
    let response: Response = spin_sdk::http::send(Request::get(url).build())
        .await
        .map_err(|error| error.to_string())?;
    let body = String::from_utf8_lossy(response.body()).into_owned();
    Ok(format!("{} {body}", response.status()))
}

fn headers(request: &Request) -> String {
    let line = |(name, value): (&str, &spin_sdk::http::HeaderValue)| {
        format!("{name}: {}\n", value.as_str().unwrap_or("?"))
    };
    let mut lines: Vec<_> = request.headers().map(line).collect();
    lines.sort();
    lines.concat()
}
