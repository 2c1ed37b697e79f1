//! The pipes of a child. With the feature `tokio` they are tokio's `AsyncRead` and `AsyncWrite`, so that its `BufReader` and its copying work;
//! those need no runtime.

use shakedown_core::pipe::CAPACITY;
use shakedown_core::task::Process;
use shakedown_core::vocab::{Stream, TryRead, TryWrite};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

type Wait = Pin<Box<dyn Future<Output = ()>>>;

/// What a child reads. Dropped, it is closed.
pub struct ChildStdin {
    process: Process,
    waiting: Option<Wait>,
}

/// An output of a child, and how it is read.
struct Reading {
    process: Process,
    stream: Stream,
    waiting: Option<Wait>,
}

macro_rules! outputs {
    ($($name:ident = $stream:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        #[doc = "Dropped, it is closed: whoever writes to it then gets SIGPIPE."]
        pub struct $name(Reading);

        impl $name {
            pub(super) fn new(process: Process) -> $name {
                $name(Reading { process, stream: Stream::$stream, waiting: None })
            }

            /// Reads at most 64 KiB into `into`; returns how many bytes, 0 at the end. Dropped while waiting, it loses nothing.
            pub async fn read(&mut self, into: &mut Vec<u8>) -> usize {
                poll_fn(|cx| self.0.poll(cx, into, CAPACITY)).await
            }

            /// Reads to the end into `into`; returns how many bytes.
            pub async fn read_to_end(&mut self, into: &mut Vec<u8>) -> usize {
                let before = into.len();
                while self.read(into).await > 0 {}
                into.len() - before
            }

            /// Its lines, without their newlines.
            pub fn lines(self) -> Lines {
                Lines { reading: self.0, buffer: Vec::new(), is_over: false }
            }
        }

        #[cfg(feature = "tokio")]
        impl tokio::io::AsyncRead for $name {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut tokio::io::ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                let mut bytes = Vec::new();
                let max = buffer.remaining();
                self.0.poll(cx, &mut bytes, max).map(|_| {
                    buffer.put_slice(&bytes);
                    Ok(())
                })
            }
        }
    )*};
}

outputs! {
    ChildStdout = Stdout, "What a child writes to descriptor 1.";
    ChildStderr = Stderr, "What a child writes to descriptor 2.";
}

impl Reading {
    fn poll(&mut self, cx: &mut Context<'_>, into: &mut Vec<u8>, max: usize) -> Poll<usize> {
        loop {
            match self.process.try_read(self.stream, into, max) {
                TryRead::Data(n) => {
                    self.waiting = None;
                    return Poll::Ready(n);
                }
                TryRead::Eof => return Poll::Ready(0),
                TryRead::WouldBlock => {}
            }
            let (process, stream) = (&self.process, self.stream);
            let waiting = self.waiting.get_or_insert_with(|| {
                let process = process.clone();
                Box::pin(async move { process.readable(stream).await })
            });
            if waiting.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.waiting = None;
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.process.close_output(self.stream);
    }
}

/// The lines of an output.
pub struct Lines {
    reading: Reading,
    buffer: Vec<u8>,
    is_over: bool,
}

impl Lines {
    /// The next line, without its newline; `None` at the end. The last one may have had no newline. Bytes that are not UTF-8 are replaced. Dropped
    /// while waiting, it loses nothing.
    ///
    /// # Errors
    /// None on these pipes; tokio's form.
    pub async fn next_line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(text(&line[..end])));
            }
            if self.is_over {
                let rest = std::mem::take(&mut self.buffer);
                return Ok((!rest.is_empty()).then(|| text(&rest)));
            }
            let (reading, buffer) = (&mut self.reading, &mut self.buffer);
            self.is_over = poll_fn(|cx| reading.poll(cx, buffer, CAPACITY)).await == 0;
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl ChildStdin {
    pub(super) fn new(process: Process) -> ChildStdin {
        ChildStdin { process, waiting: None }
    }

    /// Writes all of it, waiting for room. Dropped while waiting, a part may be written.
    ///
    /// # Errors
    /// `BrokenPipe` when nobody reads it.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let n = poll_fn(|cx| self.poll(cx, rest)).await?;
            rest = &rest[n..];
        }
        Ok(())
    }

    fn poll(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.process.try_write(bytes) {
                TryWrite::Wrote(n) => {
                    self.waiting = None;
                    return Poll::Ready(Ok(n));
                }
                TryWrite::Broken => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                TryWrite::WouldBlock => {}
            }
            let process = &self.process;
            let waiting = self.waiting.get_or_insert_with(|| {
                let process = process.clone();
                Box::pin(async move { process.writable().await })
            });
            if waiting.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.waiting = None;
        }
    }
}

impl Drop for ChildStdin {
    fn drop(&mut self) {
        self.process.close_input();
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncWrite for ChildStdin {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What was written is in the pipe.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.process.close_input();
        Poll::Ready(Ok(()))
    }
}
