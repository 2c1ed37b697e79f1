//! What the host sends right after something else: CONT, after the signal of a stop (LIFECYCLE 3). For Linux these are two calls, and on a
//! busy machine much can happen between them; so the second one is a step of its own.
//!
//! Whoever is not stopped and does not listen notices nothing of CONT, whenever it comes, and that is nearly everybody. Where none of a
//! unit's programs could notice, it comes at once.

use super::Kernel;
use super::sigset::SignalSet;
use shakedown_core::ids::UnitId;
use shakedown_core::puppet::{Handler, Verb};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, Target};

impl Kernel {
    /// Signals a unit, as [`signal_now`](Kernel::signal_now): what the host sends to the same unit in this very step may come later.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn signal_unit(&mut self, unit: UnitId, to: Target, signal: Signal) -> Result<(), Errno> {
        self.uses.stops |= SignalSet::STOPS.has(signal);
        if self.uses.stops || self.units.get(unit).is_some_and(|of| of.minds_a_continue) {
            self.walks.followed = Some(unit);
        }
        self.signal_now(unit, to, signal)
    }

    /// Whether this is sent in a step of its own, since something else was sent to the same unit in this very step of the host; behind a
    /// walk, where that was one.
    #[inline]
    pub fn follows(&mut self, unit: UnitId, to: Target, signal: Signal) -> bool {
        !self.walks.is_idle() && self.follows_something(unit, to, signal)
    }

    #[cold]
    fn follows_something(&mut self, unit: UnitId, to: Target, signal: Signal) -> bool {
        self.follows_a_walk(unit, to, signal)
            || self.walks.followed == Some(unit) && self.follows_a_call(unit, to, signal)
    }

    fn follows_a_call(&mut self, unit: UnitId, to: Target, signal: Signal) -> bool {
        self.walks.followed = None;
        let is_free = self.walks.of(unit).is_none();
        if is_free {
            self.signal_later(unit, to, signal);
        }
        is_free
    }
}

/// Whether it matters to a program when it is continued, or to one that it bears: it may be stopped, or listens.
pub(super) fn minds_a_continue(script: &[Verb]) -> bool {
    script.iter().any(|verb| {
        let minds = match verb {
            Verb::Freeze | Verb::On { signal: Signal::CONT, then: Handler::Run(_) } => true,
            Verb::Kill { signal, .. } | Verb::Die(signal) | Verb::Pdeathsig(signal) => SignalSet::STOPS.has(*signal),
            _ => false,
        };
        minds || verb.block().is_some_and(|block| minds_a_continue(block))
    })
}

/// Whether a program, or one that it bears, handles CHLD.
pub(super) fn hears_children(script: &[Verb]) -> bool {
    script.iter().any(|verb| {
        matches!(verb, Verb::On { signal: Signal::CHLD, then: Handler::Run(_) })
            || verb.block().is_some_and(|block| hears_children(block))
    })
}

#[cfg(test)]
mod tests {
    use super::super::check::{Check, U, play_with};
    use super::super::walk::walk_of;
    use super::super::{KernelConfig, KernelReady};
    use shakedown_core::choose::Calm;
    use shakedown_core::signal::Signal;
    use shakedown_core::vocab::{Scope, Target};

    /// TERM, and CONT in the same step of the host, to a program that waits; `program_first` lets it go on between the two, as far as it
    /// comes.
    fn stopped(script: &str, to: Target, program_first: bool) -> Check {
        let mut check = play_with(KernelConfig::default(), Scope::Group, script);
        check.settle();
        check.kernel.signal_unit(U, to, Signal::TERM).expect("it lives");
        if !check.kernel.follows(U, to, Signal::CONT) {
            check.kernel.signal_now(U, to, Signal::CONT).expect("it lives");
        }
        let mut second = None;
        while let Some(KernelReady::Step { proc, .. }) = check.kernel.next_ready() {
            match walk_of(proc) {
                Some(_) if program_first => second = Some(proc),
                _ => check.kernel.run(proc, &mut Calm),
            }
        }
        if let Some(second) = second {
            check.kernel.run(second, &mut Calm);
        }
        check.settle();
        check
    }

    /// SEMANTICS C19: between the two calls the program may run. What it finds pending it takes in the order of numbers.
    #[test]
    fn a_program_may_run_between_the_signal_of_a_stop_and_cont() {
        for to in [Target::Scope, Target::Leader] {
            for (script, program_first, after) in [
                ("on TERM print told; on CONT print continued; hang", true, "told\ncontinued\n"),
                ("on TERM exit 0; on CONT print continued; hang", true, ""),
                // Both are pending before it runs: it takes the lower number first, and the other one before it goes on.
                ("on TERM print told; on CONT print continued; hang", false, "told\ncontinued\n"),
                ("on TERM { freeze; print woken }; hang", true, "woken\n"),
                ("on TERM { freeze; print woken }; hang", false, ""),
            ] {
                let mut check = stopped(script, to, program_first);
                assert_eq!(check.stdout(), after, "{to:?}, {script}, program first: {program_first}");
            }
        }
    }

    /// Nearly every stop costs no step more.
    #[test]
    fn cont_is_a_step_of_its_own_only_where_somebody_could_notice() {
        for (script, minds) in [
            ("on TERM exit 0; hang", false),
            ("spawn a { on HUP ignore; kill b TERM; hang }; hang", false),
            ("spawn a { hang }; kill a STOP; hang", true),
            ("on TERM { repeat 2 { freeze } }; hang", true),
            ("exec { on CONT print x; hang }", true),
            ("on CONT default; hang", false),
        ] {
            let mut check = play_with(KernelConfig::default(), Scope::Group, script);
            check.kernel.signal_unit(U, Target::Scope, Signal::TERM).expect("it lives");
            assert_eq!(check.kernel.follows(U, Target::Scope, Signal::CONT), minds, "{script}");
        }
    }
}
