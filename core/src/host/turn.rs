//! One turn: ask the world, run the least enabled action, carry out what it asked for.

use super::actors::Entry;
use super::mail::Mail;
use super::queue::Entry as Enabled;
use super::{Action, Host, Queue, ROOM_KEPT, Step};
use crate::choose::Choose;
use crate::files::FileAnswer;
use crate::ids::{OpId, TaskId};
use crate::machine::{Event, Machine};
use crate::reactor::{Left, Owner, Reactor, Why};
use crate::site::Site;
use crate::tie::Deadlines;
use crate::time::Instant;
use crate::vocab::Completion;
use crate::world::{Ready, World};
use core::task::{Context, Poll};

impl<W: World, A: Machine> Host<W, A> {
    /// Runs the next enabled action, or says why there is none.
    pub fn step(&mut self) -> Step {
        self.run_to(self.steps + 1, Instant::NEVER)
    }

    /// Runs enabled actions until there is none, `steps` were taken since the host was new, or the clock stands beyond `time`: the step
    /// that has gone too far is the last. A simulation is a few dozen short steps, and to come in anew for each of them costs as much as some of them do.
    pub fn run_to(&mut self, steps: u64, time: Instant) -> Step {
        loop {
            match self.turn() {
                Step::Ran if self.steps >= steps || self.reactor.now.get() > time => return Step::Ran,
                Step::Ran => {}
                end @ (Step::Idle { .. } | Step::Done | Step::Stuck) => return end,
            }
        }
    }

    /// One turn.
    #[inline(always)]
    fn turn(&mut self) -> Step {
        if self.patient {
            let now = self.world.borrow_mut().now();
            if now != self.reactor.now.get() {
                self.clock_moved(now);
            }
        }
        self.absorb();
        loop {
            if let Some(&Enabled { label, nth, turn, action, .. }) = self.next_action() {
                let site = Site { kind: action.kind(), label, nth };
                if self.flight.is_some() {
                    self.note_flight(site, turn, action);
                }
                self.note_step(site);
                match action {
                    Action::Poll(task) => self.run_poll(task),
                    Action::Mail(actor) => self.run_mail(actor),
                    Action::Tick(actor) => self.run_tick(actor),
                    Action::Step(step) => {
                        let deadlines = Deadlines::new(&self.reactor.timers);
                        self.world.borrow_mut().run(step, deadlines);
                    }
                    Action::Clock => self.deadline_comes(),
                }
                if self.reactor.stirs.get() {
                    self.carry_out();
                }
                return Step::Ran;
            }
            if !self.reactor.settling.borrow().is_empty() && self.settle() {
                self.absorb_more();
                continue;
            }
            if self.is_over() {
                return Step::Done;
            }
            match self.next_deadline() {
                Some(at) => {
                    let moved = self.advance(at);
                    if moved.now < at {
                        return Step::Idle { until: Some(at) };
                    }
                    if moved.stirs {
                        self.absorb_more();
                    }
                }
                None if self.patient => return Step::Idle { until: None },
                None => return Step::Stuck,
            }
        }
    }

    /// Takes the action that runs next, as ranks decide or as the chooser picks.
    #[inline(always)]
    fn next_action(&mut self) -> Option<&Enabled> {
        if self.picking.is_none() { self.queue.pop() } else { self.pick() }
    }

    /// Whether everybody in charge has come to an end: each root task has returned and each machine is closed. What still lives then,
    /// a task that a root has left behind or a timer, was forgotten; nobody waits for it.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.roots.is_empty() && !self.has_open_machine()
    }

    fn has_open_machine(&self) -> bool {
        // Whoever was open last is asked first: mostly one question. A closed machine may open again, as a worker that is started.
        let is_open = |entry: &Entry<A>| !entry.machine.is_closed();
        let (before, from) = self.actors.split_at(self.open.get().min(self.actors.len()));
        let open = match from.iter().position(is_open) {
            Some(at) => Some(before.len() + at),
            None => before.iter().position(is_open),
        };
        self.open.set(open.unwrap_or(0));
        open.is_some()
    }

    /// Enables what has become possible since the last turn.
    #[inline(always)]
    fn absorb(&mut self) {
        if self.recorder.is_some() || self.status.is_some() {
            self.serve_writers();
        }
        if self.reactor.stirs.get() {
            self.absorb_answers();
        }
        loop {
            let mut world = self.world.borrow_mut();
            match world.next_ready() {
                Some(Ready::Step { step, label, nth }) => {
                    self.queue.push(Action::Step(step), label, nth, world.chooser());
                }
                Some(Ready::Done { op, completion }) => {
                    drop(world);
                    self.complete(op, completion);
                }
                Some(Ready::Observed(event)) => {
                    drop(world);
                    for i in 0..self.listeners.len() {
                        self.mail(self.listeners[i], Mail::Event(Event::Observed(event.clone())));
                    }
                }
                None => {
                    while let Some(task) = world.next_woken() {
                        enable(&mut self.queue, &self.reactor, task, world.chooser());
                    }
                    break;
                }
            }
        }
        if !self.prompt.is_empty() {
            self.close_prompt_acts();
        }
        if self.reactor.stirs.get() {
            if !self.reactor.newborn.borrow().is_empty() {
                self.welcome();
            }
            self.reactor.calm_down();
        }
    }

    fn absorb_answers(&mut self) {
        loop {
            let answer = self.reactor.answers.borrow_mut().pop_front();
            let Some((op, completion)) = answer else { return };
            self.complete(op, completion);
        }
    }

    /// The same, out of line, where it is not the first thing in a turn.
    #[inline(never)]
    pub(super) fn absorb_more(&mut self) {
        self.absorb();
    }

    /// A prompt act is over when its turn is, unless its failure is on the way to a machine.
    #[inline(always)]
    fn close_prompt_acts(&mut self) {
        for op in self.prompt.drain(..) {
            let mut ops = self.reactor.ops.borrow_mut();
            if ops.get(op).is_some_and(|open| !open.failed) {
                let waker = ops.close(op);
                drop(ops);
                drop(waker);
            }
        }
    }

    /// Tasks that were spawned get their wakers and become enabled.
    fn welcome(&mut self) {
        let newborn = core::mem::take(&mut *self.reactor.newborn.borrow_mut());
        for &task in &newborn {
            let mut world = self.world.borrow_mut();
            let mut wakers = self.reactor.wakers.borrow_mut();
            while wakers.len() <= task.index() {
                let slot = TaskId(wakers.len() as u32);
                wakers.push(world.waker(slot));
            }
            drop(wakers);
            if let Some(t) = self.reactor.tasks.borrow_mut().get(task) {
                self.queue.push(Action::Poll(task), t.label, t.polls, world.chooser());
            }
        }
        if newborn.capacity() <= ROOM_KEPT {
            let mut newborn = newborn;
            newborn.clear();
            *self.reactor.newborn.borrow_mut() = newborn;
        }
    }

    pub(super) fn enable_poll(&mut self, task: TaskId) {
        enable(&mut self.queue, &self.reactor, task, self.world.borrow_mut().chooser());
    }

    fn run_poll(&mut self, task: TaskId) {
        let run = {
            let mut tasks = self.reactor.tasks.borrow_mut();
            let Some(t) = tasks.get(task) else { return };
            t.queued = false;
            t.polls += 1;
            let Some(run) = t.run.clone() else { return };
            run
        };
        self.reactor.polled.set(task);
        // Wakers are only added between polls, so this borrow is shared with nobody who writes.
        let wakers = self.reactor.wakers.borrow();
        let over = run.poll(&mut Context::from_waker(&wakers[task.index()])) == Poll::Ready(());
        drop(wakers);
        if over {
            self.task_over(task);
        }
    }

    pub(super) fn task_over(&mut self, task: TaskId) {
        let left = self.reactor.tasks.borrow_mut().leave(task);
        let Some(Left { run, units, name, unit }) = left else { return };
        self.reactor.wake_joiner(task, &*run);
        drop(run);
        self.roots.retain(|root| *root != task);
        // What the task asked for in its last turn comes before what becomes of its processes.
        self.carry_out_effects();
        for orphan in units {
            let by = name.as_ref().map(|n| n.as_str());
            self.world.borrow_mut().abandoned(orphan, by);
        }
        if let Some(unit) = unit {
            self.task_left_unit(unit, task);
        }
    }

    /// An operation is complete: into a mailbox, into a task's slot, or to the host itself.
    pub(super) fn complete(&mut self, op: OpId, completion: Completion) {
        let (owner, unit) = {
            let mut ops = self.reactor.ops.borrow_mut();
            let Some(open) = ops.get(op) else { return }; // withdrawn
            open.failed |= matches!(completion, Completion::SignalFailed(_));
            (open.owner, open.unit)
        };
        match owner {
            Owner::Actor(id) => self.mail_answer(id, op, completion),
            Owner::Task(_) => {
                let waker = self.reactor.ops.borrow_mut().get(op).and_then(|open| open.answer(completion));
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            Owner::Nobody => {
                let waker = self.reactor.ops.borrow_mut().close(op);
                drop(waker);
                // Nobody waited for the start, but the process is there; and so is a file that was opened.
                if let Completion::Spawned(Ok(_)) = completion {
                    self.world.borrow_mut().abandoned(unit, None);
                } else if let Completion::Filed(answer) = completion
                    && let Ok(FileAnswer::Opened(file)) = *answer
                {
                    self.world.borrow_mut().close_file(file);
                }
            }
        }
    }

    /// Wakes those who wait for quiescence; true if there was somebody.
    fn settle(&mut self) -> bool {
        let settling = core::mem::take(&mut *self.reactor.settling.borrow_mut());
        if settling.is_empty() || self.patient {
            *self.reactor.settling.borrow_mut() = settling;
            return false;
        }
        for task in settling {
            if let Some(t) = self.reactor.tasks.borrow_mut().get(task)
                && t.why() == Why::Settle
            {
                t.set_why(Why::Unknown);
            }
            self.enable_poll(task);
        }
        true
    }
}

/// Enables a task that was woken, unless it is enabled already.
#[inline]
pub(super) fn enable<C: Choose>(queue: &mut Queue, reactor: &Reactor, task: TaskId, chooser: &mut C) {
    let mut tasks = reactor.tasks.borrow_mut();
    let Some(t) = tasks.get(task) else { return };
    chooser.touched(t.label);
    if !core::mem::replace(&mut t.queued, true) {
        queue.push(Action::Poll(task), t.label, t.polls, chooser);
    }
}
