//! The JSON lines of `--format json`, one object a line, with keys in the order of the contract (SCENARIOS.md section 3).
//! Programs read these: keys may be added at the end, none may change its meaning.

use super::failure::FailureReport;
use super::summary::{CaseSummary, SweepSummary};
use serde::Serialize;
use shakedown_core::time::nanos;
use std::collections::BTreeMap;

/// One case is over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CaseLine {
    schema: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    scenario: String,
    case: u32,
    seeds: u64,
    distinct: u64,
    passed: u64,
    failed: u64,
}

/// One failure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FailureLine {
    #[serde(rename = "type")]
    kind: &'static str,
    scenario: String,
    case: u32,
    seed: Option<u64>,
    oracle: String,
    subject: String,
    at_ns: u64,
    message: String,
    decisions: u32,
    surprises: u64,
    replay: String,
    /// Where two runs of it part, if it could not be repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    parted: Option<String>,
    /// Of a run on a machine: by how much that was late, at most, in waking whoever slept.
    #[serde(skip_serializing_if = "Option::is_none")]
    late_ns: Option<u64>,
}

/// What could not be repeated.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UnsteadyLine {
    #[serde(rename = "type")]
    kind: &'static str,
    message: String,
}

/// All is over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SummaryLine {
    #[serde(rename = "type")]
    kind: &'static str,
    runs: u64,
    distinct: u64,
    failed: u64,
    virtual_ns: u64,
    real_ns: u64,
    sometimes: BTreeMap<String, u64>,
    exit: i32,
}

impl From<&CaseSummary> for CaseLine {
    fn from(case: &CaseSummary) -> CaseLine {
        CaseLine {
            schema: 1,
            kind: "case",
            scenario: case.scenario.clone(),
            case: case.case_index,
            seeds: case.runs,
            distinct: case.distinct,
            passed: case.runs.saturating_sub(case.failed),
            failed: case.failed,
        }
    }
}

impl From<&FailureReport> for FailureLine {
    /// Decisions and surprises are the run's own, as found: `replay` repeats that run.
    fn from(report: &FailureReport) -> FailureLine {
        FailureLine {
            kind: "failure",
            scenario: report.scenario.clone(),
            case: report.case_index,
            seed: report.run.seed(),
            oracle: report.oracle.clone(),
            subject: report.subject.clone(),
            at_ns: report.at.as_nanos(),
            message: report.message.clone(),
            decisions: report.decisions,
            surprises: report.surprises.total(),
            replay: report.rerun.clone(),
            parted: report.parted.clone(),
            late_ns: report.late_ns,
        }
    }
}

impl UnsteadyLine {
    /// What could not be repeated, and where its runs part.
    pub fn new(told: &str) -> UnsteadyLine {
        UnsteadyLine { kind: "not-deterministic", message: told.into() }
    }
}

impl SummaryLine {
    /// The summary of a sweep that ends with this exit code.
    pub fn new(sweep: &SweepSummary, exit: i32) -> SummaryLine {
        SummaryLine {
            kind: "summary",
            runs: sweep.runs,
            distinct: sweep.distinct,
            failed: sweep.failed,
            virtual_ns: nanos(sweep.virtual_time),
            real_ns: nanos(sweep.real_time),
            sometimes: sweep.sometimes.iter().cloned().collect(),
            exit,
        }
    }
}

macro_rules! lines {
    ($($line:ident),*) => {
        $(impl $line {
            /// The object, without a newline.
            pub fn line(&self) -> String {
                serde_json::to_string(self).expect("numbers and strings always serialise")
            }
        })*
    };
}

lines!(CaseLine, FailureLine, UnsteadyLine, SummaryLine);

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_lines_are_those_of_the_contract() {
        let mut lines: Vec<String> = samples::cases().iter().map(|c| CaseLine::from(c).line()).collect();
        lines.push(FailureLine::from(&samples::checkout()).line());
        lines.push(FailureLine::from(&samples::bare()).line());
        lines.push(SummaryLine::new(&samples::sweep(), 1).line());
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn one_object_stays_one_line_whatever_it_says() {
        let mut report = samples::checkout();
        report.message = "two\nlines \"quoted\" \u{2028}".into();
        assert_eq!(FailureLine::from(&report).line().lines().count(), 1);
    }
}
