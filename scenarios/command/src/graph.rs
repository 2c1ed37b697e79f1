//! `shakedown graph`: in which order a plan starts and stops, and which chain of waits decides how long each may take.

use crate::cli::{Files, load};
use crate::exit::Exit;
use clap::{Args, ValueEnum};
use shakedown::core::ids::WorkerId;
use shakedown::core::vocab::{Body, Grace, SessionSpec, StopOrder, StopPolicy, WorkerSpec};
use shakedown::format::{Case, Scenario};
use shakedown::report::{WIDTH, duration, wrap};
use std::fmt::Write;
use std::time::Duration;

/// The arguments of `graph`.
#[derive(Args, Debug)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    files: Files,
    /// Only this case of each scenario, counted from 1; the first where none is named
    #[arg(long, env = "SHAKEDOWN_CASE", value_name = "K", default_value_t = 1)]
    case: u32,
    /// In which form
    #[arg(long, value_name = "FORM", default_value = "text")]
    to: Form,
}

/// A form of a graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Form {
    /// Who starts and stops when, and the critical chains
    Text,
    /// A flowchart, for Markdown
    Mermaid,
}

pub(crate) fn run(args: &GraphArgs) -> Exit {
    let scenarios = match load(&args.files) {
        Ok(scenarios) => scenarios,
        Err(exit) => return exit,
    };
    let mut drawn = Vec::new();
    for scenario in &scenarios {
        for case in scenario.cases().iter().filter(|case| case.index == args.case) {
            drawn.push(match args.to {
                Form::Text => text(scenario, case),
                Form::Mermaid => mermaid(&case.session),
            });
        }
    }
    if drawn.is_empty() {
        eprintln!("error: no case {} in these scenarios", args.case);
        return Exit::NothingRan;
    }
    emit!("{}", drawn.join("\n"));
    Exit::Held
}

/// One way through a plan: for each worker whom it waits for, and how long its own part may take.
struct Way<'a> {
    session: &'a SessionSpec,
    waits: Vec<Vec<usize>>,
    takes: Vec<Option<Duration>>,
}

impl<'a> Way<'a> {
    fn start(session: &'a SessionSpec) -> Way<'a> {
        let waits = |worker: &WorkerSpec| worker.after.iter().map(|dependency| dependency.on.index()).collect();
        // Without a probe it is ready when it executes; with one it has failed when the probe's time is up.
        let takes = |worker: &WorkerSpec| Some(worker.ready.as_ref().map_or(Duration::ZERO, |ready| ready.timeout));
        Way {
            session,
            waits: session.workers.iter().map(waits).collect(),
            takes: session.workers.iter().map(takes).collect(),
        }
    }

    fn stop(session: &'a SessionSpec) -> Way<'a> {
        let mut waits: Vec<Vec<usize>> = vec![Vec::new(); session.workers.len()];
        if session.order == StopOrder::ReverseDependency {
            for (at, worker) in session.workers.iter().enumerate() {
                worker.after.iter().for_each(|dependency| waits[dependency.on.index()].push(at));
                waits[at].extend(worker.stop_after.iter().map(|other| other.index()));
            }
        }
        let takes = session.workers.iter().map(|worker| match &worker.body {
            Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) => stop_takes(&worker.stop),
            Body::Supervisor(_) => Some(Duration::ZERO),
        });
        let mut way = Way { session, takes: takes.collect(), waits };
        // A supervisor has stopped when its children have. Its family stands before those of its children, and so is measured after them.
        for (parent, members) in families(session).iter().rev() {
            if let Some(parent) = parent {
                way.takes[*parent] = way.critical(members).1;
            }
        }
        way
    }

    /// Those of one parent, in the order in which they can go: each in the first wave after all whom it waits for.
    fn waves(&self, members: &[usize]) -> Vec<Vec<usize>> {
        let (mut waves, mut left): (Vec<Vec<usize>>, Vec<usize>) = (Vec::new(), members.to_vec());
        while !left.is_empty() {
            let is_free = |at: &usize| self.waits[*at].iter().all(|first| !left.contains(first));
            let (free, others): (Vec<usize>, Vec<usize>) = left.iter().partition(|at| is_free(at));
            // A file with a cycle was refused.
            if free.is_empty() {
                break;
            }
            waves.push(free);
            left = others;
        }
        waves
    }

    /// The chain that may take longest, and how long; `None` where one of it may take for ever.
    fn critical(&self, members: &[usize]) -> (Vec<usize>, Option<Duration>) {
        let mut longest: Vec<(Vec<usize>, Option<Duration>)> =
            vec![(Vec::new(), Some(Duration::ZERO)); self.waits.len()];
        let weight = |(chain, takes): &(Vec<usize>, Option<Duration>)| (takes.unwrap_or(Duration::MAX), chain.len());
        for wave in self.waves(members) {
            for at in wave {
                let before = self.waits[at].iter().map(|first| longest[*first].clone()).max_by_key(weight);
                let (mut chain, takes) = before.unwrap_or((Vec::new(), Some(Duration::ZERO)));
                chain.push(at);
                longest[at] = (chain, takes.zip(self.takes[at]).map(|(before, own)| before.saturating_add(own)));
            }
        }
        longest.into_iter().max_by_key(weight).unwrap_or_default()
    }

    fn name(&self, at: usize) -> &str {
        &self.session.workers[at].name
    }
}

/// From the request to the worker's terminal state; `None` where it has all the time of the session.
fn stop_takes(stop: &StopPolicy) -> Option<Duration> {
    match stop.grace {
        Grace::After(grace) => {
            let parts = [stop.hook_within(), grace, StopPolicy::EMPTY_WITHIN, stop.drain];
            Some(parts.iter().fold(Duration::ZERO, |sum, part| sum.saturating_add(*part)))
        }
        Grace::Never => None,
    }
}

/// Workers by their parent: those of the session first.
fn families(session: &SessionSpec) -> Vec<(Option<usize>, Vec<usize>)> {
    let children = |worker: &WorkerSpec| match &worker.body {
        Body::Supervisor(spec) => spec.children.iter().map(|child: &WorkerId| child.index()).collect(),
        Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) => Vec::new(),
    };
    let all: Vec<(Option<usize>, Vec<usize>)> = session
        .workers
        .iter()
        .enumerate()
        .map(|(at, worker)| (Some(at), children(worker)))
        .filter(|(_, children): &(_, Vec<usize>)| !children.is_empty())
        .collect();
    let is_child = |at: &usize| all.iter().any(|(_, children)| children.contains(at));
    let top: Vec<usize> = (0..session.workers.len()).filter(|at| !is_child(at)).collect();
    // Each family behind that of its parent.
    let mut ordered = vec![(None, top)];
    let mut next = 0;
    while let Some((_, members)) = ordered.get(next) {
        let below: Vec<_> = all.iter().filter(|(at, _)| at.is_some_and(|at| members.contains(&at))).cloned().collect();
        ordered.extend(below);
        next += 1;
    }
    ordered
}

fn text(scenario: &Scenario, case: &Case) -> String {
    let session = &case.session;
    let title =
        if case.label.is_empty() { scenario.name.to_string() } else { format!("{} ({})", scenario.name, case.label) };
    let mut out = format!("{title}\n");
    for (parent, members) in families(session) {
        let whose = parent.map_or(String::new(), |at| format!(", below {}", session.workers[at].name));
        for (verb, way) in [("start", Way::start(session)), ("stop", Way::stop(session))] {
            let _ = writeln!(out, "  {verb}{whose}");
            for (n, wave) in way.waves(&members).iter().enumerate() {
                for (m, at) in wave.iter().enumerate() {
                    let number = if m == 0 { (n + 1).to_string() } else { String::new() };
                    line(&mut out, &number, &member(&way, verb, *at));
                }
            }
            chain(&way, verb, &members).iter().for_each(|chain| line(&mut out, "", chain));
        }
    }
    out
}

/// A worker, and whom it waits for.
fn member(way: &Way<'_>, verb: &str, at: usize) -> String {
    let worker = &way.session.workers[at];
    let waits: Vec<String> = match verb {
        "start" => worker
            .after
            .iter()
            .map(|dependency| format!("{} {}", way.name(dependency.on.index()), dependency.until.word()))
            .collect(),
        _ => way.waits[at].iter().map(|first| way.name(*first).to_owned()).collect(),
    };
    match waits.is_empty() {
        true => worker.name.to_string(),
        false => format!("{} after {}", worker.name, waits.join(", ")),
    }
}

/// The chain that decides; none where nobody waits for anybody.
fn chain(way: &Way<'_>, verb: &str, members: &[usize]) -> Option<String> {
    let (chain, takes) = way.critical(members);
    if chain.len() < 2 && takes == Some(Duration::ZERO) {
        return None;
    }
    let one = |at: &usize| match way.takes[*at] {
        Some(Duration::ZERO) => way.name(*at).to_owned(),
        Some(takes) => format!("{} ({})", way.name(*at), duration(takes)),
        None => format!("{} (for ever)", way.name(*at)),
    };
    let names: Vec<String> = chain.iter().map(one).collect();
    let within = duration(way.session.stop_budget);
    let all = match (takes, verb) {
        (None, _) => format!("until the budget of {within} ends it"),
        (Some(Duration::ZERO), "start") => "nobody is waited for by a probe".to_owned(),
        (Some(takes), "start") => format!("{} at most", duration(takes)),
        (Some(takes), _) => format!("{} at most, of a budget of {within}", duration(takes)),
    };
    Some(format!("critical chain: {}: {all}", names.join(" → ")))
}

fn line(out: &mut String, number: &str, text: &str) {
    for (n, part) in wrap(text, WIDTH - 8).iter().enumerate() {
        let number = if n == 0 { number } else { "" };
        let _ = writeln!(out, "  {number:>3}   {part}");
    }
}

/// A worker; a supervisor is a box around its children.
fn node(out: &mut String, session: &SessionSpec, at: usize, depth: usize) {
    let (indent, worker) = ("    ".repeat(depth), &session.workers[at]);
    match &worker.body {
        Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) => {
            let _ = writeln!(out, "{indent}W{at}[\"{}\"]", worker.name);
        }
        Body::Supervisor(spec) => {
            let _ = writeln!(out, "{indent}subgraph W{at} [\"{}\"]", worker.name);
            spec.children.iter().for_each(|child| node(out, session, child.index(), depth + 1));
            let _ = writeln!(out, "{indent}end");
        }
    }
}

/// A flowchart: an arrow leads from whoever has to come first, and says how far.
fn mermaid(session: &SessionSpec) -> String {
    let mut out = String::from("flowchart LR\n");
    let start = Way::start(session);
    let critical: Vec<usize> = families(session).iter().flat_map(|(_, members)| start.critical(members).0).collect();
    for at in &families(session)[0].1 {
        node(&mut out, session, *at, 1);
    }
    for (at, worker) in session.workers.iter().enumerate() {
        for dependency in &worker.after {
            let first = dependency.on.index();
            let is_critical = critical.windows(2).any(|pair| pair == [first, at]);
            let arrow = if is_critical { "==>" } else { "-->" };
            let _ = writeln!(out, "    W{first} {arrow}|{}| W{at}", dependency.until.word());
        }
        for other in &worker.stop_after {
            let _ = writeln!(out, "    W{} -.->|stops first| W{at}", other.index());
        }
    }
    out
}
