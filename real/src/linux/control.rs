//! Where clients of the control protocol come in on Linux: a Unix socket that only this user can open.
//! Sources: unix(7), bind(2), umask(2).

use crate::control::Accept;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
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
