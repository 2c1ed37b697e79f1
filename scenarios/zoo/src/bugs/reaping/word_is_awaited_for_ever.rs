//! A machine of the user's own: it waits for its job's word to be ready, ends the job whose time is up, and never withdraws the wait.
//! tokio#6770 (L21): a wait that never resolves, because what it waits for can no longer come.

use crate::stage::*;
use shakedown_core::ids::{OpId, UnitId};
use shakedown_core::machine::{Broken, Command, Cx, Event, Machine};
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Body, Channel, Launch, Request, Target};
use std::sync::Arc;

pub(super) fn case() -> Case {
    Case::new("word_is_awaited_for_ever", "L21", OracleName::AllWaitsResolve)
        .broken(|host| begin(host, false))
        .twin(|host| begin(host, true))
}

fn begin(host: &mut Stage, withdraws: bool) {
    let machine = host.add("runner", Any(Box::new(Runner { withdraws, state: State::Idle })));
    host.send(machine, Event::Command(Command::Start));
}

/// Runs a job until it has said that it is ready, for at most 100 ms.
struct Runner {
    /// Right: the wait for the word is withdrawn with the job.
    withdraws: bool,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Idle,
    Starting { unit: UnitId },
    Waiting { unit: UnitId, word: OpId, kill_at: Instant },
    Killing { unit: UnitId },
    Over,
}

fn kill(unit: UnitId, cx: &mut Cx<'_>) -> State {
    cx.submit(unit, Request::Signal { to: Target::Scope, signal: Signal::KILL });
    State::Killing { unit }
}

impl Machine for Runner {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        self.state = match (self.state, &event) {
            (State::Idle, Event::Command(Command::Start)) => {
                let unit = cx.new_unit();
                let job = spec("job", "sleep 10ms..110ms; notify ready; hang");
                let launch = Launch { notify: Some(Channel::Socket), ..Launch::default() };
                cx.launch(unit, &"job".into(), &Body::Process(Arc::new(job)), launch);
                State::Starting { unit }
            }
            (State::Starting { unit }, Event::Spawned { result: Ok(_), .. }) => {
                cx.submit(unit, Request::Exit);
                let word = cx.submit(unit, Request::Notified(Channel::Socket));
                State::Waiting { unit, word, kill_at: cx.now.after(ms(100)) }
            }
            (State::Waiting { unit, .. }, Event::Notified { .. }) => kill(unit, cx),
            (State::Waiting { unit, word, .. }, Event::Tick) => {
                if self.withdraws {
                    cx.withdraw(word);
                }
                kill(unit, cx)
            }
            // A word that comes late is none.
            (State::Killing { .. } | State::Over, Event::Notified { .. }) => self.state,
            (State::Killing { unit }, Event::Exited { .. }) => {
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
        match self.state {
            State::Waiting { kill_at, .. } => Some(kill_at),
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
        "the word or the end of its job".into()
    }
}
