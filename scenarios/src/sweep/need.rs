//! What of a scenario a failure needs: stimuli and lines of scripts are left out one after the other, as long as the same surprises lead
//! to the same failure. A failure of three surprises in a plan of nine workers is not yet a small failure.

use super::Player;
use crate::failure::{Finding, fails_alike};
use crate::format::Case;
use shakedown_core::puppet::{Block, Handler, Script, Verb};
use shakedown_core::vocab::{Body, ProcessSpec, Program, StandIn, Stimulus};
use shakedown_sim::choose::{Answer, Chooser, Record};
use std::sync::Arc;

/// What is left of a case, in words: one line for each part that is not needed, or only in part.
pub fn needs(case: &Case, surprises: &[Answer], finding: &Finding) -> Vec<String> {
    let mut reducer = Reducer { case: case.clone(), surprises, finding, runs: 0 };
    let mut told: Vec<String> = reducer.leave_out_stimuli().into_iter().collect();
    for at in 0..case.session.workers.len() {
        told.extend(reducer.reduce_script(at));
    }
    told
}

/// So many runs are played for it, each of a case of its own.
const RUNS_MAX: u32 = 400;

struct Reducer<'a> {
    /// What still fails.
    case: Case,
    surprises: &'a [Answer],
    finding: &'a Finding,
    runs: u32,
}

impl Reducer<'_> {
    /// Keeps this case if it fails alike.
    fn attempt(&mut self, case: Case) -> bool {
        self.runs += 1;
        if self.runs > RUNS_MAX {
            return false;
        }
        let mut stage = Player::new(&case, Record::new(Chooser::default()));
        let fails = fails_alike(&mut stage, self.surprises, self.finding);
        if fails {
            self.case = case;
        }
        fails
    }

    fn leave_out_stimuli(&mut self) -> Option<String> {
        let all = self.case.stimuli.len();
        for at in (0..all).rev() {
            let mut case = self.case.clone();
            case.stimuli.remove(at);
            self.attempt(case);
        }
        let left: Vec<&str> = self.case.stimuli.iter().map(Stimulus::word).collect();
        match left.len() {
            n if n == all => None,
            0 => Some(format!("none of the {all} stimuli")),
            n => Some(format!("{n} of {all} stimuli: {}", left.join(", "))),
        }
    }

    /// A worker whose script may as well be `hang` has no part in it; otherwise as many of its lines as can go.
    fn reduce_script(&mut self, worker: usize) -> Option<String> {
        let name = self.case.session.workers[worker].name.clone();
        let script = script_of(&self.case, worker)?.clone();
        let idle: Block = Arc::from([Verb::Hang]);
        if script == idle {
            return None;
        }
        if self.attempt(with_script(&self.case, worker, idle)) {
            return Some(format!("nothing that {name} does"));
        }
        let all = count(&script);
        for nth in (0..all).rev() {
            let now = script_of(&self.case, worker)?;
            if nth < count(now) {
                let fewer = without(now, nth);
                self.attempt(with_script(&self.case, worker, fewer));
            }
        }
        let left = script_of(&self.case, worker)?;
        let lines: Vec<String> = Script(left).to_string().lines().map(|line| line.trim().to_owned()).collect();
        let (verbs, text) = (count(left), lines.join("; ").replace("{; ", "{ ").replace("; }", " }"));
        (verbs < all).then(|| format!("of {name}, {verbs} of {all} verbs: {text}"))
    }
}

fn script_of(case: &Case, worker: usize) -> Option<&Block> {
    match &case.session.workers[worker].body {
        Body::Process(spec) => match &spec.program {
            Program::Puppet(script) | Program::Command { sim: StandIn::Script(script), .. } => Some(script),
            Program::Command { sim: StandIn::Unknown | StandIn::ExecFails(_), .. } => None,
        },
        Body::PuppetTask(script) => Some(script),
        Body::Function(_) | Body::Proxy(_) | Body::Supervisor(_) => None,
    }
}

fn with_script(case: &Case, worker: usize, script: Block) -> Case {
    let mut case = case.clone();
    let body = &mut Arc::make_mut(&mut case.session).workers[worker].body;
    match body {
        Body::Process(spec) => {
            let program = Program::Puppet(script);
            *spec = Arc::new(ProcessSpec { program, ..ProcessSpec::clone(spec) });
        }
        Body::PuppetTask(own) => *own = script,
        Body::Function(_) | Body::Proxy(_) | Body::Supervisor(_) => {}
    }
    case
}

/// The block within a verb, if there is one.
fn inner(verb: &Verb) -> Option<&Block> {
    match verb {
        Verb::Repeat { body, .. } | Verb::Spawn { body, .. } | Verb::Daemonize { body, .. } => Some(body),
        Verb::Exec(body) | Verb::Thread(body) | Verb::On { then: Handler::Run(body), .. } => Some(body),
        Verb::On { then: Handler::Ignore | Handler::Default, .. } => None,
        Verb::Print { .. } | Verb::Write { .. } | Verb::Flood | Verb::Read(_) | Verb::Sleep(_) | Verb::Busy(_) => None,
        Verb::Hang | Verb::Block(_) | Verb::Unblock(_) | Verb::Wait(_) | Verb::WaitAll | Verb::Kill { .. } => None,
        Verb::Subreaper | Verb::Pdeathsig(_) | Verb::Setsid | Verb::Setpgid | Verb::Close(_) => None,
        Verb::LeaderExit | Verb::NotifyReady | Verb::Touch(_) | Verb::Lock(_) | Verb::Listen(_) => None,
        Verb::Exit(_) | Verb::Die(_) | Verb::Freeze => None,
    }
}

/// Verbs, those within others included.
fn count(block: &[Verb]) -> usize {
    block.iter().map(|verb| 1 + inner(verb).map_or(0, |inner| count(inner))).sum()
}

/// The same without the nth verb, each counted before those within it.
fn without(block: &[Verb], nth: usize) -> Block {
    let mut left = nth;
    let mut out: Vec<Verb> = Vec::with_capacity(block.len());
    for verb in block {
        let size = 1 + inner(verb).map_or(0, |inner| count(inner));
        match left {
            0 => {}
            n if n < size => out.push(with_inner(verb, |inner| without(inner, n - 1))),
            _ => out.push(verb.clone()),
        }
        // Past it nothing is left out any more.
        left = if left < size { usize::MAX } else { left - size };
    }
    out.into()
}

fn with_inner(verb: &Verb, change: impl FnOnce(&Block) -> Block) -> Verb {
    let mut verb = verb.clone();
    match &mut verb {
        Verb::Repeat { body, .. } | Verb::Spawn { body, .. } | Verb::Daemonize { body, .. } => *body = change(body),
        Verb::Exec(body) | Verb::Thread(body) | Verb::On { then: Handler::Run(body), .. } => *body = change(body),
        other => debug_assert!(inner(other).is_none(), "{other:?} has a block of its own"),
    }
    verb
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::puppet::parse;

    fn text(block: &[Verb]) -> String {
        Script(block).to_string().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_verb_can_be_left_out_wherever_it_stands() {
        let block = parse("print a; spawn h { on TERM { print b; exit 1 }; hang }; exit 0").expect("valid");
        assert_eq!(count(&block), 7);
        let left: Vec<String> = (0..7).map(|nth| text(&without(&block, nth))).collect();
        assert_eq!(left[0], "spawn h { on TERM { print b exit 1 } hang } exit 0");
        assert_eq!(left[1], "print a exit 0");
        assert_eq!(left[2], "print a spawn h { hang } exit 0");
        assert_eq!(left[4], "print a spawn h { on TERM print b hang } exit 0");
        assert_eq!(left[6], "print a spawn h { on TERM { print b exit 1 } hang }");
    }
}
