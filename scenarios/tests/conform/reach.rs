//! How far the scripts of a program came in a run. Most verbs leave no deed; that one is over is shown by what stands behind it: a
//! fork, an exec, the exit.

use super::sight::Sight;
use super::verbs::each;
use shakedown::core::puppet::{Handler, PORT_TAKEN, Verb};
use shakedown::core::vocab::{Deed, ExitStatus};

/// The verbs that are over, of each process and each thread, in their order. They are fewer than really are where nothing behind them
/// shows it. What handlers play is no part of it.
pub fn passed<'a>(sight: &Sight<'a>) -> Vec<Vec<&'a Verb>> {
    let script = &sight.program.script;
    let strays = leaves_beside(script);
    let mut found = Vec::new();
    each_line(script, Some("w/main"), &mut |name, mut line| {
        // Where others may exec or exit for the first thread, neither says how far that one has come.
        let name = name.filter(|_| !strays);
        if !name.is_some_and(|name| exits(sight, name)) {
            let born = line.iter().rposition(|verb| is_born(sight, verb));
            let all_execs = line.iter().enumerate().filter(|(_, verb)| matches!(verb, Verb::Exec(_)));
            let execed = all_execs.take(name.map_or(0, |name| execs(sight, name))).last().map(|(at, _)| at);
            line.truncate(born.max(execed).map_or(0, |last| last + 1));
        }
        found.push(line);
    });
    found
}

/// Whether a thread or a handler of the script execs or exits.
pub fn leaves_beside(script: &[Verb]) -> bool {
    let mut leaves = false;
    each(script, &mut |verb| {
        if let Verb::Thread(body) | Verb::On { then: Handler::Run(body), .. } = verb {
            each(body, &mut |verb| leaves |= matches!(verb, Verb::Exit(_) | Verb::Exec(_)));
        }
    });
    leaves
}

/// Shows what each process, by its name, and each thread, without one, plays in its order.
fn each_line<'a>(block: &'a [Verb], name: Option<&str>, see: &mut dyn FnMut(Option<&str>, Vec<&'a Verb>)) {
    let mut line = Vec::new();
    lay_out(block, &mut line);
    for verb in &line {
        if let Verb::Spawn { name, body } | Verb::Daemonize { name, body } = verb {
            each_line(body, Some(&format!("w/{name}")), see);
        } else if let Verb::Thread(body) = verb {
            each_line(body, None, see);
        }
    }
    see(name, line);
}

/// What one thread plays: loops, of which one round is as good as all, and what it execs.
fn lay_out<'a>(block: &'a [Verb], line: &mut Vec<&'a Verb>) {
    for verb in block {
        line.push(verb);
        if let Verb::Repeat { times: 1.., body } | Verb::Exec(body) = verb {
            lay_out(body, line);
        }
    }
}

fn is_born(sight: &Sight<'_>, verb: &Verb) -> bool {
    let (Verb::Spawn { name: own, .. } | Verb::Daemonize { name: own, .. }) = verb else { return false };
    let is = |name: &str| name.strip_prefix("w/") == Some(own);
    sight.names().any(|(_, name)| is(name))
}

fn execs(sight: &Sight<'_>, process: &str) -> usize {
    sight.deeds().filter(|deed| matches!(deed, Deed::Execed { who } if sight.is_called(*who, process))).count()
}

/// Whether the process came to the end of its script. Where a port was taken it has not.
fn exits(sight: &Sight<'_>, process: &str) -> bool {
    sight.deeds().any(|deed| {
        matches!(deed, Deed::Died { who, status: ExitStatus::Exited(code) }
            if *code != PORT_TAKEN && sight.is_called(*who, process))
    })
}
