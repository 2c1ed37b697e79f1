//! The stop of children: those who depend on others first, independent ones in parallel, all within one deadline.

use super::{Child, Children, Mode, Route, Stage, Wanted};
use crate::ids::WorkerId;
use crate::machine::{Command, Cx, Event};
use crate::time::{Duration, Instant};
use crate::vocab::{Requester, StopPolicy};

impl Children {
    /// Asks all to end, each as soon as its turn has come.
    pub(crate) fn stop_all(&mut self, by: Requester, deadline: Instant, cx: &mut Cx<'_>) {
        self.mode = Mode::Ending { by, deadline, force_at: deadline.before(self.tail()) };
        self.regroup = None;
        let asked_of = |child: &&Child| matches!(child.stage, Stage::Waiting { .. } | Stage::Up);
        self.unasked = self.list.iter().filter(asked_of).count() as u32;
        // Who is on its way down already, because somebody wanted it so, has no more time than all.
        if deadline != Instant::NEVER {
            self.tell_stopping(Command::Stop { by, deadline }, cx);
        }
        for at in 0..self.list.len() {
            self.stop_in_turn(at, by, deadline, cx);
        }
        self.hold_the_rest(by, cx);
    }

    fn tell_stopping(&self, command: Command, cx: &mut Cx<'_>) {
        for child in self.list.iter().filter(|child| child.stage == Stage::Stopping) {
            cx.tell(child.actor, Event::Command(command.clone()));
        }
    }

    /// Nobody is started any more, for the first time or again; who runs goes on.
    pub(crate) fn hold(&mut self, by: Requester, cx: &mut Cx<'_>) {
        if self.mode != Mode::Up {
            return;
        }
        self.mode = Mode::Holding;
        self.regroup = None;
        for at in 0..self.list.len() {
            if let Stage::Waiting { again: Some(_) } = self.list[at].stage {
                self.never_returns(at, cx);
            }
        }
        self.hold_the_rest(by, cx);
    }

    /// Those whose turn has not come do not bring anybody back meanwhile.
    fn hold_the_rest(&self, by: Requester, cx: &mut Cx<'_>) {
        for child in self.list.iter().filter(|child| child.stage == Stage::Up) {
            cx.tell(child.actor, Event::Command(Command::Hold { by }));
        }
    }

    /// Makes all end, now and whatever the order. A stop that is under way may have had less time.
    pub(crate) fn kill_all(&mut self, by: Requester, deadline: Instant, cx: &mut Cx<'_>) {
        let deadline = self.end().map_or(deadline, |end| deadline.min(end));
        self.mode = Mode::Forcing { deadline };
        self.regroup = None;
        self.unasked = 0;
        for at in 0..self.list.len() {
            match self.list[at].stage {
                Stage::Over => {}
                Stage::Waiting { again: Some(_) } => self.never_returns(at, cx),
                Stage::Waiting { again: None } | Stage::Up | Stage::Stopping => {
                    self.list[at].stage = Stage::Stopping;
                    cx.tell(self.list[at].actor, Event::Command(Command::Kill { by, deadline }));
                }
            }
        }
    }

    /// The same stop, to be over earlier.
    pub(crate) fn hasten(&mut self, by: Requester, caller: Instant, cx: &mut Cx<'_>) {
        let command = match self.mode {
            Mode::Ending { by, deadline, .. } if caller < deadline => {
                self.mode = Mode::Ending { by, deadline: caller, force_at: caller.before(self.tail()) };
                Command::Stop { by, deadline: caller }
            }
            Mode::Forcing { deadline } if caller < deadline => {
                self.mode = Mode::Forcing { deadline: caller };
                Command::Kill { by, deadline: caller }
            }
            Mode::Up | Mode::Holding | Mode::Ending { .. } | Mode::Forcing { .. } => return,
        };
        self.tell_stopping(command, cx);
    }

    /// When force must begin for everything to be over in time: as long as some wait for their turn, nobody else sees to it.
    pub(crate) fn force_at(&self) -> Option<Instant> {
        match self.mode {
            Mode::Ending { force_at, .. } if self.unasked > 0 => Some(force_at),
            Mode::Ending { .. } | Mode::Forcing { .. } | Mode::Up | Mode::Holding => None,
        }
    }

    /// What a child needs at most from KILL to its terminal fact.
    fn tail(&self) -> Duration {
        let drain = self.list.iter().map(|child| self.spec(child.worker).stop.drain).max();
        StopPolicy::EMPTY_WITHIN.saturating_add(drain.unwrap_or(Duration::ZERO))
    }

    fn stop_in_turn(&mut self, at: usize, by: Requester, deadline: Instant, cx: &mut Cx<'_>) {
        match self.list[at].stage {
            Stage::Over | Stage::Stopping => return,
            Stage::Waiting { .. } | Stage::Up => {}
        }
        let is_over = |other: &u32| self.list[*other as usize].stage == Stage::Over;
        if !self.order.as_ref().is_none_or(|order| order.stops_after(at).iter().all(is_over)) {
            return;
        }
        self.unasked -= 1;
        if let Stage::Waiting { again: Some(_) } = self.list[at].stage {
            return self.never_returns(at, cx);
        }
        self.list[at].stage = Stage::Stopping;
        cx.tell(self.list[at].actor, Event::Command(Command::Stop { by, deadline }));
    }

    /// One that is over already, and was to come back, does not.
    pub(super) fn never_returns(&mut self, at: usize, cx: &mut Cx<'_>) {
        self.list[at].stage = Stage::Over;
        self.open -= 1;
        match self.mode {
            Mode::Up | Mode::Holding => self.release_dependents(at, cx),
            Mode::Ending { .. } | Mode::Forcing { .. } => self.stop_next(at, cx),
        }
    }

    /// One is over: those who waited for it are asked to end.
    pub(super) fn stop_next(&mut self, over: usize, cx: &mut Cx<'_>) {
        let Mode::Ending { by, deadline, .. } = self.mode else { return };
        let Some(order) = self.order.take() else { return };
        let next: alloc::vec::Vec<u32> = order.stops_before(over).into();
        self.order = Some(order);
        for at in next {
            self.stop_in_turn(at as usize, by, deadline, cx);
        }
    }

    /// A command for one worker.
    pub(crate) fn command(&mut self, worker: WorkerId, command: Command, cx: &mut Cx<'_>) {
        match self.route(worker) {
            Some(Route::Child(at)) => self.child_command(at, command, cx),
            Some(Route::Below(supervisor)) => cx.tell(supervisor, crate::session::for_worker(worker, command)),
            // The plan was checked, and knows no such worker.
            None => {}
        }
    }

    fn child_command(&mut self, at: usize, command: Command, cx: &mut Cx<'_>) {
        match command {
            Command::Start | Command::StartBy(_) => self.start_one(at, command, cx),
            Command::Restart(by) => self.restart_one(at, by, cx),
            Command::Stop { .. } | Command::StopWith { .. } | Command::Kill { .. } => self.stop_one(at, command, cx),
            Command::Signal(_) | Command::Input(_) | Command::CloseInput | Command::Visit(_) => {
                cx.tell(self.list[at].actor, Event::Command(command));
            }
            Command::Again { .. } | Command::GiveUp { .. } | Command::Hold { .. } | Command::Worker(..) => {
                cx.unexpected("children", &Event::Command(command));
            }
            Command::Adopt { .. } | Command::Forget(_) => {
                cx.unexpected("children", &Event::Command(command));
            }
        }
    }

    /// By when all are to be over, once they are asked or made to end.
    fn end(&self) -> Option<Instant> {
        match self.mode {
            Mode::Up | Mode::Holding => None,
            Mode::Ending { deadline, .. } | Mode::Forcing { deadline } => Some(deadline),
        }
    }

    /// Whoever is asked to end by somebody else has no more time than all, where all are asked.
    fn in_time(&self, command: Command) -> Command {
        let Some(end) = self.end() else { return command };
        match command {
            Command::Stop { by, deadline } => Command::Stop { by, deadline: deadline.min(end) },
            Command::Kill { by, deadline } => Command::Kill { by, deadline: deadline.min(end) },
            Command::StopWith { policy, by, deadline } => Command::StopWith { policy, by, deadline: deadline.min(end) },
            Command::Start | Command::StartBy(_) | Command::Restart(_) | Command::Again { .. } => command,
            Command::GiveUp { .. } | Command::Hold { .. } | Command::Signal(_) | Command::Input(_) => command,
            Command::CloseInput | Command::Visit(_) | Command::Adopt { .. } | Command::Forget(_) => command,
            Command::Worker(..) => command,
        }
    }

    /// Somebody wants this one stopped: it is not brought back, not even by a restart that is on its way.
    fn stop_one(&mut self, at: usize, command: Command, cx: &mut Cx<'_>) {
        let Child { actor, stage, .. } = self.list[at];
        let command = self.in_time(command);
        self.list[at].wanted = Wanted::Down;
        match stage {
            Stage::Over => {}
            Stage::Waiting { again: Some(_) } => {
                if self.mode.is_ending() {
                    self.unasked -= 1;
                }
                self.leave_regroup(at);
                self.never_returns(at, cx);
                self.finish_regroup(cx);
            }
            Stage::Waiting { again: None } | Stage::Up | Stage::Stopping => {
                if self.mode.is_ending() && stage != Stage::Stopping {
                    self.unasked -= 1;
                }
                self.list[at].stage = Stage::Stopping;
                cx.tell(actor, Event::Command(command));
            }
        }
    }
}
