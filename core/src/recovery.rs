//! What a supervisor does first where another was killed before it: it goes on with the detached workers that live, ends all else that was
//! left, and looks whether it is really gone, before a second copy of anything is started beside it (nomad#5593).
//!
//! A flow, not a state: look, ask to end, make to end, look again. Whom to end needs no record of what ran, because what a worker has started
//! bears its session in its environment; so nobody is missed who was started just before the crash, or has left the worker's group since. Who
//! leads a worker, the status file says; a worker whose leader it does not name is ended, and started anew.

use crate::files::File;
use crate::ids::Pid;
use crate::signal::Signal;
use crate::snapshot::Snapshot;
use crate::status::{Found, quarantine, read};
use crate::task::TaskCx;
use crate::time::{Duration, Instant};
use crate::vocab::{Body, Errno, Grace, Identity, Leftover, Scope, SessionSpec, StopPolicy};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What a recovery has come to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovered {
    /// Whom it found and ended, in the order of finding; none of them lives any more.
    pub ended: Vec<Leftover>,
    /// The leaders of detached workers: they are to be taken over, with all that they have started.
    pub adopted: Vec<Leftover>,
    /// Where a spoiled status file was put: it says nothing of what ran.
    pub quarantined: Option<String>,
}

/// Claims a session, by a lock beside its status file that is held for as long as the session lasts: two supervisors of one session would
/// each take the other's processes for leftovers. `None` where it keeps no status, and where no lock can be had for a reason of the
/// system's, which is no sign of another supervisor.
///
/// # Errors
/// [`Busy`]: another supervisor of this session lives.
pub async fn claim(cx: &TaskCx, plan: &SessionSpec) -> Result<Option<File>, Busy> {
    let Some(path) = &plan.status else { return Ok(None) };
    let Ok(file) = cx.files().unrestricted().open_append(&format!("{path}.lock"), 0o600).await else { return Ok(None) };
    match file.try_lock().await {
        Ok(true) => Ok(Some(file)),
        Ok(false) => Err(Busy),
        Err(_) => Ok(None),
    }
}

/// Another supervisor of the same session lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Busy;

/// Nobody can look who was left, for this reason: not for two seconds, in which a descriptor may have become free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blind(pub Errno);

/// Ends whatever an earlier supervisor of this session has left: each process by the stop policy of its worker, and again until none is
/// found but detached workers, whose leaders live. It comes back only then, however long somebody cannot be killed, because a copy beside
/// one that lives is what it is there to prevent. Once the session is asked to stop, detached workers are ended, too.
///
/// # Errors
/// [`Blind`]: who is left cannot be seen. Whoever starts anybody then may start a second copy.
pub async fn recover(cx: &TaskCx, plan: &SessionSpec, session: u64) -> Result<Recovered, Blind> {
    let (leaders, quarantined) = old_status(cx, plan).await;
    let mut recovered = Recovered { quarantined, ..Recovered::default() };
    let is_leader =
        |left: &Leftover| is_detached(plan, &left.worker) && leaders.get(&*left.worker) == Some(&left.who.pid);
    // When each is killed.
    let mut asked: BTreeMap<Identity, Instant> = BTreeMap::new();
    let (mut pause, mut blind) = (LOOK_FIRST, 0);
    loop {
        let mut left = match cx.process().leftovers(session) {
            Ok(left) => left,
            Err(errno) if blind >= LOOKS_BLIND_MAX => return Err(Blind(errno)),
            Err(_) => {
                blind += 1;
                cx.sleep(LOOK_LAST).await;
                continue;
            }
        };
        blind = 0;
        recovered.adopted =
            left.iter().filter(|left| is_leader(left) && !cx.reactor.is_waning.get()).cloned().collect();
        left.retain(|left| recovered.adopted.iter().all(|adopted| adopted.worker != left.worker));
        if left.is_empty() {
            return Ok(recovered);
        }
        for leftover in left {
            let policy = policy_of(plan, &leftover);
            let signal = match asked.get(&leftover.who) {
                None => {
                    asked.insert(leftover.who, kill_at(policy, cx.now()));
                    recovered.ended.push(leftover.clone());
                    policy.map_or(Signal::TERM, |policy| policy.signal)
                }
                Some(kill_at) if cx.now() >= *kill_at => Signal::KILL,
                Some(_) => continue,
            };
            // Who is gone meanwhile is not found the next time.
            let _ = cx.process().signal_leftover(&leftover, signal);
        }
        cx.sleep(pause).await;
        pause = (pause * 2).min(LOOK_LAST);
    }
}

/// The pids that the last status names, by worker. A spoiled one is taken out of the way: where that went. That this fails is no reason not
/// to look for leftovers.
async fn old_status(cx: &TaskCx, plan: &SessionSpec) -> (BTreeMap<Arc<str>, Pid>, Option<String>) {
    let mut pids = BTreeMap::new();
    let Some(path) = plan.status.as_deref() else { return (pids, None) };
    let fs = cx.files().unrestricted();
    match read(&fs, path).await {
        Ok(Found::Corrupt(_)) => (pids, quarantine(&fs, path).await.ok()),
        Ok(Found::Whole(snapshot)) => {
            pids_of(&snapshot, &mut pids);
            (pids, None)
        }
        Ok(Found::Absent) | Err(_) => (pids, None),
    }
}

fn pids_of(snapshot: &Snapshot, into: &mut BTreeMap<Arc<str>, Pid>) {
    for child in &snapshot.children {
        into.extend(child.pid.map(|pid| (child.name.clone(), pid)));
        pids_of(child, into);
    }
}

/// Whether the plan has such a worker. One whose scope is a control group is not taken over: who holds that is gone.
fn is_detached(plan: &SessionSpec, worker: &str) -> bool {
    let spec = plan.workers.iter().find(|spec| *spec.name == *worker);
    match spec.map(|spec| &spec.body) {
        Some(Body::Process(process)) => process.detached && !matches!(process.scope, Scope::Cgroup | Scope::Job),
        Some(Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) | Body::Supervisor(_)) | None => false,
    }
}

/// The policy of the worker whose it is, where the plan still has one of that name.
fn policy_of<'a>(plan: &'a SessionSpec, leftover: &Leftover) -> Option<&'a StopPolicy> {
    plan.workers.iter().find(|worker| worker.name == leftover.worker).map(|worker| &worker.stop)
}

/// Nobody is waited for without bound: a worker without a grace has that of the defaults.
fn kill_at(policy: Option<&StopPolicy>, now: Instant) -> Instant {
    let grace = policy.map(|policy| policy.grace);
    match grace.unwrap_or(StopPolicy::default().grace) {
        Grace::After(grace) => now.after(grace),
        Grace::Never => now.after(GRACE_MAX),
    }
}

/// How long after a look the next one is: from this, doubled, to that.
const LOOK_FIRST: Duration = Duration::from_millis(1);
const LOOK_LAST: Duration = Duration::from_millis(20);
/// Looks that fail one after the other before a recovery is given up.
const LOOKS_BLIND_MAX: u32 = 100;
/// Who is never to be killed is killed after this nevertheless: nobody is there any more who could wait for it.
pub const GRACE_MAX: Duration = Duration::from_secs(10);
