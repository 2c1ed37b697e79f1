//! Workflow commands of GitHub Actions: one annotation for each kind of failure, because only ten of a step are shown, and a bug that
//! fails in forty cases is one bug.
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>

use shakedown::report::{FailureReport, SweepReport, plural};
use std::fmt::Write;

/// The annotations of a sweep, a line each.
pub(crate) fn annotations(report: &SweepReport) -> String {
    let mut out = String::new();
    for kind in kinds(&report.failures) {
        let first = kind[0];
        let title = match kind.len() {
            1 => format!("{} {}", first.oracle, first.subject),
            n => format!("{}: {}", first.oracle, plural(n as u64, "failure")),
        };
        let mut text = format!("{}: {}\nrun again: {}", first.scenario, first.message, first.rerun);
        for other in kind.iter().skip(1).take(OTHERS_MAX) {
            let _ = write!(text, "\nalso {} {}: {}", other.scenario, other.subject, other.rerun);
        }
        if kind.len() > 1 + OTHERS_MAX {
            let _ = write!(text, "\nand {} more", kind.len() - 1 - OTHERS_MAX);
        }
        let _ = writeln!(
            out,
            "::error file={},line=1,title={}::{}",
            property(place(&first.file)),
            property(&title),
            data(&text)
        );
    }
    for told in &report.unsteady {
        let _ = writeln!(out, "::error title=not deterministic::{}", data(told));
    }
    for (what, _) in report.summary.sometimes.iter().filter(|(_, seen)| *seen == 0) {
        let _ = writeln!(out, "::warning title=never seen::{}", data(what));
    }
    out
}

/// Failures by the promise that broke, in the order in which each broke first.
fn kinds(failures: &[FailureReport]) -> Vec<Vec<&FailureReport>> {
    let mut kinds: Vec<Vec<&FailureReport>> = Vec::new();
    for failure in failures {
        match kinds.iter_mut().find(|kind| kind[0].oracle == failure.oracle) {
            Some(kind) => kind.push(failure),
            None => kinds.push(vec![failure]),
        }
    }
    kinds
}

/// So many further failures of a kind are named.
const OTHERS_MAX: usize = 8;

/// A path as GitHub finds it: seen from the repository.
fn place(file: &str) -> &str {
    file.strip_prefix("./").unwrap_or(file)
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::sample;

    #[test]
    fn one_kind_of_failure_is_one_annotation_and_nothing_breaks_out_of_its_line() {
        let text = super::annotations(&sample::sweep());
        assert!(text.lines().all(|line| line.starts_with("::error ") || line.starts_with("::warning ")), "{text}");
        insta::assert_snapshot!(text);
    }
}
