//! What the job says is written to a log by whoever reads it, who waits until it is written; while the disk takes its time the job stands
//! still on a full pipe.
//! containerd#12462 (L10): a log that is slow for a while, and the workload is as slow as the disk.

use crate::stage::*;
use shakedown_core::files::File;
use shakedown_core::oracle::OracleName;
use shakedown_core::sync::mpsc;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::time::DurationRange;
use shakedown_core::vocab::{Fault, FaultKind, Stream, WorkerState};

pub(super) fn case() -> Case {
    Case::new("pump_waits_for_its_log", "L10", OracleName::SinkNeverBlocks)
        .faults(|| vec![Fault::new(FaultKind::SinkSlow { by: SLOW }, 0.02)])
        .broken(|host| drop(host.spawn("run", broken)))
        .twin(|host| drop(host.spawn("run", twin)))
}

/// How long a write takes now and then.
const SLOW: DurationRange = DurationRange { min: ms(10), max: ms(400), grid: ms(10) };

async fn begin(cx: &TaskCx) -> (Process, File) {
    let log = cx.files().unrestricted().open_append("/log", 0o600).await.expect("it is made");
    let job = start(cx, "job", "repeat 40 { write 4000; sleep 1ms..5ms }; exit 0").await;
    tell_spawn(cx, &job);
    tell_started(cx, &job);
    (job, log)
}

async fn over(cx: &TaskCx, job: &Process, delivered: u64) {
    let status = job.wait().await;
    tell_exited(cx, job, status);
    tell_end(cx, job, WorkerState::Finished, status, delivered);
}

async fn broken(cx: TaskCx) {
    let (job, log) = begin(&cx).await;
    let (mut delivered, mut chunk) = (0, Vec::new());
    while job.read(Stream::Stdout, &mut chunk).await > 0 {
        delivered += chunk.len() as u64;
        tell_output(&cx, &job, &chunk);
        // The disk takes its time, and meanwhile nobody reads.
        let _ = log.append(&chunk).await;
        chunk.clear();
    }
    over(&cx, &job, delivered).await;
}

async fn twin(cx: TaskCx) {
    let (job, log) = begin(&cx).await;
    let (lines, mut waiting) = mpsc::bounded::<Vec<u8>>(4);
    let writer = cx.spawn("writer", |_| async move {
        while let Some(chunk) = waiting.recv().await {
            let _ = log.append(&chunk).await;
        }
    });
    let (mut delivered, mut dropped, mut chunk) = (0, 0, Vec::new());
    while job.read(Stream::Stdout, &mut chunk).await > 0 {
        delivered += chunk.len() as u64;
        tell_output(&cx, &job, &chunk);
        dropped += u32::from(lines.try_send(std::mem::take(&mut chunk)).is_err());
    }
    drop(lines);
    cx.sometimes(dropped > 0, "a chunk is dropped because the log is slow");
    over(&cx, &job, delivered).await;
    let _: Result<(), _> = writer.await;
}
