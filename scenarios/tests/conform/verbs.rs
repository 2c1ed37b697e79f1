//! The verbs of the puppet language by their words: which of them programs may use, and how a script is walked through.
//! Kept apart from the generators because coverage counts the same words.

use shakedown::core::puppet::{Handler, Out, Verb};

/// Verbs and signals that a side cannot play yet, with the reason. Programs do not use them, and coverage says so.
pub const SWITCHED_OFF: &[(&str, &str)] = &[];

/// Every verb by its word, in the order of SCENARIOS section 2.
pub const VERBS: &[&str] = &[
    "print",
    "eprint",
    "write",
    "flood",
    "read line",
    "read eof",
    "sleep",
    "busy",
    "hang",
    "repeat",
    "on",
    "block",
    "unblock",
    "spawn",
    "wait",
    "wait all",
    "kill",
    "setsid",
    "setpgid",
    "daemonize",
    "subreaper",
    "pdeathsig",
    "close",
    "exec",
    "thread",
    "leader-exit",
    "notify ready",
    "touch",
    "lock",
    "listen",
    "exit",
    "die",
    "freeze",
];

/// The word of a verb.
pub fn word(verb: &Verb) -> &'static str {
    use shakedown::core::puppet::ReadUntil;
    match verb {
        Verb::Print { to: Out::Stdout, .. } => "print",
        Verb::Print { to: Out::Stderr, .. } => "eprint",
        Verb::Write { .. } => "write",
        Verb::Flood => "flood",
        Verb::Read(ReadUntil::Line) => "read line",
        Verb::Read(ReadUntil::Eof) => "read eof",
        Verb::Sleep(_) => "sleep",
        Verb::Busy(_) => "busy",
        Verb::Hang => "hang",
        Verb::Repeat { .. } => "repeat",
        Verb::On { .. } => "on",
        Verb::Block(_) => "block",
        Verb::Unblock(_) => "unblock",
        Verb::Spawn { .. } => "spawn",
        Verb::Wait(_) => "wait",
        Verb::WaitAll => "wait all",
        Verb::Kill { .. } => "kill",
        Verb::Setsid => "setsid",
        Verb::Setpgid => "setpgid",
        Verb::Daemonize { .. } => "daemonize",
        Verb::Subreaper => "subreaper",
        Verb::Pdeathsig(_) => "pdeathsig",
        Verb::Close(_) => "close",
        Verb::Exec(_) => "exec",
        Verb::Thread(_) => "thread",
        Verb::LeaderExit => "leader-exit",
        Verb::NotifyReady => "notify ready",
        Verb::Touch(_) => "touch",
        Verb::Lock(_) => "lock",
        Verb::Listen(_) => "listen",
        Verb::Exit(_) => "exit",
        Verb::Die(_) => "die",
        Verb::Freeze => "freeze",
    }
}

/// The same verb around another block; a verb without a block as it is.
pub fn around(verb: &Verb, block: Vec<Verb>) -> Verb {
    let mut verb = verb.clone();
    match &mut verb {
        Verb::Repeat { body, .. }
        | Verb::Spawn { body, .. }
        | Verb::Daemonize { body, .. }
        | Verb::Exec(body)
        | Verb::Thread(body)
        | Verb::On { then: Handler::Run(body), .. } => *body = block.into(),
        Verb::On { then: Handler::Ignore | Handler::Default, .. } => {}
        Verb::Print { .. } | Verb::Write { .. } | Verb::Flood | Verb::Read(_) | Verb::Sleep(_) | Verb::Busy(_) => {}
        Verb::Hang | Verb::Block(_) | Verb::Unblock(_) | Verb::Wait(_) | Verb::WaitAll | Verb::Kill { .. } => {}
        Verb::Setsid | Verb::Setpgid | Verb::Subreaper | Verb::Pdeathsig(_) | Verb::Close(_) => {}
        Verb::LeaderExit | Verb::NotifyReady | Verb::Touch(_) | Verb::Lock(_) | Verb::Listen(_) => {}
        Verb::Exit(_) | Verb::Die(_) | Verb::Freeze => {}
    }
    verb
}

/// Whether what follows this verb in its block is never played.
pub fn is_last(verb: &Verb) -> bool {
    matches!(word(verb), "exit" | "die" | "hang" | "flood" | "exec" | "leader-exit")
}

/// Every verb of a script, outer ones first.
pub fn each<'a>(script: &'a [Verb], see: &mut dyn FnMut(&'a Verb)) {
    for verb in script {
        see(verb);
        if let Some(block) = verb.block() {
            each(block, see);
        }
    }
}

/// Whether a verb of this word may be used.
pub fn is_on(word: &str) -> bool {
    SWITCHED_OFF.iter().all(|(off, _)| *off != word)
}
