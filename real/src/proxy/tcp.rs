//! Linux as a proxy's network: tokio's TCP. The only file of the proxy that knows it.

use super::net::{Accept, Net};
use crate::errno;
use shakedown_core::proxy::{Limits, Listen};
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::Errno;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// The TCP of this machine, dated by the clock of a world that began then.
#[derive(Clone, Copy, Debug)]
pub struct Tcp {
    /// The moment of [`Instant::ZERO`].
    pub began: std::time::Instant,
}

impl Net for Tcp {
    type Io = TcpStream;

    async fn dial(&self, to: &str) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(to).await?;
        // Heads are small, and nobody waits for more of them (RFC 9293, section 3.7.4).
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn pause(&self, length: Duration) -> impl Future<Output = ()> + 'static {
        tokio::time::sleep(length)
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        drop(tokio::task::spawn_local(task));
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Accept for TcpListener {
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Binds and listens, or takes over what was handed; a descriptor that nobody inherits in both cases.
///
/// # Errors
/// That of socket(2), bind(2) or listen(2); EINVAL where what was handed does not listen, which would be a port on which nobody ever
/// answers.
pub fn listen(
    how: &Listen,
    handed: Option<&std::net::TcpListener>,
    limits: &Limits,
) -> Result<(TcpListener, SocketAddr), Errno> {
    let listener = match how {
        Listen::At(address) => bind(*address, limits),
        Listen::Handed => take_over(handed.ok_or(Errno::EBADF)?),
    };
    let listener = listener.map_err(|e| errno::of_std(&e))?;
    let address = listener.local_addr().map_err(|e| errno::of_std(&e))?;
    Ok((listener, address))
}

fn bind(address: SocketAddr, limits: &Limits) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of a predecessor that linger in TIME_WAIT do not hold the port (socket(7)).
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(limits.pending_accepts_max)
}

fn take_over(handed: &std::net::TcpListener) -> io::Result<TcpListener> {
    if !nix::sys::socket::getsockopt(handed, nix::sys::socket::sockopt::AcceptConn)? {
        return Err(io::Error::from_raw_os_error(Errno::EINVAL.raw()));
    }
    // A copy: the next incarnation takes over the same one.
    let own = handed.try_clone()?;
    own.set_nonblocking(true)?;
    TcpListener::from_std(own)
}
