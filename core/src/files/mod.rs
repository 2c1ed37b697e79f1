//! Files in the hands of a task: within one folder, or, said aloud, anywhere. What a task writes here it writes the same in the simulator,
//! on a disk that loses what was not synced, and on Linux.
//!
//! ```
//! use shakedown_core::files::FileError;
//! use shakedown_core::task::TaskCx;
//!
//! async fn remember(cx: TaskCx) -> Result<(), FileError> {
//!     let state = cx.files().rooted("/var/lib/app");
//!     state.write_atomic("address", b"127.0.0.1:8080\n").await?;
//!     state.update_atomic("starts", |old| [old, b"."].concat()).await?;
//!     Ok(())
//! }
//! ```

mod atomic;
mod call;
mod error;
mod open;

pub(crate) use atomic::folder_of;
pub use atomic::{LOCK_POLL_MAX, TEMPS_MAX};
pub use call::{FileAnswer, FileCall, FileKind, FileStat, How, Place};
pub use error::FileError;
pub use open::File;

use crate::reactor::{Effect, Owner, Reactor};
use crate::task::{Operation, TaskCx};
use crate::vocab::{Completion, Errno};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The way to files for a task.
pub struct Files<'a>(&'a TaskCx);

impl<'a> Files<'a> {
    pub(crate) fn new(cx: &'a TaskCx) -> Files<'a> {
        Files(cx)
    }

    /// The files below this folder and no others: a path that is absolute or has a `..` is refused, and so is one that leads out by a
    /// symbolic link.
    pub fn rooted(&self, folder: &str) -> Fs {
        Fs { cx: self.0.clone(), root: Some(folder.into()) }
    }

    /// Every file of the machine. The one explicit way out; whoever reads the code looks for this word.
    pub fn unrestricted(&self) -> Fs {
        Fs { cx: self.0.clone(), root: None }
    }
}

/// Files, below one folder or anywhere.
#[derive(Clone)]
pub struct Fs {
    pub(crate) cx: TaskCx,
    root: Option<Arc<str>>,
}

impl Fs {
    /// The whole of a file.
    ///
    /// # Errors
    /// The system's: `ENOENT` where there is none.
    pub async fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let file = self.open(path, How::Read).await?;
        file.read_all().await
    }

    /// Opens a file to be read.
    ///
    /// # Errors
    /// The system's: `ENOENT` where there is none.
    pub async fn open_read(&self, path: &str) -> Result<File, FileError> {
        self.open(path, How::Read).await
    }

    /// Opens a file to be appended to and read; made with `mode` where there is none.
    ///
    /// # Errors
    /// The system's: `ELOOP` where it is a symbolic link.
    pub async fn open_append(&self, path: &str, mode: u32) -> Result<File, FileError> {
        self.open(path, How::Append { mode }).await
    }

    async fn open(&self, path: &str, how: How) -> Result<File, FileError> {
        let place = self.place("open", path)?;
        let opened = self.call(FileCall::Open { place, how }).await;
        match opened.map_err(|errno| self.failed("open", path, errno))? {
            FileAnswer::Opened(id) => Ok(File::new(self.cx.clone(), id, path.into())),
            other => unreachable!("an open is answered by Opened, not {other:?}"),
        }
    }

    /// Makes the names in a folder durable: what was created in it, renamed and unlinked.
    ///
    /// # Errors
    /// The system's.
    pub async fn sync_folder(&self, path: &str) -> Result<(), FileError> {
        self.open(path, How::Folder).await?.sync().await
    }

    /// Makes a folder, for our eyes only.
    ///
    /// # Errors
    /// The system's: `EEXIST` where there is something of this name.
    pub async fn make_folder(&self, path: &str) -> Result<(), FileError> {
        let place = self.place("mkdir", path)?;
        self.done("mkdir", path, FileCall::MakeFolder { place, mode: 0o700 }).await
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// The system's: `ENOTEMPTY` where something is in it.
    pub async fn remove_folder(&self, path: &str) -> Result<(), FileError> {
        let place = self.place("rmdir", path)?;
        self.done("rmdir", path, FileCall::RemoveFolder { place }).await
    }

    /// Takes a name away.
    ///
    /// # Errors
    /// The system's: `ENOENT` where there is none.
    pub async fn unlink(&self, path: &str) -> Result<(), FileError> {
        let place = self.place("unlink", path)?;
        self.done("unlink", path, FileCall::Unlink { place }).await
    }

    /// Renames, and replaces what was there.
    ///
    /// # Errors
    /// The system's: `EISDIR` where a folder is in the way.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        let call = FileCall::Rename { from: self.place("rename", from)?, to: self.place("rename", to)? };
        self.done("rename", to, call).await
    }

    /// The names in a folder, in their order.
    ///
    /// # Errors
    /// The system's: `ENOTDIR` where it is none.
    pub async fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        let place = self.place("list", path)?;
        match self.call(FileCall::List { place }).await.map_err(|errno| self.failed("list", path, errno))? {
            FileAnswer::Names(names) => Ok(names),
            other => unreachable!("a list is answered by Names, not {other:?}"),
        }
    }

    /// What stands under a name; `None` where nothing does. A symbolic link is not followed.
    ///
    /// # Errors
    /// The system's.
    pub async fn stat(&self, path: &str) -> Result<Option<FileStat>, FileError> {
        let place = self.place("stat", path)?;
        match self.call(FileCall::Stat { place }).await {
            Ok(FileAnswer::Found(stat)) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.failed("stat", path, errno)),
            Ok(other) => unreachable!("a stat is answered by Found, not {other:?}"),
        }
    }

    async fn done(&self, what: &'static str, path: &str, call: FileCall) -> Result<(), FileError> {
        self.call(call).await.map(|_| ()).map_err(|errno| self.failed(what, path, errno))
    }

    async fn call(&self, call: FileCall) -> Result<FileAnswer, Errno> {
        submit(&self.cx, call).await
    }

    fn failed(&self, what: &'static str, path: &str, errno: Errno) -> FileError {
        FileError { what, path: path.into(), errno, is_outside: errno == Errno::EXDEV && self.root.is_some() }
    }

    /// Where a path is, unless its words already say that it leaves the folder.
    fn place(&self, what: &'static str, path: &str) -> Result<Place, FileError> {
        let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
        if self.root.is_some() && leaves {
            return Err(self.failed(what, path, Errno::EXDEV));
        }
        if path.contains('\0') {
            return Err(self.failed(what, path, Errno::EINVAL));
        }
        Ok(Place { root: self.root.clone(), path: path.into() })
    }
}

/// Asks the world.
async fn submit(cx: &TaskCx, call: FileCall) -> Result<FileAnswer, Errno> {
    let what = call.word();
    let op = cx.reactor.open_op(Owner::Task(cx.task), UNIT);
    cx.reactor.push(Effect::File { op, call: Box::new(call) });
    match Operation::new(cx, op, what).await {
        Completion::Filed(answer) => *answer,
        other => unreachable!("a call about files is answered by Filed, not {other:?}"),
    }
}

/// A file belongs to no unit.
const UNIT: crate::ids::UnitId = crate::ids::UnitId(u32::MAX);

/// Closes a file when the last hand on it is gone.
struct Closing {
    reactor: Rc<Reactor>,
    id: crate::ids::FileId,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.reactor.push(Effect::CloseFile { file: self.id });
    }
}
