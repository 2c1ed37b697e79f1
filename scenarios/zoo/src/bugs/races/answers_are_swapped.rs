//! Two jobs are run for two clients who share one channel for the answers; each takes the next answer for its own.
//! pitchfork#606 (L80): requests without a number on one connection, and the responses come in another order.

use crate::stage::*;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::OracleName;
use shakedown_core::sync::mpsc;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::vocab::{ExitStatus, Fact, WorkerState};
use std::sync::Arc;

pub(super) fn case() -> Case {
    Case::new("answers_are_swapped", "L80", OracleName::TruthfulOutcome)
        .broken(|host| drop(host.spawn("clients", |cx| clients(cx, false))))
        .twin(|host| drop(host.spawn("clients", |cx| clients(cx, true))))
}

/// A job's number is its code, so that one may tell. The second job has more to do, mostly.
const JOBS: [&str; 2] = ["sleep 1ms..20ms; exit 0", "repeat 2 { sleep 8ms..30ms }; exit 1"];

/// Right where an answer says whose it is.
async fn clients(cx: TaskCx, are_numbered: bool) {
    let (answers, mut answered) = mpsc::unbounded();
    let mut jobs: Vec<Process> = Vec::new();
    for (n, script) in JOBS.into_iter().enumerate() {
        let job = start(&cx, ["a", "b"][n], script).await;
        tell_of(&cx, n, &job, Fact::Spawn);
        tell_of(&cx, n, &job, Fact::Started { pid: Some(job.pid().as_raw()) });
        let (watched, answer) = (job.clone(), answers.clone());
        drop(cx.spawn("server", move |_| async move {
            let status = watched.wait().await;
            answer.send((n, status)).await.expect("the clients wait for both");
        }));
        jobs.push(job);
    }
    for next in 0..JOBS.len() {
        let (number, status) = answered.recv().await.expect("two answers are owed");
        let client = if are_numbered { number } else { next };
        over(&cx, client, &jobs[client], status);
    }
}

fn tell_of(cx: &TaskCx, client: usize, job: &Process, fact: Fact) {
    cx.emit(Some(WorkerId(client as u32)), 1, Some(job.unit()), fact);
}

fn over(cx: &TaskCx, client: usize, job: &Process, status: ExitStatus) {
    let state = if status == ExitStatus::Exited(0) { WorkerState::Finished } else { WorkerState::Failed };
    tell_of(cx, client, job, Fact::Exited { status });
    tell_of(cx, client, job, Fact::OutputClosed);
    tell_of(cx, client, job, Fact::Ended(Arc::new(outcome(cx, state, status, 0))));
}
