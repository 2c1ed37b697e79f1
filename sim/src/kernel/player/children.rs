//! The verbs about children: `daemonize`, `wait`.

use super::{Kernel, Played};
use crate::kernel::process::{Progress, Wait};
use crate::kernel::wait::Waited;
use shakedown_core::ids::ProcId;
use shakedown_core::puppet::{BETWEEN, Block, Verb};
use shakedown_core::site::hash_name;
use std::sync::Arc;

impl Kernel {
    /// The double fork. The first child leads a session of its own, forks the daemon and exits; the caller reaps it.
    pub(super) fn daemonize(&mut self, id: ProcId, name: &Arc<str>, body: &Block) -> Played {
        if let Progress::Awaiting(child) = *self.progress(id) {
            return self.wait_one(id, child);
        }
        let spawn = Verb::Spawn { name: name.clone(), body: body.clone() };
        let between: Block = Arc::new([Verb::Setsid, spawn, Verb::Exit(0)]);
        match self.fork_puppet(id, BETWEEN, &between) {
            Some(child) => self.wait_one(id, child),
            None => Played::Done,
        }
    }

    pub(super) fn wait_named(&mut self, id: ProcId, name: &str) -> Played {
        let child = match *self.progress(id) {
            Progress::Awaiting(child) => Some(child),
            Progress::Fresh | Progress::Until(_) | Progress::Left(_) | Progress::Hanging => {
                self.child_called(self.process_of(id), hash_name(name))
            }
            Progress::Wrote(_) | Progress::Locking(_) => unreachable!("no such progress of a wait"),
        };
        child.map_or(Played::Done, |child| self.wait_one(id, child))
    }

    pub(super) fn wait_all(&mut self, id: ProcId) -> Played {
        match self.wait_for_any(self.process_of(id)) {
            Waited::Child => Played::Unfinished,
            Waited::Echild => Played::Done,
            Waited::NotYet => self.await_child(id, Progress::Fresh),
        }
    }

    fn wait_one(&mut self, id: ProcId, child: ProcId) -> Played {
        match self.wait_for(self.process_of(id), child) {
            Waited::Child | Waited::Echild => Played::Done,
            Waited::NotYet => self.await_child(id, Progress::Awaiting(child)),
        }
    }

    fn await_child(&mut self, id: ProcId, progress: Progress) -> Played {
        *self.progress(id) = progress;
        self.entry_mut(id).wait = Wait::Child;
        Played::Unfinished
    }
}
