//! Control groups, version 2 (cgroups(7), cgroup-v2.rst of the kernel): the one container that a process cannot leave by itself, and
//! so the one kill that nobody escapes. Membership is inherited by fork, and belongs to no parent, group or session.

use super::dstate::Hold;
use super::list::{Chain, List};
use super::process::Life;
use super::{HOST, Kernel};
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, Sender};

/// A control group. Numbers are not given out twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct CgroupId(u32);

impl CgroupId {
    /// The root, in which everybody is who was put nowhere else. It has no files: it cannot be killed, frozen, limited or removed.
    pub const ROOT: CgroupId = CgroupId(0);
}

/// One group below the root.
#[derive(Hash)]
pub(super) struct Cgroup {
    parent: CgroupId,
    children: Vec<CgroupId>,
    /// Whose scope it is.
    unit: Option<UnitId>,
    /// The living processes in it.
    members: List,
    /// How many live in it and below.
    populated: u32,
    /// How often it was killed (`kill_seq` of Linux).
    kills: u32,
    /// Whether `cgroup.freeze` of its own is on.
    freeze: bool,
    /// Tasks in it and below, zombies included, and how many there may be (pids.current, pids.max).
    pub(super) pids: u32,
    pub(super) pids_max: Option<u32>,
    /// What memory.events and memory.oom.group say.
    pub(super) oom_kills: u64,
    pub(super) oom_group: bool,
    removed: bool,
}

/// All groups but the root.
#[derive(Default, Hash)]
pub(super) struct Cgroups(Vec<Cgroup>);

impl Cgroups {
    pub(super) fn reset(&mut self) {
        self.0.clear();
    }

    /// Whether there is but the root, so that nobody has to ask further.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A group; `None` for the root.
    pub(super) fn get(&self, id: CgroupId) -> Option<&Cgroup> {
        self.0.get((id.0 as usize).checked_sub(1)?)
    }

    pub(super) fn get_mut(&mut self, id: CgroupId) -> Option<&mut Cgroup> {
        self.0.get_mut((id.0 as usize).checked_sub(1)?)
    }

    /// A group that has files and was not removed.
    pub(super) fn existing(&mut self, id: CgroupId) -> Result<&mut Cgroup, Errno> {
        self.get_mut(id).filter(|group| !group.removed).ok_or(Errno::ENOENT)
    }

    /// The group and those above it, without the root.
    pub(super) fn path(&self, id: CgroupId) -> impl Iterator<Item = CgroupId> + '_ {
        let some = |id: CgroupId| (id != CgroupId::ROOT).then_some(id);
        std::iter::successors(some(id), move |id| some(self.get(*id)?.parent))
    }

    /// The group and all below it, each after its parent.
    pub(super) fn subtree(&self, id: CgroupId) -> Vec<CgroupId> {
        let mut all = vec![id];
        let mut at = 0;
        while let Some(group) = all.get(at).and_then(|id| self.get(*id)) {
            all.extend_from_slice(&group.children);
            at += 1;
        }
        all
    }

    /// Does this to a group and to all above it.
    pub(super) fn upwards(&mut self, id: CgroupId, mut act: impl FnMut(&mut Cgroup)) {
        let mut at = id;
        while let Some(group) = self.get_mut(at) {
            act(group);
            at = group.parent;
        }
    }

    /// How many live in it and below; not kept for the root.
    pub(super) fn populated(&self, id: CgroupId) -> u32 {
        self.get(id).map_or(0, |group| group.populated)
    }

    fn is_freezing(&self, id: CgroupId) -> bool {
        self.path(id).any(|id| self.get(id).is_some_and(|group| group.freeze))
    }

    fn kills(&self, id: CgroupId) -> u32 {
        self.get(id).map_or(0, |group| group.kills)
    }
}

impl Kernel {
    /// A new group below another one (mkdir(2)).
    ///
    /// # Errors
    /// ENOENT where the other one was removed.
    pub fn create_cgroup(&mut self, parent: CgroupId) -> Result<CgroupId, Errno> {
        let id = CgroupId(self.cgroups.0.len() as u32 + 1);
        if parent != CgroupId::ROOT {
            self.cgroups.existing(parent)?.children.push(id);
        }
        self.cgroups.0.push(Cgroup {
            parent,
            children: Vec::new(),
            unit: None,
            members: List::default(),
            populated: 0,
            kills: 0,
            freeze: false,
            pids: 0,
            pids_max: None,
            oom_kills: 0,
            oom_group: false,
            removed: false,
        });
        Ok(id)
    }

    /// Removes a group (rmdir(2)). One with nothing but zombies in it counts as empty.
    ///
    /// # Errors
    /// EBUSY where somebody lives in it or a group is below it, and for the root; ENOENT where it was removed before.
    pub fn remove_cgroup(&mut self, id: CgroupId) -> Result<(), Errno> {
        if id == CgroupId::ROOT {
            return Err(Errno::EBUSY);
        }
        let group = self.cgroups.existing(id)?;
        if group.populated > 0 || !group.children.is_empty() {
            return Err(Errno::EBUSY);
        }
        group.removed = true;
        let parent = group.parent;
        if let Some(above) = self.cgroups.get_mut(parent) {
            above.children.retain(|child| *child != id);
        }
        Ok(())
    }

    /// The group that a process is in; of a zombie, the one that it died in.
    pub fn cgroup_of(&self, proc: ProcId) -> CgroupId {
        self.entry(self.process_of(proc)).inherited.cgroup
    }

    /// The group that is the scope of a unit; `None` for a unit of another scope.
    pub fn cgroup_of_unit(&self, unit: UnitId) -> Option<CgroupId> {
        self.units.get(unit).map(|of| of.cgroup).filter(|id| *id != CgroupId::ROOT)
    }

    /// Moves a process with all its threads, not its children (cgroup.procs). A zombie stays where it is, without an error. No limit
    /// holds a move back.
    ///
    /// # Errors
    /// ESRCH where the process has been reaped; ENOENT where the group was removed.
    pub fn move_to_cgroup(&mut self, proc: ProcId, to: CgroupId) -> Result<(), Errno> {
        if to != CgroupId::ROOT {
            self.cgroups.existing(to)?;
        }
        match self.entry(proc).life {
            Life::Reaped(_) => Err(Errno::ESRCH),
            Life::Zombie(_) => Ok(()),
            Life::Alive | Life::Stopped | Life::Dying(_) => {
                let tasks = 1 + self.threads(proc).len() as u32;
                let from = std::mem::replace(&mut self.entry_mut(proc).inherited.cgroup, to);
                self.cgroups.upwards(from, |group| group.pids -= tasks);
                self.cgroups.upwards(to, |group| group.pids += tasks);
                self.leave_cgroup(proc, from);
                self.join_cgroup(proc);
                Ok(())
            }
        }
    }

    /// Kills everybody in the group and below it, in one act (cgroup.kill). Nobody who is being killed forks, and nobody can leave in
    /// between, so nobody is missed. Who may write the file may kill: the users of its members are not asked.
    ///
    /// # Errors
    /// ENOENT for the root, and where the group was removed.
    pub fn kill_cgroup(&mut self, id: CgroupId) -> Result<(), Errno> {
        let by = Sender::Host(self.cgroups.existing(id)?.unit);
        for id in self.cgroups.subtree(id) {
            if let Some(group) = self.cgroups.get_mut(id) {
                group.kills += 1;
            }
        }
        // An empty group is nobody to kill, and no error.
        for id in self.cgroups.subtree(id) {
            let members = self.cgroups.get(id).map(|group| group.members).unwrap_or_default();
            self.each(members, Chain::Cgroup, |kernel, member| kernel.generate(member, Signal::KILL, by));
        }
        Ok(())
    }

    /// Signals everybody in the group and below it, as one does who reads cgroup.procs.
    ///
    /// # Errors
    /// ESRCH where nobody lives there, EPERM where all who do are of other users.
    pub(super) fn signal_cgroup(&mut self, id: CgroupId, signal: Signal, by: Sender) -> Result<(), Errno> {
        let mut found = Err(Errno::ESRCH);
        for id in self.cgroups.subtree(id) {
            let members = self.cgroups.get(id).map(|group| group.members).unwrap_or_default();
            found = match (found, self.signal_list(members, Chain::Cgroup, signal, by)) {
                // An empty group beside one that may not be signalled makes nobody gone.
                (Err(before), Err(Errno::ESRCH)) => Err(before),
                (before, sent) => before.or(sent),
            };
        }
        found
    }

    /// Freezes the group and all below it, or thaws what no group above keeps frozen (cgroup.freeze). Who is frozen takes no step, and
    /// only a signal that ends it without a core gets through. Probed: TERM and KILL do, QUIT and STOP wait.
    ///
    /// # Errors
    /// ENOENT for the root, and where the group was removed.
    pub fn freeze_cgroup(&mut self, id: CgroupId, freeze: bool) -> Result<(), Errno> {
        self.cgroups.existing(id)?.freeze = freeze;
        for id in self.cgroups.subtree(id) {
            for member in self.cgroup_procs(id) {
                self.obey_freezer(member);
            }
        }
        Ok(())
    }

    /// `populated` of cgroup.events: whether anybody lives in the group or below it. Zombies do not count.
    pub fn cgroup_is_populated(&self, id: CgroupId) -> bool {
        id == CgroupId::ROOT || self.cgroups.populated(id) > 0
    }

    /// `frozen` of cgroup.events: whether it is to be frozen and everybody in it and below is. Who sleeps uninterruptibly is not yet.
    pub fn cgroup_is_frozen(&self, id: CgroupId) -> bool {
        let all = self.cgroups.subtree(id);
        let mut members = all.iter().flat_map(|id| self.cgroup_procs(*id));
        self.cgroups.is_freezing(id) && members.all(|member| !self.entry(member).hold.disk)
    }

    /// Who lives in the group itself (cgroup.procs), in the order of their coming; for the root nobody is listed.
    pub fn cgroup_procs(&self, id: CgroupId) -> Vec<ProcId> {
        self.cgroups.get(id).map_or_else(Vec::new, |group| group.members.iter(&self.procs, Chain::Cgroup).collect())
    }

    /// A leader is born into a group of its own below the host's (clone3(2), CLONE_INTO_CGROUP), which is the scope of its unit. Where
    /// the host's group had once been killed it dies at birth: Linux compares the counts of kills of two different groups (probed on
    /// 6.18). That is why a killed group is never used again.
    pub(super) fn clone_into_cgroup(&mut self, leader: ProcId, unit: UnitId) -> CgroupId {
        let of_host = self.cgroup_of(HOST);
        let id = self.create_cgroup(of_host).expect("a group in which the host lives is not removed");
        self.cgroups.existing(id).expect("it was just made").unit = Some(unit);
        self.move_to_cgroup(leader, id).expect("both exist");
        if self.cgroups.kills(of_host) != self.cgroups.kills(id) {
            self.generate(leader, Signal::KILL, Sender::Kernel);
        }
        id
    }

    /// A living process is now in the group that it was put into or that it inherited.
    pub(super) fn join_cgroup(&mut self, proc: ProcId) {
        let id = self.entry(proc).inherited.cgroup;
        if let Some(group) = self.cgroups.get_mut(id) {
            group.members = group.members.push(&mut self.procs, Chain::Cgroup, proc);
            self.cgroups.upwards(id, |group| group.populated += 1);
        }
        self.obey_freezer(proc);
    }

    /// A process leaves its group, by its end or by a move: that may have emptied the scopes of units.
    pub(super) fn leave_cgroup(&mut self, proc: ProcId, id: CgroupId) {
        let Some(group) = self.cgroups.get_mut(id) else { return };
        group.members = group.members.remove(&mut self.procs, Chain::Cgroup, proc);
        let mut emptied = Vec::new();
        self.cgroups.upwards(id, |group| {
            group.populated -= 1;
            emptied.extend(group.unit.filter(|_| group.populated == 0));
        });
        for unit in emptied {
            self.check_empty(unit);
        }
    }

    fn obey_freezer(&mut self, proc: ProcId) {
        let process = self.entry(proc);
        let frozen = process.unit.is_some() && self.cgroups.is_freezing(process.inherited.cgroup);
        self.hold(proc, Hold { frozen, ..process.hold });
    }
}

#[cfg(test)]
mod tests;
