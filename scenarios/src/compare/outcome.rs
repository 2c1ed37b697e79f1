//! The normal form of a run's outcome, the same for a simulated run and for a real one: who did what, without pids, instants and
//! deadlines, and in no other order than the system promises.
//!
//! **Promised** is the order of what the host told of one subject (a worker, the session), of the bytes of one stream, and of what one
//! process did. Not promised, and so not part of an outcome: the order among processes; the order of a process's deeds among facts;
//! the order of two streams, of output among other facts, and of the end of output and the end of the leader (poll(2) says of two
//! ready descriptors that both are, not which was first).
//!
//! **What a real run does not show.** Puppets tell what they do by datagrams, and an end is the kernel's word (`real/src/world/roll.rs`):
//! - A process that dies of a signal before its first verb has not told that it was there: such a life may be missing.
//! - A report may come after the kernel's word on the end: an end is kept apart from the deeds, and so always last.
//! - The run is over before somebody's end was seen, or all that it did: a life without an end is only a beginning.
//! - `exiting` is told before the exit: killed in between, the end is the kernel's word and nothing else.
//! - A handler is told of once it is installed: killed in between, the last one of a process that KILL has ended may be missing.
//! - Nobody knows how some process ended, as one that was reaped unseen: such an end may be any.
//! - Stops and continues show in nobody's report, so signals that stop or continue are left out where a process acted on them.
//! - The first child of a double fork has no name in any script, and nobody reports it.
//! - A real program (`command`) reports nothing, and its stand-in stands for when it acts, not for what it prints: of such a worker
//!   its output is left out, and of its processes all but the end of the leading one.
//! - Of a survivor that never reported itself only the name of its program is known: it may be anybody.

use crate::format::Case;
use shakedown_core::digest::Digest;
use shakedown_core::signal::Signal;
use shakedown_core::site::Label;
use shakedown_core::vocab::{
    Body, ExitStatus, Fact, FactRecord, ProcessEvent, ProcessWhat, Program, Stream, Subject, Survivor, Target,
    WorkerSpec,
};
use shakedown_sim::Moment;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

/// What came of a run.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Outcome {
    /// What was told of the session and of each worker, by name.
    pub told: BTreeMap<Arc<str>, Told>,
    /// What was seen of processes, by name: the lives of all that bore it, sorted, because births have no promised order either.
    pub lives: BTreeMap<Arc<str>, Vec<Life>>,
    /// Whether the session has come to its end.
    pub is_over: bool,
}

/// What the host told of one subject.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Told {
    /// In order, without output.
    pub facts: Vec<Word>,
    /// The bytes of both outputs, of all incarnations.
    pub outputs: [Vec<u8>; 2],
    /// How each output came to its end: `output-closed`, `drain-abandoned`.
    pub closings: Vec<&'static str>,
}

/// One fact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Word {
    /// In words: `signalled TERM to scope by user`.
    pub text: String,
    /// Names of survivors, sorted.
    pub survivors: Vec<Arc<str>>,
    /// Names of who held an output, sorted.
    pub holders: Vec<Arc<str>>,
}

/// What one process did.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Life {
    /// In order, without its birth and its end: `installed TERM`, `acted on USR1`.
    pub deeds: Vec<String>,
    /// How it ended, where that was seen; `unknown` where nobody can tell.
    pub end: Option<String>,
}

/// What a kind of event means for a life.
enum Meaning {
    Birth,
    Deed(String),
    End(ExitStatus),
    Nothing,
}

/// A new kind of event is one line here.
fn meaning(what: ProcessWhat) -> Meaning {
    match what {
        ProcessWhat::Started => Meaning::Birth,
        ProcessWhat::Installed(signal) => Meaning::Deed(format!("installed {signal}")),
        ProcessWhat::Signalled(signal) if UNREPORTED.contains(&signal) => Meaning::Nothing,
        ProcessWhat::Signalled(signal) => Meaning::Deed(acted_on(signal)),
        ProcessWhat::Exited(status) => Meaning::End(status),
    }
}

fn acted_on(signal: Signal) -> String {
    format!("acted on {signal}")
}

/// Which signal a deed or an end tells of, if it does.
pub(super) fn signal_of(told: &str) -> Option<Signal> {
    let end = || told.strip_prefix("signalled(")?.strip_suffix(')');
    told.strip_prefix("acted on ").or_else(end).and_then(Signal::from_display)
}

/// What stops or continues acts within the kernel, and no puppet sees it.
const UNREPORTED: [Signal; 5] = [Signal::STOP, Signal::TSTP, Signal::TTIN, Signal::TTOU, Signal::CONT];

/// The outcome of a run that was played, for real or in the simulator.
pub fn outcome_of(case: &Case, moments: &[Moment]) -> Outcome {
    let mut account = Account::default();
    for moment in moments {
        account.take(case, moment, None);
    }
    account.outcome()
}

/// An outcome in the making.
#[derive(Default)]
pub(super) struct Account {
    pub(super) told: BTreeMap<Arc<str>, Told>,
    pub(super) lives: Vec<Lived>,
    is_over: bool,
}

/// A life with the names by which it is known.
pub(super) struct Lived {
    pub(super) name: Arc<str>,
    pub(super) pid: i32,
    pub(super) who: Option<Label>,
    pub(super) life: Life,
}

/// What has changed by a moment.
pub(super) enum Change {
    Nothing,
    /// Another fact of this subject.
    Fact(Arc<str>),
    /// More output, from this byte on.
    Output(Arc<str>, Stream, usize),
    /// An output came to its end.
    Closing(Arc<str>),
    /// A process of this name was born, did something or ended.
    Life(Arc<str>),
}

impl Account {
    pub(super) fn clear(&mut self) {
        self.told.clear();
        self.lives.clear();
        self.is_over = false;
    }

    /// Takes the next moment; `who` tells processes of one name apart where that is known.
    pub(super) fn take(&mut self, case: &Case, moment: &Moment, who: Option<Label>) -> Change {
        if self.is_over {
            // For real nobody looks any more, and whoever lives on may do what it likes.
            return Change::Nothing;
        }
        match moment {
            Moment::Fact(record) => self.fact(case, record),
            Moment::Process(event) => match event.name.split_once('/') {
                Some((_, own)) if own.starts_with('(') => Change::Nothing,
                Some((worker, own)) if is_real_program(case, worker) && !(own == LEADER && is_told(event.what)) => {
                    Change::Nothing
                }
                Some(_) | None => self.process(event, who),
            },
        }
    }

    fn fact(&mut self, case: &Case, record: &FactRecord) -> Change {
        let subject = match record.subject {
            Subject::Session => SESSION.into(),
            Subject::Worker(id) => match case.session.workers.get(id.index()) {
                Some(worker) => worker.name.clone(),
                // Whoever an action has started: all of them are one subject.
                None => JOINED.into(),
            },
        };
        self.is_over |= record.fact == Fact::SessionStopped;
        let told = self.told.entry(subject.clone()).or_default();
        match &record.fact {
            Fact::Output { .. } if is_real_program(case, &subject) => Change::Nothing,
            Fact::Output { stream, line, complete } => {
                let output = &mut told.outputs[stream.index()];
                let from = output.len();
                output.extend_from_slice(line);
                output.extend(complete.then_some(b'\n'));
                Change::Output(subject, *stream, from)
            }
            // How many clients come how far is a matter of latencies, which the simulator draws from a grid: what they leave behind is
            // compared, which is nothing.
            Fact::Request(_) => Change::Nothing,
            fact @ (Fact::OutputClosed | Fact::DrainAbandoned) => {
                told.closings.push(fact.word());
                Change::Closing(subject)
            }
            fact => {
                told.facts.push(word(fact));
                Change::Fact(subject)
            }
        }
    }

    fn process(&mut self, event: &ProcessEvent, who: Option<Label>) -> Change {
        let ProcessEvent { at: _, name, pid, what } = event;
        let meaning = meaning(*what);
        let known = self.lives.iter().rposition(|lived| lived.pid == *pid && lived.name == *name);
        let at = match (&meaning, known) {
            (Meaning::Nothing, _) => return Change::Nothing,
            (Meaning::Deed(_) | Meaning::End(_), Some(at)) => at,
            (Meaning::Birth, _) | (Meaning::Deed(_) | Meaning::End(_), None) => {
                self.lives.push(Lived { name: name.clone(), pid: *pid, who, life: Life::default() });
                self.lives.len() - 1
            }
        };
        let life = &mut self.lives[at].life;
        match meaning {
            Meaning::Birth | Meaning::Nothing => {}
            Meaning::Deed(deed) => life.deeds.push(deed),
            Meaning::End(status) => {
                // An end by a signal is told twice: as what acted, and as how it ended.
                if let ExitStatus::Signalled { signal, .. } = status
                    && life.deeds.last() == Some(&acted_on(signal))
                {
                    life.deeds.pop();
                }
                life.end = Some(status.to_string());
            }
        }
        Change::Life(name.clone())
    }

    pub(super) fn lives_of(&self, name: &str) -> Vec<&Life> {
        self.lives.iter().filter(|lived| *lived.name == *name).map(|lived| &lived.life).collect()
    }

    /// Which of the lives of this name is that of this process.
    pub(super) fn nth_of(&self, name: &str, who: Label) -> Option<usize> {
        self.lives.iter().filter(|lived| *lived.name == *name).position(|lived| lived.who == Some(who))
    }

    /// What was told, as a number.
    pub(super) fn digest_told(&self) -> u64 {
        let each = |told| {
            let mut digest = Digest::of(1);
            Hash::hash(&told, &mut digest);
            digest.value()
        };
        self.told.iter().map(each).fold(0, u64::wrapping_add)
    }

    /// What was seen of processes, as a number; which process lived which life counts too.
    pub(super) fn digest_lives(&self) -> u64 {
        let each = |Lived { name, pid: _, who, life }: &Lived| {
            let mut digest = Digest::of(2);
            (name, who, life).hash(&mut digest);
            digest.value()
        };
        self.lives.iter().map(each).fold(0, u64::wrapping_add)
    }

    pub(super) fn outcome(&self) -> Outcome {
        let mut lives: BTreeMap<Arc<str>, Vec<Life>> = BTreeMap::new();
        for Lived { name, life, .. } in &self.lives {
            lives.entry(name.clone()).or_default().push(life.clone());
        }
        lives.values_mut().for_each(|lives| lives.sort());
        Outcome { told: self.told.clone(), lives, is_over: self.is_over }
    }
}

/// Whether what this worker runs is known by a stand-in only.
pub(super) fn is_real_program(case: &Case, worker: &str) -> bool {
    let of = |spec: &WorkerSpec| match &spec.body {
        Body::Process(spec) => matches!(spec.program, Program::Command { .. }),
        Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) | Body::Supervisor(_) => false,
    };
    case.session.workers.iter().any(|spec| *spec.name == *worker && of(spec))
}

/// What is seen of a process without its help.
fn is_told(what: ProcessWhat) -> bool {
    match meaning(what) {
        Meaning::Birth | Meaning::End(_) => true,
        Meaning::Deed(_) | Meaning::Nothing => false,
    }
}

/// The leading process of a worker, without the worker's name.
const LEADER: &str = "main";

/// The subject that stands for workers which are not of the plan.
const JOINED: &str = "joined";

/// The subject that is no worker.
pub(super) const SESSION: &str = "session";

fn word(fact: &Fact) -> Word {
    let bare = fact.word();
    let (mut survivors, mut holders) = (Vec::new(), Vec::new());
    let text = match fact {
        Fact::Spawn | Fact::Started { .. } | Fact::Ready | Fact::Unready | Fact::Backoff { .. } => bare.into(),
        Fact::Restarted => bare.into(),
        Fact::OutputClosed | Fact::DrainAbandoned | Fact::Output { .. } | Fact::SessionStopped => bare.into(),
        Fact::Request(_) => bare.into(),
        Fact::Action(news) => format!("{} {bare}", news.action),
        Fact::StopRequested { by, .. } => format!("{bare} by {}", by.word()),
        Fact::Signalled { signal, target: Target::Scope, by } => format!("{bare} {signal} to scope by {}", by.word()),
        Fact::Signalled { signal, target: Target::Leader, by } => format!("{bare} {signal} to leader by {}", by.word()),
        Fact::Exited { status } => status.to_string(),
        Fact::Ended(outcome) => {
            (survivors, holders) = (names(&outcome.survivors), names(&outcome.holders));
            let asked = outcome.requested_by.map_or(String::new(), |by| format!(", asked by {}", by.word()));
            let error = outcome.start_error.map_or(String::new(), |error| format!(", {error}"));
            format!("{bare}: {}, {:?}{asked}{error}", outcome.status, outcome.reason)
        }
    };
    Word { text, survivors, holders }
}

/// Sorted; of whom only the program is known is anybody.
fn names(of: &[Survivor]) -> Vec<Arc<str>> {
    let name = |who: &Survivor| if who.name.contains('/') { who.name.clone() } else { ANYBODY.into() };
    let mut names: Vec<Arc<str>> = of.iter().map(name).collect();
    names.sort();
    names
}

/// Stands for a process whose name was not known.
pub(super) const ANYBODY: &str = "?";

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        for (what, names) in [("survivors", &self.survivors), ("holders", &self.holders)] {
            if !names.is_empty() {
                write!(f, ", {what} {}", names.join(" "))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.end.as_deref().unwrap_or("…");
        self.deeds.iter().try_for_each(|deed| write!(f, "{deed}, "))?;
        f.write_str(end)
    }
}
