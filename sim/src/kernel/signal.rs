//! Signals on their way: generation, the fatal short cut, delivery (signal(7), sigaction(2)).
//! Sending is never the end of it: a process acts on a signal in a step of its own, which the chooser orders.

use super::process::{Frame, Life, Progress, Role, Wait};
use super::sigset::{Disposition, Mask, SignalSet};
use super::{HOST, INIT, Kernel};
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::ids::ProcId;
use shakedown_core::signal::{DefaultAction, Signal};
use shakedown_core::site::{Kind, Site, hash_name};
use shakedown_core::vocab::{Deed, ExitStatus, Sender};

/// What becomes of a process when a signal is generated for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fate {
    /// The signal waits for its turn.
    Spared,
    /// The process may be dying of it, or the signal waits for its turn: its next step settles that.
    Open,
    /// The process is dying of it.
    Sealed,
}

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
        match self.fate(to, signal, by) {
            Fate::Sealed => self.doom(to, signal),
            Fate::Open => {
                self.note_flights(to);
                let queues = self.queues(to, signal);
                self.entry_mut(to).signals.post_perhaps_fatal(signal, queues);
                self.wake_for_signal(to);
            }
            Fate::Spared => {
                self.note_flights(to);
                let queues = self.queues(to, signal);
                self.entry_mut(to).signals.post(signal, queues);
                self.wake_for_signal(to);
            }
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
    #[inline(always)]
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
            Life::Alive if self.entry(to).is_unmapped() => None,
            Life::Alive | Life::Stopped => {
                if to != INIT && to != HOST {
                    self.cancel_opposites(to, signal);
                }
                Some(discarded)
            }
        }
    }

    /// What a signal does to a process when it is generated, as complete_signal() of Linux has it. A fatal one that finds a thread to
    /// take it ends the process from there on, whatever else is pending or sent later. A thread in which another signal is pending
    /// takes it only while a processor runs it (wants_signal()), which nobody promises; the sender itself does run. A stopped
    /// process dies of KILL alone.
    fn fate(&self, process: ProcId, signal: Signal, by: Sender) -> Fate {
        let of = self.entry(process);
        if of.life != Life::Alive && signal != Signal::KILL {
            return Fate::Spared;
        }
        let first = if of.over { None } else { Some(process) };
        let threads = first.into_iter().chain(self.threads(process).iter().copied());
        let masks = threads.map(|thread| self.entry(thread).mask).filter(|mask| of.signals.is_fatal(*mask, signal));
        let takes =
            |mask: &Mask| signal == Signal::KILL || by == Sender::Process(process) || !of.signals.is_actionable(mask);
        masks.map(|mask| if takes(&mask) { Fate::Sealed } else { Fate::Open }).max().unwrap_or(Fate::Spared)
    }

    /// Whether one of the fatal signals that are pending has ended the process when it came, and which: the first that found a thread
    /// running. If none did they act as all others, the lowest number first.
    pub(super) fn settle_fate(&mut self, process: ProcId, choose: &mut impl Choose) {
        let of = self.entry(process);
        let candidates = of.signals.perhaps_fatal();
        if candidates.is_empty() || of.is_unmapped() {
            return;
        }
        let site = Site { kind: Kind::Pick, label: of.label, nth: of.steps };
        let chosen = choose.draw(site, Ask::Pick { of: candidates.len() as u32 + 1 });
        let chosen = candidates.get(chosen as usize).copied();
        let of = self.entry_mut(process);
        of.signals.settle_fatal();
        if let Some(signal) = chosen {
            of.life = Life::Dying(signal);
        }
    }

    /// Nothing can save the process any more. Its threads may each be on their way into one more system call.
    fn doom(&mut self, process: ProcId, signal: Signal) {
        self.note_flights(process);
        self.entry_mut(process).life = Life::Dying(signal);
        self.announce(process);
    }

    /// A pending signal is for the first thread where that one waits and does not block it; else for whoever comes to act first.
    fn wake_for_signal(&mut self, process: ProcId) {
        if self.threads(process).is_empty() {
            return self.announce(process);
        }
        let first = self.entry(process);
        if !first.over && first.wait != Wait::Nothing && first.signals.is_actionable(&first.mask) {
            return self.announce(process);
        }
        for thread in self.each_thread(process) {
            self.announce(thread);
        }
    }

    /// A signal is about to come to a process.
    fn note_flights(&mut self, process: ProcId) {
        if self.threads(process).is_empty() {
            return self.note_flight(process);
        }
        for thread in self.each_thread(process) {
            self.note_flight(thread);
        }
    }

    /// A thread that runs may enter its next system call before it sees a signal: the other processor learns of it by an interrupt. One
    /// that has something to act upon already, as what its own step has caused, makes no call before that.
    #[inline]
    fn note_flight(&mut self, thread: ProcId) {
        let process = self.process_of(thread);
        let of = self.entry(process);
        let own = self.entry(thread);
        let runs = of.life == Life::Alive && !of.hold.is_held() && !own.over && own.wait == Wait::Nothing;
        if runs && !of.signals.is_actionable(&own.mask) {
            self.entry_mut(thread).in_flight = true;
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
            let (parent, unit) = (process.parent, process.unit);
            if seen {
                self.deeds.push(Deed::Delivered { to, signal });
            }
            if unit.is_some_and(|unit| self.units.at(unit).hears_children) {
                self.entry_mut(to).rare_mut().continued = true;
            } else {
                self.generate(parent, Signal::CHLD, Sender::Kernel);
            }
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

    /// A thread takes the signal that it acts on next, if one is left for it.
    pub(super) fn act_on_signal(&mut self, thread: ProcId, process: ProcId, choose: &mut impl Choose) {
        let mut mask = self.entry(thread).mask;
        let taken = self.entry_mut(process).signals.take(&mut mask);
        self.entry_mut(thread).mask = mask;
        let Some(signal) = taken else { return };
        self.enter_before_a_stop(thread, signal, choose);
        self.deliver(thread, signal);
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
            // Nobody sees that it was pending behind a mask.
            Disposition::Ignored
            | Disposition::Default(DefaultAction::Stop | DefaultAction::Continue | DefaultAction::Ignore) => {}
        }
    }

    /// A thread that takes a stop may have taken a caught signal before it, in the same return to its program (get_signal() of Linux is
    /// asked again once a handler's frame is set up). A program that blocks what it handles, but for its waits, has not.
    #[inline]
    pub(super) fn enter_before_a_stop(&mut self, thread: ProcId, taken: Signal, choose: &mut impl Choose) {
        if SignalSet::STOPS.has(taken) {
            self.enter_before(thread, taken, choose);
        }
    }

    fn enter_before(&mut self, thread: ProcId, stop: Signal, choose: &mut impl Choose) {
        let process = self.process_of(thread);
        let mut mask = self.entry(thread).mask;
        let signals = &self.entry(process).signals;
        let stops = signals.disposition(stop) == Disposition::Default(DefaultAction::Stop);
        let Some(first) = signals.first_before(&mask, stop).filter(|_| stops && !self.is_void_stop(process, stop))
        else {
            return;
        };
        let own = self.entry(thread);
        let site = Site { kind: Kind::Lag, label: own.label.child_hashed(ENTERED, 0), nth: own.steps };
        if choose.draw(site, Ask::Pick { of: 2 }) == 1 {
            self.entry_mut(process).signals.enter(&mut mask, first);
            self.entry_mut(thread).mask = mask;
        }
    }

    /// Tells the parent of a process that was continued, if that is still to be done: the first thing that it does when it runs again
    /// (get_signal() of Linux), whenever that is. One that dies before does not.
    pub(super) fn tells_of_continue(&mut self, process: ProcId) -> bool {
        let of = self.entry_mut(process);
        let parent = of.parent;
        let tells = of.rare.as_mut().is_some_and(|rare| std::mem::take(&mut rare.continued));
        if tells {
            self.generate(parent, Signal::CHLD, Sender::Kernel);
        }
        tells
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

/// Sets the choices about what stands when a process stops apart from those of its other steps: no name of a script.
const ENTERED: u64 = hash_name("(entered)");

#[cfg(test)]
mod tests;
