//! The table, the ratios and what went wrong.
use crate::measure::{SEEDS, Sameness};
use crate::peers::{Peer, Role, Workload};

/// All that was measured of one peer.
pub struct Row<'a> {
    pub peer: &'a Peer,
    /// Per workload the cost of a unit in each round.
    pub unit_ns: [Vec<f64>; 6],
    pub parked_bytes: Option<f64>,
    pub sameness: Option<Sameness>,
    pub troubles: Vec<String>,
}

impl<'a> Row<'a> {
    pub fn new(peer: &'a Peer) -> Self {
        let unit_ns = std::array::from_fn(|_| Vec::new());
        Row { peer, unit_ns, parked_bytes: None, sameness: None, troubles: Vec::new() }
    }

    fn median_ns(&self, workload: Workload) -> Option<f64> {
        let mut all = self.unit_ns[workload as usize].clone();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }

    /// How good it is: units a second, or, for W5, tasks a byte.
    fn merit(&self, workload: Workload) -> Option<f64> {
        match workload {
            Workload::W5 => self.parked_bytes.map(|bytes| 1.0 / bytes),
            Workload::W0 | Workload::W1 | Workload::W2 | Workload::W3 | Workload::W4 => {
                self.median_ns(workload).map(|ns| 1e9 / ns)
            }
        }
    }

    fn cells(&self) -> [String; 8] {
        let per_s = |workload, unit: f64| self.merit(workload).map(|merit| merit / unit);
        [
            show(self.median_ns(Workload::W0)),
            show(per_s(Workload::W1, 1.0)),
            show(per_s(Workload::W2, 1e6)),
            show(per_s(Workload::W3, 1e6)),
            show(per_s(Workload::W4, 1e6)),
            show(self.parked_bytes),
            show(self.median_ns(Workload::W5)),
            match &self.sameness {
                Some(same) => format!("{}/{SEEDS}, {}/{SEEDS}", same.again, same.after_others),
                None => "–".to_string(),
            },
        ]
    }
}

/// Prints everything; answers whether all went well.
pub fn print(rows: &[Row<'_>]) -> bool {
    line("peer", &HEAD.map(str::to_string));
    line("---", &HEAD.map(|_| "---:".to_string()));
    for row in rows.iter().filter(|row| row.unit_ns.iter().any(|all| !all.is_empty())) {
        line(row.peer.name, &row.cells());
    }
    println!();
    let of = |role| rows.iter().find(|row| row.peer.role == role);
    let measured = |row: &&Row<'_>| row.merit(Workload::W1).is_some();
    match (of(Role::Ours).filter(measured), of(Role::Floor).filter(measured)) {
        (Some(ours), floor) => {
            ratios("shakedown / best peer", ours, |workload| best(rows, workload));
            ratios("shakedown / floor", ours, |workload| {
                floor.and_then(|floor| Some((floor.merit(workload)?, floor.peer.name)))
            });
        }
        (None, Some(floor)) => {
            println!("Shakedown itself was not measured, so there are no ratios of ours.");
            ratios("floor / best peer", floor, |workload| best(rows, workload));
        }
        (None, None) => println!("Neither Shakedown nor the floor was measured: there are no ratios."),
    }
    let mut whole = true;
    for row in rows {
        for trouble in &row.troubles {
            whole = false;
            println!("TROUBLE {}: {trouble}", row.peer.name);
        }
    }
    whole
}

/// The best published peer for a workload.
fn best<'a>(rows: &[Row<'a>], workload: Workload) -> Option<(f64, &'a str)> {
    let peers = rows.iter().filter(|row| row.peer.role == Role::Peer);
    peers.filter_map(|row| Some((row.merit(workload)?, row.peer.name))).max_by(|a, b| a.0.total_cmp(&b.0))
}

/// Above 1 the first is better, in W0 and W5 too, where less is better.
fn ratios<'a>(title: &str, first: &Row<'_>, second: impl Fn(Workload) -> Option<(f64, &'a str)>) {
    print!("{title:22}");
    for workload in Workload::ALL {
        match (first.merit(workload), second(workload)) {
            (Some(first), Some((second, name))) => {
                print!("  {} {:.2}× ({name})", workload.word().to_uppercase(), first / second);
            }
            (None, _) | (_, None) => print!("  {} –", workload.word().to_uppercase()),
        }
    }
    println!();
}

fn line(name: &str, cells: &[String]) {
    print!("| {name:24} |");
    for (cell, head) in cells.iter().zip(HEAD) {
        print!(" {cell:>width$} |", width = head.chars().count().max(8));
    }
    println!();
}

/// Three significant digits, no exponent.
fn show(value: Option<f64>) -> String {
    match value {
        None => "–".to_string(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) if value >= 0.1 => format!("{value:.2}"),
        Some(value) => format!("{value:.5}"),
    }
}

const HEAD: [&str; 8] = [
    "W0 ns",
    "W1 sims/s",
    "W2 M ev/s",
    "W3 M msg/s",
    "W4 M/s",
    "W5 B/task",
    "W5 ns/task",
    "same run again, after others",
];
