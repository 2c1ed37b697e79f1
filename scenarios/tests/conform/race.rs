//! What a race is, in a program: two things of which either may come first and whose order can be seen. The definition is structural
//! and stricter than it need be, so that it can be read: whoever could run beside another must be waited for before anything else.

use super::program::{Act, Family, Program};
use super::verbs::{around, each};
use shakedown::core::puppet::{Handler, ReadUntil, Verb};
use shakedown::core::signal::Signal;

/// Where a race stands in a script (the index in each block, outermost first), and which it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Race {
    at: Vec<usize>,
    pub why: &'static str,
}

/// The first race of a program, if it has one.
pub fn race(program: &Program) -> Option<&'static str> {
    let mut lines = 0;
    for stimulus in &program.stimuli {
        match stimulus.act {
            Act::Lines(n) if stimulus.when.as_deref() == Some("w started") => lines += n,
            Act::Lines(_) | Act::CloseStdin | Act::Stop { .. } | Act::Kill | Act::Signal(_) => {
                return Some("the outside does more than give input once the program runs");
            }
        }
    }
    let mut found = None;
    let mut reads = 0;
    each(&program.script, &mut |verb| reads += usize::from(matches!(verb, Verb::Read(ReadUntil::Line))));
    if reads > lines {
        found = Some("it reads more lines than it is given, and so for ever");
    }
    found.or(first(&program.script).map(|race| race.why))
}

/// The script without the verbs that race.
pub fn without_races(script: &[Verb]) -> Vec<Verb> {
    let mut script = script.to_vec();
    while let Some(race) = first(&script) {
        script = without(&script, &race.at);
    }
    script
}

/// The script without the verb at this place.
pub fn without(script: &[Verb], at: &[usize]) -> Vec<Verb> {
    let mut script = script.to_vec();
    match at {
        [] => {}
        [last] => drop(script.remove(*last)),
        [outer, rest @ ..] => {
            let body = script[*outer].block().expect("a place inside of a verb that has a block");
            script[*outer] = around(&script[*outer], without(body, rest));
        }
    }
    script
}

/// What of the surroundings matters.
#[derive(Clone, Copy, Default)]
struct Around {
    subreaper: bool,
    /// Directly in a daemon, whose parent is about to exit.
    daemon: bool,
    repeated: bool,
    /// Somebody in the script has a handler for CHLD.
    hears_children: bool,
}

fn first(script: &[Verb]) -> Option<Race> {
    let mut hears_children = false;
    each(script, &mut |verb| {
        hears_children |= matches!(verb, Verb::On { signal: Signal::CHLD, then: Handler::Run(_) });
    });
    in_block(script, Around { hears_children, ..Around::default() })
}

fn in_block(block: &[Verb], mut around: Around) -> Option<Race> {
    for (at, verb) in block.iter().enumerate() {
        if let Some(why) = of_verb(verb, &block[at + 1..], around) {
            return Some(Race { at: vec![at], why });
        }
        around.subreaper |= *verb == Verb::Subreaper;
        let is_inert = matches!(verb.block().map(|body| &body[..]), Some([Verb::Hang | Verb::Freeze]));
        let is_killed = matches!((verb, block.get(at + 1)), (Verb::Spawn { .. }, Some(Verb::Kill { .. })));
        let (is_spawn, is_daemon) = (matches!(verb, Verb::Spawn { .. }), matches!(verb, Verb::Daemonize { .. }));
        if is_spawn && is_inert && is_killed {
            continue;
        }
        let inside = Around {
            subreaper: around.subreaper && !is_spawn && !is_daemon,
            daemon: is_daemon || (around.daemon && !is_spawn),
            repeated: around.repeated || matches!(verb, Verb::Repeat { .. }),
            hears_children: around.hears_children,
        };
        if let Some(mut race) = verb.block().and_then(|body| in_block(body, inside)) {
            race.at.insert(0, at);
            return Some(race);
        }
    }
    None
}

/// `next` is what stands behind the verb.
fn of_verb(verb: &Verb, next: &[Verb], around: Around) -> Option<&'static str> {
    match verb {
        Verb::Spawn { body, .. } if around.hears_children && matches!(body[..], [Verb::Freeze]) => {
            Some("a child stops and ends, and one CHLD may tell of both")
        }
        Verb::Spawn { body, .. } if around.daemon && matches!(body[..], [Verb::Freeze]) => Some(STOPPED_IN_A_DAEMON),
        Verb::Spawn { name, body } => {
            let is_inert = matches!(body[..], [Verb::Hang | Verb::Freeze]);
            let waits = |verb: Option<&Verb>| matches!(verb, Some(Verb::Wait(waited)) if waited == name);
            let kills = |verb: Option<&Verb>| matches!(verb, Some(Verb::Kill { name: killed, signal: Signal::KILL }) if killed == name);
            let is_waited = if is_inert {
                kills(next.first()) && waits(next.get(1))
            } else {
                waits(next.first()) || next.first() == Some(&Verb::WaitAll)
            };
            (!is_waited).then_some("a child runs beside its parent")
        }
        Verb::Daemonize { .. } if around.hears_children => Some("two children end, and one CHLD may tell of both"),
        Verb::Daemonize { .. } => {
            let is_waited = around.subreaper && matches!(next, [Verb::WaitAll, ..]);
            (!is_waited).then_some("a daemon runs beside its parent")
        }
        Verb::Thread(body) if around.hears_children && bears(body) => Some(HEARD_BY_EITHER),
        Verb::Thread(_) => (!matches!(next, [Verb::LeaderExit, ..])).then_some("a thread runs beside its creator"),
        Verb::Pdeathsig(_) => around.daemon.then_some("the parent of a daemon may be gone already"),
        Verb::Lock(_) => around.repeated.then_some("it waits for its own lock, for ever"),
        Verb::Hang | Verb::Flood | Verb::Freeze => Some("it never ends by itself"),
        Verb::Read(ReadUntil::Eof) => Some("nobody closes its input"),
        Verb::Read(ReadUntil::Line) => around.repeated.then_some("it may read more lines than it is given"),
        // Whoever was waited for is gone: this reaches nobody, or the child that the rule of `spawn` has looked at.
        Verb::Kill { .. } => None,
        Verb::Print { .. } | Verb::Write { .. } | Verb::Sleep(_) | Verb::Busy(_) | Verb::Repeat { .. } => None,
        Verb::On { .. } | Verb::Block(_) | Verb::Unblock(_) | Verb::Wait(_) | Verb::WaitAll | Verb::Subreaper => None,
        Verb::Setsid | Verb::Setpgid | Verb::Close(_) | Verb::Exec(_) | Verb::LeaderExit | Verb::NotifyReady => None,
        Verb::Touch(_) | Verb::Listen(_) | Verb::Exit(_) | Verb::Die(_) => None,
    }
}

/// The race of a daemon with its parent, whose end leaves the daemon's group orphaned: with a member that is stopped it is hung up.
pub const STOPPED_IN_A_DAEMON: &str =
    "a child of a daemon may stop before the daemon's parent is gone, and all of them are hung up";
/// The race of a thread that bears children in a program which hears of them.
pub const HEARD_BY_EITHER: &str =
    "a CHLD may come before a thread's creator has left, and which of the two takes it is open";

/// Whether anybody is born by it.
fn bears(block: &[Verb]) -> bool {
    let mut bears = false;
    each(block, &mut |verb| bears |= matches!(verb, Verb::Spawn { .. } | Verb::Daemonize { .. }));
    bears
}

/// Programs whose family promises it have no race.
pub fn is_as_promised(program: &Program) -> bool {
    match program.family {
        Family::Racy => true,
        Family::Calm => race(program).is_none(),
    }
}
