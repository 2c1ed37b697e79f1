//! Which boot this is, and which process: (boot id, pid, start time), the identity that can be written to a disk (proc_pid_stat(5)).
//! A pid alone is a stranger's tomorrow, and after a restart of the machine all of them are.

use super::Kernel;
use crate::random::Random;
use shakedown_core::ids::{Pid, ProcId};
use shakedown_core::time::Instant;
use std::fmt;

/// The boot id of `/proc/sys/kernel/random/boot_id`: another at each boot. It depends on nothing but `KernelConfig::boot`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BootId(u128);

impl BootId {
    fn of(boot: u64) -> BootId {
        let random = Random::new(boot);
        let bits = u128::from(random.whole(0)) << 64 | u128::from(random.whole(1));
        // Version 4, variant 1 of RFC 9562.
        BootId(bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62)
    }
}

impl fmt::Display for BootId {
    /// As the kernel prints it: `8f5c1b0e-…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0;
        let (a, b, c, d, e) = (n >> 96, n >> 80 & 0xffff, n >> 64 & 0xffff, n >> 48 & 0xffff, n & 0xffff_ffff_ffff);
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
    }
}

/// What names a process beyond the life of whoever wrote it down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identity {
    /// Under which boot.
    pub boot: BootId,
    /// Its number.
    pub pid: Pid,
    /// When it was forked: `starttime` of `/proc/pid/stat`, in ticks of 10 ms of BOOTTIME.
    pub start: u64,
}

impl From<Identity> for shakedown_core::vocab::Identity {
    fn from(of: Identity) -> Self {
        shakedown_core::vocab::Identity { boot: of.boot.0, pid: of.pid, start: of.start }
    }
}

impl Kernel {
    /// This boot.
    pub fn boot_id(&self) -> BootId {
        BootId::of(self.config.boot)
    }

    /// How a process may be found again; `None` once it has been reaped. A zombie still has its entry in /proc.
    pub fn identify(&self, proc: ProcId) -> Option<Identity> {
        let process = self.entry(proc);
        if self.pids.get(process.pid)?.task != Some(proc) {
            return None;
        }
        let pid = Pid::new(process.pid)?;
        Some(Identity { boot: self.boot_id(), pid, start: ticks(process.started) })
    }

    /// The process or zombie with this identity. It is never one with the same number from another boot or another tick; but two that
    /// were forked in one tick of 10 ms with the same number cannot be told apart.
    pub fn find(&self, identity: Identity) -> Option<ProcId> {
        let task = self.pids.get(identity.pid.as_raw())?.task?;
        (self.identify(task) == Some(identity)).then_some(task)
    }
}

/// Ticks of `sysconf(_SC_CLK_TCK)`, which is 100 a second.
fn ticks(at: Instant) -> u64 {
    at.as_nanos() / 10_000_000
}

#[cfg(test)]
mod tests {
    use super::super::KernelConfig;
    use super::super::check::{Check, U, play, play_with};
    use super::*;
    use shakedown_core::ids::UnitId;
    use shakedown_core::time::Duration;
    use shakedown_core::vocab::{Scope, Truth};

    /// In a pid space of 8, ends unit 0 and starts others until its number comes round, `ms` after it was started.
    fn reuse_after(ms: u64) -> (Check, Identity) {
        let config = KernelConfig { pid_max: 8, ..KernelConfig::default() };
        let mut check = play_with(config, Scope::Group, "exit 0");
        let first = check.kernel.leader(U).expect("it was spawned");
        let identity = check.kernel.identify(first).expect("it is there");
        check.settle();
        assert_eq!(check.kernel.find(identity), Some(first), "a zombie has its entry yet");
        check.kernel.reap(U);
        assert_eq!((check.kernel.find(identity), check.kernel.identify(first)), (None, None));
        check.pass(ms);
        for n in 1..20 {
            let pid = check.spawn(UnitId(n), Scope::Group, "exit 0").expect("a number is free");
            if pid == identity.pid {
                return (check, identity);
            }
            check.settle().kernel.reap(UnitId(n));
        }
        panic!("eight numbers come round in twenty");
    }

    /// SEMANTICS C34, C35.
    #[test]
    fn who_got_the_number_later_is_not_found_unless_within_one_tick() {
        for (ms, fooled) in [(0, true), (9, true), (10, false), (1_000, false)] {
            let (check, identity) = reuse_after(ms);
            assert_eq!(check.kernel.find(identity).is_some(), fooled, "after {ms} ms");
        }
    }

    /// SEMANTICS C34: the start time is on BOOTTIME.
    #[test]
    fn a_start_time_counts_the_time_of_a_suspend_and_no_jump() {
        let mut check = play("sleep 50ms; spawn late { hang }; hang");
        check.pass(20).kernel.suspend(Duration::from_secs(1));
        check.kernel.set_realtime(Duration::from_secs(7)).expect("it is later than MONOTONIC");
        check.pass(100);
        let start = |name| check.kernel.identify(check.find(name)).expect("it lives").start;
        assert_eq!((start("w/main"), start("w/late")), (0, 105));
    }

    /// SEMANTICS C35.
    #[test]
    fn nobody_of_another_boot_is_found() {
        let mut check = play("hang");
        let before = check.kernel.identify(check.find("w/main")).expect("it lives");
        let config = KernelConfig { boot: 1, ..KernelConfig::default() };
        check.kernel.reset(config);
        check.spawn(U, Scope::Group, "hang").expect("there is room");
        let after = check.kernel.identify(check.find("w/main")).expect("it lives");
        assert_eq!((before.pid, before.start), (after.pid, after.start));
        assert_eq!((check.kernel.find(before), check.kernel.find(after).is_some()), (None, true));
        check.kernel.reset(config);
        assert_eq!(check.kernel.boot_id(), after.boot, "it depends on nothing but the config");
    }

    #[test]
    fn a_boot_id_reads_as_a_uuid() {
        let text = Kernel::new(KernelConfig::default()).boot_id().to_string();
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        assert_eq!((lengths.as_slice(), &text[14..15]), (&[8, 4, 4, 4, 12][..], "4"), "{text}");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
    }
}
