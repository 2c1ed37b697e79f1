//! Where the bytes of a connection and of an answer pass by: so that an answer counts as given when its last byte was handed to the kernel,
//! and a connection that is closed right after loses none.

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How an answer was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Given {
    pub status: u16,
    /// By the upstream, or by the proxy because nobody else could.
    pub by_upstream: bool,
}

/// The answer of one connection that is on its way.
#[derive(Clone, Debug, Default)]
pub(super) struct Flight(Arc<Mutex<Progress>>);

#[derive(Clone, Copy, Debug, Default)]
enum Progress {
    #[default]
    Nothing,
    /// Its last byte is written, as far as the body knows.
    Ended(Given),
    /// Its last byte is with the kernel.
    Landed(Given),
}

impl Flight {
    fn ended(&self, given: Given) {
        *self.lock() = Progress::Ended(given);
    }

    fn flushed(&self) {
        let mut progress = self.lock();
        if let Progress::Ended(given) = *progress {
            *progress = Progress::Landed(given);
        }
    }

    /// The answer that has landed since this was last asked.
    pub fn landed(&self) -> Option<Given> {
        let mut progress = self.lock();
        match *progress {
            Progress::Landed(given) => {
                *progress = Progress::Nothing;
                Some(given)
            }
            Progress::Nothing | Progress::Ended(_) => None,
        }
    }

    /// The same, where the next head has come although a part of the answer is still to be flushed.
    pub fn overtaken(&self) -> Option<Given> {
        self.flushed();
        self.landed()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection to a client.
pub(super) struct Tap<Io> {
    pub io: Io,
    pub flight: Flight,
}

impl<Io: AsyncRead + Unpin> AsyncRead for Tap<Io> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Tap<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            self.flight.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// The body of an answer. `then` is run when all of it was written.
pub(super) struct Content {
    body: Either<Incoming, Full<Bytes>>,
    given: Option<(Given, Flight)>,
    then: Option<Box<dyn FnOnce()>>,
}

impl Content {
    /// What the upstream sends.
    pub fn streamed(body: Incoming, status: u16, flight: &Flight, then: Box<dyn FnOnce()>) -> Content {
        let given = Given { status, by_upstream: true };
        Content { body: Either::Left(body), given: Some((given, flight.clone())), then: Some(then) }
    }

    /// What the proxy says itself.
    pub fn own(text: &'static str, status: u16, flight: &Flight) -> Content {
        let given = Given { status, by_upstream: false };
        let body = Either::Right(Full::new(Bytes::from_static(text.as_bytes())));
        Content { body, given: Some((given, flight.clone())), then: None }
    }

    /// What is no answer to anything that was taken on, or the beginning of a tunnel.
    pub fn nothing() -> Content {
        Content { body: Either::Right(Full::default()), given: None, then: None }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Err(_))) = frame {
            // The rest of the answer will never come: it was not given.
            (self.given, self.then) = (None, None);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Content {
    /// hyper lets go of a body when its end was written. Bookkeeping only: whether it has landed is seen at the next flush, which a
    /// connection that is dropped together with its body never has.
    fn drop(&mut self) {
        if let Some((given, flight)) = self.given.take() {
            flight.ended(given);
        }
        if let Some(then) = self.then.take() {
            then();
        }
    }
}
