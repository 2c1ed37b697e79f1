//! The durable log of sessions: checksummed records in files of one folder, appended by one writer and followed by any number of readers.
//!
//! It outlives its writer: whatever crash it was, the records that were whole are read again, the one that was torn is lost, and the next
//! writer goes on with the number after the last. Files begin with the number of their first record, are ended when they are long enough,
//! and are removed, the oldest first, when all are too long or too old.
//!
//! ```
//! use shakedown_core::files::FileError;
//! use shakedown_core::journal::{Entry, Filter, Journal, Keep, follow};
//! use shakedown_core::task::TaskCx;
//! use std::sync::Arc;
//!
//! async fn note(cx: TaskCx) -> Result<(), FileError> {
//!     let fs = cx.files().rooted("/var/log/app");
//!     let (mut journal, _) = Journal::open(fs.clone(), Keep::default()).await?;
//!     let session: Arc<str> = "app".into();
//!     journal.append_sync(&mut [Entry::event(cx.wall(), &session, "deployed")]).await?;
//!     let mut deployments = follow(fs, 0, Filter::all().event("deployed"));
//!     let first = deployments.next().await?;
//!     assert_eq!(first.word(), "deployed");
//!     Ok(())
//! }
//! ```

mod codec;
mod entry;
mod facts;
mod read;
mod recover;
mod sink;

pub(crate) use codec::checksum;
pub use codec::{Head, LEN_MAX, Scan, TooLong, encode, head, scan};
pub use entry::{Entry, Filter, UnknownTerm, What};
pub use facts::entry_of;
pub use read::{Follow, POLL, Read, follow, read, read_some};
pub use recover::unseen_ends;
pub use sink::{ATTEMPT_MAX, EVENTS_MAX, FLUSH_MAX, SPILL_MAX, Sink, SinkCounts, SinkSpec, WhenFull};

use crate::files::{File, FileError, Fs};
use crate::time::Duration;
use crate::vocab::Errno;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

/// How much of a journal is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keep {
    /// A file is ended when it has so many bytes.
    pub file_bytes: u64,
    /// Whole files are removed, the oldest first, while all together have more bytes than this.
    pub bytes: u64,
    /// A file is removed when its last record is older than this, by the clock on the wall. The one that is written to stays.
    pub age: Duration,
}

impl Default for Keep {
    /// Files of 16 MiB, 256 MiB of them, for thirty days.
    fn default() -> Keep {
        Keep { file_bytes: 16 << 20, bytes: 256 << 20, age: Duration::from_secs(30 * 24 * 3600) }
    }
}

/// What was found when a journal was opened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovered {
    /// Bytes of a record that was torn at the end, which were cut off.
    pub torn: u64,
    /// What is no record in the last file, and has records after it: it stays, and readers pass over it.
    pub damaged: Vec<Range<usize>>,
}

/// The writing end of a journal.
pub struct Journal {
    fs: Fs,
    keep: Keep,
    /// Held as long as we write.
    _lock: File,
    /// Ended files, the oldest first.
    ended: VecDeque<Ended>,
    current: Current,
    next: u64,
    /// Times that the file we wrote to was found to be gone.
    lost_files: u64,
}

struct Ended {
    first: u64,
    len: u64,
    last: Duration,
}

struct Current {
    first: u64,
    file: File,
    /// Up to where it is whole.
    len: u64,
    last: Duration,
    /// Something that failed may stand behind that.
    is_dirty: bool,
    /// Whether its name is durable.
    is_named: bool,
}

impl Journal {
    /// Opens the journal in this folder, or begins one, and cuts off what a crash has torn.
    ///
    /// # Errors
    /// The system's; `EBUSY` where another writes to it.
    pub async fn open(fs: Fs, keep: Keep) -> Result<(Journal, Recovered), FileError> {
        let lock = fs.open_append(LOCK, 0o600).await?;
        if !lock.try_lock().await? {
            return Err(FileError { what: "lock", path: LOCK.into(), errno: Errno::EBUSY, is_outside: false });
        }
        let files = files(&fs).await?;
        let mut ended = VecDeque::new();
        for first in files.iter().rev().skip(1).rev() {
            let name = name_of(*first);
            // Of the ended ones only the length is needed, and how old the last record is at most.
            let len = fs.stat(&name).await?.map_or(0, |stat| stat.len);
            ended.push_back(Ended { first: *first, len, last: read::last_time(&fs, &name, len).await? });
        }
        let first = files.last().copied().unwrap_or(0);
        let file = fs.open_append(&name_of(first), 0o640).await?;
        let bytes = file.read_all().await?;
        let Scan { entries, damaged, whole } = scan(&bytes);
        let torn = (bytes.len() - whole) as u64;
        if torn > 0 {
            file.truncate(whole as u64).await?;
        }
        let next = entries.iter().map(|entry| entry.cursor + 1).max().unwrap_or(first).max(first);
        let last = entries.last().map_or(Duration::ZERO, |entry| entry.time);
        let current = Current { first, file, len: whole as u64, last, is_dirty: false, is_named: false };
        let journal = Journal { fs, keep, _lock: lock, ended, current, next, lost_files: 0 };
        Ok((journal, Recovered { torn, damaged }))
    }

    /// The number of the record that is appended next.
    pub fn next_cursor(&self) -> u64 {
        self.next
    }

    /// How often the file that was written to was found to be removed or renamed by somebody else, and was begun anew.
    pub fn lost_files(&self) -> u64 {
        self.lost_files
    }

    /// Appends records and gives them their numbers. They outlive this program, and not the machine: see
    /// [`append_sync`](Self::append_sync). All of them or none: what failed in the middle is cut off, at once or before the next.
    ///
    /// # Errors
    /// The system's: `ENOSPC`. `EINVAL` where one is longer than [`LEN_MAX`].
    pub async fn append(&mut self, entries: &mut [Entry]) -> Result<(), FileError> {
        let mut bytes = Vec::new();
        let mut next = self.next;
        for entry in &mut *entries {
            entry.cursor = next;
            next += 1;
            encode(entry, &mut bytes).map_err(|_| self.failed("append", Errno::EINVAL))?;
        }
        let Some(last) = entries.last().map(|entry| entry.time) else { return Ok(()) };
        self.find_again().await?;
        if self.current.len >= self.keep.file_bytes {
            self.begin_file().await?;
        }
        if self.current.is_dirty {
            self.current.file.truncate(self.current.len).await?;
        }
        // Until it is known to have gone well: it may be dropped in the middle.
        self.current.is_dirty = true;
        let len = bytes.len() as u64;
        if let Err(error) = self.current.file.append(bytes).await {
            // Cut off at once where that goes, lest a reader takes records for written that we call lost.
            self.current.is_dirty = self.current.file.truncate(self.current.len).await.is_err();
            return Err(error);
        }
        self.current.is_dirty = false;
        self.current.len += len;
        self.current.last = last;
        self.next = next;
        self.tidy(last).await;
        Ok(())
    }

    /// As [`append`](Self::append), and waits until they are on the disk.
    ///
    /// # Errors
    /// As [`append`](Self::append). Where only the sync failed they stand there, and may be lost.
    pub async fn append_sync(&mut self, entries: &mut [Entry]) -> Result<(), FileError> {
        self.append(entries).await?;
        self.sync().await
    }

    /// Waits until all that was appended is on the disk.
    ///
    /// # Errors
    /// The system's.
    pub async fn sync(&mut self) -> Result<(), FileError> {
        self.current.file.sync().await?;
        if !self.current.is_named {
            self.fs.sync_folder(".").await?;
            self.current.is_named = true;
        }
        Ok(())
    }

    /// Somebody else may have removed or renamed the file: what is written to it is then seen by nobody (Supervisor 3.1.1 hung there).
    async fn find_again(&mut self) -> Result<(), FileError> {
        let found = self.fs.stat(&name_of(self.current.first)).await?;
        if found.map(|found| found.id) == Some(self.current.file.stat().await?.id) {
            return Ok(());
        }
        self.lost_files += 1;
        self.begin_file().await
    }

    /// Ends the file, and begins the next.
    async fn begin_file(&mut self) -> Result<(), FileError> {
        // So that only the last file can ever be torn.
        self.current.file.sync().await?;
        let file = self.fs.open_append(&name_of(self.next), 0o640).await?;
        let is_new = self.next != self.current.first;
        let begun =
            Current { first: self.next, file, len: 0, last: self.current.last, is_dirty: true, is_named: false };
        let Current { first, len, last, .. } = core::mem::replace(&mut self.current, begun);
        if is_new {
            self.ended.push_back(Ended { first, len, last });
        }
        Ok(())
    }

    /// Removes what is not to be kept. That a file cannot be removed is no reason not to write.
    async fn tidy(&mut self, now: Duration) {
        while let Some(Ended { first, len, last }) = self.ended.front() {
            let all: u64 = self.ended.iter().map(|ended| ended.len).sum::<u64>() + self.current.len;
            if all <= self.keep.bytes && now.saturating_sub(*last) <= self.keep.age {
                return;
            }
            let (name, _) = (name_of(*first), len);
            if self.fs.unlink(&name).await.is_err_and(|error| error.errno != Errno::ENOENT) {
                return;
            }
            self.ended.pop_front();
        }
    }

    fn failed(&self, what: &'static str, errno: Errno) -> FileError {
        FileError { what, path: self.current.file.path().into(), errno, is_outside: false }
    }
}

/// The first numbers of the files in a journal's folder, in order.
async fn files(fs: &Fs) -> Result<Vec<u64>, FileError> {
    Ok(fs.list(".").await?.iter().filter_map(|name| first_of(name)).collect())
}

/// The file whose first record has this number. In the order of the names the numbers rise.
fn name_of(first: u64) -> String {
    format!("{first:020}{ENDING}")
}

fn first_of(name: &str) -> Option<u64> {
    name.strip_suffix(ENDING).filter(|number| number.len() == 20).and_then(|number| number.parse().ok())
}

const ENDING: &str = ".journal";
const LOCK: &str = "lock";
