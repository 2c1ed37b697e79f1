//! What a proxy needs of a network: somebody to accept from, somebody to dial, a clock and an executor. Nothing else here knows a runtime,
//! so that the same source serves on Linux and on a simulated network of sockets.

use shakedown_core::time::{Duration, Instant};
use std::future::Future;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

/// A listener.
pub trait Accept: 'static {
    /// What a connection is.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Io>>;
}

/// The rest of a network, and of the runtime that it is on.
pub trait Net: 'static {
    /// What a connection is.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Connects to this `HOST:PORT`.
    fn dial(&self, to: &str) -> impl Future<Output = io::Result<Self::Io>>;

    /// Waits.
    fn pause(&self, length: Duration) -> impl Future<Output = ()> + 'static;

    /// Runs a task beside this one, on the same thread.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);

    /// The clock that facts are dated by.
    fn now(&self) -> Instant;
}
