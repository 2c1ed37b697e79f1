//! What stands between a session and its journal: a queue with a declared policy, and the task that empties it. A journal that is slow or
//! fails never stops a pump or a machine (containerd#12462): lines are dropped, and counted, before anybody is made to wait.

use super::{Entry, Filter, Journal, Keep, What, read, unseen_ends};
use crate::files::{FileError, folder_of};
use crate::sync::notify::Notify;
use crate::task::TaskCx;
use crate::time::{Duration, Instant};
use crate::vocab::Errno;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::pin::pin;

/// What becomes of a line of output for which the queue of a sink has no room. Events always find room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WhenFull {
    /// Output is not read until there is room, so that whoever writes it waits on a full pipe. Never while the sink fails, and never for
    /// longer than the drain of a stop.
    Block,
    /// The oldest line goes.
    DropOldest,
    /// It is kept in memory beside the queue, up to [`SPILL_MAX`] bytes; beyond that the oldest line goes.
    Spill,
}

impl WhenFull {
    /// All of them, with their words in scenario files.
    pub const ALL: [(&'static str, WhenFull); 3] =
        [("block", WhenFull::Block), ("drop-oldest", WhenFull::DropOldest), ("spill", WhenFull::Spill)];
}

/// Where a session writes what it tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SinkSpec {
    /// The folder of the journal, made where it is not there.
    pub folder: Arc<str>,
    /// What becomes of lines for which there is no room.
    pub when_full: WhenFull,
    /// So many records may wait.
    pub room: usize,
    /// How much of the journal is kept.
    pub keep: Keep,
}

impl SinkSpec {
    /// A journal in this folder with the defaults: 4096 records may wait, and the oldest line goes.
    pub fn new(folder: &str) -> SinkSpec {
        SinkSpec { folder: folder.into(), when_full: WhenFull::DropOldest, room: 4096, keep: Keep::default() }
    }
}

/// What a sink has done so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SinkCounts {
    /// Records that were written.
    pub written: u64,
    /// Lines that were dropped because there was no room, or at the end because the sink failed for too long.
    pub dropped_lines: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
    /// Events that were dropped: only at the end, or where more than [`EVENTS_MAX`] wait.
    pub dropped_events: u64,
    /// Lines that were kept beside the queue.
    pub spilled: u64,
    /// Ends that nobody had seen, of an earlier session of this name whose supervisor was killed: told when the journal was opened.
    pub recovered: u64,
    /// Attempts that failed, and were made again.
    pub failures: u64,
    /// What the last one failed of.
    pub last_error: Option<FileError>,
}

/// A session's hand on its sink. Cheap to clone.
#[derive(Clone)]
pub struct Sink(Rc<Shared>);

struct Shared {
    spec: SinkSpec,
    session: Arc<str>,
    waiting: RefCell<VecDeque<Entry>>,
    /// Of those that wait.
    lines: Cell<usize>,
    line_bytes: Cell<usize>,
    /// Those that the writer has in its hands: they are written, or counted at the end.
    in_flight: Cell<usize>,
    counts: RefCell<SinkCounts>,
    is_failing: Cell<bool>,
    closed: Cell<Option<Instant>>,
    /// Workers that an earlier session has left running, and this one has taken over: they have not ended.
    living: RefCell<Vec<Arc<str>>>,
    bell: Notify,
}

impl Sink {
    pub(crate) fn new(spec: SinkSpec, session: Arc<str>) -> Sink {
        Sink(Rc::new(Shared {
            spec,
            session,
            waiting: RefCell::default(),
            lines: Cell::new(0),
            line_bytes: Cell::new(0),
            in_flight: Cell::new(0),
            counts: RefCell::default(),
            is_failing: Cell::new(false),
            closed: Cell::new(None),
            living: RefCell::default(),
            bell: Notify::new(),
        }))
    }

    /// Says that this worker goes on under another supervisor. To be said before the first record is taken.
    pub(crate) fn goes_on(&self, worker: Arc<str>) {
        self.0.living.borrow_mut().push(worker);
    }

    /// What it has done so far.
    pub fn counts(&self) -> SinkCounts {
        self.0.counts.borrow().clone()
    }

    /// Whether output is not to be read just now.
    pub(crate) fn holds_back(&self) -> bool {
        self.0.spec.when_full == WhenFull::Block && !self.0.is_failing.get() && self.len() >= self.0.spec.room
    }

    /// Takes a record. Never waits.
    pub(crate) fn take(&self, entry: Entry) {
        if let What::Line { bytes, .. } = &entry.what {
            self.0.lines.set(self.0.lines.get() + 1);
            self.0.line_bytes.set(self.0.line_bytes.get() + bytes.len());
        }
        self.0.waiting.borrow_mut().push_back(entry);
        self.make_room();
        self.0.bell.notify_one();
    }

    /// Nothing more comes; what waits is still written, for [`FLUSH_MAX`] at most.
    pub(crate) fn close(&self, now: Instant) {
        self.0.closed.set(Some(now));
        self.0.bell.notify_one();
    }

    /// Records that are not written.
    fn len(&self) -> usize {
        self.0.waiting.borrow().len() + self.0.in_flight.get()
    }

    fn make_room(&self) {
        let Shared { spec, waiting, lines, counts, .. } = &*self.0;
        loop {
            let len = self.len();
            if len <= spec.room {
                return;
            }
            match spec.when_full {
                // What was already read when the queue was full.
                WhenFull::Block if !self.0.is_failing.get() => return,
                WhenFull::Spill if self.0.line_bytes.get() <= SPILL_MAX => {
                    counts.borrow_mut().spilled += 1;
                    return;
                }
                WhenFull::Block | WhenFull::DropOldest | WhenFull::Spill => {}
            }
            if lines.get() > 0 {
                let oldest = waiting.borrow().iter().position(|entry| matches!(entry.what, What::Line { .. }));
                let dropped = oldest.and_then(|at| waiting.borrow_mut().remove(at));
                dropped.iter().for_each(|entry| {
                    self.left(entry);
                    self.count_dropped(entry);
                });
            } else if len > EVENTS_MAX {
                let dropped = waiting.borrow_mut().pop_front();
                dropped.iter().for_each(|entry| {
                    self.left(entry);
                    self.count_dropped(entry);
                });
            } else {
                return;
            }
        }
    }

    fn count_dropped(&self, entry: &Entry) {
        let mut counts = self.0.counts.borrow_mut();
        match &entry.what {
            What::Line { bytes, .. } => {
                counts.dropped_lines += 1;
                counts.dropped_bytes += bytes.len() as u64;
            }
            What::Event { .. } => counts.dropped_events += 1,
        }
    }

    /// It waits no longer.
    fn left(&self, entry: &Entry) {
        if let What::Line { bytes, .. } = &entry.what {
            self.0.lines.set(self.0.lines.get() - 1);
            self.0.line_bytes.set(self.0.line_bytes.get() - bytes.len());
        }
    }

    /// Writes what comes until the sink is closed and empty, or fails for too long after it was closed.
    pub(crate) async fn write(self, cx: TaskCx) {
        let mut journal = None;
        let mut batch = Vec::new();
        let mut pause = RETRY_FIRST;
        loop {
            if batch.is_empty() && !self.next_batch(&mut batch).await {
                return;
            }
            let result = {
                let mut attempt = pin!(self.attempt(&cx, &mut journal, &mut batch));
                loop {
                    // An attempt is never made twice at once: what seems stuck may still be written.
                    match cx.bound(ATTEMPT_MAX, attempt.as_mut()).await {
                        Ok(result) => break result,
                        Err(_) if self.is_given_up(&cx) => break Err(self.too_slow()),
                        Err(_) => self.failed(self.too_slow()),
                    }
                }
            };
            match result {
                Ok(()) => pause = RETRY_FIRST,
                Err(error) => {
                    self.failed(error);
                    if self.is_given_up(&cx) {
                        return self.give_up(&batch);
                    }
                    cx.sleep(pause).await;
                    pause = (pause * 2).min(RETRY_LAST);
                }
            }
        }
    }

    /// The records that are to be written next; false where none will come.
    async fn next_batch(&self, batch: &mut Vec<Entry>) -> bool {
        while self.0.waiting.borrow().is_empty() {
            if self.0.closed.get().is_some() {
                return false;
            }
            self.0.bell.notified().await;
        }
        let mut waiting = self.0.waiting.borrow_mut();
        let len = waiting.len().min(BATCH_MAX);
        batch.extend(waiting.drain(..len));
        batch.iter().for_each(|entry| self.left(entry));
        self.0.in_flight.set(batch.len());
        true
    }

    /// Writes a batch, and empties it; syncs where nothing else waits.
    async fn attempt(
        &self,
        cx: &TaskCx,
        journal: &mut Option<Journal>,
        batch: &mut Vec<Entry>,
    ) -> Result<(), FileError> {
        let journal = match journal {
            Some(journal) => journal,
            None => journal.insert(self.open(cx).await?),
        };
        journal.append(batch).await?;
        self.0.is_failing.set(false);
        self.0.in_flight.set(0);
        self.0.counts.borrow_mut().written += batch.len() as u64;
        batch.clear();
        if self.0.waiting.borrow().is_empty()
            && let Err(error) = journal.sync().await
        {
            // The records stand there; only a crash of the machine could show that they are not safe.
            let mut counts = self.0.counts.borrow_mut();
            counts.failures += 1;
            counts.last_error = Some(error);
        }
        Ok(())
    }

    /// Opens the journal, and tells first what its last writer could not.
    async fn open(&self, cx: &TaskCx) -> Result<Journal, FileError> {
        let spec = &self.0.spec;
        let files = cx.files().unrestricted();
        match files.make_folder(&spec.folder).await {
            // Its name is one of the folder above, and no more durable than that.
            Ok(()) => files.sync_folder(folder_of(&spec.folder)).await?,
            Err(error) if error.errno == Errno::EEXIST => {}
            Err(error) => return Err(error),
        }
        let fs = cx.files().rooted(&spec.folder);
        let (mut journal, _) = Journal::open(fs.clone(), spec.keep).await?;
        let before = read(&fs, 0, &Filter::all().session(&self.0.session)).await?;
        let mut unseen = unseen_ends(&before.entries, cx.wall());
        unseen.retain(|end| !self.0.living.borrow().iter().any(|living| end.worker.as_ref() == Some(living)));
        journal.append(&mut unseen).await?;
        self.0.counts.borrow_mut().recovered += unseen.len() as u64;
        Ok(journal)
    }

    fn is_given_up(&self, cx: &TaskCx) -> bool {
        self.0.closed.get().is_some_and(|closed| cx.now() >= closed.after(FLUSH_MAX))
    }

    fn give_up(&self, batch: &[Entry]) {
        let waiting = core::mem::take(&mut *self.0.waiting.borrow_mut());
        waiting.iter().for_each(|entry| self.left(entry));
        batch.iter().chain(&waiting).for_each(|entry| self.count_dropped(entry));
    }

    fn failed(&self, error: FileError) {
        self.0.is_failing.set(true);
        let mut counts = self.0.counts.borrow_mut();
        counts.failures += 1;
        counts.last_error = Some(error);
        drop(counts);
        self.make_room();
    }

    fn too_slow(&self) -> FileError {
        FileError { what: "append", path: self.0.spec.folder.clone(), errno: Errno::ETIMEDOUT, is_outside: false }
    }
}

/// Lines that are kept beside the queue have so many bytes together at most.
pub const SPILL_MAX: usize = 64 << 20;
/// So many events wait at most, whatever room there is said to be.
pub const EVENTS_MAX: usize = 1 << 16;
/// After its session has ended, a sink that fails is given up after this.
pub const FLUSH_MAX: Duration = Duration::from_secs(1);
/// An attempt to write that takes longer counts as one that failed, until it is over.
pub const ATTEMPT_MAX: Duration = Duration::from_secs(5);
/// The pauses between attempts that failed: from this, doubled, to that.
const RETRY_FIRST: Duration = Duration::from_millis(10);
const RETRY_LAST: Duration = Duration::from_secs(1);
/// So many records are written at once.
const BATCH_MAX: usize = 256;
