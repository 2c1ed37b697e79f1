//! The network between a session and its clients: madsim's TCP, on which what is written arrives in pieces, each at its own time.

use crate::chance::{micros, one_in};
use madsim::net::{NetSim, TcpListener, TcpStream};
use madsim::rand::{Rng, thread_rng};
use shakedown_real::control::{Accept, Client, Lost};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Where the session runs.
pub const SESSION: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// The machine of a client.
pub fn machine(nth: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 1, nth))
}

/// A message takes up to as long as is drawn.
pub fn draw_latency() {
    let most = [micros(50..60), micros(50..500), micros(1000..5000)][thread_rng().gen_range(0..3)];
    NetSim::current().update_config(|config| config.send_latency = Duration::from_micros(10)..most);
}

/// Where clients come in.
pub struct Door(TcpListener);

impl Door {
    pub async fn open() -> Door {
        Door(TcpListener::bind(at()).await.expect("nobody else is on this machine"))
    }
}

impl Accept for Door {
    type Stream = Pieces;

    async fn accept(&mut self) -> io::Result<Pieces> {
        self.0.accept().await.map(|(stream, _)| Pieces { stream, flushed: Arc::default() })
    }
}

/// A client's connection, which counts what was handed to the network whole: first the greeting, then each request.
///
/// # Errors
/// [`Lost`]; where nobody listens, too.
pub async fn dial(flushed: Arc<AtomicU32>) -> Result<Client<Pieces>, Lost> {
    let stream = TcpStream::connect(at()).await.map_err(|_| Lost::Closed)?;
    Client::greet(Pieces { stream, flushed }).await
}

fn at() -> SocketAddr {
    (SESSION, 700).into()
}

/// A stream, some of whose writes are cut into pieces.
pub struct Pieces {
    stream: TcpStream,
    flushed: Arc<AtomicU32>,
}

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        if bytes.len() < 2 || !one_in(4) {
            return stream.poll_write(cx, bytes);
        }
        let piece = &bytes[..thread_rng().gen_range(1..bytes.len())];
        match stream.poll_write(cx, piece) {
            Poll::Ready(Ok(taken)) => Pin::new(&mut self.stream).poll_flush(cx).map_ok(|()| taken),
            other => other,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            self.flushed.fetch_add(1, Ordering::Relaxed);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
