//! The simulated network: proxies that listen, the clients that come to them, and the time that everything takes on the way.
//!
//! What becomes of a connection when its proxy is to end is decided in core, by the same machine as for real. What a decision meets there
//! is made here: bytes on their way, clients that never say a word or never leave, upstreams that are gone, resets.

mod client;
mod proxy;

pub(crate) use client::{Around, LATENCY, Peer};

use client::Client;
use proxy::{End, Proxy};
use shakedown_core::choose::Choose;
use shakedown_core::digest::Digest;
use shakedown_core::ids::{OpId, ProcId, UnitId};
use shakedown_core::proxy::{ProxySpec, Role, Upstream, Visit};
use shakedown_core::site::{Label, hash_name};
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Completion, Errno, Request, Sockets};
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// All proxies of a simulation and their clients.
#[derive(Default)]
pub(crate) struct Net {
    proxies: Vec<Proxy>,
    clients: Vec<Client>,
    /// Who is due, and when.
    timers: BTreeSet<(Instant, Step)>,
    ready: VecDeque<Step>,
    answers: VecDeque<(OpId, Completion)>,
}

/// Who takes a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Step {
    /// A client, or what is on its way to or from it.
    Client(u32),
    /// A proxy: the time of its drain is over.
    Proxy(u32),
}

/// A step of the network that was announced.
pub(crate) struct Announced {
    pub step: u32,
    pub label: Label,
    pub nth: u32,
}

impl Net {
    pub fn reset(&mut self) {
        // Without a proxy nothing else has happened.
        if self.proxies.is_empty() {
            return;
        }
        let Net { proxies, clients, timers, ready, answers } = self;
        proxies.clear();
        clients.clear();
        timers.clear();
        ready.clear();
        answers.clear();
    }

    /// Whether this unit is a proxy.
    #[inline]
    pub fn serves(&self, unit: UnitId) -> bool {
        !self.proxies.is_empty() && self.proxy_of(unit).is_some()
    }

    /// Where the latest proxy of this name listens, or has listened last.
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        let latest = self.proxies.iter().rev().find(|proxy| *proxy.desk.spec().name == *name)?;
        Some(SocketAddr::from(([127, 0, 0, 1], latest.port)))
    }

    /// Whether a proxy listens on this port.
    pub fn is_listening(&self, port: u16) -> bool {
        self.proxies.iter().any(|proxy| proxy.listening && proxy.port == port)
    }

    /// Whether a proxy listens on this port, and whom it asks, where it asks always the same.
    pub fn upstream_at(&self, port: u16) -> Option<Option<&Upstream>> {
        let proxy = self.proxies.iter().find(|proxy| proxy.listening && proxy.port == port)?;
        Some(match &proxy.desk.spec().role {
            Role::Reverse(upstream) => Some(upstream),
            Role::Forward => None,
        })
    }

    /// What of a proxy's is open, as the network sees it.
    pub fn sockets(&self, unit: UnitId) -> Sockets {
        let Some(at) = self.proxy_of(unit) else { return Sockets::default() };
        let connections =
            self.clients.iter().filter(|client| client.proxy == at && client.conn() != End::None).count() as u32;
        Sockets { connections, listens: self.proxies[at].listening }
    }

    /// Starts a proxy as this unit; its port, where it names one, was seen to be free.
    pub fn serve(&mut self, op: OpId, unit: UnitId, spec: &Arc<ProxySpec>, nth: u32) {
        let label = Label::ROOT.child_hashed(hash_name(&spec.name) ^ PROXY, nth);
        let port = match spec.port() {
            Some(port) => port,
            None => (EPHEMERAL..u16::MAX).find(|port| !self.is_listening(*port)).unwrap_or(EPHEMERAL),
        };
        self.proxies.push(Proxy::new(unit, spec.clone(), port, label));
        self.answers.push_back((op, Completion::TaskStarted));
    }

    /// Takes a request about a proxy.
    pub fn ask(&mut self, op: OpId, unit: UnitId, request: &Request, now: Instant, choose: &mut impl Choose) {
        let Some(at) = self.proxy_of(unit) else { return };
        if let Request::Visit(visit) = request {
            self.visit(at, *visit, now, choose);
        }
        self.proxies[at].desk.ask(op, request, now);
        self.settle(at, now);
    }

    /// Withdraws a wait for something of a proxy.
    pub fn withdraw(&mut self, op: OpId, unit: UnitId) {
        let Some(at) = self.proxy_of(unit) else { return };
        self.proxies[at].desk.withdraw(op);
        self.answers.retain(|(answered, _)| *answered != op);
    }

    /// Nobody answers for it any more.
    pub fn kill(&mut self, unit: UnitId, now: Instant) {
        if let Some(at) = self.proxy_of(unit) {
            self.proxies[at].desk.drain.kill(now);
            self.settle(at, now);
        }
    }

    /// The process that all proxies are in was killed: every socket of it is closed, and nobody is told.
    pub fn host_died(&mut self, now: Instant) {
        for at in 0..self.proxies.len() {
            self.proxies[at].desk.drain.kill(now);
            self.settle(at, now);
        }
        self.answers.clear();
        self.announce_anew();
    }

    /// Whoever was told of steps is gone: clients know nothing of it, and go on.
    fn announce_anew(&mut self) {
        let clients = self.clients.iter().enumerate().filter(|(_, client)| client.announced);
        let proxies = self.proxies.iter().enumerate().filter(|(_, proxy)| proxy.announced);
        let clients = clients.map(|(at, _)| Step::Client(at as u32));
        self.ready = clients.chain(proxies.map(|(at, _)| Step::Proxy(at as u32))).collect();
    }

    fn visit(&mut self, at: usize, visit: Visit, now: Instant, choose: &mut impl Choose) {
        let proxy = &mut self.proxies[at];
        let label = proxy.label.child("client", proxy.visits);
        proxy.visits += 1;
        self.clients.push(Client::new(at, visit, label));
        let id = self.clients.len() - 1;
        let due = self.clients[id].connect(now, choose);
        self.schedule(id, Some(due));
    }

    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    #[inline]
    pub fn next_ready(&mut self) -> Option<Announced> {
        let step = self.ready.pop_front()?;
        let (label, nth) = match step {
            Step::Client(at) => (self.clients[at as usize].label, self.clients[at as usize].steps),
            Step::Proxy(at) => (self.proxies[at as usize].label, 0),
        };
        Some(Announced { step: number(step), label, nth })
    }

    #[inline]
    pub fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    #[inline]
    pub fn next_answer(&mut self) -> Option<(OpId, Completion)> {
        self.answers.pop_front()
    }

    /// The next instant at which somebody is due.
    pub fn next_timer(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Whoever is due can take a step.
    pub fn fire_timers(&mut self, now: Instant) {
        while let Some((at, _)) = self.timers.first()
            && *at <= now
        {
            let (_, step) = self.timers.pop_first().expect("it was just seen");
            match step {
                Step::Client(at) => {
                    let client = &mut self.clients[at as usize];
                    (client.due, client.announced) = (None, true);
                }
                Step::Proxy(at) => {
                    let proxy = &mut self.proxies[at as usize];
                    (proxy.due, proxy.announced) = (None, true);
                }
            }
            self.ready.push_back(step);
        }
    }

    /// The client that takes this step, by its proxy's name and its own label; and whom that proxy asks.
    pub fn client_of(&self, step: u32) -> Option<(Arc<str>, Label, Option<Upstream>)> {
        let Some(Step::Client(at)) = step_of(step) else { return None };
        let client = &self.clients[at as usize];
        let spec = self.proxies[client.proxy].desk.spec();
        let upstream = match &spec.role {
            Role::Reverse(upstream) => Some(upstream.clone()),
            Role::Forward => None,
        };
        Some((spec.name.clone(), client.label, upstream))
    }

    /// Takes a step that was announced.
    pub fn run(&mut self, step: u32, around: Around, choose: &mut impl Choose) {
        let at = match step_of(step) {
            Some(Step::Client(client)) => {
                let id = client as usize;
                let at = self.clients[id].proxy;
                self.clients[id].announced = false;
                let due = self.clients[id].step(&mut self.proxies[at], around, choose);
                self.schedule(id, due);
                at
            }
            Some(Step::Proxy(at)) => {
                self.proxies[at as usize].announced = false;
                self.proxies[at as usize].desk.drain.tick(around.now);
                at as usize
            }
            None => return,
        };
        self.settle(at, around.now);
    }

    /// Carries out what a proxy's machine has ordered, and takes over its answers and its deadline.
    fn settle(&mut self, at: usize, now: Instant) {
        while let Some(order) = self.proxies[at].desk.drain.next_order() {
            let closes = self.proxies[at].carry_out(order, now);
            for client in 0..self.clients.len() {
                if self.clients[client].proxy == at && closes.meets(self.clients[client].conn()) {
                    self.clients[client].leave();
                    self.schedule(client, None);
                }
            }
        }
        let (proxy, step) = (&mut self.proxies[at], Step::Proxy(at as u32));
        proxy.desk.review();
        self.answers.extend(std::iter::from_fn(|| proxy.desk.next_answer()));
        let due = proxy.desk.drain.deadline();
        if due != proxy.due {
            if let Some(before) = std::mem::replace(&mut proxy.due, due) {
                self.timers.remove(&(before, step));
            }
            self.timers.extend(due.map(|due| (due, step)));
        }
    }

    fn schedule(&mut self, client: usize, due: Option<Instant>) {
        let step = Step::Client(client as u32);
        if let Some(before) = std::mem::replace(&mut self.clients[client].due, due) {
            self.timers.remove(&(before, step));
        }
        self.timers.extend(due.map(|due| (due, step)));
    }

    /// Whether anybody has come to a proxy.
    #[inline]
    pub fn has_clients(&self) -> bool {
        !self.clients.is_empty()
    }

    /// A process has ended, and with it every connection to it: whoever talks with it is told at once.
    pub fn peer_ended(&mut self, process: ProcId, now: Instant) {
        for client in 0..self.clients.len() {
            if self.clients[client].talks_with(process) {
                self.schedule(client, Some(now));
            }
        }
        self.fire_timers(now);
    }

    pub fn step_name(&self, step: u32) -> Option<String> {
        Some(match step_of(step)? {
            Step::Client(at) => {
                format!("client {at} of {}", self.proxies[self.clients[at as usize].proxy].desk.spec().name)
            }
            Step::Proxy(at) => self.proxies[at as usize].desk.spec().name.to_string(),
        })
    }

    /// All that its future depends on.
    pub fn digest(&self, now: Instant, into: &mut Digest) {
        self.proxies.iter().for_each(|proxy| proxy.digest(now, into));
        self.clients.iter().for_each(|client| client.digest(into));
        for (at, step) in &self.timers {
            into.number(u64::from(number(*step))).instant(now, *at);
        }
    }

    #[inline]
    fn proxy_of(&self, unit: UnitId) -> Option<usize> {
        self.proxies.iter().position(|proxy| proxy.unit == unit)
    }
}

/// Whether this step of the world is the network's.
pub(crate) const fn is_of_net(step: u32) -> bool {
    step & (WALKERS | STEPS) == STEPS
}

const fn number(step: Step) -> u32 {
    match step {
        Step::Client(at) => STEPS | at << 1,
        Step::Proxy(at) => STEPS | at << 1 | 1,
    }
}

const fn step_of(step: u32) -> Option<Step> {
    if !is_of_net(step) {
        return None;
    }
    let at = (step & !STEPS) >> 1;
    Some(if step & 1 == 0 { Step::Client(at) } else { Step::Proxy(at) })
}

/// Why a proxy cannot listen.
pub(crate) const IN_USE: Errno = Errno::EADDRINUSE;
/// Sets the steps of the network apart from those of processes, as the kernel sets its walks apart by the bit above.
const STEPS: u32 = 1 << 30;
const WALKERS: u32 = 1 << 31;
/// The first port that is given to whoever asks for any (ip_local_port_range of ip(7)).
const EPHEMERAL: u16 = 32_768;
/// Sets the labels of proxies apart from those of tasks and processes with the same name.
const PROXY: u64 = hash_name("a proxy");

#[cfg(test)]
mod tests;
