//! Kernel faults: at each opportunity the chooser is asked, and 0 is "nothing happens". What a fault does is a thing that Linux does too.
//! Without faults nothing is asked, so that a sweep without them costs and chooses the same as before.

use super::{Clock, Kernel};
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::counts::Counts;
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::site::{Kind, Label, Site, mix};
use shakedown_core::time::{Duration, DurationRange, Instant};
use shakedown_core::vocab::{Completion, Errno, ExitStatus, Fault, FaultKind, SpawnFailure};
use std::sync::Arc;

/// What may go wrong in a kernel, and how often each of it could have.
#[derive(Default)]
pub(super) struct Faults {
    list: Arc<[Fault]>,
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
    pub(super) fn reset(&mut self) {
        self.asked.clear();
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Asks each fault that may strike `who` in the way that `how` looks for; the first that strikes counts. `label` is the victim's.
    fn strike<T>(
        &mut self,
        who: &str,
        label: Label,
        choose: &mut impl Choose,
        how: impl Fn(FaultKind) -> Option<T>,
    ) -> Option<(T, Site)> {
        let list = self.list.clone();
        for (at, fault) in list.iter().enumerate() {
            let Some(what) = how(fault.kind).filter(|_| fault.concerns(who)) else { continue };
            let label = Label(mix(label.0 ^ (at as u64 + 1)));
            let kind = if matches!(fault.kind, FaultKind::Crash) { Kind::Crash } else { Kind::Fault };
            let site = Site { kind, label, nth: self.asked.next(label.0) };
            if choose.draw(site, Ask::Chance { per_million: fault.per_million }) == 1 {
                return Some((what, site));
            }
        }
        None
    }
}

/// How long a fault that has struck lasts.
fn draw(site: Site, range: DurationRange, choose: &mut impl Choose) -> Duration {
    match range.steps() {
        0 => range.min,
        steps => range.at(choose.draw(Site { kind: Kind::Span, ..site }, Ask::Span { steps })),
    }
}

impl Kernel {
    /// What may go wrong from now on, in this simulation and in those after it.
    pub fn set_faults(&mut self, faults: Arc<[Fault]>) {
        self.faults = Faults { list: faults, asked: Counts::default() };
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
        };
        if let Some((failure, _)) = self.faults.strike(worker, label, choose, failure) {
            return Some(failure);
        }
        self.number_fault(worker, label, choose);
        None
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

    /// What becomes of something that the host is to be told of a unit: the notice of an exit may be lost, any may be late.
    pub fn notice_fault(&mut self, unit: UnitId, completion: &Completion, choose: &mut impl Choose) -> Notice {
        if self.faults.is_empty() {
            return Notice::Now;
        }
        let (worker, label) = self.victim(unit);
        let is_exit = matches!(completion, Completion::Exited(_));
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
    fn victim(&self, unit: UnitId) -> (Arc<str>, Label) {
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
mod tests {
    use super::super::check::{Check, U, exited, play, signalled};
    use super::super::{KernelReady, What};
    use super::*;
    use shakedown_core::ids::OpId;
    use shakedown_core::vocab::{Scope, Truth};

    /// Every fault strikes whenever it is asked; durations are the shortest.
    #[derive(Default)]
    struct Always(Vec<Site>);

    impl Choose for Always {
        fn rank(&mut self, _: Site) -> u16 {
            0
        }

        fn draw(&mut self, site: Site, ask: Ask) -> u32 {
            self.0.push(site);
            u32::from(matches!(ask, Ask::Chance { .. }))
        }
    }

    fn ms(min: u64, max: u64) -> DurationRange {
        let grid = Duration::from_millis(1);
        DurationRange { min: Duration::from_millis(min), max: Duration::from_millis(max), grid }
    }

    /// What a script comes to within a second where this fault always strikes.
    fn suffer(script: &str, fault: Fault) -> (Check, Always) {
        let mut check = play(script);
        check.kernel.set_faults([fault].into());
        let mut chooser = Always::default();
        for _ in 0..1000 {
            while let Some(ready) = check.kernel.next_ready() {
                if let KernelReady::Step { proc, .. } = ready {
                    check.kernel.run(proc, &mut chooser);
                }
            }
            let Some(at) = check.kernel.next_timer() else { break };
            check.kernel.set_now(at);
            check.kernel.fire_timers();
        }
        (check, chooser)
    }

    #[test]
    fn a_crash_takes_the_place_of_a_step_of_whom_it_concerns() {
        for (on, main, helper) in [
            ("w", signalled(Signal::SEGV), None),
            ("w/helper", exited(0), signalled(Signal::SEGV)),
            ("v", exited(0), exited(7)),
        ] {
            let (check, _) =
                suffer("spawn helper { exit 7 }; wait helper; exit 0", Fault::new(FaultKind::Crash, 1.0).on(on));
            assert_eq!(check.status("w/main"), main, "{on}");
            let born = on != "w";
            assert_eq!(born.then(|| check.status("w/helper")).flatten(), helper, "{on}");
        }
    }

    /// It holds its output until the end, whether it exits or is killed.
    #[test]
    fn a_slow_exit_keeps_the_descriptors_and_then_the_status() {
        for (script, status) in [("exit 3", exited(3)), ("print a", exited(0)), ("die TERM", signalled(Signal::TERM))] {
            let slow = Fault::new(FaultKind::SlowExit { by: ms(50, 90) }, 1.0);
            let mut check = play(script);
            check.kernel.set_faults([slow].into());
            let mut chooser = Always::default();
            for _ in 0..9 {
                while let Some(KernelReady::Step { proc, .. }) = check.kernel.next_ready() {
                    check.kernel.run(proc, &mut chooser);
                }
            }
            assert!(check.alive("w/main") && check.kernel.writers(U) == 2, "{script}");
            assert_eq!(check.pass(49).status("w/main"), None, "{script}");
            assert_eq!(check.pass(1).status("w/main"), status, "{script}");
        }
    }

    /// do_exit() of Linux: the status is settled before the descriptors are closed.
    #[test]
    fn a_kill_does_not_change_the_status_of_whoever_is_ending() {
        let mut check = play("exit 3");
        check.kernel.set_faults([Fault::new(FaultKind::SlowExit { by: ms(50, 90) }, 1.0)].into());
        let Some(KernelReady::Step { proc, .. }) = check.kernel.next_ready() else { panic!("it can begin") };
        check.kernel.run(proc, &mut Always::default());
        check.kernel.set_faults([].into());
        check.pass(10).kill("w/main", Signal::KILL);
        assert_eq!(check.status("w/main"), None);
        assert_eq!(check.pass(50).status("w/main"), exited(3));
    }

    #[test]
    fn kill_does_not_end_the_unkillable_before_their_time() {
        for (by, end) in [(Some(ms(300, 400)), signalled(Signal::KILL)), (None, None)] {
            let (check, _) = suffer(
                "spawn a { on TERM ignore; hang }; sleep 1ms; kill a KILL; wait a; exit 4",
                Fault::new(FaultKind::Unkillable { by }, 1.0).on("w/a"),
            );
            assert_eq!(check.status("w/a"), end);
            assert_eq!(check.status("w/main"), end.and(exited(4)));
        }
    }

    #[test]
    fn a_fork_fails_for_the_child_that_is_named() {
        let fails = Fault::new(FaultKind::SpawnFails { errno: Errno::EAGAIN }, 1.0).on("w/a");
        let (mut check, chooser) = suffer("spawn a { print a }; spawn b { print b }; wait all; print end", fails);
        assert_eq!(check.stdout(), "b\nend\n");
        assert_eq!(chooser.0.len(), 1, "nobody else is asked about");
    }

    #[test]
    fn a_start_fails_as_fork_pipe_or_exec_do() {
        for (kind, errno, at_exec) in [
            (FaultKind::SpawnFails { errno: Errno::ENOMEM }, Errno::ENOMEM, false),
            (FaultKind::ExecFails { errno: Errno::EACCES }, Errno::EACCES, true),
            (FaultKind::FdLimit, Errno::EMFILE, false),
        ] {
            let mut kernel = Kernel::new(super::super::KernelConfig::default());
            kernel.set_faults([Fault::new(kind, 1.0).on("w")].into());
            let failure = Some(SpawnFailure { errno, at_exec });
            assert_eq!(kernel.spawn_fault("w", Label::ROOT, &mut Always::default()), failure);
            assert_eq!(kernel.spawn_fault("v", Label::ROOT, &mut Always::default()), None);
            assert_eq!(kernel.spawn_fault("w", Label::ROOT, &mut shakedown_core::choose::Calm), None, "0 is calm");
        }
    }

    /// SEMANTICS C11: reuse at once, which else takes a whole round of the circle.
    #[test]
    fn a_number_comes_back_at_once() {
        let script = "repeat 3 { spawn a { exit 0 }; wait a }; spawn b { hang }; hang";
        let (check, _) = suffer(script, Fault::new(FaultKind::PidReuse, 1.0));
        assert_eq!((check.pid("w/a"), check.pid("w/b")), (4, 4));
        assert_eq!(play(script).settle().pid("w/b"), 7);
    }

    #[test]
    fn news_is_late_or_lost_and_only_the_notice_of_an_exit_is_ever_lost() {
        let mut check = play("exit 0");
        check.settle();
        let all = [FaultKind::EventLost, FaultKind::LateNotify { by: ms(5, 9) }].map(|kind| Fault::new(kind, 1.0));
        check.kernel.set_faults(all.into());
        for (what, expected) in [(What::Exit, Notice::Lost), (What::Empty, Notice::Late(Duration::from_millis(5)))] {
            check.kernel.watch(OpId(1), U, what);
            let Some(KernelReady::Done { unit, completion, .. }) = check.kernel.next_ready() else {
                panic!("it is true")
            };
            assert_eq!(check.kernel.notice_fault(unit, &completion, &mut Always::default()), expected);
        }
        assert!(!check.kernel.wakes_spuriously(U, &mut Always::default()));
        check.kernel.set_faults([Fault::new(FaultKind::SpuriousWake, 1.0)].into());
        assert!(check.kernel.wakes_spuriously(U, &mut Always::default()));
    }

    /// SEMANTICS C34: no timer moves with them.
    #[test]
    fn clocks_jump_and_machines_sleep_while_time_passes() {
        let day = FaultKind::ALL.map(|(_, kind)| Fault::new(kind, 1.0));
        let mut check = play("sleep 1s; exit 3");
        check.settle();
        let before = check.kernel.clock(Clock::Realtime);
        check.kernel.set_faults(day.into());
        check.kernel.clock_faults(&mut Always::default());
        assert_eq!(check.kernel.clock(Clock::Monotonic), Duration::ZERO);
        assert_eq!(check.kernel.clock(Clock::Boottime), Duration::from_secs(1));
        assert_eq!(check.kernel.clock(Clock::Realtime), before + Duration::from_secs(2));
        check.kernel.set_faults([].into());
        assert_eq!(check.pass(1000).status("w/main"), exited(3));
    }

    #[test]
    fn without_faults_nothing_is_asked() {
        let mut check = play("spawn a { exit 0 }; wait a; exit 0");
        let mut chooser = Always::default();
        while let Some(KernelReady::Step { proc, .. }) = check.kernel.next_ready() {
            check.kernel.run(proc, &mut chooser);
        }
        assert_eq!((check.status("w/main"), chooser.0.len()), (exited(0), 0));
        assert!(check.spawn(shakedown_core::ids::UnitId(1), Scope::Group, "hang").is_ok());
    }
}
