//! Bazel's process-wrapper, as its options and its bug reports describe it: each action is the leader of a session of its own; when it has
//! ended its status is collected and its statistics are written; then the rest of its group gets KILL, by the number of the leader.
//!
//! bazel#11910 (L27, open since 2020): the leader is reaped by then, and its number may be another's. Actions run beside each other here as
//! they do in a build, on a machine that has given out most of its numbers. The twin kills before it reaps, while the zombie holds the number.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::time::DurationRange;
use shakedown_core::vocab::{ExitStatus, Scope};
use shakedown_sim::WorldConfig;
use shakedown_sim::kernel::KernelConfig;

pub(super) fn case() -> Case {
    let kernel = KernelConfig { pid_max: KernelConfig::PID_MAX_MIN, ..KernelConfig::default() };
    Case::new("bazel_kills_the_group_after_its_leader", "L27", OracleName::NoForeignSignal)
        .config(WorldConfig { kernel, ..WorldConfig::default() })
        .broken(|host| drop(host.spawn("bazel", |cx| build(cx, Kills::AfterTheWait))))
        .twin(|host| drop(host.spawn("bazel", |cx| build(cx, Kills::BeforeTheWait))))
}

#[derive(Clone, Copy)]
enum Kills {
    AfterTheWait,
    BeforeTheWait,
}

/// A compiler that leaves nobody behind, as most of them.
const ACTION: &str = "sleep 5ms..60ms; exit 0";

/// How long it takes to write the statistics (`--stats`).
const WRITING: DurationRange = DurationRange { min: ms(1), max: ms(8), grid: ms(1) };

/// Two actions at a time (`--jobs=2`), and a few in a row.
async fn build(cx: TaskCx, kills: Kills) {
    let jobs = ["first", "second"].map(|name| {
        cx.spawn(name, move |cx| async move {
            for _ in 0..8 {
                wrap(&cx, kills).await;
            }
        })
    });
    for job in jobs {
        job.await.expect("nobody aborts a job");
    }
}

/// One process-wrapper, from its start to its exit. Its action may fail for another's sake.
async fn wrap(cx: &TaskCx, kills: Kills) -> ExitStatus {
    let child = start_in(cx, "action", ACTION, Scope::PosixSession).await;
    let child_pid = child.pid().as_raw();
    match kills {
        Kills::AfterTheWait => {
            let status = child.wait().await;
            cx.sleep(cx.draw(WRITING)).await;
            // The child is done for, but it may have grandchildren. That there are none is no error.
            let _ = cx.process().kill_by_number(-child_pid, Signal::KILL);
            status
        }
        Kills::BeforeTheWait => {
            child.exited().await;
            child.kill();
            child.scope_empty().await;
            let status = child.wait().await;
            cx.sleep(cx.draw(WRITING)).await;
            status
        }
    }
}
