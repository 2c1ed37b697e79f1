//! `shakedown run`: a session in the foreground. Ctrl-C asks it to stop, a second one makes it; so do TERM and HUP.

use super::place::{Claim, Place};
use super::{Facts, Printer, RunArgs, What, start};
use crate::exit::Exit;
use crate::{own, real};
use shakedown::core::ids::WorkerId;
use shakedown::core::journal::SinkSpec;
use shakedown::core::vocab::{
    Body, ExitStatus, Fact, FactRecord, Outcome, ProcessSpec, Redirect, SessionSpec, Subject, WorkerSpec, WorkerState,
};
use shakedown::format::{self, render_all};
use shakedown::real::handle::{Follower, Handle, News};
use shakedown::real::host::block_on;
use shakedown::real::{Config, ControlSocket, session};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Duration;

pub(crate) fn run(args: &RunArgs) -> ExitCode {
    match run_session(args) {
        Ok(code) => code.into(),
        // A failure of our own is told apart from what the command says: 125, as nohup(1) and docker have it.
        Err(_) if !args.what.command.is_empty() => 125.into(),
        Err(exit) => exit.into(),
    }
}

/// A session that is to be run.
pub(super) struct Planned {
    pub(super) spec: SessionSpec,
    pub(super) place: Place,
}

/// Reads what is to be run.
pub(super) fn plan(what: &What, passes_through: bool) -> Result<Planned, Exit> {
    let mut spec = match &what.file {
        Some(file) => of_file(file, what)?,
        None => of_command(what, passes_through),
    };
    if let Some(name) = &what.name {
        spec.name = name.as_str().into();
    }
    spec.stays = what.stay;
    let place = Place::of(&spec.name)?;
    let when_full = spec.journal.as_ref().map(|sink| sink.when_full);
    let sink = SinkSpec::new(&place.journal().to_string_lossy());
    spec.journal = Some(Arc::new(SinkSpec { when_full: when_full.unwrap_or(sink.when_full), ..sink }));
    spec.status = Some(place.status().to_string_lossy().into());
    Ok(Planned { spec, place })
}

fn of_file(file: &Path, what: &What) -> Result<SessionSpec, Exit> {
    let scenario = format::load_with(file, &own::options(&what.set)).map_err(|wrong| {
        eprintln!("{}", render_all(&wrong, io::stderr().is_terminal()));
        Exit::BadFile
    })?;
    let cases = scenario.cases();
    let Some(case) = cases.iter().find(|case| case.index == what.case) else {
        eprintln!("error: there is no case {} in {}: it has {}", what.case, scenario.file, cases.len());
        return Err(Exit::Usage);
    };
    if let Some(why) = real::scope_is_missing(case) {
        eprintln!("error: {why}");
        return Err(Exit::Lacking);
    }
    let mut spec = SessionSpec::clone(&case.session);
    spec.name = scenario.name.clone();
    Ok(spec)
}

/// A session of one worker. Where its output passes through, it has our own descriptors; its standard input is ours unless that is a
/// terminal, which a process of another group cannot read (tty_ioctl(4), SIGTTIN).
fn of_command(what: &What, passes_through: bool) -> SessionSpec {
    let name = name_of_command(&what.command);
    let argv: Vec<&str> = what.command.iter().map(String::as_str).collect();
    let mut process = ProcessSpec::command(&name, &argv, None);
    process.env = what.env.iter().cloned().collect();
    process.dir.clone_from(&what.dir);
    if passes_through {
        let input = if io::stdin().is_terminal() { Redirect::Piped } else { Redirect::Inherited };
        process.stdio = [input, Redirect::Inherited, Redirect::Inherited];
    }
    let mut spec = SessionSpec::new(&name);
    spec.workers = vec![WorkerSpec::new(&name, Body::Process(Arc::new(process)))];
    spec
}

/// `/usr/bin/env` is `env`; what no session can be called is `command`.
pub(super) fn name_of_command(command: &[String]) -> String {
    let program = command.first().map(Path::new).and_then(Path::file_name).and_then(|name| name.to_str());
    let is_fine = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.');
    program.filter(is_fine).filter(|name| name.len() <= 32 && !name.starts_with('.')).unwrap_or("command").to_owned()
}

fn run_session(args: &RunArgs) -> Result<u8, Exit> {
    let is_command = !args.what.command.is_empty();
    let format = args.format.or((!is_command).then_some(Facts::Human)).filter(|_| !args.detached);
    let Planned { spec, place } = plan(&args.what, is_command && format.is_none() && !args.detached)?;
    if args.detached {
        session::leave_terminal().map_err(|errno| lacking(&format!("the terminal cannot be left: {errno}")))?;
    }
    let claim = Claim::take(&place)?;
    place.make_state().map_err(|error| lacking(&format!("no folder for the journal: {error}")))?;
    let ends: Rc<RefCell<Ends>> = Rc::default();
    let mut ready = args.detached.then(|| start::Report::new(&spec));
    let (told, spec) = (ends.clone(), Arc::new(spec));
    let (done, printed) = mpsc::channel();
    let opened = |handle: Handle, follower: Follower| {
        if let Err(error) = claim.write_card(handle.about().nonce(), args.what.file.as_deref()) {
            eprintln!("warning: `shakedown list` will not show this session: {error}");
        }
        if let Some(format) = format {
            std::thread::spawn(move || {
                tell(handle, follower, format);
                // Whoever has stopped waiting does not mind.
                let _ = done.send(());
            });
        }
    };
    let config = Config { owns_all_children: true, ..Config::default() };
    let hears = move |record: FactRecord| {
        ready.iter_mut().for_each(|report| report.hear(&record));
        told.borrow_mut().hear(&record);
    };
    let socket = || ControlSocket::bind(&place.socket()).map(Some);
    let over =
        session::run(&spec, config, socket, opened, Box::new(hears)).map_err(|error| lacking(&error.to_string()))?;
    drop(claim);
    // A reader that is slow gets the rest; one that has stopped reading does not keep us for ever.
    let _ = printed.recv_timeout(PRINTED_WITHIN);
    over.findings.iter().for_each(|finding| eprintln!("error: {finding}"));
    if let Some(journal) = over.journal.filter(|journal| journal.dropped_lines + journal.dropped_events > 0) {
        let why = journal.last_error.map_or_else(|| "there was no room".into(), |error| error.to_string());
        let dropped = journal.dropped_lines + journal.dropped_events;
        eprintln!("warning: {dropped} records are missing in the journal: {why}");
    }
    let ends = ends.borrow();
    if let Some(error) = ends.0.get(&WorkerId(0)).and_then(|outcome| outcome.start_error).filter(|_| is_command) {
        eprintln!("error: {}: {error}", args.what.command[0]);
    }
    Ok(if is_command { ends.code_of_command() } else { ends.code(over.findings.is_empty()) })
}

fn lacking(why: &str) -> Exit {
    eprintln!("error: {why}");
    Exit::Lacking
}

/// Prints every fact, on a thread of its own: a terminal that is stopped stops no session.
fn tell(handle: Handle, mut follower: Follower, format: Facts) {
    let mut printer = Printer::new(format);
    let telling = async {
        while let Some(news) = follower.next().await {
            let printed = match news {
                News::Fact(fact) => printer.live(&handle.about().entry(&fact)),
                News::Missed(count) => printer.missed(count),
            };
            if printed.is_err() {
                return;
            }
        }
    };
    if let Err(error) = block_on(telling) {
        eprintln!("warning: facts are not printed: {error}");
    }
}

/// How each worker has ended last.
#[derive(Default)]
struct Ends(BTreeMap<WorkerId, Arc<Outcome>>);

impl Ends {
    fn hear(&mut self, record: &FactRecord) {
        if let (Subject::Worker(id), Fact::Ended(outcome)) = (record.subject, &record.fact) {
            self.0.insert(id, outcome.clone());
        }
    }

    /// 0 where all ended by themselves with success or because they were asked to, 1 where one failed or had to be killed.
    fn code(&self, is_clean: bool) -> u8 {
        let in_order = |outcome: &Arc<Outcome>| matches!(outcome.state, WorkerState::Finished | WorkerState::Stopped);
        if is_clean && self.0.values().all(in_order) { Exit::Held.code() } else { Exit::Failed.code() }
    }

    /// That of the command, as a shell has it.
    fn code_of_command(&self) -> u8 {
        let Some(outcome) = self.0.get(&WorkerId(0)) else { return OWN_FAILURE };
        match (outcome.start_error, outcome.status) {
            (Some(error), _) if !error.at_exec => OWN_FAILURE,
            (Some(error), _) if error.errno == shakedown::core::vocab::Errno::ENOENT => NOT_FOUND,
            (Some(_), _) => CANNOT_EXECUTE,
            (None, ExitStatus::Exited(code)) => code,
            (None, ExitStatus::Signalled { signal, .. }) => 128 + signal.number() as u8,
            (None, ExitStatus::Unknown) => OWN_FAILURE,
        }
    }
}

const OWN_FAILURE: u8 = 125;
const CANNOT_EXECUTE: u8 = 126;
const NOT_FOUND: u8 = 127;
/// How long the last facts may take to be printed once the session is over.
const PRINTED_WITHIN: Duration = Duration::from_secs(10);
