//! A job that is brought back is waited for and not listened to: what each of its lives has said stays in a pipe that nobody closes.
//! subprocess.h#82, turbinia#945 (L06): nobody reads. With little output nothing hangs; the supervisor runs out of descriptors days later.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::time::DurationRange;
use shakedown_core::vocab::Stream;

pub(super) fn case() -> Case {
    Case::new("each_life_leaves_its_output_unread", "L06", OracleName::NoFdLeak)
        .broken(|host| drop(host.spawn("keeper", |cx| keeper(cx, false))))
        .twin(|host| drop(host.spawn("keeper", |cx| keeper(cx, true))))
}

/// Says something only when it has lived for a while.
const JOB: &str = "sleep 20ms; print tired; sleep 20ms; exit 1";

/// When it is told to end, if it does not by itself.
const PATIENCE: DurationRange = DurationRange { min: ms(1), max: ms(30), grid: ms(1) };

async fn keeper(cx: TaskCx, reads: bool) {
    for _ in 0..3 {
        let job = start(&cx, "job", JOB).await;
        if cx.timeout(cx.draw(PATIENCE), job.exited()).await.is_err() {
            job.signal(Signal::TERM);
        }
        job.wait().await;
        if reads {
            read_to_end(&job, Stream::Stdout).await;
        }
    }
}
