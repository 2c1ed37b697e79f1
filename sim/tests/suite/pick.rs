//! Choosers that pick: what they are offered, that 0 is the calm run, and that everything may be late.

use shakedown_core::choose::{Ask, Calm, Choose};
use shakedown_core::puppet;
use shakedown_core::site::{Kind, Site};
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::{Act, Body, Grace, ProcessSpec, SessionSpec, Stimulus, StopPolicy, WorkerSpec};
use shakedown_sim::{Ending, Limits, Moment, Run, Simulator, WorldConfig};
use std::sync::Arc;

/// Picks by a rule, and remembers what it was offered.
#[derive(Clone)]
struct Picks {
    rule: fn(&[Site]) -> usize,
    offered: Vec<Vec<Kind>>,
}

impl Choose for Picks {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }

    fn draw(&mut self, _: Site, _: Ask) -> u32 {
        0
    }

    fn picks(&self) -> bool {
        true
    }

    fn pick(&mut self, enabled: &[Site]) -> usize {
        self.offered.push(enabled.iter().map(|site| site.kind).collect());
        (self.rule)(enabled)
    }
}

/// Two workers with a grace of this length that leave on TERM, stopped after 20 ms: what was told, and the run.
fn play<C: Choose + Clone + 'static>(chooser: C, grace: Duration) -> (Run, Vec<String>, C) {
    let mut plan = SessionSpec::new("picked");
    for name in ["a", "b"] {
        let script = puppet::parse("on TERM exit 0 after 5ms; print up; hang").expect("a script without mistakes");
        let stop = StopPolicy { grace: Grace::After(grace), ..StopPolicy::default() };
        let body = Body::Process(Arc::new(ProcessSpec::puppet(name, script)));
        plan.workers.push(WorkerSpec { stop, ..WorkerSpec::new(name, body) });
    }
    let at = DurationRange::fixed(Duration::from_millis(20));
    let stimuli: Arc<[Stimulus]> = [Stimulus { at, when: None, on: None, act: Act::Stop }].into();
    let plan = Arc::new(plan);
    let config = WorldConfig { history: true, ..WorldConfig::default() };
    let mut simulator = Simulator::new(config, Limits::default(), chooser.clone());
    let run = simulator.run(chooser, Some(plan.clone()), |host| {
        host.start_session(&plan, &stimuli);
    });
    let world = simulator.host().world().borrow();
    let told = world.history().iter().map(|moment| match moment {
        Moment::Fact(fact) => format!("{} {:?} {}", fact.at, fact.subject, fact.fact.word()),
        Moment::Process(event) => format!("{} {} {:?}", event.at, event.name, event.what),
    });
    let told = told.collect();
    (run, told, world.choices().clone())
}

#[test]
fn the_first_of_all_that_is_offered_is_the_calm_run() {
    let (calm, told, _) = play(Calm, Duration::from_secs(1));
    let (picked, told_too, choices) = play(Picks { rule: |_| 0, offered: Vec::new() }, Duration::from_secs(1));
    assert_eq!((calm.ending, told), (picked.ending, told_too));
    assert!(choices.offered.iter().all(|offer| offer.len() > 1), "what is alone is no choice");
    assert!(choices.offered.iter().any(|offer| offer.last() == Some(&Kind::Clock)));
    assert!(choices.offered.iter().all(|offer| !offer[..offer.len() - 1].contains(&Kind::Clock)), "it comes last");
}

/// A suspended machine does the same: its timers are all due at once. Killing after a late tick has its own deadline in the past.
#[test]
fn where_every_deadline_comes_before_anything_else_nobody_panics_and_all_are_killed() {
    // But for the answer to each start: who is stopped before it was never up.
    let rule = |enabled: &[Site]| {
        let first_mail = |site: &Site| site.kind == Kind::Mail && site.nth == 0;
        enabled.iter().position(first_mail).unwrap_or(enabled.len() - 1)
    };
    let clock_first = Picks { rule, offered: Vec::new() };
    let (run, told, _) = play(clock_first, Duration::from_millis(30));
    assert_eq!(run.ending, Ending::Done, "{told:#?}");
    assert_eq!(told.iter().filter(|line| line.ends_with("killed")).count(), 2, "{told:#?}");
}
