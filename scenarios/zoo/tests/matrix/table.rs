//! The matrix of broken supervisors and oracles, for a person to review: in how many failing runs which oracle spoke.

use shakedown_core::oracle::OracleName;
use shakedown_sim::choose::{Pilot, Strategy};
use shakedown_zoo::{Case, Caught, Player, Side};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What became of one broken supervisor.
pub struct Row {
    pub name: &'static str,
    pub bug: &'static str,
    pub caught_by: Caught,
    /// The first seed whose run failed, and who noticed first.
    pub first: Option<(u64, Caught)>,
    /// Runs that failed, of so many.
    pub failed: u64,
    pub played: u64,
    /// In how many of them each oracle spoke, in the order of [`OracleName::ALL`].
    spoke: Vec<u64>,
}

impl Row {
    /// In how many failing runs this oracle spoke.
    pub fn count(&self, oracle: OracleName) -> u64 {
        OracleName::ALL.iter().position(|&o| o == oracle).map_or(0, |at| self.spoke[at])
    }

    /// Whether this oracle spoke in every failing run, and never another.
    pub fn is_caught_by_alone(&self, oracle: OracleName) -> bool {
        self.failed > 0 && self.count(oracle) == self.failed && self.spoke.iter().sum::<u64>() == self.failed
    }
}

/// Plays them all, a few at a time.
pub fn play_all(cases: &[Case]) -> Vec<Row> {
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((at, case)) = Some(next.fetch_add(1, Relaxed)).and_then(|at| Some((at, cases.get(at)?)))
                {
                    let row = play_broken(case);
                    rows.lock().expect("no row has panicked").insert(at, row);
                }
            });
        }
    });
    rows.into_inner().expect("no row has panicked").into_values().collect()
}

/// Plays one broken supervisor until it has failed often enough to know who speaks.
fn play_broken(case: &Case) -> Row {
    let mut row = Row {
        name: case.name,
        bug: case.bug,
        caught_by: case.caught_by,
        first: None,
        failed: 0,
        played: 0,
        spoke: vec![0; OracleName::ALL.len()],
    };
    let mut player = Player::new(case, Side::Broken);
    while row.played < SEEDS_MAX && row.failed < FAILURES_ENOUGH {
        let run = player.play(Strategy::default().chooser(row.played, &Pilot::default()));
        if let Some(first) = Caught::first(&run) {
            row.failed += 1;
            row.first.get_or_insert((row.played, first));
            for (at, oracle) in OracleName::ALL.iter().enumerate() {
                row.spoke[at] += u64::from(run.violations.iter().any(|v| v.oracle == *oracle));
            }
        }
        row.played += 1;
    }
    row
}

/// The matrix as text. A star marks an oracle that alone spoke, in every failing run.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let names = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let left = names + NUMBERS;
    for (at, oracle) in OracleName::ALL.iter().enumerate() {
        let bars = "    |".repeat(at);
        let _ = writeln!(text, "{:left$}{bars}    {oracle}", "");
    }
    let bars = "    |".repeat(OracleName::ALL.len());
    let _ = writeln!(text, "{:names$}{:>5}{:>6}{:>9}{bars}", "broken supervisor", "bug", "first", "failed");
    for row in rows {
        let first = row.first.map_or("never".to_string(), |(seed, _)| seed.to_string());
        let failed = format!("{}/{}", row.failed, row.played);
        let _ = write!(text, "{:names$}{:>5}{first:>6}{failed:>9}", row.name, row.bug);
        for &oracle in OracleName::ALL {
            let cell = match row.count(oracle) {
                0 => "· ".to_string(),
                _ if row.is_caught_by_alone(oracle) => format!("{}*", row.count(oracle)),
                count => format!("{count} "),
            };
            let _ = write!(text, "{cell:>5}");
        }
        match row.caught_by {
            Caught::By(_) => {}
            other => text.push_str(&format!("  {other}")),
        }
        let trimmed = text.trim_end().len();
        text.truncate(trimmed);
        text.push('\n');
    }
    text.push_str("\nfirst: the first failing seed · failed: failing runs of those played, at most 12 of 10 000\n");
    text.push_str("cells: failing runs in which the oracle spoke · *: it spoke in all of them, and no other did\n");
    text
}

/// The width of the columns between the names and the oracles.
const NUMBERS: usize = 20;

/// As many seeds are played at most.
const SEEDS_MAX: u64 = 10_000;

/// After so many failures it is known who speaks.
const FAILURES_ENOUGH: u64 = 12;
