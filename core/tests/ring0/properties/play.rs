//! A whole session played one event at a time: its machines, a world for each of its workers, and the laws that hold whatever happens.

use crate::laws::Laws;
use crate::properties::plans::families;
use crate::world::{Move, World};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use shakedown_core::actor::Actor;
use shakedown_core::ids::{ActorId, WorkerId};
use shakedown_core::machine::{Command, Event, Machine};
use shakedown_core::session::{Session, for_worker};
use shakedown_core::signal::Signal;
use shakedown_core::solo::{Asked, Solo};
use shakedown_core::supervisor::Supervisor;
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::{Body, Fact, Requester, SessionSpec, StopOrder, StopPolicy, Subject};
use shakedown_core::worker::Worker;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub const SESSION: ActorId = ActorId(0);

/// One thing that happens. What is picked is picked from what is possible then, so that steps may be left out when a failure shrinks.
#[derive(Clone, Debug)]
pub enum Step {
    /// The session is told something.
    Session(Told),
    /// One of its workers, or of its supervisors, is.
    Worker(Index, Told),
    /// A unit's world answers, or something happens in it.
    World(Index),
    /// Time passes to the next deadline, of which the machine is told so much later.
    Time(Duration),
    /// Something that a world has said before is said again.
    Again(Index),
}

/// What people ask for.
#[derive(Clone, Debug)]
pub enum Told {
    Start,
    StartWithin(Duration),
    Stop(Option<Duration>),
    StopWith(StopPolicy),
    Kill(Option<Duration>),
    Restart,
    Signal,
    Input,
}

impl Told {
    fn command(&self, now: Instant) -> Command {
        let by = Requester::User;
        let within = |within: &Option<Duration>| within.map_or(Instant::NEVER, |within| now.after(within));
        match self {
            Told::Start => Command::Start,
            Told::StartWithin(within) => Command::StartBy(now.after(*within)),
            Told::Stop(time) => Command::Stop { by, deadline: within(time) },
            Told::StopWith(policy) => {
                Command::StopWith { policy: Arc::new(policy.clone()), by, deadline: Instant::NEVER }
            }
            Told::Kill(time) => Command::Kill { by, deadline: within(time) },
            Told::Restart => Command::Restart(by),
            Told::Signal => Command::Signal(Signal::TERM),
            Told::Input => Command::CloseInput,
        }
    }
}

/// What a session may be told.
pub fn told_session(durations: impl Strategy<Value = Duration> + Clone) -> impl Strategy<Value = Told> {
    prop_oneof![
        2 => Just(Told::Start),
        2 => proptest::option::of(durations.clone()).prop_map(Told::Stop),
        1 => proptest::option::of(durations).prop_map(Told::Kill),
    ]
}

/// What a worker may be told.
pub fn told_worker(
    durations: impl Strategy<Value = Duration> + Clone,
    policies: impl Strategy<Value = StopPolicy>,
) -> impl Strategy<Value = Told> {
    prop_oneof![
        3 => Just(Told::Start),
        1 => durations.clone().prop_map(Told::StartWithin),
        2 => proptest::option::of(durations.clone()).prop_map(Told::Stop),
        1 => policies.prop_map(Told::StopWith),
        1 => proptest::option::of(durations).prop_map(Told::Kill),
        3 => Just(Told::Restart),
        1 => select(vec![Told::Signal, Told::Input]),
    ]
}

/// A session that is being played.
pub struct Play {
    pub plan: Arc<SessionSpec>,
    pub solo: Solo<Actor>,
    worlds: Vec<World>,
    laws: Laws,
    said: Vec<(ActorId, Event)>,
    history: History,
}

/// What the laws of this file look back at.
#[derive(Default)]
struct History {
    open: BTreeSet<WorkerId>,
    /// In its incarnation, how far each worker is on its way from start to end.
    ranks: BTreeMap<WorkerId, (u32, u8)>,
    /// When the incarnations ended that were followed by another, where only policies have a say.
    followed: BTreeMap<WorkerId, Vec<Instant>>,
    ended_at: BTreeMap<WorkerId, Instant>,
    /// Somebody has asked for one worker alone: the order and the restarts are not the session's any more.
    is_overruled: bool,
    is_forced: bool,
    /// The session's own promise.
    deadline: Option<Instant>,
    is_late: bool,
    is_over: bool,
}

pub fn actor(worker: WorkerId) -> ActorId {
    ActorId(worker.0 + 1)
}

impl Play {
    pub fn new(plan: SessionSpec) -> Play {
        let plan = Arc::new(plan);
        let ids: Vec<WorkerId> = (0..plan.workers.len() as u32).map(WorkerId).collect();
        let actors: Vec<ActorId> = ids.iter().map(|id| actor(*id)).collect();
        let parent = |id: WorkerId| {
            let has = |at: &WorkerId| matches!(&plan.workers[at.index()].body, Body::Supervisor(spec) if spec.children.contains(&id));
            ids.iter().find(|at| has(at)).map_or(SESSION, |at| actor(*at))
        };
        let mut machines = vec![Actor::Session(Session::new(plan.clone(), &actors))];
        for id in &ids {
            machines.push(match &plan.workers[id.index()].body {
                Body::Supervisor(spec) => {
                    let children: Vec<ActorId> = spec.children.iter().map(|child| actor(*child)).collect();
                    Actor::Supervisor(Box::new(Supervisor::of_plan(*id, parent(*id), &plan, &children)))
                }
                Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) => {
                    Actor::Worker(Worker::of_plan(*id, parent(*id), &plan).heralding())
                }
            });
        }
        let worlds = ids.iter().map(|_| World::default()).collect();
        let (laws, said, history) = (Laws::default(), Vec::new(), History::default());
        Play { plan, solo: Solo::new(machines), worlds, laws, said, history }
    }

    /// Lets it happen, as far as it can.
    ///
    /// # Errors
    /// The law that is broken.
    pub fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Session(told) => {
                self.history.is_forced |= matches!(told, Told::Kill(_)) || self.history.deadline.is_some();
                self.send(SESSION, Event::Command(told.command(self.solo.now())))
            }
            Step::Worker(which, told) => {
                self.history.is_overruled |= !matches!(told, Told::Signal | Told::Input);
                let worker = WorkerId(which.index(self.plan.workers.len()) as u32);
                self.send(SESSION, for_worker(worker, told.command(self.solo.now())))
            }
            Step::World(which) => {
                let moves = self.moves();
                if moves.is_empty() { Ok(()) } else { self.make(moves[which.index(moves.len())]) }
            }
            Step::Time(late) => self.pass(*late).map(|_| ()),
            Step::Again(which) => {
                if self.said.is_empty() {
                    return Ok(());
                }
                let (to, event) = self.said[which.index(self.said.len())].clone();
                self.say_again(to, event)
            }
        }
    }

    fn moves(&self) -> Vec<(WorkerId, Move)> {
        let of =
            |(at, world): (usize, &World)| world.moves().into_iter().map(move |chosen| (WorkerId(at as u32), chosen));
        self.worlds.iter().enumerate().flat_map(of).collect()
    }

    fn make(&mut self, (worker, chosen): (WorkerId, Move)) -> Result<(), String> {
        let event = self.worlds[worker.index()].make(chosen);
        // A read has any number of chunks, and one end of each stream.
        if !matches!(event, Event::Output { .. }) {
            self.said.push((actor(worker), event.clone()));
        }
        self.send(actor(worker), event)
    }

    /// Time passes to the next deadline: whether there is one. Slow acts are answered first: no deadline waits for them.
    ///
    /// # Errors
    /// The law that is broken.
    pub fn pass(&mut self, late: Duration) -> Result<bool, String> {
        let is_survey = |(_, chosen): &(WorkerId, Move)| *chosen == Move::Surveyed(false);
        while let Some(survey) = self.moves().into_iter().find(is_survey) {
            self.make(survey)?;
        }
        let Some((at, who)) = self.solo.next_deadline().filter(|(at, _)| *at < CENTURIES) else { return Ok(false) };
        let told_at = at.max(self.solo.now()).after(late);
        self.history.is_late |= told_at > at;
        self.solo.advance(told_at);
        self.history.is_forced |= who == SESSION || matches!(self.solo.machine(who), Actor::Supervisor(_));
        self.send(who, Event::Tick)?;
        let (now, deadline) = (self.solo.now(), self.solo.machine(who).deadline().unwrap_or(Instant::NEVER));
        if deadline <= now && deadline <= at && deadline != Instant::NEVER {
            return Err(format!(
                "after a tick at {now} for {at} its deadline is {deadline}: {:?}",
                self.solo.machine(who)
            ));
        }
        Ok(true)
    }

    /// What was answered before is no answer: nothing changes, and it is reported.
    fn say_again(&mut self, to: ActorId, event: Event) -> Result<(), String> {
        let before = format!("{:?}", self.solo.machine(to));
        let told = format!("{event:?}");
        let asked = self.solo.send(to, event);
        let after = format!("{:?}", self.solo.machine(to));
        if before != after {
            return Err(format!("{told} came twice and changed {before} to {after}"));
        }
        let is_report = |(_, asked): &(ActorId, Asked)| matches!(asked, Asked::Unexpected { .. });
        let other = asked.iter().find(|asked| !is_report(asked));
        other.map_or(Ok(()), |(_, asked)| Err(format!("{told} came twice and was answered by {asked:?}")))
    }

    fn send(&mut self, to: ActorId, event: Event) -> Result<(), String> {
        let told = event.clone();
        for (by, asked) in self.solo.send(to, event) {
            if let Some(world) = by.0.checked_sub(1).and_then(|at| self.worlds.get_mut(at as usize)) {
                world.note(&asked);
            }
            self.note(&asked).map_err(|broken| format!("{broken}: {told:?}"))?;
        }
        self.solo.invariant().map_err(|broken| format!("{}: after {told:?}", broken.0))?;
        self.ways()
    }

    fn note(&mut self, asked: &Asked) -> Result<(), String> {
        let now = self.solo.now();
        match self.laws.note(now, asked) {
            // A promise about time is kept by whoever is told the time.
            Err(broken) if self.history.is_late && broken.ends_with("later than promised") => {}
            Err(broken) => return Err(broken),
            Ok(()) => {}
        }
        match asked {
            Asked::Start { .. } | Asked::Run { .. } if self.history.is_over => Err(format!("{asked:?} after the end")),
            Asked::Fact { subject: Subject::Session, fact, .. } => self.history.session(now, fact),
            Asked::Fact { subject: Subject::Worker(id), fact, .. } => {
                self.in_order(*id, fact)?;
                self.within_budget(*id, now, fact)
            }
            Asked::Start { .. } | Asked::Submit { .. } | Asked::Run { .. } | Asked::Cancel { .. } => Ok(()),
            Asked::Withdraw { .. } | Asked::Told { .. } | Asked::Unexpected { .. } => Ok(()),
        }
    }

    /// The order of the stop is a reverse linear extension of the dependencies, and keeps the edges of the stop alone.
    fn in_order(&mut self, id: WorkerId, fact: &Fact) -> Result<(), String> {
        match fact {
            Fact::Spawn => {
                self.history.open.insert(id);
            }
            Fact::Ended(_) => {
                self.history.open.remove(&id);
            }
            Fact::StopRequested { by: Requester::Parent, .. }
                if !self.history.is_overruled && !self.history.is_forced =>
            {
                let before = self.stops_before(id);
                if let Some(open) = before.iter().find(|other| self.history.open.contains(other)) {
                    return Err(format!("worker {} is stopped while worker {} lives", id.0, open.0));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Who has to be over before this one is asked to end.
    fn stops_before(&self, id: WorkerId) -> Vec<WorkerId> {
        let depends = |other: &WorkerId| self.plan.workers[other.index()].after.iter().any(|on| on.on == id);
        let mut before: Vec<WorkerId> = self.plan.workers[id.index()].stop_after.clone();
        if self.plan.order == StopOrder::ReverseDependency {
            before.extend((0..self.plan.workers.len() as u32).map(WorkerId).filter(depends));
        }
        before
    }

    /// Where nobody interferes, no window has more restarts than the budget allows.
    fn within_budget(&mut self, id: WorkerId, now: Instant, fact: &Fact) -> Result<(), String> {
        match fact {
            Fact::Ended(_) => {
                self.history.ended_at.insert(id, now);
            }
            Fact::Backoff { .. } | Fact::Restarted => {
                let Some(at) = self.history.ended_at.remove(&id) else { return Ok(()) };
                let is_own = families(&self.plan).last().is_some_and(|top| top.contains(&id));
                if self.history.is_overruled || !is_own {
                    return Ok(());
                }
                let policy = &self.plan.workers[id.index()].restart;
                let all = self.history.followed.entry(id).or_default();
                all.push(at);
                let first = all.len().checked_sub(policy.budget as usize + 1).map(|first| all[first]);
                if first.is_some_and(|first| first.after(policy.window) > at) {
                    return Err(format!("worker {} was restarted once more than its budget allows", id.0));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// No incarnation goes back on its way from start to end.
    fn ways(&mut self) -> Result<(), String> {
        for machine in self.solo.machines() {
            let Actor::Worker(worker) = machine else { continue };
            let (now, rank) = (worker.incarnation(), rank(worker.fine_state()));
            let before = self.history.ranks.insert(worker.id(), (now, rank));
            if before.is_some_and(|(incarnation, before)| incarnation == now && before > rank) {
                return Err(format!("worker {} went back to {}", worker.id().0, worker.fine_state()));
            }
        }
        Ok(())
    }

    /// Whether the session is over.
    pub fn is_over(&self) -> bool {
        self.history.is_over
    }

    /// What each that is not over waits for.
    pub fn waiting(&self) -> String {
        let open = self.solo.machines().iter().filter(|machine| !machine.is_closed());
        open.map(|machine| machine.waits_for()).collect::<Vec<_>>().join("; ")
    }
}

impl History {
    fn session(&mut self, now: Instant, fact: &Fact) -> Result<(), String> {
        match fact {
            Fact::StopRequested { deadline, .. } => self.deadline = Some(*deadline.max(&now)),
            Fact::SessionStopped => {
                self.is_over = true;
                if self.deadline.is_some_and(|deadline| now > deadline) && !self.is_late {
                    return Err(format!("the session stopped at {now}, later than promised"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Nobody waits so long.
const CENTURIES: Instant = Instant::from_nanos(u64::MAX / 2);

fn rank(state: &str) -> u8 {
    let ways = ["Pending", "Starting", "Up", "Abandoning", "Hooking", "Stopping", "Killing", "Draining", "Surveying"];
    match state {
        "Retrying" => 1,
        "Backoff" => 10,
        other => ways.iter().position(|way| *way == other).map_or(9, |at| at as u8),
    }
}
