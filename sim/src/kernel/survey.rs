//! Who is left of a unit: its living members, and who holds its outputs.
//!
//! Nobody sees both at once. Whoever looks goes through proc(5) process by process, first for members and then for descriptors, and a
//! process that is ending is caught in between: do_exit() of Linux gives its memory back (`exit_mm`), then its descriptors
//! (`exit_files`), and is a zombie only at last (`exit_notify`). So does whoever asks after the leader's end who else lives, or waits for
//! an empty scope.

use super::Kernel;
use super::list::Chain;
use super::poll::What;
use super::process::Life;
use super::unit::Unit;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::site::{Kind, Site, hash_name};
use shakedown_core::vocab::{Scope, Survivor};
use std::collections::BTreeSet;

impl Kernel {
    /// The living members of a unit's scope, and the holders of its outputs, as somebody finds them who looks at one after the other.
    /// One who is both and on its way out is found as both, or as one of them.
    pub fn survey(&self, unit: UnitId, choose: &mut impl Choose) -> (Vec<Survivor>, Vec<Survivor>) {
        let (mut members, mut holders) = (self.members(unit), self.holders(unit));
        let (is_member, is_holder) = (pids(&members), pids(&holders));
        let (mut closed, mut forgotten) = (BTreeSet::new(), BTreeSet::new());
        let living = self.units.get(unit).map(|of| of.living).unwrap_or_default();
        for id in living.iter(&self.procs, Chain::Unit).filter(|id| self.is_ending(*id)) {
            let process = self.entry(id);
            let is_lost = self.is_lost(unit, id);
            if !is_holder.contains(&process.pid) || !(is_lost || is_member.contains(&process.pid)) {
                continue;
            }
            let site = Site { kind: Kind::Lag, label: process.label.child_hashed(SURVEYED, 0), nth: process.steps };
            let ways = if self.is_known_by_memory(unit, id) && !is_lost { 3 } else { 2 };
            match choose.draw(site, Ask::Pick { of: ways }) {
                0 => false,
                1 => closed.insert(process.pid),
                _ => forgotten.insert(process.pid),
            };
        }
        members.retain(|member| !forgotten.contains(&member.pid));
        holders.retain(|holder| !closed.contains(&holder.pid));
        (members, holders)
    }

    /// Who is alive in the unit's scope, the leader included, as far as anything still tells whose they are.
    pub fn members(&self, unit: UnitId) -> Vec<Survivor> {
        let Some(of) = self.units.get(unit) else { return Vec::new() };
        let Some(leader) = of.leader else { return Vec::new() };
        let number = self.pids.get(of.pid).filter(|number| number.generation == of.generation);
        let (list, chain) = match of.scope {
            Scope::Process => return self.survivors(std::iter::once(leader)),
            Scope::Group => (number.map(|number| number.group), Chain::Group),
            Scope::PosixSession => (number.map(|number| number.session), Chain::Session),
            Scope::Cgroup => {
                let groups = self.cgroups.subtree(of.cgroup);
                return self.survivors(groups.into_iter().flat_map(|id| self.cgroup_procs(id)));
            }
            Scope::Tree | Scope::Job => (Some(of.living), Chain::Unit),
        };
        self.survivors(list.unwrap_or_default().iter(&self.procs, chain).filter(|&id| !self.is_lost(unit, id)))
    }

    /// Who holds a write end of the unit's outputs.
    pub fn holders(&self, unit: UnitId) -> Vec<Survivor> {
        let Some(of) = self.units.get(unit) else { return Vec::new() };
        let holds = |id: &ProcId| self.entry(*id).fds[1..].iter().any(Option::is_some);
        self.survivors(of.living.iter(&self.procs, Chain::Unit).filter(holds))
    }

    fn survivors(&self, of: impl Iterator<Item = ProcId>) -> Vec<Survivor> {
        of.map(|id| self.entry(id))
            .filter(|process| process.life.is_living())
            .map(|process| Survivor { pid: process.pid, name: process.name.clone() })
            .collect()
    }

    /// Whether somebody who looks for the members of a unit, for the `what` that it wants to know, misses all that live: they have given
    /// their memory back, for good.
    pub(super) fn seems_empty(&mut self, unit: UnitId, what: What, choose: &mut impl Choose) -> bool {
        let leader = self.units.get(unit).and_then(|of| of.leader).filter(|_| self.may_seem_empty(unit));
        let is_empty = leader.is_some_and(|leader| {
            let label = self.entry(leader).label.child_hashed(OVERLOOKED, u32::from(what == What::Empty));
            choose.draw(Site { kind: Kind::Lag, label, nth: self.scope_living(unit) }, Ask::Pick { of: 2 }) == 1
        });
        if is_empty {
            let living = self.units.at(unit).living.iter(&self.procs, Chain::Unit).collect::<Vec<ProcId>>();
            living.into_iter().for_each(|id| self.entry_mut(id).rare_mut().unmapped = true);
        }
        is_empty
    }

    /// Whether all that live in a unit's scope are ending, and are known by their environment alone.
    pub(super) fn may_seem_empty(&self, unit: UnitId) -> bool {
        let by_environment = |of: &&Unit| of.scope == Scope::Tree && of.living.len > 0;
        self.units.get(unit).filter(by_environment).is_some_and(|of| {
            let mut living = of.living.iter(&self.procs, Chain::Unit);
            living.all(|id| self.is_ending(id) && self.is_known_by_memory(unit, id))
        })
    }

    /// Whether the next step of a process is its end, so that it may be within it.
    fn is_ending(&self, id: ProcId) -> bool {
        let process = self.entry(id);
        let has_begun =
            matches!(process.life, Life::Dying(_)) || process.rare.as_ref().is_some_and(|r| r.ending.is_some());
        let exits = |thread| self.is_runnable(thread) && self.is_about_to_exit(thread);
        if has_begun { self.is_runnable(id) } else { process.life == Life::Alive && self.each_thread(id).any(exits) }
    }

    /// Whether nothing tells any more whose it is: it has given its memory back, on its way out.
    fn is_lost(&self, unit: UnitId, id: ProcId) -> bool {
        self.entry(id).is_unmapped() && self.is_known_by_memory(unit, id)
    }

    /// Whether only its environment tells whose it is: it is no leader, and nobody of its unit is its parent any more.
    fn is_known_by_memory(&self, unit: UnitId, id: ProcId) -> bool {
        let parent = self.entry(self.entry(id).parent);
        let has_kin = parent.unit == Some(unit) && parent.life.is_living();
        let by_environment = |of: &Unit| of.scope == Scope::Tree && of.leader != Some(id);
        !has_kin && self.units.get(unit).is_some_and(by_environment)
    }
}

fn pids(found: &[Survivor]) -> BTreeSet<i32> {
    found.iter().map(|survivor| survivor.pid).collect()
}

/// The question how far somebody's end has come when its unit is surveyed.
const SURVEYED: u64 = hash_name("(surveyed)");

/// The question whether those in the middle of their ends are all overlooked.
const OVERLOOKED: u64 = hash_name("(overlooked)");

#[cfg(test)]
mod tests {
    use super::super::check::{Answers, U, exited, play_with, signalled};
    use super::super::{KernelConfig, KernelReady};
    use super::*;
    use shakedown_core::ids::OpId;
    use shakedown_core::signal::Signal;
    use shakedown_core::vocab::Completion;

    fn others(found: &[Survivor]) -> Vec<&str> {
        found.iter().map(|survivor| &*survivor.name).filter(|name| *name != "w/main").collect()
    }

    /// SEMANTICS C5: memory goes before descriptors, and both before anybody can wait. Who is known by its environment alone may so be
    /// found as a holder that is no member; by its parent, or by the number of its group, it is a member to its end.
    #[test]
    fn whoever_is_in_the_middle_of_its_end_may_be_found_without_memory_or_without_descriptors() {
        const DAEMON: &str = "daemonize a { hang }; hang";
        const EXITS: &str = "daemonize a { on USR1 exit 3; hang }; hang";
        const CHILD: &str = "spawn a { hang }; hang";
        let both = (&["w/a"][..], &["w/a"][..]);
        let (only_member, only_holder) = ((&["w/a"][..], &[][..]), (&[][..], &["w/a"][..]));
        for (scope, script, signal, answer, found) in [
            (Scope::Tree, DAEMON, Signal::KILL, 0, both),
            (Scope::Tree, DAEMON, Signal::KILL, 1, only_member),
            (Scope::Tree, DAEMON, Signal::KILL, 2, only_holder),
            (Scope::Tree, CHILD, Signal::KILL, 2, only_member),
            (Scope::Group, CHILD, Signal::KILL, 2, only_member),
            // It ends of its own accord, and is about to.
            (Scope::Tree, EXITS, Signal::USR1, 2, only_holder),
            // It lives on.
            (Scope::Tree, DAEMON, Signal::CONT, 2, both),
        ] {
            let mut check = play_with(KernelConfig::default(), scope, script);
            check.settle();
            let pid = check.pid("w/a");
            check.kernel.kill(pid, signal).expect("it lives");
            if signal != Signal::KILL {
                check.step();
            }
            let (members, holders) = check.kernel.survey(U, &mut Answers(answer));
            assert_eq!(
                (&others(&members)[..], &others(&holders)[..]),
                found,
                "{scope:?}, {script}, {signal}, {answer}"
            );
        }
    }

    /// SEMANTICS C5: a member that is known by its environment alone is missed once it has given its memory back, while it still holds its
    /// descriptors; for good, and what is sent to it then changes nothing.
    #[test]
    fn a_scope_known_by_environments_may_seem_empty_while_its_last_members_are_ending() {
        const DAEMON: &str = "daemonize a { on USR1 exit 3; hang }; hang";
        const CHILD: &str = "spawn a { on USR1 exit 3; hang }; hang";
        const ONE_LIVES: &str = "daemonize a { on USR1 exit 3; hang }; daemonize b { hang }; hang";
        for (scope, script, answer, seems_empty) in [
            (Scope::Tree, DAEMON, 1, true),
            (Scope::Tree, DAEMON, 0, false),
            (Scope::Tree, CHILD, 1, true),
            (Scope::Group, CHILD, 1, false),
            // A job knows its members itself.
            (Scope::Job, DAEMON, 1, false),
            (Scope::Tree, ONE_LIVES, 1, false),
        ] {
            let of_case = format!("{scope:?}, {script}, {answer}");
            let mut check = play_with(KernelConfig::default(), scope, script);
            check.settle();
            let (main, a) = (check.pid("w/main"), check.pid("w/a"));
            check.kernel.kill(main, Signal::KILL).expect("it lives");
            check.step();
            let noticed = check.kernel.peek_exit(U).expect("it has ended");
            check.kernel.kill(a, Signal::USR1).expect("it lives");
            check.step();
            let taken = check.kernel.exit_as_taken(U, noticed, &mut Answers(answer));
            assert_eq!(taken.others, Some(!seems_empty), "{of_case}");
            let (members, holders) = check.kernel.survey(U, &mut Answers(0));
            assert_eq!(others(&members).contains(&"w/a"), !seems_empty, "{of_case}");
            assert!(others(&holders).contains(&"w/a"), "{of_case}");
            check.kernel.kill(a, Signal::KILL).expect("it lives");
            let status = if seems_empty { exited(3) } else { signalled(Signal::KILL) };
            assert_eq!(check.settle().status("w/a"), status, "{of_case}");
        }
    }

    /// SEMANTICS C5: whoever waits for an empty scope looks when it begins to wait, and after each end.
    #[test]
    fn a_wait_for_an_empty_scope_may_end_while_its_last_members_are_ending() {
        const TWO: &str = "daemonize a { on USR1 exit 3; hang }; daemonize b { on USR1 exit 4; hang }; hang";
        for answer in [0, 1] {
            let mut check = play_with(KernelConfig::default(), Scope::Tree, TWO);
            check.settle();
            let [main, a, b] = ["w/main", "w/a", "w/b"].map(|name| check.pid(name));
            check.kernel.kill(main, Signal::KILL).expect("it lives");
            check.step();
            check.kernel.watch(OpId(1), U, What::Empty);
            for pid in [a, b] {
                check.kernel.kill(pid, Signal::USR1).expect("it lives");
            }
            // Each comes to the last verb of its handler, and then one ends.
            assert!(check.step() && check.step() && check.step());
            let mut ready = std::iter::from_fn(|| check.kernel.next_ready());
            assert!(ready.any(|ready| ready == KernelReady::Look { unit: U }), "it is looked again");
            check.kernel.look_for_members(U, &mut Answers(answer));
            let ready = check.kernel.next_ready();
            let is_over = matches!(ready, Some(KernelReady::Done { completion: Completion::Empty, .. }));
            assert_eq!((is_over, check.kernel.holders(U).len()), (answer == 1, 1));
        }
    }
}
