//! A machine of the user's own: it runs two jobs, reaps each when it ends, and kills both when their time is up, whoever is left.
//! Supervisor 4 (L32): a kill of what has ended already is answered by an error that no state has an answer for.

use crate::stage::*;
use shakedown_core::ids::{OpId, UnitId};
use shakedown_core::machine::{Broken, Command, Cx, Event, Machine};
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Body, Request, Target};
use std::sync::Arc;

pub(super) fn case() -> Case {
    Case::new("signal_finds_nobody", "L32", OracleName::NoUnexpected)
        .broken(|host| begin(host, false))
        .twin(|host| begin(host, true))
}

fn begin(host: &mut Stage, looks_who_is_left: bool) {
    let state = State::Running { jobs: Vec::new(), kill_at: Instant::ZERO.after(ms(100)) };
    let machine = host.add("runner", Any(Box::new(Runner { looks_who_is_left, units: Vec::new(), state })));
    host.send(machine, Event::Command(Command::Start));
}

/// One of them is done long before the time is up, and the other mostly.
const JOBS: [(&str, &str); 2] = [("a", "sleep 1ms..40ms; exit 0"), ("b", "repeat 2 { sleep 10ms..51ms }; exit 0")];

/// Runs two jobs for at most 100 ms.
struct Runner {
    /// Right: only those who have not been reaped are killed.
    looks_who_is_left: bool,
    units: Vec<UnitId>,
    state: State,
}

enum State {
    /// Those who have not ended, each with the wait for its end.
    Running {
        jobs: Vec<(UnitId, OpId)>,
        kill_at: Instant,
    },
    Killing {
        jobs: Vec<(UnitId, OpId)>,
    },
}

impl State {
    fn jobs(&mut self) -> &mut Vec<(UnitId, OpId)> {
        match self {
            State::Running { jobs, .. } | State::Killing { jobs } => jobs,
        }
    }
}

impl Machine for Runner {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        match (&mut self.state, &event) {
            (State::Running { jobs, .. }, Event::Command(Command::Start)) => {
                for (name, script) in JOBS {
                    let unit = cx.new_unit();
                    cx.start(unit, &name.into(), &Body::Process(Arc::new(spec(name, script))));
                    jobs.push((unit, cx.submit(unit, Request::Exit)));
                    self.units.push(unit);
                }
            }
            (State::Running { jobs, .. }, Event::Tick) => {
                let left: Vec<UnitId> = jobs.iter().map(|(unit, _)| *unit).collect();
                for unit in if self.looks_who_is_left { left } else { self.units.clone() } {
                    cx.submit(unit, Request::Signal { to: Target::Scope, signal: Signal::KILL });
                }
                self.state = State::Killing { jobs: std::mem::take(jobs) };
            }
            (_, Event::Spawned { result: Ok(_), .. }) => {}
            (state, Event::Exited { op, .. }) => {
                let ended = state.jobs().iter().position(|(_, wait)| wait == op);
                if let Some((unit, _)) = ended.map(|at| state.jobs().remove(at)) {
                    cx.submit(unit, Request::Reap);
                }
            }
            (_, event) => cx.unexpected("a state of the runner", event),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Running { jobs, kill_at } => (!jobs.is_empty()).then_some(*kill_at),
            State::Killing { .. } => None,
        }
    }

    fn invariant(&self) -> Result<(), Broken> {
        Ok(())
    }

    fn is_closed(&self) -> bool {
        match &self.state {
            State::Running { jobs, .. } | State::Killing { jobs } => jobs.is_empty(),
        }
    }

    fn waits_for(&self) -> String {
        "the end of its jobs".into()
    }
}
