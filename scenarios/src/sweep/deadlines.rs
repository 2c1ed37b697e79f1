//! Which way each deadline of a session has gone, over the runs of a sweep: kept, missed, or met in the very instant in which time was up.
//! A race that has only ever gone one way was not tested, whatever the oracles say.

use shakedown_core::ids::WorkerId;
use shakedown_core::signal::Signal;
use shakedown_core::task::Ways;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Fact, FactRecord, Grace, Requester, SessionSpec, Subject};
use shakedown_sim::Moment;

/// How often the deadlines of one worker went which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Deadlines {
    /// Its leader ended before the grace did; it was killed.
    pub grace: Ways,
    /// It became ready in time; it did not, and was stopped.
    pub ready: Ways,
}

impl Deadlines {
    /// Those that ever ran, with what they are called.
    pub fn ran(&self) -> impl Iterator<Item = (&'static str, Ways)> {
        [("grace", self.grace), ("readiness", self.ready)].into_iter().filter(|(_, ways)| ways.ran())
    }

    pub(super) fn add(&mut self, other: Deadlines) {
        self.grace.add(other.grace);
        self.ready.add(other.ready);
    }
}

/// What runs of a worker just now.
#[derive(Clone, Copy)]
struct Running {
    worker: WorkerId,
    of: Of,
    until: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Ready,
    Grace { killed: bool },
}

/// Adds the deadlines of a run to those of each worker.
pub(super) fn count(moments: &[Moment], session: &SessionSpec, into: &mut [Deadlines]) {
    let mut running: Vec<Running> = Vec::new();
    for moment in moments {
        let Moment::Fact(record) = moment else { continue };
        let Subject::Worker(worker) = record.subject else { continue };
        let known = running.iter().position(|running| running.worker == worker);
        match known {
            None => running.extend(begin(session, worker, record)),
            Some(at) => {
                let now = &mut running[at];
                if let (Of::Grace { killed }, Fact::Signalled { signal: Signal::KILL, .. }) =
                    (&mut now.of, &record.fact)
                {
                    *killed = true;
                }
                let Some(way) = end(now, record) else { continue };
                let of = running.swap_remove(at).of;
                if let Some(deadlines) = into.get_mut(worker.index()) {
                    let ways = if of == Of::Ready { &mut deadlines.ready } else { &mut deadlines.grace };
                    *(way.of)(ways) += u64::from(way.counts);
                }
                running.extend(begin(session, worker, record));
            }
        }
    }
}

/// Which way a deadline went.
struct Way {
    of: fn(&mut Ways) -> &mut u64,
    /// Not where what it bounds was given up for another reason.
    counts: bool,
}

impl Way {
    const fn gone(of: fn(&mut Ways) -> &mut u64) -> Way {
        Way { of, counts: true }
    }
}

/// The deadline that begins with this fact.
fn begin(session: &SessionSpec, worker: WorkerId, record: &FactRecord) -> Option<Running> {
    let spec = session.workers.get(worker.index())?;
    if let Fact::Spawn = record.fact {
        let until = record.at.after(spec.ready.as_ref()?.timeout);
        return Some(Running { worker, of: Of::Ready, until });
    }
    // The signal that asks the worker to end.
    if let (Fact::Signalled { signal, .. }, Grace::After(grace)) = (&record.fact, spec.stop.grace)
        && *signal == spec.stop.signal
        && !grace.is_zero()
    {
        return Some(Running { worker, of: Of::Grace { killed: false }, until: record.at.after(grace) });
    }
    None
}

/// Which way a deadline has gone, if this fact ends it.
fn end(running: &Running, record: &FactRecord) -> Option<Way> {
    let in_time = |missed: bool| match missed {
        _ if record.at == running.until => Way::gone(|ways| &mut ways.tied),
        true => Way::gone(|ways| &mut ways.missed),
        false => Way::gone(|ways| &mut ways.kept),
    };
    let ends = match (running.of, &record.fact) {
        (Of::Grace { killed }, Fact::Exited { .. }) => return Some(in_time(killed)),
        (Of::Ready, Fact::Ready) => return Some(in_time(false)),
        (Of::Ready, Fact::StopRequested { by: Requester::Deadline, .. }) if record.at >= running.until => {
            return Some(Way::gone(|ways| &mut ways.missed));
        }
        (of, fact) => of == Of::Ready && gives_up(fact),
    };
    ends.then_some(Way { of: |ways| &mut ways.missed, counts: false })
}

/// Whether nobody waits any more for it to become ready.
const fn gives_up(fact: &Fact) -> bool {
    matches!(fact, Fact::StopRequested { .. } | Fact::Signalled { .. } | Fact::Exited { .. } | Fact::Ended(_))
}
