//! Out of memory: the kernel's own KILL (proc(5), cgroup-v2.rst of the kernel). The status is that of any KILL;
//! only a counter of the control group tells it apart, and it may hit a member whose parent never notices.

use super::Kernel;
use super::cgroup::CgroupId;
use super::process::Life;
use shakedown_core::ids::ProcId;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, Sender};

impl Kernel {
    /// Memory is out and this process was chosen: it gets KILL, and with it everybody in the highest group above that has
    /// memory.oom.group set, and below that. Who is dying already is left to that. Init is never chosen.
    pub fn oom_kill(&mut self, victim: ProcId) {
        let of = self.cgroup_of(victim);
        let grouped: Vec<CgroupId> = self.cgroups.path(of).collect();
        let is_grouped = |id: &&CgroupId| self.cgroups.get(**id).is_some_and(|group| group.oom_group);
        match grouped.iter().rfind(is_grouped) {
            None => self.oom_kill_one(victim),
            Some(highest) => {
                for id in self.cgroups.subtree(*highest) {
                    for member in self.cgroup_procs(id) {
                        self.oom_kill_one(member);
                    }
                }
            }
        }
    }

    /// `oom_kill` of memory.events: how many were killed so in a group and below it; of /proc/vmstat for the root.
    pub fn oom_kills(&self, id: CgroupId) -> u64 {
        self.cgroups.get(id).map_or(self.oom_kills, |group| group.oom_kills)
    }

    /// Whether the members of a group die together where memory is out (memory.oom.group).
    ///
    /// # Errors
    /// ENOENT for the root, and where the group was removed.
    pub fn set_oom_group(&mut self, id: CgroupId, together: bool) -> Result<(), Errno> {
        self.cgroups.existing(id)?.oom_group = together;
        Ok(())
    }

    fn oom_kill_one(&mut self, victim: ProcId) {
        match self.entry(victim).life {
            Life::Alive | Life::Stopped => {}
            Life::Dying(_) | Life::Zombie(_) | Life::Reaped(_) => return,
        }
        self.oom_kills += 1;
        let cgroup = self.entry(victim).inherited.cgroup;
        self.cgroups.upwards(cgroup, |group| group.oom_kills += 1);
        self.generate(victim, Signal::KILL, Sender::Kernel);
    }
}

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::{Check, U, play_with, signalled};
    use super::*;
    use shakedown_core::ids::UnitId;
    use shakedown_core::vocab::{Scope, Truth};

    fn units() -> (Check, CgroupId, CgroupId) {
        let mut check = play_with(KernelConfig::DEFAULT, Scope::Cgroup, "spawn a { hang }; hang");
        check.spawn(UnitId(1), Scope::Cgroup, "hang").expect("there is room");
        let group = |check: &Check, unit| check.kernel.cgroup_of_unit(unit).expect("its scope is one");
        let (one, two) = (group(check.settle(), U), group(&check, UnitId(1)));
        (check, one, two)
    }

    /// SEMANTICS C30.
    #[test]
    fn only_a_counter_tells_it_from_any_other_kill() {
        let (mut check, one, two) = units();
        check.kill("v/main", Signal::KILL);
        for _ in 0..2 {
            check.kernel.oom_kill(check.find("w/a"));
        }
        check.settle();
        check.kernel.oom_kill(check.find("w/a"));
        assert_eq!(check.status("w/a"), check.status("v/main"));
        assert!(check.alive("w/main"), "the leader need not be the one");
        assert_eq!([one, two, CgroupId::ROOT].map(|id| check.kernel.oom_kills(id)), [1, 0, 1], "killed once");
    }

    /// SEMANTICS C30, memory.oom.group.
    #[test]
    fn a_group_may_be_made_to_die_together() {
        let (mut check, one, two) = units();
        let below = check.kernel.create_cgroup(one).expect("it exists");
        check.kernel.move_to_cgroup(check.find("w/a"), below).expect("both exist");
        for (id, together) in [(one, true), (below, true), (two, false)] {
            check.kernel.set_oom_group(id, together).expect("it exists");
        }
        check.kernel.oom_kill(check.find("w/a"));
        check.settle();
        assert_eq!([check.status("w/main"), check.status("w/a")], [signalled(Signal::KILL); 2]);
        assert_eq!([one, below, two].map(|id| check.kernel.oom_kills(id)), [2, 1, 0]);
        assert_eq!(
            (check.kernel.living_in_all(), check.kernel.set_oom_group(CgroupId::ROOT, true)),
            (1, Err(Errno::ENOENT))
        );
    }
}
