//! Proxies of the seeded world: their start, and what the simulated network has for the host.

use super::SimWorld;
use crate::net::Announced;
use shakedown_core::choose::Choose;
use shakedown_core::ids::{OpId, UnitId};
use shakedown_core::proxy::ProxySpec;
use shakedown_core::site::hash_name;
use shakedown_core::vocab::Completion;
use shakedown_core::world::Ready;
use std::sync::Arc;

impl<C: Choose + 'static> SimWorld<C> {
    pub(super) fn serve(&mut self, op: OpId, unit: UnitId, spec: &Arc<ProxySpec>) {
        if !std::mem::replace(&mut self.kernel_used, true) {
            self.draw_limits();
        }
        let nth = self.spawned.next(hash_name(&spec.name));
        if let Err(failure) = self.kernel.serve(op, unit, spec, nth) {
            let completion = Completion::Spawned(Err(failure));
            self.answers.push_back(Ready::Done { op, completion });
        }
    }

    pub(super) fn next_of_net(&mut self) -> Option<Ready> {
        if let Some((op, completion)) = self.kernel.net.next_answer() {
            return Some(Ready::Done { op, completion });
        }
        let Announced { step, label, nth } = self.kernel.net.next_ready()?;
        Some(Ready::Step { step, label, nth })
    }
}
