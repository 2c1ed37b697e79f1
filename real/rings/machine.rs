//! The simulated kernel and another simulator's runtime, as the machine of a world: what Linux and tokio are in production. Included by
//! the rings that run the glue.

use shakedown_core::files::FileCall;
use shakedown_core::ids::{FileId, OpId, Pid, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{
    Channel, Completion, Errno, ExitStatus, HttpGet, Request, SpawnFailure, Stream, Survey, Target, TryRead, TryWrite,
};
use shakedown_core::world::Ready;
use shakedown_real::world::{Answer, Board, Executor, Port, Start, System, Unit};
use shakedown_sim::lent::Lent;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// A machine whose processes are simulated.
pub struct Machine<E> {
    lent: Lent,
    board: Rc<Board>,
    /// How late the answer to the next start or call about files comes: both are made on threads of their own.
    lag: RefCell<Box<dyn FnMut() -> Duration>>,
    files: Rc<Files>,
    runtime: PhantomData<E>,
}

impl<E: Executor> Machine<E> {
    pub fn new(lent: Lent, board: Rc<Board>, lag: impl FnMut() -> Duration + 'static) -> Rc<Machine<E>> {
        Rc::new(Machine { lent, board, lag: RefCell::new(Box::new(lag)), files: Rc::default(), runtime: PhantomData })
    }
}

/// Calls about files that the disk has answered, and how many are under way.
#[derive(Default)]
struct Files {
    done: RefCell<VecDeque<Ready>>,
    under_way: Cell<usize>,
}

/// The kernel's answer to a start.
pub struct Born {
    unit: UnitId,
    pid: Result<Pid, SpawnFailure>,
}

impl<E: Executor> System for Machine<E> {
    type Executor = E;
    type Unit = SimUnit;
    type Born = Born;

    fn now(&self) -> Instant {
        self.lent.now()
    }

    async fn reached(&self, at: Instant) {
        E::sleep(at.since(self.now())).await;
    }

    fn nonce(&self) -> u64 {
        1
    }

    fn start(self: &Rc<Self>, start: Start, answer: Answer<Born>) {
        let (lent, lag) = (self.lent.clone(), (self.lag.borrow_mut())());
        drop(E::spawn(async move {
            if lag > Duration::ZERO {
                E::sleep(lag).await;
            }
            let Start { unit, spec, launch } = start;
            let pid = match lent.ask(unit, Request::Spawn { spec, launch: Box::new(launch) }).await {
                Completion::Spawned(pid) => pid,
                other => unreachable!("a spawn is not answered by {other:?}"),
            };
            answer(Born { unit, pid });
        }));
    }

    fn register(self: &Rc<Self>, born: Born) -> Result<(Pid, Rc<SimUnit>), SpawnFailure> {
        let Born { unit: id, pid } = born;
        pid.map(|pid| (pid, Rc::new(SimUnit::new(self.lent.clone(), id, pid))))
    }

    async fn ended(self: &Rc<Self>, unit: &SimUnit) -> ExitStatus {
        if let Some(status) = unit.ended.get() {
            return status;
        }
        let status = match self.lent.ask(unit.id, Request::Exit).await {
            Completion::Exited(notice) => notice.status,
            other => unreachable!("an exit is not answered by {other:?}"),
        };
        unit.ended.set(Some(status));
        status
    }

    async fn emptied(self: &Rc<Self>, unit: &SimUnit) {
        self.lent.ask(unit.id, Request::Empty).await;
    }

    async fn notified(&self, unit: &SimUnit, channel: Channel) {
        self.lent.ask(unit.id, Request::Notified(channel)).await;
    }

    async fn connect(&self, address: &str) -> bool {
        self.lent.ask(UnitId(0), Request::Connect(address.into())).await == Completion::Connected(true)
    }

    async fn get(&self, get: &HttpGet) -> Option<u16> {
        match self.lent.ask(UnitId(0), Request::Get(get.clone().into())).await {
            Completion::Answered(status) => status,
            other => unreachable!("a GET is not answered by {other:?}"),
        }
    }

    fn signal(&self, unit: &SimUnit, to: Target, signal: Signal) -> Result<(), Errno> {
        self.lent.act(unit.id, Request::Signal { to, signal })
    }

    fn reap(self: &Rc<Self>, unit: &SimUnit) -> bool {
        let Some(notice) = self.lent.kernel(|kernel| kernel.peek_exit(unit.id)) else { return false };
        let reaped = self.lent.act(unit.id, Request::Reap);
        assert_eq!(reaped, Ok(()), "only a signal can fail");
        unit.ended.set(Some(notice.status));
        unit.is_reaped.set(true);
        true
    }

    fn has_others(self: &Rc<Self>, unit: &SimUnit) -> Option<bool> {
        Some(self.lent.kernel(|kernel| kernel.members(unit.id)).iter().any(|member| member.pid != unit.pid))
    }

    fn survey(self: &Rc<Self>, unit: &SimUnit) -> Survey {
        self.lent.kernel(|kernel| Survey {
            members: kernel.members(unit.id),
            holders: kernel.holders(unit.id),
            exit: kernel.peek_exit(unit.id).map(|notice| notice.status).or(unit.ended.get()),
        })
    }

    fn file(&self, op: OpId, call: FileCall) {
        let (lent, lag) = (self.lent.clone(), (self.lag.borrow_mut())());
        let (files, bell) = (self.files.clone(), self.board.bell().clone());
        files.under_way.set(files.under_way.get() + 1);
        drop(E::spawn(async move {
            if lag > Duration::ZERO {
                E::sleep(lag).await;
            }
            let completion = lent.file(call).await;
            files.done.borrow_mut().push_back(Ready::Done { op, completion });
            bell.ring();
        }));
    }

    fn close_file(&self, file: FileId) {
        self.lent.close_file(file);
    }

    fn next_filed(&self) -> Option<Ready> {
        let ready = self.files.done.borrow_mut().pop_front()?;
        self.files.under_way.set(self.files.under_way.get() - 1);
        Some(ready)
    }

    fn owes_files(&self) -> bool {
        self.files.under_way.get() > 0
    }

    fn forget(&self, _: &SimUnit) {}

    fn report_abandoned(&self, unit: &SimUnit, task: &str) {
        let living = self.lent.kernel(|kernel| kernel.members(unit.id));
        for process in living {
            self.board.find(format!("no-orphan: {} outlived the task `{task}` that had started it", process.name));
        }
    }

    fn close(&self) {}
}

/// A process, and who belongs to it.
pub struct SimUnit {
    id: UnitId,
    pid: i32,
    stdin: SimPort,
    outputs: [SimPort; 2],
    ended: Cell<Option<ExitStatus>>,
    is_reaped: Cell<bool>,
    lent: Lent,
}

impl SimUnit {
    fn new(lent: Lent, id: UnitId, pid: Pid) -> SimUnit {
        let port = |side| SimPort {
            lent: lent.clone(),
            unit: id,
            side,
            is_closed: Cell::new(false),
            waiter: RefCell::default(),
            peeked: RefCell::default(),
        };
        SimUnit {
            id,
            pid: pid.as_raw(),
            stdin: port(Side::Input),
            outputs: Stream::BOTH.map(|stream| port(Side::Output(stream))),
            ended: Cell::new(None),
            is_reaped: Cell::new(false),
            lent: lent.clone(),
        }
    }
}

impl Unit for SimUnit {
    type Port = SimPort;

    fn name(&self) -> String {
        format!("unit {} ({})", self.id.0, self.pid)
    }

    fn stdin(&self) -> &SimPort {
        &self.stdin
    }

    fn output(&self, stream: Stream) -> &SimPort {
        match stream {
            Stream::Stdout => &self.outputs[0],
            Stream::Stderr => &self.outputs[1],
        }
    }

    fn is_reaped(&self) -> bool {
        self.is_reaped.get()
    }

    fn has_writers(&self) -> Option<bool> {
        let is_open = self.outputs.iter().any(|port| !port.is_closed.get());
        is_open.then(|| !self.lent.kernel(|kernel| kernel.holders(self.id)).is_empty())
    }
}

/// Our end of a simulated pipe.
pub struct SimPort {
    lent: Lent,
    unit: UnitId,
    side: Side,
    is_closed: Cell<bool>,
    waiter: RefCell<Option<Waker>>,
    /// A byte that was read only to see whether there is one.
    peeked: RefCell<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum Side {
    Input,
    Output(Stream),
}

impl Port for SimPort {
    fn try_read(&self, into: &mut Vec<u8>, max: usize) -> TryRead {
        let Side::Output(stream) = self.side else { return TryRead::Eof };
        if self.is_closed.get() {
            return TryRead::Eof;
        }
        let mut peeked = self.peeked.borrow_mut();
        if !peeked.is_empty() && max > 0 {
            into.append(&mut peeked);
            return TryRead::Data(1);
        }
        self.lent.try_read(self.unit, stream, into, max)
    }

    fn try_write(&self, bytes: &[u8]) -> TryWrite {
        if self.is_closed.get() { TryWrite::Broken } else { self.lent.try_write(self.unit, bytes) }
    }

    async fn ready(&self) {
        if self.is_closed.get() || !self.peeked.borrow().is_empty() {
            return;
        }
        let request = match self.side {
            Side::Input => Request::Writable,
            Side::Output(stream) => Request::Readable(stream.into()),
        };
        let mut asked = pin!(self.lent.ask(self.unit, request));
        std::future::poll_fn(|cx| {
            if self.is_closed.get() {
                return Poll::Ready(());
            }
            *self.waiter.borrow_mut() = Some(cx.waker().clone());
            asked.as_mut().poll(cx).map(drop)
        })
        .await;
    }

    fn close(&self) {
        if self.is_closed.replace(true) {
            return;
        }
        let closed = match self.side {
            Side::Input => self.lent.act(self.unit, Request::CloseInput),
            Side::Output(stream) => self.lent.act(self.unit, Request::CloseOutput(stream)),
        };
        assert_eq!(closed, Ok(()), "only a signal can fail");
        let waiter = self.waiter.borrow_mut().take();
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    fn is_spent(&self) -> bool {
        match self.side {
            // An empty write takes nothing, and fails where nobody can read.
            Side::Input => !self.is_closed.get() && self.lent.try_write(self.unit, &[]) == TryWrite::Broken,
            Side::Output(stream) => {
                let mut peeked = self.peeked.borrow_mut();
                !self.is_closed.get()
                    && peeked.is_empty()
                    && self.lent.try_read(self.unit, stream, &mut peeked, 1) == TryRead::Eof
            }
        }
    }
}
