//! Whole sessions on real processes: what an incarnation is told, and that restarts, hooks, probes and floods end as they must.

use crate::cases::cases;
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::ids::WorkerId;
use shakedown_core::puppet::parse;
use shakedown_core::signal::Signal;
use shakedown_core::time::{Duration, DurationRange, Instant};
use shakedown_core::vocab::{
    Act, Backoff, Body, Errno, ExitStatus, Fact, FactRecord, Grace, Outcome, PreStop, Probe, ProcessEvent, ProcessSpec,
    ProcessWhat, ReadyPolicy, RestartPolicy, RestartWhen, SessionSpec, Stimulus, StopPolicy, Strategy, Subject,
    SupervisorSpec, WorkerSpec, WorkerState,
};
use shakedown_real::host::{Driven, drive_within};
use shakedown_real::{Config, RealWorld, procfs, puppet};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

cases! {
    each_incarnation_is_told_how_the_one_before_ended,
    stop_and_restart_and_exit_at_once_end_each_incarnation_once,
    a_chatty_child_without_a_reader_does_not_delay_its_stop,
    a_hook_that_hangs_is_dead_within_the_deadline,
    a_probe_that_hangs_is_dead_when_the_start_has_failed,
    a_program_that_is_being_written_is_tried_again,
}

/// What became true, in the order in which it was told.
enum Told {
    Fact(FactRecord),
    Process(ProcessEvent),
}

struct Played(Vec<Told>);

/// Plays a session to its end: nobody of it is left, and nothing was noticed that should not be.
async fn play(seed: u64, spec: SessionSpec, stimuli: &[Stimulus]) -> Played {
    let mut host: Host<RealWorld, Actor> =
        Host::new(RealWorld::new(Config { seed, owns_all_children: true, ..Config::default() }).expect("a world"));
    let told = Rc::new(RefCell::new(Vec::new()));
    {
        let (facts, processes) = (told.clone(), told.clone());
        let mut world = host.world().borrow_mut();
        world.on_fact(Box::new(move |fact| facts.borrow_mut().push(Told::Fact(fact))));
        world.on_process(Box::new(move |event| processes.borrow_mut().push(Told::Process(event.clone()))));
    }
    host.start_session(&Arc::new(spec), &stimuli.into());
    assert_eq!(drive_within(&mut host, PATIENCE).await, Some(Driven::Done), "{:?}", host.waiters());
    assert_eq!(host.world().borrow_mut().take_findings(), Vec::<String>::new());
    assert_eq!(procfs::own_children(), Ok(Vec::new()));
    let played = Played(told.take());
    let stops = played.facts().filter(|f| f.fact == Fact::SessionStopped && f.subject == Subject::Session).count();
    assert_eq!((stops, played.facts().last().map(|f| &f.fact)), (1, Some(&Fact::SessionStopped)));
    played
}

impl Played {
    fn facts(&self) -> impl Iterator<Item = &FactRecord> {
        self.0.iter().filter_map(|told| match told {
            Told::Fact(fact) => Some(fact),
            Told::Process(_) => None,
        })
    }

    fn of(&self, worker: u32) -> impl Iterator<Item = &FactRecord> {
        self.facts().filter(move |fact| fact.subject == Subject::Worker(WorkerId(worker)))
    }

    fn count(&self, worker: u32, word: &str) -> usize {
        self.of(worker).filter(|fact| fact.fact.word() == word).count()
    }

    fn outcomes(&self, worker: u32) -> Vec<Arc<Outcome>> {
        let ended =
            self.of(worker).filter_map(|fact| if let Fact::Ended(o) = &fact.fact { Some(o.clone()) } else { None });
        ended.collect()
    }

    /// Whether all processes of this name were seen to start, and to end by this status before the worker's terminal fact.
    fn ended_before(&self, worker: u32, name: &str, status: ExitStatus) -> bool {
        let is_terminal =
            |fact: &FactRecord| fact.subject == Subject::Worker(WorkerId(worker)) && fact.fact.terminal().is_some();
        let before = self.0.iter().take_while(|told| !matches!(told, Told::Fact(fact) if is_terminal(fact)));
        let seen: Vec<ProcessWhat> = before
            .filter_map(|told| match told {
                Told::Process(event) if &*event.name == name => Some(event.what),
                Told::Process(_) | Told::Fact(_) => None,
            })
            .collect();
        let ends = seen.iter().filter(|what| **what == ProcessWhat::Exited(status)).count();
        ends > 0 && seen.iter().filter(|what| **what == ProcessWhat::Started).count() == ends
    }
}

fn worker(name: &str, spec: ProcessSpec) -> WorkerSpec {
    WorkerSpec::new(name, Body::Process(Arc::new(spec)))
}

fn command(name: &str, argv: &[&str]) -> ProcessSpec {
    ProcessSpec::command(name, argv, None)
}

fn script(name: &str, script: &str) -> ProcessSpec {
    ProcessSpec::puppet(name, parse(script).expect("a script"))
}

fn stimulus(at: DurationRange, act: Act, on: Option<u32>) -> Stimulus {
    Stimulus { at, when: None, act, on: on.map(WorkerId) }
}

fn again(when: RestartWhen, initial: Duration, budget: u32) -> RestartPolicy {
    let backoff = Backoff { initial, factor_milli: 1000, jitter_milli: 0, ..Backoff::default() };
    RestartPolicy { when, backoff, budget, ..RestartPolicy::default() }
}

/// A child that fails three times, the second time by TERM, and one beside it that is stopped with it or runs on.
fn family(strategy: Strategy) -> SessionSpec {
    let say = "echo \"$LIFECYCLE_RESUME_ID|$LIFECYCLE_PREV_EXIT|$PATH\"";
    let own = std::env::current_exe().unwrap();
    let termed = format!(
        "{say}; sleep 0.1; if [ \"$LIFECYCLE_PREV_EXIT\" = 7 ]; then {}='die TERM' exec \"$OWN\"; fi; exit 7",
        puppet::SCRIPT_VARIABLE
    );
    let fails = command("fails", &["sh", "-c", &termed]).env("OWN", own.to_str().unwrap());
    let beside = command("beside", &["sh", "-c", &format!("{say}; exec sleep 1000")]);
    let children = vec![WorkerId(1), WorkerId(2)];
    let supervisor = Body::Supervisor(Arc::new(SupervisorSpec { strategy, children, escalate: true }));
    let mut spec = SessionSpec::new("s");
    spec.workers = vec![
        WorkerSpec::new("tree", supervisor),
        WorkerSpec { restart: again(RestartWhen::OnFailure, ms(5), 3), ..worker("fails", fails) },
        worker("beside", beside),
    ];
    spec
}

/// LIFECYCLE section 11. We ourselves run under a supervisor of the same kind, which is none of our children's business.
async fn each_incarnation_is_told_how_the_one_before_ended() {
    // SAFETY: of the threads of this program only the spawner lives, and it does not touch the environment.
    unsafe { std::env::set_var("LIFECYCLE_PREV_EXIT", "9") };
    // SAFETY: as above.
    unsafe { std::env::set_var("LIFECYCLE_RESUME_ID", "outer") };
    let path = std::env::var("PATH").unwrap();
    for (strategy, beside) in [(Strategy::OneForOne, &[""][..]), (Strategy::OneForAll, &["", "143", "143", "143"])] {
        let played = play(1, family(strategy), &[]).await;
        let mut ids = Vec::new();
        for (worker, told) in [(1, &["", "7", "143", "7"][..]), (2, beside)] {
            let lines: Vec<(u32, String)> = played
                .of(worker)
                .filter_map(|f| match &f.fact {
                    Fact::Output { line, .. } => Some((f.incarnation, String::from_utf8(line.to_vec()).unwrap())),
                    _ => None,
                })
                .collect();
            let said = |(n, line): &(u32, String)| {
                let parts: Vec<&str> = line.split('|').collect();
                assert_eq!((parts.len(), parts[2]), (3, &*path), "{line}");
                (*n, parts[0].to_owned(), parts[1].to_owned())
            };
            let said: Vec<_> = lines.iter().map(said).collect();
            ids.push(said.iter().map(|(_, id, _)| id.clone()).collect::<Vec<_>>());
            let previous: Vec<_> = said.iter().map(|(n, _, previous)| (*n, &**previous)).collect();
            assert_eq!(previous, (1..).zip(told.iter().copied()).collect::<Vec<_>>(), "{strategy:?} {worker}");
        }
        for ids in ids {
            assert!(ids.iter().all(|id| *id == ids[0] && id.len() == 16), "{ids:?}");
        }
    }
    for name in ["LIFECYCLE_PREV_EXIT", "LIFECYCLE_RESUME_ID"] {
        // SAFETY: as above.
        unsafe { std::env::remove_var(name) };
    }
}

/// `SHAKEDOWN_RACES` says how often; `just races` a thousand times.
async fn stop_and_restart_and_exit_at_once_end_each_incarnation_once() {
    let rounds = std::env::var("SHAKEDOWN_RACES").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let began = std::time::Instant::now();
    let (mut ends, mut incarnations) = (BTreeMap::new(), BTreeMap::new());
    for round in 0..rounds {
        let mut spec = SessionSpec::new("s");
        let policy = again(RestartWhen::Always, ms(1), 1000);
        spec.workers = vec![WorkerSpec { restart: policy, ..worker("api", command("api", &["sleep", "0.005"])) }];
        let stimuli = [
            stimulus(DurationRange::up_to(ms(12)), Act::Restart, Some(0)),
            stimulus(DurationRange::up_to(ms(12)), Act::Restart, Some(0)),
            stimulus(DurationRange::up_to(ms(20)), Act::Stop, None),
        ];
        let played = play(round, spec, &stimuli).await;
        let outcomes = played.outcomes(0);
        let numbers: Vec<u32> = outcomes.iter().map(|outcome| outcome.incarnation).collect();
        let told = || played.facts().map(|f| (f.incarnation, f.fact.word(), f.at)).collect::<Vec<_>>();
        // Each once and in turn. A stop of what waits for its start, the first or the next, is an incarnation that never was.
        let first = numbers[0];
        assert!(first <= 1 && numbers.iter().copied().eq((first..).take(numbers.len())), "round {round} {:?}", told());
        let spawned: Vec<u32> = played.of(0).filter(|f| f.fact == Fact::Spawn).map(|f| f.incarnation).collect();
        assert!(
            spawned.is_sorted_by(|a, b| a < b) && spawned.iter().all(|n| numbers.contains(n)),
            "{round} {:?}",
            told()
        );
        *ends.entry(outcomes.last().map(|outcome| outcome.state.word())).or_insert(0) += 1;
        *incarnations.entry(spawned.len()).or_insert(0) += 1;
    }
    println!("    {rounds} rounds in {:.1?}: ends {ends:?}, starts {incarnations:?}", began.elapsed());
}

/// Nobody keeps its lines; they are read and counted all the same.
async fn a_chatty_child_without_a_reader_does_not_delay_its_stop() {
    for (argv, grace, state) in [
        (&["yes"][..], ms(5000), WorkerState::Stopped),
        (&["sh", "-c", "yes & yes >&2"], ms(5000), WorkerState::Stopped),
        (&["sh", "-c", "trap '' TERM; yes & yes >&2"], ms(100), WorkerState::Killed),
    ] {
        let mut spec = SessionSpec::new("s");
        let stop = StopPolicy { grace: Grace::After(grace), ..StopPolicy::default() };
        spec.workers = vec![WorkerSpec { stop, ..worker("chatty", command("chatty", argv)) }];
        let mut host: Host<RealWorld, Actor> = Host::new(RealWorld::new(Config::default()).expect("a world"));
        let (asked, ended) = (Rc::new(RefCell::new(None)), Rc::new(RefCell::new(None)));
        let (asks, ends) = (asked.clone(), ended.clone());
        host.world().borrow_mut().on_fact(Box::new(move |fact| match (fact.subject, fact.fact) {
            (Subject::Worker(_), Fact::StopRequested { deadline, .. }) => *asks.borrow_mut() = Some(deadline),
            (Subject::Worker(_), Fact::Ended(outcome)) => *ends.borrow_mut() = Some(outcome),
            _ => {}
        }));
        let stop = [stimulus(DurationRange::fixed(ms(200)), Act::Stop, None)];
        host.start_session(&Arc::new(spec), &stop.into());
        assert_eq!(drive_within(&mut host, PATIENCE).await, Some(Driven::Done), "{:?}", host.waiters());
        let (outcome, asked): (Arc<Outcome>, Instant) = (ended.take().unwrap(), asked.take().unwrap());
        assert_eq!((outcome.state, outcome.output.abandoned), (state, false), "{argv:?}");
        assert!(outcome.output.delivered > 65_536, "{argv:?} {:?}", outcome.output);
        assert!(outcome.ended_at <= asked, "{argv:?}: over at {}, to be over by {asked}", outcome.ended_at);
    }
}

async fn a_hook_that_hangs_is_dead_within_the_deadline() {
    let hook = || script("hook", "on TERM ignore; spawn helper { on TERM ignore; print up; hang }; hang");
    // By its own bound, and by the session's budget.
    for (within, budget) in [(ms(300), ms(30_000)), (ms(20_000), ms(2_000))] {
        let mut spec = SessionSpec::new("s");
        let pre_stop = PreStop { command: hook().into(), within };
        let stop = StopPolicy { hook: Some(pre_stop.into()), grace: Grace::After(ms(100)), ..StopPolicy::default() };
        spec.stop_budget = budget;
        spec.workers = vec![WorkerSpec { stop, ..worker("api", script("api", "on TERM exit 0; hang")) }];
        let played = play(1, spec, &[stimulus(DurationRange::fixed(ms(100)), Act::Stop, None)]).await;
        let outcome = &played.outcomes(0)[0];
        let asked = played.of(0).find_map(|f| match f.fact {
            Fact::StopRequested { deadline, .. } => Some(deadline),
            _ => None,
        });
        assert!(outcome.ended_at <= asked.unwrap(), "over at {}, not by {asked:?}", outcome.ended_at);
        assert!(played.ended_before(0, "hook/main", KILLED) && played.ended_before(0, "hook/helper", KILLED));
        assert!(outcome.survivors.is_empty(), "{outcome:?}");
    }
}

async fn a_probe_that_hangs_is_dead_when_the_start_has_failed() {
    let probe = script("probe", "on TERM ignore; spawn helper { setsid; on TERM ignore; print up; hang }; hang");
    let mut spec = SessionSpec::new("s");
    let probe = Probe::Exec(probe.scope(shakedown_core::vocab::Scope::Tree).into());
    let ready = ReadyPolicy { every: ms(10), timeout: ms(300), ..ReadyPolicy::new(probe) };
    let api = worker("api", script("api", "on TERM exit 0; hang"));
    spec.workers = vec![WorkerSpec { ready: Some(ready.into()), ..api }];
    let played = play(1, spec, &[]).await;
    assert_eq!((played.count(0, "ready"), played.outcomes(0)[0].state), (0, WorkerState::Failed));
    assert!(played.ended_before(0, "probe/main", KILLED) && played.ended_before(0, "probe/helper", KILLED));
}

/// ETXTBSY (execve(2)): one start, however many attempts, with a bound.
async fn a_program_that_is_being_written_is_tried_again() {
    for passes in [true, false] {
        let path = std::env::temp_dir().join(format!("shakedown-test-busy-{}", std::process::id()));
        std::fs::copy("/bin/true", &path).unwrap();
        let writer = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        let writer = Rc::new(RefCell::new(Some(writer)));
        if passes {
            let writer = writer.clone();
            drop(tokio::task::spawn_local(async move {
                tokio::time::sleep(ms(4)).await;
                drop(writer.take());
            }));
        }
        let mut spec = SessionSpec::new("s");
        spec.workers = vec![worker("api", command("api", &[path.to_str().unwrap()]))];
        let played = play(1, spec, &[]).await;
        let outcome = &played.outcomes(0)[0];
        assert_eq!((played.count(0, "spawn"), played.count(0, "started")), (1, usize::from(passes)));
        let failed = outcome.start_error.map(|failure| (failure.errno, failure.at_exec));
        if passes {
            assert_eq!((outcome.state, failed), (WorkerState::Finished, None));
        } else {
            assert_eq!((outcome.state, failed), (WorkerState::Failed, Some((Errno::ETXTBSY, true))));
            assert!(outcome.ended_at.since(outcome.spawned_at) >= ms(31), "{outcome:?}");
        }
        drop(writer);
        std::fs::remove_file(&path).unwrap();
    }
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const KILLED: ExitStatus = ExitStatus::Signalled { signal: Signal::KILL, core: false };
/// No session here takes nearly as long.
const PATIENCE: Duration = Duration::from_secs(20);
