//! One seed: a session with random workers, clients that start, stop, restart, kill, write and follow and lose patience at random, a
//! supervisor of the host's own that withdraws its waits, and a drive that is dropped at random awaits and taken up again.

use crate::machine::Machine;
use crate::runtime::Madsim;
use madsim::rand::{Rng, thread_rng};
use madsim::task::spawn_local;
use madsim::time::{sleep, timeout};
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::{EndReason, EndState};
use shakedown_core::puppet::parse;
use shakedown_core::runner::Which;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{
    Body, Grace, Probe, ProcessSpec, ReadyPolicy, RestartPolicy, RestartWhen, Scope, SessionSpec, StopPolicy, Stream,
    WorkerSpec,
};
use shakedown_real::handle::{Handle, open};
use shakedown_real::host::{Driven, drive};
use shakedown_real::world::{Board, Executor, RealWorld};
use shakedown_sim::lent::Lent;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

type Hosted = Host<RealWorld<Machine<Madsim>>, Actor>;

/// Plays the seed of the current runtime; what is wrong with it, in the order in which it was found.
pub async fn play() -> Vec<String> {
    if one_in(4) { input().await } else { chaos().await }
}

/// Everything at once.
async fn chaos() -> Vec<String> {
    let spec = Arc::new(plan());
    let (mut host, handle, lent) = begin(&spec);
    let is_supervised = Rc::new(Cell::new(one_in(2)));
    if is_supervised.get() {
        let is_supervised = is_supervised.clone();
        host.spawn("supervisor", |cx| async move {
            supervise(cx).await;
            is_supervised.set(false);
        });
    }
    for _ in 0..thread_rng().gen_range(1..4) {
        drop(spawn_local(client(handle.clone(), spec.workers.len() as u32)));
    }
    drop(spawn_local(stopper(handle, is_supervised)));
    finish(host, &lent).await
}

/// A worker that reads its input to the end, at its own pace; the pump still writes when the input is closed.
async fn input() -> Vec<String> {
    let mut spec = staying();
    let script = "sleep 0ms..4ms; read eof; print done; exit 0";
    spec.workers.push(WorkerSpec::new("eater", Body::Process(Arc::new(puppet("eater", script)))));
    let (mut host, handle, lent) = begin(&Arc::new(spec));
    let told = Rc::new(RefCell::new(None));
    let heard = told.clone();
    host.spawn("owner", |cx| async move {
        let eater = cx.runner().and_then(|runner| runner.handle(WorkerId(0)).ok()).expect("it is planned");
        while !eater.is_running() {
            cx.sleep(micros(50..500)).await;
        }
        for _ in 0..thread_rng().gen_range(0..4) {
            let _ = eater.send_input(&vec![b'x'; thread_rng().gen_range(1..150_000)]);
            if one_in(2) {
                cx.sleep(micros(0..2000)).await;
            }
        }
        let closed = eater.close_input();
        let ended = cx.timeout(Duration::from_millis(100), eater.wait()).await;
        *heard.borrow_mut() = Some(format!("{closed:?} {:?}", ended.map(|ended| ended.map(|outcome| outcome.state))));
        cx.runner().expect("as before").stop_session();
    });
    drop(handle);
    let mut findings = finish(host, &lent).await;
    let told = told.take().unwrap_or_else(|| "nothing".to_owned());
    if told != "Ok(()) Ok(Ok(Finished))" {
        findings.push(format!("a worker whose input was closed has to come to its end: {told}"));
    }
    findings
}

/// A session on a simulated machine, open to clients, and the machine.
fn begin(spec: &Arc<SessionSpec>) -> (Hosted, Handle, Lent) {
    let lent = shakedown_sim::lent::madsim::boot();
    lent.plan(spec.clone(), thread_rng().r#gen());
    lent.audit(|audit| audit.set_lag_max(LAG_MAX));
    let board = Board::new();
    let lag = || if one_in(2) { micros(0..3000) } else { Duration::ZERO };
    let machine = Machine::new(lent.clone(), board.clone(), lag);
    let mut world = RealWorld::on(machine, board, thread_rng().r#gen());
    let told = lent.clone();
    world.on_fact(Box::new(move |fact| told.publish(fact)));
    let mut host: Hosted = Host::new(world);
    let session = host.start_session(spec, &[].into());
    let handle = open(&mut host, session);
    (host, handle, lent)
}

/// Drives to the end, and asks everybody who may object: the glue, the kernel, the oracles.
async fn finish(mut host: Hosted, lent: &Lent) -> Vec<String> {
    let (mut findings, reason) = match timeout(TIME_MAX, drive_by_pieces(&mut host)).await {
        Ok(Driven::Done) => (Vec::new(), EndReason::SessionStopped),
        Ok(Driven::Stuck) => (vec![format!("stuck: {}", waiters(&host))], EndReason::Stuck),
        Err(_) => (vec![format!("hang: after {TIME_MAX:?} it is not over: {}", waiters(&host))], EndReason::Cut),
    };
    if findings.is_empty() {
        // The answer to a write that ended with its reader may be on its way although nobody waits for it any more: acts always complete.
        Madsim::sleep(SETTLED).await;
        drive(&mut host).await;
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
    findings.extend(lent.end_of(&left).into_iter().map(|violation| format!("{violation:?}")));
    if findings.is_empty() {
        // Clients hold nothing of the kernel: whatever is awaited there is the glue's.
        let (units, waits) = host.world().borrow().leftovers();
        let awaited = lent.awaited();
        if (units, waits, awaited) != (0, 0, 0) {
            findings.push(format!("the glue holds {units} units, {waits} waits, and {awaited} answers are awaited"));
        }
    }
    findings
}

fn waiters(host: &Hosted) -> String {
    host.waiters().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A drive may be dropped at any await: the next one goes on.
async fn drive_by_pieces(host: &mut Hosted) -> Driven {
    if one_in(2) {
        return drive(host).await;
    }
    loop {
        if let Ok(driven) = timeout(micros(0..4000), drive(host)).await {
            return driven;
        }
        Madsim::others_first().await;
    }
}

fn staying() -> SessionSpec {
    let mut spec = SessionSpec::new("s");
    spec.stays = true;
    spec.stop_budget = Duration::from_millis(200);
    spec
}

/// A plan of one to four workers.
fn plan() -> SessionSpec {
    let mut spec = staying();
    for nth in 0..thread_rng().gen_range(1..5) {
        let (_, script) = SCRIPTS[thread_rng().gen_range(0..SCRIPTS.len())];
        let name = format!("w{nth}");
        let body = Body::Process(Arc::new(puppet(&name, script)));
        let stop = StopPolicy { grace: Grace::After(Duration::from_millis(20)), ..StopPolicy::default() };
        let when = if one_in(3) { RestartWhen::Always } else { RestartWhen::Never };
        let restart = RestartPolicy { when, ..RestartPolicy::default() };
        // Most never say it: the wait for it is withdrawn.
        let ready = one_in(3).then(|| Arc::new(ReadyPolicy::new(Probe::Notify)));
        spec.workers.push(WorkerSpec { stop, restart, ready, ..WorkerSpec::new(&name, body) });
    }
    spec
}

fn puppet(name: &str, script: &str) -> ProcessSpec {
    ProcessSpec::puppet(name, parse(script).unwrap_or_else(|errors| panic!("{script}: {errors:?}"))).scope(Scope::Tree)
}

/// What asks, loses patience, and asks again.
async fn client(handle: Handle, workers: u32) {
    for _ in 0..thread_rng().gen_range(1..12) {
        sleep(micros(0..5000)).await;
        let asked = ask(&handle, WorkerId(thread_rng().gen_range(0..workers)));
        if one_in(3) {
            // Dropped at whatever it waits for.
            let _ = timeout(micros(0..200), asked).await;
        } else {
            asked.await;
        }
    }
}

async fn ask(handle: &Handle, id: WorkerId) {
    // A verb may be refused: what it was for has ended meanwhile.
    match thread_rng().gen_range(0..9) {
        0 => drop(handle.stop(id).await),
        1 => drop(handle.kill(id).await),
        2 => drop(handle.restart(id).await),
        3 => drop(handle.signal(id, 10).await),
        4 => drop(handle.with(move |runner| runner.start_again(id)).await),
        5 => drop(handle.list(Which::Retained).await),
        6 => drop(handle.with(move |runner| runner.close_input(id)).await),
        7 => {
            let size = if one_in(2) { 5 } else { 200_000 };
            let bytes = vec![b'\n'; size];
            let _ = handle.with(move |runner| runner.send_input(id, &bytes)).await;
        }
        _ => {
            if let Ok(mut follower) = handle.follow().await {
                for _ in 0..thread_rng().gen_range(0..5) {
                    let _ = timeout(micros(0..3000), follower.next()).await;
                }
            }
        }
    }
}

/// Nothing may go on once the session has told its end, and so it is stopped after the supervisor beside it has ended.
async fn stopper(handle: Handle, is_supervised: Rc<Cell<bool>>) {
    sleep(micros(0..40_000)).await;
    while is_supervised.get() {
        sleep(micros(0..1000)).await;
    }
    let _ = handle.stop_session().await;
    if one_in(3) {
        sleep(micros(0..3000)).await;
        let _ = handle.stop_session().await;
    }
}

/// A supervisor as a user writes it: every wait of it may be withdrawn.
async fn supervise(cx: TaskCx) {
    for _ in 0..2 {
        let (_, script) = SCRIPTS[thread_rng().gen_range(0..SCRIPTS.len())];
        let Ok(Ok(process)) = cx.timeout(micros(0..4000), cx.process().start(puppet("own", script))).await else {
            continue;
        };
        let mut output = Vec::new();
        let _ = cx.timeout(micros(0..3000), process.read(Stream::Stdout, &mut output)).await;
        let _ = cx.timeout(micros(0..2000), process.write_all(&[b'\n'; 100_000])).await;
        let _ = cx.timeout(micros(0..2000), process.scope_empty()).await;
        process.signal_scope(Signal::TERM);
        if cx.timeout(micros(0..8000), process.exited()).await.is_err() {
            process.signal_scope(Signal::KILL);
        }
        process.signal_scope(Signal::KILL);
        process.scope_empty().await;
        process.wait().await;
    }
}

fn one_in(n: u32) -> bool {
    thread_rng().gen_ratio(1, n)
}

fn micros(range: std::ops::Range<u64>) -> Duration {
    Duration::from_micros(thread_rng().gen_range(range))
}

/// What workers are.
const SCRIPTS: &[(&str, &str)] = &[
    ("polite", "on TERM exit 0 after 1ms..5ms; print up; hang"),
    ("stubborn", "on TERM ignore; hang"),
    ("late", "on TERM exit 0; sleep 0ms..4ms; notify ready; hang"),
    ("eater", "read eof; print done; exit 0"),
    ("brief", "print a; exit 0"),
    ("failing", "sleep 1ms..3ms; exit 1"),
    ("reader", "read line; print got; hang"),
    ("deaf", "hang"),
    ("parent", "spawn helper { on TERM ignore; hang }; hang"),
    ("leaver", "spawn lost { setsid; print x; hang }; exit 0"),
];

const TIME_MAX: Duration = Duration::from_secs(20);
/// madsim lets up to 100 ns pass with each poll, and the answer to a start that nobody waits for any more takes up to 3 ms.
const LAG_MAX: Duration = Duration::from_millis(6);
/// Long enough for whatever needs no more time than its turns.
const SETTLED: Duration = Duration::from_millis(1);
