//! First all errors are read, then all output; a job that has much to say fills the one pipe while its reader sits at the other.
//! zeek/package-manager#198, ansible#3991 (L07): two pipes, one reader, and a deadlock as soon as the second of them is full.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::vocab::Stream;

pub(super) fn case() -> Case {
    Case::new("stderr_is_read_to_its_end_first", "L07", OracleName::AllWaitsResolve)
        .broken(|host| drop(host.spawn("run", broken)))
        .twin(|host| drop(host.spawn("run", twin)))
}

/// How much it says is a matter of what it finds to do.
async fn begin(cx: &TaskCx) -> Process {
    let script = format!("write {} stdout; eprint done; exit 0", 1_000 * (1 + cx.pick(67)));
    start(cx, "job", &script).await
}

async fn broken(cx: TaskCx) {
    let job = begin(&cx).await;
    let _errors = read_to_end(&job, Stream::Stderr).await;
    let _output = read_to_end(&job, Stream::Stdout).await;
    job.wait().await;
}

async fn twin(cx: TaskCx) {
    let job = begin(&cx).await;
    let other = job.clone();
    let errors = cx.spawn("errors", |_| async move { read_to_end(&other, Stream::Stderr).await });
    let _output = read_to_end(&job, Stream::Stdout).await;
    let _errors = errors.await.expect("nobody aborts the reader");
    job.wait().await;
}
