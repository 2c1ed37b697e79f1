//! Ring 3: the shipped control protocol on turmoil's network. A session is started, followed and stopped by clients whose links are slow,
//! held, cut one way or both, repaired, and whose machines crash, at any phase of the stop; its processes are simulated. And the shipped proxy,
//! with clients and an upstream of the same kind.
//!
//! One seed is one run: `SHAKEDOWN_NETWORK_SEED=7 cargo test -p shakedown-real --test network`, and `SHAKEDOWN_NETWORK_SEEDS=5000` plays more.

#[path = "../../rings/machine.rs"]
mod machine;
mod play;
#[cfg(feature = "proxy")]
mod proxy;

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

#[cfg(feature = "proxy")]
#[test]
fn no_client_and_no_upstream_holds_a_proxy_beyond_its_drain_whatever_the_network_does() {
    let (from, count) = match number("SHAKEDOWN_NETWORK_SEED") {
        Some(seed) => (seed, 1),
        None => (0, number("SHAKEDOWN_NETWORK_SEEDS").unwrap_or(SEEDS)),
    };
    let (mut sums, mut failed) = ([0; 4], Vec::new());
    for seed in from..from + count {
        let run = proxy::play(seed);
        sums.iter_mut().zip(run.requests).for_each(|(sum, n)| *sum += n);
        if !run.findings.is_empty() {
            failed.push(format!("SHAKEDOWN_NETWORK_SEED={seed}: {}", run.findings.join("\n    ")));
        }
    }
    let [begun, answered, refused, cut] = sums;
    println!(
        "ring 3 (turmoil): {count} seeds, {begun} requests: {answered} answered, {cut} cut, {refused} refused at once"
    );
    assert!(failed.is_empty(), "{}", failed.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n"));
    // Otherwise nothing was tried.
    assert!(count < SEEDS || answered > 0 && cut > 0, "{sums:?}");
    for seed in 0..3 {
        assert_eq!(proxy::play(seed), proxy::play(seed), "seed {seed}");
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

const SEEDS: u64 = 100;
