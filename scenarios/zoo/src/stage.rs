//! The props of the zoo: processes from puppet scripts, and the facts of a supervisor that tells its own. A case's file then holds only
//! what its author got wrong.

use shakedown_core::ids::WorkerId;
use shakedown_core::puppet;
use shakedown_core::signal::Signal;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::{
    ExitStatus, Fact, Outcome, OutputTally, ProcessSpec, Reason, Requester, Scope, Stream, Target, WorkerState,
};
use std::sync::Arc;

pub use crate::case::{Any, Case, Caught, Stage};

/// So many milliseconds.
pub const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A process `name` that plays `script`.
pub fn spec(name: &str, script: &str) -> ProcessSpec {
    ProcessSpec::puppet(name, puppet::parse(script).expect("the script of a test"))
}

/// Starts a process in a group of its own.
pub async fn start(cx: &TaskCx, name: &str, script: &str) -> Process {
    start_in(cx, name, script, Scope::Group).await
}

/// Starts a process in this scope.
pub async fn start_in(cx: &TaskCx, name: &str, script: &str, scope: Scope) -> Process {
    cx.process().start(spec(name, script).scope(scope)).await.expect("a start that nothing disturbs")
}

/// Tells a fact about the one worker that `process` is.
pub fn tell(cx: &TaskCx, process: &Process, fact: Fact) {
    cx.emit(Some(WorkerId(0)), 1, Some(process.unit()), fact);
}

/// Tells a fact about the session.
pub fn tell_session(cx: &TaskCx, fact: Fact) {
    cx.emit(None, 0, None, fact);
}

/// Tells that the worker was spawned.
pub fn tell_spawn(cx: &TaskCx, process: &Process) {
    tell(cx, process, Fact::Spawn);
}

/// Tells that the worker executes.
pub fn tell_started(cx: &TaskCx, process: &Process) {
    tell(cx, process, Fact::Started { pid: Some(process.pid().as_raw()) });
}

/// Tells that the worker is asked to end.
pub fn tell_stop(cx: &TaskCx, process: &Process, deadline: Instant) {
    tell(cx, process, Fact::StopRequested { by: Requester::User, deadline });
}

/// Sends everybody in its scope a signal, and tells of it.
pub fn signal(cx: &TaskCx, process: &Process, signal: Signal) {
    let by = if signal == Signal::KILL { Requester::Deadline } else { Requester::User };
    tell(cx, process, Fact::Signalled { signal, target: Target::Scope, by });
    process.signal_scope(signal);
}

/// Sends its leader a signal, and tells of it.
pub fn signal_leader(cx: &TaskCx, process: &Process, signal: Signal) {
    tell(cx, process, Fact::Signalled { signal, target: Target::Leader, by: Requester::User });
    process.signal(signal);
}

/// Reads its output to the end, tells of it, and says how many bytes it was.
pub async fn drain(cx: &TaskCx, process: &Process) -> u64 {
    let (mut delivered, mut chunk) = (0, Vec::new());
    while process.read(Stream::Stdout, &mut chunk).await > 0 {
        tell_output(cx, process, &chunk);
        delivered += chunk.len() as u64;
        chunk.clear();
    }
    delivered
}

/// Reads one of its outputs to the end, and tells nobody.
pub async fn read_to_end(process: &Process, stream: Stream) -> Vec<u8> {
    let mut all = Vec::new();
    while process.read(stream, &mut all).await > 0 {}
    all
}

/// Tells some bytes of its output.
pub fn tell_output(cx: &TaskCx, process: &Process, bytes: &[u8]) {
    tell(cx, process, Fact::Output { stream: Stream::Stdout, line: bytes.into(), complete: false });
}

/// Tells the exit.
pub fn tell_exited(cx: &TaskCx, process: &Process, status: ExitStatus) {
    tell(cx, process, Fact::Exited { status });
}

/// Tells the end of output and the terminal fact.
pub fn tell_end(cx: &TaskCx, process: &Process, state: WorkerState, status: ExitStatus, delivered: u64) {
    tell(cx, process, Fact::OutputClosed);
    tell_terminal(cx, process, state, status, delivered);
}

/// Tells the terminal fact alone.
pub fn tell_terminal(cx: &TaskCx, process: &Process, state: WorkerState, status: ExitStatus, delivered: u64) {
    tell(cx, process, Fact::Ended(Arc::new(outcome(cx, state, status, delivered))));
}

/// An outcome of the first incarnation, whose reason follows from state and status.
pub fn outcome(cx: &TaskCx, state: WorkerState, status: ExitStatus, delivered: u64) -> Outcome {
    let reason = match (state, status) {
        (WorkerState::Killed, _) => Reason::ForcedKill,
        (_, ExitStatus::Exited(_)) => Reason::Natural,
        (_, ExitStatus::Signalled { .. }) => Reason::Signal,
        (_, ExitStatus::Unknown) => Reason::RuntimeError,
    };
    let output = OutputTally { delivered, abandoned: false };
    Outcome { status, output, ..Outcome::unborn(1, state, reason, Instant::ZERO, cx.now()) }
}
