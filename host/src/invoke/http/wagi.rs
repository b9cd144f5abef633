//! `wasi:cli/run`: a program that serves a request in the CGI manner. The request is its environment and standard
//! input; its standard output is a header block and the response's body. Both stream.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, join, select};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyDataStream, BodyExt as _, StreamBody};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex,
};
use tokio_util::io::{ReaderStream, StreamReader};
use wasmtime::Store;
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi::p3::bindings::CommandPre as AsyncCommandPre;
use wasmtime_wasi_http::{Error, WasiBody};

use super::Answer;
use super::cgi::{self, BadHead};
use crate::invoke::body::LimitedBody;
use crate::invoke::instance_state::InstanceState;
use crate::limits::CGI_BUFFER_BYTES;
use crate::model::outcome::{Outcome, Reason};

/// One end of a pipe; clones share it, and any of them can close it.
#[derive(Clone)]
pub(in crate::invoke) struct PipeEnd(Arc<Mutex<Option<DuplexStream>>>);

impl PipeEnd {
    fn new(pipe: DuplexStream) -> PipeEnd {
        PipeEnd(Arc::new(Mutex::new(Some(pipe))))
    }

    fn close(&self) {
        self.0.lock().expect("no holder of this lock panics").take();
    }

    fn poll<T>(
        &self,
        closed: T,
        poll: impl FnOnce(Pin<&mut DuplexStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut pipe = self.0.lock().expect("no holder of this lock panics");
        match pipe.as_mut() {
            Some(pipe) => poll(Pin::new(pipe)),
            None => Poll::Ready(Ok(closed)),
        }
    }
}

impl AsyncRead for PipeEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll((), |pipe| pipe.poll_read(context, buffer))
    }
}

impl AsyncWrite for PipeEnd {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(bytes.len(), |pipe| pipe.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll((), |pipe| pipe.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll((), |pipe| pipe.poll_shutdown(context))
    }
}

impl IsTerminal for PipeEnd {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for PipeEnd {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(self.clone())
    }
}

impl StdoutStream for PipeEnd {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

/// What a program is started with.
pub(in crate::invoke) struct Start {
    pub(in crate::invoke) arguments: Vec<String>,
    pub(in crate::invoke) environment: Vec<(String, String)>,
    pub(in crate::invoke) stdin: PipeEnd,
    pub(in crate::invoke) stdout: PipeEnd,
}

/// The host's side of a program's pipes.
pub(super) struct Program<B> {
    body: LimitedBody<B>,
    stdin: DuplexStream,
    stdout: DuplexStream,
    /// The guest's end, to be closed when the program has ended.
    output: PipeEnd,
}

/// What the component exports.
pub(super) enum Command {
    Sync(CommandPre<InstanceState>),
    Async(AsyncCommandPre<InstanceState>),
}

impl<B> Program<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display,
{
    /// The program that serves this request, and what it is to be started with.
    pub(super) fn new(request: Request<LimitedBody<B>>) -> (Program<B>, Start) {
        let (head, body) = request.into_parts();
        let (stdin, guest_stdin) = duplex(CGI_BUFFER_BYTES);
        let (stdout, guest_stdout) = duplex(CGI_BUFFER_BYTES);
        let output = PipeEnd::new(guest_stdout);
        let start = Start {
            arguments: cgi::arguments(&head),
            environment: cgi::environment(&head),
            stdin: PipeEnd::new(guest_stdin),
            stdout: output.clone(),
        };
        let program = Program {
            body,
            stdin,
            stdout,
            output,
        };
        (program, start)
    }

    /// Runs the program, and answers as soon as its header block is complete.
    pub(super) async fn call(
        self,
        command: &Command,
        store: &mut Store<InstanceState>,
        answer: Answer,
    ) -> wasmtime::Result<()> {
        let guest = async {
            let ended = run(command, store).await;
            self.output.close();
            ended
        };
        let program = async {
            match join(guest, answer_with(self.stdout, answer)).await {
                // A program that failed has said less than its failure does.
                (Ok(()), Some(answer)) => answer.set(Err(bad(&BadHead::Unfinished))),
                (ended, _) => return ended,
            }
            Ok(())
        };
        // Whether all of the request is read is the program's own business.
        match select(pin!(program), pin!(feed(self.body, self.stdin))).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), program)) => program.await,
        }
    }
}

async fn run(command: &Command, store: &mut Store<InstanceState>) -> wasmtime::Result<()> {
    let ended = match command {
        Command::Sync(pre) => {
            let instantiating = store.data().instantiating();
            let command = instantiating.end(pre.instantiate_async(&mut *store).await)?;
            command.wasi_cli_run().call_run(&mut *store).await
        }
        Command::Async(pre) => {
            let instantiating = store.data().instantiating();
            let command = instantiating.end(pre.instantiate_async(&mut *store).await)?;
            store
                .run_concurrent(async |accessor| command.wasi_cli_run().call_run(accessor).await)
                .await?
        }
    };
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(())) => Err(I32Exit(1).into()),
        Err(error)
            if error
                .downcast_ref::<I32Exit>()
                .is_some_and(|exit| exit.0 == 0) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

async fn feed<B>(body: LimitedBody<B>, mut stdin: DuplexStream)
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display,
{
    let chunks = BodyDataStream::new(body).map_err(|error| io::Error::other(error.to_string()));
    // A body that breaks off ends the input; whoever counts its bytes has seen why.
    let _ = tokio::io::copy_buf(&mut pin!(StreamReader::new(chunks)), &mut stdin).await;
    let _ = stdin.shutdown().await;
}

/// Answers with what the program writes; gives the answer back where the output ends before its header block does.
async fn answer_with(mut output: DuplexStream, answer: Answer) -> Option<Answer> {
    let mut written = BytesMut::new();
    loop {
        match cgi::take_head(&mut written) {
            Err(reason) => {
                answer.set(Err(bad(&reason)));
                return None;
            }
            Ok(Some(head)) => {
                let body = body(written.freeze(), output);
                answer.set(Ok(Response::from_parts(head, body)));
                return None;
            }
            Ok(None) => {}
        }
        if !matches!(output.read_buf(&mut written).await, Ok(1..)) {
            return Some(answer);
        }
    }
}

fn bad(reason: &BadHead) -> Outcome {
    Outcome::GuestError(Reason::new(format_args!(
        "its standard output does not begin with a CGI header block (RFC 3875): {reason}"
    )))
}

fn body(begun: Bytes, output: DuplexStream) -> WasiBody {
    let begun = futures_util::stream::iter((!begun.is_empty()).then_some(Ok(begun)));
    let chunks = begun.chain(ReaderStream::new(output));
    let frames = chunks.map(|chunk: io::Result<Bytes>| {
        let chunk = chunk.map(Frame::data);
        chunk.map_err(|_| Error::ConnectionTerminated)
    });
    StreamBody::new(frames).boxed_unsync()
}
