//! What the programs of a run have exercised, added up over programs, and held to thresholds.

use super::program::{Family, Program};
use super::rows::{ROWS, Row, Shown};
use super::sight;
use super::verbs::{SWITCHED_OFF, VERBS, each, is_on, word};
use serde::{Deserialize, Serialize};
use shakedown::format::Case;
use shakedown::sim::Ending;
use std::fmt;

/// Below so many programs chance decides, and nothing is held to a threshold.
pub const HELD_FROM: u64 = 500;
/// One in so many programs uses each verb and exercises each row.
const ONE_IN: u64 = 100;
/// One in so many programs has a signal in flight during fork, exec or exit.
const FLIGHT_ONE_IN: u64 = 4;

/// What one program exercises: bit n for the n-th verb, the n-th row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Exercised {
    pub verbs: u64,
    pub rows: u64,
    pub in_flight: bool,
    pub newborn: bool,
    pub calm: bool,
}

/// What this program exercises, as so many simulated runs show it.
///
/// # Errors
/// How a simulated run ended that did not come to its end.
pub fn exercised(program: &Program, case: &Case, runs: u64) -> Result<Exercised, Ending> {
    let mut found = Exercised { calm: program.family == Family::Calm, ..Exercised::default() };
    each(&program.script, &mut |verb| {
        let at = VERBS.iter().position(|known| *known == word(verb));
        found.verbs |= at.map_or(0, |at| 1 << at);
    });
    sight::look(program, case, runs, &mut |sight| {
        found.in_flight |= sight.signal_in_flight();
        found.newborn |= sight.signal_to_newborn();
        for (at, row) in ROWS.iter().enumerate() {
            found.rows |= u64::from(row.is_shown(sight)) << at;
        }
    })?;
    Ok(found)
}

/// Added up.
#[derive(Clone, Debug)]
pub struct Coverage {
    pub programs: u64,
    verbs: Vec<u64>,
    rows: Vec<u64>,
    in_flight: u64,
    newborn: u64,
    pub calm: u64,
}

impl Default for Coverage {
    fn default() -> Coverage {
        Coverage {
            programs: 0,
            verbs: vec![0; VERBS.len()],
            rows: vec![0; ROWS.len()],
            in_flight: 0,
            newborn: 0,
            calm: 0,
        }
    }
}

impl Coverage {
    /// Counts one more program.
    pub fn add(&mut self, found: Exercised) {
        self.programs += 1;
        self.in_flight += u64::from(found.in_flight);
        self.newborn += u64::from(found.newborn);
        self.calm += u64::from(found.calm);
        self.verbs.iter_mut().enumerate().for_each(|(at, count)| *count += found.verbs >> at & 1);
        self.rows.iter_mut().enumerate().for_each(|(at, count)| *count += found.rows >> at & 1);
    }

    /// Thresholds that are missed.
    pub fn missed(&self) -> Vec<String> {
        if self.programs < HELD_FROM {
            return Vec::new();
        }
        let rare = |count: u64| count * ONE_IN < self.programs;
        let verbs = VERBS.iter().zip(&self.verbs).filter(|(word, count)| is_on(word) && rare(**count));
        let rows = ROWS.iter().zip(&self.rows).filter(|(row, count)| row.is_held() && rare(**count));
        let mut missed: Vec<String> =
            verbs.map(|(word, count)| format!("verb `{word}`: {}", self.share(*count))).collect();
        missed.extend(rows.map(|(row, count)| format!("row {}: {}", row.id, self.share(*count))));
        if self.in_flight * FLIGHT_ONE_IN < self.programs {
            missed.push(format!("a signal in flight during fork, exec or exit: {}", self.share(self.in_flight)));
        }
        missed
    }

    fn share(&self, count: u64) -> String {
        format!("{:.1} %", count as f64 * 100.0 / self.programs.max(1) as f64)
    }
}

impl Row {
    /// Whether programs can express it with the verbs that are switched on.
    fn is_held(&self) -> bool {
        match self.shown {
            Shown::Elsewhere(_) => false,
            Shown::Run(..) => NEEDS.iter().all(|(id, word)| *id != self.id || is_on(word)),
        }
    }

    fn how(&self) -> &'static str {
        match self.shown {
            Shown::Run(_, how) | Shown::Elsewhere(how) => how,
        }
    }
}

/// Rows that want a certain verb.
const NEEDS: &[(&str, &str)] =
    &[("C4", "exec"), ("C10", "leader-exit"), ("C15", "freeze"), ("C24", "pdeathsig"), ("C33", "lock")];

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "coverage, in shares of the programs")?;
        for line in VERBS.iter().zip(&self.verbs).collect::<Vec<_>>().chunks(6) {
            f.write_str(" ")?;
            for (word, count) in line {
                let share = if is_on(word) { self.share(**count) } else { "off".into() };
                write!(f, " {word:>10} {share:<5}")?;
            }
            writeln!(f)?;
        }
        for (row, count) in ROWS.iter().zip(&self.rows).filter(|(row, _)| !matches!(row.shown, Shown::Elsewhere(_))) {
            writeln!(f, "  {:<4} {:<22} {:>7}  {}", row.id, row.topic, self.share(*count), row.how())?;
        }
        // Seen in at least one of the simulated runs of a program, of which there are as many as real ones.
        let flight = self.share(self.in_flight);
        writeln!(f, "  a signal in flight during fork, exec or exit, in some simulated run {flight}")?;
        writeln!(f, "  (a signal to a process that was just forked {})", self.share(self.newborn))?;
        writeln!(f, "not expressed by programs, and proven elsewhere")?;
        for row in ROWS.iter().filter(|row| matches!(row.shown, Shown::Elsewhere(_))) {
            writeln!(f, "  {:<4} {:<22} {}", row.id, row.topic, row.how())?;
        }
        for (word, reason) in SWITCHED_OFF {
            writeln!(f, "  off  {word:<22} {reason}")?;
        }
        Ok(())
    }
}
