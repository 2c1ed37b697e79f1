//! The outside world of a scenario: each stimulus acts once at most, after its trigger and never after the session's end, whatever is heard
//! and how often.

use crate::properties::config;
use crate::properties::plans::{Reach, durations};
use proptest::prelude::*;
use proptest::sample::select;
use shakedown_core::ids::{ActorId, WorkerId};
use shakedown_core::machine::{Event, Machine};
use shakedown_core::outside::Outside;
use shakedown_core::signal::Signal;
use shakedown_core::solo::{Asked, Solo};
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::{Act, Stimulus, Subject, Trigger, TriggerSubject};

const OUTSIDE: ActorId = ActorId(0);
const SESSION: ActorId = ActorId(7);
const WORDS: [&str; 3] = ["started", "ready", "stopped"];

fn stimuli() -> impl Strategy<Value = Vec<Stimulus>> {
    let acts =
        select(vec![Act::Stop, Act::Kill, Act::Interrupt, Act::Hangup, Act::Signal(Signal::HUP), Act::CloseStdin]);
    let of_worker = select(WORDS.to_vec())
        .prop_map(|event| Trigger { subject: TriggerSubject::Worker(WorkerId(0)), event: event.into() });
    let one = (durations(Reach::Endless), proptest::option::of(of_worker), acts, any::<bool>());
    let one = one.prop_map(|(at, when, act, on)| Stimulus { at: at.into(), when, act, on: on.then_some(WorkerId(0)) });
    proptest::collection::vec(one, 0..6)
}

/// What is heard: of the session or of a worker, which word.
fn heard() -> impl Strategy<Value = (bool, &'static str, Duration)> {
    (any::<bool>(), select(WORDS.to_vec()), durations(Reach::Finite))
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn each_stimulus_acts_once_and_none_after_the_end(
        stimuli in stimuli(),
        heard in proptest::collection::vec(heard(), 0..12),
    ) {
        let count = stimuli.len();
        let mut solo = Solo::new(vec![Outside::new(SESSION, stimuli.into())]);
        let (mut acted, mut over) = (0, false);
        for (of_session, word, after) in heard {
            solo.advance(solo.now().after(after));
            while let Some(asked) = solo.tick(OUTSIDE) {
                prop_assert!(!over, "it acts after the session's end");
                acted += asked.len();
                prop_assert!(asked.iter().all(|(_, asked)| matches!(asked, Asked::Told { to: SESSION, .. })), "{asked:?}");
                prop_assert!(acted <= count, "more acts than stimuli");
            }
            let subject = if of_session { Subject::Session } else { Subject::Worker(WorkerId(0)) };
            let asked = solo.send(OUTSIDE, Event::Heard { subject, word });
            prop_assert!(asked.is_empty(), "{asked:?}");
            over |= of_session && word == "stopped";
            prop_assert!(!over || (solo.machine(OUTSIDE).deadline().is_none() && solo.machine(OUTSIDE).is_closed()));
        }
        let armed = solo.machine(OUTSIDE).deadline().is_some_and(|at| at != Instant::NEVER);
        prop_assert!(!armed || acted < count, "what is armed has not acted");
    }
}
