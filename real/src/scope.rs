//! Who belongs to a unit, as far as its scope reaches, and signals to all of them.
//! Members are found in /proc and acted on only through pidfds, looked at again after opening, so that no stranger is hit.
//!
//! Sources: credentials(7), setsid(2), prctl(2) PR_SET_CHILD_SUBREAPER, pidfd_open(2).

use crate::pidfd::Pidfd;
use crate::procfs::{self, Stat};
use crate::spawn;
use shakedown_core::ids::Pid;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, Scope};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// Orphans and descendants that were once seen to belong to a unit: pid and start time tell a process from its successor.
pub type Kin = BTreeMap<Pid, u64>;

/// A unit, as a walk needs to know it.
#[derive(Clone, Debug)]
pub struct Realm {
    /// Its leader. Until it is reaped it pins its number, and with it group and session ids.
    pub leader: Pid,
    /// How far it reaches.
    pub scope: Scope,
    /// What descendants carry in their environment as [`UNIT_VARIABLE`], among other tags.
    pub tag: String,
    /// Whether the leader is unreaped. Once it is not, its number may come to mean a stranger's group, and proves nothing
    /// without our tag or our memory.
    pub is_pinned: Cell<bool>,
}

/// The variable that names a process's unit: tags of nested runs joined by `/`, the outermost first.
pub const UNIT_VARIABLE: &str = "SHAKEDOWN_UNIT";
/// The variable that names a process's run.
pub const RUN_VARIABLE: &str = "SHAKEDOWN_RUN";

impl Realm {
    /// Members alive now, the leader included, in the order of /proc. Remembers descendants in `kin`.
    ///
    /// # Errors
    /// As [`members`](Self::members).
    pub fn living(&self, kin: &mut Kin) -> Result<Vec<Stat>, Errno> {
        let mut members = self.members(kin)?;
        members.retain(Stat::is_alive);
        Ok(members)
    }

    /// Members alive or not.
    ///
    /// # Errors
    /// Where /proc cannot be read; `EAGAIN` where somebody who may be a member's parent died in each of [`ROUNDS_MAX`] walks.
    pub fn members(&self, kin: &mut Kin) -> Result<Vec<Stat>, Errno> {
        let mut every = match self.scope {
            Scope::Process => procfs::stat(self.leader).into_iter().filter(|_| self.is_pinned.get()).collect(),
            Scope::Group | Scope::PosixSession => procfs::every()?,
            // The last two are refused at the spawn; a walk of theirs is never more than the tree.
            Scope::Tree | Scope::Cgroup | Scope::Job => return self.tree(kin),
        };
        match self.scope {
            Scope::Group => every.retain(|s| self.is_numbered(s, s.pgrp, kin)),
            Scope::PosixSession => every.retain(|s| self.is_numbered(s, s.session, kin)),
            Scope::Process | Scope::Tree | Scope::Cgroup | Scope::Job => {}
        }
        Ok(every)
    }

    /// Whether this process belongs to us by what it carries itself: group, session, environment, or our memory.
    pub fn claims(&self, process: &Stat, kin: &Kin) -> bool {
        let number = self.leader.as_raw();
        let is_numbered = process.pid == self.leader || process.pgrp == number || process.session == number;
        (self.is_pinned.get() && is_numbered) || is_kin(process, kin) || self.is_tagged(process.pid)
    }

    /// Sends a signal to every member: a group at once through its leader's pidfd, other scopes one by one, again and again
    /// until a walk finds nobody new. Nobody gets it twice, except that KILL of a tree reaches the leader's group first at once.
    ///
    /// # Errors
    /// `ESRCH` where nobody was there, `EAGAIN` where new members kept appearing for [`ROUNDS_MAX`] walks, and otherwise what
    /// the system said of the last member that could not be signalled.
    pub fn signal(&self, leader: &Pidfd, signal: Signal, kin: &mut Kin) -> Result<(), Errno> {
        match self.scope {
            Scope::Process => leader.send(signal),
            Scope::Group => self.signal_group(leader, signal),
            Scope::PosixSession => self.signal_each(signal, kin),
            Scope::Tree | Scope::Cgroup | Scope::Job => {
                if signal == Signal::KILL {
                    // At once, so that no member of the group forks while we walk. That it is empty is no failure of the tree.
                    match leader.send_group(signal) {
                        Ok(()) | Err(Errno::ESRCH) => {}
                        Err(errno) => return Err(errno),
                    }
                }
                self.signal_each(signal, kin)
            }
        }
    }

    /// A leader that moved to another group of its session is missed by the group's signal, and gets its own.
    fn signal_group(&self, leader: &Pidfd, signal: Signal) -> Result<(), Errno> {
        let sent = leader.send_group(signal);
        let strayed = procfs::stat(self.leader).is_some_and(|s| s.is_alive() && s.pgrp != self.leader.as_raw());
        if strayed && self.is_pinned.get() { leader.send(signal) } else { sent }
    }

    fn signal_each(&self, signal: Signal, kin: &mut Kin) -> Result<(), Errno> {
        let mut reached = BTreeSet::new();
        let mut failed = None;
        for _ in 0..ROUNDS_MAX {
            let fresh: Vec<Stat> =
                self.living(kin)?.into_iter().filter(|s| !reached.contains(&(s.pid, s.started))).collect();
            if fresh.is_empty() {
                return match failed {
                    Some(errno) => Err(errno),
                    None if reached.is_empty() => Err(Errno::ESRCH),
                    None => Ok(()),
                };
            }
            for process in fresh {
                reached.insert((process.pid, process.started));
                match open_verified(&process).map(|pidfd| pidfd.send(signal)) {
                    None | Some(Ok(()) | Err(Errno::ESRCH)) => {}
                    Some(Err(errno)) => failed = Some(errno),
                }
            }
        }
        Err(Errno::EAGAIN)
    }

    /// The leader, what it has been seen to have borne, adopted orphans that carry our tag, and all descendants of these.
    fn tree(&self, kin: &mut Kin) -> Result<Vec<Stat>, Errno> {
        for _ in 0..ROUNDS_MAX {
            let mut every = procfs::every()?;
            let Some(roots) = self.roots(&every, kin) else { continue };
            let tree = descendants(roots, &every);
            every.retain(|process| tree.contains(&process.pid));
            kin.clear();
            kin.extend(every.iter().map(|process| (process.pid, process.started)));
            return Ok(every);
        }
        Err(Errno::EAGAIN)
    }

    /// Those of the tree whose parent is not in it; `None` where somebody has died in the middle of the walk who may have belonged to
    /// us: his children, seen before that, are nobody's by this walk, and ours by the next.
    fn roots(&self, every: &[Stat], kin: &Kin) -> Option<BTreeSet<Pid>> {
        let own = std::process::id() as i32;
        let living: BTreeSet<i32> = every.iter().filter(|s| s.is_alive()).map(|s| s.pid.as_raw()).collect();
        let mut roots = BTreeSet::new();
        for process in every {
            let adopted = process.ppid == own && !spawn::is_leader(process.pid);
            let leads = process.pid == self.leader && self.is_pinned.get();
            if leads || is_kin(process, kin) || (adopted && self.claims(process, kin)) {
                roots.insert(process.pid);
                continue;
            }
            // Who is dead has no environment to tell whose he was, and no children any more (`exit_notify` of Linux).
            let died_unknown = adopted && process.is_alive() && !is_alive_still(process);
            // Zero is a parent outside our namespace.
            let lost_its_parent = process.ppid != 0 && process.is_alive() && !living.contains(&process.ppid);
            if died_unknown || lost_its_parent {
                return None;
            }
        }
        Some(roots)
    }

    /// Whether a process belongs to us by the number of its group or session, or leads us and has strayed from it.
    fn is_numbered(&self, process: &Stat, number: i32, kin: &Kin) -> bool {
        let matches = number == self.leader.as_raw() || process.pid == self.leader;
        matches && (self.is_pinned.get() || is_kin(process, kin) || self.is_tagged(process.pid))
    }

    fn is_tagged(&self, pid: Pid) -> bool {
        procfs::environment(pid, UNIT_VARIABLE).is_some_and(|tags| tags.split('/').any(|tag| tag == self.tag))
    }
}

/// These, and all that descend from them.
fn descendants(roots: BTreeSet<Pid>, every: &[Stat]) -> BTreeSet<Pid> {
    let mut tree = roots;
    loop {
        let before = tree.len();
        for process in every {
            if Pid::new(process.ppid).is_some_and(|parent| tree.contains(&parent)) {
                tree.insert(process.pid);
            }
        }
        if tree.len() == before {
            return tree;
        }
    }
}

fn is_alive_still(process: &Stat) -> bool {
    procfs::stat(process.pid).is_some_and(|now| now.started == process.started && now.is_alive())
}

fn is_kin(process: &Stat, kin: &Kin) -> bool {
    kin.get(&process.pid) == Some(&process.started)
}

/// A pidfd of exactly this process; `None` where it is gone. The number may have passed on between the walk and the
/// opening, so the start time is compared once the pidfd pins whoever has it.
pub fn open_verified(process: &Stat) -> Option<Pidfd> {
    if process.pid.as_raw() <= 1 {
        return None;
    }
    let pidfd = Pidfd::open(process.pid).ok()?;
    let again = procfs::stat(process.pid)?;
    (again.started == process.started).then_some(pidfd)
}

/// Walks of one signal, at most: who forks faster than that needs a control group.
pub const ROUNDS_MAX: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(pid: i32, ppid: i32, state: u8) -> Stat {
        let pid = Pid::new(pid).expect("a pid");
        Stat { pid, comm: "it".into(), state, ppid, pgrp: 1, session: 1, started: 7, threads: 1, exit_code: 0 }
    }

    /// Numbers that nobody has here: beyond the greatest that a kernel gives (proc(5), pid_max).
    const LEADER: i32 = 5_000_001;
    const PARENT: i32 = 5_000_002;
    const CHILD: i32 = 5_000_003;

    #[test]
    fn a_walk_in_which_a_parent_died_says_nothing() {
        let realm = Realm {
            leader: Pid::new(LEADER).expect("a pid"),
            scope: Scope::Tree,
            tag: "unit".into(),
            is_pinned: Cell::new(true),
        };
        #[track_caller]
        fn check(realm: &Realm, every: &[Stat], tree: Option<&[i32]>) {
            let found = realm.roots(every, &Kin::new()).map(|roots| descendants(roots, every));
            let found = found.map(|tree| tree.iter().map(|pid| pid.as_raw()).collect::<Vec<_>>());
            assert_eq!(found.as_deref(), tree);
        }
        let own = std::process::id() as i32;
        let (leader, child) = (stat(LEADER, own, b'S'), stat(CHILD, PARENT, b'S'));
        let parent = |state| stat(PARENT, LEADER, state);
        check(&realm, &[leader.clone(), parent(b'S'), child.clone()], Some(&[LEADER, PARENT, CHILD]));
        check(&realm, &[leader.clone(), child.clone()], None);
        check(&realm, &[leader.clone(), child, parent(b'Z')], None);
        // It was alive when it was listed, and is not when it is asked whose it is.
        check(&realm, &[leader.clone(), stat(PARENT, own, b'S')], None);
        check(&realm, &[leader, stat(PARENT, own, b'Z'), stat(CHILD, 0, b'S')], Some(&[LEADER]));
    }
}
