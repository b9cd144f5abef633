//! Sleeps by the clock of WASI 0.3 as many milliseconds as the query says, and measures them by the clock of WASI 0.2,
//! which is what the standard library of this target has.

use std::time::Instant;

use wasip3::clocks::monotonic_clock;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

struct Sleep;

wasip3::http::service::export!(Sleep);

impl wasip3::exports::http::handler::Guest for Sleep {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let query = target.split('?').nth(1).unwrap_or_default();
        let milliseconds: u64 = query.parse().unwrap_or(1);
        let begin = Instant::now();
        monotonic_clock::wait_for(milliseconds * 1_000_000).await;
        let slept = begin.elapsed().as_millis();
        let (mut to, body) = wit_stream::new();
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
        wit_bindgen::spawn(async move {
            to.write_all(format!("{slept}").into_bytes()).await;
        });
        Ok(response)
    }
}
