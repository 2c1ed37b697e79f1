//! What a host and its tasks share: clock, tasks, timers, open operations, and what was asked for in this turn.
//!
//! One concrete `Rc<Reactor>`; a [`TaskCx`](crate::task::TaskCx) is that and a task id. No borrow of it is ever held across user code.

mod ops;
mod tasks;
mod timers;
mod units;

pub(crate) use ops::{Class, Ops, Owner};
pub(crate) use tasks::{Left, Name, Run, Tasks, Why};
pub(crate) use timers::{Target, TimerId, Timers};
pub(crate) use units::{TaskUnit, Unit, UnitKind};

use crate::actions::{ActionUse, ProcessService, Registry};
use crate::choose::{Ask, Choose};
use crate::files::FileCall;
use crate::ids::{ActorId, FileId, OpId, TaskId, UnitId, WorkerId};
use crate::machine::Event;
use crate::runner::Boards;
use crate::signal::Signal;
use crate::site::{Kind, Site};
use crate::task::{Claims, Registered, Timeouts};
use crate::tie::{Deadlines, Tying};
use crate::time::{Duration, DurationRange, Instant};
use crate::vocab::{
    Body, Completion, Errno, Fact, Identity, Launch, Leftover, ProcessSpec, Request, Stream, Subject, TryRead,
    TryWrite, WorkerSpec,
};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::{Rc, Weak};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, OnceCell, RefCell};
use core::task::{Context, Poll, Waker};

/// What was asked for in a turn; the host carries it out at the turn's end, in order.
pub(crate) enum Effect {
    Start { op: OpId, unit: UnitId, body: Body, launch: Box<Launch> },
    Run { op: OpId, command: Arc<ProcessSpec> },
    Cancel { op: OpId },
    Submit { op: OpId, unit: UnitId, request: Request },
    Withdraw { op: OpId },
    File { op: OpId, call: Box<FileCall> },
    CloseFile { file: FileId },
    Fact { subject: Subject, incarnation: u32, unit: Option<UnitId>, fact: Fact },
    Tell { to: ActorId, event: Event },
    Adopt { session: ActorId, worker: WorkerId, spec: Arc<WorkerSpec> },
    Use { action: Arc<str>, how: ActionUse },
    Unexpected { who: ActorId, what: String },
    Meet(Fate),
}

/// What becomes of the host itself, as far as a simulation plays it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Its process is killed.
    Crash,
    /// Another takes over.
    Recover,
}

/// What a task may ask of the world while it is polled. Object safe, so that [`Reactor`] stays one concrete type.
pub(crate) trait Port {
    fn draw(&self, site: Site, ask: Ask) -> u32;
    fn span(&self, site: Site, range: DurationRange, now: Instant) -> Duration;
    fn try_read(&self, unit: UnitId, stream: Stream, into: &mut Vec<u8>, max: usize) -> TryRead;
    fn try_write(&self, unit: UnitId, bytes: &[u8]) -> TryWrite;
    fn contain(&self, act: &mut dyn FnMut()) -> Result<(), String>;
    fn kill(&self, pid: i32, signal: Signal) -> Result<(), Errno>;
    fn wall(&self) -> Duration;
    fn leftovers(&self, session: u64) -> Result<Vec<Leftover>, Errno>;
    fn signal_leftover(&self, who: Identity, signal: Signal) -> Result<(), Errno>;
}

/// The chooser behind a port, for values: a task orders nothing.
struct PortChooser<'a>(&'a dyn Port);

impl Choose for PortChooser<'_> {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        self.0.draw(site, ask)
    }

    fn span(&mut self, site: Site, range: DurationRange, now: Instant) -> Duration {
        self.0.span(site, range, now)
    }
}

/// What may be asked for within one turn: a session of a hundred thousand workers asks for less when it starts.
const EFFECTS_A_TURN_MAX: usize = 1 << 20;

#[cold]
fn loops_without_waiting() -> ! {
    panic!("more than {EFFECTS_A_TURN_MAX} requests within one turn: a task or machine loops without ever waiting")
}

/// Shared by a host and its tasks.
pub struct Reactor {
    me: Weak<Reactor>,
    pub(crate) now: Cell<Instant>,
    /// The world's word for this run: [`World::nonce`](crate::world::World::nonce).
    pub(crate) nonce: Cell<u64>,
    /// The task that is polled, or was last.
    pub(crate) polled: Cell<TaskId>,
    pub(crate) tasks: RefCell<Tasks>,
    pub(crate) timers: RefCell<Timers>,
    pub(crate) ops: RefCell<Ops>,
    pub(crate) units: RefCell<Vec<Unit>>,
    /// Whether any of the four lists below may hold something: asked at every step, where mostly none does.
    pub(crate) stirs: Cell<bool>,
    pub(crate) effects: RefCell<Vec<Effect>>,
    /// Answers of the host's own making: units that are tasks.
    pub(crate) answers: RefCell<VecDeque<(OpId, Completion)>>,
    /// Tasks that were spawned, and tasks whose end was asked for, in this turn.
    pub(crate) newborn: RefCell<Vec<TaskId>>,
    pub(crate) doomed: RefCell<Vec<(TaskId, Rc<dyn Run>)>>,
    /// What tasks may ask for by name, made when first asked for.
    pub(crate) actions: RefCell<Option<Registry>>,
    /// Who keeps processes that are started by name; nobody, where there is no such capability.
    pub(crate) process_service: RefCell<Option<ProcessService>>,
    /// What tasks have claimed of themselves.
    pub(crate) claims: RefCell<Claims>,
    /// Which way their timeouts went.
    pub(crate) timeouts: RefCell<Timeouts>,
    /// One waker a slot, made once.
    pub(crate) wakers: RefCell<Vec<Waker>>,
    /// Whoever waits for a task, by the task, from inside a combinator that has wakers of its own.
    pub(crate) joiners: RefCell<BTreeMap<TaskId, Waker>>,
    pub(crate) settling: RefCell<Vec<TaskId>>,
    /// What a unit can be beside a process: the table behind [`Body::Function`].
    pub(crate) functions: RefCell<Vec<Option<Registered>>>,
    /// Sessions whose tasks may start, stop and wait for workers.
    pub(crate) boards: RefCell<Boards>,
    /// Whom workers take over instead of starting, by their names.
    pub(crate) heirs: RefCell<BTreeMap<Arc<str>, Identity>>,
    /// Whether a stop has come during a recovery: nobody is to be taken over.
    pub(crate) is_waning: Cell<bool>,
    pub(crate) port: OnceCell<Rc<dyn Port>>,
}

impl Reactor {
    pub(crate) fn new() -> Rc<Reactor> {
        Rc::new_cyclic(|me| Reactor {
            me: me.clone(),
            now: Cell::new(Instant::ZERO),
            nonce: Cell::new(0),
            polled: Cell::new(TaskId(0)),
            tasks: RefCell::default(),
            timers: RefCell::default(),
            ops: RefCell::default(),
            units: RefCell::default(),
            stirs: Cell::new(false),
            effects: RefCell::default(),
            answers: RefCell::default(),
            newborn: RefCell::default(),
            doomed: RefCell::default(),
            actions: RefCell::default(),
            process_service: RefCell::default(),
            claims: RefCell::default(),
            timeouts: RefCell::default(),
            wakers: RefCell::default(),
            joiners: RefCell::default(),
            settling: RefCell::default(),
            functions: RefCell::default(),
            boards: RefCell::default(),
            heirs: RefCell::default(),
            is_waning: Cell::new(false),
            port: OnceCell::new(),
        })
    }

    pub(crate) fn port(&self) -> &dyn Port {
        &**self.port.get().expect("a host gives its reactor a port before any task runs")
    }

    /// The actions of this host.
    pub(crate) fn actions(&self) -> Registry {
        let made = &mut *self.actions.borrow_mut();
        made.get_or_insert_with(|| {
            let registry = Registry::of(self.me.clone());
            self.process_service.borrow().iter().for_each(|service| service.install(&registry));
            registry
        })
        .clone()
    }

    /// Gives its tasks the capability to start processes by name; whoever was first keeps them.
    pub(crate) fn serve_processes(&self, service: ProcessService) {
        if self.process_service.borrow().is_some() {
            return;
        }
        self.actions.borrow().iter().for_each(|registry| service.install(registry));
        *self.process_service.borrow_mut() = Some(service);
    }

    /// Asks for something at the turn's end.
    ///
    /// # Panics
    /// Beyond [`EFFECTS_A_TURN_MAX`]: a future loops within one poll, and would take all memory before any limit of steps.
    // Into the caller, so that the effect is written where it is to stand: to copy what has just been written costs a processor more.
    #[inline(always)]
    pub(crate) fn push(&self, effect: Effect) {
        let mut effects = self.effects.borrow_mut();
        if effects.len() >= EFFECTS_A_TURN_MAX {
            loops_without_waiting();
        }
        effects.push(effect);
        self.stirs.set(true);
    }

    /// Answers for the world, about a unit that is a task.
    pub(crate) fn answer(&self, op: OpId, completion: Completion) {
        self.answers.borrow_mut().push_back((op, completion));
        self.stirs.set(true);
    }

    /// Has the host look at a task that was spawned.
    pub(crate) fn born(&self, task: TaskId) {
        self.newborn.borrow_mut().push(task);
        self.stirs.set(true);
    }

    /// Asks for the end of a task.
    pub(crate) fn doom(&self, task: TaskId, run: Rc<dyn Run>) {
        self.doomed.borrow_mut().push((task, run));
        self.stirs.set(true);
    }

    /// Looks whether anything is left that was asked for.
    #[inline]
    pub(crate) fn calm_down(&self) {
        let waits = !self.effects.borrow().is_empty() || !self.answers.borrow().is_empty();
        self.stirs.set(waits || !self.newborn.borrow().is_empty() || !self.doomed.borrow().is_empty());
    }

    pub(crate) fn new_unit(&self, owner: Option<TaskId>) -> UnitId {
        let mut units = self.units.borrow_mut();
        units.push(Unit { owner, kind: UnitKind::Unborn, name: None });
        UnitId(units.len() as u32 - 1)
    }

    pub(crate) fn name_unit(&self, unit: UnitId, name: &Arc<str>) {
        self.units.borrow_mut()[unit.index()].name = Some(name.clone());
    }

    #[inline(always)]
    pub(crate) fn open_op(&self, owner: Owner, unit: UnitId) -> OpId {
        self.ops.borrow_mut().open(owner, unit)
    }

    /// Nobody waits for the answer any more: a wait is withdrawn, an act's answer goes to the host.
    pub(crate) fn disown(&self, op: OpId) {
        if let Some(open) = self.ops.borrow_mut().get(op) {
            open.owner = Owner::Nobody;
        } else {
            return;
        }
        self.push(Effect::Withdraw { op });
    }

    /// Polls an operation of a task's.
    pub(crate) fn poll_op(&self, op: OpId, cx: &mut Context<'_>) -> Poll<Completion> {
        let mut ops = self.ops.borrow_mut();
        let open = ops.get(op).expect("an operation is polled only until it is answered");
        match open.take_answer() {
            Some(answer) => {
                let waker = ops.close(op);
                drop(ops);
                drop(waker);
                Poll::Ready(answer)
            }
            None => {
                open.set_waker(cx.waker());
                Poll::Pending
            }
        }
    }

    /// A draw at a site of a task's own.
    pub(crate) fn draw(&self, task: TaskId, kind: Kind, ask: Ask) -> u32 {
        if ask.max() == 0 {
            return 0;
        }
        let site = self.next_site(task, kind);
        self.port().draw(site, ask)
    }

    /// A duration at a site of a task's own.
    pub(crate) fn draw_span(&self, task: TaskId, range: DurationRange) -> Duration {
        if range.steps() == 0 {
            return range.min;
        }
        let site = self.next_site(task, Kind::Span);
        let mut chooser = PortChooser(self.port());
        Tying::new(&mut chooser, Deadlines::new(&self.timers)).span(site, range, self.now.get())
    }

    fn next_site(&self, task: TaskId, kind: Kind) -> Site {
        let (label, nth) = self.tasks.borrow_mut().next_draw(task);
        Site { kind, label, nth }
    }

    /// Whoever has this waker waits for a task from now on: which task of this host that is, or none, and then the waker is kept.
    pub(crate) fn joins(&self, task: TaskId, waker: &Waker) -> Option<TaskId> {
        let joiner = self.task_of(waker);
        if joiner.is_none() || !self.joiners.borrow().is_empty() {
            // Both to clone and to drop one may be anybody's code.
            let kept = joiner.is_none().then(|| waker.clone());
            let stale = match kept {
                Some(waker) => self.joiners.borrow_mut().insert(task, waker),
                None => self.joiners.borrow_mut().remove(&task),
            };
            drop(stale);
        }
        joiner
    }

    /// Wakes whoever waits for this task, which is over.
    #[inline]
    pub(crate) fn wake_joiner(&self, task: TaskId, run: &dyn Run) {
        if let Some(joiner) = run.take_joiner() {
            self.wakers.borrow()[joiner.index()].wake_by_ref();
        } else if !self.joiners.borrow().is_empty() {
            let joiner = self.joiners.borrow_mut().remove(&task);
            joiner.into_iter().for_each(Waker::wake);
        }
    }

    /// The task that is polled, if `waker` is its own: what waits for it then needs no clone, which costs an atomic instruction.
    #[inline]
    pub(crate) fn task_of(&self, waker: &Waker) -> Option<TaskId> {
        let task = self.polled.get();
        self.wakers.borrow().get(task.index()).filter(|own| own.will_wake(waker)).map(|_| task)
    }
}
