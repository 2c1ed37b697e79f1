//! Output is read until the process has ended; what the pipe still holds then is never read.
//! node#9633 (L09): the consumer takes the exit for the end of output, and the last lines are lost.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::{Either2, Process, TaskCx, select2};
use shakedown_core::vocab::{ExitStatus, Stream, WorkerState};

pub(super) fn case() -> Case {
    Case::new("exit_is_taken_for_the_end_of_output", "L09", OracleName::NoLostOutput)
        .broken(|host| drop(host.spawn("pump", broken)))
        .twin(|host| drop(host.spawn("pump", twin)))
}

async fn begin(cx: &TaskCx) -> Process {
    let job = start(cx, "job", "print begin; sleep 1ms..20ms; print middle; sleep 0ms..2ms; print end; exit 0").await;
    tell_spawn(cx, &job);
    tell_started(cx, &job);
    job
}

/// Reads and tells what comes; returns how many bytes it was, 0 at the end.
async fn pump(cx: &TaskCx, job: &Process) -> u64 {
    let mut chunk = Vec::new();
    job.read(Stream::Stdout, &mut chunk).await;
    if !chunk.is_empty() {
        tell_output(cx, job, &chunk);
    }
    chunk.len() as u64
}

fn over(cx: &TaskCx, job: &Process, status: ExitStatus, delivered: u64) {
    tell_exited(cx, job, status);
    tell_end(cx, job, WorkerState::Finished, status, delivered);
}

async fn broken(cx: TaskCx) {
    let job = begin(&cx).await;
    let mut delivered = 0;
    loop {
        match select2(&cx, pump(&cx, &job), job.wait()).await {
            Either2::A(0) => {
                let status = job.wait().await;
                return over(&cx, &job, status, delivered);
            }
            Either2::A(bytes) => delivered += bytes,
            Either2::B(status) => return over(&cx, &job, status, delivered),
        }
    }
}

async fn twin(cx: TaskCx) {
    let job = begin(&cx).await;
    let mut delivered = 0;
    loop {
        match pump(&cx, &job).await {
            0 => break,
            bytes => delivered += bytes,
        }
    }
    let status = job.wait().await;
    over(&cx, &job, status, delivered);
}
