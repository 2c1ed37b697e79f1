//! JUnit's XML, as Jenkins, GitLab and most others read it: a suite for each scenario, a test for each of its cases.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use shakedown::report::{CaseSummary, FailureReport, SweepReport, count, failure_block, plural, visible};
use std::io;

/// A sweep in XML.
///
/// # Errors
/// Those of the writer, which writes into memory.
pub(crate) fn xml(report: &SweepReport) -> io::Result<String> {
    let mut junit = Report::new("shakedown");
    junit.set_time(report.summary.real_time);
    let mut suites: Vec<(&str, TestSuite)> = Vec::new();
    for case in &report.cases {
        let failures: Vec<&FailureReport> = report
            .failures
            .iter()
            .filter(|failure| (&failure.file, failure.case_index) == (&case.file, case.case_index))
            .collect();
        let test = test_of(case, &failures);
        match suites.iter_mut().find(|(file, _)| *file == case.file) {
            Some((_, suite)) => _ = suite.add_test_case(test),
            None => {
                let mut suite = TestSuite::new(case.scenario.as_str());
                suite.add_test_case(test);
                suites.push((&case.file, suite));
            }
        }
    }
    junit.add_test_suites(suites.into_iter().map(|(_, suite)| suite));
    if !report.summary.sometimes.is_empty() {
        junit.add_test_suite(sometimes(report));
    }
    if !report.unsteady.is_empty() {
        let mut suite = TestSuite::new("determinism");
        suite.add_test_cases(report.unsteady.iter().map(|told| {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("not deterministic").set_message(told.as_str());
            test("determinism", told, status)
        }));
        junit.add_test_suite(suite);
    }
    junit.to_string().map_err(io::Error::other)
}

fn test(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut test = TestCase::new(visible(name), status);
    test.set_classname(class);
    test
}

/// A test has one result: the first failure, and the text of all of them.
fn test_of(case: &CaseSummary, failures: &[&FailureReport]) -> TestCase {
    let name = match case.case_label.as_str() {
        "" => case.scenario.clone(),
        label => format!("case {} ({label})", case.case_index),
    };
    let status = match failures.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let blocks: Vec<String> = failures.iter().map(|failure| failure_block(failure)).collect();
            let message = format!("{} {}: {}", first.oracle, first.subject, first.message);
            status.set_type(first.oracle.as_str()).set_message(message).set_description(blocks.join("\n"));
            status
        }
    };
    let mut test = test(&case.file, &name, status);
    let (runs, distinct) = (plural(case.runs, "run"), count(case.distinct));
    test.set_system_out(format!("{runs}, {distinct} distinct, {} failed", count(case.failed)));
    test
}

/// What was never seen is not a failure and not a success either.
fn sometimes(report: &SweepReport) -> TestSuite {
    let mut suite = TestSuite::new("sometimes");
    suite.add_test_cases(report.summary.sometimes.iter().map(|(what, seen)| {
        let status = match seen {
            0 => {
                let mut status = TestCaseStatus::skipped();
                status.set_message("never seen");
                status
            }
            _ => TestCaseStatus::success(),
        };
        test("sometimes", what, status)
    }));
    suite
}

#[cfg(test)]
mod tests {
    use super::super::sample;

    #[test]
    fn a_sweep_in_xml() {
        insta::assert_snapshot!(super::xml(&sample::sweep()).expect("written"));
    }
}
