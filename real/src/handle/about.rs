//! What is known of a live session without asking it: its name, when it began, where its journal is, who belongs to it. With it a fact is
//! told so that whoever reads it needs nothing else.

use crate::world::{RealWorld, System};
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::ids::{ActorId, WorkerId};
use shakedown_core::journal::{Entry, entry_of};
use shakedown_core::vocab::{FactRecord, Subject, WorkerSpec};
use shakedown_core::world::World;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is known of a live session without asking it.
#[derive(Debug)]
pub struct About {
    session: Arc<str>,
    nonce: u64,
    /// On the wall, since 1970.
    began: Duration,
    journal: Option<Arc<str>>,
    members: Mutex<BTreeMap<WorkerId, Member>>,
}

#[derive(Clone, Debug)]
struct Member {
    name: Arc<str>,
    tags: BTreeMap<String, String>,
}

impl Member {
    fn of(spec: &WorkerSpec) -> Member {
        Member { name: spec.name.clone(), tags: spec.tags.clone() }
    }
}

impl About {
    pub(super) fn of<S: System>(host: &Host<RealWorld<S>, Actor>, session: ActorId) -> About {
        let Actor::Session(machine) = host.machine(session) else { panic!("machine {} is no session", session.0) };
        let spec = machine.spec();
        let members = spec.workers.iter().zip(0..).map(|(worker, n)| (WorkerId(n), Member::of(worker))).collect();
        let mut world = host.world().borrow_mut();
        let age = Duration::from_nanos(world.now().as_nanos());
        About {
            session: spec.name.clone(),
            nonce: world.nonce(),
            began: world.wall().saturating_sub(age),
            journal: spec.journal.as_ref().map(|sink| sink.folder.clone()),
            members: Mutex::new(members),
        }
    }

    /// The session's name.
    pub fn session(&self) -> &Arc<str> {
        &self.session
    }

    /// A number that is this run's own: another session of the same name has another.
    pub fn nonce(&self) -> u64 {
        self.nonce
    }

    /// When its clock began, since 1970.
    pub fn began(&self) -> Duration {
        self.began
    }

    /// The folder of its journal, where it keeps one.
    pub fn journal(&self) -> Option<&str> {
        self.journal.as_deref()
    }

    /// A fact as its journal tells it, but for its number there: that is 0.
    pub fn entry(&self, record: &FactRecord) -> Entry {
        let time = self.began.saturating_add(Duration::from_nanos(record.at.as_nanos()));
        let mut entry = entry_of(record, time, &self.session);
        if let Subject::Worker(id) = record.subject {
            let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
            (entry.worker, entry.tags) = match members.get(&id) {
                Some(member) => (Some(member.name.clone()), member.tags.clone()),
                None => (Some(format!("#{}", id.0).into()), BTreeMap::new()),
            };
        }
        entry
    }

    pub(super) fn joins(&self, worker: WorkerId, spec: &WorkerSpec) {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).insert(worker, Member::of(spec));
    }
}
