//! Random and mutated files: whatever stands in them, the answer is a scenario or a list of diagnostics, never a panic.

use super::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const SEEDS: &[&str] = &[include_str!("contract.toml.txt"), include_str!("full.toml.txt"), SMALL];
const PIECES: &[&str] = &[
    "\"",
    "\"\"\"",
    "'''",
    "'",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ".",
    ",",
    "\n",
    "\r\n",
    "#",
    "\\",
    "\\u00e4",
    "ä",
    "|",
    "..",
    "-1",
    "1e400",
    "inf",
    "99999999999999999999",
    "1979-05-27",
    "true",
    "workers",
    "stop",
    "[sweep.axes]\n",
    "*",
    "?",
    "\u{0}",
    "\u{feff}",
    "within",
    "0ms",
];

/// Reads it, and shows what is wrong with it as a person would see it.
fn told(text: &str) {
    if let Err(errors) = read("random.toml", text) {
        assert!(!errors.is_empty() && errors.len() <= DIAGNOSTICS_MAX);
        for error in &errors {
            assert!(error.text.get(error.marked.clone()).is_some(), "{error:?}");
        }
        let _shown = (render_all(&errors, false), errors[0].render(true));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        // The same texts in every run: a test that fails now and then tells nobody what broke it.
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        told(&text);
        told(&format!("{SMALL}{text}"));
        told(&format!("schema = 1\n[workers.a]\npuppet = {text:?}\n"));
        told(&format!("{SMALL}[[expect]]\nalways = {text:?}\n[[stimuli]]\nat = {text:?}\nwhen = {text:?}\ndo = \"stop\"\n"));
    }

    #[test]
    fn mutated_scenarios_are_answered(
        seed in 0..SEEDS.len(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, 0..PIECES.len()), 1..6),
    ) {
        let mut text: Vec<char> = SEEDS[seed].chars().collect();
        for (at, len, piece) in cuts {
            let at = at.index(text.len());
            let end = (at + len).min(text.len());
            text.splice(at..end, PIECES[piece].chars());
        }
        told(&text.into_iter().collect::<String>());
    }
}
