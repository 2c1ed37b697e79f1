//! The simulated disk: named after the calls of core's [`FileCall`], a plain data structure without async.
//!
//! It holds what a program sees and what a crash of the machine would leave, because a file that was written, renamed and never synced looks
//! finished until the power fails. Whoever asks is root: permission bits are kept and forbid nothing. Sources: fsync(2), rename(2),
//! openat2(2), flock(2); Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014) for what may be lost apart.

mod crash;
mod fault;
mod file;
mod folder;
mod lock;
mod path;
#[cfg(test)]
mod tests;

use crate::kernel::Faults;
use folder::Change;
use shakedown_core::choose::Choose;
use shakedown_core::digest::Digest;
use shakedown_core::files::{FileAnswer, FileCall, FileKind, FileStat};
use shakedown_core::ids::FileId;
use shakedown_core::vocab::{Errno, Fault};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How large a disk is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskConfig {
    /// Bytes that all files may hold together; beyond them a write is `ENOSPC`.
    pub bytes_max: u64,
}

impl Default for DiskConfig {
    /// A disk that is never full.
    fn default() -> DiskConfig {
        DiskConfig { bytes_max: u64::MAX }
    }
}

/// The number of a file, whatever its names are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Ino(u32);

/// The folder in which absolute paths begin.
const ROOT: Ino = Ino(0);

/// A file, a folder or a symbolic link.
#[derive(Clone, Debug)]
struct Node {
    what: What,
    mode: u32,
    locked_by: Option<FileId>,
}

#[derive(Clone, Debug)]
enum What {
    File(file::Content),
    Folder(folder::Names),
    Link(Arc<str>),
}

/// An open file.
#[derive(Clone, Debug)]
struct Open {
    ino: Ino,
    path: Arc<str>,
}

/// A disk.
#[derive(Clone)]
pub struct Disk {
    config: DiskConfig,
    nodes: BTreeMap<Ino, Node>,
    next: u32,
    open: BTreeMap<FileId, Open>,
    opened: u32,
    /// What was done to names and is not durable, in order.
    changes: Vec<Change>,
    calls: u64,
    crashes: u32,
    faults: Faults,
    has_struck: bool,
}

impl Disk {
    /// An empty disk.
    pub fn new(config: DiskConfig) -> Disk {
        let root = Node { what: What::Folder(folder::Names::default()), mode: 0o755, locked_by: None };
        Disk {
            config,
            nodes: BTreeMap::from([(ROOT, root)]),
            next: 1,
            open: BTreeMap::new(),
            opened: 0,
            changes: Vec::new(),
            calls: 0,
            crashes: 0,
            faults: Faults::default(),
            has_struck: false,
        }
    }

    /// Empty again. What may go wrong stays.
    pub fn reset(&mut self, config: DiskConfig) {
        let mut faults = std::mem::take(&mut self.faults);
        faults.reset();
        *self = Disk { faults, ..Disk::new(config) };
    }

    /// What may go wrong: `disk-full`, `sink-slow`, `sink-fails`, for the folders and files that are named, and `torn-write`.
    pub fn set_faults(&mut self, faults: Arc<[Fault]>) {
        self.faults = Faults::of(faults);
    }

    /// How many calls it has carried out.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Carries out a call.
    ///
    /// # Errors
    /// As the system call: `ENOENT`, `EXDEV` for a path that leaves its root, `ENOSPC`.
    pub fn call(&mut self, call: FileCall, choose: &mut impl Choose) -> Result<FileAnswer, Errno> {
        self.calls += 1;
        match call {
            FileCall::Open { place, how } => self.open(&place, how, choose),
            FileCall::Read { file, at, max } => self.read(file, at, max),
            FileCall::Append { file, bytes } => self.append(file, &bytes, choose),
            FileCall::Truncate { file, len } => self.truncate(file, len),
            FileCall::SetMode { file, mode } => self.set_mode(file, mode),
            FileCall::Sync { file } => self.sync(file, choose),
            FileCall::Lock { file } => self.lock(file),
            FileCall::StatOf { file } => self.opened(file).map(|open| open.ino).and_then(|ino| self.stat(ino)),
            FileCall::Stat { place } => {
                let ino = self.resolve(&place, false)?.node.ok_or(Errno::ENOENT)?;
                self.stat(ino)
            }
            FileCall::Rename { from, to } => self.rename(&from, &to),
            FileCall::Unlink { place } => self.unlink(&place),
            FileCall::MakeFolder { place, mode } => self.make_folder(&place, mode, choose),
            FileCall::RemoveFolder { place } => self.remove_folder(&place),
            FileCall::List { place } => self.list(&place),
        }
    }

    fn node(&self, ino: Ino) -> &Node {
        self.nodes.get(&ino).expect("a name or an open file keeps its node")
    }

    fn node_mut(&mut self, ino: Ino) -> &mut Node {
        self.nodes.get_mut(&ino).expect("a name or an open file keeps its node")
    }

    fn opened(&self, file: FileId) -> Result<&Open, Errno> {
        self.open.get(&file).ok_or(Errno::EBADF)
    }

    fn add(&mut self, what: What, mode: u32) -> Ino {
        let ino = Ino(self.next);
        self.next += 1;
        self.nodes.insert(ino, Node { what, mode, locked_by: None });
        ino
    }

    fn stat(&self, ino: Ino) -> Result<FileAnswer, Errno> {
        let node = self.node(ino);
        let (kind, len) = match &node.what {
            What::File(content) => (FileKind::File, content.seen().len() as u64),
            What::Folder(_) => (FileKind::Folder, 0),
            What::Link(target) => (FileKind::Link, target.len() as u64),
        };
        Ok(FileAnswer::Found(FileStat { id: (0, u64::from(ino.0)), kind, len, mode: node.mode }))
    }

    fn set_mode(&mut self, file: FileId, mode: u32) -> Result<FileAnswer, Errno> {
        let ino = self.opened(file)?.ino;
        self.node_mut(ino).mode = mode;
        Ok(FileAnswer::Done)
    }

    /// What is there and could be, under a name or in an open file.
    fn used(&self) -> u64 {
        let mut kept: BTreeSet<Ino> = self.open.values().map(|open| open.ino).collect();
        kept.extend(self.nodes.values().flat_map(|node| match &node.what {
            What::Folder(names) => names.seen().values().copied().collect::<Vec<Ino>>(),
            What::File(_) | What::Link(_) => Vec::new(),
        }));
        let len =
            |ino: Ino| if let What::File(content) = &self.node(ino).what { content.seen().len() as u64 } else { 0 };
        kept.into_iter().map(len).sum()
    }

    /// Forgets nodes that nothing can lead to any more.
    fn forget_lost(&mut self) {
        let mut kept: BTreeSet<Ino> = self.open.values().map(|open| open.ino).collect();
        kept.insert(ROOT);
        kept.extend(self.changes.iter().flat_map(Change::nodes));
        for node in self.nodes.values() {
            if let What::Folder(names) = &node.what {
                kept.extend(names.all());
            }
        }
        self.nodes.retain(|ino, _| kept.contains(ino));
    }

    /// What it amounts to: all that a program can see, and all that a crash can leave.
    pub fn fingerprint(&self) -> u64 {
        let mut digest = Digest::of(u64::from(self.crashes));
        for (ino, node) in &self.nodes {
            digest.number(u64::from(ino.0)).number(u64::from(node.mode)).number(u64::from(node.locked_by.is_some()));
            match &node.what {
                What::File(content) => content.digest(&mut digest),
                What::Folder(names) => names.digest(&mut digest),
                What::Link(target) => {
                    digest.bytes(target.as_bytes());
                }
            }
        }
        for change in &self.changes {
            change.digest(&mut digest);
        }
        digest.value()
    }
}
