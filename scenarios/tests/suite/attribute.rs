//! `#[shakedown::test]`: what its arguments change.

use shakedown::core::oracle::Names;
use shakedown::oracle::Oracle;
use shakedown::prelude::*;
use shakedown::process::Command;
use shakedown::sim::Moment;
use std::collections::BTreeSet;
use std::io;

/// What runs have shown, over all seeds of one test: each test has a thread of its own.
mod seen {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    thread_local! {
        static SEEN: RefCell<BTreeSet<u64>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub fn note(what: u64) {
        SEEN.with_borrow_mut(|seen| seen.insert(what));
    }

    pub fn take() -> BTreeSet<u64> {
        SEEN.take()
    }
}

const SCRIPT: &str = "on TERM exit 0 after 1ms..90ms; hang";

/// Stops a server, and notes how many milliseconds that took.
async fn stop(cx: &TaskCx) -> io::Result<()> {
    let mut server = Command::new(cx, "server").spawn().await?;
    cx.sleep(Duration::from_millis(5)).await;
    server.signal(Signal::TERM)?;
    server.wait().await?;
    seen::note(cx.now().as_nanos() / 1_000_000);
    Ok(())
}

/// Plays `test` as the attribute would have made it, and tells what its runs have shown.
fn shown(test: impl FnOnce()) -> BTreeSet<u64> {
    seen::take();
    test();
    seen::take()
}

mod made {
    use super::*;

    #[shakedown::test(seeds = 3 + 4, program("server", SCRIPT))]
    pub async fn seeds(cx: TaskCx) -> io::Result<()> {
        stop(&cx).await
    }

    #[shakedown::test(seeds = 40, strategy = "weather", program("server", SCRIPT))]
    pub async fn strategy(cx: TaskCx) -> io::Result<()> {
        stop(&cx).await
    }

    #[shakedown::test(
        seeds = 60,
        program("server", SCRIPT),
        fault(Fault::new(FaultKind::SpawnFails { errno: Errno::ENOMEM }, 0.5).on("server"))
    )]
    pub(super) async fn fault(cx: TaskCx) {
        match stop(&cx).await {
            Ok(()) => {}
            Err(error) => seen::note(error.raw_os_error().unwrap_or(0) as u64 + 1_000),
        }
    }

    #[shakedown::test(scenario = "tests/suite/attribute/scenario.txt")]
    pub async fn scenario(cx: TaskCx) -> io::Result<()> {
        match stop(&cx).await {
            Err(error) if error.raw_os_error() == Some(11) => seen::note(1_011),
            other => other?,
        }
        Command::new(&cx, "/usr/lib/helper").status().await?;
        Ok(())
    }

    #[shakedown::test(seeds = 5, time = "50ms", steps = 10_000, keep = false)]
    #[should_panic(expected = "the limit of virtual time has passed")]
    async fn time(cx: TaskCx) {
        cx.sleep(Duration::from_millis(51)).await;
    }

    #[shakedown::test(steps = 500, keep = false)]
    #[should_panic(expected = "the limit of steps is reached")]
    async fn steps(cx: TaskCx) {
        loop {
            cx.yield_now().await;
        }
    }

    #[shakedown::test(oracle("nobody-starts", || NobodyStarts), program("server", SCRIPT), keep = false)]
    #[should_panic(expected = "nobody-starts")]
    async fn oracle(cx: TaskCx) -> io::Result<()> {
        stop(&cx).await
    }
}

struct NobodyStarts;

impl Oracle for NobodyStarts {
    fn see(&mut self, moment: &Moment, _: &dyn Names) -> Result<(), String> {
        match moment {
            Moment::Process(event) => Err(format!("{} started", event.name)),
            Moment::Fact(_) => Ok(()),
        }
    }
}

#[test]
fn values_are_expressions() {
    let seven = shown(made::seeds);
    assert!((2..=7).contains(&seven.len()), "seven seeds, a few durations: {seven:?}");
}

#[test]
fn a_strategy_is_named_and_faults_programs_and_files_are_taken() {
    // Most seeds of this strategy draw no spread of durations, or all of it.
    assert_ne!(
        shown(made::strategy),
        shown(|| check(Config::new("x").seeds(40).program("server", SCRIPT), |cx| async move { stop(&cx).await }))
    );
    assert!(shown(made::fault).contains(&1_012), "ENOMEM in half of sixty starts");
    assert!(shown(made::scenario).contains(&1_011), "the file says EAGAIN, which is tried again six times");
}

#[test]
#[should_panic(expected = "unknown key `grce`")]
fn a_scenario_with_mistakes_tells_them() {
    let _ = Config::new("x").scenario("tests/suite/attribute/mistakes.txt");
}

#[test]
fn a_scenario_may_name_the_oracles_that_stand_before_it() {
    let _ = Config::new("x").oracle("nobody-starts", || NobodyStarts).scenario("tests/suite/attribute/judged.txt");
}

#[test]
#[should_panic(expected = "no Rust oracle `nobody-starts` is registered")]
fn an_oracle_that_stands_behind_the_scenario_comes_too_late() {
    let _ = Config::new("x").scenario("tests/suite/attribute/judged.txt").oracle("nobody-starts", || NobodyStarts);
}

#[test]
#[should_panic(expected = "there is no strategy `pst`")]
fn a_strategy_that_does_not_exist_is_told() {
    let _ = shakedown::strategy("pst");
}
