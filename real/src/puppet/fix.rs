//! Ranges become durations before a puppet starts: the parent draws, so that a run's seed decides and the report can name it.

use shakedown_core::puppet::{Block, Handler, Verb};
use shakedown_core::time::{Duration, DurationRange};

/// The same script with every range drawn. A `repeat` whose body has ranges is unrolled, so that each round draws anew, as
/// long as that stays below 1 024 verbs; beyond it all rounds share one draw.
pub fn fix(block: &Block, draw: &mut impl FnMut(DurationRange) -> Duration) -> Block {
    fix_dyn(block, draw)
}

fn fix_dyn(block: &Block, draw: &mut dyn FnMut(DurationRange) -> Duration) -> Block {
    let mut fixed = Vec::with_capacity(block.len());
    for verb in block.iter() {
        match verb {
            Verb::Sleep(range) => fixed.push(Verb::Sleep(DurationRange::fixed(draw(*range)))),
            Verb::Busy(range) => fixed.push(Verb::Busy(DurationRange::fixed(draw(*range)))),
            Verb::Exec(body) => fixed.push(Verb::Exec(fix_dyn(body, draw))),
            Verb::Thread(body) => fixed.push(Verb::Thread(fix_dyn(body, draw))),
            Verb::Repeat { times, body } => repeat(*times, body, draw, &mut fixed),
            Verb::On { signal, then } => fixed.push(Verb::On { signal: *signal, then: handler(then, draw) }),
            Verb::Spawn { name, body } => fixed.push(Verb::Spawn { name: name.clone(), body: fix_dyn(body, draw) }),
            Verb::Daemonize { name, body } => {
                fixed.push(Verb::Daemonize { name: name.clone(), body: fix_dyn(body, draw) });
            }
            Verb::Print { .. }
            | Verb::Write { .. }
            | Verb::Flood
            | Verb::Read(_)
            | Verb::Hang
            | Verb::Wait(_)
            | Verb::WaitAll
            | Verb::Kill { .. }
            | Verb::Setsid
            | Verb::Setpgid
            | Verb::Close(_)
            | Verb::Block(_)
            | Verb::Unblock(_)
            | Verb::Subreaper
            | Verb::Pdeathsig(_)
            | Verb::LeaderExit
            | Verb::NotifyReady
            | Verb::Touch(_)
            | Verb::Lock(_)
            | Verb::Listen(_)
            | Verb::Exit(_)
            | Verb::Die(_)
            | Verb::Freeze => fixed.push(verb.clone()),
        }
    }
    fixed.into()
}

fn handler(then: &Handler, draw: &mut dyn FnMut(DurationRange) -> Duration) -> Handler {
    match then {
        Handler::Run(body) => Handler::Run(fix_dyn(body, draw)),
        Handler::Ignore | Handler::Default => then.clone(),
    }
}

fn repeat(times: u32, body: &Block, draw: &mut dyn FnMut(DurationRange) -> Duration, into: &mut Vec<Verb>) {
    let first = fix_dyn(body, draw);
    let differs = first != *body;
    let fits = (times as usize).saturating_mul(body.len().max(1)) <= UNROLLED_MAX;
    if !differs || !fits || times == 0 {
        into.push(Verb::Repeat { times, body: first });
        return;
    }
    into.extend(first.iter().cloned());
    for _ in 1..times {
        into.extend(fix_dyn(body, draw).iter().cloned());
    }
}

/// Whether a script, at any depth, makes files: only then a run needs a folder.
pub(crate) fn makes_files(block: &[Verb]) -> bool {
    block.iter().any(|verb| match verb {
        Verb::Touch(_) | Verb::Lock(_) => true,
        Verb::Repeat { body, .. } | Verb::Spawn { body, .. } | Verb::Daemonize { body, .. } => makes_files(body),
        Verb::Exec(body) | Verb::Thread(body) => makes_files(body),
        Verb::On { then: Handler::Run(body), .. } => makes_files(body),
        Verb::On { then: Handler::Ignore | Handler::Default, .. } => false,
        Verb::Print { .. } | Verb::Write { .. } | Verb::Flood | Verb::Read(_) | Verb::Close(_) => false,
        Verb::Sleep(_) | Verb::Busy(_) | Verb::Hang | Verb::Wait(_) | Verb::WaitAll | Verb::Kill { .. } => false,
        Verb::Block(_) | Verb::Unblock(_) | Verb::Setsid | Verb::Setpgid | Verb::Subreaper | Verb::Pdeathsig(_) => {
            false
        }
        Verb::LeaderExit | Verb::NotifyReady | Verb::Listen(_) | Verb::Exit(_) | Verb::Die(_) | Verb::Freeze => false,
    })
}

/// The most verbs that one `repeat` is unrolled to: a script has to fit into one environment string (execve(2)).
pub const UNROLLED_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::puppet::{Script, parse};

    #[test]
    fn a_script_that_makes_files_is_known_by_its_depths() {
        for (script, makes) in [
            ("hang", false),
            ("block TERM; unblock TERM; print touch", false),
            ("touch a", true),
            ("spawn a { repeat 2 { on TERM { lock f } } }", true),
            ("daemonize { exec { thread { touch f } } }", true),
        ] {
            assert_eq!(makes_files(&parse(script).unwrap()), makes, "{script}");
        }
    }

    #[test]
    fn every_round_of_a_repeat_draws_anew() {
        let block = parse("repeat 2 { sleep 1ms..9ms }; repeat 2 { sleep 5ms }; on TERM { sleep 1ms..9ms }").unwrap();
        let mut ms = 0;
        let fixed = fix(&block, &mut |range| {
            ms += 1;
            if range.steps() == 0 { range.min } else { Duration::from_millis(ms) }
        });
        let text = Script(&fixed).to_string();
        let expected = parse("sleep 1ms; sleep 2ms; repeat 2 { sleep 5ms }; on TERM { sleep 4ms }").unwrap();
        assert_eq!(text, Script(&expected).to_string());
    }
}
