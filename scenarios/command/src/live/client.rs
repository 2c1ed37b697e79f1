//! What is asked of live sessions as a whole: which there are, and that one ends.

use super::place::{Line, Met, Place, Reached};
use super::worker::{done, find, late, members, talk, told, until};
use super::{EndArgs, Facts, ListArgs};
use crate::exit::Exit;
use serde_json::json;
use shakedown::core::vocab::WorkerState;
use shakedown::real::control::{Command, Identity, Member, Reply};
use shakedown::real::within;
use shakedown::report::{timestamp, visible};

pub(crate) fn list(args: &ListArgs) -> Exit {
    let listed = match &args.session {
        Some(session) => talk(async {
            let mut line = Place::of(session)?.reach().await?.line;
            workers(&members(&mut line).await?, args.format);
            Ok(Exit::Held)
        }),
        None => Place::all().and_then(|places| talk(sessions(places, args.format))),
    };
    listed.unwrap_or_else(|exit| exit)
}

async fn sessions(places: Vec<Place>, format: Facts) -> Result<Exit, Exit> {
    let mut rows = Vec::new();
    for place in places {
        rows.push(match place.meet().await {
            Met::Live(Reached { mut line, identity, .. }) => {
                let members = members(&mut line).await.unwrap_or_default();
                Row { name: place.name, state: "live", identity: Some(identity), members, pid: None }
            }
            Met::Silent => Row { name: place.name, state: "silent", identity: None, members: Vec::new(), pid: None },
            Met::Nobody(card) => {
                let pid = card.map(|card| card.pid);
                Row { name: place.name, state: "dead", identity: None, members: Vec::new(), pid }
            }
        });
    }
    match format {
        Facts::Human if rows.is_empty() => eprintln!("no session lives"),
        Facts::Human => {
            emit!("{}", table(rows.iter().map(Row::cells).collect(), &["NAME", "STATE", "PID", "SINCE", "WORKERS"]))
        }
        Facts::Json => rows.iter().for_each(|row| say!("{}", row.json())),
    }
    Ok(Exit::Held)
}

struct Row {
    name: String,
    /// `dead` was killed and could not clear away; `silent` listens and does not answer.
    state: &'static str,
    identity: Option<Identity>,
    members: Vec<Member>,
    /// Of one that is dead.
    pid: Option<u64>,
}

impl Row {
    fn pid(&self) -> Option<u64> {
        self.identity.as_ref().map(|identity| u64::from(identity.pid)).or(self.pid)
    }

    fn cells(&self) -> Vec<String> {
        let since = self.identity.as_ref().map(|identity| timestamp(identity.began)[..19].replace('T', " "));
        let workers: Vec<String> =
            self.members.iter().map(|member| format!("{} {}", visible(&member.name), member.state)).collect();
        let dash = || "-".to_owned();
        vec![
            self.name.clone(),
            self.state.to_owned(),
            self.pid().map_or_else(dash, |pid| pid.to_string()),
            since.unwrap_or_else(dash),
            workers.join(", "),
        ]
    }

    fn json(&self) -> String {
        let since = self.identity.as_ref().map(|identity| timestamp(identity.began));
        let journal = self.identity.as_ref().and_then(|identity| identity.journal.clone());
        let workers: Vec<serde_json::Value> = self.members.iter().map(worker_json).collect();
        json!({ "type": "session", "name": self.name, "state": self.state, "pid": self.pid(), "since": since,
                "journal": journal, "workers": workers })
        .to_string()
    }
}

fn workers(members: &[Member], format: Facts) {
    match format {
        Facts::Human => {
            let dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".into());
            let row = |member: &Member| {
                vec![
                    format!("#{}", member.id.0),
                    visible(&member.name),
                    member.kind.clone(),
                    member.state.clone(),
                    member.incarnation.to_string(),
                    dash(member.pid.map(|pid| pid.to_string())),
                    dash(member.exit.clone()),
                ]
            };
            let rows = members.iter().map(row).collect();
            emit!("{}", table(rows, &["NUMBER", "NAME", "KIND", "STATE", "INCARNATION", "PID", "EXIT"]));
        }
        Facts::Json => members.iter().for_each(|member| say!("{}", worker_json(member))),
    }
}

fn worker_json(member: &Member) -> serde_json::Value {
    json!({ "type": "worker", "number": member.id.0, "name": member.name, "kind": member.kind, "state": member.state,
            "incarnation": member.incarnation, "pid": member.pid, "exit": member.exit, "over": member.is_over })
}

/// Rows in columns as wide as their widest cell.
fn table(mut rows: Vec<Vec<String>>, head: &[&str]) -> String {
    rows.insert(0, head.iter().map(|word| (*word).to_owned()).collect());
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

pub(crate) fn stop(args: &EndArgs) -> Exit {
    Ending::Stop.run(args)
}

pub(crate) fn kill(args: &EndArgs) -> Exit {
    Ending::Kill.run(args)
}

/// How something is to end.
#[derive(Clone, Copy)]
enum Ending {
    /// By its policy.
    Stop,
    /// By force.
    Kill,
}

impl Ending {
    fn run(self, args: &EndArgs) -> Exit {
        talk(self.ask(args)).unwrap_or_else(|exit| exit)
    }

    async fn ask(self, args: &EndArgs) -> Result<Exit, Exit> {
        let Reached { mut line, peer, .. } = Place::of(&args.session)?.reach().await?;
        let worker = match &args.worker {
            Some(name) => Some(find(&mut line, name).await?),
            None => None,
        };
        if !args.no_wait {
            done(&mut line, Command::Follow).await?;
        }
        let command = match (self, &worker) {
            (Ending::Stop, Some(member)) => Command::Stop(member.id),
            (Ending::Stop, None) => Command::StopSession,
            (Ending::Kill, Some(member)) => Command::Kill(member.id),
            (Ending::Kill, None) => Command::KillSession,
        };
        done(&mut line, command).await?;
        if args.no_wait {
            return Ok(Exit::Held);
        }
        if let Some(member) = worker {
            let over = until(&mut line, member.id, args.timeout, |member| member.is_over).await?;
            say!("{}", told(&over));
            return Ok(self.verdict(&[over.state]));
        }
        let ending = async {
            let states = to_the_end(&mut line).await?;
            // What comes next finds its name free.
            peer.gone().await;
            Ok(states)
        };
        let states = match args.timeout {
            Some(patience) => within(patience, ending).await.unwrap_or_else(|| Err(late())),
            None => ending.await,
        };
        let states = states?;
        say!("{} is over", args.session);
        Ok(self.verdict(&states))
    }

    /// 1 where one has failed, or was killed unasked.
    fn verdict(self, states: &[String]) -> Exit {
        let in_order = |state: &String| match (self, state.as_str()) {
            (_, "finished" | "stopped") | (Ending::Kill, "killed") => true,
            (Ending::Stop | Ending::Kill, _) => false,
        };
        if states.iter().all(in_order) { Exit::Held } else { Exit::Failed }
    }
}

/// Follows a session to its end, and tells how each worker has ended.
async fn to_the_end(line: &mut Line) -> Result<Vec<String>, Exit> {
    let mut states = Vec::new();
    loop {
        match line.news().await {
            Ok(Reply::Fact(entry)) => {
                let terminal = WorkerState::ALL.iter().filter(|state| state.is_terminal()).map(|state| state.word());
                if let (Some(worker), Some(word)) =
                    (&entry.worker, terminal.into_iter().find(|word| *word == entry.word()))
                {
                    let status = entry.detail("status").unwrap_or("unknown").to_owned();
                    say!("{} is {word} ({status})", visible(worker));
                    states.push(word.to_owned());
                }
            }
            Ok(Reply::Over) => return Ok(states),
            Ok(_) => {}
            Err(lost) => {
                eprintln!("error: {lost}");
                return Err(Exit::Failed);
            }
        }
    }
}
