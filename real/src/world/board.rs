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
    findings: RefCell<Findings>,
}

/// What was found, each once, with how often. What goes wrong again and again, as a look for which no descriptor is left, may do so for
/// as long as a session lives.
#[derive(Default)]
struct Findings {
    told: Vec<(String, u64)>,
    /// So many found no room.
    untold: u64,
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

    /// Something was noticed that should not have happened. It is kept once, with how often it was, beside so many others and no more.
    pub fn find(&self, what: String) {
        let Findings { told, untold } = &mut *self.findings.borrow_mut();
        match told.iter().position(|(known, _)| *known == what) {
            Some(at) => told[at].1 += 1,
            None if told.len() < FINDINGS_MAX => told.push((what, 1)),
            None => *untold += 1,
        }
    }

    pub(super) fn take(&self) -> Option<Ready> {
        self.ready.borrow_mut().pop_front()
    }

    pub(super) fn retain(&self, keep: impl FnMut(&Ready) -> bool) {
        self.ready.borrow_mut().retain(keep);
    }

    pub(super) fn take_findings(&self) -> Vec<String> {
        let Findings { told, untold } = self.findings.take();
        let times = |(what, times)| if times == 1 { what } else { format!("{what} ({times} times)") };
        let rest = (untold > 0).then(|| format!("and {untold} findings for which there was no room"));
        told.into_iter().map(times).chain(rest).collect()
    }
}

/// So many different findings are kept.
const FINDINGS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_again_and_again_is_kept_once() {
        let board = Board::new();
        assert_eq!(board.take_findings(), Vec::<String>::new());
        ["a", "b", "a", "a"].iter().for_each(|what| board.find((*what).into()));
        assert_eq!(board.take_findings(), ["a (3 times)", "b"]);
        (0..FINDINGS_MAX + 2).for_each(|n| board.find(n.to_string()));
        board.find("0".into());
        let findings = board.take_findings();
        assert_eq!(findings.len(), FINDINGS_MAX + 1);
        assert_eq!(
            (&*findings[0], &*findings[FINDINGS_MAX]),
            ("0 (2 times)", "and 2 findings for which there was no room")
        );
        assert_eq!(board.take_findings(), Vec::<String>::new(), "they are taken once");
    }
}
