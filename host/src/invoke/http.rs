//! HTTP requests: request in, response out, both streaming.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::admission::Refusal;
use super::body::FunctionBody;
use super::body::LimitedBody;
use super::instance_state::InstanceState;
use super::invoker::{Invoker, Recorder, Slot, outcome_of};
use super::ready::ReadyFunction;
use crate::model::id::InvocationId;
use crate::model::outcome::Outcome;
use crate::observe::journal::Record;
use crate::observe::output::Output;

/// Why a request got no answer from its function.
#[derive(Debug)]
pub enum NoAnswer {
    /// It was turned away before it became an invocation.
    Refused(Refusal),
    /// The invocation ended without a response.
    Failed(Outcome),
}

/// An invocation by HTTP whose response, if any, has begun.
pub struct HttpInvocation {
    /// Its id.
    pub id: InvocationId,
    /// The response, whose body may still be on its way.
    pub response: Result<Response<FunctionBody>, NoAnswer>,
    /// The record, once the invocation has ended; nothing where it was refused.
    pub record: oneshot::Receiver<Record>,
}

/// What the guest's `response-outparam` was set to.
type GuestResponse = Result<Response<HyperOutgoingBody>, ErrorCode>;

impl Invoker {
    /// Invokes a function with a request. Dropping the response's body before its end cancels the invocation.
    pub async fn invoke_http<B>(
        &self,
        function: &Arc<ReadyFunction>,
        id: InvocationId,
        request: Request<B>,
    ) -> HttpInvocation
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::fmt::Display,
    {
        let deadline = Instant::now() + function.limits.timeout;
        let place = match function.admission.enter(deadline).await {
            Ok(place) => place,
            Err(refusal) => return HttpInvocation::refused(id, refusal),
        };
        let Some(slot) = self.slot(deadline).await else {
            return HttpInvocation::refused(id, Refusal::QueueTimeout);
        };
        let output = Output::new(function.journal.clone(), id, function.limits.log_bytes);
        let mut store = self.store(function, output, 0);
        let mut recorder = Recorder::new(function, id, "http", store.data().cpu.clone());
        let record = recorder.tell();
        let fail = |recorder: Recorder, outcome: Outcome| {
            recorder.finish(outcome.clone());
            Err(NoAnswer::Failed(outcome))
        };
        if request.body().size_hint().lower() > function.limits.request_bytes {
            let response = fail(
                recorder,
                Outcome::RequestTooLarge(function.limits.request_bytes),
            );
            return HttpInvocation {
                id,
                response,
                record,
            };
        }
        let pre = match function
            .loaded(&self.loader)
            .await
            .map(|loaded| loaded.http.clone())
        {
            Ok(Some(pre)) => pre,
            Ok(None) => {
                let outcome = Outcome::HostError(
                    "the component does not export wasi:http/incoming-handler".to_owned(),
                );
                return HttpInvocation {
                    id,
                    response: fail(recorder, outcome),
                    record,
                };
            }
            Err(error) => {
                let response = fail(recorder, Outcome::HostError(error.to_string()));
                return HttpInvocation {
                    id,
                    response,
                    record,
                };
            }
        };
        let without_body = request.method() == http::Method::HEAD;
        let (request, oversized) = limited(request, function.limits.request_bytes);
        let (sender, receiver) = oneshot::channel();
        let call = match Call::new(&mut store, request, sender) {
            Ok(call) => call,
            Err(error) => {
                let response = fail(recorder, Outcome::HostError(format!("{error:#}")));
                return HttpInvocation {
                    id,
                    response,
                    record,
                };
            }
        };
        let flags = Flags {
            oversized,
            too_large: recorder.too_large(),
            failed: Arc::default(),
        };
        let run = run(
            function.clone(),
            pre,
            store,
            call,
            recorder,
            slot,
            flags.clone(),
        );
        let task = self.spawn(async move {
            let _place = place;
            run.await
        });
        let response = answer(function, receiver, task, flags, without_body).await;
        HttpInvocation {
            id,
            response,
            record,
        }
    }
}

impl HttpInvocation {
    fn refused(id: InvocationId, refusal: Refusal) -> HttpInvocation {
        let (_, record) = oneshot::channel();
        HttpInvocation {
            id,
            response: Err(NoAnswer::Refused(refusal)),
            record,
        }
    }
}

fn limited<B>(request: Request<B>, bytes_max: u64) -> (Request<LimitedBody<B>>, Arc<AtomicBool>) {
    let (parts, body) = request.into_parts();
    let (body, oversized) = LimitedBody::new(body, bytes_max);
    (Request::from_parts(parts, body), oversized)
}

/// What the guest's side and the client's side tell each other.
#[derive(Clone)]
struct Flags {
    /// The request's body is larger than the function takes.
    oversized: Arc<AtomicBool>,
    /// The response's body is larger than the function may send.
    too_large: Arc<AtomicBool>,
    /// The guest has failed. Raised before its store is dropped, which ends its body as if it were complete.
    failed: Arc<AtomicBool>,
}

/// The arguments of the guest's `handle`, in its table.
struct Call {
    request: wasmtime::component::Resource<wasmtime_wasi_http::p2::types::HostIncomingRequest>,
    out: wasmtime::component::Resource<wasmtime_wasi_http::p2::types::HostResponseOutparam>,
}

impl Call {
    fn new<B>(
        store: &mut Store<InstanceState>,
        request: Request<LimitedBody<B>>,
        sender: oneshot::Sender<GuestResponse>,
    ) -> wasmtime::Result<Call>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::fmt::Display,
    {
        let state = store.data_mut();
        let request =
            state.http_incoming(|mut http| http.new_incoming_request(Scheme::Http, request))?;
        let out = state.http().new_response_outparam(sender)?;
        Ok(Call { request, out })
    }
}

/// The guest's side: instantiate, call, drop the store, record.
async fn run(
    function: Arc<ReadyFunction>,
    pre: ProxyPre<InstanceState>,
    mut store: Store<InstanceState>,
    call: Call,
    recorder: Recorder,
    slot: Slot,
    flags: Flags,
) -> Outcome {
    let cpu = store.data().cpu.clone();
    let time_left = recorder.time_left();
    let guest = async {
        let proxy = pre.instantiate_async(&mut store).await?;
        proxy
            .wasi_http_incoming_handler()
            .call_handle(&mut store, call.request, call.out)
            .await
    };
    let ended = tokio::time::timeout(time_left, cpu.measure(guest)).await;
    let outcome = match ended {
        Err(_) => Outcome::Timeout(function.limits.timeout),
        Ok(Ok(())) => Outcome::Ok,
        Ok(Err(_)) if flags.oversized.load(Ordering::Relaxed) => {
            Outcome::RequestTooLarge(function.limits.request_bytes)
        }
        Ok(Err(error)) => outcome_of(&error, store.data(), &function),
    };
    flags
        .failed
        .store(outcome != Outcome::Ok, Ordering::Release);
    drop(store);
    drop(slot);
    recorder.finish(outcome.clone());
    outcome
}

/// The client's side: the response as soon as the guest has set it, or why it has not.
async fn answer(
    function: &ReadyFunction,
    receiver: oneshot::Receiver<GuestResponse>,
    task: tokio::task::JoinHandle<Outcome>,
    flags: Flags,
    without_body: bool,
) -> Result<Response<FunctionBody>, NoAnswer> {
    let cancel = CancelOnDrop(Some(task.abort_handle()));
    let response = match receiver.await {
        Ok(Ok(response)) => response,
        Ok(Err(code)) => return Err(NoAnswer::Failed(Outcome::GuestError(format!("{code:?}")))),
        // Dropped with the store: the guest ended without having set it.
        Err(_) => {
            let outcome = match task.await {
                Ok(Outcome::Ok) => Outcome::NoResponse,
                Ok(outcome) => outcome,
                Err(error) => Outcome::HostError(error.to_string()),
            };
            return Err(NoAnswer::Failed(outcome));
        }
    };
    let announced = response.headers().get(http::header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse().ok());
    let bytes_max = function.limits.response_bytes;
    if announced > Some(bytes_max) && !without_body {
        flags.too_large.store(true, Ordering::Relaxed);
        return Err(NoAnswer::Failed(Outcome::ResponseTooLarge(bytes_max)));
    }
    Ok(response.map(|body| {
        let mut body = FunctionBody::new(
            body,
            announced,
            bytes_max,
            flags.too_large,
            flags.failed,
            cancel.disarm(),
        );
        if without_body {
            body.detach();
        }
        body
    }))
}

/// Cancels the guest's task unless it is disarmed: the client may go away before the response has begun.
struct CancelOnDrop(Option<tokio::task::AbortHandle>);

impl CancelOnDrop {
    fn disarm(mut self) -> tokio::task::AbortHandle {
        self.0.take().expect("it is disarmed once")
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }
}
