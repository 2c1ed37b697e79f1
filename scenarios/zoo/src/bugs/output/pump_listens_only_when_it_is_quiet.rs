//! The pump reads as long as there is something to read, and looks whether it is to stop when nothing has come for a while.
//! Supervisor PR#263 (L18): a chatty child starves the loop that serves everybody, and a command appears to hang.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::sync::notify::Notify;
use shakedown_core::task::{Either2, Process, TaskCx, select2};
use shakedown_core::vocab::{Stream, WorkerState};
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("pump_listens_only_when_it_is_quiet", "L18", OracleName::StopDeadline)
        .broken(|host| drop(host.spawn("pump", |cx| pump(cx, false))))
        .twin(|host| drop(host.spawn("pump", |cx| pump(cx, true))))
}

/// When it has something to say, it says much.
const JOB: &str = "on TERM exit 0; sleep 40ms..160ms; repeat 49 { print chat; sleep 5ms }; hang";

/// What the pump and whoever stops it know of each other.
#[derive(Clone, Default)]
struct Stop {
    is_wanted: Rc<Cell<bool>>,
    news: Notify,
}

/// Right where it is woken by the stop as well as by output.
async fn pump(cx: TaskCx, listens_always: bool) {
    let job = start(&cx, "job", JOB).await;
    tell_spawn(&cx, &job);
    tell_started(&cx, &job);
    let stop = Stop::default();
    let (asked, stopped) = (stop.clone(), job.clone());
    drop(cx.spawn("stopper", |cx| async move {
        cx.sleep(ms(100)).await;
        tell_stop(&cx, &stopped, cx.now().after(ms(250)));
        asked.is_wanted.set(true);
        asked.news.notify_one();
    }));
    let mut delivered = 0;
    loop {
        let next = cx.timeout(ms(10), read(&cx, &job));
        match listens_always {
            true => match select2(&cx, next, stop.news.notified()).await {
                Either2::A(Ok(bytes)) => delivered += bytes,
                Either2::A(Err(_)) => {}
                Either2::B(()) => break,
            },
            false => match next.await {
                Ok(bytes) => delivered += bytes,
                Err(_) if stop.is_wanted.get() => break,
                Err(_) => {}
            },
        }
    }
    signal(&cx, &job, Signal::TERM);
    delivered += drain(&cx, &job).await;
    let status = job.wait().await;
    tell_exited(&cx, &job, status);
    tell_end(&cx, &job, WorkerState::Stopped, status, delivered);
}

async fn read(cx: &TaskCx, job: &Process) -> u64 {
    let mut chunk = Vec::new();
    job.read(Stream::Stdout, &mut chunk).await;
    tell_output(cx, job, &chunk);
    chunk.len() as u64
}
