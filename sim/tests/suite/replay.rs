//! What was recorded plays again; and a run is over when nobody is open any more, also where a closed machine has opened late.

use shakedown_core::choose::{Calm, Choose};
use shakedown_core::ids::ActorId;
use shakedown_core::machine::{Broken, Command, Cx, Event, Machine};
use shakedown_core::puppet;
use shakedown_core::signal::Signal;
use shakedown_core::site::Kind;
use shakedown_core::task::TaskCx;
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::ProcessSpec;
use shakedown_sim::choose::{Answer, Chooser, Pilot, Record, Strategy, Trace};
use shakedown_sim::{Ending, Limits, Simulator, WorldConfig};

async fn supervise(cx: TaskCx) {
    let script = "spawn helper { on TERM exit 0 after 1ms..9ms; hang }; on TERM exit 0 after 1ms..9ms; print up; hang";
    let script = puppet::parse(script).expect("the script is right");
    let api = cx.process().start(ProcessSpec::puppet("api", script)).await.expect("it starts");
    let ticker = cx.spawn("ticker", |cx| async move {
        for _ in 0..5 {
            cx.sleep(Duration::from_millis(u64::from(cx.pick(4)))).await;
        }
    });
    cx.sleep(Duration::from_millis(3)).await;
    api.signal_scope(Signal::TERM);
    api.scope_empty().await;
    api.wait().await;
    ticker.await.expect("nobody aborts it");
}

#[test]
fn a_hundred_recorded_runs_of_each_strategy_play_again_choice_by_choice() {
    let (config, limits) = (WorldConfig::default(), Limits::default());
    let mut recording: Simulator<Record<Chooser>> = Simulator::new(config, limits, Record::new(Chooser::default()));
    let mut replaying: Simulator<Trace> = Simulator::new(config, limits, Trace::default());
    let pilot = Record::new(Chooser::Pilot(Box::default()));
    recording.run(pilot, None, |host| drop(host.spawn("main", supervise)));
    let pilot = recording.host().world().borrow().choices().inner().clone().into_pilot();
    for strategy in Strategy::ALL {
        let mut digests = Vec::new();
        for seed in 0..100 {
            let chooser = Record::new(strategy.chooser(seed, &pilot));
            let first = recording.run(chooser, None, |host| drop(host.spawn("main", supervise)));
            let answers: Vec<Answer> = recording.host().world().borrow().choices().answers();
            let again = replaying.run(Trace::new(&answers), None, |host| drop(host.spawn("main", supervise)));
            assert!(first.is_ok(), "{strategy}, seed {seed}: {first:#?}");
            assert_eq!(first, again, "{strategy}, seed {seed}");
            assert_eq!(replaying.host().world().borrow().choices().unasked(), [], "{strategy}, seed {seed}");
            digests.push(first.digest);
        }
        digests.sort_unstable();
        digests.dedup();
        assert!(digests.len() > 20, "{strategy}: only {} different runs: nothing to replay", digests.len());
    }
}

/// More than the hundreds from which on a chooser is asked otherwise.
async fn supervise_a_crowd(cx: TaskCx) {
    let script = puppet::parse("on TERM exit 0; hang").expect("the script is right");
    let mut crowd = Vec::new();
    for _ in 0..600 {
        crowd.push(cx.process().start(ProcessSpec::puppet("one", script.clone())).await.expect("it starts"));
    }
    crowd.iter().for_each(|one| one.signal_scope(Signal::TERM));
    for one in &crowd {
        one.wait().await;
    }
}

#[test]
fn a_recorded_run_of_a_crowd_plays_again() {
    let (config, limits) = (WorldConfig::default(), Limits::default());
    let mut recording: Simulator<Record<Chooser>> = Simulator::new(config, limits, Record::new(Chooser::default()));
    let mut replaying: Simulator<Trace> = Simulator::new(config, limits, Trace::default());
    let (mut digests, mut crowded) = (Vec::new(), 0);
    for seed in 0..8 {
        let chooser = Record::new(Strategy::Random.chooser(seed, &Pilot::default()));
        let first = recording.run(chooser, None, |host| drop(host.spawn("main", supervise_a_crowd)));
        let answers: Vec<Answer> = recording.host().world().borrow().choices().answers();
        let again = replaying.run(Trace::new(&answers), None, |host| drop(host.spawn("main", supervise_a_crowd)));
        assert!(first.is_ok(), "seed {seed}: {first:#?}");
        assert_eq!(first, again, "seed {seed}");
        let mut alone = Strategy::Random.chooser(seed, &Pilot::default());
        let orders = answers.iter().filter(|answer| matches!(answer.site.kind, Kind::Step | Kind::Mail | Kind::Poll));
        crowded += orders.filter(|answer| u32::from(alone.rank(answer.site)) != answer.answer).count();
        digests.push(first.digest);
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 8);
    assert!(crowded > 600, "only {crowded} were asked for as of a crowd");
}

#[test]
fn an_empty_trace_is_the_calm_run() {
    let (config, limits) = (WorldConfig::default(), Limits::default());
    let mut calm: Simulator<Calm> = Simulator::new(config, limits, Calm);
    let mut empty: Simulator<Trace> = Simulator::new(config, limits, Trace::default());
    let one = calm.run(Calm, None, |host| drop(host.spawn("main", supervise)));
    let other = empty.run(Trace::default(), None, |host| drop(host.spawn("main", supervise)));
    assert_eq!(one, other);
}

/// Closed until it is told to start, or until its moment has come; then it tells the other, if there is one.
struct Relay {
    until: Option<Instant>,
    then: Option<ActorId>,
}

impl Machine for Relay {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        match event {
            Event::Command(Command::Start) => self.until = Some(cx.now.after(Duration::from_millis(10))),
            Event::Tick => {
                self.until = None;
                if let Some(next) = self.then {
                    cx.tell(next, Event::Command(Command::Start));
                }
            }
            other => cx.unexpected("a relay", &other),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.until
    }

    fn invariant(&self) -> Result<(), Broken> {
        Ok(())
    }

    fn is_closed(&self) -> bool {
        self.until.is_none()
    }

    fn waits_for(&self) -> String {
        "its moment".into()
    }
}

#[test]
fn a_machine_that_opens_after_it_was_seen_closed_keeps_the_run_going() {
    let mut sim: Simulator<Calm, Relay> = Simulator::new(WorldConfig::default(), Limits::default(), Calm);
    let run = sim.run(Calm, None, |host| {
        let late = host.add("late", Relay { until: None, then: None });
        let first = host.add("first", Relay { until: None, then: Some(late) });
        host.send(first, Event::Command(Command::Start));
    });
    assert_eq!((run.ending, run.end.as_nanos()), (Ending::Done, 20_000_000));
}
