//! A machine of the user's own that is over with its leader: whoever else lives in the group keeps the output open.
//! process-compose (L37): only the wrapper is waited for; the real program survives it and holds its pipe.

use crate::stage::*;
use shakedown_core::ids::UnitId;
use shakedown_core::machine::{Broken, Command, Cx, Event, Machine};
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Body, Request, Target};
use std::sync::Arc;

pub(super) fn case() -> Case {
    Case::new("machine_closes_with_its_leader", "L37", OracleName::NoOrphan)
        .broken(|host| begin(host, false))
        .twin(|host| begin(host, true))
}

fn begin(host: &mut Stage, ends_the_rest: bool) {
    let machine = host.add("runner", Any(Box::new(Runner { ends_the_rest, state: State::Idle })));
    host.send(machine, Event::Command(Command::Start));
}

/// Runs one wrapper to its end.
struct Runner {
    /// Right: who is left in the group is killed and waited for.
    ends_the_rest: bool,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Idle,
    Starting { unit: UnitId },
    Running { unit: UnitId },
    Emptying { unit: UnitId },
    Over,
}

impl Machine for Runner {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        self.state = match (self.state, &event) {
            (State::Idle, Event::Command(Command::Start)) => {
                let unit = cx.new_unit();
                let wrapper = spec("wrapper", "spawn program { hang }; sleep 10ms..50ms; exit 0");
                cx.start(unit, &"wrapper".into(), &Body::Process(Arc::new(wrapper)));
                State::Starting { unit }
            }
            (State::Starting { unit }, Event::Spawned { result: Ok(_), .. }) => {
                cx.submit(unit, Request::Exit);
                State::Running { unit }
            }
            (State::Running { unit }, Event::Exited { .. }) if self.ends_the_rest => {
                cx.submit(unit, Request::Signal { to: Target::Scope, signal: Signal::KILL });
                cx.submit(unit, Request::Empty);
                State::Emptying { unit }
            }
            (State::Running { unit }, Event::Exited { .. }) | (State::Emptying { unit }, Event::Empty { .. }) => {
                cx.submit(unit, Request::Reap);
                State::Over
            }
            (state, event) => {
                cx.unexpected("a state of the runner", event);
                state
            }
        };
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn invariant(&self) -> Result<(), Broken> {
        Ok(())
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Over)
    }

    fn waits_for(&self) -> String {
        "the end of its wrapper".into()
    }
}
