//! Uninterruptible sleep, the D of proc(5): a process waits for a disk or a dead file server, and no signal reaches it.
//! That is why the time between KILL and the end has no bound, and why a supervisor may have to report a process it cannot end.

use super::Kernel;
use super::process::Life;
use shakedown_core::ids::ProcId;
use shakedown_core::time::Instant;
use std::collections::BTreeSet;

/// Who will come out of uninterruptible sleep, and when. Those that never will are not here.
#[derive(Default)]
pub(super) struct Uninterruptible {
    ends: BTreeSet<(Instant, ProcId)>,
}

impl Uninterruptible {
    pub(super) fn reset(&mut self) {
        if !self.ends.is_empty() {
            self.ends.clear();
        }
    }

    /// Each with its end, the next to come first.
    pub(super) fn each(&self) -> impl Iterator<Item = (Instant, ProcId)> + '_ {
        self.ends.iter().copied()
    }

    #[inline]
    pub(super) fn next(&self) -> Option<Instant> {
        self.ends.first().map(|&(at, _)| at)
    }
}

/// What keeps a process from taking steps, whatever it waits for and whatever is sent to it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Hold {
    /// Uninterruptible sleep: not even KILL gets through.
    pub(super) disk: bool,
    /// A frozen cgroup: only a fatal signal gets through.
    pub(super) frozen: bool,
}

impl Hold {
    #[inline]
    pub(super) fn is_held(self) -> bool {
        self.disk || self.frozen
    }
}

impl Kernel {
    /// Puts a living process into uninterruptible sleep, or changes the end of the one it is in: until MONOTONIC shows `until`, for
    /// ever at [`Instant::NEVER`], and no longer at or before now. Meanwhile it takes no step: signals stay pending, and a fatal one,
    /// KILL too, ends it only then (signal(7), proc_pid_stat(5)). What it was waiting for goes on behind it.
    ///
    /// Without effect on a zombie, and on init and the host, which take no steps.
    pub fn sleep_uninterruptibly(&mut self, proc: ProcId, until: Instant) {
        let now = self.now;
        let process = self.entry(proc);
        if !process.life.is_living() || process.unit.is_none() {
            return;
        }
        let hold = process.hold;
        if hold.disk {
            self.uninterruptible.ends.retain(|&(_, sleeper)| sleeper != proc);
        }
        if until > now && until != Instant::NEVER {
            self.uninterruptible.ends.insert((until, proc));
        }
        self.hold(proc, Hold { disk: until > now, ..hold });
    }

    /// Lets those go on whose uninterruptible sleep ends now.
    pub(super) fn end_uninterruptible_sleeps(&mut self) {
        while let Some(&(at, proc)) = self.uninterruptible.ends.first()
            && at <= self.now
        {
            self.sleep_uninterruptibly(proc, at);
        }
    }

    /// Holds a process, or lets it go. Who is held does not compute, and no signal is on its way into its next system call.
    pub(super) fn hold(&mut self, process: ProcId, hold: Hold) {
        let was = std::mem::replace(&mut self.entry_mut(process).hold, hold);
        if was == hold {
            return;
        }
        for thread in self.each_thread(process) {
            if hold.is_held() {
                self.pause_being_busy(thread);
                self.entry_mut(thread).in_flight = false;
            } else if self.entry(process).life == Life::Alive {
                self.go_on_being_busy(thread);
            }
            self.announce(thread);
        }
        self.announce(process);
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Check, U, exited, play, signalled};
    use super::*;
    use shakedown_core::signal::Signal;
    use shakedown_core::time::Duration;
    use shakedown_core::vocab::{Deed, Truth};

    const fn ms(n: u64) -> Instant {
        Instant::from_nanos(n * 1_000_000)
    }

    /// `main` of this script, in uninterruptible sleep from 10 ms on.
    fn asleep(script: &str, until: Instant) -> Check {
        let mut check = play(script);
        check.pass(10);
        check.kernel.sleep_uninterruptibly(check.find("w/main"), until);
        check
    }

    /// SEMANTICS C18.
    #[test]
    fn kill_waits_until_the_sleep_ends_perhaps_for_ever() {
        for (until, status) in [(ms(50), signalled(Signal::KILL)), (Instant::NEVER, None)] {
            let mut check = asleep("hang", until);
            check.kill("w/main", Signal::KILL).pass(39);
            assert!(check.alive("w/main") && !check.kernel.scope_is_empty(U));
            assert_eq!(check.pass(1_000_000).status("w/main"), status, "{until}");
            assert_eq!(check.kernel.zombies_of_host(), u32::from(status.is_some()), "no zombie without an end");
            assert_eq!(check.count(|deed| matches!(deed, Deed::Delivered { .. })), usize::from(status.is_some()));
        }
    }

    /// SEMANTICS C18: signals stay pending, CONT and STOP among them.
    #[test]
    fn no_signal_acts_before_the_sleep_ends() {
        let mut check = asleep("on USR1 print usr1; hang", ms(50));
        check.kill("w/main", Signal::USR1).kill("w/main", Signal::STOP).pass(39);
        assert_eq!((check.stdout().as_str(), check.count(|deed| matches!(deed, Deed::Delivered { .. }))), ("", 0));
        check.pass(1);
        assert_eq!((check.stdout().as_str(), check.count(|deed| matches!(deed, Deed::Delivered { .. }))), ("", 1));
        assert_eq!(check.kill("w/main", Signal::CONT).stdout(), "usr1\n");
    }

    /// A timer that fires meanwhile is not lost, and does not end the sleep.
    #[test]
    fn the_program_goes_on_where_it_was() {
        for (script, until, exits_at) in [("sleep 30ms; exit 3", ms(50), 50), ("sleep 90ms; exit 3", ms(50), 90)] {
            let mut check = asleep(script, until);
            assert_eq!(check.pass(exits_at - 11).status("w/main"), None, "{script}");
            assert_eq!(check.pass(1).status("w/main"), exited(3), "{script}");
        }
    }

    /// Processor time passes only while it computes.
    #[test]
    fn who_sleeps_uninterruptibly_is_not_busy() {
        let mut check = asleep("busy 30ms; exit 3", ms(50));
        check.kill("w/main", Signal::STOP).kill("w/main", Signal::CONT);
        assert_eq!(check.pass(59).status("w/main"), None);
        assert_eq!(check.pass(1).status("w/main"), exited(3), "10 ms before and 20 ms after");
    }

    #[test]
    fn a_sleep_may_be_ended_early_or_made_longer() {
        let mut check = asleep("hang", Instant::NEVER);
        let main = check.find("w/main");
        check.kill("w/main", Signal::KILL);
        for until in [ms(20), ms(70)] {
            check.kernel.sleep_uninterruptibly(main, until);
        }
        assert_eq!(check.kernel.next_timer(), Some(ms(70)));
        assert!(check.pass(50).alive("w/main"));
        check.kernel.sleep_uninterruptibly(main, ms(60));
        assert_eq!((check.settle().status("w/main"), check.kernel.next_timer()), (signalled(Signal::KILL), None));
        check.kernel.sleep_uninterruptibly(main, Instant::NEVER);
        assert!(check.kernel.reap(U).is_some(), "a zombie does not sleep");
    }

    #[test]
    fn the_report_says_why_kill_does_not_help() {
        let mut check = asleep("hang", ms(10).after(Duration::from_secs(1)));
        let told = |check: &Check| check.kernel.waiters()[0].waits_for.clone();
        assert_eq!(told(&check), "its uninterruptible sleep (D) to end: no signal reaches it before");
        check.kill("w/main", Signal::KILL);
        assert_eq!(
            told(&check),
            "its uninterruptible sleep (D) to end: no signal reaches it before, and KILL is pending"
        );
    }
}
