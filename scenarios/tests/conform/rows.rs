//! The rows of SEMANTICS of tiers 0 and 1, and what shows that a program exercises one: something that happened in a simulated run,
//! or, where nothing of it can be seen there, the program's shape. Rows that no program can express name the tests that prove them.

use super::sight::Sight;
use super::verbs::{each, inner, word};
use shakedown::core::ids::ProcId;
use shakedown::core::puppet::{Handler, Verb};
use shakedown::core::signal::Signal;
use shakedown::core::vocab::{Deed, ExitStatus, Fact, Sender};
use shakedown::sim::Moment;
use std::collections::BTreeSet;

/// A row.
pub struct Row {
    pub id: &'static str,
    pub topic: &'static str,
    pub shown: Shown,
}

/// What shows it.
pub enum Shown {
    /// In a simulated run.
    Run(fn(&Sight<'_>) -> bool, &'static str),
    /// By the script alone.
    Shape(fn(&[Verb]) -> bool, &'static str),
    /// Programs cannot express it: why, and what proves it instead.
    Elsewhere(&'static str),
}

use Shown::{Elsewhere, Run, Shape};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row("C1", "fork", Run(forks, "a process forks")),
    row("C2", "fork errors", Elsewhere("needs limits that a scenario cannot set: sim/src/kernel (pid, rlimit)")),
    row("C3", "posix_spawn", Elsewhere("the spawner's own: scenarios/spawn/exec-failure.toml, real/tests/processes")),
    row("C4", "exec", Shape(|s| has(s, "exec"), "`exec`")),
    row("C5", "exit", Run(exits, "a process exits by itself with a code")),
    row("C5b", "exit order", Run(exit_and_eof, "both the end of the leader and the end of its output are told")),
    row("C6", "wait status", Run(reaps_signalled, "a process that died of a signal is reaped")),
    row("C7", "waitid", Run(reaps, "a process reaps its child")),
    row("C8", "wait errors", Shape(|s| has(s, "wait all"), "`wait all`, which ends with ECHILD")),
    row("C9", "zombie", Run(signals_zombie, "a zombie is signalled")),
    row("C10", "zombie leader", Shape(|s| has(s, "thread") && has(s, "leader-exit"), "`thread` and `leader-exit`")),
    row("C11", "pid reuse", Elsewhere("needs a small pid space: sim/src/kernel/pid.rs")),
    row("C12", "process groups", Shape(|s| has(s, "setpgid"), "`setpgid`")),
    row("C13", "sessions", Shape(|s| has(s, "setsid") || has(s, "daemonize"), "`setsid` or `daemonize`")),
    row("C14", "controlling terminal", Elsewhere("programs have no terminal: sim/src/kernel/tty.rs")),
    row("C15", "orphaned groups", Run(group_hung_up, "the kernel sends HUP to a group")),
    row("C16", "dispositions", Run(meets_disposition, "a signal meets a disposition that was installed for it")),
    row("C17", "pending signals", Run(coalesces, "a signal is sent again before it has acted")),
    row("C18", "KILL and STOP", Run(|s| sent(s, &[Signal::KILL, Signal::STOP]), "KILL or STOP is sent")),
    row("C19", "stop and continue", Run(continues, "a process that stopped, or may have, is sent CONT or KILL")),
    row("C20", "interrupted calls", Run(goes_on, "a process goes on after a signal that it has a handler for")),
    row("C21", "errors of kill", Shape(kills_reaped, "`kill` of a child that was waited for")),
    row("C22", "pid 1", Elsewhere("a program is never pid 1: sim/src/kernel (init), real/tests/processes")),
    row("C23", "reparenting", Run(|s| s.deeds().any(|d| matches!(d, Deed::Adopted { .. })), "an orphan is adopted")),
    row("C24", "pdeathsig", Shape(|s| has(s, "pdeathsig"), "`pdeathsig`")),
    row("C25", "pipes", Run(fills_pipe, "a process writes more than a pipe holds")),
    row("C28", "pidfds", Run(signals_after_exit, "the scope is signalled after the leader's end")),
    row("C29", "control groups", Elsewhere("pids and memory controllers are missing here: sim/src/kernel/cgroup.rs")),
    row("C31", "exit conventions", Elsewhere("conventions of shells: scenarios/spawn/not-found-by-the-shell.toml")),
    row("C32", "resource limits", Elsewhere("no scenario sets them: sim/src/kernel/rlimit.rs")),
    row("C33", "inherited descriptors", Shape(hands_down, "`lock` or `listen` before `spawn` or `exec`")),
    row("C34", "clocks", Elsewhere("programs do not read clocks, and nothing here may suspend: sim/src/kernel/clock.rs")),
    row("C35", "process identity", Elsewhere("programs do not ask who they are: sim/src/kernel/boot.rs, real/tests/processes")),
];

const fn row(id: &'static str, topic: &'static str, shown: Shown) -> Row {
    Row { id, topic, shown }
}

impl Row {
    /// Whether this run exercises it.
    pub fn is_shown(&self, sight: &Sight<'_>) -> bool {
        match self.shown {
            Run(shown, _) => shown(sight),
            Shape(shown, _) => shown(&sight.program.script),
            Elsewhere(_) => false,
        }
    }
}

fn has(script: &[Verb], what: &str) -> bool {
    let mut found = false;
    each(script, &mut |verb| found |= word(verb) == what);
    found
}

/// Whether a block has a verb of the first kind somewhere before one of the second.
fn before(block: &[Verb], first: fn(&Verb) -> bool, second: fn(&Verb) -> bool) -> bool {
    let at = block.iter().position(first);
    at.is_some_and(|at| block[at..].iter().any(second))
        || block.iter().filter_map(inner).any(|block| before(block, first, second))
}

fn hands_down(script: &[Verb]) -> bool {
    before(
        script,
        |verb| matches!(verb, Verb::Lock(_) | Verb::Listen(_)),
        |verb| matches!(verb, Verb::Spawn { .. } | Verb::Exec(_)),
    )
}

fn kills_reaped(script: &[Verb]) -> bool {
    before(script, |verb| matches!(verb, Verb::Wait(_) | Verb::WaitAll), |verb| matches!(verb, Verb::Kill { .. }))
}

/// The host and init are no processes of the program.
fn is_ours(who: ProcId) -> bool {
    who.index() > 1
}

fn forks(sight: &Sight<'_>) -> bool {
    sight.deeds().any(|deed| matches!(deed, Deed::Born { parent, .. } if is_ours(*parent)))
}

fn exits(sight: &Sight<'_>) -> bool {
    sight.deeds().any(|deed| matches!(deed, Deed::Died { status: ExitStatus::Exited(1..), .. }))
}

fn exit_and_eof(sight: &Sight<'_>) -> bool {
    told(sight, |fact| matches!(fact, Fact::Exited { .. })) && told(sight, |fact| matches!(fact, Fact::OutputClosed))
}

fn told(sight: &Sight<'_>, is: fn(&Fact) -> bool) -> bool {
    sight.moments.iter().any(|moment| matches!(moment, Moment::Fact(record) if is(&record.fact)))
}

fn reaps(sight: &Sight<'_>) -> bool {
    sight.deeds().any(|deed| matches!(deed, Deed::Reaped { by, .. } if is_ours(*by)))
}

fn reaps_signalled(sight: &Sight<'_>) -> bool {
    let mut signalled = BTreeSet::new();
    sight.deeds().any(|deed| match deed {
        Deed::Died { who, status: ExitStatus::Signalled { .. } } => {
            signalled.insert(*who);
            false
        }
        Deed::Reaped { who, .. } => signalled.contains(who),
        _other => false,
    })
}

fn signals_zombie(sight: &Sight<'_>) -> bool {
    let mut zombies = BTreeSet::new();
    sight.deeds().any(|deed| match deed {
        Deed::Died { who, .. } => {
            zombies.insert(*who);
            false
        }
        Deed::Reaped { who, .. } => {
            zombies.remove(who);
            false
        }
        Deed::Signalled { to, .. } => zombies.contains(to),
        _other => false,
    })
}

fn group_hung_up(sight: &Sight<'_>) -> bool {
    let is = |deed: &Deed| matches!(deed, Deed::Signalled { signal: Signal::HUP, by: Sender::Kernel, .. });
    sight.deeds().any(is)
}

fn meets_disposition(sight: &Sight<'_>) -> bool {
    let mut installed = BTreeSet::new();
    sight.deeds().any(|deed| match deed {
        Deed::Installed { by, signal } => {
            installed.insert((*by, *signal));
            false
        }
        Deed::Signalled { to, signal, .. } => installed.contains(&(*to, *signal)),
        _other => false,
    })
}

fn coalesces(sight: &Sight<'_>) -> bool {
    let mut pending = BTreeSet::new();
    sight.deeds().any(|deed| match deed {
        Deed::Signalled { to, signal, .. } => !pending.insert((*to, *signal)),
        Deed::Delivered { to, signal } => {
            pending.remove(&(*to, *signal));
            false
        }
        Deed::Died { who, .. } => {
            pending.retain(|(to, _)| to != who);
            false
        }
        _other => false,
    })
}

fn sent(sight: &Sight<'_>, signals: &[Signal]) -> bool {
    sight.deeds().any(|deed| matches!(deed, Deed::Signalled { signal, .. } if signals.contains(signal)))
}

fn continues(sight: &Sight<'_>) -> bool {
    let freezes = has(&sight.program.script, "freeze");
    let mut stopped = BTreeSet::new();
    sight.deeds().any(|deed| match deed {
        Deed::Delivered { to, signal: Signal::STOP | Signal::TSTP } => {
            stopped.insert(*to);
            false
        }
        Deed::Signalled { to, signal: Signal::CONT | Signal::KILL, .. } => freezes || stopped.contains(to),
        _other => false,
    })
}

fn goes_on(sight: &Sight<'_>) -> bool {
    let mut handles = BTreeSet::new();
    each(&sight.program.script, &mut |verb| {
        if let Verb::On { signal, then: Handler::Run(_) } = verb {
            handles.insert(*signal);
        }
    });
    let mut handled = BTreeSet::new();
    let mut installed = BTreeSet::new();
    sight.deeds().any(|deed| match deed {
        Deed::Installed { by, signal } if handles.contains(signal) => {
            installed.insert((*by, *signal));
            handled.contains(by)
        }
        Deed::Delivered { to, signal } if installed.contains(&(*to, *signal)) => !handled.insert(*to),
        Deed::Wrote { who, .. } | Deed::Reaped { by: who, .. } | Deed::Born { parent: who, .. } => {
            handled.contains(who)
        }
        _other => false,
    })
}

fn fills_pipe(sight: &Sight<'_>) -> bool {
    let mut largest = 0;
    each(&sight.program.script, &mut |verb| {
        if let Verb::Write { bytes, .. } = verb {
            largest = largest.max(*bytes);
        }
    });
    let wrote: u64 = sight
        .deeds()
        .map(|deed| match deed {
            Deed::Wrote { bytes, .. } => *bytes,
            _other => 0,
        })
        .sum();
    (largest > PIPE && wrote > PIPE) || has(&sight.program.script, "flood")
}

/// What a pipe holds (pipe(7)).
const PIPE: u64 = 65_536;

fn signals_after_exit(sight: &Sight<'_>) -> bool {
    let mut exited = false;
    sight.moments.iter().any(|moment| match moment {
        Moment::Fact(record) => {
            exited |= matches!(record.fact, Fact::Exited { .. });
            exited && matches!(record.fact, Fact::Signalled { .. })
        }
        Moment::Process(_) => false,
    })
}
