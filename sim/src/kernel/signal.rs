//! Signals on their way: generation, the fatal short cut, delivery (signal(7), sigaction(2)).
//! Sending is never the end of it: a process acts on a signal in a step of its own, which the chooser orders.

use super::process::{Frame, Life, Progress, Role, Wait};
use super::sigset::{Disposition, SignalSet};
use super::{HOST, INIT, Kernel};
use shakedown_core::ids::ProcId;
use shakedown_core::signal::{DefaultAction, Signal};
use shakedown_core::vocab::{Deed, ExitStatus, Sender};

impl Kernel {
    /// Generates a signal for a process. Init drops it (pid_namespaces(7)), and of the host only the sending is recorded: it is
    /// not a process of this kernel's to end. A zombie takes it without effect.
    pub(super) fn generate(&mut self, to: ProcId, signal: Signal, by: Sender) {
        let process = self.entry(to);
        let discarded = process.signals.discards(signal);
        // What the kernel sends by the way, as CHLD at every exit, is a deed only where somebody listens.
        if !(discarded && by == Sender::Kernel) {
            self.deeds.push(Deed::Signalled { to, signal, by });
        }
        if to == INIT || to == HOST {
            return;
        }
        match self.entry(to).life {
            Life::Zombie(_) | Life::Reaped(_) | Life::Dying(_) => return,
            Life::Alive | Life::Stopped => self.cancel_opposites(to, signal),
        }
        if discarded {
            return;
        }
        let process = self.entry_mut(to);
        let reaches_now = process.life == Life::Alive || signal == Signal::KILL;
        if reaches_now && process.signals.is_fatal(signal) {
            // complete_signal() of Linux: the process is dying from here on, whatever else is pending or sent later.
            process.life = Life::Dying(signal);
        } else {
            process.signals.post(signal);
        }
        self.announce(to);
    }

    /// Stop signals cancel a pending CONT and the other way round, even where they are blocked; CONT resumes when generated.
    fn cancel_opposites(&mut self, to: ProcId, signal: Signal) {
        let process = self.entry_mut(to);
        if SignalSet::STOPS.has(signal) {
            process.signals.forget(Signal::CONT);
        }
        if signal != Signal::CONT {
            return;
        }
        process.signals.forget_stops();
        if process.life == Life::Stopped {
            process.life = Life::Alive;
            let seen = process.signals.disposition(signal) != Disposition::Caught;
            let parent = process.parent;
            if seen {
                self.deeds.push(Deed::Delivered { to, signal });
            }
            self.generate(parent, Signal::CHLD, Sender::Kernel);
            self.announce(to);
        }
    }

    /// The last step of a process that a fatal signal has reached.
    pub(super) fn die(&mut self, id: ProcId, signal: Signal) {
        self.deeds.push(Deed::Delivered { to: id, signal });
        // No core is dumped: RLIMIT_CORE is 0.
        self.exit(id, ExitStatus::Signalled { signal, core: false });
    }

    /// A process acts on a signal that was pending.
    pub(super) fn deliver(&mut self, id: ProcId, signal: Signal) {
        let disposition = self.entry(id).signals.disposition(signal);
        match disposition {
            Disposition::Default(DefaultAction::Terminate | DefaultAction::Core) => self.die(id, signal),
            Disposition::Caught => {
                self.deeds.push(Deed::Delivered { to: id, signal });
                self.enter_handler(id, signal);
            }
            Disposition::Default(DefaultAction::Stop) => {
                self.deeds.push(Deed::Delivered { to: id, signal });
                let process = self.entry_mut(id);
                process.life = Life::Stopped;
                let parent = process.parent;
                self.generate(parent, Signal::CHLD, Sender::Kernel);
            }
            Disposition::Ignored | Disposition::Default(DefaultAction::Continue | DefaultAction::Ignore) => {
                self.deeds.push(Deed::Delivered { to: id, signal });
            }
        }
    }

    /// Puts a handler's block before what was going on, which keeps its progress. Other caught signals are held until its end.
    fn enter_handler(&mut self, id: ProcId, signal: Signal) {
        let process = self.entry_mut(id);
        let block = process.signals.handler(signal).expect("a caught signal has a handler").clone();
        if block.is_empty() {
            return;
        }
        process.signals.holding = true;
        process.frames.push(Frame { block, at: 0, role: Role::Handler, progress: Progress::Fresh });
        process.wait = Wait::Nothing;
        self.disarm(id);
    }

    /// A handler has come to its end: nothing is held any more and the interrupted verb goes on, as with SA_RESTART.
    pub(super) fn leave_handler(&mut self, id: ProcId) {
        let now = self.now;
        let process = self.entry_mut(id);
        process.signals.holding = false;
        let interrupted = process.frames.last().map_or(Progress::Fresh, |frame| frame.progress);
        match interrupted {
            Progress::Until(at) if at > now => self.sleep_until(id, at),
            Progress::Hanging => process.wait = Wait::Ever,
            // Whether it still has to wait is seen when it tries again.
            Progress::Until(_) | Progress::Fresh | Progress::Wrote(_) | Progress::Awaiting(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::{Check, exited, play, play_block, signalled};
    use super::*;
    use shakedown_core::puppet::{Handler, Verb};
    use shakedown_core::vocab::Scope;
    use std::sync::Arc;

    fn send(script: &str, signals: &[Signal]) -> Check {
        let mut check = play(script);
        check.settle();
        let pid = check.pid("w/main");
        for &signal in signals {
            check.kernel.kill(pid, signal).expect("it lives");
        }
        check.settle();
        check
    }

    /// SEMANTICS C6, C16, C18: how a process that hangs has ended after these signals; `None` is alive.
    #[test]
    fn default_actions_are_those_of_signal_7() {
        use Signal as S;
        for (signals, status) in [
            (&[S::TERM][..], signalled(S::TERM)),
            (&[S::QUIT], signalled(S::QUIT)),
            (&[S::CHLD, S::URG, S::WINCH, S::CONT], None),
            (&[S::STOP], None),
            (&[S::KILL], signalled(S::KILL)),
            (&[S::STOP, S::KILL], signalled(S::KILL)),
        ] {
            assert_eq!(send("hang", signals).status("w/main"), status, "{signals:?}");
        }
    }

    /// complete_signal() of Linux, probed 300 of 300: a fatal signal settles the status when it is generated.
    #[test]
    fn the_first_fatal_signal_names_the_status() {
        let check = send("hang", &[Signal::TERM, Signal::KILL]);
        assert_eq!(check.status("w/main"), signalled(Signal::TERM));
        let mut check = send("on HUP print never; hang", &[Signal::HUP, Signal::TERM]);
        assert_eq!((check.status("w/main"), check.stdout().as_str()), (signalled(Signal::TERM), ""));
    }

    /// SEMANTICS C18.
    #[test]
    fn kill_and_stop_cannot_be_ignored_or_caught() {
        // No script says `on KILL`: the parser refuses it.
        let ignore = |signal| Verb::On { signal, then: Handler::Ignore };
        let script = Arc::new([ignore(Signal::KILL), ignore(Signal::STOP), ignore(Signal::TERM), Verb::Hang]);
        let mut check = play_block(KernelConfig::default(), Scope::Group, script);
        check.settle().kill("w/main", Signal::TERM);
        assert!(check.alive("w/main"));
        check.kill("w/main", Signal::STOP).kill("w/main", Signal::KILL);
        assert_eq!(check.status("w/main"), signalled(Signal::KILL));
        assert_eq!(check.count(|deed| matches!(deed, Deed::Installed { .. })), 1);
        assert_eq!(check.count(|deed| matches!(deed, Deed::Delivered { signal: Signal::STOP, .. })), 1);
    }

    /// SEMANTICS C19.
    #[test]
    fn a_stopped_process_keeps_signals_until_it_is_continued() {
        let mut check = send("on USR1 print usr1; hang", &[Signal::STOP]);
        check.kill("w/main", Signal::USR1).kill("w/main", Signal::TERM).pass(1000);
        assert!(check.alive("w/main"));
        assert_eq!(check.stdout(), "");
        check.kill("w/main", Signal::CONT);
        // The lowest number first: the handler of USR1 runs one step before TERM acts on the rest.
        assert_eq!(check.status("w/main"), signalled(Signal::TERM));
        assert_eq!(check.count(|deed| matches!(deed, Deed::Delivered { signal: Signal::USR1, .. })), 1);
    }

    /// SEMANTICS C19.
    #[test]
    fn stop_and_continue_cancel_each_other_while_pending() {
        let mut check = send("on CONT print cont; hang", &[Signal::TSTP, Signal::CONT]);
        assert_eq!(check.stdout(), "cont\n");
        assert_eq!(check.count(|deed| matches!(deed, Deed::Delivered { signal: Signal::TSTP, .. })), 0);
        let mut check = send("on CONT print cont; hang", &[Signal::CONT, Signal::TSTP]);
        assert_eq!(check.stdout(), "", "the stop has thrown CONT away");
    }

    /// SEMANTICS C19: a sleep goes on while its process is stopped.
    #[test]
    fn a_sleep_that_ended_while_stopped_is_over_at_continue() {
        let mut check = send("sleep 1s; exit 3", &[Signal::STOP]);
        assert!(check.pass(5000).alive("w/main"));
        assert_eq!(check.kill("w/main", Signal::CONT).status("w/main"), exited(3));
    }

    /// SEMANTICS C17: other caught signals are held while a handler runs, and N sends are one delivery.
    #[test]
    fn handlers_do_not_nest_and_the_interrupted_sleep_keeps_its_end() {
        let mut check = play("on USR1 { print a; sleep 300ms; print b }; on USR2 print c; sleep 1s; print end; hang");
        check.pass(100);
        let pid = check.pid("w/main");
        for signal in [Signal::USR1, Signal::USR2, Signal::USR2, Signal::USR1] {
            check.kernel.kill(pid, signal).expect("it lives");
            check.settle();
        }
        check.pass(250);
        assert_eq!(check.stdout(), "a\n");
        check.pass(100);
        assert_eq!(check.stdout(), "b\na\n", "USR1 came again while its handler ran, and goes before USR2");
        check.pass(500);
        assert_eq!(check.stdout(), "b\nc\n");
        check.pass(100);
        assert_eq!(check.stdout(), "end\n");
    }

    /// SEMANTICS C17.
    #[test]
    fn a_default_signal_ends_a_process_in_the_middle_of_a_handler() {
        let mut check = send("on USR1 { sleep 1s; exit 9 }; hang", &[Signal::USR1]);
        assert_eq!(check.kill("w/main", Signal::TERM).status("w/main"), signalled(Signal::TERM));
    }

    /// SEMANTICS C36, C17.
    #[test]
    fn exits_coalesce_into_one_sigchld() {
        let script = "on CHLD print chld; repeat 20 { spawn helper { read eof } }; hang";
        let mut check = play(script);
        check.settle().kernel.close_input(super::super::check::U);
        check.settle();
        let delivered = check.count(|deed| matches!(deed, Deed::Delivered { signal: Signal::CHLD, .. }));
        assert!((1..20).contains(&delivered), "{delivered}");
        assert_eq!(check.count(|deed| matches!(deed, Deed::Died { .. })), 20);
    }
}
