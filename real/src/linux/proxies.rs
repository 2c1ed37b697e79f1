//! The proxies of a world: each served by tasks of its own on this thread, and answered for like any other unit.

use super::Linux;
use crate::chooser::RealChooser;
use crate::proxy::tcp::{Tcp, listen};
use crate::proxy::visit::origin;
use crate::proxy::{Office, serve};
use crate::world::{Board, RealWorld};
use shakedown_core::ids::{OpId, UnitId};
use shakedown_core::proxy::{ProxySpec, Role, Visit};
use shakedown_core::vocab::{Completion, Errno, Request, SpawnFailure};
use shakedown_core::world::Ready;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// All proxies of a world that were started and not reaped.
#[derive(Default)]
pub(super) struct Proxies {
    offices: BTreeMap<UnitId, Rc<Office<Tcp>>>,
    /// Where they listen, by their names: of the last incarnation, where one is over.
    addresses: BTreeMap<Arc<str>, SocketAddr>,
    handed: BTreeMap<Arc<str>, TcpListener>,
    /// Visitors so far.
    visits: Cell<u64>,
}

impl Proxies {
    /// Takes a request about a proxy; false where the unit is none.
    pub(super) fn take(
        &mut self,
        board: &Rc<Board>,
        began: Instant,
        draws: RealChooser,
        op: OpId,
        unit: UnitId,
        request: &Request,
    ) -> bool {
        if let Request::Serve(spec) = request {
            let started = match self.start(board, began, unit, spec) {
                Ok(()) => Completion::TaskStarted,
                Err(errno) => Completion::Spawned(Err(SpawnFailure { errno, at_exec: false })),
            };
            board.push(Ready::Done { op, completion: started });
            return true;
        }
        let Some(office) = self.offices.get(&unit) else { return false };
        match request {
            Request::Connect(address) => {
                let (board, address) = (board.clone(), address.clone());
                drop(tokio::task::spawn_local(async move {
                    let accepted = super::connect::connect(&address).await.is_ok();
                    board.push(Ready::Done { op, completion: Completion::Connected(accepted) });
                }));
            }
            Request::Get(get) => {
                let (board, get) = (board.clone(), get.clone());
                drop(tokio::task::spawn_local(async move {
                    let status = super::http::get(&get).await;
                    board.push(Ready::Done { op, completion: Completion::Answered(status) });
                }));
            }
            Request::Visit(visit) => self.visit(began, draws, office.clone(), *visit),
            other => office.ask(op, other),
        }
        if matches!(request, Request::Reap | Request::Release) {
            self.offices.remove(&unit);
        }
        true
    }

    fn start(&mut self, board: &Rc<Board>, began: Instant, unit: UnitId, spec: &Arc<ProxySpec>) -> Result<(), Errno> {
        if let Role::Reverse(upstream) = &spec.role
            && upstream.address.is_none()
        {
            return Err(Errno::EDESTADDRREQ);
        }
        let (listener, address) = listen(&spec.listen, self.handed.get(&spec.name), &spec.limits)?;
        self.addresses.insert(spec.name.clone(), address);
        let board = board.clone();
        let answers = Box::new(move |op, completion| board.push(Ready::Done { op, completion }));
        let office = Office::new(Tcp { began }, spec.clone(), answers);
        self.offices.insert(unit, office.clone());
        drop(tokio::task::spawn_local(serve(office, listener)));
        Ok(())
    }

    /// A client of the outside world's comes.
    fn visit(&self, began: Instant, draws: RealChooser, office: Rc<Office<Tcp>>, visit: Visit) {
        let net = Tcp { began };
        let Some(proxy) = self.addresses.get(&office.spec().name).map(ToString::to_string) else { return };
        let nth = self.visits.replace(self.visits.get() + 1);
        // Units draw from below.
        let stays = draws.stream(u64::MAX - nth).duration(visit.stays());
        let is_forward = office.spec().role == Role::Forward;
        drop(tokio::task::spawn_local(async move {
            let mut outside = None;
            if is_forward && let Ok(listener) = tokio::net::TcpListener::bind("127.0.0.1:0").await {
                outside = listener.local_addr().ok().map(|address| address.to_string());
                drop(tokio::task::spawn_local(origin(Rc::new(net), listener)));
            }
            crate::proxy::visit::visit(net, proxy, visit, outside, stays).await;
        }));
    }

    pub(super) fn withdraw(&self, op: OpId, unit: UnitId) {
        if let Some(office) = self.offices.get(&unit) {
            office.withdraw(op);
        }
    }

    /// Where the proxy of this name listens, or has listened last.
    pub(super) fn address(&self, proxy: &str) -> Option<SocketAddr> {
        self.addresses.get(proxy).copied()
    }

    /// What tells a program of the forward proxy of this name.
    pub(super) fn environment(&self, proxy: &str) -> Option<[(&'static str, String); 6]> {
        self.addresses.get(proxy).map(|address| ProxySpec::environment(*address))
    }

    /// Nobody answers for it any more; false where the unit is no proxy.
    pub(super) fn abandon(&mut self, unit: UnitId) -> bool {
        let office = self.offices.remove(&unit);
        if let Some(office) = &office {
            office.kill();
        }
        office.is_some()
    }
}

impl RealWorld<Linux> {
    /// Where the proxy of this name listens, or has listened last.
    pub fn proxy_address(&self, name: &str) -> Option<SocketAddr> {
        self.system().proxies.borrow().address(name)
    }

    /// A listener that is bound already, for the proxy of this name whose spec says that it is handed one. It stays with the world, so that
    /// each incarnation of the proxy listens on it, and the port is never free in between.
    pub fn hand_over(&self, name: &str, listener: TcpListener) {
        self.system().proxies.borrow_mut().handed.insert(name.into(), listener);
    }
}
