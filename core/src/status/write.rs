//! The task that keeps the status file as its session is: many changes are one write where the disk is slower than they are.

use super::render;
use crate::files::{File, FileError};
use crate::journal::FLUSH_MAX;
use crate::site::hash_name;
use crate::snapshot::Snapshot;
use crate::sync::notify::Notify;
use crate::task::TaskCx;
use crate::time::{Duration, Instant};
use alloc::rc::Rc;
use alloc::sync::Arc;
use core::cell::{Cell, RefCell};

/// What has become of a status file so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatusCounts {
    /// Times that it was replaced.
    pub written: u64,
    /// Times that this failed, and was tried again.
    pub failures: u64,
    /// What the last one failed of.
    pub last_error: Option<FileError>,
}

/// A session's hand on its status file. Cheap to clone.
#[derive(Clone)]
pub struct StatusFile(Rc<Shared>);

/// Who writes a status file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Whose {
    /// We do.
    Ours,
    /// What stands there may be an earlier supervisor's, and is still to be read.
    Unknown,
    /// Another supervisor, which lives.
    Anothers,
}

struct Shared {
    path: Arc<str>,
    /// Whether the session has changed since it was last asked what it looks like.
    has_changed: Cell<bool>,
    /// Whether the writer wants to know what it looks like.
    is_asked: Cell<bool>,
    answer: RefCell<Option<Snapshot>>,
    over: Cell<Option<Instant>>,
    whose: Cell<Whose>,
    /// What says that we are the one who writes it.
    claim: RefCell<Option<File>>,
    counts: RefCell<StatusCounts>,
    bell: Notify,
}

/// The host's hand.
pub(crate) type Status = StatusFile;

impl StatusFile {
    pub(crate) fn new(path: Arc<str>) -> StatusFile {
        StatusFile(Rc::new(Shared {
            path,
            has_changed: Cell::new(true),
            is_asked: Cell::new(false),
            answer: RefCell::default(),
            over: Cell::new(None),
            whose: Cell::new(Whose::Ours),
            claim: RefCell::default(),
            counts: RefCell::default(),
            bell: Notify::new(),
        }))
    }

    /// What has become of it so far.
    pub fn counts(&self) -> StatusCounts {
        self.0.counts.borrow().clone()
    }

    /// Says whose it is: from now on it is written, or not yet, or never.
    pub(crate) fn belongs_to(&self, whose: Whose) {
        self.0.whose.set(whose);
        self.0.bell.notify_one();
    }

    /// Keeps this open for as long as the file is kept.
    pub(crate) fn keep(&self, claim: File) {
        *self.0.claim.borrow_mut() = Some(claim);
    }

    /// What the session of this file is known by.
    pub(crate) fn mark(&self) -> u64 {
        hash_name(&self.0.path).max(1)
    }

    /// Something has changed; after the last fact nothing will.
    pub(crate) fn changed(&self, over: Option<Instant>) {
        self.0.has_changed.set(true);
        if over.is_some() {
            self.0.over.set(over);
        }
        self.0.bell.notify_one();
    }

    /// Whether the host is to say what the session looks like.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.is_asked.get()
    }

    /// What it looks like now.
    pub(crate) fn answer(&self, snapshot: Snapshot) {
        self.0.is_asked.set(false);
        *self.0.answer.borrow_mut() = Some(snapshot);
        self.0.bell.notify_one();
    }

    /// Writes it whenever it has changed, until the session is over and that is written, or fails for too long.
    pub(crate) async fn write(self, cx: TaskCx) {
        let fs = cx.files().unrestricted();
        let mut pause = RETRY_FIRST;
        loop {
            match self.0.whose.get() {
                Whose::Ours => {}
                Whose::Unknown => {
                    self.0.bell.notified().await;
                    continue;
                }
                Whose::Anothers => return,
            }
            if !self.0.has_changed.get() {
                if self.0.over.get().is_some() {
                    return;
                }
                self.0.bell.notified().await;
                continue;
            }
            let snapshot = self.ask().await;
            match fs.write_atomic(&self.0.path, render(&snapshot)).await {
                Ok(()) => {
                    self.0.counts.borrow_mut().written += 1;
                    pause = RETRY_FIRST;
                }
                Err(error) => {
                    self.failed(error);
                    if self.0.over.get().is_some_and(|over| cx.now() >= over.after(FLUSH_MAX)) {
                        return;
                    }
                    cx.sleep(pause).await;
                    pause = (pause * 2).min(RETRY_LAST);
                }
            }
        }
    }

    fn failed(&self, error: FileError) {
        self.0.has_changed.set(true);
        let mut counts = self.0.counts.borrow_mut();
        counts.failures += 1;
        counts.last_error = Some(error);
    }

    async fn ask(&self) -> Snapshot {
        self.0.has_changed.set(false);
        self.0.is_asked.set(true);
        loop {
            if let Some(snapshot) = self.0.answer.borrow_mut().take() {
                return snapshot;
            }
            self.0.bell.notified().await;
        }
    }
}

/// The pauses between attempts that failed: from this, doubled, to that.
const RETRY_FIRST: Duration = Duration::from_millis(10);
const RETRY_LAST: Duration = Duration::from_secs(1);
