//! One incarnation while it runs: what was asked of its unit, what came back, and what was sent.

use super::lines::Lines;
use super::outcome::bit;
use super::ready::Readiness;
use crate::ids::{OpId, Pid, UnitId};
use crate::machine::Cx;
use crate::signal::Signal;
use crate::time::Instant;
use crate::vocab::{Body, ExitNotice, Request, Requester, Streams, Target};

/// What is known of a unit that was started.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) unit: UnitId,
    /// Its leader's pid, where it has one: for people, it decides nothing.
    pub(crate) pid: Option<Pid>,
    pub(crate) spawned_at: Instant,
    pub(crate) exit_op: OpId,
    pub(crate) empty_op: Option<OpId>,
    /// The leader's end, once delivered.
    pub(crate) exit: Option<ExitNotice>,
    /// Whether the scope was seen to be empty.
    pub(crate) empty: bool,
    pub(crate) outputs: [Reading; 2],
    /// The read of its outputs that have not come to their ends, or a proxy's wait for what it tells.
    pub(crate) output_op: OpId,
    pub(crate) delivered: u64,
    /// How far it has come towards being of use.
    pub(crate) readiness: Readiness,
    /// Commands beside it that are not over: one that looked whether it is ready, and its pre-stop hook.
    pub(crate) probe: Option<OpId>,
    pub(crate) hook: Option<OpId>,
    /// Who asked for its end before its leader's end was delivered.
    pub(crate) asked: Option<Requester>,
    /// Whether its end was asked for because it did not become ready in time.
    pub(crate) late: bool,
    /// Signals that we sent, as bits.
    pub(crate) sent: u64,
    /// Whether KILL was sent before the leader's end was delivered.
    pub(crate) killed_leader: bool,
}

/// One output of a unit.
#[derive(Clone, Debug)]
pub(crate) enum Reading {
    /// It is read.
    Open(Lines),
    /// A proxy has none: what it tells of its requests is awaited.
    Traffic,
    /// Read to its end.
    Closed,
}

impl Run {
    /// Begins to listen to a unit that has just started.
    pub(crate) fn begin(unit: UnitId, pid: Option<Pid>, spawned_at: Instant, body: &Body, cx: &mut Cx<'_>) -> Run {
        let (output_op, outputs) = match body {
            Body::Proxy(_) => (cx.submit(unit, Request::Traffic), [Reading::Traffic, Reading::Closed]),
            Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Supervisor(_) => {
                (cx.read(unit, Streams::BOTH), [const { Reading::Open(Lines::EMPTY) }; 2])
            }
        };
        let exit_op = cx.submit(unit, Request::Exit);
        Run {
            unit,
            pid,
            spawned_at,
            exit_op,
            empty_op: None,
            exit: None,
            empty: false,
            outputs,
            output_op,
            delivered: 0,
            readiness: Readiness::Unknown,
            probe: None,
            hook: None,
            asked: None,
            late: false,
            sent: 0,
            killed_leader: false,
        }
    }

    /// Sends a signal, and remembers it.
    #[inline(always)]
    pub(crate) fn signal(&mut self, to: Target, signal: Signal, cx: &mut Cx<'_>) {
        cx.submit(self.unit, Request::Signal { to, signal });
        self.sent |= bit(signal);
        if signal == Signal::KILL && self.exit.is_none() {
            self.killed_leader = true;
        }
    }

    /// Notes who asks for its end. The first counts; but that its start took too long is no request, and one that is to come back with
    /// its siblings may be wanted down for good by somebody else.
    pub(crate) fn ask(&mut self, by: Option<Requester>) {
        if self.exit.is_none() && matches!(self.asked, None | Some(Requester::Deadline | Requester::Supervisor)) {
            self.asked = by.or(self.asked);
        }
    }

    /// Nobody waits for the hook's work any longer; what is left of the hook is.
    pub(crate) fn cancel_hook(&self, cx: &mut Cx<'_>) {
        if let Some(hook) = self.hook {
            cx.cancel(hook);
        }
    }

    /// Whether all that it was is over: its leader, its scope, its output and the commands beside it.
    pub(crate) fn is_over(&self) -> bool {
        self.exit.is_some() && self.empty && self.outputs_closed() && !self.has_commands()
    }

    pub(crate) fn has_commands(&self) -> bool {
        self.probe.is_some() || self.hook.is_some()
    }

    pub(crate) fn killed_any(&self) -> bool {
        self.sent & bit(Signal::KILL) != 0
    }

    pub(crate) fn outputs_closed(&self) -> bool {
        self.outputs.iter().all(|output| matches!(output, Reading::Closed))
    }

    pub(crate) fn awaited(&self) -> &'static str {
        match (self.exit, self.empty) {
            (None, _) => "its leader to end",
            (Some(_), false) => "the rest of its scope to end",
            (Some(_), true) => "the commands beside it to end",
        }
    }
}
