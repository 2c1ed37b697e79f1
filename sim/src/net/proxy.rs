//! One simulated proxy: its listener, and the orders of core's machine carried out on the connections of the simulated network.

use shakedown_core::digest::Digest;
use shakedown_core::ids::UnitId;
use shakedown_core::proxy::{ConnId, Cutter, Desk, Order, ProxySpec};
use shakedown_core::site::Label;
use shakedown_core::time::Instant;
use std::sync::Arc;

pub(super) struct Proxy {
    pub unit: UnitId,
    pub desk: Desk,
    pub port: u16,
    pub label: Label,
    pub listening: bool,
    /// Clients that have connected and were not accepted yet.
    pub pending: u32,
    /// Clients that have come so far.
    pub visits: u32,
    /// When its machine wants to be asked again.
    pub due: Option<Instant>,
    /// Whether its machine is to be asked, and was not yet.
    pub announced: bool,
}

/// Which clients an order reaches.
pub(super) enum Closes {
    /// With its listener, whoever waits to be accepted (tcp(7)).
    Pending,
    /// One that was accepted.
    Accepted(ConnId),
}

impl Closes {
    pub fn meets(&self, at: End) -> bool {
        match (self, at) {
            (Closes::Pending, End::Pending) => true,
            (Closes::Accepted(conn), End::Accepted(of)) => *conn == of,
            (Closes::Pending, End::Accepted(_) | End::None) | (Closes::Accepted(_), End::Pending | End::None) => false,
        }
    }
}

/// What the proxy has of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// Nothing.
    None,
    /// An entry in the queue of its listener.
    Pending,
    /// A connection.
    Accepted(ConnId),
}

impl Proxy {
    pub fn new(unit: UnitId, spec: Arc<ProxySpec>, port: u16, label: Label) -> Proxy {
        Proxy {
            unit,
            desk: Desk::new(spec),
            port,
            label,
            listening: true,
            pending: 0,
            visits: 0,
            due: None,
            announced: false,
        }
    }

    /// Whose connections are closed by this. close(2) takes effect at once; what is still on its way meets nobody.
    pub fn carry_out(&mut self, order: Order, now: Instant) -> Closes {
        match order {
            Order::CloseListener => {
                self.listening = false;
                self.desk.drain.listener_closed();
                self.pending = 0;
                Closes::Pending
            }
            Order::Close(conn) | Order::Cut(conn) => {
                self.desk.drain.closed(conn, Cutter::Drain, now);
                Closes::Accepted(conn)
            }
        }
    }

    pub fn digest(&self, now: Instant, into: &mut Digest) {
        self.desk.drain.digest(now, into);
        into.number(u64::from(self.listening)).number(u64::from(self.pending)).number(u64::from(self.visits));
        into.number(u64::from(self.announced));
    }
}
