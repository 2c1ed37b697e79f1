//! Replacing a file so that a crash at any step leaves the old content or the new one, and nothing else: written beside it, synced,
//! renamed over it, and the name synced. Sources: rename(2), fsync(2) (NOTES: the folder needs a sync of its own), open(2).
//!
//! Temporary names are few and fixed (`.NAME.tmp-0`, …): whoever writes holds the lock of the one it uses, and what a crash has left
//! under it is written over by the next. So nothing piles up, and no writer can take away what another is writing.

use super::{File, FileError, FileStat, Fs, How};
use crate::time::Duration;
use crate::vocab::Errno;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

impl Fs {
    /// Replaces a file's content, or makes it. Its permission bits stay; those of a new file are 0644. A symbolic link of this name is
    /// replaced, not followed. Dropped before it is done, it leaves the old content or the new.
    ///
    /// # Errors
    /// The system's: `EISDIR` where it is a folder, `ENOSPC`. The old content is then untouched, or, where the last step failed, the new
    /// one stands and may be lost in a crash of the machine; no temporary file is left. `EBUSY` where more than [`TEMPS_MAX`] write it
    /// at once.
    pub async fn write_atomic(&self, path: &str, content: impl AsRef<[u8]>) -> Result<(), FileError> {
        let old = self.stat(path).await?;
        let mode = match old {
            Some(FileStat { kind: super::FileKind::Folder, .. }) => {
                return Err(self.failed("write", path, Errno::EISDIR));
            }
            Some(FileStat { kind: super::FileKind::File, mode, .. }) => mode,
            Some(_) | None => MODE,
        };
        let (temp, file) = self.temp(path).await?;
        let written = self.replace(path, &temp, &file, mode, content.as_ref().into()).await;
        if let Err(error) = written {
            // What failed is why we are here; that the temporary file could not be removed either adds nothing to it.
            let _ = self.unlink(&temp).await;
            return Err(error);
        }
        self.sync_folder(folder_of(path)).await
    }

    /// Up to the rename: what fails here leaves the old content.
    async fn replace(
        &self,
        path: &str,
        temp: &str,
        file: &File,
        mode: u32,
        content: Arc<[u8]>,
    ) -> Result<(), FileError> {
        file.truncate(0).await?;
        file.append(content).await?;
        file.set_mode(mode).await?;
        file.sync().await?;
        self.rename(temp, path).await
    }

    /// Replaces a file's content by what `update` makes of it, empty where there is none. Whoever else updates it so waits: no update is
    /// lost. The lock is a file beside it, `.NAME.lock`, and stays there.
    ///
    /// # Errors
    /// As [`write_atomic`](Self::write_atomic).
    pub async fn update_atomic<B: AsRef<[u8]>>(
        &self,
        path: &str,
        update: impl FnOnce(&[u8]) -> B,
    ) -> Result<(), FileError> {
        let _lock = self.lock(&beside(path, "lock")).await?;
        let old = match self.read(path).await {
            Ok(old) => old,
            Err(error) if error.errno == Errno::ENOENT => Vec::new(),
            Err(error) => return Err(error),
        };
        self.write_atomic(path, update(&old)).await
    }

    /// Takes the lock of this file, which is made where it is not there, and waits for whoever has it. It is given up when the file is
    /// closed. Asks again after 1 ms, 2 ms, … [`LOCK_POLL_MAX`]: bound it with [`TaskCx::timeout`](crate::task::TaskCx::timeout).
    ///
    /// # Errors
    /// The system's.
    pub async fn lock(&self, path: &str) -> Result<File, FileError> {
        let mut pause = Duration::from_millis(1);
        loop {
            let file = self.open(path, How::Append { mode: 0o600 }).await?;
            if file.try_lock().await? && self.is_still(path, &file).await? {
                return Ok(file);
            }
            drop(file);
            self.cx.sleep(pause).await;
            pause = (pause * 2).min(LOCK_POLL_MAX);
        }
    }

    /// A temporary file beside `path` that is ours: locked, and still under its name.
    async fn temp(&self, path: &str) -> Result<(String, File), FileError> {
        for n in 0..TEMPS_MAX {
            let temp = beside(path, &format!("tmp-{n}"));
            let file = self.open(&temp, How::Append { mode: 0o600 }).await?;
            if file.try_lock().await? && self.is_still(&temp, &file).await? {
                return Ok((temp, file));
            }
        }
        Err(self.failed("write", path, Errno::EBUSY))
    }

    /// Whether a name still means this file: between its opening and its locking another may have renamed or removed it.
    async fn is_still(&self, path: &str, file: &File) -> Result<bool, FileError> {
        let found = self.stat(path).await?;
        Ok(found.map(|found| found.id) == Some(file.stat().await?.id))
    }

    /// Removes the temporary files in a folder whose writers are gone; how many. Those of a living writer are locked, and stay.
    ///
    /// # Errors
    /// The system's, of the listing; a temporary file that cannot be removed is left.
    pub async fn clean_temps(&self, folder: &str) -> Result<usize, FileError> {
        let mut removed = 0;
        for name in self.list(folder).await?.into_iter().filter(|name| is_temp(name)) {
            let path = if folder == "." { name } else { format!("{folder}/{name}") };
            let Ok(file) = self.open(&path, How::Append { mode: 0o600 }).await else { continue };
            let ours =
                matches!(file.try_lock().await, Ok(true)) && matches!(self.is_still(&path, &file).await, Ok(true));
            removed += usize::from(ours && self.unlink(&path).await.is_ok());
        }
        Ok(removed)
    }
}

/// The folder that a path stands in.
pub(crate) fn folder_of(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(at) => &path[..at],
        None => ".",
    }
}

/// A name beside a path's own, hidden.
fn beside(path: &str, what: &str) -> String {
    match path.rfind('/') {
        Some(at) => format!("{}/.{}.{what}", &path[..at], &path[at + 1..]),
        None => format!(".{path}.{what}"),
    }
    .to_string()
}

fn is_temp(name: &str) -> bool {
    let number = name.starts_with('.').then(|| name.rsplit_once(".tmp-")).flatten();
    number.is_some_and(|(_, number)| number.parse::<u32>().is_ok_and(|n| n < TEMPS_MAX))
}

/// Of a new file.
const MODE: u32 = 0o644;
/// So many may write one file at once.
pub const TEMPS_MAX: u32 = 64;
/// A lock is asked for again after this at the latest.
pub const LOCK_POLL_MAX: Duration = Duration::from_millis(16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_file_stands_in_the_folder_of_its_file_and_is_known_again() {
        for (path, folder, temp) in [
            ("status", ".", ".status.tmp-0"),
            ("run/status", "run", "run/.status.tmp-0"),
            ("/status", "/", "/.status.tmp-0"),
            ("/var/run/status", "/var/run", "/var/run/.status.tmp-0"),
        ] {
            assert_eq!((folder_of(path), &*beside(path, "tmp-0")), (folder, temp));
            assert!(is_temp(temp.rsplit('/').next().expect("a name")), "{temp}");
        }
        for other in ["status.tmp-0", ".status.tmp-", ".status.tmp-64", ".status.tmp-x", ".status.lock", ".tmp"] {
            assert!(!is_temp(other), "{other}");
        }
    }
}
