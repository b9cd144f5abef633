//! Reports all that it can find of the world outside, a line each: `variables`, `arguments`,
//! `directories` (preopened), then what came of opening `/etc/passwd`, of resolving names and of
//! connecting to 127.0.0.1:80 and to `?addr=`.

#![cfg(target_arch = "wasm32")]

use std::net::{TcpStream, ToSocketAddrs};

use tidegate_sdk::{Request, http_handler};

#[http_handler]
fn answer(request: Request) -> String {
    let directories = wasip2::filesystem::preopens::get_directories();
    let mut report = vec![
        format!("variables: {:?}", std::env::vars().collect::<Vec<_>>()),
        format!("arguments: {:?}", std::env::args().collect::<Vec<_>>()),
        format!(
            "directories: {:?}",
            directories.iter().map(|(_, path)| path).collect::<Vec<_>>()
        ),
        format!(
            "open /etc/passwd: {}",
            outcome(std::fs::read("/etc/passwd"))
        ),
        format!(
            "resolve localhost: {}",
            outcome("localhost:80".to_socket_addrs())
        ),
        format!(
            "resolve example.com: {}",
            outcome("example.com:80".to_socket_addrs())
        ),
        format!(
            "connect 127.0.0.1:80: {}",
            outcome(TcpStream::connect("127.0.0.1:80"))
        ),
    ];
    if let Some(address) = request.query_param("addr") {
        report.push(format!(
            "connect {address}: {}",
            outcome(TcpStream::connect(&address))
        ));
    }
    report.join("\n") + "\n"
}

fn outcome<T>(result: std::io::Result<T>) -> String {
    result.map_or_else(
        |error| format!("failed: {error}"),
        |_| "succeeded".to_owned(),
    )
}
