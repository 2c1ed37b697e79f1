//! When the outside acted in a real run. A hint to the search, as all of the order is: of what a signal to a worker that is not up, or a
//! line of input, did at once nothing is told, and a search that does not know it would guess long.

use super::told::is_asked;
use crate::format::Case;
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Act, Fact, Stimulus, Subject, Trigger, TriggerSubject};
use shakedown_sim::Moment;

/// Where an act comes among the moments of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// It was told: so many of those that were asked for came before.
    Told(usize),
    /// It was not: this is the first moment after it.
    Before(usize),
}

/// What is told of an act that finds somebody to act upon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asks {
    Signal(Signal),
    Stop,
}

/// The places of all acts, in the order in which they were due. What waits for something that did not happen has none.
pub(super) fn places(case: &Case, moments: &[Moment]) -> Vec<Place> {
    let due = |(at, stimulus)| due(stimulus, moments).map(|due| (due, at));
    let mut acts: Vec<(Instant, usize)> = case.stimuli.iter().enumerate().filter_map(due).collect();
    acts.sort_unstable();
    let told: Vec<(usize, Asks)> = (0..moments.len()).filter_map(|at| Some((at, asked(&moments[at])?))).collect();
    let mut passed = 0;
    let mut place = |nth: usize| {
        let (due, stimulus) = (acts[nth].0, &case.stimuli[acts[nth].1]);
        let before = moments.iter().position(|moment| instant(moment) > due).unwrap_or(moments.len());
        let Some(asks) = asks(&stimulus.act) else { return Place::Before(before) };
        let started = started(stimulus, moments);
        let left = |of: &mut dyn Iterator<Item = Asks>| of.filter(|other| *other == asks).count();
        let acts_left = left(&mut acts[nth..].iter().filter_map(|act| self::asks(&case.stimuli[act.1].act)));
        let told_left = left(&mut told[passed..].iter().map(|told| told.1));
        match told.get(passed) {
            // The more of them that were told, the fewer of them came too soon.
            Some((_, next)) if *next == asks && (before > started || acts_left <= told_left) => {
                passed += 1;
                Place::Told(passed - 1)
            }
            // Its worker was not up yet, or not any more.
            Some(_) | None if before > ended(stimulus, moments) => Place::Before(before),
            Some(_) | None => Place::Before(before.min(started)),
        }
    };
    (0..acts.len()).map(&mut place).collect()
}

/// When it was due at the earliest.
fn due(stimulus: &Stimulus, moments: &[Moment]) -> Option<Instant> {
    let session_starts = Trigger { subject: TriggerSubject::Session, event: "started".into() };
    let when = stimulus.when.as_ref().unwrap_or(&session_starts);
    moments.iter().find(|moment| is_what(when, moment)).map(|moment| instant(moment).after(stimulus.at.min))
}

fn is_what(when: &Trigger, moment: &Moment) -> bool {
    match (moment, &when.subject) {
        (Moment::Fact(record), TriggerSubject::Session) => {
            record.subject == Subject::Session && *when.event == *record.fact.word()
        }
        (Moment::Fact(record), TriggerSubject::Worker(worker)) => {
            record.subject == Subject::Worker(*worker) && *when.event == *record.fact.word()
        }
        (Moment::Process(event), TriggerSubject::Process(name)) => {
            event.name == *name && *when.event == *event.what.word()
        }
        (Moment::Fact(_), TriggerSubject::Process(_)) => false,
        (Moment::Process(_), TriggerSubject::Session | TriggerSubject::Worker(_)) => false,
    }
}

/// Where its worker is up, or the session.
fn started(stimulus: &Stimulus, moments: &[Moment]) -> usize {
    first(stimulus, moments, |fact| matches!(fact, Fact::Started { .. }))
}

/// Where its worker has ended, or the session.
fn ended(stimulus: &Stimulus, moments: &[Moment]) -> usize {
    first(stimulus, moments, |fact| matches!(fact, Fact::Exited { .. } | Fact::Ended(_) | Fact::SessionStopped))
}

/// Where such a fact is first told of whom it acts on; behind all where it is not.
fn first(stimulus: &Stimulus, moments: &[Moment], is: impl Fn(&Fact) -> bool) -> usize {
    let subject = stimulus.on.map_or(Subject::Session, Subject::Worker);
    let is_it = |moment: &Moment| match moment {
        Moment::Fact(record) => record.subject == subject && is(&record.fact),
        Moment::Process(_) => false,
    };
    moments.iter().position(is_it).unwrap_or(moments.len())
}

fn instant(moment: &Moment) -> Instant {
    match moment {
        Moment::Fact(record) => record.at,
        Moment::Process(event) => event.at,
    }
}

fn asks(act: &Act) -> Option<Asks> {
    match act {
        Act::Signal(signal) => Some(Asks::Signal(*signal)),
        Act::Stop | Act::Kill | Act::Interrupt | Act::Hangup | Act::Restart => Some(Asks::Stop),
        Act::Start | Act::Stdin(_) | Act::CloseStdin | Act::Visit(_) | Act::CrashHost | Act::Recover => None,
        Act::Use(..) => None,
    }
}

fn asked(moment: &Moment) -> Option<Asks> {
    match moment {
        Moment::Fact(record) if is_asked(moment) => {
            Some(if let Fact::Signalled { signal, .. } = record.fact { Asks::Signal(signal) } else { Asks::Stop })
        }
        Moment::Fact(_) | Moment::Process(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::read;
    use shakedown_core::ids::WorkerId;
    use shakedown_core::vocab::{ExitStatus, FactRecord, Requester, Target};

    const W: Subject = Subject::Worker(WorkerId(0));

    fn fact(subject: Subject, ms: u64, fact: Fact) -> Moment {
        let at = Instant::from_nanos(ms * 1_000_000);
        Moment::Fact(FactRecord { seq: 0, at, subject, incarnation: 1, unit: None, fact })
    }

    /// Two signals that are due before the worker is up, and a line of input after it; where they come by what was told.
    #[test]
    fn an_act_of_which_nothing_was_told_came_when_it_was_due() {
        let stimulus = |at: &str, what: &str| format!("[[stimuli]]\nat = \"{at}\"\non = \"w\"\n{what}\n");
        let (signal, input) = ("do = \"signal\"\nsignal = \"TERM\"", "do = \"stdin\"\ntext = \"a\"");
        let stimuli = [stimulus("7ms", input), stimulus("1ms", signal), stimulus("2ms", signal)].concat();
        let text = format!("schema = 1\n[workers.w]\npuppet = \"hang\"\n{stimuli}");
        let case = read("test.toml", &text).expect("a scenario without mistakes").cases().remove(0);
        let term = || Fact::Signalled { signal: Signal::TERM, target: Target::Scope, by: Requester::User };
        for (signals, expected) in [
            (0, [Place::Before(1), Place::Before(1), Place::Before(2)]),
            (1, [Place::Before(1), Place::Told(0), Place::Before(3)]),
            (2, [Place::Told(0), Place::Told(1), Place::Before(4)]),
        ] {
            let mut moments =
                vec![fact(Subject::Session, 0, Fact::Started { pid: None }), fact(W, 5, Fact::Started { pid: None })];
            moments.extend((0..signals).map(|_| fact(W, 6, term())));
            moments.push(fact(W, 9, Fact::OutputClosed));
            assert_eq!(places(&case, &moments), expected, "{signals} were told");
        }
        assert_eq!(places(&case, &[]), [], "without moments nothing is known");
    }

    /// Nothing is told of a signal to a worker that has ended, either.
    #[test]
    fn an_act_on_a_worker_that_has_ended_came_when_it_was_due() {
        let text = "schema = 1\n[workers.w]\npuppet = \"exit 0\"\n\
            [[stimuli]]\nat = \"7ms\"\non = \"w\"\ndo = \"signal\"\nsignal = \"TERM\"\n";
        let case = read("test.toml", text).expect("a scenario without mistakes").cases().remove(0);
        let started = || Fact::Started { pid: None };
        let mut moments = vec![fact(Subject::Session, 0, started()), fact(W, 5, started())];
        moments.push(fact(W, 6, Fact::Exited { status: ExitStatus::Exited(0) }));
        moments.extend([fact(W, 7, Fact::OutputClosed), fact(Subject::Session, 9, Fact::SessionStopped)]);
        assert_eq!(places(&case, &moments), [Place::Before(4)]);
    }
}
