//! Machines on a host: mailboxes, deadlines and ticks.

use super::mail::{Mail, Mailbox};
use super::runner::Touched;
use super::{Action, Host};
use crate::choose::{Ask, Choose};
use crate::ids::{ActorId, OpId, UnitId};
use crate::machine::{Cx, Event, Machine};
use crate::reactor::{Name, Owner, Target, TimerId};
use crate::site::{Kind, Label, Site};
use crate::time::Instant;
use crate::vocab::{Completion, Request, Streams, TryRead};
use crate::world::World;
use alloc::format;
use alloc::vec::Vec;

/// A read of a machine's takes at most this much at once.
const CHUNK_MAX: usize = crate::pipe::CAPACITY;

/// An answer overtakes at most so many others.
const OVERTAKEN_MAX: u32 = 4;

/// Ticks that a machine may take within one instant.
const TICKS_AN_INSTANT_MAX: u32 = 1_000;

/// A machine and what the host keeps for it, in the order in which a delivery looks at it: of ten thousand none is in the cache.
#[repr(C)]
pub(crate) struct Entry<A> {
    pub(super) mailbox: Mailbox,
    pub(super) label: Label,
    /// Deliveries, ticks, draws and overtakings so far: the n-th of the next.
    mails: u32,
    ticks: u32,
    draws: u32,
    answers: u32,
    /// The deadline it had when it last ran; `NEVER` for none.
    deadline: Instant,
    pub(super) tick_enabled: bool,
    pub(crate) machine: A,
    timer: Option<TimerId>,
    /// The instant of the last tick, and how many it has had.
    ticked: (Instant, u32),
    pub(crate) name: Name,
}

impl<A> Entry<A> {
    pub(crate) fn new(name: Name, label: Label, machine: A) -> Entry<A> {
        Entry {
            name,
            machine,
            label,
            mailbox: Mailbox::EMPTY,
            mails: 0,
            ticks: 0,
            draws: 0,
            answers: 0,
            deadline: Instant::NEVER,
            timer: None,
            tick_enabled: false,
            ticked: (Instant::NEVER, 0),
        }
    }

    /// The same machine in another place, with nothing on its way to it.
    pub(super) fn moved(self) -> Entry<A> {
        let Entry { label, mails, ticks, draws, answers, machine, name, .. } = self;
        Entry { mails, ticks, draws, answers, ..Entry::new(name, label, machine) }
    }
}

impl<W: World, A: Machine> Host<W, A> {
    /// Puts mail into a mailbox; only its head competes.
    #[inline(always)]
    pub(super) fn mail(&mut self, to: ActorId, mail: Mail) {
        let entry = &mut self.actors[to.index()];
        self.world.borrow_mut().chooser().touched(entry.label);
        let was_empty = entry.mailbox.is_empty();
        self.letters.push(&mut entry.mailbox, mail, self.queue.turn);
        if was_empty {
            self.enable_mail(to);
        }
    }

    /// Puts an answer of the world into a mailbox. On a real machine the order in which answers arrive says nothing of the order in which
    /// things became true (each is another descriptor's), so it may overtake answers that are still waiting: no rule may rest on it.
    pub(super) fn mail_answer(&mut self, to: ActorId, op: OpId, completion: Completion) {
        let entry = &mut self.actors[to.index()];
        let waiting =
            if entry.mailbox.is_empty() { 0 } else { self.letters.answers_last(entry.mailbox, OVERTAKEN_MAX) };
        self.mail(to, Mail::Done { op, completion });
        // A world whose clock runs by itself answers in an order of its own.
        if waiting == 0 || self.patient {
            return;
        }
        let entry = &mut self.actors[to.index()];
        let site = Site { kind: Kind::Arrival, label: entry.label, nth: entry.answers };
        entry.answers += 1;
        let overtaken = self.world.borrow_mut().chooser().draw(site, Ask::Pick { of: waiting + 1 });
        self.letters.overtake(&mut self.actors[to.index()].mailbox, overtaken);
    }

    #[inline]
    fn enable_mail(&mut self, to: ActorId) {
        let entry = &mut self.actors[to.index()];
        let (label, nth) = (entry.label, entry.mails);
        entry.mails += 1;
        self.queue.push(Action::Mail(to), label, nth, self.world.borrow_mut().chooser());
    }

    /// A machine takes the head of its mailbox.
    pub(super) fn run_mail(&mut self, id: ActorId) {
        let Some(mail) = self.letters.pop(&mut self.actors[id.index()].mailbox) else { return };
        match mail {
            Mail::Event(event) => self.deliver(id, event),
            Mail::Done { op, completion } => self.deliver_answer(id, op, completion),
        }
        if !self.actors[id.index()].mailbox.is_empty() {
            self.enable_mail(id);
        }
    }

    fn deliver_answer(&mut self, id: ActorId, op: OpId, completion: Completion) {
        let mut ops = self.reactor.ops.borrow_mut();
        let Some(open) = ops.get(op) else { return }; // withdrawn while the mail was on its way
        if open.owner != Owner::Actor(id) {
            // Given up meanwhile: the answer is the host's.
            drop(ops);
            return self.complete(op, completion);
        }
        if let Completion::Readable(streams) = completion {
            let unit = open.unit;
            drop(ops);
            return self.deliver_output(id, op, unit, streams);
        }
        let unit = open.unit;
        let waker = ops.close(op);
        drop(ops);
        drop(waker);
        let completion = self.world.borrow_mut().taken(unit, completion);
        self.deliver(id, event_of(op, completion));
    }

    /// All outputs that can be read are read in one turn: nobody promises an order of what was written to two pipes. Readiness is a
    /// hint, and the wait goes on until each has come to its end.
    fn deliver_output(&mut self, id: ActorId, op: OpId, unit: UnitId, streams: Streams) {
        if self.holds_back(op, unit) {
            return;
        }
        let mut over = Streams::NONE;
        for stream in streams.iter() {
            let mut chunk = Vec::new();
            match self.read_unit(unit, stream, &mut chunk, CHUNK_MAX) {
                TryRead::WouldBlock => {}
                TryRead::Eof => over = over.with(stream),
                TryRead::Data(_) => {
                    self.deliver(id, Event::Output { op, stream, chunk });
                    self.carry_out_effects();
                    if self.reactor.ops.borrow_mut().get(op).is_none() {
                        return; // withdrawn, on what that has brought
                    }
                }
            }
        }
        if !over.is_empty() {
            self.outputs_are_over(op, over);
            self.deliver(id, Event::OutputOver { op, streams: over });
            self.carry_out_effects();
        }
        self.read_on(op, unit);
    }

    /// Waits for more of what a machine reads, if it is not over.
    pub(super) fn read_on(&mut self, op: OpId, unit: UnitId) {
        let rest = self.reactor.ops.borrow_mut().get(op).map(|open| open.streams);
        if let Some(rest) = rest {
            self.submit(op, unit, Request::Readable(rest));
        }
    }

    /// Nothing more comes of these, and of a read of nothing but them.
    fn outputs_are_over(&self, op: OpId, over: Streams) {
        let mut ops = self.reactor.ops.borrow_mut();
        let Some(open) = ops.get(op) else { return };
        open.streams = open.streams.without(over);
        if open.streams.is_empty() {
            let waker = ops.close(op);
            drop(ops);
            drop(waker);
        }
    }

    /// A machine's deadline has come, unless it has moved meanwhile.
    pub(super) fn run_tick(&mut self, id: ActorId) {
        let now = self.reactor.now.get();
        let entry = &mut self.actors[id.index()];
        entry.tick_enabled = false;
        if entry.machine.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        entry.ticked = if entry.ticked.0 == now { (now, entry.ticked.1 + 1) } else { (now, 1) };
        assert!(
            entry.ticked.1 <= TICKS_AN_INSTANT_MAX,
            "{} took {TICKS_AN_INSTANT_MAX} ticks within one instant: its deadline must move on",
            entry.name.as_str()
        );
        self.deliver_then(id, Event::Tick, true);
    }

    /// Hands an event to a machine within this turn.
    pub(super) fn deliver(&mut self, id: ActorId, event: Event) {
        self.deliver_then(id, event, false);
    }

    #[inline(always)]
    fn deliver_then(&mut self, id: ActorId, event: Event, was_tick: bool) {
        let touched = self.knows.as_ref().map(|_| Touched::by(&event));
        let entry = &mut self.actors[id.index()];
        let mut world = self.world.borrow_mut();
        let mut cx = Cx {
            now: self.reactor.now.get(),
            me: id,
            label: entry.label,
            draws: &mut entry.draws,
            reactor: &self.reactor,
            chooser: world.chooser(),
        };
        entry.machine.on(event, &mut cx);
        if let Err(broken) = entry.machine.invariant() {
            world.unexpected(entry.name.as_str(), &format!("invariant broken: {}", broken.0));
        }
        drop(world);
        if let Some(touched) = touched {
            self.note(id, &touched);
        }
        self.review_deadline(id, was_tick);
    }

    /// A deadline is state: whenever the machine has run, its timer follows.
    #[inline(always)]
    pub(super) fn review_deadline(&mut self, id: ActorId, was_tick: bool) {
        let entry = &mut self.actors[id.index()];
        let deadline = entry.machine.deadline().unwrap_or(Instant::NEVER);
        if deadline != entry.deadline || was_tick {
            self.move_deadline(id, deadline, was_tick);
        }
    }

    /// Out of line: mostly it has not moved.
    #[inline(never)]
    fn move_deadline(&mut self, id: ActorId, deadline: Instant, was_tick: bool) {
        let now = self.reactor.now.get();
        let entry = &mut self.actors[id.index()];
        // A tick that came late may find the next deadline past as well, and ticks again at once.
        if was_tick && deadline <= now && deadline <= entry.deadline && !entry.machine.ticks_one_by_one() {
            let name = entry.name.as_str();
            panic!("{name} would spin: after a Tick at {now} its deadline is still {deadline}");
        }
        entry.deadline = deadline;
        if let Some(timer) = entry.timer.take() {
            self.reactor.timers.borrow_mut().cancel(timer);
        }
        if deadline <= now {
            self.enable_tick(id);
        } else if deadline != Instant::NEVER {
            self.actors[id.index()].timer = Some(self.reactor.timers.borrow_mut().arm(deadline, Target::Actor(id)));
        }
    }

    pub(super) fn enable_tick(&mut self, id: ActorId) {
        let entry = &mut self.actors[id.index()];
        if core::mem::replace(&mut entry.tick_enabled, true) {
            return;
        }
        let (label, nth) = (entry.label, entry.ticks);
        entry.ticks += 1;
        self.queue.push(Action::Tick(id), label, nth, self.world.borrow_mut().chooser());
    }
}

/// The event that a machine gets for an answer.
#[inline(always)]
fn event_of(op: OpId, completion: Completion) -> Event {
    match completion {
        Completion::Spawned(result) => Event::Spawned { op, result: result.map(|pid| Some(pid.as_raw())) },
        Completion::TaskStarted => Event::Spawned { op, result: Ok(None) },
        Completion::SignalFailed(errno) => Event::SignalFailed { op, errno },
        Completion::Exited(notice) => Event::Exited { op, notice },
        Completion::Empty => Event::Empty { op },
        Completion::Written(bytes) => Event::Written { op, bytes },
        Completion::Surveyed(survey) => Event::Surveyed { op, survey },
        Completion::Traffic(traffic) => Event::Traffic { op, traffic },
        Completion::Notified => Event::Notified { op },
        Completion::Connected(accepted) => Event::Connected { op, accepted },
        Completion::Answered(status) => Event::Answered { op, status },
        Completion::Ran(status) => Event::Ran { op, status },
        Completion::Filed(_) => unreachable!("files are in the hands of tasks"),
        Completion::Readable(_) | Completion::Writable => {
            unreachable!("a machine reads through Cx::read and writes through Request::Write")
        }
    }
}
