//! Whatever asks the real machine inside a simulation is found out: each way a test may do so by mistake, and what it is told.

use shakedown::prelude::*;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;

/// What a test that fails says.
fn told(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the test is found out");
    panic.downcast_ref::<String>().expect("it says why").clone()
}

fn config(name: &str) -> Config {
    Config::new(&format!("escapes::{name}")).seeds(4)
}

#[track_caller]
fn check_told(told: &str, words: &[&str]) {
    let in_a_line = told.split_whitespace().collect::<Vec<_>>().join(" ");
    words.iter().for_each(|word| assert!(in_a_line.contains(word), "{told}"));
}

#[test]
fn a_real_clock() {
    let told = told(|| {
        check(config("clock"), |cx: TaskCx| async move {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
            cx.sleep(Duration::from_nanos(u64::from(now.subsec_nanos()))).await;
        })
    });
    check_told(
        &told,
        &["is not deterministic: seed 0 took two ways: step 2 is `main` at", "a real clock (Instant::now"],
    );
}

#[test]
fn how_long_something_took_on_the_real_machine() {
    let told = told(|| {
        check(config("elapsed"), |cx: TaskCx| async move {
            let began = std::time::Instant::now();
            cx.yield_now().await;
            cx.sleep(Duration::from_secs(1) + began.elapsed()).await;
        })
    });
    check_told(&told, &["is not deterministic", "after both have run `main` at 0.000", "a real clock (Instant::now"]);
}

#[test]
fn the_order_of_a_hash_map() {
    let told = told(|| {
        check(config("map").seeds(1000), |cx: TaskCx| async move {
            let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
            let map: HashMap<&'static str, u8> = names.into_iter().map(|name| (name, 0)).collect();
            let tasks: Vec<_> =
                map.keys().map(|name| cx.spawn(name, |cx| async move { cx.yield_now().await })).collect();
            for task in tasks {
                task.await.expect("nobody aborts it");
            }
        })
    });
    check_told(&told, &["is not deterministic", "the order of a hash map or a hash set (use BTreeMap)"]);
}

#[test]
fn an_ambient_generator() {
    use std::hash::{BuildHasher, RandomState};
    let told = told(|| {
        check(config("generator"), |cx: TaskCx| async move {
            let random = RandomState::new().hash_one(1);
            cx.sleep(Duration::from_nanos(random % 1_000_000)).await;
        })
    });
    check_told(&told, &["is not deterministic", "a generator of the process (RandomState, rand)"]);
}

#[test]
fn a_static_that_outlives_the_run() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let told = told(|| {
        check(config("counter"), |cx: TaskCx| async move {
            let nth = RUNS.fetch_add(1, Relaxed);
            cx.sleep(Duration::from_millis(nth)).await;
        })
    });
    check_told(&told, &["is not deterministic", "a static that outlives the run"]);
}

#[test]
fn a_real_process() {
    let told = told(|| {
        check(config("process"), |cx: TaskCx| async move {
            let child = std::process::Command::new("true").spawn().expect("a machine has true(1)");
            let pid = child.id();
            child.wait_with_output().expect("it ends");
            cx.sleep(Duration::from_millis(u64::from(pid))).await;
        })
    });
    check_told(
        &told,
        &["is not deterministic", "step 2 is `main` at", "from what a real process or thread says (Command"],
    );
}

#[test]
fn a_real_thread_that_wakes_a_task() {
    let told = told(|| {
        check(config("thread"), |_: TaskCx| async move {
            let mut was_woken = false;
            std::future::poll_fn(|cx| {
                if std::mem::replace(&mut was_woken, true) {
                    return Poll::Ready(());
                }
                let waker = cx.waker().clone();
                // Joined at once, so that it is certain to have woken us.
                std::thread::spawn(move || waker.wake()).join().expect("it does not panic");
                Poll::Pending
            })
            .await;
        })
    });
    check_told(&told, &["no-unexpected", "a task was woken from another thread, at ", "tests/suite/escapes.rs:"]);
}

/// Nothing of ours is called from that thread: what it does shows in what the task does next.
#[test]
fn a_real_thread_that_is_waited_for() {
    let told = told(|| {
        check(config("joined"), |cx: TaskCx| async move {
            let thread = std::thread::spawn(|| format!("{:?}", std::thread::current().id()));
            let name = thread.join().expect("it does not panic");
            let number: u64 = name.chars().filter(char::is_ascii_digit).collect::<String>().parse().expect("a number");
            cx.sleep(Duration::from_millis(number)).await;
        })
    });
    check_told(
        &told,
        &["is not deterministic", "step 2 is `main` at", "real process or thread says (Command, thread::spawn)"],
    );
}
