//! Who belongs to a unit, as far as its scope reaches, and signals to all of them.
//! Members are found in /proc and acted on only through pidfds, looked at again after opening, so that no stranger is hit.
//!
//! Sources: credentials(7), setsid(2), prctl(2) PR_SET_CHILD_SUBREAPER, pidfd_open(2).

use crate::pidfd::Pidfd;
use crate::procfs::{self, Stat};
use crate::reserve;
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
    /// Where /proc cannot be read.
    pub fn members(&self, kin: &mut Kin) -> Result<Vec<Stat>, Errno> {
        match self.scope {
            Scope::Process => Ok(procfs::look(self.leader)?.into_iter().filter(|_| self.is_pinned.get()).collect()),
            Scope::Group => procfs::every_that(|s| self.is_numbered(s, s.pgrp, kin)),
            Scope::PosixSession => procfs::every_that(|s| self.is_numbered(s, s.session, kin)),
            // The last two are refused at the spawn; a walk of theirs is never more than the tree.
            Scope::Tree | Scope::Cgroup | Scope::Job => self.tree(kin, || procfs::every_that(|_| Ok(true))),
        }
    }

    /// Whether this process belongs to us by what it carries itself: group, session, environment, or our memory.
    ///
    /// # Errors
    /// Where nobody can look: see [`procfs::environment`].
    pub fn claims(&self, process: &Stat, kin: &Kin) -> Result<bool, Errno> {
        let number = self.leader.as_raw();
        let is_numbered = process.pid == self.leader || process.pgrp == number || process.session == number;
        let is_known = (self.is_pinned.get() && is_numbered) || is_kin(process, kin);
        if is_known { Ok(true) } else { self.is_tagged(process.pid) }
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
        let strayed = procfs::look(self.leader)?.is_some_and(|s| s.is_alive() && s.pgrp != self.leader.as_raw());
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
                let sent = open_verified(&process).and_then(|held| held.map_or(Ok(()), |pidfd| pidfd.send(signal)));
                match sent {
                    Ok(()) | Err(Errno::ESRCH) => {}
                    Err(errno) => failed = Some(errno),
                }
            }
        }
        Err(Errno::EAGAIN)
    }

    /// The leader, what it has been seen to have borne, orphans that carry our tag, and all descendants of these.
    ///
    /// Whoever is asked is asked after all were listed. One that is dying by then may have borne somebody in between whom no list names
    /// yet, and who is all that is left: so a walk that finds one is done again. Without memory nobody forks, so once is enough for each.
    fn tree(&self, kin: &mut Kin, list: impl Fn() -> Result<Vec<Stat>, Errno>) -> Result<Vec<Stat>, Errno> {
        let mut known = Kin::new();
        loop {
            let mut every = list()?;
            let (roots, dying) = self.roots(&every, kin)?;
            let before = known.len();
            known.extend(dying);
            if known.len() > before && before < ROUNDS_MAX as usize {
                continue;
            }
            let tree = descendants(roots, &every);
            every.retain(|process| tree.contains(&process.pid));
            kin.clear();
            kin.extend(every.iter().map(|process| (process.pid, process.started)));
            return Ok(every);
        }
    }

    /// Those of the tree whom no parent speaks for, so that they are asked themselves: adopted orphans, and whose parent has died in the
    /// middle of the walk, or is dying. Memory goes before children do (`do_exit` of Linux), so for a while a parent that looks alive
    /// has no environment any more to tell whose it was. And these, who looked alive and were found dying.
    fn roots(&self, every: &[Stat], kin: &Kin) -> Result<(BTreeSet<Pid>, Kin), Errno> {
        let own = std::process::id() as i32;
        let living: BTreeSet<i32> = every.iter().filter(|s| s.is_alive()).map(|s| s.pid.as_raw()).collect();
        let (mut roots, mut asked, mut dying) = (BTreeSet::new(), BTreeSet::new(), Kin::new());
        loop {
            let before = asked.len();
            for process in every {
                let leads = process.pid == self.leader && self.is_pinned.get();
                if leads || is_kin(process, kin) {
                    roots.insert(process.pid);
                    continue;
                }
                let is_adopted = process.ppid == own && !spawn::is_leader(process.pid);
                // Zero is a parent outside our namespace.
                let is_of_dying = Pid::new(process.ppid).is_some_and(|parent| dying.contains_key(&parent));
                let is_lost = process.ppid != 0 && !living.contains(&process.ppid) || is_of_dying;
                if !(is_adopted || is_lost) || !asked.insert(process.pid) {
                    continue;
                }
                if self.claims(process, kin)? {
                    roots.insert(process.pid);
                } else if !procfs::has_memory(process.pid)? {
                    dying.insert(process.pid, process.started);
                }
            }
            if asked.len() == before {
                dying.retain(|pid, _| living.contains(&pid.as_raw()));
                return Ok((roots, dying));
            }
        }
    }

    /// Whether a process belongs to us by the number of its group or session, or leads us and has strayed from it.
    fn is_numbered(&self, process: &Stat, number: i32, kin: &Kin) -> Result<bool, Errno> {
        if number != self.leader.as_raw() && process.pid != self.leader {
            return Ok(false);
        }
        if self.is_pinned.get() || is_kin(process, kin) { Ok(true) } else { self.is_tagged(process.pid) }
    }

    fn is_tagged(&self, pid: Pid) -> Result<bool, Errno> {
        let tags = procfs::environment(pid, UNIT_VARIABLE)?;
        Ok(tags.is_some_and(|tags| tags.split('/').any(|tag| tag == self.tag)))
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

fn is_kin(process: &Stat, kin: &Kin) -> bool {
    kin.get(&process.pid) == Some(&process.started)
}

/// A pidfd of exactly this process, to signal or to reap it at once; `None` where it is gone. The number may have passed on between the walk
/// and the opening, so the start time is compared once the pidfd pins whoever has it.
///
/// # Errors
/// Where it cannot be held, or nobody can look who it is (EMFILE): it may be there.
pub fn open_verified(process: &Stat) -> Result<Option<Pidfd>, Errno> {
    verified(process, |pid| reserve::lend(|| Pidfd::open(pid)))
}

/// The same to keep, until it ends: for that no descriptor is taken which was laid by.
///
/// # Errors
/// As [`open_verified`].
pub fn open_to_wait(process: &Stat) -> Result<Option<Pidfd>, Errno> {
    verified(process, Pidfd::open)
}

fn verified(process: &Stat, open: impl FnOnce(Pid) -> Result<Pidfd, Errno>) -> Result<Option<Pidfd>, Errno> {
    if process.pid.as_raw() <= 1 {
        return Ok(None);
    }
    let pidfd = match open(process.pid) {
        Ok(pidfd) => pidfd,
        Err(Errno::ESRCH) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let again = procfs::look(process.pid)?;
    Ok(again.filter(|again| again.started == process.started).map(|_| pidfd))
}

/// Walks of one signal, at most: who forks faster than that needs a control group.
pub const ROUNDS_MAX: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that nobody has here: beyond the greatest that a kernel gives (proc(5), pid_max).
    const LEADER: i32 = 5_000_001;
    const PARENT: i32 = 5_000_002;
    const CHILD: i32 = 5_000_003;

    fn stat(pid: i32, ppid: i32, pgrp: i32, state: u8) -> Stat {
        let pid = Pid::new(pid).expect("a pid");
        Stat { pid, comm: "it".into(), state, ppid, pgrp, session: 1, started: 7, threads: 1, exit_code: 0 }
    }

    #[test]
    fn whose_parent_dies_in_the_middle_of_a_walk_is_asked_himself() {
        #[track_caller]
        fn check(every: &[Stat], tree: &[i32]) {
            let (leader, tag) = (Pid::new(LEADER).expect("a pid"), "unit".into());
            let realm = Realm { leader, scope: Scope::Tree, tag, is_pinned: Cell::new(true) };
            let found = descendants(realm.roots(every, &Kin::new()).expect("/proc can be read").0, every);
            assert_eq!(found.iter().map(|pid| pid.as_raw()).collect::<Vec<_>>(), tree);
        }
        let own = std::process::id() as i32;
        let leader = || stat(LEADER, own, LEADER, b'S');
        // Its group tells whose it is; no environment does, as nobody has these numbers.
        let child = || stat(CHILD, PARENT, LEADER, b'S');
        let stranger = || stat(CHILD, PARENT, 1, b'S');
        check(&[leader(), stat(PARENT, LEADER, 1, b'S'), stranger()], &[LEADER, PARENT, CHILD]);
        check(&[leader(), child()], &[LEADER, CHILD]);
        check(&[leader(), stranger()], &[LEADER]);
        check(&[leader(), child(), stat(PARENT, own, 1, b'Z')], &[LEADER, CHILD]);
        // It looks alive, and has no memory any more.
        check(&[leader(), child(), stat(PARENT, own, 1, b'R')], &[LEADER, CHILD]);
        check(&[leader(), stranger(), stat(PARENT, own, 1, b'R')], &[LEADER]);
        check(&[stat(LEADER, own, LEADER, b'Z'), stat(CHILD, 0, LEADER, b'S')], &[LEADER]);
    }

    /// Its parent looks alive in the first list, and is dying when it is asked: what it has borne in between stands in the second.
    #[test]
    fn whoever_is_born_of_the_dying_while_a_walk_lasts_is_found() {
        let (leader, tag) = (Pid::new(LEADER).expect("a pid"), "unit".into());
        let realm = Realm { leader, scope: Scope::Tree, tag, is_pinned: Cell::new(true) };
        let own = std::process::id() as i32;
        let (leader, parent) = (stat(LEADER, own, LEADER, b'Z'), stat(PARENT, own, 1, b'R'));
        let born = stat(CHILD, PARENT, LEADER, b'S');
        let lists = [vec![leader.clone(), parent.clone()], vec![leader, parent, born]];
        let listed = Cell::new(0);
        let list = || {
            listed.set(listed.get() + 1);
            Ok(lists[1.min(listed.get() - 1)].clone())
        };
        let found = realm.tree(&mut Kin::new(), list).expect("listed");
        assert_eq!(found.iter().map(|process| process.pid.as_raw()).collect::<Vec<_>>(), [LEADER, CHILD]);
        assert_eq!(listed.get(), 2, "who is known to be dying bears nobody more");
    }
}
