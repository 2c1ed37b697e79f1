//! _exit(2): one atomic step from living to zombie, and what becomes of the children.
//! Descriptors are closed before anybody can wait, so "exited, and no end of output yet" proves another holder.

use super::list::{Chain, List};
use super::process::{Life, Wait};
use super::{HOST, INIT, Kernel};
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::site::{Kind, Site, hash_name};
use shakedown_core::vocab::{Deed, ExitStatus, Sender};

use super::poll::What;
use super::sigset::Disposition;

impl Kernel {
    /// Ends a process and all of its threads (exit_group(2)): descriptors closed, children given away, parent told.
    pub(super) fn exit(&mut self, id: ProcId, status: ExitStatus) {
        self.disarm(id);
        self.end_all_threads(id);
        self.close_all(id);
        self.close_files(id);
        if !self.ttys.is_empty() {
            self.leave_tty(id);
        }
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
        if !self.cgroups.is_empty() {
            self.leave_cgroup(id, self.cgroup_of(id));
        }
        self.orphan_children(id);
        if self.uses.stops {
            self.tie_is_cut(id, parent);
        }
        let siblings = self.entry(parent).children;
        self.entry_mut(parent).children = siblings.remove(&mut self.procs, Chain::Siblings, id);
        self.becomes_zombie_of(parent, id);
        if is_leader {
            self.fire(unit, What::Exit);
        }
        self.check_empty_after(unit, pgid, sid);
    }

    /// Whether a process gives its descriptors back in a step of their own, and its end comes in a later one, as do_exit() of Linux has it
    /// (`exit_files`, and `exit_notify` at last): whoever waits for a lock of it may go on between the two. Nobody else notices.
    pub(super) fn closes_first(&mut self, process: ProcId, status: ExitStatus, choose: &mut impl Choose) -> bool {
        if !self.is_lock_awaited(process) || self.entry(process).over || !self.threads(process).is_empty() {
            return false;
        }
        let own = self.entry(process);
        let site = Site { kind: Kind::Lag, label: own.label.child_hashed(CLOSED, 0), nth: own.steps };
        let closes = choose.draw(site, Ask::Pick { of: 2 }) == 1;
        if closes {
            self.disarm(process);
            self.close_all(process);
            self.close_files(process);
            let rare = self.entry_mut(process).rare_mut();
            (rare.ending, rare.unmapped) = (Some(status), true);
        }
        closes
    }

    /// Gives the children of a dying process, living and dead, to the nearest reaper.
    pub(super) fn orphan_children(&mut self, id: ProcId) {
        if self.entry(id).children.is_empty() && self.entry(id).zombies.is_empty() {
            return;
        }
        let reaper = self.reaper_of(id);
        let process = self.entry_mut(id);
        let children = std::mem::take(&mut process.children);
        let zombies = std::mem::take(&mut process.zombies);
        let mut next = children.head();
        while let Some(child) = next {
            next = self.entry(child).next(Chain::Siblings);
            self.adopt(reaper, child);
            let siblings = self.entry(reaper).children;
            self.entry_mut(reaper).children = siblings.push(&mut self.procs, Chain::Siblings, child);
            if self.uses.stops {
                self.tie_is_cut(child, id);
            }
        }
        next = zombies.head();
        while let Some(child) = next {
            next = self.entry(child).next(Chain::Siblings);
            self.adopt(reaper, child);
            if self.uses.stops {
                self.tie_is_cut(child, id);
            }
            self.becomes_zombie_of(reaper, child);
        }
    }

    fn adopt(&mut self, reaper: ProcId, child: ProcId) {
        let orphan = self.entry_mut(child);
        // Its new parent does not know it by a name.
        orphan.called = 0;
        (orphan.parent, orphan.forked_by) = (reaper, reaper);
        if self.uses.pdeathsigs {
            self.parent_is_gone(child);
        }
        self.deeds.push(Deed::Adopted { who: child, by: reaper });
    }

    /// A zombie has come to a parent, by death or by adoption: it is told, and perhaps reaps at once.
    fn becomes_zombie_of(&mut self, parent: ProcId, zombie: ProcId) {
        let siblings = self.entry(parent).zombies;
        self.entry_mut(parent).zombies = siblings.push(&mut self.procs, Chain::Siblings, zombie);
        if parent == INIT || (parent == HOST && self.host_has_ended()) {
            self.reap_child(parent, zombie);
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
        for thread in self.each_thread(parent) {
            let waiting = self.entry_mut(thread);
            if waiting.wait == Wait::Child {
                waiting.wait = Wait::Nothing;
                self.announce(thread);
            }
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
        self.discount_task(who);
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

/// The question whether an end comes in two steps.
const CLOSED: u64 = hash_name("(closed)");

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::{U, exited, play, play_with};
    use super::*;
    use shakedown_core::vocab::{Scope, Stream, Truth, TryRead};

    /// SEMANTICS C5, C31.
    #[test]
    fn the_status_is_what_the_program_said() {
        for (script, code) in
            [("exit 3", 3), ("print a", 0), ("exit 255", 255), ("exit 127", 127), ("repeat 2 { repeat 2 { } }", 0)]
        {
            assert_eq!(play(script).settle().status("w/main"), exited(code), "{script}");
        }
    }

    /// SEMANTICS C5b: whenever the exit can be seen, so can the end of output, unless another holds it.
    #[test]
    fn a_single_holder_is_at_end_of_file_before_it_is_waitable() {
        for (script, writers) in [("exit 0", false), ("spawn helper { hang }; exit 0", true)] {
            let mut check = play(script);
            while check.kernel.peek_exit(U).is_none() {
                assert!(check.step(), "the leader exits");
            }
            let notice = check.kernel.peek_exit(U).expect("it has ended");
            assert_eq!((notice.others, notice.writers), (Some(writers), Some(writers)));
            let expected = if writers { TryRead::WouldBlock } else { TryRead::Eof };
            assert_eq!(check.kernel.read(U, Stream::Stdout, &mut Vec::new(), 1), expected);
        }
    }

    /// SEMANTICS C23.
    #[test]
    fn orphans_go_to_the_subreaper_or_to_init() {
        for (subreaper, zombies) in [(true, 1), (false, 0)] {
            let config = KernelConfig { subreaper, ..KernelConfig::default() };
            let script = "spawn dead { exit 7 }; spawn quick { sleep 1ms }; spawn slow { setsid; hang }; sleep 2ms";
            let mut check = play_with(config, Scope::Group, script);
            check.pass(5);
            let reaper = if subreaper { HOST } else { INIT };
            for name in ["w/dead", "w/quick", "w/slow"] {
                assert_eq!(check.kernel.process(check.find(name)).parent, reaper, "{name}");
            }
            assert_eq!(check.kernel.zombies_of_host(), 1 + 2 * zombies, "the leader, and what was adopted");
            check.kernel.reap_adopted();
            assert_eq!(check.kernel.zombies_of_host(), 1, "the leader is not for reap_adopted");
            assert_eq!(check.count(|deed| matches!(deed, Deed::Reaped { by, .. } if *by == reaper)), 2);
            assert_eq!((check.kernel.living(U), check.kernel.living_in_all()), (1, 1));
        }
    }

    /// SEMANTICS C23: the double fork.
    #[test]
    fn a_daemon_escapes_group_and_session_and_its_caller_goes_on() {
        let mut check = play("daemonize d { hang }; print up; hang");
        check.settle();
        let daemon = check.find("w/d");
        let view = check.kernel.process(daemon);
        assert_eq!((view.alive, view.parent), (true, HOST));
        assert_eq!(check.stdout(), "up\n");
        let between = check.find("w/(daemonize)");
        let main = check.find("w/main");
        assert_eq!(check.count(|deed| *deed == Deed::Reaped { who: between, by: main }), 1);
        check.kill("w/main", Signal::KILL);
        assert!(check.kernel.scope_is_empty(U), "the group misses it");
        assert_eq!(check.kernel.living(U), 1, "by birth it is still the unit's");
    }
}
