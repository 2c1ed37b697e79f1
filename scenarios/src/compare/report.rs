//! A comparison in words: a line a case, and for a difference both traces side by side from where they part.

use super::case::{Agreement, Compared, Decided};
use super::outcome::{Life, Outcome, Told};
use super::{Decision, outcome_of};
use crate::format::Case;
use crate::report::{CaseLine, CaseSummary, WIDTH, count, plural, visible, wrap};
use serde::Serialize;
use std::collections::BTreeSet;
use std::iter;

/// `ok`, `FAIL` or `??`, which case, and its figures in columns.
pub fn compared_line(scenario: &str, case: &Case, compared: &Compared) -> String {
    let verdict = match compared.agreement() {
        Agreement::Agrees => "ok",
        Agreement::Differs => "FAIL",
        Agreement::Undecided => "??",
    };
    let name = match &*case.label {
        "" => scenario.to_owned(),
        label => format!("{scenario} · case {} ({label})", case.index),
    };
    let more = if compared.complete { "" } else { "+" };
    let unseen = match compared.unseen.len() {
        0 => String::new(),
        n => format!(", {} unseen", count(n as u64)),
    };
    let simulated = format!("{}{more} simulated{unseen}", count(compared.simulated));
    let real = format!("{}, {}", plural(compared.runs, "run"), plural(compared.real.len() as u64, "outcome"));
    let figures = format!("{real:>22} {simulated:>28}");
    let room = WIDTH - 6 - figures.chars().count();
    format!("{verdict:4}  {:room$}{figures}", clip(&visible(&name), room - 1))
}

/// A case of a comparison as a line of JSON: that of every command, with more keys at its end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ComparedLine {
    #[serde(flatten)]
    case: CaseLine,
    undecided: u64,
    simulated: u64,
    simulated_complete: bool,
    unseen: u64,
}

impl ComparedLine {
    /// The line of this case.
    pub fn new(scenario: &str, case: &Case, compared: &Compared) -> ComparedLine {
        ComparedLine {
            case: CaseLine::from(&summary(scenario, case, compared)),
            undecided: compared.runs_that(|decision| matches!(decision, Decision::Undecided { .. })),
            simulated: compared.simulated,
            simulated_complete: compared.complete,
            unseen: compared.unseen.len() as u64,
        }
    }

    /// The object, without a newline.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("numbers and strings always serialise")
    }
}

/// The case as every command sums it up.
fn summary(scenario: &str, case: &Case, compared: &Compared) -> CaseSummary {
    CaseSummary {
        scenario: scenario.to_owned(),
        file: String::new(),
        case_index: case.index,
        case_label: case.label.to_string(),
        runs: compared.runs,
        distinct: compared.real.len() as u64,
        failed: compared.runs_that(|decision| matches!(decision, Decision::Unreachable { .. })),
    }
}

/// What is wrong with a real outcome, in a sentence; `None` where it can be simulated.
pub fn trouble(decided: &Decided) -> Option<String> {
    match &decided.decision {
        Decision::Reachable { .. } => None,
        Decision::Unreachable { runs, .. } => Some(format!(
            "Linux did what the simulator cannot do: all that it can was tried, in {}",
            plural(*runs, "simulation")
        )),
        Decision::Undecided { runs: 0, .. } => {
            Some("undecided: the real run did not come to its end, and what it would have come to is not known".into())
        }
        Decision::Undecided { runs, .. } => Some(format!(
            "undecided: the budget is spent after {}, and none came to what Linux did",
            plural(*runs, "simulation")
        )),
    }
}

/// The block of a real outcome that was not found: what is wrong, the command that plays it again, and where the traces part.
pub fn difference_block(scenario: &str, case: &Case, decided: &Decided, rerun: &str) -> String {
    let (Some(trouble), closest) = (trouble(decided), closest(decided)) else { return String::new() };
    let verdict = if matches!(decided.decision, Decision::Unreachable { .. }) { "FAIL" } else { "??" };
    let which = if case.label.is_empty() { String::new() } else { format!(" · case {} ({})", case.index, case.label) };
    let times = plural(decided.times, "run");
    let mut out = vec![format!("{verdict} {}{which} · {times} from seed {} on", visible(scenario), decided.run.seed)];
    out.extend(wrap(&visible(&trouble), WIDTH - 5).into_iter().map(|line| format!("     {line}")));
    out.push(format!("  run again    {rerun}"));
    if let Some(closest) = closest {
        out.extend(side_by_side(&decided.run.outcome, &outcome_of(case, closest)));
    }
    out.join("\n") + "\n"
}

fn closest(decided: &Decided) -> Option<&[shakedown_sim::Moment]> {
    match &decided.decision {
        Decision::Reachable { .. } | Decision::Undecided { runs: 0, .. } => None,
        Decision::Unreachable { closest, .. } | Decision::Undecided { closest, .. } => Some(closest),
    }
}

/// Lane by lane, from the first difference: first where the simulation shows something else, then where it has merely come less far.
fn side_by_side(real: &Outcome, sim: &Outcome) -> Vec<String> {
    let (real, sim) = (lanes(real), lanes(sim));
    let names: BTreeSet<&String> = real.iter().chain(&sim).map(|(name, _)| name).collect();
    let of = |lanes: &[(String, Vec<String>)], name: &String| {
        lanes.iter().find(|(known, _)| known == name).map_or(Vec::new(), |(_, items)| items.clone())
    };
    let (mut parting, mut shorter) = (Vec::new(), Vec::new());
    for name in names {
        let (real, sim) = (of(&real, name), of(&sim, name));
        let alike = real.iter().zip(&sim).take_while(|(real, sim)| real == sim).count();
        if alike < sim.len() {
            parting.push((name, alike, real, sim));
        } else if alike < real.len() {
            shorter.push((name, alike, real, sim));
        }
    }
    let mut out = vec![row("", "Linux", "the closest simulation")];
    for (name, alike, real, sim) in parting.into_iter().chain(shorter) {
        let mut lane = visible(name);
        if alike > 0 {
            out.push(row(&lane, &format!("⋮ {} alike", count(alike as u64)), "⋮"));
            lane.clear();
        }
        for at in alike..real.len().max(sim.len()).min(alike + ROWS_MAX) {
            let cell = |items: &[String]| items.get(at).map_or(String::new(), |item| visible(item));
            out.extend(rows(&lane, &cell(&real), &cell(&sim)));
            lane.clear();
        }
        let left = real.len().max(sim.len()).saturating_sub(alike + ROWS_MAX);
        if left > 0 {
            out.push(row("", &format!("⋮ {} more", count(left as u64)), ""));
        }
    }
    out
}

/// So much of a lane is shown after the difference.
const ROWS_MAX: usize = 6;

/// So many lines of a cell: two long words may part at their ends alone, as in the names of who was left.
const CELL_LINES_MAX: usize = 5;
const REAL_WIDTH: usize = 33;
const SIM_WIDTH: usize = WIDTH - 65;

fn rows(lane: &str, real: &str, sim: &str) -> Vec<String> {
    let (real, sim) = (cell_lines(real, REAL_WIDTH), cell_lines(sim, SIM_WIDTH));
    let line = |of: &[String], at: usize| of.get(at).cloned().unwrap_or_default();
    let lanes = iter::once(lane).chain(iter::repeat(""));
    lanes
        .take(real.len().max(sim.len()))
        .enumerate()
        .map(|(at, lane)| row(lane, &line(&real, at), &line(&sim, at)))
        .collect()
}

fn cell_lines(text: &str, width: usize) -> Vec<String> {
    if text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    let mut lines = wrap(text, width);
    let last = lines.get(CELL_LINES_MAX - 1..).map_or(String::new(), |rest| rest.join(" "));
    if lines.len() > CELL_LINES_MAX {
        lines.truncate(CELL_LINES_MAX - 1);
        lines.push(last); // the row clips it
    }
    lines
}

fn row(lane: &str, real: &str, sim: &str) -> String {
    let text = format!("  {:24} │ {:33} │ {}", clip(lane, 24), clip(real, REAL_WIDTH), clip(sim, SIM_WIDTH));
    text.trim_end().to_owned()
}

/// At most so many columns.
fn clip(text: &str, max: usize) -> String {
    if text.chars().count() <= max { text.into() } else { text.chars().take(max - 1).chain(['…']).collect() }
}

/// What is compared, each as a list.
fn lanes(outcome: &Outcome) -> Vec<(String, Vec<String>)> {
    let mut lanes = Vec::new();
    for (name, Told { facts, outputs, closings }) in &outcome.told {
        lanes.push((name.to_string(), facts.iter().map(ToString::to_string).collect()));
        for (stream, bytes) in ["stdout", "stderr"].iter().zip(outputs) {
            let lines = bytes.split_inclusive(|byte| *byte == b'\n');
            lanes.push((
                format!("{name} {stream}"),
                lines.map(|line| format!("{:?}", String::from_utf8_lossy(line))).collect(),
            ));
        }
        lanes.push((format!("{name} end of output"), closings.iter().map(ToString::to_string).collect()));
    }
    for (name, lives) in &outcome.lives {
        let items = match lives.as_slice() {
            [Life { deeds, end }] => deeds.iter().cloned().chain(end.clone()).collect(),
            several => several.iter().map(ToString::to_string).collect(),
        };
        lanes.push((name.to_string(), items));
    }
    lanes
}
