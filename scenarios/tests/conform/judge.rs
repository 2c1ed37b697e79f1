//! A program played for real a few times, and each of its outcomes held against what the simulator can come to.

use super::program::{Family, Program};
use super::recorded;
use shakedown::compare::{Budget, Decision, Outcome, decide, decide_along, outcome_of, outcomes};
use shakedown::core::digest::Digest;
use shakedown::format::Case;
use shakedown::live::{self, CannotPlay};
use shakedown::real::namespace;
use shakedown::sim::Moment;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// What became of a program.
pub enum Verdict {
    /// Every real outcome is one that the simulator can come to.
    Agrees { distinct: u64 },
    /// Nobody knows of so many of its outcomes.
    Undecided { distinct: u64 },
    /// Model and Linux do not agree.
    Disagrees { distinct: u64, disagreement: Disagreement },
}

/// Where model and Linux do not agree.
#[derive(Clone, Debug)]
pub struct Disagreement {
    pub symptom: Symptom,
    pub real: Vec<Moment>,
    /// The simulated run that came closest, where there is one.
    pub closest: Vec<Moment>,
}

/// The kind of a disagreement. A program that is shrunk keeps its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Symptom {
    /// The simulator cannot come to what happened for real.
    Unreachable,
    /// One search says so, and another one has found it: a search is wrong.
    SearchesDiffer,
    /// The real run did not come to its end, or a machine met what it does not expect.
    RealTrouble(String),
    /// A program without a race has so many simulated outcomes.
    NotCalm(usize),
}

impl Symptom {
    pub fn is_like(&self, other: &Symptom) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Symptom::Unreachable => f.write_str("the simulator cannot come to what Linux did"),
            Symptom::SearchesDiffer => f.write_str("a search with a hint calls unreachable what depth first finds"),
            Symptom::RealTrouble(what) => write!(f, "the real run went wrong: {what}"),
            Symptom::NotCalm(n) => write!(f, "a program without a race has {n} simulated outcomes"),
        }
    }
}

/// Plays programs for real, in the private pid namespace that this process is in.
pub struct Judge {
    /// The run's name, by which leftovers are found.
    pub run: String,
    pub budget: Budget,
    /// Where the real runs whose search was long are written down.
    pub record: Option<PathBuf>,
}

impl Judge {
    /// Plays it so often, and judges each distinct outcome.
    ///
    /// # Errors
    /// Where the machine lacks what the real backend needs.
    pub fn judge(&self, program: &Program, runs: u64) -> Result<Verdict, CannotPlay> {
        let case = program.case();
        let mut real: BTreeMap<Outcome, Vec<Moment>> = BTreeMap::new();
        for seed in 0..runs {
            let played = live::play(&case, seed, &self.run, true)?;
            self.end_leftovers();
            if let Some(finding) = played.findings.first() {
                let symptom = Symptom::RealTrouble(format!("{}: {}", finding.rule, finding.message));
                let disagreement = Disagreement { symptom, real: played.moments, closest: Vec::new() };
                return Ok(Verdict::Disagrees { distinct: real.len() as u64 + 1, disagreement });
            }
            real.entry(outcome_of(&case, &played.moments)).or_insert(played.moments);
        }
        let distinct = real.len() as u64;
        let mut undecided = false;
        if program.family == Family::Calm {
            let simulated = outcomes(&case, self.budget);
            undecided |= !simulated.complete;
            if simulated.all.len() > 1 {
                let symptom = Symptom::NotCalm(simulated.all.len());
                let real = real.into_values().next().unwrap_or_default();
                let disagreement = Disagreement { symptom, real, closest: Vec::new() };
                return Ok(Verdict::Disagrees { distinct, disagreement });
            }
        }
        for (outcome, moments) in real {
            let decision = decide_along(&case, &outcome, &moments, self.budget);
            self.write_down(program, &decision, &moments);
            match decision {
                Decision::Reachable { .. } => {}
                Decision::Undecided { .. } => undecided = true,
                Decision::Unreachable { closest, .. } => {
                    let symptom = match decide(&case, &outcome, self.budget) {
                        Decision::Reachable { .. } => Symptom::SearchesDiffer,
                        Decision::Unreachable { .. } | Decision::Undecided { .. } => Symptom::Unreachable,
                    };
                    let disagreement = Disagreement { symptom, real: moments, closest };
                    return Ok(Verdict::Disagrees { distinct, disagreement });
                }
            }
        }
        Ok(if undecided { Verdict::Undecided { distinct } } else { Verdict::Agrees { distinct } })
    }

    /// Writes a real run down, so that its search can be made again.
    fn write_down(&self, program: &Program, decision: &Decision, moments: &[Moment]) {
        let (Decision::Reachable { runs, .. } | Decision::Unreachable { runs, .. } | Decision::Undecided { runs, .. }) =
            decision;
        let (Some(folder), Some(text)) = (&self.record, recorded::write(moments)) else { return };
        if *runs >= LONG_FROM {
            let file = format!("{program}\n{text}");
            let path = folder.join(format!("{:016x}.run", Digest::of(0).bytes(file.as_bytes()).value()));
            if let Err(error) = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, file)) {
                eprintln!("{} cannot be written: {error}", path.display());
            }
        }
    }

    /// Ends whoever has outlived the session: some policies leave survivors, and the next run must meet nobody.
    fn end_leftovers(&self) {
        for _round in 0..ROUNDS_MAX {
            let left = namespace::leftovers(&self.run).expect("/proc can be read");
            if left.is_empty() {
                return;
            }
            for (pid, _) in left {
                let _ended = namespace::end_leftover(&self.run, pid);
            }
        }
    }
}

/// A search of so many simulations is long: a second or so.
const LONG_FROM: u64 = 20_000;

/// A survivor may fork while it is looked for; none of our programs does so for long.
const ROUNDS_MAX: u32 = 20;

impl Disagreement {
    /// Both sides, in the parts of their normal form that differ, and then the real run as it was told.
    pub fn explain(&self, case: &Case) -> String {
        let mut text = format!("{}\n", self.symptom);
        if !self.closest.is_empty() {
            text += &side_by_side(&outcome_of(case, &self.real), &outcome_of(case, &self.closest));
        }
        text += "\n  the real run\n";
        for moment in &self.real {
            text += &format!("    {}\n", line(moment));
        }
        text
    }
}

fn side_by_side(real: &Outcome, simulated: &Outcome) -> String {
    let (real, simulated) = (parts(real), parts(simulated));
    let mut text = String::from("  where the real outcome and the closest simulated one differ\n");
    let names: std::collections::BTreeSet<&String> = real.keys().chain(simulated.keys()).collect();
    let absent = String::from("(nothing)");
    for name in names {
        let (real, simulated) = (real.get(name).unwrap_or(&absent), simulated.get(name).unwrap_or(&absent));
        if real != simulated {
            text += &format!("    {name}\n      real       {real}\n      simulated  {simulated}\n");
        }
    }
    text
}

/// An outcome by its parts, each as one line.
fn parts(outcome: &Outcome) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    for (subject, told) in &outcome.told {
        let facts: Vec<String> = told.facts.iter().map(ToString::to_string).collect();
        parts.insert(format!("{subject}: told"), facts.join(" · "));
        parts.insert(format!("{subject}: ends of output"), told.closings.join(" · "));
        for (stream, bytes) in ["stdout", "stderr"].iter().zip(&told.outputs) {
            parts.insert(format!("{subject}: {stream}"), short(bytes));
        }
    }
    for (name, lives) in &outcome.lives {
        let lives: Vec<String> = lives.iter().map(ToString::to_string).collect();
        parts.insert(format!("{name}: lived"), lives.join(" | "));
    }
    parts
}

fn short(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).replace('\n', "⏎");
    if bytes.len() > 60 { format!("{text}… {} bytes", bytes.len()) } else { text }
}

fn line(moment: &Moment) -> String {
    match moment {
        Moment::Fact(fact) => format!("{} {:?} {:?}", fact.at, fact.subject, fact.fact),
        Moment::Process(event) => format!("{} {} ({}) {:?}", event.at, event.name, event.pid, event.what),
    }
}
