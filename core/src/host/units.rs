//! Units that are async functions: the host is their kernel. Same requests, same answers as for a process.

use super::Host;
use crate::ids::{OpId, TaskId, UnitId};
use crate::machine::Machine;
use crate::pipe::Pipe;
use crate::reactor::{Name, TaskUnit, Unit, UnitKind};
use crate::signal::{DefaultAction, Signal};
use crate::task::{CancelSource, Cause, Given, Stdio, TaskCx};
use crate::vocab::{Completion, Errno, ExitNotice, ExitStatus, Request, Stream, Survey, Survivor, TryRead};
use crate::world::World;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::Future;

impl<W: World, A: Machine> Host<W, A> {
    /// Starts a function as a unit. Its start cannot fail.
    pub(super) fn start_task<F, Fut>(&mut self, op: OpId, unit: UnitId, given: Given, function: F)
    where
        F: FnOnce(TaskCx, Stdio) -> Fut,
        Fut: Future<Output = ExitStatus> + 'static,
    {
        let reactor = self.reactor.clone();
        let pipes = Pipe::trio(&reactor);
        pipes[0].open_writer();
        let stdio = Stdio { stdin: pipes[0].reader(), stdout: pipes[1].writer(), stderr: pipes[2].writer() };
        let cancel = CancelSource::new();
        // It is a unit before its function is called, which may ask at once for what it was given.
        let task = TaskUnit {
            leader: TaskId(0),
            members: Vec::new(),
            cancel: cancel.clone(),
            pipes,
            given,
            status: None,
            exit_waits: Vec::new(),
            empty_waits: Vec::new(),
        };
        reactor.units.borrow_mut()[unit.index()].kind = UnitKind::Task(Box::new(task));
        let inner = reactor.clone();
        let name = self.reactor.units.borrow()[unit.index()].name.clone();
        let name = name.map_or(Name::Literal(""), Name::Shared);
        let mut leader = TaskId(0);
        reactor.spawn_in(Some(unit), None, name, &cancel, |cx| {
            leader = cx.task;
            let body = function(cx, stdio);
            async move {
                let status = body.await;
                if let UnitKind::Task(unit) = &mut inner.units.borrow_mut()[unit.index()].kind {
                    unit.status = Some(status);
                }
            }
        });
        if let UnitKind::Task(task) = &mut reactor.units.borrow_mut()[unit.index()].kind {
            task.leader = leader;
        }
        self.reactor.answer(op, Completion::TaskStarted);
    }

    /// Answers a request about a unit that is a function.
    pub(super) fn ask_task(&mut self, op: OpId, unit_id: UnitId, request: Request) {
        let reactor = self.reactor.clone();
        let answer = |completion| reactor.answer(op, completion);
        let mut units = self.reactor.units.borrow_mut();
        let Some(Unit { kind: UnitKind::Task(unit), .. }) = units.get_mut(unit_id.index()) else { return };
        match request {
            Request::Spawn { .. } | Request::Serve(_) => {
                unreachable!("a function is started by the host, not spawned by the world")
            }
            Request::Signal { signal, .. } => {
                drop(units);
                self.signal_task(op, unit_id, signal);
            }
            Request::Exit => match notice(unit) {
                Some(notice) => answer(Completion::Exited(notice)),
                None => unit.exit_waits.push(op),
            },
            Request::Empty if unit.members.is_empty() => answer(Completion::Empty),
            Request::Empty => unit.empty_waits.push(op),
            Request::Readable(streams) => {
                let pipes = unit.pipes.clone();
                drop(units);
                Pipe::wait_readable(&pipes, streams, op);
            }
            Request::Writable => {
                let pipe = unit.pipes[0].clone();
                drop(units);
                pipe.wait_writable(op);
            }
            Request::Write(bytes) => {
                let pipe = unit.pipes[0].clone();
                drop(units);
                self.write_task(op, pipe, bytes);
            }
            Request::CloseInput => {
                let pipe = unit.pipes[0].clone();
                drop(units);
                pipe.close_input();
            }
            Request::CloseOutput(stream) => {
                let pipe = unit.pipes[stream.fd()].clone();
                drop(units);
                pipe.close_reader();
            }
            Request::Survey => {
                let (members, exit) = (unit.members.clone(), unit.status);
                drop(units);
                let members = self.names_of(&members);
                answer(Completion::Surveyed(Survey { members, holders: Vec::new(), exit }.into()));
            }
            // A function says nothing on these channels yet, and listens on no port of its own.
            Request::Notified(_) => {}
            Request::Connect(_) => answer(Completion::Connected(false)),
            Request::Get(_) => answer(Completion::Answered(None)),
            // It is no proxy.
            Request::Traffic | Request::Visit(_) => {}
            Request::Release => {
                let released = core::mem::replace(&mut units[unit_id.index()].kind, UnitKind::Gone);
                drop(units);
                if let UnitKind::Task(unit) = released {
                    let [stdin, outputs @ ..] = unit.pipes;
                    stdin.close_input();
                    outputs.into_iter().for_each(|output| output.close_reader());
                }
            }
            Request::Reap | Request::Detach => units[unit_id.index()].kind = UnitKind::Gone,
        }
    }

    /// The gentle signals are its cancellation, KILL drops its futures. A function cannot be stopped or continued.
    fn signal_task(&mut self, op: OpId, unit: UnitId, signal: Signal) {
        if signal == Signal::KILL {
            return self.kill_task(unit);
        }
        match signal.default_action() {
            DefaultAction::Terminate | DefaultAction::Core => {
                let cancel = match &self.reactor.units.borrow()[unit.index()].kind {
                    UnitKind::Task(unit) => unit.cancel.clone(),
                    UnitKind::Unborn | UnitKind::Process | UnitKind::Gone => return,
                };
                cancel.cancel(Cause::Signalled(signal));
            }
            DefaultAction::Stop | DefaultAction::Continue | DefaultAction::Ignore => {
                self.reactor.answer(op, Completion::SignalFailed(Errno::EINVAL));
            }
        }
    }

    fn kill_task(&mut self, unit: UnitId) {
        loop {
            let doomed = match &mut self.reactor.units.borrow_mut()[unit.index()].kind {
                UnitKind::Task(unit) => unit.members.clone(),
                UnitKind::Unborn | UnitKind::Process | UnitKind::Gone => return,
            };
            if doomed.is_empty() {
                return;
            }
            for task in doomed {
                self.end_task(task);
            }
        }
    }

    fn end_task(&mut self, task: TaskId) {
        let run = self.reactor.tasks.borrow_mut().get(task).and_then(|t| t.run.clone());
        if let Some(run) = run {
            run.end();
            self.task_over(task);
        }
    }

    fn write_task(&mut self, op: OpId, pipe: Pipe, bytes: Arc<[u8]>) {
        let reactor = self.reactor.clone();
        let writer = pipe.writer();
        self.reactor.spawn_in(None, None, Name::Literal("stdin"), &CancelSource::new(), |_| async move {
            let written = if writer.write_all(&bytes).await.is_ok() { bytes.len() as u64 } else { 0 };
            drop(writer);
            reactor.answer(op, Completion::Written(written));
        });
    }

    /// A member of a unit has ended: maybe its leader, maybe the last.
    pub(super) fn task_left_unit(&mut self, unit: UnitId, task: TaskId) {
        let mut units = self.reactor.units.borrow_mut();
        let UnitKind::Task(unit) = &mut units[unit.index()].kind else { return };
        unit.members.retain(|member| *member != task);
        if unit.leader == task {
            // Dropped before it returned: the host's KILL.
            unit.status.get_or_insert(ExitStatus::Signalled { signal: Signal::KILL, core: false });
            if let Some(notice) = notice(unit) {
                unit.exit_waits.drain(..).for_each(|op| self.reactor.answer(op, Completion::Exited(notice)));
            }
        }
        if unit.members.is_empty() {
            unit.empty_waits.drain(..).for_each(|op| self.reactor.answer(op, Completion::Empty));
        }
    }

    /// Reads from a unit, whatever it is.
    pub(super) fn read_unit(&mut self, unit: UnitId, stream: Stream, into: &mut Vec<u8>, max: usize) -> TryRead {
        let pipe = match &self.reactor.units.borrow()[unit.index()].kind {
            UnitKind::Task(unit) => Some(unit.pipes[stream.fd()].clone()),
            UnitKind::Process | UnitKind::Unborn | UnitKind::Gone => None,
        };
        match pipe {
            Some(pipe) => pipe.try_read(into, max),
            None => self.world.borrow_mut().try_read(unit, stream, into, max),
        }
    }

    fn names_of(&self, members: &[TaskId]) -> Vec<Survivor> {
        let tasks = self.reactor.tasks.borrow();
        let living = members.iter().filter_map(|id| tasks.living_at(*id));
        living.map(|task| Survivor { pid: 0, name: tasks.name(task).as_str().into() }).collect()
    }
}

fn notice(unit: &TaskUnit) -> Option<ExitNotice> {
    let others = unit.members.iter().any(|member| *member != unit.leader);
    let writers = unit.pipes[1..].iter().any(Pipe::has_writers);
    unit.status.map(|status| ExitNotice { status, others: Some(others), writers: Some(writers) })
}
