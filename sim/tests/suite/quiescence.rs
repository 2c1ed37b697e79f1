//! Time and rest, as Go's synctest promises them: time passes only when nobody can do anything, and who waits can be asked why.

use shakedown_core::choose::Calm;
use shakedown_core::host::Waiter;
use shakedown_core::puppet;
use shakedown_core::sync::mpsc;
use shakedown_core::task::TaskCx;
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::ProcessSpec;
use shakedown_sim::choose::Seeded;
use shakedown_sim::{Ending, Limits, Run, Simulator, WorldConfig};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;

const DAY: Duration = Duration::from_secs(86_400);

/// Plays one task in a calm run of at most a few days.
fn play<F, Fut>(task: F) -> Run
where
    F: FnOnce(TaskCx) -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    let limits = Limits { time: DAY * 7, ..Limits::default() };
    let mut simulator: Simulator<Calm> = Simulator::new(WorldConfig::default(), limits, Calm);
    simulator.run(Calm, None, |host| drop(host.spawn("main", task)))
}

fn hanging(name: &str) -> ProcessSpec {
    ProcessSpec::puppet(name, puppet::parse("hang").unwrap())
}

fn texts(waiters: &[Waiter]) -> Vec<String> {
    waiters.iter().map(ToString::to_string).collect()
}

#[test]
fn a_day_of_sleep_takes_a_handful_of_steps() {
    let run = play(|cx| async move {
        let server = cx.process().start(hanging("server")).await.unwrap();
        cx.sleep(DAY).await;
        server.kill();
        server.wait().await;
    });
    assert!(run.is_ok(), "{run:?}");
    assert_eq!(run.end, Instant::ZERO.after(DAY));
    assert!(run.steps <= 12, "{} steps", run.steps);
}

/// A chain of tasks that hand a message on, each after two turns of its own, and the last one sleeps.
async fn settles_when_the_chain_is_through(cx: TaskCx) {
    const LINKS: u32 = 5;
    let passed = Rc::new(Cell::new(0));
    let (first, mut from) = mpsc::unbounded::<()>();
    let mut last = None;
    for _ in 0..LINKS {
        let (to, next) = mpsc::unbounded();
        let (count, mut own) = (passed.clone(), std::mem::replace(&mut from, next));
        last = Some(cx.spawn("link", move |cx| async move {
            own.recv().await;
            cx.yield_now().await;
            count.set(count.get() + 1);
            cx.yield_now().await;
            let _ = to.try_send(());
            cx.sleep(Duration::from_secs(1)).await;
        }));
    }
    first.try_send(()).unwrap();
    cx.settle().await;
    assert_eq!((passed.get(), cx.now()), (LINKS, Instant::ZERO), "settle came before the chain was through");
    assert_eq!(texts(&cx.waiters()), vec!["task `link` waits for its timer at 1.000 s"; LINKS as usize]);
    drop(from);
    last.expect("there are links").await.unwrap();
}

#[test]
fn settle_returns_when_all_others_are_durably_blocked() {
    let run = play(settles_when_the_chain_is_through);
    assert!(run.is_ok(), "{run:?}");
    let mut simulator: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    for seed in 0..500 {
        let run = simulator.run(Seeded::new(seed), None, |host| {
            drop(host.spawn("main", settles_when_the_chain_is_through));
        });
        assert!(run.is_ok(), "seed {seed}: {run:?}");
    }
}

#[test]
fn settle_says_what_each_waits_for() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let heard = told.clone();
    let run = play(|cx| async move {
        let server = cx.process().start(hanging("server")).await.unwrap();
        let (tell, mut hear) = mpsc::unbounded::<()>();
        let waited = server.clone();
        let process = cx.spawn("reaper", |_| async move { waited.wait().await });
        let message = cx.spawn("reader", |_| async move { hear.recv().await });
        let timer = cx.spawn("sleeper", |cx| async move { cx.sleep(Duration::from_millis(1_500)).await });
        cx.settle().await;
        *heard.borrow_mut() = texts(&cx.waiters());
        drop(tell);
        server.kill();
        process.await.unwrap();
        message.await.unwrap();
        timer.await.unwrap();
    });
    assert!(run.is_ok(), "{run:?}");
    let expected = [
        "task `reaper` waits for the exit of server",
        "task `reader` waits for a message or a future of its own",
        "task `sleeper` waits for its timer at 1.500 s",
    ];
    assert_eq!(*told.borrow(), expected);
}

#[test]
fn a_task_may_settle_with_the_hands_of_another() {
    let run = play(|cx| async move {
        let lent = cx.clone();
        cx.spawn("borrower", |_| async move { lent.settle().await }).await.unwrap();
    });
    assert!(run.is_ok(), "{run:?}");
}

#[test]
fn in_a_calm_run_a_timer_fires_at_its_deadline_and_not_a_nanosecond_before() {
    let run = play(|cx| async move {
        let deadline = cx.now().after(Duration::from_secs(2));
        let timer = cx.spawn("timer", move |cx| async move {
            cx.sleep_until(deadline).await;
            assert_eq!(cx.now(), deadline);
        });
        cx.sleep_until(deadline.before(Duration::from_nanos(1))).await;
        cx.settle().await;
        assert!(!timer.is_over(), "fired a nanosecond early");
        cx.sleep_until(deadline).await;
        cx.settle().await;
        assert!(timer.is_over(), "not fired at its deadline");
    });
    assert!(run.is_ok(), "{run:?}");
}

#[test]
fn a_deadlock_is_stuck_and_names_its_waiters() {
    let run = play(|cx| async move {
        let (to_left, mut left) = mpsc::unbounded::<()>();
        let (to_right, mut right) = mpsc::unbounded::<()>();
        drop(cx.spawn("left", |_| async move {
            left.recv().await;
            let _ = to_right.try_send(());
        }));
        drop(cx.spawn("right", |_| async move {
            right.recv().await;
            let _ = to_left.try_send(());
        }));
        let db = cx.process().start(hanging("db")).await.unwrap();
        db.wait().await;
    });
    assert_eq!(run.ending, Ending::Stuck);
    let expected = [
        "task `main` waits for the exit of db",
        "task `left` waits for a message or a future of its own",
        "task `right` waits for a message or a future of its own",
        "process db/main (pid 3) waits for a signal, holding an output",
    ];
    assert_eq!(texts(&run.waiters), expected);
}
