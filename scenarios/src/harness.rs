//! Scenario files as the tests of a package: [`scenarios!`](crate::scenarios) makes a test program of which each file is a test, with the
//! command line of any other (`--list`, a filter, `--exact`, `--nocapture`).

use crate::check::environment::{Environment, variable};
use crate::format::{self, Options, Scenario, render_all};
use crate::oracle::Oracles;
use crate::report::{FailureReport, RunOf, failure_block, latest};
use crate::sweep::{
    Job, Progress, Seeds, explored_case, look_into, parting, regressions, replay, sweep, tell, tell_replayed,
};
use libtest_mimic::{Arguments, Failed, Trial};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Makes a test program of scenario files: each is a test. For a target with `harness = false`, and with the feature `harness`.
///
/// ```toml
/// [[test]]
/// name = "scenarios"
/// harness = false
/// ```
/// ```no_run
/// # #![allow(clippy::needless_doctest_main)]
/// shakedown::scenarios!("tests/scenarios/**/*.toml");
/// ```
/// The pattern is relative to the package: `*` is any part of a name, `**` any number of folders. `SHAKEDOWN_SEEDS` and the other variables
/// of [`Config::from_env`](crate::Config::from_env) apply, and `SHAKEDOWN_CASE`.
///
/// The [oracles](crate::oracle) that the files name by `check = "…"` are an expression of type [`Oracles`]. A name that none of them has is
/// a mistake of its file.
///
/// ```no_run
/// # #![allow(clippy::needless_doctest_main)]
/// # struct Quiet;
/// # impl shakedown::oracle::Oracle for Quiet {
/// #     fn see(&mut self, _: &shakedown::sim::Moment, _: &dyn shakedown::core::oracle::Names) -> Result<(), String> {
/// #         Ok(())
/// #     }
/// # }
/// use shakedown::oracle::Oracles;
///
/// fn oracles() -> Oracles {
///     Oracles::new().with("quiet", || Quiet)
/// }
///
/// shakedown::scenarios!("tests/scenarios/**/*.toml", oracles = oracles());
/// ```
#[macro_export]
macro_rules! scenarios {
    (@oracles) => { $crate::oracle::Oracles::new() };
    (@oracles $oracles:expr) => { $oracles };
    ($pattern:expr $(, oracles = $oracles:expr)? $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::harness::main(
                ::core::env!("CARGO_MANIFEST_DIR"),
                ::core::option_env!("CARGO_CRATE_NAME").unwrap_or("NAME"),
                $pattern,
                $crate::scenarios!(@oracles $($oracles)?),
            )
        }
    };
}

/// Plays the files of a package that fit the pattern, as tests of the target of this name. The files may name these oracles.
pub fn main(package: &str, target: &str, pattern: &str, oracles: Oracles) -> ExitCode {
    let arguments = Arguments::from_args();
    let files = found(Path::new(package), pattern);
    if files.is_empty() {
        eprintln!("error: no file of {package} fits `{pattern}`: a typo must not pass for a green test");
        return ExitCode::FAILURE;
    }
    let (target, options): (Arc<str>, _) = (target.into(), Options { oracles, ..Options::default() });
    let trials = files.into_iter().map(|(name, path)| trial(&target, name, &path, &options)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A file as a test. One that the simulator cannot play is ignored, with its reason as the kind of the test.
fn trial(target: &Arc<str>, name: String, path: &Path, options: &Options) -> Trial {
    match format::load_with(path, options) {
        Err(wrong) => Trial::test(name, move || Err(Failed::from(format!("\n{}", render_all(&wrong, false))))),
        Ok(scenario) => {
            let without = scenario.cases().iter().find_map(|case| case.without_sim().cloned());
            let (target, again) = (target.clone(), name.clone());
            let test = Trial::test(name, move || play(&target, &again, &Arc::new(scenario)));
            match without {
                Some(worker) => test.with_kind(format!("no `sim` for {worker}")).with_ignored_flag(true),
                None => test,
            }
        }
    }
}

/// Recorded failures first, then the seeds.
fn play(target: &str, name: &str, scenario: &Arc<Scenario>) -> Result<(), Failed> {
    let (environment, only) = (Environment::read(), only_case());
    let again = |more: &str| format!("{more}cargo test --test {target} -- --exact {name}");
    let mut told = String::new();
    if variable("SHAKEDOWN_SEED").is_none() {
        replayed(scenario, &environment, &again(""), &mut told);
    }
    let strategy = environment.strategy.unwrap_or_default();
    let mut jobs = Job::all(std::slice::from_ref(scenario), environment.seeds.unwrap_or(Seeds::OfFile), strategy);
    if let Some(shard) = environment.shard {
        jobs = jobs.into_iter().map(|job| job.shard(shard)).collect();
    }
    jobs.retain(|job| only.is_none_or(|case| job.case.index == case));
    let recheck_all = environment.recheck_all == Some(true);
    // Tests run side by side already.
    let result = sweep(&jobs, 1, recheck_all, &Progress::default());
    // A failure's last line is the command to paste, so failures come last.
    for (n, sentence) in jobs.first().into_iter().flat_map(|job| job.case.expectations.sometimes().enumerate()) {
        let (runs, seen) = result
            .cases
            .iter()
            .fold((0, 0), |(runs, seen), case| (runs + case.runs, seen + case.hits.get(n).copied().unwrap_or(0)));
        // What one shard has not seen, another may have.
        if seen == 0 && runs > 1 && environment.shard.is_none() {
            let _ = writeln!(
                told,
                "inconclusive: in {runs} runs it was never seen: {sentence}. More seeds, or another strategy"
            );
        }
    }
    for (job, case) in jobs.iter().zip(&result.cases) {
        let index = job.case.index;
        let of_case = if job.case.label.is_empty() { String::new() } else { format!("SHAKEDOWN_CASE={index} ") };
        let by = environment.strategy.map_or_else(String::new, |strategy| format!("SHAKEDOWN_STRATEGY={strategy} "));
        for seed in &case.unsteady {
            let parted = parting(job, *seed).map_or_else(String::new, |parted| format!(": {parted}"));
            let _ = writeln!(told, "not deterministic: case {index} seed {seed} took two ways{parted}");
        }
        for failure in &case.failures {
            let report = tell(job, failure, case.runs, &look_into(job, failure, environment.effort));
            let rerun = again(&format!("SHAKEDOWN_SEED={} {of_case}{by}", failure.seed));
            let report = FailureReport { rerun, ..report };
            latest::keep_failure(&report);
            told.push_str(&failure_block(&report));
        }
    }
    if jobs.is_empty() {
        let _ = writeln!(told, "there is no case {}", only.unwrap_or_default());
    }
    if told.is_empty() { Ok(()) } else { Err(Failed::from(format!("\n{told}"))) }
}

/// The case that `SHAKEDOWN_CASE` asks for, from 1.
///
/// # Panics
/// Where it is no number: a typo must not pass for a green test.
fn only_case() -> Option<u32> {
    variable("SHAKEDOWN_CASE")
        .map(|case| case.parse().unwrap_or_else(|_| panic!("SHAKEDOWN_CASE: `{case}` is not a number")))
}

/// Plays what has failed before; what still does, and what does not fit any more, is told.
fn replayed(scenario: &Arc<Scenario>, environment: &Environment, again: &str, told: &mut String) {
    for (path, file) in regressions(scenario) {
        let name = path.display();
        let file = match file {
            Ok(file) => file,
            Err(error) => {
                let _ = writeln!(told, "{error}");
                continue;
            }
        };
        let cases = scenario.cases();
        let Some(case) = cases.iter().find(|case| *case.label == *file.case) else {
            eprintln!("stale: {name}: there is no case `{}` any more", file.case);
            continue;
        };
        let replayed = replay(case, &file, environment.effort);
        if let Some(stale) = replayed.told_stale(&name) {
            eprintln!("{stale}");
        }
        if let Some(investigated) = &replayed.still {
            let run = RunOf::File(name.to_string());
            let case = &explored_case(case, file.crashes);
            told.push_str(&failure_block(&tell_replayed(scenario, case, investigated, run, again.to_owned())));
        }
    }
}

/// The files below `root` that fit the pattern, each with its name as a test: its path without what no star stands for, and without `.toml`.
fn found(root: &Path, pattern: &str) -> Vec<(String, PathBuf)> {
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let fixed = parts.iter().take(parts.len().saturating_sub(1)).take_while(|part| !part.contains(['*', '?'])).count();
    let base = parts[..fixed].iter().fold(root.to_path_buf(), |base, part| base.join(part));
    let mut files = Vec::new();
    search(&base, &parts[fixed..], &mut files);
    let mut named: Vec<(String, PathBuf)> = files
        .into_iter()
        .map(|path| {
            let below = path.strip_prefix(&base).unwrap_or(&path);
            (below.with_extension("").to_string_lossy().into_owned(), path)
        })
        .collect();
    named.sort();
    named.dedup();
    named
}

/// Adds the files below `folder` that fit these parts of a path.
fn search(folder: &Path, parts: &[&str], files: &mut Vec<PathBuf>) {
    let Some((first, rest)) = parts.split_first() else { return };
    if *first == "**" {
        search(folder, rest, files);
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let fits = crate::pattern::glob(first, &name);
        match (*first == "**", rest.is_empty(), is_folder) {
            (true, _, true) if !name.starts_with('.') => search(&path, parts, files),
            (false, true, false) if fits => files.push(path),
            (false, false, true) if fits => search(&path, rest, files),
            (true | false, _, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_finds_files_and_names_them_by_what_its_stars_stand_for() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let names = |pattern| found(root, pattern).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("regress/a-stopped-process-*.toml"), ["a-stopped-process-hears-its-term"]);
        assert_eq!(names("**/a-stopped-process-*.toml"), ["regress/a-stopped-process-hears-its-term"]);
        assert_eq!(names("./regr?ss/a-stopped-process-*"), ["regress/a-stopped-process-hears-its-term"]);
        assert!(names("stop/*.toml").len() > 5 && names("**/*.toml").len() > names("stop/**/*.toml").len());
        assert_eq!(names("stop/*.json"), [""; 0]);
        assert_eq!(names("nowhere/*.toml"), [""; 0]);
    }
}
