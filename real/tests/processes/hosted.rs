//! Core's own host, tasks and sessions on real processes: the same code as in the simulator, driven by the clock on the wall.

use crate::cases::cases;
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::puppet::parse;
use shakedown_core::runner::{Refused, TaskSpec};
use shakedown_core::signal::Signal;
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::{
    Act, Body, ExitStatus, Fact, Grace, Inherit, ProcessSpec, Redirect, Scope, SessionSpec, Stimulus, StopPolicy,
    Stream, WorkerSpec, WorkerState,
};
use shakedown_real::host::{Driven, drive};
use shakedown_real::{Config, RealWorld};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

cases! {
    a_task_supervises_a_process,
    a_process_whose_task_is_gone_is_ended,
    a_late_spawn_is_ended_though_nobody_waits,
    a_session_starts_and_stops_its_workers,
    a_task_starts_and_stops_workers_of_a_session,
    a_child_inherits_what_its_spec_says,
    a_descriptor_that_is_no_pipe_is_at_its_end_for_us,
    a_descriptor_that_is_no_pipe_costs_us_none,
}

fn puppet(name: &str, script: &str) -> ProcessSpec {
    ProcessSpec::puppet(name, parse(script).expect("a script"))
}

fn host() -> Host<RealWorld, Actor> {
    Host::new(RealWorld::new(Config::default()).expect("a world"))
}

async fn a_task_supervises_a_process() {
    let mut host = host();
    let status = Rc::new(RefCell::new(None));
    let told = status.clone();
    host.spawn("supervisor", move |cx| async move {
        let script = "on TERM exit 3 after 5ms; print ready; hang";
        let process = cx.process().start(puppet("p", script)).await.expect("it starts");
        let mut output = Vec::new();
        process.read(Stream::Stdout, &mut output).await;
        assert_eq!(output, b"ready\n");
        process.signal_scope(Signal::TERM);
        let notice = cx.timeout(Duration::from_secs(5), process.exited()).await.expect("it ends in time");
        process.scope_empty().await;
        assert_eq!(process.wait().await, notice.status);
        *told.borrow_mut() = Some((notice.status, cx.now()));
    });
    assert_eq!(drive(&mut host).await, Driven::Done);
    let (status, at) = status.take().expect("the task has ended");
    assert_eq!(status, ExitStatus::Exited(3));
    assert!(at.as_nanos() >= 5_000_000, "5 ms are at least 5 ms: {at}");
}

async fn a_process_whose_task_is_gone_is_ended() {
    let mut host = host();
    host.spawn("careless", |cx| async move {
        let script = "spawn helper { setsid; print ready; hang }; hang";
        let process = cx.process().start(puppet("p", script).scope(Scope::Tree)).await.expect("it starts");
        process.read(Stream::Stdout, &mut Vec::new()).await;
    });
    assert_eq!(drive(&mut host).await, Driven::Done);
    let findings = host.world().borrow_mut().take_findings();
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(findings.iter().all(|f| f.contains("careless")), "{findings:?}");
}

async fn a_late_spawn_is_ended_though_nobody_waits() {
    let mut host = host();
    host.spawn("hasty", |cx| async move {
        let started = cx.timeout(Duration::ZERO, cx.process().start(puppet("p", "hang"))).await;
        assert!(started.is_err(), "no process starts within no time");
    });
    assert_eq!(drive(&mut host).await, Driven::Done);
    assert_eq!(shakedown_real::procfs::own_children(), Ok(Vec::new()));
}

async fn a_session_starts_and_stops_its_workers() {
    let mut spec = SessionSpec::new("s");
    for (name, script) in [
        ("polite", "on TERM exit 0; hang"),
        ("stubborn", "on TERM ignore; spawn helper { on TERM ignore; hang }; hang"),
        ("brief", "print done; exit 0"),
    ] {
        let stop = StopPolicy { grace: Grace::After(Duration::from_millis(100)), ..StopPolicy::default() };
        let body = Body::Process(Arc::new(puppet(name, script)));
        spec.workers.push(WorkerSpec { stop, ..WorkerSpec::new(name, body) });
    }
    let at = DurationRange::fixed(Duration::from_millis(200));
    let stimuli: Arc<[Stimulus]> = [Stimulus { at, when: None, act: Act::Stop, on: None }].into();
    let mut host = host();
    let facts = Rc::new(RefCell::new(Vec::new()));
    let history = facts.clone();
    host.world().borrow_mut().on_fact(Box::new(move |fact| history.borrow_mut().push(fact)));
    host.start_session(&Arc::new(spec), &stimuli);
    assert_eq!(drive(&mut host).await, Driven::Done);
    let facts = facts.take();
    let states: Vec<_> = facts.iter().filter_map(|f| f.fact.terminal()).collect();
    assert_eq!(states, [WorkerState::Finished, WorkerState::Stopped, WorkerState::Killed], "{facts:#?}");
    assert_eq!(facts.last().map(|f| &f.fact), Some(&Fact::SessionStopped));
    assert_eq!(host.world().borrow_mut().take_findings(), Vec::<String>::new());
}

async fn a_task_starts_and_stops_workers_of_a_session() {
    let mut spec = SessionSpec::new("s");
    spec.stays = true;
    let mut host = host();
    let facts = Rc::new(RefCell::new(Vec::new()));
    let history = facts.clone();
    host.world().borrow_mut().on_fact(Box::new(move |fact| history.borrow_mut().push(fact)));
    let session = host.start_session(&Arc::new(spec), &Arc::from([]));
    let runner = host.runner(session);
    host.spawn("script", |cx| async move {
        // Begins when the session has.
        cx.yield_now().await;
        let print = ProcessSpec::command("print", &["printenv", "GREETING", "LIFECYCLE_PREV_EXIT"], None);
        let print = runner.start(TaskSpec::process(print).env("GREETING", "hello")).expect("a start");
        // The first has no exit before it, and says so by its code.
        assert_eq!(print.wait().await.expect("an end").status, ExitStatus::Exited(1));
        print.set_env("GREETING", "again").expect("it is over");
        print.start_again().expect("a start");
        assert_eq!(print.wait().await.expect("an end").status, ExitStatus::Exited(0));

        let script = "on TERM exit 0; hang";
        let server = runner.start(TaskSpec::process(puppet("server", script))).expect("a start");
        while !server.is_running() {
            cx.sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(server.signal(0), Ok(()));
        assert_eq!(server.signal(9), Err(Refused::NoMessage(Signal::KILL)));
        server.stop().expect("it runs");
        let outcome = server.wait().await.expect("an end");
        assert_eq!(outcome.state, WorkerState::Stopped);
        assert_eq!(server.signal(0), Err(Refused::NotRunning(server.id())));
        runner.stop_session();
    });
    assert_eq!(drive(&mut host).await, Driven::Done);
    let facts = facts.take();
    let lines = facts.iter().filter_map(|record| match &record.fact {
        Fact::Output { line, .. } => Some(String::from_utf8_lossy(line).into_owned()),
        _ => None,
    });
    assert_eq!(lines.collect::<Vec<_>>(), ["hello", "again", "1"]);
    assert_eq!(facts.last().map(|f| &f.fact), Some(&Fact::SessionStopped));
    assert_eq!(host.world().borrow_mut().take_findings(), Vec::<String>::new());
}

/// What `sh` says when it is started so.
async fn said(spec: ProcessSpec) -> String {
    let mut host = host();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let told = heard.clone();
    host.spawn("asks", move |cx| async move {
        let process = cx.process().start(spec).await.expect("sh is everywhere");
        let mut output = Vec::new();
        while process.read(Stream::Stdout, &mut output).await > 0 {}
        process.wait().await;
        *told.borrow_mut() = output;
    });
    assert_eq!(drive(&mut host).await, Driven::Done);
    String::from_utf8(heard.take()).expect("text")
}

async fn a_child_inherits_what_its_spec_says() {
    let spec = |inherit| {
        let echo = "echo \"${CARGO_PKG_NAME-none}|${OWN-none}|${SHAKEDOWN_RUN:+run}\"";
        ProcessSpec { inherit, ..ProcessSpec::command("sh", &["/bin/sh", "-c", echo], None).env("OWN", "set") }
    };
    let all = std::env::var("CARGO_PKG_NAME").expect("cargo runs us");
    let but = Inherit::AllBut(["CARGO_PKG_NAME".into()].into());
    for (inherit, expected) in [
        (Inherit::All, format!("{all}|set|run\n")),
        (but, "none|set|run\n".into()),
        (Inherit::Nothing, "none|set|run\n".into()),
    ] {
        assert_eq!(said(spec(inherit.clone())).await, expected, "{inherit:?}");
    }
}

async fn a_descriptor_that_is_no_pipe_is_at_its_end_for_us() {
    let spec = |script, stdio| ProcessSpec { stdio, ..ProcessSpec::command("sh", &["/bin/sh", "-c", script], None) };
    use Redirect::{Inherited, Null, Piped};
    // What it writes to a null device nobody can read, and what it reads from it is at its end.
    assert_eq!(said(spec("echo out", [Null, Null, Null])).await, "");
    assert_eq!(said(spec("cat; echo end", [Null, Piped, Null])).await, "end\n");
    let own = std::fs::read_link("/proc/self/fd/2").expect("our own stderr");
    let told = said(spec("readlink /proc/$$/fd/2", [Null, Piped, Inherited])).await;
    assert_eq!(told.trim_end(), own.to_string_lossy());
}

async fn a_descriptor_that_is_no_pipe_costs_us_none() {
    use Redirect::{Inherited, Null, Piped};
    let mut host = host();
    let told = host.spawn("supervisor", |cx| async move {
        let descriptors = || std::fs::read_dir("/proc/self/fd").expect("/proc").count();
        let (mut costs, mut living) = (Vec::new(), Vec::new());
        for stdio in [[Piped; 3], [Null, Piped, Piped], [Null, Inherited, Null]] {
            let before = descriptors();
            let spec = ProcessSpec { stdio, ..ProcessSpec::command("sleep", &["sleep", "1000"], None) };
            living.push(cx.process().start(spec).await.expect("it starts"));
            costs.push(descriptors() - before);
        }
        for process in living {
            process.kill();
            process.wait().await;
        }
        costs
    });
    let costs = Rc::new(RefCell::new(None));
    let kept = costs.clone();
    host.spawn("asker", move |_| async move { *kept.borrow_mut() = told.await.ok() });
    assert_eq!(drive(&mut host).await, Driven::Done);
    assert_eq!(costs.take(), Some(vec![4, 3, 1]), "its pidfd, and our end of each pipe");
}
