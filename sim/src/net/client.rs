//! One client of a proxy, with all that is on its way to and from it: it connects, is accepted, sends a head, has its answer, keeps the
//! connection for a while, and leaves; or it does not, at any of these points.

use super::proxy::{End, Proxy};
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::digest::Digest;
use shakedown_core::ids::ProcId;
use shakedown_core::proxy::{Admission, ConnId, Cutter, RETRY, Visit};
use shakedown_core::site::{Kind, Label, Site};
use shakedown_core::time::{Duration, DurationRange, Instant};

pub(super) struct Client {
    /// Of which proxy, by its place.
    pub proxy: usize,
    pub visit: Visit,
    pub label: Label,
    /// Steps so far.
    pub steps: u32,
    life: Life,
    /// When it takes its next step.
    pub due: Option<Instant>,
    /// Whether a step of it is due, and not taken yet.
    pub announced: bool,
}

/// How far it has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    /// Its SYN is on the way.
    Connecting,
    /// It is connected as far as it can tell, and waits in the listener's queue.
    Pending,
    /// Its head is on the way.
    Asking(ConnId),
    /// Its proxy tries to reach the upstream, for the so many-th time.
    Reaching(ConnId, u32),
    /// The upstream works.
    Awaiting(ConnId, Peer),
    /// It has had its answer, and keeps the connection.
    Keeping(ConnId),
    /// Its tunnel stands.
    Tunnelling(ConnId, Peer),
    /// It has gone, or was closed.
    Over,
}

/// Who answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Peer {
    /// Nobody: no process of the upstream lives, or none listens where it is to.
    Gone,
    /// This process.
    Process(ProcId),
    /// Somebody outside, whom a user of a forward proxy has named.
    Outside,
}

/// What a step finds around itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    pub now: Instant,
    /// Who is behind the proxy.
    pub upstream: Peer,
    /// Whether the connection is reset instead.
    pub reset: bool,
}

impl Client {
    pub fn new(proxy: usize, visit: Visit, label: Label) -> Client {
        Client { proxy, visit, label, steps: 0, life: Life::Connecting, due: None, announced: false }
    }

    /// What its proxy has of it.
    pub fn conn(&self) -> End {
        match self.life {
            Life::Connecting | Life::Over => End::None,
            Life::Pending => End::Pending,
            Life::Asking(conn) | Life::Reaching(conn, _) | Life::Awaiting(conn, _) => End::Accepted(conn),
            Life::Keeping(conn) | Life::Tunnelling(conn, _) => End::Accepted(conn),
        }
    }

    /// It was closed by its proxy.
    pub fn leave(&mut self) {
        self.life = Life::Over;
    }

    /// It sets out; when it will have come.
    pub fn connect(&mut self, now: Instant, choose: &mut impl Choose) -> Instant {
        self.draw(LATENCY, now, choose)
    }

    /// The next thing happens; when the one after that is due. None where it waits for the proxy, or is over.
    pub fn step(&mut self, proxy: &mut Proxy, around: Around, choose: &mut impl Choose) -> Option<Instant> {
        let now = around.now;
        self.steps += 1;
        if around.reset {
            return self.go(proxy, now);
        }
        match self.life {
            Life::Connecting => self.arrive(proxy, now, choose),
            Life::Pending => self.be_accepted(proxy, now, choose),
            Life::Asking(conn) => self.ask(conn, proxy, now, choose),
            Life::Reaching(conn, tries) => self.reach(conn, tries, proxy, around, choose),
            // It died at work: nobody can tell what it has done, so it is not asked again.
            Life::Awaiting(conn, peer) if peer != around.upstream => self.answer(conn, 502, false, proxy, now, choose),
            Life::Awaiting(conn, _) => self.answer(conn, 200, true, proxy, now, choose),
            Life::Keeping(_) | Life::Tunnelling(..) => self.go(proxy, now),
            Life::Over => None,
        }
    }

    fn arrive(&mut self, proxy: &mut Proxy, now: Instant, choose: &mut impl Choose) -> Option<Instant> {
        if !proxy.listening || proxy.pending >= proxy.desk.spec().limits.pending_accepts_max {
            self.life = Life::Over;
            return None;
        }
        proxy.pending += 1;
        self.life = Life::Pending;
        Some(self.draw(ACCEPT, now, choose))
    }

    fn be_accepted(&mut self, proxy: &mut Proxy, now: Instant, choose: &mut impl Choose) -> Option<Instant> {
        proxy.pending -= 1;
        match proxy.desk.drain.accepted() {
            Admission::Refused => {
                self.life = Life::Over;
                None
            }
            Admission::Admitted(conn) => {
                self.life = Life::Asking(conn);
                self.stay(HEAD, now, choose)
            }
        }
    }

    fn ask(&mut self, conn: ConnId, proxy: &mut Proxy, now: Instant, choose: &mut impl Choose) -> Option<Instant> {
        let method = match self.visit {
            Visit::Request => "GET",
            Visit::Tunnel => "CONNECT",
        };
        if proxy.desk.drain.head(conn, method, "/", now) {
            self.life = Life::Reaching(conn, 1);
            return Some(self.draw(LATENCY, now, choose));
        }
        self.go(proxy, now)
    }

    fn reach(
        &mut self,
        conn: ConnId,
        tries: u32,
        proxy: &mut Proxy,
        Around { now, upstream, .. }: Around,
        choose: &mut impl Choose,
    ) -> Option<Instant> {
        match (upstream, self.visit) {
            (Peer::Gone, _) if tries < RETRY.tries_max => {
                self.life = Life::Reaching(conn, tries + 1);
                Some(now.after(RETRY.pause))
            }
            (Peer::Gone, _) => self.answer(conn, 502, false, proxy, now, choose),
            (peer @ (Peer::Process(_) | Peer::Outside), Visit::Request) => {
                self.life = Life::Awaiting(conn, peer);
                Some(self.draw(WORK, now, choose))
            }
            (peer @ (Peer::Process(_) | Peer::Outside), Visit::Tunnel) => {
                proxy.desk.drain.upgraded(conn, 200);
                self.life = Life::Tunnelling(conn, peer);
                self.stay(Visit::Tunnel.stays(), now, choose)
            }
        }
    }

    /// Whether it notices at once that this process has ended: its end of the connection is closed.
    pub fn talks_with(&self, process: ProcId) -> bool {
        match self.life {
            Life::Awaiting(_, peer) | Life::Tunnelling(_, peer) => peer == Peer::Process(process),
            Life::Connecting | Life::Pending | Life::Asking(_) | Life::Reaching(..) | Life::Keeping(_) => false,
            Life::Over => false,
        }
    }

    fn answer(
        &mut self,
        conn: ConnId,
        status: u16,
        by_upstream: bool,
        proxy: &mut Proxy,
        now: Instant,
        choose: &mut impl Choose,
    ) -> Option<Instant> {
        self.life = Life::Keeping(conn);
        proxy.desk.drain.answered(conn, status, by_upstream, now);
        self.stay(Visit::Request.stays(), now, choose)
    }

    /// It leaves, or the network between takes it away.
    fn go(&mut self, proxy: &mut Proxy, now: Instant) -> Option<Instant> {
        match self.conn() {
            End::None => {}
            End::Pending => proxy.pending -= 1,
            End::Accepted(conn) => proxy.desk.drain.closed(conn, Cutter::Client, now),
        }
        self.life = Life::Over;
        None
    }

    /// When it does the next thing by itself; it may also have fallen silent for ever, as one whose machine has lost power does: half of
    /// the connection is open, and nobody will ever say so (RFC 9293, section 3.5.1).
    fn stay(&mut self, range: DurationRange, now: Instant, choose: &mut impl Choose) -> Option<Instant> {
        let site = Site { kind: Kind::Buggify, label: self.label, nth: self.steps };
        let is_silent = choose.draw(site, Ask::Chance { per_million: SILENT_PER_MILLION }) == 1;
        (!is_silent).then(|| self.draw(range, now, choose))
    }

    fn draw(&mut self, range: DurationRange, now: Instant, choose: &mut impl Choose) -> Instant {
        let site = Site { kind: Kind::Span, label: self.label, nth: self.steps };
        now.after(choose.span(site, range, now))
    }

    pub fn digest(&self, into: &mut Digest) {
        let (kind, n) = match self.life {
            Life::Connecting => (0, 0),
            Life::Pending => (1, 0),
            Life::Asking(conn) => (2, conn.0),
            Life::Reaching(conn, tries) => (3, conn.0 << 4 | tries),
            Life::Awaiting(conn, _) => (4, conn.0),
            Life::Keeping(conn) => (5, conn.0),
            Life::Tunnelling(conn, _) => (6, conn.0),
            Life::Over => (7, 0),
        };
        into.number(kind).number(u64::from(n)).number(self.visit as u64).number(u64::from(self.announced));
    }
}

const fn millis(min: u64, max: u64) -> DurationRange {
    let grid = Duration::from_millis(1);
    DurationRange { min: Duration::from_millis(min), max: Duration::from_millis(max), grid }
}

/// From one machine to the other.
pub(crate) const LATENCY: DurationRange = millis(0, 20);
/// In the listener's queue.
const ACCEPT: DurationRange = millis(0, 5);
/// From the connection to the whole head: slow clients send it byte by byte.
const HEAD: DurationRange = millis(0, 500);
/// From the request to the upstream's answer.
const WORK: DurationRange = millis(1, 1_000);
/// How many clients of a million fall silent, at each point where they could.
const SILENT_PER_MILLION: u32 = 50_000;
