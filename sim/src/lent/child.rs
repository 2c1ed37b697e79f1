//! One process of a lent kernel, as a supervisor holds it. Named after what `tokio::process::Child` and the man pages call it.

use super::Lent;
use shakedown_core::ids::{Pid, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Completion, Errno, ExitStatus, Request, Stream, Target, TryRead};
use std::cell::Cell;

/// A process that was started. Dropping it does nothing to the process: who forgets a child is told so by the oracles at the end.
pub struct Child {
    lent: Lent,
    unit: UnitId,
    pid: Pid,
    ended: Cell<Option<ExitStatus>>,
}

impl Child {
    pub(super) fn new(lent: Lent, unit: UnitId, pid: Pid) -> Child {
        Child { lent, unit, pid, ended: Cell::new(None) }
    }

    /// Its pid: to be read, not to be signalled.
    pub fn id(&self) -> Pid {
        self.pid
    }

    /// Sends it a signal, as through a pidfd.
    ///
    /// # Errors
    /// `ESRCH` once it is reaped.
    pub fn signal(&self, signal: Signal) -> Result<(), Errno> {
        self.lent.act(self.unit, Request::Signal { to: Target::Leader, signal })
    }

    /// Sends a signal to everybody in its scope: its group, session or tree, as its spec says.
    ///
    /// # Errors
    /// `ESRCH` where nobody is there.
    pub fn signal_scope(&self, signal: Signal) -> Result<(), Errno> {
        self.lent.act(self.unit, Request::Signal { to: Target::Scope, signal })
    }

    /// Until it has ended; then it is reaped. Dropped, it stops waiting and nothing else; called again, it tells the same.
    pub async fn wait(&self) -> ExitStatus {
        if let Some(status) = self.ended.get() {
            return status;
        }
        match self.lent.ask(self.unit, Request::Exit).await {
            Completion::Exited(notice) => {
                // Only a signal can fail.
                let _ = self.lent.act(self.unit, Request::Reap);
                self.ended.set(Some(notice.status));
                notice.status
            }
            other => unreachable!("an exit is not answered by {other:?}"),
        }
    }

    /// Until nobody in its scope is alive.
    pub async fn wait_scope(&self) {
        self.lent.ask(self.unit, Request::Empty).await;
    }

    /// Reads what is there, or what comes next, appended to `into`; 0 once everybody who could write has closed it.
    pub async fn read(&self, stream: Stream, into: &mut Vec<u8>) -> usize {
        loop {
            match self.lent.try_read(self.unit, stream, into, READ_BYTES) {
                TryRead::Data(n) => return n,
                TryRead::Eof => return 0,
                TryRead::WouldBlock => drop(self.lent.ask(self.unit, Request::Readable(stream.into())).await),
            }
        }
    }

    /// Writes to its standard input as far as anybody reads; how many bytes were taken.
    pub async fn write(&self, bytes: &[u8]) -> u64 {
        match self.lent.ask(self.unit, Request::Write(bytes.into())).await {
            Completion::Written(taken) => taken,
            other => unreachable!("a write is not answered by {other:?}"),
        }
    }

    /// Closes its standard input: it reads to the end.
    pub fn close_input(&self) {
        let _ = self.lent.act(self.unit, Request::CloseInput);
    }

    /// Closes our end of an output: who writes to it gets SIGPIPE.
    pub fn close_output(&self, stream: Stream) {
        let _ = self.lent.act(self.unit, Request::CloseOutput(stream));
    }

    /// Nobody answers for it any more, and it may outlive the test.
    pub fn detach(self) {
        let _ = self.lent.act(self.unit, Request::Detach);
    }
}

const READ_BYTES: usize = 65_536;
