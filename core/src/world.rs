//! What a host needs from its world: a clock, a chooser, wakers, and processes. The simulator and the real backend each
//! implement this once; everything above it is the same code.

use crate::choose::Choose;
use crate::files::FileCall;
use crate::ids::{FileId, OpId, TaskId, UnitId, WorkerId};
use crate::signal::Signal;
use crate::site::Label;
use crate::tie::Deadlines;
use crate::time::{Duration, Instant};
use crate::vocab::{
    Completion, Errno, FactRecord, Identity, Leftover, ProcessEvent, Request, Stream, TryRead, TryWrite, WorkerSpec,
};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::task::Waker;

/// Something of the world's that has become possible, or has happened, since the host last asked.
#[derive(Clone, PartialEq, Debug)]
pub enum Ready {
    /// The world can take a step of its own (a simulated process runs). It competes with all other enabled actions and is
    /// taken by [`World::run`]. A step is announced once until it has run.
    Step {
        /// The world's name for it.
        step: u32,
        /// Who steps, for its site.
        label: Label,
        /// How often it has stepped before.
        nth: u32,
    },
    /// An operation is complete.
    Done {
        /// Which.
        op: OpId,
        /// The answer.
        completion: Completion,
    },
    /// A process of a unit was seen to start, end or get a signal.
    Observed(ProcessEvent),
}

/// The ports of a host.
pub trait World: 'static {
    /// Where its choices come from.
    type Chooser: Choose;

    /// The clock. Asked once a turn; frozen within an instant in the simulator.
    fn now(&mut self) -> Instant;

    /// The clock on the wall: since 1970, and it may be set. For records that outlive the run; no deadline rests on it.
    fn wall(&mut self) -> Duration {
        self.now().since(Instant::ZERO)
    }

    /// The source of all choices.
    fn chooser(&mut self) -> &mut Self::Chooser;

    /// Takes a request about `unit`. Completions come back through [`next_ready`](Self::next_ready), at most one an op.
    fn submit(&mut self, op: OpId, unit: UnitId, request: Request);

    /// Takes a call about files: a slow act, always answered by [`Completion::Filed`] through [`next_ready`](Self::next_ready).
    fn file(&mut self, op: OpId, call: FileCall);

    /// Closes an open file, and so gives up its lock: a prompt act that cannot fail.
    fn close_file(&mut self, file: FileId);

    /// An answer as its machine takes it. What it says beside the event itself, as who else lives, is looked up on a real machine at some
    /// moment between the event and now, and so the simulator chooses one.
    fn taken(&mut self, unit: UnitId, completion: Completion) -> Completion {
        let _ = unit;
        completion
    }

    /// Withdraws a wait for something of `unit`: its completion will not come, unless it was handed out already. Acts are not withdrawn.
    fn withdraw(&mut self, op: OpId, unit: UnitId);

    /// The next thing that has become ready, in order of arrival; `None` where nothing is left.
    fn next_ready(&mut self) -> Option<Ready>;

    /// Whether [`next_ready`](Self::next_ready) or [`next_woken`](Self::next_woken) may have something: asked where mostly there is
    /// nothing, so that a world that can tell at a glance spares its host both questions.
    fn has_ready(&self) -> bool {
        true
    }

    /// Takes a step that was announced as [`Ready::Step`]. A duration that is drawn in it may end together with one of these deadlines.
    fn run(&mut self, step: u32, deadlines: Deadlines<'_>);

    /// The name of whoever takes a step that was announced, for reports.
    fn step_name(&self, step: u32) -> String {
        let _ = step;
        String::new()
    }

    /// How many facts and process events it has kept so far, for reports.
    fn told(&self) -> usize {
        0
    }

    /// The waker of a task slot: made once a slot, handed out for every task that occupies it.
    fn waker(&mut self, slot: TaskId) -> Waker;

    /// The next slot that was woken since the host last asked, in order; each once.
    fn next_woken(&mut self) -> Option<TaskId>;

    /// The next instant at which the world itself has something to do, as a simulated process that sleeps.
    fn deadline(&self) -> Option<Instant>;

    /// Moves the clock: nothing is enabled before `to`. A world whose clock moves by itself does nothing.
    fn advance(&mut self, to: Instant);

    /// Reads what is there from a unit's output, at most `max` bytes, appended to `into`.
    fn try_read(&mut self, unit: UnitId, stream: Stream, into: &mut Vec<u8>, max: usize) -> TryRead;

    /// Writes what fits to a unit's stdin.
    fn try_write(&mut self, unit: UnitId, bytes: &[u8]) -> TryWrite;

    /// Takes note of a fact. Facts come in order, in the turn in which they became true.
    fn publish(&mut self, fact: &FactRecord);

    /// Nobody answers for this unit any more: whatever of it lives is killed and reaped. Where a task of this name ended without
    /// having ended it, what lives is also reported.
    fn abandoned(&mut self, unit: UnitId, task: Option<&str>);

    /// A worker that its plan does not know has joined the session: whoever names workers takes note.
    fn adopted(&mut self, worker: WorkerId, spec: &Arc<WorkerSpec>) {
        let _ = (worker, spec);
    }

    /// A journal is kept: for a moment after its session has ended it is still written.
    fn keeps_journal(&mut self) {}

    /// A machine met an event that its state has no answer for, or an invariant is broken.
    fn unexpected(&mut self, who: &str, what: &str);

    /// The supervisor's process is killed, and all that it had is gone with it: open files, pipes, waits, and children that are to die
    /// with their parent. Only a simulated world can do that to itself; another does nothing.
    fn crash_host(&mut self) {}

    /// Another supervisor is started where one was killed.
    fn boot_host(&mut self) {}

    /// Where the proxy of this name listens, or has listened last.
    fn proxy_address(&self, proxy: &str) -> Option<SocketAddr> {
        let _ = proxy;
        None
    }

    /// Who lives, as of some moment now, of what an earlier supervisor of the session with this mark has started.
    ///
    /// # Errors
    /// Why nobody can look: `EMFILE`, say. Who is not seen then may live.
    fn leftovers(&mut self, session: u64) -> Result<Vec<Leftover>, Errno> {
        let _ = session;
        Ok(Vec::new())
    }

    /// Signals one of them, if it is still the same process.
    ///
    /// # Errors
    /// `ESRCH` where it is gone.
    fn signal_leftover(&mut self, who: Identity, signal: Signal) -> Result<(), Errno> {
        let _ = (who, signal);
        Err(Errno::ESRCH)
    }

    /// A number that is this run's own, for identities that outsiders read. The simulator has one for all runs, so that they repeat.
    fn nonce(&self) -> u64 {
        0
    }

    /// Whether completions may come without a step or a deadline: true where the clock runs by itself.
    fn is_patient(&self) -> bool;

    /// Does `act`, and tells what a panic of it said. Where it cannot catch one, as here, a panic goes on.
    ///
    /// # Errors
    /// What the panic said.
    fn contain(act: &mut dyn FnMut()) -> Result<(), String>
    where
        Self: Sized,
    {
        act();
        Ok(())
    }

    /// Signals by bare number, as kill(2) would: for porting code that does. The real backend refuses (ENOSYS).
    fn kill(&mut self, pid: i32, signal: Signal) -> Result<(), Errno>;
}
