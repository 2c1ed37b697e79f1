//! A report is awaited with `expect`, since nobody ends the task that writes it; only a teardown does, when its patience is at an end.
//! risingwave#26220, flow#3225 (L90): a task that is cancelled by the end of its runtime looks like one that has panicked.

use crate::stage::*;
use shakedown_core::task::{Aborted, TaskCx};
use shakedown_core::time::DurationRange;

pub(super) fn case() -> Case {
    Case::new("teardown_is_a_panic_of_the_waiter", "L90", Caught::Panic)
        .broken(|host| drop(host.spawn("main", |cx| run(cx, |report| report.expect("nobody ends the report")))))
        .twin(|host| drop(host.spawn("main", |cx| run(cx, |report| report.unwrap_or_default()))))
}

/// How long it takes to write a line of the report.
const WRITING: DurationRange = DurationRange { min: ms(0), max: ms(13), grid: ms(1) };

/// What is made of a report that was not finished is right where that is a result as others are.
async fn run(cx: TaskCx, read: fn(Result<u32, Aborted>) -> u32) {
    let job = start(&cx, "job", "sleep 1ms..50ms; exit 0").await;
    let watched = job.clone();
    let mut report = cx.spawn("report", |cx| async move {
        watched.wait().await;
        for _line in 0..4 {
            cx.sleep(cx.draw(WRITING)).await;
        }
        4
    });
    let lines = match cx.timeout(ms(100), &mut report).await {
        Ok(report) => read(report),
        Err(_) => {
            report.abort();
            read(report.await)
        }
    };
    debug_assert!(lines <= 4, "nobody writes more than four lines");
    job.wait().await;
}
