//! A command of WASI 0.3, run in the CGI manner: answers its standard input with what kind of request it came by.

use wasip3::cli::{environment, stdin, stdout};
use wasip3::wit_bindgen::StreamResult;
use wasip3::wit_stream;

struct Command;

wasip3::cli::command::export!(Command);

impl wasip3::exports::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        let method = environment::get_environment()
            .into_iter()
            .find(|(name, _)| name == "REQUEST_METHOD")
            .map_or_else(|| "no method".to_owned(), |(_, value)| value);
        let (mut input, read) = stdin::read_via_stream();
        let (mut to, output) = wit_stream::new();
        let written = stdout::write_via_stream(output);
        let copy = async move {
            let head = format!("content-type: text/plain\nx-method: {method}\n\n");
            to.write_all(head.into_bytes()).await;
            let mut buffer = Vec::with_capacity(16 * 1024);
            loop {
                let (status, piece) = input.read(buffer).await;
                buffer = to.write_all(piece).await;
                if !buffer.is_empty() || !matches!(status, StreamResult::Complete(_)) {
                    break;
                }
            }
        };
        copy.await;
        written.await.map_err(|_| ())?;
        read.await.map_err(|_| ())
    }
}
