//! Controlling terminals and job control: which session a terminal controls, who is in its foreground, and whom it signals
//! (tty_ioctl(4), termios(3), credentials(7)). A terminal hits whole groups, the supervisor's own included: that is what ^C is.

use super::Kernel;
use super::list::Chain;
use super::pty::Pty;
use super::sigset::Disposition;
use shakedown_core::ids::ProcId;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, Sender};
use std::num::NonZeroU32;

/// A terminal: the slave side of a pseudoterminal that the host has opened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TtyId(NonZeroU32);

/// One terminal.
#[derive(Default, Hash)]
pub(super) struct Tty {
    /// The leader of the session that it controls.
    leader: Option<ProcId>,
    foreground: Option<Group>,
    /// Whether background groups may not write (TOSTOP).
    pub(super) tostop: bool,
    /// Hung up: the leader of the session that it controlled, and the group that was in the foreground.
    lost: Option<(ProcId, Group)>,
    pub(super) pty: Pty,
}

/// A process group as the kernel holds it: who gets the number after its last member is another group.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Group {
    pgid: i32,
    generation: u32,
}

/// All terminals, by their ids.
#[derive(Default, Hash)]
pub(super) struct Terminals(Vec<Tty>);

impl Terminals {
    pub(super) fn reset(&mut self) {
        self.0.clear();
    }

    /// Whether there is none, so that nobody has to ask further.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn create(&mut self) -> TtyId {
        self.0.push(Tty::default());
        TtyId(NonZeroU32::new(self.0.len() as u32).expect("one was pushed"))
    }

    pub(super) fn at(&mut self, tty: TtyId) -> &mut Tty {
        &mut self.0[tty.0.get() as usize - 1]
    }

    pub(super) fn get(&self, tty: TtyId) -> &Tty {
        &self.0[tty.0.get() as usize - 1]
    }

    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut Tty> {
        self.0.iter_mut()
    }
}

impl Kernel {
    /// The terminal becomes the controlling one of the caller's session, with the caller's group in its foreground (TIOCSCTTY). Children
    /// that were born before do not have it: it is inherited by fork alone.
    ///
    /// # Errors
    /// EPERM unless the caller leads its session and has no controlling terminal, and where the terminal controls another session; EIO
    /// after a hangup.
    pub fn acquire_tty(&mut self, proc: ProcId, tty: TtyId) -> Result<(), Errno> {
        let process = self.entry(proc);
        let terminal = self.ttys.get(tty);
        if terminal.leader == Some(proc) && process.inherited.tty == Some(tty) {
            return Ok(());
        }
        if terminal.pty.master_is_closed() {
            return Err(Errno::EIO);
        }
        let may = process.sid == process.pid && process.inherited.tty.is_none() && terminal.leader.is_none();
        if !may {
            return Err(Errno::EPERM);
        }
        let group = self.group_of(proc);
        let terminal = self.ttys.at(tty);
        (terminal.leader, terminal.foreground) = (Some(proc), Some(group));
        self.entry_mut(proc).inherited.tty = Some(tty);
        Ok(())
    }

    /// Gives the controlling terminal up (TIOCNOTTY): the caller alone, but if it leads the session, everybody in it, and the
    /// foreground group gets HUP and CONT.
    ///
    /// # Errors
    /// ENOTTY without a controlling terminal.
    pub fn release_tty(&mut self, proc: ProcId) -> Result<(), Errno> {
        let tty = self.entry(proc).inherited.tty.ok_or(Errno::ENOTTY)?;
        if self.ttys.get(tty).leader == Some(proc) {
            self.signal_foreground(tty, Signal::HUP);
            self.signal_foreground(tty, Signal::CONT);
            self.disassociate(tty);
        } else {
            self.entry_mut(proc).inherited.tty = None;
        }
        Ok(())
    }

    /// The caller's controlling terminal.
    pub fn controlling_tty(&self, proc: ProcId) -> Option<TtyId> {
        self.entry(proc).inherited.tty
    }

    /// Puts a group of the caller's session into the foreground of its controlling terminal (tcsetpgrp(3)). A caller in the background
    /// may do so only while it ignores or blocks TTOU, as shells do.
    ///
    /// # Errors
    /// EINTR where the caller's group was sent TTOU instead: it tries again once continued. ENOTTY without a controlling terminal, and
    /// in the background of an orphaned group; EINVAL for a negative number; ESRCH for one that nobody uses; EPERM for a group of
    /// another session.
    pub fn set_foreground(&mut self, proc: ProcId, pgid: i32) -> Result<(), Errno> {
        let tty = self.entry(proc).inherited.tty.ok_or(Errno::ENOTTY)?;
        match self.check_job(proc, tty, Signal::TTOU) {
            Err(Errno::EIO) => return Err(Errno::ENOTTY),
            other => other?,
        }
        if pgid < 0 {
            return Err(Errno::EINVAL);
        }
        let number = self.pids.get(pgid).filter(|number| number.task.is_some() || !number.group.is_empty());
        let member = number.ok_or(Errno::ESRCH)?.group.head();
        if member.map(|member| self.entry(member).sid) != Some(self.entry(proc).sid) {
            return Err(Errno::EPERM);
        }
        let group = self.group_of(member.expect("it has a session"));
        self.ttys.at(tty).foreground = Some(group);
        Ok(())
    }

    /// The group in the foreground (tcgetpgrp(3)); `None` where the terminal controls no session.
    pub fn foreground(&self, tty: TtyId) -> Option<i32> {
        self.ttys.get(tty).foreground.map(|group| group.pgid)
    }

    /// Whether writes from the background are refused (termios(3), TOSTOP); they are not, at first.
    pub fn set_tostop(&mut self, tty: TtyId, tostop: bool) {
        self.ttys.at(tty).tostop = tostop;
    }

    /// The line is lost. The session has no controlling terminal any more and its leader gets HUP and CONT; when that one ends, as it
    /// does unless it handles HUP, so does the group that was in the foreground. Probed.
    pub fn hang_up(&mut self, tty: TtyId) {
        let terminal = self.ttys.at(tty);
        let Some(leader) = terminal.leader else { return };
        terminal.lost = terminal.foreground.map(|group| (leader, group));
        self.disassociate(tty);
        self.generate(leader, Signal::HUP, Sender::Kernel);
        self.generate(leader, Signal::CONT, Sender::Kernel);
    }

    /// A process with terminals ends. If it leads a session, the foreground group of its terminal gets HUP, and CONT too where the
    /// terminal was hung up before. Probed on a pseudoterminal, where a leader's end alone continues nobody.
    pub(super) fn leave_tty(&mut self, id: ProcId) {
        for terminal in self.ttys.each() {
            terminal.pty.close_all(id);
        }
        if let Some(tty) = self.entry(id).inherited.tty {
            if self.ttys.get(tty).leader == Some(id) {
                self.signal_foreground(tty, Signal::HUP);
                self.disassociate(tty);
            }
            return;
        }
        let lost: Vec<Group> = self
            .ttys
            .each()
            .filter_map(|tty| tty.lost.take_if(|(leader, _)| *leader == id))
            .map(|lost| lost.1)
            .collect();
        for group in lost {
            self.signal_job(group, Signal::HUP);
            self.signal_job(group, Signal::CONT);
        }
    }

    /// A signal character was typed, or the line was lost: every member of the foreground group gets it.
    pub(super) fn signal_foreground(&mut self, tty: TtyId, signal: Signal) {
        if let Some(group) = self.ttys.get(tty).foreground {
            self.signal_job(group, signal);
        }
    }

    /// Whether a process may use its controlling terminal now: freely in the foreground, and for writes where TOSTOP is off. In the
    /// background its whole group gets `signal`, TTIN for a read and TTOU else, and EINTR says so; who ignores or blocks TTOU goes on,
    /// who does so with TTIN reads EIO, and so does everybody in an orphaned group (`tty_check_change` of Linux).
    pub(super) fn check_job(&mut self, proc: ProcId, tty: TtyId, signal: Signal) -> Result<(), Errno> {
        let process = self.entry(proc);
        let group = self.group_of(proc);
        let foreground = self.ttys.get(tty).foreground;
        if process.inherited.tty != Some(tty) || foreground.is_none_or(|foreground| foreground == group) {
            return Ok(());
        }
        let is_ignored = process.signals.disposition(signal) == Disposition::Ignored
            || process.signals.blocked(process.mask).has(signal);
        if is_ignored && signal == Signal::TTOU {
            return Ok(());
        }
        if is_ignored || self.is_orphaned(group.pgid) {
            return Err(Errno::EIO);
        }
        self.signal_job(group, signal);
        Err(Errno::EINTR)
    }

    /// The session loses its controlling terminal.
    fn disassociate(&mut self, tty: TtyId) {
        let terminal = self.ttys.at(tty);
        terminal.foreground = None;
        let Some(leader) = terminal.leader.take() else { return };
        let session = self.pids.at(self.entry(leader).sid).session;
        let mut next = session.head();
        while let Some(member) = next {
            let process = self.entry_mut(member);
            next = process.next(Chain::Session);
            process.inherited.tty = process.inherited.tty.filter(|had| *had != tty);
        }
    }

    fn group_of(&self, proc: ProcId) -> Group {
        let pgid = self.entry(proc).pgid;
        Group { pgid, generation: self.pids.get(pgid).map_or(0, |number| number.generation) }
    }

    fn signal_job(&mut self, group: Group, signal: Signal) {
        let number = self.pids.get(group.pgid).filter(|number| number.generation == group.generation);
        let members = number.map(|number| number.group).unwrap_or_default();
        // A group may have died out: then there is nobody to signal, and no error.
        let _ = self.signal_list(members, Chain::Group, signal, Sender::Kernel);
    }
}

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::{Check, U, play_with, signalled};
    use super::super::process::Life;
    use super::*;
    use shakedown_core::ids::UnitId;
    use shakedown_core::vocab::{Scope, Truth};

    /// A session whose leader takes a terminal and then plays this.
    fn terminal(script: &str) -> (Check, TtyId) {
        let script = format!("sleep 1ms; {script}");
        let mut check = play_with(KernelConfig::DEFAULT, Scope::PosixSession, &script);
        let tty = check.kernel.open_pty();
        let main = check.settle().find("w/main");
        check.kernel.acquire_tty(main, tty).expect("it leads a session");
        check.pass(1);
        (check, tty)
    }

    /// A leader with a `job` of two, and one more in the background.
    const JOBS: &str = "on HUP print main-hup; on CONT print main-cont;
        spawn job { setpgid; on HUP print hup; on CONT print cont; on INT print int; spawn mate { hang }; hang };
        spawn back { setpgid; on HUP print back-hup; on INT print back-int; hang }; hang";

    /// The terminal of `JOBS`, with the job in the foreground.
    fn jobs() -> (Check, TtyId) {
        let (mut check, tty) = terminal(JOBS);
        let job = check.pid("w/job");
        assert_eq!(check.kernel.set_foreground(check.find("w/main"), job), Ok(()));
        assert_eq!(check.kernel.foreground(tty), Some(job));
        (check, tty)
    }

    fn sorted(text: &str) -> Vec<&str> {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines
    }

    /// SEMANTICS C14.
    #[test]
    fn signal_characters_go_to_the_whole_foreground_group_and_nobody_else() {
        let (mut check, tty) = jobs();
        check.kernel.type_in(tty, b"\x03");
        assert_eq!(sorted(&check.settle().stdout()), ["int", "int"]);
        check.kernel.type_in(tty, b"\x1a");
        check.settle();
        let life = |name| check.kernel.entry(check.find(name)).life;
        assert_eq!([life("w/job"), life("w/mate"), life("w/back")], [Life::Stopped, Life::Stopped, Life::Alive]);
        check.kernel.type_in(tty, b"\x1c");
        check.kill("w/job", Signal::CONT).kill("w/mate", Signal::CONT);
        assert_eq!(check.status("w/job"), signalled(Signal::QUIT));
        assert!(check.alive("w/main") && check.alive("w/back"));
    }

    /// SEMANTICS C14, tty_ioctl(4): who may take a terminal. Probed.
    #[test]
    fn a_session_leader_without_a_terminal_takes_one_that_controls_no_session() {
        let (mut check, tty) = jobs();
        check.spawn(UnitId(1), Scope::PosixSession, "spawn a { hang }; hang").expect("there is room");
        check.settle();
        let other = check.kernel.open_pty();
        for (who, which, answer) in [
            ("w/main", tty, Ok(())),
            ("w/main", other, Err(Errno::EPERM)),
            ("w/job", other, Err(Errno::EPERM)),
            ("v/main", tty, Err(Errno::EPERM)),
            ("v/a", other, Err(Errno::EPERM)),
            ("v/main", other, Ok(())),
        ] {
            assert_eq!(check.kernel.acquire_tty(check.find(who), which), answer, "{who} {which:?}");
        }
        let has = |name| check.kernel.controlling_tty(check.find(name));
        assert_eq!([has("w/mate"), has("v/main"), has("v/a")], [Some(tty), Some(other), None], "a was born before");
    }

    /// tcsetpgrp(3). Probed.
    #[test]
    fn the_foreground_is_a_group_of_the_session_set_from_the_foreground_or_without_ttou() {
        let (mut check, _) = terminal(
            "spawn job { setpgid; hang }; spawn shell { setpgid; on TTOU ignore; hang };
             spawn mask { setpgid; block TTOU; hang }; spawn away { setsid; hang }; on TTOU ignore; hang",
        );
        let pid = |name| check.pid(name);
        let (main, job, shell, away) = (pid("w/main"), pid("w/job"), pid("w/shell"), pid("w/away"));
        let stopped = |check: &Check| check.kernel.entry(check.find("w/job")).life == Life::Stopped;
        for (who, pgid, answer) in [
            ("w/main", -5, Err(Errno::EINVAL)),
            ("w/main", 30_000, Err(Errno::ESRCH)),
            ("w/main", away, Err(Errno::EPERM)),
            ("w/away", away, Err(Errno::ENOTTY)),
            ("w/shell", shell, Ok(())),
            ("w/mask", main, Ok(())),
            ("w/shell", away, Err(Errno::EPERM)),
            ("w/main", shell, Ok(())),
            ("w/main", main, Ok(())),
            ("w/job", job, Err(Errno::EINTR)),
        ] {
            assert!(!stopped(&check), "{who} {pgid}");
            assert_eq!(check.kernel.set_foreground(check.find(who), pgid), answer, "{who} {pgid}");
            check.settle();
        }
        assert!(stopped(&check), "TTOU has stopped it");
    }

    /// SEMANTICS C14. Probed.
    #[test]
    fn an_orphaned_group_in_the_background_is_told_no_instead_of_stopped() {
        let (mut check, tty) = terminal("spawn sub { spawn job { setpgid; hang }; hang }; hang");
        check.kill("w/sub", Signal::KILL);
        let (job, pid) = (check.find("w/job"), check.pid("w/job"));
        assert_eq!(check.kernel.check_job(job, tty, Signal::TTIN), Err(Errno::EIO));
        assert_eq!(check.kernel.set_foreground(job, pid), Err(Errno::ENOTTY));
        assert_eq!(check.settle().kernel.entry(job).life, Life::Alive);
    }

    /// SEMANTICS C14: what the session prints when this happens to its terminal. Probed.
    #[test]
    fn the_foreground_is_hung_up_when_the_leader_goes_and_the_leader_when_the_line_does() {
        let (mut check, tty) = jobs();
        check.kill("w/main", Signal::KILL);
        assert_eq!(sorted(&check.stdout()), ["hup", "hup"], "the leader's end: no CONT");
        assert_eq!((check.kernel.foreground(tty), check.kernel.controlling_tty(check.find("w/back"))), (None, None));

        let (mut check, tty) = jobs();
        check.kernel.hang_up(tty);
        assert_eq!(sorted(&check.settle().stdout()), ["main-cont", "main-hup"], "a hangup: the leader first");
        assert_eq!(check.kernel.controlling_tty(check.find("w/job")), None);
        check.kill("w/main", Signal::KILL);
        assert_eq!(sorted(&check.stdout()), ["cont", "cont", "hup", "hup"], "then whom it had in the foreground");

        let (mut check, tty) = jobs();
        assert_eq!(check.kernel.release_tty(check.find("w/back")), Ok(()));
        assert_eq!(check.kernel.release_tty(check.find("w/back")), Err(Errno::ENOTTY));
        assert_eq!(check.kernel.controlling_tty(check.find("w/job")), Some(tty), "a member goes alone");
        assert_eq!(check.kernel.release_tty(check.find("w/main")), Ok(()));
        assert_eq!(sorted(&check.settle().stdout()), ["cont", "cont", "hup", "hup"]);
        assert_eq!(check.kernel.controlling_tty(check.find("w/job")), None);
    }

    /// setsid(2): a new session has none.
    #[test]
    fn a_daemon_has_no_terminal_and_is_not_hung_up_with_it() {
        let (mut check, tty) = terminal("daemonize d { on HUP print never; hang }; hang");
        assert_eq!(check.kernel.controlling_tty(check.find("w/d")), None);
        check.kernel.hang_up(tty);
        check.settle();
        assert_eq!((check.status("w/main"), check.alive("w/d")), (signalled(Signal::HUP), true));
        assert!(check.stdout().is_empty() && check.kernel.leader(U).is_some());
    }
}
