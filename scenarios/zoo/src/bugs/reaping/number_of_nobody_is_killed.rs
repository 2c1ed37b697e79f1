//! The number of the job is 0 until it has started; a stop that comes before kills 0, which is everybody in the supervisor's own group.
//! nezhahq/agent#123, conmon#203 (L40): a value that means "none" flows into kill(2), where it means "all".

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{Errno, Fault, FaultKind};
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("number_of_nobody_is_killed", "L40", OracleName::NoForeignSignal)
        .faults(|| vec![Fault::new(FaultKind::SpawnFails { errno: Errno::EAGAIN }, 0.2)])
        .broken(|host| drop(host.spawn("run", |cx| run(cx, 0))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, 1))))
}

/// Numbers from `least` on are taken for somebody's.
async fn run(cx: TaskCx, least: i32) {
    let pid = Rc::new(Cell::new(0));
    let known = pid.clone();
    let stop = cx.spawn("stop", move |cx| async move {
        cx.sleep(ms(5)).await;
        while known.get() < least {
            cx.sleep(ms(5)).await;
        }
        // Whoever has ended by itself is no longer there to be killed.
        let _ = cx.process().kill_by_number(known.get(), Signal::TERM);
    });
    // No number is free now and then, and the start is tried again.
    let Ok(job) = cx.process().start(spec("job", "hang")).await else { return stop.abort() };
    pid.set(job.pid().as_raw());
    stop.await.expect("nobody aborts the stop");
    job.kill();
    job.wait().await;
}
