//! Whole sessions: whatever people, worlds and time do, the laws hold; and once a stop was asked for, it ends.

use crate::properties::config;
use crate::properties::plans::{Reach, durations, plans, stops};
use crate::properties::play::{Play, Step, Told, told_session, told_worker};
use proptest::prelude::*;
use proptest::sample::Index;
use shakedown_core::time::Duration;
use shakedown_core::vocab::SessionSpec;

/// Whether the clock may be read late.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    Punctual,
    Late,
}

fn steps(reach: Reach, clock: Clock) -> impl Strategy<Value = Vec<Step>> {
    let spans = || durations(reach).boxed();
    let late = match clock {
        Clock::Punctual => Just(Duration::ZERO).boxed(),
        Clock::Late => durations(Reach::Finite).boxed(),
    };
    let step = prop_oneof![
        2 => told_session(spans()).prop_map(Step::Session),
        3 => (any::<Index>(), told_worker(spans(), stops(reach))).prop_map(|(which, told)| Step::Worker(which, told)),
        14 => any::<Index>().prop_map(Step::World),
        5 => late.prop_map(Step::Time),
        2 => any::<Index>().prop_map(Step::Again),
    ];
    proptest::collection::vec(step, 0..80)
}

/// Nobody asks for one worker alone.
fn unruled(step: &Step) -> bool {
    !matches!(step, Step::Worker(..))
}

fn play(plan: SessionSpec, steps: &[Step]) -> Result<Play, TestCaseError> {
    let mut play = Play::new(plan);
    for (at, step) in std::iter::once(&Step::Session(Told::Start)).chain(steps).enumerate() {
        play.take(step).map_err(|broken| TestCaseError::fail(format!("step {at}, {step:?}: {broken}")))?;
    }
    Ok(play)
}

/// Asks for a stop, and lets nothing happen but time: worlds are deaf and dumb, and answer only what always is.
fn ends(mut play: Play) -> Result<(), TestCaseError> {
    let fail = |broken| TestCaseError::fail(format!("while it is stopped: {broken}"));
    play.take(&Step::Session(Told::Stop(None))).map_err(fail)?;
    for _ in 0..STEPS_MAX {
        if !play.pass(Duration::ZERO).map_err(fail)? {
            break;
        }
    }
    prop_assert!(play.is_over(), "it never ends: {}", play.waiting());
    Ok(())
}

/// A stop takes far fewer.
const STEPS_MAX: usize = 10_000;

proptest! {
    #![proptest_config(config(250))]

    #[test]
    fn whatever_happens_to_a_session_its_laws_hold(
        plan in plans(Reach::Endless),
        steps in steps(Reach::Endless, Clock::Punctual),
    ) {
        play(plan, &steps)?;
    }

    #[test]
    fn a_clock_that_is_read_late_breaks_no_law(
        plan in plans(Reach::Endless),
        steps in steps(Reach::Endless, Clock::Late),
    ) {
        play(plan, &steps)?;
    }

    #[test]
    fn where_only_the_session_is_told_order_and_budgets_hold(
        plan in plans(Reach::Finite),
        steps in steps(Reach::Finite, Clock::Punctual),
    ) {
        let steps: Vec<Step> = steps.into_iter().filter(unruled).collect();
        play(plan, &steps)?;
    }

    #[test]
    fn a_stop_ends_though_nobody_answers(
        plan in plans(Reach::Finite),
        steps in steps(Reach::Finite, Clock::Punctual),
    ) {
        ends(play(plan, &steps)?)?;
    }
}
