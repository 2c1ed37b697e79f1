//! prctl(2): who adopts orphans (PR_SET_CHILD_SUBREAPER), and who dies with its parent (PR_SET_PDEATHSIG).
//! PDEATHSIG hangs on the *thread* that forked: a supervisor whose forking thread ends kills its children while it is well.

use super::list::Chain;
use super::process::Life;
use super::{HOST, INIT, Kernel};
use shakedown_core::ids::ProcId;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::Sender;

impl Kernel {
    /// PR_SET_CHILD_SUBREAPER: for the process, not for its children; kept over exec.
    pub(super) fn become_subreaper(&mut self, process: ProcId) {
        self.entry_mut(process).rare_mut().subreaper = true;
        self.uses.subreapers = true;
    }

    /// PR_SET_PDEATHSIG: cleared by fork, kept over exec. It is not looked whether the parent has gone already.
    pub(super) fn set_pdeathsig(&mut self, process: ProcId, signal: Signal) {
        self.entry_mut(process).rare_mut().pdeathsig = Some(signal);
        self.uses.pdeathsigs = true;
    }

    /// Who adopts the children of a process that ends: its nearest ancestor that is a subreaper, or else init.
    pub(super) fn reaper_of(&self, process: ProcId) -> ProcId {
        let mut at = if self.uses.subreapers { self.entry(process).parent } else { HOST };
        while at != HOST && at != INIT {
            let ancestor = self.entry(at);
            if ancestor.rare.as_ref().is_some_and(|rare| rare.subreaper) {
                return at;
            }
            at = ancestor.parent;
        }
        if at == HOST && self.config.subreaper { HOST } else { INIT }
    }

    /// A thread of a living process has ended: the children that it forked pass to another thread of the same process, and those with a
    /// PDEATHSIG get it.
    pub(super) fn forker_is_over(&mut self, thread: ProcId) {
        let process = self.process_of(thread);
        let heir = self.each_thread(process).find(|&other| other != thread).unwrap_or(process);
        for child in self.forks_of(thread) {
            self.entry_mut(child).forked_by = heir;
            self.parent_is_gone(child);
        }
    }

    /// The living children that this thread has forked, as far as anybody may ever ask.
    pub(super) fn forks_of(&self, thread: ProcId) -> Vec<ProcId> {
        if !self.uses.pdeathsigs && self.entry(self.process_of(thread)).rare.is_none() {
            return Vec::new();
        }
        let children = self.entry(self.process_of(thread)).children;
        children.iter(&self.procs, Chain::Siblings).filter(|child| self.entry(*child).forked_by == thread).collect()
    }

    /// The thread that a process hangs on has ended.
    pub(super) fn parent_is_gone(&mut self, child: ProcId) {
        let process = self.entry(child);
        let is_living = match process.life {
            Life::Alive | Life::Stopped | Life::Dying(_) => true,
            Life::Zombie(_) | Life::Reaped(_) => false,
        };
        if let Some(signal) = process.rare.as_ref().and_then(|rare| rare.pdeathsig).filter(|_| is_living) {
            self.generate(child, signal, Sender::Kernel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{exited, play, signalled};
    use super::*;
    use shakedown_core::vocab::Truth;

    /// SEMANTICS C23: the nearest living ancestor that is a subreaper, whatever sessions lie between.
    #[test]
    fn orphans_go_to_the_nearest_subreaper() {
        let script = "subreaper; spawn a { spawn b { setsid; spawn c { hang }; exit 0 }; wait b; hang }; hang";
        let mut check = play(script);
        check.settle();
        let main = check.find("w/main");
        assert_eq!(check.kernel.process(check.find("w/c")).parent, main);
        check.kill("w/main", Signal::KILL);
        assert_eq!(check.kernel.process(check.find("w/c")).parent, HOST, "and on to the next one");
    }

    /// SEMANTICS C23: the flag is not inherited by fork, and kept over exec.
    #[test]
    fn a_subreapers_child_is_none_and_exec_keeps_it_one() {
        let script = "subreaper; exec { spawn a { spawn b { spawn c { hang }; exit 0 }; hang }; hang }";
        let mut check = play(script);
        check.settle();
        assert_eq!(check.kernel.process(check.find("w/c")).parent, check.find("w/main"));
    }

    /// SEMANTICS C23: an adopted zombie is told and can be reaped.
    #[test]
    fn a_subreaper_reaps_what_it_has_adopted() {
        let mut check = play("subreaper; spawn a { spawn b { sleep 5ms; exit 9 }; exit 0 }; wait all; exit 3");
        check.pass(50);
        assert_eq!((check.status("w/main"), check.status("w/b")), (exited(3), exited(9)));
        assert_eq!(check.count(|deed| matches!(deed, shakedown_core::vocab::Deed::Reaped { .. })), 2);
    }

    /// A subreaper waits for anybody, and knows by name only whom it has forked.
    #[test]
    fn an_adopted_child_is_reaped_but_not_known_by_name() {
        let script = "subreaper; spawn a { spawn b { sleep 5ms }; exit 0 }; wait a; kill b KILL; wait b; print on; wait all; print end";
        let mut check = play(script);
        check.pass(1);
        assert_eq!(check.stdout(), "on\n");
        check.pass(9);
        assert_eq!((check.stdout().as_str(), check.status("w/b")), ("end\n", exited(0)));
    }

    /// SEMANTICS C24: whether the child dies with its parent.
    #[test]
    fn pdeathsig_hangs_on_the_thread_that_forked() {
        for (script, dies) in [
            ("spawn c { pdeathsig KILL; hang }; sleep 5ms; exit 0", true),
            ("spawn c { pdeathsig TERM; hang }; sleep 5ms; exit 0", true),
            ("spawn c { pdeathsig KILL; exec { hang } }; sleep 5ms; exit 0", true),
            ("spawn c { hang }; sleep 5ms; exit 0", false),
            // Cleared by fork.
            ("spawn m { pdeathsig KILL; spawn c { hang }; hang }; sleep 5ms; exit 0", false),
            // Not retroactive.
            ("spawn c { sleep 9ms; pdeathsig KILL; hang }; sleep 5ms; exit 0", false),
            // golang/go#27505: the process is well, and its forking thread has ended.
            ("thread { spawn c { pdeathsig KILL; hang }; sleep 5ms }; hang", true),
            ("thread { sleep 5ms }; spawn c { pdeathsig KILL; hang }; hang", false),
            ("spawn c { pdeathsig KILL; hang }; thread { hang }; sleep 5ms; leader-exit", true),
            // exec in another thread ends the one that forked.
            ("spawn c { pdeathsig KILL; hang }; thread { sleep 5ms; exec { hang } }; hang", true),
            ("spawn c { pdeathsig KILL; hang }; sleep 5ms; exec { hang }", false),
        ] {
            let mut check = play(script);
            check.pass(50);
            assert_eq!(!check.alive("w/c"), dies, "{script}");
        }
    }

    /// SEMANTICS C24: it comes again at the next reparenting.
    #[test]
    fn pdeathsig_comes_again_when_the_adopter_ends() {
        let script = "subreaper; spawn a { spawn c { on USR1 print bereft; pdeathsig USR1; hang }; sleep 5ms; exit 0 }; sleep 20ms; exit 0";
        let mut check = play(script);
        check.pass(9);
        assert_eq!(check.stdout(), "bereft\n");
        check.pass(50);
        assert_eq!(check.stdout(), "bereft\n");
        assert_eq!(check.status("w/c"), None);
        check.kill("w/c", Signal::TERM);
        assert_eq!(check.status("w/c"), signalled(Signal::TERM));
    }
}
