//! A proxy as its host sees it: one unit, whose requests are answered as those of any other. TERM is its drain, KILL cuts it off, and
//! however it ends, it exits with 0.
//!
//! Both worlds answer for their proxies with this, so that a worker cannot tell a simulated one from a real one.

use super::{Drain, ProxySpec};
use crate::ids::OpId;
use crate::signal::{DefaultAction, Signal};
use crate::time::Instant;
use crate::vocab::{Completion, Errno, ExitNotice, ExitStatus, Request, Survey, Survivor};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Answers for one proxy that was started.
#[derive(Clone, Debug)]
pub struct Desk {
    spec: Arc<ProxySpec>,
    /// Its connections.
    pub drain: Drain,
    /// Who waits for its end: for its exit, and for its scope to be empty.
    ends: Vec<(OpId, End)>,
    traffic: Option<OpId>,
    answers: VecDeque<(OpId, Completion)>,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Exit,
    Empty,
}

impl Desk {
    /// For a proxy that has begun to listen.
    pub fn new(spec: Arc<ProxySpec>) -> Desk {
        let drain = Drain::new(spec.limits);
        Desk { spec, drain, ends: Vec::new(), traffic: None, answers: VecDeque::new() }
    }

    /// What it was made of.
    pub fn spec(&self) -> &Arc<ProxySpec> {
        &self.spec
    }

    /// Takes a request about the unit. Starting it, connecting to somebody and visiting it is the world's to do.
    pub fn ask(&mut self, op: OpId, request: &Request, now: Instant) {
        match request {
            Request::Signal { signal: Signal::KILL, .. } => self.drain.kill(now),
            Request::Signal { signal, .. } => match signal.default_action() {
                DefaultAction::Terminate | DefaultAction::Core => {
                    self.drain.begin_after(now, self.spec.lag, self.spec.drain);
                }
                // It is no process that could be stopped or continued.
                DefaultAction::Stop | DefaultAction::Continue | DefaultAction::Ignore => {
                    self.answer(op, Completion::SignalFailed(Errno::EINVAL));
                }
            },
            Request::Exit => self.ends.push((op, End::Exit)),
            Request::Empty => self.ends.push((op, End::Empty)),
            Request::Traffic => self.traffic = Some(op),
            Request::Survey => {
                let survey = self.survey();
                self.answer(op, Completion::Surveyed(Box::new(survey)));
            }
            // It has no standard streams: they are at their end.
            Request::Readable(streams) => self.answer(op, Completion::Readable(*streams)),
            Request::Writable => self.answer(op, Completion::Writable),
            Request::Write(_) => self.answer(op, Completion::Written(0)),
            Request::CloseInput | Request::CloseOutput(_) => {}
            Request::Reap | Request::Release | Request::Detach => {}
            // It says nothing on these channels: it is ready when it listens, which is when it has started.
            Request::Notified(_) => {}
            Request::Spawn { .. } | Request::Serve(_) | Request::Connect(_) | Request::Get(_) | Request::Visit(_) => {}
        }
        self.review();
    }

    /// Withdraws a wait.
    pub fn withdraw(&mut self, op: OpId) {
        self.ends.retain(|(end, _)| *end != op);
        self.traffic = self.traffic.filter(|traffic| *traffic != op);
    }

    /// Answers what has become true. To be called after whatever moved its connections.
    pub fn review(&mut self) {
        let is_over = self.drain.is_over();
        if (is_over || self.drain.has_traffic())
            && let Some(op) = self.traffic.take()
        {
            let traffic = self.drain.traffic();
            self.answer(op, Completion::Traffic(Box::new(traffic)));
        }
        if is_over {
            for (op, end) in core::mem::take(&mut self.ends) {
                self.answer(
                    op,
                    match end {
                        End::Exit => Completion::Exited(EXIT),
                        End::Empty => Completion::Empty,
                    },
                );
            }
        }
    }

    /// The next answer.
    pub fn next_answer(&mut self) -> Option<(OpId, Completion)> {
        self.answers.pop_front()
    }

    fn answer(&mut self, op: OpId, completion: Completion) {
        self.answers.push_back((op, completion));
    }

    fn survey(&self) -> Survey {
        let is_over = self.drain.is_over();
        let members = if is_over { Vec::new() } else { [Survivor { pid: 0, name: self.spec.name.clone() }].into() };
        Survey { members, holders: Vec::new(), exit: is_over.then_some(EXIT.status) }
    }
}

/// How a proxy exits.
const EXIT: ExitNotice = ExitNotice { status: ExitStatus::Exited(0), others: Some(false), writers: Some(false) };
