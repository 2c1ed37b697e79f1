//! kill(2) by number, and pidfd_send_signal(2) by identity.
//! A number may have come to mean a stranger; a pidfd never does, not even with its group flag after the leader was reaped.

use super::list::{Chain, List};
use super::process::Life;
use super::{HOST, INIT, Kernel};
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, Scope, Sender, Target};

impl Kernel {
    /// Signals a unit's leader, or everybody in its scope, by identity. A zombie is signalled without effect.
    ///
    /// # Errors
    /// ESRCH where the leader has been reaped or nobody is left in the scope, or the unit was never spawned; EPERM where all that
    /// are left are of another user. A walk through a session or a tree passes over those.
    pub fn signal_now(&mut self, unit: UnitId, to: Target, signal: Signal) -> Result<(), Errno> {
        let of = self.units.get(unit).ok_or(Errno::ESRCH)?;
        let (leader, scope, cgroup) = (of.leader.ok_or(Errno::ESRCH)?, of.scope, of.cgroup);
        let number = self.pids.get(of.pid).filter(|number| number.generation == of.generation);
        let (list, chain) = match (to, scope) {
            (Target::Leader, _) | (Target::Scope, Scope::Process) => return self.signal_pidfd(unit, leader, signal),
            (Target::Scope, Scope::Group) => (number.map(|number| number.group), Chain::Group),
            (Target::Scope, Scope::PosixSession) => {
                let session = number.map_or(List::default(), |number| number.session);
                self.begin_walk(unit, signal);
                return if session.len > 0 { Ok(()) } else { Err(Errno::ESRCH) };
            }
            // A descendant's zombie is not walked to, but the leader's own answers.
            (Target::Scope, Scope::Tree | Scope::Cgroup | Scope::Job) if self.scope_is_empty(unit) => {
                return self.signal_pidfd(unit, leader, signal);
            }
            (Target::Scope, Scope::Cgroup) if signal == Signal::KILL => return self.kill_cgroup(cgroup),
            (Target::Scope, Scope::Cgroup) => return self.signal_cgroup(cgroup, signal, Sender::Host(Some(unit))),
            (Target::Scope, Scope::Tree) if signal == Signal::KILL => {
                self.begin_kill_walk(unit, number.map_or(List::default(), |number| number.group));
                return Ok(());
            }
            (Target::Scope, Scope::Tree) => {
                self.begin_walk(unit, signal);
                return Ok(());
            }
            // A job is ended as a whole, whoever is born meanwhile included (TerminateJobObject); to ask, there is only its leader.
            (Target::Scope, Scope::Job) if signal == Signal::KILL => (Some(of.living), Chain::Unit),
            (Target::Scope, Scope::Job) => return self.signal_pidfd(unit, leader, signal),
        };
        self.signal_list(list.unwrap_or_default(), chain, signal, Sender::Host(Some(unit)))
    }

    /// kill(2) from the host: a pid, 0 for the host's own group, −1 for all but init and the host, −pgid for a group.
    ///
    /// # Errors
    /// ESRCH where the number means nobody, EPERM where it means only processes of other users.
    pub fn kill(&mut self, pid: i32, signal: Signal) -> Result<(), Errno> {
        let by = Sender::Host(None);
        match pid {
            -1 => self.signal_all(signal, by),
            0 => self.signal_group(self.entry(HOST).pgid, signal, by),
            1.. => {
                let task = self.pids.get(pid).and_then(|number| number.task).ok_or(Errno::ESRCH)?;
                // A further thread's number means its process, too.
                self.send(self.process_of(task), signal, by)
            }
            _ => self.signal_group(pid.checked_neg().ok_or(Errno::ESRCH)?, signal, by),
        }
    }

    fn signal_pidfd(&mut self, unit: UnitId, leader: ProcId, signal: Signal) -> Result<(), Errno> {
        match self.entry(leader).life {
            Life::Reaped(_) => Err(Errno::ESRCH),
            Life::Alive | Life::Stopped | Life::Dying(_) | Life::Zombie(_) => {
                self.send(leader, signal, Sender::Host(Some(unit)))
            }
        }
    }

    fn signal_group(&mut self, pgid: i32, signal: Signal, by: Sender) -> Result<(), Errno> {
        let group = self.pids.get(pgid).map_or(List::default(), |number| number.group);
        self.signal_list(group, Chain::Group, signal, by)
    }

    pub(super) fn signal_list(&mut self, list: List, chain: Chain, signal: Signal, by: Sender) -> Result<(), Errno> {
        let mut answer = Err(Errno::ESRCH);
        self.each(list, chain, |kernel, member| {
            let sent = kernel.send(member, signal, by);
            // One who may be signalled is enough.
            answer = answer.or(sent);
        });
        answer
    }

    /// Does something to each of a list. Signals end nobody at once, so the list stays as it is meanwhile.
    pub(super) fn each(&mut self, list: List, chain: Chain, mut act: impl FnMut(&mut Kernel, ProcId)) {
        let mut next = list.head();
        while let Some(member) = next {
            next = self.entry(member).next(chain);
            act(self, member);
        }
    }

    pub(super) fn signal_all(&mut self, signal: Signal, by: Sender) -> Result<(), Errno> {
        let mut found = Err(Errno::ESRCH);
        for at in 0..self.born as u32 {
            let id = ProcId(at);
            let is_gone = matches!(self.entry(id).life, Life::Reaped(_)) || self.entry(id).is_thread(id);
            if id != INIT && id != HOST && !is_gone {
                // Whoever may not be signalled is passed over, and counts as found (kill_something_info() of Linux).
                let _ = self.send(id, signal, by);
                found = Ok(());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::{Check, U, exited, play, play_with, signalled};
    use super::*;
    use shakedown_core::vocab::{Deed, Truth};

    /// SEMANTICS C9.
    #[test]
    fn a_zombie_still_answers_kill() {
        let mut check = play("exit 4");
        check.settle();
        let pid = check.pid("w/main");
        assert_eq!(check.kernel.kill(pid, Signal::KILL), Ok(()));
        assert_eq!(check.kernel.kill(-pid, Signal::KILL), Ok(()), "a group of zombies answers too");
        assert_eq!(check.kernel.signal_unit(U, Target::Leader, Signal::TERM), Ok(()));
        assert_eq!(check.settle().status("w/main"), exited(4));
        check.kernel.reap(U);
        assert_eq!(check.kernel.kill(pid, Signal::KILL), Err(Errno::ESRCH));
        assert_eq!(check.kernel.kill(-pid, Signal::KILL), Err(Errno::ESRCH));
        assert_eq!(check.kernel.signal_unit(U, Target::Scope, Signal::TERM), Err(Errno::ESRCH));
    }

    fn scoped(scope: Scope, script: &str) -> Check {
        let mut check = play_with(KernelConfig::default(), scope, script);
        check.settle();
        check.kernel.signal_unit(U, Target::Scope, Signal::KILL).expect("the scope has members");
        check.settle();
        check
    }

    /// SEMANTICS C12, C13: whom a KILL of the scope leaves alive.
    #[test]
    fn a_scope_reaches_as_far_as_the_kernel_lets_it() {
        use Scope::{Group, PosixSession, Process, Tree};
        let family = "spawn a { hang }; spawn b { setpgid; hang }; spawn c { setsid; hang }; hang";
        for (scope, left) in [(Process, "abc"), (Group, "bc"), (PosixSession, "c"), (Tree, "")] {
            let check = scoped(scope, family);
            let alive = |name: &&str| check.alive(&format!("w/{name}"));
            let names: String = ["a", "b", "c"].iter().copied().filter(alive).collect();
            assert_eq!(names, left, "{scope:?}");
            assert!(!check.alive("w/main"));
            assert!(check.kernel.scope_is_empty(U), "{scope:?}");
        }
    }

    /// SEMANTICS C28.
    #[test]
    fn the_group_flag_works_after_the_leader_is_reaped() {
        let mut check = play("spawn helper { hang }; exit 0");
        check.settle().kernel.reap(U);
        assert_eq!(check.kernel.signal_unit(U, Target::Leader, Signal::KILL), Err(Errno::ESRCH));
        assert_eq!(check.kernel.signal_unit(U, Target::Scope, Signal::KILL), Ok(()));
        assert_eq!(check.settle().status("w/helper"), signalled(Signal::KILL));
        check.kernel.reap_adopted();
        assert_eq!(check.kernel.signal_unit(U, Target::Scope, Signal::KILL), Err(Errno::ESRCH));
    }

    /// SEMANTICS C12, C21.
    #[test]
    fn minus_one_reaches_all_but_init_and_the_host() {
        let mut check = play("spawn helper { setsid; hang }; hang");
        assert_eq!(check.settle().kernel.kill(-1, Signal::TERM), Ok(()));
        check.settle();
        assert!(!check.alive("w/main") && !check.alive("w/helper"));
        let host = check.kernel.host();
        assert_eq!(check.count(|deed| matches!(deed, Deed::Signalled { to, .. } if *to == host || *to == INIT)), 0);
        for (pid, answer) in
            [(0, Ok(())), (9999, Err(Errno::ESRCH)), (-9999, Err(Errno::ESRCH)), (i32::MIN, Err(Errno::ESRCH))]
        {
            assert_eq!(check.kernel.kill(pid, Signal::TERM), answer, "{pid}");
        }
        assert_eq!(check.count(|deed| matches!(deed, Deed::Signalled { to, .. } if *to == host)), 1, "kill(0)");
        assert!(check.kernel.process(host).alive);
    }
}
