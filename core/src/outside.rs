//! The outside world of a scenario: what people and programs do to a session, at instants of their own choosing.
//!
//! It is a machine like any other, so that the same stimuli come in the simulator and for real.

use crate::actions::ActionUse;
use crate::digest::Digest;
use crate::ids::ActorId;
use crate::machine::{Broken, Command, Cx, Event, Machine};
use crate::session::for_worker;
use crate::time::Instant;
use crate::vocab::{Act, Fact, Requester, Stimulus, Subject, Trigger, TriggerSubject};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Plays the stimuli of a scenario.
#[derive(Clone, Debug)]
pub struct Outside {
    /// Nobody between a crash of the supervisor and the next one.
    session: Option<ActorId>,
    stimuli: Arc<[Stimulus]>,
    states: Vec<State>,
    /// Whether any waits for a trigger, so that more need be heard than the session's start and end.
    listens: bool,
    /// Whether the session is over, and nothing can be done to it.
    over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Its trigger has not come.
    Waiting,
    /// Due at this instant.
    Armed(Instant),
    Done,
}

impl Outside {
    /// The outside of this session.
    pub fn new(session: ActorId, stimuli: Arc<[Stimulus]>) -> Outside {
        let states = stimuli.iter().map(|_| State::Waiting).collect();
        let listens = stimuli.iter().any(|stimulus| stimulus.when.is_some());
        Outside { session: Some(session), stimuli, states, listens, over: false }
    }

    fn review(&mut self) {
        let mut waiting = self.stimuli.iter().zip(&self.states).filter(|(_, state)| **state == State::Waiting);
        self.listens = waiting.any(|(stimulus, _)| stimulus.when.is_some());
    }

    /// Another supervisor has taken over: this is its session.
    pub(crate) fn turn_to(&mut self, session: ActorId) {
        self.session = Some(session);
    }

    /// Kills the supervisor, unless none is there: the next recovery counts from now.
    fn crash_host(&mut self, cx: &mut Cx<'_>) {
        if self.session.take().is_none() {
            return;
        }
        cx.crash_host();
        let waits = |(i, state): (usize, &State)| *state == State::Waiting && self.stimuli[i].act == Act::Recover;
        if let Some(i) = self.states.iter().enumerate().position(waits) {
            self.arm_one(i, cx.now, cx);
        }
        self.review();
    }

    /// Where nobody supervises, there is no action.
    fn use_action(&self, action: &Arc<str>, how: ActionUse, cx: &mut Cx<'_>) {
        if self.session.is_some() {
            cx.use_action(action, how);
        }
    }

    fn arm_one(&mut self, i: usize, at: Instant, cx: &mut Cx<'_>) {
        let alike = |other: &&Stimulus| other.nth(0) == self.stimuli[i].nth(0);
        let earlier = self.stimuli[..i].iter().filter(alike).count() as u32;
        let delay = cx.draw_nth(self.stimuli[i].nth(earlier), self.stimuli[i].at, at);
        self.states[i] = State::Armed(at.after(delay));
    }

    /// Arms what waited for something that happened at this instant, however late we hear of what a process did; each trigger counts once,
    /// at its first occurrence.
    fn arm(&mut self, at: Instant, happened: impl Fn(Option<&Trigger>) -> bool, cx: &mut Cx<'_>) {
        for i in 0..self.states.len() {
            let Stimulus { when, act, .. } = &self.stimuli[i];
            // A recovery waits for a crash.
            if self.states[i] == State::Waiting && *act != Act::Recover && happened(when.as_ref()) {
                self.arm_one(i, at, cx);
            }
        }
        self.review();
    }

    fn act(&mut self, stimulus: &Stimulus, cx: &mut Cx<'_>) {
        let deadline = Instant::NEVER;
        let by = Requester::User;
        let command = match &stimulus.act {
            Act::Stop => Command::Stop { by, deadline },
            Act::Kill => Command::Kill { by, deadline },
            Act::Restart => Command::Restart(by),
            Act::Start => Command::Start,
            // The second of several stops is what the session makes of it.
            Act::Interrupt | Act::Hangup => Command::Stop { by, deadline },
            Act::Signal(signal) => Command::Signal(*signal),
            Act::Stdin(bytes) => Command::Input(bytes.clone()),
            Act::CloseStdin => Command::CloseInput,
            Act::Visit(visit) => Command::Visit(*visit),
            Act::CrashHost => return self.crash_host(cx),
            Act::Recover => return cx.recover_host(),
            Act::Use(how, action) => return self.use_action(action, *how, cx),
        };
        let event = match stimulus.on {
            Some(worker) => for_worker(worker, command),
            None => Event::Command(command),
        };
        // Where nobody supervises, nobody is told.
        if let Some(session) = self.session {
            cx.tell(session, event);
        }
    }

    /// Does what was due first. On a machine that is late, two may be due at once; the second is done at the next tick, since between
    /// the two others run.
    fn tick(&mut self, cx: &mut Cx<'_>) {
        let stimuli = self.stimuli.clone();
        if let Some((_, i)) = self.armed().filter(|(at, _)| *at <= cx.now).min() {
            self.states[i] = State::Done;
            self.act(&stimuli[i], cx);
        }
    }

    /// Whether anything has not happened yet.
    fn has_more(&self) -> bool {
        self.states.iter().any(|state| *state != State::Done)
    }

    /// When each armed stimulus is due.
    fn armed(&self) -> impl Iterator<Item = (Instant, usize)> + '_ {
        let at = |(i, state): (usize, &State)| if let State::Armed(at) = *state { Some((at, i)) } else { None };
        self.states.iter().enumerate().filter_map(at)
    }
}

fn is_about(subject: &TriggerSubject, of: Subject) -> bool {
    match (subject, of) {
        (TriggerSubject::Session, Subject::Session) => true,
        (TriggerSubject::Worker(a), Subject::Worker(b)) => *a == b,
        (TriggerSubject::Session | TriggerSubject::Worker(_) | TriggerSubject::Process(_), _) => false,
    }
}

impl Machine for Outside {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        match event {
            Event::Tick => self.tick(cx),
            Event::Heard { subject: Subject::Session, word: "stopped" } => self.over = true,
            // `at` counts from the session's start.
            Event::Heard { subject: Subject::Session, word: "started" } => {
                self.arm(
                    cx.now,
                    |when| when.is_none_or(|w| w.subject == TriggerSubject::Session && *w.event == *"started"),
                    cx,
                );
            }
            Event::Heard { subject, word } => {
                self.arm(cx.now, |when| when.is_some_and(|w| *w.event == *word && is_about(&w.subject, subject)), cx);
            }
            Event::Observed(seen) => self.arm(
                seen.at,
                |when| {
                    when.is_some_and(|w| {
                        *w.event == *seen.what.word()
                            && matches!(&w.subject, TriggerSubject::Process(name) if **name == *seen.name)
                    })
                },
                cx,
            ),
            Event::Command(_) | Event::Spawned { .. } | Event::SignalFailed { .. } | Event::Exited { .. } => {
                cx.unexpected("the outside", &event);
            }
            Event::Empty { .. } | Event::Output { .. } | Event::Written { .. } | Event::Surveyed { .. } => {
                cx.unexpected("the outside", &event);
            }
            Event::Ended { .. } | Event::News { .. } | Event::Notified { .. } | Event::Connected { .. } => {
                cx.unexpected("the outside", &event);
            }
            Event::Ran { .. } | Event::Answered { .. } | Event::Traffic { .. } | Event::OutputOver { .. } => {
                cx.unexpected("the outside", &event);
            }
        }
    }

    #[inline]
    fn deadline(&self) -> Option<Instant> {
        if self.over {
            return None;
        }
        self.armed().map(|(at, _)| at).min()
    }

    fn ticks_one_by_one(&self) -> bool {
        true
    }

    fn invariant(&self) -> Result<(), Broken> {
        Ok(())
    }

    fn is_closed(&self) -> bool {
        // What has not happened by then never will.
        self.over || !self.has_more()
    }

    fn listens(&self) -> bool {
        true
    }

    /// The session's beginning and end, and what a stimulus waits for that has not come yet.
    #[inline(always)]
    fn wants(&self, subject: Subject, fact: &Fact) -> bool {
        if subject == Subject::Session && matches!(fact, Fact::Started { .. }) {
            return true;
        }
        // The end of the session is the end of what has not happened by then, if there is any.
        if subject == Subject::Session && matches!(fact, Fact::SessionStopped) {
            return self.has_more();
        }
        if !self.listens {
            return false;
        }
        let awaits = |trigger: &Trigger| *trigger.event == *fact.word() && is_about(&trigger.subject, subject);
        let mut waiting = self.stimuli.iter().zip(&self.states).filter(|(_, state)| **state == State::Waiting);
        waiting.any(|(stimulus, _)| stimulus.when.as_ref().is_some_and(awaits))
    }

    fn waits_for(&self) -> String {
        "the moment of its next stimulus".into()
    }

    fn digest(&self, now: Instant, into: &mut Digest) -> bool {
        into.number(u64::from(self.over)).number(u64::from(self.session.is_none()));
        for (i, state) in self.states.iter().enumerate() {
            match *state {
                State::Waiting => into.number(0),
                // Of several that are overdue the distances are alike, and the order in which they act is not.
                State::Armed(at) => {
                    let before = self.armed().filter(|other| *other < (at, i)).count();
                    into.number(1).number(before as u64).instant(now, at)
                }
                State::Done => into.number(2),
            };
        }
        true
    }
}
