//! A machine of the user's own: a stop that comes while the start is under way closes it, since there is nobody to be stopped yet.
//! OpenRC#375 (L72): whoever gives up a start has to wait for its answer, because a late child must be ended too.

use crate::stage::*;
use shakedown_core::ids::{ActorId, UnitId};
use shakedown_core::machine::{Broken, Command, Cx, Event, Machine};
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::time::{DurationRange, Instant};
use shakedown_core::vocab::{Body, Request, Requester, Target};
use std::sync::Arc;

pub(super) fn case() -> Case {
    Case::new("stop_comes_before_the_start_is_answered", "L72", OracleName::NoOrphan)
        .broken(|host| begin(host, false))
        .twin(|host| begin(host, true))
}

fn begin(host: &mut Stage, awaits_the_start: bool) {
    let runner = host.add("runner", Any(Box::new(Runner { awaits_the_start, state: State::Idle })));
    host.add("user", Any(Box::new(User { runner, stop_at: Some(Instant::ZERO.after(ms(50))) })));
    host.send(runner, Event::Command(Command::Start));
}

/// Starts a server after a while, and ends it when it is asked to.
struct Runner {
    /// Right: who has come after all is ended.
    awaits_the_start: bool,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Idle,
    Waiting {
        start_at: Instant,
    },
    Starting {
        unit: UnitId,
    },
    /// The stop has come, and the answer to the start has not.
    Abandoning {
        unit: UnitId,
    },
    Running {
        unit: UnitId,
    },
    Killing {
        unit: UnitId,
    },
    Over,
}

/// When it starts.
const DELAY: DurationRange = DurationRange { min: ms(1), max: ms(100), grid: ms(1) };

fn kill(unit: UnitId, cx: &mut Cx<'_>) -> State {
    cx.submit(unit, Request::Signal { to: Target::Scope, signal: Signal::KILL });
    cx.submit(unit, Request::Exit);
    State::Killing { unit }
}

impl Machine for Runner {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        self.state = match (self.state, &event) {
            (State::Idle, Event::Command(Command::Start)) => State::Waiting { start_at: cx.now.after(cx.draw(DELAY)) },
            (State::Waiting { .. }, Event::Tick) => {
                let unit = cx.new_unit();
                cx.start(unit, &"server".into(), &Body::Process(Arc::new(spec("server", "hang"))));
                State::Starting { unit }
            }
            (State::Starting { unit }, Event::Spawned { result: Ok(_), .. }) => State::Running { unit },
            (State::Abandoning { unit }, Event::Spawned { result: Ok(_), .. }) => kill(unit, cx),
            (State::Waiting { .. }, Event::Command(Command::Stop { .. })) => State::Over,
            (State::Starting { unit }, Event::Command(Command::Stop { .. })) if self.awaits_the_start => {
                State::Abandoning { unit }
            }
            (State::Starting { .. }, Event::Command(Command::Stop { .. })) => State::Over,
            (State::Running { unit }, Event::Command(Command::Stop { .. })) => kill(unit, cx),
            (State::Killing { unit }, Event::Exited { .. }) => {
                cx.submit(unit, Request::Reap);
                State::Over
            }
            // Nobody wants it any more.
            (State::Over, Event::Spawned { .. }) => State::Over,
            (state, event) => {
                cx.unexpected("a state of the runner", event);
                state
            }
        };
    }

    fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { start_at } => Some(start_at),
            State::Idle | State::Starting { .. } | State::Abandoning { .. } => None,
            State::Running { .. } | State::Killing { .. } | State::Over => None,
        }
    }

    fn invariant(&self) -> Result<(), Broken> {
        Ok(())
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Over)
    }

    fn waits_for(&self) -> String {
        "a stop, or the end of its server".into()
    }
}

/// Asks the runner to stop at its time.
struct User {
    runner: ActorId,
    stop_at: Option<Instant>,
}

impl Machine for User {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        match event {
            Event::Tick => {
                self.stop_at = None;
                let stop = Command::Stop { by: Requester::User, deadline: Instant::NEVER };
                cx.tell(self.runner, Event::Command(stop));
            }
            other => cx.unexpected("a user", &other),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.stop_at
    }

    fn invariant(&self) -> Result<(), Broken> {
        Ok(())
    }

    fn is_closed(&self) -> bool {
        self.stop_at.is_none()
    }

    fn waits_for(&self) -> String {
        "the moment of the stop".into()
    }
}
