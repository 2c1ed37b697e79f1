//! K1, K2 and an exploration: sessions of simulated processes, which no peer has. Every oracle is on, as in W0 to W5.
//! Their answer has the form of the others', so that `bench` reads them alike.
use crate::common::heap;
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::ids::ActorId;
use shakedown_core::proxy::ProxySpec;
use shakedown_core::puppet;
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::{
    Act, Body, Grace, ProcessSpec, SessionSpec, Stimulus, StopPolicy, WorkerSpec, WorkerState,
};
use shakedown_sim::choose::{Chooser, Pilot, Strategy};
use shakedown_sim::explore::{Bounds, Budget, Explorer, Over, Tree};
use shakedown_sim::kernel::KernelConfig;
use shakedown_sim::{Ending, Limits, Run, SimWorld, Simulator, WorldConfig};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// Answers for `k1 N [STRATEGY]`, `k2 N` and `explore DELAYS`; false where another workload is asked for.
pub fn main() -> bool {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let n = args.get(1).and_then(|arg| arg.parse().ok());
    let strategy = || args.get(2).map_or(Ok(Strategy::Random), |name| name.parse()).expect("a strategy");
    match (args.first().map(String::as_str), n) {
        (Some("k1"), Some(n)) => shutdowns(n, strategy()),
        (Some("k2"), Some(n)) => crowd(n),
        (Some("explore"), Some(n)) => explore(n),
        (_, _) => return false,
    }
    true
}

/// K1: a session of three processes, of which one ignores TERM, one forks a helper and one exits at once, and of a proxy that nobody
/// visits. A stimulus stops the session after 1 to 400 ms, KILL follows TERM after 100 ms, everybody is reaped. One simulation is one unit
/// of work.
fn shutdowns(count: u64, strategy: Strategy) {
    let mut plan = SessionSpec::new("k1");
    plan.workers = three();
    plan.workers.push(worker("proxy", Body::Proxy(Arc::new(ProxySpec::forward("proxy")))));
    let mut sums = Sums::default();
    let mut crew = Crew::new(plan, millis(1, 400));
    crew.strategy = strategy;
    crew.fly_pilot();
    let start = Instant::now();
    for seed in 1..=count {
        crew.play(seed, &mut sums, |_| {});
    }
    sums.print("k1", count, count, start, 0);
}

fn three() -> Vec<WorkerSpec> {
    vec![
        process("deaf", "on TERM ignore; hang"),
        process("forker", "spawn helper { hang }; hang"),
        process("quick", "exit 0"),
    ]
}

/// Every schedule of the start and the stop of K1's three processes in which at most so many actions are passed over; one schedule is
/// one unit of work.
fn explore(delays: u64) {
    let mut plan = SessionSpec::new("explore");
    plan.workers = three();
    let plan = Arc::new(plan);
    let at = DurationRange::fixed(Duration::from_millis(100));
    let stimuli: Arc<[Stimulus]> = Arc::from([Stimulus { at, when: None, act: Act::Stop, on: None }]);
    let config = WorldConfig { trail: true, ..WorldConfig::default() };
    let mut simulator: Simulator<Tree> = Simulator::new(config, Limits::default(), Tree::default());
    let bounds = Bounds { delays: delays as u32, ..Bounds::default() };
    let start = Instant::now();
    let explored = Explorer::explore(bounds, Budget { runs: u64::MAX }, true, |tree, explorer| {
        let begin = |host: &mut Host<SimWorld<Tree>>| {
            host.start_session(&plan, &stimuli);
        };
        let run = simulator.run_while(tree, Some(plan.clone()), begin, |host| explorer.goes_on(host));
        if run.is_ok() || run.ending == Ending::Cut { Over::Held } else { Over::Failed(run) }
    });
    assert!(explored.failure.is_none() && explored.is_complete, "{:?}", explored.failure);
    println!(
        "workload=explore n={delays} units={} wall_ns={} parked_bytes=0 runs={} states={}",
        explored.schedules,
        start.elapsed().as_nanos(),
        explored.runs,
        explored.states
    );
}

/// K2: a session of `n` processes that hang, started and stopped in one simulation; one process is one unit of work. Simulators are
/// reused, as in a sweep: the first simulation, which is not timed, counts the bytes on the heap while all processes run, the plan
/// left out, and as many follow as make a hundred thousand processes, four at least: the order of each is drawn in its own style. The machine
/// has room for all of them, as one under systemd has: `kernel.pid_max` is 4 194 304 there.
fn crowd(n: u64) {
    let mut plan = SessionSpec::new("k2");
    plan.workers = (0..n).map(|i| process(&format!("worker-{i}"), "hang")).collect();
    let rounds = (100_000 / n.max(1)).max(4);
    heap::count();
    let mut crew = Crew::new(plan, DurationRange::fixed(Duration::from_millis(100)));
    let kernel = KernelConfig { pid_max: 4_194_304, ..KernelConfig::DEFAULT };
    crew.simulator =
        Simulator::new(WorldConfig { kernel, ..WorldConfig::default() }, Limits::default(), Chooser::default());
    let before = heap::bytes();
    let bytes = Rc::new(Cell::new(0));
    let meter = bytes.clone();
    crew.play(0, &mut Sums::default(), |host| {
        host.spawn("meter", move |cx| async move {
            cx.sleep(Duration::from_millis(50)).await;
            meter.set(heap::bytes() - before);
        });
    });
    heap::stop();
    let mut sums = Sums::default();
    let start = Instant::now();
    for seed in 1..=rounds {
        crew.play(seed, &mut sums, |_| {});
    }
    assert_eq!(sums.ended[WorkerState::Stopped as usize], n * rounds, "each has run, and was stopped");
    sums.print("k2", n, n * rounds, start, bytes.get() * rounds as i64);
}

/// A simulator and the session that it plays.
struct Crew {
    simulator: Simulator<Chooser>,
    strategy: Strategy,
    pilot: Pilot,
    plan: Arc<SessionSpec>,
    stimuli: Arc<[Stimulus]>,
}

impl Crew {
    fn new(plan: SessionSpec, stop_at: DurationRange) -> Crew {
        let stop = Stimulus { at: stop_at, when: None, act: Act::Stop, on: None };
        Crew {
            simulator: Simulator::new(WorldConfig::default(), Limits::default(), Chooser::default()),
            strategy: Strategy::Random,
            pilot: Pilot::default(),
            plan: Arc::new(plan),
            stimuli: Arc::from([stop]),
        }
    }

    /// Tells the strategy what a calm run is like.
    fn fly_pilot(&mut self) {
        self.run(Chooser::Pilot(Box::default()), |_| {});
        self.pilot = self.simulator.host().world().borrow().choices().clone().into_pilot();
    }

    fn play(&mut self, seed: u64, sums: &mut Sums, more: impl FnOnce(&mut Host<SimWorld<Chooser>>)) {
        let (run, session) = self.run(self.strategy.chooser(seed, &self.pilot), more);
        assert!(run.is_ok(), "seed {seed}: {run:?}");
        sums.steps += run.steps;
        sums.end_ms += run.end.as_nanos() / 1_000_000;
        let host = self.simulator.host();
        for i in 1..=self.plan.workers.len() as u32 {
            if let Actor::Worker(worker) = host.machine(ActorId(session.0 + i)) {
                sums.ended[worker.state() as usize] += 1;
            }
        }
    }

    fn run(&mut self, chooser: Chooser, more: impl FnOnce(&mut Host<SimWorld<Chooser>>)) -> (Run, ActorId) {
        let (plan, stimuli) = (self.plan.clone(), &self.stimuli);
        let mut session = ActorId(0);
        let run = self.simulator.run(chooser, Some(plan.clone()), |host| {
            session = host.start_session(&plan, stimuli);
            more(host);
        });
        (run, session)
    }
}

#[derive(Default)]
struct Sums {
    steps: u64,
    end_ms: u64,
    /// Workers by the state in which they ended.
    ended: [u64; 16],
}

impl Sums {
    fn print(&self, what: &str, n: u64, units: u64, start: Instant, bytes: i64) {
        let of = |state: WorkerState| self.ended[state as usize];
        println!(
            "workload={what} n={n} units={units} wall_ns={} parked_bytes={bytes} ticks={} kills={} stopped={} finished={} \
             end_ms={}",
            start.elapsed().as_nanos(),
            self.steps,
            of(WorkerState::Killed),
            of(WorkerState::Stopped),
            of(WorkerState::Finished),
            self.end_ms
        );
    }
}

fn process(name: &str, script: &str) -> WorkerSpec {
    let script = puppet::parse(script).expect("the scripts stand in this file");
    worker(name, Body::Process(Arc::new(ProcessSpec::puppet(name, script))))
}

fn worker(name: &str, body: Body) -> WorkerSpec {
    let stop = StopPolicy { grace: Grace::After(Duration::from_millis(100)), ..StopPolicy::default() };
    WorkerSpec { stop, ..WorkerSpec::new(name, body) }
}

fn millis(min: u64, max: u64) -> DurationRange {
    let ms = Duration::from_millis;
    DurationRange { min: ms(min), max: ms(max), grid: ms(1) }
}
