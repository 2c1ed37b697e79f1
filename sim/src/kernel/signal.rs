//! Signals on their way: generation, the fatal short cut, delivery (signal(7), sigaction(2)).
//! Sending is never the end of it: a process acts on a signal in a step of its own, which the chooser orders.

use super::process::{Frame, Life, Progress, Role, Wait};
use super::sigset::{Disposition, SignalSet};
use super::{HOST, INIT, Kernel};
use shakedown_core::ids::ProcId;
use shakedown_core::signal::{DefaultAction, Signal};
use shakedown_core::vocab::{Deed, ExitStatus, Sender};

impl Kernel {
    /// Generates a signal for a process, to be acted on by any of its threads that does not block it. Init drops it
    /// (pid_namespaces(7)), and of the host only the sending is recorded: it is not a process of this kernel's to end. A zombie takes
    /// it without effect.
    pub(super) fn generate(&mut self, to: ProcId, signal: Signal, by: Sender) {
        let Some(discarded) = self.sent(to, to, signal, by) else { return };
        if discarded {
            return;
        }
        if to == INIT || to == HOST {
            return;
        }
        if self.is_fatal_to_any(to, signal) {
            // complete_signal() of Linux: the process is dying from here on, whatever else is pending or sent later.
            self.doom(to, signal);
        } else {
            self.entry_mut(to).signals.post(signal);
            self.wake_for_signal(to);
        }
    }

    /// Generates a signal for one thread (tgkill(2); what a system call of its own causes, as SIGPIPE).
    pub(super) fn generate_for(&mut self, thread: ProcId, signal: Signal, by: Sender) {
        let process = self.process_of(thread);
        if process == thread && self.threads(process).is_empty() {
            return self.generate(process, signal, by);
        }
        let Some(discarded) = self.sent(process, thread, signal, by) else { return };
        if discarded {
            return;
        }
        let mask = self.entry(thread).mask;
        if self.entry(process).signals.is_fatal(mask, signal) {
            self.doom(process, signal);
        } else {
            self.note_flight(thread);
            self.entry_mut(thread).mask.own.insert(signal);
            self.announce(thread);
        }
    }

    /// What every sending does: it is recorded, and stop and continue cancel each other. Whether the signal is thrown away; `None`
    /// where nobody is there to act on it any more.
    fn sent(&mut self, to: ProcId, thread: ProcId, signal: Signal, by: Sender) -> Option<bool> {
        if to == HOST && self.is_lost_on_init(signal, by) {
            return None;
        }
        let discarded = self.entry(to).signals.discards(self.entry(thread).mask, signal);
        // What the kernel sends by the way, as CHLD at every exit, is a deed only where somebody listens.
        if !(discarded && by == Sender::Kernel) {
            self.deeds.push(Deed::Signalled { to, signal, by });
        }
        match self.entry(to).life {
            Life::Zombie(_) | Life::Reaped(_) | Life::Dying(_) => None,
            Life::Alive | Life::Stopped => {
                if to != INIT && to != HOST {
                    self.cancel_opposites(to, signal);
                }
                Some(discarded)
            }
        }
    }

    /// Whether a thread that could act on the signal would die of it. A stopped process dies of KILL alone.
    fn is_fatal_to_any(&self, process: ProcId, signal: Signal) -> bool {
        let of = self.entry(process);
        let reaches_now = of.life == Life::Alive || signal == Signal::KILL;
        if !reaches_now {
            return false;
        }
        let by_first = !of.over && of.signals.is_fatal(of.mask, signal);
        by_first || self.threads(process).iter().any(|&thread| of.signals.is_fatal(self.entry(thread).mask, signal))
    }

    /// Nothing can save the process any more. Its threads may each be on their way into one more system call.
    fn doom(&mut self, process: ProcId, signal: Signal) {
        self.note_flight(process);
        self.entry_mut(process).life = Life::Dying(signal);
        self.announce(process);
    }

    /// A pending signal is for the first thread where that one waits and does not block it; else for whoever comes to act first.
    fn wake_for_signal(&mut self, process: ProcId) {
        if self.threads(process).is_empty() {
            self.note_flight(process);
            return self.announce(process);
        }
        let first = self.entry(process);
        if !first.over && first.wait != Wait::Nothing && first.signals.is_actionable(&first.mask) {
            return self.announce(process);
        }
        for thread in self.each_thread(process) {
            self.note_flight(thread);
            self.announce(thread);
        }
    }

    /// A thread that runs may enter its next system call before it sees the signal: the other processor learns of it by an interrupt.
    #[inline]
    fn note_flight(&mut self, thread: ProcId) {
        let process = self.process_of(thread);
        let of = self.entry(process);
        let is_live = of.life == Life::Alive && !of.hold.is_held();
        let own = self.entry_mut(thread);
        if is_live && !own.over && own.wait == Wait::Nothing {
            own.in_flight = true;
        }
    }

    /// Stop signals cancel a pending CONT and the other way round, even where they are blocked; CONT resumes when generated.
    fn cancel_opposites(&mut self, to: ProcId, signal: Signal) {
        if SignalSet::STOPS.has(signal) {
            self.forget_pending(to, SignalSet::CONT);
        }
        if signal != Signal::CONT {
            return;
        }
        self.forget_pending(to, SignalSet::STOPS);
        let process = self.entry_mut(to);
        if process.life == Life::Stopped {
            process.life = Life::Alive;
            let seen = process.signals.disposition(signal) != Disposition::Caught;
            let parent = process.parent;
            if seen {
                self.deeds.push(Deed::Delivered { to, signal });
            }
            self.generate(parent, Signal::CHLD, Sender::Kernel);
            for thread in self.each_thread(to) {
                self.go_on_being_busy(thread);
                self.announce(thread);
            }
        }
    }

    fn forget_pending(&mut self, process: ProcId, which: SignalSet) {
        let of = self.entry_mut(process);
        of.signals.forget_all(which);
        of.mask.own.remove_all(which);
        for thread in self.each_thread(process) {
            self.entry_mut(thread).mask.own.remove_all(which);
        }
    }

    /// The last step of a process that a fatal signal has reached.
    pub(super) fn die(&mut self, id: ProcId, signal: Signal) {
        self.deeds.push(Deed::Delivered { to: id, signal });
        let core = self.dumps_core(id, signal);
        self.exit(id, ExitStatus::Signalled { signal, core });
    }

    /// A thread acts on a signal that was pending.
    pub(super) fn deliver(&mut self, thread: ProcId, signal: Signal) {
        let id = self.process_of(thread);
        match self.entry(id).signals.disposition(signal) {
            Disposition::Default(DefaultAction::Terminate | DefaultAction::Core) => self.die(id, signal),
            Disposition::Caught => {
                self.deeds.push(Deed::Delivered { to: id, signal });
                self.enter_handler(thread, signal);
            }
            Disposition::Default(DefaultAction::Stop) if !self.is_void_stop(id, signal) => self.stop(id, signal),
            Disposition::Ignored
            | Disposition::Default(DefaultAction::Stop | DefaultAction::Continue | DefaultAction::Ignore) => {
                self.deeds.push(Deed::Delivered { to: id, signal });
            }
        }
    }

    /// All threads of a process stop until CONT or KILL.
    fn stop(&mut self, id: ProcId, signal: Signal) {
        self.deeds.push(Deed::Delivered { to: id, signal });
        self.uses.stops = true;
        let process = self.entry_mut(id);
        process.life = Life::Stopped;
        let parent = process.parent;
        for thread in self.each_thread(id) {
            self.pause_being_busy(thread);
        }
        self.generate(parent, Signal::CHLD, Sender::Kernel);
    }

    /// Puts a handler's block before what was going on, which keeps its progress. Other caught signals are held until its end.
    fn enter_handler(&mut self, thread: ProcId, signal: Signal) {
        let process = self.process_of(thread);
        let block = self.entry(process).signals.handler(signal).expect("a caught signal has a handler").clone();
        if block.is_empty() {
            return;
        }
        self.pause_being_busy(thread);
        let own = self.entry_mut(thread);
        own.mask.holding = true;
        own.frames.push(Frame { block, at: 0, role: Role::Handler, progress: Progress::Fresh });
        own.wait = Wait::Nothing;
        self.disarm(thread);
    }

    /// A handler has come to its end: nothing is held any more and the interrupted verb goes on, as with SA_RESTART.
    pub(super) fn leave_handler(&mut self, thread: ProcId) {
        let now = self.now;
        let own = self.entry_mut(thread);
        own.mask.holding = false;
        let interrupted = own.frames.last().map_or(Progress::Fresh, |frame| frame.progress);
        match interrupted {
            Progress::Until(at) if at > now => self.sleep_until(thread, at),
            Progress::Left(_) => self.go_on_being_busy(thread),
            Progress::Hanging => own.wait = Wait::Ever,
            // Whether it still has to wait is seen when it tries again.
            Progress::Until(_)
            | Progress::Fresh
            | Progress::Wrote(_)
            | Progress::Awaiting(_)
            | Progress::Locking(_) => {}
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

    /// SEMANTICS C17, C20: other caught signals are held while a handler runs, and N sends are one delivery.
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

    /// SEMANTICS C1, C4, C17: masks last over fork and exec, KILL goes through, and what is pending acts when it is unblocked.
    #[test]
    fn a_blocked_signal_waits_over_fork_and_exec() {
        let script = "block TERM; spawn a { print a; hang }; exec { print m; sleep 5ms; unblock TERM; print never }";
        let mut check = play(script);
        check.settle();
        for name in ["w/main", "w/a"] {
            check.kill(name, Signal::TERM);
            assert!(check.alive(name));
        }
        check.pass(9);
        assert_eq!(check.status("w/main"), signalled(Signal::TERM), "exec keeps what is pending");
        assert!(check.alive("w/a"));
        assert_eq!(check.kill("w/a", Signal::KILL).status("w/a"), signalled(Signal::KILL));
    }

    /// SEMANTICS C17: N sends while blocked are one delivery.
    #[test]
    fn a_blocked_signal_coalesces_and_runs_its_handler_once() {
        let mut check = play("on USR1 print got; block USR1; sleep 5ms; unblock USR1; print on; hang");
        check.settle();
        check.kill("w/main", Signal::USR1).kill("w/main", Signal::USR1).kill("w/main", Signal::USR1);
        check.pass(9);
        assert_eq!(check.stdout(), "got\non\n");
    }

    /// SEMANTICS C18, C19.
    #[test]
    fn freeze_stops_until_continue_and_cannot_be_held_off() {
        let mut check = play("block TERM; freeze; print on; hang");
        check.pass(50);
        assert_eq!(check.stdout(), "");
        assert_eq!(check.kill("w/main", Signal::CONT).stdout(), "on\n");
    }

    /// A busy process uses no processor while a handler waits, or while it is stopped; a sleeping one sleeps on.
    #[test]
    fn busy_measures_processor_time_and_sleep_does_not() {
        for (verb, at_end) in [("busy", false), ("sleep", true)] {
            let mut check = play(&format!("on USR1 {{ sleep 20ms }}; {verb} 30ms; print end; hang"));
            check.pass(10).kill("w/main", Signal::USR1).pass(10).kill("w/main", Signal::STOP);
            check.pass(100).kill("w/main", Signal::CONT).pass(1);
            assert_eq!(check.stdout() == "end\n", at_end, "{verb}");
            check.pass(30);
            assert!(check.alive("w/main"));
        }
        let mut check = play("on USR1 { sleep 20ms }; busy 30ms; print end; hang");
        check.pass(10).kill("w/main", Signal::USR1).pass(39);
        assert_eq!(check.stdout(), "");
        assert_eq!(check.pass(2).stdout(), "end\n");
    }

    struct Late;

    impl shakedown_core::choose::Choose for Late {
        fn rank(&mut self, _: shakedown_core::site::Site) -> u16 {
            0
        }

        fn draw(&mut self, _: shakedown_core::site::Site, ask: shakedown_core::choose::Ask) -> u32 {
            ask.max()
        }
    }

    /// signal(7) promises no more than that a signal acts at some return from the kernel: one that comes while its target runs may find
    /// it on the way into its next system call. Probed on two processors: a write was seen after kill(2) had returned.
    #[test]
    fn a_signal_may_find_a_running_process_on_its_way_into_one_more_call() {
        for (steps_before, script, signal, printed, status) in [
            (0, "print a; print b; hang", Signal::TERM, "a\n", signalled(Signal::TERM)),
            (1, "on TERM exit 1; print a; print b; hang", Signal::TERM, "a\n", exited(1)),
            (0, "exit 3", Signal::KILL, "", signalled(Signal::KILL)),
            (0, "sleep 1ms; print never", Signal::TERM, "", signalled(Signal::TERM)),
            // A fork is restarted after the signal, and so never made.
            (0, "spawn a { hang }; hang", Signal::TERM, "", signalled(Signal::TERM)),
        ] {
            let mut check = play(script);
            let pid = check.pid("w/main");
            (0..steps_before).for_each(|_| assert!(check.step()));
            check.kernel.kill(pid, signal).expect("it lives");
            while let Some(ready) = check.kernel.next_ready() {
                if let super::super::KernelReady::Step { proc, .. } = ready {
                    check.kernel.run(proc, &mut Late);
                }
            }
            assert_eq!((check.stdout().as_str(), check.status("w/main")), (printed, status), "{script}");
            assert_eq!(check.count(|deed| matches!(deed, Deed::Born { .. })), 1, "{script}");
        }
    }
}
