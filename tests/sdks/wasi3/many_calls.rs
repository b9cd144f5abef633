//! Begins `?calls` calls that store a MiB each, waits for none before it has begun all of them, and answers how many
//! were refused; with `?spin`, begins a few that read, says so in its log, and then computes for ever.

use bindings::spin::key_value::key_value::{Error, Store};
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit/foreign",
        world: "tidegate:foreign/asynchronous",
        generate_all,
    });
}

struct ManyCalls;

wasip3::http::service::export!(ManyCalls);

impl wasip3::exports::http::handler::Guest for ManyCalls {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        if target.ends_with("?spin") {
            spin().await;
        }
        let calls = target
            .split_once('?')
            .and_then(|(_, calls)| calls.parse().ok());
        let refused = store(calls.unwrap_or_default()).await;
        let (mut to, body) = wit_stream::new();
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
        wit_bindgen::spawn(async move {
            to.write_all(refused.to_string().into_bytes()).await;
        });
        Ok(response)
    }
}

async fn spin() {
    let Ok(store) = Store::open("default".to_owned()).await else {
        return;
    };
    let begun = (0..8).map(|number| {
        let mut call = Box::pin(store.get(number.to_string()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = call.as_mut().poll(&mut context);
        call
    });
    let begun: Vec<_> = begun.collect();
    eprintln!("spinning");
    loop {
        std::hint::black_box(&begun);
    }
}

async fn store(calls: usize) -> usize {
    let Ok(store) = Store::open("default".to_owned()).await else {
        return 0;
    };
    let value = vec![1u8; 1 << 20];
    let begun = (0..calls).map(|number| {
        let mut call = Box::pin(store.set(number.to_string(), value.clone()));
        // Polled once, it is under way.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let answered = call.as_mut().poll(&mut context);
        (call, answered)
    });
    let mut refused = 0;
    for (call, answered) in begun.collect::<Vec<_>>() {
        let answered = match answered {
            std::task::Poll::Ready(answered) => answered,
            std::task::Poll::Pending => call.await,
        };
        refused +=
            usize::from(matches!(answered, Err(Error::Other(text)) if text.contains("under way")));
    }
    refused
}
