//! One entry of the process table: everything that fork(2) copies or clears, and where its program stands. A further thread is an
//! entry, too: of its own it has a program, a wait and a mask, and the rest stands with its process.
//! Records outlive their process and even the simulation, so that thousands of runs share their allocations.

use super::cgroup::CgroupId;
use super::dstate::Hold;
use super::file::FileId;
use super::list::{Chain, Links, List};
use super::pipe::PipeId;
use super::rare::Rare;
use super::rlimit::LimitsId;
use super::sigset::{Mask, SignalSet, Signals};
use super::tty::TtyId;
use shakedown_core::ids::{ProcId, UnitId};
use shakedown_core::puppet::Block;
use shakedown_core::signal::Signal;
use shakedown_core::site::Label;
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::ExitStatus;
use std::sync::Arc;

/// One process, or one further thread of a process. Its fields lie in this order, five cache lines of them: of ten thousand processes none
/// is in the cache when its turn comes, and each line costs another wait for the memory.
#[repr(C, align(64))]
pub(super) struct Process {
    // What every step looks at.
    pub(super) life: Life,
    /// Whether this thread has ended. The process lives on until its last thread has.
    pub(super) over: bool,
    /// What keeps it from taking steps, if anything does.
    pub(super) hold: Hold,
    /// Whether its next step has been announced.
    pub(super) announced: bool,
    /// A signal was generated while it ran: it may reach its next system call before it acts on it.
    pub(super) in_flight: bool,
    /// Itself; of a further thread, the process that it belongs to.
    pub(super) process: ProcId,
    pub(super) steps: u32,
    pub(super) wait: Wait,
    pub(super) label: Label,
    pub(super) signals: Signals,
    // What signals and the program look at.
    pub(super) mask: Mask,
    pub(super) frames: Vec<Frame>,
    /// What most processes never have.
    pub(super) rare: Option<Box<Rare>>,
    /// The unit it descends from by birth; none for init and the host.
    pub(super) unit: Option<UnitId>,
    // What its birth and its end look at.
    pub(super) parent: ProcId,
    pub(super) pid: i32,
    pub(super) pgid: i32,
    pub(super) sid: i32,
    pub(super) links: [Links; 5],
    /// The thread that forked it, which PDEATHSIG hangs on; another one of the parent's once that has ended.
    pub(super) forked_by: ProcId,
    /// How many durations it has drawn.
    pub(super) spans: u32,
    /// Standard input, output and error.
    pub(super) fds: [Option<PipeId>; 3],
    /// Living children.
    pub(super) children: List,
    /// Children that are dead and not yet reaped.
    pub(super) zombies: List,
    pub(super) inherited: Inherited,
    /// The ticket of its armed timer; 0 for none.
    pub(super) timer: u64,
    /// Its timer measures processor time.
    pub(super) busy: bool,
    // What it is called.
    /// Worker-scoped: `server/helper`.
    pub(super) name: Arc<str>,
    /// The hash of the part after the slash, by which its parent calls it.
    pub(super) called: u64,
    /// When it was forked, on BOOTTIME.
    pub(super) started: Instant,
    /// How many children of each name it has had.
    pub(super) births: Vec<(u64, u32)>,
}

/// What fork copies as it is and no exec changes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(super) struct Inherited {
    /// Its controlling terminal.
    pub(super) tty: Option<TtyId>,
    pub(super) cgroup: CgroupId,
    pub(super) limits: LimitsId,
}

/// What a process is, as far as wait(2) and kill(2) care.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Life {
    /// It runs, or waits for something.
    Alive,
    /// A stop signal has acted: only KILL and CONT reach it.
    Stopped,
    /// A fatal signal has been generated; its next step is its last. Linux drops later signals, so the first one names the status.
    Dying(Signal),
    /// Dead and not yet reaped.
    Zombie(ExitStatus),
    /// Gone from the table; kept for reports.
    Reaped(ExitStatus),
}

impl Life {
    /// Neither dead nor a zombie.
    pub(super) fn is_living(self) -> bool {
        match self {
            Life::Alive | Life::Stopped | Life::Dying(_) => true,
            Life::Zombie(_) | Life::Reaped(_) => false,
        }
    }

    /// How it ended, once it has.
    pub(super) fn status(self) -> Option<ExitStatus> {
        match self {
            Life::Alive | Life::Stopped | Life::Dying(_) => None,
            Life::Zombie(status) | Life::Reaped(status) => Some(status),
        }
    }
}

/// What the current verb waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wait {
    /// Nothing: the next step goes on with the program.
    Nothing,
    /// Its timer.
    Timer,
    /// A signal.
    Ever,
    /// Data, room, or the end of the other side.
    Pipe(PipeId),
    /// The end of a child.
    Child,
    /// A lock that another descriptor holds.
    Lock(FileId),
}

/// A block being played.
pub(super) struct Frame {
    pub(super) block: Block,
    pub(super) at: usize,
    pub(super) role: Role,
    /// How far the verb at `at` has come.
    pub(super) progress: Progress,
}

/// Why a block is played, and so what happens at its end.
#[derive(Clone, Copy)]
pub(super) enum Role {
    /// The program: its end is `exit 0`.
    Program,
    /// A loop body with so many rounds to go, this one included.
    Repeat { left: u32 },
    /// A signal handler: at its end the mask is what it was before, and the interrupted verb goes on (sigreturn(2)).
    Handler { blocked: SignalSet },
}

/// How far a verb that takes more than one step has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Not begun.
    Fresh,
    /// Asleep, or busy, until then.
    Until(Instant),
    /// Busy, and interrupted with so much left.
    Left(Duration),
    /// Waiting for a signal.
    Hanging,
    /// So many bytes were written.
    Wrote(u64),
    /// Waiting for this child.
    Awaiting(ProcId),
    /// Waiting for the lock of this description.
    Locking(FileId),
}

impl Process {
    /// A record that nobody has used yet.
    pub(super) fn blank(nameless: Arc<str>) -> Process {
        Process {
            process: ProcId(0),
            pid: 0,
            pgid: 0,
            sid: 0,
            parent: ProcId(0),
            forked_by: ProcId(0),
            unit: None,
            name: nameless,
            called: 0,
            label: Label::ROOT,
            life: Life::Alive,
            wait: Wait::Nothing,
            over: false,
            hold: Hold::default(),
            announced: false,
            busy: false,
            in_flight: false,
            started: Instant::ZERO,
            steps: 0,
            spans: 0,
            timer: 0,
            links: [Links::default(); 5],
            children: List::default(),
            zombies: List::default(),
            fds: [None; 3],
            signals: Signals::default(),
            mask: Mask::default(),
            frames: Vec::new(),
            births: Vec::new(),
            inherited: Inherited::default(),
            rare: None,
        }
    }

    /// Makes a used record new again; identity and what fork copies are set by the caller.
    pub(super) fn renew(&mut self) {
        self.life = Life::Alive;
        self.wait = Wait::Nothing;
        self.over = false;
        self.hold = Hold::default();
        self.announced = false;
        self.busy = false;
        self.in_flight = false;
        self.steps = 0;
        self.spans = 0;
        self.timer = 0;
        self.children = List::default();
        self.zombies = List::default();
        self.fds = [None; 3];
        self.signals.clear();
        self.mask = Mask::default();
        self.frames.clear();
        self.births.clear();
        self.inherited = Inherited::default();
        self.rare = None;
    }

    /// Whether this is a further thread, and no process.
    pub(super) fn is_thread(&self, id: ProcId) -> bool {
        self.process != id
    }

    /// Whether it has given its memory back, on the way to its end: no signal acts any more, and nothing of its program can crash.
    pub(super) fn is_unmapped(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.unmapped)
    }

    /// Whether its parent is still to be told that it was continued.
    pub(super) fn is_to_tell_of_continue(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.continued)
    }

    /// What it rarely has, made where it is missing.
    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The next process in a list that this one is in.
    pub(super) fn next(&self, chain: Chain) -> Option<ProcId> {
        self.links[chain as usize].next()
    }

    /// Counts one more child of this name; how many there were before.
    pub(super) fn count_birth(&mut self, called: u64) -> u32 {
        match self.births.iter_mut().find(|(name, _)| *name == called) {
            Some((_, count)) => {
                *count += 1;
                *count - 1
            }
            None => {
                self.births.push((called, 1));
                0
            }
        }
    }
}
