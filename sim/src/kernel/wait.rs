//! waitid(2): by the host through pidfds, and by processes for their children.
//! The host reaps what it knows and nothing else, so that nobody's status is stolen.

use super::list::Chain;
use super::poll::What;
use super::process::Life;
use super::{HOST, Kernel};
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::site::{Kind, Site, hash_name};
use shakedown_core::vocab::{ExitNotice, ExitStatus};

/// What a process finds when it waits for a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Waited {
    /// Reaped.
    Child,
    /// It has no such child (any more).
    Echild,
    /// Not yet.
    NotYet,
}

impl Kernel {
    /// waitid(2) with WNOWAIT: how the leader ended, if it is a zombie. It stays one.
    pub fn peek_exit(&self, unit: UnitId) -> Option<ExitNotice> {
        match self.entry(self.units.get(unit)?.leader?).life {
            Life::Zombie(_) => self.exit_notice(unit),
            Life::Alive | Life::Stopped | Life::Dying(_) | Life::Reaped(_) => None,
        }
    }

    /// The leader's end as its machine takes it. Who else lives, and who could still write, is looked up at some moment between the end,
    /// when this notice was written, and now: a walk through proc(5) is not done in the instant in which the pidfd becomes readable, and
    /// what it has found may be over before anybody acts on it.
    pub fn exit_as_taken(&mut self, unit: UnitId, noticed: ExitNotice, choose: &mut impl Choose) -> ExitNotice {
        let now = self.peek_exit(unit).unwrap_or(noticed);
        let mut taken = match self.units.get(unit).and_then(|of| of.leader).filter(|_| now != noticed) {
            Some(leader) => {
                let site = Site { kind: Kind::Pick, label: self.entry(leader).label.child_hashed(LOOKED, 0), nth: 0 };
                if choose.draw(site, Ask::Pick { of: 2 }) == 1 { noticed } else { now }
            }
            None => now,
        };
        if taken.others == Some(true) && self.seems_empty(unit, What::Exit, choose) {
            taken.others = Some(false);
        }
        taken
    }

    /// waitid(2): reaps the leader if it is a zombie.
    pub fn reap(&mut self, unit: UnitId) -> Option<ExitStatus> {
        let leader = self.units.get(unit)?.leader?;
        match self.entry(leader).life {
            Life::Zombie(status) => {
                self.reap_child(HOST, leader);
                Some(status)
            }
            Life::Alive | Life::Stopped | Life::Dying(_) | Life::Reaped(_) => None,
        }
    }

    /// Reaps the zombies that the host has adopted as a subreaper. Leaders are left to [`reap`](Kernel::reap).
    #[inline]
    pub fn reap_adopted(&mut self) {
        for at in 0..self.adopted.len() {
            self.reap_child(HOST, self.adopted[at]);
        }
        self.adopted.clear();
    }

    /// waitpid(child): by a process.
    pub(super) fn wait_for(&mut self, id: ProcId, child: ProcId) -> Waited {
        let process = self.entry(child);
        if process.parent != id {
            return Waited::Echild;
        }
        match process.life {
            Life::Alive | Life::Stopped | Life::Dying(_) => Waited::NotYet,
            Life::Zombie(_) => {
                self.reap_child(id, child);
                Waited::Child
            }
            Life::Reaped(_) => Waited::Echild,
        }
    }

    /// waitpid(-1): by a process.
    pub(super) fn wait_for_any(&mut self, id: ProcId) -> Waited {
        let process = self.entry(id);
        match (process.zombies.head(), process.children.len) {
            (Some(zombie), _) => {
                self.reap_child(id, zombie);
                Waited::Child
            }
            (None, 0) => Waited::Echild,
            (None, _) => Waited::NotYet,
        }
    }

    /// The latest child of this name that is not reaped.
    pub(super) fn child_called(&self, id: ProcId, called: u64) -> Option<ProcId> {
        let process = self.entry(id);
        let named = |child: &ProcId| self.entry(*child).called == called;
        let living = process.children.iter_back(&self.procs, Chain::Siblings).find(named);
        // Zombies stand in the order of their deaths, not of their births.
        let dead = process.zombies.iter(&self.procs, Chain::Siblings).filter(named).max();
        living.max(dead)
    }
}

/// What the moment of looking is called in labels: no name of a script.
const LOOKED: u64 = hash_name("(looked)");

#[cfg(test)]
mod tests {
    use super::super::check::{U, exited, play, signalled};
    use super::*;
    use shakedown_core::signal::Signal;
    use shakedown_core::vocab::{Deed, Truth};

    /// How often it was asked, and what it says.
    struct Says(u32, u32);

    impl Choose for Says {
        fn rank(&mut self, _: Site) -> u16 {
            0
        }

        fn draw(&mut self, _: Site, _: Ask) -> u32 {
            self.0 += 1;
            self.1
        }
    }

    /// A child that exits, or leaves the group, after its parent has.
    #[test]
    fn who_else_lives_is_told_as_of_now_or_as_of_the_leaders_end() {
        for (script, now) in [
            ("spawn a { sleep 1ms }; exit 0", [false, false]),
            ("spawn a { sleep 1ms; setsid; hang }; exit 0", [false, true]),
            ("spawn a { hang }; exit 0", [true, true]),
        ] {
            let mut check = play(script);
            let noticed = check.settle().kernel.peek_exit(U).expect("the leader has ended");
            assert_eq!((noticed.others, noticed.writers), (Some(true), Some(true)), "{script}");
            check.pass(2);
            for (says, told) in [(0, now), (1, [true, true])] {
                let mut says = Says(0, says);
                let taken = check.kernel.exit_as_taken(U, noticed, &mut says);
                assert_eq!([taken.others, taken.writers], told.map(Some), "{script}");
                assert_eq!(says.0, u32::from(now != [true, true]), "only where they differ it is a choice: {script}");
            }
        }
    }

    /// SEMANTICS C7, C8.
    #[test]
    fn peeking_leaves_the_zombie_and_reaping_takes_it_once() {
        let mut check = play("exit 5");
        assert_eq!((check.kernel.peek_exit(U), check.kernel.reap(U)), (None, None));
        check.settle();
        for _ in 0..2 {
            assert_eq!(check.kernel.peek_exit(U).map(|notice| notice.status), exited(5));
        }
        assert_eq!(check.kernel.zombies_of_host(), 1);
        assert_eq!(check.kernel.reap(U), exited(5));
        assert_eq!((check.kernel.reap(U), check.kernel.peek_exit(U)), (None, None));
        assert_eq!(check.kernel.zombies_of_host(), 0);
    }

    /// SEMANTICS C8: what is left unreaped when a parent has waited so.
    #[test]
    fn a_process_reaps_the_children_it_names_or_all() {
        for (script, reaped) in [
            ("spawn a { sleep 1ms }; spawn a { sleep 9ms }; wait a; hang", 1),
            ("spawn a { sleep 1ms }; spawn b { sleep 9ms }; wait all; hang", 2),
            ("spawn a { exit 0 }; wait b; wait a; wait a; hang", 1),
            ("spawn a { hang }; kill a KILL; wait a; hang", 1),
            ("wait all; hang", 0),
            // Whoever has ended is reaped while others live.
            ("spawn a { exit 0 }; spawn b { hang }; wait all; hang", 1),
        ] {
            let mut check = play(script);
            check.pass(20);
            assert_eq!(check.count(|deed| matches!(deed, Deed::Reaped { .. })), reaped, "{script}");
            assert!(check.alive("w/main"), "{script}");
        }
    }

    /// The latest of a name: the first child is still alive.
    #[test]
    fn wait_and_kill_mean_the_latest_child_of_a_name() {
        let mut check = play("spawn a { hang }; spawn a { hang }; kill a TERM; wait a; hang");
        check.settle();
        assert_eq!(check.status("w/a"), signalled(Signal::TERM));
        assert_eq!(check.kernel.living(U), 2);
    }

    /// SEMANTICS C8, C36.
    #[test]
    fn ignoring_sigchld_reaps_by_itself_and_wait_lasts_until_no_child_is_left() {
        let mut check =
            play("on CHLD ignore; spawn a { sleep 5ms }; spawn b { sleep 9ms }; wait all; print none; hang");
        check.pass(7);
        assert_eq!((check.count(|deed| matches!(deed, Deed::Reaped { .. })), check.stdout().as_str()), (1, ""));
        check.pass(5);
        assert_eq!(check.stdout(), "none\n");
        for (script, reaped) in [
            ("spawn a { exit 0 }; sleep 5ms; print zombie; hang", 0),
            ("on CHLD default; spawn a { exit 0 }; sleep 5ms; hang", 0),
            ("on CHLD ignore; spawn a { exit 0 }; sleep 5ms; hang", 1),
        ] {
            let mut check = play(script);
            check.pass(9);
            assert_eq!(check.count(|deed| matches!(deed, Deed::Reaped { .. })), reaped, "{script}");
        }
    }
}
