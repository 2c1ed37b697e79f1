//! A world with a hand on it: submits requests, awaits their answers, and keeps what was observed meanwhile.

use shakedown_core::ids::{OpId, Pid, UnitId};
use shakedown_core::puppet::parse;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{
    Completion, ExitNotice, ExitStatus, Launch, ProcessEvent, ProcessSpec, ProcessWhat, Request, Scope, SpawnFailure,
    Stream, Survivor, Target, TryRead,
};
use shakedown_core::world::{Ready, World};
use shakedown_real::pidfd::Pidfd;
use shakedown_real::procfs::stat;
use shakedown_real::{Config, RealWorld, host, namespace};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub struct Rig {
    pub world: RealWorld,
    ops: u64,
    units: u32,
    done: BTreeMap<OpId, Completion>,
    pub seen: Vec<ProcessEvent>,
}

/// A unit that runs.
pub struct Started {
    pub unit: UnitId,
    pub pid: Pid,
}

impl Rig {
    pub fn new() -> Rig {
        let config = Config { seed: 1, owns_all_children: true, ..Config::default() };
        Rig { world: RealWorld::new(config).unwrap(), ops: 0, units: 0, done: BTreeMap::new(), seen: Vec::new() }
    }

    pub fn submit(&mut self, unit: UnitId, request: Request) -> OpId {
        self.ops += 1;
        let op = OpId(self.ops);
        self.world.submit(op, unit, request);
        op
    }

    /// Takes what is ready without waiting.
    pub fn take(&mut self) {
        while let Some(ready) = self.world.next_ready() {
            match ready {
                Ready::Done { op, completion } => {
                    assert_eq!(self.done.insert(op, completion), None, "one answer an op")
                }
                Ready::Observed(event) => self.seen.push(event),
                Ready::Step { .. } => panic!("a real world takes no steps"),
            }
        }
    }

    /// Waits until `found` finds something.
    pub async fn until<T>(&mut self, what: &str, mut found: impl FnMut(&mut Rig) -> Option<T>) -> T {
        let bell = self.world.bell();
        let searched = async {
            loop {
                self.take();
                match found(self) {
                    Some(value) => break value,
                    None => bell.rung().await,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, searched).await {
            Ok(value) => value,
            Err(_) => panic!("{what} did not come within {PATIENCE:?}; seen: {:?}", self.seen),
        }
    }

    pub async fn answer(&mut self, op: OpId) -> Completion {
        self.until("a completion", |rig| rig.done.remove(&op)).await
    }

    pub fn is_answered(&self, op: OpId) -> bool {
        self.done.contains_key(&op)
    }

    pub async fn try_start(&mut self, spec: ProcessSpec) -> (UnitId, Result<Pid, SpawnFailure>) {
        self.try_start_told(spec, Launch::default()).await
    }

    pub async fn try_start_told(&mut self, spec: ProcessSpec, launch: Launch) -> (UnitId, Result<Pid, SpawnFailure>) {
        self.units += 1;
        let unit = UnitId(self.units);
        let op = self.submit(unit, Request::Spawn { spec: Arc::new(spec), launch: Box::new(launch) });
        match self.answer(op).await {
            Completion::Spawned(result) => (unit, result),
            other => panic!("a spawn was answered by {other:?}"),
        }
    }

    pub async fn start(&mut self, spec: ProcessSpec) -> Started {
        self.start_told(spec, Launch::default()).await
    }

    /// Starts what is told what an incarnation is told.
    pub async fn start_told(&mut self, spec: ProcessSpec, launch: Launch) -> Started {
        let (unit, result) = self.try_start_told(spec, launch).await;
        Started { unit, pid: result.expect("it starts") }
    }

    /// Starts a puppet, and waits until it prints `ready`.
    pub async fn puppet(&mut self, scope: Scope, script: &str) -> Started {
        let script = parse(script).unwrap_or_else(|errors| panic!("{errors:?}"));
        let started = self.start(ProcessSpec::puppet("p", script).scope(scope)).await;
        let read = self.read_until(started.unit, b"ready\n").await;
        assert_eq!(String::from_utf8_lossy(&read), "ready\n", "its first line");
        started
    }

    /// Starts a puppet, whatever it prints.
    pub async fn script(&mut self, script: &str) -> Started {
        let script = parse(script).unwrap_or_else(|errors| panic!("{errors:?}"));
        self.start(ProcessSpec::puppet("p", script).scope(Scope::Tree)).await
    }

    /// Lets a `read line` go on.
    pub fn line(&mut self, unit: UnitId) {
        self.submit(unit, Request::Write(b"\n".as_slice().into()));
    }

    /// The rest of stdout, once everybody has closed it.
    pub async fn rest(&mut self, unit: UnitId) -> String {
        String::from_utf8(self.read_until(unit, b"").await).unwrap()
    }

    /// Reads stdout up to and including this line.
    pub async fn hear(&mut self, unit: UnitId, line: &str) {
        let read = self.read_until(unit, format!("{line}\n").as_bytes()).await;
        assert_eq!(String::from_utf8_lossy(&read), format!("{line}\n"));
    }

    /// Until this process is in one of these states of proc_pid_stat(5).
    pub async fn in_state(&mut self, pid: Pid, states: &[u8]) {
        let reached = async {
            while !stat(pid).is_some_and(|s| states.contains(&s.state)) {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, reached).await.is_ok(), "{pid} is not so: {:?}", stat(pid));
    }

    /// Reads stdout until it ends so, or ends.
    pub async fn read_until(&mut self, unit: UnitId, end: &[u8]) -> Vec<u8> {
        let mut read = Vec::new();
        // Byte by byte up to an end, so that what follows it stays in the pipe.
        let max = if end.is_empty() { 65_536 } else { 1 };
        loop {
            match self.world.try_read(unit, Stream::Stdout, &mut read, max) {
                TryRead::Eof => return read,
                TryRead::Data(_) if !end.is_empty() && read.ends_with(end) => return read,
                TryRead::Data(_) => {}
                TryRead::WouldBlock => {
                    let op = self.submit(unit, Request::Readable(Stream::Stdout.into()));
                    assert_eq!(self.answer(op).await, Completion::Readable(Stream::Stdout.into()));
                }
            }
        }
    }

    /// Until this process is gone from /proc, or at least a zombie.
    pub async fn vanished(&mut self, pid: Pid, as_zombie_too: bool) {
        let is_there = || stat(pid).is_some_and(|s| s.is_alive() || !as_zombie_too);
        let watched = async {
            while is_there() {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, watched).await.is_ok(), "{pid} is still there: {:?}", stat(pid));
    }

    pub fn signal(&mut self, unit: UnitId, to: Target, signal: Signal) -> OpId {
        self.submit(unit, Request::Signal { to, signal })
    }

    pub async fn exit(&mut self, unit: UnitId) -> ExitNotice {
        let op = self.submit(unit, Request::Exit);
        match self.answer(op).await {
            Completion::Exited(notice) => notice,
            other => panic!("an exit was answered by {other:?}"),
        }
    }

    pub async fn survey(&mut self, unit: UnitId) -> (Vec<Survivor>, Vec<Survivor>) {
        let op = self.submit(unit, Request::Survey);
        match self.answer(op).await {
            Completion::Surveyed(survey) => (survey.members, survey.holders),
            other => panic!("a survey was answered by {other:?}"),
        }
    }

    /// KILL to the scope, until it is empty; then everything is closed and reaped.
    pub async fn finish(&mut self, unit: UnitId) {
        self.signal(unit, Target::Scope, Signal::KILL);
        let op = self.submit(unit, Request::Empty);
        assert_eq!(self.answer(op).await, Completion::Empty);
        self.forget(unit);
    }

    pub fn forget(&mut self, unit: UnitId) {
        for stream in Stream::BOTH {
            self.submit(unit, Request::CloseOutput(stream));
        }
        self.submit(unit, Request::CloseInput);
        self.submit(unit, Request::Reap);
    }

    pub async fn saw(&mut self, name: &str, what: ProcessWhat) -> ProcessEvent {
        let text = format!("{name} {what:?}");
        self.until(&text, |rig| rig.seen.iter().find(|e| &*e.name == name && e.what == what).cloned()).await
    }

    /// How many of this name started.
    pub fn starts(&self, name: &str) -> usize {
        self.seen.iter().filter(|e| &*e.name == name && e.what == ProcessWhat::Started).count()
    }

    /// How each process of this name ended, in the order in which that was seen.
    pub fn ends(&self, name: &str) -> Vec<ExitStatus> {
        let ends = self.seen.iter().filter(|e| &*e.name == name).filter_map(|e| match e.what {
            ProcessWhat::Exited(status) => Some(status),
            ProcessWhat::Started | ProcessWhat::Installed(_) | ProcessWhat::Signalled(_) => None,
        });
        ends.collect()
    }
}

/// Whether nobody of this run lives, once what was killed has had time to die. Who does is told of, a few by name, and killed: the next
/// case is not to be blamed for it.
pub fn nobody_left(run: &str) -> Result<(), String> {
    let until = Instant::now() + Duration::from_secs(2);
    loop {
        let left = namespace::leftovers(run).map_err(|errno| errno.to_string())?;
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            let named: Vec<String> = left.iter().take(3).map(|(pid, line)| format!("{pid} {line}")).collect();
            let others = left.len() - named.len();
            for (pid, _) in left {
                // Gone meanwhile is gone.
                if let Ok(who) = Pidfd::open(pid) {
                    let _ = who.send(Signal::KILL);
                }
            }
            return Err(format!(
                "{}{}",
                named.join(", "),
                if others > 0 { format!(" and {others} more") } else { "".into() }
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// As a program that leaves somebody behind, in a namespace of its own: its exit code is 0, the namespace's is not.
pub fn play_leaver() {
    if std::env::var_os(LEAVER).is_none() {
        return;
    }
    namespace::enter_private_pid_namespace().expect("namespaces nest");
    let played = host::block_on(async {
        let mut rig = Rig::new();
        rig.puppet(Scope::Tree, "spawn lost { setsid; print ready; hang }; hang").await;
    });
    played.expect("a runtime");
    std::process::exit(0)
}

/// As a supervisor that is going to be killed: starts an attached puppet, says so, and waits for ever.
pub fn play_doomed_parent() -> bool {
    if std::env::var_os(DOOMED).is_none() {
        return false;
    }
    let played = host::block_on(async {
        let mut rig = Rig::new();
        let child = rig.puppet(Scope::Group, "print ready; hang").await;
        println!("child {}", child.pid);
        std::future::pending::<()>().await;
    });
    played.expect("a runtime");
    true
}

pub const DOOMED: &str = "SHAKEDOWN_TEST_DOOMED_PARENT";
pub const LEAVER: &str = "SHAKEDOWN_TEST_LEAVER";
const PATIENCE: Duration = Duration::from_secs(10);
