//! What a machine may do while it takes an event. Nothing is done at once: the host carries it out at the end of the turn, in its order.

use super::Event;
use crate::actions::ActionUse;
use crate::choose::Choose;
use crate::ids::{ActorId, OpId, UnitId};
use crate::reactor::{Effect, Fate, Reactor};
use crate::site::{Kind, Label, Site, mix};
use crate::tie::{Deadlines, Tying};
use crate::time::{Duration, DurationRange, Instant};
use crate::vocab::{Body, Fact, Identity, Launch, ProcessSpec, Request, Streams, Subject};
use alloc::boxed::Box;
use alloc::sync::Arc;

/// A machine's hands: what it may do while it takes an event.
pub struct Cx<'a> {
    /// The clock, frozen for this turn.
    pub now: Instant,
    /// The machine itself.
    pub me: ActorId,
    pub(crate) label: Label,
    pub(crate) draws: &'a mut u32,
    pub(crate) reactor: &'a Reactor,
    pub(crate) chooser: &'a mut dyn Choose,
}

impl Cx<'_> {
    /// A number for a unit that is about to be started.
    pub fn new_unit(&mut self) -> UnitId {
        self.reactor.new_unit(None)
    }

    /// Starts `body` as `unit`; answered by [`Event::Spawned`].
    pub fn start(&mut self, unit: UnitId, name: &Arc<str>, body: &Body) -> OpId {
        self.launch(unit, name, body, Launch::default())
    }

    /// As [`start`](Self::start), with what this incarnation is told and given.
    pub fn launch(&mut self, unit: UnitId, name: &Arc<str>, body: &Body, launch: Launch) -> OpId {
        let op = self.reactor.open_op(crate::reactor::Owner::Actor(self.me), unit);
        match body {
            // It names itself.
            Body::Process(_) | Body::Proxy(_) | Body::Supervisor(_) => {}
            Body::PuppetTask(_) | Body::Function(_) => self.reactor.name_unit(unit, name),
        }
        self.reactor.push(Effect::Start { op, unit, body: body.clone(), launch: Box::new(launch) });
        op
    }

    /// Runs a command beside the unit, reads its output into nothing, and sees to it that nothing of it is left; answered by
    /// [`Event::Ran`].
    pub fn run(&mut self, command: &Arc<ProcessSpec>) -> OpId {
        let unit = self.new_unit();
        let op = self.reactor.open_op(crate::reactor::Owner::Actor(self.me), unit);
        self.reactor.push(Effect::Run { op, command: command.clone() });
        op
    }

    /// Asks for the early end of a command that [`run`](Self::run) has started. The answer still comes: when nothing of it is left.
    pub fn cancel(&mut self, op: OpId) {
        self.reactor.push(Effect::Cancel { op });
    }

    /// What all incarnations of this machine's unit are called by, in this run of the host; never zero.
    pub fn resume_id(&self) -> u64 {
        mix(self.label.0 ^ self.reactor.nonce.get()).max(1)
    }

    /// Asks the unit's world. See [`Request`] for what is answered.
    #[inline(always)]
    pub fn submit(&mut self, unit: UnitId, request: Request) -> OpId {
        let op = self.reactor.open_op(crate::reactor::Owner::Actor(self.me), unit);
        self.reactor.push(Effect::Submit { op, unit, request });
        op
    }

    /// Reads these outputs to their ends, unless it is withdrawn; answered by [`Event::Output`] for each chunk of each, in their order,
    /// and by [`Event::OutputOver`] for their ends.
    pub fn read(&mut self, unit: UnitId, streams: impl Into<Streams>) -> OpId {
        self.submit(unit, Request::Readable(streams.into()))
    }

    /// Withdraws a wait, or gives up an act, whose answer the host then owns.
    pub fn withdraw(&mut self, op: OpId) {
        self.reactor.disown(op);
    }

    /// Publishes a fact about a worker.
    #[inline]
    pub fn fact(&mut self, subject: Subject, incarnation: u32, unit: Option<UnitId>, fact: Fact) {
        self.reactor.push(Effect::Fact { subject, incarnation, unit, fact });
    }

    /// Tells another machine of this host, within this turn.
    #[inline]
    pub fn tell(&mut self, to: ActorId, event: Event) {
        self.reactor.push(Effect::Tell { to, event });
    }

    /// The host's own process is killed, at the end of this turn.
    pub(crate) fn crash_host(&mut self) {
        self.reactor.push(Effect::Meet(Fate::Crash));
    }

    /// Another takes over, at the end of this turn.
    pub(crate) fn recover_host(&mut self) {
        self.reactor.push(Effect::Meet(Fate::Recover));
    }

    /// Somebody outside uses an action of the session, at the end of this turn.
    pub(crate) fn use_action(&mut self, action: &Arc<str>, how: ActionUse) {
        self.reactor.push(Effect::Use { action: action.clone(), how });
    }

    /// Whom the worker of this name takes over instead of starting somebody; it is asked once.
    pub(crate) fn heir(&self, worker: &str) -> Option<Identity> {
        self.reactor.heirs.borrow_mut().remove(worker)
    }

    /// A stop has come during a recovery.
    pub(crate) fn wanes(&self) {
        self.reactor.is_waning.set(true);
    }

    /// Reports an event that this state has no answer for; an oracle rejects it.
    pub fn unexpected(&mut self, state: &'static str, event: &Event) {
        self.reactor.push(Effect::Unexpected { who: self.me, what: alloc::format!("{state} met {event:?}") });
    }

    /// A duration from the range: the shortest in a calm run.
    pub fn draw(&mut self, range: DurationRange) -> Duration {
        if range.steps() == 0 {
            return range.min;
        }
        let nth = *self.draws;
        *self.draws += 1;
        self.draw_nth(nth, range, self.now)
    }

    /// As [`draw`](Self::draw), for a machine that numbers its draws itself, of a duration that began at this instant.
    pub(crate) fn draw_nth(&mut self, nth: u32, range: DurationRange, from: Instant) -> Duration {
        if range.steps() == 0 {
            return range.min;
        }
        let site = Site { kind: Kind::Span, label: self.label, nth };
        Tying::new(self.chooser, Deadlines::new(&self.reactor.timers)).span(site, range, from)
    }
}
