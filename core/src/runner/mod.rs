//! The verbs over a live session, for code in tasks: start, list, stop, kill, restart, signal, wait.
//!
//! A session's plan is fixed; what comes up later is started here, and is the session's as much as the rest: it is stopped with it,
//! and its facts stand in the same history. A verb is carried out at the end of the turn in which it is called, in order.
//!
//! ```
//! use shakedown_core::runner::{Runner, from_fn};
//! use shakedown_core::task::TaskCx;
//! # async fn example(cx: TaskCx) -> Option<()> {
//! let runner = cx.runner()?;
//! let job = runner.start(from_fn("job", |cx| async move { Ok::<(), &str>(cx.yield_now().await) })).ok()?;
//! let outcome = job.wait().await.ok()?;
//! assert_eq!(outcome.incarnation, 1);
//! # Some(())
//! # }
//! ```

mod board;
mod error;
mod handle;
mod spec;

pub use board::Listing;
pub use error::Refused;
pub use handle::Handle;
pub use spec::{TaskSpec, from_fn};

pub(crate) use board::{Board, Boards, Entry};

use crate::ids::{ActorId, WorkerId};
use crate::machine::{Command, Event};
use crate::reactor::{Effect, Reactor};
use crate::session::for_worker;
use crate::signal::Signal;
use crate::snapshot::Kind;
use crate::task::TaskCx;
use crate::time::{Duration, Instant};
use crate::vocab::{Body, Outcome, Requester, StopPolicy, WorkerState};
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use board::Wait;

/// The verbs over one session. Cheap to clone; whoever has it may act, and its end is nobody's: dropping it does nothing.
#[derive(Clone)]
pub struct Runner {
    reactor: Rc<Reactor>,
    session: ActorId,
}

/// Which workers are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// Those that run, or are to run.
    Running,
    /// All that were not removed.
    Retained,
}

impl TaskCx {
    /// The runner that the host has opened for its session; the first one where it has several. None where it has none: without
    /// [`Host::runner`](crate::host::Host::runner) a task can start nothing in a session.
    pub fn runner(&self) -> Option<Runner> {
        let session = *self.reactor.boards.borrow().list.keys().next()?;
        Some(Runner { reactor: self.reactor.clone(), session })
    }
}

impl Runner {
    pub(crate) fn new(reactor: &Rc<Reactor>, session: ActorId) -> Runner {
        Runner { reactor: reactor.clone(), session }
    }

    /// Whether the session takes new work: nobody has asked it to end.
    pub fn takes_work(&self) -> bool {
        self.reactor.boards.borrow().list.get(&self.session).is_some_and(Board::is_open)
    }

    /// Whether the session has begun, and is not over.
    pub(crate) fn is_up(&self) -> bool {
        let boards = self.reactor.boards.borrow();
        let state = boards.list.get(&self.session).map(|board| board.state);
        state.is_some_and(|state| state != WorkerState::Pending && !state.is_terminal())
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        self.reactor.boards.borrow().list.get(&self.session).is_none_or(|board| board.state.is_terminal())
    }

    /// Adds a worker to the session and starts it.
    ///
    /// # Errors
    /// [`Refused::Stopping`].
    pub fn start(&self, spec: TaskSpec) -> Result<Handle, Refused> {
        let handle = self.add(spec)?;
        self.bring_up(handle.id(), Command::Start);
        Ok(handle)
    }

    /// Adds a worker to the session, to be started by [`start_again`](Self::start_again).
    ///
    /// # Errors
    /// [`Refused::Stopping`].
    pub fn add(&self, spec: TaskSpec) -> Result<Handle, Refused> {
        let mut boards = self.reactor.boards.borrow_mut();
        let board = boards.list.get_mut(&self.session).filter(|board| board.is_open()).ok_or(Refused::Stopping)?;
        let id = WorkerId(board.next);
        board.next += 1;
        let spec = Arc::new(spec.into_worker(|function| self.reactor.register(function)));
        let function = if let Body::Function(at) = spec.body { Some(at) } else { None };
        board.workers.insert(id, Entry::new(Listing::new(id, &spec), false, function));
        drop(boards);
        self.reactor.push(Effect::Adopt { session: self.session, worker: id, spec });
        Ok(Handle::new(self.clone(), id))
    }

    /// Starts what is over, or was only added; what runs already goes on.
    ///
    /// # Errors
    /// [`Refused::Unknown`], [`Refused::Stopping`].
    pub fn start_again(&self, id: WorkerId) -> Result<(), Refused> {
        self.look(id)?;
        self.is_open()?;
        self.bring_up(id, Command::Start);
        Ok(())
    }

    /// The workers of the session, in the order of their numbers.
    pub fn list(&self, which: Which) -> Vec<Listing> {
        let boards = self.reactor.boards.borrow();
        let all = boards.list.get(&self.session).into_iter().flat_map(|board| board.workers.values());
        let listed = all.map(|entry| &entry.listing).filter(|listing| which == Which::Retained || !listing.is_over);
        listed.cloned().collect()
    }

    /// One worker, while it is not removed.
    pub fn get(&self, id: WorkerId) -> Option<Listing> {
        self.look(id).ok()
    }

    /// The hands on a worker, of the plan or started here.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn handle(&self, id: WorkerId) -> Result<Handle, Refused> {
        self.look(id).map(|listing| Handle::new(self.clone(), listing.id))
    }

    /// Whether somebody of this worker is there to be signalled: its leader executes, as far as is known.
    pub fn is_running(&self, id: WorkerId) -> bool {
        self.look(id).is_ok_and(|listing| listing.is_live)
    }

    /// Asks it to end, by its own policy; once it is over it stays so. Several stops are one.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn stop(&self, id: WorkerId) -> Result<(), Refused> {
        self.stop_by(id, Instant::NEVER)
    }

    /// As [`stop`](Self::stop), to be over within so much time: the earlier of the two deadlines counts.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn stop_within(&self, id: WorkerId, within: Duration) -> Result<(), Refused> {
        self.stop_by(id, self.reactor.now.get().after(within))
    }

    /// As [`stop`](Self::stop), by this policy instead of its own, for this once. Its scope stays as it was started; a stop that is under
    /// way is at most hastened; of a supervisor's policy only the time that it allows counts.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn stop_with(&self, id: WorkerId, policy: StopPolicy) -> Result<(), Refused> {
        self.look(id)?;
        let policy = Arc::new(policy);
        self.send(id, Command::StopWith { policy, by: Requester::User, deadline: Instant::NEVER });
        Ok(())
    }

    fn stop_by(&self, id: WorkerId, deadline: Instant) -> Result<(), Refused> {
        self.look(id)?;
        self.send(id, Command::Stop { by: Requester::User, deadline });
        Ok(())
    }

    /// Makes it end at once, by force; a restart that is on its way does not come.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn kill(&self, id: WorkerId) -> Result<(), Refused> {
        self.look(id)?;
        self.send(id, Command::Kill { by: Requester::User, deadline: Instant::NEVER });
        Ok(())
    }

    /// Stops it and starts it again; several at once are one, a stop meanwhile wins, and what is over is only started.
    ///
    /// # Errors
    /// [`Refused::Unknown`], [`Refused::Stopping`].
    pub fn restart(&self, id: WorkerId) -> Result<(), Refused> {
        self.look(id)?;
        self.is_open()?;
        self.bring_up(id, Command::Restart(Requester::User));
        Ok(())
    }

    /// Asks the whole session to stop, by its own policy; a second time as its policy for a second stop says. It starts nobody any more.
    pub fn stop_session(&self) {
        let stop = Command::Stop { by: Requester::User, deadline: Instant::NEVER };
        self.reactor.push(Effect::Tell { to: self.session, event: Event::Command(stop) });
    }

    /// Makes the whole session end at once, by force.
    pub fn kill_session(&self) {
        let kill = Command::Kill { by: Requester::User, deadline: Instant::NEVER };
        self.reactor.push(Effect::Tell { to: self.session, event: Event::Command(kill) });
    }

    /// Sends a signal by its number, as its stop policy addresses signals; 0 sends nothing and only asks whether it runs (kill(2)).
    ///
    /// # Errors
    /// [`Refused::Unknown`], [`Refused::NotRunning`], [`Refused::NoSignal`]; [`Refused::NoMessage`] for KILL and STOP.
    pub fn signal(&self, id: WorkerId, number: i32) -> Result<(), Refused> {
        let signal = match number {
            0 => None,
            number => Some(Signal::from_number(number).ok_or(Refused::NoSignal(number))?),
        };
        if let Some(signal) = signal.filter(|signal| !signal.can_be_caught()) {
            return Err(Refused::NoMessage(signal));
        }
        self.live(id)?;
        if let Some(signal) = signal {
            self.send(id, Command::Signal(signal));
        }
        Ok(())
    }

    /// Writes to its standard input, as far as anybody reads it.
    ///
    /// # Errors
    /// [`Refused::Unknown`], [`Refused::NotRunning`].
    pub fn send_input(&self, id: WorkerId, bytes: &[u8]) -> Result<(), Refused> {
        self.live(id)?;
        self.send(id, Command::Input(bytes.into()));
        Ok(())
    }

    /// Closes its standard input: it reads to the end.
    ///
    /// # Errors
    /// [`Refused::Unknown`], [`Refused::NotRunning`].
    pub fn close_input(&self, id: WorkerId) -> Result<(), Refused> {
        self.live(id)?;
        self.send(id, Command::CloseInput);
        Ok(())
    }

    /// Waits until it is over and will not be brought back. Any number of waiters, also after the fact, get the same outcome; who
    /// waited when it ended gets that one, even where it is started anew before he looks. Dropped, it stops waiting and nothing else.
    ///
    /// # Errors
    /// [`Refused::Unknown`], also where it is removed meanwhile; [`Refused::Stopping`] where it was not started before its session ended.
    pub async fn wait(&self, id: WorkerId) -> Result<Arc<Outcome>, Refused> {
        let wait = {
            let mut boards = self.reactor.boards.borrow_mut();
            boards.list.get_mut(&self.session).map_or(Wait::Unknown, |board| board.wait(id))
        };
        match wait {
            Wait::Over(outcome) => Ok(outcome),
            Wait::Open(told) => match told.await {
                Ok(outcome) => Ok(outcome),
                Err(_) => Err(self.look(id).map_or_else(|unknown| unknown, |_| Refused::Stopping)),
            },
            Wait::Unknown => Err(Refused::Unknown(id)),
            Wait::Never => Err(Refused::Stopping),
        }
    }

    /// Sets a variable for its next starts, beside those of its spec.
    ///
    /// # Errors
    /// [`Refused::Unknown`]; [`Refused::Running`] where it runs, or is to run again; [`Refused::NoEnvironment`] where its unit reads
    /// none: puppet scripts, proxies and supervisors.
    pub fn set_env(&self, id: WorkerId, name: &str, value: &str) -> Result<(), Refused> {
        let listing = self.look(id)?;
        match listing.kind {
            Kind::Process | Kind::Function => {}
            Kind::Task | Kind::Supervisor | Kind::Session | Kind::Proxy => return Err(Refused::NoEnvironment(id)),
        }
        if !listing.is_over {
            return Err(Refused::Running(id));
        }
        self.with(id, |entry| entry.env.insert(name.into(), value.into()));
        Ok(())
    }

    /// Forgets a worker that was started here and is over, its outcome included.
    ///
    /// # Errors
    /// [`Refused::Unknown`], [`Refused::Planned`]; [`Refused::Running`] where it runs, or is to run again.
    pub fn remove(&self, id: WorkerId) -> Result<(), Refused> {
        let listing = self.look(id)?;
        if self.with(id, |entry| entry.is_planned) == Some(true) {
            return Err(Refused::Planned(id));
        }
        if !listing.is_over {
            return Err(Refused::Running(id));
        }
        let removed = {
            let mut boards = self.reactor.boards.borrow_mut();
            boards.list.get_mut(&self.session).and_then(|board| board.workers.remove(&id))
        };
        let function = removed.and_then(|entry| entry.function).and_then(|at| self.reactor.unregister(at));
        drop(function);
        self.reactor.push(Effect::Tell { to: self.session, event: Event::Command(Command::Forget(id)) });
        Ok(())
    }

    /// Removes all that were started here and are over; how many.
    pub fn clear(&self) -> usize {
        self.list(Which::Retained).into_iter().filter(|listing| self.remove(listing.id).is_ok()).count()
    }

    fn look(&self, id: WorkerId) -> Result<Listing, Refused> {
        self.with(id, |entry| entry.listing.clone()).ok_or(Refused::Unknown(id))
    }

    fn live(&self, id: WorkerId) -> Result<(), Refused> {
        if self.look(id)?.is_live { Ok(()) } else { Err(Refused::NotRunning(id)) }
    }

    fn is_open(&self) -> Result<(), Refused> {
        let boards = self.reactor.boards.borrow();
        let open = boards.list.get(&self.session).is_some_and(Board::is_open);
        if open { Ok(()) } else { Err(Refused::Stopping) }
    }

    fn with<T>(&self, id: WorkerId, act: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let mut boards = self.reactor.boards.borrow_mut();
        boards.list.get_mut(&self.session)?.workers.get_mut(&id).map(act)
    }

    /// From here on it is not over, for whatever else this task does in this turn; the session has the last word.
    fn bring_up(&self, id: WorkerId, command: Command) {
        self.with(id, |entry| entry.listing.is_over = false);
        self.send(id, command);
    }

    fn send(&self, id: WorkerId, command: Command) {
        self.reactor.push(Effect::Tell { to: self.session, event: for_worker(id, command) });
    }
}
