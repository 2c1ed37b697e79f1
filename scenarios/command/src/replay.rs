//! `shakedown replay`: recorded failures, exactly as they were found, also after unrelated edits.

use crate::exit::Exit;
use crate::own;
use clap::Args;
use shakedown::failure::{Effort, FailureFile, Replayed, Stage, investigate};
use shakedown::format::{self, Scenario};
use shakedown::report::{FailureReport, RunOf, failure_block};
use shakedown::sim::choose::{Bytes, Chooser, Record};
use shakedown::sweep::{Player, explored_case, replay, tell_replayed};
use std::path::{Path, PathBuf};

/// The arguments of `replay`.
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// Failure files, as `sim --out` and `explore --out` write them; with --of what a fuzzer has found, as bytes
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The scenario whose choices these bytes are: crashes and corpora of the fuzz target scenario_choices
    #[arg(long, env = "SHAKEDOWN_SCENARIO", value_name = "FILE")]
    of: Option<PathBuf>,
    /// Which case of it, counted from 1
    #[arg(long, env = "SHAKEDOWN_CASE", value_name = "K", default_value_t = 1)]
    case: u32,
    /// Only play it again, without explaining it
    #[arg(long, env = "SHAKEDOWN_NO_SHRINK")]
    no_shrink: bool,
}

pub(crate) fn run(args: &ReplayArgs) -> Exit {
    let effort = if args.no_shrink { Effort::NONE } else { Effort::default() };
    let replay = |path: &PathBuf| match &args.of {
        Some(scenario) => replay_bytes(path, scenario, args.case, effort),
        None => replay_one(path, effort),
    };
    args.files.iter().fold(Exit::Held, |exit, path| exit.worst(replay(path)))
}

/// A run that bytes decide, as a fuzzer has left them.
fn replay_bytes(path: &Path, scenario: &Path, case: u32, effort: Effort) -> Exit {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("error: {}: {error}", path.display());
            return Exit::BadFile;
        }
    };
    let scenario = match format::load_with(scenario, &own::options(&[])) {
        Ok(scenario) => scenario,
        Err(wrong) => {
            eprintln!("{}", format::render_all(&wrong, false));
            return Exit::BadFile;
        }
    };
    let cases = scenario.cases();
    let Some(case) = cases.iter().find(|known| known.index == case) else {
        eprintln!("error: there is no case {case} in {}: it has {}", scenario.file, cases.len());
        return Exit::Usage;
    };
    let chooser = Chooser::Bytes(Bytes::new(&bytes));
    let stage = || Player::new(case, Record::new(Chooser::default()));
    let (_, finding) = Stage::play(&mut stage(), Record::new(chooser.clone()));
    let Some(finding) = finding else {
        say!("ok    {}: {} holds", path.display(), scenario.name);
        return Exit::Held;
    };
    let investigated = investigate(stage, &chooser, &finding, effort);
    let again = format!("shakedown replay {} --of {}", path.display(), scenario.file);
    let report = tell_replayed(&scenario, case, &investigated, RunOf::File(path.display().to_string()), again);
    emit!("{}", failure_block(&report));
    crate::latest::keep_failures(&[report]);
    if investigated.same { Exit::Failed } else { Exit::NotDeterministic }
}

fn replay_one(path: &Path, effort: Effort) -> Exit {
    let file = match FailureFile::read(path) {
        Ok(file) => file,
        Err(error) => {
            eprintln!("error: {error}");
            return Exit::BadFile;
        }
    };
    let scenario = match scenario_of(path, &file) {
        Ok(scenario) => scenario,
        Err(wrong) => {
            eprintln!("{wrong}");
            return Exit::BadFile;
        }
    };
    let exit = replay_in(&scenario, path, &file, effort, &mut |report| {
        emit!("{}", failure_block(&report));
        crate::latest::keep_failures(&[report]);
    });
    if exit == Exit::Held {
        say!("ok    {}: {} {} holds", path.display(), file.rule, file.subject);
    }
    exit
}

/// Plays a recorded failure of this scenario, and tells of it where it still fails.
pub(crate) fn replay_in(
    scenario: &Scenario,
    path: &Path,
    file: &FailureFile,
    effort: Effort,
    tell_of: &mut impl FnMut(FailureReport),
) -> Exit {
    let cases = scenario.cases();
    let Some(case) = cases.iter().find(|case| *case.label == *file.case) else {
        eprintln!("stale: {}: {} has no case `{}` any more", path.display(), scenario.file, file.case);
        return Exit::Inconclusive;
    };
    let replayed = replay(case, file, effort);
    if let Some(investigated) = &replayed.still {
        let run = RunOf::File(path.display().to_string());
        let again = format!("shakedown replay {}", path.display());
        let case = &explored_case(case, file.crashes);
        tell_of(tell_replayed(scenario, case, investigated, run, again));
    }
    tell(path, file, &replayed)
}

/// A recorded failure, played again and told.
///
/// # Errors
/// Where it cannot be read or fails no more, which is said.
pub(crate) fn report_of(path: &Path) -> Result<FailureReport, Exit> {
    let file = FailureFile::read(path).map_err(|error| {
        eprintln!("error: {error}");
        Exit::BadFile
    })?;
    let scenario = scenario_of(path, &file).map_err(|wrong| {
        eprintln!("{wrong}");
        Exit::BadFile
    })?;
    let mut told = None;
    let exit = replay_in(&scenario, path, &file, Effort::default(), &mut |report| told = Some(report));
    told.ok_or_else(|| {
        if exit == Exit::Held {
            eprintln!("{}: {} {} holds: there is no failure to show", path.display(), file.rule, file.subject);
        }
        exit
    })
}

/// Where the scenario is: as it was named, seen from here or else from the failure file's folder or that one's.
fn scenario_of(path: &Path, file: &FailureFile) -> Result<Scenario, String> {
    let beside = path.parent().unwrap_or(Path::new(""));
    let name = Path::new(&file.of).file_name().map_or_else(PathBuf::new, PathBuf::from);
    let places = [PathBuf::from(&file.of), beside.join(&name), beside.join("..").join(&name)];
    let Some(found) = places.iter().find(|place| place.is_file()) else {
        return Err(format!(
            "error: {}: its scenario {} is not there, nor is there a {} beside it",
            path.display(),
            file.of,
            name.display()
        ));
    };
    format::load_with(found, &own::options(&[])).map_err(|wrong| format::render_all(&wrong, false))
}

/// How it went, beside the report; a trace that does not fit any more says so.
fn tell(path: &Path, file: &FailureFile, replayed: &Replayed) -> Exit {
    let name = path.display();
    let stale = replayed.told_stale(&name);
    if let Some(stale) = &stale {
        eprintln!("{stale}");
    }
    match (&replayed.still, &replayed.other) {
        (Some(investigated), _) if !investigated.same => Exit::NotDeterministic,
        (Some(_), _) => Exit::Failed,
        (None, Some(other)) => {
            eprintln!(
                "{name}: {} {} holds, but {} {} fails: {}",
                file.rule, file.subject, other.rule, other.subject, other.message
            );
            Exit::Failed
        }
        (None, None) if stale.is_some() => {
            eprintln!("{name}: it passes, which means nothing as long as it does not fit: find the failure anew");
            Exit::Inconclusive
        }
        (None, None) => Exit::Held,
    }
}
