//! Answers each piece of the request's body, in capitals, as it comes.

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::StreamResult;
use wasip3::{wit_bindgen, wit_future, wit_stream};

struct Stream;

wasip3::http::service::export!(Stream);

impl wasip3::exports::http::handler::Guest for Stream {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let headers = Fields::new();
        let method = format!("{:?}", request.get_method());
        let target = request.get_path_with_query().unwrap_or_default();
        headers
            .append("asked", format!("{method} {target}").as_bytes())
            .map_err(|_| ErrorCode::InternalError(None))?;
        let (taken, was_taken) = wit_future::new(|| Ok(()));
        let (mut from, trailers) = Request::consume_body(request, was_taken);
        let (mut to, body) = wit_stream::new();
        let (response, sent) = Response::new(headers, Some(body), trailers);
        wit_bindgen::spawn(async move {
            let mut buffer = Vec::with_capacity(16 * 1024);
            loop {
                let (status, mut piece) = from.read(buffer).await;
                piece.make_ascii_uppercase();
                buffer = to.write_all(piece).await;
                let client_left = !buffer.is_empty();
                if client_left || !matches!(status, StreamResult::Complete(_)) {
                    break;
                }
            }
            drop((taken, to));
            let _ = sent.await;
        });
        Ok(response)
    }
}
