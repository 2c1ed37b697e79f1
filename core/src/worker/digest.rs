//! A worker's state as a search knows it again: all that its future depends on, without the numbers of operations.
//! At most one operation of each kind is open, so that its kind tells which it is.

use super::ready;
use super::run::Reading;
use super::{Run, State, StopPlan, Worker};
use crate::digest::Digest;
use crate::time::Instant;
use core::hash::Hash;
use core::mem::discriminant;

impl Worker {
    pub(super) fn digest_all(&self, now: Instant, into: &mut Digest) {
        self.previous.hash(into);
        if let Some(restarts) = &self.restarts {
            restarts.digest(now, into);
        }
        self.state.digest(now, into);
    }
}

impl State {
    pub(super) fn digest(&self, now: Instant, into: &mut Digest) {
        discriminant(self).hash(into);
        match self {
            State::Pending => {}
            State::Starting { by, .. } => {
                into.instant(now, *by);
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
        // Where it runs is told by its worker, and when it was spawned decides nothing any more.
        let Run {
            unit: _,
            spawned_at: _,
            exit_op: _,
            empty_op,
            exit,
            empty,
            outputs,
            delivered,
            readiness,
            probe,
            hook,
            asked,
            sent,
            killed_leader,
        } = self;
        ready::digest(*readiness, now, into);
        (probe.is_some(), hook.is_some()).hash(into);
        (empty_op.is_some(), exit, empty, delivered, asked, sent, killed_leader).hash(into);
        for output in outputs {
            match output {
                Reading::Closed => into.number(0),
                Reading::Open { op: _, lines } => {
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
