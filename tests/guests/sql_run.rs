//! Runs the statements in the request's body, one for each line, in the database `?database=` (`default`), and answers
//! a line for each: the values of its rows, `ok` where there are none, or `error: ` and why. Where several databases are
//! named, with commas between them, it does so in each of them.
//!
//! `?end=trap` traps and `?end=never` computes for ever after the last one, with the databases still open; it logs
//! `done` before.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::sqlite::{Database, Error, Value};
use tidegate_sdk::{Request, Response, http_handler};

#[http_handler]
fn answer(request: Request) -> Response {
    let body = request.text().unwrap_or_default();
    let parameter = |name| request.query_param(name).unwrap_or_default();
    let names = Some(parameter("database")).filter(|names| !names.is_empty());
    let names = names.unwrap_or("default".to_owned());
    let databases: Result<Vec<_>, _> = names.split(',').map(Database::open).collect();
    let databases = match databases {
        Ok(databases) => databases,
        Err(error) => return Response::text(format!("error: {error}\n")),
    };
    let mut said = String::new();
    for database in &databases {
        for statement in body.lines() {
            said += &match run(database, statement) {
                Ok(values) if values.is_empty() => "ok\n".to_owned(),
                Ok(values) => format!("{}\n", values.join(" ")),
                Err(error) => format!("error: {error}\n"),
            };
        }
    }
    println!("done");
    match parameter("end").as_str() {
        "trap" => panic!("told to"),
        "never" => loop {
            std::hint::spin_loop();
        },
        _ => Response::text(said),
    }
}

fn run(database: &Database, statement: &str) -> Result<Vec<String>, Error> {
    let found = database.execute(statement, &[])?;
    let values = found.rows.into_iter().flatten();
    Ok(values.map(|value| shown(&value)).collect())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(text) if text.len() > 100 => format!("text[{}]", text.len()),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => format!("blob[{}]", bytes.len()),
        Value::Null => "null".to_owned(),
    }
}
