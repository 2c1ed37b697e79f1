//! The proxy for real: hyper on both of its sides. What becomes of a connection when the proxy is to end core decides, by the machine that
//! the simulator plays as well; here its orders are carried out on sockets.
//!
//! Each connection is one task, with everything that belongs to it: to close it is to drop the task's future.

mod answer;
pub mod net;
mod tap;
pub mod tcp;
mod upstream;
pub mod visit;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use net::{Accept, Net};
use shakedown_core::ids::OpId;
use shakedown_core::proxy::{Admission, ConnId, Cutter, Desk, Order, ProxySpec};
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::{Completion, Request};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use tap::{Flight, Tap};
use tokio::sync::Notify;
use upstream::Pool;

/// One proxy: core's machine, and what its orders are carried out on.
pub struct Office<N> {
    net: N,
    spec: Arc<ProxySpec>,
    desk: RefCell<Desk>,
    /// How to close the connections that live.
    closers: RefCell<BTreeMap<ConnId, Rc<Notify>>>,
    listener: Notify,
    /// For when the end of the drain was put into the clock.
    timer: Cell<Option<Instant>>,
    pool: Pool,
    answers: Box<dyn Fn(OpId, Completion)>,
}

/// A tunnel, from the moment at which both of its ends are there.
type Tunnel = RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>;

impl<N: Net> Office<N> {
    /// A proxy that listens. Answers to what is asked of it go to `answers`.
    pub fn new(net: N, spec: Arc<ProxySpec>, answers: Box<dyn Fn(OpId, Completion)>) -> Rc<Office<N>> {
        Rc::new(Office {
            net,
            spec: spec.clone(),
            desk: RefCell::new(Desk::new(spec)),
            closers: RefCell::default(),
            listener: Notify::new(),
            timer: Cell::new(None),
            pool: Pool::default(),
            answers,
        })
    }

    /// What it was made of.
    pub fn spec(&self) -> &Arc<ProxySpec> {
        &self.spec
    }

    /// Takes a request about the unit.
    pub fn ask(self: &Rc<Self>, op: OpId, request: &Request) {
        self.with(|desk, now| desk.ask(op, request, now));
    }

    /// Withdraws a wait.
    pub fn withdraw(&self, op: OpId) {
        self.desk.borrow_mut().withdraw(op);
    }

    /// Nobody answers for it any more.
    pub fn kill(self: &Rc<Self>) {
        self.with(|desk, now| desk.drain.kill(now));
    }

    /// Lets core's machine decide something, and carries out what it orders.
    fn with<T>(self: &Rc<Self>, decide: impl FnOnce(&mut Desk, Instant) -> T) -> T {
        let now = self.net.now();
        let mut desk = self.desk.borrow_mut();
        let decided = decide(&mut desk, now);
        while let Some(order) = desk.drain.next_order() {
            match order {
                Order::CloseListener => self.listener.notify_one(),
                Order::Close(conn) | Order::Cut(conn) => {
                    if let Some(closer) = self.closers.borrow().get(&conn) {
                        closer.notify_one();
                    }
                }
            }
        }
        if desk.drain.is_over() {
            self.pool.clear();
        }
        desk.review();
        let answers: Vec<_> = std::iter::from_fn(|| desk.next_answer()).collect();
        let deadline = desk.drain.deadline();
        drop(desk);
        answers.into_iter().for_each(|(op, completion)| (self.answers)(op, completion));
        self.wake_at(deadline, now);
        decided
    }

    fn wake_at(self: &Rc<Self>, deadline: Option<Instant>, now: Instant) {
        let Some(at) = deadline.filter(|at| self.timer.get().is_none_or(|armed| *at < armed)) else { return };
        self.timer.set(Some(at));
        // A clock may wake a little early.
        let pause = self.net.pause(at.since(now).saturating_add(Duration::from_micros(1)));
        let office = self.clone();
        self.net.spawn(async move {
            pause.await;
            office.timer.set(None);
            office.with(|desk, now| desk.drain.tick(now));
        });
    }
}

/// Accepts until the proxy is to end.
pub async fn serve<N: Net, L: Accept<Io = N::Io>>(office: Rc<Office<N>>, listener: L) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = office.listener.notified() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(io) => admit(&office, io),
            // No descriptor is free just now (accept(2), EMFILE), or the client has gone already.
            Err(_) => tokio::select! {
                biased;
                () = office.listener.notified() => break,
                () = office.net.pause(ACCEPT_PAUSE) => {}
            },
        }
    }
    drop(listener);
    office.with(|desk, _| desk.drain.listener_closed());
}

fn admit<N: Net>(office: &Rc<Office<N>>, io: N::Io) {
    match office.with(|desk, _| desk.drain.accepted()) {
        Admission::Refused => drop(io),
        Admission::Admitted(id) => {
            let closer = Rc::new(Notify::new());
            office.closers.borrow_mut().insert(id, closer.clone());
            let connection = office.clone();
            office.net.spawn(async move {
                // The future, and the sockets in it, are dropped with this statement.
                let by = tokio::select! {
                    biased;
                    () = closer.notified() => Cutter::Drain,
                    by = live(&connection, id, io) => by,
                };
                connection.closers.borrow_mut().remove(&id);
                connection.with(|desk, now| desk.drain.closed(id, by, now));
            });
        }
    }
}

/// One connection, until one of its ends closes it; which.
async fn live<N: Net>(office: &Rc<Office<N>>, id: ConnId, io: N::Io) -> Cutter {
    let (flight, tunnel) = (Flight::default(), Rc::new(Tunnel::default()));
    let service = service_fn(|request| answer::answer(office.clone(), id, flight.clone(), tunnel.clone(), request));
    let tap = Tap { io, flight: flight.clone() };
    let head_max = (office.spec.limits.header_bytes_max as usize).max(HEAD_LEAST);
    let mut http = http1::Builder::new();
    let http = http.max_buf_size(head_max).serve_connection(TokioIo::new(tap), service);
    let mut http = pin!(http.with_upgrades());
    let ended = poll_fn(|cx| {
        let polled = http.as_mut().poll(cx);
        if let Some(given) = flight.landed() {
            office.with(|desk, now| desk.drain.answered(id, given.status, given.by_upstream, now));
        }
        match polled {
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    let stands = tunnel.borrow_mut().take();
    if let Some(tunnel) = stands {
        tunnel.await;
    }
    match ended {
        Err(failed) if failed.is_parse_too_large() => {
            office.with(|desk, _| desk.drain.turned_away(431));
            Cutter::Client
        }
        Err(failed) if failed.is_user() => Cutter::Upstream,
        Ok(()) | Err(_) => Cutter::Client,
    }
}

/// Before the next attempt to accept, after one that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// hyper reads heads into a buffer of at least so many bytes.
const HEAD_LEAST: usize = 8192;
