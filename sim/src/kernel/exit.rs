//! _exit(2): one atomic step from living to zombie, and what becomes of the children.
//! Descriptors are closed before anybody can wait, so "exited, and no end of output yet" proves another holder.

use super::list::{Chain, List};
use super::process::{Life, Wait};
use super::{HOST, INIT, Kernel};
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Deed, ExitStatus, Sender};

use super::poll::What;
use super::sigset::Disposition;

impl Kernel {
    /// Ends a process: descriptors closed, children given away, parent told.
    pub(super) fn exit(&mut self, id: ProcId, status: ExitStatus) {
        self.disarm(id);
        self.close_all(id);
        let process = self.entry_mut(id);
        process.life = Life::Zombie(status);
        process.wait = Wait::Nothing;
        process.frames.clear();
        let (parent, pgid, sid) = (process.parent, process.pgid, process.sid);
        let unit = process.unit.expect("init and the host do not exit");
        self.deeds.push(Deed::Died { who: id, status });
        self.living -= 1;
        self.pids.at(pgid).group_living -= 1;
        self.pids.at(sid).session_living -= 1;
        let of = self.units.at(unit);
        let is_leader = of.leader == Some(id);
        of.living = of.living.remove(&mut self.procs, Chain::Unit, id);
        self.orphan_children(id);
        let siblings = self.entry(parent).children;
        self.entry_mut(parent).children = siblings.remove(&mut self.procs, Chain::Siblings, id);
        self.becomes_zombie_of(parent, id);
        if is_leader {
            self.fire(unit, What::Exit);
        }
        self.check_empty_after(unit, pgid, sid);
    }

    /// Gives the children of a dying process, living and dead, to the nearest reaper.
    fn orphan_children(&mut self, id: ProcId) {
        let reaper = self.reaper();
        let process = self.entry_mut(id);
        let children = std::mem::take(&mut process.children);
        let zombies = std::mem::take(&mut process.zombies);
        let mut next = children.head;
        while let Some(child) = next {
            next = self.entry(child).next(Chain::Siblings);
            self.adopt(reaper, child);
            let siblings = self.entry(reaper).children;
            self.entry_mut(reaper).children = siblings.push(&mut self.procs, Chain::Siblings, child);
        }
        next = zombies.head;
        while let Some(child) = next {
            next = self.entry(child).next(Chain::Siblings);
            self.adopt(reaper, child);
            self.becomes_zombie_of(reaper, child);
        }
    }

    fn adopt(&mut self, reaper: ProcId, child: ProcId) {
        self.entry_mut(child).parent = reaper;
        self.deeds.push(Deed::Adopted { who: child, by: reaper });
    }

    /// A zombie has come to a parent, by death or by adoption: it is told, and perhaps reaps at once.
    fn becomes_zombie_of(&mut self, parent: ProcId, zombie: ProcId) {
        let siblings = self.entry(parent).zombies;
        self.entry_mut(parent).zombies = siblings.push(&mut self.procs, Chain::Siblings, zombie);
        if parent == INIT {
            self.reap_child(INIT, zombie);
            return;
        }
        if parent == HOST {
            let unit = self.entry(zombie).unit;
            if unit.and_then(|unit| self.units.get(unit)?.leader) != Some(zombie) {
                self.adopted.push(zombie);
            }
            return;
        }
        // An explicit SIG_IGN reaps by itself; the default, which ignores as well, does not (sigaction(2)).
        match self.entry(parent).signals.disposition(Signal::CHLD) {
            Disposition::Ignored => self.reap_child(parent, zombie),
            Disposition::Caught | Disposition::Default(_) => self.generate(parent, Signal::CHLD, Sender::Kernel),
        }
        let waiting = self.entry_mut(parent);
        if waiting.wait == Wait::Child {
            waiting.wait = Wait::Nothing;
            self.announce(parent);
        }
    }

    /// Takes a zombie out of the table (waitid(2) without WNOWAIT). Its numbers are free unless somebody else uses them.
    pub(super) fn reap_child(&mut self, by: ProcId, who: ProcId) {
        let process = self.entry_mut(who);
        let Life::Zombie(status) = process.life else { return };
        process.life = Life::Reaped(status);
        let (pid, pgid, sid) = (process.pid, process.pgid, process.sid);
        let zombies = self.entry(by).zombies;
        self.entry_mut(by).zombies = zombies.remove(&mut self.procs, Chain::Siblings, who);
        let without = |list: List, procs: &mut [_], chain| list.remove(procs, chain, who);
        self.pids.at(pid).task = None;
        let group = &mut self.pids.at(pgid).group;
        *group = without(*group, &mut self.procs, Chain::Group);
        let session = &mut self.pids.at(sid).session;
        *session = without(*session, &mut self.procs, Chain::Session);
        self.deeds.push(Deed::Reaped { who, by });
        self.pids.release(pid);
        self.pids.release(pgid);
        self.pids.release(sid);
    }

    /// A death may have emptied the scope of its own unit, and of those whose group and session it was in.
    fn check_empty_after(&mut self, unit: UnitId, pgid: i32, sid: i32) {
        self.check_empty(unit);
        for number in [pgid, sid] {
            if let Some(other) = self.pids.at(number).unit
                && other != unit
            {
                self.check_empty(other);
            }
        }
    }
}
