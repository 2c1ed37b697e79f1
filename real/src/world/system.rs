//! What the glue asks of what lies below it: a machine on which processes run, and a runtime that runs its tasks. In production these are
//! Linux and tokio; where the glue itself is explored, the simulated kernel and a simulator's runtime. The glue is the same code.

use shakedown_core::files::FileCall;
use shakedown_core::ids::{FileId, OpId, Pid, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{
    Channel, Errno, ExitStatus, HttpGet, Identity, Launch, Leftover, ProcessSpec, Request, SpawnFailure, Stream,
    Survey, Target, TryRead, TryWrite,
};
use shakedown_core::world::Ready;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A runtime on whose one thread a world lives.
pub trait Executor: 'static {
    /// A task that was started.
    type Task: 'static;

    /// Starts a task on this thread, at a later turn. It goes on when its handle is dropped.
    fn spawn(task: impl Future<Output = ()> + 'static) -> Self::Task;

    /// Drops a task's future, at its next turn at the latest; never within this call's caller's own poll.
    fn abort(task: &Self::Task);

    /// Until so much time has passed.
    fn sleep(length: Duration) -> impl Future<Output = ()>;

    /// Lets everybody else on this thread have a turn.
    fn others_first() -> impl Future<Output = ()>;
}

/// A start, as it is told to the machine.
pub struct Start {
    /// As what.
    pub unit: UnitId,
    /// What to start.
    pub spec: Arc<ProcessSpec>,
    /// What this incarnation is told and given beside.
    pub launch: Launch,
}

/// Where the machine's answer to a start goes. To be called once, on any thread.
pub type Answer<B> = Box<dyn FnOnce(B) + Send>;

/// A machine on which processes run. Calls do not block; futures are waits, and dropping one withdraws it and does nothing else.
pub trait System: Sized + 'static {
    /// Where its tasks run.
    type Executor: Executor;
    /// One process and who belongs to it, as long as anything may be asked of it.
    type Unit: Unit;
    /// The answer to a start, on its way to the host's thread.
    type Born: Send + 'static;

    /// The clock.
    fn now(&self) -> Instant;

    /// Until the clock shows at least this.
    fn reached(&self, at: Instant) -> impl Future<Output = ()>;

    /// A number that is this run's own: [`World::nonce`](shakedown_core::world::World::nonce).
    fn nonce(&self) -> u64;

    /// Starts a process.
    fn start(self: &Rc<Self>, start: Start, answer: Answer<Self::Born>);

    /// Takes the answer, on the host's thread. All or nothing: what cannot be held on to is ended.
    ///
    /// # Errors
    /// Why it does not execute.
    fn register(self: &Rc<Self>, born: Self::Born) -> Result<(Pid, Rc<Self::Unit>), SpawnFailure>;

    /// Until the leader has ended. It stays a zombie.
    fn ended(self: &Rc<Self>, unit: &Self::Unit) -> impl Future<Output = ExitStatus>;

    /// Until nobody in the scope is alive; adopted members are reaped on the way.
    fn emptied(self: &Rc<Self>, unit: &Self::Unit) -> impl Future<Output = ()>;

    /// Until the unit has said that it is ready; for ever, where it was given nothing to say it on.
    fn notified(&self, unit: &Self::Unit, channel: Channel) -> impl Future<Output = ()>;

    /// Whether somebody accepts a connection at this `HOST:PORT`.
    fn connect(&self, address: &str) -> impl Future<Output = bool>;

    /// What this is answered with by HTTP; `None` where it is not within [`HttpGet::PATIENCE`].
    fn get(&self, get: &HttpGet) -> impl Future<Output = Option<u16>>;

    /// Sends a signal.
    ///
    /// # Errors
    /// What the system says: `ESRCH` where nobody is there.
    fn signal(&self, unit: &Self::Unit, to: Target, signal: Signal) -> Result<(), Errno>;

    /// Reaps the leader if it has ended; whether it is reaped.
    fn reap(self: &Rc<Self>, unit: &Self::Unit) -> bool;

    /// Whether others than the leader live in the scope, once it has ended; `None` where that cannot be told.
    fn has_others(self: &Rc<Self>, unit: &Self::Unit) -> Option<bool>;

    /// Who lives, and who holds an output.
    fn survey(self: &Rc<Self>, unit: &Self::Unit) -> Survey;

    /// Takes a call about files: a slow act, answered through [`next_filed`](Self::next_filed), when the board's bell rings.
    fn file(&self, op: OpId, call: FileCall);

    /// Closes an open file.
    fn close_file(&self, file: FileId);

    /// The next call about files that is over.
    fn next_filed(&self) -> Option<Ready>;

    /// Whether a call about files is under way.
    fn owes_files(&self) -> bool;

    /// Takes a request about a proxy, the start of one included, and answers it on the board; false where the unit is none, or the
    /// machine has none.
    fn ask_proxy(&self, op: OpId, unit: UnitId, request: &Request) -> bool {
        let _ = (op, unit, request);
        false
    }

    /// Withdraws a wait for something of a proxy, if the unit is one.
    fn withdraw_from_proxy(&self, op: OpId, unit: UnitId) {
        let _ = (op, unit);
    }

    /// Nobody answers for a proxy any more; false where the unit is none.
    fn abandon_proxy(&self, unit: UnitId) -> bool {
        let _ = unit;
        false
    }

    /// Where the proxy of this name listens, or has listened last.
    fn proxy_address(&self, proxy: &str) -> Option<SocketAddr> {
        let _ = proxy;
        None
    }

    /// Living processes that carry this mark of a session, and that no unit of ours is or has started.
    ///
    /// # Errors
    /// Why nobody can look.
    fn leftovers(&self, mark: &str) -> Result<Vec<Leftover>, Errno> {
        let _ = mark;
        Ok(Vec::new())
    }

    /// Signals one of them, if it is still the same process.
    ///
    /// # Errors
    /// `ESRCH` where it is gone.
    fn signal_leftover(&self, who: Identity, signal: Signal) -> Result<(), Errno> {
        let _ = (who, signal);
        Err(Errno::ESRCH)
    }

    /// Nothing is asked of it any more.
    fn forget(&self, unit: &Self::Unit);

    /// The task that had started it has ended, and it has not: whoever lives of it is to be blamed on that task.
    fn report_abandoned(&self, unit: &Self::Unit, task: &str);

    /// Its world is gone, and nobody listens any more. Bookkeeping only.
    fn close(&self);
}

/// A unit of a machine.
pub trait Unit: 'static {
    /// Our end of one of its pipes.
    type Port: Port;

    /// What it is called where something is found about it, as `server (4711)`: with the pid of its leader.
    fn name(&self) -> String;

    /// What it reads.
    fn stdin(&self) -> &Self::Port;

    /// What it writes.
    fn output(&self, stream: Stream) -> &Self::Port;

    /// Whether its leader is reaped.
    fn is_reaped(&self) -> bool;

    /// Whether anybody still holds the write end of an output that we have not closed; `None` where we have closed all.
    fn has_writers(&self) -> Option<bool>;
}

/// Our end of a pipe. Closing it takes effect at once, whoever waits on it.
pub trait Port {
    /// Appends at most `max` bytes. A closed end is at its end.
    fn try_read(&self, into: &mut Vec<u8>, max: usize) -> TryRead;

    /// Writes what fits. A closed end is broken.
    fn try_write(&self, bytes: &[u8]) -> TryWrite;

    /// Until an attempt would not block: there are bytes, or room, or the other end is closed, or this one is. One wait at a time.
    fn ready(&self) -> impl Future<Output = ()>;

    /// Closes it.
    fn close(&self);

    /// Whether it is closed.
    fn is_closed(&self) -> bool;

    /// Whether the other end is closed, and nothing is left to read.
    fn is_spent(&self) -> bool;
}
