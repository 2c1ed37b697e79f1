//! The lines that end a case and a sweep. They say what was tried and not only what failed: a sweep that found nothing in ten
//! distinct traces has not found nothing.

use super::figures::{count, duration, percent, plural};
use super::text::{WIDTH, clip, columns, left, right, visible, wrap};
use serde::{Deserialize, Serialize};
use shakedown_core::time::Duration;

/// What came of one case of a scenario.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CaseSummary {
    /// The scenario's name.
    pub scenario: String,
    /// Its file.
    pub file: String,
    /// Its number, as `--case` takes it; not shown where the scenario has no axes.
    pub case_index: u32,
    /// What the axes are set to; empty where there are none.
    pub case_label: String,
    /// Runs.
    pub runs: u64,
    /// Different trace digests among them.
    pub distinct: u64,
    /// Runs that failed.
    pub failed: u64,
}

/// What came of all of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SweepSummary {
    /// Runs.
    pub runs: u64,
    /// Different trace digests among them; of several shards, at most so many.
    pub distinct: u64,
    /// How many shards this is the sum of; 0 where it is none.
    pub shards: u32,
    /// Runs that failed.
    pub failed: u64,
    /// Simulated time, all runs together; zero on the real machine.
    pub virtual_time: Duration,
    /// Time on the clock of this machine.
    pub real_time: Duration,
    /// Expectations of kind `sometimes`, and in how many runs each was seen.
    pub sometimes: Vec<(String, u64)>,
    /// Deadlines that ran (the grace of whoever was asked to end, the time to become ready): whose, and which ways none has gone (`kept`,
    /// `missed`, `tied`).
    pub deadlines: Vec<(String, Vec<String>)>,
    /// Whether each of those that went some ways only is listed.
    pub lists_deadlines: bool,
    /// The oracles that were allowed to fail and never did, with the subject where one was named.
    pub unused_allowances: Vec<(String, Option<String>)>,
}

/// `ok` or `FAIL`, which case, and its figures in columns.
pub fn case_line(case: &CaseSummary) -> String {
    let verdict = if case.failed == 0 { "ok" } else { "FAIL" };
    let name = match case.case_label.as_str() {
        "" => case.scenario.clone(),
        label => format!("{} · case {} ({label})", case.scenario, case.case_index),
    };
    let figures = format!(
        "{} {} {}",
        right(&plural(case.runs, "run"), 14),
        right(&format!("{} distinct", count(case.distinct)), 18),
        right(&format!("{} failed", count(case.failed)), 16)
    );
    let room = WIDTH - 6 - columns(&figures);
    format!("{verdict:4}  {}{figures}", left(&clip(&visible(&name), room.saturating_sub(1)), room))
}

/// The last lines of a sweep.
pub fn sweep_summary(sweep: &SweepSummary) -> String {
    let failed = match sweep.failed {
        0 => "none failed".into(),
        n => format!("{} failed ({})", count(n), percent(n, sweep.runs)),
    };
    let (runs, distinct) = (plural(sweep.runs, "run"), plural(sweep.distinct, "distinct trace"));
    let (of, most) = match sweep.shards {
        0 => (String::new(), ""),
        n => (format!(" of {}", plural(u64::from(n), "shard")), "at most "),
    };
    let mut out = wrap(&format!("{runs}{of}, {most}{distinct}, {failed}"), WIDTH);
    out.push(pace(sweep));
    for (what, _) in sweep.sometimes.iter().filter(|(_, seen)| *seen == 0) {
        item("never seen", &format!("sometimes = \"{what}\""), &mut out);
    }
    deadlines(sweep, &mut out);
    for (oracle, subject) in &sweep.unused_allowances {
        let on = subject.as_ref().map_or(String::new(), |s| format!(" on {s}"));
        item("not needed", &format!("allow = \"{oracle}\"{on}"), &mut out);
    }
    out.join("\n") + "\n"
}

/// A grace that is always kept was not tested against what misses it.
fn deadlines(sweep: &SweepSummary, out: &mut Vec<String>) {
    if sweep.deadlines.is_empty() {
        return;
    }
    let one_sided = sweep.deadlines.iter().filter(|(_, never)| !never.is_empty());
    let of = sweep.deadlines.len();
    let all = of - one_sided.clone().count();
    let told = format!("{all} of {of} {} kept, missed and tied", if of == 1 { "was" } else { "were" });
    let told = if sweep.lists_deadlines || all == of { told } else { told + " (--coverage lists them)" };
    item("deadlines", &told, out);
    for (whose, never) in one_sided.filter(|_| sweep.lists_deadlines) {
        item("", &format!("{whose}: never {}", never.join(", never ")), out);
    }
}

/// How much was simulated in how much time; a run on the real machine has no other time than that.
fn pace(sweep: &SweepSummary) -> String {
    let real = duration(sweep.real_time);
    if sweep.virtual_time.is_zero() {
        return format!("in {real}");
    }
    let rate = u128::from(sweep.runs) * 1_000_000_000 / sweep.real_time.as_nanos().max(1);
    let rate = count(u64::try_from(rate).unwrap_or(u64::MAX));
    format!("{} of virtual time in {real}, {rate} runs a second", duration(sweep.virtual_time))
}

fn item(label: &str, text: &str, out: &mut Vec<String>) {
    for (n, line) in wrap(&visible(text), WIDTH - 15).into_iter().enumerate() {
        let label = if n == 0 { label } else { "" };
        out.push(format!("  {label:13}{line}").trim_end().into());
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cases_stand_in_columns_and_the_sweep_says_what_was_never_seen() {
        let mut text: Vec<String> = samples::cases().iter().map(case_line).collect();
        text.push(sweep_summary(&samples::sweep()));
        insta::assert_snapshot!(text.join("\n"));
    }

    proptest! {
        #[test]
        fn no_summary_line_is_wider_than_a_hundred_columns(
            name in "\\PC{0,150}", label in "\\PC{0,80}", runs: u64, failed: u64, ns: u64,
        ) {
            let case = CaseSummary {
                scenario: name.clone(), case_index: 7, case_label: label.clone(), runs: runs >> 34, distinct: runs >> 34,
                failed: failed >> 34, file: String::new(),
            };
            prop_assert!(columns(&case_line(&case)) <= WIDTH);
            let sweep = SweepSummary {
                runs, distinct: runs, failed, shards: (runs % 3) as u32, virtual_time: Duration::from_nanos(ns), real_time: Duration::from_nanos(ns),
                deadlines: vec![(name.clone(), vec!["tied".into()])], lists_deadlines: true,
                sometimes: vec![(name.clone(), 0)], unused_allowances: vec![(label.clone(), Some(name.clone()))],
            };
            for line in sweep_summary(&sweep).lines() {
                prop_assert!(columns(line) <= WIDTH, "{line}");
            }
        }
    }
}
