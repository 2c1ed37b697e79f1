//! A session's journal and status file: its facts go to a sink as they become true, and where the sink's policy says so, output is held
//! back for it; what it looks like is written whenever it has changed. It costs nothing where neither is kept.

use super::Host;
use crate::actor::Actor;
use crate::ids::{ActorId, OpId, UnitId, WorkerId};
use crate::journal::{Sink, SinkSpec, entry_of};
use crate::machine::Machine;
use crate::snapshot::Snapshot;
use crate::status::{Status, StatusFile};
use crate::vocab::{Fact, FactRecord, SessionSpec, Subject, WorkerSpec};
use crate::world::World;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What writes a session's journal.
pub(super) struct Recorder {
    sink: Sink,
    plan: Arc<SessionSpec>,
    /// Those who have joined the session since.
    adopted: BTreeMap<WorkerId, Arc<WorkerSpec>>,
    /// Output that is not read before there is room.
    held: Vec<(OpId, UnitId)>,
}

/// What keeps a session's status file.
pub(super) struct Keeper<W: World, A: Machine> {
    file: Status,
    session: ActorId,
    /// How a host whose machines are of any type looks at a session of the library.
    look: fn(&Host<W, A>, ActorId) -> Snapshot,
}

impl Recorder {
    pub(super) fn adopted(&mut self, worker: WorkerId, spec: &Arc<WorkerSpec>) {
        self.adopted.insert(worker, spec.clone());
    }

    fn worker(&self, id: WorkerId) -> Option<&WorkerSpec> {
        self.plan.workers.get(id.index()).or_else(|| self.adopted.get(&id).map(|spec| &**spec))
    }
}

impl<W: World> Host<W, Actor> {
    /// Keeps a journal of the session of this plan: the facts from now on. [`start_session`](Self::start_session) calls it where the plan
    /// says so. A host keeps one journal.
    pub fn keep_journal(&mut self, plan: &Arc<SessionSpec>, spec: SinkSpec) -> Sink {
        let sink = Sink::new(spec, plan.name.clone());
        let writer = sink.clone();
        // A root: the host is not over before what was told is written, or given up.
        self.spawn("journal", |cx| writer.write(cx));
        self.world.borrow_mut().keeps_journal();
        let recorder = Recorder { sink: sink.clone(), plan: plan.clone(), adopted: BTreeMap::new(), held: Vec::new() };
        self.recorder = Some(Box::new(recorder));
        sink
    }

    /// Keeps a status file of a session, from now on. [`start_session`](Self::start_session) calls it where the plan says so. A host keeps
    /// one.
    pub(super) fn keep_status(&mut self, session: ActorId, path: Arc<str>) -> StatusFile {
        let file = Status::new(path);
        let writer = file.clone();
        self.spawn("status", |cx| writer.write(cx));
        self.world.borrow_mut().keeps_journal();
        self.status = Some(Keeper { file: file.clone(), session, look: |host, session| host.snapshot(session) });
        file
    }

    /// What has become of the status file of this host, where one is kept.
    pub fn status(&self) -> Option<&StatusFile> {
        self.status.as_ref().map(|keeper| &keeper.file)
    }
}

impl<W: World, A: Machine> Host<W, A> {
    /// What the journal of this host has come to, where one is kept.
    pub fn journal(&self) -> Option<&Sink> {
        self.recorder.as_ref().map(|recorder| &recorder.sink)
    }

    /// What whatever is started here is known by to whoever comes after a crash: by the session's status file, since no two sessions keep the
    /// same. Zero, where none is kept.
    pub(super) fn mark(&self) -> u64 {
        self.status.as_ref().map_or(0, |keeper| keeper.file.mark())
    }

    /// A fact has become true.
    pub(super) fn record(&mut self, record: &FactRecord) {
        if let Some(keeper) = &self.status
            && !matches!(record.fact, Fact::Output { .. } | Fact::Request(_) | Fact::Action(_))
        {
            let is_over = matches!(record.fact, Fact::SessionStopped);
            keeper.file.changed(is_over.then(|| self.reactor.now.get()));
        }
        let Some(recorder) = &self.recorder else { return };
        let time = self.world.borrow_mut().wall();
        let mut entry = entry_of(record, time, &recorder.plan.name);
        if let Subject::Worker(id) = record.subject
            && let Some(spec) = recorder.worker(id)
        {
            (entry.worker, entry.tags) = (Some(spec.name.clone()), spec.tags.clone());
        }
        recorder.sink.take(entry);
        if let Fact::SessionStopped = record.fact {
            recorder.sink.close(self.reactor.now.get());
        }
    }

    /// Whether output is not read just now: its wait goes on when there is room.
    pub(super) fn holds_back(&mut self, op: OpId, unit: UnitId) -> bool {
        match &mut self.recorder {
            Some(recorder) if recorder.sink.holds_back() => {
                recorder.held.push((op, unit));
                true
            }
            Some(_) | None => false,
        }
    }

    /// Between two turns: what a writer has asked for, or made room for.
    pub(super) fn serve_writers(&mut self) {
        if let Some(keeper) = self.status.as_ref().filter(|keeper| keeper.file.is_asked()) {
            keeper.file.answer((keeper.look)(self, keeper.session));
        }
        self.release_held();
    }

    /// Reads on where output was held back, and there is room now.
    fn release_held(&mut self) {
        let Some(recorder) = self.recorder.as_mut().filter(|recorder| !recorder.sink.holds_back()) else { return };
        for (op, unit) in core::mem::take(&mut recorder.held) {
            self.read_on(op, unit);
        }
    }
}
