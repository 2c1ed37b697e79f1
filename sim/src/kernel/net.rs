//! Where processes and the network meet: a proxy's port may be taken, and its upstream is a process that lives or does not.

use super::Kernel;
use super::process::Life;
use crate::net::{Around, IN_USE, Peer};
use shakedown_core::choose::Choose;
use shakedown_core::ids::{OpId, ProcId, UnitId};
use shakedown_core::proxy::{ProxySpec, Upstream};
use shakedown_core::puppet::Verb;
use shakedown_core::vocab::{Deed, SpawnFailure};
use std::sync::Arc;

/// What comes of a GET to a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answers {
    /// Nobody accepts (ECONNREFUSED).
    Nobody,
    /// It is accepted, and never answered: whoever listens has other things to do.
    Never,
    /// It is answered with this status.
    With(u16),
}

impl Kernel {
    /// What a GET that comes to this port now is answered with. A puppet that listens says 200 while it sleeps or hangs, as for real; a
    /// proxy says what its upstream does.
    pub(crate) fn answers(&self, port: u16) -> Answers {
        if let Some(upstream) = self.net.upstream_at(port) {
            return Answers::With(match upstream.map(|upstream| self.behind(upstream)) {
                Some(Peer::Process(_) | Peer::Outside) => 200,
                Some(Peer::Gone) => 502,
                // A forward proxy is told nobody to pass it on to.
                None => 400,
            });
        }
        let mut found = Answers::Nobody;
        for holder in self.listeners_at(port) {
            if self.rests(holder) {
                return Answers::With(200);
            }
            found = Answers::Never;
        }
        found
    }

    /// Whether it sleeps or hangs, and could turn to somebody else.
    fn rests(&self, process: ProcId) -> bool {
        let process = self.entry(process);
        let verb = process.frames.last().and_then(|frame| frame.block.get(frame.at));
        process.life == Life::Alive && matches!(verb, Some(Verb::Sleep(_) | Verb::Hang))
    }

    /// Starts the `nth` proxy of this name as this unit (bind(2), listen(2)).
    ///
    /// # Errors
    /// EADDRINUSE where somebody else has its port.
    pub(crate) fn serve(
        &mut self,
        op: OpId,
        unit: UnitId,
        spec: &Arc<ProxySpec>,
        nth: u32,
    ) -> Result<(), SpawnFailure> {
        if spec.port().is_some_and(|port| self.is_listening(port)) {
            return Err(SpawnFailure { errno: IN_USE, at_exec: false });
        }
        self.net.serve(op, unit, spec, nth);
        Ok(())
    }

    /// A step of the network.
    pub(crate) fn run_net(&mut self, step: u32, choose: &mut impl Choose) {
        let mut around = Around { now: self.now, upstream: Peer::Outside, reset: false };
        if let Some((proxy, client, upstream)) = self.net.client_of(step) {
            around.upstream = upstream.map_or(Peer::Outside, |upstream| self.behind(&upstream));
            around.reset = self.resets(&proxy, client, choose);
        }
        self.net.run(step, around, choose);
    }

    /// Whether the network has anything for the host.
    #[inline]
    pub(crate) fn net_is_ready(&self) -> bool {
        self.net.has_ready() || self.net.has_answers()
    }

    /// The leading process of a unit of this worker that lives, if somebody listens where it is said to.
    fn behind(&self, upstream: &Upstream) -> Peer {
        if upstream.address.is_some_and(|address| !self.is_listening(address.port())) {
            return Peer::Gone;
        }
        let lives = |leader: &ProcId| self.entry(*leader).life.is_living();
        let of_worker = self.units.every().iter().filter(|unit| *unit.worker == *upstream.worker);
        of_worker.filter_map(|unit| unit.leader).find(lives).map_or(Peer::Gone, Peer::Process)
    }

    /// What the network learns of what has happened.
    pub(crate) fn tell_net(&mut self, deed: &Deed) {
        if let Deed::Died { who, .. } = deed {
            self.net.peer_ended(*who, self.now);
        }
    }
}
