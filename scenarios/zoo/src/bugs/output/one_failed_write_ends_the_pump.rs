//! What the job says is written to a log; the first write that fails ends the pump, and the job stands still once its pipe is full.
//! containerd#12462 (L10): a log that cannot be written for a moment, and 64 KiB later the workload freezes for ever.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::Stream;

pub(super) fn case() -> Case {
    Case::new("one_failed_write_ends_the_pump", "L10", OracleName::AllWaitsResolve)
        .broken(|host| drop(host.spawn("run", |cx| run(cx, OnError::GiveUp))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, OnError::Count))))
}

#[derive(Clone, Copy, PartialEq)]
enum OnError {
    GiveUp,
    Count,
}

struct LogIsFull;

/// The disk is full now and then.
fn append(cx: &TaskCx, _line: &[u8]) -> Result<(), LogIsFull> {
    if cx.chance(200) { Err(LogIsFull) } else { Ok(()) }
}

async fn run(cx: TaskCx, on_error: OnError) {
    let job = start(&cx, "job", "repeat 30 { write 4000; sleep 1ms..5ms }; exit 0").await;
    let read = job.clone();
    let pump = cx.spawn("pump", move |cx| async move {
        let (mut dropped, mut chunk) = (0, Vec::new());
        while read.read(Stream::Stdout, &mut chunk).await > 0 {
            match (append(&cx, &chunk), on_error) {
                (Ok(()), _) => {}
                (Err(LogIsFull), OnError::GiveUp) => return Err(LogIsFull),
                (Err(LogIsFull), OnError::Count) => dropped += chunk.len(),
            }
            chunk.clear();
        }
        Ok(dropped)
    });
    job.wait().await;
    // A log that is full is no reason to fail.
    drop(pump.await.expect("nobody aborts the pump"));
}
