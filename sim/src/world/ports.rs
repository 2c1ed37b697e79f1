//! Core's ports, answered by the simulated kernel: what a host asks of the seeded world.

use super::{Moment, PendingWrite, SimWorld, scene};
use crate::kernel::{Clock, What};
use crate::net::is_of_net;
use shakedown_core::choose::Choose;
use shakedown_core::files::FileCall;
use shakedown_core::ids::{FileId, OpId, ProcId, TaskId, UnitId, WorkerId};
use shakedown_core::journal::{ATTEMPT_MAX, FLUSH_MAX};
use shakedown_core::puppet::Fd;
use shakedown_core::signal::Signal;
use shakedown_core::tie::{Deadlines, Tying};
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::{
    Completion, Errno, FactRecord, Identity, Leftover, ProcessSpec, Redirect, Request, Stream, Survey, Target, TryRead,
    TryWrite, WorkerSpec,
};
use shakedown_core::world::{Ready, World};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;

impl<C: Choose + 'static> World for SimWorld<C> {
    type Chooser = C;

    fn now(&mut self) -> Instant {
        self.clock
    }

    fn wall(&mut self) -> Duration {
        let ahead = self.kernel.clock(Clock::Realtime).saturating_sub(self.kernel.clock(Clock::Monotonic));
        ahead.saturating_add(self.clock.since(Instant::ZERO))
    }

    fn chooser(&mut self) -> &mut C {
        &mut self.chooser
    }

    fn submit(&mut self, op: OpId, unit: UnitId, request: Request) {
        if let Request::Signal { to, signal } = request
            && self.kernel.follows(unit, to, signal)
        {
            return;
        }
        match request {
            Request::Exit | Request::Empty | Request::Readable(_) | Request::Writable | Request::Detach => {
                self.kernel.finish_earlier_walks();
            }
            Request::Notified(_) | Request::Connect(_) | Request::Get(_) => self.kernel.finish_earlier_walks(),
            Request::Traffic | Request::Visit(_) => {}
            Request::Spawn { .. } | Request::Signal { .. } | Request::Write(_) | Request::CloseInput => {
                self.kernel.finish_walks();
            }
            Request::Serve(_) => self.kernel.finish_walks(),
            Request::CloseOutput(_) | Request::Survey | Request::Reap | Request::Release => self.kernel.finish_walks(),
        }
        if self.kernel.net.serves(unit) && !matches!(request, Request::Connect(_) | Request::Get(_)) {
            return self.kernel.net.ask(op, unit, &request, self.clock, &mut self.chooser);
        }
        match request {
            Request::Serve(spec) => self.serve(op, unit, &spec),
            // It is no proxy.
            Request::Traffic | Request::Visit(_) => {}
            Request::Spawn { spec, launch } => {
                if launch.adopts.is_none_or(|who| !self.take_over(op, unit, who)) {
                    self.spawn(op, unit, &spec);
                }
            }
            Request::Signal { to, signal } => self.signal(op, unit, to, signal),
            Request::Exit => self.kernel.watch(op, unit, What::Exit),
            Request::Empty => self.kernel.watch(op, unit, What::Empty),
            Request::Readable(streams) => {
                if self.kernel.wakes_spuriously(unit, &mut self.chooser) {
                    self.answers.push_back(Ready::Done { op, completion: Completion::Readable(streams) });
                } else {
                    self.kernel.watch(op, unit, What::Readable(streams));
                }
            }
            Request::Writable => self.kernel.watch(op, unit, What::Writable),
            Request::Notified(_) => self.kernel.watch(op, unit, What::Notified),
            Request::Connect(address) => {
                let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
                let accepted = port.is_some_and(|port| self.kernel.is_listening(port));
                self.answers.push_back(Ready::Done { op, completion: Completion::Connected(accepted) });
            }
            Request::Get(get) => self.get(op, unit, &get),
            Request::Write(bytes) => self.write(op, PendingWrite { unit, bytes, written: 0 }),
            Request::CloseInput => self.kernel.close_input(unit),
            Request::CloseOutput(stream) => self.kernel.close_output(unit, stream),
            Request::Survey => {
                let (members, holders) = self.kernel.survey(unit, &mut self.chooser);
                let exit = self.kernel.peek_exit(unit).map(|notice| notice.status);
                let completion = Completion::Surveyed(Survey { members, holders, exit }.into());
                self.answers.push_back(Ready::Done { op, completion });
            }
            Request::Reap => {
                self.kernel.reap(unit);
            }
            Request::Release => {
                self.kernel.close_input(unit);
                Stream::BOTH.into_iter().for_each(|stream| self.kernel.close_output(unit, stream));
                self.kernel.reap(unit);
            }
            Request::Detach => self.audit.detached(unit),
        }
        self.settle_accounts();
    }

    fn file(&mut self, op: OpId, call: FileCall) {
        self.disk_used = true;
        let late = self.disk.slow(&call, &mut self.chooser);
        let changes = changes(&call);
        let answer = self.disk.call(call, &mut self.chooser);
        if changes {
            self.look_at_status();
        }
        let ready = Ready::Done { op, completion: Completion::Filed(Box::new(answer)) };
        match late {
            None => self.answers.push_back(ready),
            Some(by) => {
                self.late.insert((self.clock.after(by), op), ready);
            }
        }
    }

    fn close_file(&mut self, file: FileId) {
        self.disk.close(file);
    }

    #[inline]
    fn taken(&mut self, unit: UnitId, completion: Completion) -> Completion {
        match completion {
            Completion::Exited(notice) => {
                Completion::Exited(self.kernel.exit_as_taken(unit, notice, &mut self.chooser))
            }
            other => other,
        }
    }

    fn withdraw(&mut self, op: OpId, unit: UnitId) {
        if self.kernel.net.serves(unit) {
            return self.kernel.net.withdraw(op, unit);
        }
        self.kernel.unwatch(op, unit);
        if !self.late.is_empty() {
            self.late.retain(|(_, late), _| *late != op);
        }
    }

    #[inline(always)]
    fn next_ready(&mut self) -> Option<Ready> {
        // Mostly nothing is: asked after every step, and worth no call.
        if self.answers.is_empty() && !self.kernel.has_ready() && !self.kernel.net_is_ready() {
            return None;
        }
        self.next_of_kernel()
    }

    #[inline]
    fn has_ready(&self) -> bool {
        !self.answers.is_empty() || self.kernel.has_ready() || self.kernel.net_is_ready() || self.wakes.has_some()
    }

    #[inline]
    fn run(&mut self, step: u32, deadlines: Deadlines<'_>) {
        if is_of_net(step) {
            self.kernel.run_net(step, &mut Tying::new(&mut self.chooser, deadlines));
            return;
        }
        self.witness.step(ProcId(step));
        self.kernel.run(ProcId(step), &mut Tying::new(&mut self.chooser, deadlines));
        self.settle_accounts();
    }

    fn step_name(&self, step: u32) -> String {
        self.kernel.net.step_name(step).unwrap_or_else(|| self.kernel.name_of(ProcId(step)))
    }

    fn told(&self) -> usize {
        self.history.len()
    }

    fn waker(&mut self, slot: TaskId) -> Waker {
        self.wakes.add(slot.0)
    }

    fn next_woken(&mut self) -> Option<TaskId> {
        self.wakes.pop().map(TaskId)
    }

    #[inline(always)]
    fn deadline(&self) -> Option<Instant> {
        if self.kernel_used || !self.late.is_empty() { self.deadline_of_more() } else { None }
    }

    #[inline(always)]
    fn advance(&mut self, to: Instant) {
        if self.kernel_used || self.disk_used || !self.late.is_empty() {
            self.advance_more(to);
        } else {
            self.clock = self.clock.max(to);
        }
    }

    #[inline(always)]
    fn try_read(&mut self, unit: UnitId, stream: Stream, into: &mut Vec<u8>, max: usize) -> TryRead {
        self.kernel.finish_walks();
        let read = self.kernel.read(unit, stream, into, max);
        self.settle_accounts();
        read
    }

    fn try_write(&mut self, unit: UnitId, bytes: &[u8]) -> TryWrite {
        self.kernel.finish_walks();
        self.kernel.write(unit, bytes)
    }

    #[inline]
    fn publish(&mut self, fact: &FactRecord) {
        self.kernel.finish_earlier_walks();
        if self.config.trail {
            self.trail.add(fact);
        }
        self.audit.fact(fact, &scene!(self));
        if self.config.history {
            self.history.push(Moment::Fact(fact.clone()));
        }
    }

    fn abandoned(&mut self, unit: UnitId, task: Option<&str>) {
        if let Some(task) = task {
            self.audit.owner_ended(task, unit, &scene!(self));
            // The story ends here: how the host cleans up is no part of what went wrong.
            self.history_over |= !self.audit.violations().is_empty();
        }
        self.kernel.finish_walks();
        // Never a silent rescue: what was reported is then cleaned up, so that the rest of the run means something.
        if self.kernel.net.serves(unit) {
            return self.kernel.net.kill(unit, self.clock);
        }
        self.kernel.kill_tree(unit);
        self.abandoned.push(unit);
        self.settle_accounts();
    }

    fn adopted(&mut self, worker: WorkerId, spec: &Arc<WorkerSpec>) {
        self.plan.adopt(worker, spec);
    }

    fn keeps_journal(&mut self) {
        self.audit.expect_flush(FLUSH_MAX + 2 * ATTEMPT_MAX);
    }

    fn crash_host(&mut self) {
        self.settle_accounts();
        self.answers.clear();
        self.late.clear();
        self.writes.clear();
        self.abandoned.clear();
        if self.disk_used {
            self.disk.crash(&mut self.chooser);
        }
        if self.kernel_used {
            self.kernel.crash_host();
            self.settle_accounts();
        }
        self.audit.host_crashed(self.kernel.earlier_units());
    }

    fn boot_host(&mut self) {
        if self.kernel_used {
            self.kernel.boot_host();
        }
    }

    fn proxy_address(&self, proxy: &str) -> Option<SocketAddr> {
        self.kernel.net.address(proxy)
    }

    fn leftovers(&mut self, _session: u64) -> Result<Vec<Leftover>, Errno> {
        match self.kernel.look_fault(&mut self.chooser) {
            Some(errno) => Err(errno),
            None => Ok(self.kernel.leftovers()),
        }
    }

    fn signal_leftover(&mut self, who: Identity, signal: Signal) -> Result<(), Errno> {
        let done = self.kernel.signal_leftover(who, signal);
        self.settle_accounts();
        done
    }

    fn unexpected(&mut self, who: &str, what: &str) {
        self.audit.unexpected(who, what, &scene!(self));
    }

    fn is_patient(&self) -> bool {
        false
    }

    fn contain(act: &mut dyn FnMut()) -> Result<(), String> {
        crate::panic::contain(act)
    }

    fn kill(&mut self, pid: i32, signal: Signal) -> Result<(), Errno> {
        self.kernel.finish_walks();
        let done = self.kernel.kill(pid, signal);
        self.settle_accounts();
        done
    }
}

/// Whether a call may leave a disk other than it was.
const fn changes(call: &FileCall) -> bool {
    match call {
        FileCall::Read { .. } | FileCall::Lock { .. } | FileCall::StatOf { .. } | FileCall::Stat { .. } => false,
        FileCall::List { .. } => false,
        FileCall::Open { .. } | FileCall::Append { .. } | FileCall::Truncate { .. } | FileCall::SetMode { .. } => true,
        FileCall::Sync { .. } | FileCall::Rename { .. } | FileCall::Unlink { .. } => true,
        FileCall::MakeFolder { .. } | FileCall::RemoveFolder { .. } => true,
    }
}

impl<C: Choose + 'static> SimWorld<C> {
    fn signal(&mut self, op: OpId, unit: UnitId, to: Target, signal: Signal) {
        if let Err(errno) = self.kernel.signal_unit(unit, to, signal) {
            self.answers.push_back(Ready::Done { op, completion: Completion::SignalFailed(errno) });
        }
    }

    /// When something is due of the kernel, of the net, or of what a fault has delayed.
    fn deadline_of_more(&self) -> Option<Instant> {
        let late = if self.late.is_empty() { None } else { self.late.keys().next().map(|(at, _)| *at) };
        if !self.kernel_used {
            return late;
        }
        let pause = self.pauses.iter().find(|at| **at > self.clock).copied();
        [self.kernel.next_timer(), late, self.kernel.net.next_timer(), pause].into_iter().flatten().min()
    }

    /// Moves the clock, and whatever keeps time by it.
    fn advance_more(&mut self, to: Instant) {
        if self.disk_used && self.disk.has_struck() {
            self.look_at_pumps();
        }
        self.clock = self.clock.max(to);
        if self.kernel_used {
            self.kernel.set_now(self.clock);
            self.kernel.clock_faults(&mut self.chooser);
            self.kernel.fire_timers();
            self.kernel.net.fire_timers(self.clock);
        }
        if !self.late.is_empty() {
            while let Some(entry) = self.late.first_entry()
                && entry.key().0 <= self.clock
            {
                self.answers.push_back(entry.remove());
            }
        }
    }

    /// Descriptors that are no pipes to us: see [`Redirect::Null`].
    pub(super) fn redirect(&mut self, unit: UnitId, spec: &ProcessSpec) {
        for (fd, redirect) in [Fd::Stdin, Fd::Stdout, Fd::Stderr].into_iter().zip(spec.stdio) {
            match redirect {
                Redirect::Piped => {}
                Redirect::Null | Redirect::Inherited => self.kernel.disconnect(unit, fd),
            }
        }
    }
}
