//! A machine of the user's own: it kills a job whose time is up, and forgets that the read it has asked for will still be answered.
//! Supervisor 4 (L32): a crash if the child ends or speaks just before the kill, a pair of state and event that nobody thought of.

use crate::stage::*;
use shakedown_core::ids::{OpId, UnitId};
use shakedown_core::machine::{Broken, Command, Cx, Event, Machine};
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Body, Request, Stream, Target};
use std::sync::Arc;

pub(super) fn case() -> Case {
    Case::new("output_comes_while_it_is_killed", "L32", OracleName::NoUnexpected)
        .broken(|host| begin(host, false))
        .twin(|host| begin(host, true))
}

fn begin(host: &mut Stage, withdraws: bool) {
    let machine = host.add("runner", Any(Box::new(Runner { withdraws, state: State::Idle })));
    host.send(machine, Event::Command(Command::Start));
}

/// Runs one job for at most 100 ms.
struct Runner {
    /// Right: the read is withdrawn when the job is killed.
    withdraws: bool,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Idle,
    Starting {
        unit: UnitId,
    },
    Running {
        unit: UnitId,
        read: OpId,
        kill_at: Instant,
    },
    /// Its output is over, it is not.
    Silent {
        unit: UnitId,
        kill_at: Instant,
    },
    Killing {
        unit: UnitId,
    },
    Over,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            State::Idle => "idle",
            State::Starting { .. } => "starting",
            State::Running { .. } => "running",
            State::Silent { .. } => "silent",
            State::Killing { .. } => "killing",
            State::Over => "over",
        }
    }
}

impl Runner {
    fn start(cx: &mut Cx<'_>) -> State {
        let unit = cx.new_unit();
        let job = spec("job", "sleep 20ms..110ms; print result; close stdout; close stderr; exit 0");
        cx.start(unit, &"job".into(), &Body::Process(Arc::new(job)));
        State::Starting { unit }
    }

    fn kill(unit: UnitId, cx: &mut Cx<'_>) -> State {
        cx.submit(unit, Request::Signal { to: Target::Scope, signal: Signal::KILL });
        State::Killing { unit }
    }

    fn reap(unit: UnitId, cx: &mut Cx<'_>) -> State {
        cx.submit(unit, Request::Reap);
        State::Over
    }
}

impl Machine for Runner {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        self.state = match (self.state, &event) {
            (State::Idle, Event::Command(Command::Start)) => Self::start(cx),
            (State::Starting { unit }, Event::Spawned { result: Ok(_), .. }) => {
                cx.submit(unit, Request::Exit);
                let read = cx.read(unit, Stream::Stdout);
                State::Running { unit, read, kill_at: cx.now.after(ms(100)) }
            }
            (State::Running { unit, kill_at, .. }, Event::OutputOver { .. }) => State::Silent { unit, kill_at },
            (running @ State::Running { .. }, Event::Output { .. }) => running,
            (State::Running { unit, read, .. }, Event::Tick) => {
                if self.withdraws {
                    cx.withdraw(read);
                }
                Self::kill(unit, cx)
            }
            (State::Silent { unit, .. }, Event::Tick) => Self::kill(unit, cx),
            (State::Running { unit, read, .. }, Event::Exited { .. }) => {
                cx.withdraw(read);
                Self::reap(unit, cx)
            }
            (State::Silent { unit, .. } | State::Killing { unit }, Event::Exited { .. }) => Self::reap(unit, cx),
            (state, event) => {
                cx.unexpected(state.word(), event);
                state
            }
        };
    }

    fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Running { kill_at, .. } | State::Silent { kill_at, .. } => Some(kill_at),
            State::Idle | State::Starting { .. } | State::Killing { .. } | State::Over => None,
        }
    }

    fn invariant(&self) -> Result<(), Broken> {
        Ok(())
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Over)
    }

    fn waits_for(&self) -> String {
        format!("the end of its job ({})", self.state.word())
    }
}
