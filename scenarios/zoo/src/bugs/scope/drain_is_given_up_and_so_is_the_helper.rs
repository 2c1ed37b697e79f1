//! When the job has ended, its output is read for a tenth of a second more; a helper that still writes then is left to itself.
//! go#23019 (L01), as it was mended: the wait returns at last, and nobody remembers why it could not before.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::Stream;

pub(super) fn case() -> Case {
    Case::new("drain_is_given_up_and_so_is_the_helper", "L01", OracleName::NoOrphan)
        .broken(|host| drop(host.spawn("run", |cx| run(cx, false))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, true))))
}

/// The helper mostly ends by itself during the drain.
const JOB: &str = "spawn helper { repeat 3 { sleep 1ms..50ms; print still here }; exit 0 }; sleep 5ms..20ms; exit 0";

/// Right where whoever holds the output is ended with the drain.
async fn run(cx: TaskCx, ends_the_rest: bool) {
    let job = start(&cx, "job", JOB).await;
    job.exited().await;
    if cx.timeout(ms(100), read_to_end(&job, Stream::Stdout)).await.is_err() {
        job.close_output(Stream::Stdout);
        if ends_the_rest {
            job.kill();
        }
    }
    if ends_the_rest {
        // The end of its output is not yet its own.
        job.scope_empty().await;
    }
    job.wait().await;
}
