//! A loop waits for whichever comes first, the next output or the next heartbeat; the one that comes second is dropped in the middle
//! of its work, with the bytes in its hands that it has read and not yet handed on.
//! node#9633 (L09): what was read is not delivered. No test that ends before the heartbeat sees it.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::select;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::vocab::{Stream, WorkerState};

pub(super) fn case() -> Case {
    Case::new("chunk_is_lost_with_the_losing_branch", "L09", OracleName::NoLostOutput)
        .broken(|host| drop(host.spawn("run", broken)))
        .twin(|host| drop(host.spawn("run", twin)))
}

async fn begin(cx: &TaskCx) -> Process {
    let job = start(cx, "job", "repeat 2 { sleep 1ms..60ms; print line }; exit 0").await;
    tell_spawn(cx, &job);
    tell_started(cx, &job);
    job
}

/// Reads what comes next and hands it on, which takes a moment.
async fn forward(cx: &TaskCx, job: &Process) -> u64 {
    let mut chunk = Vec::new();
    job.read(Stream::Stdout, &mut chunk).await;
    if !chunk.is_empty() {
        cx.sleep(ms(1)).await;
        tell_output(cx, job, &chunk);
    }
    chunk.len() as u64
}

async fn over(cx: &TaskCx, job: &Process, delivered: u64) {
    let status = job.wait().await;
    tell_exited(cx, job, status);
    tell_end(cx, job, WorkerState::Finished, status, delivered);
}

async fn broken(cx: TaskCx) {
    let job = begin(&cx).await;
    let mut delivered = 0;
    let mut next_beat = cx.now().after(ms(50));
    loop {
        select!(cx;
            bytes = forward(&cx, &job) => match bytes {
                0 => break,
                bytes => delivered += bytes,
            },
            () = cx.sleep_until(next_beat) => next_beat = next_beat.after(ms(50)),
        );
    }
    over(&cx, &job, delivered).await;
}

async fn twin(cx: TaskCx) {
    let job = begin(&cx).await;
    let beat = cx.spawn("heartbeat", |cx| async move {
        loop {
            cx.sleep(ms(50)).await;
        }
    });
    let mut delivered = 0;
    loop {
        match forward(&cx, &job).await {
            0 => break,
            bytes => delivered += bytes,
        }
    }
    beat.abort();
    let _: Result<(), _> = beat.await;
    over(&cx, &job, delivered).await;
}
