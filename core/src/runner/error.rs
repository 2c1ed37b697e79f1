//! Why a verb was refused. Nothing has happened then.

use crate::ids::WorkerId;
use crate::signal::Signal;
use core::fmt;

/// A verb of the [`Runner`](super::Runner) was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// There is no such worker: it never was, or was removed.
    Unknown(WorkerId),
    /// The session is being stopped, or is over.
    Stopping,
    /// Nobody is there to be signalled or written to.
    NotRunning(WorkerId),
    /// It runs, or is to run again: what is asked for can only be done to what is over.
    Running(WorkerId),
    /// KILL and STOP are no messages: nobody can answer them. `kill` and `stop` are verbs of their own.
    NoMessage(Signal),
    /// No signal has this number.
    NoSignal(i32),
    /// Its unit reads no environment.
    NoEnvironment(WorkerId),
    /// It belongs to the session's plan, which stays as it was made.
    Planned(WorkerId),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Unknown(id) => write!(f, "there is no worker {}", id.0),
            Refused::Stopping => f.write_str("the session is stopping, or over"),
            Refused::NotRunning(id) => write!(f, "worker {} does not run", id.0),
            Refused::Running(id) => write!(f, "worker {} is not over: stop it first", id.0),
            Refused::NoMessage(Signal::KILL) => f.write_str("KILL is not sent as a signal: use `kill`"),
            Refused::NoMessage(signal) => write!(f, "{signal} is not sent as a signal: use `stop`"),
            Refused::NoSignal(number) => write!(f, "{number} is no signal: they go from 1 to 64, and 0 only asks"),
            Refused::NoEnvironment(id) => write!(f, "the unit of worker {} reads no environment", id.0),
            Refused::Planned(id) => {
                write!(f, "worker {} belongs to the plan of its session and cannot be removed", id.0)
            }
        }
    }
}

impl core::error::Error for Refused {}
