//! What a world and its local tasks share: the units, the waits that may be withdrawn, and the way of an answer to the host.

use super::board::Board;
use super::system::{Port, System, Unit};
use crate::mailbox::Mailbox;
use shakedown_core::ids::{OpId, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Completion, Errno, ExitNotice, ExitStatus, Request, Stream, Survey, Target};
use shakedown_core::world::Ready;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// What the world and its tasks share.
pub(super) struct Shared<S: System> {
    pub(super) system: Rc<S>,
    pub(super) board: Rc<Board>,
    pub(super) units: RefCell<BTreeMap<UnitId, Rc<Held<S>>>>,
    pub(super) waits: RefCell<BTreeMap<OpId, <S::Executor as super::Executor>::Task>>,
    pub(super) births: Arc<Mailbox<Birth<S::Born>>>,
    /// Spawns that the machine has not answered yet.
    pub(super) in_flight: Cell<u32>,
    /// Abandoned units that are not over yet.
    pub(super) endings: Cell<u32>,
}

/// The machine's answer to a start, on its way to the host's thread.
pub(super) struct Birth<B> {
    pub(super) op: OpId,
    pub(super) unit: UnitId,
    pub(super) born: B,
}

/// A unit, and what is to be written to it.
pub(super) struct Held<S: System> {
    pub(super) id: UnitId,
    pub(super) unit: Rc<S::Unit>,
    /// Bytes to be written to stdin, in the order in which they were given.
    pub(super) writes: RefCell<VecDeque<(OpId, Arc<[u8]>)>>,
    pub(super) is_pumping: Cell<bool>,
}

impl<S: System> Held<S> {
    /// Whether its leader is reaped, and its pipes are closed.
    fn is_closed(&self) -> bool {
        let is_closed = |stream| self.unit.output(stream).is_closed();
        self.unit.is_reaped() && self.unit.stdin().is_closed() && Stream::BOTH.into_iter().all(is_closed)
    }

    /// Closes our ends of its pipes.
    pub(super) fn close(&self) {
        self.unit.stdin().close();
        Stream::BOTH.into_iter().for_each(|stream| self.unit.output(stream).close());
    }

    /// Closes what can bring nothing more, now that the leader is reaped: not every owner closes what it has read to the end.
    fn close_spent(&self) {
        let outputs = Stream::BOTH.map(|stream| self.unit.output(stream));
        for port in [self.unit.stdin()].into_iter().chain(outputs) {
            if port.is_spent() {
                port.close();
            }
        }
    }
}

impl<S: System> Shared<S> {
    pub(super) fn take_births(self: &Rc<Self>) {
        while let Some(Birth { op, unit: id, born }) = self.births.take() {
            self.in_flight.set(self.in_flight.get() - 1);
            let result = self.system.register(born).map(|(pid, unit)| {
                let held = Held { id, unit, writes: RefCell::default(), is_pumping: Cell::new(false) };
                self.units.borrow_mut().insert(id, Rc::new(held));
                pid
            });
            self.board.push(Ready::Done { op, completion: Completion::Spawned(result) });
        }
    }

    /// Sends a signal. Where it is refused that is found, since nobody else would tell: but not where whoever it was for has ended.
    pub(super) fn signal(&self, held: &Held<S>, to: Target, signal: Signal) -> Result<(), Errno> {
        let sent = self.system.signal(&held.unit, to, signal);
        if let Err(errno) = sent
            && errno != Errno::ESRCH
        {
            let name = held.unit.name();
            self.board.find(format!("{name} was not sent {signal}: {errno} ({})", errno.explain()));
        }
        sent
    }

    /// Until the leader has ended. It stays a zombie.
    pub(super) async fn wait_exit(&self, held: &Held<S>) -> ExitNotice {
        let status = self.system.ended(&held.unit).await;
        ExitNotice { status, others: self.system.has_others(&held.unit), writers: held.unit.has_writers() }
    }

    /// Until nobody in the scope is alive.
    pub(super) async fn wait_empty(&self, held: &Held<S>) {
        self.system.emptied(&held.unit).await;
        self.forget_if_over(held);
    }

    /// Reaps the leader, waiting for its end where it still lives.
    pub(super) async fn reap(&self, held: &Held<S>) {
        self.system.ended(&held.unit).await;
        self.reap_now(held);
    }

    /// Reaps the leader if it has ended; whether it is reaped.
    pub(super) fn reap_now(&self, held: &Held<S>) -> bool {
        if held.unit.is_reaped() {
            return true;
        }
        let is_reaped = self.system.reap(&held.unit);
        if is_reaped {
            held.close_spent();
            self.forget_if_over(held);
        }
        is_reaped
    }

    /// The end of a unit that nobody answers for and that has been killed: empty, reaped, closed.
    pub(super) async fn end(&self, held: &Held<S>) {
        self.wait_empty(held).await;
        self.reap(held).await;
        held.close();
        self.forget_if_over(held);
    }

    /// A unit is forgotten once it is reaped and closed and nobody else lives in its scope: till then it may be asked.
    pub(super) fn forget_if_over(&self, held: &Held<S>) {
        if held.is_closed() && self.system.has_others(&held.unit) == Some(false) {
            self.units.borrow_mut().remove(&held.id);
            self.system.forget(&held.unit);
        }
    }

    /// A unit that never was, or is over: waits come true at once, and nobody is there to be signalled.
    pub(super) fn answer_for_nobody(&self, op: OpId, request: &Request) {
        let completion = match request {
            Request::Spawn { .. } | Request::CloseInput | Request::CloseOutput(_) => return,
            Request::Reap | Request::Release => return,
            Request::Serve(_) | Request::Traffic | Request::Visit(_) | Request::Detach => return,
            Request::Signal { .. } => Completion::SignalFailed(Errno::ESRCH),
            Request::Exit => {
                Completion::Exited(ExitNotice { status: ExitStatus::Unknown, others: None, writers: None })
            }
            Request::Empty => Completion::Empty,
            Request::Readable(streams) => Completion::Readable(*streams),
            Request::Writable => Completion::Writable,
            Request::Write(_) => Completion::Written(0),
            Request::Notified(_) => Completion::Notified,
            Request::Connect(_) => Completion::Connected(false),
            Request::Get(_) => Completion::Answered(None),
            Request::Survey => {
                Completion::Surveyed(Survey { members: Vec::new(), holders: Vec::new(), exit: None }.into())
            }
        };
        self.complete(op, completion);
    }

    pub(super) fn complete(&self, op: OpId, completion: Completion) {
        self.waits.borrow_mut().remove(&op);
        self.board.push(Ready::Done { op, completion });
    }
}
