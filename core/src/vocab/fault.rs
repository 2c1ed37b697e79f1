//! Faults: what goes wrong in a simulated world, as plain data. Each opportunity is a choice, and 0 is "nothing happens".

use crate::time::{Duration, DurationRange};
use crate::vocab::Errno;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Something that may go wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// For whom: workers (`server`, all of its processes) and processes (`server/helper`). Nobody named means everybody.
    pub on: Vec<Arc<str>>,
    /// How likely it is at each opportunity, in a million.
    pub per_million: u32,
}

/// What may go wrong, and what counts as an opportunity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// A fork fails, for the supervisor or for a process that spawns a child of this name.
    SpawnFails {
        /// With this (fork(2)): EAGAIN, ENOMEM.
        errno: Errno,
    },
    /// The supervisor's fork succeeds and its exec fails.
    ExecFails {
        /// With this (execve(2)): ENOENT, EACCES, ETXTBSY, E2BIG.
        errno: Errno,
    },
    /// A process that ends takes its time: it has acted on its last signal or call, and still holds its descriptors.
    SlowExit {
        /// How long.
        by: DurationRange,
    },
    /// A process that is to die of KILL is in uninterruptible sleep (`D` of proc(5)).
    Unkillable {
        /// How long; for ever where nothing is said.
        by: Option<DurationRange>,
    },
    /// The supervisor learns late of something that has become true: an exit, an empty scope, readable output.
    LateNotify {
        /// How late.
        by: DurationRange,
    },
    /// A wait for output comes back although nothing is there (select(2), BUGS).
    SpuriousWake,
    /// The notice of a leader's end is lost. Who asks again is told.
    EventLost,
    /// CLOCK_REALTIME jumps whenever time passes, forwards or backwards; no other clock does (clock_settime(2)).
    ClockJump {
        /// How far.
        by: DurationRange,
    },
    /// The machine sleeps whenever time passes: CLOCK_BOOTTIME goes on and CLOCK_MONOTONIC does not (clock_gettime(2)).
    Suspend {
        /// How long.
        by: DurationRange,
    },
    /// The supervisor has no descriptor left: for the pipes of a start (EMFILE, pipe(2)), or, where nobody is named, to look for
    /// leftovers of an earlier supervisor (open(2)).
    FdLimit,
    /// A fork gets the number that became free last, instead of the next one in the circle.
    PidReuse,
    /// A process dies of SEGV instead of taking its next step.
    Crash,
    /// Nothing more fits on the disk: a write, a new file, a new folder (ENOSPC, write(2)). A part of a write may have fitted.
    DiskFull,
    /// In a crash of the machine a piece of data that was not synced is kept in part.
    TornWrite,
    /// A client's connection to a proxy is reset instead of taking its next step (tcp(7), ECONNRESET).
    ConnectionReset,
    /// What is written to a file, or synced, takes its time.
    SinkSlow {
        /// How long.
        by: DurationRange,
    },
    /// What is written to a file, or synced, fails.
    SinkFails {
        /// With this (write(2), fsync(2)): EIO, ENOSPC, EROFS.
        errno: Errno,
    },
}

impl Fault {
    /// A fault that strikes everybody, `chance` being from 0 (never) to 1 (always, except in a calm run).
    ///
    /// ```
    /// use shakedown_core::vocab::{Errno, Fault, FaultKind};
    /// let fault = Fault::new(FaultKind::SpawnFails { errno: Errno::EAGAIN }, 0.05).on("server");
    /// assert_eq!(fault.per_million, 50_000);
    /// ```
    pub fn new(kind: FaultKind, chance: f64) -> Fault {
        let per_million = (chance.clamp(0.0, 1.0) * 1_000_000.0 + 0.5) as u32;
        Fault { kind, on: Vec::new(), per_million }
    }

    /// The same for this worker, or this process, and those named before.
    #[must_use]
    pub fn on(mut self, who: &str) -> Fault {
        self.on.push(who.into());
        self
    }

    /// Whether it can strike a process of this full name (`server/helper`), or all of a worker (`server`).
    pub fn concerns(&self, who: &str) -> bool {
        let worker = who.split_once('/').map_or(who, |(worker, _)| worker);
        self.on.is_empty() || self.on.iter().any(|on| **on == *who || **on == *worker)
    }
}

impl FaultKind {
    /// All of them as scenario files name them, each with what holds where the file says no more.
    pub const ALL: [(&'static str, FaultKind); 17] = [
        ("spawn-fails", FaultKind::SpawnFails { errno: Errno::EAGAIN }),
        ("exec-fails", FaultKind::ExecFails { errno: Errno::ENOENT }),
        ("slow-exit", FaultKind::SlowExit { by: millis(100, 1000) }),
        ("unkillable", FaultKind::Unkillable { by: None }),
        ("late-notify", FaultKind::LateNotify { by: millis(1, 100) }),
        ("spurious-wake", FaultKind::SpuriousWake),
        ("event-lost", FaultKind::EventLost),
        ("clock-jump", FaultKind::ClockJump { by: seconds(1, 3600) }),
        ("suspend", FaultKind::Suspend { by: seconds(1, 3600) }),
        ("fd-limit", FaultKind::FdLimit),
        ("pid-reuse", FaultKind::PidReuse),
        ("crash", FaultKind::Crash),
        ("disk-full", FaultKind::DiskFull),
        ("torn-write", FaultKind::TornWrite),
        ("connection-reset", FaultKind::ConnectionReset),
        ("sink-slow", FaultKind::SinkSlow { by: millis(10, 10_000) }),
        ("sink-fails", FaultKind::SinkFails { errno: Errno::EIO }),
    ];

    /// Its name in a scenario file.
    pub fn name(self) -> &'static str {
        let same = |kind: &FaultKind| core::mem::discriminant(kind) == core::mem::discriminant(&self);
        Self::ALL.iter().find(|(_, kind)| same(kind)).map_or("a fault", |(name, _)| name)
    }
}

const fn millis(min: u64, max: u64) -> DurationRange {
    let grid = Duration::from_millis(1);
    DurationRange { min: Duration::from_millis(min), max: Duration::from_millis(max), grid }
}

const fn seconds(min: u64, max: u64) -> DurationRange {
    DurationRange { min: Duration::from_secs(min), max: Duration::from_secs(max), grid: Duration::from_secs(1) }
}
