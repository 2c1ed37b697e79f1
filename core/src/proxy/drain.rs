//! Which connections of a proxy live, and what becomes of them when it is to end: a machine without sockets, clock or async.
//!
//! Whoever has the sockets says what happened to them, and carries out the orders. Nothing here waits for an answer but the end: the
//! proxy is over when its listener is closed and each connection was said to be closed.

use super::{Cutter, Exchange, Limits, Stage, Traffic, target_shown};
use crate::digest::Digest;
use crate::machine::Broken;
use crate::time::{Duration, Instant};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::sync::Arc;
use core::hash::Hash;
use core::mem::{replace, take};

/// A connection of one proxy, in the order in which they were accepted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnId(pub u32);

/// What is to be done to the sockets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Order {
    /// Close the listener: accept no more. Who waits to be accepted is let go with it.
    CloseListener,
    /// Close this connection; nothing is under way on it.
    Close(ConnId),
    /// Close this connection, whatever is under way on it.
    Cut(ConnId),
}

/// Whether somebody who has connected is taken on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// As this connection.
    Admitted(ConnId),
    /// No: close it at once.
    Refused,
}

/// The connections of one proxy, from its start to its end.
#[derive(Clone, Debug)]
pub struct Drain {
    limits: Limits,
    phase: Phase,
    /// Whether its listener was not said to be closed.
    listens: bool,
    connections: BTreeMap<ConnId, Connection>,
    accepted: u32,
    requests: u32,
    orders: VecDeque<Order>,
    untold: VecDeque<Exchange>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Phase {
    /// It accepts.
    Open,
    /// It accepts, although it is to end: those who lead clients to it have not learnt that yet. It drains from this instant on, for so long.
    Lagging { until: Instant, within: Duration },
    /// It accepts no more; what goes on is cut at this instant.
    Draining { until: Instant },
    /// It accepts no more, and everything was ordered to be closed.
    Closing,
}

/// What is under way on a connection.
#[derive(Clone, Debug)]
enum Connection {
    /// It was accepted, and no whole head has come: as good as idle, however many bytes of one have.
    Fresh,
    /// Its last request was answered, and it is kept for another.
    Idle,
    /// A request is being answered.
    Active(Work),
    /// It is a tunnel, or speaks another protocol: it ends when one of its ends does.
    Upgraded { work: Work, status: u16 },
    /// It was ordered to be closed, and was not said to be.
    Closing,
}

/// A request that was accepted.
#[derive(Clone, Debug)]
struct Work {
    number: u32,
    method: Arc<str>,
    path: Arc<str>,
    since: Instant,
}

impl Drain {
    /// A proxy that has begun to listen.
    pub fn new(limits: Limits) -> Drain {
        Drain {
            limits,
            phase: Phase::Open,
            listens: true,
            connections: BTreeMap::new(),
            accepted: 0,
            requests: 0,
            orders: VecDeque::new(),
            untold: VecDeque::new(),
        }
    }

    /// Somebody has connected.
    pub fn accepted(&mut self) -> Admission {
        match self.phase {
            Phase::Open | Phase::Lagging { .. } if self.connections.len() < self.limits.connections_max as usize => {
                let id = ConnId(self.accepted);
                self.accepted += 1;
                self.connections.insert(id, Connection::Fresh);
                Admission::Admitted(id)
            }
            Phase::Open | Phase::Lagging { .. } => {
                self.refuse("-", "-", 503);
                Admission::Refused
            }
            // It was accepted in the moment in which the listener was closed.
            Phase::Draining { .. } | Phase::Closing => Admission::Refused,
        }
    }

    /// The head of a request has come. False where it is not taken on: the connection was ordered to be closed, or is at work.
    pub fn head(&mut self, id: ConnId, method: &str, target: &str, now: Instant) -> bool {
        let accepts = self.accepts();
        match self.connections.get_mut(&id) {
            Some(connection @ (Connection::Fresh | Connection::Idle)) if accepts => {
                self.requests += 1;
                let (method, path) = (method.into(), target_shown(target));
                let work = Work { number: self.requests, method, path, since: now };
                let told = work.told(Stage::Started, now);
                *connection = Connection::Active(work);
                self.tell(told);
                true
            }
            // Its bytes were on the way when it was closed: the client knows that no answer came, and may ask again elsewhere.
            Some(Connection::Fresh | Connection::Idle | Connection::Closing) | None => {
                self.refuse(method, &target_shown(target), 503);
                false
            }
            // The next one waits until this one is answered (RFC 9112, section 9.3.2).
            Some(Connection::Active(_) | Connection::Upgraded { .. }) => false,
        }
    }

    /// Its request was answered: by the upstream with this status, or by the proxy itself where nobody else could.
    pub fn answered(&mut self, id: ConnId, status: u16, by_upstream: bool, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match replace(connection, Connection::Idle) {
            Connection::Active(work) => {
                let refused = Stage::Refused { status, accepted: true };
                let stage = if by_upstream { Stage::Finished { status } } else { refused };
                self.tell(work.told(stage, now));
                if !self.accepts() {
                    self.close(id);
                }
            }
            other @ (Connection::Fresh | Connection::Idle | Connection::Upgraded { .. } | Connection::Closing) => {
                *connection = other;
            }
        }
    }

    /// Its request was granted with this status (200 to CONNECT, 101 to an upgrade), and the connection is a tunnel from now on.
    pub fn upgraded(&mut self, id: ConnId, status: u16) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match replace(connection, Connection::Idle) {
            Connection::Active(work) => *connection = Connection::Upgraded { work, status },
            other @ (Connection::Fresh | Connection::Idle | Connection::Upgraded { .. } | Connection::Closing) => {
                *connection = other;
            }
        }
    }

    /// The listener is closed: its port is free.
    pub fn listener_closed(&mut self) {
        self.listens = false;
    }

    /// A head was not taken on, for a reason that this status gives: it was too large, say.
    pub fn turned_away(&mut self, status: u16) {
        self.refuse("-", "-", status);
    }

    /// It is closed. What was under way on it was cut by `by`, but for a tunnel, which ends so.
    pub fn closed(&mut self, id: ConnId, by: Cutter, now: Instant) {
        match self.connections.remove(&id) {
            Some(Connection::Active(work)) => self.tell(work.told(Stage::Cut { by }, now)),
            Some(Connection::Upgraded { work, status }) => self.tell(work.told(Stage::Finished { status }, now)),
            Some(Connection::Fresh | Connection::Idle | Connection::Closing) | None => {}
        }
    }

    /// It is to end: after this lag it [begins](Self::begin) to. Asked again, the earlier end counts.
    pub fn begin_after(&mut self, now: Instant, lag: Duration, within: Duration) {
        match self.phase {
            Phase::Open if !lag.is_zero() => self.phase = Phase::Lagging { until: now.after(lag), within },
            Phase::Lagging { until, within: first } => {
                self.phase = Phase::Lagging { until: until.min(now.after(lag)), within: first.min(within) };
                self.tick(now);
            }
            Phase::Open | Phase::Draining { .. } | Phase::Closing => self.begin(now, within),
        }
    }

    fn accepts(&self) -> bool {
        match self.phase {
            Phase::Open | Phase::Lagging { .. } => true,
            Phase::Draining { .. } | Phase::Closing => false,
        }
    }

    /// It is to end: nobody is accepted any more, whoever has nothing under way is closed at once, and the rest is cut after `within`.
    /// Asked again, the earlier end counts.
    pub fn begin(&mut self, now: Instant, within: Duration) {
        let until = now.after(within);
        match self.phase {
            Phase::Open | Phase::Lagging { .. } => {
                self.phase = Phase::Draining { until };
                self.orders.push_back(Order::CloseListener);
                let at_rest = |connection: &Connection| matches!(connection, Connection::Fresh | Connection::Idle);
                for id in self.those(at_rest) {
                    self.close(id);
                }
            }
            Phase::Draining { until: first } => self.phase = Phase::Draining { until: first.min(until) },
            Phase::Closing => {}
        }
        self.tick(now);
    }

    /// It is to end at once.
    pub fn kill(&mut self, now: Instant) {
        self.begin(now, Duration::ZERO);
        self.cut_all(Cutter::Kill, now);
    }

    /// When it wants a [`tick`](Self::tick).
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Lagging { until, .. } => Some(until),
            Phase::Draining { until } if !self.connections.is_empty() => Some(until),
            Phase::Open | Phase::Draining { .. } | Phase::Closing => None,
        }
    }

    /// Time has passed: at the end of the lag it drains, and at the end of the drain whatever goes on is cut.
    pub fn tick(&mut self, now: Instant) {
        match self.phase {
            Phase::Lagging { until, within } if until <= now => self.begin(now, within),
            Phase::Draining { until } if until <= now => self.cut_all(Cutter::Drain, now),
            Phase::Open | Phase::Lagging { .. } | Phase::Draining { .. } | Phase::Closing => {}
        }
    }

    fn cut_all(&mut self, by: Cutter, now: Instant) {
        self.phase = Phase::Closing;
        for id in self.those(|connection| !matches!(connection, Connection::Closing)) {
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            match replace(connection, Connection::Closing) {
                Connection::Active(work) | Connection::Upgraded { work, .. } => {
                    self.orders.push_back(Order::Cut(id));
                    self.tell(work.told(Stage::Cut { by }, now));
                }
                Connection::Fresh | Connection::Idle | Connection::Closing => self.orders.push_back(Order::Close(id)),
            }
        }
    }

    fn close(&mut self, id: ConnId) {
        self.connections.insert(id, Connection::Closing);
        self.orders.push_back(Order::Close(id));
    }

    fn those(&self, are: impl Fn(&Connection) -> bool) -> alloc::vec::Vec<ConnId> {
        self.connections.iter().filter(|(_, connection)| are(connection)).map(|(id, _)| *id).collect()
    }

    /// The next thing to be done to the sockets.
    pub fn next_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// Whether it is asked to end: an answer that is sent now says that the connection is closed after it.
    pub fn is_ending(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Whether it is over: its listener and every connection is closed.
    pub fn is_over(&self) -> bool {
        self.is_ending() && !self.listens && self.connections.is_empty()
    }

    /// How many connections are not closed.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Whether there is something to tell.
    pub fn has_traffic(&self) -> bool {
        !self.untold.is_empty()
    }

    /// What there is to tell since it was last asked.
    pub fn traffic(&mut self) -> Traffic {
        Traffic { told: take(&mut self.untold).into(), over: self.is_over() }
    }

    fn refuse(&mut self, method: &str, path: &str, status: u16) {
        if self.is_over() {
            return; // All was told.
        }
        self.requests += 1;
        let stage = Stage::Refused { status, accepted: false };
        let (method, path) = (method.into(), path.into());
        self.tell(Exchange { number: self.requests, method, path, stage, took: Duration::ZERO });
    }

    fn tell(&mut self, exchange: Exchange) {
        if self.untold.len() >= self.limits.untold_max as usize {
            self.untold.pop_front();
        }
        self.untold.push_back(exchange);
    }

    /// Whether its state makes sense.
    ///
    /// # Errors
    /// What is broken.
    pub fn invariant(&self) -> Result<(), Broken> {
        let at_rest = self.those(|connection| matches!(connection, Connection::Fresh | Connection::Idle));
        let at_work =
            self.those(|connection| matches!(connection, Connection::Active(_) | Connection::Upgraded { .. }));
        match self.phase {
            Phase::Open | Phase::Lagging { .. } => Ok(()),
            Phase::Draining { .. } | Phase::Closing if !at_rest.is_empty() => {
                Err(Broken(format!("it drains, and connection {} is at rest", at_rest[0].0)))
            }
            Phase::Closing if !at_work.is_empty() => {
                Err(Broken(format!("it closes, and connection {} is at work", at_work[0].0)))
            }
            Phase::Draining { .. } | Phase::Closing => Ok(()),
        }
    }

    /// Puts in all of its state that its future depends on, so that a search knows it again.
    pub fn digest(&self, now: Instant, into: &mut Digest) {
        core::mem::discriminant(&self.phase).hash(into);
        match self.phase {
            Phase::Lagging { until, within } => {
                within.hash(into);
                into.instant(now, until);
            }
            Phase::Draining { until } => {
                into.instant(now, until);
            }
            Phase::Open | Phase::Closing => {}
        }
        for (id, connection) in &self.connections {
            (id, core::mem::discriminant(connection)).hash(into);
        }
        self.untold.hash(into);
    }
}

impl Work {
    fn told(&self, stage: Stage, now: Instant) -> Exchange {
        let Work { number, method, path, since } = self;
        let took = now.since(*since);
        Exchange { number: *number, method: method.clone(), path: path.clone(), stage, took }
    }
}

#[cfg(test)]
mod tests;
