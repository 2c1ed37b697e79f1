//! Readiness: the probe of a worker that runs. Without one, started is ready.

use super::{State, Worker};
use crate::ids::OpId;
use crate::machine::{Cx, Event};
use crate::time::Instant;
use crate::vocab::{Channel, Condition, ExitStatus, Fact, HttpGet, Probe, ReadyPolicy, Request};
use core::hash::Hash;

/// How far a unit that runs has come towards being of use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Readiness {
    /// Nobody looks, or no longer.
    Unknown,
    /// It is not ready, and has failed to start where it is not by `by`.
    Awaited { by: Instant, look: Look },
    /// It is ready.
    Ready,
}

/// What is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Look {
    /// Its output.
    Output,
    /// Its own word.
    Word(OpId),
    /// A connection that was tried.
    Connection(OpId),
    /// What was asked for by HTTP.
    Answer(OpId),
    /// A command that runs.
    Command(OpId),
    /// Nothing until this instant.
    Later(Instant),
}

impl Readiness {
    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Readiness::Unknown | Readiness::Ready => None,
            Readiness::Awaited { by, look: Look::Later(at) } => Some(by.min(at)),
            Readiness::Awaited { by, .. } => Some(by),
        }
    }

    pub(crate) const fn awaited(self) -> &'static str {
        match self {
            Readiness::Unknown | Readiness::Ready => "its leader to end, or a stop",
            Readiness::Awaited { look: Look::Output, .. } => "the line that says that it is ready",
            Readiness::Awaited { look: Look::Word(_), .. } => "its word that it is ready",
            Readiness::Awaited { look: Look::Connection(_), .. } => "a connection to be accepted",
            Readiness::Awaited { look: Look::Answer(_), .. } => "its answer by HTTP",
            Readiness::Awaited { look: Look::Command(_), .. } => "the answer of its readiness command",
            Readiness::Awaited { look: Look::Later(_), .. } => "the next look at its readiness",
        }
    }
}

impl Probe {
    /// The channel that the unit is given, to say that it is ready.
    pub(super) const fn channel(&self) -> Option<Channel> {
        match self {
            Probe::Notify => Some(Channel::Socket),
            Probe::NewlineFd(fd) => Some(Channel::Newline(*fd)),
            Probe::Log(_) | Probe::Tcp(_) | Probe::Http(_) | Probe::Exec(_) | Probe::Delay(_) => None,
        }
    }
}

impl Worker {
    /// It runs: begins to look whether it is ready.
    pub(super) fn look(&mut self, by: Instant, cx: &mut Cx<'_>) {
        let Some(policy) = self.spec.ready.clone() else { return self.is_ready(cx) };
        match &policy.probe {
            Probe::Log(_) => self.await_ready(by, Look::Output),
            Probe::Delay(delay) if delay.is_zero() => self.is_ready(cx),
            Probe::Delay(delay) => self.await_ready(by, Look::Later(cx.now.after(*delay))),
            Probe::Notify | Probe::NewlineFd(_) | Probe::Tcp(_) | Probe::Http(_) | Probe::Exec(_) => {
                self.ask(by, &policy, cx);
            }
        }
    }

    /// Asks, or waits to be told.
    fn ask(&mut self, by: Instant, policy: &ReadyPolicy, cx: &mut Cx<'_>) {
        let State::Up(run) = &self.state else { unreachable!("only what runs is asked") };
        let look = match &policy.probe {
            Probe::Notify => Look::Word(cx.submit(run.unit, Request::Notified(Channel::Socket))),
            Probe::NewlineFd(fd) => Look::Word(cx.submit(run.unit, Request::Notified(Channel::Newline(*fd)))),
            Probe::Tcp(address) => Look::Connection(cx.submit(run.unit, Request::Connect(address.clone()))),
            Probe::Http(get) => Look::Answer(cx.submit(run.unit, Request::Get(get.clone()))),
            Probe::Exec(command) => Look::Command(cx.run(command)),
            Probe::Log(_) | Probe::Delay(_) => unreachable!("these are never asked"),
        };
        self.await_ready(by, look);
    }

    fn await_ready(&mut self, by: Instant, look: Look) {
        if let State::Up(run) = &mut self.state {
            run.readiness = Readiness::Awaited { by, look };
        }
    }

    pub(super) fn is_ready(&mut self, cx: &mut Cx<'_>) {
        if let State::Up(run) = &mut self.state {
            run.readiness = Readiness::Ready;
            self.tell(Fact::Ready, cx);
            self.herald(Condition::Ready, cx);
        }
    }

    /// A tick of what runs: it is to be looked at again, or had time enough.
    pub(super) fn look_again(&mut self, cx: &mut Cx<'_>) {
        let (by, look) = match &self.state {
            State::Up(run) => match run.readiness {
                Readiness::Awaited { by, look } => (by, look),
                Readiness::Unknown | Readiness::Ready => return cx.unexpected("Up", &Event::Tick),
            },
            other => unreachable!("{} is not looked at", other.name()),
        };
        if by <= cx.now {
            return self.start_took_too_long(cx);
        }
        let Some(policy) = self.spec.ready.clone() else { unreachable!("it is awaited by a policy") };
        match (&policy.probe, look) {
            (Probe::Delay(_), _) => self.is_ready(cx),
            (_, Look::Later(_)) => self.ask(by, &policy, cx),
            (_, Look::Output | Look::Word(_) | Look::Connection(_) | Look::Answer(_) | Look::Command(_)) => {
                cx.unexpected("Up", &Event::Tick);
            }
        }
    }

    /// A line of its output that is complete.
    pub(super) fn line_is_ready(&self, line: &[u8]) -> bool {
        let Some(Probe::Log(text)) = self.spec.ready.as_ref().map(|policy| &policy.probe) else { return false };
        self.looks_at().is_some() && contains(line, text.as_bytes())
    }

    pub(super) fn notified(&mut self, op: OpId, cx: &mut Cx<'_>) {
        match self.looks_at() {
            Some((_, Look::Word(asked))) if asked == op => self.is_ready(cx),
            Some(_) | None => cx.unexpected(self.state.name(), &Event::Notified { op }),
        }
    }

    pub(super) fn connected(&mut self, op: OpId, accepted: bool, cx: &mut Cx<'_>) {
        match self.looks_at() {
            Some((by, Look::Connection(asked))) if asked == op => self.answered(accepted, by, cx),
            Some(_) | None => cx.unexpected(self.state.name(), &Event::Connected { op, accepted }),
        }
    }

    pub(super) fn http_answered(&mut self, op: OpId, status: Option<u16>, cx: &mut Cx<'_>) {
        match self.looks_at() {
            Some((by, Look::Answer(asked))) if asked == op => {
                self.answered(status.is_some_and(HttpGet::says_ready), by, cx);
            }
            Some(_) | None => cx.unexpected(self.state.name(), &Event::Answered { op, status }),
        }
    }

    /// A command is over: the one that was to tell whether it is ready, or the hook before its stop.
    pub(super) fn ran(&mut self, op: OpId, status: Option<ExitStatus>, cx: &mut Cx<'_>) {
        if let Some((by, Look::Command(asked))) = self.looks_at()
            && asked == op
        {
            return self.answered(status == Some(ExitStatus::Exited(0)), by, cx);
        }
        match self.run_mut() {
            Some(run) if run.probe == Some(op) => run.probe = None,
            Some(run) if run.hook == Some(op) => {
                run.hook = None;
                self.hook_is_over(cx);
            }
            Some(_) | None => return cx.unexpected(self.state.name(), &Event::Ran { op, status }),
        }
        self.finish_if_drained(cx);
    }

    fn answered(&mut self, yes: bool, by: Instant, cx: &mut Cx<'_>) {
        if yes {
            return self.is_ready(cx);
        }
        let every = self.spec.ready.as_ref().map_or(core::time::Duration::ZERO, |policy| policy.every);
        // Not within the same instant, or an answer that comes at once would be asked for without end.
        self.await_ready(by, Look::Later(cx.now.later(every)));
    }

    fn looks_at(&self) -> Option<(Instant, Look)> {
        match &self.state {
            State::Up(run) => match run.readiness {
                Readiness::Awaited { by, look } => Some((by, look)),
                Readiness::Unknown | Readiness::Ready => None,
            },
            State::Pending | State::Starting { .. } | State::Retrying { .. } | State::Abandoning { .. } => None,
            State::Hooking { .. } => None,
            State::Stopping { .. } | State::Killing { .. } | State::Draining { .. } | State::Surveying { .. } => None,
            State::Backoff { .. } | State::Ended(_) => None,
        }
    }

    /// It is to end, or has: nobody looks any longer, and whoever used it is told.
    pub(super) fn look_away(&mut self, cx: &mut Cx<'_>) {
        let has_probe = self.spec.ready.is_some();
        let State::Up(run) = &mut self.state else { unreachable!("only what runs is looked at") };
        match core::mem::replace(&mut run.readiness, Readiness::Unknown) {
            Readiness::Ready if has_probe => self.tell(Fact::Unready, cx),
            Readiness::Awaited { look: Look::Word(op) | Look::Connection(op) | Look::Answer(op), .. } => {
                cx.withdraw(op);
            }
            // It has a process, which must not be left behind.
            Readiness::Awaited { look: Look::Command(op), .. } => {
                run.probe = Some(op);
                cx.cancel(op);
            }
            Readiness::Awaited { look: Look::Output | Look::Later(_), .. } | Readiness::Unknown | Readiness::Ready => {}
        }
    }
}

fn contains(line: &[u8], text: &[u8]) -> bool {
    text.is_empty() || line.windows(text.len()).any(|part| part == text)
}

/// What a worker waits for as a search knows it again: without the numbers of operations.
pub(super) fn digest(readiness: Readiness, now: Instant, into: &mut crate::digest::Digest) {
    core::mem::discriminant(&readiness).hash(into);
    if let Readiness::Awaited { by, look } = readiness {
        core::mem::discriminant(&look).hash(into);
        into.instant(now, by);
        if let Look::Later(at) = look {
            into.instant(now, at);
        }
    }
}
