//! Connects to `?to=host:port`, sends `?say=` and a line break, and answers with the line that comes back; or 502 with
//! what went wrong. `?times=` connects that often, one after the other. `?listen=true` tries to listen instead, `?udp=true` to send a
//! datagram, and `?make=` makes so many sockets and connects none of them.

#![cfg(target_arch = "wasm32")]

use std::io::{BufRead as _, BufReader, Error, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};

use tidegate_guests::number;
use tidegate_sdk::{Request, Response, http_handler};
use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

#[http_handler]
fn answer(request: Request) -> Response {
    let to = request.query_param("to").unwrap_or_default();
    let done = if request.query_param("listen").is_some() {
        TcpListener::bind(&to).map(|_| "listening".to_owned())
    } else if request.query_param("udp").is_some() {
        UdpSocket::bind("0.0.0.0:0")
            .and_then(|socket| socket.send_to(b"x", &to))
            .map(|_| "sent".to_owned())
    } else if request.query_param("make").is_some() {
        make(number(&request, "make", 1)).map(|()| "made".to_owned())
    } else {
        exchange(
            &to,
            &request.query_param("say").unwrap_or_default(),
            number(&request, "times", 1),
        )
    };
    match done {
        Ok(text) => Response::text(text),
        Err(error) => Response::text(error.to_string()).with_status(502),
    }
}

fn make(sockets: u64) -> std::io::Result<()> {
    let mut made = Vec::new();
    for number in 0..sockets {
        let socket = create_tcp_socket(IpAddressFamily::Ipv4);
        made.push(socket.map_err(|code| Error::other(format!("{number} of {sockets}: {code:?}")))?);
    }
    Ok(())
}

fn exchange(to: &str, say: &str, times: u64) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(to)?;
    for done in 1..times {
        let more = TcpStream::connect(to);
        stream = more.map_err(|error| Error::other(format!("{done} of {times}: {error}")))?;
    }
    stream.write_all(format!("{say}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}
