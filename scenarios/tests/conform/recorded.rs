//! A real run as text, beside the program that was played: a scenario whose comments hold the moments, one a line. So a search
//! that took long is made again without Linux, as often as one likes, and always the same.

use shakedown::compare::{Budget, Decision, decide_along, outcome_of};
use shakedown::core::ids::WorkerId;
use shakedown::core::signal::Signal;
use shakedown::core::time::Instant;
use shakedown::core::vocab::{
    ExitStatus, Fact, FactRecord, Outcome, ProcessEvent, ProcessWhat, Reason, Requester, Stream, Subject, Survivor,
    Target, WorkerState,
};
use shakedown::format;
use shakedown::sim::Moment;
use std::sync::Arc;

/// Stands before each moment.
const MARK: &str = "#: ";

/// The moments as lines of comment; `None` where one is of a kind that no generated program shows.
pub fn write(moments: &[Moment]) -> Option<String> {
    moments.iter().map(|moment| Some(format!("{MARK}{}\n", line(moment)?))).collect()
}

/// The moments that stand in a file.
///
/// # Panics
/// Where a line is not what [`write`] has written.
pub fn read(file: &str) -> Vec<Moment> {
    let lines = file.lines().filter_map(|line| line.strip_prefix(MARK));
    lines.map(|line| moment(line).unwrap_or_else(|| panic!("not a moment: {line}"))).collect()
}

/// Decides the outcome of a real run that stands in a file, as it was decided when it was played.
///
/// # Panics
/// As [`read`], and where the file is no scenario.
pub fn decide(file: &str, budget: Budget) -> Decision {
    let case = format::read("recorded.toml", file).expect("a scenario").cases().remove(0);
    let moments = read(file);
    decide_along(&case, &outcome_of(&case, &moments), &moments, budget)
}

fn line(moment: &Moment) -> Option<String> {
    match moment {
        Moment::Process(ProcessEvent { at, name, pid, what }) => {
            let did = match what {
                ProcessWhat::Started => "started".into(),
                ProcessWhat::Installed(signal) => format!("installed {signal}"),
                ProcessWhat::Signalled(signal) => format!("signalled {signal}"),
                ProcessWhat::Exited(status) => format!("exited {status}"),
            };
            Some(format!("{} {name} {pid} {did}", at.as_nanos()))
        }
        Moment::Fact(FactRecord { at, subject, fact, .. }) => {
            let of = if *subject == Subject::Session { "session" } else { "w" };
            Some(format!("{} {of} {}", at.as_nanos(), told(fact)?))
        }
    }
}

fn told(fact: &Fact) -> Option<String> {
    let word = fact.word();
    Some(match fact {
        Fact::Spawn | Fact::Ready | Fact::OutputClosed | Fact::DrainAbandoned | Fact::SessionStopped => word.into(),
        Fact::Started { pid } => format!("{word} {}", pid.unwrap_or(0)),
        Fact::StopRequested { by, deadline } => format!("{word} {by:?} {}", deadline.as_nanos()),
        Fact::Signalled { signal, target, by } => format!("{word} {signal} {target:?} {by:?}"),
        Fact::Exited { status } => format!("{word} {status}"),
        Fact::Output { stream, line, complete } => {
            let text = serde_json::to_string(std::str::from_utf8(line).ok()?).ok()?;
            format!("{word} {stream:?} {complete} {text}")
        }
        Fact::Ended(outcome) if outcome.start_error.is_none() && outcome.unmet.is_none() => {
            let names = |of: &[Survivor]| of.iter().map(|who| &*who.name).collect::<Vec<_>>().join("+");
            let Outcome { state, status, reason, requested_by, survivors, holders, .. } = &**outcome;
            let (asked, survivors, holders) =
                (requested_by.map(|by| format!("{by:?}")), names(survivors), names(holders));
            format!("ended {state:?} {status} {reason:?} {} -{survivors} -{holders}", asked.as_deref().unwrap_or("-"))
        }
        Fact::Ended(_) | Fact::Unready | Fact::Backoff { .. } | Fact::Restarted => return None,
        Fact::Request(_) | Fact::Action(_) => return None,
    })
}

fn moment(line: &str) -> Option<Moment> {
    let mut words = line.splitn(3, ' ');
    let at = Instant::from_nanos(words.next()?.parse().ok()?);
    let (who, rest) = (words.next()?, words.next()?);
    let subject = match who {
        "session" => Subject::Session,
        "w" => Subject::Worker(WorkerId(0)),
        name => {
            let (pid, did) = rest.split_once(' ')?;
            let (name, pid, what) = (name.into(), pid.parse().ok()?, done(did)?);
            return Some(Moment::Process(ProcessEvent { at, name, pid, what }));
        }
    };
    let incarnation = u32::from(subject != Subject::Session);
    Some(Moment::Fact(FactRecord { seq: 0, at, subject, incarnation, unit: None, fact: fact(rest)? }))
}

fn done(did: &str) -> Option<ProcessWhat> {
    let (word, of) = did.split_once(' ').unwrap_or((did, ""));
    match word {
        "started" => Some(ProcessWhat::Started),
        "installed" => Signal::from_display(of).map(ProcessWhat::Installed),
        "signalled" => Signal::from_display(of).map(ProcessWhat::Signalled),
        "exited" => status(of).map(ProcessWhat::Exited),
        _ => None,
    }
}

fn fact(text: &str) -> Option<Fact> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let words: Vec<&str> = rest.splitn(if word == "output" { 3 } else { usize::MAX }, ' ').collect();
    Some(match (word, &words[..]) {
        ("spawn", _) => Fact::Spawn,
        ("ready", _) => Fact::Ready,
        ("output-closed", _) => Fact::OutputClosed,
        ("drain-abandoned", _) => Fact::DrainAbandoned,
        ("stopped", _) => Fact::SessionStopped,
        ("started", [pid]) => Fact::Started { pid: pid.parse().ok().filter(|pid| *pid != 0) },
        ("stop-requested", [by, deadline]) => {
            Fact::StopRequested { by: requester(by)?, deadline: Instant::from_nanos(deadline.parse().ok()?) }
        }
        ("signalled", [name, to, by]) => {
            let target = if *to == "Leader" { Target::Leader } else { Target::Scope };
            Fact::Signalled { signal: Signal::from_display(name)?, target, by: requester(by)? }
        }
        ("exited", [of]) => Fact::Exited { status: status(of)? },
        ("output", [stream, complete, text]) => {
            let stream = if *stream == "Stderr" { Stream::Stderr } else { Stream::Stdout };
            let line: String = serde_json::from_str(text).ok()?;
            Fact::Output { stream, line: line.as_bytes().into(), complete: *complete == "true" }
        }
        ("ended", words) => Fact::Ended(Arc::new(ended(words)?)),
        _ => return None,
    })
}

fn ended(words: &[&str]) -> Option<Outcome> {
    let [state, ended, reason, asked, survivors, holders] = words else { return None };
    let state = WorkerState::ALL.into_iter().find(|known| format!("{known:?}") == *state)?;
    let reasons =
        [Reason::Natural, Reason::Signal, Reason::ForcedKill, Reason::StartFailed, Reason::RuntimeError].into_iter();
    let reason = { reasons }.find(|known| format!("{known:?}") == *reason)?;
    let names = |list: &str| -> Vec<Survivor> {
        let names = list[1..].split('+').filter(|name| !name.is_empty());
        names.map(|name| Survivor { pid: 0, name: name.into() }).collect()
    };
    let start = Instant::from_nanos(0);
    let unborn = Outcome::unborn(1, state, reason, start, start);
    let requested_by = if *asked == "-" { None } else { Some(requester(asked)?) };
    Some(Outcome {
        status: status(ended)?,
        requested_by,
        survivors: names(survivors),
        holders: names(holders),
        ..unborn
    })
}

fn requester(word: &str) -> Option<Requester> {
    use Requester as R;
    let all = [R::User, R::Supervisor, R::Parent, R::Deadline, R::SecondInterrupt, R::BackendLost, R::Policy];
    all.into_iter().find(|known| format!("{known:?}") == word)
}

fn status(text: &str) -> Option<ExitStatus> {
    let (word, of) = text.strip_suffix(')').and_then(|text| text.split_once('(')).unwrap_or((text, ""));
    match word {
        "exited" => of.parse().ok().map(ExitStatus::Exited),
        "signalled" => Signal::from_display(of).map(|signal| ExitStatus::Signalled { signal, core: false }),
        "unknown" => Some(ExitStatus::Unknown),
        _ => None,
    }
}
