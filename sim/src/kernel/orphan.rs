//! Orphaned process groups: those that no shell could continue, because no member has a parent elsewhere in the session (_exit(2)).
//! A stopped job would wait in one for ever, so the kernel wakes it up with HUP and CONT, and terminal stops do not act in it.

use super::list::Chain;
use super::process::Life;
use super::{INIT, Kernel};
use shakedown_core::ids::ProcId;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Sender;

impl Kernel {
    /// Whether no living member of the group has a parent in the same session and another group. The real init counts for nobody.
    pub(super) fn is_orphaned(&self, pgid: i32) -> bool {
        let group = self.pids.get(pgid).map(|number| number.group).unwrap_or_default();
        let is_tied = |member: ProcId| {
            let process = self.entry(member);
            let parent = self.entry(process.parent);
            process.life.is_living() && process.parent != INIT && parent.sid == process.sid && parent.pgid != pgid
        };
        !group.iter(&self.procs, Chain::Group).any(is_tied)
    }

    /// Whether this default stop does nothing: TSTP, TTIN and TTOU in an orphaned group. STOP always stops (signal(7), `get_signal` of
    /// Linux).
    pub(super) fn is_void_stop(&self, process: ProcId, signal: Signal) -> bool {
        signal != Signal::STOP && self.is_orphaned(self.entry(process).pgid)
    }

    /// A process has ended, or got another parent while `parent` ends: where that was its group's last tie, and a member is stopped,
    /// every member gets HUP and CONT. Linux looks at nothing but ends: a parent that leaves by setsid(2) wakes nobody (probed).
    pub(super) fn tie_is_cut(&mut self, process: ProcId, parent: ProcId) {
        let (of, parent) = (self.entry(process), self.entry(parent));
        let pgid = of.pgid;
        if parent.pgid == pgid || parent.sid != of.sid || !self.is_orphaned(pgid) {
            return;
        }
        let group = self.pids.at(pgid).group;
        let is_stopped = |member: ProcId| self.entry(member).life == Life::Stopped;
        if group.iter(&self.procs, Chain::Group).any(is_stopped) {
            for signal in [Signal::HUP, Signal::CONT] {
                // The group has a stopped member, and so is not empty.
                let _ = self.signal_list(group, Chain::Group, signal, Sender::Kernel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::{Check, play_with, signalled};
    use super::*;
    use shakedown_core::vocab::{Scope, Truth};

    /// A session in which `job` and its `kid` share a group, and everybody says which of HUP and CONT has come.
    const SHELL: &str = "spawn job { setpgid; on HUP print hup; on CONT print cont; spawn kid { hang }; hang }; hang";
    /// The same with a shell between the leader and the job.
    const SUBSHELL: &str = "spawn sub { spawn job { setpgid; on HUP print hup; on CONT print cont; spawn kid { hang }; hang }; hang }; hang";

    fn session(script: &str) -> Check {
        let mut check = play_with(KernelConfig::DEFAULT, Scope::PosixSession, script);
        check.settle();
        check
    }

    /// SEMANTICS C15: who was stopped, who was killed, and what the rest of the job has got. Probed.
    #[test]
    fn a_group_that_is_orphaned_with_a_stopped_member_is_hung_up_and_continued() {
        for (script, stopped, killed, signals) in [
            (SHELL, Some("w/job"), "w/main", "hup\ncont\n".repeat(2)),
            (SHELL, Some("w/kid"), "w/main", "hup\ncont\n".repeat(2)),
            (SHELL, None, "w/main", String::new()),
            // The end of a member that was the only tie: the kid is left, and stopped.
            (SHELL, Some("w/kid"), "w/job", "hup\ncont\n".into()),
            (SHELL, None, "w/job", String::new()),
            // The end of a member that was no tie.
            (SHELL, Some("w/job"), "w/kid", String::new()),
            (SUBSHELL, Some("w/job"), "w/sub", "hup\ncont\n".repeat(2)),
            // The shell of the shell is no tie.
            (SUBSHELL, Some("w/job"), "w/main", String::new()),
        ] {
            let mut check = session(script);
            if let Some(stopped) = stopped {
                check.kill(stopped, Signal::STOP);
            }
            check.kill(killed, Signal::KILL);
            assert_eq!(check.stdout().len(), signals.len(), "{stopped:?} stopped, {killed} killed");
        }
    }

    /// SEMANTICS C15: a reaper in the session is a tie as a shell is. Probed with an init of a namespace.
    #[test]
    fn a_reaper_in_the_same_session_keeps_a_group_from_being_orphaned() {
        let mut check = play_with(KernelConfig::DEFAULT, Scope::Group, SUBSHELL);
        check.settle().kill("w/job", Signal::STOP).kill("w/sub", Signal::KILL);
        assert_eq!(check.stdout(), "", "the host has adopted it, and is in its session");
    }

    /// Probed: POSIX would have it otherwise, but Linux does not look here.
    #[test]
    fn a_parent_that_leaves_the_session_wakes_nobody() {
        let script = "spawn sub { spawn job { setpgid; on HUP print hup; hang }; sleep 5ms; setsid; hang }; hang";
        let mut check = session(script);
        check.kill("w/job", Signal::STOP).pass(9);
        let job = check.kernel.entry(check.find("w/job"));
        assert!(check.kernel.is_orphaned(job.pgid) && job.life == Life::Stopped);
    }

    /// SEMANTICS C15.
    #[test]
    fn terminal_stops_do_not_act_in_an_orphaned_group_and_stop_does() {
        for (scope, signal, stops) in [
            (Scope::PosixSession, Signal::TSTP, false),
            (Scope::PosixSession, Signal::TTIN, false),
            (Scope::PosixSession, Signal::TTOU, false),
            (Scope::PosixSession, Signal::STOP, true),
            (Scope::Group, Signal::TSTP, true),
        ] {
            let mut check = play_with(KernelConfig::DEFAULT, scope, "hang");
            check.settle().kill("w/main", signal);
            let main = check.find("w/main");
            assert_eq!(check.kernel.entry(main).life == Life::Stopped, stops, "{scope:?} {signal}");
            assert_eq!(check.kernel.process(main).status, None);
            assert_eq!(check.kill("w/main", Signal::KILL).status("w/main"), signalled(Signal::KILL));
        }
    }
}
