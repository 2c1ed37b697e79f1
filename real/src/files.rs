//! Files on Linux: core's calls, each on a thread beside ours (`threads.rs`), because a disk may take its time and a session may not. The one
//! module that opens files for writing (a house rule).
//!
//! A path below a root is resolved by the kernel (`RESOLVE_BENEATH` of openat2(2)), so that no symbolic link leads out, not even one that
//! is made while we look. Sources: openat2(2), fsync(2), rename(2), flock(2).

use crate::errno;
use crate::mailbox::Bell;
use crate::threads;
use nix::dir::Dir;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, renameat};
use nix::sys::stat::{FileStat as Stat, Mode, SFlag, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use shakedown_core::files::{FileAnswer, FileCall, FileKind, FileStat, How, Place};
use shakedown_core::ids::{FileId, OpId};
use shakedown_core::vocab::{Completion, Errno};
use shakedown_core::world::Ready;
use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, Permissions, TryLockError};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::{Arc, Mutex, PoisonError};

/// The open files of one host, and the calls that are under way.
pub(crate) struct Files {
    open: BTreeMap<FileId, Arc<File>>,
    opened: u32,
    done: Arc<Mutex<Done>>,
    bell: Arc<Bell>,
    in_flight: usize,
}

/// What the calls that are over have come to, in order.
type Done = VecDeque<(OpId, Result<Came, Errno>)>;

/// What came of a call.
enum Came {
    Answer(FileAnswer),
    /// It gets its number on the host's thread.
    Opened(File),
}

impl Files {
    pub(crate) fn new(bell: Arc<Bell>) -> Files {
        Files { open: BTreeMap::new(), opened: 0, done: Arc::default(), bell, in_flight: 0 }
    }

    /// Takes a call; its answer comes through [`next_ready`](Self::next_ready).
    pub(crate) fn submit(&mut self, op: OpId, call: FileCall) {
        let file = file_of(&call).map(|id| self.open.get(&id).cloned().ok_or(Errno::EBADF));
        let (done, bell) = (self.done.clone(), self.bell.clone());
        self.in_flight += 1;
        let carried_out = threads::files().run(Box::new(move || {
            // A descriptor that is closed meanwhile is closed within it, before anybody learns that the call is over.
            let came = file.transpose().and_then(|file| carry_out(call, file.as_deref()));
            tell(&done, &bell, op, came);
        }));
        if let Err(errno) = carried_out {
            tell(&self.done, &self.bell, op, Err(errno));
        }
    }

    pub(crate) fn close(&mut self, file: FileId) {
        self.open.remove(&file);
    }

    /// Whether a call is under way.
    pub(crate) fn owes(&self) -> bool {
        self.in_flight > 0
    }

    pub(crate) fn next_ready(&mut self) -> Option<Ready> {
        if self.in_flight == 0 {
            return None;
        }
        let (op, came) = self.done.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        self.in_flight -= 1;
        let answer = came.map(|came| match came {
            Came::Answer(answer) => answer,
            Came::Opened(file) => {
                let id = FileId(self.opened);
                self.opened += 1;
                self.open.insert(id, Arc::new(file));
                FileAnswer::Opened(id)
            }
        });
        Some(Ready::Done { op, completion: Completion::Filed(Box::new(answer)) })
    }
}

fn tell(done: &Mutex<Done>, bell: &Bell, op: OpId, came: Result<Came, Errno>) {
    done.lock().unwrap_or_else(PoisonError::into_inner).push_back((op, came));
    bell.ring();
}

/// The open file that a call is about.
const fn file_of(call: &FileCall) -> Option<FileId> {
    match call {
        FileCall::Read { file, .. } | FileCall::Append { file, .. } | FileCall::Truncate { file, .. } => Some(*file),
        FileCall::SetMode { file, .. } | FileCall::Sync { file } => Some(*file),
        FileCall::Lock { file } | FileCall::StatOf { file } => Some(*file),
        FileCall::Open { .. } | FileCall::Stat { .. } | FileCall::Rename { .. } | FileCall::Unlink { .. } => None,
        FileCall::MakeFolder { .. } | FileCall::RemoveFolder { .. } | FileCall::List { .. } => None,
    }
}

/// Carries out a call, and takes as long as it takes.
fn carry_out(call: FileCall, file: Option<&File>) -> Result<Came, Errno> {
    let file = || file.ok_or(Errno::EBADF);
    let done = |result: std::io::Result<()>| result.map(|()| FileAnswer::Done).map_err(|e| errno::of_std(&e));
    let answer = match call {
        FileCall::Open { place, how } => return open(&place, how).map(Came::Opened),
        FileCall::Read { at, max, .. } => read(file()?, at, max),
        FileCall::Append { bytes, .. } => {
            let mut file = file()?;
            done(file.write_all(&bytes))
        }
        FileCall::Truncate { len, .. } => truncate(file()?, len),
        FileCall::SetMode { mode, .. } => done(file()?.set_permissions(Permissions::from_mode(mode))),
        FileCall::Sync { .. } => done(file()?.sync_all()),
        FileCall::Lock { .. } => match file()?.try_lock() {
            Ok(()) => Ok(FileAnswer::Done),
            Err(TryLockError::WouldBlock) => Err(Errno::EAGAIN),
            Err(TryLockError::Error(e)) => Err(errno::of_std(&e)),
        },
        FileCall::StatOf { .. } => fstat(file()?).map(|stat| found(&stat)).map_err(errno::of_nix),
        FileCall::Stat { place } => Parent::of(&place)?.stat().map(|stat| found(&stat)),
        FileCall::Rename { from, to } => {
            let (from, to) = (Parent::of(&from)?, Parent::of(&to)?);
            renameat(&from.folder, &*from.name, &to.folder, &*to.name).map(|()| FileAnswer::Done).map_err(errno::of_nix)
        }
        FileCall::Unlink { place } => Parent::of(&place)?.remove(UnlinkatFlags::NoRemoveDir),
        FileCall::RemoveFolder { place } => Parent::of(&place)?.remove(UnlinkatFlags::RemoveDir),
        FileCall::MakeFolder { place, mode } => make_folder(&place, mode),
        FileCall::List { place } => list(&place),
    };
    answer.map(Came::Answer)
}

fn open(place: &Place, how: How) -> Result<File, Errno> {
    // A pipe of this name must not hold up the thread for ever: open(2), fifo(7). It says nothing to files and folders.
    let always = OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
    let (flags, mode) = match how {
        How::Read => return open_with(place, always | OFlag::O_RDONLY, Mode::empty()),
        How::Folder => return open_with(place, always | OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty()),
        How::Append { mode } => (always | OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_NOFOLLOW, mode),
    };
    loop {
        match open_with(place, flags, Mode::empty()) {
            Err(Errno::ENOENT) => {}
            opened => return opened,
        }
        match open_with(place, flags | OFlag::O_CREAT | OFlag::O_EXCL, Mode::S_IRUSR | Mode::S_IWUSR) {
            // Another has made it meanwhile.
            Err(Errno::EEXIST) => {}
            opened => {
                let file = opened?;
                // The umask has a say in open(2), and none here.
                file.set_permissions(Permissions::from_mode(mode)).map_err(|e| errno::of_std(&e))?;
                return Ok(file);
            }
        }
    }
}

fn open_with(place: &Place, flags: OFlag, mode: Mode) -> Result<File, Errno> {
    open_at(place.root.as_deref(), &place.path, flags, mode).map(File::from)
}

fn open_at(root: Option<&str>, path: &str, flags: OFlag, mode: Mode) -> Result<OwnedFd, Errno> {
    let Some(root) = root else { return retried(|| openat(AT_FDCWD, path, flags, mode)) };
    let folder = retried(|| openat(AT_FDCWD, root, FOLDER, Mode::empty()))?;
    let how = OpenHow::new().flags(flags).mode(mode);
    let how = how.resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let mut races = 0;
    loop {
        match retried(|| openat2(&folder, path, how)) {
            // Something on the way was renamed while the kernel looked: openat2(2).
            Err(Errno::EAGAIN) if races < RACES_MAX => races += 1,
            opened => return opened,
        }
    }
}

fn retried<T>(mut call: impl FnMut() -> nix::Result<T>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(nix::errno::Errno::EINTR) => {}
            result => return result.map_err(errno::of_nix),
        }
    }
}

/// The folder that a name stands in, held open, and the name: nothing can be slipped in between.
struct Parent {
    folder: OwnedFd,
    name: String,
}

impl Parent {
    fn of(place: &Place) -> Result<Parent, Errno> {
        let path = place.path.trim_end_matches('/');
        let (folder, name) = match path.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((folder, name)) => (folder, name),
            None if path.is_empty() && !place.path.is_empty() => ("/", "."),
            None => (".", path),
        };
        if name == ".." && place.root.is_some() {
            return Err(Errno::EXDEV);
        }
        let folder = open_at(place.root.as_deref(), folder, FOLDER, Mode::empty())?;
        Ok(Parent { folder, name: name.to_owned() })
    }

    fn stat(&self) -> Result<Stat, Errno> {
        fstatat(&self.folder, &*self.name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(errno::of_nix)
    }

    fn remove(&self, how: UnlinkatFlags) -> Result<FileAnswer, Errno> {
        unlinkat(&self.folder, &*self.name, how).map(|()| FileAnswer::Done).map_err(errno::of_nix)
    }
}

fn make_folder(place: &Place, mode: u32) -> Result<FileAnswer, Errno> {
    let parent = Parent::of(place)?;
    mkdirat(&parent.folder, &*parent.name, Mode::S_IRWXU).map_err(errno::of_nix)?;
    let made = open_with(place, FOLDER_TO_READ, Mode::empty())?;
    made.set_permissions(Permissions::from_mode(mode)).map_err(|e| errno::of_std(&e))?;
    Ok(FileAnswer::Done)
}

fn list(place: &Place) -> Result<FileAnswer, Errno> {
    let folder = open_at(place.root.as_deref(), &place.path, FOLDER_TO_READ, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::from_fd(folder).map_err(errno::of_nix)?.iter() {
        let entry = entry.map_err(errno::of_nix)?;
        let name = entry.file_name().to_string_lossy();
        if name != "." && name != ".." {
            names.push(name.into_owned());
        }
    }
    names.sort();
    Ok(FileAnswer::Names(names))
}

fn read(file: &File, at: u64, max: u32) -> Result<FileAnswer, Errno> {
    let mut bytes = vec![0; max as usize];
    let mut len = 0;
    while len < bytes.len() {
        match file.read_at(&mut bytes[len..], at + len as u64) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(errno::of_std(&e)),
        }
    }
    bytes.truncate(len);
    Ok(FileAnswer::Bytes(bytes))
}

fn truncate(file: &File, len: u64) -> Result<FileAnswer, Errno> {
    let stat = fstat(file).map_err(errno::of_nix)?;
    if len > stat.st_size as u64 {
        return Err(Errno::EINVAL);
    }
    file.set_len(len).map(|()| FileAnswer::Done).map_err(|e| errno::of_std(&e))
}

fn found(stat: &Stat) -> FileAnswer {
    let kind = match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
        kind if kind == SFlag::S_IFREG => FileKind::File,
        kind if kind == SFlag::S_IFDIR => FileKind::Folder,
        kind if kind == SFlag::S_IFLNK => FileKind::Link,
        _ => FileKind::Other,
    };
    let len = if kind == FileKind::Folder { 0 } else { stat.st_size as u64 };
    FileAnswer::Found(FileStat { id: (stat.st_dev, stat.st_ino), kind, len, mode: stat.st_mode & 0o7777 })
}

/// A folder as a place to begin at.
const FOLDER: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);
/// A folder whose names are read, or whose mode is set.
const FOLDER_TO_READ: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);
/// How often a resolution that another has disturbed is begun anew.
const RACES_MAX: u32 = 16;
