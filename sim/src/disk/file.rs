//! The content of files: what a program reads, what a crash leaves, and the pieces between the two (write(2), ftruncate(2), fsync(2)).

use super::fault::{label_of, part_of, who};
use super::{Disk, Ino, Open, What};
use shakedown_core::choose::Choose;
use shakedown_core::digest::Digest;
use shakedown_core::files::{FileAnswer, How, Place};
use shakedown_core::ids::FileId;
use shakedown_core::vocab::Errno;

/// What is in a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// What is not durable, in order.
    pieces: Vec<Piece>,
}

/// Something that was done to a file and may be lost by itself.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// Bytes within one page.
    Write { at: usize, bytes: Vec<u8> },
    /// A cut.
    Truncate { len: usize },
}

impl Piece {
    /// How many of its bytes may be kept without the others.
    pub(super) fn len(&self) -> usize {
        match self {
            Piece::Write { bytes, .. } => bytes.len(),
            Piece::Truncate { .. } => 0,
        }
    }

    /// The first so many bytes of it are kept.
    fn keep(&self, len: usize, into: &mut Vec<u8>) {
        match self {
            Piece::Write { at, bytes } => {
                let end = at + len;
                // What was lost before it reads as zeros.
                into.resize(into.len().max(end), 0);
                into[*at..end].copy_from_slice(&bytes[..len]);
            }
            Piece::Truncate { len } => into.resize(*len, 0),
        }
    }
}

impl Content {
    pub(super) fn seen(&self) -> &[u8] {
        &self.seen
    }

    pub(super) fn durable(&self) -> &[u8] {
        &self.durable
    }

    pub(super) fn durable_already(bytes: &[u8]) -> Content {
        Content { seen: bytes.to_vec(), durable: bytes.to_vec(), pieces: Vec::new() }
    }

    /// The power fails; `kept` says of each piece how much of it was written, none where it is lost.
    pub(super) fn crash(&mut self, mut kept: impl FnMut(&Piece) -> Option<usize>) {
        for piece in std::mem::take(&mut self.pieces) {
            if let Some(len) = kept(&piece) {
                piece.keep(len, &mut self.durable);
            }
        }
        self.seen.clone_from(&self.durable);
    }

    fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let at = self.seen.len();
            let (page, rest) = bytes.split_at(bytes.len().min(PAGE - at % PAGE));
            self.seen.extend_from_slice(page);
            self.pieces.push(Piece::Write { at, bytes: page.to_vec() });
            bytes = rest;
        }
    }

    fn sync(&mut self) {
        self.durable.clone_from(&self.seen);
        self.pieces.clear();
    }

    pub(super) fn digest(&self, into: &mut Digest) {
        into.bytes(&self.seen).bytes(&self.durable).number(self.pieces.len() as u64);
        for piece in &self.pieces {
            match piece {
                Piece::Write { at, bytes } => into.number(*at as u64).bytes(bytes),
                Piece::Truncate { len } => into.number(!(*len as u64)),
            };
        }
    }
}

impl Disk {
    pub(super) fn open(&mut self, place: &Place, how: How, choose: &mut impl Choose) -> Result<FileAnswer, Errno> {
        let follow = match how {
            How::Read | How::Folder => true,
            How::Append { .. } => false,
        };
        let spot = self.resolve(place, follow)?;
        let ino = match (spot.node, how) {
            (None, How::Read | How::Folder) => return Err(Errno::ENOENT),
            (None, How::Append { mode }) => {
                if self.is_full(&who(place), choose) {
                    return Err(Errno::ENOSPC);
                }
                let ino = self.add(What::File(Content::default()), mode);
                self.link(spot.folder, &spot.name, ino);
                ino
            }
            (Some(ino), how) => match (&self.node(ino).what, how) {
                (What::File(_), How::Folder) => return Err(Errno::ENOTDIR),
                (What::Folder(_), How::Append { .. }) => return Err(Errno::EISDIR),
                (What::Link(_), _) => return Err(Errno::ELOOP),
                (What::File(_), How::Read | How::Append { .. }) | (What::Folder(_), How::Read | How::Folder) => ino,
            },
        };
        let file = FileId(self.opened);
        self.opened += 1;
        self.open.insert(file, Open { ino, path: who(place) });
        Ok(FileAnswer::Opened(file))
    }

    /// close(2): the lock of the open file goes with it.
    pub fn close(&mut self, file: FileId) {
        let Some(Open { ino, .. }) = self.open.remove(&file) else { return };
        let node = self.node_mut(ino);
        if node.locked_by == Some(file) {
            node.locked_by = None;
        }
    }

    pub(super) fn read(&self, file: FileId, at: u64, max: u32) -> Result<FileAnswer, Errno> {
        let seen = match &self.node(self.opened(file)?.ino).what {
            What::File(content) => content.seen(),
            What::Folder(_) => return Err(Errno::EISDIR),
            What::Link(_) => return Err(Errno::EBADF),
        };
        let from = seen.len().min(usize::try_from(at).unwrap_or(usize::MAX));
        let to = seen.len().min(from.saturating_add(max as usize));
        Ok(FileAnswer::Bytes(seen[from..to].to_vec()))
    }

    pub(super) fn append(&mut self, file: FileId, bytes: &[u8], choose: &mut impl Choose) -> Result<FileAnswer, Errno> {
        let Open { ino, path } = self.opened(file)?.clone();
        self.fails(&path, choose)?;
        let mut room = bytes.len();
        if self.is_full(&path, choose) {
            room = part_of(bytes.len(), label_of(&path), self.calls as u32, choose).min(bytes.len().saturating_sub(1));
        } else if self.config.bytes_max != u64::MAX {
            let left = self.config.bytes_max.saturating_sub(self.used());
            room = room.min(usize::try_from(left).unwrap_or(usize::MAX));
        }
        self.content_mut(ino)?.append(&bytes[..room]);
        if room < bytes.len() || (room == 0 && !bytes.is_empty()) { Err(Errno::ENOSPC) } else { Ok(FileAnswer::Done) }
    }

    pub(super) fn truncate(&mut self, file: FileId, len: u64) -> Result<FileAnswer, Errno> {
        let ino = self.opened(file)?.ino;
        let content = self.content_mut(ino)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > content.seen.len() {
            return Err(Errno::EINVAL);
        }
        if len < content.seen.len() {
            content.seen.truncate(len);
            content.pieces.push(Piece::Truncate { len });
        }
        Ok(FileAnswer::Done)
    }

    pub(super) fn sync(&mut self, file: FileId, choose: &mut impl Choose) -> Result<FileAnswer, Errno> {
        let Open { ino, path } = self.opened(file)?.clone();
        self.fails(&path, choose)?;
        match &mut self.node_mut(ino).what {
            What::File(content) => content.sync(),
            What::Folder(_) => self.sync_names(ino),
            What::Link(_) => return Err(Errno::EBADF),
        }
        Ok(FileAnswer::Done)
    }

    fn content_mut(&mut self, ino: Ino) -> Result<&mut Content, Errno> {
        match &mut self.node_mut(ino).what {
            What::File(content) => Ok(content),
            What::Folder(_) | What::Link(_) => Err(Errno::EBADF),
        }
    }
}

/// What a disk writes at once.
const PAGE: usize = 4096;
