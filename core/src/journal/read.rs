//! The reading end of a journal: all from a record on, or that and all that will come. It needs nothing of the writer, who may be another
//! program, be restarted, begin new files and remove old ones meanwhile.

use super::codec::{Head, head, resume};
use super::{Entry, Filter, Scan, files, name_of, scan};
use crate::files::{File, FileError, Fs};
use crate::time::Duration;
use crate::vocab::Errno;
use alloc::vec::Vec;

/// What was read of a journal.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Read {
    /// The records that were wanted, in order.
    pub entries: Vec<Entry>,
    /// The number after the last record, wanted or not: where to go on.
    pub next: u64,
    /// Bytes that are no record, in files that are: damage, and a record that is being written just now.
    pub passed_over: u64,
}

/// Reads the records from this number on that a filter takes.
///
/// # Errors
/// The system's. A file that is removed meanwhile is none.
pub async fn read(fs: &Fs, from: u64, filter: &Filter) -> Result<Read, FileError> {
    read_some(fs, from, filter, usize::MAX).await
}

/// As [`read`], so many records at most: [`Read::next`] is where to go on. It holds one file at a time.
///
/// # Errors
/// As [`read`].
pub async fn read_some(fs: &Fs, from: u64, filter: &Filter, max: usize) -> Result<Read, FileError> {
    let mut read = Read { next: from, ..Read::default() };
    let files = files(fs).await?;
    for (at, first) in files.iter().enumerate() {
        // All of its records are before those of the next file.
        if files.get(at + 1).is_some_and(|next| *next <= from) {
            continue;
        }
        let bytes = match fs.read(&name_of(*first)).await {
            Ok(bytes) => bytes,
            Err(error) if error.errno == Errno::ENOENT => continue,
            Err(error) => return Err(error),
        };
        let Scan { entries, damaged, whole } = scan(&bytes);
        read.passed_over += damaged.iter().map(|damage| damage.len() as u64).sum::<u64>();
        read.passed_over += (bytes.len() - whole) as u64;
        for entry in entries.into_iter().filter(|entry| entry.cursor >= from) {
            if read.entries.len() >= max {
                return Ok(read);
            }
            read.next = read.next.max(entry.cursor + 1);
            if filter.takes(&entry) {
                read.entries.push(entry);
            }
        }
    }
    Ok(read)
}

/// The records from this number on that a filter takes, and those that will come.
pub fn follow(fs: Fs, from: u64, filter: Filter) -> Follow {
    Follow { fs, filter, next: from, reading: None, unread: Vec::new(), at: 0, missed: 0 }
}

/// A stream of records, through restarts of the writer and new files.
pub struct Follow {
    fs: Fs,
    filter: Filter,
    /// The least number that is wanted.
    next: u64,
    /// The file that is read, by its first number.
    reading: Option<(u64, File)>,
    /// What was read of it and is no whole record yet.
    unread: Vec<u8>,
    /// Where in the file that begins.
    at: u64,
    missed: u64,
}

impl Follow {
    /// The next record. Dropped while it waits, it loses none.
    ///
    /// # Errors
    /// The system's; asked again, it goes on.
    pub async fn next(&mut self) -> Result<Entry, FileError> {
        loop {
            while let Some(entry) = self.take_unread() {
                if entry.cursor < self.next {
                    continue;
                }
                self.missed += entry.cursor - self.next;
                self.next = entry.cursor + 1;
                if self.filter.takes(&entry) {
                    return Ok(entry);
                }
            }
            if !self.read_on().await? && !self.turn_over().await? {
                self.fs.cx.sleep(POLL).await;
            }
        }
    }

    /// The number after the last record that was seen: where another would go on.
    pub fn cursor(&self) -> u64 {
        self.next
    }

    /// Records that were removed before they could be read, or were damaged.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    fn take_unread(&mut self) -> Option<Entry> {
        let len = match head(&self.unread) {
            Head::Record(entry, len) => {
                self.skip(len);
                return Some(entry);
            }
            // A record that looks unfinished is damaged if others stand behind it.
            Head::Unfinished | Head::Damaged => resume(&self.unread)?,
        };
        self.skip(len);
        self.take_unread()
    }

    fn skip(&mut self, len: usize) {
        self.unread.drain(..len);
        self.at += len as u64;
    }

    /// Reads more of the file; whether there was more.
    async fn read_on(&mut self) -> Result<bool, FileError> {
        let Some((_, file)) = &self.reading else { return Ok(false) };
        let chunk = file.read_at(self.at + self.unread.len() as u64, CHUNK).await?;
        if chunk.is_empty() {
            // A writer that came back cuts off what its predecessor has torn, and writes there anew.
            if !self.unread.is_empty() {
                let again = file.read_at(self.at, self.unread.len() as u32).await?;
                let has_changed = again != self.unread;
                self.unread = again;
                return Ok(has_changed);
            }
            return Ok(false);
        }
        self.unread.extend_from_slice(&chunk);
        Ok(true)
    }

    /// Goes to the next file, when there is one; whether there was. What is left unread of this one is torn for ever.
    async fn turn_over(&mut self) -> Result<bool, FileError> {
        let files = files(&self.fs).await?;
        let next = match &self.reading {
            // Where nothing was read yet: the file that the first record wanted stands in, or the oldest that is left.
            None => files.iter().rev().find(|first| **first <= self.next).or(files.first()),
            Some((reading, _)) => files.iter().find(|first| *first > reading),
        };
        let Some(first) = next else { return Ok(false) };
        // Since there is a next one, nothing more comes into this one; what came before that must still be read.
        if self.read_on().await? {
            return Ok(true);
        }
        match self.fs.open_read(&name_of(*first)).await {
            Ok(file) => self.reading = Some((*first, file)),
            Err(error) if error.errno == Errno::ENOENT => return Ok(true),
            Err(error) => return Err(error),
        }
        self.unread.clear();
        self.at = 0;
        Ok(true)
    }
}

/// When the last record of an ended file was written, as far as its end tells; long ago where it does not.
pub(super) async fn last_time(fs: &Fs, name: &str, len: u64) -> Result<Duration, FileError> {
    let file = fs.open_read(name).await?;
    let end = file.read_at(len.saturating_sub(u64::from(CHUNK)), CHUNK).await?;
    let last = |bytes: &[u8]| scan(bytes).entries.last().map(|entry| entry.time);
    if let Some(time) = last(&end) {
        return Ok(time);
    }
    // One long line may fill more than its end.
    Ok(last(&file.read_all().await?).unwrap_or_default())
}

/// Who follows looks again after this: files have no wake-up that works everywhere.
pub const POLL: Duration = Duration::from_millis(50);
/// So much is read at once.
const CHUNK: u32 = 1 << 16;
