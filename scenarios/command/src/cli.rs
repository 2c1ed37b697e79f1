//! The command line: what each command is called and takes. Every flag has an environment name; a flag wins over it, it wins over the file.

use crate::examples;
use crate::exit::Exit;
use crate::{check, compare, explore, graph, init, live, merge, own, picture, real, replay, sim};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use shakedown::core::oracle::OracleName;
use shakedown::failure::FailureFile;
use shakedown::format::{self, Scenario, Setting, render_all};
use shakedown::sweep::Seeds;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Shakes the races out of process and session lifecycles.
#[derive(Parser, Debug)]
#[command(name = "shakedown", version, arg_required_else_help = true, after_help = examples::ALL)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Play scenarios in the simulator, thousands of seeds each
    #[command(after_help = examples::SIM)]
    Sim(sim::SimArgs),
    /// Play the same files on this machine: real processes, groups, signals and pipes
    #[command(after_help = examples::REAL)]
    Real(real::RealArgs),
    /// Play the same files for real, and hold every real outcome against what the simulator can come to
    #[command(after_help = examples::COMPARE)]
    Compare(compare::CompareArgs),
    /// Play every schedule within bounds: a certificate, or the smallest failure
    #[command(after_help = examples::EXPLORE)]
    Explore(explore::ExploreArgs),
    /// Play recorded failures again, exactly as they were found
    #[command(after_help = examples::REPLAY)]
    Replay(replay::ReplayArgs),
    /// One report out of the JSON that several shards have written
    #[command(after_help = examples::MERGE)]
    Merge(merge::MergeArgs),
    /// A failure as text: of a failure file, a report's JSON, or `latest`
    #[command(after_help = examples::SHOW)]
    Show(picture::ShowArgs),
    /// A failure as a page, in the browser
    #[command(after_help = examples::OPEN)]
    Open(picture::OpenArgs),
    /// A failure as a file for other programs: Perfetto, Mermaid, JSON, HTML
    #[command(after_help = examples::EXPORT)]
    Export(picture::ExportArgs),
    /// Read scenarios and say all of their mistakes, without playing them
    #[command(after_help = examples::CHECK)]
    Check(check::CheckArgs),
    /// In which order workers start and stop, and which chain of waits decides how long that takes
    #[command(after_help = examples::GRAPH)]
    Graph(graph::GraphArgs),
    /// Write a scenario, a test and a workflow for CI into a project; nothing that is there is written over
    #[command(after_help = examples::INIT)]
    Init(init::InitArgs),
    /// The JSON Schema of scenario files, for editors
    #[command(after_help = examples::SCHEMA)]
    Schema,
    /// The completions of a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// The manual, as man(1) reads it; with a folder, a page for each command
    #[command(after_help = examples::MAN)]
    Man {
        /// Where the pages go; without it the page of the whole command is printed
        folder: Option<PathBuf>,
    },
    /// Tell what an oracle promises, why the promise breaks in practice, and what to do
    #[command(after_help = examples::EXPLAIN)]
    Explain {
        /// Its name, such as `no-orphan`; without one, all of them
        oracle: Option<String>,
    },
    /// Run a scenario's session, or a command, in the foreground, for real: Ctrl-C stops it, a second one kills
    #[command(after_help = examples::RUN)]
    Run(live::RunArgs),
    /// Run it in the background; returns when all is ready, and says where its socket and journal are
    #[command(after_help = examples::START)]
    Start(live::StartArgs),
    /// The live sessions of this user, or the workers of one
    #[command(after_help = examples::LIST)]
    List(live::ListArgs),
    /// What a live session tells, as it happens
    #[command(after_help = examples::FOLLOW)]
    Follow(live::FollowArgs),
    /// Write to the standard input of a worker, or send it a signal
    #[command(after_help = examples::SEND)]
    Send(live::SendArgs),
    /// Stop a live session, or one of its workers, by its own policy
    #[command(after_help = examples::STOP)]
    Stop(live::EndArgs),
    /// Make a live session, or one of its workers, end at once
    #[command(after_help = examples::KILL)]
    Kill(live::EndArgs),
    /// Stop a worker and start it again
    #[command(after_help = examples::RESTART)]
    Restart(live::RestartArgs),
    /// What a session has told, from its journal, whether it lives or not
    #[command(after_help = examples::HISTORY)]
    History(live::HistoryArgs),
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// What every command that reads scenarios takes.
#[derive(Args, Debug)]
pub(crate) struct Files {
    /// Scenario files, or folders to search for `*.toml` with a top-level `schema`
    #[arg(default_value = "scenarios", env = "SHAKEDOWN_PATHS", value_delimiter = ':')]
    pub(crate) paths: Vec<PathBuf>,
    /// Only scenarios whose name or path matches this glob, such as `stop*`
    #[arg(long, env = "SHAKEDOWN_FILTER", value_name = "GLOB")]
    filter: Option<String>,
    /// Put this value into the files before they are read, such as defaults.stop.grace=1s; it wins over axes too
    #[arg(long, env = "SHAKEDOWN_SET", value_name = "KEY=VALUE", value_delimiter = ';')]
    set: Vec<Setting>,
    /// Colour of diagnostics
    #[arg(long, env = "SHAKEDOWN_COLOR", default_value = "auto", value_name = "WHEN")]
    color: When,
}

/// When colour is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// Parses the command line, does it, and says how it went.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Writing the usage may fail where nobody reads it; the exit code still tells.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    let exit = match cli.command {
        Command::Sim(args) => sim::run(&args),
        Command::Real(args) => real::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Explore(args) => explore::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Show(args) => picture::show(&args),
        Command::Open(args) => picture::open(&args),
        Command::Export(args) => picture::export(&args),
        Command::Check(args) => check::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Schema => {
            emit!("{}", format::schema());
            Exit::Held
        }
        Command::Completions { shell } => completions(shell),
        Command::Man { folder } => man(folder.as_deref()),
        Command::Explain { oracle } => explain(oracle.as_deref()),
        Command::Run(args) => return live::run(&args),
        Command::Start(args) => live::start(&args),
        Command::List(args) => live::list(&args),
        Command::Follow(args) => live::follow(&args),
        Command::Send(args) => live::send(&args),
        Command::Stop(args) => live::stop(&args),
        Command::Kill(args) => live::kill(&args),
        Command::Restart(args) => live::restart(&args),
        Command::History(args) => live::history(&args),
        Command::Other(words) => other(&words),
    };
    exit.into()
}

fn completions(shell: clap_complete::Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "shakedown", &mut script);
    emit!("{}", String::from_utf8_lossy(&script));
    Exit::Held
}

fn man(folder: Option<&Path>) -> Exit {
    let mut page = Vec::new();
    let written = match folder {
        None => clap_mangen::Man::new(Cli::command()).render(&mut page),
        Some(folder) => std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder)),
    };
    if let Err(error) = written {
        eprintln!("error: the manual cannot be written: {error}");
        return Exit::Usage;
    }
    emit!("{}", String::from_utf8_lossy(&page));
    Exit::Held
}

fn explain(name: Option<&str>) -> Exit {
    match name.map(|name| (name, OracleName::parse(name))) {
        Some((_, Some(oracle))) => emit!("{}", story(oracle)),
        None => OracleName::ALL.iter().for_each(|oracle| say!("{}", story(*oracle))),
        Some((name, None)) => {
            let near = shakedown::core::puppet::nearest(name, OracleName::ALL.iter().map(|oracle| oracle.name()));
            let hint = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
            eprintln!("error: no oracle is called `{name}`{hint}\nhelp: `shakedown explain` tells of all of them");
            return Exit::Usage;
        }
    }
    Exit::Held
}

/// An oracle's name and its story, in lines of a hundred columns.
fn story(oracle: OracleName) -> String {
    format!(
        "{}\n\n  {}\n",
        oracle.name(),
        shakedown::report::wrap(oracle.explain(), shakedown::report::WIDTH - 2).join("\n  ")
    )
}

fn other(words: &[String]) -> Exit {
    let word = words.first().map_or("", String::as_str);
    let cli = Cli::command();
    let known = cli.get_subcommands().map(clap::Command::get_name);
    let hint =
        shakedown::core::puppet::nearest(word, known).map_or(String::new(), |near| format!(", did you mean `{near}`?"));
    eprintln!("error: unknown command `{word}`{hint}\n\nTry `shakedown --help`.");
    Exit::Usage
}

/// The scenarios of these paths, or everything that is wrong with them, printed.
pub(crate) fn load(files: &Files) -> Result<Vec<Arc<Scenario>>, Exit> {
    let styled = match files.color {
        When::Always => true,
        When::Never => false,
        When::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    let (paths, mut wrong) = format::find(&files.paths);
    let options = own::options(&files.set);
    let mut scenarios = Vec::new();
    for path in &paths {
        match format::load_with(path, &options) {
            Ok(scenario) => scenarios.push(Arc::new(scenario)),
            Err(diagnostics) => wrong.extend(diagnostics),
        }
    }
    if !wrong.is_empty() {
        eprintln!("{}", render_all(&wrong, styled));
        return Err(Exit::BadFile);
    }
    if let Some(filter) = &files.filter {
        let fits =
            |s: &Arc<Scenario>| shakedown::pattern::glob(filter, &s.name) || shakedown::pattern::glob(filter, &s.file);
        scenarios.retain(fits);
    }
    if scenarios.is_empty() {
        let paths: Vec<String> = files.paths.iter().map(|path| path.display().to_string()).collect();
        eprintln!(
            "error: no scenario to play in {}: a scenario is a `*.toml` with a top-level `schema = 1`",
            paths.join(", ")
        );
        return Err(Exit::NothingRan);
    }
    Ok(scenarios)
}

/// A duration of a command line, as a scenario writes it: `30s`, `5m`.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    shakedown::core::puppet::parse_duration(text).map_err(|error| error.message)
}

/// Writes a failure file, and says where; what cannot be written is told, and loses nothing.
pub(crate) fn saved(file: &FailureFile, folder: &Path) -> Option<String> {
    match file.save(folder) {
        Ok(path) => Some(path.display().to_string()),
        Err(error) => {
            eprintln!("warning: {} cannot be written into {}: {error}", file.name(), folder.display());
            None
        }
    }
}

/// The seeds that the flags ask for.
pub(crate) fn seeds(seed: Option<u64>, seeds: Option<Seeds>) -> Seeds {
    match (seed, seeds) {
        (Some(seed), _) => Seeds::Between(seed, seed.saturating_add(1)),
        (None, Some(seeds)) => seeds,
        (None, None) => Seeds::OfFile,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
