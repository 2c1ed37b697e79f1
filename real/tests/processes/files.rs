//! Files on Linux: what the simulated disk promises, kept by a real one.

use crate::cases::cases;
use shakedown_core::actor::Actor;
use shakedown_core::files::Fs;
use shakedown_core::host::Host;
use shakedown_core::journal::{Entry, Filter, SinkSpec, What, follow, read};
use shakedown_core::puppet::parse;
use shakedown_core::status;
use shakedown_core::task::TaskCx;
use shakedown_core::time::Duration;
use shakedown_core::vocab::{
    Act, Backoff, Body, Errno, Fact, FactRecord, ProcessSpec, RestartPolicy, RestartWhen, SessionSpec, Stimulus,
    Stream, WorkerSpec, WorkerState,
};
use shakedown_real::host::{Driven, drive};
use shakedown_real::{Config, RealWorld};
use std::cell::RefCell;
use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

cases! {
    a_file_is_written_read_and_replaced,
    a_rooted_hand_refuses_every_way_out,
    what_fails_leaves_no_temporary_file,
    a_read_only_file_keeps_its_mode_and_is_replaced,
    no_update_of_many_threads_is_lost,
    a_full_disk_leaves_the_old_content,
    a_lock_goes_with_its_file,
    a_session_leaves_its_journal_and_its_last_status,
    who_follows_sees_each_run_begin_and_end_in_order,
    what_a_journal_has_no_room_for_is_counted_and_delays_no_stop,
}

/// A folder of one test, gone with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("shakedown-files-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a folder");
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn text(&self) -> &str {
        self.0.to_str().expect("a name in UTF-8")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("a folder");
        let mut names: Vec<String> = entries.map(|e| e.expect("an entry").file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Plays a task to its end.
pub async fn play<F: Future<Output = ()> + 'static>(task: impl FnOnce(TaskCx) -> F) {
    let mut host: Host<RealWorld, Actor> = Host::new(RealWorld::new(Config::default()).expect("a world"));
    host.spawn("main", task);
    assert_eq!(drive(&mut host).await, Driven::Done);
    assert_eq!(host.world().borrow_mut().take_findings(), Vec::<String>::new());
}

/// Plays a task in a folder of its own.
async fn in_folder<F: Future<Output = ()> + 'static>(name: &str, task: impl FnOnce(TaskCx, Fs) -> F) -> Folder {
    let folder = Folder::new(name);
    let root = folder.text().to_owned();
    play(|cx| {
        let fs = cx.files().rooted(&root);
        task(cx, fs)
    })
    .await;
    folder
}

async fn a_file_is_written_read_and_replaced() {
    let folder = in_folder("written", |_, fs| async move {
        fs.make_folder("sub").await.expect("made");
        let file = fs.open_append("sub/log", 0o640).await.expect("made");
        file.append(b"one\n").await.expect("written");
        file.append(b"two\n").await.expect("written");
        file.sync().await.expect("synced");
        assert_eq!(file.read_at(4, 100).await.expect("read"), b"two\n");
        file.truncate(4).await.expect("cut");
        assert_eq!(file.truncate(5).await.expect_err("it grows").errno, Errno::EINVAL);
        let stat = fs.stat("sub/log").await.expect("an answer").expect("it is there");
        assert_eq!((stat.len, stat.mode, Ok(stat)), (4, 0o640, file.stat().await));
        fs.write_atomic("sub/log", b"new").await.expect("replaced");
        assert_eq!(file.read_all().await.expect("read"), b"one\n");
        assert_eq!(fs.read("sub/log").await.expect("read"), b"new");
        fs.rename("sub/log", "log").await.expect("renamed");
        assert_eq!((fs.list("sub").await, fs.list(".").await), (Ok(vec![]), Ok(vec!["log".into(), "sub".into()])));
        fs.remove_folder("sub").await.expect("removed");
        assert_eq!(fs.stat("sub").await, Ok(None));
    })
    .await;
    assert_eq!(folder.names(), ["log"]);
    let mode = fs::metadata(folder.0.join("log")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
}

async fn a_rooted_hand_refuses_every_way_out() {
    let outside = Folder::new("outside");
    fs::write(outside.0.join("secret"), "").expect("written");
    let target = outside.0.clone();
    let folder = in_folder("rooted", move |cx, fs| async move {
        let root = cx.files().unrestricted();
        for (link, to) in [("absolute", target.clone()), ("up", PathBuf::from("..").join(target.file_name().unwrap()))]
        {
            let _ = std::os::unix::fs::symlink(to, std::env::temp_dir().join(own("rooted")).join(link));
        }
        let secret = target.join("secret");
        let secret = secret.to_str().expect("a name in UTF-8");
        for path in [secret, "../x", "a/../../x", "absolute/secret", "up/secret", "absolute/new"] {
            assert!(fs.read(path).await.expect_err("it is outside").is_outside, "{path}");
            assert!(fs.write_atomic(path, b"x").await.expect_err("it is outside").is_outside, "{path}");
            assert!(fs.unlink(path).await.expect_err("it is outside").is_outside, "{path}");
        }
        assert!(root.read(secret).await.is_ok());
    })
    .await;
    assert_eq!((outside.names(), folder.names()), (vec!["secret".into()], vec!["absolute".into(), "up".into()]));
}

fn own(name: &str) -> String {
    format!("shakedown-files-{}-{name}", std::process::id())
}

async fn what_fails_leaves_no_temporary_file() {
    let folder = in_folder("fails", |_, fs| async move {
        fs.make_folder("folder").await.expect("made");
        assert_eq!(fs.write_atomic("folder", b"x").await.expect_err("a folder").errno, Errno::EISDIR);
        assert_eq!(fs.write_atomic("none/x", b"x").await.expect_err("no folder").errno, Errno::ENOENT);
    })
    .await;
    assert_eq!(folder.names(), ["folder"]);
}

async fn a_read_only_file_keeps_its_mode_and_is_replaced() {
    let folder = in_folder("read-only", |_, fs| async move {
        drop(fs.open_append("file", 0o444).await.expect("made"));
        fs.write_atomic("file", b"x").await.expect("replaced");
        assert_eq!(fs.stat("file").await.expect("an answer").expect("it is there").mode, 0o444);
        assert_eq!(fs.read("file").await.expect("read"), b"x");
    })
    .await;
    assert_eq!(folder.names(), ["file"]);
}

async fn no_update_of_many_threads_is_lost() {
    let folder = Folder::new("updates");
    let update = |root: String| {
        play(move |cx| async move {
            let fs = cx.files().rooted(&root);
            for _ in 0..UPDATES {
                fs.update_atomic("count", |old| [old, b"."].concat()).await.expect("updated");
            }
        })
    };
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let root = folder.text().to_owned();
            std::thread::spawn(move || shakedown_real::host::block_on(update(root)).expect("a runtime"))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert_eq!(fs::read(folder.0.join("count")).expect("it is there").len(), THREADS * UPDATES);
    assert_eq!(folder.names(), [".count.lock", "count"]);
}

/// On a file system of 64 KiB; where none may be mounted this is said and counted as such.
async fn a_full_disk_leaves_the_old_content() {
    let folder = Folder::new("full");
    let flags = nix::mount::MsFlags::MS_NOSUID;
    if let Err(errno) = nix::mount::mount(Some("none"), &folder.0, Some("tmpfs"), flags, Some("size=64k")) {
        println!("skipped: a_full_disk_leaves_the_old_content: no file system can be mounted here: {errno}");
        return;
    }
    let root = folder.text().to_owned();
    play(move |cx| async move {
        let fs = cx.files().rooted(&root);
        fs.write_atomic("file", b"old").await.expect("there is room");
        let error = fs.write_atomic("file", vec![0; 1 << 17]).await.expect_err("there is no room");
        assert_eq!(error.errno, Errno::ENOSPC);
        assert_eq!(fs.read("file").await.expect("read"), b"old");
        assert_eq!(fs.list(".").await.expect("a folder"), ["file"]);
    })
    .await;
    nix::mount::umount(&folder.0).expect("nobody uses it");
}

async fn a_lock_goes_with_its_file() {
    in_folder("lock", |cx, fs| async move {
        let lock = fs.lock("lock").await.expect("it is free");
        assert!(cx.timeout(Duration::from_millis(20), fs.lock("lock")).await.is_err());
        drop(lock);
        assert!(cx.timeout(Duration::from_secs(10), fs.lock("lock")).await.is_ok());
    })
    .await;
}

async fn a_session_leaves_its_journal_and_its_last_status() {
    let folder = Folder::new("session");
    let mut spec = SessionSpec::new("shop");
    let script = "print one; eprint two; write 100000; exit 3";
    let body = ProcessSpec::puppet("api", parse(script).expect("a script"));
    spec.workers.push(WorkerSpec::new("api", Body::Process(Arc::new(body))));
    spec.journal = Some(Arc::new(SinkSpec::new(&format!("{}/journal", folder.text()))));
    spec.status = Some(format!("{}/status", folder.text()).into());
    let mut host: Host<RealWorld, Actor> = Host::new(RealWorld::new(Config::default()).expect("a world"));
    let facts = Rc::new(RefCell::new(Vec::new()));
    let history = facts.clone();
    host.world().borrow_mut().on_fact(Box::new(move |fact| history.borrow_mut().push(fact)));
    let session = host.start_session(&Arc::new(spec), &Arc::from([]));
    assert_eq!(drive(&mut host).await, Driven::Done);
    let status = fs::read(folder.path().join("status")).expect("it was written");
    assert_eq!(status::parse(&status), Ok(host.snapshot(session)));
    let root = folder.text().to_owned();
    play(move |cx| async move {
        let fs = cx.files().rooted(&format!("{root}/journal"));
        let found = read(&fs, 0, &Filter::all()).await.expect("it is read").entries;
        let told: Vec<&str> = found.iter().map(Entry::word).collect();
        assert_eq!(told, facts.borrow().iter().map(|record| record.fact.word()).collect::<Vec<_>>());
        let errors =
            read(&fs, 0, &Filter::all().worker("api").stream(Stream::Stderr)).await.expect("it is read").entries;
        assert!(
            matches!(&errors[..], [Entry { what: What::Line { bytes, .. }, .. }] if **bytes == *b"two"),
            "{errors:?}"
        );
        let since = cx.wall().saturating_sub(found[0].time);
        assert!(since < Duration::from_secs(3600), "the wall clock is the wall clock: {since:?}");
    })
    .await;
}

async fn who_follows_sees_each_run_begin_and_end_in_order() {
    let folder = Folder::new("follows");
    let mut spec = SessionSpec::new("shop");
    let body = ProcessSpec::puppet("api", parse("print up; sleep 20ms; exit 7").expect("a script"));
    let backoff = Backoff { initial: Duration::from_millis(20), ..Backoff::default() };
    let restart = RestartPolicy { when: RestartWhen::OnFailure, budget: 1, backoff, ..RestartPolicy::default() };
    spec.workers.push(WorkerSpec { restart, ..WorkerSpec::new("api", Body::Process(Arc::new(body))) });
    spec.journal = Some(Arc::new(SinkSpec::new(folder.text())));
    let mut host: Host<RealWorld, Actor> = Host::new(RealWorld::new(Config::default()).expect("a world"));
    host.start_session(&Arc::new(spec), &Arc::from([]));
    let (heard, root) = (Rc::new(RefCell::new(Vec::new())), folder.text().to_owned());
    let told = heard.clone();
    host.spawn("follower", move |cx| async move {
        let wanted = Filter::all().worker("api").event("started").event("exited");
        let mut records = follow(cx.files().rooted(&root), 0, wanted);
        for _ in 0..4 {
            let entry = records.next().await.expect("it is read");
            told.borrow_mut().push((entry.incarnation, entry.word().to_owned()));
        }
    });
    assert_eq!(drive(&mut host).await, Driven::Done);
    let order = [(1, "started"), (1, "exited"), (2, "started"), (2, "exited")];
    assert_eq!(heard.take(), order.map(|(run, word)| (run, word.to_owned())));
}

/// Two hundred lines come in a few reads, and eight find room at a time.
async fn what_a_journal_has_no_room_for_is_counted_and_delays_no_stop() {
    let folder = Folder::new("room");
    let mut spec = SessionSpec::new("shop");
    let script = "on TERM exit 0; repeat 200 { print line }; hang";
    let body = ProcessSpec::puppet("api", parse(script).expect("a script"));
    spec.workers.push(WorkerSpec::new("api", Body::Process(Arc::new(body))));
    spec.journal = Some(Arc::new(SinkSpec { room: 8, ..SinkSpec::new(folder.text()) }));
    let at = Duration::from_millis(200).into();
    let stop = Stimulus { at, when: None, act: Act::Stop, on: None };
    let mut host: Host<RealWorld, Actor> = Host::new(RealWorld::new(Config::default()).expect("a world"));
    let facts: Rc<RefCell<Vec<FactRecord>>> = Rc::default();
    let history = facts.clone();
    host.world().borrow_mut().on_fact(Box::new(move |fact| history.borrow_mut().push(fact)));
    host.start_session(&Arc::new(spec), &[stop].into());
    assert_eq!(drive(&mut host).await, Driven::Done);
    let counts = host.journal().expect("one is kept").counts();
    assert_eq!(counts.written + counts.dropped_lines, facts.borrow().len() as u64, "{counts:?}");
    assert!(counts.dropped_lines > 0 && counts.dropped_events == 0, "{counts:?}");
    let facts = facts.borrow();
    let ended = facts.iter().find_map(|fact| if let Fact::Ended(outcome) = &fact.fact { Some(outcome) } else { None });
    let outcome = ended.expect("it has ended");
    assert_eq!((outcome.state, outcome.output.delivered), (WorkerState::Stopped, 1000));
}

const THREADS: usize = 4;
const UPDATES: usize = 50;
