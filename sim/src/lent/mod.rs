//! The simulated kernel, lent to tests that run on another simulator: its processes live on that simulator's clock and in the order of its
//! scheduler, and our oracles judge them at the end.
//!
//! [`Lent`] needs a clock and somebody who polls [`Lent::run`]. For madsim and for turmoil (which is tokio with a paused clock) the
//! features of these names bring both: `lent::madsim::boot`, `lent::turmoil::boot`.
//!
//! ```
//! use shakedown_core::{puppet::parse, signal::Signal, vocab::{ExitStatus, ProcessSpec}};
//! use shakedown_sim::lent::Lent;
//! # async fn example(lent: Lent) {
//! let server = ProcessSpec::puppet("server", parse("on TERM exit 0 after 2ms; hang").unwrap());
//! let server = lent.spawn(server).await.unwrap();
//! server.signal(Signal::TERM).unwrap();
//! assert_eq!(server.wait().await, ExitStatus::Exited(0));
//! assert_eq!(lent.end(), []);
//! # }
//! ```

mod asked;
mod child;
#[cfg(all(feature = "madsim", madsim))]
pub mod madsim;
mod steps;
#[cfg(feature = "turmoil")]
pub mod turmoil;

pub use asked::Asked;
pub use child::Child;

use crate::choose::Seeded;
use crate::kernel::Kernel;
use crate::programs::Programs;
use crate::world::{SimWorld, WorldConfig};
use asked::Slots;
use shakedown_core::files::FileCall;
use shakedown_core::ids::{FileId, OpId, UnitId, WorkerId};
use shakedown_core::oracle::{Audit, EndReason, EndState, Violation};
use shakedown_core::tie::Deadlines;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{
    Completion, Errno, FactRecord, ProcessSpec, Request, SessionSpec, SpawnFailure, Stream, TryRead, TryWrite,
    WorkerSpec,
};
use shakedown_core::world::{Ready, World};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use steps::Steps;

/// A machine with simulated processes, on somebody else's clock. Cheap to clone; one thread's.
#[derive(Clone)]
pub struct Lent(Rc<Machine>);

struct Machine {
    world: RefCell<SimWorld<Seeded>>,
    /// How long the other simulator's clock has run since we were made.
    now: Box<dyn Fn() -> Duration>,
    slots: Slots,
    steps: RefCell<Steps>,
    bell: Bell,
    ops: Cell<u64>,
    units: Cell<u32>,
}

/// What [`Lent::run`] sleeps on.
#[derive(Default)]
struct Bell {
    is_rung: Cell<bool>,
    sleeper: RefCell<Option<Waker>>,
}

impl Bell {
    fn ring(&self) {
        self.is_rung.set(true);
        let sleeper = self.sleeper.borrow_mut().take();
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    fn poll_rung(&self, cx: &Context<'_>) -> Poll<()> {
        if self.is_rung.replace(false) {
            return Poll::Ready(());
        }
        *self.sleeper.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Lent {
    /// A machine on which nothing has run. All choices of its processes are a function of the seed; `now` tells how long the other
    /// simulator's clock has run since some fixed moment.
    pub fn new(seed: u64, config: WorldConfig, now: impl Fn() -> Duration + 'static) -> Lent {
        let began = now();
        Lent(Rc::new(Machine {
            world: RefCell::new(SimWorld::new(config, Seeded::new(seed))),
            now: Box::new(move || now().saturating_sub(began)),
            slots: Slots::default(),
            steps: RefCell::default(),
            bell: Bell::default(),
            ops: Cell::new(0),
            units: Cell::new(0),
        }))
    }

    /// Runs the processes: one step, then everybody else of the runtime has a turn. Never returns; to be spawned as a task.
    pub async fn run<S: Future<Output = ()>>(self, sleep: impl Fn(Duration) -> S) {
        loop {
            self.take_news();
            let step = self.0.steps.borrow_mut().next();
            if let Some(step) = step {
                self.0.world.borrow_mut().run(step, Deadlines::NONE);
                self.take_news();
                others_first().await;
                continue;
            }
            let until = self.0.world.borrow().deadline();
            match until {
                Some(at) => {
                    let mut alarm = pin!(sleep(at.since(self.now())));
                    poll_fn(|cx| match self.0.bell.poll_rung(cx) {
                        Poll::Ready(()) => Poll::Ready(()),
                        Poll::Pending => alarm.as_mut().poll(cx),
                    })
                    .await;
                }
                None => poll_fn(|cx| self.0.bell.poll_rung(cx)).await,
            }
        }
    }

    /// The other simulator's clock, as the processes see it.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from((self.0.now)().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Starts a process, with a pipe on each of its standard descriptors.
    ///
    /// # Errors
    /// As fork(2) and execve(2) fail: the pid space is full, the program does not exist.
    pub async fn spawn(&self, spec: ProcessSpec) -> Result<Child, SpawnFailure> {
        let unit = UnitId(self.0.units.get());
        self.0.units.set(unit.0 + 1);
        let request = Request::Spawn { spec: Arc::new(spec), launch: Box::default() };
        match self.ask(unit, request).await {
            Completion::Spawned(spawned) => spawned.map(|pid| Child::new(self.clone(), unit, pid)),
            other => unreachable!("a spawn is not answered by {other:?}"),
        }
    }

    /// Judges what falls due at the end: orphans, zombies, signals to the wrong process, lost output. Everything that any oracle has found.
    pub fn end(&self) -> Vec<Violation> {
        self.end_of(&EndState {
            tasks: &[],
            timers: 0,
            machines_open: &[],
            waiters: &[],
            unanswered: &[],
            reason: EndReason::RootReturned,
        })
    }

    /// As [`end`](Self::end), for whoever runs a host of machines on this machine, and knows what is left of them.
    pub fn end_of(&self, left: &EndState<'_>) -> Vec<Violation> {
        self.take_news();
        let mut world = self.0.world.borrow_mut();
        world.end(left);
        world.audit().violations().to_vec()
    }

    /// How many answers are awaited: none, once nobody waits for anything.
    pub fn awaited(&self) -> usize {
        self.0.slots.len()
    }

    /// The session of which facts will be told: for whoever runs a session on this machine. To be called before anything is started.
    pub fn plan(&self, plan: Arc<SessionSpec>, seed: u64) {
        self.0.world.borrow_mut().reset(Seeded::new(seed), Some(plan));
    }

    /// Takes note of a worker that has joined that session since.
    pub fn adopt(&self, worker: WorkerId, spec: &Arc<WorkerSpec>) {
        self.0.world.borrow_mut().adopted(worker, spec);
    }

    /// What is installed from now on: the scripts that stand for commands.
    pub fn install(&self, programs: Programs) {
        self.0.world.borrow_mut().install(programs);
    }

    /// Takes note of a fact of that session.
    pub fn publish(&self, fact: FactRecord) {
        self.move_clock();
        self.0.world.borrow_mut().publish(&fact);
    }

    /// The oracles.
    pub fn audit<T>(&self, look: impl FnOnce(&mut Audit) -> T) -> T {
        look(self.0.world.borrow_mut().audit())
    }

    /// The kernel, to look at.
    pub fn kernel<T>(&self, look: impl FnOnce(&Kernel) -> T) -> T {
        look(self.0.world.borrow().kernel())
    }

    /// Asks for a wait or a slow act of a unit, and is its answer. Dropped, a wait is withdrawn, and an act goes on.
    pub fn ask(&self, unit: UnitId, request: Request) -> Asked {
        let is_wait = match request {
            Request::Exit | Request::Empty | Request::Notified(_) | Request::Readable(_) | Request::Writable => true,
            Request::Get(_) | Request::Traffic => true,
            Request::Serve(_) | Request::Visit(_) => false,
            Request::Spawn { .. } | Request::Signal { .. } | Request::Connect(_) | Request::Write(_) => false,
            Request::CloseInput | Request::CloseOutput(_) | Request::Survey => false,
            Request::Reap | Request::Release | Request::Detach => false,
        };
        let op = self.next_op();
        self.0.slots.open(op);
        self.submit(op, unit, request);
        Asked::new(self.clone(), op, unit, is_wait)
    }

    /// Asks for something of the disk, and is its answer. Dropped, it goes on to its end.
    pub fn file(&self, call: FileCall) -> Asked {
        let op = self.next_op();
        self.0.slots.open(op);
        self.move_clock();
        self.0.world.borrow_mut().file(op, call);
        self.take_news();
        Asked::new(self.clone(), op, UnitId(u32::MAX), false)
    }

    /// Closes an open file of the disk.
    pub fn close_file(&self, file: FileId) {
        self.0.world.borrow_mut().close_file(file);
    }

    /// Does a prompt act to a unit.
    ///
    /// # Errors
    /// What the kernel says of a signal.
    pub fn act(&self, unit: UnitId, request: Request) -> Result<(), Errno> {
        let op = self.next_op();
        self.0.slots.open(op);
        self.submit(op, unit, request);
        match self.0.slots.close(op) {
            Some(Completion::SignalFailed(errno)) => Err(errno),
            Some(_) | None => Ok(()),
        }
    }

    /// Reads what is there of a unit's output, at most `max` bytes, appended to `into`.
    pub fn try_read(&self, unit: UnitId, stream: Stream, into: &mut Vec<u8>, max: usize) -> TryRead {
        let read = self.0.world.borrow_mut().try_read(unit, stream, into, max);
        self.take_news();
        read
    }

    /// Writes what fits to a unit's stdin.
    pub fn try_write(&self, unit: UnitId, bytes: &[u8]) -> TryWrite {
        let written = self.0.world.borrow_mut().try_write(unit, bytes);
        self.take_news();
        written
    }

    fn next_op(&self) -> OpId {
        let op = OpId(self.0.ops.get());
        self.0.ops.set(op.0 + 1);
        op
    }

    fn submit(&self, op: OpId, unit: UnitId, request: Request) {
        self.move_clock();
        self.0.world.borrow_mut().submit(op, unit, request);
        self.take_news();
    }

    fn withdraw(&self, op: OpId, unit: UnitId) {
        self.0.slots.close(op);
        self.0.world.borrow_mut().withdraw(op, unit);
    }

    fn move_clock(&self) {
        let now = self.now();
        self.0.world.borrow_mut().advance(now);
    }

    /// Steps that have become possible compete with the others; answers wake whoever waits for them.
    fn take_news(&self) {
        self.move_clock();
        loop {
            let mut world = self.0.world.borrow_mut();
            let Some(ready) = world.next_ready() else { return };
            match ready {
                Ready::Step { step, label, nth } => {
                    self.0.steps.borrow_mut().add(step, label, nth, world.chooser());
                    drop(world);
                    self.0.bell.ring();
                }
                Ready::Done { op, completion } => {
                    drop(world);
                    self.0.slots.answer(op, completion);
                    self.0.bell.ring();
                }
                Ready::Observed(_) => {}
            }
        }
    }
}

/// Lets everybody else of the runtime have a turn, whichever runtime that is.
pub async fn others_first() {
    let mut has_waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
