//! A worker's state as a search knows it again: all that its future depends on, without the numbers of operations.
//! At most one operation of each kind is open, so that its kind tells which it is.

use super::ready;
use super::run::Reading;
use super::{Run, State, StopPlan, Worker};
use crate::digest::Digest;
use crate::restart::digest_age;
use crate::time::Instant;
use core::hash::Hash;
use core::mem::discriminant;

impl Worker {
    pub(super) fn digest_all(&self, now: Instant, into: &mut Digest) {
        // What never ran is number 0. How the incarnation before ended is told to the next, and changes nothing that a machine does.
        (self.incarnation > 0).hash(into);
        if let Some(restarts) = &self.restarts {
            restarts.digest(&self.spec.restart, now, into);
        }
        if let Some(since) = self.since() {
            digest_age(&self.spec.restart, since, now, into);
        }
        self.state.digest(now, into);
    }

    /// When its unit was spawned, while it has one.
    fn since(&self) -> Option<Instant> {
        match &self.state {
            State::Starting { since, .. } | State::Retrying { since, .. } | State::Abandoning { since, .. } => {
                Some(*since)
            }
            State::Up(run) | State::Hooking { run, .. } | State::Stopping { run, .. } => Some(run.spawned_at),
            State::Killing { run, .. } | State::Draining { run, .. } | State::Surveying { run, .. } => {
                Some(run.spawned_at)
            }
            State::Pending | State::Backoff { .. } | State::Ended(_) => None,
        }
    }
}

impl State {
    pub(super) fn digest(&self, now: Instant, into: &mut Digest) {
        discriminant(self).hash(into);
        match self {
            State::Pending => {}
            State::Starting { by, tries, .. } => {
                tries.hash(into);
                into.instant(now, *by);
            }
            State::Retrying { at, by, tries, failure, .. } => {
                (tries, failure).hash(into);
                into.instant(now, *at).instant(now, *by);
            }
            State::Abandoning { plan, .. } => plan.digest(now, into),
            State::Up(run) | State::Surveying { run, .. } => run.digest(now, into),
            State::Stopping { run, plan } | State::Killing { run, plan } => {
                run.digest(now, into);
                plan.digest(now, into);
            }
            State::Hooking { run, until, plan } | State::Draining { run, until, plan } => {
                run.digest(now, into);
                plan.digest(now, into);
                into.instant(now, *until);
            }
            State::Backoff { until, last } => {
                last.state.hash(into);
                into.instant(now, *until);
            }
            State::Ended(outcome) => outcome.state.hash(into),
        }
    }
}

impl Run {
    fn digest(&self, now: Instant, into: &mut Digest) {
        // Where it runs and when it was spawned is told by its worker.
        let Run {
            unit: _,
            pid: _,
            spawned_at: _,
            exit_op: _,
            empty_op,
            exit,
            empty,
            outputs,
            output_op: _,
            delivered,
            readiness,
            probe,
            hook,
            asked,
            late,
            sent,
            killed_leader,
        } = self;
        ready::digest(*readiness, now, into);
        (probe.is_some(), hook.is_some()).hash(into);
        (empty_op.is_some(), exit, empty, delivered, asked, late, sent, killed_leader).hash(into);
        for output in outputs {
            match output {
                Reading::Closed => into.number(0),
                Reading::Traffic => into.number(2),
                Reading::Open(lines) => {
                    lines.hash(into);
                    into.number(1)
                }
            };
        }
    }
}

impl StopPlan {
    fn digest(&self, now: Instant, into: &mut Digest) {
        let StopPlan { by, kill_at, empty_by, deadline } = self;
        by.hash(into);
        into.instant(now, *kill_at).instant(now, *empty_by).instant(now, *deadline);
    }
}
