//! What a user writes: a supervisor as an async function, a test around it, and a bug that people really ship.
//!
//! The supervisor runs a dev server that starts a helper. It stops the server politely, waits, forces, and returns when the server
//! has ended. The helper is still there (process-compose#520, bazel#11910, foreman#365: the leader's end is not the end).

use shakedown::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A server that starts a helper, and is gone at the first TERM.
const SERVER: &str = "
    spawn helper { on TERM exit 0 after 10ms..50ms; hang }
    print listening
    on TERM exit 0 after 1ms..20ms
    hang
";

/// Runs the server for a while, then stops it. Wrong: who waits for the leader alone leaves the helper behind.
async fn run_server_and_forget_the_helper(cx: TaskCx) -> Result<(), SpawnError> {
    let server = cx.process().start(ProcessSpec::puppet("server", puppet(SERVER))).await?;
    cx.sleep(Duration::from_millis(100)).await;
    server.signal(Signal::TERM);
    if cx.timeout(Duration::from_secs(3), server.wait()).await.is_err() {
        server.kill();
        server.wait().await;
    }
    Ok(())
}

/// The same, right: the whole group is asked, and the stop is over when nobody in it is alive.
async fn run_server(cx: TaskCx) -> Result<(), SpawnError> {
    let server = cx.process().start(ProcessSpec::puppet("server", puppet(SERVER))).await?;
    cx.sleep(Duration::from_millis(100)).await;
    server.signal_scope(Signal::TERM);
    if cx.timeout(Duration::from_secs(3), server.scope_empty()).await.is_err() {
        server.kill();
        server.scope_empty().await;
    }
    server.wait().await;
    Ok(())
}

fn message_of(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the test was green");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn the_bug_is_red_with_a_report_that_ends_in_the_command_to_paste() {
    let config = Config::new("users::stop_leaves_nobody_behind").seeds(1000);
    let report = message_of(|| check(config, run_server_and_forget_the_helper));
    insta::assert_snapshot!(report);
}

#[shakedown::test(seeds = 1000)]
async fn stop_leaves_nobody_behind(cx: TaskCx) -> Result<(), SpawnError> {
    run_server(cx).await
}

#[test]
fn a_panic_inside_the_simulation_is_a_failure_with_its_seed() {
    let report = message_of(|| {
        check(Config::new("users::panics").seeds(3), |cx| async move {
            cx.sleep(Duration::from_millis(1)).await;
            assert!(cx.now() < Instant::ZERO, "the config is not there");
        })
    });
    assert!(report.contains("the config is not there") && report.contains("SHAKEDOWN_SEED=0"), "{report}");
}

#[test]
fn a_deadlock_names_its_waiters() {
    let report = message_of(|| {
        check(Config::new("users::waits").seeds(1), |cx: TaskCx| async move {
            let hung = cx.process().start(ProcessSpec::puppet("db", puppet("hang"))).await.unwrap();
            hung.wait().await;
        })
    });
    assert!(report.contains("all-waits-resolve") && report.contains("waits for the exit of db"), "{report}");
}

#[test]
fn tasks_talk_through_channels_select_and_time_out() {
    check(Config::new("users::tasks").seeds(200), |cx: TaskCx| async move {
        let (tx, mut rx) = shakedown::core::sync::mpsc::bounded(1);
        let sender = cx.spawn("sender", move |cx| async move {
            for n in 0..5 {
                cx.sleep(Duration::from_millis(n)).await;
                tx.send(n).await.unwrap();
            }
        });
        let mut got = Vec::new();
        loop {
            shakedown::select!(cx;
                message = rx.recv() => match message {
                    Some(n) => got.push(n),
                    None => break,
                },
                () = cx.sleep(Duration::from_secs(1)) => panic!("five messages take ten milliseconds"),
            );
        }
        sender.await.unwrap();
        assert_eq!(got, [0, 1, 2, 3, 4]);
        assert!(cx.timeout(Duration::from_millis(5), std::future::pending::<()>()).await.is_err());
        let late = cx.spawn("late", |cx| async move { cx.sleep(Duration::from_secs(9)).await });
        late.abort();
        assert_eq!(late.await, Err(Aborted));
    });
}
