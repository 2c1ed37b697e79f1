//! What the world tells of a unit that runs: its leader ended, its scope is empty, it wrote.

use super::run::Reading;
use super::{Run, State, StopPlan, Worker};
use crate::ids::OpId;
use crate::machine::{Cx, Event};
use crate::proxy::Traffic;
use crate::time::Instant;
use crate::vocab::{Condition, ExitNotice, Fact, Request, Requester, Stream, Streams, Subject};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::replace;

impl Worker {
    pub(super) fn exited(&mut self, op: OpId, notice: ExitNotice, cx: &mut Cx<'_>) {
        let Some(run) = self.run_mut().filter(|run| run.exit_op == op && run.exit.is_none()) else {
            return cx.unexpected(self.state.name(), &Event::Exited { op, notice });
        };
        run.exit = Some(notice);
        // While the leader lives its scope is not empty: only now there is something to wait for.
        if notice.others == Some(false) {
            run.empty = true;
        } else {
            run.empty_op = Some(cx.submit(run.unit, Request::Empty));
        }
        self.tell(Fact::Exited { status: notice.status }, cx);
        self.herald(Condition::Exited, cx);
        if let State::Up(_) = self.state {
            self.look_away(cx);
        }
        match replace(&mut self.state, State::Pending) {
            State::Up(run) if run.empty => {
                let plan = StopPlan::new(&self.spec.stop, Requester::Policy, cx.now, Instant::NEVER);
                self.drain(run, plan, cx);
            }
            // The leader ended by itself: the same policy stops the rest of its scope.
            State::Up(run) => {
                let plan = StopPlan::from_signal(&self.spec.stop, Requester::Policy, cx.now, Instant::NEVER);
                self.state = State::Up(run);
                self.begin_stop(plan, cx);
            }
            State::Hooking { run, plan, .. } if run.empty => {
                run.cancel_hook(cx);
                self.drain(run, plan, cx);
            }
            // Whom the hook was to prepare has ended; the rest is signalled now.
            State::Hooking { run, plan, until } => {
                run.cancel_hook(cx);
                self.state = State::Hooking { run, plan, until };
                self.hook_is_over(cx);
            }
            State::Stopping { run, plan } if run.empty => self.drain(run, plan, cx),
            State::Killing { run, plan } if run.empty => self.drain(run, plan, cx),
            State::Draining { run, until, plan } => {
                self.state = State::Draining { run, until, plan };
                self.finish_if_drained(cx);
            }
            other @ (State::Stopping { .. } | State::Killing { .. } | State::Surveying { .. }) => self.state = other,
            State::Pending | State::Starting { .. } | State::Retrying { .. } | State::Abandoning { .. } => {
                unreachable!("a state without a run has no leader")
            }
            State::Backoff { .. } | State::Ended(_) => unreachable!("a state without a run has no leader"),
        }
    }

    pub(super) fn empty(&mut self, op: OpId, cx: &mut Cx<'_>) {
        let Some(run) = self.run_mut().filter(|run| run.empty_op == Some(op)) else {
            return cx.unexpected(self.state.name(), &Event::Empty { op });
        };
        run.empty_op = None;
        run.empty = true;
        match replace(&mut self.state, State::Pending) {
            State::Stopping { run, plan } | State::Killing { run, plan } => self.drain(run, plan, cx),
            State::Draining { run, until, plan } => {
                self.state = State::Draining { run, until, plan };
                self.finish_if_drained(cx);
            }
            // The survey tells who is left.
            other => self.state = other,
        }
    }

    pub(super) fn output(&mut self, op: OpId, stream: Stream, chunk: Vec<u8>, cx: &mut Cx<'_>) {
        let at = stream.index();
        let is_read = |run: &&mut Run| run.output_op == op && matches!(run.outputs[at], Reading::Open(_));
        let Some(run) = self.run_mut().filter(is_read) else {
            return cx.unexpected(self.state.name(), &Event::Output { op, stream, chunk });
        };
        run.delivered += chunk.len() as u64;
        let mut lines_read = Vec::new();
        if let Reading::Open(lines) = &mut run.outputs[at] {
            lines.feed(&chunk, |line, complete| lines_read.push((line, complete)));
        }
        for (line, complete) in lines_read {
            self.line_came(stream, line, complete, cx);
        }
    }

    fn line_came(&mut self, stream: Stream, line: Arc<[u8]>, complete: bool, cx: &mut Cx<'_>) {
        let is_ready = self.line_is_ready(&line);
        self.tell(Fact::Output { stream, line, complete }, cx);
        if is_ready {
            self.is_ready(cx);
        }
    }

    /// These outputs have come to their ends; a last line may have had no newline.
    pub(super) fn output_over(&mut self, op: OpId, streams: Streams, cx: &mut Cx<'_>) {
        let is_open = |run: &Run| streams.iter().all(|stream| matches!(run.outputs[stream.index()], Reading::Open(_)));
        if !self.run_mut().is_some_and(|run| run.output_op == op && is_open(run)) {
            return cx.unexpected(self.state.name(), &Event::OutputOver { op, streams });
        }
        for stream in streams.iter() {
            let Some(run) = self.run_mut() else { return };
            let mut rest = None;
            if let Reading::Open(mut lines) = replace(&mut run.outputs[stream.index()], Reading::Closed) {
                lines.finish(|line, complete| rest = Some((line, complete)));
            }
            if let Some((line, complete)) = rest {
                self.line_came(stream, line, complete, cx);
            }
        }
        if self.run_mut().is_some_and(|run| run.outputs_closed()) {
            self.tell(Fact::OutputClosed, cx);
            self.finish_if_drained(cx);
        }
    }

    /// What a proxy tells of its requests. That all was told is the end of its output.
    pub(super) fn traffic(&mut self, op: OpId, traffic: Traffic, cx: &mut Cx<'_>) {
        let is_awaited = |run: &&mut Run| run.output_op == op && matches!(run.outputs[0], Reading::Traffic);
        let Some(run) = self.run_mut().filter(is_awaited) else {
            return cx.unexpected(self.state.name(), &Event::Traffic { op, traffic: traffic.into() });
        };
        if traffic.over {
            run.outputs[0] = Reading::Closed;
        } else {
            run.output_op = cx.submit(run.unit, Request::Traffic);
        }
        for exchange in traffic.told {
            self.tell(Fact::Request(exchange.into()), cx);
        }
        if traffic.over {
            self.tell(Fact::OutputClosed, cx);
            self.finish_if_drained(cx);
        }
    }

    /// Publishes a fact of this incarnation.
    #[inline(always)]
    pub(super) fn tell(&mut self, fact: Fact, cx: &mut Cx<'_>) {
        let unit = match &self.state {
            State::Starting { unit, .. } | State::Retrying { unit, .. } | State::Abandoning { unit, .. } => Some(*unit),
            State::Pending | State::Backoff { .. } | State::Ended(_) => None,
            State::Up(run) | State::Hooking { run, .. } | State::Stopping { run, .. } => Some(run.unit),
            State::Killing { run, .. } | State::Draining { run, .. } | State::Surveying { run, .. } => Some(run.unit),
        };
        cx.fact(Subject::Worker(self.id), self.incarnation, unit, fact);
    }

    pub(super) fn run_mut(&mut self) -> Option<&mut Run> {
        match &mut self.state {
            State::Up(run) | State::Hooking { run, .. } | State::Stopping { run, .. } => Some(run),
            State::Killing { run, .. } | State::Draining { run, .. } | State::Surveying { run, .. } => Some(run),
            State::Pending | State::Starting { .. } | State::Retrying { .. } | State::Abandoning { .. } => None,
            State::Backoff { .. } | State::Ended(_) => None,
        }
    }
}
