//! A supervisor that is killed with KILL, and the next one on what it has left: no copy of anything runs beside the one that lives on.

use crate::cases::cases;
use crate::files::Folder;
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::ids::Pid;
use shakedown_core::journal::{Entry, SinkSpec, scan, unseen_ends};
use shakedown_core::puppet::parse;
use shakedown_core::signal::Signal;
use shakedown_core::site::hash_name;
use shakedown_core::status;
use shakedown_core::time::Duration;
use shakedown_core::vocab::{
    Body, Fact, Grace, Launch, Probe, ProcessSpec, ReadyPolicy, SessionSpec, StopPolicy, WorkerSpec,
};
use shakedown_real::host::drive;
use shakedown_real::pidfd::Pidfd;
use shakedown_real::{Config, RealWorld, handle, procfs};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

cases! {
    no_copy_runs_beside_what_a_killed_supervisor_has_left,
    a_second_supervisor_of_one_session_starts_nobody_and_ends_nobody,
    a_detached_worker_is_taken_over_and_its_end_is_seen,
    a_detached_worker_that_was_taken_over_is_stopped_with_its_helpers,
}

/// Supervises for ever, where this program was started to do so; says when its worker is up.
pub fn play_supervisor() {
    let Some(folder) = std::env::var_os(SUPERVISOR) else { return };
    let folder = folder.into_string().expect("a name in UTF-8");
    let supervises = async move {
        let mut world = RealWorld::new(Config::default()).expect("a machine");
        world.on_fact(Box::new(|record| {
            if matches!(record.fact, Fact::Ready) {
                println!("up");
            } else if matches!(record.fact, Fact::SessionStopped) {
                println!("over");
            }
        }));
        let mut host: Host<RealWorld, Actor> = Host::new(world);
        let plan = if std::env::var_os(DETACHED).is_some() { detached(&folder) } else { plan(&folder) };
        let session = host.start_session(&Arc::new(plan), &[].into());
        let handle = handle::open(&mut host, session);
        let obeys = std::thread::spawn(move || {
            // Whoever has started us says when to stop.
            if std::io::stdin().lock().lines().next().is_some_and(|line| line.is_ok()) {
                drop(shakedown_real::host::block_on(handle.stop_session()));
            }
        });
        drop(obeys);
        drive(&mut host).await
    };
    shakedown_real::host::block_on(supervises).expect("a runtime");
    std::process::exit(0);
}

/// One worker, whose helper has left its group and session and hears no TERM.
fn plan(folder: &str) -> SessionSpec {
    let script = "spawn helper { on TERM ignore; setsid; print deaf; hang }; on TERM exit 0; hang";
    let body = ProcessSpec::puppet("api", parse(script).expect("the script is right"));
    let stop = StopPolicy { grace: Grace::After(Duration::from_millis(50)), ..StopPolicy::default() };
    let ready = ReadyPolicy::new(Probe::Log("deaf".into()));
    let api =
        WorkerSpec { stop, ready: Some(Arc::new(ready)), ..WorkerSpec::new("api", Body::Process(Arc::new(body))) };
    SessionSpec {
        status: Some(format!("{folder}/status").into()),
        recovers: true,
        journal: Some(Arc::new(SinkSpec::new(&format!("{folder}/journal")))),
        workers: vec![api],
        ..SessionSpec::new("shop")
    }
}

/// One detached worker and its helper.
fn detached(folder: &str) -> SessionSpec {
    let script = parse("spawn helper { on TERM exit 0; hang }; on TERM exit 0; hang").expect("the script is right");
    let body = Body::Process(Arc::new(ProcessSpec::puppet("api", script).detached()));
    let ready = ReadyPolicy::new(Probe::Delay(Duration::from_millis(20)));
    let api = WorkerSpec { ready: Some(Arc::new(ready)), ..WorkerSpec::new("api", body) };
    SessionSpec { workers: vec![api], ..plan(folder) }
}

fn supervisor(folder: &Folder) -> (Child, impl Iterator<Item = String> + use<>) {
    supervisor_of(folder, &[])
}

fn supervisor_of(folder: &Folder, env: &[(&str, &str)]) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut child = Command::new(std::env::current_exe().expect("our own name"))
        .env(SUPERVISOR, folder.text())
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let said = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    (child, said)
}

/// Who lives of the session, whoever has started it.
fn living(folder: &Folder) -> Vec<Pid> {
    let launch = Launch { session: hash_name(&format!("{}/status", folder.text())), ..Launch::default() };
    let mark = launch.session_mark();
    let every = procfs::every_that(|stat| Ok(stat.is_alive())).expect("/proc is there").into_iter();
    every.map(|stat| stat.pid).filter(|pid| procfs::environment(*pid, Launch::SESSION) == Ok(mark.clone())).collect()
}

fn journal(folder: &Folder) -> Vec<Entry> {
    fs::read(folder.path().join(JOURNAL)).map_or_else(|_| Vec::new(), |bytes| scan(&bytes).entries)
}

fn spawns(of: &[Entry]) -> usize {
    of.iter().filter(|entry| entry.word() == "spawn").count()
}

async fn no_copy_runs_beside_what_a_killed_supervisor_has_left() {
    let folder = Folder::new("recovery");
    let mut before: Vec<Pid> = Vec::new();
    for round in 0..3 {
        let (mut child, mut said) = supervisor(&folder);
        assert_eq!(said.next().as_deref(), Some("up"), "round {round}");
        let now = living(&folder);
        assert_eq!(now.len(), 2, "main and its helper, and nobody else: {now:?}");
        assert!(now.iter().all(|pid| !before.contains(pid)), "{now:?} after {before:?}");
        // It is written down a moment after it has become true.
        while spawns(&journal(&folder)) <= round {
            std::thread::yield_now();
        }
        child.kill().expect("it is ours, and was not waited for");
        child.wait().expect("it is ours");
        before = now;
    }
    let told = journal(&folder);
    let last = told.iter().rposition(|entry| entry.word() == "spawn").expect("the last one has begun");
    assert_eq!(unseen_ends(&told[..last], Duration::ZERO), [], "whoever came after has told the end of the one before");
    end(&folder).await;
}

async fn a_second_supervisor_of_one_session_starts_nobody_and_ends_nobody() {
    let folder = Folder::new("claimed");
    let (mut first, mut said) = supervisor(&folder);
    assert_eq!(said.next().as_deref(), Some("up"));
    let before = living(&folder);
    let (mut second, mut told) = supervisor(&folder);
    assert_eq!(told.next().as_deref(), Some("over"));
    second.wait().expect("it is ours");
    assert_eq!(living(&folder), before);
    first.kill().expect("it is ours, and was not waited for");
    first.wait().expect("it is ours");
    end(&folder).await;
}

/// Whom the status file names: it is written a moment after it has become true.
fn leader_in_status(folder: &Folder) -> Option<Pid> {
    let status = fs::read(folder.path().join("status")).ok()?;
    status::parse(&status).ok()?.children.first()?.pid
}

/// A supervisor that is killed, and the next one on what goes on.
fn taken_over(folder: &Folder) -> (Child, impl Iterator<Item = String> + use<>, Vec<Pid>) {
    let (mut first, mut said) = supervisor_of(folder, &[(DETACHED, "1")]);
    assert_eq!(said.next().as_deref(), Some("up"));
    let before = living(folder);
    assert_eq!(before.len(), 2, "main and its helper: {before:?}");
    let leader = before.iter().min();
    while leader_in_status(folder).as_ref() != leader {
        std::thread::yield_now();
    }
    first.kill().expect("it is ours, and was not waited for");
    first.wait().expect("it is ours");
    assert_eq!(living(folder), before, "nobody has died with it");
    let (second, mut said) = supervisor_of(folder, &[(DETACHED, "1")]);
    assert_eq!(said.next().as_deref(), Some("up"));
    assert_eq!(living(folder), before, "and nobody was started beside them");
    (second, said, before)
}

async fn a_detached_worker_is_taken_over_and_its_end_is_seen() {
    let folder = Folder::new("detached");
    let (mut second, mut said, before) = taken_over(&folder);
    let leader = before.into_iter().min().expect("there are two");
    Pidfd::open(leader).and_then(|leader| leader.send(Signal::TERM)).expect("it lives");
    assert_eq!(said.next().as_deref(), Some("over"));
    second.wait().expect("it is ours");
    assert_eq!(living(&folder), []);
    let told: Vec<(String, Option<String>)> = journal(&folder)
        .iter()
        .filter(|entry| entry.worker.is_some() && ["started", "exited", "failed"].contains(&entry.word()))
        .map(|entry| (entry.word().to_owned(), entry.detail("status").map(str::to_owned)))
        .collect();
    let unknown = || Some("unknown".to_owned());
    let expected = [("started", None), ("started", None), ("exited", unknown()), ("failed", unknown())];
    assert_eq!(told, expected.map(|(word, status)| (word.to_owned(), status)));
}

async fn a_detached_worker_that_was_taken_over_is_stopped_with_its_helpers() {
    let folder = Folder::new("detached-stop");
    let (mut second, mut said, _) = taken_over(&folder);
    second.stdin.take().expect("a pipe").write_all(b"stop\n").expect("it reads");
    assert_eq!(said.next().as_deref(), Some("over"));
    second.wait().expect("it is ours");
    assert_eq!(living(&folder), []);
}

/// Ends what the last supervisor has left, as the next one would.
async fn end(folder: &Folder) {
    let (mut child, mut said) = supervisor(folder);
    assert_eq!(said.next().as_deref(), Some("up"));
    let last = living(folder);
    child.kill().expect("it is ours, and was not waited for");
    child.wait().expect("it is ours");
    let run = std::env::var("SHAKEDOWN_RUN").expect("we are in a namespace of a run");
    for pid in last {
        shakedown_real::namespace::end_leftover(&run, pid);
    }
}

const JOURNAL: &str = "journal/00000000000000000000.journal";
const DETACHED: &str = "SHAKEDOWN_TEST_DETACHED";
const SUPERVISOR: &str = "SHAKEDOWN_TEST_SUPERVISOR";
