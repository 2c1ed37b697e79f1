//! A whole sweep as data: what `--report json=F` writes, and what the reports of several shards are merged from.

use super::failure::{FailureReport, HowCommon};
use super::summary::{CaseSummary, SweepSummary};
use serde::{Deserialize, Serialize};

/// What came of a sweep.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SweepReport {
    /// The version of this form.
    pub schema: u32,
    /// Which share of the sweep this is, as `2/8`.
    pub shard: Option<String>,
    /// Case by case.
    pub cases: Vec<CaseSummary>,
    /// Failures: for each case, one of each kind.
    pub failures: Vec<FailureReport>,
    /// Runs that could not be repeated, in words.
    pub unsteady: Vec<String>,
    /// All of it.
    pub summary: SweepSummary,
    /// Whether it was cut short, by a person or by a budget of time.
    pub cut_short: bool,
}

impl SweepReport {
    /// The version that this program writes.
    pub const SCHEMA: u32 = 1;

    /// Reads what [`text`](Self::text) has written.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<SweepReport, String> {
        let report: SweepReport =
            serde_json::from_str(text).map_err(|error| format!("is no report of a sweep: {error}"))?;
        if report.schema == SweepReport::SCHEMA {
            Ok(report)
        } else {
            Err(format!("is a report of version {}, this program reads {}", report.schema, SweepReport::SCHEMA))
        }
    }

    /// As JSON, with a newline at its end.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and strings always serialise") + "\n"
    }

    /// Adds what another shard has found.
    pub fn add(&mut self, other: SweepReport) {
        for case in other.cases {
            let same = |known: &&mut CaseSummary| {
                (&known.file, known.case_index, &known.case_label) == (&case.file, case.case_index, &case.case_label)
            };
            match self.cases.iter_mut().find(same) {
                Some(known) => {
                    known.runs += case.runs;
                    known.distinct += case.distinct;
                    known.failed += case.failed;
                }
                None => self.cases.push(case),
            }
        }
        for failure in other.failures {
            self.add_failure(failure);
        }
        self.unsteady.extend(other.unsteady);
        self.summary.add(other.summary);
        self.cut_short |= other.cut_short;
        self.shard = None;
    }

    /// Once all shards are in: how common a failure is, is a share of all runs of its case; and the order is that of one sweep.
    pub fn settle(&mut self) {
        let cases = &self.cases;
        for failure in &mut self.failures {
            let of = |case: &&CaseSummary| case.file == failure.file && case.case_index == failure.case_index;
            if let (Some(common), Some(case)) = (&mut failure.how_common, cases.iter().find(of)) {
                common.runs = case.runs;
            }
        }
        let place = |failure: &FailureReport| {
            let of = |case: &CaseSummary| case.file == failure.file && case.case_index == failure.case_index;
            (failure.run.seed().is_some(), cases.iter().position(of), failure.run.seed())
        };
        self.failures.sort_by_key(place);
    }

    /// Of two failures of a kind the one with the lower seed is kept, as if one machine had played all.
    fn add_failure(&mut self, mut failure: FailureReport) {
        let Some(known) = self.failures.iter_mut().find(|known| known.is_same_as(&failure)) else {
            return self.failures.push(failure);
        };
        let failed = |report: &FailureReport| report.how_common.map_or(0, |common| common.failed);
        let both = failed(known) + failed(&failure);
        if failure.run.seed() < known.run.seed() {
            std::mem::swap(known, &mut failure);
        }
        known.how_common = known.how_common.map(|common| HowCommon { failed: both, ..common });
    }
}

impl SweepSummary {
    /// Adds that of another shard.
    fn add(&mut self, other: SweepSummary) {
        self.shards = self.shards.max(1) + other.shards.max(1);
        self.runs += other.runs;
        self.distinct += other.distinct;
        self.failed += other.failed;
        self.virtual_time += other.virtual_time;
        self.real_time += other.real_time;
        for (what, seen) in other.sometimes {
            match self.sometimes.iter_mut().find(|(known, _)| *known == what) {
                Some((_, all)) => *all += seen,
                None => self.sometimes.push((what, seen)),
            }
        }
        for (whose, never) in other.deadlines {
            match self.deadlines.iter_mut().find(|(known, _)| *known == whose) {
                // What one shard has seen was seen.
                Some((_, known)) => known.retain(|way| never.contains(way)),
                None => self.deadlines.push((whose, never)),
            }
        }
        self.unused_allowances.retain(|unused| other.unused_allowances.contains(unused));
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn shard(seed: u64, failed: u64, runs: u64) -> SweepReport {
        let mut failure = samples::checkout();
        failure.run = super::super::RunOf::Seed(seed);
        failure.how_common = Some(HowCommon { failed, runs });
        let mut case = samples::cases().remove(2);
        (case.runs, case.failed) = (runs, failed);
        SweepReport {
            schema: SweepReport::SCHEMA,
            cases: vec![case],
            failures: vec![failure],
            summary: SweepSummary { runs, failed, ..samples::sweep() },
            ..SweepReport::default()
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let report = SweepReport { shard: Some("1/2".into()), ..shard(42, 3, 100) };
        assert_eq!(SweepReport::parse(&report.text()), Ok(report));
        for (text, says) in [("{}", "is no report"), ("[]", "is no report")] {
            assert!(SweepReport::parse(text).is_err_and(|wrong| wrong.contains(says)), "{text}");
        }
        let newer = SweepReport { schema: 2, ..SweepReport::default() };
        assert!(SweepReport::parse(&newer.text()).is_err_and(|wrong| wrong.contains("version 2")));
    }

    #[test]
    fn shards_add_up_in_whatever_order_they_come() {
        let sum = |parts: [SweepReport; 2]| {
            let [mut all, other] = parts;
            all.add(other);
            all.settle();
            all
        };
        let (one, other) = (shard(42, 3, 100), shard(7, 5, 200));
        let all = sum([one.clone(), other.clone()]);
        assert_eq!(all, sum([other, one]));
        assert_eq!((all.failures.len(), all.failures[0].run.seed()), (1, Some(7)));
        assert_eq!(all.failures[0].how_common, Some(HowCommon { failed: 8, runs: 300 }));
        assert_eq!((all.cases[0].runs, all.summary.runs, all.summary.shards), (300, 300, 2));
        assert_eq!(all.summary.sometimes[1].1, 34);
    }
}
