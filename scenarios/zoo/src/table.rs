//! The table of a hunt, at most a hundred columns wide: one line a bug, one column a strategy.

use shakedown_sim::choose::Strategy;
use shakedown_zoo::Case;
use shakedown_zoo::hunt::{Budget, Hunt};
use std::fmt::Write;

/// The table, what failed otherwise, and one line that sums up.
pub fn table(cases: &[&Case], strategies: &[Strategy], budget: Budget, hunts: &[Vec<Hunt>]) -> String {
    let mut text = String::new();
    let names = cases.iter().map(|case| case.name.len()).max().unwrap_or(0);
    let names = names.min(WIDTH - RIGHT - CELL * strategies.len());
    let _ = write!(text, "{:names$} {:4}", "bug", "id");
    for strategy in strategies {
        let _ = write!(text, " {:>6}", strategy.name());
    }
    let _ = writeln!(text, " {:>6} {:>5}", "shrunk", "least");
    for (case, hunts) in cases.iter().zip(hunts) {
        let _ = write!(text, "{:names$} {:4}", cut(case.name, names), case.bug);
        for hunt in hunts {
            let _ = write!(text, " {:>6}", cell(hunt));
        }
        let (mean, least) = surprises(hunts);
        let _ = writeln!(text, " {mean:>6} {least:>5}");
    }
    let Budget { bases, seeds, .. } = budget;
    let _ = write!(
        text,
        "\nby strategy: seeds needed, the median over {bases} bases · n/{bases}: found from so many bases, within {seeds} seeds\n\
         shrunk: surprises that a failure is shrunk to, the mean · least: of all that were shrunk, by any strategy\n"
    );
    strangers(&mut text, cases, strategies, hunts);
    summary(&mut text, hunts);
    text
}

fn strangers(text: &mut String, cases: &[&Case], strategies: &[Strategy], hunts: &[Vec<Hunt>]) {
    for (case, hunts) in cases.iter().zip(hunts) {
        for (strategy, hunt) in strategies.iter().zip(hunts) {
            if let Some((seed, caught)) = hunt.stranger {
                let _ = writeln!(text, "{} also fails otherwise: {caught}, {strategy} {seed}", case.name);
            }
        }
    }
}

/// The mean of what failures are shrunk to, and the least of it.
fn surprises(hunts: &[Hunt]) -> (String, String) {
    let all: Vec<usize> = hunts.iter().flat_map(|hunt| hunt.surprises.iter().copied()).collect();
    match all.iter().min() {
        Some(least) => (format!("{:.1}", all.iter().sum::<usize>() as f64 / all.len() as f64), least.to_string()),
        None => ("·".into(), "·".into()),
    }
}

fn summary(text: &mut String, hunts: &[Vec<Hunt>]) {
    let found = hunts.iter().filter(|hunts| hunts.iter().any(|hunt| hunt.found() > 0)).count();
    let mut medians: Vec<u64> =
        hunts.iter().map(|hunts| hunts.iter().filter_map(Hunt::median).min().unwrap_or(u64::MAX)).collect();
    medians.sort_unstable();
    let _ = write!(text, "found {found} of {}, ", hunts.len());
    let _ = match medians.get(medians.len() / 2) {
        Some(&median) if median < u64::MAX => writeln!(text, "median of the medians {median} seeds"),
        Some(_) | None => writeln!(text, "most of them from less than half of the bases"),
    };
}

fn cell(hunt: &Hunt) -> String {
    match hunt.median() {
        Some(median) => median.to_string(),
        None if hunt.found() == 0 => "none".into(),
        None => format!("{}/{}", hunt.found(), hunt.needed.len()),
    }
}

/// Names are ASCII.
fn cut(name: &str, width: usize) -> String {
    if name.len() <= width { name.into() } else { format!("{}…", &name[..width - 1]) }
}

/// The widest that a table may be.
const WIDTH: usize = 100;

/// What stands right of a bug's name beside the strategies: its number, and what is left of its failures.
const RIGHT: usize = 18;

/// A strategy's column.
const CELL: usize = 7;
