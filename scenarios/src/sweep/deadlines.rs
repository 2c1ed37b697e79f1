//! Which way each grace period of a session has gone, over the runs of a sweep: kept, missed, or met in the very instant in which it
//! ended. A race that has only ever gone one way was not tested, whatever the oracles say.

use shakedown_core::ids::WorkerId;
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Fact, Grace, SessionSpec, Subject};
use shakedown_sim::Moment;

/// How often the grace of one worker went which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Deadline {
    /// The leader ended before.
    pub kept: u64,
    /// It was killed.
    pub missed: u64,
    /// It ended in the instant in which its time was up, whoever was first.
    pub tied: u64,
}

impl Deadline {
    /// The ways that it has never gone, in words; none where nobody was ever asked to end.
    pub fn never(&self) -> Vec<&'static str> {
        let ways = [(self.kept, "kept"), (self.missed, "missed"), (self.tied, "tied")];
        let asked = ways.iter().any(|(n, _)| *n > 0);
        ways.into_iter().filter(|(n, _)| asked && *n == 0).map(|(_, way)| way).collect()
    }

    pub(super) fn add(&mut self, other: Deadline) {
        self.kept += other.kept;
        self.missed += other.missed;
        self.tied += other.tied;
    }
}

/// A stop that is under way.
#[derive(Clone, Copy)]
struct Stop {
    worker: WorkerId,
    until: Instant,
    killed: bool,
}

/// Adds the stops of a run to those of each worker.
pub(super) fn count(moments: &[Moment], session: &SessionSpec, into: &mut [Deadline]) {
    let mut stops: Vec<Stop> = Vec::new();
    for moment in moments {
        let Moment::Fact(record) = moment else { continue };
        let Subject::Worker(worker) = record.subject else { continue };
        let known = stops.iter().position(|stop| stop.worker == worker);
        if let (Fact::Signalled { signal: Signal::KILL, .. }, Some(at)) = (&record.fact, known) {
            stops[at].killed = true;
        } else if let (Fact::Signalled { signal, .. }, None) = (&record.fact, known) {
            stops.extend(until(session, worker, *signal, record.at).map(|until| Stop { worker, until, killed: false }));
        } else if let (Fact::Exited { .. }, Some(at), Some(deadline)) =
            (&record.fact, known, into.get_mut(worker.index()))
        {
            let Stop { until, killed, .. } = stops.swap_remove(at);
            let way = match killed {
                _ if record.at == until => &mut deadline.tied,
                true => &mut deadline.missed,
                false => &mut deadline.kept,
            };
            *way += 1;
        }
    }
}

/// When the grace ends that begins with this signal, if it is the one that asks the worker to end.
fn until(session: &SessionSpec, worker: WorkerId, signal: Signal, at: Instant) -> Option<Instant> {
    let policy = &session.workers.get(worker.index())?.stop;
    match policy.grace {
        Grace::After(grace) if policy.signal == signal && !grace.is_zero() => Some(at.after(grace)),
        Grace::After(_) | Grace::Never => None,
    }
}
