//! Sessions that keep a status file: it is as they are, whole at every moment, and says what is spoiled.

use shakedown_core::journal::{SinkSpec, WhenFull, scan, unseen_ends};
use shakedown_core::oracle::OracleName;
use shakedown_core::puppet;
use shakedown_core::snapshot::Snapshot;
use shakedown_core::status::{Corrupt, Found, parse, quarantine, read};
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::*;
use shakedown_sim::choose::Seeded;
use shakedown_sim::{Limits, Simulator, WorldConfig};
use std::sync::Arc;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn plan() -> Arc<SessionSpec> {
    let mut plan = SessionSpec::new("shop");
    for (name, script) in [("api", "on TERM exit 0; hang"), ("job", "sleep 5ms..50ms; exit 3")] {
        let body = ProcessSpec::puppet(name, puppet::parse(script).expect("the script is right"));
        plan.workers.push(WorkerSpec::new(name, Body::Process(Arc::new(body))));
    }
    plan.status = Some("/run/status".into());
    Arc::new(plan)
}

/// Plays a session that is stopped after a while, with these faults; the oracle looks at the file after each call of the disk.
fn check(faults: &[Fault], judge: impl Fn(&Snapshot, Option<&[u8]>)) {
    let plan = plan();
    let at = DurationRange { min: ms(0), max: ms(100), grid: ms(1) };
    let stop: Arc<[Stimulus]> = [Stimulus { at, when: None, act: Act::Stop, on: None }].into();
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    for seed in 0..100 {
        let mut session = None;
        let run = sim.run(Seeded::new(seed), Some(plan.clone()), |host| {
            let mut world = host.world().borrow_mut();
            world.set_faults(faults.into());
            world.disk_mut().put_folder("run");
            drop(world);
            session = Some(host.start_session(&plan, &stop));
        });
        assert!(run.is_ok(), "seed {seed}: {run:?}");
        let snapshot = sim.host().snapshot(session.expect("it was started"));
        let world = sim.host().world().clone();
        judge(&snapshot, world.borrow().disk().content("/run/status"));
        let names = world.borrow_mut().disk_mut().names_in("/run");
        assert!(names.iter().all(|name| name == "status"), "seed {seed}: {names:?}");
    }
}

#[test]
fn the_last_status_is_what_the_session_came_to() {
    check(&[], |snapshot, file| assert_eq!(parse(file.expect("it was written")).as_ref(), Ok(snapshot)));
}

#[test]
fn a_disk_that_is_slow_or_fails_delays_no_session_and_leaves_a_whole_status_or_none() {
    let by = DurationRange { min: ms(1), max: ms(300), grid: ms(1) };
    let faults = [
        Fault::new(FaultKind::SinkSlow { by }, 0.2),
        Fault::new(FaultKind::SinkFails { errno: Errno::EIO }, 0.2),
        Fault::new(FaultKind::DiskFull, 0.1),
    ];
    check(&faults, |_, file| assert!(file.is_none_or(|bytes| parse(bytes).is_ok())));
}

#[test]
fn what_is_spoiled_is_told_and_kept_for_a_person_to_look_at() {
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    let run = sim.run(Seeded::new(1), None, |host| {
        host.world().borrow_mut().disk_mut().put("/run/status", b"{\"shakedown-status\":1,\"crc32\":\"00000000\"");
        host.spawn("reader", |cx| async move {
            let fs = cx.files().rooted("/run");
            assert_eq!(read(&fs, "status").await, Ok(Found::Corrupt(Corrupt::Form)));
            assert_eq!(quarantine(&fs, "status").await.as_deref(), Ok("status.corrupt-0"));
            assert_eq!(read(&fs, "status").await, Ok(Found::Absent));
            fs.write_atomic("status", "").await.expect("written");
            assert_eq!(quarantine(&fs, "status").await.as_deref(), Ok("status.corrupt-1"));
        });
    });
    assert!(run.is_ok(), "{run:?}");
}

/// A session whose supervisor is killed at any moment, and once more at any other.
fn crashes() -> Arc<[Stimulus]> {
    let act = |act, at: DurationRange| Stimulus { at, when: None, act, on: None };
    let within = |min, max| DurationRange { min: ms(min), max: ms(max), grid: ms(1) };
    [
        act(Act::CrashHost, within(0, 60)),
        act(Act::Recover, within(0, 20)),
        act(Act::CrashHost, within(0, 120)),
        act(Act::Recover, within(0, 20)),
        act(Act::Stop, within(300, 300)),
    ]
    .into()
}

#[test]
fn after_any_crash_the_next_supervisor_comes_to_an_end_and_each_incarnation_has_one_in_the_journal() {
    let mut plan = SessionSpec::clone(&plan());
    let sink = SinkSpec { when_full: WhenFull::Block, ..SinkSpec::new("/run/journal") };
    plan.journal = Some(Arc::new(sink));
    let plan = Arc::new(plan);
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    let mut unseen = 0;
    for seed in 0..300 {
        let run = sim.run(Seeded::new(seed), Some(plan.clone()), |host| {
            host.world().borrow_mut().disk_mut().put_folder("run");
            host.start_session(&plan, &crashes());
        });
        assert!(run.is_ok(), "seed {seed}: {run:?}");
        let world = sim.host().world().borrow();
        let bytes = world.disk().content("/run/journal/00000000000000000000.journal").expect("it was begun");
        let entries = scan(bytes).entries;
        assert_eq!(unseen_ends(&entries, ms(0)), [], "seed {seed}");
        unseen += entries.iter().filter(|entry| entry.detail("unobserved").is_some()).count();
    }
    assert!(unseen > 100, "what nobody saw is told as unknown: {unseen}");
}

#[test]
fn a_spoiled_status_is_put_aside_before_the_next_supervisor_writes_its_own() {
    let plan = Arc::new(SessionSpec { recovers: true, ..SessionSpec::clone(&plan()) });
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    let stop: Arc<[Stimulus]> =
        [Stimulus { at: DurationRange::fixed(ms(99)), when: None, act: Act::Stop, on: None }].into();
    let run = sim.run(Seeded::new(1), Some(plan.clone()), |host| {
        host.world().borrow_mut().disk_mut().put("/run/status", b"{\"shakedown-status\":1,");
        host.start_session(&plan, &stop);
    });
    // That it was torn is what the oracle objects to; it says nothing of how the next supervisor takes it.
    assert!(run.violations.iter().all(|found| found.oracle == OracleName::StatusNeverTorn), "{run:?}");
    let world = sim.host().world().borrow();
    assert_eq!(world.disk().content("/run/status.corrupt-0"), Some(&b"{\"shakedown-status\":1,"[..]));
    assert!(parse(world.disk().content("/run/status").expect("it was written")).is_ok());
}
