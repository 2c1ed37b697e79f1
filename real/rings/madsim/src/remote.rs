//! Clients of the control protocol, on machines of their own, and what happens to these: a conversation may be dropped at any await, a
//! machine may vanish and come back, and a link may be clogged.

use crate::chance::{below, micros, one_in, up_to};
use crate::net::{Pieces, dial, machine};
use crate::play::Run;
use madsim::net::NetSim;
use madsim::plugin::node;
use madsim::runtime::Handle;
use madsim::task::{NodeId, spawn_local};
use madsim::time::{sleep, timeout};
use shakedown_core::ids::WorkerId;
use shakedown_core::vocab::Fact;
use shakedown_real::control::{Client, Command, Lost, Past, Reply, Start};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What clients have heard, and what they object to. They have machines of their own, and one thread.
#[derive(Clone, Default)]
pub struct Ears(Arc<Mutex<Run>>);

impl Ears {
    fn with<T>(&self, act: impl FnOnce(&mut Run) -> T) -> T {
        act(&mut self.0.lock().expect("nobody panics with it"))
    }

    fn object(&self, what: String) {
        self.with(|run| run.findings.push(what));
    }

    /// All of it.
    pub fn take(&self) -> Run {
        self.with(std::mem::take)
    }
}

/// Up to three machines with a client each, who may stop the session or not.
pub fn bring(workers: u32, may_stop: bool) -> Ears {
    let ears = Ears::default();
    for nth in 0..below(4) as u8 {
        let heard = ears.clone();
        let visits = move || visit(workers, may_stop, heard.clone());
        let client = Handle::current().create_node().ip(machine(nth)).init(visits).build();
        drop(spawn_local(disturb(node(), client.id())));
    }
    ears
}

async fn disturb(session: NodeId, client: NodeId) {
    let net = NetSim::current();
    for _ in 0..below(4) {
        sleep(micros(0..20_000)).await;
        match below(6) {
            0 => Handle::current().kill(client),
            1 => Handle::current().restart(client),
            2 => net.clog_link(session, client),
            3 => net.clog_link(client, session),
            _ => {
                net.unclog_link(session, client);
                net.unclog_link(client, session);
            }
        }
    }
}

async fn visit(workers: u32, may_stop: bool, ears: Ears) {
    for _ in 0..1 + below(4) {
        sleep(micros(0..8000)).await;
        let conversation = converse(workers, may_stop, &ears);
        let held = if one_in(2) {
            up_to(1 + below(60), conversation).await
        } else {
            timeout(PATIENCE, conversation).await.ok()
        };
        match held {
            Some(Ok(())) => {}
            Some(Err(_)) => ears.with(|run| run.lost += 1),
            None => ears.with(|run| run.dropped += 1),
        }
    }
}

async fn converse(workers: u32, may_stop: bool, ears: &Ears) -> Result<(), Lost> {
    let mut client = dial(Arc::new(AtomicU32::new(0))).await?;
    for _ in 0..below(6) {
        sleep(micros(0..4000)).await;
        let command = any_command(workers, may_stop);
        let reply = client.ask(command.clone()).await?;
        if !is_answer(&command, &reply) {
            ears.object(format!("{command:?} was answered by {reply:?}"));
        }
        ears.with(|run| if let Reply::Refused(_) = reply { run.refused += 1 } else { run.done += 1 });
    }
    if one_in(2) {
        follow(&mut client, ears).await?;
    }
    Ok(())
}

/// To the end of the session.
async fn follow(client: &mut Client<Pieces>, ears: &Ears) -> Result<(), Lost> {
    if let Reply::Refused(_) = client.ask(Command::Follow).await? {
        return Ok(());
    }
    let mut last = String::new();
    loop {
        match client.news().await? {
            Reply::Fact(entry) => last = entry.word().to_owned(),
            Reply::Missed(_) => {}
            Reply::Over if last == Fact::SessionStopped.word() => return Ok(ears.with(|run| run.followed += 1)),
            Reply::Over => return Ok(ears.object(format!("who has followed to the end heard {last:?} last"))),
            other => return Ok(ears.object(format!("{other:?} is no news"))),
        }
    }
}

fn any_command(workers: u32, may_stop: bool) -> Command {
    // One more than there are: it may have been started meanwhile, or be unknown.
    let worker = WorkerId(below(workers + 1));
    match below(13) {
        0 => Command::Stop(worker),
        1 => Command::Kill(worker),
        2 | 3 => Command::Restart(worker),
        4 => Command::Signal(worker, 10),
        5 => Command::Send(worker, vec![b'\n'; if one_in(2) { 5 } else { 200_000 }]),
        6 => Command::CloseInput(worker),
        7 | 8 => {
            let program = if one_in(4) { "missing" } else { "job" };
            Command::Start(Start { name: "more".into(), argv: vec![program.into()], ..Start::default() })
        }
        9 => Command::History(Past { from: u64::from(below(10)), max: 1 + below(20), filter: Vec::new() }),
        10 if may_stop && one_in(3) => Command::StopSession,
        11 if may_stop && one_in(6) => Command::KillSession,
        12 => Command::Who,
        _ => Command::List,
    }
}

fn is_answer(command: &Command, reply: &Reply) -> bool {
    match (command, reply) {
        (Command::Who, Reply::Is(identity)) => identity.session == "s",
        (Command::Who, _) => false,
        (_, Reply::Refused(_)) => true,
        (Command::Start(_), Reply::Started(_)) | (Command::List, Reply::Listed(_)) => true,
        (Command::History(past), Reply::Page(page)) => {
            page.entries.is_sorted_by_key(|entry| entry.cursor)
                && page.entries.iter().all(|entry| (past.from..page.next).contains(&entry.cursor))
        }
        (Command::Start(_) | Command::List | Command::History(_), _) => false,
        (_, reply) => *reply == Reply::Done,
    }
}

const PATIENCE: Duration = Duration::from_millis(50);
