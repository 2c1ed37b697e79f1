//! A signal to a whole session or tree. Linux has no call for it, so the host walks through /proc and signals one process after the
//! other, in the order of their numbers, until it finds nobody new (`Realm::signal` of the real backend). Between two of them the
//! others run on: a parent's end may reach a child before the signal does, and who is listed gets it wherever it has gone since.

use super::Kernel;
use super::list::{Chain, List};
use super::process::Life;
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::signal::Signal;
use shakedown_core::site::{Label, hash_name};
use shakedown_core::vocab::{Scope, Sender, Target};
use std::collections::{BTreeSet, VecDeque};

/// A walk that is not over.
pub(super) struct Walk {
    unit: UnitId,
    signal: Signal,
    /// Who was listed and is not signalled yet.
    next: VecDeque<ProcId>,
    reached: BTreeSet<ProcId>,
    steps: u32,
    /// What the host sends next, on a walk of its own.
    then: Option<Signal>,
    /// The host is still in the step that has begun it.
    is_new: bool,
    /// It is no walk but one call, to the leader or to all at once.
    call: Option<Target>,
}

impl Walk {
    fn new(unit: UnitId, signal: Signal) -> Walk {
        let (next, reached) = (VecDeque::new(), BTreeSet::new());
        Walk { unit, signal, next, reached, steps: 0, then: None, is_new: true, call: None }
    }

    /// Whether there is another walk to go, after the one that is over: among those that it finds now.
    fn begins_anew(&mut self) -> bool {
        let Some(signal) = self.then.take() else { return false };
        self.signal = signal;
        self.reached.clear();
        true
    }
}

/// All walks of the host.
#[derive(Default)]
pub(super) struct Walks {
    all: Vec<Walk>,
    /// Whom the host has signalled in this step of its own: what it sends next to that one comes later.
    pub(super) followed: Option<UnitId>,
}

impl Walks {
    pub(super) fn reset(&mut self) {
        self.all.clear();
        self.followed = None;
    }

    /// The host has come to the end of its step.
    #[inline]
    pub(super) fn grow_old(&mut self) {
        if !self.is_idle() {
            self.settle();
        }
    }

    /// Whether nothing is under way, and nothing was sent in this step of the host that something could follow.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.all.is_empty() && self.followed.is_none()
    }

    #[cold]
    fn settle(&mut self) {
        self.all.iter_mut().for_each(|walk| walk.is_new = false);
        self.followed = None;
    }

    /// The one to a unit.
    pub(super) fn of(&self, unit: UnitId) -> Option<&Walk> {
        self.all.iter().find(|walk| walk.unit == unit)
    }

    /// Each with its unit, its signal and the next one, who is listed, and who is reached.
    pub(super) fn every(
        &self,
    ) -> impl Iterator<Item = (UnitId, [Option<Signal>; 2], &VecDeque<ProcId>, &BTreeSet<ProcId>)> {
        self.all.iter().map(|walk| (walk.unit, [Some(walk.signal), walk.then], &walk.next, &walk.reached))
    }
}

impl Kernel {
    /// Begins to signal everybody in a session or a tree.
    pub(super) fn begin_walk(&mut self, unit: UnitId, signal: Signal) {
        let mut walk = self.new_walk(unit, signal);
        if !self.walk(&mut walk) {
            self.begin_later(walk);
        }
    }

    /// Signals somebody in a step of its own: on a walk where it takes one.
    pub(super) fn signal_later(&mut self, unit: UnitId, to: Target, signal: Signal) {
        let takes_one = to == Target::Scope && self.is_walked(unit);
        self.begin_later(Walk { call: (!takes_one).then_some(to), ..Walk::new(unit, signal) });
    }

    /// Its first step from here on is another one of the kernel's.
    fn begin_later(&mut self, walk: Walk) {
        self.announce_walk(walk.unit);
        self.walks.all.push(walk);
    }

    /// Begins with KILL to the leader's whole group at once, so that nobody in it forks during the walk for the others.
    pub(super) fn begin_kill_walk(&mut self, unit: UnitId, group: List) {
        let walk = self.new_walk(unit, Signal::KILL);
        // That the group is empty is no failure of the tree.
        let _ = self.signal_list(group, Chain::Group, Signal::KILL, Sender::Host(Some(unit)));
        if self.newly_listed(&walk).into_iter().any(|id| self.goes_on(id)) {
            self.begin_later(walk);
        }
    }

    /// Whether a walk of this unit has begun in this very step of the host: then the host sends this when it is over, on another one.
    pub(super) fn follows_a_walk(&mut self, unit: UnitId, to: Target, signal: Signal) -> bool {
        let mut begun =
            self.walks.all.iter_mut().filter(|walk| walk.unit == unit && walk.is_new && walk.then.is_none());
        match begun.next() {
            Some(walk) if to == Target::Scope => {
                walk.then = Some(signal);
                true
            }
            Some(_) | None => false,
        }
    }

    fn new_walk(&mut self, unit: UnitId, signal: Signal) -> Walk {
        self.finish_walks();
        Walk::new(unit, signal)
    }

    /// To be called before whatever else the host does with processes: it does nothing in the middle of a walk.
    #[inline]
    pub fn finish_walks(&mut self) {
        if !self.walks.all.is_empty() {
            std::mem::take(&mut self.walks.all).into_iter().for_each(|walk| self.finish(walk));
        }
    }

    /// To be called before whatever the host does that shows that it goes on: a walk that it began in an earlier step is over by then.
    #[inline]
    pub fn finish_earlier_walks(&mut self) {
        if !self.walks.all.is_empty() {
            self.finish_old_walks();
        }
    }

    fn finish_old_walks(&mut self) {
        for walk in self.walks.all.extract_if(.., |walk| !walk.is_new).collect::<Vec<_>>() {
            self.finish(walk);
        }
    }

    fn finish(&mut self, mut walk: Walk) {
        while !self.walk(&mut walk) || walk.begins_anew() {}
        self.withdraw_walk(walk.unit);
    }

    /// A step of a walk, if it is not over yet.
    pub(super) fn run_walk(&mut self, unit: UnitId) {
        let Some(at) = self.walks.all.iter().position(|walk| walk.unit == unit) else { return };
        let mut walk = self.walks.all.remove(at);
        walk.steps += 1;
        if !self.walk(&mut walk) || walk.begins_anew() {
            self.walks.all.insert(at, walk);
            self.announce_walk(unit);
        }
    }

    /// Signals the next one to whom it can matter; whether the walk is over. Who is dying cannot fork any more, so there is another
    /// listing at another time only where somebody could.
    fn walk(&mut self, walk: &mut Walk) -> bool {
        if let Some(to) = walk.call {
            // That it reaches nobody any more is no failure of what was sent before.
            let _ = self.signal_now(walk.unit, to, walk.signal);
            return true;
        }
        loop {
            while let Some(member) = walk.next.pop_front() {
                walk.reached.insert(member);
                if self.goes_on(member) {
                    let _ = self.send(member, walk.signal, Sender::Host(Some(walk.unit)));
                    if !walk.next.is_empty() || walk.reached.iter().any(|&id| self.goes_on(id)) {
                        return false;
                    }
                }
            }
            walk.next = self.newly_listed(walk);
            if walk.next.is_empty() {
                return true;
            }
        }
    }

    /// Whether no call of Linux signals all of a unit's scope at once.
    fn is_walked(&self, unit: UnitId) -> bool {
        matches!(self.units.get(unit).map(|of| of.scope), Some(Scope::PosixSession | Scope::Tree))
    }

    /// Whether a signal can matter to it, and it can fork.
    fn goes_on(&self, id: ProcId) -> bool {
        match self.entry(id).life {
            Life::Alive | Life::Stopped => true,
            Life::Dying(_) | Life::Zombie(_) | Life::Reaped(_) => false,
        }
    }

    /// Who is alive in the unit's scope and not reached yet, by number.
    fn newly_listed(&self, walk: &Walk) -> VecDeque<ProcId> {
        let Some(of) = self.units.get(walk.unit) else { return VecDeque::new() };
        let number = self.pids.get(of.pid).filter(|number| number.generation == of.generation);
        let (list, chain) = match of.scope {
            Scope::PosixSession => (number.map(|number| number.session).unwrap_or_default(), Chain::Session),
            Scope::Tree | Scope::Job | Scope::Cgroup | Scope::Group | Scope::Process => (of.living, Chain::Unit),
        };
        let is_new = |id: &ProcId| self.entry(*id).life.is_living() && !walk.reached.contains(id);
        let mut listed: Vec<ProcId> = list.iter(&self.procs, chain).filter(is_new).collect();
        listed.sort_unstable_by_key(|&id| self.entry(id).pid);
        listed.into()
    }

    /// The label of a walk, and how many steps it has taken.
    pub(super) fn walk_site(&self, unit: UnitId) -> (Label, u32) {
        let leader = self.units.get(unit).and_then(|of| of.leader);
        let label = leader.map_or(Label::ROOT, |leader| self.entry(leader).label);
        let steps = self.walks.all.iter().find(|walk| walk.unit == unit).map_or(0, |walk| walk.steps);
        (label.child_hashed(WALK, 0), steps)
    }
}

/// A walk takes steps as a process does, under a number that no process has.
pub(super) fn walker(unit: UnitId) -> ProcId {
    ProcId(WALKERS | unit.0)
}

/// Whose walk this number stands for, if it does.
#[inline]
pub(super) fn walk_of(id: ProcId) -> Option<UnitId> {
    if id.0 & WALKERS == 0 { None } else { Some(UnitId(id.0 & !WALKERS)) }
}

const WALKERS: u32 = 1 << 31;
/// What a walk is called in labels: no name of a script.
const WALK: u64 = hash_name("(walk)");

#[cfg(test)]
mod tests {
    use super::super::check::{Check, U, exited, play_with, signalled};
    use super::super::{KernelConfig, KernelReady};
    use super::*;
    use shakedown_core::choose::Calm;
    use shakedown_core::vocab::{Deed, ExitStatus, Target};

    /// A kernel in which the test says whose turn it is.
    struct Stage {
        check: Check,
        ready: Vec<ProcId>,
    }

    /// The turn of the walk, among those of processes by name.
    const WALK: &str = "(walk)";

    fn stage(scope: Scope, script: &str) -> Stage {
        Stage { check: play_with(KernelConfig::default(), scope, script), ready: Vec::new() }
    }

    impl Stage {
        /// Lets them take a step each, whoever else could.
        fn turns(&mut self, turns: &[&str]) -> &mut Stage {
            for turn in turns {
                let whose = if *turn == WALK { walker(U) } else { self.check.find(turn) };
                self.listen();
                let at = self.ready.iter().position(|&id| id == whose);
                self.ready.remove(at.unwrap_or_else(|| panic!("{turn} can take a step")));
                self.check.kernel.run(whose, &mut Calm);
            }
            self
        }

        fn listen(&mut self) {
            while let Some(ready) = self.check.kernel.next_ready() {
                if let KernelReady::Step { proc, .. } = ready {
                    self.ready.push(proc);
                }
            }
        }

        /// Lets all go on.
        fn settle(&mut self) -> &Check {
            self.listen();
            while !self.ready.is_empty() {
                let next = self.ready.remove(0);
                self.check.kernel.run(next, &mut Calm);
                self.listen();
            }
            &self.check
        }

        fn send(&mut self, signal: Signal) -> &mut Stage {
            self.check.kernel.signal_unit(U, Target::Scope, signal).expect("somebody is there");
            self
        }

        fn sent(&mut self) -> usize {
            self.check.count(|deed| matches!(deed, Deed::Signalled { signal: Signal::TERM, .. }))
        }
    }

    /// SEMANTICS C24: how a child in a session of its own ends whose parent dies of the same KILL of the tree. Seen on Linux 6.18.
    #[test]
    fn a_parents_end_may_reach_a_child_before_the_walk_does() {
        for (turns, signal) in
            [(&[WALK][..], Signal::KILL), (&["w/main", WALK], Signal::KILL), (&["w/main", "w/a", WALK], Signal::ABRT)]
        {
            let mut stage = stage(Scope::Tree, "spawn a { pdeathsig ABRT; setsid; hang }; hang");
            stage.settle();
            let status = stage.send(Signal::KILL).turns(turns).settle().status("w/a");
            let by = |signal| matches!(status, Some(ExitStatus::Signalled { signal: by, .. }) if by == signal);
            assert!(by(signal), "{turns:?}: {status:?}");
        }
    }

    /// The listing is repeated until it names nobody new. A group is signalled at once.
    #[test]
    fn a_child_that_is_born_during_the_walk_is_reached() {
        for (scope, status) in [(Scope::PosixSession, exited(4)), (Scope::Tree, exited(4)), (Scope::Group, None)] {
            let mut stage = stage(scope, "on TERM ignore; spawn a { on TERM exit 4; hang }; hang");
            stage.turns(&["w/main"]).send(Signal::TERM).turns(&["w/main", "w/a"]);
            assert_eq!(stage.settle().status("w/a"), status, "{scope:?}");
        }
    }

    #[test]
    fn a_walk_that_leaves_nobody_who_could_fork_is_over_at_once() {
        let mut stage = stage(Scope::PosixSession, "hang");
        stage.settle();
        stage.send(Signal::HUP);
        assert!(stage.check.kernel.walks.all.is_empty());
        assert_eq!(stage.settle().status("w/main"), signalled(Signal::HUP));
    }

    /// The host does one thing after the other.
    #[test]
    fn what_the_host_does_next_finds_the_walk_at_its_end() {
        let mut stage = stage(Scope::PosixSession, "on TERM exit 4; spawn a { hang }; hang");
        stage.settle();
        stage.send(Signal::TERM).check.kernel.finish_earlier_walks();
        assert_eq!(stage.sent(), 1, "it has only just begun");
        stage.listen();
        stage.check.kernel.finish_earlier_walks();
        assert_eq!(stage.sent(), 2);
    }

    /// SIGCONT after the signal of a stop: the host walks twice, and between the two walks others run.
    #[test]
    fn a_second_signal_of_the_same_step_goes_on_a_walk_of_its_own() {
        let script = "spawn a { on TERM print told; freeze; hang }; spawn b { hang }; on TERM ignore; hang";
        let mut stage = stage(Scope::Tree, script);
        stage.turns(&["w/main", "w/main", "w/main", "w/a", "w/a", "w/b"]);
        let kernel = &mut stage.check.kernel;
        assert_eq!(kernel.signal_unit(U, Target::Scope, Signal::TERM), Ok(()));
        assert!(kernel.follows_a_walk(U, Target::Scope, Signal::CONT), "the first walk has begun in this step");
        assert!(!kernel.follows_a_walk(U, Target::Scope, Signal::CONT), "one may follow");
        kernel.finish_walks();
        let told: Vec<Signal> = sent(&mut stage);
        assert_eq!(told.iter().filter(|signal| **signal == Signal::TERM).count(), 3, "{told:?}");
        let first_cont = told.iter().position(|signal| *signal == Signal::CONT);
        let last_term = told.iter().rposition(|signal| *signal == Signal::TERM);
        assert!(first_cont > last_term, "{told:?}");
    }

    fn sent(stage: &mut Stage) -> Vec<Signal> {
        let deeds = stage.check.kernel.deeds();
        deeds
            .iter()
            .filter_map(|deed| if let Deed::Signalled { signal, .. } = deed { Some(*signal) } else { None })
            .collect()
    }
}
