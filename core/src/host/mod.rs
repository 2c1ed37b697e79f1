//! The one driver of machines and tasks: synchronous, and the same in the simulator and for real.
//!
//! A turn: the world is asked what has become possible, the least enabled action runs, and what it asked for is carried out in order.

mod actions;
mod actors;
mod clock;
mod command;
mod crash;
mod effects;
mod fingerprint;
mod flight;
mod look;
mod mail;
mod pick;
mod queue;
mod record;
mod runner;
mod session;
mod turn;
mod units;
mod waiters;

pub use flight::Flown;
pub use waiters::Waiter;

use crate::actions::ProcessService;
use crate::actor::Actor;
use crate::ids::{ActorId, OpId, TaskId, UnitId};
use crate::machine::Machine;
use crate::reactor::{Effect, Fate, Name, Port, Reactor};
use crate::signal::Signal;
use crate::site::Site;
use crate::task::{CancelSource, Claims, JoinHandle, Registered, Stdio, TaskCx};
use crate::time::{Duration, DurationRange, Instant};
use crate::vocab::{Errno, ExitStatus, Identity, Leftover, Stream, TryRead, TryWrite};
use crate::world::World;
use actors::Entry;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::Pin;
use mail::Letters;
use pick::Picking;
use queue::{Action, Queue};

/// A function that a unit can be.
pub type Function = Rc<dyn Fn(TaskCx, Stdio) -> Pin<Box<dyn Future<Output = ExitStatus>>>>;

/// What a step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// One action ran.
    Ran,
    /// Nothing is enabled before `until`, if ever; the world's clock runs by itself, or a completion may still come.
    Idle {
        /// The next deadline of the host or the world.
        until: Option<Instant>,
    },
    /// Every root task has returned and every machine is closed.
    Done,
    /// Nothing can ever happen, and not all is done. [`Host::waiters`] tells who waits for what.
    Stuck,
}

/// Drives machines and tasks on a world.
pub struct Host<W: World, A: Machine = Actor> {
    reactor: Rc<Reactor>,
    world: Rc<RefCell<W>>,
    queue: Queue,
    /// In use where the chooser picks.
    picking: Option<Box<Picking>>,
    actors: Vec<Entry<A>>,
    letters: Letters,
    listeners: Vec<ActorId>,
    /// In use where a session is opened to its tasks.
    knows: Option<runner::Knows<A>>,
    /// Commands that machines run beside their units.
    commands: Vec<command::Running>,
    /// Whether the world's clock runs by itself.
    patient: bool,
    /// Root tasks that have not returned.
    roots: Vec<TaskId>,
    /// What they are cancelled with: by nobody.
    uncancelled: CancelSource,
    /// The machine that was last seen to be open.
    open: Cell<usize>,
    /// What is carried out now; empty between turns.
    asked: Vec<Effect>,
    /// Prompt acts of this turn, over unless their failure comes at once.
    prompt: Vec<OpId>,
    facts: u64,
    steps: u64,
    /// The one that was taken last.
    last: Option<Site>,
    digest: u64,
    /// In use where a journal is kept.
    recorder: Option<Box<record::Recorder>>,
    /// In use where a status file is kept.
    status: Option<record::Keeper<W, A>>,
    /// What becomes of it in a crash, and who comes after: in use where one is to come.
    sequel: Option<crash::Sequel<W, A>>,
    /// A crash or a recovery of this turn.
    fate: Option<Fate>,
    /// The steps of this run, where they are kept.
    flight: Option<Vec<Flown>>,
}

/// The object-safe view of a world that a reactor hands to its tasks.
struct PortOf<W>(Rc<RefCell<W>>);

impl<W: World> Port for PortOf<W> {
    fn draw(&self, site: Site, ask: crate::choose::Ask) -> u32 {
        use crate::choose::Choose;
        self.0.borrow_mut().chooser().draw(site, ask)
    }

    fn span(&self, site: Site, range: DurationRange, now: Instant) -> Duration {
        use crate::choose::Choose;
        self.0.borrow_mut().chooser().span(site, range, now)
    }

    fn try_read(&self, unit: UnitId, stream: Stream, into: &mut Vec<u8>, max: usize) -> TryRead {
        self.0.borrow_mut().try_read(unit, stream, into, max)
    }

    fn try_write(&self, unit: UnitId, bytes: &[u8]) -> TryWrite {
        self.0.borrow_mut().try_write(unit, bytes)
    }

    fn contain(&self, act: &mut dyn FnMut()) -> Result<(), String> {
        W::contain(act)
    }

    fn kill(&self, pid: i32, signal: Signal) -> Result<(), Errno> {
        self.0.borrow_mut().kill(pid, signal)
    }

    fn wall(&self) -> Duration {
        self.0.borrow_mut().wall()
    }

    fn leftovers(&self, session: u64) -> Result<Vec<Leftover>, Errno> {
        self.0.borrow_mut().leftovers(session)
    }

    fn signal_leftover(&self, who: Identity, signal: Signal) -> Result<(), Errno> {
        self.0.borrow_mut().signal_leftover(who, signal)
    }
}

impl<W: World, A: Machine> Host<W, A> {
    /// A host on this world, with nothing on it.
    pub fn new(world: W) -> Host<W, A> {
        Self::on(Rc::new(RefCell::new(world)))
    }

    /// A host on a world that its owner keeps a hand on. The host borrows it only within [`step`](Self::step) and the calls that add
    /// to it.
    pub fn on(world: Rc<RefCell<W>>) -> Host<W, A> {
        let reactor = Reactor::new();
        let _ = reactor.port.set(Rc::new(PortOf(world.clone())));
        reactor.now.set(world.borrow_mut().now());
        reactor.nonce.set(world.borrow().nonce());
        let patient = world.borrow().is_patient();
        let picking = Picking::asked_for(&mut *world.borrow_mut(), None);
        Host {
            reactor,
            world,
            queue: Queue::default(),
            picking,
            actors: Vec::new(),
            letters: Letters::new(),
            listeners: Vec::new(),
            knows: None,
            commands: Vec::new(),
            patient,
            roots: Vec::new(),
            uncancelled: CancelSource::new(),
            open: Cell::new(0),
            asked: Vec::new(),
            prompt: Vec::new(),
            facts: 0,
            steps: 0,
            last: None,
            digest: DIGEST_START,
            recorder: None,
            status: None,
            sequel: None,
            fate: None,
            flight: None,
        }
    }

    /// The world.
    pub fn world(&self) -> &Rc<RefCell<W>> {
        &self.world
    }

    /// Starts a root task.
    pub fn spawn<T, F, Fut>(&mut self, name: &'static str, task: F) -> JoinHandle<T>
    where
        F: FnOnce(TaskCx) -> Fut,
        Fut: Future<Output = T> + 'static,
        T: 'static,
    {
        let joined = self.reactor.spawn(None, Name::Literal(name), &self.uncancelled, task);
        self.roots.extend(self.reactor.newborn.borrow().last());
        joined
    }

    /// Gives the tasks of this host the actions `process.run`, `process.start` and so on: whichever task starts a process answers for it. A
    /// session has them of its own: see [`Host::runner`].
    pub fn serve_processes(&mut self) {
        self.reactor.serve_processes(ProcessService::of_tasks());
    }

    /// Puts a function into the host's table, for [`Body::Function`](crate::vocab::Body::Function).
    pub fn register(&mut self, function: Function) -> u32 {
        self.reactor.register(Registered { function, env: BTreeMap::new(), dir: None, proxy: None })
    }

    /// Puts a machine on the host. Its name keys its choices.
    pub fn add(&mut self, name: impl Into<Arc<str>>, machine: A) -> ActorId {
        self.add_named(Name::Shared(name.into()), machine)
    }

    #[inline(always)]
    fn add_named(&mut self, name: Name, machine: A) -> ActorId {
        let id = ActorId(self.actors.len() as u32);
        let label = self.reactor.tasks.borrow_mut().child_label(None, name.as_str());
        if machine.listens() {
            self.listeners.push(id);
        }
        self.actors.push(Entry::new(name, label, machine));
        self.review_deadline(id, false);
        id
    }

    /// A machine's state.
    pub fn machine(&self, id: ActorId) -> &A {
        &self.actors[id.index()].machine
    }

    /// Puts an event into a machine's mailbox, from outside.
    pub fn send(&mut self, to: ActorId, event: crate::machine::Event) {
        self.mail(to, mail::Mail::Event(event));
    }

    /// The clock, as of the last turn.
    pub fn now(&self) -> Instant {
        self.reactor.now.get()
    }

    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The step that was taken last.
    pub fn last_step(&self) -> Option<Site> {
        self.last
    }

    /// The rolling digest of the labelled steps so far, without times: the same digest is the same trace.
    pub fn digest(&self) -> u64 {
        crate::site::mix(self.digest)
    }

    /// Drops every task and machine, has the world renewed by its owner, and is as new: thousands of simulations reuse one host.
    pub fn clear(&mut self, renew: impl FnOnce(&mut W)) {
        self.drop_tasks();
        self.drop_machines();
        (self.sequel, self.fate) = (None, None);
        (self.facts, self.steps, self.last, self.digest) = (0, 0, None, DIGEST_START);
        if let Some(flight) = &mut self.flight {
            flight.clear();
        }
        self.reactor.clear();
        if self.uncancelled.is_awaited() {
            self.uncancelled = CancelSource::new();
        }
        let mut world = self.world.borrow_mut();
        while world.next_woken().is_some() {}
        renew(&mut world);
        self.picking = Picking::asked_for(&mut *world, self.picking.take());
        self.reactor.now.set(world.now());
    }

    fn drop_machines(&mut self) {
        self.actors.clear();
        self.letters.clear();
        self.listeners.clear();
        self.knows = None;
        self.recorder = None;
        self.status = None;
        self.commands.clear();
        self.queue.clear();
        self.prompt.clear();
        self.roots.clear();
        self.open.set(0);
    }

    fn drop_tasks(&mut self) {
        // A task's destructor may spawn or wake others: until none is left.
        while self.reactor.tasks.borrow().living_count() > 0 {
            let living: Vec<TaskId> = self.reactor.tasks.borrow().living().map(|(id, _)| id).collect();
            for id in living {
                let left = self.reactor.tasks.borrow_mut().leave(id);
                if let Some(left) = left {
                    left.run.end();
                }
            }
        }
    }

    fn note_step(&mut self, site: Site) {
        self.steps += 1;
        self.last = Some(site);
        self.queue.turn = self.steps as u32;
        self.digest =
            (self.digest.rotate_left(5) ^ site.label.0 ^ site.kind as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl<W: World, A: Machine> Drop for Host<W, A> {
    fn drop(&mut self) {
        self.drop_tasks();
        // Pipes and futures hold the reactor: let go of them.
        self.reactor.clear();
    }
}

impl Reactor {
    pub(crate) fn clear(&self) {
        empty(&self.units);
        self.tasks.borrow_mut().clear();
        self.ops.borrow_mut().clear();
        if !self.claims.borrow().is_empty() {
            *self.claims.borrow_mut() = Claims::default();
        }
        self.timeouts.borrow_mut().clear();
        empty(&self.functions);
        self.forget_the_rest();
    }

    /// What is left of a host whose units, tasks and operations are gone.
    fn forget_the_rest(&self) {
        self.timers.borrow_mut().clear();
        self.settling.borrow_mut().clear();
        self.is_waning.set(false);
        // To clear an empty map costs a hundred instructions, and most runs have none of these.
        if !self.heirs.borrow().is_empty() {
            self.heirs.borrow_mut().clear();
        }
        if !self.joiners.borrow().is_empty() {
            drop(self.joiners.take());
        }
        if !self.boards.borrow().is_empty() {
            drop(self.boards.take());
        }
        drop((self.actions.take(), self.process_service.take()));
        // Last, because whoever was dropped may have asked for something.
        if self.stirs.get() {
            self.effects.borrow_mut().clear();
            self.answers.borrow_mut().clear();
            self.newborn.borrow_mut().clear();
            empty(&self.doomed);
            self.calm_down();
        }
    }
}

/// Empties a list, and keeps its room. What it holds may be anybody's, and is dropped outside any borrow.
fn empty<T>(list: &RefCell<Vec<T>>) {
    if list.borrow().is_empty() {
        return;
    }
    let mut held = list.take();
    held.clear();
    *list.borrow_mut() = held;
}

/// A list of what came in a burst keeps the room of so many entries when it is empty, for the next burst; a longer one gives its room back.
const ROOM_KEPT: usize = 16_384;

const DIGEST_START: u64 = 0x5a17_ed0c_0ffe_e000;
