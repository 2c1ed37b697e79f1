//! A failure, as a person reads it: what broke, in which run, what led to it, and the command that repeats it.
//! Whoever reads it has not seen the scenario for months and has a terminal of 100 columns.

use super::RunRecord;
use super::figures::{percent, plural};
use super::kinds::also;
use super::table::table;
use super::text::{WIDTH, clip, columns, visible, wrap, wrap_command};
use super::timeline::{Mark, Story, TimelineRow, timeline};
use crate::failure::{Finding, Investigated, Size};
use serde::{Deserialize, Serialize};
use shakedown_core::oracle::Names;
use shakedown_core::time::Instant;

/// Choices that went another way than the calm one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Surprises {
    /// Which of several enabled actions came first.
    pub of_order: u32,
    /// How long, whether a fault strikes, which branch.
    pub of_values: u32,
}

impl Surprises {
    /// All of them.
    pub fn total(self) -> u64 {
        u64::from(self.of_order) + u64::from(self.of_values)
    }
}

/// What came of running it again, alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reproduced {
    /// The trace digest of the failing run.
    pub digest: u64,
    /// How many of the repetitions were identical …
    pub identical: u32,
    /// … out of so many.
    pub of: u32,
}

/// What the shrinker made of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Minimised {
    /// Decisions in the smallest run that still fails alike.
    pub decisions: u32,
    /// Surprises among them.
    pub surprises: Surprises,
}

/// Out of how many runs so many failed alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HowCommon {
    /// Runs with this fingerprint.
    pub failed: u64,
    /// All runs.
    pub runs: u64,
}

/// Which run it was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunOf {
    /// The run of a seed.
    Seed(u64),
    /// A run on the real machine.
    Machine,
    /// A schedule that an exploration has come to.
    Schedule,
    /// A recorded failure, from this file.
    File(String),
}

impl RunOf {
    /// Its seed, if it has one.
    pub fn seed(&self) -> Option<u64> {
        match self {
            RunOf::Seed(seed) => Some(*seed),
            RunOf::Machine | RunOf::Schedule | RunOf::File(_) => None,
        }
    }

    fn words(&self) -> String {
        match self {
            RunOf::Seed(seed) => format!("seed {seed}"),
            RunOf::Machine => "on this machine".into(),
            RunOf::Schedule => "a smallest schedule".into(),
            RunOf::File(file) => format!("replay of {file}"),
        }
    }
}

/// All that is known of one failure.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FailureReport {
    /// The scenario's name.
    pub scenario: String,
    /// Its file; empty where it has none.
    pub file: String,
    /// Its number, as `--case` takes it; not shown where the scenario has no axes.
    pub case_index: u32,
    /// What the axes are set to: `grace=1s`; empty where there are none.
    pub case_label: String,
    /// Which run it was.
    pub run: RunOf,
    /// The oracle's name, or the expectation that failed.
    pub oracle: String,
    /// Whose promise it is.
    pub subject: String,
    /// When it was judged.
    #[serde(rename = "at_ns", with = "super::nanos")]
    pub at: Instant,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Decisions that the run took.
    pub decisions: u32,
    /// Surprises among them.
    pub surprises: Surprises,
    /// The command that repeats it, ready to paste: printed as it is, escapes and all.
    pub rerun: String,
    /// What came of running it again; `None` where that was not tried.
    pub reproduced: Option<Reproduced>,
    /// Where two runs of the same choices part and what that speaks for, if it was not the same.
    #[serde(default)]
    pub parted: Option<String>,
    /// Where a shrinker has been at work. The timeline is then of the smallest run.
    pub minimised: Option<Minimised>,
    /// What led to it.
    pub timeline: Vec<TimelineRow>,
    /// The explainer's chain of causes.
    pub why: Option<String>,
    /// The surprises of the smallest run, in words.
    pub told_surprises: Vec<String>,
    /// Of a run on a machine: by how many nanoseconds that was late, at most, in waking whoever slept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_ns: Option<u64>,
    /// What of the scenario it needs, where that is not all of it.
    pub needs: Vec<String>,
    /// The decision that tips it.
    pub tipping_point: Option<String>,
    /// How often it was met.
    pub how_common: Option<HowCommon>,
    /// Other cases of the scenario that fail alike, and how often.
    pub also: Vec<(String, HowCommon)>,
    /// The run itself, for those who draw it.
    pub record: RunRecord,
}

impl FailureReport {
    /// What an investigation has shown; whose run it was is for the caller to say.
    pub fn of(investigated: &Investigated, names: &dyn Names) -> FailureReport {
        let Investigated { digests, same, parted, found, minimised, finding, .. } = investigated;
        let story = Story {
            moments: &investigated.moments,
            names,
            failure: Some((&finding.rule, &finding.subject, finding.at)),
        };
        let mut timeline = timeline(&story);
        mark(&mut timeline, investigated);
        let surprises = |size: &Size| Surprises { of_order: size.of_order, of_values: size.of_values };
        FailureReport {
            scenario: String::new(),
            file: String::new(),
            case_index: 1,
            case_label: String::new(),
            run: RunOf::Schedule,
            oracle: finding.rule.to_string(),
            subject: finding.subject.clone(),
            at: finding.at,
            message: finding.message.clone(),
            decisions: found.decisions,
            surprises: surprises(found),
            rerun: String::new(),
            reproduced: Some(Reproduced {
                digest: digests[0],
                identical: if *same { 2 } else { u32::from(digests[0] == digests[1]) },
                of: 2,
            }),
            parted: parted.as_ref().map(ToString::to_string),
            minimised: minimised
                .as_ref()
                .map(|size| Minimised { decisions: size.decisions, surprises: surprises(size) }),
            timeline,
            why: investigated.why.clone(),
            told_surprises: investigated.surprises.iter().map(|surprise| surprise.words.clone()).collect(),
            late_ns: None,
            needs: Vec::new(),
            tipping_point: investigated.tipping_point.clone(),
            how_common: None,
            also: Vec::new(),
            record: record_of(&story, investigated),
        }
    }
}

fn record_of(story: &Story<'_>, investigated: &Investigated) -> RunRecord {
    let mut record = RunRecord::of(story);
    for (n, at) in (1..).zip(investigated.surprises.iter().map(|surprise| surprise.at)) {
        at.into_iter().for_each(|at| record.mark(n, at));
    }
    record
}

impl FailureReport {
    /// Whether another report is of the same failure: promise, subject and case, and for an expectation the way in which it is not met,
    /// whatever the figures.
    pub fn is_same_as(&self, other: &FailureReport) -> bool {
        let finding = |report: &FailureReport| Finding {
            rule: report.oracle.as_str().into(),
            expected: report.oracle.starts_with(EXPECTED),
            subject: report.subject.clone(),
            at: report.at,
            message: report.message.clone(),
        };
        let case = |report: &FailureReport| (report.file.clone(), report.scenario.clone(), report.case_index);
        case(self) == case(other) && finding(self).is_same_as(&finding(other))
    }
}

/// Before the sentence of an expectation.
const EXPECTED: &str = "expect: ";

/// Each surprise is marked in the first row at or after its moment.
fn mark(timeline: &mut [TimelineRow], investigated: &Investigated) {
    for (n, surprise) in investigated.surprises.iter().enumerate() {
        let Some(at) = surprise.at else { continue };
        let Some(row) = timeline.iter_mut().find(|row| row.at >= at) else { continue };
        row.mark = row.mark.max(Mark::Surprise);
        row.note = Some(match row.note.take() {
            Some(note) => format!("{note}, {}", n + 1),
            None => format!("surprise {}", n + 1),
        });
    }
}

/// The block of a failure. Every line ends in a newline; the last one is the command.
pub fn failure_block(report: &FailureReport) -> String {
    let mut out = headline(report);
    for line in wrap(&visible(&report.message), WIDTH - 5) {
        out.push(format!("     {line}").trim_end().into());
    }
    command(report, &mut out);
    repetition(report, &mut out);
    for (n, surprise) in report.told_surprises.iter().enumerate() {
        labelled(&format!("surprise {}", n + 1), 13, &wrap(&visible(surprise), WIDTH - 15), &mut out);
    }
    for (n, need) in report.needs.iter().enumerate() {
        let label = if n == 0 { "needs" } else { "" };
        labelled(label, 13, &wrap(&visible(need), WIDTH - 15), &mut out);
    }
    out.extend(table(&report.timeline, &report.subject));
    let common = report
        .how_common
        .map(|h| format!("{} of {} ({})", super::count(h.failed), plural(h.runs, "run"), percent(h.failed, h.runs)));
    let also = (!report.also.is_empty()).then(|| also(&report.also));
    let explained = shakedown_core::oracle::OracleName::parse(&report.oracle).map(|o| format!("shakedown explain {o}"));
    let tails = [
        ("Why", report.why.as_ref()),
        ("Tipping point", report.tipping_point.as_ref()),
        ("How common", common.as_ref()),
        ("Also in", also.as_ref()),
        ("Look at", explained.as_ref()),
    ];
    for (label, text) in tails {
        if let Some(text) = text {
            labelled(label, 15, &wrap(&visible(text), WIDTH - 17), &mut out);
        }
    }
    out.extend(wrap_command(&report.rerun, WIDTH));
    out.join("\n") + "\n"
}

/// Which run it was, and at the right edge which promise broke for whom; on a line of its own where both have no room.
fn headline(report: &FailureReport) -> Vec<String> {
    let case = match report.case_label.as_str() {
        "" => String::new(),
        label => format!(" · case {} ({label})", report.case_index),
    };
    let run = clip(&visible(&format!("FAIL {}{case} · {}", report.scenario, report.run.words())), WIDTH);
    let what = clip(visible(&format!("{} {}", report.oracle, report.subject)).trim_end(), WIDTH - 5);
    let used = columns(&run) + columns(&what);
    if used + 2 <= WIDTH {
        vec![format!("{run}{}{what}", " ".repeat(WIDTH - used)).trim_end().into()]
    } else {
        vec![run.trim_end().into(), format!("     {what}").trim_end().into()]
    }
}

fn command(report: &FailureReport, out: &mut Vec<String>) {
    labelled("run again", 13, &wrap_command(&report.rerun, WIDTH - 15), out);
}

/// Whether it repeats, how small it became, and of what kind its surprises are.
fn repetition(report: &FailureReport, out: &mut Vec<String>) {
    if let Some(again) = report.reproduced {
        out.push(format!("  {:13}{}", "reproduced", repeated(again)));
    }
    if let Some(parted) = &report.parted {
        labelled("parted", 13, &wrap(&visible(parted), WIDTH - 15), out);
    }
    if let Some(late_ns) = report.late_ns {
        let late = format!("at most {:.1} ms late in waking whoever slept", late_ns as f64 / 1e6);
        labelled("machine", 13, &[late], out);
    }
    // Nobody chose on a machine.
    if report.run == RunOf::Machine && report.decisions == 0 {
        return;
    }
    let (label, decisions, surprises) = match report.minimised {
        Some(small) => ("minimised", small.decisions, small.surprises),
        None => ("as found", report.decisions, report.surprises),
    };
    let decisions = plural(u64::from(decisions), "decision");
    let mut size = format!("{decisions}, {}", plural(surprises.total(), "surprise"));
    if surprises.total() > 0 {
        size += &format!(": {} of order, {} of values", surprises.of_order, surprises.of_values);
    }
    labelled(label, 13, &wrap(&size, WIDTH - 15), out);
}

fn repeated(again: Reproduced) -> String {
    let digest = &format!("{:016x}", again.digest)[..12];
    let Reproduced { identical, of, .. } = again;
    if identical == of {
        format!("alone, {identical} of {of} identical (digest {digest})")
    } else {
        format!("NOT: {identical} of {of} identical (digest {digest})")
    }
}

/// A label of its own width, and the text beside it.
fn labelled(label: &str, width: usize, lines: &[String], out: &mut Vec<String>) {
    for (n, line) in lines.iter().enumerate() {
        let label = if n == 0 { label } else { "" };
        out.push(format!("  {label:width$}{line}").trim_end().into());
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_failure_reads_as_the_contract_shows_it() {
        insta::assert_snapshot!(failure_block(&samples::checkout()));
    }

    #[test]
    fn a_failure_without_shrinker_explainer_or_repetition_says_what_is_known() {
        insta::assert_snapshot!(failure_block(&samples::bare()));
    }

    #[test]
    fn many_lanes_and_rows_are_folded_and_counted() {
        insta::assert_snapshot!(failure_block(&samples::crowd()));
    }

    #[test]
    fn the_last_line_is_the_command_and_the_block_is_the_same_twice() {
        for report in [samples::checkout(), samples::bare(), samples::crowd()] {
            let block = failure_block(&report);
            assert_eq!(block.lines().last(), Some(report.rerun.as_str()));
            assert_eq!(block, failure_block(&report.clone()));
        }
    }

    proptest! {
        // Each case is a whole report of up to 70 rows.
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_line_is_wider_than_a_hundred_columns(report in samples::any_report()) {
            let block = failure_block(&report);
            for line in block.lines() {
                prop_assert!(columns(line) <= WIDTH, "{} columns: {line}", columns(line));
                prop_assert_eq!(line, line.trim_end());
            }
            prop_assert_eq!(&block, &failure_block(&report));
        }
    }
}
