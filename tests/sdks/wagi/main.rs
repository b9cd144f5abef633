//! A CGI program: reads its environment and standard input, writes headers and a body to standard output. What it does
//! is the query string. Built for wasm32-wasip2 a component, for wasm32-wasip1 a core module.

use std::io::{self, Read as _, Write as _};

fn main() -> io::Result<()> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let mut out = io::stdout().lock();
    match variable("QUERY_STRING").as_str() {
        "echo" => {
            write!(out, "content-type: {}\n\n", variable("CONTENT_TYPE"))?;
            io::copy(&mut io::stdin().lock(), &mut out)?;
        }
        "status" => write!(
            out,
            "Status: 418 short and stout\r\nX-Two: a\r\nX-Two: b\r\n\r\ntea"
        )?,
        "location" => write!(out, "Location: /elsewhere\n\n")?,
        "stream" => {
            write!(out, "content-type: text/plain\n\n")?;
            // Each piece is answered before the next is read.
            let mut piece = [0; 1024];
            loop {
                let length = io::stdin().lock().read(&mut piece)?;
                if length == 0 {
                    break;
                }
                writeln!(out, "{length}")?;
                out.flush()?;
            }
        }
        "no-headers" => write!(out, "just text")?,
        "bad-header" => write!(out, "no colon here\n\nbody")?,
        "bad-status" => write!(out, "Status: fine\n\nbody")?,
        "endless-header" => loop {
            writeln!(out, "x-more: {}", "x".repeat(1000))?;
        },
        "nothing" => {}
        "exit" => {
            write!(out, "content-type: text/plain\n\nsaid before")?;
            out.flush()?;
            std::process::exit(3);
        }
        "panic" => panic!("as asked"),
        "error" => eprintln!("on standard error"),
        _ => {
            write!(out, "Content-Type: text/plain\n\n")?;
            let mut variables: Vec<_> = std::env::vars().collect();
            variables.sort();
            for (name, value) in variables {
                writeln!(out, "{name}={value}")?;
            }
            writeln!(out, "arguments={:?}", std::env::args().collect::<Vec<_>>())?;
        }
    }
    out.flush()
}
