//! Whole sessions that were drawn: every oracle holds, whatever strikes and whoever interferes. What fails is shrunk to a scenario file.

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use shakedown::strategies::session;

/// Sessions of one half of the suite; `SHAKEDOWN_CASES` asks for others.
const CASES: u32 = 10_000;

fn sessions_hold(half: u8) {
    let cases = std::env::var("SHAKEDOWN_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[half; 32]));
    let held = runner.run(&(session(), 0..u64::MAX), |(draft, seed)| match draft.findings(seed).first() {
        None => Ok(()),
        Some(finding) => {
            Err(TestCaseError::fail(format!("{}: {}: {}", finding.rule, finding.subject, finding.message)))
        }
    });
    match held {
        Ok(()) => {}
        Err(TestError::Fail(why, (draft, seed))) => {
            panic!("{why}\n\nsave this as x.toml and run: shakedown sim x.toml --seed {seed}\n\n{}", draft.to_toml())
        }
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

#[test]
fn every_oracle_holds_over_ten_thousand_sessions() {
    sessions_hold(1);
}

#[test]
fn every_oracle_holds_over_ten_thousand_other_sessions() {
    sessions_hold(2);
}
