//! The simulated POSIX process kernel: a plain, deterministic data structure, with a file for each thing the man pages name.
//! It answers what real Linux would (SEMANTICS.md), at a cost per process that does not grow with their number.

mod abandon;
mod ahead;
mod boot;
mod cgroup;
mod clock;
mod coming;
mod crash;
mod dstate;
mod exec;
mod exit;
mod fault;
mod fd;
mod file;
mod fingerprint;
mod follow;
mod fork;
mod init;
mod kill;
mod list;
mod names;
mod net;
mod notify;
mod oom;
mod orphan;
mod pgrp;
mod pid;
mod pipe;
mod player;
mod poll;
mod prctl;
mod process;
mod processor;
mod pty;
mod rare;
mod rlimit;
mod signal;
mod sigset;
mod survey;
mod thread;
mod timer;
mod truth;
mod tty;
mod unit;
mod user;
mod wait;
mod walk;
mod wchan;

#[cfg(test)]
mod check;

pub use ahead::Ahead;
pub use boot::{BootId, Identity};
pub use cgroup::CgroupId;
pub use clock::Clock;
pub use coming::Coming;
pub use exec::{Spawn, Spawned};
pub use fault::{Notice, fault_keys};
pub(crate) use net::Answers;
pub use poll::{KernelReady, What};
pub use rlimit::Resource;
pub use tty::TtyId;
pub use user::UserId;

use crate::net::Net;
use cgroup::Cgroups;
use clock::Clocks;
use dstate::Uninterruptible;
pub(crate) use fault::{Faults, draw};
use file::FileTable;
use fork::begin_record;
use names::Names;
use pid::PidTable;
use pipe::PipeTable;
use poll::Polls;
use process::{Life, Process};
use processor::ProcessorTime;
use rlimit::LimitTable;
use shakedown_core::choose::Choose;
use shakedown_core::ids::ProcId;
use shakedown_core::signal::Signal;
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::{Deed, ExitStatus};
use timer::Timers;
use tty::Terminals;
use unit::UnitTable;
use walk::{Walks, walk_of};

/// The limits of a kernel. Tiny ones find bugs: a pid space of 8 reuses numbers at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KernelConfig {
    /// Pids are less than this (proc(5), `pid_max`); at least 8.
    pub pid_max: i32,
    /// Bytes that a pipe holds, in whole pages of 4 096, at least one (pipe(7)).
    pub pipe_capacity: usize,
    /// Whether the host is a child subreaper (prctl(2)) and so adopts orphans; else init does.
    pub subreaper: bool,
    /// Whether the host is pid 1 of its namespace, as in a container (pid_namespaces(7)). Then it adopts orphans in any case, and init is
    /// somebody above.
    pub host_is_init: bool,
    /// Which boot of the machine this is: the boot id is made from it.
    pub boot: u64,
    /// What REALTIME shows at boot, since 1970.
    pub realtime: Duration,
}

impl KernelConfig {
    /// The least `pid_max`: init, the host and five more.
    pub const PID_MAX_MIN: i32 = 8;

    /// As Linux has it, with the host as a subreaper.
    pub const DEFAULT: KernelConfig = KernelConfig {
        pid_max: 32_768,
        pipe_capacity: 65_536,
        subreaper: true,
        host_is_init: false,
        boot: 0,
        realtime: Duration::from_secs(1_000_000_000),
    };
}

impl Default for KernelConfig {
    fn default() -> Self {
        KernelConfig::DEFAULT
    }
}

/// A kernel: its processes, pipes, numbers and clock. One simulation is one kernel; [`reset`](Kernel::reset) makes it new.
pub struct Kernel {
    config: KernelConfig,
    now: Instant,
    clocks: Clocks,
    /// By [`ProcId`]; records from `born` on are kept for reuse.
    procs: Vec<Process>,
    born: usize,
    /// Alive, init and the host not counted.
    living: u32,
    pids: PidTable,
    units: UnitTable,
    pipes: PipeTable,
    timers: Timers,
    uninterruptible: Uninterruptible,
    polls: Polls,
    walks: Walks,
    names: Names,
    files: FileTable,
    ttys: Terminals,
    cgroups: Cgroups,
    limits: LimitTable,
    processor: ProcessorTime,
    /// Everybody who was killed because memory was out.
    oom_kills: u64,
    uses: Uses,
    faults: Faults,
    /// The network, in which proxies listen.
    pub(crate) net: Net,
    /// Units below this number were started by a host that has ended.
    earlier: u32,
    /// Zombies of the host that are not leaders, in the order of their death or adoption.
    adopted: Vec<ProcId>,
    deeds: Vec<Deed>,
}

/// What is in use at all: what nobody uses costs a look at a flag.
#[derive(Clone, Copy, Default)]
struct Uses {
    subreapers: bool,
    pdeathsigs: bool,
    /// Somebody has been stopped.
    stops: bool,
    /// Whether a supervisor that comes after one that was killed adopts orphans.
    host_adopts_again: bool,
}

/// Process 1: reaps whatever it adopts. Where the host is process 1, its parent in the namespace above.
const INIT: ProcId = ProcId(0);
/// The supervisor's own process, pid 2, or 1 where it is the init.
const HOST: ProcId = ProcId(1);

impl Kernel {
    /// A kernel in which nothing runs but init (pid 1) and the host (pid 2).
    ///
    /// # Panics
    /// Where `pid_max` is less than [`KernelConfig::PID_MAX_MIN`].
    ///
    /// # Example
    /// ```
    /// use shakedown_sim::kernel::{Kernel, KernelConfig};
    /// let kernel = Kernel::new(KernelConfig { pid_max: 8, ..KernelConfig::default() });
    /// assert_eq!(kernel.next_timer(), None);
    /// ```
    pub fn new(config: KernelConfig) -> Kernel {
        let mut kernel = Kernel {
            config,
            now: Instant::ZERO,
            clocks: Clocks::default(),
            procs: Vec::new(),
            born: 0,
            living: 0,
            pids: PidTable::default(),
            units: UnitTable::default(),
            pipes: PipeTable::default(),
            timers: Timers::default(),
            uninterruptible: Uninterruptible::default(),
            polls: Polls::default(),
            walks: Walks::default(),
            names: Names::new(),
            files: FileTable::default(),
            ttys: Terminals::default(),
            cgroups: Cgroups::default(),
            limits: LimitTable::default(),
            processor: ProcessorTime::default(),
            oom_kills: 0,
            uses: Uses::default(),
            faults: Faults::default(),
            net: Net::default(),
            earlier: 0,
            adopted: Vec::new(),
            deeds: Vec::new(),
        };
        kernel.reset(config);
        kernel
    }

    /// As [`Kernel::new`], keeping allocations: thousands of simulations share one kernel.
    ///
    /// # Panics
    /// As [`Kernel::new`].
    pub fn reset(&mut self, config: KernelConfig) {
        let enough = config.pid_max >= KernelConfig::PID_MAX_MIN;
        assert!(enough, "a pid_max of {} leaves no room: it is at least {}", config.pid_max, KernelConfig::PID_MAX_MIN);
        self.config = config;
        self.now = Instant::ZERO;
        self.clocks.reset(config.realtime);
        self.born = 0;
        self.living = 0;
        self.pids.reset(config.pid_max);
        self.units.reset();
        self.pipes.reset();
        self.timers.reset();
        self.uninterruptible.reset();
        self.polls.reset();
        self.walks.reset();
        self.files.reset();
        self.ttys.reset();
        self.cgroups.reset();
        self.limits.reset();
        self.processor.reset();
        self.oom_kills = 0;
        self.uses = Uses::default();
        self.faults.reset();
        self.net.reset();
        self.earlier = 0;
        self.adopted.clear();
        self.deeds.clear();
        self.boot();
    }

    /// In this simulation pipes hold one page (pipe(7): what a user gets whose pipes take up all that `pipe-user-pages-soft` allows).
    pub fn shrink_pipes(&mut self) {
        self.config.pipe_capacity = self.config.pipe_capacity.min(pipe::PAGE);
    }

    /// In this simulation a number that becomes free is the next to be given out.
    pub fn reuse_pids_at_once(&mut self) {
        self.pids.reuse_at_once();
    }

    /// So many processes are to be spawned: room is made for them and for no more, because doubling would waste half as much again.
    pub fn expect(&mut self, processes: usize) {
        self.procs.reserve_exact((processes + 2).saturating_sub(self.procs.len()));
        self.units.expect(processes);
        self.pipes.expect(3 * processes);
    }

    /// Sets the clock, which never goes back. Sleepers wake in [`fire_timers`](Kernel::fire_timers), not here.
    pub fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// Whether anything has happened since the log was last drained, or a zombie was adopted that [`reap_adopted`](Kernel::reap_adopted)
    /// would reap.
    #[inline]
    pub fn has_news(&self) -> bool {
        !self.deeds.is_empty() || !self.adopted.is_empty()
    }

    /// What really happened since the log was last drained, oldest first. The caller drains it.
    pub fn deeds(&mut self) -> &mut Vec<Deed> {
        &mut self.deeds
    }

    /// One step of a thread that was announced as [`KernelReady::Step`]: it acts on one pending signal, or else goes on with its
    /// program by one verb. If it can go on after that, it is announced again.
    pub fn run(&mut self, thread: ProcId, choose: &mut impl Choose) {
        if let Some(unit) = walk_of(thread) {
            return self.run_walk(unit);
        }
        let own = self.entry_mut(thread);
        own.announced = false;
        own.steps += 1;
        let mut is_in_call = false;
        // What made it runnable may be gone again, as a pending stop signal that CONT has cancelled.
        if self.is_runnable(thread) {
            let process = self.process_of(thread);
            self.settle_fate(process, choose);
            match self.entry(process).life {
                Life::Dying(signal) => self.run_dying(process, signal, choose),
                Life::Alive => is_in_call = self.run_living(thread, process, choose),
                Life::Stopped | Life::Zombie(_) | Life::Reaped(_) => {}
            }
        }
        // What its own step has caused acts before its next one.
        self.entry_mut(thread).in_flight = is_in_call;
        self.announce(thread);
    }

    /// A step of a process that lives; whether the thread is still within a call in which a signal has found it.
    fn run_living(&mut self, thread: ProcId, process: ProcId, choose: &mut impl Choose) -> bool {
        if let Some(status) = self.entry_mut(process).rare.as_mut().and_then(|rare| rare.ending.take()) {
            self.exit(process, status);
        } else if self.entry(process).is_unmapped() {
            self.play(thread, choose);
        } else if self.tells_of_continue(process) {
            // That was all.
        } else if self.crashes(process, choose) {
            self.die(process, Signal::SEGV);
        } else if std::mem::take(&mut self.entry_mut(thread).mask.starting) {
            // Its mask is open now.
        } else if !self.entry(process).signals.is_actionable(&self.entry(thread).mask) {
            self.play(thread, choose);
        } else if self.is_late(thread, choose) {
            return self.play_late(thread, choose);
        } else if self.passes_by(thread, process, choose) {
            self.play(thread, choose);
        } else {
            self.act_on_signal(thread, process, choose);
        }
        false
    }

    fn run_dying(&mut self, process: ProcId, signal: Signal, choose: &mut impl Choose) {
        if let Some(status) = self.entry_mut(process).rare.as_mut().and_then(|rare| rare.ending.take()) {
            // What had begun to end keeps its status, whatever was sent to it meanwhile.
            return match status {
                ExitStatus::Signalled { signal, .. } => self.die(process, signal),
                ExitStatus::Exited(_) | ExitStatus::Unknown => self.exit(process, status),
            };
        }
        for thread in self.each_thread(process) {
            if self.is_late(thread, choose) {
                self.play(thread, choose);
            }
        }
        if let Life::Dying(_) = self.entry(process).life {
            match self.survives(process, signal, choose).or_else(|| self.ends_slowly(process, choose)) {
                Some(until) => self.linger(process, ExitStatus::Signalled { signal, core: false }, until),
                None if self.closes_first(process, ExitStatus::Signalled { signal, core: false }, choose) => {}
                None => self.die(process, signal),
            }
        }
    }

    fn entry(&self, id: ProcId) -> &Process {
        &self.procs[id.index()]
    }

    fn entry_mut(&mut self, id: ProcId) -> &mut Process {
        &mut self.procs[id.index()]
    }

    /// Creates init and the host, each in a session of its own; an init that is above has no number here.
    fn boot(&mut self) {
        self.config.subreaper |= self.config.host_is_init;
        for (id, parent) in [(INIT, INIT), (HOST, INIT)] {
            let is_above = id == INIT && self.config.host_is_init;
            begin_record(&mut self.procs, id, if id == INIT { &self.names.init } else { &self.names.host });
            self.born = id.index() + 1;
            let process = self.entry_mut(id);
            (process.parent, process.unit) = (parent, None);
            if is_above {
                // As getppid(2) names a parent that is outside.
                (process.pid, process.pgid, process.sid) = (0, 0, 0);
                continue;
            }
            let pid = self.pids.allocate().expect("an empty pid space has room for init and the host");
            self.entry_mut(id).pid = pid;
            self.pids.at(pid).task = Some(id);
            self.join_group(id, pid);
            self.join_session(id, pid);
        }
    }
}
