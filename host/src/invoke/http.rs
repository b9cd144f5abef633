//! HTTP requests: request in, response out, both streaming.

mod cgi;
mod p2;
mod p3;
pub(super) mod wagi;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{timeout, timeout_at};
use wasmtime::Store;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::admission::Refusal;
use super::body::FunctionBody;
use super::body::LimitedBody;
use super::instance_state::InstanceState;
use super::invoker::{Beginning, Invoker, Recorder, Verdict, host_error, outcome_of};
use super::ready::{HttpEntry, Loaded, ReadyFunction};
use super::runtime::{Room, Runtime};
use super::turns;
use crate::limits::APP_CALL_ROOM_TIMEOUT;
use crate::model::event::Hops;
use crate::model::id::InvocationId;
use crate::model::outcome::Outcome;
use crate::observe::record::Record;
use crate::observe::trace_headers;

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
    pub record: oneshot::Receiver<Arc<Record>>,
}

/// What the client is to get of the guest's answer.
type Answered = Result<Response<WasiBody>, Outcome>;

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

    /// Whether a function's component handles requests. Where that cannot be told, asking it tells why.
    pub async fn handles_http(&self, function: &Arc<ReadyFunction>) -> bool {
        let ready = self.ready(function).await;
        ready.map_or(true, |(_, loaded)| entry_point(function, loaded).is_some())
    }

    async fn answer_http<B>(
        &self,
        function: &Arc<ReadyFunction>,
        id: InvocationId,
        mut request: Request<B>,
        done: oneshot::Sender<Arc<Record>>,
    ) -> Result<Response<FunctionBody>, NoAnswer>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::fmt::Display,
    {
        let limits = &function.limits;
        let arrived = Instant::now();
        let hops = request.extensions().get().map_or(0, |Hops(hops)| *hops);
        let admitted = self.admit(function, hops).await;
        let admitted = admitted.map_err(NoAnswer::Refused)?;
        let beginning = Beginning {
            id,
            trigger: "http",
            // Without the query, which may have what is nobody's business.
            event: format!("{} {}", request.method(), request.uri().path()),
            parent: trace_headers::parent(request.headers()),
            queued: arrived.elapsed(),
        };
        let recorder = Recorder::new(function, beginning, done);
        let trace = recorder.trace();
        trace_headers::pass_on(trace, trace.span, request.headers_mut());
        let Admitted {
            runtime,
            entry,
            held,
        } = match admitted {
            Ok(admitted) => admitted,
            Err(outcome) => return Err(fail(recorder, outcome)),
        };
        if request.body().size_hint().lower() > limits.request_bytes {
            let outcome = Outcome::RequestTooLarge(limits.request_bytes);
            return Err(fail(recorder, outcome));
        }
        let (request, flags) = limited(request, limits.request_bytes, recorder.verdict());
        let (sender, receiver) = oneshot::channel();
        let answer = Answer {
            sender,
            flags: flags.clone(),
            response_bytes_max: limits.response_bytes,
        };
        let (call, program) = Call::new(entry, request);
        let start = recorder.start(hops, program);
        let store = self.store(runtime, function, start);
        let guest = run(function.clone(), store, call, answer, recorder);
        let task = self.spawn(async move {
            let _held = held;
            guest.await
        });
        respond(function, receiver, task, flags).await
    }

    /// What a request needs before its invocation begins, which it waits for within the function's time limit.
    async fn admit<'a>(
        &'a self,
        function: &'a Arc<ReadyFunction>,
        hops: u32,
    ) -> Result<Result<Admitted<'a>, Outcome>, Refusal> {
        let deadline = Instant::now() + function.limits.timeout;
        let late = |_| Refusal::QueueTimeout;
        let place = function.admission.enter(deadline).await?;
        // Loaded first: room in the pool is not to be held while a component is compiled.
        let ready = timeout_at(deadline.into(), self.ready(function)).await;
        let (runtime, loaded) = match ready.map_err(late)? {
            Ok(ready) => ready,
            Err(outcome) => return Ok(Err(outcome)),
        };
        let Some(entry) = entry_point(function, loaded).cloned() else {
            let missing = "the component does not export what its requests go to";
            return Ok(Err(host_error(missing)));
        };
        let room = match hops {
            0 => {
                let room = runtime.room(function, loaded.slots);
                timeout_at(deadline.into(), room).await.map_err(late)?
            }
            // Its caller holds room of its own, and may be one of many that all wait for more.
            _ => {
                let until = deadline.min(Instant::now() + APP_CALL_ROOM_TIMEOUT);
                let room = timeout_at(until.into(), runtime.room_within(loaded.slots)).await;
                room.map_err(|_| Refusal::PoolFull)?
            }
        };
        Ok(Ok(Admitted {
            runtime,
            entry,
            held: (place, room),
        }))
    }
}

/// What a function's requests go to, if its component has it.
fn entry_point<'a>(function: &ReadyFunction, loaded: &'a Loaded) -> Option<&'a HttpEntry> {
    match function.manifest.cgi {
        true => loaded.program.as_ref(),
        false => loaded.http.as_ref(),
    }
}

/// A request that may start its invocation.
struct Admitted<'a> {
    runtime: &'a Runtime,
    entry: HttpEntry,
    /// For as long as the invocation lasts.
    held: (OwnedSemaphorePermit, Room),
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

/// Where the guest's answer goes.
struct Answer {
    sender: oneshot::Sender<Answered>,
    flags: Flags,
    response_bytes_max: u64,
}

impl Answer {
    /// Answers with this response, or with an error in its place.
    fn set(self, response: Answered) {
        self.flags.answered.store(true, Ordering::Release);
        let answered = response.and_then(|response| self.judge(response));
        // Before the guest goes on: its end must not be recorded ahead of what became of its answer.
        match &answered {
            Ok(response) => self.flags.verdict.has_status(response.status()),
            Err(outcome) => self.flags.verdict.is(outcome.clone()),
        }
        // The client may have gone away meanwhile.
        let _ = self.sender.send(answered);
    }

    /// Whether what the guest answers can go to the client.
    fn judge(&self, response: Response<WasiBody>) -> Answered {
        if self.flags.oversized.load(Ordering::Acquire) {
            return Err(Outcome::RequestTooLarge(self.flags.request_bytes_max));
        }
        let too_large = announced_bytes(&response) > Some(self.response_bytes_max);
        if too_large && !self.flags.without_body {
            return Err(Outcome::ResponseTooLarge(self.response_bytes_max));
        }
        Ok(response)
    }
}

fn announced_bytes(response: &Response<WasiBody>) -> Option<u64> {
    let announced = response.headers().get(CONTENT_LENGTH)?;
    announced.to_str().ok()?.parse().ok()
}

/// The guest's entry point, with the request that it is called with.
enum Call<B> {
    IncomingHandler(ProxyPre<InstanceState>, Request<LimitedBody<B>>),
    Handler(ServicePre<InstanceState>, Request<LimitedBody<B>>),
    Program(wagi::Command, wagi::Program<B>),
}

impl<B> Call<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display,
{
    fn new(entry: HttpEntry, request: Request<LimitedBody<B>>) -> (Call<B>, Option<wagi::Start>) {
        let command = match entry {
            HttpEntry::IncomingHandler(pre) => return (Call::IncomingHandler(pre, request), None),
            HttpEntry::Handler(pre) => return (Call::Handler(pre, request), None),
            HttpEntry::Command(pre) => wagi::Command::Sync(pre),
            HttpEntry::AsyncCommand(pre) => wagi::Command::Async(pre),
        };
        let (program, start) = wagi::Program::new(request);
        (Call::Program(command, program), Some(start))
    }

    async fn run(self, store: &mut Store<InstanceState>, answer: Answer) -> wasmtime::Result<()> {
        match self {
            Call::IncomingHandler(pre, request) => p2::call(&pre, store, request, answer).await,
            Call::Handler(pre, request) => p3::call(&pre, store, request, answer).await,
            Call::Program(command, program) => program.call(&command, store, answer).await,
        }
    }
}

/// The guest's side: instantiate, call, drop the store, record.
async fn run<B>(
    function: Arc<ReadyFunction>,
    mut store: Store<InstanceState>,
    call: Call<B>,
    answer: Answer,
    recorder: Recorder,
) -> Outcome
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display,
{
    let cpu = store.data().cpu.clone();
    let flags = answer.flags.clone();
    let time_left = recorder.time_left();
    let ended = timeout(time_left, turns::run(&cpu, call.run(&mut store, answer))).await;
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
    turns::end(&cpu, store).await;
    recorder.finish(outcome.clone());
    outcome
}

/// The client's side: the response as soon as the guest has set it, or why it has not.
async fn respond(
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
            let outcome = ended.unwrap_or_else(host_error);
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
