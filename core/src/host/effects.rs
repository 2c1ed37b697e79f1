//! What machines and tasks asked for in a turn, carried out at its end, in order.

use super::{Host, ROOM_KEPT};
use crate::ids::{OpId, UnitId};
use crate::machine::{Event, Machine};
use crate::proxy::ProxySpec;
use crate::reactor::{Class, Effect, UnitKind};
use crate::task::{Given, Registered};
use crate::vocab::{Body, Fact, FactRecord, Launch, Request, Streams, Subject};
use crate::world::World;
use alloc::boxed::Box;
use alloc::vec::Vec;

impl<W: World, A: Machine> Host<W, A> {
    /// Carries out what was asked for, in order, until nothing is left to do within this turn.
    #[inline]
    pub(super) fn carry_out(&mut self) {
        loop {
            self.carry_out_effects();
            if self.reactor.doomed.borrow().is_empty() {
                return;
            }
            let doomed = core::mem::take(&mut *self.reactor.doomed.borrow_mut());
            for (task, run) in doomed {
                // One that is over has left its slot, which may be another's by now.
                if run.end() {
                    self.task_over(task);
                }
            }
        }
    }

    #[inline]
    pub(super) fn carry_out_effects(&mut self) {
        if !self.reactor.effects.borrow().is_empty() {
            self.carry_out_each();
        }
    }

    fn carry_out_each(&mut self) {
        // What is asked for meanwhile comes after all of these: two lists take turns.
        let mut asked = core::mem::take(&mut self.asked);
        loop {
            core::mem::swap(&mut *self.reactor.effects.borrow_mut(), &mut asked);
            if asked.is_empty() {
                break;
            }
            for effect in asked.drain(..) {
                self.carry_out_one(effect);
            }
        }
        if asked.capacity() <= ROOM_KEPT {
            self.asked = asked;
        }
        let mut effects = self.reactor.effects.borrow_mut();
        if effects.capacity() > ROOM_KEPT {
            *effects = Vec::new();
        }
        drop(effects);
        if self.fate.is_some() {
            self.meet_fate();
        }
    }

    #[inline(always)]
    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::Start { op, unit, body, launch } => self.start(op, unit, body, launch),
            Effect::Run { op, command } => self.run_command(op, command),
            Effect::Cancel { op } => self.cancel_command(op),
            Effect::Submit { op, unit, request } => self.submit(op, unit, request),
            Effect::Withdraw { op } => self.withdraw(op),
            Effect::File { op, call } => self.world.borrow_mut().file(op, *call),
            Effect::CloseFile { file } => self.world.borrow_mut().close_file(file),
            Effect::Fact { subject, incarnation, unit, fact } => self.publish(subject, incarnation, unit, fact),
            Effect::Tell { to, event } => self.deliver(to, event),
            Effect::Adopt { session, worker, spec } => self.adopt(session, worker, spec),
            Effect::Use { action, how } => self.use_action(how, action),
            Effect::Meet(fate) => self.fate = Some(fate),
            Effect::Unexpected { who, what } => {
                self.world.borrow_mut().unexpected(self.actors[who.index()].name.as_str(), &what);
            }
        }
    }

    fn publish(&mut self, subject: Subject, incarnation: u32, unit: Option<UnitId>, fact: Fact) {
        let at = self.reactor.now.get();
        let record = FactRecord { seq: self.facts, at, subject, incarnation, unit, fact };
        self.facts += 1;
        if self.recorder.is_some() || self.status.is_some() {
            self.record(&record);
        }
        self.world.borrow_mut().publish(&record);
        for i in 0..self.listeners.len() {
            let listener = self.listeners[i];
            if self.actors[listener.index()].machine.wants(subject, &record.fact) {
                let word = record.fact.word();
                self.deliver(listener, Event::Heard { subject, word });
            }
        }
    }

    fn start(&mut self, op: OpId, unit: UnitId, body: Body, mut launch: Box<Launch>) {
        launch.session = self.mark();
        match body {
            Body::Process(mut spec) => {
                if let Some(env) = self.env_of(op) {
                    alloc::sync::Arc::make_mut(&mut spec).env.extend(env);
                }
                self.reactor.units.borrow_mut()[unit.index()].kind = UnitKind::Process;
                self.submit(op, unit, Request::Spawn { spec, launch });
            }
            Body::Proxy(spec) => {
                self.reactor.units.borrow_mut()[unit.index()].kind = UnitKind::Process;
                self.submit(op, unit, Request::Serve(spec));
            }
            Body::PuppetTask(script) => {
                let given = Given { launch: *launch, ..Given::default() };
                self.start_task(op, unit, given, move |cx, stdio| crate::puppet::play(script, cx, stdio));
            }
            Body::Function(index) => {
                let (function, proxy, mut given) = {
                    let functions = self.reactor.functions.borrow();
                    let registered = functions.get(index as usize).and_then(Option::as_ref);
                    let Registered { function, env, dir, proxy } =
                        registered.expect("a body names a function of the table");
                    (function.clone(), proxy.clone(), Given { launch: *launch, env: env.clone(), dir: dir.clone() })
                };
                given.env.extend(self.env_of(op).unwrap_or_default());
                if let Some(at) = proxy.and_then(|proxy| self.world.borrow().proxy_address(&proxy)) {
                    for (name, value) in ProxySpec::environment(at) {
                        given.env.entry(name.into()).or_insert(value);
                    }
                }
                self.start_task(op, unit, given, move |cx, stdio| function(cx, stdio));
            }
            Body::Supervisor(_) => unreachable!("a supervisor is a machine, not a unit"),
        }
    }

    #[inline(always)]
    pub(super) fn submit(&mut self, op: OpId, unit: UnitId, request: Request) {
        let class = Class::of(&request);
        {
            let mut ops = self.reactor.ops.borrow_mut();
            let Some(open) = ops.get(op) else { return };
            open.class = class;
            open.streams = if let Request::Readable(streams) = request { streams } else { Streams::NONE };
        }
        if class == Class::Prompt {
            self.prompt.push(op);
        }
        let is_task = matches!(self.reactor.units.borrow()[unit.index()].kind, UnitKind::Task(_));
        if is_task {
            self.ask_task(op, unit, request);
        } else {
            self.world.borrow_mut().submit(op, unit, request);
        }
    }
}
