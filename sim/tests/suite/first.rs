//! The simulator from end to end: tasks, processes and sessions, calm and seeded.

use shakedown_core::choose::Calm;
use shakedown_core::puppet;
use shakedown_core::signal::Signal;
use shakedown_core::time::Duration;
use shakedown_core::vocab::*;
use shakedown_sim::choose::Seeded;
use shakedown_sim::{Ending, Limits, Moment, Simulator, WorldConfig};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn a_day_of_sleep_takes_a_handful_of_steps() {
    let mut sim: Simulator<Calm> = Simulator::new(
        WorldConfig::default(),
        Limits { time: Duration::from_secs(1 << 20), ..Limits::default() },
        Calm,
    );
    let run = sim.run(Calm, None, |host| {
        host.spawn("sleeper", |cx| async move { cx.sleep(Duration::from_secs(86_400)).await });
    });
    assert_eq!((run.ending, run.end.as_nanos()), (Ending::Done, 86_400_000_000_000));
    assert!(run.steps <= 4, "{} steps", run.steps);
}

fn session(script: &str, grace: u64) -> Arc<SessionSpec> {
    let mut spec = SessionSpec::new("test");
    let body = ProcessSpec::puppet("api", puppet::parse(script).unwrap());
    spec.workers.push(WorkerSpec {
        stop: StopPolicy { grace: Grace::After(ms(grace)), ..StopPolicy::default() },
        ..WorkerSpec::new("api", Body::Process(Arc::new(body)))
    });
    Arc::new(spec)
}

#[test]
fn a_session_with_a_stubborn_process_is_stopped_by_force() {
    let plan =
        session("on TERM ignore; print ready; spawn helper { on TERM exit 0 after 10ms..50ms; hang }; hang", 3000);
    let stimuli: Arc<[Stimulus]> = Arc::from([Stimulus {
        at: shakedown_core::time::DurationRange { min: ms(0), max: ms(400), grid: ms(1) },
        when: None,
        act: Act::Stop,
        on: None,
    }]);
    let mut sim: Simulator<Seeded> =
        Simulator::new(WorldConfig { history: true, ..WorldConfig::default() }, Limits::default(), Seeded::new(0));
    let mut killed = 0;
    for seed in 0..2000 {
        let run = sim.run(Seeded::new(seed), Some(plan.clone()), |host| {
            host.start_session(&plan, &stimuli);
        });
        assert!(run.is_ok(), "seed {seed}: {run:#?} {:#?}", sim.host().world().borrow().history());
        let world = sim.host().world().clone();
        let world = world.borrow();
        if world
            .history()
            .iter()
            .any(|m| matches!(m, Moment::Fact(f) if f.fact.terminal() == Some(WorkerState::Killed)))
        {
            killed += 1;
        }
    }
    assert!(killed > 1000 && killed < 2000, "{killed} of 2000 were killed; the others got TERM before they ignored it");
}

#[test]
fn a_supervisor_that_forgets_the_helper_is_caught() {
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    let script = puppet::parse("spawn helper { hang }; hang").unwrap();
    let mut caught = 0;
    for seed in 0..100 {
        let script = script.clone();
        let run = sim.run(Seeded::new(seed), None, |host| {
            host.spawn("main", |cx| async move {
                let api = cx.process().start(ProcessSpec::puppet("api", script)).await.unwrap();
                cx.sleep(ms(10)).await;
                api.signal(Signal::TERM);
                api.wait().await;
            });
        });
        assert_eq!(run.ending, Ending::Done, "{run:?}");
        caught += u32::from(run.violations.iter().any(|v| v.subject == "api/helper"));
    }
    assert_eq!(caught, 100);
}

#[test]
fn the_same_seed_is_the_same_run_alone_and_after_others() {
    let script = puppet::parse("print a; sleep 1ms..20ms; print b; exit 3").unwrap();
    let play = |sim: &mut Simulator<Seeded>, seed| {
        let script = script.clone();
        let seen = Rc::new(Cell::new(None));
        let out = seen.clone();
        let run = sim.run(Seeded::new(seed), None, |host| {
            host.spawn("main", |cx| async move {
                let api = cx.process().start(ProcessSpec::puppet("api", script)).await.unwrap();
                out.set(Some(api.wait().await));
            });
        });
        assert!(run.is_ok(), "{run:?}");
        assert_eq!(seen.get(), Some(ExitStatus::Exited(3)));
        (run.digest, run.end, run.steps)
    };
    let new = || Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    let mut worn = new();
    (0..500).for_each(|seed| {
        play(&mut worn, seed);
    });
    for seed in 500..520 {
        assert_eq!(play(&mut worn, seed), play(&mut new(), seed));
    }
}

/// EAGAIN and ETXTBSY may pass by themselves: one start, one `spawn`, at most `TRIES_MAX` attempts, each with the fault's chance.
#[test]
fn a_start_that_may_pass_by_itself_is_tried_again_with_a_bound() {
    let tries = SpawnFailure::TRIES_MAX;
    let patient: Duration = (1..tries).map(SpawnFailure::pause).sum();
    let busy = FaultKind::ExecFails { errno: Errno::ETXTBSY };
    let again = FaultKind::SpawnFails { errno: Errno::EAGAIN };
    let missing = FaultKind::ExecFails { errno: Errno::ENOENT };
    // Kind, chance; how often it may fail, in thousandths; how long after its spawn.
    for (kind, chance, failed, after) in [
        (again, 1.0, 1000..=1000, patient),
        (busy, 1.0, 1000..=1000, patient),
        (again, 0.5, 5..=40, patient),
        (missing, 1.0, 1000..=1000, ms(0)),
    ] {
        let plan = session("exit 0", 100);
        let config = WorldConfig { history: true, ..WorldConfig::default() };
        let mut sim: Simulator<Seeded> = Simulator::new(config, Limits::default(), Seeded::new(0));
        let mut failures = 0;
        for seed in 0..1000 {
            let run = sim.run(Seeded::new(seed), Some(plan.clone()), |host| {
                host.world().borrow_mut().set_faults([Fault::new(kind, chance).on("api")].into());
                host.start_session(&plan, &Arc::from([]));
            });
            assert!(run.is_ok(), "seed {seed}: {run:#?}");
            let world = sim.host().world().borrow();
            let facts = || world.history().iter().filter_map(|m| if let Moment::Fact(f) = m { Some(f) } else { None });
            assert_eq!(facts().filter(|f| f.fact == Fact::Spawn).count(), 1, "seed {seed}");
            let ended =
                facts().find_map(|f| if let Fact::Ended(o) = &f.fact { Some(o.clone()) } else { None }).unwrap();
            if ended.start_error.is_some() {
                assert_eq!(ended.ended_at.since(ended.spawned_at), after, "seed {seed}");
                failures += 1;
            }
        }
        assert!(failed.contains(&failures), "{kind:?} {chance}: {failures} of 1000 failed");
    }
}
