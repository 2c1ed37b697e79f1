//! One seed: a session's machine, two clients' machines, and what happens to the links between them.

use crate::machine::Machine;
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::{EndReason, EndState};
use shakedown_core::puppet::parse;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{
    Body, Fact, FactRecord, Grace, ProcessSpec, Scope, SessionSpec, StopPolicy, Subject, WorkerSpec,
};
use shakedown_real::Tokio;
use shakedown_real::chooser::{RealChooser, SplitMix64};
use shakedown_real::control::{Accept, Client, Command, DRAIN_MAX, Reply, serve};
use shakedown_real::handle::open;
use shakedown_real::host::{Driven, drive};
use shakedown_real::world::{Board, RealWorld};
use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use turmoil::net::{TcpListener, TcpStream};

/// What a run has come to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Run {
    pub findings: Vec<String>,
    pub heard: Heard,
    /// When the session was over, in milliseconds.
    pub over_ms: u128,
}

/// What clients have heard, counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    pub done: u32,
    pub refused: u32,
    pub over: u32,
    /// Connections that were lost, or not answered in time.
    pub lost: u32,
}

impl Heard {
    pub fn add(&mut self, other: &Heard) {
        self.done += other.done;
        self.refused += other.refused;
        self.over += other.over;
        self.lost += other.lost;
    }
}

/// Draws of one run.
#[derive(Clone)]
pub struct Dice(Rc<Cell<SplitMix64>>);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(Rc::new(Cell::new(RealChooser::new(seed).stream(0))))
    }

    pub fn below(&self, n: u64) -> u64 {
        let mut stream = self.0.get();
        let bits = stream.bits();
        self.0.set(stream);
        bits % n
    }

    pub fn ms(&self, below: u64) -> Duration {
        Duration::from_millis(self.below(below))
    }
}

/// Plays a seed.
pub fn play(seed: u64) -> Run {
    let dice = Dice::new(seed);
    let run: Rc<RefCell<Run>> = Rc::default();
    let mut sim = network(seed, &dice);
    sim.client("session", session(seed, dice.clone(), run.clone()));
    for client in CLIENTS {
        let (dice, run) = (dice.clone(), run.clone());
        sim.host(client, move || client_of(dice.clone(), run.clone()));
    }
    // Beyond the end of every session: the stop comes at 250 ms at the latest.
    let ended = step_through(&mut sim, &dice, 500, 8, |sim, what| disturb(sim, CLIENTS[dice.below(2) as usize], what));
    drop(sim);
    run.borrow_mut().findings.extend(ended.err().map(|error| format!("the session does not end: {error}")));
    run.take()
}

/// A network of this seed, whose messages take up to as long as is drawn.
pub fn network(seed: u64, dice: &Dice) -> turmoil::Sim<'static> {
    turmoil::Builder::new()
        .rng_seed(seed)
        .enable_random_order()
        .simulation_duration(Duration::from_secs(30))
        .max_message_latency(Duration::from_millis(1 + dice.below(30)))
        .build()
}

/// Steps a network, a millisecond at a time, until its clients are done; up to seven times before `within_ms` it is disturbed, in one of so
/// many ways.
///
/// # Errors
/// Why its clients are not done in time.
pub fn step_through<'a>(
    sim: &mut turmoil::Sim<'a>,
    dice: &Dice,
    within_ms: u64,
    ways: u64,
    mut disturb: impl FnMut(&mut turmoil::Sim<'a>, u64),
) -> Result<(), Box<dyn std::error::Error>> {
    let mut events: Vec<(u64, u64)> = (0..dice.below(8)).map(|_| (dice.below(within_ms), dice.below(ways))).collect();
    events.sort_unstable();
    let mut next = events.into_iter().peekable();
    for tick in 0.. {
        while let Some((_, what)) = next.next_if(|(at, _)| *at <= tick) {
            disturb(sim, what);
        }
        if sim.step()? {
            break;
        }
    }
    Ok(())
}

fn disturb(sim: &mut turmoil::Sim<'_>, client: &str, what: u64) {
    match what {
        0 => sim.partition("session", client),
        1 => sim.partition_oneway("session", client),
        2 => sim.partition_oneway(client, "session"),
        3 => sim.hold("session", client),
        4 => sim.release("session", client),
        5 => sim.repair("session", client),
        // Whatever it was connected to is reset.
        6 => sim.crash(client),
        _ => sim.bounce(client),
    }
}

type Ended = Result<(), Box<dyn std::error::Error>>;

/// The session, its processes, and those who serve it: over in time, and nothing is left.
async fn session(seed: u64, dice: Dice, run: Rc<RefCell<Run>>) -> Ended {
    let spec = Arc::new(plan(&dice));
    let lent = shakedown_sim::lent::turmoil::boot(seed);
    lent.plan(spec.clone(), seed);
    lent.audit(|audit| audit.set_lag_max(LAG_MAX));
    let (board, lag) = (Board::new(), dice.clone());
    let machine: Rc<Machine<Tokio>> = Machine::new(lent.clone(), board.clone(), move || lag.ms(4));
    let mut world = RealWorld::on(machine, board, seed);
    let facts: Rc<RefCell<Vec<FactRecord>>> = Rc::default();
    let (told, history) = (lent.clone(), facts.clone());
    world.on_fact(Box::new(move |fact| {
        history.borrow_mut().push(fact.clone());
        told.publish(fact);
    }));
    let mut host: Host<RealWorld<Machine<Tokio>>, Actor> = Host::new(world);
    let session = host.start_session(&spec, &[].into());
    let handle = open(&mut host, session);
    let clients = Clients(TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?);
    let stop_at = Duration::from_millis(50 + dice.below(200));
    let stopper = handle.clone();
    let stop = async move {
        sleep(stop_at).await;
        let _ = stopper.stop_session().await;
    };
    let (driven, served, ()) = tokio::join!(
        async { (drive(&mut host).await, lent.now()) },
        async {
            serve::<Tokio>(clients, handle).await;
            lent.now()
        },
        stop
    );
    let (driven, over) = driven;
    let mut findings = host.world().borrow_mut().take_findings();
    let reason = if driven == Driven::Done { EndReason::SessionStopped } else { EndReason::Stuck };
    findings.extend((driven != Driven::Done).then(|| format!("the session is {driven:?}")));
    let left = EndState {
        tasks: &[],
        timers: 0,
        machines_open: &host.open_machines(),
        waiters: &[],
        unanswered: &host.unanswered(),
        reason,
    };
    // Serving goes on after the end: the kernel is asked about that instant.
    findings.extend(
        lent.end_of(&left).into_iter().filter(|v| !v.message.contains("still at work")).map(|v| format!("{v:?}")),
    );
    findings.extend(in_time(&facts.borrow(), over, served));
    let (units, waits) = host.world().borrow().leftovers();
    findings.extend(((units, waits) != (0, 0)).then(|| format!("the glue holds {units} units and {waits} waits")));
    let mut run = run.borrow_mut();
    run.findings.extend(findings);
    run.over_ms = served.since(Instant::ZERO).as_millis();
    Ok(())
}

/// The promise: from the request of the stop it takes the budget at most, and from its end the clients' time at most.
fn in_time(facts: &[FactRecord], over: Instant, served: Instant) -> Vec<String> {
    let mut findings = Vec::new();
    let asked = facts.iter().find_map(|fact| match (&fact.subject, &fact.fact) {
        (Subject::Session, Fact::StopRequested { .. }) => Some(fact.at),
        _ => None,
    });
    match asked {
        Some(asked) if over > asked.after(BUDGET).after(LAG_MAX) => {
            findings.push(format!("a stop that was asked at {asked} was over only at {over}"));
        }
        Some(_) => {}
        None => findings.push("nobody has asked for a stop".to_owned()),
    }
    if served > over.after(DRAIN_MAX).after(LAG_MAX) {
        findings.push(format!("the session was over at {over}, and its clients were served until {served}"));
    }
    findings
}

/// What is there to be stopped: some end gently, some only by force.
fn plan(dice: &Dice) -> SessionSpec {
    let mut spec = SessionSpec::new("s");
    spec.stays = true;
    spec.stop_budget = BUDGET;
    for nth in 0..1 + dice.below(3) {
        let script = SCRIPTS[dice.below(SCRIPTS.len() as u64) as usize];
        let script = parse(script).unwrap_or_else(|errors| panic!("{errors:?}"));
        let name = format!("w{nth}");
        let body = Body::Process(Arc::new(ProcessSpec::puppet(&name, script).scope(Scope::Tree)));
        let stop = StopPolicy { grace: Grace::After(Duration::from_millis(40)), ..StopPolicy::default() };
        spec.workers.push(WorkerSpec { stop, ..WorkerSpec::new(&name, body) });
    }
    spec
}

/// Connects, asks, follows, loses patience, and connects again.
async fn client_of(dice: Dice, run: Rc<RefCell<Run>>) -> Ended {
    for _ in 0..4 {
        let was_heard = timeout(Duration::from_millis(50 + dice.below(400)), converse(&dice, &run)).await;
        if !matches!(was_heard, Ok(Ok(()))) {
            run.borrow_mut().heard.lost += 1;
        }
        sleep(dice.ms(30)).await;
    }
    Ok(())
}

async fn converse(dice: &Dice, run: &RefCell<Run>) -> Ended {
    let mut client = Client::greet(TcpStream::connect(("session", PORT)).await?).await?;
    for _ in 0..dice.below(6) {
        sleep(dice.ms(20)).await;
        let worker = WorkerId(dice.below(3) as u32);
        let command = match dice.below(9) {
            0 => Command::Stop(worker),
            1 => Command::Kill(worker),
            2 => Command::Restart(worker),
            3 => Command::Signal(worker, 10),
            4 => Command::Send(worker, b"x\n".to_vec()),
            5 => Command::CloseInput(worker),
            6 if dice.below(4) == 0 => Command::StopSession,
            _ => Command::List,
        };
        match client.ask(command).await? {
            Reply::Done | Reply::Started(_) | Reply::Listed(_) => run.borrow_mut().heard.done += 1,
            Reply::Refused(_) => run.borrow_mut().heard.refused += 1,
            news @ (Reply::Fact(_) | Reply::Missed(_) | Reply::Over | Reply::Page(_) | Reply::Is(_)) => {
                run.borrow_mut().findings.push(format!("a request was answered by {news:?}"));
            }
        }
    }
    if dice.below(2) == 0 {
        client.ask(Command::Follow).await?;
        while client.news().await? != Reply::Over {}
        run.borrow_mut().heard.over += 1;
    }
    Ok(())
}

/// turmoil's listener.
struct Clients(TcpListener);

impl Accept for Clients {
    type Stream = TcpStream;

    async fn accept(&mut self) -> std::io::Result<TcpStream> {
        self.0.accept().await.map(|(stream, _)| stream)
    }
}

const CLIENTS: [&str; 2] = ["near", "far"];
const PORT: u16 = 7000;
const BUDGET: Duration = Duration::from_millis(200);
/// turmoil's clock ticks in milliseconds, and each step of a process waits for the next turn.
const LAG_MAX: Duration = Duration::from_millis(20);
const SCRIPTS: &[&str] = &[
    "on TERM exit 0 after 1ms..30ms; print up; hang",
    "on TERM ignore; hang",
    "sleep 1ms..100ms; exit 1",
    "spawn helper { on TERM ignore; hang }; read line; print got; hang",
    "read eof; exit 0",
];
