//! The verbs over a live session, raced against each other under a thousand seeds, every oracle watching.

use shakedown_core::host::Host;
use shakedown_core::ids::{ActorId, WorkerId};
use shakedown_core::puppet;
use shakedown_core::runner::{Listing, Refused, Runner, TaskSpec, Which, from_fn};
use shakedown_core::signal::Signal;
use shakedown_core::snapshot::Snapshot;
use shakedown_core::task::{ExitCode, TaskCx};
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::*;
use shakedown_sim::choose::Seeded;
use shakedown_sim::{Limits, Moment, SimWorld, Simulator, WorldConfig};
use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

const SEEDS: u64 = 1000;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn process(name: &str, script: &str) -> TaskSpec {
    let spec = ProcessSpec::puppet(name, puppet::parse(script).expect("the script is right"));
    TaskSpec::process(spec).stop(StopPolicy { grace: Grace::After(ms(3000)), ..StopPolicy::default() })
}

/// A session that waits for work, with a worker and a supervised one of its plan.
fn plan() -> Arc<SessionSpec> {
    let mut plan = SessionSpec::new("runner");
    plan.stays = true;
    let worker = |name| {
        let body = ProcessSpec::puppet(name, puppet::parse("on TERM exit 0; hang").expect("the script is right"));
        WorkerSpec::new(name, Body::Process(Arc::new(body)))
    };
    let group = SupervisorSpec { strategy: Strategy::OneForOne, children: [KEPT].into(), escalate: false };
    plan.workers =
        [worker("planned"), WorkerSpec::new("group", Body::Supervisor(Arc::new(group))), worker("kept")].into();
    Arc::new(plan)
}

const PLANNED: WorkerId = WorkerId(0);
const GROUP: WorkerId = WorkerId(1);
const KEPT: WorkerId = WorkerId(2);

/// Plays this script under every seed: a root task with a runner, that is followed by the stop of the session.
fn check<F, Fut>(script: F)
where
    F: Fn(TaskCx, Runner) -> Fut + Copy + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let config = WorldConfig { history: true, ..WorldConfig::default() };
    let mut sim: Simulator<Seeded> = Simulator::new(config, Limits::default(), Seeded::new(0));
    let plan = plan();
    for seed in 0..SEEDS {
        let mut opened = None;
        let run = sim.run(Seeded::new(seed), Some(plan.clone()), |host| opened = Some(open(host, &plan, script)));
        let world = sim.host().world().clone();
        assert!(run.is_ok(), "seed {seed}: {run:?}\n{:?}", world.borrow().history());
        let ends = |moment: &&Moment| matches!(moment, Moment::Fact(FactRecord { fact: Fact::SessionStopped, .. }));
        assert_eq!(world.borrow().history().iter().filter(ends).count(), 1, "seed {seed}");
        let (session, runner) = opened.expect("the session was opened");
        agrees(&sim.host().snapshot(session), &runner.list(Which::Retained));
    }
}

/// What the tasks see is what the machines are.
fn agrees(tree: &Snapshot, listed: &[Listing]) {
    for listing in listed {
        let nodes = tree.children.iter().chain(tree.children.iter().flat_map(|node| &node.children));
        let same =
            |node: &&Snapshot| node.name == listing.name && (node.status, node.exit) == (listing.state, listing.exit);
        assert!(listing.is_over && nodes.clone().any(|node| same(&node)), "{listing:?} in {tree:#?}");
    }
}

fn open<F, Fut>(host: &mut Host<SimWorld<Seeded>>, plan: &Arc<SessionSpec>, script: F) -> (ActorId, Runner)
where
    F: Fn(TaskCx, Runner) -> Fut + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let session = host.start_session(plan, &Arc::from([]));
    let runner = host.runner(session);
    let hands = runner.clone();
    host.spawn("script", move |cx| async move {
        // The session begins with its first turn.
        cx.sleep(ms(1)).await;
        script(cx, hands.clone()).await;
        hands.stop_session();
    });
    (session, runner)
}

#[test]
fn start_stop_and_wait_may_race_and_all_waiters_see_one_outcome() {
    check(|cx, runner| async move {
        let job = runner.start(process("job", "on TERM exit 0 after 1ms..20ms; sleep 1ms..30ms; exit 3")).unwrap();
        let waiters = [(); 3].map(|()| {
            let job = job.clone();
            cx.spawn("waiter", |cx| async move {
                cx.sleep(cx.draw(DurationRange { min: ms(0), max: ms(60), grid: ms(1) })).await;
                job.wait().await.unwrap()
            })
        });
        let stopper = {
            let job = job.clone();
            cx.spawn("stopper", |cx| async move {
                cx.sleep(cx.draw(DurationRange { min: ms(0), max: ms(30), grid: ms(1) })).await;
                job.stop().unwrap();
            })
        };
        let mut seen = Vec::new();
        for waiter in waiters {
            seen.push(waiter.await.unwrap());
        }
        stopper.await.unwrap();
        assert!(seen.iter().all(|outcome| Arc::ptr_eq(outcome, &seen[0])));
        let expected: &[WorkerState] = match seen[0].status {
            ExitStatus::Exited(3) => &[WorkerState::Failed, WorkerState::Stopped],
            ExitStatus::Exited(_) | ExitStatus::Signalled { .. } => &[WorkerState::Stopped],
            ExitStatus::Unknown => &[],
        };
        assert!(expected.contains(&seen[0].state), "{:?}", seen[0]);
        assert!(job.get().is_some_and(|listing| listing.is_over && listing.state == seen[0].state));
    });
}

#[test]
fn a_second_stop_joins_the_first() {
    check(|cx, runner| async move {
        let job = runner.start(process("job", "on TERM exit 0 after 50ms; hang")).unwrap();
        cx.sleep(ms(5)).await;
        job.stop().unwrap();
        job.stop().unwrap();
        cx.sleep(ms(1)).await;
        job.stop_within(ms(5000)).unwrap();
        let outcome = job.wait().await.unwrap();
        assert_eq!((outcome.state, outcome.requested_by), (WorkerState::Stopped, Some(Requester::User)));
        // What is over stays as it is.
        job.stop().unwrap();
        job.kill().unwrap();
        cx.sleep(ms(1)).await;
        assert!(Arc::ptr_eq(&outcome, &job.wait().await.unwrap()));
    });
}

#[test]
fn a_stop_may_bring_its_own_policy_for_this_once() {
    check(|cx, runner| async move {
        let own = StopPolicy { grace: Grace::After(ms(50)), ..StopPolicy::default() };
        let job = runner.start(process("job", "on TERM ignore; on INT exit 9; print up; hang").stop(own)).unwrap();
        cx.sleep(ms(30)).await;
        let asks = StopPolicy { signal: Signal::INT, grace: Grace::After(ms(2000)), ..StopPolicy::default() };
        job.stop_with(asks.clone()).unwrap();
        let outcome = job.wait().await.unwrap();
        assert_eq!((outcome.status, outcome.state), (ExitStatus::Exited(9), WorkerState::Stopped));
        job.start_again().unwrap();
        cx.sleep(ms(30)).await;
        job.stop().unwrap();
        // The first stop counts: another signal than its own is not sent any more.
        job.stop_with(asks).unwrap();
        assert_eq!(job.wait().await.unwrap().state, WorkerState::Killed);
    });
}

#[test]
fn a_kill_in_backoff_spawns_nothing_more() {
    check(|cx, runner| async move {
        let backoff = Backoff { initial: ms(100), jitter_milli: 0, ..Backoff::default() };
        let again = RestartPolicy { when: RestartWhen::Always, backoff, ..RestartPolicy::default() };
        let job = runner.start(process("job", "exit 1").restart(again)).unwrap();
        while job.get().unwrap().state != WorkerState::Backoff {
            cx.sleep(ms(1)).await;
        }
        assert!(!job.is_running() && job.remove() == Err(Refused::Running(job.id())));
        assert_eq!(job.signal(0), Err(Refused::NotRunning(job.id())));
        let before = job.get().unwrap().incarnation;
        job.kill().unwrap();
        let outcome = job.wait().await.unwrap();
        assert_eq!((outcome.state, outcome.incarnation), (WorkerState::Stopped, before + 1));
        cx.sleep(ms(1000)).await;
        assert_eq!(job.get().unwrap().incarnation, before + 1);
    });
}

#[test]
fn signal_zero_only_asks_and_kill_and_stop_are_no_messages() {
    check(|cx, runner| async move {
        let job = runner.start(process("job", "on HUP exit 7; on USR1 ignore; print up; hang")).unwrap();
        assert_eq!(job.signal(0), Err(Refused::NotRunning(job.id())));
        cx.sleep(ms(50)).await;
        assert!(job.is_running());
        let id = job.id();
        assert_eq!(job.signal(Signal::KILL.number()), Err(Refused::NoMessage(Signal::KILL)));
        assert_eq!(job.signal(Signal::STOP.number()), Err(Refused::NoMessage(Signal::STOP)));
        assert_eq!([job.signal(65), job.signal(-1)], [Err(Refused::NoSignal(65)), Err(Refused::NoSignal(-1))]);
        assert_eq!([job.signal(0), job.signal(Signal::USR1.number())], [Ok(()), Ok(())]);
        cx.sleep(ms(50)).await;
        assert!(job.is_running());
        job.signal(Signal::HUP.number()).unwrap();
        let outcome = job.wait().await.unwrap();
        assert_eq!((outcome.status, outcome.state), (ExitStatus::Exited(7), WorkerState::Failed));
        assert_eq!([job.signal(0), job.signal(1)], [Err(Refused::NotRunning(id)); 2]);
    });
}

#[test]
fn what_runs_is_not_removed_and_what_was_removed_is_unknown() {
    check(|cx, runner| async move {
        let job = runner.start(process("job", "hang")).unwrap();
        let id = job.id();
        assert_eq!(job.remove(), Err(Refused::Running(id)));
        cx.sleep(ms(5)).await;
        assert_eq!((job.remove(), runner.clear()), (Err(Refused::Running(id)), 0));
        job.kill().unwrap();
        job.wait().await.unwrap();
        // A start that is on its way counts as running.
        job.start_again().unwrap();
        assert_eq!(job.remove(), Err(Refused::Running(id)));
        job.kill().unwrap();
        assert_eq!(job.wait().await.unwrap().incarnation, 2);
        assert_eq!(runner.list(Which::Running).iter().map(|l| l.id).collect::<Vec<_>>(), [PLANNED, GROUP, KEPT]);
        assert_eq!(runner.list(Which::Retained).len(), 4);
        assert_eq!(runner.remove(PLANNED), Err(Refused::Planned(PLANNED)));
        job.remove().unwrap();
        assert_eq!(job.get(), None);
        assert_eq!(job.wait().await.unwrap_err(), Refused::Unknown(id));
        assert_eq!([job.stop(), job.kill(), job.restart(), job.remove()], [Err(Refused::Unknown(id)); 4]);
        let other = runner.start(process("job", "exit 0")).unwrap();
        assert_ne!(other.id(), id);
        other.wait().await.unwrap();
        assert_eq!((runner.clear(), runner.list(Which::Retained).len()), (1, 3));
    });
}

#[test]
fn restarts_are_one_at_a_time_and_a_stop_meanwhile_wins() {
    check(|cx, runner| async move {
        let job = runner.start(process("job", "on TERM exit 0 after 10ms; hang")).unwrap();
        cx.sleep(ms(30)).await;
        job.restart().unwrap();
        job.restart().unwrap();
        let waiter = {
            let job = job.clone();
            cx.spawn("waiter", |_| async move { job.wait().await.unwrap() })
        };
        cx.sleep(ms(5)).await;
        job.restart().unwrap();
        cx.sleep(ms(200)).await;
        // Who waits is not told of an end that is followed by a start.
        assert!(job.is_running() && job.get().unwrap().incarnation == 2 && !waiter.is_over());
        job.restart().unwrap();
        job.stop().unwrap();
        assert_eq!(waiter.await.unwrap().incarnation, 2);
        cx.sleep(ms(200)).await;
        assert!(job.get().unwrap().is_over);
    });
}

#[test]
fn who_waited_sees_the_end_he_waited_for_even_if_it_is_started_anew_in_the_same_instant() {
    check(|cx, runner| async move {
        let job = runner.start(process("job", "sleep 5ms; exit 0")).unwrap();
        let ends = Rc::new(Cell::new(0));
        let waiters = [(); 2].map(|()| {
            let (job, ends) = (job.clone(), ends.clone());
            cx.spawn("waiter", |_| async move {
                let outcome = job.wait().await.unwrap();
                ends.set(ends.get() + 1);
                let _ = job.start_again();
                outcome
            })
        });
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap().incarnation, 1);
        }
        assert_eq!(ends.get(), 2);
        job.wait().await.unwrap();
    });
}

#[test]
fn a_task_reads_what_it_is_given_and_nothing_is_set_while_it_runs() {
    check(|cx, runner| async move {
        let seen = Rc::new(Cell::new(None));
        let out = seen.clone();
        let spec = TaskSpec::function("job", move |cx, _| {
            out.set(Some((cx.env("A"), cx.env("B"), cx.env(Launch::RESUME_ID), cx.env(Launch::PREV_EXIT), cx.dir())));
            async move {
                cx.sleep(ms(10)).await;
                ExitCode(3)
            }
        });
        let job = runner.add(spec.env("A", "1").dir("/srv")).unwrap();
        job.set_env("B", "2").unwrap();
        job.start_again().unwrap();
        assert_eq!(job.set_env("B", "3"), Err(Refused::Running(job.id())));
        job.wait().await.unwrap();
        let (a, b, resume, previous, dir) = seen.take().unwrap();
        assert_eq!([a, b, previous, dir], [Some("1".into()), Some("2".into()), None, Some("/srv".into())]);
        job.set_env("A", "4").unwrap();
        job.start_again().unwrap();
        job.wait().await.unwrap();
        let (a, _, again, previous, _) = seen.take().unwrap();
        assert_eq!([a, previous], [Some("4".into()), Some("3".into())]);
        assert!(resume.is_some() && resume == again && cx.env("A").is_none());
    });
}

#[test]
fn a_function_that_fails_says_why_and_input_reaches_it() {
    check(|cx, runner| async move {
        let failing = runner.start(from_fn("failing", |_| async move { Err::<(), _>("no port") })).unwrap();
        let outcome = failing.wait().await.unwrap();
        assert_eq!((outcome.status, outcome.output.delivered), (ExitStatus::Exited(1), 8));
        let counting = TaskSpec::function("counting", |_, mut stdio| async move {
            let mut bytes = Vec::new();
            while stdio.stdin.read(&mut bytes, 16).await > 0 {}
            ExitCode(bytes.len() as u8)
        });
        let counting = runner.start(counting).unwrap();
        assert_eq!(counting.send_input(b"early"), Err(Refused::NotRunning(counting.id())));
        while !counting.is_running() {
            cx.sleep(ms(1)).await;
        }
        counting.send_input(b"one").unwrap();
        counting.send_input(b"four").unwrap();
        cx.sleep(ms(1)).await;
        counting.close_input().unwrap();
        assert_eq!(counting.wait().await.unwrap().status, ExitStatus::Exited(7));
    });
}

#[test]
fn a_session_that_stops_takes_its_newcomers_along_and_starts_nobody() {
    check(|cx, runner| async move {
        let job = runner.start(process("job", "on TERM exit 0 after 20ms; hang")).unwrap();
        let idle = runner.add(process("idle", "exit 0")).unwrap();
        let in_vain = {
            let idle = idle.clone();
            cx.spawn("in vain", |_| async move { idle.wait().await })
        };
        cx.sleep(ms(5)).await;
        runner.stop_session();
        cx.sleep(ms(1)).await;
        assert_eq!(runner.start(process("late", "exit 0")).err(), Some(Refused::Stopping));
        assert_eq!([idle.start_again(), job.restart()], [Err(Refused::Stopping); 2]);
        let outcome = job.wait().await.unwrap();
        assert_eq!((outcome.state, outcome.requested_by), (WorkerState::Stopped, Some(Requester::Parent)));
        assert_eq!(in_vain.await.unwrap().unwrap_err(), Refused::Stopping);
        assert_eq!(idle.wait().await.unwrap_err(), Refused::Stopping);
    });
}

#[test]
fn workers_of_the_plan_are_in_the_same_hands_also_below_a_supervisor() {
    check(|cx, runner| async move {
        cx.sleep(ms(20)).await;
        let [planned, kept] = [PLANNED, KEPT].map(|id| runner.handle(id).unwrap());
        assert!(planned.is_running() && kept.is_running() && !runner.is_running(GROUP));
        kept.restart().unwrap();
        cx.sleep(ms(50)).await;
        assert_eq!(kept.get().unwrap().incarnation, 2);
        kept.stop().unwrap();
        assert_eq!(kept.wait().await.unwrap().state, WorkerState::Stopped);
        // Its last child is over, and so is the group.
        assert_eq!(runner.wait(GROUP).await.unwrap().state, WorkerState::Finished);
        assert_eq!(runner.set_env(GROUP, "A", "1"), Err(Refused::NoEnvironment(GROUP)));
        planned.kill().unwrap();
        assert_eq!(planned.wait().await.unwrap().state, WorkerState::Killed);
    });
}

#[test]
fn without_a_runner_a_task_has_none() {
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    let run = sim.run(Seeded::new(0), None, |host| {
        host.spawn("script", |cx| async move { assert!(cx.runner().is_none()) });
    });
    assert!(run.is_ok(), "{run:?}");
}
