//! Whose a process is, and whom it may signal. A supervisor that is not root starts a set-user-id helper (sudo, ping) and may not end it:
//! kill(2) says EPERM, and the helper runs on.
//!
//! Sources: kill(2), credentials(7).

use super::{HOST, INIT, Kernel};
use shakedown_core::ids::ProcId;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, Sender};

/// A user, by number. As long as nobody is given another one, everybody is of [`UserId::ORDINARY`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UserId(pub u32);

impl UserId {
    /// Who may signal everybody (CAP_KILL).
    pub const ROOT: UserId = UserId(0);
    /// The host and all that it starts.
    pub const ORDINARY: UserId = UserId(1000);
}

impl Default for UserId {
    fn default() -> UserId {
        UserId::ORDINARY
    }
}

impl Kernel {
    /// Makes a process another user's in every respect, as a set-user-id program that calls setuid(2): itself, and who is born of it from
    /// now on.
    pub fn set_user(&mut self, proc: ProcId, user: UserId) {
        self.change_limits(proc, |limits| limits.user = user);
        self.limits.several_users = true;
    }

    /// Sends a signal on behalf of somebody who may not be allowed to. A zombie is asked for like anybody else.
    ///
    /// # Errors
    /// EPERM (kill(2)).
    #[inline]
    pub(super) fn send(&mut self, to: ProcId, signal: Signal, by: Sender) -> Result<(), Errno> {
        if self.limits.several_users && !self.may_signal(to, signal, by) {
            return Err(Errno::EPERM);
        }
        self.generate(to, signal, by);
        Ok(())
    }

    /// The rule of kill(2): root may, and one's own user; CONT goes to anybody in one's session.
    #[cold]
    fn may_signal(&self, to: ProcId, signal: Signal, by: Sender) -> bool {
        let from = match by {
            Sender::Kernel => return true,
            Sender::Host(_) => HOST,
            Sender::Process(process) => process,
        };
        let (own, its) = (self.user_of(from), self.user_of(to));
        own == UserId::ROOT || own == its || (signal == Signal::CONT && self.entry(from).sid == self.entry(to).sid)
    }

    /// Whose it is; init is root's.
    pub(super) fn user_of(&self, proc: ProcId) -> UserId {
        if proc == INIT { UserId::ROOT } else { self.limits_of(proc).user }
    }
}

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::{Check, U, play, play_with, signalled};
    use super::super::rlimit::Resource;
    use super::*;
    use shakedown_core::vocab::{Deed, Scope, Target};

    fn of_root(script: &str, name: &str) -> Check {
        let mut check = play(script);
        check.pass(1);
        check.kernel.set_user(check.find(name), UserId::ROOT);
        check
    }

    /// SEMANTICS C21, kill(2). Probed.
    #[test]
    fn only_root_and_ones_own_user_may_signal_and_continue_goes_to_the_session() {
        let mut check = of_root("hang", "w/main");
        let pid = check.pid("w/main");
        for signal in [Signal::TERM, Signal::KILL] {
            assert_eq!(check.kernel.kill(pid, signal), Err(Errno::EPERM), "{signal}");
            assert_eq!(check.kernel.signal_unit(U, Target::Leader, signal), Err(Errno::EPERM), "by identity too");
        }
        assert!(check.settle().alive("w/main"));
        check.kernel.set_user(HOST, UserId::ROOT);
        assert_eq!(check.kernel.kill(pid, Signal::KILL), Ok(()));
        assert_eq!(check.settle().status("w/main"), signalled(Signal::KILL));
        // CONT, from a process in the same session.
        for (script, goes_on) in [
            ("spawn a { freeze; print on; hang }; sleep 2ms; kill a CONT; hang", true),
            ("spawn a { setsid; freeze; print on; hang }; sleep 2ms; kill a CONT; hang", false),
            ("spawn a { print on; hang }; sleep 2ms; kill a KILL; hang", true),
        ] {
            let mut check = of_root(script, "w/a");
            check.pass(9);
            assert_eq!(check.stdout() == "on\n", goes_on, "{script}");
            assert!(check.alive("w/a"), "{script}");
        }
    }

    /// SEMANTICS C21. Probed.
    #[test]
    fn a_group_is_signalled_where_one_of_it_may_be_and_minus_one_never_says_no() {
        let mut check = of_root("spawn a { hang }; spawn b { setpgid; hang }; hang", "w/a");
        let (group, other) = (check.pid("w/main"), check.pid("w/b"));
        assert_eq!(check.kernel.kill(-group, Signal::TERM), Ok(()), "one of two");
        assert!(check.settle().alive("w/a") && !check.alive("w/main"));
        check.kernel.reap(U);
        assert_eq!(check.kernel.kill(-group, Signal::TERM), Err(Errno::EPERM), "none of one");
        check.kernel.set_user(check.find("w/b"), UserId::ROOT);
        assert_eq!(check.kernel.kill(-other, Signal::TERM), Err(Errno::EPERM));
        assert_eq!(check.kernel.kill(-1, Signal::TERM), Ok(()), "as Linux has it, though nobody got it");
        check.settle();
        let b = check.find("w/b");
        assert_eq!(check.count(|deed| matches!(deed, Deed::Signalled { to, .. } if *to == b)), 0);
    }

    /// Not ESRCH, which would mean that they are gone.
    #[test]
    fn a_control_group_of_others_says_no_though_there_are_empty_ones_below() {
        let mut check = play_with(KernelConfig::default(), Scope::Cgroup, "hang");
        let id = check.settle().kernel.cgroup_of_unit(U).expect("its scope is one");
        check.kernel.create_cgroup(id).expect("it exists");
        check.kernel.set_user(check.find("w/main"), UserId::ROOT);
        assert_eq!(check.kernel.signal_unit(U, Target::Scope, Signal::TERM), Err(Errno::EPERM));
        assert_eq!(check.kernel.signal_unit(U, Target::Scope, Signal::KILL), Ok(()));
    }

    /// A tree is walked past those whom one may not signal; a control group's own kill asks for no user (cgroups(7)).
    #[test]
    fn a_walk_passes_over_whom_it_may_not_signal_and_a_control_group_kills_them() {
        for (scope, is_left) in [(Scope::Tree, true), (Scope::PosixSession, true), (Scope::Cgroup, false)] {
            let script = "spawn a { setpgid; hang }; spawn b { setpgid; hang }; hang";
            let mut check = play_with(KernelConfig::default(), scope, script);
            check.settle();
            check.kernel.set_user(check.find("w/a"), UserId(7));
            let _ = check.kernel.signal_unit(U, Target::Scope, Signal::KILL);
            check.settle();
            assert_eq!(
                ["main", "a", "b"].map(|n| check.alive(&format!("w/{n}"))),
                [false, is_left, false],
                "{scope:?}"
            );
        }
    }

    /// SEMANTICS C32: tasks are counted by user.
    #[test]
    fn a_limit_on_tasks_counts_those_of_ones_own_user() {
        // The host, the process, and the thread that goes on where its first one has ended.
        for (user, script, born) in [
            (UserId::ORDINARY, "repeat 9 { spawn a { hang } }; hang", 2),
            (UserId(7), "repeat 9 { spawn a { hang } }; hang", 3),
            (UserId(7), "repeat 9 { spawn a { exit 0 } }; hang", 3),
            (UserId(7), "thread { sleep 1ms; repeat 9 { spawn a { hang } }; hang }; leader-exit", 2),
        ] {
            let mut check = play(&format!("spawn other {{ hang }}; sleep 2ms; {script}"));
            check.pass(1);
            check.kernel.set_user(check.find("w/other"), user);
            check.kernel.set_limit(check.find("w/main"), Resource::Nproc, Some(5));
            check.pass(9);
            assert_eq!(check.count(|deed| matches!(deed, Deed::Born { .. })), 2 + born, "{user:?} {script}");
        }
    }
}
