//! What the host waits for, and the queue in which it learns what is ready (poll(2): level-triggered; each wait once).
//! First in first out: in which order ready things then happen is the chooser's business, not the kernel's.

use super::walk::walker;
use super::{HOST, Kernel};
use shakedown_core::choose::Choose;
use shakedown_core::ids::{OpId, ProcId, UnitId};
use shakedown_core::site::Label;
use shakedown_core::vocab::{Completion, Stream, Streams};
use std::collections::VecDeque;

/// What may be waited for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum What {
    /// The leader has ended.
    Exit,
    /// Nobody in the scope is alive.
    Empty,
    /// A read of one of these outputs would not block.
    Readable(Streams),
    /// A write to stdin would not block.
    Writable,
    /// One of its processes has said that the unit is ready.
    Notified,
}

impl What {
    /// Whether a wait for it is over once this has come true.
    fn comes_with(self, come: What) -> bool {
        match (self, come) {
            (What::Readable(awaited), What::Readable(come)) => come.iter().any(|stream| awaited.contains(stream)),
            (awaited, come) => awaited == come,
        }
    }
}

/// Something that became ready.
#[derive(Clone, PartialEq, Debug)]
pub enum KernelReady {
    /// A process can take a step, or the host's walk through a session or tree; announced once until it runs.
    Step {
        /// Which process, or a number that stands for the walk.
        proc: ProcId,
        /// Its label.
        label: Label,
        /// How many steps it has taken.
        nth: u32,
    },
    /// Whoever waits for an empty scope looks for its members, and may miss all that are left: ask [`Kernel::look_for_members`].
    Look {
        /// Of which unit.
        unit: UnitId,
    },
    /// A wait came true, and is over.
    Done {
        /// Which.
        op: OpId,
        /// Of which unit.
        unit: UnitId,
        /// The answer.
        completion: Completion,
        /// Whether it came true while it was waited for. What was so before is seen by whoever asks, and cannot be lost on the way.
        is_news: bool,
    },
}

/// What is ready. What is waited for stands with each unit.
#[derive(Default)]
pub(super) struct Polls {
    ready: VecDeque<Item>,
}

enum Item {
    Step(ProcId),
    Walk(UnitId),
    Look(UnitId),
    Done { op: OpId, unit: UnitId, what: What, is_news: bool },
}

impl Polls {
    pub(super) fn reset(&mut self) {
        self.ready.clear();
    }
}

impl Kernel {
    /// Waits for `what` of a unit: `op` is done once it is true, at once where it is true already.
    pub fn watch(&mut self, op: OpId, unit: UnitId, what: What) {
        let already = match what {
            What::Exit => self.exit_notice(unit).is_some(),
            What::Empty => self.scope_is_empty(unit),
            What::Readable(streams) => streams.iter().any(|stream| self.is_readable(unit, stream)),
            What::Writable => self.is_writable(unit),
            What::Notified => self.has_said_ready(unit),
        };
        if already {
            self.polls.ready.push_back(Item::Done { op, unit, what, is_news: false });
        } else {
            self.units.claim(unit).watches.push((op, what));
            if what == What::Empty {
                self.check_overlooked(unit);
            }
        }
    }

    /// Withdraws a wait for something of `unit`: it will not be done, unless that was handed out already.
    pub fn unwatch(&mut self, op: OpId, unit: UnitId) {
        let watches = &mut self.units.claim(unit).watches;
        if let Some(at) = watches.iter().position(|&(open, _)| open == op) {
            watches.remove(at);
            return;
        }
        // It has come true and was not handed out yet.
        self.polls.ready.retain(|item| !matches!(item, Item::Done { op: done, .. } if *done == op));
    }

    /// Whether the host waits to read an output.
    pub(super) fn is_watched(&self, unit: UnitId, stream: Stream) -> bool {
        let watches = self.units.get(unit).map_or(&[][..], |of| &of.watches);
        watches.iter().any(|(_, what)| matches!(what, What::Readable(streams) if streams.contains(stream)))
    }

    /// Whether anything is ready.
    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.polls.ready.is_empty()
    }

    /// The next thing that is ready, in the order in which things became so.
    #[inline(always)]
    pub fn next_ready(&mut self) -> Option<KernelReady> {
        self.walks.grow_old();
        let item = self.polls.ready.pop_front()?;
        if self.polls.ready.is_empty() {
            // The next ones stand at its beginning again, and do not wander through the room of ten thousand.
            self.polls.ready.clear();
        }
        match item {
            Item::Walk(unit) => {
                let (label, nth) = self.walk_site(unit);
                Some(KernelReady::Step { proc: walker(unit), label, nth })
            }
            Item::Look(unit) => Some(KernelReady::Look { unit }),
            Item::Step(proc) => {
                let process = self.entry(proc);
                Some(KernelReady::Step { proc, label: process.label, nth: process.steps })
            }
            Item::Done { op, unit, what, is_news } => {
                Some(KernelReady::Done { op, unit, completion: self.completion(unit, what), is_news })
            }
        }
    }

    /// Announces a thread that can take a step, once until it runs.
    #[inline(always)]
    pub(super) fn announce(&mut self, id: ProcId) {
        if !self.entry(id).announced && self.is_runnable(id) {
            self.entry_mut(id).announced = true;
            self.polls.ready.push_back(Item::Step(id));
        }
    }

    /// Whoever waited, walked and was told of steps is gone. Who can take one is announced anew, in the order of birth.
    pub(super) fn announce_anew(&mut self) {
        self.polls.ready.clear();
        for id in (HOST.0 + 1..self.born as u32).map(ProcId) {
            self.entry_mut(id).announced = false;
            self.announce(id);
        }
    }

    /// Announces that a walk can go on.
    pub(super) fn announce_walk(&mut self, unit: UnitId) {
        self.polls.ready.push_back(Item::Walk(unit));
    }

    /// A walk is over before its next step came.
    pub(super) fn withdraw_walk(&mut self, unit: UnitId) {
        self.polls.ready.retain(|item| !matches!(item, Item::Walk(walked) if *walked == unit));
    }

    /// `what` has become true of a unit: whoever waits for it is done.
    #[inline(always)]
    pub(super) fn fire(&mut self, unit: UnitId, what: What) {
        let watches = &mut self.units.at(unit).watches;
        let mut at = 0;
        while let Some(&(op, waited)) = watches.get(at) {
            if waited.comes_with(what) {
                watches.remove(at);
                self.polls.ready.push_back(Item::Done { op, unit, what: waited, is_news: true });
            } else {
                at += 1;
            }
        }
    }

    /// Fires where a unit's scope has become empty.
    pub(super) fn check_empty(&mut self, unit: UnitId) {
        let awaited = self.units.get(unit).is_some_and(|of| of.watches.iter().any(|&(_, what)| what == What::Empty));
        if !awaited {
            return;
        }
        if self.scope_is_empty(unit) {
            self.fire(unit, What::Empty);
        } else {
            self.check_overlooked(unit);
        }
    }

    /// Announces a look for members where it may miss all of them.
    fn check_overlooked(&mut self, unit: UnitId) {
        if self.may_seem_empty(unit) {
            self.polls.ready.push_back(Item::Look(unit));
        }
    }

    /// Looks for the members of a unit that somebody awaits the end of: where none is seen the wait is over.
    pub fn look_for_members(&mut self, unit: UnitId, choose: &mut impl Choose) {
        if self.seems_empty(unit, What::Empty, choose) {
            self.fire(unit, What::Empty);
        }
    }

    fn completion(&self, unit: UnitId, what: What) -> Completion {
        match what {
            What::Exit => Completion::Exited(self.exit_notice(unit).expect("a leader that has ended stays so")),
            What::Empty => Completion::Empty,
            What::Readable(streams) => Completion::Readable(streams.only(|stream| self.is_readable(unit, *stream))),
            What::Writable => Completion::Writable,
            What::Notified => Completion::Notified,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{U, play};
    use super::*;
    use shakedown_core::signal::Signal;

    const ALL: [What; 4] = [
        What::Exit,
        What::Empty,
        What::Readable(Streams::of(Stream::Stdout)),
        What::Readable(Streams::of(Stream::Stderr)),
    ];

    /// The ops that are done after this script has ended, in their order.
    #[test]
    fn a_wait_is_done_once_and_at_once_where_it_is_true_already() {
        for late in [false, true] {
            let mut check = play("sleep 1ms; print a; exit 0");
            check.settle();
            if late {
                check.pass(9);
            }
            for (op, what) in ALL.into_iter().enumerate() {
                check.kernel.watch(OpId(op as u64), U, what);
            }
            check.settle();
            assert_eq!(check.done.is_empty(), !late);
            check.pass(9);
            let mut ops: Vec<u64> = check.done.iter().map(|(op, _)| op.0).collect();
            ops.sort_unstable();
            assert_eq!(ops, [0, 1, 2, 3], "late: {late}");
        }
    }

    #[test]
    fn a_wait_that_is_withdrawn_is_never_done() {
        let mut check = play("exit 0");
        check.kernel.watch(OpId(1), U, What::Exit);
        check.kernel.unwatch(OpId(1), U);
        check.settle();
        check.kernel.watch(OpId(2), U, What::Exit);
        check.kernel.unwatch(OpId(2), U);
        check.settle();
        assert_eq!(check.done, []);
    }

    #[test]
    fn a_scope_becomes_empty_when_its_last_member_dies_or_leaves() {
        for script in ["spawn helper { sleep 5ms }; exit 0", "spawn helper { sleep 5ms; setsid; hang }; exit 0"] {
            let mut check = play(script);
            check.kernel.watch(OpId(1), U, What::Empty);
            check.pass(4);
            assert_eq!((check.done.len(), check.kernel.scope_is_empty(U)), (0, false), "{script}");
            check.pass(4);
            assert_eq!((check.done.len(), check.kernel.scope_is_empty(U)), (1, true), "{script}");
        }
    }

    #[test]
    fn a_blocked_process_is_announced_only_when_it_can_go_on() {
        let mut check = play("on USR1 ignore; hang");
        check.settle();
        let pid = check.pid("w/main");
        for (signal, announced) in
            [(Signal::USR1, false), (Signal::CHLD, false), (Signal::TERM, true), (Signal::KILL, false)]
        {
            check.kernel.kill(pid, signal).expect("it is there");
            assert_eq!(check.kernel.next_ready().is_some(), announced, "{signal}");
        }
    }
}
