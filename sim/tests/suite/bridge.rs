//! `process_task`: a task that is a process. Whoever looks at the task's streams and its end sees the process.

use shakedown_core::choose::Choose;
use shakedown_core::host::Host;
use shakedown_core::puppet;
use shakedown_core::signal::Signal;
use shakedown_core::task::process_task;
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::*;
use shakedown_sim::choose::Seeded;
use shakedown_sim::{Limits, Moment, Run, SimWorld, Simulator, WorldConfig};
use std::rc::Rc;
use std::sync::Arc;

fn plan(body: Body) -> Arc<SessionSpec> {
    let mut plan = SessionSpec::new("bridge");
    let stop = StopPolicy { grace: Grace::After(Duration::from_secs(3)), ..StopPolicy::default() };
    plan.workers.push(WorkerSpec { stop, ..WorkerSpec::new("api", body) });
    Arc::new(plan)
}

/// Puts `process_task` of this script onto the host as the worker's function.
fn bridge<C: Choose + 'static>(host: &mut Host<SimWorld<C>>, script: &str, grace: Duration) -> u32 {
    let spec = ProcessSpec::puppet("inner", puppet::parse(script).expect("the script is right"));
    let policy = StopPolicy { grace: Grace::After(grace), ..StopPolicy::default() };
    host.register(Rc::new(move |cx, stdio| {
        let task = process_task(spec.clone(), policy.clone());
        Box::pin(async move { ExitStatus::Exited(task(cx, stdio).await.0) })
    }))
}

fn play(script: &str, stop_at: Option<u64>, seed: u64) -> (Run, Vec<FactRecord>) {
    let config = WorldConfig { history: true, ..WorldConfig::default() };
    let mut sim: Simulator<Seeded> = Simulator::new(config, Limits::default(), Seeded::new(0));
    let at = |ms| DurationRange::fixed(Duration::from_millis(ms));
    let stimuli: Arc<[Stimulus]> =
        stop_at.map(|ms| Stimulus { at: at(ms), when: None, act: Act::Stop, on: None }).into_iter().collect();
    let plan = plan(Body::Function(0));
    let run = sim.run(Seeded::new(seed), Some(plan.clone()), |host| {
        assert_eq!(bridge(host, script, Duration::from_secs(1)), 0);
        host.start_session(&plan, &stimuli);
    });
    let moments = sim.host().world().borrow().history().to_vec();
    let facts = moments.iter().filter_map(|moment| match moment {
        Moment::Fact(fact) => Some(fact.clone()),
        Moment::Process(_) => None,
    });
    (run, facts.collect())
}

fn lines(facts: &[FactRecord]) -> Vec<String> {
    facts
        .iter()
        .filter_map(|record| match &record.fact {
            Fact::Output { stream, line, .. } => Some(format!("{}: {}", stream.word(), String::from_utf8_lossy(line))),
            _ => None,
        })
        .collect()
}

fn end(facts: &[FactRecord]) -> Arc<Outcome> {
    let ended = facts.iter().find_map(|record| match &record.fact {
        Fact::Ended(outcome) => Some(outcome.clone()),
        _ => None,
    });
    ended.expect("the worker has ended")
}

#[test]
fn streams_and_code_pass_through_the_bridge() {
    for seed in 0..300 {
        let (run, facts) = play("print one; eprint two; write 70000; exit 7", None, seed);
        assert!(run.is_ok(), "seed {seed}: {run:#?}");
        let lines = lines(&facts);
        assert!(lines.contains(&"stdout: one".into()) && lines.contains(&"stderr: two".into()), "{lines:?}");
        assert_eq!((end(&facts).status, end(&facts).output.delivered), (ExitStatus::Exited(7), 70_008));
    }
}

#[test]
fn cancelling_the_task_stops_the_process_by_its_policy() {
    for seed in 0..300 {
        let (run, facts) = play("on TERM { print bye; exit 3 }; hang", Some(50), seed);
        assert!(run.is_ok(), "seed {seed}: {run:#?}");
        assert_eq!((end(&facts).state, end(&facts).status), (WorkerState::Stopped, ExitStatus::Exited(3)));
        assert_eq!(lines(&facts), ["stdout: bye"]);
    }
}

#[test]
fn a_stubborn_process_behind_the_bridge_is_killed_and_nobody_is_left() {
    for seed in 0..300 {
        let (run, facts) = play("on TERM ignore; spawn helper { on TERM ignore; hang }; hang", Some(50), seed);
        assert!(run.is_ok(), "seed {seed}: {run:#?}");
        let code = 128 + Signal::KILL.number() as u8;
        assert_eq!(end(&facts).status, ExitStatus::Exited(code), "as a shell tells of KILL");
    }
}

#[test]
fn a_program_that_does_not_start_is_125_with_a_line_that_says_why() {
    let config = WorldConfig { history: true, ..WorldConfig::default() };
    let mut sim: Simulator<Seeded> = Simulator::new(config, Limits::default(), Seeded::new(0));
    let plan = plan(Body::Function(0));
    let run = sim.run(Seeded::new(1), Some(plan.clone()), |host| {
        host.register(Rc::new(|cx, stdio| {
            let absent = ProcessSpec::command("absent", &["/no/such/program"], None);
            let task = process_task(absent, StopPolicy::default());
            Box::pin(async move { ExitStatus::Exited(task(cx, stdio).await.0) })
        }));
        host.start_session(&plan, &Arc::from([]));
    });
    assert!(run.is_ok(), "{run:#?}");
    let world = sim.host().world().clone();
    let told = format!("{:?}", world.borrow().history());
    assert!(told.contains("Exited(125)"), "{told}");
}

#[test]
fn who_outlives_its_leader_behind_the_bridge_is_asked_before_it_is_forced() {
    for seed in 0..300 {
        let script = "spawn helper { on TERM { print bye; exit 0 }; hang }; sleep 20ms; exit 4";
        let (run, facts) = play(script, None, seed);
        assert!(run.is_ok(), "seed {seed}: {run:#?}");
        assert_eq!((end(&facts).status, lines(&facts)), (ExitStatus::Exited(4), vec!["stdout: bye".to_string()]));
        let took = end(&facts).ended_at.since(end(&facts).spawned_at);
        assert!(took < Duration::from_millis(500), "seed {seed}: the grace was waited out, {took:?}");
    }
}

#[test]
fn both_outputs_of_the_bridge_share_one_drain() {
    for seed in 0..50 {
        // The escapee holds both pipes and is out of the group's reach: it is an orphan, and is told as one.
        let (run, facts) = play("spawn escapee { setsid; print up; hang }; sleep 20ms; exit 0", None, seed);
        assert!(run.violations.iter().any(|v| v.subject == "inner/escapee"), "seed {seed}: {run:#?}");
        let took = end(&facts).ended_at.since(end(&facts).spawned_at);
        assert!(took < Duration::from_millis(900), "seed {seed}: two drains in a row, {took:?}");
    }
}
