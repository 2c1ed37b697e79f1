//! Waits and slow acts of a world, each a local task of the runtime: it sleeps until the kernel says that something came true.
//! Nothing polls: an exit is a readable pidfd, an empty scope is the exits of all its members, seen again until nobody is new.

use super::Shared;
use super::unit::Unit;
use crate::pidfd::Pidfd;
use crate::procfs::Stat;
use crate::reaper;
use crate::scope;
use crate::watch::watch;
use shakedown_core::ids::OpId;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Completion, Errno, ExitNotice, ExitStatus, Scope, Stream, Target, TryRead, TryWrite};
use shakedown_core::world::Ready;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Interest;

impl Shared {
    /// Until the leader has ended. It stays a zombie.
    pub(super) async fn wait_exit(self: &Rc<Self>, unit: &Unit) -> ExitNotice {
        let status = self.wait_end(unit).await;
        self.drain_reports();
        self.saw_end(unit.pid(), status);
        ExitNotice { status, others: self.has_others(unit), writers: unit.has_writers() }
    }

    /// A pidfd's readiness is a hint (a traced child makes it readable, too: tokio#7144), so the status is asked each time.
    async fn wait_end(&self, unit: &Unit) -> ExitStatus {
        if let Some(status) = unit.ended.get() {
            return status;
        }
        let status = loop {
            let Ok(mut ready) = unit.leader.readable().await else { break ExitStatus::Unknown };
            match unit.leader.get_ref().peek() {
                Ok(Some(status)) => break status,
                Ok(None) => ready.clear_ready(),
                // ECHILD: somebody else has reaped it.
                Err(_) => break ExitStatus::Unknown,
            }
        };
        unit.ended.set(Some(status));
        status
    }

    /// Whether others than the leader live in the scope, once it has ended. Whatever outlived its parent is a child of ours now,
    /// as we adopt all orphans; so where we have no children but leaders, the walk through /proc is spared.
    fn has_others(&self, unit: &Unit) -> Option<bool> {
        if unit.realm.scope == Scope::Process || unit.is_alone.get() {
            return Some(false);
        }
        let is_alone = reaper::strangers().ok()?.is_empty() || {
            let living = unit.realm.living(&mut unit.kin.borrow_mut()).ok()?;
            living.iter().all(|s| s.pid == unit.pid())
        };
        unit.is_alone.set(is_alone);
        Some(!is_alone)
    }

    /// Until nobody in the scope is alive; adopted members are reaped on the way. Awaits the exits of all members known, then
    /// looks again. A walk that fails, or finds somebody of whom no pidfd can be had, is repeated after [`WALK_AGAIN`].
    pub(super) async fn wait_empty(self: &Rc<Self>, unit: &Unit) {
        loop {
            self.sweep();
            match self.living_besides_dead_leader(unit) {
                Ok(living) if living.is_empty() => {
                    // Whoever died since the last sweep is ours by now: orphans are handed on before their parent's end shows.
                    self.sweep();
                    self.drain_reports();
                    return self.forget_if_over(unit);
                }
                Ok(living) => {
                    let ends: Vec<_> = living.iter().filter_map(scope::open_verified).collect();
                    if ends.is_empty() {
                        tokio::time::sleep(WALK_AGAIN).await;
                    }
                    for end in ends {
                        all_gone(end).await;
                    }
                }
                Err(_) => tokio::time::sleep(WALK_AGAIN).await,
            }
        }
    }

    fn living_besides_dead_leader(&self, unit: &Unit) -> Result<Vec<Stat>, Errno> {
        let has_ended = unit.ended.get().is_some()
            || match unit.leader.get_ref().peek() {
                Ok(status) => status.is_some(),
                Err(Errno::ECHILD) => true,
                Err(errno) => return Err(errno),
            };
        if has_ended && reaper::strangers()?.is_empty() {
            return Ok(Vec::new());
        }
        unit.realm.living(&mut unit.kin.borrow_mut())
    }

    /// Looks at all adopted orphans: living ones are remembered as their unit's, zombies are reaped.
    pub(super) fn sweep(self: &Rc<Self>) {
        let strangers = match reaper::strangers() {
            Ok(strangers) => strangers,
            Err(errno) => return self.find(format!("orphans cannot be looked for: {errno} ({})", errno.explain())),
        };
        for stranger in strangers {
            let claimant = self.claimant(&stranger);
            if stranger.is_alive() {
                if let Some(unit) = claimant {
                    unit.kin.borrow_mut().insert(stranger.pid, stranger.started);
                }
                continue;
            }
            let is_ours = claimant.is_some() || self.owns_all_children || self.knows(&stranger);
            if is_ours {
                // Whatever it or its parent has said was said before their ends.
                self.drain_reports();
                match reaper::reap_orphan(&stranger) {
                    Ok(Some(status)) => {
                        self.saw_end(stranger.pid, status);
                        self.roll.borrow_mut().close(stranger.pid);
                    }
                    Ok(None) => {}
                    Err(errno) => self.find(format!("orphan {} cannot be reaped: {errno}", stranger.pid)),
                }
            }
        }
    }

    fn claimant(&self, orphan: &Stat) -> Option<Rc<Unit>> {
        let units = self.units.borrow();
        let claims = |unit: &&Rc<Unit>| unit.realm.claims(orphan, &unit.kin.borrow());
        units.values().find(claims).cloned()
    }

    /// Writes what was given, in order; each is answered with what was taken before the reader went away or we closed.
    pub(super) async fn pump_input(self: &Rc<Self>, unit: &Unit) {
        loop {
            let Some((op, bytes)) = unit.writes.borrow_mut().pop_front() else { break };
            let mut taken = 0;
            while taken < bytes.len() {
                match unit.stdin.try_write(&bytes[taken..]) {
                    TryWrite::Wrote(n) => taken += n,
                    TryWrite::WouldBlock => unit.stdin.ready().await,
                    TryWrite::Broken => break,
                }
            }
            self.complete(op, Completion::Written(taken as u64));
        }
        unit.is_pumping.set(false);
    }

    /// Reaps the leader, waiting for its end where it still lives.
    pub(super) async fn reap(&self, unit: &Unit) {
        self.wait_end(unit).await;
        self.reap_now(unit);
    }

    /// Reaps the leader if it has ended; whether it is reaped.
    pub(super) fn reap_now(&self, unit: &Unit) -> bool {
        if unit.is_reaped() {
            return true;
        }
        match reaper::reap_leader(unit.pid(), unit.leader.get_ref()) {
            Ok(None) => return false,
            Ok(Some(status)) => {
                unit.ended.set(Some(status));
                self.saw_end(unit.pid(), status);
            }
            Err(errno) => self.find(format!("{} could not be reaped: {errno}; who else waits for it?", unit.pid())),
        }
        unit.realm.is_pinned.set(false);
        unit.close_spent();
        self.forget_if_over(unit);
        true
    }

    /// The end of a unit that nobody answers for and that has been killed: empty, reaped, closed.
    pub(super) async fn end(self: &Rc<Self>, unit: &Unit) {
        self.wait_empty(unit).await;
        self.reap(unit).await;
        unit.stdin.close();
        for stream in Stream::BOTH {
            unit.output(stream).close();
        }
        self.forget_if_over(unit);
    }

    /// A unit is forgotten once it is reaped and closed and nobody else lives in its scope: till then it may be asked.
    pub(super) fn forget_if_over(&self, unit: &Unit) {
        if unit.is_closed() && self.has_others(unit) == Some(false) {
            self.units.borrow_mut().remove(&unit.id);
            if let Some(word) = &unit.word {
                word.close();
            }
        }
    }

    /// Reads an output that nobody wants any more to its end, so that its writers do not block.
    pub(super) async fn discard(&self, unit: &Unit, stream: Stream) {
        let (port, mut waste) = (unit.output(stream), Vec::new());
        loop {
            waste.clear();
            match port.try_read(&mut waste, DISCARD_BYTES) {
                TryRead::Data(_) => tokio::task::yield_now().await,
                TryRead::WouldBlock => port.ready().await,
                TryRead::Eof => break,
            }
        }
        port.close();
        self.forget_if_over(unit);
    }

    /// Sends to the leader or to everybody in the scope.
    pub(super) fn signal(&self, unit: &Unit, to: Target, signal: Signal) -> Result<(), Errno> {
        let leader = unit.leader.get_ref();
        match to {
            Target::Leader => leader.send(signal),
            Target::Scope => unit.realm.signal(leader, signal, &mut unit.kin.borrow_mut()),
        }
    }

    pub(super) fn complete(&self, op: OpId, completion: Completion) {
        self.waits.borrow_mut().remove(&op);
        self.push(Ready::Done { op, completion });
    }
}

/// Until this process has ended.
async fn all_gone(end: Pidfd) {
    match watch(end, Interest::READABLE) {
        // An error means that the runtime shuts down, and this task with it.
        Ok(end) => drop(end.readable().await.map(|mut ready| ready.retain_ready())),
        Err(_) => tokio::time::sleep(WALK_AGAIN).await,
    }
}

/// The pause before a walk that could not be done is tried again: nothing here looks more often than that.
const WALK_AGAIN: Duration = Duration::from_millis(5);
const DISCARD_BYTES: usize = 65_536;
