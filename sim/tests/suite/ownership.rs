//! Who answers for a process: the task that started it, until it detaches it, and the host for what nobody waited for.

use shakedown_core::oracle::OracleName;
use shakedown_core::puppet;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::time::Duration;
use shakedown_core::vocab::{ExitStatus, ProcessSpec, Stream, Truth};
use shakedown_sim::choose::Seeded;
use shakedown_sim::{Ending, Limits, Run, Simulator, WorldConfig};
use std::future::Future;

fn spec(script: &str) -> ProcessSpec {
    ProcessSpec::puppet("api", puppet::parse(script).expect("the script is right"))
}

fn sweep<F: Future<Output = ()> + 'static>(test: impl Fn(TaskCx) -> F, mut look: impl FnMut(u64, &Run, u32)) {
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    for seed in 0..500 {
        let run = sim.run(Seeded::new(seed), None, |host| {
            host.spawn("main", &test);
        });
        let living = sim.host().world().borrow().kernel().living_in_all();
        look(seed, &run, living);
    }
}

#[test]
fn a_late_spawn_that_nobody_waits_for_is_still_killed() {
    sweep(
        |cx| async move {
            let late = cx.timeout(Duration::ZERO, cx.process().start(spec("on TERM ignore; hang"))).await;
            assert!(late.is_err(), "a spawn takes at least a turn");
            cx.sleep(Duration::from_millis(1)).await;
        },
        |seed, run, living| assert!(run.is_ok() && living == 0, "seed {seed}: {run:#?}, {living} alive"),
    );
}

#[test]
fn a_process_that_outlives_its_task_is_reported_and_not_silently_rescued() {
    sweep(
        |cx| async move {
            cx.process().start(spec("hang")).await.expect("it starts");
        },
        |seed, run, living| {
            assert_eq!(run.violations.first().map(|v| v.oracle), Some(OracleName::NoOrphan), "seed {seed}: {run:#?}");
            assert_eq!(living, 0, "and it is cleaned up");
        },
    );
}

#[test]
fn a_detached_process_may_outlive_its_task() {
    sweep(
        |cx| async move {
            cx.process().start(spec("sleep 5s; exit 0")).await.expect("it starts").detach();
        },
        |seed, run, _| assert!(run.is_ok(), "seed {seed}: {run:#?}"),
    );
}

#[test]
fn any_number_of_waiters_get_the_same_status_also_after_the_fact() {
    sweep(
        |cx| async move {
            let api = cx.process().start(spec("sleep 1ms..9ms; exit 5")).await.expect("it starts");
            let waiters = [(); 3].map(|()| {
                let api = api.clone();
                cx.spawn("waiter", |_| async move { api.wait().await })
            });
            for waiter in waiters {
                assert_eq!(waiter.await, Ok(ExitStatus::Exited(5)));
            }
            assert_eq!(api.wait().await, ExitStatus::Exited(5));
        },
        |seed, run, _| assert!(run.is_ok(), "seed {seed}: {run:#?}"),
    );
}

#[test]
fn a_read_that_was_dropped_loses_no_byte() {
    sweep(
        |cx| async move {
            let api = cx.process().start(spec("repeat 5 { sleep 1ms..4ms; print tick }")).await.expect("it starts");
            let mut got = Vec::new();
            // Each read may be given up at any moment, also just when the bytes have come.
            while cx.timeout(Duration::from_millis(2), api.read(Stream::Stdout, &mut got)).await != Ok(0) {}
            assert_eq!(got, b"tick\n".repeat(5));
            api.wait().await;
        },
        |seed, run, _| assert!(run.is_ok(), "seed {seed}: {run:#?}"),
    );
}

#[test]
fn a_task_that_its_root_has_forgotten_is_found() {
    let ticker = |cx: TaskCx| async move {
        cx.spawn("ticker", |cx| async move {
            loop {
                cx.sleep(Duration::from_secs(1)).await;
            }
        });
        cx.sleep(Duration::from_millis(5)).await;
    };
    sweep(ticker, |seed, run, _| {
        assert_eq!(run.ending, Ending::Done, "seed {seed}: nobody waits for it");
        let found: Vec<_> = run.violations.iter().map(|v| (v.oracle, v.subject.as_str())).collect();
        assert_eq!(found.first(), Some(&(OracleName::QuiescentEnd, "ticker")), "seed {seed}: {run:#?}");
    });
}

#[test]
fn a_task_that_asks_without_ever_waiting_is_a_panic_that_says_so() {
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    let run = sim.run(Seeded::new(0), None, |host| {
        host.spawn("main", |cx| async move {
            let api = cx.process().start(spec("hang")).await.expect("it starts");
            loop {
                api.signal(Signal::USR1);
            }
        });
    });
    assert!(matches!(&run.ending, Ending::Panicked(why) if why.contains("without ever waiting")), "{:?}", run.ending);
}

#[test]
fn what_was_found_before_a_panic_is_kept() {
    sweep(
        |cx| async move {
            let careless = cx.spawn("careless", |cx| async move {
                cx.process().start(spec("hang")).await.expect("it starts");
            });
            careless.await.expect("nobody aborts it");
            panic!("an assertion of the user's");
        },
        |seed, run, _| {
            assert!(matches!(run.ending, Ending::Panicked(_)), "seed {seed}: {run:#?}");
            assert_eq!(run.violations.first().map(|v| v.oracle), Some(OracleName::NoOrphan), "seed {seed}: {run:#?}");
        },
    );
}

#[test]
fn a_task_that_never_yields_to_time_is_a_livelock_and_one_that_waits_for_ever_is_stuck() {
    let mut sim: Simulator<Seeded> =
        Simulator::new(WorldConfig::default(), Limits { steps: 1_000, ..Limits::default() }, Seeded::new(0));
    let spinning = sim.run(Seeded::new(0), None, |host| {
        host.spawn("spinner", |cx| async move {
            loop {
                cx.yield_now().await;
            }
        });
    });
    assert_eq!(spinning.ending, Ending::Livelock);
    let stuck = sim.run(Seeded::new(0), None, |host| {
        host.spawn("main", |cx| async move {
            let api = cx.process().start(spec("on TERM ignore; hang")).await.expect("it starts");
            api.signal(Signal::TERM);
            api.wait().await;
        });
    });
    assert_eq!(stuck.ending, Ending::Stuck);
    assert!(stuck.waiters.iter().any(|w| w.who.contains("main")), "{:?}", stuck.waiters);
}
