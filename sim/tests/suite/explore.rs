//! Exploring: every schedule within bounds is judged, whether it is played or known; the first failure is a smallest one.

use shakedown_core::choose::{Ask, Choose};
use shakedown_core::puppet;
use shakedown_core::site::{Kind, Label, Site, hash_name};
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::{
    Act, Body, Fault, FaultKind, Grace, ProcessSpec, SessionSpec, Stimulus, StopPolicy, WorkerSpec,
};
use shakedown_sim::explore::{Bounds, Budget, Explored, Explorer, Over, Tree, perhaps_crash};
use shakedown_sim::{Ending, Limits, Moment, Simulator, WorldConfig};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Machines, world, history.
type End = (u64, u64, u64);

const BUDGET: Budget = Budget { runs: 200_000 };

/// A session of such workers, stopped after 20 ms.
fn session(scripts: &[&str]) -> Arc<SessionSpec> {
    let mut plan = SessionSpec::new("explored");
    for (n, script) in scripts.iter().enumerate() {
        let script = puppet::parse(script).expect("a script without mistakes");
        let stop = StopPolicy { grace: Grace::After(Duration::from_millis(30)), ..StopPolicy::default() };
        let name = format!("w{n}");
        let body = Body::Process(Arc::new(ProcessSpec::puppet(&name, script)));
        plan.workers.push(WorkerSpec { stop, ..WorkerSpec::new(&name, body) });
    }
    Arc::new(plan)
}

/// What was explored, and the ends that were seen: what the machines and the kernel came to, and all that had happened until then.
fn explore(scripts: &[&str], faults: &[Fault], bounds: Bounds, remembers: bool) -> (Explored<String>, BTreeSet<End>) {
    explore_with_crashes(scripts, faults, bounds, remembers, &[])
}

/// The same, where the supervisor may be killed before any step of these times.
fn explore_with_crashes(
    scripts: &[&str],
    faults: &[Fault],
    bounds: Bounds,
    remembers: bool,
    crashes: &[DurationRange],
) -> (Explored<String>, BTreeSet<End>) {
    let plan = session(scripts);
    let at = DurationRange::fixed(Duration::from_millis(20));
    let stimuli: Arc<[Stimulus]> = [Stimulus { at, when: None, on: None, act: Act::Stop }].into();
    let config = WorldConfig { trail: true, history: true, ..WorldConfig::default() };
    let mut simulator: Simulator<Tree> = Simulator::new(config, Limits::default(), Tree::default());
    simulator.host().world().borrow_mut().set_faults(faults.into());
    let mut ends = BTreeSet::new();
    let explored = Explorer::explore(bounds, BUDGET, remembers, |tree, explorer| {
        let run = simulator.run_while(
            tree,
            Some(plan.clone()),
            |host| {
                host.start_session(&plan, &stimuli);
                host.recovers_at_once(&plan);
            },
            |host| {
                explorer.goes_on(host) && {
                    perhaps_crash(host, crashes);
                    true
                }
            },
        );
        if run.ending == Ending::Cut {
            return Over::Held;
        }
        let host = simulator.host();
        let machines = host.fingerprint().expect("there are no tasks");
        let world = host.world().borrow();
        ends.insert((machines, world.fingerprint(), hash_name(&world.history().iter().map(told).collect::<String>())));
        drop(world);
        match run.violations.first() {
            Some(violation) => Over::Failed(violation.message.clone()),
            None if run.ending != Ending::Done => Over::Failed(format!("{:?}", run.ending)),
            None => Over::Held,
        }
    });
    (explored, ends)
}

/// A line of a history; whose numbers are whose does not matter.
fn told(moment: &Moment) -> String {
    match moment {
        Moment::Fact(fact) => format!("{} {:?} {}\n", fact.at, fact.subject, fact.fact.word()),
        Moment::Process(event) => format!("{} {} {:?}\n", event.at, event.name, event.what),
    }
}

#[test]
fn as_many_schedules_and_the_same_ends_as_without_memory() {
    let delays = |delays| Bounds { delays, ..Bounds::default() };
    let spawn_fails = Fault::new(FaultKind::SpawnFails { errno: shakedown_core::vocab::Errno::EAGAIN }, 0.5).on("w0");
    let with_faults = Bounds { delays: 1, faults: 2, ..Bounds::default() };
    let values = Bounds { values: 2, delays: 1, ..Bounds::default() };
    let mut spared = 0;
    for (scripts, faults, bounds) in [
        (&["on TERM exit 0; print up; hang"][..], &[][..], delays(4)),
        // What leaves no trace, as a mask that is set, brings runs to the same state.
        (
            &["block USR1; on TERM exit 0 after 5ms; hang", "block USR2; unblock USR2; print a; on TERM ignore; hang"],
            &[],
            delays(4),
        ),
        (&["spawn helper { hang }; hang", "exit 3"], &[spawn_fails], with_faults),
        // In the end nothing is left of when each has ended, but an expectation may ask.
        (&["spawn a { sleep 1ms..3ms }; spawn b { sleep 5ms..7ms }; sleep 9ms; wait all; hang", "hang"], &[], values),
    ] {
        let (known, ends) = explore(scripts, faults, bounds, true);
        let (played, all_ends) = explore(scripts, faults, bounds, false);
        assert_eq!(known.failure, None);
        assert!(known.is_complete && played.is_complete, "{scripts:?}: {} runs", played.runs);
        assert_eq!(known.schedules, played.schedules, "{scripts:?}, {} and {} runs", known.runs, played.runs);
        assert_eq!(ends, all_ends, "{scripts:?}");
        assert!(known.runs <= played.runs);
        spared += played.runs - known.runs;
    }
    assert!(spared > 100, "only {spared} runs were spared");
}

/// One crash, and nothing else that is not calm: as many schedules as there are steps before which it may come, and the calm one. Another
/// supervisor takes over at once, and whoever was left is over before it starts anybody.
#[test]
fn the_supervisor_is_killed_before_each_step_of_its_time_once() {
    let (crash, twice) = (Bounds { crashes: 1, ..Bounds::default() }, Bounds { crashes: 2, ..Bounds::default() });
    let until =
        |ms| DurationRange { min: Duration::ZERO, max: Duration::from_millis(ms), grid: Duration::from_millis(1) };
    let scripts = &["spawn helper { on TERM exit 0 after 1ms; hang }; on TERM exit 0; hang"][..];
    let (none, _) = explore_with_crashes(scripts, &[], crash, false, &[]);
    assert_eq!((none.failure, none.schedules), (None, 1), "without a time there is no crash");
    let (early, _) = explore_with_crashes(scripts, &[], crash, false, &[until(5)]);
    assert_eq!((early.failure, early.is_complete), (None, true));
    let steps = early.schedules - 1;
    assert!((5..40).contains(&steps), "{steps} steps until all are asleep");
    assert_eq!(early.runs, 1 + 1 + steps, "each is played, and the calm one once a level");
    let (again, ends) = explore_with_crashes(scripts, &[], twice, true, &[until(5)]);
    let (played, all_ends) = explore_with_crashes(scripts, &[], twice, false, &[until(5)]);
    assert_eq!((again.failure, again.schedules, ends), (None, played.schedules, all_ends));
    assert!(again.schedules > steps * steps / 2, "the second before each step of the next one");
}

/// A fixed scheduler and d delays: of `choices` choices between three, each passed-over alternative is a delay. Counted by hand for so few.
#[test]
fn the_number_of_schedules_is_that_of_combinatorics() {
    // Ways to spend at most d delays on n choices of three, where the last alternative costs two.
    fn ways(choices: u32, delays: u32) -> u64 {
        match choices {
            0 => 1,
            n => (0..=delays.min(2)).map(|spent| ways(n - 1, delays - spent)).sum(),
        }
    }
    let site = |nth| Site { kind: Kind::Poll, label: Label::ROOT, nth };
    for (choices, delays) in [(1, 0), (1, 5), (4, 2), (6, 3)] {
        let bounds = Bounds { delays, ..Bounds::default() };
        let explored: Explored<()> = Explorer::explore(bounds, BUDGET, false, |mut tree, _| {
            (0..choices).for_each(|nth| assert!(tree.pick(&[site(nth), site(nth), site(nth)]) < 3));
            Over::Held
        });
        assert_eq!(explored.schedules, ways(choices, delays), "{choices} choices, {delays} delays");
    }
}

#[test]
fn the_first_failure_is_a_smallest_one_and_what_is_held_calm_is_said() {
    let site = |kind, nth| Site { kind, label: Label::ROOT, nth };
    let bounds = Bounds { faults: 2, values: 2, ..Bounds::default() };
    let explored = Explorer::explore(bounds, BUDGET, false, |mut tree, _| {
        let strikes = (0..4).map(|nth| tree.draw(site(Kind::Fault, nth), Ask::Chance { per_million: 1 })).sum::<u32>();
        let long = (0..4).map(|nth| tree.draw(site(Kind::Span, nth), Ask::Span { steps: 7 })).sum::<u32>();
        let crash = tree.draw(site(Kind::Crash, 0), Ask::Chance { per_million: 1 });
        if (strikes >= 1 && long >= 14) || crash > 0 { Over::Failed((strikes, long)) } else { Over::Held }
    });
    assert_eq!((explored.failure, explored.surprises), (Some((1, 14)), Some(3)));
    assert!(explored.held.get(&Kind::Crash).is_some_and(|asked| *asked > 0));
    assert_eq!(explored.held.get(&Kind::Span), None);
}

#[test]
fn a_budget_that_is_spent_is_no_certificate() {
    let bounds = Bounds { delays: 9, ..Bounds::default() };
    let site = |nth| Site { kind: Kind::Poll, label: Label::ROOT, nth };
    let explored: Explored<()> = Explorer::explore(bounds, Budget { runs: 100 }, false, |mut tree, _| {
        (0..9).for_each(|nth| assert!(tree.pick(&[site(nth), site(nth)]) < 2));
        Over::Held
    });
    assert_eq!((explored.is_complete, explored.runs, explored.failure), (false, 100, None));
}
