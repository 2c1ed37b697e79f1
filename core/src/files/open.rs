//! An open file: read, append, truncate, sync, lock. It is closed when the last hand on it is gone, and its lock with it.

use super::{Closing, FileAnswer, FileCall, FileError, FileStat, submit};
use crate::ids::FileId;
use crate::task::TaskCx;
use crate::vocab::Errno;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// An open file.
#[derive(Clone)]
pub struct File {
    cx: TaskCx,
    closing: Rc<Closing>,
    path: Arc<str>,
}

impl File {
    pub(super) fn new(cx: TaskCx, id: FileId, path: Arc<str>) -> File {
        let closing = Rc::new(Closing { reactor: cx.reactor.clone(), id });
        File { cx, closing, path }
    }

    /// The path under which it was opened. It may have another name by now, or none.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Reads from `at`, at most `max` bytes; none at the end.
    ///
    /// # Errors
    /// The system's.
    pub async fn read_at(&self, at: u64, max: u32) -> Result<Vec<u8>, FileError> {
        match self.call(FileCall::Read { file: self.id(), at, max }).await? {
            FileAnswer::Bytes(bytes) => Ok(bytes),
            other => unreachable!("a read is answered by Bytes, not {other:?}"),
        }
    }

    /// Reads it from its beginning to its end.
    ///
    /// # Errors
    /// The system's.
    pub async fn read_all(&self) -> Result<Vec<u8>, FileError> {
        let mut all = Vec::new();
        loop {
            let chunk = self.read_at(all.len() as u64, READ_MAX).await?;
            if chunk.is_empty() {
                return Ok(all);
            }
            all.extend_from_slice(&chunk);
        }
    }

    /// Writes all of it to the end. Where it fails, a part of it may stand there.
    ///
    /// # Errors
    /// The system's: `ENOSPC` where the disk is full.
    pub async fn append(&self, bytes: impl AsRef<[u8]>) -> Result<(), FileError> {
        self.done(FileCall::Append { file: self.id(), bytes: bytes.as_ref().into() }).await
    }

    /// Cuts it to this length.
    ///
    /// # Errors
    /// The system's.
    pub async fn truncate(&self, len: u64) -> Result<(), FileError> {
        self.done(FileCall::Truncate { file: self.id(), len }).await
    }

    /// Sets its permission bits.
    ///
    /// # Errors
    /// The system's.
    pub async fn set_mode(&self, mode: u32) -> Result<(), FileError> {
        self.done(FileCall::SetMode { file: self.id(), mode }).await
    }

    /// Waits until what was written to it is on the disk. Its name is not: that is the folder's
    /// ([`Fs::sync_folder`](super::Fs::sync_folder)).
    ///
    /// # Errors
    /// The system's. What was written may then be lost, and a second sync says nothing about it.
    pub async fn sync(&self) -> Result<(), FileError> {
        self.done(FileCall::Sync { file: self.id() }).await
    }

    /// Locks it for us alone; whether that went. It is unlocked when it is closed, and when this program ends in whatever way.
    ///
    /// # Errors
    /// The system's.
    pub async fn try_lock(&self) -> Result<bool, FileError> {
        match submit(&self.cx, FileCall::Lock { file: self.id() }).await {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN) => Ok(false),
            Err(errno) => Err(self.failed("lock", errno)),
        }
    }

    /// What is known of it.
    ///
    /// # Errors
    /// The system's.
    pub async fn stat(&self) -> Result<FileStat, FileError> {
        match self.call(FileCall::StatOf { file: self.id() }).await? {
            FileAnswer::Found(stat) => Ok(stat),
            other => unreachable!("a stat is answered by Found, not {other:?}"),
        }
    }

    fn id(&self) -> FileId {
        self.closing.id
    }

    async fn done(&self, call: FileCall) -> Result<(), FileError> {
        self.call(call).await.map(|_| ())
    }

    async fn call(&self, call: FileCall) -> Result<FileAnswer, FileError> {
        let what = call.word();
        submit(&self.cx, call).await.map_err(|errno| self.failed(what, errno))
    }

    fn failed(&self, what: &'static str, errno: Errno) -> FileError {
        FileError { what, path: self.path.clone(), errno, is_outside: false }
    }
}

/// So much is asked for at once.
const READ_MAX: u32 = 1 << 20;
