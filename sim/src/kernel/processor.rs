//! Processor time, and RLIMIT_CPU of getrlimit(2): whoever computes too long gets SIGXCPU each second, and at the hard limit KILL.
//! What is `busy` computes; what sleeps, waits or stands still does not.

use super::Kernel;
use super::process::Life;
use shakedown_core::ids::ProcId;
use shakedown_core::signal::Signal;
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::Sender;
use std::collections::BTreeMap;

/// Who has used how much, kept once somebody has a limit: before that nobody asks.
#[derive(Default, Hash)]
pub(super) struct ProcessorTime {
    pub(super) is_limited: bool,
    used: BTreeMap<ProcId, Used>,
    /// Threads that compute, and since when they have not been charged.
    computing: BTreeMap<ProcId, Instant>,
}

/// What a process has used.
#[derive(Clone, Copy, Default, Hash)]
struct Used {
    time: Duration,
    /// How often it has been told: each time moves its soft limit by a second.
    told: u64,
}

impl ProcessorTime {
    pub(super) fn reset(&mut self) {
        self.is_limited = false;
        self.used.clear();
        self.computing.clear();
    }
}

impl Kernel {
    /// A thread computes from now on. When it is to look again at the latest, where its process is limited: threads that compute at
    /// the same time share what is left.
    pub(super) fn start_computing(&mut self, thread: ProcId, until: Instant) -> Instant {
        if !self.processor.is_limited {
            return until;
        }
        let now = self.now;
        self.processor.computing.insert(thread, now);
        let process = self.process_of(thread);
        let sharers =
            self.processor.computing.keys().filter(|of| self.process_of(**of) == process).count().max(1) as u32;
        match self.left_of_processor(process) {
            Some(left) => until.min(now.after((left / sharers).max(Duration::from_nanos(1)))),
            None => until,
        }
    }

    /// A thread computes no more, or is looked at: its process is charged for what all of its threads have computed, and told where
    /// that was too much.
    #[inline]
    pub(super) fn charge(&mut self, thread: ProcId) {
        if self.processor.computing.contains_key(&thread) {
            self.charge_process(self.process_of(thread));
            self.processor.computing.remove(&thread);
        }
    }

    fn charge_process(&mut self, process: ProcId) {
        let (now, mut time) = (self.now, Duration::ZERO);
        let threads: Vec<ProcId> = self.threads(process).iter().copied().chain([process]).collect();
        for thread in threads {
            if let Some(since) = self.processor.computing.get_mut(&thread) {
                time += now.since(std::mem::replace(since, now));
            }
        }
        let used = self.processor.used.entry(process).or_default();
        used.time += time;
        let Used { time, told } = *used;
        let (soft, hard) = self.limits_of(process).processor();
        // The hard one is looked at first (check_process_timers() of Linux): where both are the same, nobody is told before.
        if hard.is_some_and(|hard| time >= Duration::from_secs(hard)) {
            self.generate(process, Signal::KILL, Sender::Kernel);
        } else if soft.is_some_and(|soft| time >= Duration::from_secs(soft + told)) {
            self.processor.used.entry(process).or_default().told += 1;
            self.generate(process, Signal::XCPU, Sender::Kernel);
        }
    }

    /// How much it may compute before it is told again or ended.
    fn left_of_processor(&self, process: ProcId) -> Option<Duration> {
        let Used { time, told } = self.processor.used.get(&process).copied().unwrap_or_default();
        let (soft, hard) = self.limits_of(process).processor();
        let next = [soft.map(|soft| soft + told), hard].into_iter().flatten().min()?;
        let dies = matches!(self.entry(process).life, Life::Dying(_));
        (!dies).then(|| Duration::from_secs(next).saturating_sub(time))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Check, play, signalled};
    use super::super::rlimit::Resource;
    use shakedown_core::signal::Signal;

    fn limited(script: &str, soft: Option<u64>, hard: Option<u64>) -> Check {
        let mut check = play(script);
        check.kernel.set_limit(check.find("w/main"), Resource::Cpu, soft);
        check.kernel.set_limit(check.find("w/main"), Resource::CpuMax, hard);
        check
    }

    /// SEMANTICS C32, setrlimit(2). Probed.
    #[test]
    fn who_computes_beyond_its_limit_gets_xcpu_each_second_and_kill_at_last() {
        let mut check = limited("on XCPU print told; busy 1h", Some(1), Some(3));
        check.pass(999);
        assert_eq!(check.stdout(), "");
        check.pass(1);
        assert_eq!(check.stdout(), "told\n");
        check.pass(1999);
        assert_eq!((check.stdout().as_str(), check.alive("w/main")), ("told\n", true));
        check.pass(1);
        assert_eq!(check.status("w/main"), signalled(Signal::KILL), "at three seconds there is no third word");
    }

    /// SEMANTICS C32. Probed.
    #[test]
    fn without_a_handler_the_first_word_is_the_last() {
        let mut check = limited("busy 1h", Some(2), None);
        check.pass(1999);
        assert!(check.alive("w/main"));
        check.pass(1);
        assert_eq!(check.status("w/main"), signalled(Signal::XCPU));
        let mut check = limited("on XCPU ignore; busy 1h", Some(2), Some(2));
        check.pass(2000);
        assert_eq!(check.status("w/main"), signalled(Signal::KILL), "both at once");
    }

    /// SEMANTICS C32: sleeping costs nothing, and what threads compute is added up.
    #[test]
    fn only_computing_counts_and_that_of_all_threads() {
        let mut check = limited("sleep 1h; busy 500ms; sleep 1h; busy 499ms; print over; hang", Some(1), None);
        check.pass(2 * 3_600_000 + 1000);
        assert!(check.alive("w/main"), "a millisecond is left");
        for (script, after) in [("thread { busy 1h }; busy 1h", 500), ("thread { sleep 1h }; busy 1h", 1000)] {
            let mut check = limited(script, Some(1), None);
            check.pass(after - 1);
            assert!(check.alive("w/main"), "{script}");
            check.pass(1);
            assert_eq!(check.status("w/main"), signalled(Signal::XCPU), "{script}");
        }
    }
}
