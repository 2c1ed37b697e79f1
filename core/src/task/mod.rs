//! What an async task holds in its hands: [`TaskCx`]. There is no ambient runtime; whoever has a `TaskCx` may act.

mod cancel;
mod claims;
mod commands;
mod given;
mod join;
mod process;
mod select;
mod sleep;
mod stdio;
mod timeout;

pub use cancel::{CancelSource, Cancelled, Cause};
pub use claims::{Claim, Claims, Promise};
pub use join::{Aborted, JoinHandle};
pub use process::{Process, Processes, SpawnError};
pub use select::{Either2, Either3, Either4, select2, select3, select4};
pub use sleep::Sleep;
pub use stdio::{ExitCode, Stdio, process_task};
pub use timeout::{Elapsed, Ways};

pub(crate) use given::{Given, Registered};
pub(crate) use join::Body as TaskBody;
pub(crate) use process::Operation;
pub(crate) use timeout::Timeouts;

use crate::choose::Ask;
use crate::files::Files;
use crate::ids::{TaskId, UnitId, WorkerId};
use crate::reactor::{Effect, Fate, Name, Reactor, Why};
use crate::site::Kind;
use crate::time::{Duration, Instant};
use crate::vocab::{Fact, Subject};
use alloc::rc::Rc;
use core::future::{Future, poll_fn};
use core::task::Poll;

/// A task's hands. Cheap to clone; not `Send`, because a session and its tasks live on one thread.
#[derive(Clone)]
pub struct TaskCx {
    pub(crate) reactor: Rc<Reactor>,
    pub(crate) cancel: CancelSource,
    pub(crate) task: TaskId,
}

impl TaskCx {
    /// The clock, frozen while the task runs.
    #[inline]
    pub fn now(&self) -> Instant {
        self.reactor.now.get()
    }

    /// The clock on the wall: since 1970, and it may be set. For records that outlive the run; no deadline should rest on it.
    pub fn wall(&self) -> Duration {
        self.reactor.port().wall()
    }

    /// The process that all of this runs in is killed at the end of this turn, as by the kernel when memory is out: every task is dropped
    /// where it stands. Only in a simulation, and only where [`Host::after_crash`](crate::host::Host::after_crash) says what comes then.
    pub fn crash_host(&self) {
        self.reactor.push(Effect::Meet(Fate::Crash));
    }

    /// Waits for a duration.
    #[inline]
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now().after(duration))
    }

    /// Waits until an instant.
    #[inline]
    pub fn sleep_until(&self, at: Instant) -> Sleep {
        Sleep::new(self.reactor.clone(), at)
    }

    /// Waits until this task is asked to end, and says why.
    pub fn cancelled(&self) -> Cancelled {
        self.cancel.cancelled()
    }

    /// Why this task is asked to end, if it is.
    pub fn cancel_cause(&self) -> Option<Cause> {
        self.cancel.cause()
    }

    /// The same hands with a cancellation of their own, which what is spawned through them inherits.
    pub fn cancellable(&self) -> (TaskCx, CancelSource) {
        let source = self.cancel.child();
        (TaskCx { cancel: source.clone(), ..self.clone() }, source)
    }

    /// Starts a task. It runs beside this one; its name and those of its ancestors key its choices.
    pub fn spawn<T, F, Fut>(&self, name: &'static str, task: F) -> JoinHandle<T>
    where
        F: FnOnce(TaskCx) -> Fut,
        Fut: Future<Output = T> + 'static,
        T: 'static,
    {
        self.reactor.spawn(Some(self.task), Name::Literal(name), &self.cancel, task)
    }

    /// As [`spawn`](Self::spawn), with a name made at run time.
    pub fn spawn_named<T, F, Fut>(&self, name: &str, task: F) -> JoinHandle<T>
    where
        F: FnOnce(TaskCx) -> Fut,
        Fut: Future<Output = T> + 'static,
        T: 'static,
    {
        self.reactor.spawn(Some(self.task), Name::Shared(name.into()), &self.cancel, task)
    }

    /// The processes of this task.
    pub fn process(&self) -> Processes<'_> {
        Processes::new(self)
    }

    /// The files of this task.
    pub fn files(&self) -> Files<'_> {
        Files::new(self)
    }

    /// One of `of` alternatives, a choice: 0 in a calm run.
    pub fn pick(&self, of: u32) -> u32 {
        self.reactor.draw(self.task, Kind::Pick, Ask::Pick { of })
    }

    /// Yes with this probability in a million, a choice: no in a calm run.
    pub fn chance(&self, per_million: u32) -> bool {
        self.reactor.draw(self.task, Kind::Fault, Ask::Chance { per_million }) == 1
    }

    /// A duration of `range`, a choice: the shortest in a calm run.
    pub fn draw(&self, range: crate::time::DurationRange) -> Duration {
        self.reactor.draw_span(self.task, range)
    }

    /// Publishes a fact, for supervisors of one's own: oracles audit it like the machines'.
    pub fn emit(&self, subject: Option<WorkerId>, incarnation: u32, unit: Option<UnitId>, fact: Fact) {
        let subject = subject.map_or(Subject::Session, Subject::Worker);
        self.reactor.push(Effect::Fact { subject, incarnation, unit, fact });
    }

    /// Lets everything else that is enabled compete before this task goes on.
    pub async fn yield_now(&self) {
        let mut yielded = false;
        poll_fn(|cx| {
            if core::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    /// Waits until nothing can happen without time passing (the durable quiescence of Go's synctest). In a world whose clock runs
    /// by itself this is never known, and the wait has no end.
    pub async fn settle(&self) {
        let mut asked = false;
        poll_fn(|_| {
            // Who waits is who is polled: these hands may be another task's.
            let me = self.reactor.polled.get();
            if core::mem::replace(&mut asked, true) {
                let mut tasks = self.reactor.tasks.borrow_mut();
                let settled = tasks.get(me).is_none_or(|task| task.why() != Why::Settle);
                return if settled { Poll::Ready(()) } else { Poll::Pending };
            }
            if let Some(task) = self.reactor.tasks.borrow_mut().get(me) {
                task.set_why(Why::Settle);
            }
            self.reactor.settling.borrow_mut().push(me);
            Poll::Pending
        })
        .await
    }

    /// Who else waits for what, as [`settle`](Self::settle) left it: the table of a deadlock report.
    pub fn waiters(&self) -> alloc::vec::Vec<crate::host::Waiter> {
        self.reactor.waiters_beside(Some(self.reactor.polled.get()))
    }
}

impl Reactor {
    /// Puts a task into the table; it is enabled when this turn ends.
    pub(crate) fn spawn<T, F, Fut>(
        self: &Rc<Self>,
        parent: Option<TaskId>,
        name: Name,
        cancel: &CancelSource,
        task: F,
    ) -> JoinHandle<T>
    where
        F: FnOnce(TaskCx) -> Fut,
        Fut: Future<Output = T> + 'static,
        T: 'static,
    {
        let unit = self.tasks.borrow().unit_of(parent);
        self.spawn_in(unit, parent, name, cancel, task)
    }

    /// As [`spawn`](Self::spawn), as part of this unit.
    pub(crate) fn spawn_in<T, F, Fut>(
        self: &Rc<Self>,
        unit: Option<UnitId>,
        parent: Option<TaskId>,
        name: Name,
        cancel: &CancelSource,
        task: F,
    ) -> JoinHandle<T>
    where
        F: FnOnce(TaskCx) -> Fut,
        Fut: Future<Output = T> + 'static,
        T: 'static,
    {
        let id = self.tasks.borrow_mut().reserve(parent, name, unit);
        let cx = TaskCx { reactor: self.clone(), cancel: cancel.clone(), task: id };
        let body = Rc::new(TaskBody::new(task(cx)));
        self.tasks.borrow_mut().fill(id, body.clone());
        if let Some(unit) = unit {
            self.joins_unit(unit, id);
        }
        self.born(id);
        JoinHandle::new(body, self.clone(), id)
    }
}
