//! Reads the rows of asynchronous statements, or does not: `?all` counts them; `?none` opens streams until there is no
//! room for more, says how many there are, and keeps them, unread, until its client goes.

use wasip3::clocks::monotonic_clock;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

mod sql {
    wit_bindgen::generate!({
        path: "../../../wit",
        inline: "
            package tidegate:test;

            world sql {
                import spin:sqlite/sqlite@3.1.0;
            }
        ",
        features: ["concurrent"],
        generate_all,
    });

    pub use spin::sqlite::sqlite::*;
}

use sql::{Connection, Error, Value};

struct Streams;

wasip3::http::service::export!(Streams);

impl wasip3::exports::http::handler::Guest for Streams {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let keeps = target.ends_with("?none");
        let (mut to, body) = wit_stream::new();
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
        wit_bindgen::spawn(async move {
            if keeps {
                none(&mut to).await;
            } else {
                let said = all().await.unwrap_or_else(|error| format!("{error:?}"));
                to.write_all(said.into_bytes()).await;
            }
        });
        Ok(response)
    }
}

/// A thousand rows of a thousand bytes.
const ROWS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) \
    SELECT i, zeroblob(?) AS b FROM n";

async fn all() -> Result<String, Error> {
    let connection = Connection::open_async("default".to_owned()).await?;
    let create = "CREATE TABLE IF NOT EXISTS t (x)".to_owned();
    let (_, _, done) = connection.execute_async(create, Vec::new()).await?;
    done.await?;
    let insert = "INSERT INTO t VALUES (?)".to_owned();
    connection
        .execute_async(insert, vec![Value::Text("x".to_owned())])
        .await?;
    let changes = connection.changes_async().await;
    let inserted = connection.last_insert_rowid_async().await > 0;
    let parameters = vec![Value::Integer(1000)];
    let (columns, mut rows, done) = connection
        .execute_async(ROWS.to_owned(), parameters)
        .await?;
    let (mut count, mut sum) = (0, 0);
    while let Some(row) = rows.next().await {
        count += 1;
        if let Value::Integer(number) = row.values[0] {
            sum += number;
        }
    }
    done.await?;
    let failed = connection
        .execute_async("SELEC 1".to_owned(), Vec::new())
        .await;
    Ok(format!(
        "{columns:?} {count} {sum} {changes} {inserted} {}",
        failed.is_err()
    ))
}

async fn none(to: &mut wit_bindgen::StreamWriter<u8>) {
    let Ok(connection) = Connection::open_async("default".to_owned()).await else {
        return;
    };
    let mut unread = Vec::new();
    let why = loop {
        let parameters = vec![Value::Integer(1000)];
        match connection.execute_async(ROWS.to_owned(), parameters).await {
            Ok(opened) => unread.push(opened),
            Err(error) => break format!("{error:?}"),
        }
    };
    to.write_all(format!("{} {why}\n", unread.len()).into_bytes())
        .await;
    monotonic_clock::wait_for(20_000_000_000).await;
    drop(unread);
}
