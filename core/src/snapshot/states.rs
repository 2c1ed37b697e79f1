//! Every way of a worker from one public state to another: the diagram of the machine, as a table.
//!
//! It is not kept by hand: a test drives the machine through all that can happen to it, and holds this table against what it has seen.

use crate::vocab::WorkerState;
use WorkerState::{
    Backoff, Draining, Failed, Finished, Killed, Killing, Pending, Ready, Running, Starting, Stopped, Stopping,
};

/// One arrow of the diagram: what somebody sees who looks before and after one event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// Before the event.
    pub from: WorkerState,
    /// After it.
    pub to: WorkerState,
    /// Which events have this effect, one of them or several, in the order of the alphabet.
    pub on: &'static str,
}

/// The states in the order of a worker's life, as diagrams show them.
pub const STATES: [WorkerState; 12] =
    [Pending, Starting, Running, Ready, Stopping, Killing, Draining, Backoff, Finished, Stopped, Killed, Failed];

const fn row(from: WorkerState, to: WorkerState, on: &'static str) -> Transition {
    Transition { from, to, on }
}

/// All of them, by the state before and the state after.
pub const TRANSITIONS: &[Transition] = &[
    row(Pending, Starting, "start"),
    row(Pending, Stopped, "kill, stop"),
    row(Pending, Failed, "give up"),
    row(Starting, Running, "started"),
    row(Starting, Ready, "started"),
    row(Starting, Stopping, "kill, stop, time is up"),
    row(Starting, Failed, "kill, start failed, stop"),
    row(Running, Ready, "ready, time is up"),
    row(Running, Stopping, "exited, stop, time is up"),
    row(Running, Killing, "kill, stop"),
    row(Running, Draining, "exited"),
    row(Running, Finished, "exited"),
    row(Running, Failed, "exited"),
    row(Ready, Stopping, "exited, stop"),
    row(Ready, Killing, "exited, kill, stop"),
    row(Ready, Draining, "exited"),
    row(Ready, Finished, "exited"),
    row(Ready, Failed, "exited"),
    row(Stopping, Killing, "command over, exited, kill, started, time is up"),
    row(Stopping, Draining, "exited, scope empty, time is up"),
    row(Stopping, Finished, "scope empty"),
    row(Stopping, Stopped, "exited, scope empty"),
    row(Stopping, Failed, "exited, scope empty, start failed, time is up"),
    row(Killing, Draining, "exited, scope empty, time is up"),
    row(Killing, Killed, "exited, scope empty"),
    row(Killing, Failed, "exited, scope empty"),
    row(Draining, Finished, "command over, output closed, surveyed"),
    row(Draining, Stopped, "command over, output closed, surveyed"),
    row(Draining, Killed, "command over, exited, output closed, scope empty, surveyed"),
    row(Draining, Failed, "command over, exited, output closed, scope empty, surveyed"),
    row(Backoff, Starting, "start, time is up"),
    row(Backoff, Stopped, "hold, kill, stop"),
    row(Finished, Starting, "restart, start"),
    row(Finished, Backoff, "restart later"),
    row(Finished, Failed, "give up"),
    row(Stopped, Starting, "restart, start"),
    row(Stopped, Backoff, "restart later"),
    row(Stopped, Failed, "give up"),
    row(Killed, Starting, "restart, start"),
    row(Killed, Backoff, "restart later"),
    row(Killed, Failed, "give up"),
    row(Failed, Starting, "restart, start"),
    row(Failed, Backoff, "restart later"),
];
