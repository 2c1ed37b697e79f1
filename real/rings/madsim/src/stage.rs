//! A session on a simulated machine, open to clients of both kinds, and who judges it at its end.

use crate::chance::{below, micros, one_in, up_to};
use crate::machine::Machine;
use crate::net::Door;
use crate::plan::script_of;
use crate::runtime::Madsim;
use madsim::rand::{Rng, thread_rng};
use madsim::task::{JoinHandle, spawn_local};
use madsim::time::timeout;
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::journal::{ATTEMPT_MAX, FLUSH_MAX, Filter, read};
use shakedown_core::oracle::{EndReason, EndState};
use shakedown_core::vocab::{FactRecord, SessionSpec};
use shakedown_real::control::{DRAIN_MAX, serve};
use shakedown_real::handle::{Handle, open};
use shakedown_real::host::{Driven, drive};
use shakedown_real::world::{Board, Executor, RealWorld};
use shakedown_sim::Programs;
use shakedown_sim::lent::Lent;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A host of the shipped glue on this ring's machine.
pub type Hosted = Host<RealWorld<Machine<Madsim>>, Actor>;

/// A session, before it has run.
pub struct Stage {
    pub host: Hosted,
    pub handle: Handle,
    lent: Lent,
    told: Rc<RefCell<Vec<FactRecord>>>,
    served: JoinHandle<()>,
}

impl Stage {
    /// A session of this plan, on the current node.
    pub async fn begin(spec: &Arc<SessionSpec>) -> Stage {
        let lent = shakedown_sim::lent::madsim::boot();
        lent.plan(spec.clone(), thread_rng().r#gen());
        lent.install(Programs::default().with("job", script_of("on TERM exit 0 after 1ms..5ms; print up; hang")));
        lent.audit(|audit| {
            audit.set_lag_max(LAG_MAX);
            if spec.journal.is_some() || spec.status.is_some() {
                audit.expect_flush(FLUSH_MAX + 2 * ATTEMPT_MAX);
            }
        });
        let board = Board::new();
        let lag = || if one_in(2) { micros(0..3000) } else { Duration::ZERO };
        let machine = Machine::new(lent.clone(), board.clone(), lag);
        let mut world = RealWorld::on(machine, board, thread_rng().r#gen());
        let told: Rc<RefCell<Vec<FactRecord>>> = Rc::default();
        let (kept, judge) = (told.clone(), lent.clone());
        world.on_fact(Box::new(move |fact| {
            kept.borrow_mut().push(fact.clone());
            judge.publish(fact);
        }));
        let judge = lent.clone();
        world.register(Box::new(move |worker, spec| judge.adopt(worker, spec)));
        let mut host: Hosted = Host::new(world);
        let session = host.start_session(spec, &[].into());
        let handle = open(&mut host, session);
        let served = spawn_local(serve::<Madsim>(Door::open().await, handle.clone()));
        Stage { host, handle, lent, told, served }
    }

    /// Drives to the end, and asks everybody who may object: the glue, the kernel, the oracles, the journal.
    pub async fn finish(mut self) -> Vec<String> {
        let mut findings = self.come_to_its_end().await;
        // Clients may take their time to hear of it, and no more.
        if timeout(DRAIN_MAX + LAG_MAX, self.served).await.is_err() {
            findings.push(format!("{DRAIN_MAX:?} after the end of the session its clients are still served"));
        }
        if findings.is_empty() {
            findings.extend(compare_journal(&mut self.host, &self.told.borrow()).await);
        }
        if findings.is_empty() {
            // Clients hold nothing of the kernel: whatever is awaited there is the glue's.
            let (units, waits) = self.host.world().borrow().leftovers();
            let awaited = self.lent.awaited();
            if (units, waits, awaited) != (0, 0, 0) {
                findings
                    .push(format!("the glue holds {units} units, {waits} waits, and {awaited} answers are awaited"));
            }
        }
        findings
    }

    async fn come_to_its_end(&mut self) -> Vec<String> {
        let host = &mut self.host;
        let (mut findings, reason) = match timeout(TIME_MAX, drive_by_pieces(host)).await {
            Ok(Driven::Done) => (Vec::new(), EndReason::SessionStopped),
            Ok(Driven::Stuck) => (vec![format!("stuck: {}", waiters(host))], EndReason::Stuck),
            Err(_) => (vec![format!("hang: after {TIME_MAX:?} it is not over: {}", waiters(host))], EndReason::Cut),
        };
        if findings.is_empty() {
            // The answer to a write that ended with its reader may be on its way although nobody waits for it any more: acts always complete.
            Madsim::sleep(SETTLED).await;
            drive(host).await;
        }
        findings.extend(host.world().borrow_mut().take_findings());
        let (timers, _, _) = host.leftovers();
        let tasks = host.living_tasks();
        let tasks: Vec<&str> = tasks.iter().map(String::as_str).collect();
        let left = EndState {
            tasks: &tasks,
            timers: timers as u32,
            machines_open: &host.open_machines(),
            waiters: &host.waiters(),
            unanswered: &host.unanswered(),
            reason,
        };
        findings.extend(self.lent.end_of(&left).into_iter().map(|violation| format!("{violation:?}")));
        findings
    }
}

fn waiters(host: &Hosted) -> String {
    host.waiters().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A drive may be dropped at any await, or at any time: the next one goes on.
async fn drive_by_pieces(host: &mut Hosted) -> Driven {
    let way = below(4);
    loop {
        let driven = match way {
            0 => timeout(micros(0..4000), drive(host)).await.ok(),
            1 => up_to(1 + below(20), drive(host)).await,
            _ => Some(drive(host).await),
        };
        if let Some(driven) = driven {
            return driven;
        }
        Madsim::others_first().await;
    }
}

/// A journal that had room for all, and a disk that did not fail, holds every fact in the order in which they were told.
async fn compare_journal(host: &mut Hosted, told: &[FactRecord]) -> Option<String> {
    let counts = host.journal()?.counts();
    if let Some(error) = counts.last_error {
        return Some(format!("a disk without faults has failed: {error}"));
    }
    if counts.dropped_lines + counts.dropped_events > 0 {
        return None;
    }
    let found = Rc::new(RefCell::new(None));
    let read_back = found.clone();
    host.spawn("historian", |cx| async move {
        *read_back.borrow_mut() = Some(read(&cx.files().rooted("/journal"), 0, &Filter::all()).await);
    });
    drive(host).await;
    let written = match found.take()? {
        Ok(read) => read.entries,
        Err(error) => return Some(format!("the journal cannot be read: {error}")),
    };
    let (told, written): (Vec<&str>, Vec<&str>) =
        (told.iter().map(|record| record.fact.word()).collect(), written.iter().map(|entry| entry.word()).collect());
    (told != written).then(|| format!("told was {told:?}, and in the journal stands {written:?}"))
}

const TIME_MAX: Duration = Duration::from_secs(20);
/// madsim lets up to 100 ns pass with each poll, and the answer to a start that nobody waits for any more takes up to 3 ms.
const LAG_MAX: Duration = Duration::from_millis(6);
/// Long enough for whatever needs no more time than its turns.
const SETTLED: Duration = Duration::from_millis(1);
