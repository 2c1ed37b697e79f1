//! Sets of signals, and what a process and each of its threads know of signals: pending, blocked, ignored, caught (signal(7)).
//! Kept apart from delivery because fork, exec, threads and handlers each copy a different part of it.

use shakedown_core::digest::Digest;
use shakedown_core::puppet::{Block, Handler};
use shakedown_core::signal::{DefaultAction, Signal};
use std::hash::Hash;

/// A set of signals, a bit each, as the kernel keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct SignalSet(u64);

impl SignalSet {
    /// Those that stop by default.
    pub(super) const STOPS: SignalSet =
        SignalSet::of(Signal::STOP).and(Signal::TSTP).and(Signal::TTIN).and(Signal::TTOU);
    /// CONT alone.
    pub(super) const CONT: SignalSet = SignalSet::of(Signal::CONT);
    /// All but KILL and STOP.
    const BLOCKABLE: SignalSet = SignalSet(!SignalSet::of(Signal::KILL).and(Signal::STOP).0);
    /// Those that an instruction causes; they go before all others.
    const SYNCHRONOUS: SignalSet = SignalSet::of(Signal::SEGV)
        .and(Signal::BUS)
        .and(Signal::ILL)
        .and(Signal::TRAP)
        .and(Signal::FPE)
        .and(Signal::SYS);

    const fn bit(signal: Signal) -> u64 {
        1 << (signal.number() - 1)
    }

    const fn of(signal: Signal) -> SignalSet {
        SignalSet(Self::bit(signal))
    }

    const fn and(self, signal: Signal) -> SignalSet {
        SignalSet(self.0 | Self::bit(signal))
    }

    pub(super) fn has(self, signal: Signal) -> bool {
        self.0 & Self::bit(signal) != 0
    }

    pub(super) fn insert(&mut self, signal: Signal) {
        self.0 |= Self::bit(signal);
    }

    pub(super) fn remove(&mut self, signal: Signal) {
        self.0 &= !Self::bit(signal);
    }

    pub(super) fn remove_all(&mut self, others: SignalSet) {
        self.0 &= !others.0;
    }

    /// All of them, the lowest number first.
    pub(super) fn each(self) -> impl Iterator<Item = Signal> {
        (1..=64).filter_map(Signal::from_number).filter(move |signal| self.has(*signal))
    }

    fn without(self, other: SignalSet) -> SignalSet {
        SignalSet(self.0 & !other.0)
    }

    pub(super) fn len(self) -> u64 {
        u64::from(self.0.count_ones())
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The signal that is delivered first: synchronous ones, then the lowest number.
    fn first(self) -> Option<Signal> {
        let synchronous = self.0 & Self::SYNCHRONOUS.0;
        let from = if synchronous != 0 { synchronous } else { self.0 };
        Signal::from_number(from.trailing_zeros() as i32 + 1)
    }
}

/// The signal state of a thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Mask {
    /// What its program has blocked (sigprocmask(2)). Never KILL or STOP.
    pub(super) blocked: SignalSet,
    /// A handler runs, and every caught signal is blocked too.
    pub(super) holding: bool,
    /// A thread is being created: both it and its creator block all that can be blocked.
    pub(super) starting: bool,
    /// Sent to this thread alone (tgkill(2), SIGPIPE), and not yet delivered.
    pub(super) own: SignalSet,
    /// Delivered, while the process stops at once: its handler's frame stands, and is the first thing that goes on.
    pub(super) entered: Option<Signal>,
}

/// The signal state that all threads of a process share.
#[derive(Default)]
pub(super) struct Signals {
    /// Generated for the process and not yet delivered.
    pending: SignalSet,
    ignored: SignalSet,
    caught: SignalSet,
    /// Made when first needed and kept with the record: most processes neither catch nor queue.
    lists: Option<Box<Lists>>,
}

#[derive(Default)]
struct Lists {
    /// Further instances of pending real-time signals, which queue instead of coalescing.
    queued: Vec<Signal>,
    handlers: Vec<(Signal, Block)>,
    /// Pending ones that are fatal and came while another was pending, in their order: each may have ended the process at once.
    perhaps_fatal: Vec<Signal>,
}

/// What a signal meets in a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Disposition {
    Ignored,
    Caught,
    Default(DefaultAction),
}

impl Signals {
    /// Real-time signals beyond this many coalesce, as those of kill(2) do once RLIMIT_SIGPENDING is reached.
    pub(super) const QUEUED_MAX: usize = 1024;

    /// Puts in all of it; handlers by their blocks, which a scenario shares among its runs.
    pub(super) fn digest(&self, into: &mut Digest) {
        let Signals { pending, ignored, caught, lists: _ } = self;
        into.number(pending.0).number(ignored.0).number(caught.0);
        self.queued().hash(into);
        self.perhaps_fatal().hash(into);
        let each = |(signal, block): &(Signal, Block)| {
            Digest::of(signal.number() as u64).number(block.as_ptr().addr() as u64).value()
        };
        into.number(self.handlers().iter().map(each).fold(0, u64::wrapping_add));
    }

    /// As in a process that has never heard of signals.
    pub(super) fn clear(&mut self) {
        self.pending = SignalSet::default();
        if let Some(lists) = &mut self.lists {
            lists.queued.clear();
            lists.perhaps_fatal.clear();
        }
        self.reset();
    }

    /// Default dispositions: what a spawner owes its child. Pending signals stay.
    pub(super) fn reset(&mut self) {
        self.ignored = SignalSet::default();
        self.exec();
    }

    /// fork(2): dispositions are copied, the pending set is empty.
    pub(super) fn fork_from(&mut self, parent: &Signals) {
        self.clear();
        self.ignored = parent.ignored;
        self.caught = parent.caught;
        if !parent.handlers().is_empty() {
            self.lists_mut().handlers.extend_from_slice(parent.handlers());
        }
    }

    /// execve(2): caught signals go back to their defaults; ignored ones, the mask and the pending set stay.
    pub(super) fn exec(&mut self) {
        self.caught = SignalSet::default();
        if let Some(lists) = &mut self.lists {
            lists.handlers.clear();
        }
    }

    /// How many are pending, each instance of a real-time signal counted.
    pub(super) fn pending_count(&self) -> u64 {
        self.pending.len() + self.queued().len() as u64
    }

    fn queued(&self) -> &[Signal] {
        self.lists.as_ref().map_or(&[], |lists| &lists.queued)
    }

    /// What was generated for the process, and has not acted yet.
    pub(super) fn pending(&self) -> SignalSet {
        self.pending
    }

    /// What its handlers play.
    pub(super) fn handlers(&self) -> &[(Signal, Block)] {
        self.lists.as_ref().map_or(&[], |lists| &lists.handlers)
    }

    fn lists_mut(&mut self) -> &mut Lists {
        self.lists.get_or_insert_default()
    }

    pub(super) fn disposition(&self, signal: Signal) -> Disposition {
        if self.ignored.has(signal) {
            Disposition::Ignored
        } else if self.caught.has(signal) {
            Disposition::Caught
        } else {
            Disposition::Default(signal.default_action())
        }
    }

    /// Whether the signal is thrown away when generated for the thread with this mask, the main one for a whole process. A blocked
    /// one is kept: its disposition may change before delivery.
    pub(super) fn discards(&self, mask: Mask, signal: Signal) -> bool {
        !self.blocked(mask).has(signal)
            && match self.disposition(signal) {
                Disposition::Ignored | Disposition::Default(DefaultAction::Ignore | DefaultAction::Continue) => true,
                Disposition::Caught => false,
                Disposition::Default(DefaultAction::Terminate | DefaultAction::Core | DefaultAction::Stop) => false,
            }
    }

    /// Whether it ends the process as soon as it is generated for a thread with this mask, without a turn of its own in the queue of
    /// signals.
    pub(super) fn is_fatal(&self, mask: Mask, signal: Signal) -> bool {
        !self.blocked(mask).has(signal) && self.disposition(signal) == Disposition::Default(DefaultAction::Terminate)
    }

    /// Installs a disposition (sigaction(2)). A pending signal that is now ignored is thrown away, blocked or not.
    pub(super) fn install(&mut self, signal: Signal, handler: &Handler) {
        self.ignored.remove(signal);
        self.caught.remove(signal);
        if let Some(lists) = &mut self.lists {
            lists.handlers.retain(|(caught, _)| *caught != signal);
        }
        match handler {
            Handler::Ignore => self.ignored.insert(signal),
            Handler::Default => {}
            Handler::Run(block) => {
                self.caught.insert(signal);
                self.lists_mut().handlers.push((signal, block.clone()));
            }
        }
        if self.discards(Mask::default(), signal) {
            self.forget(signal);
        }
    }

    /// The block that a caught signal runs.
    pub(super) fn handler(&self, signal: Signal) -> Option<&Block> {
        self.handlers().iter().find(|(caught, _)| *caught == signal).map(|(_, block)| block)
    }

    /// What a thread with this mask blocks: while a handler runs, also every signal that has one.
    #[inline]
    pub(super) fn blocked(&self, mask: Mask) -> SignalSet {
        if mask.starting {
            return SignalSet::BLOCKABLE;
        }
        if mask.holding || mask.entered.is_some() { SignalSet(mask.blocked.0 | self.caught.0) } else { mask.blocked }
    }

    /// Marks a signal pending. A standard signal is pending once, however often it is sent, and so is a real-time one that no longer
    /// queues.
    pub(super) fn post(&mut self, signal: Signal, queues: bool) {
        if queues && signal.is_real_time() && self.pending.has(signal) && self.queued().len() < Self::QUEUED_MAX {
            self.lists_mut().queued.push(signal);
        }
        self.pending.insert(signal);
    }

    /// Marks a fatal signal pending that may have ended the process at once.
    pub(super) fn post_perhaps_fatal(&mut self, signal: Signal, queues: bool) {
        self.post(signal, queues);
        if !self.perhaps_fatal().contains(&signal) {
            self.lists_mut().perhaps_fatal.push(signal);
        }
    }

    /// Those that may have ended the process when they came, the first first.
    pub(super) fn perhaps_fatal(&self) -> &[Signal] {
        self.lists.as_ref().map_or(&[], |lists| &lists.perhaps_fatal)
    }

    /// It is settled which of them has, if any.
    pub(super) fn settle_fatal(&mut self) {
        if let Some(lists) = &mut self.lists {
            lists.perhaps_fatal.clear();
        }
    }

    /// Takes the next pending signal that a thread with this mask does not block: its own before the process's, as Linux does. Those
    /// with handlers come last: all that is pending is dequeued before the program goes on, and a handler only has its frame set up
    /// (exit_to_user_mode_loop() of Linux), so what ends or stops the process does so before any handler has begun.
    pub(super) fn take(&mut self, mask: &mut Mask) -> Option<Signal> {
        let blocked = self.blocked(*mask);
        let (own, all) = (mask.own.without(blocked), self.pending.without(blocked));
        let in_turn = [own.without(self.caught), all.without(self.caught), own, all];
        let Some(signal) = in_turn.into_iter().find_map(SignalSet::first) else {
            // Another thread may have taken its handler away meanwhile.
            return mask.entered.take().filter(|entered| self.caught.has(*entered));
        };
        self.remove(mask, signal);
        Some(signal)
    }

    /// The caught signal that is dequeued before this stop, which has just been taken: its handler's frame stands already when the process
    /// stops, and another one of its kind, which comes then, is pending beside it.
    pub(super) fn first_before(&self, mask: &Mask, stop: Signal) -> Option<Signal> {
        let blocked = self.blocked(*mask);
        let of_process = || self.pending.without(blocked).first().filter(|first| first.number() < stop.number());
        let first = mask.own.without(blocked).first().or_else(of_process)?;
        self.caught.has(first).then_some(first)
    }

    /// Delivers this one: its handler's frame is set up, and its handler has not begun.
    pub(super) fn enter(&mut self, mask: &mut Mask, signal: Signal) {
        self.remove(mask, signal);
        mask.entered = Some(signal);
    }

    /// One instance of it is pending no more.
    fn remove(&mut self, mask: &mut Mask, signal: Signal) {
        if mask.own.has(signal) && !self.blocked(*mask).has(signal) {
            mask.own.remove(signal);
            return;
        }
        match self.queued().iter().position(|&queued| queued == signal) {
            Some(at) => drop(self.lists_mut().queued.remove(at)),
            None => self.pending.remove(signal),
        }
    }

    /// Forgets every pending instance of a signal.
    pub(super) fn forget(&mut self, signal: Signal) {
        self.pending.remove(signal);
        if let Some(lists) = &mut self.lists {
            lists.queued.retain(|&queued| queued != signal);
        }
    }

    /// Forgets every pending instance of these.
    pub(super) fn forget_all(&mut self, which: SignalSet) {
        self.pending.remove_all(which);
        if let Some(lists) = &mut self.lists {
            lists.queued.retain(|&queued| !which.has(queued));
        }
    }

    /// Whether a pending signal would be delivered now, and whichever it is meets a handler. Stops and continues may still be cancelled.
    pub(super) fn is_about_to_be_caught(&self, mask: &Mask) -> bool {
        let actionable = SignalSet(self.pending.0 | mask.own.0).without(self.blocked(*mask));
        let stays = actionable.without(SignalSet::STOPS).without(SignalSet::CONT);
        !stays.is_empty() && actionable.without(self.caught).is_empty() && self.perhaps_fatal().is_empty()
    }

    /// Whether all that would be delivered to a thread with the first mask now is the process's, and could as well have been delivered to one
    /// with the second.
    pub(super) fn is_as_well_for(&self, mask: &Mask, other: &Mask) -> bool {
        let blocked = self.blocked(*mask);
        let is_the_process_s = mask.entered.is_none() && mask.own.without(blocked).is_empty();
        is_the_process_s && SignalSet(self.pending.without(blocked).0 & self.blocked(*other).0).is_empty()
    }

    /// Whether a pending signal would be delivered to a thread with this mask now.
    #[inline]
    pub(super) fn is_actionable(&self, mask: &Mask) -> bool {
        let pending = SignalSet(self.pending.0 | mask.own.0);
        mask.entered.is_some() || (!pending.is_empty() && !pending.without(self.blocked(*mask)).is_empty())
    }
}

#[cfg(test)]
mod tests;
