//! Threads: clone(2) with CLONE_THREAD, the end of one thread, and of all (exit_group(2)).
//! A process lives until its last thread has ended; its first one may go before, and leaves a zombie that nobody can wait for yet.

use super::Kernel;
use super::process::{Life, Wait};
use super::sigset::{Mask, SignalSet};
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::ids::ProcId;
use shakedown_core::puppet::Block;
use shakedown_core::site::{Kind, Site, hash_name};
use shakedown_core::vocab::ExitStatus;

impl Kernel {
    /// The process that a thread belongs to; a process is its own first thread.
    #[inline]
    pub(super) fn process_of(&self, thread: ProcId) -> ProcId {
        self.entry(thread).process
    }

    /// Whether the next step of this thread would do something.
    #[inline]
    pub(super) fn is_runnable(&self, thread: ProcId) -> bool {
        let own = self.entry(thread);
        let process = if own.process == thread { own } else { self.entry(own.process) };
        match process.life {
            // The end of all is a step of the first thread, even where that one has ended.
            Life::Dying(_) => own.process == thread && !process.hold.disk,
            Life::Alive if own.over || process.hold.is_held() => false,
            Life::Alive => {
                own.wait == Wait::Nothing
                    || process.signals.is_actionable(&own.mask)
                    || process.is_to_tell_of_continue()
            }
            Life::Stopped | Life::Zombie(_) | Life::Reaped(_) => false,
        }
    }

    /// The further threads of a process that have not ended.
    pub(super) fn threads(&self, process: ProcId) -> &[ProcId] {
        self.entry(process).rare.as_ref().map_or(&[], |rare| &rare.threads)
    }

    /// All threads of a process that have not ended, in the order of their births; cheap where there is one.
    pub(super) fn each_thread(&self, process: ProcId) -> impl Iterator<Item = ProcId> + use<> {
        let first = if self.entry(process).over { None } else { Some(process) };
        let further = match &self.entry(process).rare {
            Some(rare) => rare.threads.clone(),
            None => Vec::new(),
        };
        first.into_iter().chain(further)
    }

    /// pthread_create(3): a thread that plays `body`, with the mask of its creator and nothing pending of its own. Without a free
    /// number (EAGAIN) there is none. Around clone(2) C libraries block every signal (glibc nptl/pthread_create.c, musl
    /// src/thread/pthread_create.c), so the creator opens its mask in a step of its own, and so does the thread.
    pub(super) fn start_thread(&mut self, creator: ProcId, body: &Block) {
        let process = self.process_of(creator);
        let Ok(tid) = self.number_for_child(process) else { return };
        self.count_task(process);
        let id = ProcId(self.born as u32);
        self.pids.at(tid).task = Some(id);
        let name = self.entry(process).name.clone();
        self.new_record(id, &name);
        self.entry_mut(creator).mask.starting = true;
        let mask = Mask { own: SignalSet::default(), ..self.entry(creator).mask };
        let rare = self.entry_mut(process).rare_mut();
        rare.threads.push(id);
        rare.threads_born += 1;
        let nth = rare.threads_born - 1;
        let of = self.entry(process);
        let (label, pgid, sid, parent, unit) = (of.label, of.pgid, of.sid, of.parent, of.unit);
        let thread = self.entry_mut(id);
        thread.process = process;
        thread.label = label.child_hashed(THREAD, nth);
        (thread.pid, thread.pgid, thread.sid) = (tid, pgid, sid);
        (thread.parent, thread.unit) = (parent, unit);
        thread.mask = mask;
        self.load(id, body);
        self.announce(id);
    }

    /// _exit(2) of one thread. The last one takes the process with it, whose status is that of its first thread, which ended with 0.
    pub(super) fn end_thread(&mut self, thread: ProcId) {
        let process = self.process_of(thread);
        if self.each_thread(process).all(|id| id == thread) {
            return self.exit(process, ExitStatus::Exited(0));
        }
        self.thread_is_over(thread);
        // A signal that it was chosen for is now for the others.
        for other in self.each_thread(process) {
            self.announce(other);
        }
    }

    /// Whether a thread goes on with its program although a signal is pending for it: another one that does not block it has taken it, and
    /// comes to act only later (complete_signal() of Linux chooses one thread, and others see the signal where they change their mask).
    /// Whoever waits is woken by what it acts upon.
    pub(super) fn passes_by(&mut self, thread: ProcId, process: ProcId, choose: &mut impl Choose) -> bool {
        if self.threads(process).is_empty() {
            return false;
        }
        let (own, of) = (self.entry(thread), self.entry(process));
        let as_well = |other: ProcId| other != thread && of.signals.is_as_well_for(&own.mask, &self.entry(other).mask);
        if own.wait != Wait::Nothing || !self.each_thread(process).any(as_well) {
            return false;
        }
        let site = Site { kind: Kind::Lag, label: own.label.child_hashed(PASSED, 0), nth: own.steps };
        choose.draw(site, Ask::Pick { of: 2 }) == 1
    }

    /// A thread is gone while its process goes on: its children, as far as PDEATHSIG is concerned, change hands.
    fn thread_is_over(&mut self, thread: ProcId) {
        self.retire(thread);
        let process = self.process_of(thread);
        if let Some(rare) = &mut self.entry_mut(process).rare {
            rare.threads.retain(|&other| other != thread);
        }
        self.forker_is_over(thread);
    }

    /// A thread plays no more. The number of a further one is free; the first one's is the process's.
    fn retire(&mut self, thread: ProcId) {
        self.disarm(thread);
        let own = self.entry_mut(thread);
        (own.over, own.wait) = (true, Wait::Nothing);
        own.frames.clear();
        if own.is_thread(thread) {
            let tid = own.pid;
            self.pids.at(tid).task = None;
            self.pids.release(tid);
            self.discount_task(self.process_of(thread));
        }
    }

    /// What exec does to the other threads of a process (de_thread() of Linux): they end, and the caller takes the first one's place,
    /// number included. Returns the record in which the new program runs.
    pub(super) fn become_only_thread(&mut self, caller: ProcId) -> ProcId {
        let process = self.process_of(caller);
        if self.entry(process).rare.is_none() {
            return process;
        }
        let mask = self.entry(caller).mask;
        for thread in self.each_thread(process) {
            if thread != caller {
                self.thread_is_over(thread);
            }
        }
        if caller != process {
            self.retire(caller);
            for child in self.forks_of(caller) {
                self.entry_mut(child).forked_by = process;
            }
            let first = self.entry_mut(process);
            (first.over, first.wait, first.mask) = (false, Wait::Nothing, mask);
            first.rare_mut().threads.clear();
        }
        process
    }

    /// Ends what is left of the further threads of a process that ends.
    pub(super) fn end_all_threads(&mut self, process: ProcId) {
        let Some(rare) = &mut self.entry_mut(process).rare else { return };
        for thread in std::mem::take(&mut rare.threads) {
            self.retire(thread);
        }
    }
}

/// What a further thread is called in labels: no name of a script.
const THREAD: u64 = hash_name("(thread)");
/// Stands for what another thread has taken, likewise.
const PASSED: u64 = hash_name("(passed)");

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::{Answers, U, exited, play, play_with, signalled};
    use super::super::process::Wait;
    use shakedown_core::choose::Calm;
    use shakedown_core::ids::UnitId;
    use shakedown_core::signal::Signal;
    use shakedown_core::vocab::{Scope, Truth};

    /// SEMANTICS C10: what a script with a further thread prints and how it ends, within a second.
    #[test]
    fn a_process_ends_with_its_last_thread_or_at_exit_in_any() {
        for (script, printed, status) in [
            ("thread { print t }; sleep 1ms; print m", "t\nm\n", exited(0)),
            ("thread { sleep 5ms; print t }; leader-exit", "t\n", exited(0)),
            ("thread { sleep 5ms; exit 7 }; leader-exit", "", exited(7)),
            ("thread { sleep 5ms; print never }; sleep 1ms; exit 3", "", exited(3)),
            ("thread { sleep 1ms; exit 4 }; hang", "", exited(4)),
            ("thread { leader-exit; print never }; sleep 1ms; print m; exit 5", "m\n", exited(5)),
            ("leader-exit; print never", "", exited(0)),
            ("thread { hang }; leader-exit", "", None),
            ("thread { die TERM }; hang", "", signalled(Signal::TERM)),
        ] {
            let mut check = play(script);
            check.pass(1000);
            assert_eq!((check.stdout().as_str(), check.status("w/main")), (printed, status), "{script}");
        }
    }

    /// SEMANTICS C10: the zombie leader is not for waiting, answers signals, and dies of KILL.
    #[test]
    fn a_process_whose_first_thread_has_ended_is_still_alive() {
        let mut check = play("thread { on USR1 print t; hang }; sleep 1ms; leader-exit");
        check.pass(9);
        assert!(check.alive("w/main") && check.kernel.peek_exit(U).is_none());
        check.kill("w/main", Signal::USR1);
        assert_eq!(check.stdout(), "t\n");
        assert_eq!(check.kill("w/main", Signal::KILL).status("w/main"), signalled(Signal::KILL));
    }

    /// SEMANTICS C17: a process's signal goes to any thread that does not block it; masks are the threads' own.
    #[test]
    fn a_signal_goes_to_a_thread_that_does_not_block_it() {
        let mut check =
            play("block USR1; on USR1 print got; thread { unblock USR1; sleep 5ms; print back; hang }; hang");
        check.pass(1);
        check.kill("w/main", Signal::USR1);
        assert_eq!(check.stdout(), "got\n");
        check.pass(9);
        assert_eq!(check.stdout(), "back\n", "the further thread's sleep has gone on");
        let mut check = play("block TERM; thread { block USR2; hang }; hang");
        check.settle().kill("w/main", Signal::TERM);
        assert!(check.alive("w/main"), "a thread inherits its creator's mask");
    }

    /// SEMANTICS C10: the mask that is closed around clone(2) is opened after it, whatever the creator does next.
    #[test]
    fn whoever_has_made_a_thread_takes_signals_again() {
        for next in ["hang", "on USR1 print got; hang", "sleep 5ms", "wait all; hang"] {
            let mut check = play(&format!("thread {{ block TERM; hang }}; {next}"));
            check.pass(1);
            check.kill("w/main", Signal::TERM);
            assert_eq!(check.status("w/main"), signalled(Signal::TERM), "{next}");
        }
    }

    /// SEMANTICS C17: what one thread has taken does not keep another from going on, or from ending all of them before it has acted.
    #[test]
    fn a_thread_goes_on_while_another_that_has_taken_a_signal_is_late() {
        for (creator, passes, printed) in [
            ("hang", 1, "a\nb\n"),
            ("hang", 0, "got\na\nb\n"),
            // Nobody else can have taken it: one call is under way, and that is all.
            ("block HUP; hang", 1, "a\ngot\nb\n"),
        ] {
            let mut check = play(&format!("on HUP print got; thread {{ print a; print b; exit 3 }}; {creator}"));
            let main = check.find("w/main");
            while check.kernel.entry(main).wait == Wait::Nothing {
                check.kernel.run(main, &mut Calm);
            }
            let thread = check.kernel.threads(main)[0];
            check.kernel.run(thread, &mut Calm);
            check.kernel.kill(check.pid("w/main"), Signal::HUP).expect("it lives");
            for _ in 0..3 {
                check.kernel.run(thread, &mut Answers(passes));
            }
            assert_eq!((check.stdout().as_str(), check.status("w/main")), (printed, exited(3)), "{creator}, {passes}");
        }
    }

    /// SEMANTICS C19: stop and continue are for all threads.
    #[test]
    fn a_stop_stops_every_thread() {
        let mut check = play("thread { repeat 9 { sleep 1ms; print t } }; hang");
        check.settle().kill("w/main", Signal::STOP);
        check.pass(50);
        assert_eq!(check.stdout(), "");
        check.kill("w/main", Signal::CONT).pass(50);
        assert_eq!(check.stdout(), "t\n".repeat(9));
    }

    /// SEMANTICS C4, C37: exec ends the other threads and keeps the process, whichever thread calls it.
    #[test]
    fn exec_leaves_one_thread_under_the_first_ones_number() {
        for script in [
            "thread { hang }; spawn c { hang }; exec { print new; kill c TERM; wait c; exit 6 }",
            "thread { sleep 1ms; spawn c { hang }; exec { print new; kill c TERM; wait c; exit 6 } }; hang",
            "thread { sleep 1ms; spawn c { hang }; exec { print new; kill c TERM; wait c; exit 6 } }; leader-exit",
        ] {
            let mut check = play(script);
            check.pass(9);
            assert_eq!((check.stdout().as_str(), check.status("w/main")), ("new\n", exited(6)), "{script}");
            assert_eq!(check.status("w/c"), signalled(Signal::TERM), "{script}: children stay");
        }
    }

    /// pthread_create(3) blocks every signal for a moment. Probed on Linux 6.18 with a process that does nothing else: of TERM and then
    /// KILL, KILL names the status in 1 168 of 3 000, and of TERM and then HUP it is HUP in 879; without threads it is always TERM.
    #[test]
    fn a_signal_waits_while_a_thread_is_created() {
        for (steps, signals, status) in [
            (0, [Signal::TERM, Signal::HUP], Signal::TERM),
            (1, [Signal::TERM, Signal::HUP], Signal::HUP),
            (1, [Signal::TERM, Signal::KILL], Signal::KILL),
            // The creator has opened its mask again.
            (2, [Signal::TERM, Signal::HUP], Signal::TERM),
        ] {
            let mut check = play("thread { hang }; hang");
            (0..steps).for_each(|_| assert!(check.step()));
            let pid = check.pid("w/main");
            signals.iter().for_each(|signal| check.kernel.kill(pid, *signal).expect("it lives"));
            assert_eq!(check.settle().status("w/main"), signalled(status), "{signals:?} after {steps} steps");
        }
    }

    /// A thread has a number of its own, free when it ends.
    #[test]
    fn threads_use_up_numbers() {
        let config = KernelConfig { pid_max: 8, ..KernelConfig::default() };
        let mut check =
            play_with(config, Scope::Group, "repeat 9 { thread { sleep 1ms } }; sleep 2ms; spawn c { hang }; hang");
        check.settle();
        assert!(check.spawn(UnitId(1), Scope::Group, "hang").is_err(), "four threads have the other numbers");
        check.pass(9);
        assert!(check.alive("w/c") && check.spawn(UnitId(1), Scope::Group, "hang").is_ok());
        assert_eq!(check.kernel.living_in_all(), 3, "a thread is no process");
    }
}
