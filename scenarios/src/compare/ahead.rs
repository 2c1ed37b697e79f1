//! What a simulated run still lacks of a real outcome, and whether anybody is left who could bring it: births, output, and signals that
//! somebody acts on. Without that a search finds out only at the end of each run, after all that those who are left can do in any order.

use super::fit::UNKNOWN;
use super::outcome::{Account, Life, Outcome, Word, is_real_program, signal_of};
use crate::format::Case;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Act, Body, RestartWhen, Stream, WorkerSpec};
use shakedown_sim::kernel::{Ahead, Kernel};
use std::sync::Arc;

/// What was seen for real of the workers of whom this can be told: those who start once, and whose processes all report.
pub(super) struct Lacks {
    workers: Vec<Once>,
}

/// A worker with one life.
struct Once {
    name: Arc<str>,
    /// What its leading process is called.
    leader: String,
    /// Its processes by name.
    processes: Vec<Seen>,
    /// Bytes that were told of each output.
    told: [u64; 2],
    /// Signals that the host told of, and as the how-manieth fact.
    sent: Vec<(usize, Signal)>,
    /// Who was left at its end.
    left: Vec<Arc<str>>,
    /// Whoever is left is looked for after this fact at the earliest: the end of the leader, or KILL.
    left_from: usize,
}

/// What was seen of the processes of a name.
struct Seen {
    name: Arc<str>,
    lives: usize,
    /// Of the only one: what it acted on, deed by deed, its end by a signal the last.
    acts: Vec<Option<Signal>>,
    /// So many of them did not end it.
    handled: usize,
}

/// What is missing.
#[derive(Default)]
struct Missing<'a> {
    /// Names of those who must live, now or later.
    lives: Vec<&'a str>,
    outputs: Vec<Stream>,
    signals: Vec<(&'a str, Signal)>,
    handlers: Vec<(&'a str, Signal)>,
}

impl Lacks {
    pub(super) fn new(case: &Case, real: &Outcome) -> Lacks {
        let starts = |act: &Act| match act {
            Act::Restart | Act::Start | Act::CrashHost | Act::Recover | Act::Use(..) => true,
            Act::Stop | Act::Kill | Act::Interrupt | Act::Hangup | Act::Signal(_) => false,
            Act::Stdin(_) | Act::CloseStdin | Act::Visit(_) => false,
        };
        let workers = &case.session.workers;
        let comes_back = case.stimuli.iter().any(|stimulus| starts(&stimulus.act))
            || workers.iter().any(|spec| matches!(spec.body, Body::Supervisor(_)));
        let is_once = |spec: &&WorkerSpec| {
            matches!(spec.body, Body::Process(_))
                && spec.restart.when == RestartWhen::Never
                && spec.stop.hook.is_none()
                && spec.ready.is_none()
                && !is_real_program(case, &spec.name)
        };
        let all = workers.iter().filter(|_| !comes_back);
        Lacks { workers: all.filter(is_once).map(|spec| Once::new(&spec.name, real)).collect() }
    }

    /// Whether all that this run lacks may still come. Before a worker's leader was seen anything may.
    pub(super) fn may_come(&self, account: &Account, kernel: &Kernel) -> bool {
        let has_started = |worker: &&Once| !account.lives_of(&worker.leader).is_empty();
        self.workers.iter().filter(has_started).all(|worker| {
            let mut missing = worker.missing(account, kernel);
            if missing.is_nothing() {
                return true;
            }
            kernel.ahead(&mut |ahead| missing.may_come_by(&worker.name, ahead));
            missing.is_nothing()
        })
    }
}

impl Once {
    fn new(name: &Arc<str>, real: &Outcome) -> Once {
        let told = real.told.get(name);
        let words = told.map_or(&[][..], |told| &told.facts);
        let left = |word: &'_ Word| -> Vec<Arc<str>> { word.survivors.iter().chain(&word.holders).cloned().collect() };
        // The first child of a double fork is in no script.
        let is_own = |left: &Arc<str>| {
            left.strip_prefix(&**name).is_some_and(|rest| rest.starts_with('/') && !rest.starts_with("/("))
        };
        let ends = |word: &Word| {
            let leader = ["exited(", "signalled(", "unknown", "signalled KILL "];
            leader.iter().any(|start| word.text.starts_with(start))
        };
        let sent = |(at, word): (usize, &Word)| {
            let signal = word.text.strip_prefix("signalled ")?.split(' ').next()?;
            Some((at, Signal::from_display(signal)?))
        };
        let own = real.lives.iter().filter_map(|(process, lives)| {
            process.strip_prefix(&**name)?.strip_prefix('/')?;
            let (acts, handled) = if let [only] = &lives[..] { acts(only) } else { (Vec::new(), 0) };
            Some(Seen { name: process.clone(), lives: lives.len(), acts, handled })
        });
        Once {
            name: name.clone(),
            leader: format!("{name}/main"),
            processes: own.collect(),
            told: [0, 1].map(|at| told.map_or(0, |told| told.outputs[at].len() as u64)),
            sent: words.iter().enumerate().filter_map(sent).collect(),
            left: { words.iter() }.flat_map(left).filter(is_own).collect(),
            left_from: words.iter().position(ends).unwrap_or(0),
        }
    }

    fn missing(&self, account: &Account, kernel: &Kernel) -> Missing<'_> {
        let mut missing = Missing::default();
        let facts = account.told.get(&self.name).map_or(0, |told| told.facts.len());
        for seen in &self.processes {
            let lives = account.lives_of(&seen.name);
            if lives.len() < seen.lives {
                missing.lives.push(&seen.name);
            }
            let (done, is_born) = match &lives[..] {
                [] => (0, false),
                [life] if life.end.is_none() => (life.deeds.len(), true),
                // It is over, or nobody knows which of them it is.
                _ => continue,
            };
            for (at, signal) in seen.acts.iter().enumerate().skip(done) {
                let Some(signal) = *signal else { continue };
                let is_to_be_told = self.sent.iter().any(|(at, sent)| *at >= facts && *sent == signal);
                if !is_to_be_told && !COME_UNASKED.contains(&signal) {
                    missing.signals.push((&seen.name, signal));
                }
                if is_born && at < seen.handled {
                    missing.handlers.push((&seen.name, signal));
                }
            }
        }
        if facts <= self.left_from {
            missing.lives.extend(self.left.iter().map(|name| &**name));
        }
        let is_short = |stream: &Stream| {
            let written = kernel.written(&self.name, *stream);
            written.is_some_and(|written| written < self.told[stream.index()])
        };
        missing.outputs.extend([Stream::Stdout, Stream::Stderr].into_iter().filter(is_short));
        missing
    }
}

impl Missing<'_> {
    fn is_nothing(&self) -> bool {
        self.lives.is_empty() && self.outputs.is_empty() && self.signals.is_empty() && self.handlers.is_empty()
    }

    /// Strikes out what may come of this.
    fn may_come_by(&mut self, own: &str, ahead: Ahead<'_>) {
        match ahead {
            Ahead::Lives { name } => self.lives.retain(|lacking| *lacking != name),
            Ahead::Birth { worker, called } if *worker == *own => {
                self.lives.retain(|lacking| lacking[own.len() + 1..] != **called);
                // Whoever is born has handlers of its own.
                self.handlers.retain(|(lacking, _)| lacking[own.len() + 1..] != **called);
            }
            Ahead::Output { worker, stream } if *worker == *own => self.outputs.retain(|lacking| *lacking != stream),
            Ahead::Sends { worker, signal } if *worker == *own => {
                self.signals.retain(|(_, lacking)| *lacking != signal)
            }
            Ahead::Sent { name, signal } => self.signals.retain(|lacking| *lacking != (name, signal)),
            Ahead::Handles { name, signal } => self.handlers.retain(|lacking| *lacking != (name, signal)),
            Ahead::Birth { .. } | Ahead::Output { .. } | Ahead::Sends { .. } => {}
        }
    }
}

/// What it acted on, deed by deed, and how many of these did not end it. Of whose end nothing is known the last may have.
fn acts(life: &Life) -> (Vec<Option<Signal>>, usize) {
    let acts = life.deeds.iter().chain(&life.end).map(|told| signal_of(told)).collect();
    let is_known = life.end.as_deref().is_some_and(|end| end != UNKNOWN);
    (acts, life.deeds.len().saturating_sub(usize::from(!is_known)))
}

/// What a kernel sends of its own accord, or a host without telling: at ends, of groups and pipes, and to those who are left over.
const COME_UNASKED: [Signal; 10] = [
    Signal::CHLD,
    Signal::HUP,
    Signal::CONT,
    Signal::PIPE,
    Signal::KILL,
    Signal::STOP,
    Signal::TSTP,
    Signal::TTIN,
    Signal::TTOU,
    Signal::SEGV,
];
