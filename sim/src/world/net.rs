//! Proxies of the seeded world: their start, and what the simulated network has for the host.

use super::SimWorld;
use crate::kernel::Answers;
use crate::net::Announced;
use crate::net::LATENCY;
use shakedown_core::choose::Choose;
use shakedown_core::ids::{OpId, UnitId};
use shakedown_core::proxy::ProxySpec;
use shakedown_core::site::{Kind, Site, hash_name};
use shakedown_core::time::Duration;
use shakedown_core::vocab::{Completion, HttpGet};
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

    /// A GET of a readiness probe. Whoever accepts answers in the moment in which it comes, and the answer is a while on the way; one that
    /// is reset is lost as well. Who accepts and does not answer is given up on.
    pub(super) fn get(&mut self, op: OpId, unit: UnitId, get: &HttpGet) {
        let answers = get.port().map_or(Answers::Nobody, |port| self.kernel.answers(port));
        let (worker, label) = self.kernel.victim(unit);
        let label = label.child_hashed(GET, 0);
        let nth = self.gets.next(label.0);
        let is_reset = answers != Answers::Nobody && self.kernel.resets(&worker, label, &mut self.chooser);
        let (after, status) = match answers {
            Answers::Nobody => (Duration::ZERO, None),
            Answers::Never => (HttpGet::PATIENCE, None),
            Answers::With(status) => {
                let after = self.chooser.span(Site { kind: Kind::Span, label, nth }, LATENCY, self.clock);
                (after, Some(status).filter(|_| !is_reset))
            }
        };
        let ready = Ready::Done { op, completion: Completion::Answered(status) };
        if after.is_zero() {
            self.answers.push_back(ready);
        } else {
            self.late.insert((self.clock.after(after), op), ready);
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

/// What the GETs of a readiness probe are called in labels: no name of a script.
const GET: u64 = hash_name("(get)");
