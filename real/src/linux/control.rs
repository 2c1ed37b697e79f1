//! Where clients of the control protocol come in on Linux: a Unix socket that only this user can open.
//! Sources: unix(7), bind(2), umask(2).

use crate::control::{Accept, Client, Lost};
use crate::pidfd::Pidfd;
use crate::watch::watch;
use shakedown_core::ids::Pid;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::{UnixListener, UnixStream};

/// A listening socket; its file is removed when it goes.
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Listens at this path, which nobody else may use; its folder keeps strangers out until the mode is set, and should be ours alone.
    ///
    /// # Errors
    /// `AddrInUse` where the path exists: whether somebody lives there, `connect` tells.
    pub fn bind(path: &Path) -> io::Result<ControlSocket> {
        let socket = ControlSocket { listener: UnixListener::bind(path)?, path: path.to_owned() };
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        Ok(socket)
    }
}

impl Accept for ControlSocket {
    type Stream = UnixStream;

    async fn accept(&mut self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Whoever has removed it has done it for us.
        let _ = fs::remove_file(&self.path);
    }
}

/// Why nobody was reached at a socket.
#[derive(Debug)]
pub enum CannotDial {
    /// Nobody listens there: the file is not there, or its session is over or was killed.
    Nobody(io::Error),
    /// Somebody listens and does not answer in time: it is stopped (SIGSTOP), or the machine is very slow.
    Silent,
    /// What answers is no session, or one of another version.
    Stranger(Lost),
}

impl fmt::Display for CannotDial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CannotDial::Nobody(error) => write!(f, "nobody listens: {error}"),
            CannotDial::Silent => f.write_str("it does not answer"),
            CannotDial::Stranger(lost) => lost.fmt(f),
        }
    }
}

impl std::error::Error for CannotDial {}

/// A client of a session on this machine.
pub type ControlClient = Client<UnixStream>;

/// The process at the other end of a socket, as the kernel names it (unix(7), SO_PEERCRED).
pub struct Peer(Option<AsyncFd<Pidfd>>);

impl Peer {
    /// Taken while the connection lives, so that its number is still its own.
    fn of(stream: &UnixStream) -> Peer {
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid()).and_then(Pid::new);
        let held = pid.and_then(|pid| Pidfd::open(pid).ok());
        Peer(held.and_then(|held| watch(held, Interest::READABLE).ok()))
    }

    /// Until it has ended: its files are closed and its locks are free. At once where it cannot be known, in another pid namespace.
    pub async fn gone(&self) {
        if let Some(held) = &self.0 {
            // An error of the runtime tells as little as a peer that is unknown.
            let _ = held.readable().await;
        }
    }
}

/// Speaks to the session that listens at this path, if it answers in time. Within [`block_on`](crate::host::block_on).
///
/// # Errors
/// [`CannotDial`].
pub async fn dial(path: &Path, patience: Duration) -> Result<(ControlClient, Peer), CannotDial> {
    let greeting = async {
        let stream = UnixStream::connect(path).await.map_err(CannotDial::Nobody)?;
        let peer = Peer::of(&stream);
        Ok((Client::greet(stream).await.map_err(CannotDial::Stranger)?, peer))
    };
    super::within(patience, greeting).await.unwrap_or(Err(CannotDial::Silent))
}
