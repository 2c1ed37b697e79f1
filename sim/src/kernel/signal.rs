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
        let role = Role::Handler { blocked: own.mask.blocked };
        own.frames.push(Frame { block, at: 0, role, progress: Progress::Fresh });
        own.wait = Wait::Nothing;
        self.disarm(thread);
    }

    /// A handler has come to its end: nothing is held any more, the mask is what it was, and the interrupted verb goes on, as with
    /// SA_RESTART (sigreturn(2), sigaction(2)).
    pub(super) fn leave_handler(&mut self, thread: ProcId, blocked: SignalSet) {
        let now = self.now;
        let own = self.entry_mut(thread);
        own.mask.holding = false;
        own.mask.blocked = blocked;
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
mod tests;
