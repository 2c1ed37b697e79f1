//! Process numbers: cyclic allocation, and who uses a number as a task, a group or a session (credentials(7)).
//! A number is free only when nobody uses it in any of the three ways; that is what pins it, and what reuse waits for.

use super::list::List;
use shakedown_core::ids::{ProcId, UnitId};

/// The kernel's `struct pid`: what one number means now.
#[derive(Clone, Copy, Default)]
pub(super) struct Number {
    /// The process or zombie with this pid.
    pub(super) task: Option<ProcId>,
    /// The members of the group with this id, zombies included, and how many of them are alive.
    pub(super) group: List,
    pub(super) group_living: u32,
    /// The same for the session.
    pub(super) session: List,
    pub(super) session_living: u32,
    /// The unit whose leader got this number.
    pub(super) unit: Option<UnitId>,
    /// How often the number has been given back: a pidfd names a number and this.
    pub(super) generation: u32,
}

impl Number {
    fn is_used(&self) -> bool {
        self.task.is_some() || self.group.len > 0 || self.session.len > 0
    }
}

/// All numbers.
#[derive(Default)]
pub(super) struct PidTable {
    /// By number; numbers beyond the end were never used.
    numbers: Vec<Number>,
    /// The number given out last.
    last: i32,
    /// `pid_max`: numbers are less than this.
    max: i32,
    /// The number that became free last.
    freed: Option<i32>,
    /// Whether it is always the next to be given out.
    reuses: bool,
    /// No number was free, and none has become free since: whoever asks again and again is not searched for each time.
    full: bool,
}

impl PidTable {
    /// Below this number none is given out again once the count has passed it (`RESERVED_PIDS`).
    const RESERVED: i32 = 300;

    /// Forgets everything. The first number given out is 1.
    pub(super) fn reset(&mut self, max: i32) {
        self.numbers.clear();
        self.last = 0;
        self.max = max;
        self.freed = None;
        self.reuses = false;
        self.full = false;
    }

    /// From now on a number that becomes free is the next to be given out: the circle is as small as it can be.
    pub(super) fn reuse_at_once(&mut self) {
        self.reuses = true;
    }

    /// The circle goes back to just before the number that became free last: whoever is born next gets it, if it is still free. So it
    /// happens when the circle comes round, as it does in a few seconds on a machine that starts many processes.
    pub(super) fn reuse_last_freed(&mut self) {
        if let Some(n) = self.freed.take() {
            self.last = n - 1;
        }
    }

    /// The next free number after the last one given out; `None` where all are in use (fork's EAGAIN).
    #[inline(always)]
    pub(super) fn allocate(&mut self) -> Option<i32> {
        if self.full {
            return None;
        }
        if self.reuses {
            self.reuse_last_freed();
        }
        let min = if self.last >= Self::RESERVED { Self::RESERVED } else { 1 };
        let free = |n: &i32| self.numbers.get(*n as usize).is_none_or(|number| !number.is_used());
        let found = (self.last + 1..self.max).chain(min..=self.last).find(free);
        self.full = found.is_none();
        let n = found?;
        if self.numbers.len() <= n as usize {
            self.numbers.resize(n as usize + 1, Number::default());
        }
        self.last = n;
        Some(n)
    }

    /// What `n` means, if it was ever given out.
    pub(super) fn get(&self, n: i32) -> Option<&Number> {
        self.numbers.get(usize::try_from(n).ok()?)
    }

    /// What `n`, which was given out, means.
    pub(super) fn at(&mut self, n: i32) -> &mut Number {
        &mut self.numbers[n as usize]
    }

    /// To be called when somebody has stopped using `n`: with its last user the number is free and means nobody.
    pub(super) fn release(&mut self, n: i32) {
        let number = self.at(n);
        if !number.is_used() {
            *number = Number { generation: number.generation + 1, ..Number::default() };
            self.freed = Some(n);
            self.full = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{U, play_with};
    use super::super::{KernelConfig, Spawn};
    use super::*;
    use shakedown_core::signal::Signal;
    use shakedown_core::site::Label;
    use shakedown_core::vocab::{Errno, Scope, SpawnFailure, Target};

    const TINY: KernelConfig = KernelConfig { pid_max: 8, pipe_capacity: 4096, ..KernelConfig::DEFAULT };

    /// SEMANTICS C11.
    #[test]
    fn numbers_are_given_out_in_a_circle_and_used_ones_are_skipped() {
        let mut pids = PidTable::default();
        pids.reset(8);
        for n in 1..8 {
            assert_eq!(pids.allocate(), Some(n));
            pids.at(n).task = Some(ProcId(0));
        }
        assert_eq!(pids.allocate(), None);
        for n in [5, 3] {
            pids.at(n).task = None;
            pids.release(n);
        }
        assert_eq!((pids.allocate(), pids.allocate()), (Some(3), Some(5)));
    }

    /// SEMANTICS C11: `RESERVED_PIDS` of Linux.
    #[test]
    fn after_the_first_round_low_numbers_stay_unused() {
        let mut pids = PidTable::default();
        pids.reset(400);
        (1..400).for_each(|n| assert_eq!(pids.allocate(), Some(n)));
        assert_eq!(pids.allocate(), Some(300));
    }

    /// SEMANTICS C9, C11.
    #[test]
    fn a_pid_is_not_reused_while_its_zombie_its_group_or_its_session_lives() {
        for (scope, script) in [
            (Scope::Group, "spawn helper { hang }"),
            // The helper leaves the group, and so only the session keeps the number.
            (Scope::PosixSession, "spawn helper { setpgid; hang }"),
        ] {
            let mut check = play_with(TINY, scope, script);
            check.settle();
            let pinned = check.pid("w/main");
            let reuse = |check: &mut super::super::check::Check, from: u32| {
                (from..from + 12).any(|n| {
                    let unit = UnitId(n);
                    let pid = check.spawn(unit, Scope::Group, "exit 0").expect("a number is free").as_raw();
                    check.settle().kernel.reap(unit);
                    pid == pinned
                })
            };
            assert!(!reuse(&mut check, 1), "the zombie holds its pid");
            check.kernel.reap(U);
            assert!(!reuse(&mut check, 20), "the helper holds the number of its leader");
            check.kill("w/helper", Signal::KILL).kernel.reap_adopted();
            assert!(reuse(&mut check, 40), "nobody holds it any more");
        }
    }

    /// SEMANTICS C28: a pidfd is immune to reuse where a number is not.
    #[test]
    fn a_pidfd_does_not_reach_who_got_the_number_later() {
        let mut check = play_with(TINY, Scope::Group, "exit 0");
        let number = check.pid("w/main");
        check.settle().kernel.reap(U);
        let stranger = (1..20).map(UnitId).find(|&unit| {
            let pid = check.spawn(unit, Scope::Group, "hang").expect("a number is free").as_raw();
            check.settle();
            if pid != number {
                check.kernel.kill(pid, Signal::KILL).expect("it lives");
                check.settle().kernel.reap(unit);
            }
            pid == number
        });
        assert!(stranger.is_some(), "eight numbers come round");
        for to in [Target::Leader, Target::Scope] {
            assert_eq!(check.kernel.signal_unit(U, to, Signal::KILL), Err(Errno::ESRCH));
        }
        assert_eq!(check.kernel.kill(number, Signal::KILL), Ok(()), "kill(2) by number hits the stranger");
        assert!(!check.settle().alive("v/main"));
    }

    /// SEMANTICS C2.
    #[test]
    fn a_full_pid_space_fails_fork_and_leaves_nothing_behind() {
        let mut check = play_with(TINY, Scope::Group, "repeat 9 { spawn helper { hang } }; print done; hang");
        check.settle();
        assert_eq!(check.stdout(), "done\n", "the script goes on without the children");
        let again = check.spawn(UnitId(1), Scope::Group, "hang");
        assert_eq!(again, Err(SpawnFailure { errno: Errno::EAGAIN, at_exec: false }));
        let name = "x".into();
        let spawn =
            Spawn { unit: UnitId(1), name: &name, script: Err(Errno::ENOENT), scope: Scope::Group, label: Label::ROOT };
        assert!(check.kernel.spawn(spawn).is_err());
        assert!(check.kernel.members(UnitId(1)).is_empty() && check.kernel.scope_is_empty(UnitId(1)));
    }
}
