//! Kernel faults: at each opportunity the chooser is asked, and 0 is "nothing happens". What a fault does is a thing that Linux does too.
//! Without faults nothing is asked, so that a sweep without them costs and chooses the same as before.

use super::{Clock, Kernel};
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::counts::Counts;
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::site::{Kind, Label, Site, hash_name, mix};
use shakedown_core::time::{Duration, DurationRange, Instant};
use shakedown_core::vocab::{Completion, Errno, ExitStatus, Fault, FaultKind, SpawnFailure};
use std::sync::Arc;

/// What may go wrong in a kernel, and how often each of it could have.
#[derive(Clone, Default)]
pub(crate) struct Faults {
    list: Arc<[Fault]>,
    /// What their sites are keyed by.
    keys: Arc<[u64]>,
    /// Opportunities so far, by fault and victim.
    asked: Counts,
}

/// What becomes of a completion on its way to the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// It is told now.
    Now,
    /// It is told so much later.
    Late(Duration),
    /// It is never told.
    Lost,
}

impl Faults {
    /// These, none of which has struck yet.
    pub(crate) fn of(faults: Arc<[Fault]>) -> Faults {
        Faults { keys: fault_keys(&faults).into(), list: faults, asked: Counts::default() }
    }

    pub(crate) fn reset(&mut self) {
        self.asked.clear();
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Asks each fault that may strike `who` in the way that `how` looks for; the first that strikes counts. `label` is the victim's.
    pub(crate) fn strike<T>(
        &mut self,
        who: &str,
        label: Label,
        choose: &mut impl Choose,
        how: impl Fn(FaultKind) -> Option<T>,
    ) -> Option<(T, Site)> {
        if self.list.is_empty() {
            return None;
        }
        let list = self.list.clone();
        for (at, fault) in list.iter().enumerate() {
            let Some(what) = how(fault.kind).filter(|_| fault.concerns(who)) else { continue };
            let label = Label(mix(label.0 ^ self.keys[at]));
            let kind = if matches!(fault.kind, FaultKind::Crash) { Kind::Crash } else { Kind::Fault };
            let site = Site { kind, label, nth: self.asked.next(label.0) };
            if choose.draw(site, Ask::Chance { per_million: fault.per_million }) == 1 {
                return Some((what, site));
            }
        }
        None
    }
}

/// What the sites of these faults are keyed by: by what they are, so that another one in the list leaves the choices about them alone.
pub fn fault_keys(faults: &[Fault]) -> Vec<u64> {
    let key = |fault: &Fault| fault.on.iter().fold(hash_name(fault.kind.name()), |key, on| mix(key ^ hash_name(on)));
    let mut alike = Counts::default();
    faults.iter().map(|fault| mix(key(fault) ^ u64::from(alike.next(key(fault))))).collect()
}

/// How long a fault that has struck lasts.
pub(crate) fn draw(site: Site, range: DurationRange, choose: &mut impl Choose) -> Duration {
    match range.steps() {
        0 => range.min,
        steps => range.at(choose.draw(Site { kind: Kind::Span, ..site }, Ask::Span { steps })),
    }
}

impl Kernel {
    /// What may go wrong from now on, in this simulation and in those after it.
    pub fn set_faults(&mut self, faults: Arc<[Fault]>) {
        self.faults = Faults::of(faults);
    }

    /// Whether the start of a worker's process fails, and how (fork(2), pipe(2), execve(2)). Also decides which number it will get.
    pub fn spawn_fault(&mut self, worker: &str, label: Label, choose: &mut impl Choose) -> Option<SpawnFailure> {
        if self.faults.is_empty() {
            return None;
        }
        let failure = |kind| match kind {
            FaultKind::FdLimit => Some(SpawnFailure { errno: Errno::EMFILE, at_exec: false }),
            FaultKind::SpawnFails { errno } => Some(SpawnFailure { errno, at_exec: false }),
            FaultKind::ExecFails { errno } => Some(SpawnFailure { errno, at_exec: true }),
            FaultKind::SlowExit { .. } | FaultKind::Unkillable { .. } | FaultKind::LateNotify { .. } => None,
            FaultKind::SpuriousWake | FaultKind::EventLost | FaultKind::ClockJump { .. } => None,
            FaultKind::Suspend { .. } | FaultKind::PidReuse | FaultKind::Crash => None,
            FaultKind::DiskFull | FaultKind::TornWrite | FaultKind::SinkSlow { .. } => None,
            FaultKind::SinkFails { .. } => None,
            FaultKind::ConnectionReset => None,
        };
        if let Some((failure, _)) = self.faults.strike(worker, label, choose, failure) {
            return Some(failure);
        }
        self.number_fault(worker, label, choose);
        None
    }

    /// Whether the supervisor cannot look into /proc at who was left (open(2)).
    pub fn look_fault(&mut self, choose: &mut impl Choose) -> Option<Errno> {
        let limit = |kind| matches!(kind, FaultKind::FdLimit).then_some(Errno::EMFILE);
        self.faults.strike("", Label::ROOT, choose, limit).map(|(errno, _)| errno)
    }

    /// Whether a process's own fork of this child fails (fork(2)). Also decides which number the child will get.
    pub(super) fn fork_fault(&mut self, parent: ProcId, own: &str, choose: &mut impl Choose) -> bool {
        if self.faults.is_empty() {
            return false;
        }
        let (name, label) = (self.entry(parent).name.clone(), self.entry(parent).label);
        let child = format!("{}/{own}", name.split('/').next().unwrap_or(&name));
        let fails = |kind| matches!(kind, FaultKind::SpawnFails { .. }).then_some(());
        if self.faults.strike(&child, label, choose, fails).is_some() {
            return true;
        }
        self.number_fault(&child, label, choose);
        false
    }

    fn number_fault(&mut self, who: &str, label: Label, choose: &mut impl Choose) {
        let reuses = |kind| matches!(kind, FaultKind::PidReuse).then_some(());
        if self.faults.strike(who, label, choose, reuses).is_some() {
            self.pids.reuse_last_freed();
        }
    }

    /// Whether a process dies of SEGV instead of taking its next step.
    pub(super) fn crashes(&mut self, process: ProcId, choose: &mut impl Choose) -> bool {
        let crash = |kind| matches!(kind, FaultKind::Crash).then_some(());
        self.strike_process(process, choose, crash).is_some()
    }

    /// Whether a fault may strike that crashes it at a step.
    pub(super) fn may_crash(&self, thread: ProcId) -> bool {
        let name = &self.entry(self.process_of(thread)).name;
        self.faults.list.iter().any(|fault| matches!(fault.kind, FaultKind::Crash) && fault.concerns(name))
    }

    /// Whether a process that is about to die of this signal is in uninterruptible sleep, and until when.
    pub(super) fn survives(&mut self, process: ProcId, signal: Signal, choose: &mut impl Choose) -> Option<Instant> {
        if signal != Signal::KILL {
            return None;
        }
        let sleeps = |kind| if let FaultKind::Unkillable { by } = kind { Some(by) } else { None };
        let (by, site) = self.strike_process(process, choose, sleeps)?;
        Some(by.map_or(Instant::NEVER, |by| self.now.after(draw(site, by, choose))))
    }

    /// Until when a process that has ended still holds what it has.
    pub(super) fn ends_slowly(&mut self, process: ProcId, choose: &mut impl Choose) -> Option<Instant> {
        let slow = |kind| if let FaultKind::SlowExit { by } = kind { Some(by) } else { None };
        let (by, site) = self.strike_process(process, choose, slow)?;
        Some(self.now.after(draw(site, by, choose)))
    }

    /// Whether a client's connection to this proxy, or that of a readiness probe of this worker, is reset instead of taking its next step.
    pub(crate) fn resets(&mut self, proxy: &str, client: Label, choose: &mut impl Choose) -> bool {
        if self.faults.is_empty() {
            return false;
        }
        let reset = |kind| matches!(kind, FaultKind::ConnectionReset).then_some(());
        self.faults.strike(proxy, client, choose, reset).is_some()
    }

    fn strike_process<T>(
        &mut self,
        process: ProcId,
        choose: &mut impl Choose,
        how: impl Fn(FaultKind) -> Option<T>,
    ) -> Option<(T, Site)> {
        if self.faults.is_empty() {
            return None;
        }
        let (name, label) = (self.entry(process).name.clone(), self.entry(process).label);
        self.faults.strike(&name, label, choose, how)
    }

    /// What becomes of something that the host is to be told of a unit: the notice of an exit may be lost, any may be late. An answer to
    /// whoever asks what is so already is no notice: it may be late.
    pub fn notice_fault(
        &mut self,
        unit: UnitId,
        completion: &Completion,
        is_news: bool,
        choose: &mut impl Choose,
    ) -> Notice {
        if self.faults.is_empty() {
            return Notice::Now;
        }
        let (worker, label) = self.victim(unit);
        let is_exit = is_news && matches!(completion, Completion::Exited(_));
        let lost = |kind| (is_exit && matches!(kind, FaultKind::EventLost)).then_some(());
        if self.faults.strike(&worker, label, choose, lost).is_some() {
            return Notice::Lost;
        }
        let late = |kind| if let FaultKind::LateNotify { by } = kind { Some(by) } else { None };
        match self.faults.strike(&worker, label, choose, late) {
            Some((by, site)) => Notice::Late(draw(site, by, choose)),
            None => Notice::Now,
        }
    }

    /// Whether a wait for output comes back at once although nothing is there (select(2), BUGS).
    pub fn wakes_spuriously(&mut self, unit: UnitId, choose: &mut impl Choose) -> bool {
        if self.faults.is_empty() {
            return false;
        }
        let (worker, label) = self.victim(unit);
        let spurious = |kind| matches!(kind, FaultKind::SpuriousWake).then_some(());
        self.faults.strike(&worker, label, choose, spurious).is_some()
    }

    /// The worker whose unit this is, and its leader's label.
    pub(crate) fn victim(&self, unit: UnitId) -> (Arc<str>, Label) {
        let of = self.units.get(unit);
        let label = of.and_then(|of| of.leader).map_or(Label::ROOT, |leader| self.entry(leader).label);
        (of.map_or_else(|| "".into(), |of| of.worker.clone()), label)
    }

    /// What happens to the clocks while time passes.
    pub fn clock_faults(&mut self, choose: &mut impl Choose) {
        if self.faults.is_empty() {
            return;
        }
        let suspended = |kind| if let FaultKind::Suspend { by } = kind { Some(by) } else { None };
        if let Some((by, site)) = self.faults.strike("", Label::ROOT, choose, suspended) {
            self.suspend(draw(site, by, choose));
        }
        let jumped = |kind| if let FaultKind::ClockJump { by } = kind { Some(by) } else { None };
        if let Some((by, site)) = self.faults.strike("", Label::ROOT, choose, jumped) {
            let (by, shown) = (draw(site, by, choose), self.clock(Clock::Realtime));
            let is_back = choose.draw(Site { kind: Kind::Pick, ..site }, Ask::Pick { of: 2 }) == 1;
            let to = if is_back { shown.saturating_sub(by) } else { shown.saturating_add(by) };
            // Further back than MONOTONIC it cannot be set: then it is set to that.
            let _ = self.set_realtime(to.max(self.clock(Clock::Monotonic)));
        }
    }

    /// Ends a process slowly: its status is settled, and its descriptors stay until then.
    pub(super) fn linger(&mut self, process: ProcId, status: ExitStatus, until: Instant) {
        self.entry_mut(process).rare_mut().ending = Some(status);
        self.sleep_uninterruptibly(process, until);
    }
}

#[cfg(test)]
mod tests;
