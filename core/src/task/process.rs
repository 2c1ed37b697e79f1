//! Processes in the hands of a task: start, signal, wait, read, write.
//!
//! A process belongs to the task that started it until [`Process::detach`]. What still lives when that task has ended the host kills
//! *and reports*: in the simulator it is a failure of `no-orphan`, never a silent rescue.

use crate::ids::{OpId, Pid, UnitId};
use crate::pipe::BrokenPipe;
use crate::reactor::{Effect, Owner, UnitKind, Why};
use crate::signal::Signal;
use crate::task::TaskCx;
use crate::vocab::{
    Body, Completion, Errno, ExitNotice, ExitStatus, Leftover, ProcessSpec, Request, SpawnFailure, Stream, Survivor,
    Target, TryRead, TryWrite,
};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// An operation that this task waits for. Dropped, a wait is withdrawn and an act's answer goes to the host.
pub(crate) struct Operation<'a> {
    cx: &'a TaskCx,
    op: OpId,
    what: &'static str,
    answered: bool,
}

impl<'a> Operation<'a> {
    pub(crate) fn new(cx: &'a TaskCx, op: OpId, what: &'static str) -> Operation<'a> {
        Operation { cx, op, what, answered: false }
    }
}

impl Future for Operation<'_> {
    type Output = Completion;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Completion> {
        let answer = self.cx.reactor.poll_op(self.op, cx);
        if answer.is_ready() {
            self.answered = true;
        } else if let Some(task) = self.cx.reactor.tasks.borrow_mut().get(self.cx.reactor.polled.get()) {
            // A process may be waited for by others than the task that started it.
            task.set_why(Why::Op(self.op, self.what));
        }
        answer
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.cx.reactor.disown(self.op);
        }
    }
}

impl TaskCx {
    fn ask<'a>(&'a self, unit: UnitId, what: &'static str, request: Request) -> Operation<'a> {
        let op = self.reactor.open_op(Owner::Task(self.task), unit);
        self.reactor.push(Effect::Submit { op, unit, request });
        Operation::new(self, op, what)
    }

    /// A prompt act: nobody waits for an answer.
    fn act(&self, unit: UnitId, request: Request) {
        let op = self.reactor.open_op(Owner::Nobody, unit);
        self.reactor.push(Effect::Submit { op, unit, request });
    }
}

/// A process did not start. Nothing of it is left behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpawnError {
    /// The name of its spec.
    pub name: Arc<str>,
    /// What the system said.
    pub failure: SpawnFailure,
}

impl core::fmt::Display for SpawnError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "`{}` did not start: {}", self.name, self.failure)
    }
}

impl core::error::Error for SpawnError {}

/// Starts processes for a task.
pub struct Processes<'a>(pub(super) &'a TaskCx);

impl<'a> Processes<'a> {
    pub(crate) fn new(cx: &'a TaskCx) -> Processes<'a> {
        Processes(cx)
    }

    /// Starts a process; resolves when it executes. What may pass by itself is tried again, with the bound of
    /// [`SpawnFailure::TRIES_MAX`]. Dropped before, a late process is killed and reaped by the host.
    ///
    /// # Errors
    /// [`SpawnError`] where fork or exec failed; EPERM where the action `process.start` is there and disabled.
    pub async fn start(&self, spec: ProcessSpec) -> Result<Process, SpawnError> {
        if self.0.reactor.actions.borrow().as_ref().is_some_and(|actions| actions.forbids("process.start")) {
            return Err(SpawnError { name: spec.name, failure: SpawnFailure { errno: Errno::EPERM, at_exec: false } });
        }
        self.start_unasked(spec).await
    }

    /// The same for whoever was allowed by another action.
    pub(crate) async fn start_unasked(&self, spec: ProcessSpec) -> Result<Process, SpawnError> {
        let cx = self.0;
        let unit = cx.reactor.new_unit(Some(cx.task));
        let name = spec.name.clone();
        cx.reactor.name_unit(unit, &name);
        let body = Body::Process(Arc::new(spec));
        let mut tries = 1;
        loop {
            let op = cx.reactor.open_op(Owner::Task(cx.task), unit);
            let body = body.clone();
            cx.reactor.push(Effect::Start { op, unit, body, launch: Box::default() });
            match Operation::new(cx, op, "the start").await {
                Completion::Spawned(Ok(pid)) => {
                    cx.reactor.tasks.borrow_mut().owns(cx.task, unit);
                    return Ok(Process { cx: cx.clone(), unit, pid, name, status: Rc::default() });
                }
                Completion::Spawned(Err(failure)) if failure.passes() && tries < SpawnFailure::TRIES_MAX => {
                    cx.sleep(SpawnFailure::pause(tries)).await;
                    tries += 1;
                }
                Completion::Spawned(Err(failure)) => return Err(SpawnError { name, failure }),
                other => unreachable!("a spawn is answered by Spawned, not {other:?}"),
            }
        }
    }

    /// Who lives of what an earlier supervisor of the session with this mark has started, and their descendants: see
    /// [`Launch::session`](crate::vocab::Launch::session). The simulator knows one session, whatever its mark.
    ///
    /// # Errors
    /// Why nobody can look, as where no descriptor is left (`EMFILE`): who is not seen may live.
    pub fn leftovers(&self, session: u64) -> Result<Vec<Leftover>, Errno> {
        self.0.reactor.port().leftovers(session)
    }

    /// Signals one of them, by its identity.
    ///
    /// # Errors
    /// `ESRCH` where it is gone; somebody else with its number is never signalled.
    pub fn signal_leftover(&self, leftover: &Leftover, signal: Signal) -> Result<(), Errno> {
        self.0.reactor.port().signal_leftover(leftover.who, signal)
    }

    /// Signals by bare number, as kill(2) does, with all its dangers: for porting code. The real backend refuses.
    ///
    /// # Errors
    /// The system's error; `ENOSYS` on the real backend.
    pub fn kill_by_number(&self, pid: i32, signal: Signal) -> Result<(), Errno> {
        self.0.reactor.port().kill(pid, signal)
    }
}

/// A running process, named by identity and never by number.
#[derive(Clone)]
pub struct Process {
    cx: TaskCx,
    unit: UnitId,
    pid: Pid,
    name: Arc<str>,
    status: Rc<Cell<Option<ExitStatus>>>,
}

impl Process {
    /// Its pid, to print. It says nothing about identity once the process was waited for.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The unit it is.
    pub fn unit(&self) -> UnitId {
        self.unit
    }

    /// Waits for its end and reaps it. Any number of waiters, also after the fact, get the same status.
    pub async fn wait(&self) -> ExitStatus {
        if let Some(status) = self.status.get() {
            return status;
        }
        let status = self.exited().await.status;
        if self.status.get().is_none() {
            self.status.set(Some(status));
            self.cx.act(self.unit, Request::Reap);
        }
        status
    }

    /// Waits for its end and leaves the zombie, which pins its pid and group (waitid(2), `WNOWAIT`).
    pub async fn exited(&self) -> ExitNotice {
        if let Some(status) = self.status.get() {
            return ExitNotice { status, others: None, writers: None };
        }
        match self.cx.ask(self.unit, "the exit", Request::Exit).await {
            Completion::Exited(notice) => notice,
            other => unreachable!("a wait for an exit is answered by Exited, not {other:?}"),
        }
    }

    /// Waits until nobody in its scope is alive.
    pub async fn scope_empty(&self) {
        match self.cx.ask(self.unit, "an empty scope", Request::Empty).await {
            Completion::Empty => {}
            other => unreachable!("a wait for an empty scope is answered by Empty, not {other:?}"),
        }
    }

    /// Signals the process itself, at the end of this turn.
    pub fn signal(&self, signal: Signal) {
        self.cx.act(self.unit, Request::Signal { to: Target::Leader, signal });
    }

    /// Signals everybody in its scope, at the end of this turn.
    pub fn signal_scope(&self, signal: Signal) {
        self.cx.act(self.unit, Request::Signal { to: Target::Scope, signal });
    }

    /// Kills everybody in its scope.
    pub fn kill(&self) {
        self.signal_scope(Signal::KILL);
    }

    /// Reads at most 64 KiB of output into `into`; returns how many bytes, 0 at the end. Dropped while waiting, it loses nothing.
    pub async fn read(&self, stream: Stream, into: &mut Vec<u8>) -> usize {
        loop {
            match self.try_read(stream, into, crate::pipe::CAPACITY) {
                TryRead::Data(n) => return n,
                TryRead::Eof => return 0,
                TryRead::WouldBlock => self.readable(stream).await,
            }
        }
    }

    /// Reads what is there, at most `max` bytes, into `into`.
    pub fn try_read(&self, stream: Stream, into: &mut Vec<u8>, max: usize) -> TryRead {
        self.cx.reactor.port().try_read(self.unit, stream, into, max)
    }

    /// Waits until a read would not block. It may come back in vain: see select(2), BUGS.
    pub async fn readable(&self, stream: Stream) {
        self.cx.ask(self.unit, "output", Request::Readable(stream.into())).await;
    }

    /// Writes what fits to its stdin.
    pub fn try_write(&self, bytes: &[u8]) -> TryWrite {
        self.cx.reactor.port().try_write(self.unit, bytes)
    }

    /// Waits until a write to its stdin would not block.
    pub async fn writable(&self) {
        self.cx.ask(self.unit, "room on stdin", Request::Writable).await;
    }

    /// Writes to its stdin, waiting for room.
    ///
    /// # Errors
    /// [`BrokenPipe`] when nobody reads it.
    pub async fn write_all(&self, bytes: &[u8]) -> Result<(), BrokenPipe> {
        match self.cx.ask(self.unit, "room on stdin", Request::Write(bytes.into())).await {
            Completion::Written(n) if n == bytes.len() as u64 => Ok(()),
            Completion::Written(_) => Err(BrokenPipe),
            other => unreachable!("a write is answered by Written, not {other:?}"),
        }
    }

    /// Closes our end of its stdin.
    pub fn close_input(&self) {
        self.cx.act(self.unit, Request::CloseInput);
    }

    /// Closes our end of an output: what is written there later breaks the writer's pipe.
    pub fn close_output(&self, stream: Stream) {
        self.cx.act(self.unit, Request::CloseOutput(stream));
    }

    /// Who in its scope is alive.
    pub async fn members(&self) -> Vec<Survivor> {
        match self.cx.ask(self.unit, "a survey", Request::Survey).await {
            Completion::Surveyed(survey) => survey.members,
            other => unreachable!("a survey is answered by Surveyed, not {other:?}"),
        }
    }

    /// The task no longer answers for it: it may outlive the task, and oracles expect it to.
    pub fn detach(self) {
        self.cx.reactor.tasks.borrow_mut().disowns(self.cx.task, self.unit);
        if let Some(unit) = self.cx.reactor.units.borrow_mut().get_mut(self.unit.index()) {
            unit.owner = None;
            unit.kind = UnitKind::Gone;
        }
        self.cx.act(self.unit, Request::Detach);
    }
}
