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
