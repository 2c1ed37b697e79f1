//! The output is read once the job has ended; a job that says more than a pipe holds waits for a reader, and its reader for its end.
//! subprocess.h#82, turbinia#945, rust-subprocess#45 (L06): a deadlock at 64 KiB, which no test with small output ever sees.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::time::DurationRange;
use shakedown_core::vocab::Stream;

pub(super) fn case() -> Case {
    Case::new("nobody_reads_while_it_waits", "L06", OracleName::AllWaitsResolve)
        .broken(|host| drop(host.spawn("run", broken)))
        .twin(|host| drop(host.spawn("run", twin)))
}

/// What it says at its end fits into the pipe, unless it has had much time before.
const JOB: &str = "on TERM { write 9000; exit 0 }; repeat 16 { write 4000; sleep 7ms }; hang";

/// Until it is asked to end. Three of them are seldom long enough.
const PAUSE: DurationRange = DurationRange { min: ms(10), max: ms(34), grid: ms(1) };

async fn work(cx: &TaskCx) {
    for _ in 0..3 {
        cx.sleep(cx.draw(PAUSE)).await;
    }
}

async fn broken(cx: TaskCx) {
    let job = start(&cx, "job", JOB).await;
    work(&cx).await;
    job.signal(Signal::TERM);
    job.wait().await;
    read_to_end(&job, Stream::Stdout).await;
}

async fn twin(cx: TaskCx) {
    let job = start(&cx, "job", JOB).await;
    let read = job.clone();
    let reader = cx.spawn("reader", |_| async move { read_to_end(&read, Stream::Stdout).await });
    work(&cx).await;
    job.signal(Signal::TERM);
    job.wait().await;
    reader.await.expect("nobody aborts the reader");
}
