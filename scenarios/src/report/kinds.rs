//! What fails in several cases in the same way is one bug, and told once: whoever reads forty blocks of it reads none.

use super::failure::{FailureReport, HowCommon};
use super::figures::plural;

/// The cases that fail alike, the first of them by name.
pub(super) fn also(cases: &[(String, HowCommon)]) -> String {
    let one = |(case, common): &(String, HowCommon)| {
        format!("{case}: {} of {}", super::count(common.failed), super::count(common.runs))
    };
    let mut told: Vec<String> = cases.iter().take(ALSO_MAX).map(one).collect();
    if cases.len() > ALSO_MAX {
        told.push(plural((cases.len() - ALSO_MAX) as u64, "case") + " more");
    }
    told.join("; ")
}

/// So many cases are named.
const ALSO_MAX: usize = 4;

/// Failures of one kind as one: the first of each scenario, promise and subject stands for those of its other cases.
pub fn by_kind(reports: &[FailureReport]) -> Vec<FailureReport> {
    let mut kinds: Vec<FailureReport> = Vec::new();
    for report in reports {
        let is_same = |kind: &&mut FailureReport| {
            (&kind.scenario, &kind.file, &kind.oracle, &kind.subject)
                == (&report.scenario, &report.file, &report.oracle, &report.subject)
                && kind.case_index != report.case_index
                && !kind.also.iter().any(|(case, _)| *case == case_words(report))
        };
        match (kinds.iter_mut().find(is_same), report.how_common) {
            (Some(kind), Some(common)) => kind.also.push((case_words(report), common)),
            (Some(_) | None, _) => kinds.push(report.clone()),
        }
    }
    kinds
}

fn case_words(report: &FailureReport) -> String {
    format!("case {} ({})", report.case_index, report.case_label)
}
