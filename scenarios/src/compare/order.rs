//! The order in which a real run went, as a hint to the search: whose turn it is next.
//! It decides nothing. An outcome leaves out the order among processes and machines, because nobody promised it; but a simulated run that
//! keeps to it is more likely to come to the same outcome, and a search that tries it first is done sooner.
//!
//! Instants are places among the real run's moments. A process shows in what it does and in what it causes: its children are born, those
//! that it signals act on that, its output is told. Whichever of these comes next says when it is its turn.

use super::acts::{Place, places};
use super::outcome::{Account, Change, SESSION, signal_of};
use super::outside;
use super::told::{Told, reasons, shown};
use crate::format::Case;
use shakedown_core::puppet::{BETWEEN, Handler, Verb};
use shakedown_core::signal::Signal;
use shakedown_core::site::{Kind, Label, Site};
use shakedown_core::vocab::{Body, Fact, FactRecord, Program, Target};
use shakedown_sim::Moment;
use std::collections::BTreeMap;
use std::sync::Arc;

/// When everything came in the real run.
#[derive(Default)]
pub(super) struct Order {
    /// As it was told.
    told: Told,
    /// The same, but that a signal comes where it shows in the leader. It is told before it is sent, and between the two a busy machine
    /// may do much.
    felt: Told,
    /// What was seen of each process, by name: of those of one name, in the order of their births.
    lives: BTreeMap<Arc<str>, Vec<Course>>,
    /// Who tells of whom.
    tellers: BTreeMap<Label, Arc<str>>,
    /// Who plays the stimuli.
    outside: Label,
    /// What it did, in its order.
    acts: Vec<Place>,
    /// What processes of a name can cause.
    causes: BTreeMap<Arc<str>, Causes>,
}

/// When a process did what it did.
#[derive(Default)]
struct Course {
    birth: u64,
    deeds: Vec<(u64, String)>,
    end: Option<(u64, String)>,
}

/// What a script makes others do.
#[derive(Default)]
struct Causes {
    births: Vec<Arc<str>>,
    signals: Vec<(Arc<str>, Signal)>,
    prints: bool,
}

/// How much has happened in a simulated run.
#[derive(Default)]
pub(super) struct Sofar {
    told: BTreeMap<Arc<str>, usize>,
    output: BTreeMap<Arc<str>, usize>,
    /// Acts of the outside.
    acts: usize,
}

impl Sofar {
    pub(super) fn clear(&mut self) {
        self.told.clear();
        self.output.clear();
        self.acts = 0;
    }

    /// At each of its ticks the outside acts once.
    pub(super) fn step(&mut self, site: Site, order: &Order) {
        self.acts += usize::from(site.kind == Kind::Tick && site.label == order.outside);
    }

    pub(super) fn take(&mut self, change: &Change) {
        if let Change::Fact(subject) | Change::Output(subject, ..) | Change::Closing(subject) = change {
            *self.told.entry(subject.clone()).or_default() += 1;
        }
        if let Change::Output(subject, ..) = change {
            *self.output.entry(subject.clone()).or_default() += 1;
        }
    }
}

/// Nothing is known to come.
const NEVER: u64 = u64::MAX / 8;

impl Order {
    pub(super) fn new(case: &Case, moments: &[Moment]) -> Order {
        let mut order = Order { outside: outside(case), acts: places(case, moments), ..Order::default() };
        let mut account = Account::default();
        let reasons = reasons(moments);
        let shown: Vec<u64> = (0..moments.len()).map(|at| shown(moments, at)).collect();
        for (moment, at) in moments.iter().zip(0..) {
            let change = account.take(case, moment, None);
            match (moment, change) {
                (Moment::Fact(_), change @ (Change::Fact(_) | Change::Output(..) | Change::Closing(_))) => {
                    let why = reasons[at as usize];
                    order.told.note(moment, why, &change, 2 * at);
                    order.felt.note(moment, why, &change, shown[at as usize]);
                }
                (Moment::Process(event), Change::Life(name)) => order.life(&account, &name, event.pid, at),
                (Moment::Fact(_) | Moment::Process(_), _) => {}
            }
        }
        order.are_born_before_they_are_signalled(moments);
        let subjects = case.session.workers.iter().map(|worker| worker.name.clone()).chain([SESSION.into()]);
        order.tellers = subjects.map(|name: Arc<str>| (Label::ROOT.child(&name, 0), name)).collect();
        for worker in &case.session.workers {
            if let Body::Process(spec) = &worker.body
                && let Program::Puppet(script) = &spec.program
            {
                order.walk(&worker.name, &format!("{}/main", worker.name).into(), script);
            }
        }
        order
    }

    fn life(&mut self, account: &Account, name: &Arc<str>, pid: i32, at: u64) {
        let namesakes = || account.lives.iter().filter(|lived| lived.name == *name);
        let Some(nth) = namesakes().position(|lived| lived.pid == pid) else { return };
        let Some(lived) = namesakes().nth(nth) else { return };
        let courses = self.lives.entry(name.clone()).or_default();
        while courses.len() <= nth {
            courses.push(Course { birth: 2 * at, ..Course::default() });
        }
        let (course, life) = (&mut courses[nth], &lived.life);
        course.deeds.truncate(life.deeds.len());
        let new = &life.deeds[course.deeds.len()..];
        course.deeds.extend(new.iter().map(|deed| (2 * at, deed.clone())));
        course.end = life.end.as_ref().map(|end| (2 * at, end.clone()));
    }

    /// Whoever has acted on a signal of the host's was born when that was sent, though nothing was seen of it till then.
    fn are_born_before_they_are_signalled(&mut self, moments: &[Moment]) {
        let sent = |(at, moment): (usize, &Moment)| match moment {
            Moment::Fact(FactRecord { fact: Fact::Signalled { signal, target: Target::Scope, .. }, .. }) => {
                Some((2 * at as u64, *signal))
            }
            Moment::Fact(_) | Moment::Process(_) => None,
        };
        let sent: Vec<(u64, Signal)> = moments.iter().enumerate().filter_map(sent).collect();
        for course in self.lives.values_mut().flatten() {
            let Some((at, what)) = course.deeds.first().or(course.end.as_ref()) else { continue };
            let Some(signal) = signal_of(what) else { continue };
            if let Some((sent, _)) = sent.iter().rfind(|(sent, by)| *by == signal && sent < at) {
                course.birth = course.birth.min(sent.saturating_sub(1));
            }
        }
    }

    fn walk(&mut self, worker: &Arc<str>, name: &Arc<str>, script: &[Verb]) {
        for verb in script {
            let own = |called: &str| -> Arc<str> { format!("{worker}/{called}").into() };
            let causes = self.causes.entry(name.clone()).or_default();
            match verb {
                Verb::Print { .. } | Verb::Write { .. } | Verb::Flood => causes.prints = true,
                Verb::Kill { name: target, signal } => causes.signals.push((own(target), *signal)),
                Verb::Spawn { name: child, body } | Verb::Daemonize { name: child, body } => {
                    if let Verb::Daemonize { .. } = verb {
                        causes.births.push(own(BETWEEN));
                    }
                    let child = own(child);
                    causes.births.push(child.clone());
                    self.walk(worker, &child, body);
                }
                Verb::Repeat { body, .. }
                | Verb::Exec(body)
                | Verb::Thread(body)
                | Verb::On { then: Handler::Run(body), .. } => self.walk(worker, name, body),
                Verb::On { then: Handler::Ignore | Handler::Default, .. } | Verb::Read(_) | Verb::Sleep(_) => {}
                Verb::Busy(_) | Verb::Hang | Verb::Block(_) | Verb::Unblock(_) | Verb::Wait(_) | Verb::WaitAll => {}
                Verb::Setsid | Verb::Setpgid | Verb::Subreaper | Verb::Pdeathsig(_) | Verb::Close(_) => {}
                Verb::LeaderExit | Verb::NotifyReady | Verb::Touch(_) | Verb::Lock(_) | Verb::Listen(_) => {}
                Verb::Exit(_) | Verb::Die(_) | Verb::Freeze => {}
            }
        }
    }

    /// Where nothing is known there is only one guess to make.
    pub(super) fn guesses(&self) -> u32 {
        if self.told.is_empty() { 1 } else { 3 }
    }

    /// When these can be expected to go on, in a simulated run that has come so far; at once where nobody knows. By the first guess the
    /// clock waits for everybody, by the second its turn comes where nobody else leads to the next moment, and so it does by the third,
    /// by which signals come where they show. What came of a deadline comes of it by the last two, before any mail is read; by the second
    /// that goes for what a deadline only led to as well.
    pub(super) fn turns(&self, enabled: &[Site], guess: u32, sofar: &Sofar, account: &Account) -> Vec<u64> {
        let told = if guess < 2 { &self.told } else { &self.felt };
        let each = |site: &Site| match site.kind {
            Kind::Clock if guess == 0 => u64::MAX,
            // Behind those whose turn is at the same time.
            Kind::Clock => 2 * self.next(told, sofar, account, guess) + 1,
            // Behind the clock, which brings what was told next.
            Kind::Mail
                if self.tellers.get(&site.label).is_some_and(|name| told.due(name, &sofar.told, guess).is_some()) =>
            {
                2 * self.turn_of(*site, told, sofar, account) + 2
            }
            // Behind what a machine is told at that time, of which it need not tell.
            Kind::Tick if site.label == self.outside => 2 * self.turn_of(*site, told, sofar, account) + 1,
            Kind::Poll | Kind::Mail | Kind::Tick | Kind::Step | Kind::Lag | Kind::Span | Kind::Pick => {
                2 * self.turn_of(*site, told, sofar, account)
            }
            Kind::Fault | Kind::Random | Kind::Arrival | Kind::Tie | Kind::Crash | Kind::Limit | Kind::Buggify => 0,
        };
        enabled.iter().map(each).collect()
    }

    /// When anything comes next for which time may have to pass.
    fn next(&self, told: &Told, sofar: &Sofar, account: &Account, guess: u32) -> u64 {
        let names = self.lives.keys().map(|name| self.unborn(name, account));
        let lives = account.lives.iter().filter_map(|lived| self.own(lived.who?, account));
        let due = self.tellers.values().filter_map(|name| told.due(name, &sofar.told, guess));
        names.chain(lives).chain(self.act(told, sofar)).chain(due).min().unwrap_or(NEVER)
    }

    /// When the outside acts next.
    fn act(&self, told: &Told, sofar: &Sofar) -> Option<u64> {
        match *self.acts.get(sofar.acts)? {
            Place::Told(nth) => told.asked.get(nth).copied(),
            Place::Before(at) => Some((2 * at as u64).saturating_sub(1)),
        }
    }

    fn turn_of(&self, site: Site, told: &Told, sofar: &Sofar, account: &Account) -> u64 {
        if site.label == self.outside {
            // What it hears only tells it when to act.
            return if site.kind == Kind::Tick { self.act(told, sofar).unwrap_or(0) } else { 0 };
        }
        if let Some(name) = self.tellers.get(&site.label) {
            return told.next_of_its_own(name, &sofar.told).unwrap_or(0);
        }
        let Some(own) = self.own(site.label, account) else { return 0 };
        let Some(lived) = account.lives.iter().find(|lived| lived.who == Some(site.label)) else { return own };
        let Some(causes) = self.causes.get(&lived.name) else { return own };
        let worker = lived.name.split_once('/').map_or("", |(worker, _)| worker);
        let births = causes.births.iter().map(|name| self.unborn(name, account));
        let output = causes.prints.then(|| told.next_output(worker, &sofar.output)).flatten();
        let signals = causes.signals.iter().map(|(name, signal)| self.acts(name, *signal, account));
        births.chain(signals).chain(output).fold(own, u64::min)
    }

    /// When the next process of this name was born.
    fn unborn(&self, name: &str, account: &Account) -> u64 {
        let born = account.lives.iter().filter(|lived| *lived.name == *name).count();
        self.lives.get(name).and_then(|courses| courses.get(born)).map_or(NEVER, |course| course.birth)
    }

    /// When a process of this name acted on this signal, if that is what it does next.
    fn acts(&self, name: &str, signal: Signal, account: &Account) -> u64 {
        let Some(lived) = account.lives.iter().rfind(|lived| *lived.name == *name && lived.life.end.is_none()) else {
            return NEVER;
        };
        let Some(course) = lived.who.and_then(|who| self.course(who, account)) else { return NEVER };
        let (deed, end) = (format!("acted on {signal}"), format!("signalled({signal})"));
        match (course.deeds.get(lived.life.deeds.len()), &course.end) {
            (Some((at, what)), _) if *what == deed => *at,
            (None, Some((at, what))) if *what == end => *at,
            (Some(_) | None, Some(_) | None) => NEVER,
        }
    }

    fn course(&self, who: Label, account: &Account) -> Option<&Course> {
        let lived = account.lives.iter().find(|lived| lived.who == Some(who))?;
        let nth = account.nth_of(&lived.name, who)?;
        self.lives.get(&lived.name)?.get(nth)
    }

    /// When this process shows next.
    fn own(&self, who: Label, account: &Account) -> Option<u64> {
        let lived = account.lives.iter().find(|lived| lived.who == Some(who))?;
        if lived.life.end.is_some() {
            return Some(NEVER);
        }
        let course = self.course(who, account)?;
        let next = course.deeds.get(lived.life.deeds.len()).or(course.end.as_ref());
        Some(next.map_or(NEVER, |(at, _)| *at))
    }
}
