//! What may be asked of a world about files, and what it answers: named after the system calls, one request, one `OpId`, one answer.
//!
//! All of them are slow acts. None waits for somebody else: a lock that is held is `EAGAIN`, because flock(2) cannot be withdrawn.

use crate::ids::FileId;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Where something stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The folder that the path may not leave, by whatever links (`RESOLVE_BENEATH` of openat2(2)). Nothing: the whole machine.
    pub root: Option<Arc<str>>,
    /// The path: from the root where there is one, else as the system sees it.
    pub path: Arc<str>,
}

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum How {
    /// A file that is there, to be read.
    Read,
    /// To be read, and written at its end (`O_APPEND`); made with this mode where it is not there. Its name is no symbolic link
    /// (`O_NOFOLLOW`).
    Append {
        /// Of a new file, whatever the umask says.
        mode: u32,
    },
    /// A folder, to be synced.
    Folder,
}

/// What is asked of a world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileCall {
    /// open(2). Answered by [`FileAnswer::Opened`].
    Open {
        /// Which.
        place: Place,
        /// For what.
        how: How,
    },
    /// pread(2). Answered by [`FileAnswer::Bytes`]; fewer than `max` only at the end.
    Read {
        /// From which.
        file: FileId,
        /// From where.
        at: u64,
        /// At most so many bytes.
        max: u32,
    },
    /// write(2) to the end, again until all is written. Where it fails, a part of it may stand there.
    Append {
        /// To which.
        file: FileId,
        /// What.
        bytes: Arc<[u8]>,
    },
    /// ftruncate(2).
    Truncate {
        /// Which.
        file: FileId,
        /// How long it is to be: not longer than it is.
        len: u64,
    },
    /// fchmod(2).
    SetMode {
        /// Which.
        file: FileId,
        /// The permission bits.
        mode: u32,
    },
    /// fsync(2): of a file what was written to it, of a folder which names are in it.
    Sync {
        /// Which.
        file: FileId,
    },
    /// flock(2), exclusive, without waiting: `EAGAIN` where another open file of it is locked.
    Lock {
        /// Which.
        file: FileId,
    },
    /// fstat(2). Answered by [`FileAnswer::Found`].
    StatOf {
        /// Of which.
        file: FileId,
    },
    /// lstat(2). Answered by [`FileAnswer::Found`].
    Stat {
        /// Of what.
        place: Place,
    },
    /// rename(2): what was there under the new name is replaced, and at no moment is nothing there.
    Rename {
        /// The old name.
        from: Place,
        /// The new name.
        to: Place,
    },
    /// unlink(2).
    Unlink {
        /// Which name.
        place: Place,
    },
    /// mkdir(2).
    MakeFolder {
        /// Where.
        place: Place,
        /// The permission bits, whatever the umask says.
        mode: u32,
    },
    /// rmdir(2).
    RemoveFolder {
        /// Which.
        place: Place,
    },
    /// readdir(3), without `.` and `..`. Answered by [`FileAnswer::Names`].
    List {
        /// Which folder.
        place: Place,
    },
}

impl FileCall {
    /// Its name in a report.
    pub const fn word(&self) -> &'static str {
        match self {
            FileCall::Open { .. } => "open",
            FileCall::Read { .. } => "read",
            FileCall::Append { .. } => "append",
            FileCall::Truncate { .. } => "truncate",
            FileCall::SetMode { .. } => "chmod",
            FileCall::Sync { .. } => "fsync",
            FileCall::Lock { .. } => "lock",
            FileCall::StatOf { .. } | FileCall::Stat { .. } => "stat",
            FileCall::Rename { .. } => "rename",
            FileCall::Unlink { .. } => "unlink",
            FileCall::MakeFolder { .. } => "mkdir",
            FileCall::RemoveFolder { .. } => "rmdir",
            FileCall::List { .. } => "list",
        }
    }
}

/// What a world answers, where it does not answer with an errno.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum FileAnswer {
    /// It is done.
    Done,
    /// The open file.
    Opened(FileId),
    /// What was read.
    Bytes(Vec<u8>),
    /// The names in a folder, in their order.
    Names(Vec<String>),
    /// What stands there.
    Found(FileStat),
}

/// What is known of a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FileStat {
    /// The same for two names, or a name and an open file, only where they are the same file. A number may be used again when the file
    /// it belonged to is gone.
    pub id: (u64, u64),
    /// What it is.
    pub kind: FileKind,
    /// How long it is, in bytes.
    pub len: u64,
    /// The permission bits.
    pub mode: u32,
}

/// What stands under a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A socket, a device, a pipe.
    Other,
}
