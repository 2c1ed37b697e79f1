//! `shakedown explore`: every schedule within bounds, and a certificate that says what was held calm; or the first failure, a smallest one.

use crate::cli::{Files, load};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use shakedown::core::site::Kind;
use shakedown::failure::{Effort, FailureFile, Investigated, investigate};
use shakedown::format::{Case, Scenario};
use shakedown::report::{RunOf, failure_block, plural, wrap};
use shakedown::sim::choose::{Chooser, Record, Trace};
use shakedown::sim::explore::{Bounds, Budget, Explored};
use shakedown::sweep::{Player, explore, explored_case, settings, shell_word, tell_replayed};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// The arguments of `explore`.
#[derive(Args, Debug)]
pub(crate) struct ExploreArgs {
    #[command(flatten)]
    files: Files,
    /// Only this case of each scenario, counted from 1
    #[arg(long, env = "SHAKEDOWN_CASE", value_name = "K")]
    case: Option<u32>,
    /// At most so many actions are passed over for once, counted from first come first served
    #[arg(long, env = "SHAKEDOWN_DELAYS", value_name = "D", default_value_t = 2)]
    delays: u32,
    /// At most so many of the file's faults strike
    #[arg(long, env = "SHAKEDOWN_FAULTS", value_name = "F", default_value_t = 1)]
    faults: u32,
    /// At most so many processes crash, at any of their steps; or the supervisor, where the file kills it
    #[arg(long, env = "SHAKEDOWN_CRASHES", value_name = "C", default_value_t = 0)]
    crashes: u32,
    /// At most so many values are not the calm one: the longest of a range, a duration that ends with a deadline
    #[arg(long, env = "SHAKEDOWN_VALUES", value_name = "V", default_value_t = 0)]
    values: u32,
    /// Give up on a case after so many runs
    #[arg(long, env = "SHAKEDOWN_RUNS", value_name = "N", default_value_t = 5_000_000)]
    runs: u64,
    /// Write failure files into this folder
    #[arg(long, env = "SHAKEDOWN_OUT", value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &ExploreArgs) -> Exit {
    let scenarios = match load(&args.files) {
        Ok(scenarios) => scenarios,
        Err(exit) => return exit,
    };
    let interrupt = Interrupt::listen(|| {});
    let mut exit = Exit::Held;
    let mut cases = 0;
    for scenario in &scenarios {
        for case in scenario.cases().iter().filter(|case| args.case.is_none_or(|wanted| wanted == case.index)) {
            if let Some(worker) = case.without_sim() {
                eprintln!(
                    "error: {}: the simulator cannot play worker `{worker}`: give its command a `sim`",
                    scenario.file
                );
                return Exit::BadFile;
            }
            cases += 1;
            exit = exit.worst(explore_case(args, scenario, case, &interrupt));
            if let Some(interrupted) = interrupt.exit() {
                return exit.worst(interrupted);
            }
        }
    }
    if cases == 0 {
        eprintln!("error: no case {} in these scenarios", args.case.unwrap_or_default());
        return Exit::NothingRan;
    }
    exit
}

fn explore_case(args: &ExploreArgs, scenario: &Scenario, case: &Case, interrupt: &Interrupt) -> Exit {
    let ExploreArgs { delays, faults, crashes, values, .. } = *args;
    let bounds = Bounds { delays, faults, crashes, values };
    let case = &explored_case(case, crashes > 0);
    let began = Instant::now();
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {msg}: {human_pos} runs, {per_sec}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_message(format!("{} {}", scenario.name, case.label));
    let explored = explore(case, bounds, Budget { runs: args.runs }, |runs| {
        bar.set_position(runs);
        interrupt.exit().is_none()
    });
    bar.finish_and_clear();
    let title =
        if case.label.is_empty() { scenario.name.to_string() } else { format!("{} · {}", scenario.name, case.label) };
    match &explored.failure {
        Some((finding, answers)) => {
            let chooser = Chooser::Trace(Trace::new(answers));
            let stage = || Player::new(case, Record::new(Chooser::default()));
            let investigated = investigate(stage, &chooser, finding, Effort::default());
            let saved = save(args, scenario, case, &investigated);
            let again = saved.map_or_else(|| again(args, scenario, case), |path| format!("shakedown replay {path}"));
            let report = tell_replayed(scenario, case, &investigated, RunOf::Schedule, again);
            emit!("{}", failure_block(&report));
            crate::latest::keep_failures(&[report]);
            Exit::Failed
        }
        None if explored.is_complete => {
            say!("ok    {title}");
            certificate(&explored, bounds, !case.crashes.is_empty(), began)
                .iter()
                .for_each(|line| say!("      {line}"));
            Exit::Held
        }
        None => {
            say!("?     {title}");
            let runs = plural(explored.runs, "run");
            say!(
                "      not all was tried: {runs} in {:.1} s, none failed; --runs plays more",
                began.elapsed().as_secs_f64()
            );
            Exit::Inconclusive
        }
    }
}

/// What was judged, and what was not: so that nobody takes it for more than it is.
fn certificate<T>(explored: &Explored<T>, bounds: Bounds, kills_host: bool, began: Instant) -> Vec<String> {
    let schedules = plural(explored.schedules, "schedule");
    let told = format!(
        "all {schedules} with at most {bounds} hold: {} in {:.1} s, {} told apart",
        plural(explored.runs, "run"),
        began.elapsed().as_secs_f64(),
        plural(explored.states as u64, "state"),
    );
    let held = held_calm(&explored.held, kills_host);
    let mut lines = wrap(&told, WIDTH);
    if kills_host {
        lines.extend(wrap(
            "a crash is one of the supervisor, before any step of the time that the file gives it; another takes over at once",
            WIDTH,
        ));
    }
    lines.extend(wrap(&format!("held calm: {held}"), WIDTH));
    lines
}

/// Beside the words at the left edge.
const WIDTH: usize = shakedown::report::WIDTH - 6;

fn held_calm(held: &BTreeMap<Kind, u64>, kills_host: bool) -> String {
    let words = |kind: Kind| match kind {
        Kind::Poll | Kind::Mail | Kind::Tick | Kind::Step | Kind::Arrival | Kind::Lag => "the order of actions",
        Kind::Span => "durations (each the shortest)",
        Kind::Tie => "ties of durations with deadlines",
        Kind::Pick | Kind::Random => "alternatives (each the first)",
        Kind::Fault | Kind::Buggify => "faults",
        Kind::Crash => {
            if kills_host {
                "crashes of the supervisor"
            } else {
                "crashes of processes"
            }
        }
        Kind::Clock => "deadlines (never early)",
        Kind::Limit => "limits of the machine (as large as usual)",
    };
    let mut told: Vec<&str> = Vec::new();
    for kind in held.keys().map(|kind| words(*kind)) {
        if !told.contains(&kind) {
            told.push(kind);
        }
    }
    told.push(if kills_host { "crashes of processes" } else { "crashes of the supervisor" });
    told.extend(["everything that takes longer than it must"]);
    told.join(", ")
}

fn again(args: &ExploreArgs, scenario: &Scenario, case: &Case) -> String {
    let ExploreArgs { delays, faults, crashes, values, .. } = *args;
    let which = if case.label.is_empty() { String::new() } else { format!(" --case {}", case.index) };
    let (file, set) = (shell_word(&scenario.file), settings(scenario));
    format!(
        "shakedown explore {file}{set}{which} --delays {delays} --faults {faults} --crashes {crashes} --values {values}"
    )
}

fn save(args: &ExploreArgs, scenario: &Scenario, case: &Case, investigated: &Investigated) -> Option<String> {
    let folder = args.out.as_ref()?;
    let mut file = FailureFile::of(investigated, &scenario.file, &case.label, &again(args, scenario, case))?;
    file.crashes = args.crashes > 0;
    crate::cli::saved(&file, folder)
}
