//! Files in the hands of tasks, on a disk that loses what was not synced: a crash at every step of every flow.

use shakedown_core::choose::{Calm, Choose};
use shakedown_core::files::{FileError, Fs};
use shakedown_core::task::TaskCx;
use shakedown_core::time::Duration;
use shakedown_core::vocab::{Errno, Fault, FaultKind};
use shakedown_sim::choose::Seeded;
use shakedown_sim::disk::{Disk, DiskConfig};
use shakedown_sim::{Ending, Limits, Simulator, WorldConfig};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

type Sim<C> = Simulator<C>;

fn simulator<C: Choose + 'static>(chooser: C) -> Sim<C> {
    Simulator::new(WorldConfig::default(), Limits::default(), chooser)
}

/// Plays a task on this disk under 300 seeds; every run must end well.
fn check<F: Future<Output = ()> + 'static>(put: impl Fn(&mut Disk), test: impl Fn(TaskCx) -> F) {
    let mut sim = simulator(Seeded::new(0));
    for seed in 0..300 {
        let run = sim.run(Seeded::new(seed), None, |host| {
            put(host.world().borrow_mut().disk_mut());
            host.spawn("main", &test);
        });
        assert!(run.is_ok(), "seed {seed}: {run:#?}");
    }
}

type Flow = fn(Fs) -> Pin<Box<dyn Future<Output = Result<(), FileError>>>>;

const OLD: &[u8] = b"old";

/// Longer than a page, so that it is written in pieces.
fn new() -> Vec<u8> {
    b"new".repeat(3000)
}

/// A disk as it was when the machine crashed after so many calls of a flow; `None` where the flow was over before.
fn cut_after(calls: u64, flow: Flow) -> Option<Disk> {
    let mut sim = simulator(Calm);
    let setup = |host: &mut shakedown_core::host::Host<shakedown_sim::SimWorld<Calm>>| {
        host.world().borrow_mut().disk_mut().put("run/status", OLD);
        host.spawn("writer", move |cx| async move { flow(cx.files().rooted("/run")).await.expect("it is written") });
    };
    let run = sim.run_while(Calm, None, setup, |host| host.world().borrow().disk().calls() < calls);
    (run.ending == Ending::Cut).then(|| sim.host().world().borrow().disk().clone())
}

/// All that crashes at every step of a flow leave.
fn left_by(flow: Flow) -> BTreeSet<Option<Vec<u8>>> {
    let mut left = BTreeSet::new();
    let mut steps = 0;
    while let Some(disk) = cut_after(steps, flow) {
        for seed in 0..100 {
            let mut disk = disk.clone();
            disk.set_faults([Fault::new(FaultKind::TornWrite, 0.5)].into());
            disk.crash(&mut Seeded::new(seed));
            left.insert(disk.content("run/status").map(<[u8]>::to_vec));
            let temps = disk.names_in("run").into_iter().filter(|name| name.contains(".tmp-"));
            assert!(temps.count() <= 1, "step {steps}, seed {seed}: {:?}", disk.names_in("run"));
        }
        steps += 1;
    }
    assert!(steps > 3, "only {steps} steps");
    left
}

#[test]
fn a_crash_at_every_step_leaves_the_old_content_or_the_new() {
    let whole = BTreeSet::from([Some(OLD.to_vec()), Some(new())]);
    assert_eq!(left_by(|fs| Box::pin(async move { fs.write_atomic("status", new()).await })), whole);
    assert_eq!(left_by(|fs| Box::pin(async move { fs.update_atomic("status", |_| new()).await })), whole);
}

#[test]
fn the_same_without_a_sync_leaves_other_things() {
    let left = left_by(|fs| {
        Box::pin(async move {
            let file = fs.open_append("temp", 0o644).await?;
            file.append(new()).await?;
            fs.rename("temp", "status").await?;
            fs.sync_folder(".").await
        })
    });
    assert!(left.len() > 10 && left.contains(&Some(Vec::new())), "{} contents", left.len());
    let left = left_by(|fs| {
        Box::pin(async move {
            let file = fs.open_append("status", 0o644).await?;
            file.truncate(0).await?;
            file.append(new()).await?;
            file.sync().await
        })
    });
    assert!(left.contains(&Some(Vec::new())), "{} contents", left.len());
}

#[test]
fn a_write_that_is_over_outlives_every_crash() {
    let after = Rc::new(RefCell::new(None));
    let mut sim = simulator(Calm);
    let run = sim.run(Calm, None, |host| {
        host.world().borrow_mut().disk_mut().put_folder("run");
        let (world, after) = (host.world().clone(), after.clone());
        host.spawn("writer", move |cx| async move {
            cx.files().rooted("/run").write_atomic("status", new()).await.expect("it is written");
            *after.borrow_mut() = Some(world.borrow().disk().clone());
        });
    });
    assert!(run.is_ok(), "{run:?}");
    let disk = after.take().expect("it was written");
    for seed in 0..100 {
        let mut disk = disk.clone();
        disk.crash(&mut Seeded::new(seed));
        assert_eq!(disk.names_in("run"), ["status"]);
        assert_eq!(disk.content("run/status"), Some(&new()[..]));
    }
}

#[test]
fn writers_at_once_leave_one_whole_content_and_no_temporary_file() {
    check(
        |disk| disk.put_folder("run"),
        |cx| async move {
            let texts = ["one", "two", "three"];
            let writers = texts.map(|text| {
                cx.spawn("writer", move |cx| async move {
                    let fs = cx.files().rooted("/run");
                    for _ in 0..3 {
                        fs.write_atomic("status", text.as_bytes()).await.expect("it is written");
                    }
                })
            });
            for writer in writers {
                writer.await.expect("it is not aborted");
            }
            let fs = cx.files().rooted("/run");
            let left = fs.read("status").await.expect("it is there");
            assert!(texts.iter().any(|text| text.as_bytes() == left), "{left:?}");
            assert_eq!(fs.list(".").await.expect("a folder"), ["status"]);
        },
    );
}

#[test]
fn no_update_is_lost_however_many_update_at_once() {
    check(
        |_| {},
        |cx| async move {
            let updaters = [(); 4].map(|()| {
                cx.spawn("updater", |cx| async move {
                    for _ in 0..3 {
                        let fs = cx.files().unrestricted();
                        fs.update_atomic("/count", |old| [old, b"."].concat()).await.expect("it is updated");
                    }
                })
            });
            for updater in updaters {
                updater.await.expect("it is not aborted");
            }
            assert_eq!(cx.files().unrestricted().read("/count").await.expect("it is there").len(), 12);
        },
    );
}

#[test]
fn a_lock_is_waited_for_and_goes_with_its_task() {
    check(
        |_| {},
        |cx| async move {
            let holder = cx.spawn("holder", |cx| async move {
                let lock = cx.files().unrestricted().lock("/lock").await.expect("it is free");
                cx.sleep(Duration::from_secs(3600)).await;
                drop(lock);
            });
            cx.sleep(Duration::from_millis(1)).await;
            let fs = cx.files().unrestricted();
            assert!(cx.timeout(Duration::from_millis(100), fs.lock("/lock")).await.is_err());
            holder.abort();
            assert!(fs.lock("/lock").await.is_ok());
        },
    );
}

#[test]
fn what_fails_leaves_the_old_content_and_no_temporary_file() {
    check(
        |disk| {
            disk.put("run/status", OLD);
            disk.put("run/folder/file", b"");
        },
        |cx| async move {
            let fs = cx.files().rooted("/run");
            let error = fs.write_atomic("folder", "x").await.expect_err("it is a folder");
            assert_eq!(error.errno, Errno::EISDIR);
            let error = fs.write_atomic("none/file", "x").await.expect_err("there is no such folder");
            assert_eq!(error.errno, Errno::ENOENT);
            assert_eq!(fs.list(".").await.expect("a folder"), ["folder", "status"]);
        },
    );
    let config = WorldConfig { disk: DiskConfig { bytes_max: 1000 }, ..WorldConfig::default() };
    let mut sim: Sim<Calm> = Simulator::new(config, Limits::default(), Calm);
    let run = sim.run(Calm, None, |host| {
        host.world().borrow_mut().disk_mut().put("run/status", OLD);
        host.spawn("writer", |cx| async move {
            let fs = cx.files().rooted("/run");
            assert_eq!(fs.write_atomic("status", new()).await.expect_err("it is too much").errno, Errno::ENOSPC);
            assert_eq!(fs.read("status").await.expect("it is there"), OLD);
            assert_eq!(fs.list(".").await.expect("a folder"), ["status"]);
        });
    });
    assert!(run.is_ok(), "{run:?}");
}

#[test]
fn the_mode_of_a_file_stays_and_a_link_is_replaced() {
    check(
        |disk| {
            disk.put("run/target", OLD);
            disk.put_link("run/link", "target");
        },
        |cx| async move {
            let fs = cx.files().rooted("/run");
            let file = fs.open_append("status", 0o640).await.expect("it is made");
            drop(file);
            fs.write_atomic("status", "x").await.expect("it is written");
            fs.write_atomic("link", "x").await.expect("it is written");
            let stat = fs.stat("status").await.expect("an answer").expect("it is there");
            assert_eq!((stat.mode, stat.len), (0o640, 1));
            assert_eq!(fs.read("target").await.expect("it is there"), OLD);
            assert_eq!(fs.read("link").await.expect("it is there"), b"x");
        },
    );
}

#[test]
fn temporary_files_of_the_dead_are_cleaned_and_those_of_the_living_are_not() {
    check(
        |disk| {
            disk.put("run/.status.tmp-0", b"left by a crash");
            disk.put("run/.other.tmp-3", b"left by a crash");
            disk.put("run/.other.lock", b"");
        },
        |cx| async move {
            let fs = cx.files().rooted("/run");
            let living = fs.lock(".status.tmp-0").await.expect("it is free");
            assert_eq!(fs.clean_temps(".").await.expect("a folder"), 1);
            assert_eq!(fs.list(".").await.expect("a folder"), [".other.lock", ".status.tmp-0"]);
            drop(living);
            fs.write_atomic("status", "x").await.expect("it is written");
            assert_eq!(fs.list(".").await.expect("a folder"), [".other.lock", "status"]);
        },
    );
}

#[test]
fn a_rooted_hand_refuses_every_way_out() {
    check(
        |disk| {
            disk.put("etc/secret", b"");
            disk.put_link("run/out", "../etc");
        },
        |cx| async move {
            let fs = cx.files().rooted("/run");
            for path in ["/etc/secret", "../etc/secret", "a/../../etc/secret", "out/secret"] {
                let error = fs.read(path).await.expect_err("it is outside");
                assert!(error.is_outside && error.to_string().contains("leaves its folder"), "{path}: {error}");
                assert!(fs.write_atomic(path, "x").await.expect_err("it is outside").is_outside, "{path}");
            }
            assert!(cx.files().unrestricted().read("/etc/secret").await.is_ok());
        },
    );
}

#[test]
fn a_file_that_opens_for_nobody_is_closed() {
    check(
        |disk| disk.put("file", b""),
        |cx| async move {
            let fs = cx.files().unrestricted();
            let locked = fs.lock("file").await.expect("it is free");
            // Dropped while the open is under way: the host closes what comes of it.
            assert!(cx.timeout(Duration::ZERO, std::future::pending::<()>()).await.is_err());
            let opens = cx.spawn("opens", |cx| async move { cx.files().unrestricted().lock("file").await.is_ok() });
            cx.yield_now().await;
            opens.abort();
            drop(locked);
            assert!(cx.timeout(Duration::from_millis(1), fs.lock("file")).await.is_ok());
        },
    );
}
