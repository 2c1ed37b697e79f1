//! A record of every step that a host took: who stepped, and which step had enabled it. Kept only where it is asked for, by whoever
//! explains a run; a sweep does not pay for it.

use super::{Action, Host};
use crate::machine::Machine;
use crate::site::Site;
use crate::time::Instant;
use crate::world::World;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// One step of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flown {
    /// When.
    pub at: Instant,
    /// Where its order was a choice.
    pub site: Site,
    /// The name of the task, machine or process.
    pub who: String,
    /// The step that led to it, counted from 0: for mail the one in which it was sent, for anything else the one that enabled it; for what
    /// time has enabled, the step before of the same task, machine or process, which had armed the timer.
    pub cause: Option<u32>,
    /// The step since which it could run. Mail may have waited for earlier mail before.
    pub since: Option<u32>,
    /// How many moments the world had kept when it began.
    pub told: usize,
}

impl<W: World, A: Machine> Host<W, A> {
    /// Records the steps of this run, and of those after it.
    pub fn record_flight(&mut self) {
        self.flight = Some(Vec::new());
    }

    /// The recorded steps, in order.
    pub fn flight(&self) -> &[Flown] {
        self.flight.as_deref().unwrap_or_default()
    }

    pub(super) fn note_flight(&mut self, site: Site, turn: u32, action: Action) {
        let Some(mut flight) = self.flight.take() else { return };
        let sent = match action {
            Action::Mail(actor) => self.letters.sent(self.actors[actor.index()].mailbox),
            Action::Poll(_) | Action::Tick(_) | Action::Step(_) | Action::Clock => None,
        };
        let step = |turn: u32| turn.checked_sub(1);
        let armed = || flight.iter().rposition(|flown| flown.site.label == site.label).map(|at| at as u32);
        flight.push(Flown {
            at: self.reactor.now.get(),
            site,
            who: self.name_of(action),
            cause: step(sent.unwrap_or(turn)).or_else(armed),
            since: step(turn).or_else(armed),
            told: self.world.borrow().told(),
        });
        self.flight = Some(flight);
    }

    fn name_of(&self, action: Action) -> String {
        match action {
            Action::Poll(task) => {
                let tasks = self.reactor.tasks.borrow();
                tasks.name_of(task).map_or_else(String::new, |name| name.as_str().to_owned())
            }
            Action::Mail(actor) | Action::Tick(actor) => self.actors[actor.index()].name.as_str().to_owned(),
            Action::Step(step) => self.world.borrow().step_name(step),
            Action::Clock => "the clock".to_owned(),
        }
    }
}
