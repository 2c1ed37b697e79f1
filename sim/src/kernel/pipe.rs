//! One pipe: bytes in pages, and how many hold each end (pipe(7)).
//! Pages matter: 16 writes of 4 095 bytes fill a pipe of 65 536, and a write of one page or less is never torn.

use shakedown_core::digest::Digest;
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::puppet::Fd;
use std::collections::VecDeque;
use std::num::NonZeroU32;

/// A page, and also PIPE_BUF: writes up to it are atomic.
pub(super) const PAGE: usize = 4096;

/// A pipe of this kernel, by its number from 1: so an end that may be closed takes four bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PipeId(NonZeroU32);

impl PipeId {
    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A pipe between the host and the processes of a unit.
pub(super) struct Pipe {
    /// Whose it is, and which of the standard descriptors.
    pub(super) unit: UnitId,
    pub(super) fd: Fd,
    pub(super) readers: u32,
    pub(super) writers: u32,
    pages_max: u32,
    /// Made when first used: most pipes never carry a byte and keep nobody waiting.
    buffer: Option<Box<Buffer>>,
}

/// What a pipe carries, and who waits for it to change.
#[derive(Default)]
struct Buffer {
    /// Bytes ever written to it.
    carried: u64,
    /// Threads blocked on it; some may have gone on since.
    waiters: Vec<ProcId>,
    bytes: VecDeque<u8>,
    pages: VecDeque<Page>,
}

/// A page in use.
struct Page {
    /// Where its bytes end within the page.
    end: usize,
    /// How many of them are unread.
    len: usize,
}

/// The bytes of a write.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// These.
    Bytes(&'a [u8]),
    /// So many of the pattern of `write N`, from this place in it.
    Pattern { from: u64, len: usize },
}

impl Source<'_> {
    pub(super) fn len(self) -> usize {
        match self {
            Source::Bytes(bytes) => bytes.len(),
            Source::Pattern { len, .. } => len,
        }
    }

    fn append_first(self, n: usize, to: &mut VecDeque<u8>) {
        match self {
            Source::Bytes(bytes) => to.extend(&bytes[..n]),
            Source::Pattern { from, .. } => {
                let phase = (from % LINE as u64) as usize;
                let mut left = n;
                while left > 0 {
                    let chunk = left.min(PAGE);
                    to.extend(&PATTERN[phase..phase + chunk]);
                    // A page is a whole number of lines, so that the phase stays.
                    left -= chunk;
                }
            }
        }
    }
}

impl Pipe {
    /// Lets a thread wait for it.
    pub(super) fn wait(&mut self, thread: ProcId) {
        self.buffer.get_or_insert_default().waiters.push(thread);
    }

    /// Who waits for it, in order: nobody from now on.
    pub(super) fn take_waiters(&mut self) -> Vec<ProcId> {
        self.buffer.as_mut().map_or_else(Vec::new, |buffer| std::mem::take(&mut buffer.waiters))
    }

    /// Writes what fits and says how much that was: all or nothing up to a page, whole pages beyond.
    pub(super) fn write(&mut self, source: Source<'_>) -> usize {
        self.buffer.get_or_insert_default().write(source, self.pages_max as usize)
    }

    /// Moves at most `max` bytes to `into` and says how many.
    pub(super) fn read(&mut self, into: &mut Vec<u8>, max: usize) -> usize {
        self.buffer.as_mut().map_or(0, |buffer| buffer.read(into, max))
    }

    /// Throws away bytes up to and including the next newline, or all; whether there was a newline.
    pub(super) fn skip_line(&mut self) -> bool {
        self.buffer.as_mut().is_some_and(|buffer| buffer.skip_line())
    }

    /// Throws away all bytes.
    pub(super) fn skip_all(&mut self) {
        if let Some(buffer) = &mut self.buffer {
            buffer.skip(buffer.bytes.len());
        }
    }

    /// How many bytes were ever written to it.
    pub(super) fn carried(&self) -> u64 {
        self.buffer.as_ref().map_or(0, |buffer| buffer.carried)
    }

    /// Where the unread bytes begin among all that were ever written, and these bytes.
    pub(super) fn unread(&self) -> (u64, [&[u8]; 2]) {
        let Some(buffer) = &self.buffer else { return (0, [&[], &[]]) };
        let (front, back) = buffer.bytes.as_slices();
        (buffer.carried - (front.len() + back.len()) as u64, [front, back])
    }

    /// Puts in what it carries, and how it lies in pages.
    pub(super) fn digest(&self, into: &mut Digest) {
        let Pipe { unit: _, fd: _, readers, writers, pages_max, buffer } = self;
        into.number(u64::from(*readers)).number(u64::from(*writers)).number(u64::from(*pages_max));
        if let Some(buffer) = buffer {
            let (front, back) = buffer.bytes.as_slices();
            if back.is_empty() {
                into.bytes(front)
            } else {
                into.bytes(&[front, back].concat())
            };
            for page in &buffer.pages {
                into.number(page.end as u64).number(page.len as u64);
            }
        }
    }

    /// No page is free. A short write may still join the last one.
    pub(super) fn is_full(&self) -> bool {
        self.buffer.as_ref().is_some_and(|buffer| buffer.is_full(self.pages_max as usize))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.as_ref().is_none_or(|buffer| buffer.bytes.is_empty())
    }
}

impl Buffer {
    /// Writes what fits and says how much that was: all or nothing up to a page, whole pages beyond.
    fn write(&mut self, source: Source<'_>, pages_max: usize) -> usize {
        let taken = self.reserve(source.len(), pages_max);
        source.append_first(taken, &mut self.bytes);
        self.carried += taken as u64;
        taken
    }

    /// As the kernel's `pipe_write`: the odd part joins the last page where it fits, the rest takes pages of its own.
    fn reserve(&mut self, len: usize, pages_max: usize) -> usize {
        let odd = len % PAGE;
        let mut taken = 0;
        if odd > 0
            && let Some(last) = self.pages.back_mut()
            && last.end + odd <= PAGE
        {
            last.end += odd;
            last.len += odd;
            taken = odd;
        }
        while taken < len && !self.is_full(pages_max) {
            let chunk = (len - taken).min(PAGE);
            self.pages.push_back(Page { end: chunk, len: chunk });
            taken += chunk;
        }
        taken
    }

    /// Moves at most `max` bytes to `into` and says how many.
    fn read(&mut self, into: &mut Vec<u8>, max: usize) -> usize {
        let n = max.min(self.bytes.len());
        let (front, back) = self.bytes.as_slices();
        let first = n.min(front.len());
        into.extend_from_slice(&front[..first]);
        into.extend_from_slice(&back[..n - first]);
        self.skip(n);
        n
    }

    /// Throws away bytes up to and including the next newline, or all; whether there was a newline.
    fn skip_line(&mut self) -> bool {
        let newline = self.bytes.iter().position(|&byte| byte == b'\n');
        self.skip(newline.map_or(self.bytes.len(), |at| at + 1));
        newline.is_some()
    }

    fn skip(&mut self, n: usize) {
        self.bytes.drain(..n);
        let mut left = n;
        while left > 0
            && let Some(page) = self.pages.front_mut()
        {
            let taken = left.min(page.len);
            page.len -= taken;
            left -= taken;
            if page.len == 0 {
                self.pages.pop_front();
            }
        }
    }

    /// No page is free. A short write may still join the last one.
    fn is_full(&self, pages_max: usize) -> bool {
        self.pages.len() >= pages_max
    }
}

/// The pipes of a kernel. Records are kept for reuse, buffers included.
#[derive(Default)]
pub(super) struct PipeTable {
    pipes: Vec<Pipe>,
    used: usize,
    free: Vec<PipeId>,
}

impl PipeTable {
    pub(super) fn reset(&mut self) {
        self.used = 0;
        self.free.clear();
    }

    /// Makes room for so many.
    pub(super) fn expect(&mut self, pipes: usize) {
        self.pipes.reserve_exact(pipes.saturating_sub(self.pipes.len()));
    }

    /// pipe(2): one reader, one writer.
    pub(super) fn create(&mut self, unit: UnitId, fd: Fd, capacity: usize) -> PipeId {
        let pages_max = u32::try_from(capacity / PAGE).unwrap_or(u32::MAX).max(1);
        let id = self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            PipeId(NonZeroU32::new(self.used as u32).expect("four thousand million pipes do not fit into memory"))
        });
        if let Some(pipe) = self.pipes.get_mut(id.index()) {
            if let Some(buffer) = &mut pipe.buffer {
                buffer.carried = 0;
                buffer.waiters.clear();
                buffer.bytes.clear();
                buffer.pages.clear();
            }
            (pipe.unit, pipe.fd, pipe.readers, pipe.writers, pipe.pages_max) = (unit, fd, 1, 1, pages_max);
        } else {
            self.pipes.push(Pipe { unit, fd, readers: 1, writers: 1, pages_max, buffer: None });
        }
        id
    }

    pub(super) fn at(&mut self, id: PipeId) -> &mut Pipe {
        &mut self.pipes[id.index()]
    }

    /// Every pipe that somebody holds.
    pub(super) fn every(&self) -> impl Iterator<Item = &Pipe> {
        self.pipes[..self.used].iter().filter(|pipe| pipe.readers > 0 || pipe.writers > 0)
    }

    pub(super) fn get(&self, id: PipeId) -> &Pipe {
        &self.pipes[id.index()]
    }

    /// To be called when nobody holds either end any more.
    pub(super) fn release(&mut self, id: PipeId) {
        self.free.push(id);
    }
}

/// The length of a line of the pattern, newline included.
const LINE: usize = 64;

/// A page of the pattern of `write N`, and a line more so that it can be entered anywhere in a line.
static PATTERN: [u8; PAGE + LINE] = {
    let mut pattern = [b'x'; PAGE + LINE];
    let mut at = LINE - 1;
    while at < pattern.len() {
        pattern[at] = b'\n';
        at += LINE;
    }
    pattern
};

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::puppet::write_pattern;

    const FIRST: PipeId = PipeId(NonZeroU32::MIN);

    fn pipe() -> PipeTable {
        let mut table = PipeTable::default();
        table.create(UnitId(0), Fd::Stdout, 65_536);
        table
    }

    /// SEMANTICS C25: what fits when writes of this size are repeated, as probed on Linux 6.18.
    #[test]
    fn a_pipe_fills_by_pages() {
        let probed = [
            (1, 65_536),
            (2049, 32_784),
            (4095, 65_520),
            (4096, 65_536),
            (4097, 45_066),
            (5000, 54_096),
            (65_537, 65_536),
        ];
        for (size, fits) in probed {
            let mut table = pipe();
            let pipe = table.at(FIRST);
            let mut total = 0;
            loop {
                let n = pipe.write(Source::Bytes(&vec![b'x'; size]));
                total += n;
                if n < size {
                    break;
                }
            }
            assert_eq!(total, fits, "by {size}");
        }
    }

    /// SEMANTICS C25: PIPE_BUF.
    #[test]
    fn a_write_of_a_page_or_less_is_never_torn() {
        for size in [1, 100, 4095, 4096] {
            let mut table = pipe();
            let pipe = table.at(FIRST);
            while pipe.write(Source::Bytes(&vec![b'x'; 3000])) == 3000 {}
            let n = pipe.write(Source::Bytes(&vec![b'x'; size]));
            assert!(n == 0 || n == size, "{n} of {size}");
        }
    }

    #[test]
    fn a_page_is_free_only_when_all_of_it_was_read() {
        let mut table = pipe();
        let pipe = table.at(FIRST);
        pipe.write(Source::Bytes(&[b'x'; 65_536]));
        let mut into = Vec::new();
        assert_eq!((pipe.read(&mut into, 4095), pipe.is_full()), (4095, true));
        assert_eq!((pipe.read(&mut into, 1), pipe.is_full()), (1, false));
    }

    #[test]
    fn the_pattern_goes_on_where_a_write_was_cut() {
        let mut table = pipe();
        let pipe = table.at(FIRST);
        let (mut into, mut from) = (Vec::new(), 0);
        for len in [1, 63, 64, 100, 5000, 9999] {
            pipe.write(Source::Pattern { from, len });
            from += len as u64;
        }
        pipe.read(&mut into, usize::MAX);
        assert_eq!(into, write_pattern(from));
    }
}
