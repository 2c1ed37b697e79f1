//! What names a process beyond the life of whoever wrote it down: its boot, its number, and when it was started (proc_pid_stat(5)).
//! A pid alone is a stranger's tomorrow, and after a restart of the machine all of them are.

use crate::ids::Pid;
use alloc::sync::Arc;
use core::fmt;

/// A process, by what never names another one. Two that were forked in one tick of 10 ms with the same number cannot be told apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identity {
    /// The boot of the machine: `/proc/sys/kernel/random/boot_id`, as a number.
    pub boot: u128,
    /// Its number.
    pub pid: Pid,
    /// When it was forked: `starttime` of `/proc/pid/stat`, in ticks of 10 ms since that boot.
    pub start: u64,
}

impl fmt::Display for Identity {
    /// As reports write it: `17 of tick 4711, boot 8f5c1b0e…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of tick {}, boot {:08x}…", self.pid, self.start, (self.boot >> 96) as u32)
    }
}

/// A process that an earlier supervisor of this session has started, or a descendant of one, and that lives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leftover {
    /// The worker whose it is.
    pub worker: Arc<str>,
    /// Its own name, as reports write it.
    pub name: Arc<str>,
    /// Who it is. Looked at again just before each signal.
    pub who: Identity,
}
