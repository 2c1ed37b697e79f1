//! Sessions that keep a journal: what they tell stands in it, and whatever becomes of the disk stops no pump.

use shakedown_core::host::Host;
use shakedown_core::journal::{Entry, Filter, SinkCounts, SinkSpec, What, WhenFull, follow, scan};
use shakedown_core::puppet;
use shakedown_core::task::TaskCx;
use shakedown_core::time::{Duration, DurationRange, Instant};
use shakedown_core::vocab::*;
use shakedown_sim::choose::Seeded;
use shakedown_sim::disk::Disk;
use shakedown_sim::{Limits, Moment, Run, SimWorld, Simulator, WorldConfig};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// A session of one worker that plays this script, with a journal of this policy.
fn plan(script: &str, when_full: WhenFull, room: usize) -> Arc<SessionSpec> {
    let mut plan = SessionSpec::new("shop");
    let body = ProcessSpec::puppet("api", puppet::parse(script).expect("the script is right"));
    let mut worker = WorkerSpec::new("api", Body::Process(Arc::new(body)));
    worker.tags.insert("team".into(), "blue".into());
    plan.workers.push(worker);
    plan.journal = Some(Arc::new(SinkSpec { when_full, room, ..SinkSpec::new("/journal") }));
    Arc::new(plan)
}

/// What a run has come to.
struct Played {
    run: Run,
    facts: Vec<FactRecord>,
    entries: Vec<Entry>,
    counts: SinkCounts,
}

/// Plays a plan with these faults under many seeds and judges each run.
fn check(plan: &Arc<SessionSpec>, faults: &[Fault], judge: impl Fn(&Played)) {
    let config = WorldConfig { history: true, ..WorldConfig::default() };
    let mut sim: Simulator<Seeded> = Simulator::new(config, Limits::default(), Seeded::new(0));
    for seed in 0..100 {
        let run = sim.run(Seeded::new(seed), Some(plan.clone()), |host| {
            host.world().borrow_mut().set_faults(faults.into());
            host.start_session(plan, &Arc::from([]));
        });
        assert!(run.is_ok(), "seed {seed}: {run:?}");
        let counts = sim.host().journal().expect("one is kept").counts();
        let mut world = sim.host().world().borrow_mut();
        let entries = entries(world.disk_mut());
        let facts = world.history().iter().filter_map(|moment| match moment {
            Moment::Fact(fact) => Some(fact.clone()),
            Moment::Process(_) => None,
        });
        let facts = facts.collect();
        drop(world);
        judge(&Played { run, facts, entries, counts });
    }
}

fn entries(disk: &mut Disk) -> Vec<Entry> {
    let names = disk.names_in("/journal");
    let files = names.iter().filter(|name| name.ends_with(".journal"));
    files.flat_map(|name| scan(disk.content(&format!("/journal/{name}")).expect("a file")).entries).collect()
}

fn told(facts: &[FactRecord]) -> Vec<&str> {
    facts.iter().map(|record| record.fact.word()).collect()
}

fn written(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(Entry::word).collect()
}

const CHATTY: &str = "print one; eprint two; print \"\"; write 5; exit 3";

#[test]
fn what_a_session_tells_stands_in_its_journal_in_order() {
    check(&plan(CHATTY, WhenFull::DropOldest, 100), &[], |played| {
        assert_eq!(written(&played.entries), told(&played.facts));
        assert!(played.entries.iter().zip(0..).all(|(entry, cursor)| entry.cursor == cursor));
        let exited = played.entries.iter().find(|entry| entry.word() == "exited").expect("it has exited");
        assert_eq!((exited.detail("status"), exited.incarnation), (Some("exited(3)"), 1));
        assert_eq!((exited.worker.as_deref(), &*exited.session, &*exited.tags["team"]), (Some("api"), "shop", "blue"));
        let two = played.entries.iter().filter(|entry| {
            matches!(&entry.what, What::Line { stream: Stream::Stderr, bytes, complete: true } if **bytes == *b"two")
        });
        assert_eq!(two.count(), 1);
        assert_eq!(played.counts.written, played.entries.len() as u64);
    });
}

/// A hundred lines of a thousand bytes: more than a pipe holds.
const FLOOD: &str = "repeat 100 { write 1000; print \"\" }; exit 0";

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn slow() -> Fault {
    let by = DurationRange { min: ms(10), max: ms(900), grid: ms(10) };
    Fault::new(FaultKind::SinkSlow { by }, 0.5)
}

fn ended(played: &Played) -> Instant {
    played.facts.last().expect("the session stopped").at
}

#[test]
fn a_sink_that_is_slow_or_fails_delays_nobody_and_what_is_dropped_is_counted() {
    let fails = Fault::new(FaultKind::SinkFails { errno: Errno::EIO }, 0.5);
    let full = Fault::new(FaultKind::DiskFull, 0.5);
    for (policy, faults) in [
        (WhenFull::DropOldest, [slow(), fails.clone()]),
        (WhenFull::Spill, [slow(), fails.clone()]),
        (WhenFull::DropOldest, [full, fails]),
    ] {
        check(&plan(FLOOD, policy, 16), &faults, |played| {
            assert_eq!(ended(played), Instant::ZERO, "nothing takes time but the disk");
            let counts = &played.counts;
            let told = played.facts.len() as u64;
            assert_eq!(counts.written + counts.dropped_lines + counts.dropped_events, told, "{counts:?}");
            assert_eq!(counts.written, played.entries.len() as u64, "each is written once");
            if policy == WhenFull::Spill && counts.dropped_events == 0 {
                assert_eq!(counts.dropped_lines, 0, "{counts:?}");
            }
            if counts.dropped_events == 0 {
                let lines = |words: Vec<&str>| words.into_iter().filter(|word| *word != "output").count();
                assert_eq!(lines(written(&played.entries)), lines(told_words(played)), "no event is dropped");
            }
        });
    }
}

fn told_words(played: &Played) -> Vec<&str> {
    told(&played.facts)
}

#[test]
fn a_sink_that_always_fails_is_given_up_when_the_session_is_over() {
    let fails = [Fault::new(FaultKind::SinkFails { errno: Errno::EIO }, 1.0)];
    for policy in [WhenFull::Block, WhenFull::DropOldest, WhenFull::Spill] {
        check(&plan(FLOOD, policy, 16), &fails, |played| {
            let counts = &played.counts;
            assert_eq!((counts.written, played.entries.len()), (0, 0));
            assert_eq!(counts.dropped_lines + counts.dropped_events, played.facts.len() as u64, "{counts:?}");
            assert!(played.run.end <= Instant::ZERO.after(ms(4000)), "{}", played.run.end);
            assert!(counts.failures > 3 && counts.last_error.as_ref().is_some_and(|e| e.errno == Errno::EIO));
        });
    }
}

#[test]
fn who_says_so_waits_for_a_slow_sink_and_loses_nothing() {
    check(&plan(FLOOD, WhenFull::Block, 16), &[slow()], |played| {
        assert_eq!(written(&played.entries), told(&played.facts));
        assert_eq!(played.counts.dropped_lines + played.counts.spilled, 0);
    });
}

#[test]
fn a_slow_sink_that_is_waited_for_does_not_outlast_a_stop() {
    let mut plan = (*plan("on TERM exit 0; flood", WhenFull::Block, 16)).clone();
    plan.workers[0].stop.grace = Grace::After(ms(100));
    let plan = Arc::new(plan);
    let stop = Stimulus { at: DurationRange::fixed(ms(50)), when: None, act: Act::Stop, on: None };
    let config = WorldConfig { history: true, ..WorldConfig::default() };
    let by = DurationRange::fixed(Duration::from_secs(20));
    let faults = [Fault::new(FaultKind::SinkSlow { by }, 1.0)];
    let mut sim: Simulator<Seeded> = Simulator::new(config, Limits::default(), Seeded::new(0));
    for seed in 0..50 {
        let run = sim.run(Seeded::new(seed), Some(plan.clone()), |host| {
            host.world().borrow_mut().set_faults(faults.clone().into());
            host.start_session(&plan, &[stop.clone()].into());
        });
        assert!(run.is_ok(), "seed {seed}: {run:?}");
    }
}

#[test]
fn a_file_is_known_by_the_last_folder_of_its_root() {
    let faults = [Fault::new(FaultKind::SinkFails { errno: Errno::EIO }, 1.0).on("another")];
    check(&plan(CHATTY, WhenFull::DropOldest, 100), &faults, |played| assert_eq!(played.counts.failures, 0));
}

#[test]
fn an_end_that_nobody_saw_is_told_as_unknown_before_anything_else() {
    let plan = plan("print up; sleep 1s; exit 3", WhenFull::DropOldest, 100);
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    let (mut unseen_before, mut clean_before) = (0, 0);
    for steps in 0..60 {
        // The supervisor is killed after so many steps: what was written is there, and what the machine kept of it.
        let begin = |host: &mut Host<SimWorld<Seeded>>| {
            host.start_session(&plan, &Arc::from([]));
        };
        sim.run_while(Seeded::new(steps), Some(plan.clone()), begin, |host| host.steps() < steps);
        let mut left = sim.host().world().borrow().disk().clone();
        left.crash(&mut Seeded::new(steps));
        let before = entries(&mut left);
        let run = sim.run(Seeded::new(steps), Some(plan.clone()), |host| {
            *host.world().borrow_mut().disk_mut() = left;
            host.start_session(&plan, &Arc::from([]));
        });
        assert!(run.is_ok(), "{steps} steps: {run:?}");
        let recovered = sim.host().journal().expect("one is kept").counts().recovered;
        let after = entries(sim.host().world().borrow_mut().disk_mut());
        let has = |word: &str| before.iter().any(|entry| entry.word() == word);
        let is_open = has("spawn") && !has("failed");
        assert_eq!(recovered, u64::from(is_open), "{steps} steps: {:?}", written(&before));
        let told = &after[before.len()..];
        if is_open {
            let end = (told[0].word(), told[0].detail("status"), told[0].worker.as_deref(), told[0].incarnation);
            assert_eq!(end, ("failed", Some("unknown"), Some("api"), 1), "{steps} steps");
            unseen_before += 1;
        } else {
            clean_before += 1;
        }
        assert_eq!(told[recovered as usize].word(), "started", "{steps} steps");
        assert!(after.is_sorted_by(|one, next| one.cursor < next.cursor));
    }
    assert!(unseen_before > 5 && clean_before > 5, "{unseen_before} and {clean_before}");
}

/// The starts and ends that were read, by their run; and the record at which to go on.
type Heard = Rc<RefCell<(Vec<(u32, String)>, u64)>>;

/// Follows a journal from a record on, for as many starts and ends of `api` as two runs have.
async fn follows(cx: TaskCx, from: u64, heard: Heard) {
    let wanted = Filter::all().worker("api").event("started").event("exited");
    let mut records = follow(cx.files().rooted("/journal"), from, wanted);
    for _ in 0..4 {
        let entry = records.next().await.expect("it is read");
        heard.borrow_mut().0.push((entry.incarnation, entry.word().to_owned()));
    }
    assert_eq!(records.missed(), 0);
    heard.borrow_mut().1 = records.cursor();
}

/// Over the restart of the worker, and, from the record where it stood, over that of the whole session.
#[test]
fn who_follows_sees_each_run_begin_and_end_in_order_over_every_restart() {
    let mut plan = SessionSpec::clone(&plan("print up; sleep 1ms..30ms; exit 7", WhenFull::DropOldest, 16));
    let backoff = Backoff { initial: ms(5), ..Backoff::default() };
    plan.workers[0].restart =
        RestartPolicy { when: RestartWhen::OnFailure, budget: 1, backoff, ..RestartPolicy::default() };
    let plan = Arc::new(plan);
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    for seed in 0..100 {
        let (mut disk, mut from) = (Disk::new(Default::default()), 0);
        disk.put_folder("journal");
        for session in 0..2 {
            let heard = Heard::default();
            let run = sim.run(Seeded::new(2 * seed + session), Some(plan.clone()), |host| {
                *host.world().borrow_mut().disk_mut() = disk.clone();
                host.start_session(&plan, &Arc::from([]));
                host.spawn("follower", |cx| follows(cx, from, heard.clone()));
            });
            assert!(run.is_ok(), "seed {seed}: {run:?}");
            let (seen, next) = heard.take();
            let seen: Vec<(u32, &str)> = seen.iter().map(|(run, word)| (*run, word.as_str())).collect();
            assert_eq!(seen, [(1, "started"), (1, "exited"), (2, "started"), (2, "exited")], "seed {seed}");
            (disk, from) = (sim.host().world().borrow().disk().clone(), next);
        }
    }
}
