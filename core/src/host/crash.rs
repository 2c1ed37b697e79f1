//! The end of a supervisor that is killed, and the beginning of the next: all machines and tasks are dropped where they stand, the world
//! goes on without them, and whoever comes after finds what was left. The outside is no part of a supervisor, and acts on both.

use super::Host;
use super::pick::Picking;
use crate::actor::Actor;
use crate::ids::ActorId;
use crate::machine::{Command, Event, Machine};
use crate::reactor::{Effect, Fate, Reactor, UnitKind};
use crate::recovery::{Blind, Busy, claim, recover};
use crate::session::Session;
use crate::status::Whose;
use crate::time::Instant;
use crate::vocab::{Act, Requester, SessionSpec, Stimulus};
use crate::world::World;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Who comes after a crash.
pub(super) struct Sequel<W: World, A: Machine> {
    /// Which machines are no part of the supervisor, and live on.
    outlives: fn(&A) -> bool,
    when: When,
    /// Starts the next supervisor.
    begin: Begin<W, A>,
}

/// When the next one begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum When {
    AtOnce,
    /// When the outside says so.
    Told,
}

type Begin<W, A> = Rc<dyn Fn(&mut Host<W, A>)>;

impl<W: World, A: Machine> Clone for Sequel<W, A> {
    fn clone(&self) -> Self {
        Sequel { outlives: self.outlives, when: self.when, begin: self.begin.clone() }
    }
}

impl<W: World, A: Machine> Host<W, A> {
    /// What is started after [`TaskCx::crash_host`](crate::task::TaskCx::crash_host): at once, on the same world.
    pub fn after_crash(&mut self, begin: impl Fn(&mut Host<W, A>) + 'static) {
        self.sequel = Some(Sequel { outlives: |_| false, when: When::AtOnce, begin: Rc::new(begin) });
    }

    /// Out of line: it is at most once or twice a run.
    #[cold]
    pub(super) fn meet_fate(&mut self) {
        let Some(fate) = self.fate.take() else { return };
        let Some(sequel) = self.sequel.clone() else { return };
        match fate {
            Fate::Crash => {
                self.crash(&sequel);
                match sequel.when {
                    When::AtOnce => self.boot(&sequel),
                    When::Told => {}
                }
            }
            Fate::Recover => self.boot(&sequel),
        }
    }

    /// Kills the supervisor between two steps, where [`after_crash`](Self::after_crash) or
    /// [`recovers_at_once`](Host::recovers_at_once) says who comes then.
    pub fn crash_host(&mut self) {
        self.fate = Some(Fate::Crash);
        self.meet_fate();
    }

    fn crash(&mut self, sequel: &Sequel<W, A>) {
        self.drop_tasks();
        let actors = core::mem::take(&mut self.actors);
        let (outside, own): (Vec<_>, Vec<_>) = actors.into_iter().partition(|entry| (sequel.outlives)(&entry.machine));
        drop(own);
        self.drop_machines();
        self.reactor.crash();
        {
            let mut world = self.world.borrow_mut();
            world.crash_host();
            while world.next_woken().is_some() {}
            self.picking = Picking::asked_for(&mut *world, self.picking.take());
        }
        for entry in outside {
            let id = ActorId(self.actors.len() as u32);
            if entry.machine.listens() {
                self.listeners.push(id);
            }
            self.actors.push(entry.moved());
            self.review_deadline(id, false);
        }
    }

    fn boot(&mut self, sequel: &Sequel<W, A>) {
        self.world.borrow_mut().boot_host();
        (sequel.begin)(self);
    }
}

impl<W: World> Host<W, Actor> {
    /// Starts a session when what an earlier supervisor of it has left is ended.
    pub(super) fn begin_recovery(&mut self, session: ActorId, spec: &Arc<SessionSpec>) {
        let (plan, status, mark) = (spec.clone(), self.status().cloned(), self.mark());
        let belongs_to = move |whose| status.iter().for_each(|status| status.belongs_to(whose));
        belongs_to(Whose::Unknown);
        let (kept, sink) = (self.status().cloned(), self.journal().cloned());
        self.spawn("recovery", move |cx| async move {
            let tell = |command| cx.reactor.push(Effect::Tell { to: session, event: Event::Command(command) });
            let give_up = || tell(Command::Stop { by: Requester::BackendLost, deadline: Instant::NEVER });
            match claim(&cx, &plan).await {
                Ok(claimed) => match recover(&cx, &plan, mark).await {
                    Ok(recovered) => {
                        for adopted in recovered.adopted {
                            sink.iter().for_each(|sink| sink.goes_on(adopted.worker.clone()));
                            cx.reactor.heirs.borrow_mut().insert(adopted.worker, adopted.who);
                        }
                        kept.iter().zip(claimed).for_each(|(status, claimed)| status.keep(claimed));
                        belongs_to(Whose::Ours);
                    }
                    // Somebody may live: nobody is started beside him.
                    Err(Blind(_)) => give_up(),
                },
                Err(Busy) => {
                    belongs_to(Whose::Anothers);
                    give_up();
                }
            }
            tell(Command::Start);
        });
    }

    /// A session whose outside kills its supervisor: another takes over when that says so.
    pub(super) fn expect_crash(&mut self, spec: &Arc<SessionSpec>, stimuli: &[Stimulus]) {
        if stimuli.iter().any(|stimulus| stimulus.act == Act::CrashHost) {
            self.succeed(spec, When::Told);
        }
    }

    /// After [`crash_host`](Self::crash_host) another supervisor takes over this session at once, whether or not its plan says that it
    /// [recovers](SessionSpec::recovers).
    pub fn recovers_at_once(&mut self, spec: &Arc<SessionSpec>) {
        self.succeed(spec, When::AtOnce);
    }

    fn succeed(&mut self, spec: &Arc<SessionSpec>, when: When) {
        let plan = spec.clone();
        let begin = move |host: &mut Host<W, Actor>| {
            let session = host.put_session(&plan, Session::recovering);
            for entry in &mut host.actors {
                if let Actor::Outside(outside) = &mut entry.machine {
                    outside.turn_to(session);
                }
            }
            host.begin_recovery(session, &plan);
        };
        let outlives = |actor: &Actor| matches!(actor, Actor::Outside(_));
        self.sequel = Some(Sequel { outlives, when, begin: Rc::new(begin) });
    }
}

impl Reactor {
    /// All that it has is gone with its process. Numbers and labels go on: nobody who comes later is taken for who was before.
    fn crash(&self) {
        for unit in &mut *self.units.borrow_mut() {
            (unit.owner, unit.kind) = (None, UnitKind::Gone);
        }
        self.tasks.borrow_mut().forget();
        self.ops.borrow_mut().forget();
        self.forget_the_rest();
    }
}
