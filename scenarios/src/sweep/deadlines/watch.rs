//! Follows what is told of one run, from the fact that a deadline begins with to the one that ends it.

use super::Deadlines;
use shakedown_core::ids::WorkerId;
use shakedown_core::proxy::{Cutter, Stage};
use shakedown_core::signal::Signal;
use shakedown_core::task::Ways;
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::{
    Body, ExitStatus, Fact, FactRecord, Grace, ProcessEvent, ProcessWhat, Requester, SessionSpec, StopPolicy, Subject,
    WorkerSpec,
};
use shakedown_sim::Moment;

/// Adds the deadlines of a run.
pub(in crate::sweep) fn count(moments: &[Moment], session: &SessionSpec, into: &mut Deadlines) {
    let mut watch = Watch { session, into, running: Vec::new(), up: 0, budget: None };
    for moment in moments {
        match moment {
            Moment::Fact(record) => match record.subject {
                Subject::Session => watch.of_session(record),
                Subject::Worker(worker) => watch.of_worker(worker, record),
            },
            Moment::Process(event) => watch.process(event),
        }
    }
}

struct Watch<'a> {
    session: &'a SessionSpec,
    into: &'a mut Deadlines,
    running: Vec<Running>,
    /// Whose leader lives, by the worker's number; those beyond the last bit are not followed.
    up: u128,
    budget: Option<Budget>,
}

/// The session is to end by this instant.
#[derive(Clone, Copy)]
struct Budget {
    until: Instant,
    /// How that has gone for those workers who had less time by it than by their own grace; where nobody has, it does not run.
    went: Option<Went>,
}

/// A deadline that runs.
#[derive(Clone, Copy)]
struct Running {
    worker: WorkerId,
    of: Of,
    until: Instant,
}

/// What it bounds, and what was seen of that.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Ready,
    /// When its process ended by itself.
    Hook {
        over: Option<Instant>,
    },
    Grace {
        killed: bool,
    },
    /// The grace, where the session's budget ends before it.
    Budget {
        killed: bool,
    },
    /// How long it may take, and the last two instants at which one of its processes ended.
    Drain {
        within: Duration,
        ends: [Instant; 2],
    },
    /// Since when it accepts nobody.
    ProxyDrain {
        since: Instant,
        cut: bool,
    },
}

/// Which way a deadline went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Went {
    Kept,
    Missed,
    Tied,
    /// What it bounds was given up for another reason, or needed no time.
    Nowhere,
}

impl Went {
    /// Over at this instant, without being cut.
    fn at(over: Instant, until: Instant) -> Went {
        if over == until { Went::Tied } else { Went::Kept }
    }

    fn count(self, ways: &mut Ways) {
        match self {
            Went::Kept => ways.kept += 1,
            Went::Missed => ways.missed += 1,
            Went::Tied => ways.tied += 1,
            Went::Nowhere => {}
        }
    }
}

impl Watch<'_> {
    fn of_session(&mut self, record: &FactRecord) {
        match record.fact {
            Fact::StopRequested { deadline, .. } => {
                let budget = self.budget.get_or_insert(Budget { until: deadline, went: None });
                budget.until = budget.until.min(deadline);
            }
            Fact::SessionStopped => {
                let went = self.budget.take().and_then(|budget| budget.went);
                went.unwrap_or(Went::Nowhere).count(&mut self.into.budget);
            }
            _ => {}
        }
    }

    fn of_worker(&mut self, worker: WorkerId, record: &FactRecord) {
        let mut at = 0;
        while let Some(running) = self.running.get_mut(at) {
            if running.worker != worker {
                at += 1;
                continue;
            }
            match end(running, record) {
                None => at += 1,
                Some(went) => {
                    let over = self.running.swap_remove(at);
                    self.settle(over, went);
                }
            }
        }
        let Some(spec) = self.session.workers.get(worker.index()) else { return };
        self.begin(worker, spec, record);
    }

    fn settle(&mut self, over: Running, went: Went) {
        let Some(of) = self.into.workers.get_mut(over.worker.index()) else { return };
        match over.of {
            Of::Ready => went.count(&mut of.ready),
            Of::Hook { .. } => went.count(&mut of.hook),
            Of::Grace { .. } => went.count(&mut of.grace),
            Of::Drain { .. } => went.count(&mut of.drain),
            Of::ProxyDrain { .. } => went.count(&mut of.proxy_drain),
            Of::Budget { .. } => self.of_budget(went),
        }
    }

    /// What became of one worker is the budget's: who misses it misses it for all.
    fn of_budget(&mut self, went: Went) {
        let Some(budget) = &mut self.budget else { return };
        budget.went = Some(match (budget.went.unwrap_or(went), went) {
            (Went::Missed, _) | (_, Went::Missed) => Went::Missed,
            (Went::Tied, _) | (_, Went::Tied) => Went::Tied,
            (Went::Nowhere, _) | (_, Went::Nowhere) => Went::Nowhere,
            (Went::Kept, Went::Kept) => Went::Kept,
        });
    }

    /// The deadlines that begin with this fact.
    fn begin(&mut self, worker: WorkerId, spec: &WorkerSpec, record: &FactRecord) {
        let (at, stop, bit) = (record.at, &spec.stop, 1 << worker.index().min(127));
        let mut run = |of, until| self.running.push(Running { worker, of, until });
        match &record.fact {
            Fact::Spawn => {
                if let Some(ready) = &spec.ready {
                    run(Of::Ready, at.after(ready.timeout));
                }
            }
            Fact::Started { .. } => self.up |= bit,
            Fact::StopRequested { .. } if self.up & bit != 0 => {
                if let Some(hook) = &stop.hook {
                    run(Of::Hook { over: None }, at.after(hook.within));
                }
            }
            // The signal that asks the worker to end.
            Fact::Signalled { signal, .. } if *signal == stop.signal && self.up & bit != 0 => {
                self.asked(worker, spec, at);
            }
            // Without a signal before it, whose time is up is not the grace.
            Fact::Signalled { signal: Signal::KILL, by, .. } if self.up & bit != 0 => {
                let is_asked = |running: &Running| running.worker == worker && running.of.is_of_a_stop();
                let went = if *by == Requester::Deadline { Went::Missed } else { Went::Nowhere };
                if stop.grace != Grace::After(Duration::ZERO) && !self.running.iter().any(is_asked) {
                    self.of_budget(went);
                }
            }
            Fact::Exited { .. } => {
                self.up &= !bit;
                run(Of::Drain { within: stop.drain, ends: [at; 2] }, Instant::NEVER);
            }
            _ => {}
        }
    }

    /// It was sent the gentle signal.
    fn asked(&mut self, worker: WorkerId, spec: &WorkerSpec, at: Instant) {
        let stop = &spec.stop;
        let ends = match stop.grace {
            Grace::After(grace) if grace.is_zero() => return,
            Grace::After(grace) => at.after(grace),
            Grace::Never => Instant::NEVER,
        };
        let budget = self.budget.map_or(Instant::NEVER, |budget| budget.until.before(tail(stop)));
        let (of, until) = if budget < ends {
            (Of::Budget { killed: false }, budget.max(at))
        } else {
            (Of::Grace { killed: false }, ends)
        };
        if until != Instant::NEVER {
            self.running.push(Running { worker, of, until });
        }
        if let Body::Proxy(proxy) = &spec.body {
            let since = at.after(proxy.lag);
            let of = Of::ProxyDrain { since, cut: false };
            self.running.push(Running { worker, of, until: since.after(proxy.drain) });
        }
    }

    fn process(&mut self, event: &ProcessEvent) {
        let ProcessWhat::Exited(status) = event.what else { return };
        for running in &mut self.running {
            let name = || self.session.workers.get(running.worker.index()).map_or("", |worker| &*worker.name);
            match &mut running.of {
                Of::Hook { over } if matches!(status, ExitStatus::Exited(_)) && is_hook(&event.name, name()) => {
                    *over = Some(event.at);
                }
                Of::Drain { ends, .. } if ends[1] < event.at && is_of(&event.name, name()) => {
                    *ends = [ends[1], event.at]
                }
                Of::Ready | Of::Hook { .. } | Of::Grace { .. } | Of::Budget { .. } => {}
                Of::Drain { .. } | Of::ProxyDrain { .. } => {}
            }
        }
    }
}

impl Of {
    /// Whether it is about a worker that was asked to end, and may be killed for it.
    const fn is_of_a_stop(self) -> bool {
        match self {
            Of::Hook { .. } | Of::Grace { .. } | Of::Budget { .. } => true,
            Of::Ready | Of::Drain { .. } | Of::ProxyDrain { .. } => false,
        }
    }
}

/// Which way a deadline has gone, if this fact of its worker ends it.
fn end(running: &mut Running, record: &FactRecord) -> Option<Went> {
    let (at, until) = (record.at, running.until);
    match (&mut running.of, &record.fact) {
        (Of::Ready, Fact::Ready) => Some(Went::at(at, until)),
        (Of::Ready, Fact::StopRequested { by: Requester::Deadline, .. }) if at >= until => Some(Went::Missed),
        (Of::Ready, Fact::StopRequested { .. } | Fact::Signalled { .. } | Fact::Exited { .. }) => Some(Went::Nowhere),
        (Of::Hook { over: Some(over) }, Fact::Signalled { .. }) => Some(Went::at(*over, until)),
        (Of::Hook { over: None }, Fact::Signalled { .. }) => {
            Some(if at < until { Went::Nowhere } else { Went::Missed })
        }
        (Of::Grace { killed } | Of::Budget { killed }, Fact::Signalled { signal: Signal::KILL, by, .. }) => {
            *killed = true;
            // By hand, or by a second interrupt.
            (*by != Requester::Deadline).then_some(Went::Nowhere)
        }
        (Of::Grace { killed } | Of::Budget { killed }, Fact::Exited { status }) => {
            // Whoever leaves by itself in the very instant of the KILL was in time, if only just.
            let is_cut =
                *killed && (at != until || matches!(status, ExitStatus::Signalled { signal: Signal::KILL, .. }));
            Some(if is_cut { Went::Missed } else { Went::at(at, until) })
        }
        (Of::Drain { within, ends }, Fact::OutputClosed) => {
            let since = if ends[1] < at { ends[1] } else { ends[0] };
            Some(if since < at { Went::at(at, since.after(*within)) } else { Went::Nowhere })
        }
        (Of::Drain { .. }, Fact::DrainAbandoned) => Some(Went::Missed),
        (Of::ProxyDrain { cut, .. }, Fact::Request(exchange)) => {
            *cut |= exchange.stage == Stage::Cut { by: Cutter::Drain };
            None
        }
        (Of::ProxyDrain { .. }, Fact::Signalled { signal: Signal::KILL, .. }) => Some(Went::Nowhere),
        (Of::ProxyDrain { cut: true, .. }, Fact::Exited { .. }) => Some(Went::Missed),
        (Of::ProxyDrain { since, .. }, Fact::Exited { .. }) => {
            Some(if *since < at { Went::at(at, until) } else { Went::Nowhere })
        }
        (_, Fact::Ended(_)) => Some(Went::Nowhere),
        _ => None,
    }
}

/// What a killed scope and its output need at the end of a budget.
const fn tail(stop: &StopPolicy) -> Duration {
    StopPolicy::EMPTY_WITHIN.saturating_add(stop.drain)
}

/// Whether a process of this name is one of a worker's: `api/helper`.
fn is_of(process: &str, worker: &str) -> bool {
    process.strip_prefix(worker).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether it is the first process of a worker's pre-stop hook.
fn is_hook(process: &str, worker: &str) -> bool {
    process.strip_prefix(worker) == Some(".pre-stop/main")
}
