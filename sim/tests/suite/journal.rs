//! The journal on a disk that loses what was not synced: a crash at every step, readers beside writers, and whatever else happens to files.

use shakedown_core::choose::Calm;
use shakedown_core::files::Fs;
use shakedown_core::host::Host;
use shakedown_core::journal::{Entry, Filter, Journal, Keep, What, follow, read};
use shakedown_core::task::TaskCx;
use shakedown_core::time::Duration;
use shakedown_core::vocab::{Errno, Fault, FaultKind, Stream};
use shakedown_sim::choose::Seeded;
use shakedown_sim::disk::Disk;
use shakedown_sim::{Ending, Limits, SimWorld, Simulator, WorldConfig};
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

/// Plays a task in a folder of its own under 200 seeds; every run must end well.
fn check<F: Future<Output = ()> + 'static>(test: impl Fn(TaskCx, Fs) -> F) {
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    for seed in 0..200 {
        let run = sim.run(Seeded::new(seed), None, |host| {
            host.world().borrow_mut().disk_mut().put_folder("log");
            host.spawn("main", |cx| {
                let fs = cx.files().rooted("/log");
                test(cx, fs)
            });
        });
        assert!(run.is_ok(), "seed {seed}: {run:#?}");
    }
}

fn session() -> Arc<str> {
    "shop".into()
}

fn line(text: &str) -> Entry {
    Entry::line(Duration::from_secs(1), &session(), &"api".into(), Stream::Stdout, text.as_bytes())
}

fn texts(entries: &[Entry]) -> Vec<String> {
    let text = |entry: &Entry| match &entry.what {
        What::Line { bytes, .. } => String::from_utf8_lossy(bytes).into_owned(),
        What::Event { word, .. } => word.to_string(),
    };
    entries.iter().map(text).collect()
}

async fn open(fs: &Fs, keep: Keep) -> Journal {
    Journal::open(fs.clone(), keep).await.expect("it opens").0
}

async fn all(fs: &Fs) -> Vec<Entry> {
    read(fs, 0, &Filter::all()).await.expect("it is read").entries
}

/// Files of two or three records.
const SMALL: Keep = Keep { file_bytes: 150, bytes: u64::MAX, age: Duration::MAX };

/// Writes twelve records and says after each sync up to where all are safe.
async fn writes(fs: Fs, safe: Rc<RefCell<u64>>) {
    let mut journal = open(&fs, SMALL).await;
    for n in 0..6 {
        journal.append(&mut [line(&format!("a{n}"))]).await.expect("written");
        journal.append_sync(&mut [line(&format!("b{n}"))]).await.expect("written");
        *safe.borrow_mut() = journal.next_cursor();
    }
}

/// The disk when the machine crashed after so many calls, and up to which record all were safe; `None` where the writer was done before.
fn cut_after(calls: u64) -> Option<(Disk, u64)> {
    let safe = Rc::new(RefCell::new(0));
    let mut sim: Simulator<Calm> = Simulator::new(WorldConfig::default(), Limits::default(), Calm);
    let told = safe.clone();
    let run = sim.run_while(
        Calm,
        None,
        |host: &mut Host<SimWorld<Calm>>| {
            host.world().borrow_mut().disk_mut().put_folder("log");
            host.spawn("writer", |cx| writes(cx.files().rooted("/log"), told));
        },
        |host| host.world().borrow().disk().calls() < calls,
    );
    let disk = sim.host().world().borrow().disk().clone();
    (run.ending == Ending::Cut).then(|| (disk, *safe.borrow()))
}

#[test]
fn after_a_crash_at_every_step_every_synced_record_is_there_once_and_the_journal_goes_on() {
    let mut sim: Simulator<Calm> = Simulator::new(WorldConfig::default(), Limits::default(), Calm);
    let mut steps = 0;
    while let Some((disk, safe)) = cut_after(steps) {
        for seed in 0..20 {
            let mut disk = disk.clone();
            disk.set_faults([Fault::new(FaultKind::TornWrite, 0.5)].into());
            disk.crash(&mut Seeded::new(seed));
            let run = sim.run(Calm, None, |host| {
                *host.world().borrow_mut().disk_mut() = disk;
                host.spawn("main", move |cx| async move { goes_on(&cx.files().rooted("/log"), safe).await });
            });
            assert!(run.is_ok(), "step {steps}, seed {seed}: {run:?}");
        }
        steps += 1;
    }
    assert!(steps > 50, "only {steps} steps");
}

async fn goes_on(fs: &Fs, safe: u64) {
    let before = all(fs).await;
    let cursors: Vec<u64> = before.iter().map(|entry| entry.cursor).collect();
    assert!(cursors.is_sorted_by(|a, b| a < b), "{cursors:?}");
    assert!((0..safe).all(|cursor| cursors.contains(&cursor)), "{cursors:?}, and all below {safe} are safe");
    for entry in &before {
        let letter = if entry.cursor.is_multiple_of(2) { 'a' } else { 'b' };
        assert_eq!(texts(std::slice::from_ref(entry)), [format!("{letter}{}", entry.cursor / 2)]);
    }
    let mut journal = open(fs, SMALL).await;
    journal.append_sync(&mut [line("again")]).await.expect("written");
    let after = all(fs).await;
    assert_eq!((&after[..before.len()], texts(&after[before.len()..])), (&before[..], vec!["again".to_owned()]));
    assert!(after.last().expect("one").cursor >= safe);
}

#[test]
fn lines_of_every_kind_come_back_as_they_were() {
    check(|_, fs| async move {
        let mut journal = open(&fs, Keep::default()).await;
        let long = vec![b'x'; 300_000];
        let lines: [&[u8]; 5] = [b"", b"plain", b"\xff\xfe\0", b"\n inside", &long];
        for bytes in lines {
            let entry = Entry::line(Duration::ZERO, &session(), &"api".into(), Stream::Stderr, bytes);
            journal.append(&mut [entry]).await.expect("written");
        }
        let found = all(&fs).await;
        for (entry, bytes) in found.iter().zip(lines) {
            let what = What::Line { stream: Stream::Stderr, bytes: bytes.into(), complete: true };
            assert_eq!(entry.what, what);
        }
        assert_eq!(found.len(), lines.len());
    });
}

#[test]
fn one_writes_and_another_is_told_that_it_is_busy() {
    check(|_, fs| async move {
        let journal = open(&fs, Keep::default()).await;
        let second = Journal::open(fs.clone(), Keep::default()).await.err();
        assert_eq!(second.map(|error| error.errno), Some(Errno::EBUSY));
        drop(journal);
        open(&fs, Keep::default()).await;
    });
}

#[test]
fn who_follows_hears_every_record_once_through_new_files_and_new_writers() {
    check(|cx, fs| async move {
        let written = fs.clone();
        cx.spawn("writer", |cx| async move {
            for life in 0..3 {
                let mut journal = open(&written, SMALL).await;
                for n in 0..5 {
                    journal.append(&mut [line(&format!("{life}.{n}")), line("other")]).await.expect("written");
                    if cx.pick(2) == 1 {
                        cx.sleep(Duration::from_millis(30)).await;
                    }
                }
            }
        });
        let mut records = follow(fs, 1, Filter::all());
        for cursor in 1..30 {
            let entry = cx.timeout(Duration::from_secs(10), records.next()).await.expect("in time").expect("read");
            assert_eq!(entry.cursor, cursor);
        }
        assert_eq!((records.cursor(), records.missed()), (30, 0));
        assert!(cx.timeout(Duration::from_secs(1), records.next()).await.is_err());
    });
}

#[test]
fn who_follows_from_what_was_removed_is_told_how_much_was_missed() {
    check(|cx, fs| async move {
        let keep = Keep { bytes: 300, ..SMALL };
        let mut journal = open(&fs, keep).await;
        for n in 0..30 {
            journal.append(&mut [line(&format!("{n:02}"))]).await.expect("written");
        }
        assert!(fs.list(".").await.expect("a folder").len() <= 5, "{:?}", fs.list(".").await);
        let left = all(&fs).await;
        let mut records = follow(fs, 0, Filter::all());
        let first = cx.timeout(Duration::from_secs(1), records.next()).await.expect("in time").expect("read");
        assert_eq!((first.cursor, records.missed()), (left[0].cursor, left[0].cursor));
        assert!(first.cursor > 10 && left.last().expect("one").cursor == 29);
    });
}

#[test]
fn what_is_too_old_is_removed_and_what_is_written_to_stays() {
    check(|_, fs| async move {
        let keep = Keep { age: Duration::from_secs(60), ..SMALL };
        let at = |secs, text: &str| Entry { time: Duration::from_secs(secs), ..line(text) };
        let mut journal = open(&fs, keep).await;
        for n in 0..6 {
            journal.append(&mut [at(10, &format!("{n}"))]).await.expect("written");
        }
        drop(journal);
        // Another day, another writer: it looks into the files that are there.
        let mut journal = open(&fs, keep).await;
        journal.append(&mut [at(1000, "late")]).await.expect("written");
        let left = all(&fs).await;
        assert!(left.len() <= 3 && texts(&left).contains(&"late".to_owned()), "{left:?}");
    });
}

#[test]
fn a_file_that_somebody_removes_is_begun_anew_and_no_later_record_is_lost() {
    check(|_, fs| async move {
        let mut journal = open(&fs, Keep::default()).await;
        journal.append(&mut [line("before")]).await.expect("written");
        let name = fs.list(".").await.expect("a folder").remove(0);
        fs.unlink(&name).await.expect("removed");
        journal.append_sync(&mut [line("after")]).await.expect("written");
        assert_eq!((texts(&all(&fs).await), journal.lost_files()), (vec!["after".to_owned()], 1));
    });
}

#[test]
fn a_full_disk_loses_the_records_that_did_not_fit_and_no_others() {
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    for seed in 0..200 {
        let failed = Rc::new(RefCell::new(0));
        let run = sim.run(Seeded::new(seed), None, |host| {
            let mut world = host.world().borrow_mut();
            world.set_faults([Fault::new(FaultKind::DiskFull, 0.3)].into());
            world.disk_mut().put("log/lock", b"");
            world.disk_mut().put("log/00000000000000000000.journal", b"");
            drop(world);
            let failed = failed.clone();
            host.spawn("main", |cx| async move {
                let fs = cx.files().rooted("/log");
                let mut journal = open(&fs, Keep::default()).await;
                let mut kept = Vec::new();
                for n in 0..10 {
                    match journal.append(&mut [line(&format!("{n}"))]).await {
                        Ok(()) => kept.push(format!("{n}")),
                        Err(error) => {
                            assert_eq!(error.errno, Errno::ENOSPC);
                            *failed.borrow_mut() += 1;
                        }
                    }
                }
                assert_eq!(texts(&all(&fs).await), kept);
            });
        });
        assert!(run.is_ok(), "seed {seed}: {run:#?}");
    }
}

#[test]
fn a_damaged_record_is_passed_over_and_counted() {
    check(|cx, fs| async move {
        let mut journal = open(&fs, Keep::default()).await;
        for n in 0..3 {
            journal.append(&mut [line(&format!("{n}"))]).await.expect("written");
        }
        drop(journal);
        let name = fs.list(".").await.expect("a folder").remove(0);
        let mut bytes = fs.read(&name).await.expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs.write_atomic(&name, &bytes).await.expect("written");
        let found = read(&fs, 0, &Filter::all()).await.expect("read");
        assert_eq!((texts(&found.entries), found.next), (vec!["0".to_owned(), "2".to_owned()], 3));
        assert_eq!(found.passed_over, bytes.len() as u64 / 3);
        let (mut journal, recovered) = Journal::open(fs.clone(), Keep::default()).await.expect("it opens");
        assert_eq!((recovered.torn, recovered.damaged.len()), (0, 1));
        journal.append(&mut [line("3")]).await.expect("written");
        let mut records = follow(fs, 0, Filter::all());
        for text in ["0", "2", "3"] {
            let entry = cx.timeout(Duration::from_secs(1), records.next()).await.expect("in time").expect("read");
            assert_eq!(texts(&[entry]), [text]);
        }
        assert_eq!(records.missed(), 1);
    });
}
