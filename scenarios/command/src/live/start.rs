//! `shakedown start`: the same session in the background. It returns when all workers are ready, and says where the socket and the journal
//! are; or one more worker for a session that lives.

use super::place::{Met, Place, taken};
use super::run::{Planned, name_of_command, plan};
use super::{StartArgs, worker};
use crate::exit::Exit;
use serde_json::{Value, json};
use shakedown::core::ids::WorkerId;
use shakedown::core::vocab::{Fact, FactRecord, SessionSpec, Subject, WorkerState};
use shakedown::real::control::{self, Reply};
use shakedown::real::host::block_on;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

pub(crate) fn start(args: &StartArgs) -> Exit {
    let started = match &args.into {
        Some(session) => into_session(args, session),
        None => detached(args),
    };
    started.unwrap_or_else(|exit| exit)
}

/// One more worker.
fn into_session(args: &StartArgs, session: &str) -> Result<Exit, Exit> {
    let place = Place::of(session)?;
    let what = &args.what;
    // Relative to where we are, not to where the session is.
    let dir = what.dir.clone().map_or_else(std::env::current_dir, std::path::absolute);
    let dir = dir.ok().map(|dir| dir.to_string_lossy().into_owned());
    let name = what.name.clone().unwrap_or_else(|| name_of_command(&what.command));
    let start = control::Start { name: name.clone(), argv: what.command.clone(), env: what.env.clone(), dir };
    worker::talk(async {
        let mut line = place.reach().await?.line;
        match worker::ask(&mut line, control::Command::Start(start)).await? {
            Reply::Started(WorkerId(number)) => {
                say!("started {name} as worker #{number} of {session}");
                Ok(Exit::Held)
            }
            other => Err(worker::odd(&other)),
        }
    })
}

fn detached(args: &StartArgs) -> Result<Exit, Exit> {
    // Whatever is wrong with it is said here, not in a log.
    let Planned { place, .. } = plan(&args.what, false)?;
    if let Ok(Met::Live(_) | Met::Silent) = block_on(place.meet()) {
        return Err(taken(&place));
    }
    let lost = |error: std::io::Error| {
        eprintln!("error: the session cannot be started in the background: {error}");
        Exit::Lacking
    };
    place.make_state().map_err(lost)?;
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(place.log()).map_err(lost)?;
    let from = log.metadata().map_or(0, |log| log.len());
    let ours = std::env::args_os().skip(2).collect::<Vec<OsString>>();
    let mut child = Command::new("/proc/self/exe")
        .arg0("shakedown")
        .args(["run", "--detached"])
        .args(ours)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(lost)?;
    let report = report_of(&mut child, args);
    match report {
        Heard::Said(report) => Ok(tell(&place, child.id(), &report)),
        Heard::Late => {
            say!("{} (pid {}) is still starting: it goes on", place.name, child.id());
            whereabouts(&place);
            Ok(Exit::Failed)
        }
        Heard::Gone => {
            let code = child.wait().ok().and_then(|status| status.code());
            let log = fs::read(place.log()).unwrap_or_default();
            let said = log.get(from as usize..).unwrap_or_default();
            eprint!("{}", String::from_utf8_lossy(said));
            eprintln!("error: session `{}` has ended before it was there", place.name);
            Err(if code == Some(i32::from(Exit::NothingRan.code())) { Exit::NothingRan } else { Exit::Failed })
        }
    }
}

enum Heard {
    Said(Value),
    Late,
    Gone,
}

/// The one line that the child says when all is ready, or over.
fn report_of(child: &mut Child, args: &StartArgs) -> Heard {
    let Some(stdout) = child.stdout.take() else { return Heard::Gone };
    let (heard, hears) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        // Whoever has lost patience does not hear it.
        let _ = heard.send(read.map(|_| line));
    });
    match hears.recv_timeout(args.timeout) {
        Ok(Ok(line)) => serde_json::from_str(&line).map_or(Heard::Gone, Heard::Said),
        Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => Heard::Gone,
        Err(mpsc::RecvTimeoutError::Timeout) => Heard::Late,
    }
}

fn tell(place: &Place, pid: u32, report: &Value) -> Exit {
    let workers = report["workers"].as_object().into_iter().flatten();
    let states: Vec<String> =
        workers.map(|(name, state)| format!("{name} {}", state.as_str().unwrap_or("?"))).collect();
    let is_over = report["over"] == true;
    let word = if is_over { "over" } else { "started" };
    say!("{} is {word} (pid {pid}): {}", place.name, states.join(", "));
    if is_over {
        say!("  journal  {}", place.journal().display());
    } else {
        whereabouts(place);
    }
    if report["failed"] == true { Exit::Failed } else { Exit::Held }
}

fn whereabouts(place: &Place) {
    let name = &place.name;
    say!("  socket   {}", place.socket().display());
    say!("  journal  {}", place.journal().display());
    say!("  log      {}", place.log().display());
    say!("shakedown follow {name} · shakedown stop {name}");
}

/// What a session in the background says of itself, once: on stdout, when every worker was ready or is over.
pub(super) struct Report {
    waits_for: BTreeMap<WorkerId, WorkerState>,
    names: Vec<String>,
    said: bool,
}

impl Report {
    pub(super) fn new(spec: &SessionSpec) -> Report {
        let names: Vec<String> = spec.workers.iter().map(|worker| worker.name.to_string()).collect();
        let ids = (0..names.len() as u32).map(|n| (WorkerId(n), WorkerState::Pending));
        Report { waits_for: ids.collect(), names, said: false }
    }

    pub(super) fn hear(&mut self, record: &FactRecord) {
        let is_over = record.fact == Fact::SessionStopped;
        if let Subject::Worker(id) = record.subject
            && let Some(state) = self.waits_for.get_mut(&id)
        {
            match (&record.fact, record.fact.terminal()) {
                (Fact::Ready, _) => *state = WorkerState::Ready,
                (_, Some(ended)) => *state = ended,
                (_, None) => {}
            }
        }
        let come = |state: &WorkerState| *state == WorkerState::Ready || state.is_terminal();
        if !self.said && (is_over || self.waits_for.values().all(come)) {
            self.said = true;
            self.say(is_over);
        }
    }

    fn say(&self, is_over: bool) {
        let states = self.waits_for.values();
        let failed = states.clone().any(|state| matches!(state, WorkerState::Failed | WorkerState::Killed));
        let words: BTreeMap<&String, &str> = self.names.iter().zip(states.map(|state| state.word())).collect();
        let line = json!({ "over": is_over, "failed": failed, "workers": words });
        // Who has asked may be gone.
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}
