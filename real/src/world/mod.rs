//! The ports of core on Linux: requests in, completions out, each process held by a pidfd from its birth to its reaping.
//! It makes no decision of its own; what it notices and nobody asked for stands in its findings.

mod act;
mod birth;
mod folder;
mod port;
mod roll;
mod shared;
mod unit;
mod waits;
mod word;

use crate::chooser::RealChooser;
use crate::errno;
use crate::files::Files;
use crate::scope::RUN_VARIABLE;
use crate::spawn;
use crate::subreaper;
use crate::wakers::Wakers;
use crate::watch::watch;
use folder::Folder;
use shakedown_core::files::FileCall;
use shakedown_core::ids::{FileId, OpId, Pid, TaskId, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::tie::Deadlines;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{
    Channel, Errno, FactRecord, Launch, ProcessEvent, ProcessSpec, Request, SpawnFailure, Stream, Target, TryRead,
    TryWrite,
};
use shakedown_core::world::{Ready, World};
use shared::{Birth, Shared};
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use tokio::io::Interest;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Where facts go as they become true.
pub type FactSink = Box<dyn FnMut(FactRecord)>;

/// Where what is seen of processes goes, in the order in which it arrives.
pub type ProcessSink = Box<dyn FnMut(&ProcessEvent)>;

/// How a world is to be made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// What every process of the run carries as `SHAKEDOWN_RUN`. Where none is given, our own such variable, or a new name.
    pub run: Option<String>,
    /// What draws depend on.
    pub seed: u64,
    /// Whether every child of this program that is not a leader is an adopted orphan, so that it may be reaped even where
    /// nothing tells whose it was. Only for programs that start no process in any other way.
    pub owns_all_children: bool,
}

/// Why a world could not be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CannotBegin {
    /// What was tried.
    pub what: &'static str,
    /// What the system said.
    pub errno: Errno,
}

impl fmt::Display for CannotBegin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CannotBegin { what, errno } = self;
        write!(f, "the real backend cannot begin: {what}: {errno} ({})", errno.explain())
    }
}

impl std::error::Error for CannotBegin {}

/// Linux, as a world of core.
pub struct RealWorld {
    shared: Rc<Shared>,
    chooser: RealChooser,
    wakers: Wakers,
    run: String,
    /// What resume ids of this world are made of.
    nonce: u64,
    number: u32,
    sink: Option<FactSink>,
    process_sink: Option<ProcessSink>,
    background: Vec<AbortHandle>,
    folder: OnceCell<Folder>,
    files: Files,
}

impl RealWorld {
    /// A world whose clock begins now. This process becomes a subreaper, and SIGCHLD gets a handler.
    ///
    /// # Errors
    /// Where the kernel refuses what the backend needs.
    ///
    /// # Panics
    /// Outside a current-thread tokio runtime and its `LocalSet`: see [`crate::host::block_on`].
    pub fn new(config: Config) -> Result<RealWorld, CannotBegin> {
        let failed = |what| move |errno| CannotBegin { what, errno };
        subreaper::become_subreaper().map_err(failed("becoming a subreaper"))?;
        let own = Pid::new(std::process::id() as i32).filter(|pid| crate::procfs::stat(*pid).is_some());
        own.ok_or(CannotBegin { what: "reading our own entry in /proc", errno: Errno::ENOENT })?;
        let (socket, reports_name) = roll::listen().map_err(failed("opening the socket for reports"))?;
        let reports =
            watch(socket, Interest::READABLE).map_err(|(_, errno)| failed("watching the socket for reports")(errno))?;
        let mut orphans =
            signal(SignalKind::child()).map_err(|e| errno::of_std(&e)).map_err(failed("watching SIGCHLD"))?;
        let run = config.run.or_else(|| std::env::var(RUN_VARIABLE).ok()).unwrap_or_else(crate::fresh::fresh_name);
        let bell: Arc<Notify> = Arc::default();
        let shared = Rc::new(Shared {
            began: std::time::Instant::now(),
            bell: bell.clone(),
            ready: RefCell::default(),
            units: RefCell::default(),
            waits: RefCell::default(),
            roll: RefCell::default(),
            births: Arc::default(),
            reports,
            reports_name,
            findings: RefCell::default(),
            owns_all_children: config.owns_all_children,
            in_flight: Cell::new(0),
            endings: Cell::new(0),
        });
        let (listener, sweeper) = (shared.clone(), shared.clone());
        let background = vec![
            tokio::task::spawn_local(async move { listener.listen().await }).abort_handle(),
            tokio::task::spawn_local(async move {
                while orphans.recv().await.is_some() {
                    sweeper.sweep();
                }
            })
            .abort_handle(),
        ];
        Ok(RealWorld {
            shared,
            chooser: RealChooser::new(config.seed),
            wakers: Wakers::new(bell.clone()),
            files: Files::new(bell),
            nonce: shakedown_core::site::mix(shakedown_core::site::hash_name(&crate::fresh::fresh_name())),
            run,
            number: WORLDS.fetch_add(1, Ordering::Relaxed),
            sink: None,
            process_sink: None,
            background,
            folder: OnceCell::new(),
        })
    }

    /// What its processes carry as `SHAKEDOWN_RUN`.
    pub fn run_name(&self) -> &str {
        &self.run
    }

    /// Rings whenever something has become ready, or a task was woken.
    pub fn bell(&self) -> Arc<Notify> {
        self.shared.bell.clone()
    }

    /// The moment of [`Instant::ZERO`].
    pub fn began(&self) -> std::time::Instant {
        self.shared.began
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
        self.shared.findings.take()
    }

    /// Whether something that nobody waits for is still on its way: a spawn to be answered, an abandoned unit to be buried.
    pub fn owes(&self) -> bool {
        self.shared.in_flight.get() > 0 || self.shared.endings.get() > 0 || self.files.owes()
    }

    fn start(&mut self, op: OpId, unit: UnitId, spec: Arc<ProcessSpec>, launch: Launch) {
        let tag = format!("{}:{}.{}", self.run, self.number, unit.0);
        let draws = self.chooser.stream(u64::from(unit.0));
        let listening = match launch.notify {
            Some(Channel::Socket) => word::listen().map(Some),
            Some(Channel::Newline(_)) | None => Ok(None),
        };
        let (plan, socket) = match listening.map(Option::unzip) {
            Ok((socket, notify)) => {
                let reports = &self.shared.reports_name;
                let told = birth::Told { run: &self.run, tag: &tag, reports, notify: notify.as_deref(), launch };
                (birth::plan(&spec, told, &self.folder, draws), socket)
            }
            Err(errno) => (Err(SpawnFailure { errno, at_exec: false }), None),
        };
        let (births, bell) = (self.shared.births.clone(), self.shared.bell.clone());
        let answer = move |born| {
            births.lock().unwrap_or_else(PoisonError::into_inner).push_back(Birth {
                op,
                unit,
                spec,
                tag,
                socket,
                born,
            });
            bell.notify_one();
        };
        self.shared.in_flight.set(self.shared.in_flight.get() + 1);
        match plan {
            Ok(plan) => spawn::spawn(plan, Box::new(answer)),
            Err(failure) => answer(Err(failure)),
        }
    }
}

impl Drop for RealWorld {
    /// Bookkeeping only: nobody listens any more. Units that still live are the host's to end before.
    fn drop(&mut self) {
        let waits = std::mem::take(&mut *self.shared.waits.borrow_mut());
        self.background.iter().chain(waits.values()).for_each(AbortHandle::abort);
    }
}

impl World for RealWorld {
    type Chooser = RealChooser;

    fn now(&mut self) -> Instant {
        self.shared.now()
    }

    fn chooser(&mut self) -> &mut RealChooser {
        &mut self.chooser
    }

    fn submit(&mut self, op: OpId, unit: UnitId, request: Request) {
        if let Request::Spawn { spec, launch } = request {
            return self.start(op, unit, spec, launch);
        }
        let known = self.shared.units.borrow().get(&unit).cloned();
        match known {
            Some(unit) => self.act(op, &unit, request),
            None => self.shared.answer_for_nobody(op, &request),
        }
    }

    fn file(&mut self, op: OpId, call: FileCall) {
        self.files.submit(op, call);
    }

    fn close_file(&mut self, file: FileId) {
        self.files.close(file);
    }

    fn withdraw(&mut self, op: OpId, _unit: UnitId) {
        if let Some(wait) = self.shared.waits.borrow_mut().remove(&op) {
            wait.abort();
        }
        self.shared.ready.borrow_mut().retain(|r| !matches!(r, Ready::Done { op: done, .. } if *done == op));
    }

    fn next_ready(&mut self) -> Option<Ready> {
        self.shared.take_births();
        let ready = self.shared.ready.borrow_mut().pop_front();
        if let (Some(Ready::Observed(event)), Some(sink)) = (&ready, &mut self.process_sink) {
            sink(event);
        }
        ready.or_else(|| self.files.next_ready())
    }

    fn nonce(&self) -> u64 {
        self.nonce
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
        let Some(unit) = known else { return TryRead::Eof };
        let read = unit.output(stream).try_read(into, max);
        if read == TryRead::Eof && unit.is_reaped() {
            unit.output(stream).close();
            self.shared.forget_if_over(&unit);
        }
        read
    }

    fn try_write(&mut self, unit: UnitId, bytes: &[u8]) -> TryWrite {
        let units = self.shared.units.borrow();
        units.get(&unit).map_or(TryWrite::Broken, |unit| unit.stdin.try_write(bytes))
    }

    fn publish(&mut self, fact: FactRecord) {
        if let Some(sink) = &mut self.sink {
            sink(fact);
        }
    }

    fn abandoned(&mut self, unit: UnitId, task: Option<&str>) {
        let known = self.shared.units.borrow().get(&unit).cloned();
        let Some(unit) = known else { return };
        if let Some(task) = task {
            self.shared.report_abandoned(&unit, task);
        }
        match self.shared.signal(&unit, Target::Scope, Signal::KILL) {
            // ESRCH: nobody is left to be killed.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => {
                self.shared.find(format!("unit {} could not be killed: {errno} ({})", unit.id.0, errno.explain()))
            }
        }
        self.shared.endings.set(self.shared.endings.get() + 1);
        self.go(&unit, |shared, unit| async move {
            if tokio::time::timeout(ENDING_MAX, shared.end(&unit)).await.is_err() {
                shared.find(format!("unit {} was killed and is not over after {ENDING_MAX:?}: unkillable?", unit.id.0));
            }
            shared.endings.set(shared.endings.get() - 1);
            shared.bell.notify_one();
        });
    }

    fn unexpected(&mut self, who: &str, what: &str) {
        self.shared.find(format!("{who}: {what}"));
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
/// Worlds of this process so far.
static WORLDS: AtomicU32 = AtomicU32::new(0);
