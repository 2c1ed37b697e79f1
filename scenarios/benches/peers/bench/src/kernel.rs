//! K1, K2 and an exploration: sessions of simulated processes, which only Shakedown has. K1 is compared with the floor's W1 of the same rounds,
//! K2 with itself at other sizes.
use crate::measure::{self, Answer, Pin};
use crate::peers::{PEERS, Role};
use std::path::PathBuf;

/// What was measured in all rounds.
pub struct Sessions {
    ours: PathBuf,
    floor: Option<PathBuf>,
    target_ns: f64,
    k1_ns: Vec<f64>,
    floor_ns: Vec<f64>,
    crowds: Vec<Crowd>,
    /// K1 under each strategy.
    strategies: Vec<(&'static str, Vec<f64>)>,
    /// Schedules of the exploration, and how long each took.
    explored: Vec<(f64, f64)>,
    trouble: Option<String>,
}

/// A session of so many processes.
struct Crowd {
    processes: u64,
    process_ns: Vec<f64>,
    process_bytes: f64,
}

impl Sessions {
    /// Nothing measured yet; `None` where Shakedown is not built.
    pub fn new(target_ns: f64) -> Option<Sessions> {
        let path = |role| PEERS.iter().find(|peer| peer.role == role)?.path();
        let crowds = SIZES.map(|processes| Crowd { processes, process_ns: Vec::new(), process_bytes: 0.0 });
        Some(Sessions {
            ours: path(Role::Ours)?,
            floor: path(Role::Floor),
            target_ns,
            k1_ns: Vec::new(),
            floor_ns: Vec::new(),
            crowds: crowds.into(),
            strategies: STRATEGIES.iter().map(|name| (*name, Vec::new())).collect(),
            explored: Vec::new(),
            trouble: None,
        })
    }

    /// Measures everything once; what fails is told in the end and not asked again.
    pub fn round(&mut self, pin: &Pin) {
        if self.trouble.is_none()
            && let Err(trouble) = self.try_round(pin)
        {
            self.trouble = Some(trouble);
        }
    }

    fn try_round(&mut self, pin: &Pin) -> Result<(), String> {
        let ask = |path: &PathBuf, word: &str, n: u64| -> Result<Answer, String> {
            measure::ask(path, pin, &[word, &n.to_string()], &[])
        };
        let count = |ns: f64| ((self.target_ns / ns) as u64).clamp(1_000, 1_000_000);
        self.k1_ns.push(ask(&self.ours, "k1", count(K1_NS))?.unit_ns);
        if let Some(floor) = &self.floor {
            self.floor_ns.push(ask(floor, "w1", count(W1_NS))?.unit_ns);
        }
        for (name, all) in &mut self.strategies {
            let n = (count(K1_NS) / 4).to_string();
            all.push(measure::ask(&self.ours, pin, &["k1", &n, name], &[])?.unit_ns);
        }
        let explored = measure::ask(&self.ours, pin, &["explore", &EXPLORE_DELAYS.to_string()], &[])?;
        self.explored.push((explored.units, explored.unit_ns));
        for crowd in &mut self.crowds {
            let answer = ask(&self.ours, "k2", crowd.processes)?;
            crowd.process_ns.push(answer.unit_ns);
            crowd.process_bytes = answer.parked_bytes_a_unit;
        }
        Ok(())
    }

    /// Prints what was found; answers whether all went well.
    pub fn print(&self) -> bool {
        if let Some(trouble) = &self.trouble {
            println!("TROUBLE shakedown: {trouble}");
            return false;
        }
        if let Some(k1) = median(&self.k1_ns) {
            let a_second = 1e9 / k1;
            print!("K1  {a_second:.0} sessions/s (goal {K1_GOAL:.0}, {})", word(a_second >= K1_GOAL));
            match median(&self.floor_ns) {
                Some(floor) => {
                    let (ratio, floor) = (floor / k1, 1e9 / floor);
                    let met = word(ratio >= K1_FLOOR_GOAL);
                    println!(
                        ", {ratio:.2}× the floor's W1 of these rounds, {floor:.0}/s (goal {K1_FLOOR_GOAL:.2}×, {met})"
                    );
                }
                None => println!(" (no floor to compare with)"),
            }
        }
        self.print_strategies();
        self.print_explored();
        let smallest = self.crowds.first().and_then(|crowd| median(&crowd.process_ns));
        for crowd in &self.crowds {
            if let (Some(ns), Some(smallest)) = (median(&crowd.process_ns), smallest) {
                let ms = ns * crowd.processes as f64 / 1e6;
                let (n, times, bytes) = (crowd.processes, ns / smallest, crowd.process_bytes);
                print!("K2  {n:>6} processes  {ms:>8.2} ms  {ns:>6.0} ns each  {times:>5.2}×  {bytes:>6.0} B each");
                let met = word(ms <= K2_MS_GOAL && times <= K2_TIMES_GOAL && bytes <= K2_BYTES_GOAL);
                match n {
                    K2_GOAL_AT => {
                        println!("  (goal {K2_MS_GOAL:.0} ms, {K2_TIMES_GOAL:.1}×, {K2_BYTES_GOAL:.0} B: {met})")
                    }
                    _ => println!(),
                }
            }
        }
        true
    }
}

impl Sessions {
    fn print_strategies(&self) {
        let Some(random) = self.strategies.first().and_then(|(_, all)| median(all)) else { return };
        let times = |(name, all): &(&'static str, Vec<f64>)| {
            let times = median(all).unwrap_or(f64::NAN) / random;
            (format!("{name} {times:.2}×"), times)
        };
        let all: Vec<(String, f64)> = self.strategies.iter().skip(1).map(times).collect();
        let met = word(all.iter().all(|(_, times)| *times <= STRATEGY_GOAL));
        let told: Vec<&str> = all.iter().map(|(told, _)| told.as_str()).collect();
        println!("K1 by strategy, beside random: {} (goal {STRATEGY_GOAL:.1}×: {met})", told.join(", "));
    }

    fn print_explored(&self) {
        let schedules = self.explored.first().map_or(0.0, |(schedules, _)| *schedules);
        let each: Vec<f64> = self.explored.iter().map(|(_, ns)| *ns).collect();
        let Some(ns) = median(&each) else { return };
        let seconds = ns * schedules / 1e9;
        let met = word(seconds <= EXPLORE_GOAL);
        println!(
            "explore  {schedules:.0} schedules with at most {EXPLORE_DELAYS} delays in {seconds:.2} s (goal {EXPLORE_GOAL:.0} s: {met})"
        );
    }
}

pub fn word(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

fn median(all: &[f64]) -> Option<f64> {
    let mut all = all.to_vec();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}

/// The strategies, the one that they are compared with first.
const STRATEGIES: [&str; 7] = ["random", "walk", "pct", "pos", "surw", "delays", "weather"];
const STRATEGY_GOAL: f64 = 1.2;
/// The bound of the exploration of a stop of three workers, and the seconds that it may take.
const EXPLORE_DELAYS: u64 = 3;
const EXPLORE_GOAL: f64 = 10.0;
/// Sizes of the sessions of K2.
const SIZES: [u64; 5] = [10, 100, 1_000, 10_000, 100_000];
/// Sessions a second on one core, and beside the floor of the same rounds.
const K1_GOAL: f64 = 150_000.0;
const K1_FLOOR_GOAL: f64 = 0.5;
/// What a session of so many processes may take: in all, for each beside the smallest session, and on the heap.
const K2_GOAL_AT: u64 = 10_000;
const K2_MS_GOAL: f64 = 60.0;
const K2_TIMES_GOAL: f64 = 2.5;
const K2_BYTES_GOAL: f64 = 2048.0;
/// What a unit costs, about: it decides only how many are played in a round.
const K1_NS: f64 = 8_000.0;
const W1_NS: f64 = 5_000.0;
