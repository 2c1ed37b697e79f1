//! The command line: `sim`, `real`, `compare` and `check`. Every flag has an environment name; a flag wins over it, it wins over the file.

use crate::exit::Exit;
use crate::{check, compare, explore, merge, picture, real, replay, sim};
use clap::{Args, Parser, Subcommand, ValueEnum};
use shakedown::core::oracle::OracleName;
use shakedown::failure::FailureFile;
use shakedown::format::{self, Options, Scenario, Setting, render_all};
use shakedown::sweep::Seeds;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Shakes the races out of process and session lifecycles.
#[derive(Parser, Debug)]
#[command(name = "shakedown", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  shakedown sim                                   play every scenario below ./scenarios in the simulator
  shakedown sim stop.toml --seeds 100000          more seeds of one file
  shakedown sim stop.toml --case 4 --seed 42      exactly one run, as a report says it
  shakedown real stop.toml                        the same file with real processes
  shakedown compare stop.toml --runs 20           whether the simulator can do whatever Linux did in 20 runs
  shakedown explore stop.toml --delays 3          every order of events with up to three of them late
  shakedown replay shakedown-regressions/*.toml   failures that were found before
  shakedown check                                 only read the files, and say all of their mistakes

Exit codes: 0 all held, 1 an expectation or oracle failed, 2 usage, 3 bad scenario file, 4 nothing ran,
5 inconclusive (a `sometimes` was never seen, a comparison undecided), 6 not deterministic, 7 the machine lacks what `real` needs,
70 a bug of Shakedown, 130 interrupted (what was found is printed).";

#[derive(Subcommand, Debug)]
enum Command {
    /// Play scenarios in the simulator, thousands of seeds each
    Sim(sim::SimArgs),
    /// Play the same files on this machine: real processes, groups, signals and pipes
    Real(real::RealArgs),
    /// Play the same files for real, and hold every real outcome against what the simulator can come to
    Compare(compare::CompareArgs),
    /// Play every schedule within bounds: a certificate, or the smallest failure
    Explore(explore::ExploreArgs),
    /// Play recorded failures again, exactly as they were found
    Replay(replay::ReplayArgs),
    /// One report out of the JSON that several shards have written
    Merge(merge::MergeArgs),
    /// A failure as text: of a failure file, a report's JSON, or `latest`
    Show(picture::ShowArgs),
    /// A failure as a page, in the browser
    Open(picture::OpenArgs),
    /// A failure as a file for other programs: Perfetto, Mermaid, JSON, HTML
    Export(picture::ExportArgs),
    /// Read scenarios and say all of their mistakes, without playing them
    Check(check::CheckArgs),
    /// Tell what an oracle promises, why the promise breaks in practice, and what to do
    Explain {
        /// Its name, such as `no-orphan`; without one, all of them
        oracle: Option<String>,
    },
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

/// The commands of the contract that are not built yet.
const NOT_YET: &[&str] = &[
    "graph",
    "init",
    "schema",
    "completions",
    "run",
    "start",
    "list",
    "follow",
    "send",
    "stop",
    "kill",
    "restart",
    "history",
];

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
        Command::Explain { oracle } => explain(oracle.as_deref()),
        Command::Other(words) => other(&words),
    };
    exit.into()
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
    if NOT_YET.contains(&word) {
        eprintln!(
            "error: `shakedown {word}` is not supported yet: `sim`, `real`, `compare`, `explore`, `replay`, `check` and `explain` are"
        );
        return Exit::BadFile;
    }
    let known = ["sim", "real", "compare", "explore", "replay", "check", "explain"].iter().chain(NOT_YET).copied();
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
    let options = Options { set: files.set.clone(), ..Options::default() };
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
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
