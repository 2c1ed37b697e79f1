//! The ports of core on a machine: requests in, completions out, each process held from its birth to its reaping.
//! It makes no decision of its own; what it notices and nobody asked for stands in its findings.
//!
//! This is glue, and knows neither Linux nor a runtime: both are a [`System`] to it.

mod act;
mod board;
mod pump;
mod shared;
mod system;

pub use board::Board;
pub use system::{Answer, Executor, Port, Start, System, Unit};

use crate::chooser::RealChooser;
use crate::mailbox::{Bell, Mailbox};
use crate::wakers::Wakers;
use shakedown_core::files::FileCall;
use shakedown_core::ids::{FileId, OpId, TaskId, UnitId, WorkerId};
use shakedown_core::signal::Signal;
use shakedown_core::tie::Deadlines;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{
    Completion, Errno, FactRecord, Identity, Launch, Leftover, ProcessEvent, ProcessSpec, Request, SpawnFailure,
    Stream, Target, TryRead, TryWrite, WorkerSpec,
};
use shakedown_core::world::{Ready, World};
use shared::{Birth, Shared};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

/// Where facts go as they become true.
pub type FactSink = Box<dyn FnMut(FactRecord)>;

/// Who hears of facts beside the sink.
type Listener = Box<dyn FnMut(&FactRecord)>;

/// Who hears of workers that join.
type Registrar = Box<dyn FnMut(WorkerId, &Arc<WorkerSpec>)>;

/// Where what is seen of processes goes, in the order in which it arrives.
pub type ProcessSink = Box<dyn FnMut(&ProcessEvent)>;

/// A machine, as a world of core: Linux, where none is named.
pub struct RealWorld<#[cfg(not(madsim))] S: System = crate::linux::Linux, #[cfg(madsim)] S: System> {
    shared: Rc<Shared<S>>,
    chooser: RealChooser,
    wakers: Wakers,
    sink: Option<FactSink>,
    process_sink: Option<ProcessSink>,
    /// Those who hear each fact before it goes to the sink.
    listeners: Vec<Listener>,
    registrars: Vec<Registrar>,
}

impl<S: System> RealWorld<S> {
    /// A world on this machine, which writes on this board. Draws depend on the seed.
    pub fn on(system: Rc<S>, board: Rc<Board>, seed: u64) -> RealWorld<S> {
        let bell = board.bell().clone();
        let shared = Rc::new(Shared {
            system,
            board,
            units: RefCell::default(),
            waits: RefCell::default(),
            // As many as are in flight.
            births: Arc::new(Mailbox::new(bell.clone(), usize::MAX)),
            in_flight: Cell::new(0),
            endings: Cell::new(0),
        });
        RealWorld {
            shared,
            chooser: RealChooser::new(seed),
            wakers: Wakers::new(bell),
            sink: None,
            process_sink: None,
            listeners: Vec::new(),
            registrars: Vec::new(),
        }
    }

    /// The machine.
    pub fn system(&self) -> &Rc<S> {
        &self.shared.system
    }

    /// Rings whenever something has become ready, or a task was woken.
    pub fn bell(&self) -> Arc<Bell> {
        self.shared.board.bell().clone()
    }

    /// Facts go here from now on; without a sink they are dropped.
    pub fn on_fact(&mut self, sink: FactSink) {
        self.sink = Some(sink);
    }

    /// What is seen of processes goes here from now on.
    pub fn on_process(&mut self, sink: ProcessSink) {
        self.process_sink = Some(sink);
    }

    /// What was noticed that should not have happened: abandoned units, unexpected events, broken reports. Emptied by asking.
    pub fn take_findings(&mut self) -> Vec<String> {
        self.shared.board.take_findings()
    }

    /// Whether something that nobody waits for is still on its way: a spawn or a call about a file to be
    /// answered, an abandoned unit to be buried.
    pub fn owes(&self) -> bool {
        self.shared.in_flight.get() > 0 || self.shared.endings.get() > 0 || self.shared.system.owes_files()
    }

    /// How many units it still holds, and how many waits are open: both none, once all is over and nothing was lost.
    pub fn leftovers(&self) -> (usize, usize) {
        (self.shared.units.borrow().len(), self.shared.waits.borrow().len())
    }

    /// Hears every fact from now on, beside the sink.
    pub(crate) fn listen(&mut self, listener: Listener) {
        self.listeners.push(listener);
    }

    /// Hears of every worker that joins a session, before any fact of it.
    pub fn register(&mut self, registrar: Registrar) {
        self.registrars.push(registrar);
    }

    fn start(&mut self, op: OpId, unit: UnitId, spec: Arc<ProcessSpec>, launch: Launch) {
        let births = self.shared.births.clone();
        let answer = move |born| {
            // A box that is closed belongs to a world that is gone; what was born is closed with the letter.
            let _ = births.post(Birth { op, unit, born });
        };
        self.shared.in_flight.set(self.shared.in_flight.get() + 1);
        self.shared.system.start(Start { unit, spec, launch }, Box::new(answer));
    }
}

impl<S: System> Drop for RealWorld<S> {
    /// Bookkeeping only: nobody listens any more. Units that still live are the host's to end before.
    fn drop(&mut self) {
        let waits = std::mem::take(&mut *self.shared.waits.borrow_mut());
        waits.values().for_each(S::Executor::abort);
        self.shared.system.close();
    }
}

impl<S: System> World for RealWorld<S> {
    type Chooser = RealChooser;

    fn now(&mut self) -> Instant {
        self.shared.system.now()
    }

    fn wall(&mut self) -> std::time::Duration {
        // A clock that was set to before 1970 is as wrong as one that stands there.
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
    }

    fn chooser(&mut self) -> &mut RealChooser {
        &mut self.chooser
    }

    fn submit(&mut self, op: OpId, unit: UnitId, request: Request) {
        if let Request::Spawn { spec, launch } = request {
            return self.start(op, unit, spec, *launch);
        }
        if self.shared.system.ask_proxy(op, unit, &request) {
            return;
        }
        if let Request::Serve(_) = request {
            let failure = SpawnFailure { errno: Errno::ENOSYS, at_exec: false };
            return self.shared.complete(op, Completion::Spawned(Err(failure)));
        }
        let known = self.shared.units.borrow().get(&unit).cloned();
        match known {
            Some(held) => self.act(op, &held, request),
            None => self.shared.answer_for_nobody(op, &request),
        }
    }

    fn file(&mut self, op: OpId, call: FileCall) {
        self.shared.system.file(op, call);
    }

    fn close_file(&mut self, file: FileId) {
        self.shared.system.close_file(file);
    }

    fn withdraw(&mut self, op: OpId, unit: UnitId) {
        self.shared.system.withdraw_from_proxy(op, unit);
        let wait = self.shared.waits.borrow_mut().remove(&op);
        if let Some(wait) = wait {
            S::Executor::abort(&wait);
        }
        self.shared.board.retain(|r| !matches!(r, Ready::Done { op: done, .. } if *done == op));
    }

    fn next_ready(&mut self) -> Option<Ready> {
        self.shared.take_births();
        let ready = self.shared.board.take();
        if let (Some(Ready::Observed(event)), Some(sink)) = (&ready, &mut self.process_sink) {
            sink(event);
        }
        ready.or_else(|| self.shared.system.next_filed())
    }

    fn nonce(&self) -> u64 {
        self.shared.system.nonce()
    }

    fn proxy_address(&self, proxy: &str) -> Option<SocketAddr> {
        self.shared.system.proxy_address(proxy)
    }

    fn leftovers(&mut self, session: u64) -> Result<Vec<Leftover>, Errno> {
        let launch = Launch { session, ..Launch::default() };
        launch.session_mark().map_or_else(|| Ok(Vec::new()), |mark| self.shared.system.leftovers(&mark))
    }

    fn signal_leftover(&mut self, who: Identity, signal: Signal) -> Result<(), Errno> {
        self.shared.system.signal_leftover(who, signal)
    }

    fn contain(act: &mut dyn FnMut()) -> Result<(), String> {
        crate::panic::contain(act)
    }

    /// This world takes no steps: it is never asked to.
    fn run(&mut self, _step: u32, _: Deadlines<'_>) {}

    fn waker(&mut self, slot: TaskId) -> Waker {
        self.wakers.waker(slot)
    }

    fn next_woken(&mut self) -> Option<TaskId> {
        self.wakers.next_woken()
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// The clock moves by itself.
    fn advance(&mut self, _to: Instant) {}

    fn try_read(&mut self, unit: UnitId, stream: Stream, into: &mut Vec<u8>, max: usize) -> TryRead {
        let known = self.shared.units.borrow().get(&unit).cloned();
        let Some(held) = known else { return TryRead::Eof };
        let port = held.unit.output(stream);
        let read = port.try_read(into, max);
        if read == TryRead::Eof && held.unit.is_reaped() {
            port.close();
            self.shared.forget_if_over(&held);
        }
        read
    }

    fn try_write(&mut self, unit: UnitId, bytes: &[u8]) -> TryWrite {
        let units = self.shared.units.borrow();
        units.get(&unit).map_or(TryWrite::Broken, |held| held.unit.stdin().try_write(bytes))
    }

    fn publish(&mut self, fact: &FactRecord) {
        self.listeners.iter_mut().for_each(|listener| listener(fact));
        if let Some(sink) = &mut self.sink {
            sink(fact.clone());
        }
    }

    fn adopted(&mut self, worker: WorkerId, spec: &Arc<WorkerSpec>) {
        self.registrars.iter_mut().for_each(|registrar| registrar(worker, spec));
    }

    fn abandoned(&mut self, unit: UnitId, task: Option<&str>) {
        if self.shared.system.abandon_proxy(unit) {
            return;
        }
        let known = self.shared.units.borrow().get(&unit).cloned();
        let Some(held) = known else { return };
        if let Some(task) = task {
            self.shared.system.report_abandoned(&held.unit, task);
        }
        // What keeps it from its processes is found; nobody else is there to be told.
        let _ = self.shared.signal(&held, Target::Scope, Signal::KILL);
        self.shared.endings.set(self.shared.endings.get() + 1);
        self.go(&held, |shared, held| async move {
            // Biased: who ends at the last moment has ended.
            tokio::select! {
                biased;
                () = shared.end(&held) => {}
                () = S::Executor::sleep(ENDING_MAX) => shared.board.find(format!(
                    "{} was killed and is not over after {ENDING_MAX:?}: unkillable?",
                    held.unit.name()
                )),
            }
            shared.endings.set(shared.endings.get() - 1);
            shared.board.bell().ring();
        });
    }

    fn unexpected(&mut self, who: &str, what: &str) {
        self.shared.board.find(format!("{who}: {what}"));
    }

    fn is_patient(&self) -> bool {
        true
    }

    /// Numbers are not identities: ask for a unit instead.
    fn kill(&mut self, _pid: i32, _signal: Signal) -> Result<(), Errno> {
        Err(Errno::ENOSYS)
    }
}

/// How long the end of an abandoned unit is waited for after its KILL.
const ENDING_MAX: std::time::Duration = shakedown_core::vocab::StopPolicy::EMPTY_WITHIN;
