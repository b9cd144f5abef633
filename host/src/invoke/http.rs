//! HTTP requests: request in, response out, both streaming.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use wasmtime::Store;
use wasmtime::component::Resource;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};

use super::admission::Refusal;
use super::body::FunctionBody;
use super::body::LimitedBody;
use super::instance_state::InstanceState;
use super::invoker::{Invoker, Recorder, Verdict, outcome_of};
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
/// What the client is to get of it.
type Answered = Result<Response<HyperOutgoingBody>, Outcome>;

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
        let (done, record) = oneshot::channel();
        let response = self.answer_http(function, id, request, done).await;
        HttpInvocation {
            id,
            response,
            record,
        }
    }

    async fn answer_http<B>(
        &self,
        function: &Arc<ReadyFunction>,
        id: InvocationId,
        request: Request<B>,
        done: oneshot::Sender<Record>,
    ) -> Result<Response<FunctionBody>, NoAnswer>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::fmt::Display,
    {
        let limits = &function.limits;
        let deadline = Instant::now() + limits.timeout;
        let place = function.admission.enter(deadline).await;
        let place = place.map_err(NoAnswer::Refused)?;
        let slot = self.slot(deadline).await;
        let slot = slot.ok_or(NoAnswer::Refused(Refusal::QueueTimeout))?;

        let output = Output::new(function.journal.clone(), id, limits.log_bytes);
        let mut store = self.store(function, output, 0);
        let recorder = Recorder::new(function, id, "http", store.data().cpu.clone(), done);
        if request.body().size_hint().lower() > limits.request_bytes {
            return Err(fail(
                recorder,
                Outcome::RequestTooLarge(limits.request_bytes),
            ));
        }
        let pre = match self.http_entry(function).await {
            Ok(pre) => pre,
            Err(outcome) => return Err(fail(recorder, outcome)),
        };
        let (request, flags) = limited(request, limits.request_bytes, recorder.verdict());
        let (sender, receiver) = oneshot::channel();
        let call = match Call::new(
            &mut store,
            request,
            sender,
            flags.clone(),
            limits.response_bytes,
        ) {
            Ok(call) => call,
            Err(error) => return Err(fail(recorder, Outcome::HostError(format!("{error:#}")))),
        };
        let guest = run(function.clone(), pre, store, call, recorder, flags.clone());
        let task = self.spawn(async move {
            let _held = (place, slot);
            guest.await
        });
        answer(function, receiver, task, flags).await
    }

    async fn http_entry(
        &self,
        function: &ReadyFunction,
    ) -> Result<ProxyPre<InstanceState>, Outcome> {
        let loaded = function.loaded(&self.loader).await;
        let loaded = loaded.map_err(|error| Outcome::HostError(error.to_string()))?;
        let missing = "the component does not export wasi:http/incoming-handler";
        let entry = loaded.http.clone();
        entry.ok_or_else(|| Outcome::HostError(missing.to_owned()))
    }
}

fn fail(recorder: Recorder, outcome: Outcome) -> NoAnswer {
    recorder.finish(outcome.clone());
    NoAnswer::Failed(outcome)
}

fn limited<B>(
    request: Request<B>,
    request_bytes_max: u64,
    verdict: Verdict,
) -> (Request<LimitedBody<B>>, Flags) {
    let without_body = request.method() == Method::HEAD;
    let (parts, body) = request.into_parts();
    let (body, oversized) = LimitedBody::new(body, request_bytes_max);
    let flags = Flags {
        without_body,
        request_bytes_max,
        oversized,
        answered: Arc::default(),
        verdict,
        failed: Arc::default(),
    };
    (Request::from_parts(parts, body), flags)
}

/// What the guest's side and the client's side tell each other.
#[derive(Clone)]
struct Flags {
    /// The answer to the request has no body.
    without_body: bool,
    /// Bytes of the request's body that the function takes.
    request_bytes_max: u64,
    /// The request's body is larger than the function takes.
    oversized: Arc<AtomicBool>,
    /// The guest has set a response, or an error in its place.
    answered: Arc<AtomicBool>,
    /// How it ended for the client.
    verdict: Verdict,
    /// The guest has failed. Raised before its store is dropped, which ends its body as if it were complete.
    failed: Arc<AtomicBool>,
}

/// The arguments of the guest's `handle`, in its table.
struct Call {
    request: Resource<HostIncomingRequest>,
    out: Resource<HostResponseOutparam>,
}

impl Call {
    fn new<B>(
        store: &mut Store<InstanceState>,
        request: Request<LimitedBody<B>>,
        sender: oneshot::Sender<Answered>,
        flags: Flags,
        response_bytes_max: u64,
    ) -> wasmtime::Result<Call>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::fmt::Display,
    {
        let state = store.data_mut();
        let answer = move |response: GuestResponse| {
            flags.answered.store(true, Ordering::Release);
            let answered = judge(response, &flags, response_bytes_max);
            // Before the guest goes on: its end must not be recorded ahead of what became of its answer.
            if let Err(outcome) = &answered {
                flags.verdict.is(outcome.clone());
            }
            // The client may have gone away meanwhile.
            let _ = sender.send(answered);
        };
        let request =
            state.http_incoming(|mut http| http.new_incoming_request(Scheme::Http, request))?;
        let out = state.http().new_response_outparam_from_callback(answer)?;
        Ok(Call { request, out })
    }
}

/// Whether what the guest answers can go to the client.
fn judge(response: GuestResponse, flags: &Flags, response_bytes_max: u64) -> Answered {
    if flags.oversized.load(Ordering::Acquire) {
        return Err(Outcome::RequestTooLarge(flags.request_bytes_max));
    }
    let response = response.map_err(|code| Outcome::GuestError(format!("{code:?}")))?;
    if announced_bytes(&response) > Some(response_bytes_max) && !flags.without_body {
        return Err(Outcome::ResponseTooLarge(response_bytes_max));
    }
    Ok(response)
}

fn announced_bytes(response: &Response<HyperOutgoingBody>) -> Option<u64> {
    let announced = response.headers().get(CONTENT_LENGTH)?;
    announced.to_str().ok()?.parse().ok()
}

/// The guest's side: instantiate, call, drop the store, record.
async fn run(
    function: Arc<ReadyFunction>,
    pre: ProxyPre<InstanceState>,
    mut store: Store<InstanceState>,
    call: Call,
    recorder: Recorder,
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
        Ok(_) if flags.oversized.load(Ordering::Acquire) => {
            Outcome::RequestTooLarge(flags.request_bytes_max)
        }
        Ok(Ok(())) if !flags.answered.load(Ordering::Acquire) => Outcome::NoResponse,
        Ok(Ok(())) => Outcome::Ok,
        Ok(Err(error)) => outcome_of(&error, store.data(), &function),
    };
    flags
        .failed
        .store(outcome != Outcome::Ok, Ordering::Release);
    drop(store);
    recorder.finish(outcome.clone());
    outcome
}

/// The client's side: the response as soon as the guest has set it, or why it has not.
async fn answer(
    function: &ReadyFunction,
    receiver: oneshot::Receiver<Answered>,
    task: JoinHandle<Outcome>,
    flags: Flags,
) -> Result<Response<FunctionBody>, NoAnswer> {
    let cancel = CancelOnDrop(Some(task.abort_handle()));
    let response = match receiver.await {
        Ok(Ok(response)) => response,
        Ok(Err(outcome)) => {
            // It may have more to do, as after any answer.
            cancel.disarm();
            return Err(NoAnswer::Failed(outcome));
        }
        // Dropped with the store: the guest ended without having set it.
        Err(_) => {
            let ended = task.await;
            let outcome = ended.unwrap_or_else(|error| Outcome::HostError(error.to_string()));
            return Err(NoAnswer::Failed(outcome));
        }
    };
    let announced = announced_bytes(&response);
    // The server reads no body of these (RFC 9112, section 6.3), so that leaving it unread means nothing.
    let no_content = matches!(
        response.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let unread = flags.without_body || no_content || announced == Some(0);
    let bytes_max = function.limits.response_bytes;
    let abort = cancel.disarm();
    Ok(response.map(|body| {
        let (verdict, failed) = (flags.verdict, flags.failed);
        let mut body = FunctionBody::new(body, announced, bytes_max, verdict, failed, abort);
        if unread {
            body.detach();
        }
        body
    }))
}

/// Cancels the guest's task unless it is disarmed: the client may go away before the response has begun.
struct CancelOnDrop(Option<AbortHandle>);

impl CancelOnDrop {
    fn disarm(mut self) -> AbortHandle {
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
