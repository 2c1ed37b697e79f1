//! One measurement: asked for by the table, carried out by this program in a process of its own, answered in a line of `key=value`.
use crate::{WORKLOADS, Workload};
use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// What a measurement answers.
pub type Answer = Vec<(&'static str, f64)>;

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    Quick,
    Full,
}

impl Scale {
    pub fn rounds(self) -> usize {
        self.of(3, 5)
    }

    /// The first for a first impression, the second for a figure.
    pub fn of<T>(self, quick: T, full: T) -> T {
        match self {
            Scale::Quick => quick,
            Scale::Full => full,
        }
    }

    fn word(self) -> &'static str {
        self.of("quick", "full")
    }
}

/// The figures of one workload, of all rounds.
#[derive(Default)]
pub struct Found {
    figures: BTreeMap<(String, String), Vec<f64>>,
    /// What could not be measured, and why. It is not asked again.
    pub troubles: BTreeMap<String, String>,
}

impl Found {
    /// Measures a row once more.
    pub fn ask(&mut self, workload: &Workload, row: &str, scale: Scale) {
        if self.troubles.contains_key(row) {
            return;
        }
        match ask(workload, row, scale) {
            Ok(figures) => {
                for (key, value) in figures {
                    self.figures.entry((row.to_string(), key)).or_default().push(value);
                }
            }
            Err(trouble) => {
                self.troubles.insert(row.to_string(), trouble);
            }
        }
    }

    pub fn median(&self, row: &str, key: &str) -> Option<f64> {
        median(self.all(row, key)?.to_vec())
    }

    /// One row over another: the median of the rounds' ratios, whose two figures were taken within the same minute.
    pub fn ratio(&self, key: &str, row: &str, to: &str) -> Option<f64> {
        let rounds = self.all(row, key)?.iter().zip(self.all(to, key)?);
        median(rounds.map(|(one, other)| one / other).collect())
    }

    fn all(&self, row: &str, key: &str) -> Option<&[f64]> {
        self.figures.get(&(row.to_string(), key.to_string())).map(Vec::as_slice)
    }
}

fn median(mut all: Vec<f64>) -> Option<f64> {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}

/// Runs this program once more, for one measurement.
fn ask(workload: &Workload, row: &str, scale: Scale) -> Result<Vec<(String, f64)>, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut command = Command::new(std::env::current_exe().map_err(text)?);
    command.args([WORD, workload.word, row, scale.word()]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(text)?;
    let end = Instant::now() + LIMIT;
    // Answers are far smaller than a pipe, so nothing needs to be read before the end.
    while child.try_wait().map_err(text)?.is_none() {
        if Instant::now() >= end {
            child.kill().map_err(text)?;
            child.wait().map_err(text)?;
            return Err(format!("no answer within {} s", LIMIT.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().map_err(text)?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}", output.status, complaint.lines().last().unwrap_or("")));
    }
    let answer = String::from_utf8_lossy(&output.stdout);
    let pairs = answer.split_whitespace().filter_map(|word| word.split_once('='));
    Ok(pairs.filter_map(|(key, value)| Some((key.to_string(), value.parse().ok()?))).collect())
}

/// As that process: measures, and prints the answer.
pub fn answer(workload: &str, row: &str, scale: &str) -> ExitCode {
    let scale = if scale == Scale::Quick.word() { Scale::Quick } else { Scale::Full };
    let Some(workload) = WORKLOADS.iter().find(|known| known.word == workload) else {
        eprintln!("no workload of this name: {workload}");
        return ExitCode::from(2);
    };
    match (workload.measure)(row, scale) {
        Ok(figures) => {
            let pairs: Vec<String> = figures.iter().map(|(key, value)| format!("{key}={value}")).collect();
            println!("{}", pairs.join(" "));
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            eprintln!("{trouble}");
            ExitCode::FAILURE
        }
    }
}

/// The first word of a measurement's command line.
pub const WORD: &str = "measure";
/// For one measurement; the longest takes a few seconds.
const LIMIT: Duration = Duration::from_secs(120);
