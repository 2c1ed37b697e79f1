//! Locks of open files (flock(2)): exclusive, never waited for, given up with the last descriptor.

use super::Disk;
use shakedown_core::files::FileAnswer;
use shakedown_core::ids::FileId;
use shakedown_core::vocab::Errno;

impl Disk {
    pub(super) fn lock(&mut self, file: FileId) -> Result<FileAnswer, Errno> {
        let ino = self.opened(file)?.ino;
        let node = self.node_mut(ino);
        match node.locked_by {
            Some(other) if other != file => Err(Errno::EAGAIN),
            Some(_) | None => {
                node.locked_by = Some(file);
                Ok(FileAnswer::Done)
            }
        }
    }
}
