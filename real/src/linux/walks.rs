//! Who lives and who has ended: each wait sleeps until the kernel says that something came true.
//! Nothing polls: an exit is a readable pidfd, an empty scope is the exits of all its members, seen again until nobody is new.

use super::Linux;
use super::unit::LinuxUnit;
use crate::pidfd::Pidfd;
use crate::procfs::{self, Stat};
use crate::reaper;
use crate::scope;
use crate::watch::watch;
use crate::world::Unit;
use shakedown_core::ids::Pid;
use shakedown_core::vocab::{Errno, ExitStatus, Scope, Stream, Survey, Survivor};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Interest;

impl Linux {
    /// Until the leader has ended. It stays a zombie.
    ///
    /// A pidfd's readiness is a hint (a traced child makes it readable, too: tokio#7144), so the status is asked each time.
    pub(super) async fn wait_end(self: &Rc<Self>, unit: &LinuxUnit) -> ExitStatus {
        let status = match unit.ended.get() {
            Some(status) => status,
            None => loop {
                let Ok(mut ready) = unit.leader.readable().await else { break ExitStatus::Unknown };
                match unit.leader.get_ref().peek() {
                    Ok(Some(status)) => break status,
                    Ok(None) => ready.clear_ready(),
                    // ECHILD: somebody else has reaped it.
                    Err(_) => break ExitStatus::Unknown,
                }
            },
        };
        unit.ended.set(Some(status));
        // What was said before the end is told before it.
        self.drain_reports();
        self.saw_end(unit.pid(), status);
        status
    }

    /// Whether others than the leader live in the scope, once it has ended. Whatever outlived its parent is a child of ours now,
    /// as we adopt all orphans but those of a leader that we have taken over; so where we have no children but leaders, the walk through /proc
    /// is spared. Where it finds only dead ones,
    /// they are reaped and told of first: an answer that nobody is left may be the last thing that a session waits for.
    pub(super) fn others_than_leader(self: &Rc<Self>, unit: &LinuxUnit) -> Option<bool> {
        if unit.realm.scope == Scope::Process || unit.is_alone.get() {
            return Some(false);
        }
        if unit.is_adopted || !reaper::strangers().ok()?.is_empty() {
            let living = unit.realm.living(&mut unit.kin.borrow_mut()).ok()?;
            if living.iter().any(|s| s.pid != unit.pid()) {
                return Some(true);
            }
            self.sweep();
        }
        unit.is_alone.set(true);
        Some(false)
    }

    /// Until nobody in the scope is alive; adopted members are reaped on the way. Awaits the exits of the members known, of a part of them
    /// where they are very many, then looks again. A walk that fails, or finds nobody of whom a pidfd can be had, is repeated after
    /// [`WALK_AGAIN`].
    pub(super) async fn wait_empty(self: &Rc<Self>, unit: &LinuxUnit) {
        loop {
            self.sweep();
            match self.living_besides_dead_leader(unit) {
                Ok(living) if living.is_empty() => {
                    // Whoever died since the last sweep is ours by now: orphans are handed on before their parent's end shows.
                    self.sweep();
                    return self.drain_reports();
                }
                Ok(living) => {
                    let ends = living.iter().filter_map(|member| scope::open_to_wait(member).ok().flatten());
                    let ends: Vec<_> = ends.take(WAITED_MAX).collect();
                    if ends.is_empty() {
                        tokio::time::sleep(WALK_AGAIN).await;
                    }
                    for end in ends {
                        all_gone(end).await;
                    }
                }
                Err(_) => tokio::time::sleep(WALK_AGAIN).await,
            }
        }
    }

    fn living_besides_dead_leader(&self, unit: &LinuxUnit) -> Result<Vec<Stat>, Errno> {
        let has_ended = unit.ended.get().is_some()
            || match unit.leader.get_ref().peek() {
                Ok(status) => status.is_some(),
                Err(Errno::ECHILD) => true,
                Err(errno) => return Err(errno),
            };
        if has_ended && !unit.is_adopted && reaper::strangers()?.is_empty() {
            return Ok(Vec::new());
        }
        unit.realm.living(&mut unit.kin.borrow_mut())
    }

    /// Looks at all adopted orphans: living ones are remembered as their unit's, zombies are reaped.
    pub(super) fn sweep(self: &Rc<Self>) {
        let strangers = match reaper::strangers() {
            Ok(strangers) => strangers,
            Err(errno) => return self.find(format!("orphans cannot be looked for: {errno} ({})", errno.explain())),
        };
        for stranger in strangers {
            let claimant = match self.claimant(&stranger) {
                Ok(claimant) => claimant,
                // It is looked at again in the next sweep.
                Err(errno) => {
                    self.find(format!(
                        "whose orphan {} is cannot be seen: {errno} ({})",
                        stranger.pid,
                        errno.explain()
                    ));
                    continue;
                }
            };
            if stranger.is_alive() {
                if let Some(unit) = claimant {
                    unit.kin.borrow_mut().insert(stranger.pid, stranger.started);
                }
                continue;
            }
            let is_ours = claimant.is_some() || self.owns_all_children || self.knows(&stranger);
            if is_ours {
                // Whatever it or its parent has said was said before their ends.
                self.drain_reports();
                match reaper::reap_orphan(&stranger) {
                    Ok(Some(status)) => {
                        self.saw_end(stranger.pid, status);
                        self.roll.borrow_mut().close(stranger.pid);
                    }
                    Ok(None) => {}
                    Err(errno) => self.find(format!("orphan {} cannot be reaped: {errno}", stranger.pid)),
                }
            }
        }
    }

    fn claimant(&self, orphan: &Stat) -> Result<Option<Rc<LinuxUnit>>, Errno> {
        for unit in self.units.borrow().values() {
            if unit.realm.claims(orphan, &unit.kin.borrow())? {
                return Ok(Some(unit.clone()));
            }
        }
        Ok(None)
    }

    /// Reaps the leader if it has ended; whether it is reaped.
    pub(super) fn reap_leader(&self, unit: &LinuxUnit) -> bool {
        if unit.is_adopted {
            // Its parent reaps it.
            unit.is_reaped.set(unit.ended.get().is_some());
            return unit.is_reaped.get();
        }
        match reaper::reap_leader(unit.pid(), unit.leader.get_ref()) {
            Ok(None) => return false,
            Ok(Some(status)) => {
                unit.ended.set(Some(status));
                self.saw_end(unit.pid(), status);
            }
            Err(errno) => self.find(format!("{} could not be reaped: {errno}; who else waits for it?", unit.name())),
        }
        unit.realm.is_pinned.set(false);
        unit.is_reaped.set(true);
        true
    }

    pub(super) fn look_at(self: &Rc<Self>, unit: &LinuxUnit) -> Survey {
        let members = unit.realm.living(&mut unit.kin.borrow_mut());
        let inodes: Vec<u64> = Stream::BOTH.iter().filter_map(|s| unit.output(*s).inode()).collect();
        let holders = procfs::writers_of(&inodes);
        for errno in [members.as_ref().err(), holders.as_ref().err()].into_iter().flatten() {
            self.find(format!("a survey of {} is incomplete: {errno} ({})", unit.name(), errno.explain()));
        }
        // Who has come or gone by now has said so: this may be the last look before the end.
        self.drain_reports();
        let members = members.unwrap_or_default().into_iter().map(|s| self.survivor(s.pid)).collect();
        let holders = holders.unwrap_or_default().into_iter().map(|pid| self.survivor(pid)).collect();
        // ECHILD: it was reaped, and `ended` tells.
        let exit = unit.ended.get().or_else(|| unit.leader.get_ref().peek().ok().flatten());
        Survey { members, holders, exit }
    }

    fn survivor(&self, pid: Pid) -> Survivor {
        let name = self.roll.borrow().name(pid);
        let name = name.or_else(|| procfs::stat(pid).map(|s| s.comm.into())).unwrap_or_else(|| "(gone)".into());
        Survivor { pid: pid.as_raw(), name }
    }

    pub(super) fn blame(&self, unit: &LinuxUnit, task: &str) {
        let living = match unit.realm.living(&mut unit.kin.borrow_mut()) {
            Ok(living) => living,
            Err(errno) => {
                return self
                    .find(format!("who outlived the task `{task}` cannot be seen: {errno} ({})", errno.explain()));
            }
        };
        for process in living {
            let Survivor { pid, name } = self.survivor(process.pid);
            self.find(format!(
                "no-orphan: {name} ({pid}) outlived the task `{task}` that had started it; end it or detach it"
            ));
        }
    }
}

/// Until this process has ended.
async fn all_gone(end: Pidfd) {
    match watch(end, Interest::READABLE) {
        // An error means that the runtime shuts down, and this task with it.
        Ok(end) => drop(end.readable().await.map(|mut ready| ready.retain_ready())),
        Err(_) => tokio::time::sleep(WALK_AGAIN).await,
    }
}

/// So many descriptors one wait may hold, of those that the whole program has: 1024 where nobody has asked for more.
const WAITED_MAX: usize = 128;
/// The pause before a walk that could not be done is tried again: nothing here looks more often than that.
const WALK_AGAIN: Duration = Duration::from_millis(5);
