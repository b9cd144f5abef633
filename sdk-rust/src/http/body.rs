//! Bodies, chunk by chunk: what a request's body is read from, and what a response's body is written to.

#[cfg(not(target_arch = "wasm32"))]
use std::collections::VecDeque;
use std::io;

use super::Error;

/// Where the chunks of a body come from.
pub(crate) trait ChunkSource {
    /// The next chunk, never empty; none at the end.
    fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Error>;
}

/// Where the chunks of a body go.
pub(crate) trait ChunkSink {
    /// Takes all of `bytes`, waiting until there is room.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error>;
    /// Sends on what was written, without waiting for more.
    fn flush(&mut self) -> Result<(), Error>;
}

/// A request's body as it arrives: an iterator of chunks, and a [`Read`](io::Read).
///
/// Nothing is buffered beyond the chunk at hand, so a body may be larger than the function's memory.
pub struct BodyStream {
    source: Box<dyn ChunkSource>,
    /// What `read` has not handed out yet of the last chunk.
    rest: Vec<u8>,
}

impl BodyStream {
    pub(crate) fn new(source: impl ChunkSource + 'static) -> Self {
        BodyStream {
            source: Box::new(source),
            rest: Vec::new(),
        }
    }

    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Self {
        BodyStream::new(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn of_chunks(chunks: Vec<Vec<u8>>) -> Self {
        BodyStream::new(
            chunks
                .into_iter()
                .filter(|chunk| !chunk.is_empty())
                .collect::<VecDeque<_>>(),
        )
    }

    pub(crate) fn read_to_end(self) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        for chunk in self {
            all.append(&mut chunk?);
        }
        Ok(all)
    }
}

impl Iterator for BodyStream {
    type Item = Result<Vec<u8>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.rest.is_empty() {
            return Some(Ok(std::mem::take(&mut self.rest)));
        }
        self.source.next_chunk().transpose()
    }
}

impl io::Read for BodyStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.source.next_chunk()?.unwrap_or_default();
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Ok(length)
    }
}

/// The whole body in one chunk.
impl ChunkSource for Option<Vec<u8>> {
    fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.take())
    }
}

/// Chunks made beforehand.
#[cfg(not(target_arch = "wasm32"))]
impl ChunkSource for VecDeque<Vec<u8>> {
    fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.pop_front())
    }
}

/// What a streaming response writes its body to; also a [`Write`](io::Write).
pub struct BodyWriter<'a> {
    sink: &'a mut dyn ChunkSink,
}

impl<'a> BodyWriter<'a> {
    pub(crate) fn new(sink: &'a mut dyn ChunkSink) -> Self {
        BodyWriter { sink }
    }

    /// Sends one chunk on its way, waiting while the client is slower than the function.
    pub fn send(&mut self, chunk: impl AsRef<[u8]>) -> Result<(), Error> {
        self.sink.write(chunk.as_ref())?;
        self.sink.flush()
    }
}

/// For `write!` and `std::io::copy`. Bytes are passed on without being gathered first: `flush` when they should leave.
impl io::Write for BodyWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.write(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.sink.flush()?)
    }
}

/// Collects what is written.
#[cfg(not(target_arch = "wasm32"))]
impl ChunkSink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
