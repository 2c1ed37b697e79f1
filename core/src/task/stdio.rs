//! Standard streams of a function task, its exit code, and the bridge that makes a process look like one.

use crate::pipe::{PipeReader, PipeWriter};
use crate::signal::Signal;
use crate::task::{Either2, Process, TaskCx, select2};
use crate::vocab::{ExitStatus, Grace, ProcessSpec, SignalTo, StopPolicy, Stream};
use alloc::vec::Vec;
use core::future::Future;

/// How a function task ends: 0 is success, as for processes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ExitCode(pub u8);

impl ExitCode {
    /// 0.
    pub const SUCCESS: ExitCode = ExitCode(0);
}

impl From<ExitStatus> for ExitCode {
    /// As a shell tells it: the code, 128+n for signal n, 255 where nobody knows.
    fn from(status: ExitStatus) -> ExitCode {
        match status {
            ExitStatus::Exited(n) => ExitCode(n),
            ExitStatus::Signalled { signal, .. } => ExitCode(128u8.wrapping_add(signal.number() as u8)),
            ExitStatus::Unknown => ExitCode(255),
        }
    }
}

/// The standard streams of a function task.
pub struct Stdio {
    /// Input.
    pub stdin: PipeReader,
    /// Output.
    pub stdout: PipeWriter,
    /// Errors.
    pub stderr: PipeWriter,
}

/// A task that is a process: it starts it, bridges stdin, stdout and stderr, waits, and returns its code. Cancelling it stops the
/// process by `policy`. Code 125 means that it did not start.
pub fn process_task(
    spec: ProcessSpec,
    policy: StopPolicy,
) -> impl FnOnce(TaskCx, Stdio) -> core::pin::Pin<alloc::boxed::Box<dyn Future<Output = ExitCode>>> {
    move |cx, stdio| {
        alloc::boxed::Box::pin(async move {
            let spec = spec.scope(policy.scope);
            let process = match cx.process().start(spec).await {
                Ok(process) => process,
                Err(error) => {
                    let line = alloc::format!("{error}\n");
                    // Nobody reading the reason does not change it.
                    let _ = stdio.stderr.write_all(line.as_bytes()).await;
                    return ExitCode(125);
                }
            };
            bridge(&cx, process, stdio, &policy).await
        })
    }
}

async fn bridge(cx: &TaskCx, process: Process, stdio: Stdio, policy: &StopPolicy) -> ExitCode {
    let Stdio { stdin, stdout, stderr } = stdio;
    let input = {
        let process = process.clone();
        cx.spawn("stdin", |_| pump_in(stdin, process))
    };
    let outputs = [(Stream::Stdout, stdout), (Stream::Stderr, stderr)].map(|(stream, to)| {
        let process = process.clone();
        cx.spawn(stream.word(), move |_| pump_out(process, stream, to))
    });
    // The leader's end is not the end: whoever is left in its scope is stopped by the same policy, and an empty scope is sent nothing.
    match (select2(cx, process.exited(), cx.cancelled()).await, policy.signal_to) {
        (Either2::A(notice), _) if notice.others == Some(false) => {}
        (Either2::B(_), SignalTo::Leader) => process.signal(policy.signal),
        (Either2::A(_), _) | (Either2::B(_), SignalTo::Scope) => process.signal_scope(policy.signal),
    }
    let grace = match policy.grace {
        Grace::After(grace) => Some(grace),
        Grace::Never => None,
    };
    match grace {
        Some(grace) => {
            if cx.bound(grace, process.scope_empty()).await.is_err() {
                process.signal_scope(Signal::KILL);
                let _ = cx.bound(StopPolicy::EMPTY_WITHIN, process.scope_empty()).await;
            }
        }
        None => process.scope_empty().await,
    }
    let code = process.wait().await.into();
    input.abort();
    let drained_by = cx.now().after(policy.drain);
    for (mut output, stream) in outputs.into_iter().zip(Stream::BOTH) {
        if cx.bound(drained_by.since(cx.now()), &mut output).await.is_err() {
            output.abort();
            process.close_output(stream);
        }
    }
    code
}

async fn pump_in(mut from: PipeReader, process: Process) {
    let mut chunk = Vec::new();
    while from.read(&mut chunk, crate::pipe::CAPACITY).await > 0 {
        if process.write_all(&chunk).await.is_err() {
            return;
        }
        chunk.clear();
    }
    process.close_input();
}

async fn pump_out(process: Process, stream: Stream, to: PipeWriter) {
    let mut chunk = Vec::new();
    while process.read(stream, &mut chunk).await > 0 {
        if to.write_all(&chunk).await.is_err() {
            process.close_output(stream);
            return;
        }
        chunk.clear();
    }
}
