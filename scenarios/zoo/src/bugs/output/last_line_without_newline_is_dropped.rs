//! Output is handed on line by line; what stands after the last newline when the output ends is handed on by nobody.
//! systemd#2913, #1347 (L104): the last words of a short-lived process are missing, just when they would say why it ended.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::vocab::{Fact, Stream, WorkerState};

pub(super) fn case() -> Case {
    Case::new("last_line_without_newline_is_dropped", "L104", OracleName::NoLostOutput)
        .broken(|host| drop(host.spawn("run", |cx| run(cx, false))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, true))))
}

/// A line now and then takes it a moment.
const JOB: &str = "on TERM exit 0; repeat 20 { write 10; sleep 0ms..1ms; print end; sleep 5ms..15ms }; hang";

/// Broken where what is left at the end is not handed on.
async fn run(cx: TaskCx, hands_on_the_rest: bool) {
    let job = start(&cx, "job", JOB).await;
    tell_spawn(&cx, &job);
    tell_started(&cx, &job);
    let read = job.clone();
    let pump = cx.spawn("pump", move |cx| lines(cx, read, hands_on_the_rest));
    cx.sleep(ms(60)).await;
    tell_stop(&cx, &job, cx.now().after(ms(1_000)));
    signal(&cx, &job, Signal::TERM);
    let status = job.wait().await;
    tell_exited(&cx, &job, status);
    let delivered = pump.await.expect("nobody aborts the pump");
    tell_end(&cx, &job, WorkerState::Stopped, status, delivered);
}

async fn lines(cx: TaskCx, job: Process, hands_on_the_rest: bool) -> u64 {
    let (mut buffer, mut delivered) = (Vec::new(), 0);
    while job.read(Stream::Stdout, &mut buffer).await > 0 {
        while let Some(newline) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=newline).collect();
            delivered += line.len() as u64;
            tell(&cx, &job, Fact::Output { stream: Stream::Stdout, line: line[..newline].into(), complete: true });
        }
    }
    if hands_on_the_rest && !buffer.is_empty() {
        delivered += buffer.len() as u64;
        tell_output(&cx, &job, &buffer);
    }
    delivered
}
