//! The end of an incarnation: the drain, the survey of who is left, and the one terminal record.

use super::outcome::Ending;
use super::run::Reading;
use super::{Run, State, StopPlan, Worker};
use crate::ids::OpId;
use crate::machine::{Cx, Event};
use crate::vocab::{
    ExitNotice, ExitStatus, Fact, Outcome, OutputTally, Request, Requester, StopPolicy, Stream, Subject, Survey,
    Survivor,
};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::replace;

impl Worker {
    /// Nobody is left to wait for, or nobody will be waited for any longer.
    pub(super) fn drain(&mut self, run: Box<Run>, plan: StopPlan, cx: &mut Cx<'_>) {
        let gone = run.exit.is_some() && run.empty;
        let drain = self.spec.stop.drain;
        // A command beside it, that is being killed, has as long as a killed scope.
        let drain = if run.has_commands() { drain.max(StopPolicy::EMPTY_WITHIN) } else { drain };
        let until = if gone { plan.deadline.min(cx.now.after(drain)) } else { plan.deadline };
        if until <= cx.now && !run.is_over() {
            return self.survey(run, cx);
        }
        self.state = State::Draining { run, until, plan };
        self.finish_if_drained(cx);
    }

    #[inline(always)]
    pub(super) fn finish_if_drained(&mut self, cx: &mut Cx<'_>) {
        match replace(&mut self.state, State::Pending) {
            State::Draining { mut run, .. } if run.is_over() => self.finish(&mut run, Vec::new(), Vec::new(), cx),
            other => self.state = other,
        }
    }

    pub(super) fn survey(&mut self, run: Box<Run>, cx: &mut Cx<'_>) {
        let op = cx.submit(run.unit, Request::Survey);
        self.state = State::Surveying { run, op };
    }

    pub(super) fn surveyed(&mut self, op: OpId, survey: Box<Survey>, cx: &mut Cx<'_>) {
        match replace(&mut self.state, State::Pending) {
            State::Surveying { mut run, op: asked } if asked == op => {
                let Survey { members, holders, exit } = *survey;
                // The notice of its end was lost, or is late: the kernel's word counts however we come by it.
                if let (None, Some(status)) = (run.exit, exit) {
                    cx.withdraw(run.exit_op);
                    run.exit = Some(ExitNotice { status, others: None, writers: None });
                    cx.fact(Subject::Worker(self.id), self.incarnation, Some(run.unit), Fact::Exited { status });
                }
                self.finish(&mut run, members, holders, cx);
            }
            other => {
                self.state = other;
                cx.unexpected(self.state.name(), &Event::Surveyed { op, survey });
            }
        }
    }

    /// The one terminal record of this incarnation.
    fn finish(&mut self, run: &mut Run, survivors: Vec<Survivor>, holders: Vec<Survivor>, cx: &mut Cx<'_>) {
        let abandoned = !run.outputs_closed();
        if abandoned {
            cx.withdraw(run.output_op);
            let (subject, unit) = (Subject::Worker(self.id), Some(run.unit));
            for (stream, output) in Stream::BOTH.into_iter().zip(&mut run.outputs) {
                if let Reading::Open(lines) = output {
                    lines.finish(|line, complete| {
                        cx.fact(subject, self.incarnation, unit, Fact::Output { stream, line, complete });
                    });
                }
            }
            cx.fact(subject, self.incarnation, unit, Fact::DrainAbandoned);
        }
        let rest = run.empty_op.into_iter().chain(run.exit.is_none().then_some(run.exit_op));
        for op in rest.chain(run.probe).chain(run.hook) {
            cx.withdraw(op);
        }
        cx.submit(run.unit, Request::Release);
        let status = run.exit.map(|notice| notice.status);
        let success = |status| matches!(status, ExitStatus::Exited(code) if self.spec.restart.success.contains(&code));
        let ending = Ending {
            status,
            is_success: status.is_some_and(success),
            killed_leader: run.killed_leader,
            killed_any: run.killed_any(),
            started_too_slowly: run.late && run.asked == Some(Requester::Deadline),
            stop_requested: run.asked.is_some(),
            sent: run.sent,
        };
        let outcome = Outcome {
            state: ending.state(),
            status: ending.status.unwrap_or(ExitStatus::Unknown),
            reason: ending.reason(),
            requested_by: run.asked,
            survivors,
            holders,
            output: OutputTally { delivered: run.delivered, abandoned },
            incarnation: self.incarnation,
            spawned_at: run.spawned_at,
            ended_at: cx.now,
            start_error: None,
            unmet: None,
            circuit_breaker: false,
        };
        self.conclude(outcome, Some(run.unit), cx);
    }
}
