//! Live sessions from a shell: a scenario's session, or a command, run for real as production would, and what may be asked of it from any
//! other terminal. Nothing here decides anything: sessions are core's, and clients speak the control protocol.

mod client;
mod follow;
mod place;
mod run;
mod start;
mod worker;

pub(crate) use client::{kill, list, stop};
pub(crate) use follow::{follow, history};
pub(crate) use run::run;
pub(crate) use start::start;
pub(crate) use worker::{restart, send};

use crate::cli::duration;
use clap::{Args, ValueEnum};
use shakedown::core::journal::{Entry, Filter};
use shakedown::format::Setting;
use shakedown::report::{FactLine, FactText};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// What is to be run.
#[derive(Args, Debug)]
pub(crate) struct What {
    /// A scenario file: its session is run, and neither its stimuli nor its faults
    #[arg(required_unless_present = "command", conflicts_with = "command")]
    file: Option<PathBuf>,
    /// A command and its arguments instead: a session of one worker
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
    /// The session's name [default: the scenario's, or the command's]
    #[arg(long, env = "SHAKEDOWN_SESSION")]
    name: Option<String>,
    /// Which case of the scenario's axes, counted from 1
    #[arg(long, env = "SHAKEDOWN_CASE", value_name = "K", default_value_t = 1)]
    case: u32,
    /// Put this value into the file before it is read
    #[arg(long, env = "SHAKEDOWN_SET", value_name = "KEY=VALUE", value_delimiter = ';', conflicts_with = "command")]
    set: Vec<Setting>,
    /// Set a variable of the command
    #[arg(long, value_name = "KEY=VALUE", value_parser = variable, conflicts_with = "file")]
    env: Vec<(String, String)>,
    /// The command's working directory
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    dir: Option<String>,
    /// Go on when all workers are over, for those that are yet to be started: only a stop ends it
    #[arg(long)]
    stay: bool,
}

/// The arguments of `run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    what: What,
    /// How facts are printed; without it a command's output goes where ours does, and nothing is said of it
    #[arg(long, env = "SHAKEDOWN_FORMAT", value_name = "FORMAT")]
    format: Option<Facts>,
    /// Leave the terminal, and say on stdout when all is ready: `start` asks for it
    #[arg(long, hide = true)]
    detached: bool,
    /// What `start` was told beside
    #[arg(long, hide = true)]
    timeout: Option<String>,
}

/// The arguments of `start`.
#[derive(Args, Debug)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    what: What,
    /// Start the command as one more worker of this live session; `--name` is the worker's
    #[arg(long, value_name = "SESSION", conflicts_with = "file")]
    into: Option<String>,
    /// Wait at most so long until all workers are ready; the session goes on
    #[arg(long, value_name = "D", default_value = "60s", value_parser = duration)]
    timeout: Duration,
}

/// The arguments of `list`.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// The session whose workers are listed; without it the sessions of this user are
    session: Option<String>,
    /// How they are printed
    #[arg(long, env = "SHAKEDOWN_FORMAT", value_name = "FORMAT", default_value = "human")]
    format: Facts,
}

/// The arguments of `follow`.
#[derive(Args, Debug)]
pub(crate) struct FollowArgs {
    /// The session
    session: String,
    /// Begin with this record of its journal, and miss none; without it only what happens from now on is told
    #[arg(long, value_name = "CURSOR")]
    from: Option<u64>,
    #[command(flatten)]
    only: Only,
}

/// The arguments of `history`.
#[derive(Args, Debug)]
pub(crate) struct HistoryArgs {
    /// The session, whether it lives or not
    session: String,
    /// Begin with this record
    #[arg(long, value_name = "CURSOR", default_value_t = 0)]
    from: u64,
    /// Only the last so many
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    #[command(flatten)]
    only: Only,
}

/// Which facts are told, and how.
#[derive(Args, Debug)]
struct Only {
    /// Only these: worker=NAME, event=WORD, stream=stdout|stderr or tag:KEY=VALUE; of one field any, of different fields all
    #[arg(long, value_name = "FIELD=VALUE", value_delimiter = ',')]
    filter: Vec<Term>,
    /// How facts are printed
    #[arg(long, env = "SHAKEDOWN_FORMAT", value_name = "FORMAT", default_value = "human")]
    format: Facts,
}

/// The arguments of `stop` and `kill`.
#[derive(Args, Debug)]
pub(crate) struct EndArgs {
    /// The session
    session: String,
    /// Only this worker of it: its name, or #NUMBER
    worker: Option<String>,
    /// Do not wait until it is over
    #[arg(long)]
    no_wait: bool,
    /// Wait at most so long; what was asked for goes on
    #[arg(long, value_name = "D", value_parser = duration)]
    timeout: Option<Duration>,
}

/// The arguments of `restart`.
#[derive(Args, Debug)]
pub(crate) struct RestartArgs {
    /// The session
    session: String,
    /// The worker: its name, or #NUMBER
    worker: String,
    /// Do not wait until it is ready again
    #[arg(long)]
    no_wait: bool,
    /// Wait at most so long until it is ready again; it goes on
    #[arg(long, value_name = "D", default_value = "60s", value_parser = duration)]
    timeout: Duration,
}

/// The arguments of `send`.
#[derive(Args, Debug)]
pub(crate) struct SendArgs {
    /// The session
    session: String,
    /// The worker: its name, or #NUMBER
    worker: String,
    /// A line for its standard input; without it and the other flags our own standard input is sent
    text: Option<String>,
    /// Close its standard input afterwards
    #[arg(long)]
    close: bool,
    /// A signal instead, such as USR1 or HUP
    #[arg(long, value_name = "SIG", conflicts_with_all = ["text", "close"])]
    signal: Option<String>,
}

/// How facts are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Facts {
    /// For people: the clock in UTC, whose it is, and what
    Human,
    /// One JSON object a line
    Json,
}

/// A term of a filter that was read.
#[derive(Clone, Debug)]
struct Term(String);

impl std::str::FromStr for Term {
    type Err = shakedown::core::journal::UnknownTerm;

    fn from_str(text: &str) -> Result<Term, Self::Err> {
        Filter::all().and(text).map(|_| Term(text.to_owned()))
    }
}

impl Only {
    fn filter(&self) -> Filter {
        let all = self.filter.iter();
        all.fold(Filter::all(), |filter, Term(term)| filter.clone().and(term).unwrap_or(filter))
    }
}

/// `KEY=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err(format!("`{text}` is no variable: KEY=VALUE")),
    }
}

/// Where facts are printed.
struct Printer {
    format: Facts,
    text: FactText,
}

impl Printer {
    fn new(format: Facts) -> Printer {
        Printer { format, text: FactText::default() }
    }

    /// Prints what is being told. An error where nobody reads any more.
    fn live(&mut self, entry: &Entry) -> io::Result<()> {
        match self.format {
            Facts::Human => print(&self.text.line(entry)),
            Facts::Json => print(&(FactLine::live(entry).line() + "\n")),
        }
    }

    /// Prints what stands in a journal.
    fn recorded(&mut self, entry: &Entry) -> io::Result<()> {
        match self.format {
            Facts::Human => print(&self.text.line(entry)),
            Facts::Json => print(&(FactLine::recorded(entry).line() + "\n")),
        }
    }

    /// Prints that so many found no room, if any.
    fn missed(&mut self, count: u64) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        match self.format {
            Facts::Human => {
                print(&format!("… {count} lines were missed: `--from` reads the journal and misses none\n"))
            }
            Facts::Json => print(&format!("{{\"type\":\"missed\",\"count\":{count}}}\n")),
        }
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
