//! What libFuzzer is told of a run beside the code that it covers: which pairs of labelled steps came one after the other, and which event
//! met which state. Code coverage is soon full, since every run passes through the same machines; orders are what is new.
//!
//! libFuzzer looks at the section `__libfuzzer_extra_counters` as it does at its own counters, and clears it before each input (its
//! FuzzerExtraCounters.cpp).

use shakedown::core::site::{hash_name, mix};
use shakedown::failure::Stage;
use shakedown::sim::Moment;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Pairs share a counter only by accident: a run has some hundred of them.
const COUNTERS: usize = 1 << 14;

#[link_section = "__libfuzzer_extra_counters"]
static SEEN: [AtomicU8; COUNTERS] = [const { AtomicU8::new(0) }; COUNTERS];

/// Counts one more of what has this hash.
pub fn count(what: u64) {
    let seen = &SEEN[(what % COUNTERS as u64) as usize];
    seen.store(seen.load(Relaxed).saturating_add(1), Relaxed);
}

/// Counts the steps and the facts of the last run, by pairs.
pub fn tell(stage: &mut impl Stage) {
    let steps: Vec<u64> =
        stage.flight().iter().map(|step| mix(hash_name(&step.who) ^ hash_name(step.site.kind.name()))).collect();
    steps.windows(2).for_each(|pair| count(mix(pair[0].rotate_left(1) ^ pair[1])));
    // The state of a worker, as its last fact has left it, and the event that it met in it.
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    for moment in stage.moments() {
        let (who, event) = match &moment {
            Moment::Fact(fact) => (format!("{:?}", fact.subject), hash_name(fact.fact.word())),
            Moment::Process(seen) => (seen.name.to_string(), hash_name(seen.what.word())),
        };
        let state = states.insert(who.clone(), event).unwrap_or(0);
        count(mix(hash_name(&who) ^ state.rotate_left(1) ^ event.rotate_left(2)));
    }
}
