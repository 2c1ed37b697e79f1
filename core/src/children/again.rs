//! Bringing children back: one alone, all, or the rest. What was stopped for the sake of another comes back with it.

use super::{Child, Children, Come, Fate, Mode, Stage, Standing, Wanted};
use crate::digest::Digest;
use crate::machine::{Command, Cx, Event};
use crate::restart::Next;
use crate::time::Instant;
use crate::vocab::{Requester, Strategy};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::Hash;

/// Children that are stopped together, to be started together.
#[derive(Clone, Debug)]
pub(super) struct Regroup {
    /// When they are started, at the earliest.
    at: Instant,
    /// Their places, in the order of the list.
    members: Vec<u32>,
}

impl Regroup {
    pub(super) fn members(&self) -> impl Iterator<Item = usize> + '_ {
        self.members.iter().map(|member| *member as usize)
    }

    pub(super) fn digest(&self, now: Instant, into: &mut Digest) {
        into.instant(now, self.at);
        self.members.hash(into);
    }
}

impl Children {
    /// One comes back by itself.
    pub(super) fn bring_back(&mut self, at: usize, when: Instant, cx: &mut Cx<'_>) {
        self.list[at].stage = Stage::Waiting { again: Some(when) };
        self.release(at, cx);
    }

    pub(super) fn is_regrouping(&self, at: usize) -> bool {
        self.regroup.as_ref().is_some_and(|regroup| regroup.members.contains(&(at as u32)))
    }

    /// One has ended and is to come back at `when`; by the strategy, those who run are stopped first and come back with it.
    pub(super) fn begin_regroup(&mut self, failed: usize, when: Instant, cx: &mut Cx<'_>) {
        self.list[failed].stage = Stage::Waiting { again: Some(when) };
        let from = match self.strategy {
            Strategy::OneForOne | Strategy::OneForAll => 0,
            Strategy::RestForOne => failed,
        };
        let is_member = |at: &usize| *at == failed || (*at >= from && self.list[*at].stage != Stage::Over);
        let mut members: Vec<u32> = (0..self.list.len()).filter(is_member).map(|at| at as u32).collect();
        let mut at = when;
        if let Some(earlier) = self.regroup.take() {
            at = at.max(earlier.at);
            members.extend(earlier.members);
            members.sort_unstable();
            members.dedup();
        }
        self.regroup = Some(Box::new(Regroup { at, members }));
        self.stop_regroup(cx);
        self.finish_regroup(cx);
    }

    /// Stops those members whose turn has come: whoever depends on them goes first, as far as it goes as well.
    fn stop_regroup(&mut self, cx: &mut Cx<'_>) {
        let Some(regroup) = self.regroup.clone() else { return };
        for &member in &regroup.members {
            let at = member as usize;
            let blocks = |other: &u32| {
                regroup.members.contains(other)
                    && matches!(self.list[*other as usize].stage, Stage::Up | Stage::Stopping)
            };
            if self.order.as_ref().is_some_and(|order| order.stops_after(at).iter().any(blocks)) {
                continue;
            }
            match self.list[at].stage {
                Stage::Up => {
                    self.list[at].stage = Stage::Stopping;
                    let (by, deadline) = (Requester::Supervisor, Instant::NEVER);
                    cx.tell(self.list[at].actor, Event::Command(Command::Stop { by, deadline }));
                }
                Stage::Over | Stage::Waiting { .. } | Stage::Stopping => {}
            }
        }
    }

    /// A member of the regroup is over. Where it ended by itself its own policy has a word too: how long all wait, and whether it
    /// comes back at all.
    pub(super) fn regrouped(&mut self, at: usize, next: Next, cx: &mut Cx<'_>) -> Fate {
        let fate = match (self.list[at].wanted, next) {
            (Wanted::Down, _) => Fate::Over,
            (Wanted::Up, Next::Tripped) => Fate::Tripped,
            (Wanted::Up, Next::Over | Next::Again { .. }) | (Wanted::Bounced, _) => Fate::Returns,
        };
        if fate == Fate::Returns {
            if let (Some(regroup), Next::Again { at: when }) = (&mut self.regroup, next) {
                regroup.at = regroup.at.max(when);
            }
            (self.list[at].stage, self.list[at].wanted) = (Stage::Waiting { again: Some(cx.now) }, Wanted::Up);
        } else {
            self.leave_regroup(at);
            self.over(at, cx);
        }
        self.stop_regroup(cx);
        self.finish_regroup(cx);
        fate
    }

    pub(super) fn leave_regroup(&mut self, at: usize) {
        if let Some(regroup) = &mut self.regroup {
            regroup.members.retain(|member| *member as usize != at);
        }
    }

    /// When the last member is over, all are started, in their order.
    pub(super) fn finish_regroup(&mut self, cx: &mut Cx<'_>) {
        let is_down = |member: &u32| matches!(self.list[*member as usize].stage, Stage::Waiting { .. } | Stage::Over);
        if !self.regroup.as_ref().is_some_and(|regroup| regroup.members.iter().all(is_down)) {
            return;
        }
        let Some(Regroup { at, members }) = self.regroup.take().map(|regroup| *regroup) else { return };
        for &member in &members {
            let child = &mut self.list[member as usize];
            if let Stage::Waiting { again } = &mut child.stage {
                // How far they had come, their end for the sake of the others included, is no news for those who start with them.
                child.come = Come::default();
                *again = again.map(|_| at);
            }
        }
        for member in members {
            self.release(member as usize, cx);
        }
    }

    /// Somebody wants this one started: it is, where it is over.
    pub(super) fn start_one(&mut self, at: usize, command: Command, cx: &mut Cx<'_>) {
        if self.mode != Mode::Up {
            return;
        }
        self.list[at].wanted = match self.list[at].stage {
            // It is on its way down, because somebody said so before; the later word counts.
            Stage::Stopping if self.list[at].wanted == Wanted::Down => Wanted::Bounced,
            Stage::Over | Stage::Waiting { .. } | Stage::Up | Stage::Stopping => Wanted::Up,
        };
        if self.list[at].stage == Stage::Over {
            self.open += 1;
            self.list[at].come = Come::default();
            self.list[at].stage = Stage::Waiting { again: self.list[at].lived.then_some(cx.now) };
            // The caller's deadline is for a start that can begin now.
            if matches!(command, Command::StartBy(_)) && self.standing(self.list[at].worker) == Standing::Met {
                self.list[at].stage = Stage::Up;
                cx.tell(self.list[at].actor, Event::Command(command));
            } else {
                self.release(at, cx);
            }
        }
    }

    /// Somebody wants this one restarted: stopped, and started again; one such wish at a time.
    pub(super) fn restart_one(&mut self, at: usize, by: Requester, cx: &mut Cx<'_>) {
        if self.mode != Mode::Up {
            return;
        }
        let Child { actor, stage, wanted, .. } = self.list[at];
        match (stage, wanted) {
            (Stage::Over, _) => self.start_one(at, Command::Start, cx),
            // It comes anyhow.
            (Stage::Waiting { .. }, _) => self.list[at].wanted = Wanted::Up,
            (Stage::Up, _) => {
                (self.list[at].stage, self.list[at].wanted) = (Stage::Stopping, Wanted::Bounced);
                cx.tell(actor, Event::Command(Command::Stop { by, deadline: Instant::NEVER }));
            }
            (Stage::Stopping, Wanted::Up) if self.is_regrouping(at) => {}
            (Stage::Stopping, _) => self.list[at].wanted = Wanted::Bounced,
        }
    }
}
