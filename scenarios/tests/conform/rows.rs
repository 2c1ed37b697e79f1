//! The rows of SEMANTICS of tiers 0 and 1, and what shows that a program exercises one: something that happened in a simulated run.
//! Rows that no program can express name the tests that prove them.

use super::reach::{leaves_beside, passed};
use super::sight::Sight;
use super::verbs::each;
use shakedown::core::ids::ProcId;
use shakedown::core::puppet::{Handler, PORT_TAKEN, Verb};
use shakedown::core::signal::Signal;
use shakedown::core::vocab::{Deed, ExitStatus, Fact, Sender};
use shakedown::sim::{Moment, Seen};
use std::collections::{BTreeMap, BTreeSet};

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
    /// Programs cannot express it: why, and what proves it instead.
    Elsewhere(&'static str),
}

use Shown::{Elsewhere, Run};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row("C1", "fork", Run(forks, "a process forks")),
    row("C2", "fork errors", Elsewhere("needs limits that a scenario cannot set: sim/src/kernel (pid, rlimit)")),
    row("C3", "posix_spawn", Elsewhere("the spawner's own: scenarios/spawn/exec-failure.toml, real/tests/processes")),
    row("C4", "exec", Run(execs, "a process puts another program in its place")),
    row("C5", "exit", Run(exits, "a process exits by itself with a code")),
    row("C5b", "exit order", Run(exit_and_eof, "both the end of the leader and the end of its output are told")),
    row("C6", "wait status", Run(reaps_signalled, "a process that died of a signal is reaped")),
    row("C7", "waitid", Run(reaps, "a process reaps its child")),
    row("C8", "wait errors", Run(|s| passes(s, |v| matches!(v, Verb::WaitAll)), "a process comes past `wait all`, which ends with ECHILD")),
    row("C9", "zombie", Run(signals_zombie, "a zombie is signalled")),
    row("C10", "zombie leader", Run(outlives_leader, "a process ends with a thread that outlived its first one")),
    row("C11", "pid reuse", Elsewhere("needs a small pid space: sim/src/kernel/pid.rs")),
    row("C12", "process groups", Run(|s| passes(s, |v| matches!(v, Verb::Setpgid)), "a process comes past `setpgid`")),
    row("C13", "sessions", Run(leads_session, "a process comes past `setsid`, or a daemon is born")),
    row("C14", "controlling terminal", Elsewhere("programs have no terminal: sim/src/kernel/tty.rs")),
    row("C15", "orphaned groups", Run(group_hung_up, "the kernel sends HUP to a group")),
    row("C16", "dispositions", Run(meets_disposition, "a signal meets a disposition that was installed for it")),
    row("C17", "pending signals", Run(coalesces, "a signal is sent again before it has acted")),
    row("C18", "KILL and STOP", Run(|s| sent(s, &[Signal::KILL, Signal::STOP]), "KILL or STOP is sent")),
    row("C19", "stop and continue", Run(continues, "a process that has stopped is sent CONT or KILL")),
    row("C20", "interrupted calls", Run(goes_on, "a process goes on after a signal that it has a handler for")),
    row("C21", "errors of kill", Run(kills_reaped, "a process comes past the `kill` of a child that it has waited for")),
    row("C22", "pid 1", Elsewhere("a program is never pid 1: sim/src/kernel (init), real/tests/processes")),
    row("C23", "reparenting", Run(|s| s.deeds().any(|d| matches!(d, Deed::Adopted { .. })), "an orphan is adopted")),
    row("C24", "pdeathsig", Run(told_of_death, "the kernel sends a process the signal that it asked for at its parent's end")),
    row("C25", "pipes", Run(fills_pipe, "a process writes more than a pipe holds")),
    row("C28", "pidfds", Run(signals_after_exit, "the scope is signalled after the leader's end")),
    row("C29", "control groups", Elsewhere("pids and memory controllers are missing here: sim/src/kernel/cgroup.rs")),
    row("C31", "exit conventions", Elsewhere("conventions of shells: scenarios/spawn/not-found-by-the-shell.toml")),
    row("C32", "resource limits", Elsewhere("no scenario sets them: sim/src/kernel/rlimit.rs")),
    row("C33", "inherited descriptors", Run(hands_down, "a process forks or execs after `lock` or `listen`")),
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
            Elsewhere(_) => false,
        }
    }
}

/// Whether a process or thread comes past such a verb.
fn passes(sight: &Sight<'_>, is: fn(&Verb) -> bool) -> bool {
    passed(sight).iter().flatten().any(|verb| is(verb))
}

/// Whether a process or thread comes past a verb of the first kind and then past one of the second.
fn passes_both(sight: &Sight<'_>, first: fn(&Verb) -> bool, second: fn(&Verb) -> bool) -> bool {
    passed(sight).iter().any(|line| line.iter().skip_while(|verb| !first(verb)).any(|verb| second(verb)))
}

fn hands_down(sight: &Sight<'_>) -> bool {
    let forks = |verb: &Verb| matches!(verb, Verb::Spawn { .. } | Verb::Daemonize { .. } | Verb::Exec(_));
    passes_both(sight, |verb| matches!(verb, Verb::Lock(_) | Verb::Listen(_)), forks)
}

fn kills_reaped(sight: &Sight<'_>) -> bool {
    passed(sight).iter().any(|line| {
        line.iter().enumerate().any(|(at, verb)| {
            let Verb::Kill { name, .. } = verb else { return false };
            line[..at]
                .iter()
                .any(|verb| matches!(verb, Verb::Wait(waited) if waited == name) || **verb == Verb::WaitAll)
        })
    })
}

fn leads_session(sight: &Sight<'_>) -> bool {
    passes(sight, |verb| matches!(verb, Verb::Setsid | Verb::Daemonize { .. }))
}

fn execs(sight: &Sight<'_>) -> bool {
    sight.deeds().any(|deed| matches!(deed, Deed::Execed { .. }))
}

/// Whether a process exits in a step of a further thread. None of these exits the process while the first one lives.
fn outlives_leader(sight: &Sight<'_>) -> bool {
    let mut born = BTreeSet::new();
    let mut steps = None;
    !leaves_beside(&sight.program.script)
        && sight.seen.iter().any(|seen| match seen {
            Seen::Step(who) => {
                steps = Some(*who);
                false
            }
            Seen::Deed(Deed::Born { child, .. }) => {
                born.insert(*child);
                false
            }
            Seen::Named(..) => false,
            Seen::Deed(deed) => {
                matches!(deed, Deed::Died { status: ExitStatus::Exited(code), .. } if *code != PORT_TAKEN)
                    && steps.is_some_and(|who| !born.contains(&who))
            }
        })
}

/// What the kernel also sends for other reasons does not count.
fn told_of_death(sight: &Sight<'_>) -> bool {
    let mut asked = BTreeSet::new();
    each(&sight.program.script, &mut |verb| {
        if let Verb::Pdeathsig(signal) = verb {
            asked.insert(*signal);
        }
    });
    for other in [Signal::HUP, Signal::CONT, Signal::CHLD, Signal::PIPE] {
        asked.remove(&other);
    }
    let is = |deed: &Deed| matches!(deed, Deed::Signalled { signal, by: Sender::Kernel, .. } if asked.contains(signal));
    sight.deeds().any(is)
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
    sight.deeds().any(|deed| {
        if let Deed::Died { who, status: ExitStatus::Signalled { .. } } = deed {
            signalled.insert(*who);
        }
        matches!(deed, Deed::Reaped { who, .. } if signalled.contains(who))
    })
}

fn signals_zombie(sight: &Sight<'_>) -> bool {
    let mut zombies = BTreeSet::new();
    sight.deeds().any(|deed| {
        if let Deed::Died { who, .. } = deed {
            zombies.insert(*who);
        } else if let Deed::Reaped { who, .. } = deed {
            zombies.remove(who);
        }
        matches!(deed, Deed::Signalled { to, .. } if zombies.contains(to))
    })
}

fn group_hung_up(sight: &Sight<'_>) -> bool {
    let is = |deed: &Deed| matches!(deed, Deed::Signalled { signal: Signal::HUP, by: Sender::Kernel, .. });
    sight.deeds().any(is)
}

fn meets_disposition(sight: &Sight<'_>) -> bool {
    let mut installed = BTreeSet::new();
    sight.deeds().any(|deed| {
        if let Deed::Installed { by, signal } = deed {
            installed.insert((*by, *signal));
        }
        matches!(deed, Deed::Signalled { to, signal, .. } if installed.contains(&(*to, *signal)))
    })
}

fn coalesces(sight: &Sight<'_>) -> bool {
    let mut pending = BTreeSet::new();
    sight.deeds().any(|deed| {
        if let Deed::Delivered { to, signal } = deed {
            pending.remove(&(*to, *signal));
        } else if let Deed::Died { who, .. } = deed {
            pending.retain(|(to, _)| to != who);
        }
        matches!(deed, Deed::Signalled { to, signal, .. } if !pending.insert((*to, *signal)))
    })
}

fn sent(sight: &Sight<'_>, signals: &[Signal]) -> bool {
    sight.deeds().any(|deed| matches!(deed, Deed::Signalled { signal, .. } if signals.contains(signal)))
}

fn continues(sight: &Sight<'_>) -> bool {
    let mut stopped = BTreeSet::new();
    sight.deeds().any(|deed| {
        if let Deed::Delivered { to, signal: Signal::STOP | Signal::TSTP } = deed {
            stopped.insert(*to);
        }
        matches!(deed, Deed::Signalled { to, signal: Signal::CONT | Signal::KILL, .. } if stopped.contains(to))
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
        Deed::Delivered { to, signal } => installed.contains(&(*to, *signal)) && !handled.insert(*to),
        Deed::Wrote { who, .. } | Deed::Reaped { by: who, .. } | Deed::Born { parent: who, .. } => {
            handled.contains(who)
        }
        Deed::Execed { who } => handled.contains(who),
        Deed::Installed { .. } | Deed::Signalled { .. } | Deed::Died { .. } | Deed::Adopted { .. } => false,
    })
}

fn fills_pipe(sight: &Sight<'_>) -> bool {
    let mut wrote = BTreeMap::new();
    sight.deeds().any(|deed| {
        let Deed::Wrote { who, bytes } = deed else { return false };
        let so_far = wrote.entry(*who).or_insert(0);
        *so_far += bytes;
        *so_far > PIPE
    })
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
