//! The ground truth that a simulated kernel reports: what really happened, whether or not the machines know it.

use crate::ids::{Pid, ProcId, UnitId};
use crate::signal::Signal;
use crate::vocab::ExitStatus;

/// Who sent a signal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Sender {
    /// Our own supervisor, meaning this unit; `None` where it named a bare pid.
    Host(Option<UnitId>),
    /// Another process.
    Process(ProcId),
    /// The kernel (SIGPIPE, SIGHUP of an orphaned group, …).
    Kernel,
}

/// One thing that happened in the kernel. Who is called what, [`Truth`] tells.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Deed {
    /// A process was born.
    Born {
        /// The newcomer.
        child: ProcId,
        /// Its pid.
        pid: Pid,
        /// Who forked it.
        parent: ProcId,
        /// The unit it descends from.
        unit: Option<UnitId>,
    },
    /// A signal was sent to a process; for a group, one deed a member.
    Signalled {
        /// Whom it reached.
        to: ProcId,
        /// Which.
        signal: Signal,
        /// Who sent it.
        by: Sender,
    },
    /// A process acted on a signal: by a handler, or by a default action that is more than nothing.
    Delivered {
        /// Who.
        to: ProcId,
        /// Which.
        signal: Signal,
    },
    /// A process installed a disposition: the moment from which it handles this signal.
    Installed {
        /// Who.
        by: ProcId,
        /// For which.
        signal: Signal,
    },
    /// A process put another program in its own place (execve(2)). The first program of a process that the host starts is part of its birth.
    Execed {
        /// Who.
        who: ProcId,
    },
    /// A process ended, and is a zombie until reaped.
    Died {
        /// Who.
        who: ProcId,
        /// How.
        status: ExitStatus,
    },
    /// A zombie was reaped; its pid is free unless a group or session still uses the number.
    Reaped {
        /// Who.
        who: ProcId,
        /// By whom.
        by: ProcId,
    },
    /// A process lost its parent and got another.
    Adopted {
        /// The orphan.
        who: ProcId,
        /// Its new parent.
        by: ProcId,
    },
    /// Bytes went into a unit's output.
    Wrote {
        /// Who wrote.
        who: ProcId,
        /// How many bytes.
        bytes: u64,
    },
}

/// What is known of one process, for judging and for reports.
#[derive(Clone, PartialEq, Debug)]
pub struct ProcessView<'a> {
    /// Who.
    pub id: ProcId,
    /// Its pid, while it or its zombie has one.
    pub pid: Pid,
    /// Worker-scoped name: `server/main`, `server/helper`.
    pub name: &'a str,
    /// The parent it has now.
    pub parent: ProcId,
    /// The unit it descends from, by birth.
    pub unit: Option<UnitId>,
    /// Neither dead nor a zombie.
    pub alive: bool,
    /// Alive, and past its program: it has given its memory back, and gives its descriptors back next.
    pub ending: bool,
    /// Dead and not yet reaped.
    pub zombie: bool,
    /// How it ended.
    pub status: Option<ExitStatus>,
}

/// What of a proxy's is open.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Sockets {
    /// Connections that it or its clients hold, those included that wait to be accepted.
    pub connections: u32,
    /// Whether its port is taken.
    pub listens: bool,
}

/// The kernel's truth, as oracles may ask it. Questions about a unit cost what the unit costs, not what the kernel does.
pub trait Truth {
    /// The supervisor's own process.
    fn host(&self) -> ProcId;

    /// One process, living or dead.
    fn process(&self, id: ProcId) -> ProcessView<'_>;

    /// How many descendants of the unit are alive, by birth, whatever group, session or parent they have now.
    fn living(&self, unit: UnitId) -> u32;

    /// How many processes are alive, the supervisor and init not counted.
    fn living_in_all(&self) -> u32;

    /// How many zombies are children of the supervisor.
    fn zombies_of_host(&self) -> u32;

    /// Every process ever born, in the order of birth.
    fn every(&self, see: &mut dyn FnMut(ProcessView<'_>));

    /// Bytes written to the unit's outputs, and bytes of them that the host has read.
    fn output(&self, unit: UnitId) -> (u64, u64);

    /// Write ends of the unit's outputs that are still held by living processes.
    fn writers(&self, unit: UnitId) -> u32;

    /// Pipes of the unit's outputs that the supervisor has open and that hold what nobody has read.
    fn unread_pipes(&self, unit: UnitId) -> u32 {
        let _ = unit;
        0
    }

    /// What of the unit is open in the network; nothing of a unit that is no proxy.
    fn sockets(&self, unit: UnitId) -> Sockets {
        let _ = unit;
        Sockets::default()
    }

    /// The leader of the unit, once born.
    fn leader(&self, unit: UnitId) -> Option<ProcId>;
}
