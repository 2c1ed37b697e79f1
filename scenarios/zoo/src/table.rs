//! The table of a hunt, at most a hundred columns wide: one line a bug, one column a strategy.

use shakedown_zoo::Case;
use shakedown_zoo::hunt::{Budget, Hunt, Strategy};
use std::fmt::Write;

/// The table, what failed otherwise, and one line that sums up.
pub fn table(cases: &[&Case], strategies: &[Strategy], budget: Budget, hunts: &[Vec<Hunt>]) -> String {
    let mut text = String::new();
    let names = cases.iter().map(|case| case.name.len()).max().unwrap_or(0);
    let names = names.min(WIDTH - RIGHT - CELL * strategies.len());
    let _ = write!(text, "{:names$} {:4} {:20}", "bug", "id", "caught by");
    for (strategy, _) in strategies {
        let _ = write!(text, " {strategy:>9}");
    }
    let _ = writeln!(text, " {:>9} {:>5}", "surprises", "least");
    for (case, hunts) in cases.iter().zip(hunts) {
        let _ = write!(text, "{:names$} {:4} {:20}", cut(case.name, names), case.bug, case.caught_by.to_string());
        for hunt in hunts {
            let _ = write!(text, " {:>9}", cell(hunt));
        }
        let _ = writeln!(text, " {:>9} {:>5}", "·", "·");
    }
    let (bases, seeds) = (budget.bases, budget.seeds);
    let _ = writeln!(
        text,
        "\nseeds needed, the median over {bases} bases; n/{bases}: found from so many, within {seeds} seeds"
    );
    strangers(&mut text, cases, strategies, hunts);
    summary(&mut text, hunts);
    text
}

fn strangers(text: &mut String, cases: &[&Case], strategies: &[Strategy], hunts: &[Vec<Hunt>]) {
    for (case, hunts) in cases.iter().zip(hunts) {
        for ((strategy, _), hunt) in strategies.iter().zip(hunts) {
            if let Some((seed, caught)) = hunt.stranger {
                let _ = writeln!(text, "{} also fails otherwise: {caught}, {strategy} {seed}", case.name);
            }
        }
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
        None if hunt.found() == 0 => "not found".into(),
        None => format!("{}/{}", hunt.found(), hunt.needed.len()),
    }
}

/// Names are ASCII.
fn cut(name: &str, width: usize) -> String {
    if name.len() <= width { name.into() } else { format!("{}…", &name[..width - 1]) }
}

/// The widest that a table may be.
const WIDTH: usize = 100;

/// What stands right of a bug's name beside the strategies: its number, who catches it, and what the shrinker leaves of it.
const RIGHT: usize = 43;

/// A strategy's column.
const CELL: usize = 10;
