//! The children of a session or a supervisor: started when what they wait for has come true, stopped in the opposite order, brought back
//! by the parent's strategy. The part of a parent that decides; sessions and supervisors differ in what surrounds it.
//!
//! Intent wins over policy: a child that somebody has stopped is not brought back, whatever happens to its siblings.

mod adopt;
mod again;
mod order;
mod stop;
mod view;

use crate::digest::Digest;
use crate::ids::{ActorId, WorkerId};
use crate::machine::{Command, Cx, Event};
use crate::restart::Next;
use crate::time::Instant;
use crate::vocab::{Body, Condition, Dependency, Requester, SessionSpec, Strategy, WorkerSpec, WorkerState};
use again::Regroup;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::Hash;
use order::Order;

/// What a parent knows of its children.
#[derive(Clone, Debug)]
pub(crate) struct Children {
    plan: Arc<SessionSpec>,
    strategy: Strategy,
    list: Vec<Child>,
    /// What those were made of who have joined since, and are not in the plan.
    adopted: BTreeMap<WorkerId, Arc<WorkerSpec>>,
    order: Option<Box<Order>>,
    mode: Mode,
    regroup: Option<Box<Regroup>>,
    /// How many are not over.
    open: u32,
    /// How many of those were not yet told of the stop.
    unasked: u32,
}

#[derive(Clone, Copy, Debug)]
struct Child {
    worker: WorkerId,
    actor: ActorId,
    stage: Stage,
    wanted: Wanted,
    come: Come,
    /// Whether an incarnation of it is over already. It answers for no stop, then, while it waits to be started once more.
    lived: bool,
}

/// Where a child stands, as far as its parent has a hand in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Stage {
    /// It is over, or was never started.
    Over,
    /// It is to be started when what it waits for has come true: for the first time, or again at this instant at the earliest.
    Waiting { again: Option<Instant> },
    /// It was told to start and is not over.
    Up,
    /// It was told to stop as well.
    Stopping,
}

/// What a child is to be after its end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Wanted {
    /// Whatever its policy says.
    Up,
    /// Stopped for good.
    Down,
    /// Started again at once, because somebody asked for it.
    Bounced,
}

/// What all children are told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Mode {
    /// To run.
    Up,
    /// To go on until their parent's turn has come to end: those who end meanwhile are not brought back.
    Holding,
    /// To end. Where some wait for their turn until `force_at`, all are made to end then, or not everything would be over in time.
    Ending { by: Requester, deadline: Instant, force_at: Instant },
    /// To end at once.
    Forcing { deadline: Instant },
}

impl Mode {
    /// Whether they are asked or made to end.
    const fn is_ending(self) -> bool {
        match self {
            Mode::Up | Mode::Holding => false,
            Mode::Ending { .. } | Mode::Forcing { .. } => true,
        }
    }
}

/// What became of a child's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It was not ours, or not up.
    Unexpected,
    /// It is over.
    Over,
    /// It is over, and its circuit breaker has tripped.
    Tripped,
    /// It comes back.
    Returns,
}

/// How far a child has come, as bits of [`Condition`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Come(u8);

impl Come {
    const fn bit(condition: Condition) -> u8 {
        1 << condition as u8
    }

    fn to(&mut self, condition: Condition) -> bool {
        let before = *self;
        self.0 |= Come::bit(condition);
        *self != before
    }

    const fn has(self, condition: Condition) -> bool {
        self.0 & Come::bit(condition) != 0
    }
}

/// What a dependency amounts to for the one who waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Met,
    Open,
    /// It will never come true.
    Lost(WorkerId),
}

impl Children {
    /// The children of a plan, none started, in this order.
    pub(crate) fn new(
        plan: Arc<SessionSpec>,
        strategy: Strategy,
        children: impl Iterator<Item = (WorkerId, ActorId)>,
    ) -> Children {
        let (stage, wanted, come) = (Stage::Over, Wanted::Down, Come::default());
        let list: Vec<Child> =
            children.map(|(worker, actor)| Child { worker, actor, stage, wanted, come, lived: false }).collect();
        let order = Order::of(&plan, &list).map(Box::new);
        let adopted = BTreeMap::new();
        Children { plan, strategy, list, adopted, order, mode: Mode::Up, regroup: None, open: 0, unasked: 0 }
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether all are over.
    pub(crate) fn are_over(&self) -> bool {
        self.open == 0
    }

    /// How many are not over.
    pub(crate) fn open_count(&self) -> u32 {
        self.open
    }

    /// Who is not over.
    pub(crate) fn open(&self) -> impl Iterator<Item = WorkerId> + '_ {
        self.list.iter().filter(|child| child.stage != Stage::Over).map(|child| child.worker)
    }

    /// Whether each has come so far.
    pub(crate) fn have_come(&self, condition: Condition) -> bool {
        self.list.iter().all(|child| child.come.has(condition))
    }

    /// Starts all, each as soon as it may.
    pub(crate) fn start_all(&mut self, cx: &mut Cx<'_>) {
        self.mode = Mode::Up;
        for child in &mut self.list {
            child.stage = Stage::Waiting { again: child.lived.then_some(cx.now) };
            (child.wanted, child.come) = (Wanted::Up, Come::default());
        }
        self.open = self.list.len() as u32;
        for at in 0..self.list.len() {
            self.release(at, cx);
        }
    }

    /// The place of a worker in the list; plans that number their workers in order are found at once.
    fn place(&self, worker: WorkerId) -> Option<usize> {
        let first = self.list.first()?.worker.0;
        let guess = worker.0.wrapping_sub(first) as usize;
        match self.list.get(guess) {
            Some(child) if child.worker == worker => Some(guess),
            Some(_) | None => self.list.iter().position(|child| child.worker == worker),
        }
    }

    /// Where to send what is meant for `worker`: to itself where it is a child, to the child that is its supervisor otherwise.
    pub(crate) fn route(&self, worker: WorkerId) -> Option<Route> {
        if let Some(at) = self.place(worker) {
            return Some(Route::Child(at));
        }
        let under = |child: &&Child| is_under(&self.plan, worker, child.worker);
        self.list.iter().find(under).map(|child| Route::Below(child.actor))
    }

    /// Starts a child that waits, if all that it waits for has come true.
    fn release(&mut self, at: usize, cx: &mut Cx<'_>) {
        let Stage::Waiting { again } = self.list[at].stage else { return };
        if self.mode != Mode::Up || self.is_regrouping(at) {
            return;
        }
        let worker = self.list[at].worker;
        let command = match self.standing(worker) {
            Standing::Open => return,
            Standing::Lost(on) => Command::GiveUp { on },
            Standing::Met => again.map_or(Command::Start, |at| Command::Again { at }),
        };
        self.list[at].stage = Stage::Up;
        cx.tell(self.list[at].actor, Event::Command(command));
    }

    fn standing(&self, worker: WorkerId) -> Standing {
        let mut standing = Standing::Met;
        for Dependency { on, until } in &self.spec(worker).after {
            // The plan was checked: dependencies are siblings.
            let Some(child) = self.place(*on).map(|at| self.list[at]) else { continue };
            if child.come.has(*until) {
                continue;
            }
            if child.stage == Stage::Over {
                return Standing::Lost(*on);
            }
            standing = Standing::Open;
        }
        standing
    }

    /// A child tells how far it has come.
    pub(crate) fn news(&mut self, worker: WorkerId, come: Condition, cx: &mut Cx<'_>) {
        let Some(at) = self.place(worker) else { return };
        if self.list[at].come.to(come) {
            self.release_dependents(at, cx);
        }
    }

    fn release_dependents(&mut self, of: usize, cx: &mut Cx<'_>) {
        let Some(order) = self.order.take() else { return };
        for &dependent in order.dependents(of) {
            self.release(dependent as usize, cx);
        }
        self.order = Some(order);
    }

    /// A child's incarnation is over.
    pub(crate) fn ended(&mut self, worker: WorkerId, as_what: WorkerState, next: Next, cx: &mut Cx<'_>) -> Fate {
        let Some(at) = self.place(worker) else { return Fate::Unexpected };
        if !matches!(self.list[at].stage, Stage::Up | Stage::Stopping) {
            return Fate::Unexpected;
        }
        self.list[at].lived = true;
        if as_what == WorkerState::Finished {
            self.list[at].come.to(Condition::Succeeded);
        }
        if self.mode == Mode::Up && self.is_regrouping(at) {
            return self.regrouped(at, next, cx);
        }
        match (self.mode, self.list[at].wanted, next) {
            (Mode::Up, Wanted::Bounced, _) => {
                self.list[at].wanted = Wanted::Up;
                self.bring_back(at, cx.now, cx);
                Fate::Returns
            }
            (Mode::Up, Wanted::Up, Next::Again { at: when }) => {
                match self.strategy {
                    Strategy::OneForOne => self.bring_back(at, when, cx),
                    Strategy::OneForAll | Strategy::RestForOne => self.begin_regroup(at, when, cx),
                }
                Fate::Returns
            }
            (Mode::Up, Wanted::Up, Next::Tripped) => {
                self.over(at, cx);
                Fate::Tripped
            }
            (Mode::Up, Wanted::Up | Wanted::Down, Next::Over)
            | (Mode::Up, Wanted::Down, Next::Again { .. } | Next::Tripped)
            | (Mode::Holding | Mode::Ending { .. } | Mode::Forcing { .. }, _, _) => {
                self.over(at, cx);
                Fate::Over
            }
        }
    }

    fn over(&mut self, at: usize, cx: &mut Cx<'_>) {
        let was = core::mem::replace(&mut self.list[at].stage, Stage::Over);
        self.open -= 1;
        if !self.mode.is_ending() {
            return self.release_dependents(at, cx);
        }
        if was != Stage::Stopping {
            self.unasked -= 1;
        }
        self.stop_next(at, cx);
    }

    /// Puts in what its future depends on.
    pub(crate) fn digest(&self, now: Instant, into: &mut Digest) {
        for child in &self.list {
            (child.wanted, child.come, child.lived, core::mem::discriminant(&child.stage)).hash(into);
            if let Stage::Waiting { again: Some(at) } = child.stage {
                into.instant(now, at);
            }
        }
        core::mem::discriminant(&self.mode).hash(into);
        match self.mode {
            Mode::Up | Mode::Holding => {}
            Mode::Ending { deadline, .. } | Mode::Forcing { deadline } => {
                into.instant(now, deadline);
            }
        }
        if let Some(regroup) = &self.regroup {
            regroup.digest(now, into);
        }
    }
}

/// Whom a command for a worker is sent to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// A child, by its place.
    Child(usize),
    /// A supervisor among the children, below which it is.
    Below(ActorId),
}

fn is_under(plan: &SessionSpec, worker: WorkerId, supervisor: WorkerId) -> bool {
    match plan.workers.get(supervisor.index()).map(|spec| &spec.body) {
        Some(Body::Supervisor(spec)) => {
            spec.children.iter().any(|child| *child == worker || is_under(plan, worker, *child))
        }
        Some(Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_)) | None => false,
    }
}
