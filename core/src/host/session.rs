//! A session put onto a host: its machine, one for each worker, and the outside that acts on it.

use super::Host;
use crate::actor::Actor;
use crate::ids::{ActorId, WorkerId};
use crate::machine::{Command, Event};
use crate::outside::Outside;
use crate::session::Session;
use crate::vocab::{SessionSpec, Stimulus};
use crate::worker::Worker;
use crate::world::World;
use alloc::sync::Arc;
use alloc::vec::Vec;

impl<W: World> Host<W, Actor> {
    /// Adds a session, its workers and its stimuli, and starts it. The session's id is the first free one.
    pub fn start_session(&mut self, spec: &Arc<SessionSpec>, stimuli: &Arc<[Stimulus]>) -> ActorId {
        let session = ActorId(self.actors.len() as u32);
        let workers: Vec<ActorId> = (1..=spec.workers.len() as u32).map(|i| ActorId(session.0 + i)).collect();
        self.add("session", Actor::Session(Session::new(spec.clone(), workers)));
        self.actors.reserve(spec.workers.len() + 2);
        for (i, worker) in spec.workers.iter().enumerate() {
            let machine = Worker::of_plan(WorkerId(i as u32), session, spec);
            self.add(worker.name.clone(), Actor::Worker(machine));
        }
        self.send(session, Event::Command(Command::Start));
        if !stimuli.is_empty() {
            let outside = self.add("outside", Actor::Outside(Outside::new(session, stimuli.clone())));
            self.send(outside, Event::Command(Command::Start));
        }
        session
    }
}
