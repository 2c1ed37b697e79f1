//! What the oracles found, less what the scenario allows. One finding a fingerprint, so that one bug does not flood a report,
//! and every allowance counts its use, so that one that is no longer needed can be reported.

use crate::oracle::OracleName;
use crate::time::Instant;
use alloc::string::String;
use alloc::vec::Vec;

/// A promise that was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which promise.
    pub oracle: OracleName,
    /// Who broke it, or whom it was broken to: `session`, a worker, a process `worker/name`, or a task.
    pub subject: String,
    /// When it was judged.
    pub at: Instant,
    /// What is wrong, in one sentence.
    pub message: String,
}

impl Violation {
    /// What makes two violations the same bug: a shrinker keeps it, a sweep counts by it.
    pub fn fingerprint(&self) -> (OracleName, &str) {
        (self.oracle, &self.subject)
    }
}

/// An allowance: this oracle may fail for this subject.
#[derive(Clone, Debug)]
struct Allowance {
    oracle: OracleName,
    subject: Option<String>,
    used: bool,
}

impl Allowance {
    /// A worker's name covers its processes too.
    fn covers(&self, oracle: OracleName, subject: &str) -> bool {
        self.oracle == oracle
            && match &self.subject {
                None => true,
                Some(name) => match subject.strip_prefix(name.as_str()) {
                    Some(rest) => rest.is_empty() || rest.starts_with('/'),
                    None => false,
                },
            }
    }
}

/// The violations of one run and the allowances of all runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    violations: Vec<Violation>,
    beyond: u64,
    allowances: Vec<Allowance>,
}

impl Findings {
    pub(super) fn reset(&mut self) {
        self.violations.clear();
        self.beyond = 0;
    }

    pub(super) fn allow(&mut self, oracle: OracleName, subject: Option<&str>) {
        self.allowances.push(Allowance { oracle, subject: subject.map(String::from), used: false });
    }

    pub(super) fn unused(&self) -> Vec<(OracleName, Option<String>)> {
        self.allowances.iter().filter(|a| !a.used).map(|a| (a.oracle, a.subject.clone())).collect()
    }

    pub(super) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(super) fn beyond(&self) -> u64 {
        self.beyond
    }

    pub(super) fn report(&mut self, oracle: OracleName, subject: &str, at: Instant, message: String) {
        let mut allowed = false;
        for allowance in self.allowances.iter_mut().filter(|a| a.covers(oracle, subject)) {
            allowance.used = true;
            allowed = true;
        }
        if allowed || self.violations.iter().any(|v| v.fingerprint() == (oracle, subject)) {
            return;
        }
        if self.violations.len() == VIOLATIONS_MAX {
            self.beyond += 1;
            return;
        }
        self.violations.push(Violation { oracle, subject: subject.into(), at, message });
    }
}

/// So many violations of one run are kept with their words; more are only counted.
pub(super) const VIOLATIONS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_covers_its_subject_and_what_is_below_it_and_nothing_else() {
        let mut findings = Findings::default();
        findings.allow(OracleName::NoOrphan, Some("api"));
        findings.allow(OracleName::NoZombie, None);
        findings.allow(OracleName::StopDeadline, Some("api"));
        let mut report = |oracle, subject: &str| findings.report(oracle, subject, Instant::ZERO, String::new());
        report(OracleName::NoOrphan, "api");
        report(OracleName::NoOrphan, "api/helper");
        report(OracleName::NoOrphan, "apis/helper");
        report(OracleName::NoZombie, "anybody");
        let kept: Vec<_> = findings.violations().iter().map(Violation::fingerprint).collect();
        assert_eq!(kept, [(OracleName::NoOrphan, "apis/helper")]);
        assert_eq!(findings.unused(), [(OracleName::StopDeadline, Some("api".into()))]);
    }

    #[test]
    fn a_reset_forgets_violations_but_neither_allowances_nor_their_use() {
        let mut findings = Findings::default();
        findings.allow(OracleName::NoOrphan, Some("a"));
        findings.report(OracleName::NoOrphan, "a", Instant::ZERO, String::new());
        findings.report(OracleName::NoOrphan, "b", Instant::ZERO, String::new());
        findings.reset();
        assert!(findings.violations().is_empty() && findings.unused().is_empty());
        findings.report(OracleName::NoOrphan, "a", Instant::ZERO, String::new());
        assert!(findings.violations().is_empty());
    }

    #[test]
    fn one_fingerprint_is_told_once_and_a_flood_is_only_counted() {
        let mut findings = Findings::default();
        for n in 0..VIOLATIONS_MAX + 3 {
            let subject = alloc::format!("w{n}");
            findings.report(OracleName::NoOrphan, &subject, Instant::ZERO, "first".into());
            findings.report(OracleName::NoOrphan, &subject, Instant::ZERO, "second".into());
        }
        assert_eq!(findings.violations().len(), VIOLATIONS_MAX);
        assert!(findings.violations().iter().all(|v| v.message == "first"));
        assert_eq!(findings.beyond(), 6);
    }
}
