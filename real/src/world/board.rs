//! What happened below a host and waits to be taken by it: answers, what was seen of processes, and findings. One thread's.

use crate::mailbox::Bell;
use shakedown_core::world::Ready;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// Of one world. Its machine writes on it, too.
#[derive(Default)]
pub struct Board {
    bell: Arc<Bell>,
    ready: RefCell<VecDeque<Ready>>,
    findings: RefCell<Vec<String>>,
}

impl Board {
    /// An empty one.
    pub fn new() -> Rc<Board> {
        Rc::default()
    }

    /// Rings whenever something is put here.
    pub fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// Something has become ready.
    pub fn push(&self, ready: Ready) {
        self.ready.borrow_mut().push_back(ready);
        self.bell.ring();
    }

    /// Something was noticed that should not have happened.
    pub fn find(&self, what: String) {
        self.findings.borrow_mut().push(what);
    }

    pub(super) fn take(&self) -> Option<Ready> {
        self.ready.borrow_mut().pop_front()
    }

    pub(super) fn retain(&self, keep: impl FnMut(&Ready) -> bool) {
        self.ready.borrow_mut().retain(keep);
    }

    pub(super) fn take_findings(&self) -> Vec<String> {
        self.findings.take()
    }
}
