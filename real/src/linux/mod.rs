//! Linux, as the machine of a world: each process is held by a pidfd from its birth to its reaping, and its group or tree is known by
//! /proc and by what it carries in its environment. Everything that touches the system or tokio's runtime stands here and below.

mod birth;
mod config;
mod connect;
pub(crate) mod control;
mod folder;
mod http;
mod leftovers;
mod port;
#[cfg(feature = "proxy")]
mod proxies;
#[cfg(not(feature = "proxy"))]
#[path = "no_proxies.rs"]
mod proxies;
mod roll;
pub(crate) mod runtime;
mod unit;
mod walks;
mod word;

use crate::chooser::RealChooser;
use crate::errno;
use crate::files::Files;
use crate::reserve;
use crate::scope::{Kin, RUN_VARIABLE, Realm};
use crate::spawn::{self, Child};
use crate::subreaper;
use crate::watch::watch;
use crate::world::{Answer, Board, RealWorld, Start, System};
pub use config::{CannotBegin, Config};
use folder::Folder;
use proxies::Proxies;
use roll::Roll;
pub use runtime::{Tokio, within};
use shakedown_core::files::FileCall;
use shakedown_core::ids::{FileId, OpId, Pid, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{
    Channel, Errno, ExitStatus, HttpGet, Identity, Leftover, ProcessEvent, ProcessSpec, ProcessWhat, Request,
    SpawnFailure, Survey, Target,
};
use shakedown_core::world::Ready;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::AbortHandle;
use unit::LinuxUnit;

impl RealWorld<Linux> {
    /// A world on this machine, whose clock begins now. This process becomes a subreaper, and SIGCHLD gets a handler.
    ///
    /// # Errors
    /// Where the kernel refuses what the backend needs.
    ///
    /// # Panics
    /// Outside a current-thread tokio runtime and its `LocalSet`: see [`crate::host::block_on`].
    pub fn new(config: Config) -> Result<RealWorld<Linux>, CannotBegin> {
        let (board, seed) = (Board::new(), config.seed);
        let linux = Linux::new(config, board.clone())?;
        Ok(RealWorld::on(linux, board, seed))
    }

    /// What its processes carry as `SHAKEDOWN_RUN`.
    pub fn run_name(&self) -> &str {
        &self.system().run
    }

    /// The moment of [`Instant::ZERO`].
    pub fn began(&self) -> std::time::Instant {
        self.system().began
    }
}

/// This machine, as far as one world knows it.
pub struct Linux {
    began: std::time::Instant,
    board: Rc<Board>,
    units: RefCell<BTreeMap<UnitId, Rc<LinuxUnit>>>,
    roll: RefCell<Roll>,
    reports: AsyncFd<OwnedFd>,
    reports_name: String,
    owns_all_children: bool,
    draws: RealChooser,
    run: String,
    /// What resume ids of this world are made of.
    nonce: u64,
    number: u32,
    /// Gone with the world.
    folder: RefCell<Option<Folder>>,
    files: RefCell<Files>,
    proxies: RefCell<Proxies>,
    background: RefCell<Vec<AbortHandle>>,
}

/// The spawner's answer, on its way to the host's thread.
pub struct Birth {
    unit: UnitId,
    spec: Arc<ProcessSpec>,
    tag: String,
    /// On which it may say that it is ready.
    socket: Option<OwnedFd>,
    born: Result<Child, SpawnFailure>,
    whose: Whose,
}

/// Whose child a leader is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Whose {
    Ours,
    /// It was an earlier supervisor's, and is init's now: it is not ours to reap, and its number is pinned by nobody.
    Adopted,
}

impl Linux {
    fn new(config: Config, board: Rc<Board>) -> Result<Rc<Linux>, CannotBegin> {
        let failed = |what| move |errno| CannotBegin { what, errno };
        subreaper::become_subreaper().map_err(failed("becoming a subreaper"))?;
        reserve::lay_by();
        let own = Pid::new(std::process::id() as i32).filter(|pid| crate::procfs::stat(*pid).is_some());
        own.ok_or(CannotBegin { what: "reading our own entry in /proc", errno: Errno::ENOENT })?;
        let (socket, reports_name) = roll::listen().map_err(failed("opening the socket for reports"))?;
        let reports =
            watch(socket, Interest::READABLE).map_err(|(_, errno)| failed("watching the socket for reports")(errno))?;
        let mut orphans =
            signal(SignalKind::child()).map_err(|e| errno::of_std(&e)).map_err(failed("watching SIGCHLD"))?;
        let run = config.run.or_else(|| std::env::var(RUN_VARIABLE).ok()).unwrap_or_else(crate::fresh::fresh_name);
        let linux = Rc::new(Linux {
            began: std::time::Instant::now(),
            files: RefCell::new(Files::new(board.bell().clone())),
            board,
            units: RefCell::default(),
            roll: RefCell::default(),
            reports,
            reports_name,
            owns_all_children: config.owns_all_children,
            draws: RealChooser::new(config.seed),
            run,
            nonce: shakedown_core::site::mix(shakedown_core::site::hash_name(&crate::fresh::fresh_name())),
            number: WORLDS.fetch_add(1, Ordering::Relaxed),
            folder: RefCell::default(),
            proxies: RefCell::default(),
            background: RefCell::default(),
        });
        let (listener, sweeper) = (linux.clone(), linux.clone());
        let background = vec![
            tokio::task::spawn_local(async move { listener.listen().await }).abort_handle(),
            tokio::task::spawn_local(async move {
                while orphans.recv().await.is_some() {
                    sweeper.sweep();
                }
            })
            .abort_handle(),
        ];
        linux.background.replace(background);
        Ok(linux)
    }

    fn find(&self, what: String) {
        self.board.find(what);
    }

    fn observe(&self, pid: Pid, name: &Arc<str>, what: ProcessWhat) {
        let event = ProcessEvent { at: self.now(), name: name.clone(), pid: pid.as_raw(), what };
        self.board.push(Ready::Observed(event));
    }

    /// Holds on to a child. All or nothing: one that cannot be registered is killed and reaped.
    fn hold(
        self: &Rc<Self>,
        id: UnitId,
        spec: &ProcessSpec,
        tag: String,
        socket: Option<OwnedFd>,
        child: Child,
        whose: Whose,
    ) -> Result<(Pid, Rc<LinuxUnit>), SpawnFailure> {
        let pid = child.pid;
        let kin = match whose {
            Whose::Ours => Kin::new(),
            // Where they cannot be seen it is not taken over: they would be missed when it is to end.
            Whose::Adopted => leftovers::kin(&tag).map_err(|errno| SpawnFailure { errno, at_exec: false })?,
        };
        let realm = Realm { leader: pid, scope: spec.scope, tag, is_pinned: Cell::new(whose == Whose::Ours) };
        match LinuxUnit::new(id, realm, child, socket, &spec.name) {
            Ok(unit) => {
                self.saw_leader(pid, &spec.name);
                unit.kin.replace(kin);
                let unit = Rc::new(unit);
                self.units.borrow_mut().insert(id, unit.clone());
                if unit.word.is_some() {
                    let (linux, speaker) = (self.clone(), unit.clone());
                    drop(tokio::task::spawn_local(async move { linux.hear(&speaker).await }));
                }
                Ok((pid, unit))
            }
            Err((errno, pid, pidfd)) => {
                let reap = || match whose {
                    Whose::Ours => pidfd.reap_blocking().map(drop),
                    Whose::Adopted => Ok(()),
                };
                if let Err(errno) = pidfd.send_group(Signal::KILL).and_then(|()| reap()) {
                    self.find(format!("{pid}, which could not be registered, could not be ended: {errno}"));
                }
                spawn::forget_after(pid, || ((), true));
                Err(SpawnFailure { errno, at_exec: false })
            }
        }
    }
}

impl System for Linux {
    type Executor = Tokio;
    type Unit = LinuxUnit;
    type Born = Birth;

    fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    async fn reached(&self, at: Instant) {
        match self.began.checked_add(std::time::Duration::from_nanos(at.as_nanos())) {
            Some(at) => tokio::time::sleep_until(at.into()).await,
            None => std::future::pending().await,
        }
    }

    fn nonce(&self) -> u64 {
        self.nonce
    }

    fn start(self: &Rc<Self>, start: Start, answer: Answer<Birth>) {
        let Start { unit, mut spec, launch } = start;
        if let Some(proxy) = &spec.proxy {
            let env = self.proxies.borrow().environment(proxy);
            let own = &mut Arc::make_mut(&mut spec).env;
            for (name, value) in env.into_iter().flatten() {
                own.entry(name.into()).or_insert(value);
            }
        }
        match launch.adopts.map(leftovers::take_over) {
            Some(Ok((child, tag))) => {
                return answer(Birth { unit, spec, tag, socket: None, born: Ok(child), whose: Whose::Adopted });
            }
            // Who is gone is started anew, and nobody is beside one that may live.
            None | Some(Err(Errno::ESRCH)) => {}
            Some(Err(errno)) => {
                let born = Err(SpawnFailure { errno, at_exec: false });
                return answer(Birth { unit, spec, tag: String::new(), socket: None, born, whose: Whose::Adopted });
            }
        }
        let tag = format!("{}:{}.{}", self.run, self.number, unit.0);
        let draws = self.draws.stream(u64::from(unit.0));
        let listening = match launch.notify {
            Some(Channel::Socket) => word::listen().map(Some),
            Some(Channel::Newline(_)) | None => Ok(None),
        };
        let (plan, socket) = match listening.map(Option::unzip) {
            Ok((socket, notify)) => {
                let reports = &self.reports_name;
                let told = birth::Told { run: &self.run, tag: &tag, reports, notify: notify.as_deref(), launch };
                (birth::plan(&spec, told, &self.folder, draws), socket)
            }
            Err(errno) => (Err(SpawnFailure { errno, at_exec: false }), None),
        };
        let answer = move |born| answer(Birth { unit, spec, tag, socket, born, whose: Whose::Ours });
        match plan {
            Ok(plan) => spawn::spawn(plan, Box::new(answer)),
            Err(failure) => answer(Err(failure)),
        }
    }

    fn register(self: &Rc<Self>, birth: Birth) -> Result<(Pid, Rc<LinuxUnit>), SpawnFailure> {
        let Birth { unit, spec, tag, socket, born, whose } = birth;
        born.and_then(|child| self.hold(unit, &spec, tag, socket, child, whose))
    }

    fn ended(self: &Rc<Self>, unit: &LinuxUnit) -> impl Future<Output = ExitStatus> {
        self.wait_end(unit)
    }

    fn emptied(self: &Rc<Self>, unit: &LinuxUnit) -> impl Future<Output = ()> {
        self.wait_empty(unit)
    }

    async fn notified(&self, unit: &LinuxUnit, _: Channel) {
        match &unit.word {
            Some(word) => word.said().await,
            // It was given nothing to say it on.
            None => std::future::pending().await,
        }
    }

    async fn connect(&self, address: &str) -> bool {
        connect::connect(address).await.is_ok()
    }

    async fn get(&self, get: &HttpGet) -> Option<u16> {
        http::get(get).await
    }

    fn signal(&self, unit: &LinuxUnit, to: Target, signal: Signal) -> Result<(), Errno> {
        let leader = unit.leader.get_ref();
        match to {
            Target::Leader => leader.send(signal),
            Target::Scope => unit.realm.signal(leader, signal, &mut unit.kin.borrow_mut()),
        }
    }

    fn reap(self: &Rc<Self>, unit: &LinuxUnit) -> bool {
        self.reap_leader(unit)
    }

    fn has_others(self: &Rc<Self>, unit: &LinuxUnit) -> Option<bool> {
        self.others_than_leader(unit)
    }

    fn survey(self: &Rc<Self>, unit: &LinuxUnit) -> Survey {
        self.look_at(unit)
    }

    fn file(&self, op: OpId, call: FileCall) {
        self.files.borrow_mut().submit(op, call);
    }

    fn close_file(&self, file: FileId) {
        self.files.borrow_mut().close(file);
    }

    fn next_filed(&self) -> Option<Ready> {
        self.files.borrow_mut().next_ready()
    }

    fn owes_files(&self) -> bool {
        self.files.borrow().owes()
    }

    fn ask_proxy(&self, op: OpId, unit: UnitId, request: &Request) -> bool {
        self.proxies.borrow_mut().take(&self.board, self.began, self.draws, op, unit, request)
    }

    fn withdraw_from_proxy(&self, op: OpId, unit: UnitId) {
        self.proxies.borrow().withdraw(op, unit);
    }

    fn abandon_proxy(&self, unit: UnitId) -> bool {
        self.proxies.borrow_mut().abandon(unit)
    }

    fn proxy_address(&self, proxy: &str) -> Option<SocketAddr> {
        self.proxies.borrow().address(proxy)
    }

    fn leftovers(&self, mark: &str) -> Result<Vec<Leftover>, Errno> {
        leftovers::leftovers(mark)
    }

    fn signal_leftover(&self, who: Identity, signal: Signal) -> Result<(), Errno> {
        leftovers::signal_leftover(who, signal)
    }

    fn forget(&self, unit: &LinuxUnit) {
        self.units.borrow_mut().remove(&unit.id);
        if let Some(word) = &unit.word {
            word.close();
        }
    }

    fn report_abandoned(&self, unit: &LinuxUnit, task: &str) {
        self.blame(unit, task);
    }

    fn close(&self) {
        self.background.borrow().iter().for_each(AbortHandle::abort);
        self.folder.take();
    }
}

/// Worlds of this process so far.
static WORLDS: AtomicU32 = AtomicU32::new(0);
