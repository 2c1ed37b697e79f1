//! The table of a hunt, at most a hundred columns wide: one line a bug, one column a strategy.

use shakedown_sim::choose::Strategy;
use shakedown_zoo::Case;
use shakedown_zoo::hunt::{Budget, Hunt};
use std::fmt;
use std::time::Duration;

/// What is told of a hunt. Of the lists each has an entry a case, and that of hunts an entry a strategy.
pub struct Table<'a> {
    /// The bugs.
    pub cases: &'a [&'a Case],
    /// How they were hunted.
    pub strategies: &'a [Strategy],
    /// How long.
    pub budget: Budget,
    /// How soon they were found.
    pub hunts: &'a [Vec<Hunt>],
    /// How few surprises they need, where that is known.
    pub least: &'a [Option<u32>],
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.cases.iter().map(|case| case.name.len()).max().unwrap_or(0);
        let names = names.min(WIDTH - RIGHT - CELL * self.strategies.len());
        self.header(f, names)?;
        for (at, case) in self.cases.iter().enumerate() {
            write!(f, "{:names$} {:4}", cut(case.name, names), case.bug)?;
            for hunt in &self.hunts[at] {
                write!(f, " {:>5}", cell(hunt))?;
            }
            let shrunk = self.shrunk(at).map_or("·".into(), |mean| format!("{mean:.1}"));
            let least = self.least_of(at).map_or("?".into(), |least| least.to_string());
            writeln!(f, " {shrunk:>6} {least:>5}")?;
        }
        self.legend(f)?;
        self.strangers(f)?;
        self.shrinking(f)?;
        self.summary(f)
    }
}

impl Table<'_> {
    /// The strategies stand one above the other, each over its column.
    fn header(&self, f: &mut fmt::Formatter<'_>, names: usize) -> fmt::Result {
        for (at, strategy) in self.strategies.iter().enumerate() {
            writeln!(f, "{:left$}{}     {}", "", BAR.repeat(at), strategy.name(), left = names + 5)?;
        }
        writeln!(f, "{:names$} {:4}{} {:>6} {:>5}", "bug", "id", BAR.repeat(self.strategies.len()), "shrunk", "least")
    }

    /// The mean of what the failures of a case are shrunk to.
    fn shrunk(&self, case: usize) -> Option<f64> {
        let all: Vec<usize> = self.hunts[case].iter().flat_map(|hunt| hunt.surprises.iter().copied()).collect();
        (!all.is_empty()).then(|| all.iter().sum::<usize>() as f64 / all.len() as f64)
    }

    /// An exploration counts each action that is passed over, a shrinker the ones that are late, which may be fewer. Less than one surprise
    /// is none, and whether none will do a shrinker has tried.
    fn least_of(&self, case: usize) -> Option<usize> {
        let explored = self.least[case].map(|least| least as usize);
        let shrunk = self.hunts[case].iter().flat_map(|hunt| hunt.surprises.iter().copied()).min();
        match (explored, shrunk) {
            (Some(explored), Some(shrunk)) => Some(explored.min(shrunk)),
            (Some(explored), None) => Some(explored),
            (None, shrunk) => shrunk.filter(|shrunk| *shrunk <= 1),
        }
    }

    fn legend(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Budget { bases, seeds, .. } = self.budget;
        writeln!(f, "\nby strategy: seeds until it was found, the median over {bases} bases")?;
        writeln!(f, "             n/{bases}: found from so many bases only, within {seeds} seeds")?;
        writeln!(f, "shrunk: how many surprises are left of a failure, the mean over the first bases")?;
        writeln!(f, "least: the fewest with which it fails; ?: not known, there are too many runs to try")
    }

    fn strangers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (case, hunts) in self.cases.iter().zip(self.hunts) {
            for (strategy, hunt) in self.strategies.iter().zip(hunts) {
                if let Some((seed, caught)) = hunt.stranger {
                    writeln!(f, "{} also fails otherwise: {caught}, {strategy} {seed}", case.name)?;
                }
            }
        }
        Ok(())
    }

    /// How near shrinking comes to the fewest surprises, over the bugs of which those are known.
    fn shrinking(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |case| Some((self.shrunk(case)?, self.least_of(case)?));
        let known: Vec<(f64, usize)> = (0..self.cases.len()).filter_map(of).collect();
        let shrunk: f64 = known.iter().map(|(shrunk, _)| shrunk).sum();
        let least: usize = known.iter().map(|(_, least)| least).sum();
        if least > 0 {
            writeln!(f, "shrunk to {:.2} times the least of {} bugs", shrunk / least as f64, known.len())?;
        }
        let mut took: Vec<Duration> = self.hunts.iter().flatten().flat_map(|hunt| hunt.took.iter().copied()).collect();
        took.sort_unstable();
        match took.last() {
            None => Ok(()),
            Some(most) => writeln!(f, "a shrink took {:.1?}, the median, and {most:.1?} at most", took[took.len() / 2]),
        }
    }

    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.hunts.iter().filter(|hunts| hunts.iter().any(|hunt| hunt.found() > 0)).count();
        let best = |hunts: &Vec<Hunt>| hunts.iter().filter_map(Hunt::median).min().unwrap_or(u64::MAX);
        let mut medians: Vec<u64> = self.hunts.iter().map(best).collect();
        medians.sort_unstable();
        write!(f, "found {found} of {}, ", self.hunts.len())?;
        match medians.get(medians.len() / 2) {
            Some(&median) if median < u64::MAX => writeln!(f, "median of the medians {median} seeds"),
            Some(_) | None => writeln!(f, "most of them from less than half of the bases"),
        }
    }
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

/// What stands right of a bug's name beside the strategies: its number, and how many surprises it needs.
const RIGHT: usize = 18;

/// A strategy's column.
const CELL: usize = 6;

/// What leads from a strategy's name down to its column.
const BAR: &str = "     |";

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_zoo::catalogue;

    fn table(hunt: &Hunt, least: Option<u32>) -> String {
        let cases: Vec<&Case> = catalogue().iter().collect();
        let (strategies, budget) = (Strategy::ALL, Budget { bases: 20, seeds: 10_000, shrinks: 3 });
        let hunts = vec![vec![hunt.clone(); strategies.len()]; cases.len()];
        let least = vec![least; cases.len()];
        Table { cases: &cases, strategies: &strategies, budget, hunts: &hunts, least: &least }.to_string()
    }

    #[test]
    fn no_line_is_wider_than_a_hundred_columns() {
        for needed in [vec![Some(10_000); 20], vec![None; 20], [vec![Some(9_999); 9], vec![None; 11]].concat()] {
            let hunt = Hunt { needed, surprises: vec![100, 200], took: vec![], stranger: None };
            for line in table(&hunt, Some(10)).lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
            }
        }
    }

    #[test]
    fn the_last_lines_sum_up() {
        #[track_caller]
        fn check(needed: Vec<Option<u64>>, surprises: Vec<usize>, least: Option<u32>, expected: &str) {
            let text = table(&Hunt { needed, surprises, took: vec![], stranger: None }, least);
            let cases = catalogue().len();
            assert!(text.ends_with(&expected.replace("ALL", &cases.to_string())), "{text}");
        }
        let found = "found ALL of ALL, median of the medians 7 seeds\n";
        check(vec![Some(7)], vec![2, 4], None, found);
        let shrunk = format!("\nshrunk to 1.50 times the least of ALL bugs\n{found}");
        check(vec![Some(7)], vec![2, 4], Some(2), &shrunk);
        check(vec![None], vec![], None, "found 0 of ALL, most of them from less than half of the bases\n");
    }
}
