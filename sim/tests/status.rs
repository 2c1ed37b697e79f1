//! Sessions that keep a status file: it is as they are, whole at every moment, and says what is spoiled.

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
