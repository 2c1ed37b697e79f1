//! One task tells the start once it is written down, another the exit as soon as it is seen; a short life ends before it has begun.
//! containerd#7111 (L81): the exit event comes before the start event and the container is shown as up for ever.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::time::DurationRange;
use shakedown_core::vocab::WorkerState;

pub(super) fn case() -> Case {
    Case::new("exit_overtakes_the_start", "L81", OracleName::EventOrder)
        .broken(|host| drop(host.spawn("run", broken)))
        .twin(|host| drop(host.spawn("run", twin)))
}

const JOB: &str = "sleep 2ms..60ms; exit 0";

/// How long it takes to write down that something has started.
const WRITING: DurationRange = DurationRange { min: ms(1), max: ms(5), grid: ms(1) };

async fn broken(cx: TaskCx) {
    let job = start(&cx, "job", JOB).await;
    tell_spawn(&cx, &job);
    let watched = job.clone();
    let watcher = cx.spawn("watcher", |cx| async move {
        let status = watched.wait().await;
        tell_exited(&cx, &watched, status);
        status
    });
    cx.sleep(cx.draw(WRITING)).await;
    tell_started(&cx, &job);
    let status = watcher.await.expect("nobody aborts the watcher");
    tell_end(&cx, &job, WorkerState::Finished, status, 0);
}

async fn twin(cx: TaskCx) {
    let job = start(&cx, "job", JOB).await;
    tell_spawn(&cx, &job);
    tell_started(&cx, &job);
    cx.sleep(cx.draw(WRITING)).await;
    let status = job.wait().await;
    tell_exited(&cx, &job, status);
    tell_end(&cx, &job, WorkerState::Finished, status, 0);
}
