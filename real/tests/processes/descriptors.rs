//! Without a free descriptor: nobody can be started, and whoever was started is still found and ended.

use crate::cases::{KILLED, cases};
use crate::rig::{Rig, Started};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Completion, Errno, ExitStatus, ProcessSpec, ProcessWhat, Request, Scope, Target};
use std::fs::File;
use std::time::Duration;

cases! {
    an_escapee_is_found_and_killed_without_a_free_descriptor,
    an_orphan_is_told_of_without_a_free_descriptor,
    a_start_that_lacks_a_descriptor_anywhere_leaves_nothing_behind,
    whoever_waits_for_many_leaves_a_descriptor_to_whoever_ends_them,
}

/// All descriptors that this program may have, taken; given back when it is dropped.
struct AllTaken {
    taken: Vec<File>,
    limits: (rlim_t, rlim_t),
}

impl AllTaken {
    /// A limit not far above what is open now, and everything below it opened.
    fn new() -> AllTaken {
        let limits = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let open = open_descriptors() as rlim_t;
        setrlimit(Resource::RLIMIT_NOFILE, open + 16, limits.1).unwrap();
        let taken = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        AllTaken { taken, limits }
    }
}

impl AllTaken {
    /// All but so many.
    fn but(free: usize) -> AllTaken {
        let mut all = AllTaken::new();
        all.taken.truncate(all.taken.len().saturating_sub(free));
        all
    }
}

impl Drop for AllTaken {
    fn drop(&mut self) {
        setrlimit(Resource::RLIMIT_NOFILE, self.limits.0, self.limits.1).unwrap();
    }
}

/// In a session of its own, and nobody's child in its unit: only its environment tells whose it is.
const ESCAPEE: &str = "daemonize far { print ready; hang }; hang";

async fn an_escapee_is_found_and_killed_without_a_free_descriptor() {
    let mut rig = Rig::new();
    let Started { unit, pid } = rig.puppet(Scope::Tree, ESCAPEE).await;
    let taken = AllTaken::new();
    let (_, refused) = rig.try_start(ProcessSpec::command("c", &["true"], None)).await;
    assert_eq!(refused.unwrap_err().errno, Errno::EMFILE, "none is free");
    let (members, holders) = rig.survey(unit).await;
    let names =
        |found: &[shakedown_core::vocab::Survivor]| found.iter().map(|s| s.name.to_string()).collect::<Vec<_>>();
    assert_eq!((names(&members), names(&holders)), (vec!["p/main".into(), "p/far".into()], names(&members)), "{pid}");
    rig.finish(unit).await;
    drop(taken);
    rig.saw("p/far", ProcessWhat::Exited(KILLED)).await;
}

async fn an_orphan_is_told_of_without_a_free_descriptor() {
    let mut rig = Rig::new();
    let Started { unit, .. } = rig.puppet(Scope::Tree, ESCAPEE).await;
    let taken = AllTaken::new();
    rig.signal(unit, Target::Leader, Signal::KILL);
    let notice = rig.exit(unit).await;
    assert_eq!((notice.status, notice.others), (KILLED, Some(true)));
    rig.finish(unit).await;
    drop(taken);
    rig.saw("p/far", ProcessWhat::Exited(KILLED)).await;
}

async fn whoever_waits_for_many_leaves_a_descriptor_to_whoever_ends_them() {
    let mut rig = Rig::new();
    let many = "repeat 40 { spawn far { setsid; hang } }; print ready; hang";
    let Started { unit, .. } = rig.puppet(Scope::Tree, many).await;
    let taken = AllTaken::but(8);
    let empty = rig.submit(unit, Request::Empty);
    let holds_all = async {
        while File::open("/dev/null").is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), holds_all).await.expect("it waits for as many as it can hold");
    let killed = rig.signal(unit, Target::Scope, Signal::KILL);
    assert_eq!(rig.answer(empty).await, Completion::Empty);
    assert!(!rig.is_answered(killed), "it could not be sent");
    rig.forget(unit);
    drop(taken);
    assert_eq!(rig.ends("p/far"), [KILLED; 40]);
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

async fn a_start_that_lacks_a_descriptor_anywhere_leaves_nothing_behind() {
    let mut rig = Rig::new();
    // Whatever is opened once and kept.
    let (unit, _) = rig.try_start(ProcessSpec::command("c", &["true"], None)).await;
    rig.finish(unit).await;
    let (mut refused, before) = (0, open_descriptors());
    for free in 0..24 {
        let taken = AllTaken::but(free);
        let (unit, result) = rig.try_start(ProcessSpec::command("c", &["true"], None)).await;
        match result {
            Ok(_) => {
                assert_eq!(rig.exit(unit).await.status, ExitStatus::Exited(0), "{free} free");
                rig.finish(unit).await;
            }
            Err(failure) => {
                assert_eq!((failure.errno, refused), (Errno::EMFILE, free), "with fewer it starts");
                refused += 1;
            }
        }
        drop(taken);
        assert_eq!(open_descriptors(), before, "{free} free");
        assert_eq!(shakedown_real::procfs::own_children(), Ok(Vec::new()), "{free} free");
    }
    assert!((3..20).contains(&refused), "{refused}");
}
