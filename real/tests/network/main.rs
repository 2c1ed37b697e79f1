//! Ring 3: the shipped control protocol on turmoil's network. A session is started, followed and stopped by clients whose links are slow,
//! held, cut one way or both, repaired, and whose machines crash, at any phase of the stop; its processes are simulated.
//!
//! One seed is one run: `SHAKEDOWN_NETWORK_SEED=7 cargo test -p shakedown-real --test network`, and `SHAKEDOWN_NETWORK_SEEDS=5000` plays more.

#[path = "../../rings/machine.rs"]
mod machine;
mod play;

use play::{Heard, play};

#[test]
fn no_client_delays_a_stop_whatever_the_network_does() {
    let (from, count) = match number("SHAKEDOWN_NETWORK_SEED") {
        Some(seed) => (seed, 1),
        None => (0, number("SHAKEDOWN_NETWORK_SEEDS").unwrap_or(SEEDS)),
    };
    let began = std::time::Instant::now();
    let mut heard = Heard::default();
    let mut failed = Vec::new();
    for seed in from..from + count {
        let run = play(seed);
        heard.add(&run.heard);
        if !run.findings.is_empty() {
            failed.push(format!("SHAKEDOWN_NETWORK_SEED={seed}: {}", run.findings.join("\n    ")));
        }
    }
    let took = began.elapsed().as_secs_f64();
    println!("ring 3 (turmoil): {count} seeds in {took:.1} s, {} found something; {heard:?}", failed.len());
    assert!(failed.is_empty(), "{}", failed.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n"));
    // Otherwise nothing was tried.
    assert!(count < SEEDS || heard.lost > 0 && heard.over > 0 && heard.done > 0 && heard.refused > 0, "{heard:?}");
}

#[test]
fn a_seed_is_one_run() {
    for seed in 0..5 {
        assert_eq!(play(seed), play(seed), "seed {seed}");
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

const SEEDS: u64 = 100;
