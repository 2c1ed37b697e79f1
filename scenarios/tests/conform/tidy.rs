//! Makes a drawn script playable: processes get names of their own and are at most five, `wait` and `kill` mean children that were
//! forked before, files and ports are told apart, and nothing stands behind a verb that never returns. It is applied to every
//! candidate of a shrinking, too, so that whatever proptest takes away, a playable script is left.

use super::verbs::{around, is_last, is_on, word};
use shakedown::core::puppet::{Handler, Verb};
use shakedown::core::signal::Signal;
use std::sync::Arc;

/// The most processes of a program, the leading one included.
pub const PROCESSES_MAX: usize = 5;

/// What is told apart.
#[derive(Clone, Copy)]
pub struct Tidy {
    /// The program's number, from which its port follows: programs that are played at the same time must not meet.
    pub number: u64,
    /// Whether each lock gets a file of its own, so that nobody waits for another.
    pub own_locks: bool,
}

impl Tidy {
    /// The script, made playable.
    pub fn script(self, drawn: &[Verb]) -> Vec<Verb> {
        let mut names = Names { tidy: self, born: 0, locks: 0 };
        names.block(drawn, &mut Vec::new())
    }

    /// The program's port: not from the range that the kernel hands out to connections (ip_local_port_range).
    fn port(self) -> u16 {
        10_000 + (self.number % 20_000) as u16
    }
}

/// The names of the processes of a script, the leading one first.
pub fn processes(script: &[Verb]) -> Vec<String> {
    let mut names = vec!["w/main".to_owned()];
    super::verbs::each(script, &mut |verb| {
        if let Verb::Spawn { name, .. } | Verb::Daemonize { name, .. } = verb {
            names.push(format!("w/{name}"));
        }
    });
    names
}

struct Names {
    tidy: Tidy,
    born: usize,
    locks: u32,
}

impl Names {
    /// `children` are those that the process has forked so far.
    fn block(&mut self, drawn: &[Verb], children: &mut Vec<Arc<str>>) -> Vec<Verb> {
        let mut block = Vec::new();
        for verb in drawn.iter().filter(|verb| is_on(word(verb))) {
            let Some(verb) = self.verb(verb, children) else { continue };
            let is_last = is_last(&verb);
            block.push(verb);
            if is_last {
                break;
            }
        }
        block
    }

    fn verb(&mut self, verb: &Verb, children: &mut Vec<Arc<str>>) -> Option<Verb> {
        match verb {
            Verb::Spawn { body, .. } => {
                let name = self.newborn()?;
                let body = self.block(body, &mut Vec::new()).into();
                children.push(name.clone());
                Some(Verb::Spawn { name, body })
            }
            Verb::Daemonize { body, .. } => {
                let name = self.newborn()?;
                Some(Verb::Daemonize { name, body: self.block(body, &mut Vec::new()).into() })
            }
            Verb::Wait(nth) => Some(Verb::Wait(meant(children, nth)?)),
            Verb::Kill { name, signal } => Some(Verb::Kill { name: meant(children, name)?, signal: *signal }),
            Verb::Lock(file) if self.tidy.own_locks => {
                self.locks += 1;
                Some(Verb::Lock(format!("{file}{}", self.locks).into()))
            }
            Verb::Listen(_) => Some(Verb::Listen(self.tidy.port())),
            // It would be called by its own output, for ever, once nobody reads that any more.
            Verb::On { signal: Signal::PIPE, then: Handler::Run(body) } => {
                let is_quiet = |verb: &&Verb| !matches!(verb, Verb::Print { .. } | Verb::Write { .. });
                Some(around(verb, body.iter().filter(is_quiet).cloned().collect()))
            }
            // A thread and what exec leaves have the children of their process.
            Verb::Repeat { .. } | Verb::On { .. } | Verb::Exec(_) | Verb::Thread(_) => Some(match verb.block() {
                Some(body) => around(verb, self.block(body, children)),
                None => verb.clone(),
            }),
            Verb::Print { .. } | Verb::Write { .. } | Verb::Flood | Verb::Read(_) => Some(verb.clone()),
            Verb::Sleep(_) | Verb::Busy(_) | Verb::Hang | Verb::Block(_) | Verb::Unblock(_) => Some(verb.clone()),
            Verb::WaitAll | Verb::Setsid | Verb::Setpgid | Verb::Subreaper | Verb::Pdeathsig(_) => Some(verb.clone()),
            Verb::Close(_) | Verb::LeaderExit | Verb::NotifyReady | Verb::Touch(_) => Some(verb.clone()),
            Verb::Lock(_) | Verb::Exit(_) | Verb::Die(_) | Verb::Freeze => Some(verb.clone()),
        }
    }

    fn newborn(&mut self) -> Option<Arc<str>> {
        let name = NAMES.get(self.born)?;
        self.born += 1;
        Some((*name).into())
    }
}

/// A drawn `wait` or `kill` says which of the children it means, counted from the latest.
fn meant(children: &[Arc<str>], nth: &str) -> Option<Arc<str>> {
    let nth: usize = nth.parse().unwrap_or(0);
    let back = nth % children.len().max(1);
    children.len().checked_sub(1 + back).map(|at| children[at].clone())
}

const NAMES: [&str; PROCESSES_MAX - 1] = ["a", "b", "c", "d"];
